"""What is particular to TensorFlow: its devices, and two faster operations for training on a CPU.

Keras computes batch normalization on TensorFlow as a chain of element-wise operations; TensorFlow has one
fused operation for the same numbers. And it draws one counter-based random number for each value that
Dropout may drop, which takes a sixth of a step of a small network; NumPy's SFC64 generator gives 16 random
bits a value in a tenth of that time. benchmarks/train_speed.py measures what both come to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf


def accelerator() -> tuple[str, bool] | None:
    """Name of the GPU and whether it computes in bfloat16; None where there is only a CPU."""
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return None
    details = tf.config.experimental.get_device_details(devices[0])
    return details.get("device_name", "GPU"), details.get("compute_capability", (8, 0)) >= (8, 0)


def cpu_computes_bfloat16() -> bool:
    """TensorFlow computes convolutions in bfloat16 on a processor that has it."""
    return True


def begin_epoch(seed: int, epoch: int) -> None:
    """Nothing to do: all random states are variables of the model, which a checkpoint holds."""


@contextmanager
def accelerated(model: keras.Model) -> Iterator[None]:
    """Within it, the model's layers compute the same numbers by faster operations.

    The layers themselves, their weights and their configuration stay what they are; only the instances'
    `call` is replaced while a training traces it, and restored afterwards.

    Args:
        model: Any Keras model.
    """
    if tf.config.list_physical_devices("GPU"):
        yield
        return
    replaced: list[keras.layers.Layer] = []
    try:
        for layer in model._flatten_layers(include_self=False):
            faster = _faster_call(layer)
            if faster is not None:
                layer.call = partial(faster, layer, layer.call)
                replaced.append(layer)
        yield
    finally:
        for layer in replaced:
            del layer.call


def _faster_call(layer: keras.layers.Layer) -> Callable[..., tf.Tensor] | None:
    if type(layer) is keras.layers.BatchNormalization and _can_fuse(layer):
        return _fused_normalization
    drops = type(layer) is keras.layers.Dropout and layer.noise_shape is None
    if drops and 0 < round(layer.rate * 2**16) < 2**16:
        return _dropout_by_bits
    return None


def _can_fuse(layer: keras.layers.BatchNormalization) -> bool:
    """The fused operation normalizes the last of two or four axes, with scale and offset."""
    if not layer.built:
        return False
    rank = layer.input_spec.ndim
    return bool(layer.scale and layer.center and rank in (2, 4) and layer.axis in (-1, rank - 1))


def _fused_normalization(
    layer: keras.layers.BatchNormalization,
    plain_call: Any,
    inputs: tf.Tensor,
    training: bool | None = None,
    mask: tf.Tensor | None = None,
) -> tf.Tensor:
    if not (training and layer.trainable) or mask is not None:
        return plain_call(inputs, training=training, mask=mask)
    x = tf.cast(inputs, layer.compute_dtype)
    flat = len(x.shape) == 2
    if flat:
        x = x[:, None, None, :]
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=tf.cast(layer.gamma.value, tf.float32),
        offset=tf.cast(layer.beta.value, tf.float32),
        mean=[],
        variance=[],
        epsilon=layer.epsilon,
        is_training=True,
    )
    count = tf.cast(tf.size(x) // x.shape[-1], tf.float32)
    for moving, batch in (
        (layer.moving_mean, mean),
        (layer.moving_variance, variance * (count - 1.0) / count),
    ):
        moving.assign(moving.value * layer.momentum + batch * (1.0 - layer.momentum))
    return outputs[:, 0, 0, :] if flat else outputs


def _dropout_by_bits(
    layer: keras.layers.Dropout, plain_call: Any, inputs: tf.Tensor, training: bool | None = None
) -> tf.Tensor:
    """Drops each value with the layer's rate, to within 2 to the power of -17, and scales what is kept.

    The random bits follow from the layer's own seed generator, whose state a checkpoint holds.
    """
    if not training:
        return plain_call(inputs, training=training)
    x = tf.cast(inputs, layer.compute_dtype)
    bits = tf.numpy_function(_random_bits, [layer.seed_generator.next(), tf.size(x)], tf.uint16)
    keep = tf.reshape(bits, tf.shape(x)) >= np.uint16(round(layer.rate * 2**16))
    factor = tf.where(keep, tf.cast(1.0 / (1.0 - layer.rate), x.dtype), tf.zeros((), x.dtype))
    return tf.ensure_shape(x * factor, x.shape)


def _random_bits(seed: npt.NDArray[np.uint32], count: np.int32) -> npt.NDArray[np.uint16]:
    words: npt.NDArray[np.uint64] = np.random.SFC64(seed.tolist()).random_raw(-(-int(count) // 4))
    return words.view(np.uint16)[:count]
