"""The architecture for forecasts: from the last rows to the next ones, all at once."""

from __future__ import annotations

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.series.anomaly.models import checked_window, dilated_blocks


def direct_forecaster(
    input_shape: tuple[int | None, ...], horizon: int = 24, filters: int = 32, kernel_size: int = 3
) -> keras.Model:
    """Dilated causal convolutions and a linear map that forecast several rows at once.

    Everything is told from the last row on, so that a series whose level has moved is forecast like the one
    it was before. To the last row are added a linear map over time that all variables share (Zeng, Chen,
    Zhang and Xu 2023, "Are transformers effective for time series forecasting?") and what dilated
    convolutions over all variables say (Bai, Kolter and Koltun 2018, "An empirical evaluation of generic
    convolutional and recurrent networks for sequence modeling"). Each step ahead has outputs of its own:
    no forecast is made from another one.

    Args:
        input_shape: (rows of a window, variables).
        horizon: Rows that are forecast.
        filters: Kernels of each convolution.
        kernel_size: Rows that a kernel looks at.

    Returns:
        A functional model from (batch, window, variables) float32 to (batch, horizon, variables).

    Raises:
        UsageError: A bad option or shape.
    """
    window, variables = checked_window("direct_forecaster", input_shape, filters=filters, horizon=horizon)
    if kernel_size < 2:
        raise UsageError(f"direct_forecaster needs kernels of 2 rows or more. Received: {kernel_size}.")
    policy = keras.config.dtype_policy()
    dtype = "float32" if policy.name.startswith("mixed_") else None
    rows = keras.Input(input_shape, name="rows")
    last = layers.Cropping1D((window - 1, 0), name="last_row")(rows)
    moved = layers.Subtract(name="from_last_row")([rows, last])
    x = layers.Conv1D(filters, 1, name="stem_conv")(moved)
    x = dilated_blocks(x, filters, kernel_size, window)
    x = layers.ReLU(name="last_relu")(x)
    x = layers.Flatten(name="present")(layers.Cropping1D((window - 1, 0), name="last_features")(x))
    x = layers.Dense(horizon * variables, dtype=dtype, name="steps")(x)
    x = layers.Reshape((horizon, variables), dtype=dtype, name="by_step")(x)
    y = layers.Permute((2, 1), name="by_variable")(moved)
    y = layers.Dense(horizon, kernel_initializer="zeros", dtype=dtype, name="linear")(y)
    y = layers.Permute((2, 1), dtype=dtype, name="linear_by_step")(y)
    return keras.Model(rows, layers.Add(dtype=dtype, name="forecast")([x, y, last]), name="direct_forecaster")
