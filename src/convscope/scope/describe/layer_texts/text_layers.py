"""Texts for this package's layers that read words, leave padding out, and write or tag texts."""

from __future__ import annotations

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.layer_texts.facts import Facts, Text


def _subwords(facts: Facts) -> str:
    pieces = facts.shape_in[-1] if len(facts.shape_in) > 1 else None
    come = "several numbers" if pieces is None else f"up to {words.plural(pieces, 'number')}"
    return (
        f"Here a table of {facts.layer.vocabulary:,} rows of {words.plural(facts.layer.units, 'value')}: "
        f"each word comes as {come} (0 for none) and leaves as the mean of their rows; {facts.ids_in} become "
        f"{words.values(facts.shape_out)}."
    )


def _padding_mask(facts: Facts) -> str:
    return f"Here {facts.ids_in} give a mask of {words.values(facts.shape_out)}."


def _character_mask(facts: Facts) -> str:
    length = facts.shape_in[-1]
    each = "" if length is None else f" of up to {words.plural(length, 'character')}"
    return f"Here {facts.ids_in}{each} give a mask of {words.values(facts.shape_out)}."


def _masked_pooling(facts: Facts) -> str:
    return (
        f"Here the maximum of each of the {facts.maps_in} is taken, which leaves "
        f"{words.values(facts.shape_out)}."
    )


def _over_characters(facts: Facts) -> str:
    length = facts.shape_in[1] if len(facts.shape_in) > 2 else None
    over = "all characters" if length is None else f"up to {words.plural(length, 'character')}"
    return f"Here over {over} of each word: {facts.changed}."


def _crf(facts: Facts) -> str:
    tags = facts.shape_out[-1] or 0
    allowed = facts.layer.allowed
    never = sum(not may for row in allowed or () for may in row)
    forbidden = f" Of these pairs, {never:,} are forbidden: their probability is 0." if never else ""
    return (
        f"Here {words.plural(tags, 'tag')}, and so {tags:,} x {tags:,} = {tags * tags:,} pairs of a tag and "
        f"the next; {facts.changed}.{forbidden}"
    )


def _gate(facts: Facts) -> str:
    came, left = facts.shape_in[-1], facts.shape_out[-1]
    halves = (
        "" if came is None or left is None else f"{left:,} of the {came:,} channels gate the other {left:,}: "
    )
    return f"Here {halves}{facts.changed}."


def _scaled_sum(facts: Facts) -> str:
    return f"Here two inputs of {words.values(facts.shape_in)} are added."


def _in_reverse(facts: Facts) -> bool:
    return len(facts.shape_in) == len(facts.shape_out)


def _about_tokens(facts: Facts) -> str:
    if _in_reverse(facts):
        return (
            "An embedding in reverse compares each vector with the rows of its table: the better one fits, "
            "the higher is the score of its token. One table for both ways saves parameters, and what is "
            "learned of a token by reading helps writing it."
        )
    return (
        "An embedding replaces the number of each token by a learned vector, so that tokens used alike "
        "come to lie close together. Its rows are kept small, for scores in reverse, and multiplied by the "
        "root of their length when they are looked up."
    )


def _tokens(facts: Facts) -> str:
    layer = facts.layer
    if _in_reverse(facts):
        bias = " plus a bias" if layer.tied else ""
        return (
            f"Here each vector of {words.plural(layer.width, 'value')} gets a score for each of "
            f"{words.plural(layer.vocabulary, 'row')}{bias}: {facts.changed}."
        )
    return (
        f"Here a table of {layer.vocabulary:,} rows: each of the numbers 0 to {layer.vocabulary - 1:,} "
        f"stands for {words.plural(layer.width, 'learned value')}; {facts.ids_in} become "
        f"{words.values(facts.shape_out)}."
    )


def _positions(facts: Facts) -> str:
    return (
        f"Here {words.plural(facts.layer.positions, 'place')} have a vector of their own, and what stands "
        f"further behind shares the last one; {facts.changed}."
    )


def _source_attention(facts: Facts) -> str:
    query, keys, values = (shape[1:] for shape in facts.call.input_shapes[:3])
    source = "any number of source tokens" if keys[0] is None else words.plural(keys[0], "source token")
    return (
        f"Here queries of {words.values(query)} are compared with keys of {words.values(keys)}, one for "
        f"each of {source}; the means of {words.values(values)} values go out as "
        f"{words.values(facts.shape_out)}, and the weights beside them."
    )


TEXTS = {
    "SubwordEmbedding": Text(
        "A subword embedding gives each word the mean of several learned vectors: its own, and those of the "
        "pieces it is spelled with. A word that was never seen shares pieces with words that were, and so "
        "still gets a vector that says something.",
        _subwords,
    ),
    "PaddingMask": Text(
        "The texts of a batch are filled up to one length with the number 0, which is called padding. The "
        "mask is 1 where there is something to read and 0 at padding; with it, later layers leave padding "
        "out.",
        _padding_mask,
    ),
    "CharacterMask": Text(
        "Words are filled up to one number of characters with the number 0. The mask is 1 for the characters "
        "that a word has and 0 behind its end.",
        _character_mask,
    ),
    "MaskedGlobalMaxPooling1D": Text(
        "Replaces each feature map by its largest value along the text, padding left out: whether the "
        "kernel's pattern was anywhere. It needs no weights and takes texts of any length.",
        _masked_pooling,
    ),
    "MaxOverCharacters": Text(
        "Keeps the largest value of each feature map along the characters of a word: whether a pattern of "
        "letters, such as an ending, was anywhere in it.",
        _over_characters,
    ),
    "LinearChainCRF": Text(
        "A conditional random field (CRF) judges the tags of a sentence together and not one by one. To "
        "the scores of each tag at each word, which come in, it adds a learned score for each pair of "
        "neighbouring tags and for the tags at both ends. Out comes the probability of each tag at each "
        "word, over all ways to tag the whole sentence.",
        _crf,
    ),
    "GatedLinearUnit": Text(
        "A gated linear unit (GLU) lets one half of the channels decide what passes of the other half: a "
        "sigmoid turns them into gates from 0 (closed) to 1 (open), and each gate multiplies one value.",
        _gate,
    ),
    "ScaledSum": Text(
        "Adds its two inputs and multiplies by the root of 1/2, so that the sum varies no more than they do "
        "and values do not grow from layer to layer.",
        _scaled_sum,
    ),
    "TokenEmbedding": Text(_about_tokens, _tokens),
    "PositionEmbedding": Text(
        "Adds a learned vector for the place in the text, one for the first position, another for the second "
        "and so on, because a convolution sees neighbours but not where it stands.",
        _positions,
    ),
    "SourceAttention": Text(
        "Attention to a source: each position of the text being written asks a question (query), each "
        "token of the source offers a label (key) and content (value), and the position takes a mean of "
        "the contents, weighted by how well their labels fit its question. The weights can be read as an "
        "alignment.",
        _source_attention,
    ),
}
