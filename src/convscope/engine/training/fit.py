"""One `fit` for every recipe, on Keras' own training loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import keras
import numpy as np

from convscope.engine.device import Device, backend_file
from convscope.engine.training.averaging import EvaluateAveraged
from convscope.engine.training.batches import Advance, Batch, Batches, Prefetched
from convscope.engine.training.checkpoint import Row, read_checkpoint, set_state, state_of
from convscope.engine.training.objective import CLASSIFY, Objective
from convscope.engine.training.run_callback import GoesOn, RunCallback, always
from convscope.engine.training.settings import FitSettings
from convscope.engine.training.shares import (
    ALONE,
    WorkerRank,
    check_samples_first,
    evaluated_by_all,
    shared_by,
)
from convscope.engine.training.sparse_inputs import multiplied_sparsely
from convscope.errors import BackendError, install_command
from convscope.types import Array, Progress, Say, no_progress, silent

MOST_AT_ONCE = 64
"""Epochs within one call of the backend at most."""
KEPT_BYTES = 2**26
"""Memory for the weights that these epochs leave."""
TRIED = 100
"""Epochs after which several starts are compared."""
SECONDS = 0.25
"""How long such a call should take: as often, what is new is said and written."""


def _started(model: keras.Model, start: Callable[[keras.Model], None]) -> list[Row]:
    """Changes a fresh model, which has no history."""
    start(model)
    return []


def _as_built(model: keras.Model) -> None:
    """Changes nothing."""


def fit(
    build: Callable[[], keras.Model],
    train: Batches,
    validation: Batches,
    settings: FitSettings,
    device: Device,
    folder: Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: Progress = no_progress,
    objective: Objective = CLASSIFY,
    start: Callable[[keras.Model], None] = _as_built,
    say: Say = silent,
    goes_on: GoesOn = always,
    worker: WorkerRank = ALONE,
) -> list[Row]:
    """Trains a fresh model, or continues from a checkpoint.

    Args:
        build: Makes the model, under the device's dtype policy and in float32.
        train: Samples to learn from.
        validation: Samples to choose the best weights by.
        settings: How to train.
        device: Where to train, and in which precision.
        folder: The run folder; gets `model.keras`, `history.csv` and `checkpoints/`.
        callbacks: Keras callbacks besides, whose state is theirs to restore.
        progress: Called after each step.
        objective: The loss, and how the best epoch is chosen.
        start: Changes a fresh model before its first step, such as to weights from elsewhere.
        say: Receives a line after each epoch.
        goes_on: As `RunCallback`.
        worker: This process, where several train together; the first one writes the run.

    Returns:
        One row of history per epoch; the best of them is what `model.keras` holds.

    Raises:
        RunError, UsageError: The loss is not finite, or the checkpoint or the number of workers does not fit.
    """
    with shared_by(worker):
        model = _compiled(build, device.policy, objective, settings, train.steps)
        rows = read_checkpoint(folder / "checkpoints", model) or _started(model, start)
    portable, writes, steps = _built(build, "float32"), worker.writes, train.steps
    callback = RunCallback(folder, portable, rows, settings, objective, steps, progress, say, goes_on, writes)
    if len(rows) < settings.epochs and not callback.is_over():
        fresh = _starts(build, device.policy, settings.seed, 1 if rows else objective.starts)
        others = [*callbacks, *(_extra(settings, folder) if writes else ())]
        with shared_by(worker):
            _run(model, train, validation, settings, callback, others, rows, fresh, worker)
    callback.close()
    return rows


def _compiled(
    build: Callable[[], keras.Model], policy: str, objective: Objective, settings: FitSettings, steps: int
) -> keras.Model:
    """A fresh model with the random numbers of its seed, ready to be trained."""
    keras.utils.set_random_seed(settings.seed)
    model = _built(build, policy)
    objective.compile(model, settings, steps)
    return model


def _built(build: Callable[[], keras.Model], policy: str) -> keras.Model:
    with _policy(policy):
        return build()


def _starts(
    build: Callable[[], keras.Model], policy: str, seed: int, count: int
) -> list[Callable[[], list[Array]]]:
    """What makes the weights of each fresh model but the first of so many."""

    def weights(number: int) -> list[Array]:
        keras.utils.set_random_seed(int(np.random.SeedSequence([seed, number]).generate_state(1)[0]))
        found: list[Array] = _built(build, policy).get_weights()
        keras.utils.set_random_seed(seed)
        return found

    return [partial(weights, number) for number in range(1, count)]


def _run(
    model: keras.Model,
    train: Batches,
    validation: Batches,
    settings: FitSettings,
    run_callback: RunCallback,
    others: list[keras.callbacks.Callback],
    rows: Sequence[Row],
    fresh: Sequence[Callable[[], list[Array]]],
    worker: WorkerRank,
) -> None:
    constant, judged = train.constant, validation.constant
    if constant is not None and worker.count > 1:
        check_samples_first(constant, train.step_size)
    endless = worker.shares(train.shuffled(len(rows)), train.step_size)
    batches = Prefetched(iter(()) if constant is not None else endless)
    try:
        with (
            backend_file().accelerated(model),
            multiplied_sparsely(model, constant, judged),
            evaluated_by_all(model, worker),
        ):
            plain = not others and not settings.averaging
            if constant is not None and judged is not None and (fresh or plain):
                most, advance = _whole_epochs(model, constant, judged[:2], settings)
                _choose_start(model, fresh, advance, most, min(TRIED, settings.epochs))
                if plain:
                    _run_whole(model, advance, most, settings, run_callback, rows)
                    return
            model.fit(
                _steps(train, batches, settings) if constant is None else backend_file().repeated(constant),
                epochs=settings.epochs,
                initial_epoch=len(rows),
                steps_per_epoch=train.steps,
                validation_data=_passes(validation),
                validation_steps=validation.steps,
                callbacks=[*worker.callbacks, EvaluateAveraged(), run_callback, *others],
                shuffle=False,
                verbose=0,
            )
    except Exception:
        if batches.failure is not None:  # what Keras raises in its place hides what is wrong
            raise batches.failure from None
        raise
    finally:
        batches.close()
        run_callback.write()


def _whole_epochs(
    model: keras.Model, train: Batch, validation: Batch, settings: FitSettings
) -> tuple[int, Advance]:
    """How many epochs of one step one call of the backend may take, and what takes them."""
    size = sum(int(keras.ops.size(weight)) for weight in model.weights) * 4
    most = max(1, min(MOST_AT_ONCE, KEPT_BYTES // max(size, 1)))
    return most, backend_file().whole_epochs(model, train, validation, most, settings.seed)


def _choose_start(
    model: keras.Model, fresh: Sequence[Callable[[], list[Array]]], advance: Advance, most: int, epochs: int
) -> None:
    """Puts a model where that of several starts is which has the lowest loss after some epochs.

    Args:
        model: Compiled; one of the starts.
        fresh: The weights of each other start.
        advance: Takes epochs.
        most: Epochs that it takes at once, at most.
        epochs: After how many losses are compared.
    """
    if not fresh:
        return
    first, losses, starts = state_of(model), [], []
    for weights in (model.get_weights(), *(each() for each in fresh)):
        set_state(model, first)
        model.set_weights(weights)
        starts.append(weights)
        for begin in range(0, epochs, most):
            found, _ = advance(begin, min(most, epochs - begin))
        losses.append(found[-1]["val_loss"])
    set_state(model, first)
    model.set_weights(starts[int(np.argmin(np.nan_to_num(losses, nan=np.inf)))])


def _run_whole(
    model: keras.Model,
    advance: Advance,
    most: int,
    settings: FitSettings,
    callback: RunCallback,
    rows: Sequence[Row],
) -> None:
    """Trains by epochs of one step over the same batch, many of them in one call of the backend.

    Between two steps of Keras' own loop there is more to do than in a step over a small graph: iterators,
    callbacks, copies of weights. History, best epoch, patience and checkpoints are those of that loop.

    Args:
        model: Compiled.
        advance: Takes epochs.
        most: Epochs that it takes at once, at most.
        settings: Epochs and seed are read.
        callback: Notes what each epoch has left.
        rows: History, to which the callback appends.

    Raises:
        RunError: The loss is not finite; what earlier epochs left stays as it is.
    """
    callback.set_model(model)
    count = 1
    while len(rows) < settings.epochs and not callback.is_over():
        count = min(count, most, settings.epochs - len(rows))
        before, begun = state_of(model), time.monotonic()
        found, kept = advance(len(rows), count)
        seconds = (time.monotonic() - begun) / count
        used = callback.counting(found)
        if 0 < used < count:  # so that the model is where the last that counts leaves it
            set_state(model, before)
            found, kept = advance(len(rows), used)
        callback.epochs_ended([{**row, "seconds": round(seconds, 6)} for row in found], kept)
        count = min(4 * count, max(1, int(SECONDS / max(seconds, 1e-6))))


def _steps(train: Batches, batches: Iterator[Batch], settings: FitSettings) -> Iterable[Batch]:
    """Batches of a training, as Keras takes them."""
    first = np.arange(min(train.batch_size, len(train.examples)))
    example = train.examples.batch(first, np.random.default_rng(settings.seed))
    return backend_file().endless(batches, example, train.ragged)


def _passes(batches: Batches) -> Iterable[Batch]:
    """A split that is evaluated again and again, each time from its first batch to its last.

    Keras makes a new iterator for each time. One over a generator goes on where the one before had read
    ahead to, and on TensorFlow both may read from it at once, so that some samples count twice and others
    never.
    """
    constant = batches.constant
    if constant is not None:
        return backend_file().repeated(constant[:2], 1)
    passes = _Passes(batches)
    if not batches.ragged:
        return passes
    return backend_file().ragged(passes, batches.examples.batch(np.arange(1), None))


class _Passes(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches by their number."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self._batches, self._order = batches, batches.order

    def __len__(self) -> int:
        return self._batches.steps

    def __getitem__(self, number: int) -> Batch:
        start = number * self._batches.batch_size
        return self._batches.examples.batch(self._order[start : start + self._batches.batch_size], None)

    def __iter__(self) -> Iterator[Batch]:
        return (self[number] for number in range(len(self)))


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
            f"TensorBoard is not installed: {error}.", f"Install it: {install_command('tensorboard')}"
        ) from error
