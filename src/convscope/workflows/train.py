"""The steps of a training, whatever the recipe: fit, calibrate, evaluate, report."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import keras
import numpy as np

from convscope.data.splits import Split
from convscope.engine.device import machine, versions
from convscope.engine.training.batches import Batches
from convscope.engine.training.checkpoint import Row
from convscope.engine.training.closed_form import solve
from convscope.engine.training.epoch_weights import epochs_kept
from convscope.engine.training.fit import fit
from convscope.engine.training.run_callback import GoesOn, always
from convscope.engine.training.shares import ALONE, WorkerRank, check_samples_first
from convscope.errors import RunError, UsageError
from convscope.files import file_sha256
from convscope.kept import kept_in
from convscope.kinds.contract.recipe import ExampleContext, Fitted, Metrics
from convscope.run import SPACE_NEEDED, Run, check_writable
from convscope.types import Progress, Say, no_progress, silent
from convscope.workflows.recorded_splits import FILE, write_splits
from convscope.workflows.report import report
from convscope.workflows.training_plan import Plan

SPACE_PER_PARAMETER = 40
"""Bytes on disk: two model files and two checkpoints of weights and Adam's two moments, while one replaces
the other."""

Learning = Callable[[Plan, Run, Sequence[keras.callbacks.Callback], Progress, Say], list[Row]]
"""Sets the weights of a run and leaves its `model.keras`; returns its history."""


def carry_out(
    made: Plan,
    run: Run,
    callbacks: Sequence[keras.callbacks.Callback],
    progress: Progress,
    say: Say = silent,
    say_epoch: Say = silent,
    learning: Learning | None = None,
) -> Run:
    """Fits, evaluates and reports; resumes from the run's checkpoint if there is one.

    Args:
        made: What was decided.
        run: Where.
        callbacks: Of Keras.
        progress: Receives each step.
        say: Receives what is found.
        say_epoch: Receives how each epoch ended.
        learning: Sets the weights in this one's place, such as on a cluster.

    Raises:
        RunError: The run belongs to other data or settings, or the loss is no longer a number.
        UsageError: There are callbacks, and no epochs to call them after.
    """
    record = _entered(made, run, callbacks)
    rows = (learning or _learned)(made, run, callbacks, progress, say_epoch)
    run.require()
    objective = made.recipe.objective
    if made.solver is None:
        kept = objective.best_epoch(rows) + 1
        say(f"Kept the weights of epoch {kept} of {len(rows)}: {objective.kept_by(rows)}")
        _say_epochs(run, say)
    calibrated = _is_calibrated(made)
    fitted = _fitted(made, run, progress)
    outputs = made.recipe.predict(fitted, made.splits.test.samples, progress)
    metrics = made.recipe.evaluate(outputs, made.splits.test, made.splits.class_names)
    measured = _measured(made, fitted, outputs, metrics, rows, say)
    run.write("metrics.json", measured)
    complete = {**record, **_outcome(run, rows), "calibrated": calibrated}
    effect = measured.get("calibration")
    with kept_in(run.folder):
        report(run, complete, made.recipe, fitted, made.splits, rows, metrics, outputs, effect)
    run.require()
    run.write_record(complete)
    forget_steps(run)
    return run


def _outcome(run: Run, rows: Sequence[Row]) -> dict[str, Any]:
    """What the record of a complete run says of its training."""
    return {
        "status": "complete",
        "epochs": len(rows),
        "training_seconds": round(sum(row["seconds"] for row in rows), 1),
        "kept_epochs": epochs_kept(run.folder),
        "model_sha256": file_sha256(run.model_path),
    }


def _fitted(made: Plan, run: Run, progress: Progress) -> Fitted[Any]:
    """The model with its best weights, calibrated where there is something to calibrate by."""
    model = keras.models.load_model(run.model_path)
    options = made.recipe.divide(made.options)[0]
    names, views = made.splits.class_names, made.recipe.test_time_views(**options)
    fitted = Fitted(model, made.representation, names, options, views)
    if made.recipe.calibrate is None or not _is_calibrated(made):
        return fitted
    run.write("calibration.json", dict(made.recipe.calibrate(fitted, made.splits.validation, progress)))
    return replace(fitted, calibration=run.calibration())  # as every later use will read it


def _space_per_parameter(made: Plan) -> int:
    return SPACE_PER_PARAMETER + (4 * made.settings.keep_epochs if made.solver is None else 0)


def _say_epochs(run: Run, say: Say) -> None:
    epochs = epochs_kept(run.folder)
    if epochs:
        listed = ", ".join(map(str, epochs))
        say(f"Kept the weights of epochs {listed} too, for the slider of: convscope studio {run.folder}")


def learn(made: Plan, run: Run, progress: Progress, goes_on: GoesOn) -> list[Row]:
    """Sets the weights and leaves the run unfinished: `carry_out` goes on where this ended.

    Args:
        made: What was decided.
        run: Gets its record, the splits, `model.keras`, `history.csv` and a checkpoint.
        progress: Receives each step.
        goes_on: As `fit` takes it; a model that is solved does not ask.

    Returns:
        The history so far.

    Raises:
        RunError: As `carry_out`.
    """
    _entered(made, run, ())
    return _learned(made, run, (), progress, silent, goes_on)


def learn_together(made: Plan, run: Run, worker: WorkerRank, progress: Progress, say_epoch: Say) -> list[Row]:
    """As `learn`, as one of several processes, in a run that has its record; the first one writes it.

    Returns:
        The whole history, as every process has it.

    Raises:
        RunError, UsageError: As `fit`.
    """
    return _learned(made, run, (), progress, say_epoch, worker=worker)


def check_shareable(made: Plan) -> None:
    """Refuses a training whose steps take something else than batches of samples, before it begins.

    Raises:
        UsageError: As `check_samples_first`.
    """
    few = np.arange(min(len(made.splits.train), made.settings.batch_size))
    train = Split(made.splits.train.samples.take(few), made.splits.train.labels[few])
    examples = _feed(made, train, no_progress, training=True).examples
    some = np.arange(min(len(examples), 2))
    check_samples_first(examples.batch(some, np.random.default_rng(made.settings.seed)), len(some))


def _entered(made: Plan, run: Run, callbacks: Sequence[keras.callbacks.Callback]) -> dict[str, Any]:
    """Writes what can be written before the first step; returns the record."""
    if callbacks and made.solver is not None:
        run.discard_if_empty()
        raise UsageError(
            f"{made.architecture} {made.solver.how}, without epochs, and does not support callbacks. "
            f"Received: {len(callbacks)} callbacks.",
            "Leave `callbacks` out, or name an architecture that is trained by epochs.",
        )
    check_writable(run.folder, SPACE_NEEDED + _space_per_parameter(made) * made.parameters)
    record = _record(made)
    if (run.folder / "run.json").exists():
        record["started"] = _check_same(run, record)
    run.tidy()
    run.write_record({**record, "status": "training"})  # the first file: from now on the run can be resumed
    run.write("representation.json", made.representation.to_json())
    if not (run.folder / FILE).exists():  # a resume may call the same files otherwise
        write_splits(run.folder / FILE, made.splits)
    return record


def _measured(
    made: Plan, fitted: Fitted[Any], outputs: Any, metrics: Metrics, rows: list[Row], say: Say
) -> dict[str, Any]:
    """What the run keeps of its test split, with what the calibration changed there."""
    best = rows[made.recipe.objective.best_epoch(rows)]
    measured: dict[str, Any] = {"test": metrics.to_json(), "best_epoch": best}
    if made.recipe.uncalibrated is not None and fitted.calibration:
        before = made.recipe.uncalibrated(outputs, fitted.calibration)
        evaluated = made.recipe.evaluate(before, made.splits.test, made.splits.class_names)
        measured["calibration"] = _effect(fitted.calibration, evaluated, metrics)
        say(_calibrated(measured["calibration"]))
    return measured


def _effect(calibration: Mapping[str, Any], before: Metrics, after: Metrics) -> dict[str, Any]:
    """What a calibration changes on the test split."""
    old, new = before.to_json(), after.to_json()
    return {
        "temperature": calibration["temperature"],
        "validation_samples": calibration["samples"],
        "test_samples": new["samples"],
        "bins": len(new["reliability"]),
        "error_before": old["expected_calibration_error"],
        "error_after": new["expected_calibration_error"],
    }


def _calibrated(effect: Mapping[str, Any]) -> str:
    return (
        f"Calibrated with temperature {effect['temperature']:.2f} on {effect['validation_samples']}"
        f" validation samples: expected calibration error {effect['error_before']:.3f} before,"
        f" {effect['error_after']:.3f} after, on {effect['test_samples']} test samples"
        f" in {effect['bins']} bins"
    )


def _is_calibrated(made: Plan) -> bool:
    """Whether there is something to calibrate by: samples that were trained on make any model look sure."""
    if made.recipe.calibrate is None:
        return False
    learned = made.splits.validation is made.splits.train or made.solver is not None
    return not made.recipe.calibration_optional or not learned


def forget_steps(run: Run) -> None:
    """Takes away what only an unfinished training needs."""
    shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)
    run.tidy()


def _learned(
    made: Plan,
    run: Run,
    callbacks: Sequence[keras.callbacks.Callback],
    progress: Progress,
    say_epoch: Say,
    goes_on: GoesOn = always,
    worker: WorkerRank = ALONE,
) -> list[Row]:
    """Sets the weights, step by step or in closed form; returns the rows of the history."""
    solver, settings = made.solver, made.settings
    train = _feed(made, made.splits.train, progress, training=solver is None)
    if solver is None:
        validation = _feed(made, made.splits.validation, progress)
        objective = made.recipe.objective
        device = made.device
        return fit(
            made.build,
            train,
            validation,
            settings,
            device,
            run.folder,
            callbacks,
            progress,
            objective,
            made.start,
            say_epoch,
            goes_on,
            worker,
        )
    _, options = made.recipe.divide(made.options)
    more = _feed(made, _without(made.splits.validation, made.splits.train), progress)
    return solve(made.build, solver, train.examples, more.examples, options, settings, run.folder, progress)


def _without(split: Split, other: Split) -> Split:
    """The samples of a split that are not in another one, as all are where there were too few to divide."""
    known = set(other.names())
    apart = np.array([i for i, name in enumerate(split.names()) if name not in known], np.int64)
    return Split(split.samples.take(apart), split.labels[apart])


def _feed(made: Plan, split: Split, progress: Progress, *, training: bool = False) -> Batches:
    """Batches of a split; of the train split augmented and weighted where the settings ask for it."""
    settings, augment = made.settings, None
    if training and settings.augmentation:
        options, _ = made.recipe.divide(made.options)
        augment = made.recipe.augmentation(settings.augmentation, **options)
    names = made.splits.class_names
    context = ExampleContext(made.representation, split, names, settings, augment, training, progress)
    return Batches(made.recipe.examples(context), settings.batch_size, settings.seed)


def _record(made: Plan) -> dict[str, Any]:
    splits = made.splits
    return {
        **({} if made.fold is None else {"fold": made.fold.to_json()}),
        **({} if made.workers is None else {"workers": made.workers}),
        "recipe": made.recipe.name,
        "architecture": made.architecture,
        "options": dict(made.options),
        "settings": made.settings.to_json() if made.solver is None else made.solver.record(made.settings),
        "class_names": list(splits.class_names),
        "data": {
            "path": str(made.path.resolve()),
            "given": str(made.path),
            "fingerprint": splits.fingerprint,
            "layout": splits.layout,
            "counts": made.recipe.report.counts(splits),
            "warnings": list(splits.warnings),
            "skipped": [{"path": s.path, "reason": s.reason} for s in splits.skipped],
        },
        "decisions": list(made.decisions),
        "device": made.device.to_json(),
        "versions": versions(),
        "machine": machine(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _check_same(run: Run, record: dict[str, Any]) -> str:
    """Refuses to resume with other data or another device; returns when the training was started."""
    old = run.record()
    if old["data"]["fingerprint"] != record["data"]["fingerprint"]:
        raise RunError(
            f"The data at {record['data']['path']} has changed since {run.folder} was started.",
            "Restore it, or start a new training.",
        )
    for name in ("backend", "policy"):
        if old["device"][name] != record["device"][name]:
            raise RunError(
                f"{run.folder} was started with {name} {old['device'][name]}; this machine would resume "
                f"with {record['device'][name]}.",
                "Resume with the same backend and precision.",
            )
    return str(old["started"])
