"""Vectors of tokens and of positions, learned."""

from __future__ import annotations

import math

import keras
from keras import ops

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.layer_spec import LayerSpec, register
from convscope.scope.sizes import Shapes, scores_of_vectors
from convscope.types import Tensor


@keras.saving.register_keras_serializable(package="convscope")
class TokenEmbedding(keras.layers.Layer):  # type: ignore[misc]
    r"""A vector for each token of a vocabulary; the other way round, scores of the tokens for a vector.

    $$y_t = \sqrt{d}\, E_{x_t} \qquad \text{and, called with reverse,} \qquad s_t = E h_t + b$$

    One table for both halves the parameters of a decoder and lets each use of a word teach the other. Its
    values start so small that scores are near zero; the factor brings vectors to the size of one again.

    Source: Press and Wolf (2017), "Using the output embedding to improve language models"; the factor:
    Vaswani et al. (2017), "Attention is all you need".

    Args:
        vocabulary: The number of token ids.
        width: Channels of a vector.
        tied: Whether the layer is also called with `reverse`, for which it has a bias.

    Shapes:
        - input: ids, integers, (batch, length); with `reverse`: float, (batch, length, width).
        - output: (batch, length, width); with `reverse`: float32, (batch, length, vocabulary).
    """

    def __init__(self, vocabulary: int, width: int, tied: bool = False, **options: object) -> None:
        super().__init__(**options)
        self.vocabulary = vocabulary
        self.width = width
        self.tied = tied

    def build(self, input_shape: Tensor = None) -> None:
        """Makes the table, and the bias where there is one."""
        self.embeddings = self.add_weight(
            shape=(self.vocabulary, self.width),
            initializer=keras.initializers.RandomNormal(stddev=self.width**-0.5),
            name="embeddings",
        )
        if self.tied:
            self.bias = self.add_weight(shape=(self.vocabulary,), initializer="zeros", name="bias")

    def call(self, inputs: Tensor, reverse: bool = False) -> Tensor:
        """Looks vectors up, or compares vectors with all tokens."""
        table = ops.convert_to_tensor(self.embeddings, dtype=self.compute_dtype)
        if not reverse:
            return ops.take(table, inputs, axis=0) * math.sqrt(self.width)
        flat = ops.reshape(ops.cast(inputs, self.compute_dtype), (-1, self.width))
        scores = ops.matmul(flat, ops.transpose(table)) + ops.cast(self.bias, self.compute_dtype)
        shape = (*ops.shape(inputs)[:-1], self.vocabulary)
        return ops.cast(ops.reshape(scores, shape), "float32")

    def compute_output_spec(self, inputs: Tensor, reverse: bool = False) -> keras.KerasTensor:
        """Shape and dtype of what `call` gives."""
        if reverse:
            return keras.KerasTensor((*inputs.shape[:-1], self.vocabulary), dtype="float32")
        return keras.KerasTensor((*inputs.shape, self.width), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, object]:
        """All that rebuilds the layer."""
        mine = {"vocabulary": self.vocabulary, "width": self.width, "tied": self.tied}
        return {**super().get_config(), **mine}


@keras.saving.register_keras_serializable(package="convscope")
class PositionEmbedding(keras.layers.Layer):  # type: ignore[misc]
    r"""Adds a learned vector for the place in the sentence: $y_t = x_t + P_{\min(t, n - 1)}$.

    The vectors start at zero, so that places beyond the longest sentence of the train split change nothing.

    Source: Gehring, Auli, Grangier, Yarats and Dauphin (2017), "Convolutional sequence to sequence learning".

    Args:
        positions: The number n of places that have a vector of their own; those behind share the last one.

    Shapes:
        - input: (batch, length, channels).
        - output: the same.
    """

    def __init__(self, positions: int, **options: object) -> None:
        super().__init__(**options)
        self.positions = positions

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the vectors."""
        self.embeddings = self.add_weight(
            shape=(self.positions, input_shape[-1]), initializer="zeros", name="embeddings"
        )

    def call(self, inputs: Tensor, first: Tensor = 0) -> Tensor:
        """Adds the vectors of the places from `first` on."""
        places = ops.minimum(ops.arange(ops.shape(inputs)[1], dtype="int32") + first, self.positions - 1)
        added = ops.take(ops.convert_to_tensor(self.embeddings), places, axis=0)
        return inputs + ops.cast(added, inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, object]:
        """All that rebuilds the layer."""
        return {**super().get_config(), "positions": self.positions}


def _in_reverse(facts: Facts) -> bool:
    return len(facts.shape_in) == len(facts.shape_out)


def _about(facts: Facts) -> str:
    if _in_reverse(facts):
        return (
            "An embedding in reverse scores each token by the dot product of a vector with its row of the "
            "table. One table for both directions saves parameters."
        )
    return "An embedding maps token ids to learned vectors; tokens that are used alike get similar vectors."


def _here(facts: Facts) -> str:
    layer = facts.layer
    table = f"{layer.vocabulary:,} vectors of {phrasing.plural(layer.width, 'value')}"
    if _in_reverse(facts):
        bias = ", with bias" if layer.tied else ""
        return f"Scores for a table of {table}{bias}: {facts.changed}."
    return f"A table of {table}: {facts.ids_in} become {phrasing.values(facts.shape_out)}."


def _cost(layer: TokenEmbedding, inputs: Shapes, outputs: Shapes) -> int:
    return scores_of_vectors(layer.vocabulary, inputs, outputs)


def _positions(facts: Facts) -> str:
    places = phrasing.plural(facts.layer.positions, "position")
    return f"A table of {places}, the last one for all beyond. {facts.stays}"


register(
    LayerSpec(TokenEmbedding, "lookup", _about, _here, rules.pointwise, _cost),
    LayerSpec(
        PositionEmbedding,
        "other",
        "Adds a learned vector for each position in the text, because a convolution has no notion of "
        "absolute position.",
        _positions,
        rules.pointwise,
    ),
)
