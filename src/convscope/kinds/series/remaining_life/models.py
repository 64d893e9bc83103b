"""Architectures for remaining life: one number out of a window of many sensors."""

from __future__ import annotations

import math

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.series.layers.member_mean import MemberMean


def life_cnn(
    input_shape: tuple[int | None, ...],
    cap: float = 125.0,
    pool: int = 10,
    kernel_size: int = 3,
    filters: int = 16,
    units: int = 16,
    members: int = 8,
    noise: float = 0.0,
) -> keras.Model:
    """Kernels over means of several rows, read by the small networks of an ensemble.

    Wear changes slowly and sensors are noisy, so rows are averaged some at a time before kernels slide over
    them; what a kernel finds is distinguished by when it finds it. Each member has kernels and two dense
    layers of its own and learns by itself; their mean is the output (Lakshminarayanan, Pritzel and Blundell
    2017, "Simple and scalable predictive uncertainty estimation using deep ensembles"). All of them are
    computed at once, their kernels as one convolution.

    Args:
        input_shape: (rows, variables).
        cap: The longest remaining life that the model distinguishes, in cycles; the output is scaled by it.
        pool: Rows that are averaged; of a window that is no multiple of it, the oldest rows are left out.
        kernel_size: Means that a kernel looks at.
        filters: Kernels of each member.
        units: Units of each member's dense layer.
        members: Number of networks.
        noise: Standard deviation of what is added to each mean in training, in those of the variable.

    Returns:
        A functional model from windows, (batch, rows, variables) float32, to remaining lives in cycles,
        (batch, 1) float32. It is to learn by squared errors.

    Raises:
        UsageError: A bad option.
    """
    sizes = {"kernel_size": kernel_size, "filters": filters, "units": units, "members": members}
    rows = _checked("life_cnn", input_shape, pool, **sizes)
    window = keras.Input(input_shape, name="window")
    x = layers.Cropping1D((rows % pool, 0), name="newest")(window) if rows % pool else window
    x = layers.AveragePooling1D(pool, name="smooth")(x)
    x = layers.GaussianNoise(noise, name="noise")(x)
    x = layers.Conv1D(members * filters, kernel_size, padding="same", activation="tanh", name="conv")(x)
    x = layers.Reshape((rows // pool, members, filters), name="by_member")(x)
    return keras.Model(window, _life(x, units, cap), name="life_cnn")


def _life(maps: keras.KerasTensor, units: int, cap: float) -> keras.KerasTensor:
    """One number in cycles; it stays float32 whatever the precision of the rest."""
    _, positions, members, filters = maps.shape
    features = layers.EinsumDense(
        "bpmf,mpfu->bmu",
        (members, units),
        bias_axes="mu",
        activation="tanh",
        kernel_initializer=_glorot(positions * filters, units),
        name="dense",
    )(maps)
    policy = keras.config.dtype_policy()
    dtype = "float32" if policy.name.startswith("mixed_") else None
    share = layers.EinsumDense(
        "bmu,mu->bm",
        (members,),
        bias_axes="m",
        kernel_initializer=_glorot(units, 1),
        bias_initializer=keras.initializers.Constant(0.5),
        dtype=dtype,
        name="share",
    )(features)
    lives = layers.Rescaling(cap, dtype=dtype, name="lives")(share)
    return MemberMean(dtype=dtype, name="life")(lives)


def _glorot(inputs: int, outputs: int) -> keras.initializers.Initializer:
    """As a dense layer of one member would begin; Keras takes the axis of members for more inputs."""
    limit = math.sqrt(6 / (inputs + outputs))
    return keras.initializers.RandomUniform(-limit, limit)


def _checked(name: str, input_shape: tuple[int | None, ...], pool: int, **sizes: int) -> int:
    """The rows of a window."""
    if len(input_shape) != 2 or input_shape[0] is None:
        raise UsageError(f"{name} takes (rows, variables). Received: input_shape={tuple(input_shape)}.")
    for what, size in {"pool": pool, **sizes}.items():
        if size < 1:
            raise UsageError(f"{name} needs {what} of at least 1. Received: {what}={size}.")
    if input_shape[0] < pool:
        raise UsageError(
            f"{name} averages {pool} rows at a time. Received: a window of {input_shape[0]}.",
            f"Use a longer window, or pool={input_shape[0]}.",
        )
    return input_shape[0]
