"""Leaving out what is no token: padding behind the end of shorter samples of a batch."""

from __future__ import annotations

import keras
from keras import ops

from convscope.types import Tensor


@keras.saving.register_keras_serializable(package="convscope")
class PaddingMask(keras.layers.Layer):  # type: ignore[misc]
    r"""Tells tokens from padding: $m_t = 1$ where $x_t \neq 0$, else 0.

    Shapes:
        - input: ids, integers, (batch, length) or (batch, length, more).
        - output: float, (batch, length, 1): 1 where any id of a position is not 0.
    """

    def __init__(self, **options: object) -> None:
        options.setdefault("trainable", False)
        super().__init__(**options)

    def get_config(self) -> dict[str, object]:
        """All that rebuilds the layer; what Keras gathers by itself would not have the name."""
        config: dict[str, object] = super().get_config()
        return config

    def call(self, ids: Tensor) -> Tensor:
        """Computes the mask."""
        present = ops.not_equal(ids, 0)
        if len(ids.shape) > 2:
            present = ops.any(present, axis=tuple(range(2, len(ids.shape))))
        return ops.expand_dims(ops.cast(present, self.compute_dtype), -1)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Two axes of the ids and one channel."""
        return (*shape[:2], 1)

    def compute_output_spec(self, ids: Tensor) -> keras.KerasTensor:
        """Shape and dtype of the mask."""
        return keras.KerasTensor(self.compute_output_shape(ids.shape), dtype=self.compute_dtype)


@keras.saving.register_keras_serializable(package="convscope")
class MaskedGlobalMaxPooling1D(keras.layers.Layer):  # type: ignore[misc]
    r"""The largest value of each channel over the positions that are there: $y_c = \max_{t: m_t = 1} x_{tc}$.

    Source: Collobert et al. (2011), "Natural language processing (almost) from scratch" (max over time).

    Shapes:
        - input: [x, mask] of (batch, length, channels) and (batch, length, 1).
        - output: (batch, channels); 0 for a sample without any position.
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Takes the maximum."""
        x, mask = inputs
        mask = ops.cast(mask, x.dtype)
        lowest = -3e4  # below what a layer puts out, and still a number in half precision
        largest = ops.max(x * mask + lowest * (1 - mask), axis=1)
        return largest * ops.max(mask, axis=1)

    def compute_output_shape(self, shapes: Tensor) -> tuple[int | None, ...]:
        """Without the length."""
        return (shapes[0][0], shapes[0][2])
