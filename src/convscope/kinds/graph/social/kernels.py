"""Measures of a network that are convolutions, as a model of fixed kernels, and its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from convscope.errors import UsageError
from convscope.json_values import Within
from convscope.kinds.graph.batching import wiring_of
from convscope.kinds.graph.graph import Graph
from convscope.kinds.graph.layers.pooling import TakeNodes
from convscope.kinds.graph.layers.walks import NeighborSums, Walks
from convscope.kinds.graph.representation import NodeRepresentation
from convscope.layers.neighbors import graph_inputs, tables_of

OUTPUTS = ("neighbors", "sum of weights", "visits by walks")
"""What the model answers for each node."""


@dataclass(frozen=True, eq=False)
class PersonRepresentation(NodeRepresentation):
    """How a person becomes model inputs: the network around, each node with the weights that lead away.

    Args:
        seed: Of whatever is drawn when a network is described.
    """

    _WHAT: ClassVar[str] = "person representation"
    _KEPT: ClassVar[dict[str, object]] = {"kind": "graph", "version": 1, "task": "people"}

    seed: Annotated[int, Within(0)] = 0

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(None, 1): the sum of the weights of the edges that lead away from each node."""
        return (None, 1)

    def values(self, graph: Graph) -> npt.NDArray[np.float32]:
        """The sum of the weights of the edges that lead away from each node, shape (nodes, 1)."""
        away = wiring_of(graph).adjacency.sum(axis=0)
        return np.asarray(away, np.float32).reshape(-1, 1)


def network_kernels(
    input_shape: tuple[int | None, ...], *, hops: int = 2, table_width: int = 8
) -> keras.Model:
    """Sums over neighbors, and walks along edges: measures of a network that are convolutions.

    Nothing is trained: the model has no weights. Its maps are the number of neighbors, the sum of the weights
    of edges, and how often walks of so many steps come by, the first terms of PageRank.

    Args:
        input_shape: (None, 1): the sum of the weights that lead away from each node.
        hops: Steps of the walks, and so how many edges an answer looks.
        table_width: Neighbors in a row of the tables.

    Returns:
        A model of `graph_inputs` and `targets`, shape (batch, asked), int32: positions that are asked. It
        answers the three measures, shape (batch, asked, 3).

    Raises:
        UsageError: A bad shape or option.
    """
    if tuple(input_shape) != (None, 1):
        raise UsageError(f"network_kernels takes (None, 1). Received: input_shape={input_shape}.")
    if hops < 1:
        raise UsageError(f"network_kernels needs at least one hop. Received: hops={hops}.")
    inputs = graph_inputs(1, table_width)
    tables = tables_of(inputs)
    inputs["targets"] = keras.Input((None,), dtype="int32", name="targets")
    sums = NeighborSums(name="strength")([inputs["nodes"], *tables])
    walks = Walks(hops, name="walks")([inputs["nodes"], *tables])
    measures = layers.Concatenate(name="measures")([sums, walks])
    asked = TakeNodes(name="asked")([measures, inputs["targets"]])
    return keras.Model(inputs, asked, name="network_kernels")
