"""Checks what a person asks of an attribution, and makes it definite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from convscope.errors import UsageError, unknown_name
from convscope.scope.attribution.head import Head, find_head
from convscope.scope.attribution.layer import (
    embedding_of,
    first_to_explain,
    front_end_call,
    has_channels,
    has_positions_of,
    joined,
    takes_channels_first,
)
from convscope.scope.attribution.query import AttributionQuery, arranged, units_of
from convscope.scope.attribution.targets import (
    Target,
    Where,
    check_where,
    chosen_places,
    chosen_targets,
    selected,
    selected_at,
)
from convscope.scope.differentiate import forward_program
from convscope.scope.graph.graph import LayerGraph, trace
from convscope.scope.layer_spec import has_trait
from convscope.scope.record import as_inputs
from convscope.types import ArrayTree, Progress, no_progress

MOST_AT_ONCE = 32
POSITIONS = 2**20
BYTES = 2**25
"""Of all samples that are computed at once."""


def ask(
    model: keras.Model,
    x: ArrayTree,
    *,
    layer: str | None,
    target: Target,
    output: str | None,
    score: str | None,
    input_name: str | None,
    batch_size: int | None,
    seed: int,
    at: Where = "surest",
    progress: Progress = no_progress,
) -> AttributionQuery:
    """Checks a request and makes it definite; see `attribute` for its arguments and errors."""
    if score not in (None, "logit", "probability"):
        raise UsageError(f"score must be 'logit' or 'probability'. Received: score={score!r}.")
    check_where(at)
    if batch_size is not None and batch_size < 1:
        raise UsageError(f"batch_size must be at least 1. Received: batch_size={batch_size}.")
    x = as_inputs(model, x)
    graph = _trace(model, x)
    keys = tuple(graph.input_names) if isinstance(x, Mapping) else ()
    inputs = _arrays(graph, x)
    default = first_to_explain(graph, [array.ndim for array in inputs])
    source = _index("input", input_name, graph.input_names, default)
    chosen = _index("output", output, graph.output_names, 0)
    head = find_head(graph, graph.outputs[chosen])
    before = _before(head, score, graph.output_names[chosen])
    size = batch_size or usual_batch(inputs[source], inputs)
    tokens = _is_by_token(graph, source, inputs, chosen)
    whole = at != "mean" and (tokens or _is_by_position(graph, source, chosen, head, at))
    outputs = _predict(model, inputs, keys, chosen, size, whole)
    places, name = None, graph.output_names[chosen]
    binary = head.ending == "sigmoid" and outputs.shape[-1] == 1
    sides = inputs[source].shape[1:] if tokens else inputs[source].shape[1:-1]
    coarser = head.ending == "sigmoid" and not tokens and outputs.ndim > 3  # as of a map of centers
    if whole and (outputs.shape[1:-1] == sides or coarser):
        there = inputs[source] != 0 if tokens else np.ones(outputs.shape[:-1], bool)
        targets, places = chosen_places(target, outputs, there, at, binary, name)
        own_values, selector, offset = selected_at(outputs, targets, places, binary, before)
    elif at not in ("surest", "mean"):
        raise UsageError(f"The output '{name}' has no positions to choose from.", "Omit at.")
    else:
        outputs = outputs.mean(axis=tuple(range(1, outputs.ndim - 1))) if whole else outputs
        targets = chosen_targets(target, outputs, binary, name)
        own_values, selector, offset = selected(outputs, targets, binary, before)
    named = graph.find(layer) if layer is not None else None
    query = AttributionQuery(
        model,
        graph,
        inputs,
        keys,
        source,
        chosen,
        head,
        before,
        targets,
        own_values,
        selector,
        offset,
        places,
        named,
        size,
        seed,
        progress,
    )
    _check_layer(query)
    return query


def _trace(model: keras.Model, x: ArrayTree) -> LayerGraph:
    """The calls; a model that does not know its inputs is told by the samples."""
    return trace(model) if getattr(model, "inputs", None) else trace(model, x)


def _arrays(graph: LayerGraph, x: ArrayTree) -> tuple[np.ndarray, ...]:
    """All inputs in the graph's order, floating or whole numbers as the model takes them."""
    if isinstance(x, Mapping):
        for name in x:
            if name not in graph.input_names:
                raise unknown_name("input", name, graph.input_names)
    given = [x[name] for name in graph.input_names] if isinstance(x, Mapping) else keras.tree.flatten(x)
    for name, array in zip(graph.input_names, given, strict=True):
        if array.dtype.kind not in "fiub":
            raise UsageError(f"Input '{name}' is not numeric. Received: {array.dtype}.")
    return tuple(
        array.astype("int32" if "int" in value.dtype else "float32", copy=False)
        for value, array in zip(graph.inputs, given, strict=True)
    )


