"""How kernels, pools, borders and up-sampling, which move along axes, move receptive fields."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import keras

from convscope.scope.geometry.axis_dependency import AxisDependency, everything, slid, spread, stretched
from convscope.scope.graph.graph import Shape

Dependencies = tuple[AxisDependency, ...]
State = Dependencies | None
"""One dependency per axis of the model's input; empty for what does not depend on it, None if unknown."""


@dataclass(frozen=True)
class Passage:
    """What of one of the model's inputs arrives at a call.

    Args:
        layer: What is called.
        output: Shape of its first output, with the batch axis.
        inputs: How many inputs the call has.
        shapes: Shapes of those of its inputs that depend on the model's input, with the batch axis.
        states: What these depend on.
        arguments: What an operation is called with besides tensors, such as the key of `x[:, 0]`.
    """

    layer: keras.layers.Layer
    output: Shape
    inputs: int
    shapes: Sequence[Shape]
    states: Sequence[Dependencies]
    arguments: tuple[object, ...] = ()

    @property
    def shape(self) -> Shape:
        """Of the first input."""
        return self.shapes[0]

    @property
    def state(self) -> Dependencies:
        """Of the first input."""
        return self.states[0]

    @property
    def rank(self) -> int:
        """Axes of the first input, with the batch."""
        return len(self.shapes[0])


DependencyRule = Callable[[Passage], State]
Move = Callable[[AxisDependency], AxisDependency]


def has_format(layer: keras.Operation) -> bool:
    """Whether a layer is told where the channels are."""
    return _format(layer) is not None


def _format(layer: keras.Operation) -> str | None:
    if isinstance(layer, keras.layers.Rescaling):
        return None  # it has a format that it does not use
    inner = getattr(layer, "layer", None)  # wrappers know no format themselves
    form: str | None = getattr(layer, "data_format", None) or getattr(inner, "data_format", None)
    return form


def channel_axis(layer: keras.Operation, rank: int) -> int:
    """The axis that holds a layer's channels; the last, unless it is told `channels_first`.

    Args:
        layer: Any layer.
        rank: Axes of its output, with the batch.
    """
    form = _format(layer)
    return 1 if form == "channels_first" and rank > 2 else max(rank - 1, 0)


def on_channels(axis: int, state: Dependencies) -> Dependencies:
    """The channel axis is mixed and its positions are replaced by kernels."""
    return tuple(everything(r) if r.axis == axis or r.mixed else r for r in state)


def places(layer: keras.layers.Layer, rank: int) -> list[int]:
    """The axes along which kernels slide."""
    channels = channel_axis(layer, rank)
    return [axis for axis in range(1, rank) if axis != channels]


def convolution(at: Passage) -> State:
    """Behind a convolution that mixes channels."""
    return on_channels(channel_axis(at.layer, at.rank), _slid_along(at, at.layer.kernel_size))


def depthwise(at: Passage) -> State:
    """Behind a convolution that keeps channels apart."""
    return _slid_along(at, at.layer.kernel_size) if at.layer.depth_multiplier == 1 else convolution(at)


def pooling(at: Passage) -> State:
    """Behind a pooling over windows."""
    return _slid_along(at, at.layer.pool_size)


def _slid_along(at: Passage, sizes: int | Sequence[int]) -> Dependencies:
    layer, axes = at.layer, places(at.layer, at.rank)
    settings = (sizes, layer.strides, getattr(layer, "dilation_rate", 1))
    moves = {}
    for axis, size, stride, dilation in zip(
        axes, *(_each(value, len(axes)) for value in settings), strict=True
    ):
        before = {"valid": 0, "causal": (size - 1) * dilation}.get(layer.padding)
        if before is None:
            before = _same_padding(at.shape[axis], size, stride, dilation)
        moves[axis] = sliding(at.output[axis], size, stride, dilation, before)
    return _on_axes(at.state, moves)


def _each(value: int | Sequence[int], count: int) -> list[int]:
    return [value] * count if isinstance(value, int) else list(value)


def _same_padding(length: int | None, size: int, stride: int, dilation: int) -> int:
    """Zeros in front of the first position under 'same' padding."""
    span = (size - 1) * dilation + 1
    if length is None:
        return max(span - stride, 0) // 2
    return max((math.ceil(length / stride) - 1) * stride + span - length, 0) // 2


def sliding(length: int | None, size: int, stride: int, dilation: int, before: int) -> Move:
    """What a window does to one axis, see `slid`."""
    return lambda dependency: slid(dependency, length, size, stride, dilation, before)


def _on_axes(state: Dependencies, moves: dict[int, Move]) -> Dependencies:
    return tuple(r if r.whole or r.axis is None or r.axis not in moves else moves[r.axis](r) for r in state)


def transposed(at: Passage) -> State:
    """Behind a transposed convolution."""
    layer, axes = at.layer, places(at.layer, at.rank)
    dilations = _each(layer.dilation_rate, len(axes))
    moves: dict[int, Move] = {}
    for axis, size, stride, dilation in zip(axes, layer.kernel_size, layer.strides, dilations, strict=True):
        span, before = (size - 1) * dilation + 1, 0
        length, length_out = at.shape[axis], at.output[axis]
        if layer.padding == "same":
            excess = span - stride
            if length is not None and length_out is not None:
                excess = (length - 1) * stride + span - length_out
            before = max(excess, 0) // 2
        moves[axis] = _spreading(length_out, size, stride, dilation, before)
    return on_channels(channel_axis(layer, at.rank), _on_axes(at.state, moves))


def _spreading(length: int | None, size: int, stride: int, dilation: int, before: int) -> Move:
    return lambda dependency: spread(dependency, length, size, stride, dilation, before)


def upsampling(at: Passage) -> State:
    """Behind an up-sampling; None for an interpolation that is not known."""
    axes = places(at.layer, at.rank)
    how = getattr(at.layer, "interpolation", "nearest")
    if how not in ("nearest", "bilinear"):
        return None
    factors = _each(at.layer.size, len(axes))
    moves = {
        axis: _stretching(at.output[axis], factor, how == "bilinear")
        for axis, factor in zip(axes, factors, strict=True)
    }
    return _on_axes(at.state, moves)


def _stretching(length: int | None, factor: int, between: bool) -> Move:
    return lambda dependency: stretched(dependency, length, factor, between=between)


def padding(at: Passage) -> State:
    """Behind a border that is put around maps."""
    return _bordered(at, ((axis, before) for axis, before in _borders(at, at.layer.padding)))


def cropping(at: Passage) -> State:
    """Behind a border that is cut off."""
    return _bordered(at, ((axis, -before) for axis, before in _borders(at, at.layer.cropping)))


def _borders(at: Passage, pairs: Sequence[int | tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Each axis with what is added or cut off in front of it."""
    each = [pair if isinstance(pair, int) else pair[0] for pair in pairs]  # of a single axis both ends
    return zip(places(at.layer, at.rank), each, strict=False)


def _bordered(at: Passage, borders: Iterator[tuple[int, int]]) -> State:
    return _on_axes(at.state, {axis: sliding(at.output[axis], 1, 1, 1, before) for axis, before in borders})
