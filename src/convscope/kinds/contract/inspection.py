"""Inspection methods that a kind brings besides those that work on any model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from convscope.data.splits import Samples
from convscope.kinds.contract.representation import AnyRepresentation, SampleDescription
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
        target: Class or unit that is asked about; None for the predicted one.
        class_names: Names of the outputs, where a run knows them.
        samples: The raw samples; None where there are none, as for arrays.
        representation: How they become inputs; None where nothing is known.
        channels: How many channels of a layer are shown.
    """

    model: keras.Model
    name: str
    inputs: Any
    names: tuple[str, ...]
    layers: tuple[str, ...] = ()
    describe: Callable[[int], SampleDescription] | None = None
    notes: tuple[str, ...] = ()
    target: int | None = None
    class_names: tuple[str, ...] | None = None
    samples: Samples | None = None
    representation: AnyRepresentation | None = None
    channels: int = 16


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
