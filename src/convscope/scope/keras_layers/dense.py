"""Dense layers and embeddings."""

from __future__ import annotations

import keras

from convscope.scope.describe import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.keras_layers.activations import then
from convscope.scope.layer_spec import LayerSpec, register
from convscope.scope.sizes import Shapes, count, einsum, scores_of_vectors


def _dense(facts: Facts) -> str:
    layer, inputs = facts.layer, facts.shape_in[-1] if facts.shape_in else None
    known = "its inputs" if inputs is None else phrasing.plural(inputs, "input")
    bias = "with bias" if layer.use_bias else "without bias"
    each = ", each" if layer.units > 1 else ""
    text = f"{phrasing.plural(layer.units, 'unit')}{each} connected to {known}, {bias}"
    if len(facts.shape_in) > 1:
        along = facts.shape_in[:-1]
        where = "each position" if None in along else f"each of {phrasing.size(along)} positions"
        text += f", applied at {where}: {facts.changed}"
    return f"{text}.{then(layer)}"


def _einsum(facts: Facts) -> str:
    return f"Equation '{facts.layer.equation}': {facts.changed}.{then(facts.layer)}"


def _embedding(facts: Facts) -> str:
    layer = facts.layer
    masked = " Id 0 is masked as padding." if layer.mask_zero else ""
    table = f"A table of {layer.input_dim:,} vectors of {phrasing.plural(layer.output_dim, 'value')}"
    return f"{table}: {_looked_up(facts)}.{masked}"


def _looked_up(facts: Facts) -> str:
    if facts.input.tokenized and len(facts.shape_in) == 1:
        return f"{facts.ids_in} become {phrasing.values(facts.shape_out)}"
    return facts.changed


def _reversible(facts: Facts) -> str:
    if len(facts.shape_out) == len(facts.shape_in) + 1:
        return _embedding(facts)
    rows = phrasing.plural(facts.layer.input_dim, "row")
    return f"In reverse, each vector gets a score for each of {rows} of the table: {facts.changed}."


def _dense_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    return count(inputs[0][1:]) * int(layer.units)


def _einsum_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    return einsum(layer.equation, (inputs[0], tuple(layer.kernel.shape)))


def _reversible_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    return scores_of_vectors(int(layer.input_dim), inputs, outputs)


register(
    LayerSpec(
        "Dense",
        "dense",
        "A dense layer computes weighted sums of all its inputs. It combines features and produces scores.",
        _dense,
        rules.dense,
        _dense_cost,
        frozenset({"linear", "ends in activation"}),
        "dense",
    ),
    LayerSpec(
        "EinsumDense",
        "dense",
        "A dense layer for inputs of several axes; an einsum equation says which axes are summed over.",
        _einsum,
        rules.einsum,
        _einsum_cost,
        frozenset({"ends in activation"}),
    ),
    LayerSpec(
        "Embedding",
        "lookup",
        "An embedding maps integer ids to learned vectors; ids that are used alike get similar vectors.",
        _embedding,
        rules.pointwise,
    ),
    LayerSpec(
        "ReversibleEmbedding",
        "lookup",
        "An embedding that is used in both directions: from ids to vectors, and from vectors to a score for "
        "each id. Sharing the table saves parameters in language models.",
        _reversible,
        rules.pointwise,
        _reversible_cost,
    ),
)
