"""Texts for dense layers and embeddings."""

from __future__ import annotations

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts.activations import activation_name, then
from convscope.scope.describe.layer_texts.facts import Facts, Text


def _bias(facts: Facts) -> str:
    return " plus a bias" if getattr(facts.layer, "use_bias", False) else ", without a bias"


def _dense(facts: Facts) -> str:
    layer, inputs = facts.layer, facts.shape_in[-1] if facts.shape_in else None
    known = "an unknown number of" if inputs is None else f"{inputs:,}"
    unit = f"{words.plural(layer.units, 'unit')}, each" if layer.units > 1 else "one unit,"
    text = f"Here {unit} a weighted sum of {known} values{_bias(facts)}"
    if len(facts.shape_in) > 1:
        each = facts.shape_in[:-1]
        where = "each position" if None in each else f"each of the {words.size(each)} positions"
        text += f", at {where} alike: {facts.changed}"
    text += "."
    if activation_name(layer) == "softmax" and layer.units > 1:
        return f"{text} Softmax then turns the {layer.units:,} scores into probabilities that add up to 1."
    return text + then(layer)


def _einsum(facts: Facts) -> str:
    return f"Here by the formula '{facts.layer.equation}': {facts.changed}.{then(facts.layer)}"


def _embedding(facts: Facts) -> str:
    layer = facts.layer
    masked = " Number 0 means 'nothing here' and is skipped by later layers." if layer.mask_zero else ""
    return (
        f"Here a table of {layer.input_dim:,} rows: each of the numbers 0 to {layer.input_dim - 1:,} "
        "stands for "
        f"{words.plural(layer.output_dim, 'learned value')}; {_looked_up(facts)}.{masked}"
    )


def _looked_up(facts: Facts) -> str:
    if facts.of_text and len(facts.shape_in) == 1:
        return f"{facts.ids_in} become {words.values(facts.shape_out)}"
    return facts.changed


def _reversible(facts: Facts) -> str:
    if len(facts.shape_out) == len(facts.shape_in) + 1:
        return _embedding(facts)
    return (
        f"Here in reverse: each vector of {facts.shape_in[-1]} values is compared with the "
        f"{facts.layer.input_dim:,} rows of the table and gets a score for each; {facts.changed}."
    )


TEXTS = {
    "Dense": Text(
        "A dense layer connects every unit with every value that comes in. It combines features from "
        "everywhere, and it is where networks take their decisions.",
        _dense,
    ),
    "EinsumDense": Text(
        "A dense layer for inputs of several axes: which axes are summed over is written as a formula of "
        "letters.",
        _einsum,
    ),
    "Embedding": Text(
        "An embedding replaces whole numbers, such as the places of words in a vocabulary, by learned "
        "vectors, "
        "so that things used alike come to lie close together.",
        _embedding,
    ),
    "ReversibleEmbedding": Text(
        "An embedding that works both ways with one table: from numbers to vectors, and from vectors back "
        "to a "
        "score for each number. Language models save many parameters by it.",
        _reversible,
    ),
}
