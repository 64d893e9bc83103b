"""Receptive fields: which part of the input one position of a feature map can depend on.

Exact for convolutions of any kind, pooling, padding, cropping, up-sampling, parallel and residual branches,
in any number of dimensions (Araujo, Norris and Sim 2019, "Computing receptive fields of convolutional neural
networks", derive the common cases; here intervals are followed position by position, see `reach`). Behind a
layer that convscope does not know, it says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from convscope.errors import UsageError
from convscope.scope.geometry.axis_dependency import AxisDependency, identity, moved
from convscope.scope.geometry.rules import through
from convscope.scope.geometry.sliding import Reaches, State, channel_axis, has_format
from convscope.scope.graph.graph import Call, Graph, Shape, Value


@dataclass(frozen=True)
class Geometry:
    """Where the positions of a layer's output lie in the model's input.

    Args:
        shape: Of the output, without the batch axis.
        channel_axis: Which axis holds the channels, counted with the batch axis.
        channels: Its length.
        known: Whether the receptive field is known.
        receptive_field: Input positions that one output position depends on, per spatial axis of the input,
            in pixels (steps, voxels), not cut at the input's ends. An entry is None where the whole axis is
            seen and its length is not known; all is None if unknown.
        stride: Input positions between neighbouring output positions, per spatial axis of the input; None
            where the output has no position along it.
        everything: Whether each output depends on the whole input.
        reaches: How each spatial axis of the input is reached.
    """

    shape: Shape
    channel_axis: int
    channels: int | None
    known: bool
    receptive_field: tuple[int | None, ...] | None
    stride: tuple[float | None, ...] | None
    everything: bool
    reaches: tuple[AxisDependency, ...] = ()

    def window(self, position: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """The part of the input that one position of the output can depend on.

        Args:
            position: Index into each axis of the output, without batch; channels may be left out.

        Returns:
            (first, behind the last) per spatial axis of the input, cut at the input's ends.

        Raises:
            UsageError: The receptive field is unknown, or the input's length.
        """
        if not self.known:
            raise UsageError("The receptive field of this layer is unknown.")
        windows = []
        for reach in self.reaches:
            index = 0 if reach.axis is None or reach.whole else position[reach.axis - 1]
            first, behind = reach.window(index)
            if behind is None:
                raise UsageError("The length of the input is not known.", "Give an input of a definite size.")
            windows.append((first, behind))
        if any(first == behind for first, behind in windows):
            return tuple((0, 0) for _ in windows)  # a border, which depends on nothing
        return tuple(windows)


def geometries(graph: Graph, input_number: int = 0) -> dict[str, Geometry]:
    """The geometry of every call's (first) output.

    Args:
        graph: Of any model.
        input_number: Which of the model's inputs receptive fields are about. What does not depend on it
            sees nothing of it: a receptive field of zeros.

    Returns:
        By path.
    """
    source = graph.inputs[input_number]
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
    reached = [(value.shape, state) for value, state in known if state]
    if not reached:
        return ()
    return through(step, [shape for shape, _ in reached], [state for _, state in reached if state])


def _without_frames(state: State) -> State:
    """Axes as the inner layer of TimeDistributed counts them; the frame axis becomes axis 0."""
    return state and tuple(r if r.axis is None else moved(r, r.axis - 1) for r in state)


def _with_frames(state: State) -> State:
    return state and tuple(r if r.axis is None else moved(r, r.axis + 1) for r in state)


def _spatial_axes(graph: Graph, source: Value) -> list[int]:
    """The input's axes along which positions lie: all but the batch and the channels."""
    rank = len(source.shape)
    if rank <= 2:
        return list(range(1, rank))
    first_user = next((c.layer for c in graph.calls if source in c.inputs and c.kind == "layer"), None)
    channels = channel_axis(first_user, rank) if first_user is not None else rank - 1
    return [axis for axis in range(1, rank) if axis != channels]


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
    reaches: Reaches = tuple(state[axis - 1] for axis in spatial)
    strides = tuple(None if r.stride is None else float(r.stride) for r in reaches)
    return Geometry(
        shape,
        axis,
        channels,
        True,
        tuple(r.size for r in reaches),
        strides,
        all(
            r.whole and r.bounds == _all(source.shape[axis]) for r, axis in zip(reaches, spatial, strict=True)
        ),
        reaches,
    )


def _all(length: int | None) -> tuple[int, int | None]:
    return 0, None if length is None else length - 1
