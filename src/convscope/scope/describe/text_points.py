"""What one should remember about a model of texts: what is looked up, what is seen, who decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convscope.scope.describe import phrasing as words
from convscope.scope.describe.text_purpose import scores_tokens
from convscope.scope.graph.core_layers import ATTENTION, CONVOLUTIONS, LOOKUPS, core_class

if TYPE_CHECKING:
    from convscope.scope.describe.key_points import Overview
    from convscope.scope.graph.graph import Call

_SIDE_BY_SIDE = 2


def points(overview: Overview) -> list[str]:
    """Sentences about a model whose first input is a text; empty ones where there is nothing to say."""
    return [_looked_up(overview), _seen(overview), _attended(overview), _written(overview), _tags(overview)]


def _looked_up(overview: Overview) -> str:
    tables = {
        call.path: call
        for call in overview.leaves
        if core_class(call.layer) in LOOKUPS and len(call.output_shapes[0]) >= len(call.input_shapes[0])
    }
    found = [call for call in tables.values() if not scores_tokens(call)]
    if not found:
        return ""
    sizes = [f"{call.layer.embeddings.shape[0]:,}" for call in found]
    rows = f"{'a table' if len(found) == 1 else 'tables'} of {words.listed(sizes)} rows"
    names = words.listed([f"'{call.path}'" for call in found])
    if len(found) > 1:
        return f"{names} look their vectors up in {rows}, which takes no multiply-adds."
    values = f"{found[0].output_shapes[0][-1]:,} values"
    if core_class(found[0].layer) == "SubwordEmbedding":
        return (
            f"{names} looks up each word and the pieces of its spelling in {rows} and takes the mean of "
            f"their {values}; none of this takes multiply-adds."
        )
    return (
        f"{names} looks up {values} for each {overview.subject.unit} in {rows}, which takes no multiply-adds."
    )


def _over_text(overview: Overview) -> list[Call]:
    """Convolutions along the text, in order."""
    return [
        call
        for call in overview.leaves
        if core_class(call.layer) in CONVOLUTIONS and len(call.output_shapes[0]) == 3
    ]


def _keeps_length(call: Call) -> bool:
    layer = call.layer
    return set(getattr(layer, "strides", (1,))) == {1} and layer.padding in ("same", "causal")


def _seen(overview: Overview) -> str:
    """What the kernels see of the text."""
    calls, unit = _over_text(overview), overview.subject.unit
    if not calls:
        return ""
    first = [call for call in calls if call.inputs[0] is calls[0].inputs[0]]
    if len(first) == len(calls) >= _SIDE_BY_SIDE:
        return _side_by_side(first, unit)
    kept = "Maps stay as long as the text. " if all(_keeps_length(call) for call in calls) else ""
    return f"{kept}{_last_seen(overview, calls)}".strip()


def _side_by_side(calls: list[Call], unit: str) -> str:
    widths = [f"{width:,}" for width in sorted({int(call.layer.kernel_size[0]) for call in calls})]
    return (
        f"Kernels of {words.listed(widths)} {words.many(unit)} look at the same vectors side by side: each "
        f"finds phrases of its length, wherever in the text they stand."
    )


def _last_seen(overview: Overview, calls: list[Call]) -> str:
    unit, size = overview.subject.unit, overview.subject.size
    places = [(call, overview.geometries[call.path]) for call in calls]
    local = [
        (call, where.receptive_field[0])
        for call, where in places
        if where.receptive_field and where.receptive_field[0] and where.stride and where.stride[0] is not None
    ]
    if not local:
        return ""
    last, field = local[-1]
    seen = _of_length(field, size[0], unit)
    rates = [int(call.layer.dilation_rate[0]) for call, _ in local if hasattr(call.layer, "dilation_rate")]
    far = ""
    if rates and max(rates) > 1:
        far = f", as dilations of up to {max(rates)} set the cells of the kernels apart"
    which = "last convolution" if last is calls[-1] else "encoder's last convolution"
    return f"Each value of the {which} ('{last.path}') sees {seen}{far}."


def _of_length(field: int, length: int | None, unit: str) -> str:
    if length is None:
        return words.plural(field, unit)
    if field < length:
        return f"{field:,} of the {words.plural(length, unit)}"
    more = ", more than " if field > length else ", "
    return f"{words.plural(field, unit)}{more}the whole text" + (f" of {length:,}" if field > length else "")


def _attended(overview: Overview) -> str:
    looks = [call for call in overview.leaves if core_class(call.layer) in ATTENTION]
    if not looks:
        return ""
    several = len(overview.graph.inputs) > 1
    what = f"the whole of '{overview.graph.input_names[0]}'" if several else "the whole text"
    names = f"'{looks[0].path}'" + (f" to '{looks[-1].path}'" if len(looks) > 1 else "")
    where = f" in {words.counted(len(looks), 'place')}" if len(looks) > 1 else ""
    text = f"Attention{where} ({names}) lets every position look at {what}"
    if several and any(core_class(call.layer) == "SourceAttention" for call in looks):
        target = overview.graph.input_names[-1]
        text += f"; its weights show which tokens there each token of '{target}' draws on"
    return f"{text}."


def _written(overview: Overview) -> str:
    """A text that is written token by token."""
    causal = any(call.layer.padding == "causal" for call in _over_text(overview))
    tied = next((call for call in overview.leaves if scores_tokens(call)), None)
    parts = []
    if causal:
        parts.append(
            "Causal convolutions never look at a later token, so that a text can be written token by token"
        )
    if tied is not None:
        name = tied.path.partition("#")[0]
        parts.append(f"the table of '{name}' that looks tokens up also gives them their scores")
    return words.sentence("; ".join(parts))


def _tags(overview: Overview) -> str:
    crf = next((call for call in overview.leaves if core_class(call.layer) == "LinearChainCRF"), None)
    if crf is None:
        return ""
    allowed = crf.layer.allowed
    never = sum(not may for row in allowed or () for may in row)
    pairs = (crf.output_shapes[0][-1] or 0) ** 2
    text = f"The CRF at the end ('{crf.path}') decides on the tags of a whole sentence together"
    if never:
        text += f"; {never:,} of the {pairs:,} pairs of tags may never follow each other"
    return f"{text}."
