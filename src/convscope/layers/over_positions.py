"""Layers over all positions of each channel, of every rank: standardization, and pooling that Keras lacks."""

from __future__ import annotations

import keras
from keras import ops

from convscope.scope.geometry import rules
from convscope.scope.keras_layers.pooling import over_maps
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor

ROUNDING = 1e-6
"""A standard deviation below this part of the largest value may come from rounding alone."""


@keras.saving.register_keras_serializable("convscope")
class Standardization(keras.layers.Layer):  # type: ignore[misc]
    """Brings each channel of a sample to zero mean and unit variance over its positions.

        y[b, p, c] = (x[b, p, c] - mean[b, c]) / deviation[b, c]

    A channel that does not vary, up to the rounding of its own values, becomes 0.

    Shapes:
        Input (batch, positions..., channels) with any number of axes of positions; output that shape.

    Example:
        >>> made = Standardization()(keras.ops.array([[[1.0, 5.0], [3.0, 5.0]]]))
        >>> keras.ops.convert_to_numpy(made).tolist()
        [[[-1.0, 0.0], [1.0, 0.0]]]
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Subtracts the mean and divides by the standard deviation."""
        axes = tuple(range(1, len(inputs.shape) - 1))
        centered = inputs - ops.mean(inputs, axis=axes, keepdims=True)
        deviation = ops.sqrt(ops.mean(ops.square(centered), axis=axes, keepdims=True))
        largest = ops.max(ops.abs(inputs), axis=axes, keepdims=True)
        varies = deviation > ROUNDING * largest
        return ops.where(varies, centered / ops.where(varies, deviation, 1.0), 0.0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Unchanged."""
        return tuple(input_shape)


@keras.saving.register_keras_serializable("convscope")
class ProportionOfPositiveValues(keras.layers.Layer):  # type: ignore[misc]
    """Replaces each feature map by the proportion of its values that are above 0.

        y[b, c] = (1 / positions) * sum over positions p of (x[b, p, c] > 0)

    Of a convolution with a bias this says how much of the input matches the kernel better than the bias
    asks for, where the maximum says how well the best place matches (Dempster, Petitjean and Webb 2020,
    "ROCKET: exceptionally fast and accurate time series classification using random convolutional kernels").
    The proportion is a step function of the input, so that no gradient passes.

    Shapes:
        Input (batch, positions..., channels) with one, two, three or more axes of positions; output
        (batch, channels), from 0 to 1.

    Example:
        >>> made = ProportionOfPositiveValues()(keras.ops.array([[[1.0, -1.0], [2.0, 0.0]]]))
        >>> keras.ops.convert_to_numpy(made).tolist()
        [[1.0, 0.0]]
    """

    data_format = "channels_last"
    keepdims = False

    def call(self, inputs: Tensor) -> Tensor:
        """Takes the proportions."""
        axes = tuple(range(1, len(inputs.shape) - 1))
        return ops.mean(ops.cast(inputs > 0, self.compute_dtype), axis=axes)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Batch and channels."""
        return input_shape[0], input_shape[-1]


register(
    LayerSpec(
        Standardization,
        "normalization",
        "Brings each channel of a sample to mean 0 and variance 1 over its positions, so that brightness and "
        "contrast do not matter. Nothing is learned.",
        lambda facts: facts.stays,
        rules.over_positions,
        component="standardization",
    ),
    LayerSpec(
        ProportionOfPositiveValues,
        "global pooling",
        "Replaces each feature map by the proportion of its values above 0: how much of the input matches "
        "the kernel better than its bias. It has no weights and accepts inputs of any size.",
        lambda facts: over_maps(facts, "proportion of positive values"),
        rules.global_pooling,
        component="pooling by the proportion of positive values",
    ),
)
