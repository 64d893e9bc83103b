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
    has_positions_of,
    joined,
)
from convscope.scope.attribution.query import AttributionQuery, arranged, units_of
from convscope.scope.differentiate import forward_program
from convscope.scope.graph.graph import LayerGraph, trace
from convscope.scope.record import as_inputs
from convscope.types import ArrayTree


def ask(
    model: keras.Model,
    x: ArrayTree,
    *,
    layer: str | None,
    target: int | Sequence[int] | None,
    output: str | None,
    score: str | None,
    input_name: str | None,
    batch_size: int,
    seed: int,
) -> AttributionQuery:
    """Checks a request and makes it definite; see `attribute` for its arguments and errors."""
    if score not in (None, "logit", "probability"):
        raise UsageError(f"score must be 'logit' or 'probability'. Received: score={score!r}.")
    if batch_size < 1:
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
    whole = _is_by_token(graph, source, inputs, chosen)
    outputs = _predict(model, inputs, keys, chosen, batch_size, whole)
    places = None
    if whole and outputs.shape[1] == inputs[source].shape[1]:
        targets, places = _token_targets(target, outputs, inputs[source] != 0, graph.output_names[chosen])
        own_values, selector, offset = _selected_tokens(outputs, targets, places)
    else:
        outputs = outputs.mean(axis=1) if whole else outputs
        binary = head.ending == "sigmoid" and outputs.shape[1] == 1
        targets = _targets(target, outputs, binary, graph.output_names[chosen])
        own_values, selector, offset = _selected(outputs, targets, binary, before)
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
        batch_size,
        seed,
    )
    _check_layer(query)
    return query


def _selected(
    outputs: np.ndarray, targets: np.ndarray, binary: bool, before: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The model's values of the targets, and by which product and sum the outputs give them."""
    selector = np.zeros_like(outputs)
    offset = np.zeros(len(outputs), "float32")
    if not binary:
        selector[np.arange(len(outputs)), targets] = 1
        return outputs[np.arange(len(outputs)), targets], selector, offset
    selector[:, 0] = np.where(targets == 1, 1, -1)
    offset[:] = 0 if before else targets == 0
    return np.where(targets == 1, outputs[:, 0], 1 - outputs[:, 0]), selector, offset


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


def _is_by_token(graph: LayerGraph, source: int, inputs: Sequence[np.ndarray], output: int) -> bool:
    """Whether an output says something of each token of one text."""
    value = graph.inputs[source]
    alone = len(inputs) == 1 or joined(graph, value) is not None
    tokens = inputs[source].ndim == 2 and embedding_of(graph, value) is not None
    return alone and tokens and len(graph.outputs[output].shape) == 3


def _token_targets(
    target: int | Sequence[int] | None, outputs: np.ndarray, there: np.ndarray, output: str
) -> tuple[np.ndarray, np.ndarray]:
    """Unit and token per sample: the surest token of the target, by default of those that are no background.

    Background is the unit that most tokens have, such as that of words outside of all entities.

    Args:
        target: As the user gave it.
        outputs: (samples, tokens, units).
        there: Which tokens are no padding, (samples, tokens).
        output: Its name, for messages.
    """
    rows = np.arange(len(outputs))
    seen = np.where(there[..., None], outputs, 0)
    if target is not None:
        targets = _targets(target, seen.max(axis=1), False, output)
        return targets, seen[rows, :, targets].argmax(axis=1)
    if np.isnan(seen).any():
        return _targets(None, seen.max(axis=1), False, output), np.zeros(len(outputs), int)
    best, sure = seen.argmax(axis=2), seen.max(axis=2)
    counts = np.bincount(best[there], minlength=outputs.shape[2])
    found = there & (best != counts.argmax())
    found = np.where(found.any(axis=1, keepdims=True), found, there)
    places = np.where(found, sure, -1).argmax(axis=1)
    return best[rows, places], places


def _selected_tokens(
    outputs: np.ndarray, targets: np.ndarray, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `_selected`, of one token in each sample."""
    rows, selector = np.arange(len(outputs)), np.zeros_like(outputs)
    selector[rows, places, targets] = 1
    return outputs[rows, places, targets], selector, np.zeros(len(outputs), "float32")


def _targets(
    target: int | Sequence[int] | None, outputs: np.ndarray, binary: bool, output: str
) -> np.ndarray:
    """Class or unit per sample, (samples,)."""
    units = 2 if binary else outputs.shape[1]
    if target is None:
        unclear = np.flatnonzero(np.isnan(outputs).any(axis=1))
        if len(unclear):
            raise UsageError(
                f"The output '{output}' is NaN for sample {unclear[0]}, so there is no predicted class.",
                "Give a target, or check the input and the weights for NaN.",
            )
        return (outputs[:, 0] >= 0.5).astype(int) if binary else outputs.argmax(axis=1)
    targets = np.atleast_1d(np.asarray(target))
    if targets.dtype.kind not in "iu" or targets.ndim > 1 or len(targets) not in (1, len(outputs)):
        raise UsageError(
            f"target must be one index for all samples, or one for each of the {len(outputs)} samples. "
            f"Received: target={target!r}."
        )
    for number in targets:
        if not 0 <= number < units:
            raise UsageError(
                f"The output '{output}' has targets 0 to {units - 1}. Received: target={number}."
            )
    return np.broadcast_to(targets, len(outputs)).astype(int)


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
