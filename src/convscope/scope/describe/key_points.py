"""The few sentences that one should remember about a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from convscope import phrasing
from convscope.scope.describe.input_readers import reader_of
from convscope.scope.describe.overview import Overview
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.graph.graph import Call, LayerGraph
from convscope.scope.keras_layers.activations import named
from convscope.scope.layer_spec import Role, activation_of, has_trait, role_of, spec_of

_FAMILIES: Mapping[Role | None, str] = {
    "convolution": "convolutions",
    "dense": "dense layers",
    "recurrent": "recurrent layers",
    "attention": "attention",
    "normalization": "normalization layers",
    "lookup": "embeddings",
    "front end": "front end",
}
_OF_OUTPUTS = ("linear", "softmax", "sigmoid", "tanh", "log_softmax")


def key_points(overview: Overview) -> tuple[str, ...]:
    """Three to eight sentences: size, where it sits, how maps change, what is seen, and how it is built."""
    reader = reader_of(overview.graph, overview.shown[0])
    if reader is not None and reader.key_points is not None:
        middle = reader.key_points(overview)
    elif are_parallel(overview):
        middle = [_parallel(overview)]
    else:
        middle = [_shrinking(overview), _seen(overview)]
    points = [_size(overview), _where(overview), *middle, _built(overview), _head(overview)]
    return tuple(point for point in points if point)


def _size(overview: Overview) -> str:
    layers = len({id(call.layer) for call in overview.leaves if call.kind == "layer"})
    fixed = overview.all_parameters - overview.trainable_parameters
    frozen = f" ({fixed:,} not trainable)" if fixed else ""
    text = f"{phrasing.plural(layers, 'layer')}, {phrasing.plural(overview.all_parameters, 'parameter')}"
    text = f"{text}{frozen}{_work(overview)}"
    called = Counter(id(call.layer) for call in overview.leaves if call.kind == "layer")
    shared = sum(times > 1 for times in called.values())
    if shared:
        whose = "is called more than once; its" if shared == 1 else "are called more than once; their"
        counted = phrasing.counted(shared, "layer").capitalize()
        text = f"{text}. {counted} {whose} parameters count once"
    return phrasing.sentence(text)


def _work(overview: Overview) -> str:
    one = overview.input.noun if len(overview.shown) == 1 or overview.input.one_sample else "sample"
    if overview.all_multiply_adds is not None:
        return f", {phrasing.large(overview.all_multiply_adds)} multiply-adds per {one}"
    if any(None in value.shape[1:] for value in overview.graph.inputs):
        return "; the number of multiply-adds depends on the input size"
    known = sum(cost or 0 for path, cost in overview.costs.items() if "/" not in path)
    amount = f" ({phrasing.large(known)} in the other layers)" if known else ""
    return f"; the number of multiply-adds is unknown for some layers{amount}"


def _where(overview: Overview) -> str:
    """Which kind of layer holds the weights, which does the work."""
    held: Counter[str] = Counter()
    cost: Counter[str] = Counter()
    for call in overview.leaves:
        inner = getattr(call.layer, "layer", call.layer)  # what a wrapper wraps
        family = _FAMILIES.get(role_of(inner), "other layers")
        held[family] += overview.parameters.get(call.path, 0)
        cost[family] += overview.costs.get(call.path) or 0
    if not overview.all_parameters or len([family for family in held if held[family]]) < 2:
        return ""
    most, number = held.most_common(1)[0]
    text = f"{phrasing.percent(number, overview.all_parameters)} of the parameters"
    if overview.all_multiply_adds:
        busy, work = cost.most_common(1)[0]
        share = phrasing.percent(work, overview.all_multiply_adds)
        text += (
            f" and {share} of the multiply-adds are in the {most}"
            if busy == most
            else f" are in the {most}, {share} of the multiply-adds in the {busy}"
        )
    else:
        text += f" are in the {most}"
    top = max(overview.leaves, key=lambda call: overview.parameters.get(call.path, 0))
    size = overview.parameters[top.path]
    if len(overview.leaves) > 3:
        share = phrasing.percent(size, overview.all_parameters)
        text += f"; the largest layer, '{top.path}', has {share} of the parameters"
    return phrasing.sentence(text)


def _maps(overview: Overview) -> list[Call]:
    """Convolutions whose output still has positions, in order."""
    return [call for call in overview.of_role("convolution") if len(call.output_shapes[0]) > 2]


def are_parallel(overview: Overview) -> bool:
    """Whether most convolutions, three or more, stand beside one another: none reads what another gives."""
    ends = _ends(overview)
    return len(ends) > 2 and 2 * len(ends) > len(_maps(overview))


def _ends(overview: Overview) -> list[Call]:
    """Convolutions behind which no other one follows."""
    convolutions = _maps(overview)
    behind: dict[int, set[str]] = {}
    followed: set[str] = set()
    paths = {call.path for call in convolutions}
    for call in overview.leaves:
        before = set().union(*(behind.get(value.number, set()) for value in call.inputs))
        if call.path in paths:
            followed |= before
            before = {call.path}
        for value in call.outputs:
            behind[value.number] = behind.get(value.number, set()) | before
    return [call for call in convolutions if call.path not in followed]


def _parallel(overview: Overview) -> str:
    """What convolutions see that stand beside one another."""
    convolutions, ends = _maps(overview), _ends(overview)
    text = f"{len(ends):,} parallel convolutions"
    if len({call.inputs[0].number for call in ends if call.inputs}) == 1:
        text += " read the same input"
    elif len(ends) < len(convolutions):
        first = next(call for call in convolutions if call not in ends)
        text += f" read the input, or what '{first.path}' makes of it"
    fields = [where.receptive_field for call in ends if (where := overview.geometries.get(call.path))]
    lengths = [field[0] for field in fields if field and len(field) == 1 and field[0] is not None]
    if len(lengths) < len(ends):
        return phrasing.sentence(text)
    unit = phrasing.many(overview.input.unit)
    (size,) = overview.input.size
    of = f" of {size:,}" if size is not None else ""
    return phrasing.sentence(f"{text}; receptive fields from {min(lengths):,} to {max(lengths):,}{of} {unit}")


def _shrinking(overview: Overview) -> str:
    """How the size of the maps and their number change."""
    convolutions = _maps(overview)
    last = _last_maps(overview)
    if len(convolutions) < 2 or last is None:
        return ""
    start, end = _channels(convolutions[0], overview), _channels(last, overview)
    left = lengths_of(last, last.output_shapes[0])
    came = list(overview.input.size)
    if len(came) != len(left):
        came = lengths_of(convolutions[0], convolutions[0].input_shapes[0])
    if start is None or end is None:
        return ""
    count = f"stay at {end:,}" if start == end else f"go from {start:,} to {end:,}"
    if None in came or None in left:
        return f"Channels {count}."
    if came == left:
        return f"Feature maps keep the input size of {phrasing.size(left)}; channels {count}."
    shrinks = (phrasing.product(left) or 0) < (phrasing.product(came) or 0)
    verb = "shrink" if shrinks else "grow"
    return f"Feature maps {verb} from {phrasing.size(came)} to {phrasing.size(left)}; channels {count}."


def lengths_of(call: Call, shape: Sequence[int | None]) -> list[int | None]:
    """Lengths of the axes of positions of a call's input or output."""
    first = getattr(call.layer, "data_format", None) == "channels_first"
    return list(shape[2:] if first else shape[1:-1])


