"""The steps of a training, whatever the recipe: read, represent, fit, judge, report."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np

from convscope.data.splits import Split, Splits
from convscope.engine.device import Device, choose_device, machine, versions
from convscope.engine.training.batches import Batches
from convscope.engine.training.checkpoint import Row
from convscope.engine.training.closed_form import Solver, solve
from convscope.engine.training.fit import fit
from convscope.engine.training.settings import FitSettings
from convscope.errors import RunError, UsageError
from convscope.files import written_whole
from convscope.kinds.contract.recipe import AnyRecipe, ExampleContext, Fitted
from convscope.kinds.contract.representation import Representation
from convscope.kinds.registry import factory
from convscope.run import SPACE_NEEDED, Run, check_writable
from convscope.types import SPLITS, Progress, Say
from convscope.workflows.report import report

SPACE_PER_PARAMETER = 40
"""Bytes on disk: two model files and two checkpoints of weights and Adam's two moments, while one replaces
the other."""
SHOWN_CLASSES = 30


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before the first epoch.

    Args:
        recipe: How.
        path: The data.
        architecture: Name of the architecture.
        options: Options of the architecture and of the representation (`size`), by name.
        settings: How to fit.
        splits: What was read.
        representation: Fitted on the train split.
        decisions: Every automatic decision with its reason.
        device: Where, and in which precision.
        parameters: Of the model.
    """

    recipe: AnyRecipe
    path: Path
    architecture: str
    options: Mapping[str, Any]
    settings: FitSettings
    splits: Splits
    representation: Representation
    decisions: tuple[str, ...]
    device: Device
    parameters: int = 0

    @property
    def solver(self) -> Solver | None:
        """How the architecture is solved; None where it is trained step by step."""
        return self.recipe.closed_form.get(self.architecture)

    def build(self) -> keras.Model:
        """A fresh model."""
        _, options = self.recipe.divide(self.options)
        names = self.splits.class_names
        return self.recipe.build(factory(self.architecture), self.representation, names, options)

    def start(self, model: keras.Model) -> None:
        """Changes a fresh model before its first step, where the recipe does so."""
        self.recipe.start(model, self.representation, **self.recipe.divide(self.options)[0])


def plan(
    recipe: AnyRecipe,
    path: Path,
    architecture: str | None,
    options: Mapping[str, Any],
    settings: Mapping[str, Any],
    progress: Progress,
    why: str = "",
    fresh: bool = True,
) -> Plan:
    """Reads the data and settles everything that the user left open.

    Args:
        recipe: How.
        path: The data.
        architecture: Its name; None takes the first of the recipe.
        options: Of the architecture and of the recipe, by name.
        settings: Fields of `FitSettings` that differ from the defaults.
        progress: Is told how far it is.
        why: The reason for the recipe, where it was chosen by looking.
        fresh: Whether the training begins, and does not go on.

    Raises:
        DataError: The data is malformed.
        UsageError: An option cannot work with this data.
    """
    name = architecture or recipe.spec.architectures[0]
    if name not in recipe.spec.architectures:
        raise UsageError(
            f"{recipe.name} has no architecture '{name}'.", f"It has {', '.join(recipe.spec.architectures)}."
        )
    usual = recipe.spec.settings.get(name, {})
    known = {field.name for field in fields(FitSettings)}
    usual_settings = {key: value for key, value in usual.items() if key in known}
    usual_options = {key: value for key, value in usual.items() if key not in known}
    options = {**usual_options, **options}
    chosen = FitSettings(**{**usual_settings, **settings})
    _check_used(recipe, chosen)
    solver = recipe.closed_form.get(name)
    if solver is not None:
        solver.check(name, chosen)
    mine, _ = recipe.divide(options)
    recipe.augmentation(chosen.augmentation, **mine)  # bad values are told before anything is read
    recipe.test_time_views(**mine)
    splits = recipe.read(path, seed=chosen.seed, progress=progress, **mine)
    suited = {
        key: value for key, value in recipe.suggest_settings(name, splits).items() if key not in settings
    }
    chosen = replace(chosen, **suited)
    by_amount = [
        f"{key}: {value}, which suits {len(splits.train)} train samples" for key, value in suited.items()
    ]
    representation, decisions = recipe.representation.fit(splits.train, **mine)
    if chosen.mixing and not _can_be_blended(representation):
        raise UsageError(f"mixup needs numeric inputs; {recipe.name} has token ids.", "Leave `mixing` out.")
    by_default = () if architecture else (f"architecture: {name}, the default of {recipe.name}",)
    by_look = (why,) if why else ()
    device = choose_device(chosen.precision)
    if solver is not None:
        device = replace(choose_device("float32"), reason=f"{name} is solved, not trained")
    made = Plan(
        recipe,
        path,
        name,
        dict(options),
        chosen,
        splits,
        representation,
        (
            *by_look,
            *by_default,
            *splits.decisions,
            *decisions,
            *by_amount,
            *(() if solver is None else (solver.decision,)),
            f"precision: {device.policy}, because {device.reason}",
        ),
        device,
    )
    model = made.build()
    if fresh:
        made.start(model)  # what is wrong with it is told before there is a run
    return replace(made, parameters=model.count_params())


def _check_used(recipe: AnyRecipe, settings: FitSettings) -> None:
    """Refuses settings that would change nothing."""
    usual = FitSettings()
    for name in recipe.spec.ignored_settings:
        if getattr(settings, name) != getattr(usual, name):
            raise UsageError(f"{recipe.name} does not support the setting '{name}'.", "Leave it out.")


