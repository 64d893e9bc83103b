"""How one position of one feature map is computed: patch times kernel, summed, plus bias, activated."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from convscope.errors import UsageError
from convscope.scope.attribution.head import instead
from convscope.scope.differentiate import forward_program, gradient_program
from convscope.scope.geometry import kernel_layout as layout
from convscope.scope.geometry.kernel_layout import Floats
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.graph.graph import Call, LayerGraph
from convscope.scope.graph.layer_io import (
    all_layer_io,
    geometry_of,
    layer_io,
    one_sample,
    recorded_io,
    window_in,
)
from convscope.scope.layer_spec import activation_name, base_spec_of, has_trait
from convscope.scope.record import Recording
from convscope.types import Array, ArrayTree, Tensor

_POOLINGS = {"max pooling": "max", "average pooling": "average"}

_ROUNDING = 2.0**-8
"""How far a backend's own sum may lie off, relative to the sum of the absolute products: the precision of
bfloat16, which is also above that of the tensor cores (TF32) that compute convolutions in float32."""


@dataclass(frozen=True, eq=False)
class Position:
    """One position of one feature map, with all the numbers that it is made of.

    The numbers add up exactly: each product is rounded to float32; `sum` is their exact sum and `before` that
    of `sum` and `bias`, each rounded once to float64; `value` is the activation of `before` in float32. The
    model itself adds in an order and a precision of its own; how far that takes it off is `rounding`.

    Args:
        path: The layer.
        type: Its class name.
        channel: The number of the feature map.
        at: The position in the map, per axis; empty for a dense layer over plain features.
        patch: The layer's input under the kernel, (positions of the kernel..., channels read); 0 outside of
            the input.
        kernel: The weights, of the same shape. For a separable convolution both steps in one; for an average
            pooling the share of each value; for a maximum pooling 1 at the value that is taken.
        products: `patch` times `kernel`.
        padded: (positions of the kernel...,), True where nothing of the input lies under the kernel.
        sum: The sum of the products.
        bias: What the layer adds; 0 for one without.
        before: The value in front of the activation.
        activation: Name of the activation, `linear` for none.
        value: The activation of `before`.
        input_window: The part of the model's input that the value can depend on, half-open, per spatial axis;
            empty where that is not known.
        map: The whole feature map as recorded.
        inputs: The input of the layer in the channels read, (positions..., channels read).
        channels_read: Which channels of the input these are.
        places: Per axis of the kernel, the position in `inputs` under each of its positions, -1 for none.
        geometry: Where the positions of the map lie in the model's input.
        gathered: Whether the positions of the kernel are nodes of a graph that the layer gathers from.
        shares: The normalized weight of each of these nodes, by which the layer's kernel is multiplied in
            `kernel`, (nodes,); None where the layer has not one kernel for all of them.
        held: What else depends on the input and is kept, such as "the attention", so that the value is a sum
            of products; `bias` is then all that does not change with the values of the nodes.
    """

    path: str
    type: str
    channel: int
    at: tuple[int, ...]
    patch: Floats
    kernel: Floats
    products: Floats
    padded: npt.NDArray[np.bool_]
    sum: float
    bias: float
    before: float
    activation: str
    value: float
    input_window: tuple[tuple[int, int], ...]
    map: Floats
    inputs: Floats
    channels_read: tuple[int, ...]
    places: tuple[npt.NDArray[np.int64], ...]
    geometry: Geometry | None = None
    gathered: bool = False
    shares: Floats | None = None
    held: str = ""

    @property
    def rounding(self) -> float:
        """What is recorded minus `value`: the rounding of the model's own computation."""
        return float(self.map[self.at]) - self.value


def has_position(layer: keras.Operation) -> bool:
    """Whether `position` may take a layer apart: it has kernels, pools, or gathers from nodes."""
    spec = base_spec_of(layer)
    pools = spec is not None and spec.component in _POOLINGS
    return pools or has_trait(layer, "gathers") or layout.layout_of(layer) is not None


