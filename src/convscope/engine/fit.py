"""One `fit` for every recipe, on Keras' own training loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import keras

from convscope.engine.checkpoint import Row, read_checkpoint
from convscope.engine.device import Device, backend_file
from convscope.engine.feed import Batch, Feed, Prefetched
from convscope.engine.keeper import Keeper, write_history
from convscope.engine.settings import FitSettings
from convscope.errors import BackendError
from convscope.kinds import Progress, no_progress


def fit(
    build: Callable[[], keras.Model],
    train: Feed,
    validation: Feed,
    settings: FitSettings,
    device: Device,
    folder: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: Progress = no_progress,
) -> list[Row]:
    """Trains a fresh model, or goes on where the checkpoint in the folder stopped.

    Args:
        build: Makes the model; is called under the device's dtype policy, and once more in float32.
        train: Samples to learn from.
        validation: Samples to choose the best weights by.
        settings: How to train.
        device: Where to train, and in which precision.
        folder: The run folder; gets `model.keras`, `history.csv` and `checkpoints/`.
        callbacks: Any Keras callbacks besides. What state they keep is theirs to restore on a resume.
        progress: Is told each step.

    Returns:
        One row of history per epoch; the best of them is what `model.keras` holds.

    Raises:
        RunError: The loss is no longer a number, or the checkpoint does not fit.
    """
    keras.utils.set_random_seed(settings.seed)
    with _policy(device.policy):
        model = build()
    with _policy("float32"):
        portable = build()
    compile_model(model, settings, train.steps)
    rows = read_checkpoint(folder / "checkpoints", model)
    keeper = Keeper(folder, portable, rows, settings, train.steps, progress)
    if len(rows) < settings.epochs and not keeper.finished():
        _run(model, train, validation, settings, [keeper, *callbacks, *_extra(settings, folder)], len(rows))
    write_history(folder / "history.csv", rows)
    return rows


def compile_model(model: keras.Model, settings: FitSettings, steps: int) -> None:
    """Compiles a classifier: Adam, categorical cross-entropy, accuracy.

    Args:
        model: From samples to probabilities.
        settings: Learning rate, schedule, weight decay and label smoothing are read.
        steps: Steps per epoch.
    """
    model.compile(
        optimizer=keras.optimizers.Adam(
            _schedule(settings, steps * settings.epochs), weight_decay=settings.weight_decay or None
        ),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
        metrics=["accuracy"],
    )
    model.optimizer.build(model.trainable_variables)


def _schedule(settings: FitSettings, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if settings.schedule == "constant":
        return settings.learning_rate
    warmup = math.floor(settings.warmup * steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=settings.learning_rate / 25 if warmup else settings.learning_rate,
        decay_steps=max(1, steps - warmup),
        warmup_target=settings.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


def _run(
    model: keras.Model,
    train: Feed,
    validation: Feed,
    settings: FitSettings,
    callbacks: list[keras.callbacks.Callback],
    first_epoch: int,
) -> None:
    batches = Prefetched(train.training(first_epoch))
    try:
        with backend_file().accelerated(model):
            model.fit(
                _generator(batches),
                epochs=settings.epochs,
                initial_epoch=first_epoch,
                steps_per_epoch=train.steps,
                validation_data=_generator(validation.repeated()),
                validation_steps=validation.steps,
                callbacks=callbacks,
                shuffle=False,
                verbose=0,
            )
    finally:
        batches.close()


def _generator(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Keras takes endless input only from a generator proper."""
    yield from batches


@contextmanager
def _policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _extra(settings: FitSettings, folder: Path) -> list[keras.callbacks.Callback]:
    if not settings.tensorboard:
        return []
    try:
        return [keras.callbacks.TensorBoard(str(folder / "tensorboard"))]
    except ImportError as error:
        raise BackendError(
            f"TensorBoard is not installed: {error}.", 'Install it: pip install "convscope[tensorboard]"'
        ) from error
