"""What a task is: how a model is made for it, what it learns from, how its answers are judged and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split, Splits
from convscope.engine.training.batches import Examples
from convscope.engine.training.objective import Objective
from convscope.engine.training.settings import FitSettings
from convscope.kinds.contract.representation import Representation
from convscope.lenses.pages.pages import Picture
from convscope.lenses.pages.report import Mistake
from convscope.lenses.pages.report_texts import Score
from convscope.types import Axis, Progress, SplitName


class Answer(Protocol):
    """What a model says about one sample."""

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
    """How good the answers for a split are."""

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headings and rows of figures, such as one row per class; no rows where there is nothing to list."""

    def to_line(self) -> str:
        """The figures of the whole split in one line."""

    def to_scores(self) -> Sequence[Score]:
        """What stands at the top of a report; nothing where the report knows by itself."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model with all that is needed to answer.

    Args:
        model: The trained model.
        representation: How samples become its inputs.
        class_names: What its answers mean.
        options: Options of the recipe by name, defaults included where the recipe has some.
        views: Other ways of seeing a batch, over which an answer is averaged.
        calibration: What `Task.calibrate` found, plain values; empty where the task has none.
    """

    model: keras.Model
    representation: Representation
    class_names: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    views: Sequence[Callable[[Any], Any]] = ()
    calibration: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class SampleInputs:
    """Samples as the model takes them, to be looked at.

    Args:
        take: From positions to model inputs, samples along the first axis.
        tokens: The words of a text, one for each position of the model's input, or for several inputs a
            tuple of words for each; None for other kinds.
        axis: When the positions of a series or a recording are; None for other kinds.
    """

    take: Callable[[npt.NDArray[np.int64]], Any]
    tokens: Callable[[int], Sequence[Any]] | None = None
    axis: Callable[[int], Axis] | None = None


@dataclass(frozen=True)
class ExampleContext:
    """What examples are made of.

    Args:
        representation: How samples become inputs.
        split: The samples.
        class_names: What the labels mean.
        settings: Of the training.
        augment: Random changes, for the train split; None leaves the samples as they are.
        training: Whether it is the train split.
        progress: Is told how many samples were encoded.
    """

    representation: Representation
    split: Split
    class_names: tuple[str, ...]
    settings: FitSettings
    augment: Callable[[Any, Any], Any] | None
    training: bool
    progress: Progress


@dataclass(frozen=True)
class Task:
    """What is predicted, whatever the kind of data.

    Args:
        name: Such as `classification`.
        goal: How a model of it is trained.
        build: `(architecture, representation, class_names, options)` to a fresh model.
        examples: What a model learns from.
        answer: `(fitted, samples, progress)` to answers in a form of the task's own.
        judge: `(answers, split, class_names)` to figures.
        load_judgement: From the plain values of a judgement.
        tell: `(answers, samples, class_names)` to what a person reads, one for each sample.
        mistakes: `(answers, split, class_names)` to the worst of them, for the report.
        outputs: `(representation, class_names)` to the name of each output; None where they are too many.
        align: `(split, its class names, those of the model)` to the split with labels as the model has them.
        counted: What `counts` counts, such as `entities`.
        counts: What there is of each class in each split.
        show: `(fitted, samples, progress)` to samples as the model takes them.
        illustrate: Some train samples under the name of each class, for the report.
        unused: Names of settings that mean nothing to it, and are refused.
        calibrate: `(fitted, validation split, progress)` to what answers need besides the weights, such as a
            threshold or the errors that an interval is made from. Is called once, with the weights that are
            kept; gives plain values that JSON can hold, which the run keeps as `calibration.json`. None
            where nothing is needed.
        depict: `(fitted, samples, labels or None, progress)` to pictures of the answers, drawn over the first
            samples as they were read. None where answers are no more than a class or a text.
    """

    name: str
    goal: Objective
    build: Callable[[str, Representation, Sequence[str], Mapping[str, Any]], keras.Model]
    examples: Callable[[ExampleContext], Examples]
    answer: Callable[[Fitted, Samples, Progress], Any]
    judge: Callable[[Any, Split, Sequence[str]], Metrics]
    load_judgement: Callable[[Mapping[str, Any]], Metrics]
    tell: Callable[[Any, Samples, Sequence[str]], Sequence[Answer]]
    mistakes: Callable[[Any, Split, Sequence[str]], Sequence[Mistake]]
    outputs: Callable[[Representation, tuple[str, ...]], tuple[str, ...] | None]
    align: Callable[[Split, Sequence[str], Sequence[str]], Split]
    counted: str
    counts: Callable[[Splits], Mapping[SplitName, Mapping[str, int]]]
    show: Callable[[Fitted, Samples, Progress], SampleInputs]
    illustrate: Callable[[Splits], Sequence[tuple[str, Sequence[Any]]]]
    unused: tuple[str, ...] = ()
    calibrate: Callable[[Fitted, Split, Progress], Mapping[str, Any]] | None = None
    depict: Callable[[Fitted, Samples, Any, Progress], Sequence[Picture]] | None = None


def as_named(split: Split, found: Sequence[str], known: Sequence[str]) -> Split:
    """How labels that are names or texts are aligned: they mean the same to every model."""
    return split
