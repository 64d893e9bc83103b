"""How operations that take, stack, split, flip or pad move receptive fields: exactly, or not at all.

What such an operation does to channels leaves the positions of all other axes where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from convscope.scope.geometry.axis_dependency import AxisDependency, everything, moved, slid
from convscope.scope.geometry.rules import dropping, mixing, union
from convscope.scope.geometry.sliding import Dependencies, Passage, State, channel_axis


def getitem(at: Passage) -> State:
    """A part by index: slices with a positive step are crops; whatever else is taken must be of channels."""
    key = at.arguments[0] if at.arguments else None
    parts = list(key) if isinstance(key, (tuple, list)) else [key]
    if not all(part is None or part is Ellipsis or isinstance(part, (int, slice)) for part in parts):
        return None
    if not any(part is Ellipsis for part in parts):
        parts.append(Ellipsis)
    taken = sum(part is not None and part is not Ellipsis for part in parts)
    at_once = parts.index(Ellipsis)
    parts[at_once : at_once + 1] = [slice(None)] * (at.rank - taken)
    places, axis = list[int | None](), 0
    state: State = at.state
    for part in parts:
        if isinstance(part, (int, slice)):
            state = _taken(state, axis, part, at) if state is not None else None
            places += [] if isinstance(part, int) else [axis]
            axis += 1
        else:
            places.append(None)
    if state is None:
        return None
    return tuple(
        r if r.axis is None else moved(r, places.index(r.axis)) if r.axis in places else everything(r)
        for r in state
    )


def _taken(state: Dependencies, axis: int, part: int | slice, at: Passage) -> State:
    """What is left of one axis."""
    length = at.shape[axis]
    if part == slice(None):
        return state
    if isinstance(part, slice) and length is not None and (part.step is None or part.step > 0):
        start, stop, step = part.indices(length)
        count = len(range(start, stop, step))
        return tuple(slid(r, count, 1, step, 1, -start) if _lies_on(r, axis) else r for r in state)
    return _on_channels({axis}, state, at)


def _lies_on(dependency: AxisDependency, axis: int) -> bool:
    return dependency.axis == axis and not dependency.whole


def _on_channels(axes: set[int], state: Dependencies, at: Passage) -> State:
    """Channels are mixed; None where positions would move."""
    if axes == {channel_axis(at.layer, at.rank)}:
        return mixing(axes, state, at.rank - 1)
    return None if any(_lies_on(r, axis) for r in state for axis in axes) else state


def _axes(given: int | Sequence[int] | None, rank: int) -> set[int]:
    every = range(rank) if given is None else [given] if isinstance(given, int) else given
    return {axis % rank for axis in every}


def rearranged(at: Passage) -> State:
    """Positions along an axis in another order, or some of them, which is known of channels alone."""
    return _on_channels(_axes(at.layer.axis, at.rank), at.state, at)


def chosen(at: Passage) -> State:
    """Some positions along an axis, named by an array of one axis or by one number."""
    if at.layer.axis is None or len(at.output) > at.rank:
        return None
    axes = _axes(at.layer.axis, at.rank)
    state = _on_channels(axes, at.state, at)
    return state if state is None or len(at.output) == at.rank else dropping(axes, state)


def unstacked(at: Passage) -> State:
    """An axis is gone: each output is one position of it."""
    axes = _axes(at.layer.axis, at.rank)
    state = _on_channels(axes, at.state, at)
    return None if state is None else dropping(axes, state)


def stacked(at: Passage) -> State:
    """A new axis, along which the inputs lie."""
    axis = at.layer.axis % len(at.output)
    return union([_with_axis(state, axis) for state in at.states])


def expanded(at: Passage) -> State:
    """New axes of length 1."""
    state = at.state
    for axis in sorted(_axes(at.layer.axis, len(at.output))):
        state = _with_axis(state, axis)
    return state


def _with_axis(state: Dependencies, axis: int) -> Dependencies:
    return tuple(moved(r, r.axis + 1) if r.axis is not None and r.axis >= axis else r for r in state)


def squeezed(at: Passage) -> State:
    """Axes of length 1 are gone."""
    if at.layer.axis is None:
        return None
    return dropping(_axes(at.layer.axis, at.rank), at.state)


def transposed(at: Passage) -> State:
    """Axes in another order."""
    order = list(at.layer.axes) if at.layer.axes is not None else list(range(at.rank))[::-1]
    return tuple(r if r.axis is None else moved(r, order.index(r.axis)) for r in at.state)


def padded(at: Passage) -> State:
    """Constants around the positions."""
    widths = list(at.layer.pad_width)
    widths = widths * at.rank if len(widths) == 1 else widths
    if at.layer.mode != "constant" or any(widths[0]):
        return None
    made = []
    for r in at.state:
        before, behind = (0, 0) if r.axis is None else widths[r.axis]
        if not (before or behind) or r.axis is None or r.whole:
            made.append(r)
        else:
            made.append(replace(slid(r, at.output[r.axis], 1, 1, 1, before), axis=r.axis))
    return tuple(made)
