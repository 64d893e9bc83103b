"""Convolution around a circle; importing this registers the layer, so that files with it load."""

from __future__ import annotations

import keras
from keras import ops

from convscope.scope.geometry.sliding import padding
from convscope.scope.keras_layers.shaping import padded
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor


@keras.saving.register_keras_serializable("convscope_toy")
class CircularPadding1D(keras.layers.ZeroPadding1D):  # type: ignore[misc]
    """Continues a ring beyond its end with its beginning, and before its beginning with its end.

    Takes what `keras.layers.ZeroPadding1D` takes; the padding is no wider than the ring.

    Shapes:
        Input (batch, positions, channels); output (batch, before + positions + after, channels).

    Example:
        >>> ring = keras.ops.reshape(keras.ops.arange(4.0), (1, 4, 1))
        >>> keras.ops.convert_to_numpy(CircularPadding1D(1)(ring)).ravel().tolist()
        [3.0, 0.0, 1.0, 2.0, 3.0, 0.0]
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Joins the ends."""
        before, after = self.padding
        start = inputs.shape[1] - before
        return ops.concatenate([inputs[:, start:], inputs, inputs[:, :after]], axis=1)


register(
    LayerSpec(
        CircularPadding1D,
        "shaping",
        "Circular padding continues a ring with its other end, so that the next convolution sees no end.",
        padded,
        padding,
        traits=frozenset({"pads"}),
    )
)
