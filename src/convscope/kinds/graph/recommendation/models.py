"""LightGCN: vectors of users and items, summed along their interactions, and compared in pairs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from convscope.errors import UsageError
from convscope.kinds.graph.layers.embedding import LightConv, NodeEmbedding
from convscope.kinds.graph.layers.pooling import TakeNodes
from convscope.layers.neighbors import graph_inputs, tables_of
from convscope.models.own_loss import OwnLossModel
from convscope.types import Tensor

CUT = 10
"""Ranks that the validation metric looks at."""
_WRONG = float(1 / np.log2(3))
"""The nDCG of two candidates of which the wrong one comes first."""


@keras.saving.register_keras_serializable(package="convscope")
class RecommendationModel(OwnLossModel):
    r"""A functional model from nodes to their vectors, trained by Bayesian personalized ranking.

    In a training step, `targets` are n users, n items that they chose and n that they did not. The loss is
    the mean of $-\ln \sigma(u \cdot i - u \cdot j)$, and the penalty of the `NodeEmbedding` named
    `embedding`.
    `accuracy` is the share of the n whose chosen item scores higher, and `ndcg` the nDCG of these two.

    To validate, targets of shape (1, users, items) hold 1 for an item that is to be found, 0 for others, and
    -1 for one that is known. The `targets` among the inputs are these users, all items, and then one triple
    for each user as in training; `ndcg` is then that of the first `CUT` ranks among all items. Compile it
    with an optimizer and nothing else.

    Source: Rendle et al. (2009), "BPR: Bayesian personalized ranking from implicit feedback".
    """

    def compile(self, *arguments: object, **options: object) -> None:
        """As `OwnLossModel`; makes the metric of ranks besides."""
        if not hasattr(self, "own_ndcg"):
            self.own_ndcg = keras.metrics.Mean("ndcg")
        super().compile(*arguments, **options)

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """Mean loss of the triples."""
        vectors, targets = y_pred[0], x["targets"][0]
        if not training:
            users, items = ops.shape(y)[1:]
            self.own_ndcg.update_state(first_ranks(vectors[:users], vectors[users : users + items], y[0]))
            vectors, targets = vectors[users + items :], targets[users + items :]
        user, chosen, other = ops.split(vectors, 3)
        margin = ops.sum(user * (chosen - other), axis=-1)
        right = ops.cast(margin > 0, "float32")
        self.own_accuracy.update_state(right)
        if training:
            self.own_ndcg.update_state(right + (1 - right) * _WRONG)
        return self.penalized(ops.mean(ops.softplus(-margin)) + self.penalty(x, targets))

    def penalty(self, x: Tensor, targets: Tensor) -> Tensor:
        """Half of the squared lengths of what is looked up for a triple, times l2."""
        embedding = self.get_layer("embedding")
        numbers = ops.take(x["nodes"][0], targets, axis=0)
        squares = ops.sum(embedding(numbers[None])[0] ** 2)
        return 0.5 * embedding.l2 * squares / ops.cast(ops.shape(targets)[0] // 3, squares.dtype)


def first_ranks(users: Tensor, items: Tensor, marks: Tensor) -> Tensor:
    """The nDCG of the first `CUT` items of each user.

    Args:
        users: Vectors, shape (users, units).
        items: Vectors, shape (items, units).
        marks: Shape (users, items): 1 is to be found, 0 is another, -1 does not count.

    Returns:
        Shape (users,).
    """
    scores = ops.where(marks < 0, -1e30, ops.matmul(users, ops.transpose(items)))
    cut = min(CUT, int(items.shape[0] or CUT))
    _, order = ops.top_k(scores, cut)
    found = ops.cast(ops.equal(ops.take_along_axis(marks, order, axis=1), 1), "float32")
    gains = ops.convert_to_tensor((1 / np.log2(np.arange(2, cut + 2))).astype("float32"))
    ideal = ops.cumsum(gains)
    wanted = ops.sum(ops.cast(ops.equal(marks, 1), "int32"), axis=1)
    best = ops.take(ideal, ops.clip(wanted, 1, cut) - 1)
    return ops.sum(found * gains, axis=1) / best


def lightgcn(
    input_shape: tuple[int | None, ...],
    *,
    nodes: int = 100,
    hops: int = 3,
    units: int = 64,
    l2: float = 1e-4,
    table_width: int = 8,
) -> keras.Model:
    """Learned vectors of users and items, propagated along their interactions and averaged over the steps.

    Source: He et al. (2020), "LightGCN: simplifying and powering graph convolution network for
    recommendation".

    Args:
        input_shape: (None, 1): the number of each node.
        nodes: Users and items together.
        hops: Steps along the edges.
        units: Numbers of a vector.
        l2: Penalty of the vectors that a step looks at.
        table_width: Neighbors in a row of the tables.

    Returns:
        A model of `graph_inputs` and `targets`, shape (batch, asked), int32: positions of nodes. It answers
        their vectors, shape (batch, asked, units); the score of an item is its product with the user.

    Raises:
        UsageError: A bad shape or option.
    """
    if len(input_shape) != 2 or input_shape[1] != 1:
        raise UsageError(f"lightgcn takes (None, 1). Received: input_shape={input_shape}.")
    if hops < 1:
        raise UsageError(f"lightgcn needs at least one hop. Received: hops={hops}.")
    inputs: dict[str, Any] = graph_inputs(1, table_width)
    tables = tables_of(inputs)
    steps = [NodeEmbedding(nodes, units, l2, name="embedding")(inputs["nodes"])]
    for hop in range(1, hops + 1):
        steps.append(LightConv(name=f"conv{hop}")([steps[-1], *tables]))
    targets = keras.Input((None,), dtype="int32", name="targets")
    mean = layers.Average(name="mean")(steps)
    asked = TakeNodes(name="asked")([mean, targets])
    return RecommendationModel({**inputs, "targets": targets}, asked, name="lightgcn")
