"""What a training would make of a data set: everything but the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from convscope.backend import prepare_backend
from convscope.data.folds import Fold, take_fold
from convscope.data.splits import Split
from convscope.kinds.registry import find_recipe
from convscope.types import SPLITS, InWords, Progress, Say, Skipped, SplitName
from convscope.workflows.start import Request

if TYPE_CHECKING:
    from convscope.workflows.training_plan import Plan

SHOWN_SAMPLES = 2
SHOWN_SKIPPED = 20
_LONGEST = 60


@dataclass(frozen=True)
class SamplePreview:
    """One sample as it was read.

    Args:
        split: Where it is.
        name: The file, or `file#row`.
        label: Its class name, or what else is to be predicted.
        content: What it holds: a text, or the shape, type and range of arrays.
    """

    split: SplitName
    name: str
    label: str
    content: str


@dataclass(frozen=True)
class DataReport:
    """What was read and decided for a training that was not begun.

    Args:
        path: The data.
        recipe: What would be trained.
        architecture: The model that would be trained.
        parameters: Of that model.
        input_shape: Of one sample as the model takes it; None where samples differ in length.
        layout: Which layout was recognized and by what.
        class_names: Sorted names; empty where no classes are predicted.
        counts: Samples of each class in each split, or what else the recipe counts.
        decisions: Every automatic decision with its reason, one line each.
        warnings: One line each.
        skipped: What was left out, with reasons.
        samples: The first samples of each split.
        options: Options of the recipe and of the architecture that are not at their defaults.
    """

    path: str
    recipe: str
    architecture: str
    parameters: int
    input_shape: tuple[int | None, ...]
    layout: str
    class_names: tuple[str, ...]
    counts: Mapping[SplitName, Mapping[str, int]]
    decisions: tuple[str, ...]
    warnings: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    samples: tuple[SamplePreview, ...]
    options: Mapping[str, Any]

    def lines(self) -> Sequence[str]:
        """The first samples and what was left out, in words."""
        shown = [
            f"First of {each.split}: {each.name}{f' [{each.label}]' if each.label else ''}: {each.content}"
            for each in self.samples
        ]
        left_out = [f"Left out {each.path}: {each.reason}" for each in self.skipped[:SHOWN_SKIPPED]]
        more = len(self.skipped) - SHOWN_SKIPPED
        return (*shown, *left_out, *([f"Left out {more} more; --format json lists them"] if more > 0 else []))

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        return plain | {
            "input_shape": list(self.input_shape),
            "counts": {name: dict(counts) for name, counts in self.counts.items()},
            "skipped": [vars(each) for each in self.skipped],
            "samples": [vars(each) for each in self.samples],
            "options": dict(self.options),
        }


def inspect_request(request: Request, progress: Progress, say: Say) -> DataReport:
    """Reads and decides all that a training would before its first epoch.

    Args:
        request: The training.
        progress: Receives each step.
        say: Receives what `train` prints before its first epoch, the first samples, and what was left out.

    Raises:
        DataError, UsageError: As a training.
    """
    prepare_backend()
    from convscope.workflows.training_plan import describe, plan

    made = plan(
        find_recipe(request.spec.name),
        request.path,
        request.architecture,
        request.options,
        request.settings,
        progress,
        request.why,
        fold=None if request.folds is None else Fold(1, request.folds),
    )
    others = range(2, (request.folds or 0) + 1)
    made = replace(made, decisions=(*made.decisions, *(_said_of(made, number) for number in others)))
    describe(made, say, only_data=True)
    report = _report(made)
    for line in report.lines():
        say(line)
    return report


def _said_of(made: Plan, number: int) -> str:
    """What another fold than the first is tested on."""
    fold = Fold(number, made.fold.of if made.fold is not None else number)
    taken = take_fold(str(made.path), made.whole, fold, made.settings.seed)
    return next(line for line in taken.decisions if line.startswith(f"{fold}: "))


def _report(made: Plan) -> DataReport:
    splits = made.splits
    return DataReport(
        str(made.path),
        made.recipe.name,
        made.architecture,
        made.parameters,
        tuple(made.representation.shape),
        splits.layout,
        splits.class_names,
        made.recipe.report.counts(splits),
        tuple(made.decisions),
        tuple(splits.warnings),
        tuple(splits.skipped),
        tuple(_previews(made)),
        dict(made.options),
    )


def _previews(made: Plan) -> Sequence[SamplePreview]:
    """The first samples of each split."""
    names = made.splits.class_names
    found = []
    for name in SPLITS:
        split = made.splits[name]
        if name != "train" and split is made.splits.train:
            continue
        for index in range(min(SHOWN_SAMPLES, len(split))):
            content = shown(split.samples.load(index))
            found.append(SamplePreview(name, split.samples.name(index), _label(split, index, names), content))
    return found


def _label(split: Split, index: int, names: Sequence[str]) -> str:
    label = split.labels[index]
    if np.issubdtype(split.labels.dtype, np.integer) and names:
        return names[label] if label >= 0 else ""
    return shown(label) if label is not None else ""


def shown(value: object) -> str:
    """A sample in a few words: its text, or the shape, type and range of its arrays.

    Example:
        >>> shown(np.array([[0, 255]], np.uint8)), shown("fine"), shown(("a", "b"))
        ('1x2 uint8, 0 to 255', '"fine"', 'a b')
    """
    if isinstance(value, InWords | str):
        return _short(value.in_words) if isinstance(value, InWords) else f'"{_short(value)}"'
    if isinstance(value, np.ndarray) and value.ndim:
        return _array(value)
    if isinstance(value, float | np.floating):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return _short(" ".join(each if isinstance(each, str) else shown(each) for each in value[:_LONGEST]))
    if is_dataclass(value):
        parts = ((each.name, getattr(value, each.name)) for each in fields(value))
        return "; ".join(f"{name} {shown(part)}" for name, part in parts if _says_something(part))
    return _short(str(value))


def _says_something(part: object) -> bool:
    if part is False:
        return False
    return isinstance(part, str | list | tuple | np.ndarray | int | float) and np.size(part) > 0


def _array(values: np.ndarray[Any, Any]) -> str:
    what = f"{'x'.join(map(str, values.shape))} {values.dtype}"
    if not values.size or values.dtype.kind not in "iufM":
        return what
    if values.dtype.kind == "M":
        return f"{what}, {values.min()} to {values.max()}"
    missing = int(np.sum(np.isnan(values))) if values.dtype.kind == "f" else 0
    if missing == values.size:
        return f"{what}, all missing"
    said = f", {missing} missing" if missing else ""
    return f"{what}, {np.nanmin(values):g} to {np.nanmax(values):g}{said}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