def _index(what: str, name: str | None, names: Sequence[str], default: int) -> int:
    if name is None:
        return default
    if name not in names:
        raise unknown_name(what, name, names)
    return list(names).index(name)


def _before(head: Head, score: str | None, output: str) -> bool:
    """Whether the value before the last activation is explained."""
    if score == "probability" and head.ending == "none":
        raise UsageError(
            f"The output '{output}' has no final softmax or sigmoid, so it is not a probability.",
            "Omit score to explain the output itself.",
        )
    return score == "logit" and head.layer is not None


def _predict(
    model: keras.Model,
    inputs: Sequence[np.ndarray],
    keys: Sequence[str],
    output: int,
    batch_size: int,
    whole: bool,
) -> np.ndarray:
    """The chosen output of all samples, (samples, units), or with positions where the whole is wanted."""
    program = forward_program(
        model, lambda *tensors: units_of(model, arranged(tensors, keys), output, whole), compiled=False
    )
    starts = range(0, len(inputs[0]), batch_size)
    return np.concatenate([program(*(array[i : i + batch_size] for array in inputs)) for i in starts])


def usual_batch(values: np.ndarray, inputs: Sequence[np.ndarray]) -> int:
    """How many samples are computed at once: fewer, the more positions they have and the larger they are."""
    positions = int(np.prod(values.shape[1:-1])) if values.ndim > 2 else 1
    size = sum(array[:1].nbytes for array in inputs)
    return max(1, min(MOST_AT_ONCE, POSITIONS // max(positions, 1), BYTES // max(size, 1)))


def _is_by_position(graph: LayerGraph, source: int, output: int, head: Head, at: Where) -> bool:
    """Whether an output says which class each position of a picture, volume or cloud has; or one is asked."""
    shape, value = graph.outputs[output].shape, graph.inputs[source]
    points = any(has_trait(call.layer, "selects") for call in graph.calls)
    along = len(shape) == len(value.shape) > (2 if points else 3) and has_channels(graph, value)
    picture = points and head.ending == "sigmoid" and len(shape) == len(value.shape) + 1 == 4
    if not (along or picture) or takes_channels_first(graph):
        return False
    return head.ending in ("softmax", "sigmoid") or at != "surest"


def _is_by_token(graph: LayerGraph, source: int, inputs: Sequence[np.ndarray], output: int) -> bool:
    """Whether an output says something of each token of one text."""
    value = graph.inputs[source]
    alone = len(inputs) == 1 or joined(graph, value) is not None
    tokens = inputs[source].ndim == 2 and embedding_of(graph, value) is not None
    return alone and tokens and len(graph.outputs[output].shape) == 3


def _check_layer(query: AttributionQuery) -> None:
    call, source = query.layer, query.graph.inputs[query.source]
    if call is None:
        return
    if not call.recordable:
        raise UsageError(
            f"'{call.path}' is computed inside a layer's own code and cannot be observed.",
            f"Give the enclosing layer: layer='{call.parent}'." if call.parent else "Give another layer.",
        )
    shape = query.x.shape[1:]
    rank = len(shape) + (1 if query.input_channels else 2)
    ranks = (rank, rank + 1) if front_end_call(query.graph, source) is not None else (rank,)
    if not any(has_positions_of(query.graph, call, each) for each in ranks):
        raise UsageError(
            f"The layer must have as many spatial axes as the input "
            f"'{query.graph.input_names[query.source]}' "
            f"of shape {shape}. Received: layer '{call.path}' of shape {call.output_shapes[0][1:]}.",
            "Give an earlier layer whose output is not flattened or pooled.",
        )