def position(
    model: keras.Model,
    x: ArrayTree,
    layer: str,
    channel: int | None = None,
    at: Sequence[int] | None = None,
    *,
    recording: Recording | None = None,
) -> Position:
    """Takes apart how one position of one feature map comes about.

    Works for convolutions of 1 to 3 dimensions (strided, padded, dilated, in groups, depthwise, separable,
    transposed), dense layers, maximum and average poolings, inside of nested models and TimeDistributed too;
    and for layers that gather from the nodes of a graph, where their value is a weighted sum of these.

    Args:
        model: Any Keras model.
        x: One sample as the model takes it (array, list or dict), with a batch axis of 1 or without.
        layer: Path or unique name of the layer.
        channel: The number of the map; by default the one with the largest value.
        at: The position in the map; by default that of its largest value. A layer inside TimeDistributed
            has the frame in front.
        recording: Of this sample, with the layer and the one in front of it; then nothing is computed again.

    Returns:
        The numbers.

    Raises:
        UsageError: The layer has no kernel, or computes something else with it; channel or position are
            outside of the map; `x` is more than one sample.
    """
    sample, graph = one_sample(model, x) if recording is None else (x, recording.graph)
    call = graph.find(layer)
    if has_trait(call.layer, "gathers"):
        return _gathered(model, graph, call, sample, channel, at)
    spec = base_spec_of(call.layer)
    pooling = _POOLINGS.get(spec.component) if spec is not None else None
    if layout.layout_of(call.layer) is None and pooling is None:
        raise layout.without_kernel(graph, call.path)
    seen = None if recording is None else recorded_io(recording, call, sample)
    inputs, maps = _seen(model, call.path, sample) if seen is None else seen
    axis = layout.channel_axis(call.layer)
    inputs = np.moveaxis(layout.as_computed(inputs, call.layer)[0], axis, -1)
    maps = np.moveaxis(np.asarray(maps, np.float32)[0], axis, -1)
    return _taken_apart(graph, call, pooling, inputs, maps, *_chosen(call.path, maps, channel, at))


def _taken_apart(
    graph: LayerGraph,
    call: Call,
    pooling: str | None,
    inputs: Floats,
    maps: Floats,
    channel: int,
    at: tuple[int, ...],
) -> Position:
    """One value of a map, from the inputs and maps of its layer, both channels last."""
    rank, kernels, channels_in = layout.spatial_rank(call.layer), maps.shape[-1], inputs.shape[-1]
    frame, spot = at[: len(at) - rank], at[len(at) - rank :]
    source = inputs[frame]
    places = layout.places_read(call.layer, spot, source.shape[:-1], maps.shape[len(frame) : -1])
    read = (channel,) if pooling else tuple(layout.channels_read(call.layer, channel, kernels, channels_in))
    patches, padded = _patch(source, places)
    patch = patches[..., list(read)]
    if pooling:
        kernel, bias = _pooling_kernel(pooling, patch, padded), 0.0
        others = np.zeros(kernels, np.float32)
    else:
        kernel, bias, others = _kernel(call.layer, channel, kernels, patches)
    products = patch * kernel
    total = math.fsum(products.ravel().tolist()) if np.isfinite(products).all() else float(products.sum())
    before, activation = total + bias, getattr(call.layer, "activation", None)
    slack = _ROUNDING * (float(np.abs(products).sum()) + abs(bias))
    value, *nearby = [_activated(activation, others, channel, before + off) for off in (0, -slack, slack)]
    _check(call.path, float(maps[(*at, channel)]), value, nearby)
    return Position(
        path=call.path,
        type=call.type,
        channel=channel,
        at=at,
        patch=patch,
        kernel=kernel,
        products=products,
        padded=padded,
        sum=total,
        bias=bias,
        before=before,
        activation=activation_name(call.layer),
        value=value,
        geometry=(where := geometry_of(graph, call.path)),
        input_window=window_in(where, call, at) or (),
        map=maps[..., channel],
        inputs=source[..., list(read)],
        channels_read=read,
        places=places,
    )


