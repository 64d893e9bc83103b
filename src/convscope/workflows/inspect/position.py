"""How one position of a feature map is computed."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from convscope.lenses.figures.position import draw_position
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.views.view import Sample
from convscope.scope.channels.position import Position, position
from convscope.types import Progress
from convscope.workflows.inspect.context import InspectionContext, InspectionRequest
from convscope.workflows.inspect.inspection import Inspection, inspection_of
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs

_ARRAYS = ("patch", "kernel", "products", "padded", "map")
_VALUES = ("channel", "at", "sum", "bias", "before", "activation", "value", "input_window")


def inspect_position(
    loaded: LoadedModel, inputs: ModelInputs, request: InspectionRequest, progress: Progress
) -> Inspection:
    """The patch, the kernel and their products at one position of one layer, for each input.

    Args:
        loaded: The model.
        inputs: Samples for it.
        request: The layer, the channel and the position; by default the strongest.
        progress: Is told how far it is.
    """
    context = InspectionContext(loaded, inputs, request.layers[:1], 1)
    path = context.calls[0].path
    figures: list[LazyFigure] = []
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {}
    for i in range(context.count):
        found = position(loaded.model, context.one(i), path, request.channel, request.at)
        sample = context.sample(i)
        figures.append(LazyFigure(partial(_draw, found, sample), f"one position of {path} for {sample.name}"))
        arrays |= {f"{sample.name}/{name}": np.asarray(getattr(found, name)) for name in _ARRAYS}
        about[sample.name] = {name: _plain(getattr(found, name)) for name in _VALUES}
    whole = {"layer": path, "inputs": about}
    return inspection_of(loaded, "position", f"One position of {path}", figures, arrays, whole, context.notes)


def _draw(found: Position, sample: Sample, theme: str) -> Figure:
    return draw_position(found, sample, theme=theme)


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value
