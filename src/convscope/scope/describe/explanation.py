"""Explains any Keras model: what it is for, how it is built, what every layer does, what is remarkable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import keras

from convscope import phrasing
from convscope.scope.channels.statistics import ChannelStatistics
from convscope.scope.describe.blocks import BlockSeries, block_series
from convscope.scope.describe.costs import costs, total
from convscope.scope.describe.input_readers import input_kind
from convscope.scope.describe.key_points import key_points
from convscope.scope.describe.layer_text import describe
from convscope.scope.describe.overview import Note, Overview
from convscope.scope.describe.purpose import purpose
from convscope.scope.describe.remarks import unseen_ends
from convscope.scope.describe.review import review
from convscope.scope.facts import Facts
from convscope.scope.geometry.geometry import geometries, is_table
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.graph.graph import Call, LayerGraph, Value, trace
from convscope.scope.graph.links import Links
from convscope.scope.layer_spec import role_of
from convscope.types import ArrayTree, Json

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class LayerExplanation:
    """One call of one layer, in words and numbers.

    Args:
        path: As in `convscope.scope.graph.graph`.
        type: Name of the layer's class.
        kind: `layer`, `group` (its parts have entries of their own, before it) or `operation`.
        about: What this kind of layer does and why one uses it.
        here: What this one does, in numbers.
        numbers: Parameters, multiply-adds and receptive field in words, with their share of the whole.
        input_shape: Shape of the input without the batch axis; one per input where there are several. None
            stands for a length that is not known.
        output_shape: The same for what comes out.
        parameters: Values of its weights; for a group, of all its parts.
        shared_with: Path of the first call of the same layer, whose parameters these are; empty for it.
        multiply_adds: Per sample; None where unknown.
        receptive_field: Input positions per axis that one value sees, not cut at the borders; None if
            unknown. For several inputs, those of the first one that the layer depends on.
        stride: Input positions between neighboring values per axis; an entry is None where the output has no
            positions along it, all is None if unknown.
        about_input: Name of the input that receptive field and stride are about.
        sees_everything: Whether each value depends on the whole of that input.
        hops: How many edges away from a node lie others that its value depends on.
    """

    path: str
    type: str
    kind: str
    about: str
    here: str
    numbers: str
    input_shape: Shape | tuple[Shape, ...]
    output_shape: Shape | tuple[Shape, ...]
    parameters: int
    shared_with: str
    multiply_adds: int | None
    receptive_field: tuple[int | None, ...] | None
    stride: tuple[float | None, ...] | None
    about_input: str
    sees_everything: bool
    hops: int = 0

    @property
    def text(self) -> str:
        """The whole description."""
        return " ".join(part for part in (self.about, self.here, self.numbers) if part)


@dataclass(frozen=True)
class Explanation:
    """A model explained.

    Args:
        name: The model's name.
        type: Name of its class.
        purpose: What it does, inferred from inputs and outputs, and what cannot be known.
        key_points: A few sentences to remember.
        blocks: What repeats in it, and how it grows.
        notes: What a reviewer would remark.
        parameters: Values of all its weights, shared ones once.
        trainable_parameters: Those that training changes.
        multiply_adds: Per sample; None where unknown for some layer.
        inputs: Name and shape without the batch axis, per input.
        outputs: The same for what comes out.
        layers: Every call, in the order in which they are computed.
    """

    name: str
    type: str
    purpose: str
    key_points: tuple[str, ...]
    blocks: tuple[BlockSeries, ...]
    notes: tuple[Note, ...]
    parameters: int
    trainable_parameters: int
    multiply_adds: int | None
    inputs: tuple[tuple[str, Shape], ...]
    outputs: tuple[tuple[str, Shape], ...]
    layers: tuple[LayerExplanation, ...]

    def to_json(self) -> dict[str, Json]:
        """Everything as plain values: lists for shapes, null for unknown, in the same order every time.

        `receptive_field` of a layer is a list, or "unknown"; `stride` a list, or null.
        """
        return {
            **{name: _plain(value) for name, value in asdict(self).items()},
            "inputs": [{"name": name, "shape": list(shape)} for name, shape in self.inputs],
            "outputs": [{"name": name, "shape": list(shape)} for name, shape in self.outputs],
            "layers": [_layer_json(layer) for layer in self.layers],
        }


def explain(
    model: keras.Model,
    *,
    inputs: ArrayTree | None = None,
    class_names: Sequence[str] | None = None,
    statistics: Mapping[str, ChannelStatistics] | None = None,
    known: str = "",
) -> Explanation:
    """Explains a model.

    Args:
        model: Any Keras model.
        inputs: An example of what goes in, for a model that does not know its input shape.
        class_names: What the outputs stand for, in their order.
        statistics: What its channels did over a data set, by path; kernels that never fire are then noted.
        known: A sentence on how inputs are scaled and what the model was trained on, where that is known.

    Returns:
        The explanation. Nothing is computed but shapes; the weights are looked through for NaN and zeros.

    Raises:
        UsageError: The input shape is not known, or class names that do not fit.
    """
    graph = trace(model, inputs)
    overview = _overview(graph, model)
    return Explanation(
        name=model.name,
        type=type(model).__name__,
        purpose=purpose(overview, model, class_names, known),
        key_points=key_points(overview),
        blocks=block_series(graph),
        notes=review(overview, model, statistics),
        parameters=overview.all_parameters,
        trainable_parameters=overview.trainable_parameters,
        multiply_adds=overview.all_multiply_adds,
        inputs=_named_shapes(graph.input_names, graph.inputs),
        outputs=_named_shapes(graph.output_names, graph.outputs),
        layers=_layers(overview),
    )


def unseen(model: keras.Model) -> str:
    """Input positions at the borders that no output of a model depends on.

    Args:
        model: Of one input of known lengths; nothing is said of others.

    Returns:
        Such as `the last 2 of 48 rows and the last 2 of 48 columns`; empty where all are seen.
    """
    if len(model.inputs) != 1 or None in model.inputs[0].shape[1:]:
        return ""
    return unseen_ends(_overview(trace(model, None), model))


def _named_shapes(names: Sequence[str], values: Sequence[Value]) -> tuple[tuple[str, Shape], ...]:
    return tuple((name, value.shape[1:]) for name, value in zip(names, values, strict=True))


def _overview(graph: LayerGraph, model: keras.Model) -> Overview:
    by_path = costs(graph)
    first: set[int] = set()
    around = {call.parent for call in graph.calls}
    parameters = {}
    for call in graph.calls:
        new = id(call.layer) not in first and call.path not in around
        parameters[call.path] = _parameters(call.layer) if new else 0
        first.add(id(call.layer))
    return Overview(
        graph=graph,
        links=Links.of(graph),
        inputs=tuple(input_kind(graph, number) for number in range(len(graph.inputs))),
        geometries=geometries(graph),
        parameters=parameters,
        costs=by_path,
        all_parameters=_values(model.weights),
        trainable_parameters=_values(model.trainable_weights),
        all_multiply_adds=total(cost for path, cost in by_path.items() if "/" not in path),
        shown=_without_tables(graph),
    )


def _without_tables(graph: LayerGraph) -> tuple[int, ...]:
    """Numbers of the inputs that hold data."""
    return tuple(at for at in range(len(graph.inputs)) if not is_table(graph, at)) or (0,)


def _parameters(layer: keras.Operation) -> int:
    return _values(layer.weights) if isinstance(layer, keras.layers.Layer) else 0


def _values(weights: Sequence[keras.Variable]) -> int:
    return sum(phrasing.product(tuple(weight.shape)) or 0 for weight in {id(w): w for w in weights}.values())


def _layers(overview: Overview) -> tuple[LayerExplanation, ...]:
    """Every call; geometry is about the first input that it depends on."""
    graph = overview.graph
    numbers = [*overview.shown, *(at for at in range(len(graph.inputs)) if at not in overview.shown)]
    seen_from = {at: geometries(graph, at) for at in numbers}
    first_calls: dict[int, str] = {}
    explained = []
    for call in graph.calls:
        depends = (at for at, found in seen_from.items() if _depends(found.get(call.path)))
        number = next(depends, numbers[0])
        first = first_calls.setdefault(id(call.layer), call.path)
        shared = "" if first == call.path or call.kind == "operation" else first
        explained.append(_layer(call, overview, seen_from[number], number, shared))
    return tuple(explained)


def _depends(where: Geometry | None) -> bool:
    """Whether a geometry says more than that nothing of this input arrives."""
    return where is not None and (where.receptive_field is None or any(n != 0 for n in where.receptive_field))


def _before(
    call: Call, where: Geometry | None, found: Mapping[str, Geometry], links: Links
) -> Geometry | None:
    """The geometry of what comes in, as if it had the shape of what goes out."""
    maker = links.makers.get(call.inputs[0].number) if call.inputs else None
    came = found.get(maker.path) if maker is not None else None
    if came is None or where is None:
        return None
    made = replace(came, shape=where.shape, channels=where.channels)
    return made if came.hops != where.hops else replace(made, dependencies=where.dependencies)


def _layer(
    call: Call, overview: Overview, found: Mapping[str, Geometry], number: int, shared: str
) -> LayerExplanation:
    graph = overview.graph
    where = found.get(call.path)
    inside = (
        Counter(c.type for c in graph.calls if c.parent == call.path) if call.kind == "group" else Counter()
    )
    parameters = _parameters(call.layer)
    facts = Facts(
        call,
        overview.inputs[number],
        where,
        _before(call, where, found, overview.links),
        parameters,
        overview.costs[call.path],
        overview.all_parameters,
        overview.all_multiply_adds,
        shared,
        tuple(inside.most_common()),
        _masked(call, overview.links),
        graph.input_names[number] if len(graph.inputs) > 1 else "",
    )
    said = describe(facts)
    known = where is not None and where.known
    return LayerExplanation(
        path=call.path,
        type=call.type,
        kind=call.kind,
        about=said.about,
        here=said.here,
        numbers=said.numbers,
        input_shape=_shape([shape[1:] for shape in call.input_shapes]),
        output_shape=_shape([shape[1:] for shape in call.output_shapes]),
        parameters=parameters,
        shared_with=shared,
        multiply_adds=overview.costs[call.path],
        receptive_field=where.receptive_field if where is not None and known else None,
        stride=where.stride if where is not None and known else None,
        about_input=graph.input_names[number],
        sees_everything=where is not None and where.everything,
        hops=0 if where is None else where.hops,
    )


def _masked(call: Call, links: Links) -> bool:
    """Whether one of a call's inputs tells what is padding."""
    makers = [links.makers.get(value.number) for value in call.inputs]
    return any(maker is not None and role_of(maker.layer) == "mask" for maker in makers)


def _shape(shapes: Sequence[Shape]) -> Shape | tuple[Shape, ...]:
    return shapes[0] if len(shapes) == 1 else tuple(shapes)


def _plain(value: object) -> Json:
    """Tuples as lists, all the way down."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _layer_json(layer: LayerExplanation) -> dict[str, Json]:
    unknown = "unknown" if layer.receptive_field is None else _plain(layer.receptive_field)
    values = {name: _plain(value) for name, value in asdict(layer).items()}
    return {
        **values,
        "text": layer.text,
        "shared_with": layer.shared_with or None,
        "receptive_field": unknown,
    }
