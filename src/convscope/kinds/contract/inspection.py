"""Inspection methods that a kind brings besides those that work on any model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from convscope.kinds.contract.representation import SampleDescription
from convscope.lenses.pages.pages import LazyFigure


@dataclass(frozen=True, eq=False)
class InspectedModel:
    """A model with the inputs that it is inspected with.

    Args:
        model: The model.
        name: What to call it.
        inputs: Samples as the model takes them.
        names: What each sample is called.
        layers: Paths or names of layers that were asked for; none leaves the choice to the method.
        describe: What is needed to draw a sample besides its values; None where nothing is known.
        notes: What was decided about the inputs, one line each.
    """

    model: keras.Model
    name: str
    inputs: Any
    names: tuple[str, ...]
    layers: tuple[str, ...] = ()
    describe: Callable[[int], SampleDescription] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class InspectionResult:
    """What a method found.

    Args:
        title: Of all figures.
        figures: One per input or layer, drawn when they are needed.
        arrays: What they show, by name.
        about: What belongs to the arrays; plain values.
        notes: What was decided, one line each.
    """

    title: str
    figures: Sequence[LazyFigure]
    arrays: Mapping[str, np.ndarray]
    about: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()


KindInspection = Callable[[InspectedModel], InspectionResult]
