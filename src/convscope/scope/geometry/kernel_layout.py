"""How the layers with a kernel keep their weights, and which of its inputs each of their positions reads.

Every layer is brought to one layout, (positions of the kernel..., channels in, kernels), whichever way it
keeps its own weights, so that a value of a map is always the sum of a patch times a kernel.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from convscope.errors import UsageError
from convscope.scope.geometry import sliding
from convscope.scope.graph.graph import Call, LayerGraph
from convscope.scope.layer_spec import Layout, base_spec_of

Floats = npt.NDArray[np.float32]


def layout_of(layer: keras.Operation) -> Layout | None:
    """How a layer keeps its kernel; None for a layer without one, or one that is not known."""
    spec = base_spec_of(layer)
    return None if spec is None else spec.kernel


def with_kernel(graph: LayerGraph, path: str) -> Call:
    """A layer with a kernel.

    Raises:
        UsageError: There is no such layer, or it has no kernel.
    """
    call = graph.find(path)
    if layout_of(call.layer) is None:
        raise without_kernel(graph, call.path)
    return call


def without_kernel(graph: LayerGraph, path: str) -> UsageError:
    """The error for a layer that has no kernel; its hint names some that do."""
    call = graph.find(path)
    others = [each.path for each in graph.calls if layout_of(each.layer)]
    hint = (
        f"Layers with a kernel: {', '.join(others[:6])}{', ...' if len(others) > 6 else ''}."
        if others
        else ""
    )
    return UsageError(f"The layer '{call.path}' is of type {call.type}, which has no kernel.", hint)


def weights_of(layer: keras.layers.Layer) -> Floats:
    """The kernels of a layer, as it computes with them.

    A kernel of a separable convolution is its depthwise kernels, weighted by its pointwise one and added up
    for each input channel: K[k, i, o] = sum over m of D[k, i, m] P[i, m, o], which gives the same values as
    the two steps, since nothing stands between them.

    Args:
        layer: A built layer of which `layout_of` knows the kind.

    Returns:
        Shape (positions of the kernel..., channels in, kernels). With groups, `channels in` counts those
        of one group; a depthwise kernel reads 1.

    Raises:
        UsageError: The weights are quantized, so that they are not what the layer multiplies with.
    """
    if getattr(layer, "quantization_mode", None) not in (None, "float8"):
        raise UsageError(
            f"The weights of the layer '{layer.name}' are quantized to {layer.quantization_mode}.",
            "Use the model before quantization.",
        )
    layout = layout_of(layer)
    if layout == "separable":
        each = as_computed(layer.depthwise_kernel, layer)
        mixed = as_computed(layer.pointwise_kernel, layer).reshape(*each.shape[-2:], -1)
        folded: Floats = np.einsum("...im,imo->...io", each, mixed)
        return folded
    kernel = as_computed(layer.kernel, layer)
    if layout == "depthwise":
        return kernel.reshape(*kernel.shape[:-2], 1, -1)
    return np.swapaxes(kernel, -1, -2) if layout == "transposed" else kernel


def bias_of(layer: keras.layers.Layer, kernels: int) -> Floats:
    """The bias of each kernel, shape (kernels,); zeros for a layer without."""
    bias = getattr(layer, "bias", None)
    return np.zeros(kernels, np.float32) if bias is None else as_computed(bias, layer)


def as_computed(array: npt.ArrayLike, layer: keras.layers.Layer) -> Floats:
    """An array as float32, rounded to the precision that the layer computes in."""
    rounded = ops.cast(ops.cast(array, layer.compute_dtype), "float32")
    return np.asarray(ops.convert_to_numpy(rounded), np.float32)


def groups_of(layer: keras.layers.Layer, channels_in: int) -> int:
    """Into how many groups the input channels are divided; each kernel reads one group."""
    return channels_in if layout_of(layer) == "depthwise" else int(getattr(layer, "groups", 1))


def channels_read(layer: keras.layers.Layer, kernel: int, kernels: int, channels_in: int) -> range:
    """The input channels that a kernel reads."""
    groups = groups_of(layer, channels_in)
    size = channels_in // groups
    first = kernel // (kernels // groups) * size
    return range(first, first + size)


def spatial_rank(layer: keras.layers.Layer) -> int:
    """Over how many axes a kernel (or a pooling window) of the layer extends; 0 for a dense layer."""
    return 0 if layout_of(layer) == "dense" else int(layer.input_spec.ndim or layer.input_spec.min_ndim) - 2


def channel_axis(layer: keras.layers.Layer) -> int:
    """Where the layer's own input and output have their channels, counted from the end."""
    rank = spatial_rank(layer) + 2
    return sliding.channel_axis(layer, rank) - rank


def places_read(
    layer: keras.layers.Layer, at: Sequence[int], sizes: Sequence[int], output_sizes: Sequence[int]
) -> tuple[npt.NDArray[np.int64], ...]:
    """Where in its input one position of a layer's output reads, for every position of the kernel.

    With stride s, dilation d and padding p before the first input, position k of the kernel reads input
    o s + k d - p for output o; a transposed convolution reads the input i for which i s + k d - p = o.
    `same` padding is halved, the odd one after the last input; `causal` is all in front.

    Args:
        layer: A layer with a kernel or a pooling window.
        at: The position in the output, per spatial axis.
        sizes: Lengths of the input, per spatial axis.
        output_sizes: Lengths of the output, per spatial axis.

    Returns:
        Per spatial axis an array of input positions, one for each position of the kernel; -1 where it reads
        none.
    """
    rank = spatial_rank(layer)
    kernel = layer.kernel_size if hasattr(layer, "kernel_size") else getattr(layer, "pool_size", ())
    dilation = getattr(layer, "dilation_rate", (1,) * rank)
    dilation = (dilation,) * rank if isinstance(dilation, int) else dilation
    transposed = layout_of(layer) == "transposed"
    places = []
    for axis in range(rank):
        steps = np.arange(kernel[axis]) * dilation[axis]
        extent, stride = int(steps[-1]) + 1, layer.strides[axis]
        if transposed:
            full = (sizes[axis] - 1) * stride + extent
            cut = max(full - output_sizes[axis], 0) // 2 if layer.padding == "same" else 0
            spread = at[axis] + cut - steps
            read = np.where(spread % stride == 0, spread // stride, -1)
        else:
            missing = max((output_sizes[axis] - 1) * stride + extent - sizes[axis], 0)
            before = {"valid": 0, "same": missing // 2, "causal": extent - 1}[layer.padding]
            read = at[axis] * stride - before + steps
        places.append(np.where((read >= 0) & (read < sizes[axis]), read, -1))
    return tuple(places)