def _gathered(
    model: keras.Model,
    graph: LayerGraph,
    call: Call,
    sample: Tensor,
    channel: int | None,
    at: Sequence[int] | None,
) -> Position:
    """One value of a layer that sums up values of nodes: its gradient by them is what each is weighed by."""
    tensors, output = _all_seen(model, call.path, sample)
    maps = np.asarray(output, np.float32)[0]
    if channel is None and at is not None and len(at) == maps.ndim - 1:
        channel = int(np.nan_to_num(maps, nan=-np.inf)[tuple(at)].argmax())
    channel, at = _chosen(call.path, maps, channel, at)
    source = np.asarray(tensors[0], np.float32)[0]
    weights, others = _weighed(model, call.layer, tensors, (0, *at, channel))
    products = source * weights
    total = math.fsum(products[np.any(products, axis=-1)].ravel().tolist())
    held = str(getattr(call.layer, "held", ""))
    bias = float(layout.bias_of(call.layer, maps.shape[-1])[channel])
    slack = _ROUNDING * (float(np.abs(products).sum()) + abs(bias))
    if abs(others[channel] - total - bias) > slack:
        if not held:
            raise UsageError(
                f"'{call.path}' ({call.type}) is no weighted sum of the values of nodes, so that it cannot be"
                " taken apart into products.",
                "Take another layer, such as a convolution.",
            )
        bias = float(others[channel]) - total
    rows = _rows(weights, products, at)
    before = total + bias
    activation = getattr(call.layer, "activation", None)
    where = geometry_of(graph, call.path)
    return Position(
        path=call.path,
        type=call.type,
        channel=channel,
        at=at,
        patch=source[rows],
        kernel=weights[rows],
        products=products[rows],
        padded=np.zeros(len(rows), bool),
        sum=total,
        bias=bias,
        before=before,
        activation=activation_name(call.layer),
        value=_activated(activation, others, channel, before),
        input_window=where.window(at) if where.known and len(where.dependencies) == len(at) else (),
        map=maps[..., channel],
        inputs=source,
        channels_read=tuple(range(source.shape[-1])),
        places=(rows,),
        geometry=where,
        gathered=True,
        shares=_shares(call.layer, weights[rows], channel),
        held=held,
    )


