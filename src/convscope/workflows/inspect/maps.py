"""Feature maps of layers for some inputs, and how one position of a feature map is computed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

from convscope.errors import UsageError
from convscope.lenses.figures.maps import draw_comparison, draw_maps
from convscope.lenses.figures.position import draw_position
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.view import Sample
from convscope.scope.channels.position import Position, position
from convscope.scope.describe.explanation import explain
from convscope.scope.record import Recording
from convscope.types import Progress
from convscope.workflows.inspect.context import InspectionContext, InspectionRequest, position_names
from convscope.workflows.inspect.inspection import Inspection, inspection_of
from convscope.workflows.load_model import LoadedModel
from convscope.workflows.model_inputs.model_inputs import ModelInputs

_POSITION_ARRAYS = ("patch", "kernel", "products", "padded", "map")
_POSITION_VALUES = ("channel", "at", "sum", "bias", "before", "activation", "value", "input_window")


def inspect_maps(
    loaded: LoadedModel, inputs: ModelInputs, request: InspectionRequest, progress: Progress
) -> Inspection:
    """The feature maps of the layers named, or of early, middle and late ones.

    Args:
        loaded: The model.
        inputs: Samples for it.
        request: Layers, channels, scale, and whether inputs stand side by side.
        progress: Receives how much is done.
    """
    context = InspectionContext(loaded, inputs, request.layers, 3)
    recording = context.record()
    texts = {layer.path: layer.here for layer in explain(loaded.model, inputs=context.x).layers}
    predicted = context.predicted(recording.predictions)
    samples = [context.sample(i, predicted) for i in range(context.count)]
    title = f"Feature maps of {loaded.name}"
    figures = _figures(context, request, recording, texts, samples, title)
    arrays = {f"input/{name}": array for name, array in _named_inputs(context).items()}
    arrays |= {f"maps/{call.path}": recording[call.path].array for call in context.calls}
    outputs = zip(context.graph.output_names, recording.predictions, strict=True)
    arrays |= {f"output/{name}": array for name, array in outputs}
    layers = {
        call.path: {
            "text": texts.get(call.path, ""),
            "receptive_field": _listed(recording[call.path].geometry.receptive_field),
            "stride": _listed(recording[call.path].geometry.stride),
        }
        for call in context.calls
    }
    about = {"inputs": [sample.name for sample in samples], "layers": layers, **position_names(samples)}
    return inspection_of(loaded, "maps", title, figures, arrays, about, context.notes)


def _figures(
    context: InspectionContext,
    request: InspectionRequest,
    recording: Recording,
    texts: dict[str, str],
    samples: list[Sample],
    title: str,
) -> list[LazyFigure]:
    """One for each input, or for each layer where inputs stand side by side."""
    options: dict[str, Any] = {"channels": request.channels, "scale": request.scale, "title": title}

    def maps_of(i: int) -> list[LayerMaps]:
        taps = [(recording[call.path], context.over(call.path)) for call in context.calls]
        return [
            LayerMaps.of(tap.path, texts.get(tap.path, ""), tap.array[i], tap.geometry, over)
            for tap, over in taps
        ]

    def compared(j: int, theme: str) -> Figure:
        narrow = [replace(each, caption=each.caption.removeprefix("predicted ")) for each in samples]
        return draw_comparison(narrow, [maps_of(i)[j] for i in range(context.count)], theme=theme, **options)

    def alone(i: int, theme: str) -> Figure:
        return draw_maps(samples[i], maps_of(i), theme=theme, **options)

    if request.compare:
        return [
            LazyFigure(partial(compared, j), f"{call.path} of {context.count} inputs")
            for j, call in enumerate(context.calls)
        ]
    return [
        LazyFigure(partial(alone, i), f"feature maps of {sample.name}") for i, sample in enumerate(samples)
    ]


def _named_inputs(context: InspectionContext) -> dict[str, np.ndarray]:
    return dict(zip(context.graph.input_names, keras.tree.flatten(context.x), strict=True))


def _listed(values: tuple[float | None, ...] | None) -> list[float | None] | None:
    return None if values is None else list(values)


def inspect_position(
    loaded: LoadedModel, inputs: ModelInputs, request: InspectionRequest, progress: Progress
) -> Inspection:
    """The patch, the kernel and their products at one position of one layer, for each input.

    Args:
        loaded: The model.
        inputs: Samples for it.
        request: The layer, the channel and the position; by default that of the node that an input is about,
            or the strongest.
        progress: Receives how much is done.
    """
    context = InspectionContext(loaded, inputs, request.layers[:1], 1)
    path = context.calls[0].path
    figures: list[LazyFigure] = []
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {}
    for i in range(context.count):
        sample = context.sample(i)
        at = request.at
        if at is None and len(context.calls[0].output_shapes[0]) == 3:
            at = sample.view.focus
        found = position(loaded.model, context.one(i), path, request.channel, _numbers(at))
        figures.append(
            LazyFigure(partial(_draw_position, found, sample), f"one position of {path} for {sample.name}")
        )
        arrays |= {f"{sample.name}/{name}": np.asarray(getattr(found, name)) for name in _POSITION_ARRAYS}
        about[sample.name] = {name: _plain(getattr(found, name)) for name in _POSITION_VALUES}
    whole = {"layer": path, "inputs": about}
    return inspection_of(loaded, "position", f"One position of {path}", figures, arrays, whole, context.notes)


def _numbers(at: tuple[int, ...] | str | None) -> tuple[int, ...] | None:
    """A position.

    Raises:
        UsageError: A rule was given that chooses among positions of an output.
    """
    if isinstance(at, str):
        raise UsageError(f"'{at}' chooses a position for attribution.", "Give numbers, such as --at 3,27.")
    return at


def _draw_position(found: Position, sample: Sample, theme: str) -> Figure:
    return draw_position(found, sample, theme=theme)


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value
