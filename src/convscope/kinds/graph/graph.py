"""A graph as it was read, and samples that are nodes of it, pairs of its nodes, or whole graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from convscope.data.digests import DIGEST_BYTES
from convscope.errors import DataError
from convscope.phrasing import plural
from convscope.types import Skipped

_TOLD = 5
"""Neighbors that are named in a line on a node."""


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes, edges and what is known of them.

    Args:
        names: What the file calls each node, in the order of its rows.
        edges: Source and target of each edge as rows of nodes, shape (edges, 2), int64. An edge of an
            undirected graph is here once, whichever way the file wrote it.
        directed: Whether an edge leads from its source to its target alone.
        weights: Of each edge, shape (edges,), float32; None where all count alike.
        times: Of each edge, shape (edges,), float64, in seconds; None where the file has none.
        features: A matrix of numbers, shape (nodes, features), float32; None where there is none.
        feature_names: Of the columns of `features`; empty where they have none.
        columns: Other columns of the node table by name, shape (nodes,): float64 with NaN where a number is
            missing, or object with texts, None where one is missing.
        labels: Class of each node as it is spelled, shape (nodes,), object, None where it is not known;
            None where no node has one.
        splits: `train`, `validation`, `test` or None for each node, shape (nodes,), object; None where the
            data does not say.
        label: Class of the whole graph; None where it has none.
        name: What the whole graph is called.
    """

    names: Sequence[str]
    edges: npt.NDArray[np.int64]
    directed: bool = False
    weights: npt.NDArray[np.float32] | None = None
    times: npt.NDArray[np.float64] | None = None
    features: npt.NDArray[np.float32] | sp.csr_array | None = None
    feature_names: tuple[str, ...] = ()
    columns: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    labels: npt.NDArray[np.object_] | None = None
    splits: npt.NDArray[np.object_] | None = None
    label: str | None = None
    name: str = "graph"

    def __len__(self) -> int:
        """The number of nodes."""
        return len(self.names)

    def both_ways(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Edges as a convolution follows them: source and target of each, and its weight.

        Returns:
            Shape (arcs, 2), int64, and (arcs,), float32. Those of an undirected graph are there both ways;
            a self loop is there once.
        """
        weights = np.ones(len(self.edges), np.float32) if self.weights is None else self.weights
        if self.directed:
            return self.edges, weights
        other = self.edges[:, 0] != self.edges[:, 1]
        arcs = np.concatenate([self.edges, self.edges[other, ::-1]])
        return arcs, np.concatenate([weights, weights[other]])

    def undirected(self) -> Graph:
        """The same without directions: one edge where there were two, its weight the sum of theirs."""
        if not self.directed:
            return self
        pairs, place = np.unique(np.sort(self.edges, axis=1), axis=0, return_inverse=True)
        weights = self.weights
        if weights is not None:
            weights = np.bincount(place.ravel(), weights, minlength=len(pairs)).astype(np.float32)
        return replace(self, edges=pairs, directed=False, weights=weights, times=None)

    def adjacency(self) -> sp.csr_array:
        """Weights by target and source, shape (nodes, nodes), float32: row i holds what node i sees.

        Edges between the same two nodes are added up.
        """
        arcs, weights = self.both_ways()
        shape = (len(self), len(self))
        return sp.csr_array((weights, (arcs[:, 1], arcs[:, 0])), shape=shape, dtype=np.float32)

    def digest(self, *, named: bool = True) -> bytes:
        """The hash of its content.

        Args:
            named: Whether the names of its nodes count.
        """
        total = blake2b(digest_size=DIGEST_BYTES)
        total.update(f"{len(self)} {self.directed} {self.label}".encode())
        features = self.features
        if sp.issparse(features):
            matrix = sp.csr_array(features)
            arrays: list[object] = [
                matrix.indptr.astype(np.int64),
                matrix.indices.astype(np.int64),
                matrix.data,
            ]
        else:
            arrays = [features]
        arrays += [self.edges, self.weights, self.times, self.labels, self.splits]
        arrays += [part for name in sorted(self.columns) for part in (name, self.columns[name])]
        for each in (*arrays, *((list(self.names),) if named else ())):
            values = np.asarray(each)
            total.update(f"\0{values.dtype}{values.shape}".encode())
            text = values.dtype.kind in "OU"
            total.update(
                repr(values.tolist()).encode("utf-8", "surrogatepass")
                if text
                else np.ascontiguousarray(values).tobytes()
            )
        return total.digest()


@dataclass(frozen=True, eq=False)
class FoundGraphs:
    """What a reader of graphs found.

    Args:
        graphs: One graph, or all of a collection.
        layout: One line that says which layout was recognized and by what.
        decisions: Every automatic decision with its reason, one line each.
        warnings: What the user should know, one line each: self loops, parallel edges, isolated nodes, ids
            that only one table has, each with its number.
        skipped: What was left out.
        folds: Fold of the test split for each graph, shape (graphs,), int64; None where the data has none.
    """

    graphs: Sequence[Graph]
    layout: str
    decisions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    folds: npt.NDArray[np.int64] | None = None

    def only(self, where: str, hint: str) -> Graph:
        """The one graph that was found.

        Args:
            where: The path that was read, for messages.
            hint: What to do where there are more.

        Raises:
            DataError: There is none, or more than one.
        """
        if len(self.graphs) != 1:
            raise DataError(f"{where}: expected one graph, received {len(self.graphs):,}", hint)
        return self.graphs[0]


@dataclass(frozen=True, eq=False)
class GraphNode:
    """One node in its graph: the raw sample of a task on nodes.

    Args:
        graph: The graph.
        row: Which of its nodes.
    """

    graph: Graph
    row: int

    @property
    def name(self) -> str:
        """What the file calls the node."""
        return self.graph.names[self.row]

    @property
    def in_words(self) -> str:
        """How many neighbors it has, and the first of them."""
        near = _neighbors(self.graph, self.row)
        told = ", ".join(self.graph.names[row] for row in near[:_TOLD].tolist())
        said = plural(len(near), "neighbor")
        return f"{said}: {told}{', ...' if len(near) > _TOLD else ''}" if told else said


@dataclass(frozen=True, eq=False)
class NodePair:
    """Two nodes of a graph: the raw sample of a task on links.

    Args:
        graph: The graph with the edges that may be seen.
        rows: Which two of its nodes.
    """

    graph: Graph
    rows: tuple[int, int]

    @property
    def name(self) -> str:
        """The names of both nodes."""
        source, target = (self.graph.names[row] for row in self.rows)
        return f"{source} - {target}"

    @property
    def in_words(self) -> str:
        """How many neighbors both have, and how many of these are of both."""
        one, other = (_neighbors(self.graph, row) for row in self.rows)
        shared = len(np.intersect1d(one, other, assume_unique=True))
        return f"{len(one):,} and {plural(len(other), 'neighbor')}, {shared:,} of both"


def _neighbors(graph: Graph, row: int) -> npt.NDArray[np.int64]:
    """Rows of all others that an edge joins to a node, whichever way it leads."""
    found = np.unique(graph.edges[(graph.edges == row).any(axis=1)])
    others: npt.NDArray[np.int64] = found[found != row]
    return others


@dataclass(frozen=True, eq=False)
class NodeSamples:
    """Nodes of one graph.

    Args:
        graph: The graph.
        rows: Which of its nodes, shape (samples,), int64.
        skipped: What was left out.
    """

    names_files: ClassVar[bool] = False
    graph: Graph
    rows: npt.NDArray[np.int64]
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def load(self, index: int) -> GraphNode:
        """One node in its graph."""
        return GraphNode(self.graph, int(self.rows[index]))

    def name(self, index: int) -> str:
        """What the file calls the node."""
        return self.graph.names[int(self.rows[index])]

    def key(self, index: int) -> str:
        """What the file calls the node, wherever the file is."""
        return self.name(index)

    def content(self) -> bytes:
        """Tells these nodes from those of a graph that differs in anything."""
        return self.graph.digest() + np.ascontiguousarray(self.rows).tobytes()

    def take(self, indices: npt.NDArray[np.int64]) -> NodeSamples:
        """Some of the nodes, of the same graph."""
        return NodeSamples(self.graph, self.rows[indices])

    def joined_with(self, others: Sequence[NodeSamples]) -> NodeSamples:
        """These and other nodes of the same graph."""
        return NodeSamples(self.graph, np.concatenate([self.rows, *(each.rows for each in others)]))


@dataclass(frozen=True, eq=False)
class GraphSamples:
    """Whole graphs.

    Args:
        graphs: The graphs.
        skipped: What was left out.
    """

    names_files: ClassVar[bool] = False
    graphs: Sequence[Graph]
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.graphs)

    def load(self, index: int) -> Graph:
        """One graph."""
        return self.graphs[index]

    def name(self, index: int) -> str:
        """What the graph is called."""
        return self.graphs[index].name

    def key(self, index: int) -> str:
        """What it is called, wherever its file is."""
        return self.name(index)

    def content(self) -> bytes:
        """Tells these graphs from others that differ in anything."""
        return b"".join(graph.digest() for graph in self.graphs)

    def take(self, indices: npt.NDArray[np.int64]) -> GraphSamples:
        """Some of the graphs."""
        return GraphSamples([self.graphs[int(index)] for index in indices])

    def joined_with(self, others: Sequence[GraphSamples]) -> GraphSamples:
        """These and other graphs."""
        return GraphSamples([graph for each in (self, *others) for graph in each.graphs])
