"""Characters of words: which of them are there, and what the most telling of them says."""

from __future__ import annotations

import keras
from keras import ops

from convscope import phrasing
from convscope.kinds.text.layers.masking import mask_of_ids
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor


@keras.saving.register_keras_serializable(package="convscope")
class CharacterMask(keras.layers.Layer):  # type: ignore[misc]
    """Tells the characters of words from padding: 1 where an id is not 0.

    Shapes:
        - input: ids, integers, (batch, words, characters).
        - output: float, (batch, words, characters, 1).
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
        return ops.expand_dims(ops.cast(ops.not_equal(ids, 0), self.compute_dtype), -1)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """That of the ids and one channel."""
        return (*shape, 1)

    def compute_output_spec(self, ids: Tensor) -> keras.KerasTensor:
        """Shape and dtype of the mask."""
        return keras.KerasTensor(self.compute_output_shape(ids.shape), dtype=self.compute_dtype)


@keras.saving.register_keras_serializable(package="convscope")
class MaxOverCharacters(keras.layers.Layer):  # type: ignore[misc]
    """The largest value of each channel over the characters that a word has.

    Source: Santos and Zadrozny (2014), "Learning character-level representations for part-of-speech tagging".

    Shapes:
        - input: [x, mask] of (batch, words, characters, channels) and (batch, words, characters, 1).
        - output: (batch, words, channels); 0 for a word without characters.
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Takes the maximum."""
        x, mask = inputs
        mask = ops.cast(mask, x.dtype)
        lowest = -3e4  # below what a layer puts out, and still a number in half precision
        return ops.max(x * mask + lowest * (1 - mask), axis=2) * ops.max(mask, axis=2)

    def compute_output_shape(self, shapes: Tensor) -> tuple[int | None, ...]:
        """Without the characters."""
        return (*shapes[0][:2], shapes[0][3])


def _pooled(facts: Facts) -> str:
    length = facts.shape_in[1] if len(facts.shape_in) > 2 else None
    over = "all characters" if length is None else f"up to {phrasing.plural(length, 'character')}"
    return f"The maximum over {over} of each word: {facts.changed}."


register(
    LayerSpec(
        CharacterMask,
        "mask",
        "Words are padded with id 0 to the same number of characters. The mask is 1 for characters and 0 for "
        "padding.",
        mask_of_ids,
        rules.pointwise,
    ),
    LayerSpec(
        MaxOverCharacters,
        "other",
        "Takes the maximum of each feature map over the characters of a word: whether a pattern of letters, "
        "such as a suffix, occurs in it.",
        _pooled,
        lambda at: rules.dropped_axis(2, at),
    ),
)
