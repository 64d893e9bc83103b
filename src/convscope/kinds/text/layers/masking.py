"""Leaving out what is no token: padding behind the end of shorter samples of a batch."""

from __future__ import annotations

import keras
from keras import ops

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.geometry.axis_dependency import everything
from convscope.scope.geometry.sliding import Passage, State
from convscope.scope.layer_spec import LayerSpec, register
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


def _mask_dependency(at: Passage) -> State:
    return tuple(r if r.axis == 1 else everything(r) for r in at.state)


def mask_of_ids(facts: Facts) -> str:
    """A mask from ids: `9 tokens become 9x1`."""
    return f"{phrasing.sentence(facts.ids_in).removesuffix('.')} become {phrasing.values(facts.shape_out)}."


register(
    LayerSpec(
        PaddingMask,
        "mask",
        "Texts of a batch are padded with id 0 to the same length. The mask is 1 for tokens and 0 for "
        "padding, so that later layers ignore padding.",
        mask_of_ids,
        _mask_dependency,
    ),
    LayerSpec(
        MaskedGlobalMaxPooling1D,
        "global pooling",
        "Global max pooling along the text that ignores padding: whether the pattern of a kernel occurs "
        "anywhere. It has no weights and accepts texts of any length.",
        lambda facts: f"The maximum of each feature map: {facts.changed}.",
        lambda at: rules.dropped_axis(1, at),
        component="global max pooling",
    ),
)
