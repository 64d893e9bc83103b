"""Attention."""

from __future__ import annotations

import keras

from convscope.scope.describe import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry.rules import attention
from convscope.scope.layer_spec import LayerSpec, register
from convscope.scope.sizes import Shapes, count

_ABOUT = (
    "Attention computes a weighted mean of values at each position; the weights compare a query with the "
    "keys of all positions."
)


def _who(facts: Facts) -> str:
    """Whether positions attend to each other or to another sequence."""
    if len({value.number for value in facts.call.inputs}) == 1:
        return "Self-attention"
    return "Cross-attention from the first input to the second"


def _multi_head(facts: Facts) -> str:
    config = facts.layer.get_config()
    if "head_dim" in config:
        heads = (
            f"{phrasing.plural(config['num_query_heads'], 'query head')} of size {config['head_dim']}, "
            f"{phrasing.plural(config['num_key_value_heads'], 'shared key and value head')}"
        )
    else:
        heads = f"{phrasing.plural(config['num_heads'], 'head')}, key size {config['key_dim']}"
        if config["value_dim"] not in (None, config["key_dim"]):
            heads += f", value size {config['value_dim']}"
    drop = config.get("dropout")
    dropped = f", dropout {phrasing.number(drop)} on the weights" if drop else ""
    return f"{_who(facts)}, {heads}{dropped}: {facts.changed}."


def _plain(facts: Facts) -> str:
    scores = "dot-product scores" if facts.layer.score_mode == "dot" else "concatenation scores (tanh)"
    scaled = " with a learned scale" if facts.layer.use_scale else ""
    return f"{phrasing.sentence(scores + scaled)} {_become(facts)}"


def _additive(facts: Facts) -> str:
    scaled = " with a learned scale" if facts.layer.use_scale else ""
    return f"Additive scores (tanh of query plus key){scaled}. {_become(facts)}"


def _become(facts: Facts) -> str:
    return phrasing.sentence(f"{facts.inputs} become {facts.outputs}")


def _projected_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    """The query, key and value projections, the scores, the weighted sums and the output projection."""
    config = layer.get_config()
    query, value = inputs[0], inputs[1] if len(inputs) > 1 else inputs[0]
    key = inputs[2] if len(inputs) > 2 else value
    axes = None
    if "head_dim" in config:
        heads, key_heads = config["num_query_heads"], config["num_key_value_heads"]
        key_dim = value_dim = config["head_dim"]
    else:
        heads = key_heads = config["num_heads"]
        key_dim, value_dim = config["key_dim"], config["value_dim"] or config["key_dim"]
        axes = config["attention_axes"]
    attended = range(1, len(query) - 1) if axes is None else [axis % len(query) for axis in axes]
    places = count(query[1:-1])
    seen = count(tuple(value[axis] for axis in attended))
    projections = count(query[1:]) * heads * key_dim * (2 if config.get("use_gate") else 1)
    projections += count(key[1:]) * key_heads * key_dim + count(value[1:]) * key_heads * value_dim
    projections += places * heads * value_dim * count(outputs[0][-1:])
    return int(projections + places * seen * heads * (key_dim + value_dim))


def _plain_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    return _scores_and_sums(layer.score_mode == "dot", inputs)


def _additive_cost(layer: keras.layers.Layer, inputs: Shapes, outputs: Shapes) -> int:
    return _scores_and_sums(layer.use_scale, inputs)


def _scores_and_sums(products: bool, inputs: Shapes) -> int:
    """Scores between all queries and keys where these are products, then the weighted sums of the values."""
    query, value = inputs[0], inputs[1]
    pairs = count(query[1:-1]) * count(value[-2:-1])
    return pairs * (count(value[-1:]) + (count(query[-1:]) if products else 0))


register(
    LayerSpec(
        "MultiHeadAttention",
        "attention",
        f"{_ABOUT} Several heads do so in parallel, each with its own projections.",
        _multi_head,
        attention,
        _projected_cost,
    ),
    LayerSpec(
        "GroupedQueryAttention",
        "attention",
        f"{_ABOUT} Groups of query heads share keys and values, which saves memory.",
        _multi_head,
        attention,
        _projected_cost,
    ),
    LayerSpec(
        "Attention",
        "attention",
        f"{_ABOUT} This layer has no projections of its own.",
        _plain,
        attention,
        _plain_cost,
    ),
    LayerSpec(
        "AdditiveAttention",
        "attention",
        f"{_ABOUT} Query and key are compared by a sum (Bahdanau attention).",
        _additive,
        attention,
        _additive_cost,
    ),
)
