"""Attention from the words of a translation to those of its source."""

from __future__ import annotations

import keras
from keras import ops

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry.axis_dependency import everything
from convscope.scope.geometry.rules import union
from convscope.scope.geometry.sliding import Passage, State
from convscope.scope.layer_spec import LayerSpec, register
from convscope.scope.sizes import Shapes, count
from convscope.types import Tensor

_LEAST = -1e9


@keras.saving.register_keras_serializable(package="convscope")
class SourceAttention(keras.layers.Layer):  # type: ignore[misc]
    r"""For each target position a mean of the source, weighted by how well it answers that position's query.

    $$a_{ts} = \frac{m_s \exp(q_t \cdot k_s / \sqrt{d})}{\sum_r m_r \exp(q_t \cdot k_r / \sqrt{d})}
    \qquad c_t = \sum_s a_{ts} v_s$$

    One head, so that the weights can be read as an alignment. They are computed in float32 whatever the
    policy. A source without any token gives the mean of its values, which are zero behind its end.

    Source: Gehring, Auli, Grangier, Yarats and Dauphin (2017), "Convolutional sequence to sequence learning",
    section 3.3; the scaling: Vaswani et al. (2017), "Attention is all you need".

    Shapes:
        - input: [query, keys, values, mask] of (batch, target, d), (batch, source, d), (batch, source,
          channels) and (batch, source, 1): 1 for source tokens, 0 for padding.
        - output: (batch, target, channels), and the weights, float32, (batch, target, source).
    """

    def call(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Compares, weighs and sums."""
        query, keys, values, mask = inputs
        scores = ops.matmul(query * keys.shape[-1] ** -0.5, ops.transpose(keys, (0, 2, 1)))
        absent = 1.0 - ops.transpose(ops.cast(mask, "float32"), (0, 2, 1))
        weights = ops.softmax(ops.cast(scores, "float32") + _LEAST * absent, axis=-1)
        return ops.matmul(ops.cast(weights, values.dtype), values), weights

    def compute_output_spec(self, inputs: Tensor) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Shapes and dtypes of the mean and the weights."""
        query, keys, values, _ = inputs
        context = keras.KerasTensor((*query.shape[:2], values.shape[-1]), dtype=values.dtype)
        return context, keras.KerasTensor((*query.shape[:2], keys.shape[1]), dtype="float32")


def _dependency(at: Passage) -> State:
    """Of the text that is written each position stays itself; of the source everything is seen."""
    if len(at.states) == 1:
        return at.state
    return union([tuple(map(everything, state)) for state in at.states])


def _cost(layer: SourceAttention, inputs: Shapes, outputs: Shapes) -> int:
    """Scores between all queries and keys, then the weighted sums of the values."""
    query, keys, values = inputs[:3]
    return count(query[1:2]) * count(keys[1:2]) * (count(keys[2:]) + count(values[2:]))


def _here(facts: Facts) -> str:
    query, keys, values = (phrasing.values(shape[1:]) for shape in facts.call.input_shapes[:3])
    return (
        f"Query {query}, keys {keys}, values {values}: returns {phrasing.values(facts.shape_out)} and the "
        "attention weights."
    )


register(
    LayerSpec(
        SourceAttention,
        "attention",
        "Attention from each position of the generated text to all tokens of the source text. The weights "
        "can be read as an alignment.",
        _here,
        _dependency,
        _cost,
        frozenset({"aligns"}),
    )
)
