"""What there is to say about models of texts: what goes in, what is looked up and seen, who decides."""

from __future__ import annotations

from convscope import phrasing
from convscope.kinds.text.layers.crf import LinearChainCRF, forbidden_pairs
from convscope.kinds.text.layers.masking import PaddingMask
from convscope.kinds.text.layers.spelling import CharacterMask
from convscope.kinds.text.layers.subwords import SubwordEmbedding
from convscope.kinds.text.layers.token_embedding import TokenEmbedding
from convscope.scope.describe.input_kind import InputKind
from convscope.scope.describe.input_readers import InputReader, input_kind, register_reader
from convscope.scope.describe.overview import Overview
from convscope.scope.graph.graph import Call, LayerGraph, Value
from convscope.scope.layer_spec import has_trait


def _texts(graph: LayerGraph, value: Value) -> InputKind | None:
    """Texts as ids; pieces and characters of a word lie along a second axis, in place of channels."""
    shape = value.shape[1:]
    if not shape:
        return None
    words = any(isinstance(call.layer, (CharacterMask, SubwordEmbedding)) for call in graph.calls)
    unit = "word" if words else "token"
    length = "of any length" if shape[0] is None else f"of {phrasing.plural(shape[0], unit)}"
    return InputKind(
        "text",
        f"texts {length}",
        unit,
        shape[:1],
        shape[1] if len(shape) > 1 else None,
        "tokens",
        (unit, "character", "position"),
        unit,
        one_sample=words,
    )


def _key_points(overview: Overview) -> list[str]:
    """Sentences about a model whose first input is a text."""
    return [_looked_up(overview), _seen(overview), _attended(overview), _written(overview), _tags(overview)]


def _scores_tokens(call: Call) -> bool:
    """Whether an output is a score for each token of a vocabulary, by the table of its embedding."""
    reverse = len(call.output_shapes[0]) == len(call.input_shapes[0])
    return isinstance(call.layer, TokenEmbedding) and reverse


def _task(graph: LayerGraph, maker: Call, said: str) -> str:
    """What a model does whose output scores tokens."""
    if not _scores_tokens(maker):
        return ""
    size = maker.output_shapes[0][-1] or 0
    if len(graph.inputs) != 2 or not any(has_trait(call.layer, "aligns") for call in graph.calls):
        return f"Scores each of {size:,} vocabulary tokens at each {input_kind(graph).unit} of {said}"
    source, target = (f"'{name}'" for name in graph.input_names)
    return (
        f"Translates text token by token: given the source text {source} and the target text {target} so "
        f"far, it scores each of {size:,} vocabulary tokens as the next token"
    )


def _looked_up(overview: Overview) -> str:
    lookups = overview.of_role("lookup")
    tables = {call.path: call for call in lookups if len(call.output_shapes[0]) >= len(call.input_shapes[0])}
    found = [call for call in tables.values() if not _scores_tokens(call)]
    if not found:
        return ""
    names = phrasing.some([call.path for call in found])
    sizes = phrasing.listed([f"{call.layer.embeddings.shape[0]:,}" for call in found])
    if len(found) > 1:
        return f"{names} are embedding tables of {sizes} rows; lookups take no multiply-adds."
    values = phrasing.plural(found[0].output_shapes[0][-1] or 0, "value")
    pieces = (
        ", the mean over the word and its character n-grams"
        if isinstance(found[0].layer, SubwordEmbedding)
        else ""
    )
    unit = overview.input.unit
    return f"{names} looks up {values} per {unit} in a table of {sizes} rows{pieces}, without multiply-adds."


def _along_text(overview: Overview) -> list[Call]:
    """Convolutions along the text, in order."""
    return [call for call in overview.of_role("convolution") if len(call.output_shapes[0]) == 3]


def _keeps_length(call: Call) -> bool:
    layer = call.layer
    return set(getattr(layer, "strides", (1,))) == {1} and layer.padding in ("same", "causal")


def _seen(overview: Overview) -> str:
    """What the kernels see of the text."""
    calls, unit = _along_text(overview), overview.input.unit
    if not calls:
        return ""
    if len(calls) > 1 and all(call.inputs[0] is calls[0].inputs[0] for call in calls):
        widths = sorted({int(call.layer.kernel_size[0]) for call in calls})
        sizes = f"{phrasing.listed([f'{width:,}' for width in widths])} {phrasing.many(unit)}"
        return f"Parallel convolutions with kernels of {sizes} detect n-grams anywhere in the text."
    kept = "The convolutions keep the length of the text. " if all(map(_keeps_length, calls)) else ""
    return f"{kept}{_last_seen(overview, calls)}".strip()


def _last_seen(overview: Overview, calls: list[Call]) -> str:
    local = []
    for call in calls:
        where = overview.geometries[call.path]
        field = where.receptive_field[0] if where.receptive_field else None
        if field and where.stride and where.stride[0] is not None:
            local.append((call, field))
    if not local:
        return ""
    last, field = local[-1]
    rates = [int(rate[0]) for call, _ in local if (rate := getattr(call.layer, "dilation_rate", None))]
    far = f", with dilations of up to {max(rates)}" if rates and max(rates) > 1 else ""
    which = "last convolution" if last is calls[-1] else "last encoder convolution"
    return f"Receptive field of the {which} ('{last.path}'): {_of_length(overview, field)}{far}."


def _of_length(overview: Overview, field: int) -> str:
    (length, *_), unit = overview.input.size, overview.input.unit
    if length is None:
        return phrasing.plural(field, unit)
    if field < length:
        return f"{field:,} of {phrasing.plural(length, unit)}"
    return f"{phrasing.plural(field, unit)}, {'larger than' if field > length else 'equal to'} the whole text"


def _attended(overview: Overview) -> str:
    looks = overview.of_role("attention")
    if not looks:
        return ""
    several = len(overview.inputs) > 1
    what = f"'{overview.graph.input_names[0]}'" if several else "the text"
    names = f"'{looks[0].path}'" + (f" to '{looks[-1].path}'" if len(looks) > 1 else "")
    layers = "Attention" if len(looks) == 1 else f"{len(looks):,} attention layers"
    verb = "lets" if len(looks) == 1 else "let"
    text = f"{layers} ({names}) {verb} every position depend on all of {what}"
    if several and any(has_trait(call.layer, "aligns") for call in looks):
        text += f"; the weights align each token of '{overview.graph.input_names[-1]}' with tokens of {what}"
    return f"{text}."


def _written(overview: Overview) -> str:
    """A text that is written token by token."""
    tied = next((call for call in overview.leaves if _scores_tokens(call)), None)
    parts = []
    if any(call.layer.padding == "causal" for call in _along_text(overview)):
        parts.append(
            "Causal convolutions never see later tokens, so that text can be generated token by token"
        )
    if tied is not None:
        name = tied.path.partition("#")[0]
        parts.append(f"input embedding and output scores share the table of '{name}'")
    return phrasing.sentence("; ".join(parts))


def _tags(overview: Overview) -> str:
    crf = next((call for call in overview.leaves if isinstance(call.layer, LinearChainCRF)), None)
    if crf is None:
        return ""
    never = forbidden_pairs(crf.layer)
    transitions = (crf.output_shapes[0][-1] or 0) ** 2
    rules = f"; {never:,} of {transitions:,} transitions between tags are forbidden" if never else ""
    return f"A CRF ('{crf.path}') predicts the tags of a sentence jointly{rules}."


register_reader(
    InputReader((CharacterMask, PaddingMask, SubwordEmbedding, TokenEmbedding), _texts, _key_points, _task)
)
