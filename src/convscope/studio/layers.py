"""What the page knows of each layer: shapes, costs, what feeds it, where it looks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from convscope.scope.channels.position import has_position
from convscope.scope.describe.explanation import LayerExplanation
from convscope.scope.geometry.geometry import geometries
from convscope.scope.geometry.kernel_layout import layout_of
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.graph.graph import Call, LayerGraph
from convscope.scope.graph.layer_io import input_of
from convscope.scope.graph.links import Links
from convscope.studio.models import StudioModel
from convscope.types import Array, Json


def layers_of(model: StudioModel) -> dict[str, Json]:
    """Every call of a model, and which of them repeat.

    Args:
        model: The model.

    Returns:
        `layers` in the order in which they are computed, and `blocks` of layers that repeat.
    """
    graph, explanation = model.graph, model.explanation
    links, where = Links.of(graph), geometries(graph)
    blocks, block_of = _blocks(model)
    rows: list[Json] = []
    for number, (call, said) in enumerate(zip(graph.calls, explanation.layers, strict=True)):
        rows.append(
            {
                "id": str(number),
                **_described(call, said),
                **_measured(call, where[call.path]),
                "parent": str(model.numbers[call.parent]) if call.parent in model.numbers else None,
                "inputs": _makers(call, links, model.numbers),
                "block": block_of.get(call.path),
            }
        )
    return {
        "layers": rows,
        "blocks": blocks,
        "inputs": [
            {"name": name, "shape": list(value.shape[1:])}
            for name, value in zip(graph.input_names, graph.inputs, strict=True)
        ],
        "outputs": [
            maker for value in graph.outputs if (maker := _maker(value.number, links, model.numbers))
        ],
        "parameters": explanation.parameters,
        "multiply_adds": explanation.multiply_adds,
        "linked": graph.linked,
    }


def _blocks(model: StudioModel) -> tuple[list[Json], dict[str, int]]:
    """The blocks that repeat, and the number of that of each layer by its path."""
    blocks: list[Json] = []
    block_of: dict[str, int] = {}
    for number, repeated in enumerate(model.explanation.blocks):
        for block in repeated.blocks:
            block_of.update(dict.fromkeys(block.paths, len(blocks)))
            blocks.append(
                {
                    "group": number,
                    "name": block.name,
                    "ids": [str(model.numbers[path]) for path in block.paths],
                    "shape": list(block.maps),
                    "text": repeated.text,
                }
            )
    return blocks, block_of


def _described(call: Call, said: LayerExplanation) -> dict[str, Json]:
    return {
        "name": call.path,
        "short": call.path.rpartition("/")[2],
        "type": said.type,
        "kind": call.kind,
        "parameters": said.parameters,
        "shared_with": said.shared_with or None,
        "multiply_adds": said.multiply_adds,
        "receptive_field": None if said.receptive_field is None else list(said.receptive_field),
        "stride": None if said.stride is None else list(said.stride),
        "everything": said.sees_everything,
        "hops": said.hops,
        "text": said.text,
        "about": said.about,
        "here": said.here,
        "kernels": call.kind == "layer" and layout_of(call.layer) is not None,
        "positions": call.kind == "layer" and call.recordable and has_position(call.layer),
    }


def _measured(call: Call, where: Geometry) -> dict[str, Json]:
    shape = list(call.output_shapes[0][1:]) if call.outputs else []
    can_be_seen = call.recordable and bool(shape)
    axis = where.channel_axis - 1
    return {
        "shape": list(shape),
        "channels": where.channels,
        "spatial": [size for place, size in enumerate(shape) if place != axis],
        "rank": max(len(shape) - 1, 0),
        "maps": where.channels if can_be_seen else None,
    }


def _maker(value: int, links: Links, numbers: Mapping[str, int]) -> str | None:
    call = links.makers.get(value)
    return None if call is None else str(numbers[call.path])


def _makers(call: Call, links: Links, numbers: Mapping[str, int]) -> list[Json]:
    """The layers whose output goes in; `input` and the number of an input of the model."""
    found = [_maker(value.number, links, numbers) for value in dict.fromkeys(call.inputs)]
    return [each for each in found if each is not None]


def maps_of(array: Array, where: Geometry) -> Array:
    """The maps of one sample, (channels, positions...).

    Args:
        array: A layer's output without the batch axis.
        where: Its geometry.
    """
    if not np.ndim(array):
        return np.reshape(array, (1,))
    axis = where.channel_axis - 1
    return np.moveaxis(array, axis if -array.ndim <= axis < array.ndim else -1, 0)


def field_of(graph: LayerGraph, path: str) -> dict[str, Json]:
    """Which part of the input each position of a layer depends on.

    Args:
        graph: Of the model on a sample, so that all lengths are known.
        path: The layer.

    Returns:
        `axes` has an entry for each spatial axis of the input: `axis` of the position, `starts` and `stops`,
        half-open; one of each where all positions depend on the same part.
    """
    number = input_of(graph, path)
    where = geometries(graph, number)[path]
    axes: list[Json] = []
    for each in where.dependencies if where.known else ():
        along = None if each.axis is None or each.whole else _position_axis(each.axis, where)
        if along is None or each.spans is None:
            first, last = each.bounds
            low, high = np.array([first]), np.array([first if last is None else last])
            along = None
        else:
            low, high = each.spans
        empty = low > high
        axes.append(
            {
                "axis": along,
                "whole": each.whole,
                "starts": np.where(empty, 0, low).tolist(),
                "stops": np.where(empty, 0, high + 1).tolist(),
            }
        )
    return {
        "known": where.known,
        "everything": where.everything,
        "input": graph.input_names[number] if graph.input_names else "",
        "number": number,
        "hops": where.hops,
        "axes": axes,
    }


def _position_axis(axis: int, where: Geometry) -> int:
    """The number of an axis of a tensor, counted with the batch, among the axes of a map."""
    return axis - 1 - (axis > where.channel_axis)
