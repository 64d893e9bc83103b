"""Counts what a layer has to compute: multiply-adds per sample, from its configuration and its shapes.

Counted are multiplications by weights, and those between activations that attention, `Dot` and products of
matrices make, each with the addition that follows it. Values of a zero padding count like all others, as is
usual. Not counted are biases, normalization, activations, pooling, gates and random changes of inputs, which
together cost little beside the rest.
"""

from __future__ import annotations

from collections.abc import Iterable

import keras

from convscope.scope.graph.graph import Call, LayerGraph
from convscope.scope.layer_spec import spec_of
from convscope.scope.sizes import Shapes, UnknownSizeError


def multiply_adds(call: Call) -> int | None:
    """Counts the multiply-adds of one call for one sample (a batch of 1).

    Multiplications by weights are counted, and those between activations in attention, in `Dot` and in
    products of matrices; normalization, pooling, activations and biases are not. A recurrent layer is
    counted for all its steps, `TimeDistributed` for all its frames.

    Args:
        call: One call of a graph. A nested model is None here; its inner calls carry the cost.

    Returns:
        The exact count; 0 for a layer that multiplies no weights; None where a size is unknown or the layer
        is not known.
    """
    try:
        return layer_cost(call.layer, call.input_shapes, call.output_shapes)
    except UnknownSizeError:
        return None


def layer_cost(layer: keras.Operation, inputs: Shapes, outputs: Shapes) -> int | None:
    """Counts the multiply-adds of one layer for one sample.

    Args:
        layer: A layer or operation.
        inputs: Shapes of what comes in, batch axes included.
        outputs: Shapes of what goes out.

    Raises:
        UnknownSizeError: A size that matters is unknown.
    """
    spec = spec_of(layer)
    return None if spec is None or spec.multiply_adds is None else spec.multiply_adds(layer, inputs, outputs)


def costs(graph: LayerGraph) -> dict[str, int | None]:
    """Counts the multiply-adds of every call of a graph for one sample.

    A nested model or composite layer costs what the calls inside cost together; a call inside of
    `TimeDistributed` is counted for all its frames.

    Args:
        graph: Of any model.

    Returns:
        By path; None where unknown. Those at the top level add up to the whole model.
    """
    inside: dict[str, list[str]] = {}
    for call in graph.calls:
        inside.setdefault(call.parent, []).append(call.path)
    once = {call.path: None if call.kind == "group" else multiply_adds(call) for call in graph.calls}
    found: dict[str, int | None] = {}

    def add(path: str, frames: int | None) -> int | None:
        call = graph.by_path[path]
        times = frames
        if call.inner and graph.linked:
            length = call.input_shapes[0][1]
            times = None if length is None or frames is None else frames * length
        parts = [add(each, times) for each in inside.get(path, [])]
        cost = once[path]
        if call.kind == "group" or (cost is None and call.inner):
            found[path] = total(parts) if parts else None
        else:
            found[path] = None if cost is None or frames is None else cost * frames
        return found[path]

    for path in inside.get("", []):
        add(path, 1)
    return found


def total(counts: Iterable[int | None]) -> int | None:
    """The sum; None where one is unknown."""
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)