def _channels(call: Call, overview: Overview) -> int | None:
    where = overview.geometries.get(call.path)
    return where.channels if where else call.output_shapes[0][-1]


def _last_maps(overview: Overview) -> Call | None:
    """The last call whose output has positions along every axis of the input."""
    rank = len(_maps(overview)[0].output_shapes[0]) if _maps(overview) else 0
    shapes = [(call, call.output_shapes[0]) for call in overview.leaves if call.output_shapes]
    found = [call for call, shape in shapes if len(shape) == rank and set(shape[1:-1]) != {1}]
    return found[-1] if found else None


def _seen(overview: Overview) -> str:
    """What the last convolution sees; of several beside one another the one that sees most."""
    size, ends = overview.input.size, _ends(overview)
    if not ends or not size or None in size:
        return ""

    def reach(call: Call) -> tuple[int, ...]:
        field = overview.geometries[call.path].receptive_field if call.path in overview.geometries else None
        return tuple(side or 0 for side in field or ())

    last = max(reversed(ends), key=reach)
    where = overview.geometries.get(last.path)
    if where is None or where.receptive_field is None or where.stride is None:
        return ""
    if where.everything:
        return (
            f"From '{_first_of_everything(overview, last).path}' on, every value depends on the whole input."
        )
    return f"Receptive field of the last convolution ('{last.path}'): {_field(overview, where)}."


def _first_of_everything(overview: Overview, last: Call) -> Call:
    return next(
        call
        for call in [*overview.leaves, last]
        if overview.geometries[call.path].everything
        and len(call.output_shapes[0]) == len(last.output_shapes[0])
        and (phrasing.product(lengths_of(call, call.output_shapes[0])) != 1 or call is last)
    )


