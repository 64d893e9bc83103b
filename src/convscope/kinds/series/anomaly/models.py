"""Architectures for anomalies: they say what each row of a series is expected to be.

Both output one expected value for each value that comes in. Trained on normal data they learn what is
usual; how far a value is from what was expected says how unusual it is.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from convscope.errors import UsageError

HALVINGS = 3
"""How often the auto-encoder halves the length of a window."""


def causal_forecaster(
    input_shape: tuple[int | None, ...], filters: int = 32, kernel_size: int = 3
) -> keras.Model:
    """Dilated causal convolutions that forecast each row from the rows before it.

    The rows are delayed by one, so that a forecast cannot see what it is compared with. Each block computes
    x + conv1(relu(conv(x))) with twice the dilation of the one before, as long as a forecast looks back at
    half of the window at most: behind that, every forecast has all the past that it can use (Bai, Kolter and
    Koltun 2018, "An empirical evaluation of generic convolutional and recurrent networks for sequence
    modeling"; here a block has one dilated convolution, and nothing is normalized).

    Args:
        input_shape: (rows of a window, variables).
        filters: Kernels of each convolution.
        kernel_size: Rows that a kernel looks at.

    Returns:
        A functional model from (batch, window, variables) float32 to the expected values, of the same shape.

    Raises:
        UsageError: A bad option or shape.
    """
    window, variables = checked_window("causal_forecaster", input_shape, filters=filters)
    if kernel_size < 2:
        raise UsageError(f"causal_forecaster needs kernels of 2 rows or more. Received: {kernel_size}.")
    rows = keras.Input(input_shape, name="rows")
    x = layers.ZeroPadding1D((1, 0), name="delay")(rows)
    x = layers.Cropping1D((0, 1), name="present")(x)
    x = layers.Conv1D(filters, 1, name="stem_conv")(x)
    x = dilated_blocks(x, filters, kernel_size, window // 2)
    x = layers.ReLU(name="last_relu")(x)
    return keras.Model(rows, _expected(variables)(x), name="causal_forecaster")


def dilated_blocks(x: Any, filters: int, kernel_size: int, furthest: int) -> Any:
    """Blocks x + conv1(relu(conv(x))), each with twice the dilation of the one before.

    Args:
        x: Shape (batch, rows, filters).
        filters: Kernels of each convolution.
        kernel_size: Rows that a kernel looks at.
        furthest: Rows that the last one looks back at, at most.
    """
    seen, dilation, block = 2, 1, 1
    while seen + (kernel_size - 1) * dilation <= furthest:
        y = layers.Conv1D(
            filters,
            kernel_size,
            padding="causal",
            dilation_rate=dilation,
            activation="relu",
            kernel_initializer="he_normal",
            name=f"block{block}_conv",
        )(x)
        y = layers.Conv1D(filters, 1, name=f"block{block}_mix")(y)
        x = layers.Add(name=f"block{block}_add")([x, y])
        seen, dilation, block = seen + (kernel_size - 1) * dilation, 2 * dilation, block + 1
    return x


def conv_autoencoder(
    input_shape: tuple[int | None, ...], filters: int = 32, code: int = 4, kernel_size: int = 5
) -> keras.Model:
    """Convolutions that make a window eight times shorter, and others that restore it from that.

    What the short code has no room for is not restored: the model learns to keep what windows have in common
    (Hinton and Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks"; Malhotra et
    al. 2016, "LSTM-based encoder-decoder for multi-sensor anomaly detection", here by convolution).

    Args:
        input_shape: (rows of a window, variables); the window a multiple of 8.
        filters: Kernels of each convolution.
        code: Channels of the code.
        kernel_size: Rows that a kernel looks at.

    Returns:
        A functional model from (batch, window, variables) float32 to the restored values, of the same shape.

    Raises:
        UsageError: A bad option or shape.
    """
    window, variables = checked_window("conv_autoencoder", input_shape, filters=filters, code=code)
    if window % 2**HALVINGS:
        raise UsageError(
            f"conv_autoencoder takes windows of a multiple of {2**HALVINGS} rows. Received: {window}."
        )
    rows = keras.Input(input_shape, name="rows")
    x = rows
    for level in range(1, HALVINGS + 1):
        x = layers.Conv1D(
            filters, kernel_size, strides=2, padding="same", activation="relu", name=f"encode{level}_conv"
        )(x)
    x = layers.Conv1D(code, 1, name="code")(x)
    for level in range(1, HALVINGS + 1):
        x = layers.UpSampling1D(2, name=f"decode{level}_twice")(x)
        x = layers.Conv1D(
            filters, kernel_size, padding="same", activation="relu", name=f"decode{level}_conv"
        )(x)
    return keras.Model(rows, _expected(variables)(x), name="conv_autoencoder")


def _expected(variables: int) -> keras.layers.Layer:
    """The last layer; its values stay float32 whatever the precision of the rest."""
    policy = keras.config.dtype_policy()
    dtype = "float32" if policy.name.startswith("mixed_") else None
    return layers.Conv1D(variables, 1, dtype=dtype, name="expected")


def checked_window(name: str, input_shape: tuple[int | None, ...], **sizes: int) -> tuple[int, int]:
    """Rows and variables of a window.

    Raises:
        UsageError: There is another number of axes, or a size is below 1.
    """
    if len(input_shape) != 2 or not all(input_shape):
        raise UsageError(
            f"{name} takes (rows of a window, variables). Received: input_shape={tuple(input_shape)}."
        )
    for what, size in sizes.items():
        if size < 1:
            raise UsageError(f"{name} needs {what} of at least 1. Received: {what}={size}.")
    window, variables = (int(length or 0) for length in input_shape)
    return window, variables
