"""Everything that is decided before the first epoch of a training, each decision with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from convscope.data.folds import Fold, take_fold
from convscope.data.splits import Splits
from convscope.engine.device import Device, choose_device
from convscope.engine.training.closed_form import Solver
from convscope.engine.training.memory import check_memory
from convscope.engine.training.settings import FitSettings
from convscope.errors import BackendError, DataError, UsageError
from convscope.kinds.contract.recipe import AnyRecipe
from convscope.kinds.contract.representation import AnyRepresentation
from convscope.kinds.registry import factory
from convscope.option import for_architecture, validated
from convscope.scope.describe.explanation import unseen
from convscope.types import SPLITS, Progress, Say

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
        whole: What was read, before a fold was taken.
        fold: Of a cross-validation.
        parameters: Of the model.
        workers: Processes of a cluster that train it together; None where this one trains it.
    """

    recipe: AnyRecipe
    path: Path
    architecture: str
    options: Mapping[str, Any]
    settings: FitSettings
    splits: Splits
    representation: AnyRepresentation
    decisions: tuple[str, ...]
    device: Device
    whole: Splits
    fold: Fold | None = None
    parameters: int = 0
    workers: int | None = None

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
    given: Mapping[str, Any],
    settings: Mapping[str, Any],
    progress: Progress,
    why: str = "",
    fresh: bool = True,
    fold: Fold | None = None,
    whole: Splits | None = None,
    machines: int = 1,
) -> Plan:
    """Reads the data and decides everything that the user left open.

    Args:
        recipe: What to train.
        path: The data.
        architecture: Its name; None takes the first of the recipe.
        given: Options of the architecture and of the recipe, by name.
        settings: Fields of `FitSettings` that differ from the defaults.
        progress: Receives how many samples were read.
        why: Why this recipe was chosen, where it was detected.
        fresh: Whether the training begins; False where it resumes.
        fold: Of a cross-validation.
        whole: The data, where it was read before.
        machines: Among how many machines the samples of a step are divided.

    Raises:
        DataError, UsageError: The data is malformed, or an option cannot work with it.
    """
    name, options, chosen = _chosen(recipe, architecture, given, settings)
    mine, _ = recipe.divide(options)
    if whole is None:
        whole = recipe.read(path, seed=chosen.seed, progress=progress, **mine)
    splits = whole if fold is None else take_fold(str(path), whole, fold, chosen.seed)
    _check_splits(path, splits)
    representation, decisions = recipe.representation.fit(splits.train, **mine)
    reason = f"the default of {recipe.name}"
    better = None if architecture else recipe.suggest_architecture(representation, splits)
    if better is not None:
        try:
            name, options, chosen = _chosen(recipe, better[0], given, settings)
            reason = f"because {better[1]}"
        except (UsageError, BackendError) as error:  # the first one takes what was given
            reason += f"; not {better[0]}, although {better[1]}: {error.message}"
        mine, _ = recipe.divide(options)
        representation, decisions = recipe.representation.fit(splits.train, **mine)
    options |= splits.reading
    solver = recipe.closed_form.get(name)
    suggested = recipe.suggest_settings(name, splits, representation=representation)
    suited = {key: _with_reason(value, splits) for key, value in suggested.items() if key not in settings}
    chosen = replace(chosen, **{key: value for key, (value, _) in suited.items()})
    if chosen.mixing and not is_numeric(representation):
        raise UsageError(f"mixup needs numeric inputs; {recipe.name} has token ids.", "Leave `mixing` out.")
    device = _device(name, solver, chosen)
    said = (
        *([why] if why else []),
        *([] if architecture else [f"architecture: {name}, {reason}"]),
        *splits.decisions,
        *decisions,
        *(f"{key}: {value}, {why}" for key, (value, why) in suited.items()),
        *(() if solver is None else (solver.decision,)),
        f"precision: {device.policy}, because {device.reason}",
    )
    made = Plan(recipe, path, name, dict(options), chosen, splits, representation, said, device, whole, fold)
    model = made.build()
    if solver is None and not device.accelerator:  # which has memory of its own
        share = -(-min(chosen.batch_size, len(splits.train)) // machines)
        check_memory(model, share, 2 if "16" in device.policy else 4)
    if fresh:
        made.start(model)  # reports what is wrong with it before there is a run
    ends = unseen(model)
    if ends:
        said = (*said, f"unseen: {ends} reach no output of {name}, whose kernels and strides do not fit them")
    return replace(made, decisions=said, parameters=model.count_params())


def _check_splits(path: Path, splits: Splits) -> None:
    """Refuses data that could be trained on, but not tested on afterwards.

    Raises:
        DataError: There is no train or no test sample.
    """
    for name in ("train", "test"):
        if not len(splits[name]):
            why = splits.no_test if name == "test" else ""
            raise DataError(
                f"{path}: no {name} split can be made" + (f": {why}" if why else ""),
                hint=f"Add samples that differ, or give a {name} split in the data, such as folders train/"
                " and test/.",
            )


def _with_reason(suggested: Any, splits: Splits) -> tuple[Any, str]:
    """A suggested value, and why it suits."""
    given = (
        suggested if isinstance(suggested, tuple) else (suggested, f"for {len(splits.train)} train samples")
    )
    return given[0], str(given[1])


def _device(name: str, solver: Solver | None, chosen: FitSettings) -> Device:
    if solver is None:
        return choose_device(chosen.precision)
    return replace(choose_device("float32"), reason=f"{name} {solver.how}, not trained")


def _chosen(
    recipe: AnyRecipe, architecture: str | None, options: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[str, dict[str, Any], FitSettings]:
    """Architecture, options and settings, checked before any data is read."""
    spec = recipe.spec
    name = architecture or spec.architectures[0]
    if name not in spec.architectures:
        raise UsageError(
            f"{recipe.name} has no architecture '{name}'.", f"It has {', '.join(spec.architectures)}."
        )
    known = setting_names()
    usual = spec.settings.get(name, {})
    taken = for_architecture((*spec.options, *spec.model_options), name)
    merged = {key: value for key, value in usual.items() if key not in known}
    merged |= validated(taken, options, f"{recipe.name} with {name}")
    chosen = FitSettings(**{**{key: usual[key] for key in usual if key in known}, **settings})
    _check_used(recipe, chosen)
    solver = recipe.closed_form.get(name)
    if solver is not None:
        solver.check(name, chosen)
    mine, _ = recipe.divide(merged)
    recipe.augmentation(chosen.augmentation, **mine)
    recipe.test_time_views(**mine)
    return name, merged, chosen


def setting_names() -> frozenset[str]:
    """Names of the settings of a training."""
    return frozenset(field.name for field in fields(FitSettings))


def _check_used(recipe: AnyRecipe, settings: FitSettings) -> None:
    """Refuses settings that would change nothing."""
    usual = FitSettings()
    for name in recipe.spec.ignored_settings:
        if getattr(settings, name) != getattr(usual, name):
            raise UsageError(f"{recipe.name} does not support the setting '{name}'.", "Leave it out.")


def is_numeric(representation: AnyRepresentation) -> bool:
    """Whether models take numbers, not ids of tokens."""
    arrays = keras.tree.flatten(representation.example(1))
    return all(np.issubdtype(np.asarray(array).dtype, np.floating) for array in arrays)


def describe(made: Plan, say: Say, *, only_data: bool = False) -> None:
    """Prints what was read and decided.

    Args:
        made: The plan.
        say: Receives each line.
        only_data: Whether no training follows, and so no `run.json` that lists what was skipped.
    """
    splits = made.splits
    counts = made.recipe.report.counts(splits)
    say(f"Read {splits.layout}")
    classes = f" of {len(splits.class_names)} classes" if splits.class_names else ""
    if made.recipe.spec.describes:
        say(f"{len(splits.train):,} {made.recipe.report.counted}, all described")
    else:
        say(", ".join(f"{name} {len(splits[name])}" for name in SPLITS) + classes)
    for class_name in splits.class_names[:SHOWN_CLASSES]:
        say(f"  {class_name}: " + " / ".join(str(counts[name][class_name]) for name in SPLITS))
    if len(splits.class_names) > SHOWN_CLASSES:
        say(f"  and {len(splits.class_names) - SHOWN_CLASSES} more classes, listed in the report")
    for line in made.decisions:
        say(line)
    if made.recipe.spec.describes:
        doing = "Would describe by" if only_data else "Describing by"
    else:
        doing = "Would train" if only_data else "Training"
    say(f"{doing} {made.architecture} with {made.device}")
    for line in splits.warnings:
        say(f"Warning: {line}")
    if splits.skipped and not only_data:
        first = splits.skipped[0]
        say(f"Skipped {len(splits.skipped)} files, listed in run.json: {first.path} ({first.reason}), ...")
