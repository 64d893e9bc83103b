"""How layers that do not slide move receptive fields from their inputs to their output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import keras

from convscope.scope.geometry.axis_dependency import everything, moved, scattered, united
from convscope.scope.geometry.sliding import Dependencies, Passage, State, on_channels, places
from convscope.scope.layer_spec import base_spec_of


def through(at: Passage) -> State:
    """What a call's output depends on; None where the layer is not known."""
    spec = base_spec_of(at.layer)
    if spec is not None and spec.receptive_field is not None:
        return spec.receptive_field(at)
    if all(dependency.whole for state in at.states for dependency in state):
        return _anything_of_whole(at.states)
    return None


def wrapped(at: Passage) -> State:
    """That of the layer inside."""
    return through(replace(at, layer=at.layer.layer))


def pointwise(at: Passage) -> State:
    """Each position stays itself."""
    if getattr(at.layer, "activation", None) is keras.activations.softmax:
        return mixing({at.rank - 1}, at.state)
    return at.state


def mixing(axes: set[int], state: Dependencies, last: int | None = None) -> Dependencies:
    """Each position along these axes of the tensor becomes a function of all of them."""
    return tuple(
        everything(r, r.axis) if r.axis in axes or (r.mixed and (last is None or last in axes)) else r
        for r in state
    )


def dropping(axes: set[int], state: Dependencies) -> Dependencies:
    """The tensor loses these axes, whose positions have been mixed."""
    made = []
    for r in state:
        if r.axis in axes:
            made.append(everything(r))
        elif r.axis is not None:
            made.append(moved(r, r.axis - sum(axis < r.axis for axis in axes)))
        else:
            made.append(everything(r) if r.mixed else r)
    return tuple(made)


def union(states: Sequence[Dependencies]) -> State:
    """What depends on several tensors at once; None where their steps differ."""
    made = [united(list(dependencies)) for dependencies in zip(*states, strict=True)]
    known = [dependency for dependency in made if dependency is not None]
    return tuple(known) if len(known) == len(made) else None


def _anything_of_whole(states: Sequence[Dependencies]) -> State:
    """A function of values that each depend on everything depends on no more than that."""
    return union([tuple(everything(r) for r in state) for state in states])


def global_pooling(at: Passage) -> State:
    """All positions are reduced to one value per channel."""
    axes = set(places(at.layer, at.rank))
    return mixing(axes, at.state, last=0) if at.layer.keepdims else dropping(axes, at.state)


def dropped_axis(axis: int, at: Passage) -> State:
    """One axis of positions is reduced, in all inputs."""
    return union([dropping({axis}, state) for state in at.states])


def reduction(at: Passage) -> State:
    """The axes that an operation is told are reduced."""
    given = at.layer.axis
    axes = range(at.rank) if given is None else [given] if isinstance(given, int) else given
    reduced = {axis % at.rank for axis in axes}
    if 0 in reduced:
        return None
    return mixing(reduced, at.state, at.rank - 1) if at.layer.keepdims else dropping(reduced, at.state)


def dense(at: Passage) -> State:
    """The channels of each position are mixed."""
    return on_channels(at.rank - 1, at.state)


def einsum(at: Passage) -> State:
    """What an equation says, of the first input."""
    before, _, after = at.layer.equation.replace(" ", "").partition("->")
    letters = before.split(",")[0]
    if "." in at.layer.equation:
        if letters.lstrip(".")[1:] or len(letters.lstrip(".")) != 1:
            return None
        return dense(at)
    made = []
    for r in at.state:
        if r.axis is None:
            made.append(everything(r) if r.mixed else r)
        elif letters[r.axis] in after:
            made.append(moved(r, after.index(letters[r.axis])))
        else:
            made.append(everything(r))
    return tuple(made)


def normalizing(at: Passage) -> State:
    """Values along the axes that a layer is told are brought to one scale together."""
    given = at.layer.axis
    axes = [given] if isinstance(given, int) else list(given)
    return mixing({axis % at.rank for axis in axes}, at.state, at.rank - 1)


def over_sample(at: Passage) -> State:
    """All values of a sample play a part in each."""
    return mixing(set(range(1, at.rank)), at.state, at.rank - 1)


def over_positions(at: Passage) -> State:
    """All positions of a channel play a part in each."""
    return mixing(set(range(1, at.rank - 1)), at.state)


def recurrent(at: Passage) -> State:
    """Each step depends on the whole sequence, as it may be read from either end."""
    if at.rank != 3:
        return _anything_of_whole(at.states) if all(r.whole for s in at.states for r in s) else None
    state = on_channels(2, mixing({1}, at.state, last=0))
    return state if at.layer.return_sequences else dropping({1}, state)


def attention(at: Passage) -> State:
    """Each position depends on all."""
    return union([tuple(everything(r, r.axis) for r in state) for state in at.states])


def gathering(at: Passage) -> State:
    """Each node depends on others too, as many more edges away as the layer says by its `hops`."""
    hops = int(getattr(at.layer, "hops", 1))
    mixed = [on_channels(len(at.output) - 1, state) for state in at.states]
    return union([tuple(r if r.axis is None else replace(r, hops=r.hops + hops) for r in s) for s in mixed])


def picking(at: Passage) -> State:
    """Some positions are taken out, which ones is told by another input; the channels of each stay."""
    state = on_channels(at.rank - 1, at.state)
    return tuple(scattered(r, mixed=False) if r.axis == 1 and not r.whole else r for r in state)


def flatten(at: Passage) -> State:
    """All values in one row."""
    if at.rank == 2:
        return at.state
    return tuple(r if r.axis is None else scattered(r, mixed=True) for r in at.state)


def reshape(at: Passage) -> State:
    """The same values in another shape."""
    before, after = at.shape[1:], at.output[1:]
    if None in before or None in after:
        return tuple(r if r.axis is None else scattered(r, mixed=True) for r in at.state)
    kept: dict[int, int] = {}
    for i, length in enumerate(before):
        for j, other in enumerate(after):
            if length == other and math.prod(before[:i]) == math.prod(after[:j]):  # type: ignore[arg-type]
                kept.setdefault(i + 1, j + 1)
    channels_stay = kept.get(len(before)) == len(after)
    return tuple(
        r
        if r.axis is None
        else moved(r, kept[r.axis])
        if r.axis in kept
        else scattered(r, mixed=not channels_stay)
        for r in at.state
    )


def permute(at: Passage) -> State:
    """Axes in another order."""
    order = list(at.layer.dims)
    return tuple(r if r.axis is None else moved(r, order.index(r.axis) + 1) for r in at.state)


def repeat(at: Passage) -> State:
    """An axis of copies in front."""
    return tuple(r if r.axis is None else moved(r, r.axis + 1) for r in at.state)


def concatenate(at: Passage) -> State:
    """Inputs side by side along one axis."""
    axis, channels = at.layer.axis % at.rank, len(at.output) - 1
    states = at.states
    split = any(r.axis == axis and not r.whole for state in states for r in state)
    if split and at.inputs > 1:
        if axis != channels:
            return None
        states = [on_channels(axis, state) for state in states]
    return union(states)


def merge(at: Passage) -> State:
    """Values at the same place, with smaller inputs repeated."""
    aligned = []
    for shape, state in zip(at.shapes, at.states, strict=True):
        missing = len(at.output) - len(shape)
        made = []
        for r in state:
            if r.axis is None:
                made.append(r)
                continue
            axis = r.axis + missing
            repeated = shape[r.axis] == 1 and at.output[axis] != 1
            made.append(everything(r, axis) if repeated else moved(r, axis))
        aligned.append(tuple(made))
    return union(aligned)
