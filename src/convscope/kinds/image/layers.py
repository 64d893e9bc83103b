"""Layers of banks of kernels for images: a border that is no edge, and energy without a phase."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from convscope.scope.geometry import rules
from convscope.scope.geometry.sliding import padding
from convscope.scope.keras_layers.shaping import padded
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor

SMALLEST_ENERGY = 1e-6
"""What is smaller counts as this, because the slope of a root at 0 has no limit."""


@keras.saving.register_keras_serializable("convscope")
class Energy(keras.layers.Layer):  # type: ignore[misc]
    """Joins the answers of two kernels that differ by a quarter of a wave into one without a phase.

        y = sqrt(even^2 + odd^2), at least 1e-6

    Where exactly a stripe lies moves its value from one answer to the other; the energy stays (Adelson
    and Bergen 1985, "Spatiotemporal energy models for the perception of motion"; here its root, so that it
    grows with the contrast and not with its square).

    Shapes:
        Input two tensors of one shape; output that shape.

    Example:
        >>> made = Energy()([keras.ops.array([[3.0]]), keras.ops.array([[4.0]])])
        >>> keras.ops.convert_to_numpy(made).tolist()
        [[5.0]]
    """

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Takes the root of the sum of squares."""
        even, odd = inputs
        return ops.sqrt(ops.maximum(ops.square(even) + ops.square(odd), SMALLEST_ENERGY**2))

    def compute_output_shape(self, input_shape: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """That of either input."""
        return tuple(input_shape[0])


@keras.saving.register_keras_serializable("convscope")
class EdgePadding2D(keras.layers.ZeroPadding2D):  # type: ignore[misc]
    """Pads images with copies of their outermost pixels, so that the border is not an edge.

        y[i, j] = x[min(max(i - top, 0), height - 1), min(max(j - left, 0), width - 1)]

    Takes what `keras.layers.ZeroPadding2D` takes; channels last. The padding may be wider than the image.

    Shapes:
        Input (batch, height, width, channels), of a known height and width; output (batch, top + height +
        bottom, left + width + right, channels).

    Example:
        >>> made = EdgePadding2D(((0, 1), (2, 0)))(keras.ops.array([[[[5.0], [7.0]]]]))
        >>> keras.ops.convert_to_numpy(made)[0, ..., 0].tolist()
        [[5.0, 5.0, 5.0, 7.0], [5.0, 5.0, 5.0, 7.0]]
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Repeats the first and the last row and column."""
        padded = inputs
        for axis, (before, after) in enumerate(self.padding, 1):
            length = inputs.shape[axis]
            places = np.clip(np.arange(-before, length + after), 0, length - 1)
            padded = ops.take(padded, places.astype("int32"), axis=axis)
        return padded


register(
    LayerSpec(
        Energy,
        "merging",
        "Combines the responses of two kernels that differ by a quarter of a wave into their energy, the "
        "root of the sum of their squares, which does not depend on the phase.",
        lambda facts: f"Two inputs: {facts.changed}.",
        rules.merge,
    ),
    LayerSpec(
        EdgePadding2D,
        "shaping",
        "Edge padding adds a border that repeats the outermost pixels, so that the next convolution sees no "
        "edge there.",
        padded,
        padding,
        traits=frozenset({"pads"}),
    ),
)