def _rows(weights: Floats, products: Floats, at: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """The nodes that a value is made of, those that add most first; itself where there is none."""
    rows = np.flatnonzero(np.any(weights, axis=-1))
    sums = np.abs(products[rows].sum(axis=-1))
    return rows[np.argsort(-sums, kind="stable")] if len(rows) else np.array(at[-1:], np.int64)


def _all_seen(model: keras.Model, path: str, sample: Tensor) -> tuple[list[Array], Array]:
    """All that goes into the layer and what comes out of it, with the batch axis."""

    def function(*tensors: Tensor) -> Tensor:
        return all_layer_io(model, path, keras.tree.pack_sequence_as(sample, list(tensors)))

    inputs, output = forward_program(model, function, compiled=False)(*keras.tree.flatten(sample))
    return list(inputs), output


def _weighed(
    model: keras.Model, layer: keras.layers.Layer, tensors: Sequence[Array], spot: tuple[int, ...]
) -> tuple[Floats, Floats]:
    """The gradient of one value before the activation, (nodes, channels), and the values of all channels."""

    def function(*given: Tensor) -> Tensor:
        with instead(layer, "activation", keras.activations.linear), instead(layer, "holding", True):
            output = ops.cast(layer(list(given)), "float32")
        return output[spot], output[spot[:-1]]

    gradients, others = gradient_program(model, function, [0], compiled=False)(*tensors)
    return np.asarray(gradients[0], np.float32)[0], np.asarray(others, np.float32)


def _shares(layer: keras.layers.Layer, weights: Floats, channel: int) -> Floats | None:
    """By what the layer's own kernel is multiplied to give the weights (nodes, channels); None for others."""
    kernel = getattr(layer, "kernel", None)
    if kernel is None or len(kernel.shape) != 2 or kernel.shape[0] != weights.shape[1]:
        return None
    own = layout.as_computed(kernel, layer)[:, channel]
    size = float(np.square(own, dtype=np.float64).sum())
    shares = (weights @ own / (size or 1.0)).astype(np.float32)
    far = np.abs(weights - shares[:, None] * own).max(initial=0)
    return shares if size and far <= _ROUNDING * np.abs(weights).max(initial=0) else None


def _seen(model: keras.Model, path: str, sample: ArrayTree) -> tuple[Array, Array]:
    """What goes into the layer and what comes out of it, with the batch axis."""

    def function(*tensors: Tensor) -> Tensor:
        return layer_io(model, path, keras.tree.pack_sequence_as(sample, list(tensors)))

    seen = forward_program(model, function, compiled=False)(*keras.tree.flatten(sample))
    return seen[0], seen[1]


def _chosen(
    path: str, maps: Floats, channel: int | None, at: Sequence[int] | None
) -> tuple[int, tuple[int, ...]]:
    """The channel and position asked for, checked, or else the strongest ones."""
    *sizes, kernels = maps.shape
    finite = np.where(np.isnan(maps), -np.inf, maps)
    if channel is None:
        channel = int(finite.reshape(-1, kernels).max(0).argmax())
    channel = operator.index(channel)
    if not 0 <= channel < kernels:
        raise UsageError(f"'{path}' has channels 0 to {kernels - 1}. Received: channel={channel}.")
    strongest = np.unravel_index(int(finite[..., channel].argmax()), sizes) if sizes else ()
    at = tuple(operator.index(place) for place in (strongest if at is None else at))
    if len(at) != len(sizes):
        raise UsageError(
            f"A position in '{path}' has {len(sizes)} indices, one per axis. Received: at={at}.",
            f"Its feature maps have the shape {tuple(sizes)}.",
        )
    if any(not 0 <= place < size for place, size in zip(at, sizes, strict=True)):
        ends = tuple(size - 1 for size in sizes)
        raise UsageError(f"Positions in '{path}' go from {(0,) * len(sizes)} to {ends}. Received: at={at}.")
    return channel, at


def _patch(source: Floats, places: Sequence[npt.NDArray[np.int64]]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The input under the kernel in all channels, 0 outside; and where it is outside."""
    outside = np.zeros((), bool)
    for axis, places_of_axis in enumerate(places):
        source = np.take(source, places_of_axis, axis)
        outside = np.logical_or.outer(outside, places_of_axis < 0)
    return np.where(outside[..., None], np.float32(0), source), outside


def _pooling_kernel(how: str, patch: Floats, padded: npt.NDArray[np.bool_]) -> Floats:
    """A pooling as a kernel: 1 at the value taken, or the same share of each value."""
    inside = ~padded[..., None]
    if how == "average":
        return (inside / np.float32(inside.sum())).astype(np.float32)
    kernel = np.zeros(patch.size, np.float32)
    kernel[np.where(inside, patch, -np.inf).argmax()] = 1
    return kernel.reshape(patch.shape)


def _kernel(
    layer: keras.layers.Layer, channel: int, kernels: int, patches: Floats
) -> tuple[Floats, float, Floats]:
    """Weights and bias of one kernel, and the values of all, which softmax and its like take together."""
    weights, biases = layout.weights_of(layer), layout.bias_of(layer, kernels)
    groups, size = layout.groups_of(layer, patches.shape[-1]), weights.shape[-2]
    apart = patches.reshape(-1, groups, size), weights.reshape(-1, size, groups, kernels // groups)
    others: Floats = np.einsum("kgi,kigo->go", *apart).reshape(-1) + biases
    return np.ascontiguousarray(weights[..., channel]), float(biases[channel]), others


def _activated(activation: Tensor, others: Floats, channel: int, before: float) -> float:
    if activation is None:
        return float(np.float32(before))
    vector = others.copy()
    vector[channel] = before
    return float(ops.convert_to_numpy(activation(ops.convert_to_tensor(vector[None])))[0, channel])


def _check(path: str, recorded: float, value: float, nearby: Sequence[float]) -> None:
    """Makes sure that the layer computes what is shown."""
    spread = max(nearby) - min(nearby) + _ROUNDING * abs(value)
    if abs(recorded - value) > spread and np.isfinite([recorded, value, spread]).all():
        raise UsageError(
            f"The layer '{path}' computes {recorded:g} here, but its kernel, bias and activation give "
            f"{value:g}: its class overrides the computation."
        )
