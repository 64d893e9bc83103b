"""What a recipe is: a value that names every step from a path to an evaluated prediction."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from inspect import signature
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.excel_rows import chosen_sheet
from convscope.data.named_files import check_regular
from convscope.data.parse_errors import disk_as_data_error
from convscope.data.splits import Samples, Split, Splits
from convscope.engine.inference.infer import BatchView
from convscope.engine.training.batches import Examples
from convscope.engine.training.closed_form import Solver
from convscope.engine.training.objective import Objective
from convscope.engine.training.settings import FitSettings
from convscope.errors import RunError
from convscope.kinds.contract.kind import RecipeSpec
from convscope.kinds.contract.representation import AnyRepresentation, SampleDescription
from convscope.kinds.contract.windows import SampleParts, WindowSteps
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.pages.report import Finding, Mistake
from convscope.lenses.pages.report_texts import Score
from convscope.types import Progress, Skipped, SplitName

R = TypeVar("R", bound=AnyRepresentation)
R_co = TypeVar("R_co", bound=AnyRepresentation, covariant=True)
P = TypeVar("P")
T = TypeVar("T")

MOST_VALUES = 2**28
"""Of one sample, that a saved representation may ask for."""

Augmentation = Callable[[Any, np.random.Generator], Any]
"""From a batch of encoded samples and a random generator to a changed batch."""


class Inputs(Samples, Protocol):
    """Unlabeled samples that `predict` is called with."""

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was found and left out."""


class Prediction(Protocol):
    """What a model predicts for one sample."""

    @property
    def name(self) -> str:
        """The sample."""

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""

    def to_row(self) -> dict[str, str]:
        """Text by column, for a table that programs read."""

    def to_cells(self) -> dict[str, str]:
        """Text by heading, for a table that people read."""


