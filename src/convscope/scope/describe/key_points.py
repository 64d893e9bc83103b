"""The few sentences that one should remember about a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from convscope.scope.describe import phrasing as words
from convscope.scope.describe import text_points
from convscope.scope.describe.input_kind import Subject
from convscope.scope.geometry.geometry import Geometry
from convscope.scope.graph.core_layers import ATTENTION, CONVOLUTIONS, LOOKUPS, RECURRENT, core_class
from convscope.scope.graph.graph import Call, Graph
from convscope.scope.graph.links import Links, activation

_NORMS = {
    "BatchNormalization": "batch normalization",
    "LayerNormalization": "layer normalization",
    "GroupNormalization": "group normalization",
    "RMSNormalization": "RMS normalization",
}
_PARTS = {"GatedLinearUnit": "gated linear unit"}
_FAMILIES = (
    ("convolutions", CONVOLUTIONS),
    ("dense layers", frozenset({"Dense", "EinsumDense"})),
    ("recurrent layers", RECURRENT),
    ("attention", ATTENTION),
    ("normalization layers", frozenset(_NORMS)),
    ("embeddings", LOOKUPS),
)
_NAMES = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "gelu": "GELU",
    "silu": "SiLU",
    "hard_silu": "hard SiLU",
    "elu": "ELU",
    "selu": "SELU",
}


@dataclass(frozen=True)
class Overview:
    """What the key points are drawn from.

    Args:
        graph: The model's calls.
        links: What makes and what uses their values.
        subject: What goes in.
        geometries: By path.
        parameters: Weights of each call by path; 0 for a repeated call of the same layer, and around others.
        costs: Multiply-adds of each call by path.
        all_parameters: Weights of the model.
        trainable_parameters: Those that training changes.
        all_multiply_adds: Multiply-adds of the model; None where unknown.
    """

    graph: Graph
    links: Links
    subject: Subject
    geometries: Mapping[str, Geometry]
    parameters: Mapping[str, int]
    costs: Mapping[str, int | None]
    all_parameters: int
    trainable_parameters: int
    all_multiply_adds: int | None

    @cached_property
    def leaves(self) -> list[Call]:
        """All calls but those around others: models, composite layers, TimeDistributed."""
        around = {call.parent for call in self.graph.calls}
        return [call for call in self.graph.calls if call.kind != "group" and call.path not in around]


def key_points(overview: Overview) -> tuple[str, ...]:
    """Three to six sentences: size, where it sits, how maps change, what is seen, and how it is built."""
    points = [
        _size(overview),
        _where(overview),
        *(
            text_points.points(overview)
            if overview.subject.tokenized
            else [_beside(overview)]
            if _are_beside(overview)
            else [_shrinking(overview), _seen(overview)]
        ),
        _built(overview),
        _head(overview),
    ]
    return tuple(point for point in points if point)


def _size(overview: Overview) -> str:
    layers = len({id(call.layer) for call in overview.leaves if call.kind == "layer"})
    text = f"{words.plural(layers, 'layer')} with {words.plural(overview.all_parameters, 'parameter')}"
    fixed = overview.all_parameters - overview.trainable_parameters
    if fixed:
        text += f", of which {fixed:,} are not trained"
    alone = len(overview.graph.inputs) == 1 or overview.subject.unit == "word"
    noun = overview.subject.noun if alone else "sample"
    if overview.subject.tokenized and alone and None not in overview.subject.size:
        noun = overview.subject.said.replace("texts", "text")
    if overview.all_multiply_adds is not None:
        text += f"; one {noun} takes {words.large(overview.all_multiply_adds)} multiply-adds"
    elif overview.subject.tokenized and any(None in value.shape[1:] for value in overview.graph.inputs):
        text += "; how many multiply-adds they take depends on the length of the "
        text += "text" if alone else "texts"
    elif None in overview.subject.size:
        text += "; how many multiply-adds they take depends on the size of the input"
    else:
        known = sum(cost or 0 for path, cost in overview.costs.items() if "/" not in path)
        amount = f" (the others take {words.large(known)})" if known else ""
        text += f"; how many multiply-adds some of them take is unknown{amount}"
    called = Counter(id(call.layer) for call in overview.leaves if call.kind == "layer")
    shared = sum(times > 1 for times in called.values())
    if shared:
        text += (
            f". {words.counted(shared, 'layer').capitalize()} {'is' if shared == 1 else 'are'} called more "
            "than "
        )
        text += f"once; {'its' if shared == 1 else 'their'} parameters count once"
    return words.sentence(text)


def _where(overview: Overview) -> str:
    """Which kind of layer holds the weights, which does the work."""
    held: Counter[str] = Counter()
    cost: Counter[str] = Counter()
    for call in overview.leaves:
        kind = core_class(getattr(call.layer, "layer", call.layer))  # what a wrapper wraps
        family = next((name for name, kinds in _FAMILIES if kind in kinds), "other layers")
        held[family] += overview.parameters.get(call.path, 0)
        cost[family] += overview.costs.get(call.path) or 0
    if not overview.all_parameters or len([family for family in held if held[family]]) < 2:
        return ""
    most, number = held.most_common(1)[0]
    text = f"{words.share(number, overview.all_parameters)} of the parameters"
    if overview.all_multiply_adds:
        busy, work = cost.most_common(1)[0]
        share = words.share(work, overview.all_multiply_adds)
        text += (
            f" and {share} of the multiply-adds are in the {most}"
            if busy == most
            else f" are in the {most}, {share} of the multiply-adds in the {busy}"
        )
    else:
        text += f" are in the {most}"
    top = max(overview.leaves, key=lambda call: overview.parameters.get(call.path, 0))
    size = overview.parameters[top.path]
    if overview.subject.tokenized and size == number:
        text += f"; all of these parameters are in '{top.path}'"
    elif overview.subject.tokenized and 2 * size > overview.all_parameters:
        text += f"; nearly all of these parameters are in '{top.path}'"
    elif len(overview.leaves) > 3:
        text += (
            f"; the largest layer, '{top.path}', holds {words.share(size, overview.all_parameters)} of the "
            "parameters"
        )
    return words.sentence(text)


def _maps(overview: Overview) -> list[Call]:
    """Convolutions and poolings whose output still has positions, in order."""
    return [
        call
        for call in overview.leaves
        if core_class(call.layer) in CONVOLUTIONS and len(call.output_shapes[0]) > 2
    ]


def _are_beside(overview: Overview) -> bool:
    """Whether all convolutions, three or more, read the same values, so that none follows another."""
    convolutions = _maps(overview)
    return len(convolutions) > 2 and len({call.inputs[0].number for call in convolutions if call.inputs}) == 1


def _beside(overview: Overview) -> str:
    """What convolutions see that lie side by side."""
    convolutions = _maps(overview)
    text = (
        f"{words.counted(len(convolutions), 'convolution').capitalize()} lie side by side over the same input"
    )
    fields = [where.receptive_field for call in convolutions if (where := overview.geometries.get(call.path))]
    lengths = [field[0] for field in fields if field and len(field) == 1 and field[0] is not None]
    if len(lengths) < len(convolutions):
        return words.sentence(text)
    unit = words.many(overview.subject.unit)
    (size,) = overview.subject.size
    of = f" of the {size:,}" if size is not None else ""
    return words.sentence(f"{text}; their values see from {min(lengths):,} to {max(lengths):,}{of} {unit}")


def _shrinking(overview: Overview) -> str:
    """How the size of the maps and their number change."""
    convolutions = _maps(overview)
    last = _last_maps(overview)
    if len(convolutions) < 2 or last is None:
        return ""
    start, end = _channels(convolutions[0], overview), _channels(last, overview)
    left = _lengths(last, last.output_shapes[0])
    came = list(overview.subject.size)
    if len(came) != len(left):
        came = _lengths(convolutions[0], convolutions[0].input_shapes[0])
    if start is None or end is None:
        return ""
    count = (
        f"stays at {end:,}"
        if start == end
        else f"{'grows' if end > start else 'falls'} from {start:,} to {end:,}"
    )
    if None in came or None in left:
        return f"The number of maps {count}."
    if came == left:
        return f"Maps keep the input's size of {words.size(left)}, while their number {count}."
    shrinks = (words.product(left) or 0) < (words.product(came) or 0)
    way = f"{'shrink' if shrinks else 'grow'} from {words.size(came)} to {words.size(left)}"
    return f"Maps {way}, while their number {count}."


def _lengths(call: Call, shape: Sequence[int | None]) -> list[int | None]:
    first = getattr(call.layer, "data_format", None) == "channels_first"
    return list(shape[2:] if first else shape[1:-1])


def _channels(call: Call, overview: Overview) -> int | None:
    where = overview.geometries.get(call.path)
    return where.channels if where else call.output_shapes[0][-1]


def _last_maps(overview: Overview) -> Call | None:
    """The last call whose output has positions along every axis of the input."""
    rank = len(_maps(overview)[0].output_shapes[0]) if _maps(overview) else 0
    found = None
    for call in overview.leaves:
        if (
            call.output_shapes
            and len(call.output_shapes[0]) == rank
            and set(call.output_shapes[0][1:-1]) != {1}
        ):
            found = call
    return found


def _seen(overview: Overview) -> str:
    """What the last convolution sees."""
    size, convolutions = overview.subject.size, _maps(overview)
    if not convolutions or not size or None in size:
        return ""
    last = convolutions[-1]
    where = overview.geometries.get(last.path)
    if where is None or where.receptive_field is None or where.stride is None:
        return ""
    unit, noun = overview.subject.unit, overview.subject.noun
    if where.everything:
        first = next(
            call
            for call in [*overview.leaves, last]
            if overview.geometries[call.path].everything
            and len(call.output_shapes[0]) == len(last.output_shapes[0])
            and (words.product(_lengths(call, call.output_shapes[0])) != 1 or call is last)
        )
        return f"From '{first.path}' on, every value depends on the whole {noun}."
    field = where.receptive_field
    whole = all(
        seen is not None and of is not None and seen > of for seen, of in zip(field, size, strict=False)
    )
    if whole:
        seen = f"{words.size(field)} {words.many(unit)}, more than the whole {noun} of {words.size(size)}"
    else:
        seen = f"{words.size(field)} of the {words.size(size)} {words.many(unit)}"
    steps = [words.number(step) for step in where.stride if step is not None]
    if len(steps) < len(where.stride):
        return f"Each value of the last convolution ('{last.path}') sees {seen}."
    apart = steps[0] if len(set(steps)) == 1 else "x".join(steps)
    apart += f" {unit if apart == '1' else words.many(unit)}"
    return (
        f"Each value of the last convolution ('{last.path}') sees {seen}; neighbouring values are {apart} "
        "apart."
    )


def _built(overview: Overview) -> str:
    """Normalization, activation, pooling, residual connections, dropout."""
    kinds = Counter(core_class(call.layer) or call.type for call in overview.leaves)
    parts = [
        f"{said} ({number} times)" if (number := kinds[name]) > 1 else said
        for name, said in _NORMS.items()
        if kinds[name]
    ]
    functions = Counter(
        name
        for call in overview.leaves
        if (name := activation(call)) not in ("linear", "softmax", "sigmoid", "tanh", "log_softmax")
    )
    parts += [_NAMES.get(name, name.replace("_", " ")) for name, _ in functions.most_common(2)]
    parts += [words.plural(kinds[name], said) for name, said in _PARTS.items() if kinds[name]]
    if residual := residual_connections(overview.graph):
        parts.append(words.plural(residual, "residual connection"))
    parts += _poolings(kinds)
    dropouts = [call.layer for call in overview.leaves if "Dropout" in (core_class(call.layer) or "")]
    rates = sorted({f"{float(layer.rate):.2g}" for layer in dropouts if layer.rate}, key=float)
    if rates:
        parts.append(f"Dropout of {rates[0]}" + (f" to {rates[-1]}" if len(rates) > 1 else ""))
    return words.sentence(f"It is built with {words.listed(parts)}") if parts else ""


def _poolings(kinds: Counter[str]) -> list[str]:
    found = []
    for word in ("Max", "Average"):
        number = sum(kinds[f"{word}Pooling{rank}D"] for rank in (1, 2, 3))
        if number:
            found.append(
                f"{word.lower()} pooling ({number} times)" if number > 1 else f"{word.lower()} pooling"
            )
    return found


def residual_connections(graph: Graph) -> int:
    """How many additions bring back a value from before other layers that depend on it."""
    if not graph.linked:
        return 0
    behind: dict[int, frozenset[int]] = {}
    found = 0
    order = [call for call in graph.steps if call.kind != "group"]
    for call in order:
        sources = frozenset(value.number for value in call.inputs)
        ancestors = (
            sources.union(*(behind.get(number, frozenset()) for number in sources)) if sources else sources
        )
        if core_class(call.layer) == "Add" and len(sources) > 1:
            found += _meets_again(sources, behind)
        for value in call.outputs:
            behind[value.number] = ancestors
    return found


def _meets_again(sources: frozenset[int], behind: Mapping[int, frozenset[int]]) -> bool:
    """Whether what is added has a common origin."""
    reached = [behind.get(number, frozenset()) | {number} for number in sources]
    return bool(frozenset.intersection(*reached))


def _head(overview: Overview) -> str:
    """How maps become an answer."""
    if not _maps(overview) or len(overview.graph.inputs) > 1:
        return ""
    calls = overview.leaves
    at = max(i for i, call in enumerate(calls) if core_class(call.layer) in CONVOLUTIONS)
    tail = calls[at + 1 :]
    bridge = next((call for call in tail if _flattens(call)), None)
    if bridge is None:
        return ""
    behind = tail[tail.index(bridge) :]
    units = [call.output_shapes[0][-1] for call in behind if core_class(call.layer) == "Dense"]
    kind = core_class(bridge.layer) or ""
    alike = [call for call in behind if core_class(call.layer) == kind == "MaskedGlobalMaxPooling1D"]
    values = words.product(bridge.output_shapes[0][1:])
    if values is None:
        return ""
    if kind == "Flatten":
        how = f"Flatten lays the last maps out as {values:,} values"
    elif alike:
        values = sum(words.product(call.output_shapes[0][1:]) or 0 for call in alike)
        how = f"Pooling keeps the largest value of each map, wherever in the text: {values:,} values"
    else:
        how = f"Global {'average' if 'Average' in kind else 'max'} pooling leaves {values:,} values"
    if not units or len(overview.graph.outputs) > 1:
        return f"{how}."
    if len(units) == 1:
        return f"{how} for a dense layer of {words.plural(units[0] or 0, 'unit')}."
    layers = words.listed([f"{unit:,}" for unit in units if unit])
    return f"{how} for dense layers of {layers} units."


def _flattens(call: Call) -> bool:
    name = core_class(call.layer) or ""
    return (name == "Flatten" or name.startswith(("Global", "MaskedGlobal"))) and len(
        call.input_shapes[0]
    ) > 2
