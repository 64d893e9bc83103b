"""A model that puts nodes into clusters, and how nodes become its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import keras
from keras import layers

from convscope.errors import UsageError
from convscope.json_values import Within
from convscope.kinds.graph.layers.convolutions import GraphConv
from convscope.kinds.graph.layers.pooling import DMoNPooling, TakeNodes
from convscope.kinds.graph.representation import NodeRepresentation
from convscope.layers.neighbors import graph_inputs, tables_of

MOST_CLUSTERS = 2**16
"""Clusters that a saved representation may have."""


@dataclass(frozen=True, eq=False)
class ClusterRepresentation(NodeRepresentation):
    """How a node becomes model inputs, and how many clusters there are to put it into.

    Args:
        clusters: How many there may be.
    """

    _WHAT: ClassVar[str] = "cluster representation"
    _KEPT: ClassVar[dict[str, object]] = {"kind": "graph", "version": 1, "task": "clusters"}

    clusters: Annotated[int, Within(2, MOST_CLUSTERS)] = 2


def dmon(
    input_shape: tuple[int | None, ...],
    classes: int,
    *,
    hops: int = 1,
    filters: int = 64,
    dropout: float = 0.5,
    collapse: float = 0.2,
    table_width: int = 8,
) -> keras.Model:
    """Graph convolutions with a skip connection, and clusters that are modular (DMoN).

    It has losses of its own and needs no labels: minus the modularity of the clusters, and what keeps all
    nodes from being put into one.

    Source: Tsitsulin, Palowitch, Perozzi and Mueller (2023), "Graph clustering with graph neural networks".

    Args:
        input_shape: (None, features).
        classes: How many clusters there may be.
        hops: Convolutions, and so how many edges an answer looks.
        filters: Kernels of each convolution.
        dropout: Of what clusters are told by.
        collapse: Weight of the loss against one cluster for all.
        table_width: Neighbors in a row of the tables.

    Returns:
        A model of `graph_inputs` and `targets`, shape (batch, asked), int32: positions of nodes. It answers
        the probability of each cluster, shape (batch, asked, classes).

    Raises:
        UsageError: A bad shape or option.
    """
    if len(input_shape) != 2 or input_shape[1] is None:
        raise UsageError(f"dmon takes (None, features). Received: input_shape={input_shape}.")
    if hops < 1:
        raise UsageError(f"dmon needs at least one hop. Received: hops={hops}.")
    if not 0 <= dropout < 1:
        raise UsageError(f"dropout must be at least 0 and below 1. Received: dropout={dropout}.")
    inputs = graph_inputs(input_shape[1], table_width)
    tables = tables_of(inputs)
    inputs["targets"] = keras.Input((None,), dtype="int32", name="targets")
    x = inputs["nodes"]
    for hop in range(1, hops + 1):
        around = GraphConv(filters, name=f"conv{hop}")([x, *tables])
        itself = layers.Dense(filters, use_bias=False, name=f"skip{hop}")(x)
        x = layers.Activation("selu", name=f"selu{hop}")(layers.Add(name=f"sum{hop}")([around, itself]))
    shares = DMoNPooling(classes, dropout, collapse, name="clusters")([x, *tables])
    return keras.Model(inputs, TakeNodes(name="probabilities")([shares, inputs["targets"]]), name="dmon")