class Metrics(Protocol):
    """How good the predictions for a split are."""

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headings and rows, such as one row per class; no rows where there is nothing to list."""

    def to_line(self) -> str:
        """The metrics of the whole split in one line."""

    def to_scores(self) -> Sequence[Score]:
        """What stands at the top of a report; nothing where the report knows by itself."""


@runtime_checkable
class Compared(Protocol):
    """Metrics whose table has a row for the model and one for each of what is judged beside it."""

    @property
    def beside(self) -> Sequence[object]:
        """The others."""


class ModelFactory(Protocol):
    """Makes a fresh model of one architecture."""

    def __call__(
        self, input_shape: tuple[int | None, ...], classes: int | None = None, **options: Any
    ) -> keras.Model:
        """An uncompiled model for samples of that shape."""


@dataclass(frozen=True, eq=False)
class Fitted(Generic[R_co]):
    """A model with all that is needed to predict.

    Args:
        model: The trained model.
        representation: How samples become its inputs.
        class_names: What its outputs mean.
        options: Options of the recipe by name, defaults included where the recipe has some.
        test_time_views: Other ways of seeing a batch, over which predictions are averaged.
        calibration: What `Recipe.calibrate` found, plain values; empty where the recipe has none.
    """

    model: keras.Model
    representation: R_co
    class_names: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    test_time_views: Sequence[BatchView] = ()
    calibration: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class SampleInputs:
    """Samples as the model takes them, to be looked at.

    Args:
        take: From positions to model inputs, samples along the first axis.
        describe: What is needed to draw a sample besides.
        notes: What is shown of samples, where that is not all of them; one line each.
        parts: Of samples that are larger than what a model takes; None where all of them is taken.
    """

    take: Callable[[npt.NDArray[np.int64]], Any]
    describe: Callable[[int], SampleDescription]
    notes: tuple[str, ...] = ()
    parts: SampleParts | None = None


@dataclass(frozen=True)
class ExampleContext(Generic[R_co]):
    """What training examples are made of.

    Args:
        representation: How samples become inputs.
        split: The samples.
        class_names: What the labels mean.
        settings: Settings of the training.
        augment: Random changes, for the train split; None leaves the samples as they are.
        training: Whether it is the train split.
        progress: Receives the number of encoded samples.
    """

    representation: R_co
    split: Split
    class_names: tuple[str, ...]
    settings: FitSettings
    augment: Augmentation | None
    training: bool
    progress: Progress


@dataclass(frozen=True)
class RepresentationSteps(Generic[R]):
    """How the representation of a recipe is made.

    Args:
        fit: `(train split, **options)` to a representation and the decisions made, one line each.
        from_json: From the plain values that a representation saved.
    """

    fit: Callable[..., tuple[R, Sequence[str]]]
    from_json: Callable[[Any], R]

    def __post_init__(self) -> None:
        object.__setattr__(self, "fit", accepting(self.fit))
        object.__setattr__(self, "from_json", _bounded(self.from_json))


@dataclass(frozen=True)
class ReportSteps(Generic[R, P]):
    """What a recipe adds to the report of a run.

    Args:
        counted: What `counts` counts, such as `entities`.
        counts: The number of each class in each split.
        mistakes: `(outputs, split, class_names)` to the worst predictions.
        example_samples: Some train samples under the name of each class.
        plot_predictions: `(fitted, samples, labels or None, progress)` to figures of the predictions, drawn
            over the first samples as they were read. None where predictions are no more than a class or a
            text.
        findings: From the outputs to sections of the report, of a recipe that describes its samples.
        plot_outputs: `(outputs, split, class_names)` to figures of the outputs for the test split, such as
            those of the worst samples; in place of `plot_predictions`.
    """

    counted: str
    counts: Callable[[Splits], Mapping[SplitName, Mapping[str, int]]]
    mistakes: Callable[[P, Split, Sequence[str]], Sequence[Mistake]]
    example_samples: Callable[[Splits], Sequence[tuple[str, Sequence[Any]]]]
    plot_predictions: Callable[[Fitted[R], Samples, Any, Progress], Sequence[LazyFigure]] | None = None
    findings: Callable[[P], Sequence[Finding]] | None = None
    plot_outputs: Callable[[P, Split, Sequence[str]], Sequence[LazyFigure]] | None = None


def same_labels(split: Split, found: Sequence[str], known: Sequence[str]) -> Split:
    """Aligns labels that are names or texts: they mean the same to every model."""
    return split


def accepting(step: Callable[..., T]) -> Callable[..., T]:
    """A step that receives those of its keyword arguments that its signature names.

    Example:
        >>> accepting(lambda path, *, seed=0: (path, seed))("data", seed=3, size=32)
        ('data', 3)
    """
    try:
        parameters = signature(step).parameters.values()
    except (TypeError, ValueError):  # one in C says nothing of its arguments: it receives them all
        return step
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return step
    names = {each.name for each in parameters}

    @wraps(step)
    def call(*args: Any, **options: Any) -> T:
        return step(*args, **{name: value for name, value in options.items() if name in names})

    return call


def _from_disk(step: Callable[..., T]) -> Callable[..., T]:
    """A step that reads paths, by which no pipe is waited for and whatever the disk refuses is an error.

    Workbooks are read from the sheet that its options choose.
    """

    @wraps(step)
    def call(paths: Any, **options: Any) -> T:
        check_regular([paths] if isinstance(paths, str | os.PathLike) else paths)
        with disk_as_data_error(), chosen_sheet(options.get("sheet")):
            return step(paths, **options)

    return call


def _bounded(load: Callable[[Any], R]) -> Callable[[Any], R]:
    """A step that loads a representation, by which no memory is taken for sizes that cannot be."""

    def call(saved: Any) -> R:
        loaded = load(saved)
        shape = loaded.shape
        if math.prod(length or 1 for length in shape) > MOST_VALUES:
            size = "x".join(str(length or "?") for length in shape)
            raise RunError(
                f"A saved representation is damaged: a sample of {size} has more than {MOST_VALUES:,} values."
            )
        return loaded

    return call


def _no_augmentation(strength: float) -> None:
    """Samples stay as they are."""


def _no_views() -> Sequence[BatchView]:
    """Each sample is seen as it is."""
    return ()


def _random_weights(model: keras.Model, representation: Any) -> None:
    """A model starts from random weights."""


def _same_settings(architecture: str, splits: Splits) -> Mapping[str, Any]:
    """Settings do not depend on the amount of data."""
    return {}


def _nothing_ignored(representation: object, samples: Samples) -> Sequence[str]:
    """All that samples hold is taken."""
    return ()


def _no_other(representation: Any, splits: Splits) -> None:
    """The first architecture suits any data."""


@dataclass(frozen=True)
class Recipe(Generic[R, P]):
    """One kind and one task: how to read, represent, model, fit, predict and evaluate.

    `R` is the representation, `P` the outputs of the model for several samples in a form of the recipe's own.
    Steps that are called with options receive those that their signature names.

    Args:
        spec: Its name, options and architectures.
        objective: The loss that is minimized, and which epoch is kept.
        read: `(path, seed=, progress=, **options)` to splits of raw samples.
        read_inputs: `(paths, progress=, **options)`: files, folders and globs to samples without labels.
        representation: How samples become model inputs.
        build: `(make, representation, class_names, options)` to a fresh model, where `make` builds the
            architecture.
        examples: What a model learns from.
        predict: `(fitted, samples, progress)` to outputs.
        to_predictions: `(outputs, samples, class_names)` to one prediction or more for each sample.
        evaluate: `(outputs, split, class_names)` to metrics.
        load_metrics: From the plain values of metrics.
        output_names: `(representation, class_names)` to the name of each output; None where they are too
            many.
        encode_inputs: `(fitted, samples, progress)` to samples as the model takes them.
        report: What the report of a run shows.
        align_labels: `(split, its class names, those of the model)` to the split with labels as the model has
            them.
        augmentation: Strength and options to a function of a batch and a random generator; raises
            `UsageError` for options that cannot work.
        test_time_views: Options to other ways of seeing a batch, over which predictions are averaged.
        start: `(model, representation, **options)`: changes a fresh model, such as to pretrained weights.
        closed_form: How those architectures are solved that are not trained step by step, by name.
        suggest_architecture: `(representation, splits)` to an architecture and the reason, or None for the
            first one; asked where the user names none.
        suggest_settings: `(architecture, splits, representation=)` to settings that suit this much data,
            where the user gives none; each a value, or a value and the reason for it.
        stream: `(fitted, binary stream or iterable, say=)` to predictions while it comes; None where that is
            not supported.
        calibrate: `(fitted, validation split, progress)` to what predictions need besides the weights, such
            as a threshold. Called once, with the weights that are kept; gives plain values that JSON can
            hold, which the run keeps as `calibration.json`. None where nothing is needed.
        calibration_optional: Whether a run without `calibration.json` can predict, as older versions wrote
            it, and one whose validation split is the train split.
        uncalibrated: `(outputs, calibration)` to the outputs as they would be without it, so that a training
            can tell what it changes on the test split; None where that is not compared.
        ignored: `(representation, samples)` to a line for each thing that samples hold and the model does not
            take, such as other columns than those of the training.
        windows: How samples that are larger than what a model takes are cut; None where it takes them whole.
        reads_whole: Whether `read` takes `seed=None` for data that is to be judged, as `assemble` does.
    """

    spec: RecipeSpec
    objective: Objective
    read: Callable[..., Splits]
    read_inputs: Callable[..., Inputs]
    representation: RepresentationSteps[R]
    build: Callable[[ModelFactory, R, Sequence[str], Mapping[str, Any]], keras.Model]
    examples: Callable[[ExampleContext[R]], Examples]
    predict: Callable[[Fitted[R], Samples, Progress], P]
    to_predictions: Callable[[P, Samples, Sequence[str]], Sequence[Prediction]]
    evaluate: Callable[[P, Split, Sequence[str]], Metrics]
    load_metrics: Callable[[Mapping[str, Any]], Metrics]
    output_names: Callable[[R, tuple[str, ...]], tuple[str, ...] | None]
    encode_inputs: Callable[[Fitted[R], Samples, Progress], SampleInputs]
    report: ReportSteps[R, P]
    align_labels: Callable[[Split, Sequence[str], Sequence[str]], Split] = same_labels
    augmentation: Callable[..., Augmentation | None] = _no_augmentation
    test_time_views: Callable[..., Sequence[BatchView]] = _no_views
    start: Callable[..., None] = _random_weights
    closed_form: Mapping[str, Solver] = field(default_factory=dict)
    suggest_architecture: Callable[[R, Splits], tuple[str, str] | None] = _no_other
    suggest_settings: Callable[..., Mapping[str, Any]] = _same_settings
    stream: Callable[..., Iterator[Prediction]] | None = None
    calibrate: Callable[[Fitted[R], Split, Progress], Mapping[str, Any]] | None = None
    calibration_optional: bool = False
    uncalibrated: Callable[[P, Mapping[str, Any]], P] | None = None
    ignored: Callable[[R, Samples], Sequence[str]] = _nothing_ignored
    windows: WindowSteps | None = None
    reads_whole: bool = False

    def __post_init__(self) -> None:
        steps = ("read", "read_inputs", "augmentation", "test_time_views", "start", "stream")
        for step in (*steps, "suggest_settings"):
            if getattr(self, step) is not None:
                object.__setattr__(self, step, accepting(getattr(self, step)))
        for step in ("read", "read_inputs"):
            object.__setattr__(self, step, _from_disk(getattr(self, step)))

    @property
    def name(self) -> str:
        """Such as `image-classification`."""
        return self.spec.name

    def divide(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parts values by name: options of the recipe itself, and all others."""
        names = {option.name for option in self.spec.options}
        mine = {name: value for name, value in values.items() if name in names}
        return mine, {name: value for name, value in values.items() if name not in names}


AnyRecipe = Recipe[Any, Any]
"""A recipe whose representation and outputs are its own business."""
