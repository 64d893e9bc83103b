"""Architectures that score pairs of nodes."""

from __future__ import annotations

from typing import Literal

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.graph.layers.convolutions import GraphConv
from convscope.kinds.graph.layers.pooling import PairValues
from convscope.layers.neighbors import graph_inputs, tables_of

Score = Literal["dense", "dot"]


def link_gcn(
    input_shape: tuple[int | None, ...],
    *,
    hops: int = 1,
    filters: int = 512,
    dropout: float = 0.4,
    score: Score = "dot",
    table_width: int = 8,
) -> keras.Model:
    """Graph convolutions that tell of each node, and a score of what two nodes have in common.

    Source: Kipf and Welling (2016), "Variational graph auto-encoders", for convolutions and products; the
    score through two dense layers as in Li et al. (2023), "Evaluating graph neural networks for link
    prediction: current pitfalls and new benchmarking".

    Args:
        input_shape: (None, features).
        hops: Convolutions, and so how many edges an answer looks from either end.
        filters: Kernels of each convolution.
        dropout: Before each convolution and within the score.
        score: `dot`: the sum of the products of both ends, channel by channel; `dense`: these through
            two dense layers.
        table_width: Neighbors in a row of the tables.

    Returns:
        A model of `graph_inputs` and `pairs`, shape (batch, asked, 2), int32: positions of both nodes. It
        answers the probability of a link, shape (batch, asked, 1).

    Raises:
        UsageError: A bad shape or option.
    """
    if len(input_shape) != 2 or input_shape[1] is None:
        raise UsageError(f"link_gcn takes (None, features). Received: input_shape={input_shape}.")
    if hops < 1:
        raise UsageError(f"link_gcn needs at least one hop. Received: hops={hops}.")
    if score not in ("dense", "dot"):
        raise UsageError(f"link_gcn scores by 'dense' or 'dot'. Received: score={score!r}.")
    inputs = graph_inputs(input_shape[1], table_width)
    tables = tables_of(inputs)
    x = inputs["nodes"]
    for hop in range(1, hops + 1):
        x = layers.Dropout(dropout, name=f"dropout{hop}")(x)
        x = GraphConv(filters, activation="relu" if hop < hops else None, name=f"conv{hop}")([x, *tables])
    pairs = keras.Input((None, 2), dtype="int32", name="pairs")
    x = _scores(x, pairs, score, filters, dropout)
    probabilities = layers.Activation("sigmoid", name="probabilities")(x)
    return keras.Model({**inputs, "pairs": pairs}, probabilities, name="link_gcn")


def _scores(
    x: keras.KerasTensor, pairs: keras.KerasTensor, score: Score, filters: int, dropout: float
) -> keras.KerasTensor:
    """What two nodes have in common as one number, shape (batch, asked, 1)."""
    if score == "dot":
        x = PairValues("dot", name="in_common")([x, pairs])
        return layers.Dense(1, kernel_initializer="ones", name="scores")(x)
    x = PairValues("hadamard", name="in_common")([x, pairs])
    x = layers.Dense(filters, "relu", name="dense")(x)
    x = layers.Dropout(dropout, name="dense_dropout")(x)
    return layers.Dense(1, name="scores")(x)
