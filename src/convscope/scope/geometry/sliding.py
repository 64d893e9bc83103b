"""How kernels, pools, borders and up-sampling, which move along axes, move receptive fields."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers

from convscope.scope.geometry.axis_dependency import AxisDependency, everything, slid, spread, stretched
from convscope.scope.graph.graph import Call, Shape

Reaches = tuple[AxisDependency, ...]
State = Reaches | None
"""One reach per axis of the model's input; empty for what does not depend on it, None if unknown."""
Rule = Callable[[Any, Call, Sequence[Shape], Sequence[Reaches]], State]

CONVOLUTIONS = (
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
)
TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
POOLINGS = (
    layers.MaxPooling1D,
    layers.MaxPooling2D,
    layers.MaxPooling3D,
    layers.AveragePooling1D,
    layers.AveragePooling2D,
    layers.AveragePooling3D,
)
PADDINGS = (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)
CROPPINGS = (layers.Cropping1D, layers.Cropping2D, layers.Cropping3D)
UPSAMPLINGS = (layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D)


def has_format(layer: keras.Operation) -> bool:
    """Whether a layer is told where the channels are."""
    return _format(layer) is not None


def _format(layer: keras.Operation) -> str | None:
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


def on_channels(axis: int, state: Reaches) -> Reaches:
    """The channel axis is mixed and its positions are replaced by kernels."""
    return tuple(everything(r) if r.axis == axis or r.mixed else r for r in state)


def _on_axes(state: Reaches, moves: dict[int, Callable[[AxisDependency], AxisDependency]]) -> Reaches:
    return tuple(r if r.whole or r.axis is None or r.axis not in moves else moves[r.axis](r) for r in state)


def places(layer: Any, rank: int) -> list[int]:
    """The axes along which kernels slide."""
    channels = channel_axis(layer, rank)
    return [axis for axis in range(1, rank) if axis != channels]


def _each(value: Any, count: int) -> list[Any]:
    return [value] * count if isinstance(value, int) else list(value)


def _same_padding(length: int | None, size: int, stride: int, dilation: int) -> int:
    """Zeros in front of the first position under 'same' padding."""
    span = (size - 1) * dilation + 1
    if length is None:
        return max(span - stride, 0) // 2
    return max((math.ceil(length / stride) - 1) * stride + span - length, 0) // 2


def convolution(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    """Behind a convolution of any kind but a transposed one, or a pooling."""
    shape, out, rank = shapes[0], call.outputs[0].shape, len(shapes[0])
    pooling = isinstance(layer, POOLINGS)
    axes = places(layer, rank)
    sizes = _each(layer.pool_size if pooling else layer.kernel_size, len(axes))
    strides = _each(layer.strides, len(axes))
    dilations = [1] * len(axes) if pooling else _each(layer.dilation_rate, len(axes))
    moves = {}
    for axis, size, stride, dilation in zip(axes, sizes, strides, dilations, strict=True):
        before = {"valid": 0, "causal": (size - 1) * dilation}.get(layer.padding)
        if before is None:
            before = _same_padding(shape[axis], size, stride, dilation)
        moves[axis] = _sliding(out[axis], size, stride, dilation, before)
    state = _on_axes(states[0], moves)
    alone = pooling or (type(layer).__name__.startswith("Depthwise") and layer.depth_multiplier == 1)
    return state if alone else on_channels(channel_axis(layer, rank), state)


def _sliding(
    length: int | None, size: int, stride: int, dilation: int, before: int
) -> Callable[[AxisDependency], AxisDependency]:
    return lambda reach: slid(reach, length, size, stride, dilation, before)


def transposed(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    """Behind a transposed convolution."""
    shape, out, rank = shapes[0], call.outputs[0].shape, len(shapes[0])
    axes = places(layer, rank)
    moves: dict[int, Callable[[AxisDependency], AxisDependency]] = {}
    for i, axis in enumerate(axes):
        size, stride = layer.kernel_size[i], layer.strides[i]
        dilation = _each(layer.dilation_rate, len(axes))[i]
        span = (size - 1) * dilation + 1
        length_in, length_out = shape[axis], out[axis]
        before = 0
        if layer.padding == "same":
            excess = span - stride
            if length_in is not None and length_out is not None:
                excess = (length_in - 1) * stride + span - length_out
            before = max(excess, 0) // 2

        def move(
            r: AxisDependency,
            out_length: int | None = length_out,
            kernel: tuple[int, ...] = (size, stride, dilation, before),
        ) -> AxisDependency:
            return spread(r, out_length, *kernel)

        moves[axis] = move
    return on_channels(channel_axis(layer, rank), _on_axes(states[0], moves))


def upsampling(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    """Behind an up-sampling; None for an interpolation that is not known."""
    shape, out = shapes[0], call.outputs[0].shape
    axes = places(layer, len(shape))
    how = getattr(layer, "interpolation", "nearest")
    if how not in ("nearest", "bilinear"):
        return None
    moves: dict[int, Callable[[AxisDependency], AxisDependency]] = {}
    for axis, factor in zip(axes, _each(layer.size, len(axes)), strict=True):

        def move(r: AxisDependency, a: int = axis, f: int = factor) -> AxisDependency:
            return stretched(r, out[a], f, between=how == "bilinear")

        moves[axis] = move
    return _on_axes(states[0], moves)


def bordered(layer: Any, call: Call, shapes: Sequence[Shape], states: Sequence[Reaches]) -> State:
    """Zero padding and, with the sign turned, cropping."""
    shape, out = shapes[0], call.outputs[0].shape
    axes = places(layer, len(shape))
    padding = isinstance(layer, PADDINGS)
    pairs = layer.padding if padding else layer.cropping
    if len(axes) == 1 and not isinstance(pairs[0], (tuple, list)):
        pairs = (pairs,)
    moves = {
        axis: _sliding(out[axis], 1, 1, 1, pair[0] if padding else -pair[0])
        for axis, pair in zip(axes, pairs, strict=True)
    }
    return _on_axes(states[0], moves)
