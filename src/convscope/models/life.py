"""Architectures for remaining life: one number out of a window of many sensors."""

from __future__ import annotations

import keras
from keras import layers

from convscope.errors import UsageError


def life_cnn(
    input_shape: tuple[int | None, ...],
    cap: float = 125.0,
    filters: int = 32,
    depth: int = 4,
    kernel_size: int = 3,
    dropout: float = 0.2,
) -> keras.Model:
    """Convolutions over time whose kernels look further back from block to block, averaged over the window.

    Block k computes x + conv(relu(norm(x))) with a dilation of 2^(k-1) (He et al. 2016, "Identity mappings in
    deep residual networks"; Yu and Koltun 2016, "Multi-scale context aggregation by dilated convolutions").
    Each map says what it found by its mean over the window, and one dense layer weighs these.

    Args:
        input_shape: (rows, variables).
        cap: The longest remaining life that is told apart, in cycles; the answer is counted in it.
        filters: Kernels of each convolution.
        depth: Residual blocks.
        kernel_size: Rows that a kernel looks at.
        dropout: Share that is left out in training, of maps in the blocks half of it.

    Returns:
        A functional model from windows, (batch, rows, variables) float32, to remaining lives in cycles,
        (batch, 1) float32.

    Raises:
        UsageError: A bad option.
    """
    _check("life_cnn", input_shape, filters=filters, depth=depth, kernel_size=kernel_size)
    window = keras.Input(input_shape, name="window")
    x = layers.Conv1D(filters, kernel_size, padding="same", name="stem_conv")(window)
    for block in range(1, depth + 1):
        y = layers.BatchNormalization(name=f"block{block}_norm")(x)
        y = layers.ReLU(name=f"block{block}_relu")(y)
        y = layers.Conv1D(
            filters,
            kernel_size,
            padding="same",
            dilation_rate=2 ** (block - 1),
            kernel_initializer="he_normal",
            name=f"block{block}_conv",
        )(y)
        y = layers.SpatialDropout1D(dropout / 2, name=f"block{block}_dropout")(y)
        x = layers.Add(name=f"block{block}_add")([x, y])
    x = layers.BatchNormalization(name="last_norm")(x)
    x = layers.ReLU(name="last_relu")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(window, _life(x, cap), name="life_cnn")


def _life(features: keras.KerasTensor, cap: float) -> keras.KerasTensor:
    """One number in cycles; it stays float32 whatever the precision of the rest."""
    policy = keras.config.dtype_policy()
    dtype = "float32" if policy.name.startswith("mixed_") else None
    share = layers.Dense(1, bias_initializer=keras.initializers.Constant(0.5), dtype=dtype, name="share")(
        features
    )
    return layers.Rescaling(cap, dtype=dtype, name="life")(share)


def _check(name: str, input_shape: tuple[int | None, ...], **sizes: int) -> None:
    if len(input_shape) != 2:
        raise UsageError(f"{name} takes (rows, variables). Received: input_shape={tuple(input_shape)}.")
    for what, size in sizes.items():
        if size < 1:
            raise UsageError(f"{name} needs {what} of at least 1. Received: {what}={size}.")