def _field(overview: Overview, where: Geometry) -> str:
    size, unit = overview.input.size, phrasing.many(overview.input.unit)
    field, stride = where.receptive_field or (), where.stride or ()
    if all(seen is not None and of is not None and seen > of for seen, of in zip(field, size, strict=False)):
        seen = f"{phrasing.size(field)} {unit}, larger than the input ({phrasing.size(size)})"
    else:
        seen = f"{phrasing.size(field)} of {phrasing.size(size)} {unit}"
    steps = [phrasing.number(step) for step in stride if step is not None]
    if len(steps) < len(stride):
        return seen
    return f"{seen}, stride {steps[0] if len(set(steps)) == 1 else 'x'.join(steps)}"


def _built(overview: Overview) -> str:
    """Normalization, pooling, activations, residual connections, dropout."""
    specs = [spec for call in overview.leaves if (spec := spec_of(call.layer)) and spec.component]
    parts = [_times(said, number) for said, number in Counter(spec.component for spec in specs).items()]
    functions = Counter(
        name for call in overview.leaves if (name := activation_of(call.layer)) not in _OF_OUTPUTS
    )
    parts += [_times(named(name), number) for name, number in functions.most_common(2)]
    if residual := residual_connections(overview.graph):
        parts.append(phrasing.plural(residual, "residual connection"))
    rates = sorted({float(call.layer.rate) for call in overview.of_role("dropout") if _rate(call)})
    if rates:
        most = f" to {rates[-1]:.2g}" if len(rates) > 1 else ""
        parts.append(f"dropout of {rates[0]:.2g}{most}")
    return f"Built with: {', '.join(parts)}." if parts else ""


def _rate(call: Call) -> float:
    return float(getattr(call.layer, "rate", 0) or 0)


def _times(said: str, number: int) -> str:
    return f"{said} ({number}x)" if number > 1 else said


def residual_connections(graph: LayerGraph) -> int:
    """How many additions bring back a value from before other layers that depend on it."""
    if not graph.linked:
        return 0
    behind: dict[int, frozenset[int]] = {}
    found = 0
    for call in [call for call in graph.steps if call.kind != "group"]:
        sources = frozenset(value.number for value in call.inputs)
        ancestors = sources.union(*(behind.get(number, frozenset()) for number in sources))
        if len(sources) > 1 and has_trait(call.layer, "adds"):
            found += _meets_again(sources, behind)
        for value in call.outputs:
            behind[value.number] = ancestors
    return found


def _meets_again(sources: frozenset[int], behind: Mapping[int, frozenset[int]]) -> bool:
    """Whether what is added has a common origin."""
    reached = [behind.get(number, frozenset()) | {number} for number in sources]
    return bool(frozenset.intersection(*reached))


def _head(overview: Overview) -> str:
    """How maps become a prediction."""
    if not _maps(overview) or len(overview.graph.inputs) > 1:
        return ""
    calls = overview.leaves
    at = max(i for i, call in enumerate(calls) if role_of(call.layer) == "convolution")
    bridge = next((call for call in calls[at + 1 :] if _flattens(call)), None)
    if bridge is None:
        return ""
    behind = calls[calls.index(bridge) :]
    pooled = [call for call in behind if _flattens(call)]
    values = sum(phrasing.product(call.output_shapes[0][1:]) or 0 for call in pooled)
    if not values:
        return ""
    names = list(dict.fromkeys(_component(call) for call in pooled))
    how = phrasing.sentence(phrasing.listed(names)).removesuffix(".")
    how += f" {'gives' if len(names) == 1 else 'give'} {phrasing.plural(values, 'value')}"
    units = [call.output_shapes[0][-1] or 0 for call in behind if _scores(call)]
    if not units or len(overview.graph.outputs) > 1:
        return f"{how}."
    if len(units) == 1:
        return f"{how}, followed by a dense layer of {phrasing.plural(units[0], 'unit')}."
    return f"{how}, followed by dense layers of {phrasing.listed([f'{unit:,}' for unit in units])} units."


def _component(call: Call) -> str:
    spec = spec_of(call.layer)
    return (spec.component if spec is not None else "") or call.type


def _scores(call: Call) -> bool:
    return role_of(call.layer) == "dense" and has_trait(call.layer, "linear")


def _flattens(call: Call) -> bool:
    flat = role_of(call.layer) == "global pooling" or (
        has_trait(call.layer, "reshapes") and len(call.output_shapes[0]) == 2
    )
    return flat and len(call.input_shapes[0]) > 2
