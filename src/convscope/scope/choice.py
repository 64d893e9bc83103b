"""What is worth a look where nobody named it: layers from early to late, the last one, and an input."""

from __future__ import annotations

from collections.abc import Mapping
from math import log, prod

import keras
import numpy as np

from convscope.errors import UsageError
from convscope.phrasing import listed
from convscope.scope.attribution.layer import first_to_explain, has_channels, takes_channels_first
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.graph.graph import Call, LayerGraph
from convscope.scope.layer_spec import base_spec_of, has_trait
from convscope.types import ArrayTree


def early_middle_late(
    graph: LayerGraph, geometry: Mapping[str, Geometry], count: int = 3
) -> tuple[list[Call], str]:
    """Chooses convolutions from the smallest to the largest receptive field, evenly by its logarithm.

    Args:
        graph: Of the model.
        geometry: Of the same graph, by path.
        count: How many layers.

    Returns:
        The calls in the model's order, and in words how they were chosen.

    Raises:
        UsageError: No layer has feature maps.
    """
    maps = [c for c in graph.calls if c.kind == "layer" and c.recordable and _has_positions(c)]
    convolutions = [call for call in maps if _convolves(call)]
    among = convolutions or maps
    if not among:
        raise UsageError("No layer of the model has feature maps: none has both positions and channels.")
    what = "convolutions" if convolutions else "layers with positions"
    if len(among) == 1:
        return among, f"the only {'convolution' if convolutions else 'layer with positions'}"
    sizes = {call.path: _extent(geometry[call.path]) for call in among}
    known = [size for size in sizes.values() if size is not None]
    if len(known) < len(among) or min(known) == max(known):
        places = [round(i * (len(among) - 1) / max(count - 1, 1)) for i in range(count)]
        chosen = {among[place].path for place in places}
        why = f"{what} spread evenly over the depth of the model, as receptive fields do not tell them apart"
    else:
        low, high = log(min(known)), log(max(known))
        chosen = set()
        for i in range(count):
            wanted = low + (high - low) * i / max(count - 1, 1)
            left = [call.path for call in among if call.path not in chosen]
            if left:
                chosen.add(min(left, key=lambda path: abs(log(sizes[path] or 1) - wanted)))
        calls = [call for call in among if call.path in chosen]
        fields = listed([_said(geometry[call.path]) for call in calls])
        if geometry[calls[-1].path].hops:
            fields += " hop" if fields == "1" else " hops"
        why = f"{what} with receptive fields of {fields}, chosen for their range"
        if len(calls) == 1:
            why = f"of all {what} the one with the smallest receptive field, {fields}"
    return [call for call in among if call.path in chosen], why


def last_convolution(graph: LayerGraph) -> tuple[Call | None, str]:
    """The convolution behind the most others, so that no shortcut beside them is taken for the last.

    Where its maps are joined with those of others beside it, as in inception modules, that is all of them.

    Args:
        graph: Of the model.

    Returns:
        The call, or None where the model has no convolution that can be recorded; and what it is, in words.
    """
    behind: dict[int, int] = {}
    depths: dict[str, int] = {}
    found: Call | None = None
    most = 0
    for step in graph.steps:
        before = max((behind.get(value.number, 0) for value in step.inputs), default=0)
        convolves = step.kind == "layer" and _convolves(step)
        for value in step.outputs:
            behind[value.number] = max(behind.get(value.number, 0), before + convolves)
        if convolves and step.recordable and step.outputs and before + 1 >= most:
            found, most = step, before + 1
        if step.kind == "layer" and convolves and step.outputs:
            depths[step.path] = before + 1
    if found is None:
        return None, ""
    own = {value.number for value in found.outputs}
    for call in graph.calls:
        joined = has_trait(call.layer, "joins") and call.recordable and call.outputs
        if joined and any(value.number in own for value in call.inputs):
            return call, "the last convolutions, joined"
    beside = sum(depth == most for depth in depths.values())
    return found, "the last convolution" if beside == 1 else f"one of {beside} parallel last convolutions"


def narrowest_convolution(graph: LayerGraph) -> Call | None:
    """The bottleneck of a model that answers at each position of a picture or a volume, as U-Nets do.

    Args:
        graph: Of the model.

    Returns:
        The last of the widest convolutions of those with the fewest positions; None where all have as many as
        the output, or the output has no positions along several axes.
    """
    shape = graph.outputs[0].shape if graph.outputs else ()
    if len(shape) < 4 or takes_channels_first(graph) or None in shape[1:-1]:
        return None
    found: list[tuple[int, int, int, Call]] = []
    for place, call in enumerate(graph.calls):
        if call.kind == "layer" and _convolves(call) and call.recordable and call.outputs:
            sides = [side for side in call.outputs[0].shape[1:] if side is not None]
            if len(sides) == len(shape) - 1:
                found.append((prod(sides[:-1]), -sides[-1], -place, call))
    best = min(found, key=lambda each: each[:3], default=None)
    return best[3] if best is not None and best[0] < prod(side or 1 for side in shape[1:-1]) else None


def input_to_show(graph: LayerGraph, x: ArrayTree) -> np.ndarray:
    """The input that a figure shows: of several the first with positions, with a channel axis or as ids.

    Args:
        graph: Of the model.
        x: Samples as the model takes them.

    Returns:
        Shape (samples, positions..., channels), or (samples, features) and (samples, length) of token ids.
    """
    arrays = [np.asarray(array) for array in keras.tree.flatten(x)]
    number = first_to_explain(graph, [array.ndim for array in arrays])
    shown = arrays[number]
    without = shown.ndim == 3 and graph.linked and not has_channels(graph, graph.inputs[number])
    return shown[..., None] if without else shown


def _convolves(call: Call) -> bool:
    spec = base_spec_of(call.layer)
    return spec is not None and spec.role == "convolution"


def _has_positions(call: Call) -> bool:
    shape = call.outputs[0].shape if call.outputs else ()
    return len(shape) > 2 and any(length != 1 for length in shape[1:-1])


def _said(geometry: Geometry) -> str:
    """A receptive field in words: its side, or its sides where they differ, in a graph its hops."""
    sides = [f"{side:g}" for side in geometry.receptive_field or () if side]
    if geometry.hops or not sides:
        return str(geometry.hops)
    return sides[0] if len(set(sides)) == 1 else " x ".join(sides)


def _extent(geometry: Geometry) -> float | None:
    """Mean side of the receptive field, in a graph its hops; None if unknown or of unknown length."""
    if geometry.hops:
        return float(geometry.hops)
    if not geometry.receptive_field or None in geometry.receptive_field:
        return None
    sides = [side for side in geometry.receptive_field if side]
    return sum(sides) / len(sides) if sides else None
