"""What a recipe is: a value that names every step from a path to a decoded answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras
import numpy as np

from convscope.data.snapshot import DataSnapshot
from convscope.data.splits import Samples, Splits
from convscope.engine.training.closed_form import Solver
from convscope.kinds.contract.representation import Representation
from convscope.kinds.contract.task import Task
from convscope.types import Kind, Skipped


class Inputs(Samples, Protocol):
    """What `predict` is asked about: raw samples without labels."""

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was found and left out."""


def _no_views(**_: Any) -> Sequence[Callable[[Any], Any]]:
    """Each sample is seen as it is."""
    return ()


def _as_they_are(architecture: str, splits: Splits) -> Mapping[str, Any]:
    """Settings are the same for any amount of data."""
    return {}


def _unchanged(strength: float, **_: Any) -> None:
    """There are no random changes to samples as such."""


def _as_built(model: keras.Model, representation: Representation, **_: Any) -> None:
    """A model starts from random weights."""


@dataclass(frozen=True)
class Recipe:
    """One kind and one task: how to read, represent, model, fit and decode.

    Args:
        name: Such as `image-classification`.
        kind: The kind of data.
        task: What is predicted, and how that is learned and judged.
        reads: The layouts that `read` recognizes, one line each.
        architectures: Names of the architectures, the default first.
        settings: Settings and options that differ from the defaults, per architecture.
        options: Names of the options that belong to the recipe and not to the architecture.
        recognizes: Whether a path holds data for it: a reason in a few words, or None.
        read: `(path, seed=, progress=, **options)` to splits of raw samples.
        read_inputs: `(paths, progress=, **options)`: files, folders and globs to samples without labels.
        fit_representation: The train split and options to a representation and the decisions made.
        load_representation: From the plain values that a representation saved.
        augmentation: Strength and options to a function of a batch and a random generator.
        views: Options to other ways of seeing a batch, over which an answer is averaged.
        start: `(model, representation, **options)`: changes a fresh model, such as to pre-trained weights.
        solvers: How those architectures are solved that are not trained step by step.
        suit: `(architecture, splits)` to settings that suit this much data, where the user gives none.
    """

    name: str
    kind: Kind
    task: Task
    reads: tuple[str, ...]
    architectures: tuple[str, ...]
    settings: Mapping[str, Mapping[str, Any]]
    options: tuple[str, ...]
    recognizes: Callable[[DataSnapshot], str | None]
    read: Callable[..., Splits]
    read_inputs: Callable[..., Inputs]
    fit_representation: Callable[..., tuple[Representation, Sequence[str]]]
    load_representation: Callable[[Any], Representation]
    augmentation: Callable[..., Callable[[Any, np.random.Generator], Any] | None] = _unchanged
    views: Callable[..., Sequence[Callable[[Any], Any]]] = _no_views
    start: Callable[..., None] = _as_built
    solvers: Mapping[str, Solver] = field(default_factory=dict)
    suit: Callable[[str, Splits], Mapping[str, Any]] = _as_they_are

    def divide(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parts values by name: options of the recipe itself, and all others."""
        mine = {name: value for name, value in values.items() if name in self.options}
        return mine, {name: value for name, value in values.items() if name not in mine}
