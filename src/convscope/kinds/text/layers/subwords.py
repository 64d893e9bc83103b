"""Vectors of words that know how these are spelled."""

from __future__ import annotations

import keras
from keras import ops

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor


@keras.saving.register_keras_serializable(package="convscope")
class SubwordEmbedding(keras.layers.Layer):  # type: ignore[misc]
    r"""The mean of the vectors of a word and of the pieces it is spelled with.

    $$y_t = \frac{1}{|P_t|} \sum_{p \in P_t} E_p, \qquad P_t = \{x_{tp} : x_{tp} \neq 0\}$$

    A word that was never seen shares pieces with others that were. A position without any id gives zeros.

    Source: Bojanowski, Grave, Joulin and Mikolov (2017), "Enriching word vectors with subword information".

    Args:
        vocabulary: Ids that there are, of words and pieces together, padding (0) among them.
        units: Length of a vector.

    Shapes:
        - input: ids, integers, (batch, length, pieces); 0 is no piece.
        - output: (batch, length, units).
    """

    def __init__(self, vocabulary: int, units: int, **options: object) -> None:
        super().__init__(**options)
        self.vocabulary, self.units = vocabulary, units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the table of vectors."""
        self.embeddings = self.add_weight(
            shape=(self.vocabulary, self.units), initializer="uniform", name="embeddings"
        )

    def call(self, ids: Tensor) -> Tensor:
        """Looks up and averages."""
        table = ops.cast(self.embeddings, self.compute_dtype)
        present = ops.cast(ops.not_equal(ids, 0), self.compute_dtype)
        vectors = ops.take(table, ids, axis=0) * ops.expand_dims(present, -1)
        count = ops.maximum(ops.sum(present, axis=-1, keepdims=True), 1)
        return ops.sum(vectors, axis=-2) / count

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """A vector in place of the pieces."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, object]:
        """Both sizes."""
        return {**super().get_config(), "vocabulary": self.vocabulary, "units": self.units}


def _here(facts: Facts) -> str:
    pieces = facts.shape_in[-1] if len(facts.shape_in) > 1 else None
    of = "several ids" if pieces is None else f"up to {phrasing.plural(pieces, 'id')}"
    return (
        f"A table of {facts.layer.vocabulary:,} vectors of {phrasing.plural(facts.layer.units, 'value')}, "
        f"mean over {of} per word: {facts.ids_in} become {phrasing.values(facts.shape_out)}."
    )


register(
    LayerSpec(
        SubwordEmbedding,
        "lookup",
        "A subword embedding represents a word by the mean of its own vector and the vectors of its "
        "character n-grams, so that unseen words get useful vectors, too.",
        _here,
        rules.dense,
    )
)
