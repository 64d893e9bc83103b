"""Texts for attention."""

from __future__ import annotations

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts.facts import Facts, Text

_ABOUT = (
    "In attention every position asks a question (query), every position offers a label (key) and content "
    "(value), "
    "and each position takes a weighted mean of the contents whose labels fit its question."
)


def _who(facts: Facts) -> str:
    """Whether positions look at each other or at another sequence."""
    numbers = {value.number for value in facts.call.inputs}
    if len(numbers) == 1:
        return "The positions look at each other (self-attention)"
    return "The positions of the first input look at those of the second (cross-attention)"


def _multi_head(facts: Facts) -> str:
    config = facts.layer.get_config()
    if "head_dim" in config:
        heads = (
            f"{words.plural(config['num_query_heads'], 'query head')} of {config['head_dim']} values share "
            f"{words.plural(config['num_key_value_heads'], 'head')} for keys and values"
        )
    else:
        one = "each query and key has" if config["num_heads"] > 1 else "the queries and keys have"
        heads = (
            f"{words.plural(config['num_heads'], 'head')} in parallel, in which {one} {config['key_dim']} "
            "values"
        )
        if config["value_dim"] not in (None, config["key_dim"]):
            heads += f" and each content {config['value_dim']}"
    drop = config.get("dropout")
    dropped = f" While training {100 * drop:.3g}% of the weights are dropped." if drop else ""
    return f"Here {heads}. {_who(facts)}: {facts.changed}.{dropped}"


def _plain(facts: Facts) -> str:
    layer = facts.layer
    scores = "products of query and key" if layer.score_mode == "dot" else "tanh of the sum of query and key"
    scaled = ", times a learned factor" if layer.use_scale else ""
    return f"Here the weights come from {scores}{scaled}; {facts.comes_in} become {facts.goes_out}."


def _additive(facts: Facts) -> str:
    scaled = " with learned factors" if facts.layer.use_scale else ""
    return (
        f"Here the weights come from tanh of the sum of query and key{scaled}; {facts.comes_in} become "
        f"{facts.goes_out}."
    )


TEXTS = {
    "MultiHeadAttention": Text(f"{_ABOUT} Several heads do so at once, each in its own way.", _multi_head),
    "GroupedQueryAttention": Text(
        f"{_ABOUT} Several heads do so at once; groups of them share keys and values, which saves memory.",
        _multi_head,
    ),
    "Attention": Text(f"{_ABOUT} This layer has no projections of its own.", _plain),
    "AdditiveAttention": Text(
        f"{_ABOUT} Query and key are compared by a sum (Bahdanau attention).", _additive
    ),
}
