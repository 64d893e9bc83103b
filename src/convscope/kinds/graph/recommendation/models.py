"""LightGCN: vectors of users and items, summed along their interactions, and compared with all others."""

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
"""Ranks that the metric looks at."""
_LOWEST = -1e30
"""Score of an item that does not count."""


@keras.saving.register_keras_serializable(package="convscope")
class RecommendationModel(OwnLossModel):
    r"""A functional model from nodes to their vectors, trained to tell what a user chose from the rest.

    The `targets` among the inputs are n users and m items. Those that are compared with, of shape (1, n, m),
    hold 1 for an item that is to be found, 0 for another, and -1 for one that does not count. The loss is the
    mean over all that are to be found of $-\ln (\exp(u \cdot i) / \sum_j w_j \exp(u \cdot j))$, where
    $w_j$, the sample weights of shape (1, m), say how many items one stands for, and the penalty of the
    `NodeEmbedding` named `embedding`. `ndcg` is the nDCG of the first `CUT` ranks, `accuracy` the share of
    users whose first item is one to be found. Compile it with an optimizer and nothing else.

    Source: Liang, Krishnan, Hoffman and Jebara (2018), "Variational autoencoders for collaborative
    filtering", for the multinomial likelihood.
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
        """Mean loss of the items that are to be found."""
        vectors, marks = y_pred[0], y[0]
        users = ops.shape(marks)[0]
        scores = ops.matmul(vectors[:users], ops.transpose(vectors[users:]))
        ndcg, first = first_ranks(scores, marks)
        self.own_ndcg.update_state(ndcg)
        self.own_accuracy.update_state(first)
        found = ops.cast(ops.equal(marks, 1), "float32")
        counted = scores if sample_weight is None else scores + ops.log(sample_weight)
        total = ops.logsumexp(ops.where(marks < 0, _LOWEST, counted), axis=1, keepdims=True)
        mean = ops.sum(found * (total - scores)) / ops.maximum(ops.sum(found), 1.0)
        return self.penalized(mean + self.penalty(x, users, sample_weight))

    def penalty(self, x: Tensor, users: int, stand: Tensor) -> Tensor:
        """Half of the mean over interactions of what all vectors weigh, times l2.

        A vector weighs its squared length times the root of the number of its interactions, between no
        regard to them and all of it (Rendle, Krichene, Zhang and Koren 2022, "Revisiting the performance of
        iALS on item recommendation benchmarks").
        """
        embedding, asked = self.get_layer("embedding"), x["targets"][0]
        numbers = ops.take(x["nodes"][0], asked, axis=0)
        degrees = ops.take(x["degrees"][0], asked, axis=0)
        weighed = ops.sqrt(degrees) * ops.sum(embedding(numbers[None])[0] ** 2, axis=-1)
        of_users = ops.sum(weighed[:users]) / ops.maximum(ops.sum(degrees[:users]), 1.0)
        of_items = weighed[users:] if stand is None else weighed[users:] * stand[0]
        every = ops.maximum(ops.sum(x["degrees"]) / 2, 1.0)
        return 0.5 * embedding.l2 * (of_users + ops.sum(of_items) / every)


def first_ranks(scores: Tensor, marks: Tensor) -> tuple[Tensor, Tensor]:
    """How good the first `CUT` items of each user are.

    Args:
        scores: Shape (users, items).
        marks: Shape (users, items): 1 is to be found, 0 is another, -1 does not count.

    Returns:
        Their nDCG, and whether the first is to be found, both of shape (users,).
    """
    cut = min(CUT, int(scores.shape[1] or CUT))
    _, order = ops.top_k(ops.where(marks < 0, _LOWEST, scores), cut)
    found = ops.cast(ops.equal(ops.take_along_axis(marks, order, axis=1), 1), "float32")
    gains = ops.convert_to_tensor((1 / np.log2(np.arange(2, cut + 2))).astype("float32"))
    ideal = ops.cumsum(gains)
    wanted = ops.sum(ops.cast(ops.equal(marks, 1), "int32"), axis=1)
    best = ops.take(ideal, ops.clip(wanted, 1, cut) - 1)
    return ops.sum(found * gains, axis=1) / best, found[:, 0]


def lightgcn(
    input_shape: tuple[int | None, ...],
    *,
    nodes: int = 100,
    hops: int = 3,
    units: int = 128,
    l2: float = 0.25,
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
        l2: Penalty of the vectors, which counts more for those with more interactions.
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
