"""Nodes and their neighborhoods as model inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from convscope.json_values import Plain, Within
from convscope.kinds.contract.representation import GraphDescription, InputsAsEncoded
from convscope.kinds.graph.batching import (
    WHOLE_BYTES,
    Batch,
    Subgraph,
    graph_arrays,
    neighborhood,
    stacked,
    step_bytes,
    wiring_of,
)
from convscope.kinds.graph.features import NodeFeatures, Values, spelled
from convscope.kinds.graph.graph import Graph, GraphNode, NodeSamples
from convscope.kinds.graph.layout import describe_graph
from convscope.layers.neighbor_tables import WIDTHS
from convscope.phrasing import plural
from convscope.types import Positions, Progress, no_progress

MOST_HOPS = 64
"""Hops that a model may see."""
MOST_NEIGHBORS = 2**20
"""Neighbors that may be drawn of a node."""
TOGETHER = 1024
"""Samples that are asked for at a time in a graph that is not taken whole."""
_EXAMPLE = 12
"""Nodes of an example."""
_whole: WeakKeyDictionary[Graph, tuple[NodeFeatures, int, Batch]] = WeakKeyDictionary()
_encoded: WeakKeyDictionary[Graph, tuple[NodeFeatures, Values]] = WeakKeyDictionary()


def values_without_feature(features: NodeFeatures, graph: Graph) -> tuple[str, ...]:
    """A line for each column of texts with values that no train node had: these have no feature.

    Args:
        features: Of the training.
        graph: Other nodes.
    """
    lines = []
    for column in features.texts:
        found = graph.columns.get(column.name, np.zeros(0)).tolist()
        cells = [spelled(value) for value in found if value is not None]
        new = dict.fromkeys(cell for cell in cells if cell not in (*column.values, "nan"))
        if new:
            shown = ", ".join(map(repr, list(new)[:5])) + (", ..." if len(new) > 5 else "")
            count = sum(cell in new for cell in cells)
            lines.append(
                f"column '{column.name}': {count:,} of {plural(len(graph), 'node')} with values that no"
                f" train node had"
                f" and that count as none: {shown}"
            )
    return tuple(lines)


@dataclass(frozen=True, eq=False)
class GraphRepresentation(Plain):
    """How graphs become model inputs: features of nodes, and tables of neighbors.

    Args:
        features: What becomes of the node table.
        table_width: Neighbors in a row of the tables.
    """

    _WHAT: ClassVar[str] = "graph representation"
    _KEPT: ClassVar[dict[str, object]] = {"kind": "graph", "version": 1}

    features: NodeFeatures
    table_width: Annotated[int, Within(WIDTHS[0], WIDTHS[-1])]

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(None, features): nodes of a graph, and the numbers of each."""
        return (None, self.features.count)

    @property
    def sizes(self) -> dict[str, Any]:
        """The width of the tables."""
        return {"table_width": self.table_width}

    def values(self, graph: Graph) -> Values:
        """The features of all nodes of a graph, shape (nodes, features); made once for each graph."""
        found = _encoded.get(graph)
        if found is None or found[0] is not self.features:
            found = _encoded[graph] = (self.features, self.features.encode(graph))
        return found[1]

    def whole(self, graph: Graph) -> Batch:
        """A batch of one graph, without padding; the last one is kept."""
        found = _whole.get(graph)
        if found is None or found[0] is not self.features or found[1] != self.table_width:
            arrays = graph_arrays(wiring_of(graph), self.values(graph), self.table_width)
            _whole.clear()
            found = _whole[graph] = (self.features, self.table_width, stacked([arrays], exact=True))
        return found[2]

    def takes_whole(self, graph: Graph) -> bool:
        """Whether memory allows that a model takes this graph whole, whatever is asked."""
        return step_bytes(graph, self.features.count) <= WHOLE_BYTES