def _can_be_blended(representation: Representation) -> bool:
    arrays = keras.tree.flatten(representation.example(1))
    return all(np.issubdtype(np.asarray(array).dtype, np.floating) for array in arrays)


def describe(made: Plan, say: Say) -> None:
    """Tells the user what was found and decided."""
    splits = made.splits
    counts = made.recipe.report.counts(splits)
    say(f"Read {splits.layout}")
    classes = f" of {len(splits.class_names)} classes" if splits.class_names else ""
    say(", ".join(f"{name} {len(splits[name])}" for name in SPLITS) + classes)
    for class_name in splits.class_names[:SHOWN_CLASSES]:
        say(f"  {class_name}: " + " / ".join(str(counts[name][class_name]) for name in SPLITS))
    if len(splits.class_names) > SHOWN_CLASSES:
        say(f"  and {len(splits.class_names) - SHOWN_CLASSES} more classes, listed in the report")
    for line in made.decisions:
        say(line)
    say(f"Training {made.architecture} with {made.device}")
    for line in splits.warnings:
        say(f"Warning: {line}")
    if splits.skipped:
        first = splits.skipped[0]
        say(f"Skipped {len(splits.skipped)} files, listed in run.json: {first.path} ({first.reason}), ...")


def carry_out(made: Plan, run: Run, callbacks: Sequence[keras.callbacks.Callback], progress: Progress) -> Run:
    """Fits, judges and reports; goes on from the run's checkpoint where there is one.

    Raises:
        RunError: The run belongs to other data or settings, or the loss is no longer a number.
        UsageError: There are callbacks, and no epochs that they could follow.
    """
    if callbacks and made.solver is not None:
        run.discard_if_empty()
        raise UsageError(
            f"{made.architecture} is solved in closed form and has no epochs that callbacks could follow. "
            f"Received: {len(callbacks)} callbacks.",
            "Leave them out.",
        )
    check_writable(run.folder, SPACE_NEEDED + SPACE_PER_PARAMETER * made.parameters)
    record = _record(made)
    if (run.folder / "run.json").exists():
        record["started"] = _check_same(run, record)
    run.write("representation.json", made.representation.to_json())
    _write_splits(run.folder / "splits.csv", made.splits)
    run.write_record({**record, "status": "training"})
    objective = made.recipe.objective
    rows = _learned(made, run, callbacks, progress)
    model = keras.models.load_model(run.model_path)
    options = made.recipe.divide(made.options)[0]
    names = made.splits.class_names
    fitted = Fitted(model, made.representation, names, options, made.recipe.test_time_views(**options))
    if made.recipe.calibrate is not None:
        found = made.recipe.calibrate(fitted, made.splits.validation, progress)
        run.write("calibration.json", dict(found))
        fitted = replace(fitted, calibration=run.calibration())  # as every later use will read it
    outputs = made.recipe.predict(fitted, made.splits.test.samples, progress)
    metrics = made.recipe.evaluate(outputs, made.splits.test, names)
    run.write("metrics.json", {"test": metrics.to_json(), "best_epoch": rows[objective.best_epoch(rows)]})
    seconds = round(sum(row["seconds"] for row in rows), 1)
    complete = {**record, "status": "complete", "epochs": len(rows), "training_seconds": seconds}
    report(run, complete, made.recipe, fitted, made.splits, rows, metrics, outputs)
    run.write_record(complete)
    shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)
    return run


def _learned(
    made: Plan, run: Run, callbacks: Sequence[keras.callbacks.Callback], progress: Progress
) -> list[Row]:
    """Sets the weights, step by step or at once; the rows of history."""
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
    """Batches of a split; of the train split with random changes and weights, where they are asked for."""
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
        "recipe": made.recipe.name,
        "architecture": made.architecture,
        "options": dict(made.options),
        "settings": made.settings.to_json() if made.solver is None else made.solver.record(made.settings),
        "class_names": list(splits.class_names),
        "data": {
            "path": str(made.path.resolve()),
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


def _write_splits(path: Path, splits: Splits) -> None:
    """Writes one CSV line per sample: its name, its class name where it has one, and its split.

    A reader makes the splits that the data lacks; this file says which sample went where. Samples of
    train that are those of validation too are listed once.
    """
    with written_whole(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "label", "split"))
        for name in SPLITS:
            split = splits[name]
            if name == "validation" and split is splits.train:
                continue
            single = np.issubdtype(split.labels.dtype, np.integer)
            for i, label in enumerate(split.labels):
                said = splits.class_names[label] if single else ""
                writer.writerow((split.samples.name(i), said, name))


def _check_same(run: Run, record: dict[str, Any]) -> str:
    """Refuses what would not continue the same training; gives the time that it was first started at."""
    old = run.record()
    if old["data"]["fingerprint"] != record["data"]["fingerprint"]:
        raise RunError(
            f"The data at {record['data']['path']} has changed since {run.folder} was started.",
            "Restore it, or train anew.",
        )
    for name in ("backend", "policy"):
        if old["device"][name] != record["device"][name]:
            raise RunError(
                f"{run.folder} was started with {name} {old['device'][name]}, and this machine would go on "
                f"with {record['device'][name]}.",
                "Resume with the same backend and precision.",
            )
    return str(old["started"])
