"""Convolution around a circle; importing this registers the layer, so that files with it load."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("convscope_toy")
class CircularPadding1D(keras.layers.Layer):  # type: ignore[misc]
    """Continues a ring beyond its end with its beginning, and before its beginning with its end.

    Args:
        size: Positions that are added on either side.

    Shapes:
        Input (batch, positions, channels); output (batch, positions + 2 * size, channels).

    Example:
        >>> ring = keras.ops.reshape(keras.ops.arange(4.0), (1, 4, 1))
        >>> keras.ops.convert_to_numpy(CircularPadding1D(1)(ring)).ravel().tolist()
        [3.0, 0.0, 1.0, 2.0, 3.0, 0.0]
    """

    def __init__(self, size: int, **options: Any) -> None:
        super().__init__(**options)
        self.size = size

    def call(self, inputs: Any) -> Any:
        """Joins the ends."""
        return ops.concatenate([inputs[:, -self.size :], inputs, inputs[:, : self.size]], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """More positions."""
        batch, positions, channels = input_shape
        return batch, None if positions is None else positions + 2 * self.size, channels

    def get_config(self) -> dict[str, Any]:
        """What rebuilds it."""
        return {**super().get_config(), "size": self.size}