@dataclass(frozen=True, eq=False)
class NodeRepresentation(GraphRepresentation, InputsAsEncoded):
    """How a node becomes model inputs: the part of its graph that the model sees, the node first.

    Args:
        hops: How far the model sees.
        neighbors: How many neighbors of a node are drawn in each hop of a training step; empty for all,
            where a step takes the whole graph.
    """

    _WHAT: ClassVar[str] = "node representation"
    _KEPT: ClassVar[dict[str, object]] = {"kind": "graph", "version": 1, "task": "nodes"}
    positions: ClassVar[Positions] = Positions("nodes", asked="targets")

    hops: Annotated[int, Within(1, MOST_HOPS)] = 2
    neighbors: Annotated[tuple[Annotated[int, Within(1, MOST_NEIGHBORS)], ...], Within(0, MOST_HOPS)] = ()

    @property
    def sizes(self) -> dict[str, Any]:
        """The width of the tables, and how far the model sees."""
        return {**super().sizes, "hops": self.hops}

    def encode(
        self, samples: NodeSamples, limit_bytes: int = 0, progress: Progress = no_progress
    ) -> NodeNeighborhoods:
        """The neighborhoods of nodes, cut out when they are asked for."""
        return NodeNeighborhoods(self, samples)

    def around(self, sample: GraphNode) -> Subgraph:
        """What the model sees of a graph when it is asked for one node."""
        return neighborhood(sample.graph, np.array([sample.row]), self.hops)

    def describe(self, sample: GraphNode) -> GraphDescription:
        """Names and edges of the nodes that the model sees, in the order of its inputs."""
        part = self.around(sample)
        return described(sample.graph, part, (0,), self.hops, self.features.names)

    def example(self, count: int) -> dict[str, npt.NDArray[Any]]:
        """So many nodes in rings, with random features."""
        ring = np.arange(_EXAMPLE)
        graph = Graph(
            [str(number) for number in ring], np.stack([ring, (ring + 1) % _EXAMPLE], axis=1).astype(np.int64)
        )
        rng = np.random.default_rng(0)
        elements = [
            graph_arrays(
                wiring_of(graph),
                rng.random((_EXAMPLE, self.shape[-1] or 0), np.float32),
                self.table_width,
            )
            for _ in range(count)
        ]
        return {**stacked(elements), "targets": np.zeros((count, 1), np.int32)}


@dataclass(frozen=True, eq=False)
class NodeNeighborhoods:
    """Nodes with what a model sees around them.

    Args:
        representation: How they become inputs.
        samples: The nodes.
    """

    representation: NodeRepresentation
    samples: NodeSamples

    def __len__(self) -> int:
        """The number of nodes."""
        return len(self.samples)

    @property
    def at_once(self) -> int:
        """How many nodes are best asked for together."""
        return len(self) if self.representation.takes_whole(self.samples.graph) else TOGETHER

    def joined(self, others: Sequence[NodeNeighborhoods]) -> NodeNeighborhoods | None:
        """These and others as one, where all are of one graph."""
        graph = self.samples.graph
        if any(each.samples.graph is not graph for each in others):
            return None
        rows = np.concatenate([self.samples.rows, *(each.samples.rows for each in others)])
        return NodeNeighborhoods(self.representation, NodeSamples(graph, rows))

    def together(self, indices: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
        """Inputs by name, of batch size 1: the whole graph, or of a large one what is around these nodes.

        The values of a node are those that `take` leads to.
        """
        represent, graph, rows = self.representation, self.samples.graph, self.samples.rows[indices]
        if represent.takes_whole(graph):
            return {**represent.whole(graph), "targets": rows[None].astype(np.int32)}
        unique, place = np.unique(rows, return_inverse=True)
        part = neighborhood(graph, unique, represent.hops)
        arrays = graph_arrays(part.wiring, represent.values(graph), represent.table_width, part.rows)
        return {**stacked([arrays]), "targets": place.reshape(1, -1).astype(np.int32)}

    def take(self, indices: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
        """Inputs by name, one neighborhood in each element of the batch, its node first."""
        represent, graph = self.representation, self.samples.graph
        values = represent.values(graph)
        elements = []
        for row in self.samples.rows[indices].tolist():
            part = neighborhood(graph, np.array([row]), represent.hops)
            elements.append(graph_arrays(part.wiring, values, represent.table_width, part.rows))
        return {**stacked(elements), "targets": np.zeros((len(indices), 1), np.int32)}


def described(
    graph: Graph, part: Subgraph, centers: tuple[int, ...], hops: int, features: tuple[str, ...]
) -> GraphDescription:
    """What is needed to draw a part of a graph.

    Args:
        graph: The whole graph.
        part: Some of its nodes.
        centers: Positions of the nodes that it is about.
        hops: How far away from them it was cut out.
        features: What the features of nodes are called.
    """
    entries = part.wiring.adjacency.tocoo()
    pairs = np.stack([entries.col, entries.row], axis=1).astype(np.int64)
    if not graph.directed:
        pairs = np.sort(pairs, axis=1)
        pairs, first = np.unique(pairs, axis=0, return_index=True)
        weights = entries.data[first]
    else:
        weights = entries.data
    names = [graph.names[row] for row in part.rows.tolist()]
    weights = weights.astype(np.float32)
    made = describe_graph(names, pairs, weights, centers=centers, directed=graph.directed, depth=hops)
    return replace(made, features=features)
