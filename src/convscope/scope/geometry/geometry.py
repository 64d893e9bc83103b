"""Receptive fields: which part of the input one position of a feature map can depend on.

Exact for convolutions of any kind, pooling, padding, cropping, up-sampling, parallel and residual branches,
in any number of dimensions (Araujo, Norris and Sim 2019, "Computing receptive fields of convolutional neural
networks", derive the common cases; here intervals are followed position by position, see `axis_dependency`).
Behind a layer that convscope does not know, it says so.
"""

from __future__ import annotations

import keras

from convscope.scope.geometry.axis_dependency import identity, moved
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.geometry.rules import through
from convscope.scope.geometry.sliding import Dependencies, Passage, State, channel_axis, has_format
from convscope.scope.graph.graph import Call, LayerGraph, Shape, Value, trace
from convscope.scope.layer_spec import has_trait


def main_input(graph: LayerGraph) -> int:
    """The number of the first input that is no table for layers that gather values."""
    numbers = range(len(graph.inputs))
    return next((number for number in numbers if not is_table(graph, number)), 0)


def gathers(graph: LayerGraph) -> bool:
    """Whether layers look up neighbors in a table among the inputs, as those of graphs do."""
    return any(is_table(graph, number) for number in range(len(graph.inputs)))


def is_table(graph: LayerGraph, number: int) -> bool:
    """Whether an input only tells layers which values of another belong together, such as a graph's edges."""
    return _only_tells(graph, graph.inputs[number])


def _only_tells(graph: LayerGraph, value: Value) -> bool:
    """Whether all that use a value look values up by it, at once or behind operations such as slices."""
    users = [call for call in graph.calls if value in call.inputs and call.kind != "group"]
    return bool(users) and all(
        call.inputs[0] is not value
        if has_trait(call.layer, "gathers")
        else not isinstance(call.layer, keras.layers.Layer)
        and all(_only_tells(graph, output) for output in call.outputs)
        for call in users
    )


def geometries(graph: LayerGraph | keras.Model, input_number: int | None = None) -> dict[str, Geometry]:
    """The geometry of every call's (first) output.

    Args:
        graph: A model, or what `trace` returned for it.
        input_number: Which of the model's inputs receptive fields are about; None: the first that is no
            table. What does not depend on it sees nothing of it: a receptive field of zeros.

    Returns:
        By path.

    Raises:
        UsageError: The input shape of the model is not known.
    """
    graph = trace(graph) if isinstance(graph, keras.Model) else graph
    source = graph.inputs[main_input(graph) if input_number is None else input_number]
    states: dict[int, State] = {value.number: () for value in graph.inputs}
    states[source.number] = tuple(identity(axis, source.shape[axis]) for axis in range(1, len(source.shape)))
    found: dict[str, Geometry] = {}
    spatial = _spatial_axes(graph, source)
    entered: dict[str, int | None] = {}
    channels: dict[int, int] = {}
    for step in graph.steps:
        if step.kind == "enter":
            entered[step.path] = step.inputs[0].shape[1]
        state = _after(step, states) if graph.linked else None
        for value in step.outputs:
            if step.kind != "group" or value.number not in states:
                states[value.number] = state
        _note_channels(step, channels)
        if step.kind != "enter" and step.outputs:
            frames = tuple(length for path, length in entered.items() if step.path.startswith(f"{path}/"))
            output = step.outputs[0].number
            found[step.path] = _geometry(step, states[output], channels[output], frames, spatial, source)
    return found


def _after(step: Call, states: dict[int, State]) -> State:
    """What the step's outputs depend on."""
    if step.kind == "enter":
        return _without_frames(states.get(step.inputs[0].number))
    if step.inner:
        outer, inner = states.get(step.inputs[0].number), states.get(step.inner[0].number)
        return _with_frames(inner) if outer is not None else None
    known = [(value, states.get(value.number)) for value in step.inputs]
    if any(state is None for _, state in known):
        return None
    arriving = [(value.shape, state) for value, state in known if state]
    if not arriving or not step.outputs:
        return ()
    shapes, arrived = zip(*arriving, strict=True)
    output = step.outputs[0].shape
    return through(Passage(step.layer, output, len(step.inputs), shapes, arrived, step.arguments))


def _without_frames(state: State) -> State:
    """Axes as the inner layer of TimeDistributed counts them; the frame axis becomes axis 0."""
    return state and tuple(r if r.axis is None else moved(r, r.axis - 1) for r in state)


def _with_frames(state: State) -> State:
    return state and tuple(r if r.axis is None else moved(r, r.axis + 1) for r in state)


def _spatial_axes(graph: LayerGraph, source: Value) -> list[int]:
    """The input's axes along which positions lie: all but the batch and the channels."""
    rank = len(source.shape)
    if rank <= 2:
        return list(range(1, rank))
    first_user = _first_user(graph, source)
    while first_user is not None and has_trait(first_user.layer, "scales"):
        first_user = _first_user(graph, first_user.outputs[0])
    channels = channel_axis(first_user.layer, rank) if first_user is not None else rank - 1
    return [axis for axis in range(1, rank) if axis != channels]


def _first_user(graph: LayerGraph, value: Value) -> Call | None:
    return next((call for call in graph.calls if value in call.inputs and call.kind == "layer"), None)


def _note_channels(step: Call, channels: dict[int, int]) -> None:
    """The axis of the channels: as the layer is told, or where they were in front of it, or else the last."""
    for value in step.outputs:
        rank = len(value.shape)
        told = has_format(step.layer) and rank > 2
        before = [
            channels[each.number]
            for each in step.inputs
            if each.number in channels and len(each.shape) == rank and step.kind != "group"
        ]
        axis = channel_axis(step.layer, rank)
        if value.number not in channels or step.kind != "group":
            channels[value.number] = axis if told or not before else before[0]


def _geometry(
    step: Call, state: State, axis: int, frames: Shape, spatial: list[int], source: Value
) -> Geometry:
    shape = (*frames, *step.outputs[0].shape[1:])
    for _ in frames:
        state = _with_frames(state)
    axis += len(frames)
    channels = shape[axis - 1] if shape else None
    if state is None:
        return Geometry(shape, axis, channels, False, None, None, False)
    if not state:
        nothing = tuple(0 for _ in spatial)
        return Geometry(shape, axis, channels, True, nothing, tuple(None for _ in spatial), False)
    dependencies: Dependencies = tuple(state[axis - 1] for axis in spatial)
    strides = tuple(None if r.stride is None else float(r.stride) for r in dependencies)
    return Geometry(
        shape,
        axis,
        channels,
        True,
        tuple(r.size for r in dependencies),
        strides,
        all(
            r.whole and r.bounds == _all(source.shape[axis])
            for r, axis in zip(dependencies, spatial, strict=True)
        ),
        dependencies,
    )


def _all(length: int | None) -> tuple[int, int | None]:
    return 0, None if length is None else length - 1
