"""What is particular to JAX: its devices, and faster sums on a CPU. Keras compiles the whole step.

On a CPU, XLA computes a convolution of volumes many times as slowly as the same sum out of convolutions of
planes; `benchmarks/conv3d.py` measures both.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import jax
import keras

from convscope.engine.device import TensorFunction
from convscope.engine.training.keras_batches import endless, ragged, repeated
from convscope.layers.neighbors import summed_by
from convscope.types import Array

__all__ = [
    "accelerated",
    "accelerator",
    "begin_epoch",
    "convertible",
    "cpu_computes_bfloat16",
    "endless",
    "prediction_threads",
    "ragged",
    "repeated",
]


def accelerator() -> tuple[str, bool] | None:
    """Name of the GPU or TPU and whether it computes in bfloat16; None where there is only a CPU."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return None
    capability = getattr(device, "compute_capability", "8.0")
    return str(device.device_kind), float(capability) >= 8.0


def cpu_computes_bfloat16() -> bool:
    """XLA on a CPU converts bfloat16 to float32 and back, which only costs."""
    return False


def prediction_threads(_: int) -> int:
    """One batch at a time: Keras keeps the state of a model with the model here."""
    return 1


def begin_epoch(seed: int, epoch: int) -> None:
    """Nothing to do: all random states are variables of the model, which a checkpoint holds."""


def convertible(function: TensorFunction, model: keras.Model, example: Array) -> dict[str, object]:
    """What `openvino.convert_model` takes to convert a function that calls a model.

    Raises:
        NotImplementedError: It takes no programs of JAX.
    """
    raise NotImplementedError("programs of the jax backend cannot be converted")


@contextmanager
def accelerated(model: keras.Model) -> Iterator[None]:
    """Within it, sums over neighbors and convolutions of volumes are computed faster on a CPU.

    The layers, their weights and their configuration stay what they are; only what an instance calls to
    convolve is replaced while a training traces it, and restored afterwards.

    Args:
        model: Any Keras model.
    """
    if accelerator():
        yield
        return
    layers = [layer for layer in model._flatten_layers(include_self=False) if _convolves_volumes(layer)]
    for layer in layers:
        layer.convolution_op = partial(_sum_of_planes, layer)
    try:
        with summed_by(neighbor_sum):
            yield
    finally:
        for layer in layers:
            del layer.convolution_op


def _convolves_volumes(layer: keras.layers.Layer) -> bool:
    return (
        type(layer) is keras.layers.Conv3D
        and layer.data_format == "channels_last"
        and layer.groups == 1
        and layer.padding in ("same", "valid")
        and set(layer.dilation_rate) == {1}
    )


def _sum_of_planes(layer: keras.layers.Conv3D, values: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution of a layer as one of two dimensions for each plane of its kernel, added up.

    Args:
        layer: Says strides and padding.
        values: Shape (batch, depth, height, width, channels).
        kernel: Shape (depth, height, width, channels, kernels).
    """
    size, (stride, *strides) = kernel.shape[0], layer.strides
    same = layer.padding == "same"
    count = -(-values.shape[1] // stride) if same else (values.shape[1] - size) // stride + 1
    missing = max((count - 1) * stride + size - values.shape[1], 0) if same else 0
    before = missing // 2
    padded = jax.numpy.pad(values, [(0, 0), (before, missing - before), (0, 0), (0, 0), (0, 0)])
    total: jax.Array | None = None
    for at in range(size):
        planes = padded[:, at : at + (count - 1) * stride + 1 : stride]
        flat = planes.reshape(-1, *planes.shape[2:])
        part = keras.ops.conv(flat, kernel[at], tuple(strides), layer.padding, "channels_last")
        total = part if total is None else total + part
    assert total is not None
    return total.reshape(-1, count, *total.shape[1:])


def neighbor_sum(values: jax.Array, neighbors: jax.Array, weights: jax.Array, owners: jax.Array) -> jax.Array:
    """Sums over neighbors by segments of edges in order; see `NeighborSum`."""
    rows = jax.numpy.repeat(owners, neighbors.shape[1])
    near = values[neighbors.reshape(-1)] * weights.reshape(-1, 1)
    return jax.ops.segment_sum(near, rows, values.shape[0], indices_are_sorted=True)
