"""From graphs to batches: whole graphs, and the neighborhoods of nodes, as the arrays that a model takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from convscope.kinds.graph.features import Values, dense
from convscope.kinds.graph.graph import Graph
from convscope.layers.neighbor_tables import (
    MERGES,
    WIDTHS,
    NeighborTables,
    best_width,
    neighbor_tables,
    padded_rows,
    stacked_tables,
)

Ints = npt.NDArray[np.int64]
Batch = dict[str, npt.NDArray[np.float32] | npt.NDArray[np.int32]]
ROOM = 8
"""How many times the largest degree of the train graphs that of another graph may be, at least."""
USUAL_CHANNELS = 64
"""Channels that are expected of a layer before there is one."""
WHOLE_BYTES = 2**31
"""Memory of a step up to which it takes the whole graph."""
_STEPS = 4
"""Sizes to pad to between two powers of two."""
_MANY, _MANY_STEPS = 2**13, 16
"""From how many on sizes lie closer: what is drawn differs less in size, and padding costs more."""
_SMALLEST = 8
_FEW = 200
"""Part of all nodes below which nodes are sorted, not marked."""


@dataclass(frozen=True, eq=False)
class Wiring:
    """Who sees whom in a graph, without edges from a node to itself, which layers add by themselves.

    Args:
        adjacency: Weights by target and source, shape (nodes, nodes), float32.
        degrees: Sum of the weights that each node sees, shape (nodes,), float32.
    """

    adjacency: sp.csr_array
    degrees: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """The number of nodes."""
        return len(self.degrees)


@dataclass(frozen=True, eq=False)
class Subgraph:
    """Nodes of a graph with the edges between them that matter.

    Args:
        rows: Rows of the nodes in the whole graph, shape (nodes,), int64; those that were asked for come
            first, in their order, then their neighbors, hop by hop.
        hops: How far each is from the nearest that was asked for, shape (nodes,), int64.
        wiring: Between them, with the degrees of the whole graph.
    """

    rows: Ints
    hops: Ints
    wiring: Wiring

    def __len__(self) -> int:
        """The number of nodes."""
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class GraphArrays:
    """One graph, or part of one, as the arrays of one element of a batch.

    Args:
        nodes: Features, shape (nodes, features), float32.
        degrees: Sum of the weights that each node sees in the whole graph, shape (nodes,), float32.
        tables: Who gathers from whom.
    """

    nodes: npt.NDArray[np.float32]
    degrees: npt.NDArray[np.float32]
    tables: NeighborTables


_wirings: WeakKeyDictionary[Graph, Wiring] = WeakKeyDictionary()


def wiring_of(graph: Graph) -> Wiring:
    """Who sees whom in a graph; made once for each graph."""
    found = _wirings.get(graph)
    if found is None:
        adjacency = graph.adjacency()
        if adjacency.diagonal().any():
            adjacency.setdiag(0)
        adjacency.eliminate_zeros()
        adjacency.sort_indices()
        degrees = np.asarray(adjacency.sum(axis=1), np.float32).ravel()
        found = _wirings[graph] = Wiring(adjacency, degrees)
    return found


def table_width(graphs: Sequence[Graph]) -> int:
    """The width of tables that suits graphs, with room for nodes of larger degrees in others."""
    degrees = [_table_degrees(wiring_of(graph)) for graph in graphs]
    joined = np.concatenate(degrees) if degrees else np.zeros(0, np.int64)
    most = ROOM * int(joined.max(initial=1))
    best = best_width(joined)
    return next((width for width in WIDTHS if width >= best and width ** (MERGES + 1) >= most), WIDTHS[-1])


def _table_degrees(wiring: Wiring) -> Ints:
    """Neighbors in either direction."""
    both = sp.csr_array(wiring.adjacency + wiring.adjacency.T)
    return np.diff(both.indptr).astype(np.int64)


def neighborhood(graph: Graph, rows: Ints, hops: int) -> Subgraph:
    """The part of a graph that decides what a model of so many hops answers for some nodes.

    Edges that lead to the outermost nodes are left out: nothing that is asked for depends on them. Degrees
    are those of the whole graph, so that the answer is that for the whole graph.

    Args:
        graph: The whole graph.
        rows: Nodes that are asked for, all different, shape (asked,), int64.
        hops: How far a model sees.
    """
    wiring = wiring_of(graph)
    place = np.full(len(wiring), -1, np.int64)
    place[rows] = np.arange(len(rows))
    layers, inner = [np.asarray(rows, np.int64)], 0
    for _ in range(hops):
        fresh = _fresh(wiring.adjacency[layers[-1]].indices, place)
        inner += len(layers[-1])
        if not len(fresh):
            break
        place[fresh] = inner + np.arange(len(fresh))
        layers.append(fresh)
    chosen = np.concatenate(layers)
    part = wiring.adjacency[chosen[:inner]]
    adjacency = sp.csr_array(
        (part.data, place[part.indices], np.concatenate([part.indptr, _ends(part, len(chosen) - inner)])),
        shape=(len(chosen), len(chosen)),
    )
    distance = np.repeat(np.arange(len(layers)), [len(layer) for layer in layers])
    return Subgraph(chosen, distance, Wiring(adjacency, wiring.degrees[chosen]))


def sampled_neighborhood(
    graph: Graph, rows: Ints, neighbors: Sequence[int], rng: np.random.Generator
) -> Subgraph:
    """As `neighborhood`, with so many neighbors of a node at most in each hop, drawn without replacement.

    Weights of the edges that are kept are multiplied by the number of neighbors of their target over the
    number that is kept, so that sums and means over neighbors are right on average; degrees stay those of the
    whole graph.

    Source: Hamilton, Ying and Leskovec (2017), "Inductive representation learning on large graphs".

    Args:
        graph: The whole graph.
        rows: Nodes that are asked for, all different, shape (asked,), int64.
        neighbors: Of a node in the first hop, in the second, and so on.
        rng: Draws them.
    """
    wiring = wiring_of(graph)
    place = np.full(len(wiring), -1, np.int64)
    place[rows] = np.arange(len(rows))
    layers, parts, seen = [np.asarray(rows, np.int64)], [], len(rows)
    for most in neighbors:
        part = _thinned(wiring.adjacency, layers[-1], most, rng)
        parts.append(part)
        fresh = _fresh(part.indices, place)
        place[fresh] = seen + np.arange(len(fresh))
        seen += len(fresh)
        layers.append(fresh)
    counts = [np.diff(part.indptr) for part in parts] + [np.zeros(len(layers[-1]), np.int64)]
    chosen = np.concatenate(layers)
    adjacency = sp.csr_array(
        (
            np.concatenate([part.data for part in parts]),
            place[np.concatenate([part.indices for part in parts])],
            np.concatenate([[0], np.cumsum(np.concatenate(counts))]),
        ),
        shape=(seen, seen),
    )
    distance = np.repeat(np.arange(len(layers)), [len(layer) for layer in layers])
    return Subgraph(chosen, distance, Wiring(adjacency, wiring.degrees[chosen]))


def _fresh(near: npt.NDArray[np.int32], place: Ints) -> Ints:
    """Those of some nodes that have no place yet, each once, in ascending order."""
    if len(near) < len(place) // _FEW:
        found = np.unique(near).astype(np.int64)
        return found[place[found] < 0]
    marked = np.zeros(len(place), bool)
    marked[near] = True
    marked &= place < 0
    return np.flatnonzero(marked)


def _thinned(adjacency: sp.csr_array, rows: Ints, most: int, rng: np.random.Generator) -> sp.csr_array:
    """So many entries at most of some rows of a matrix, the others made up for by their weights.

    Entries of a row are drawn one by one, and one that was drawn before stands for the last that could be.

    Source: Bentley and Floyd (1987), "A sample of brilliance".
    """
    starts = adjacency.indptr[rows]
    counts = adjacency.indptr[rows + 1] - starts
    fewer = np.minimum(counts, most)
    ends = np.concatenate([[0], np.cumsum(fewer)])
    kept = np.arange(ends[-1]) + np.repeat(starts - ends[:-1], fewer)
    many = np.flatnonzero(counts > most)
    drawn = np.empty((most, len(many)), np.int64)
    for number in range(most if len(many) else 0):
        last = counts[many] - most + number
        found = (rng.random(len(many)) * (last + 1)).astype(np.int64)
        drawn[number] = np.where((drawn[:number] == found).any(axis=0), last, found)
    kept[ends[many][:, None] + np.arange(most)] = starts[many][:, None] + np.sort(drawn, axis=0).T
    factors = np.repeat((counts / np.maximum(fewer, 1)).astype(np.float32), fewer)
    shape = (len(rows), adjacency.shape[1])
    return sp.csr_array((adjacency.data[kept] * factors, adjacency.indices[kept], ends), shape=shape)


def step_bytes(graph: Graph, features: int) -> int:
    """Memory that a step over the whole graph is expected to take: features, and values along every edge."""
    wiring = wiring_of(graph)
    along = 2 * USUAL_CHANNELS * (int(wiring.adjacency.nnz) + len(wiring))
    return 4 * (len(wiring) * features + along)


def _ends(part: sp.csr_array, more: int) -> Ints:
    """Row ends of so many rows without an entry."""
    return np.full(more, part.indptr[-1], np.int64)


def graph_arrays(
    wiring: Wiring, values: Values, width: int, rows: npt.NDArray[np.int64] | None = None
) -> GraphArrays:
    """One element of a batch.

    Args:
        wiring: Of a graph or a part of one.
        values: Features of all nodes of the graph, shape (nodes, features).
        width: Of the tables.
        rows: Which of the values belong to the nodes of `wiring`; None for all of them.

    Raises:
        DataError: A node has more neighbors than tables of this width can sum.
    """
    entries = wiring.adjacency.tocoo()
    arcs = np.stack([entries.col, entries.row], axis=1).astype(np.int64)
    tables = neighbor_tables(arcs, entries.data.astype(np.float32), len(wiring), width)
    return GraphArrays(dense(values, rows), wiring.degrees, tables)


def padded_size(count: int) -> int:
    """The next larger of a few sizes, so that compiled steps are reused.

    Example:
        >>> [padded_size(count) for count in (0, 5, 9, 33, 1000)]
        [8, 8, 10, 40, 1024]
    """
    if count <= _SMALLEST:
        return _SMALLEST
    steps = _STEPS if count <= _MANY else _MANY_STEPS
    step = max(1, 2 ** ((count - 1).bit_length() - 1) // steps)
    return int(-(-count // step) * step)


def stacked(elements: Sequence[GraphArrays], *, exact: bool = False) -> Batch:
    """A batch of graphs, padded to common sizes.

    Args:
        elements: The graphs.
        exact: Whether sizes are those of the largest graph, not the next of a few.

    Returns:
        Inputs by name, as `convscope.layers.neighbors.graph_inputs` has them.
    """
    size = int if exact else padded_size
    tables = [each.tables for each in elements]
    counts = np.array([table.nodes for table in tables], np.int64)
    nodes = size(int(counts.max()))
    rows = size(max(1, *(len(table.neighbors) for table in tables)))
    most = max(len(table.merges) for table in tables)
    return {
        "nodes": padded_rows(np.concatenate([each.nodes for each in elements]), counts, nodes),
        "degrees": padded_rows(np.concatenate([each.degrees for each in elements]), counts, nodes),
        **stacked_tables(tables, nodes, rows, size(most) if most else 0),
    }


def members_of(elements: Sequence[GraphArrays], nodes: int) -> npt.NDArray[np.float32]:
    """1 for the nodes of a graph and 0 for padding, shape (batch, nodes), float32."""
    counts = np.array([len(each.nodes) for each in elements])
    return (np.arange(nodes) < counts[:, None]).astype(np.float32)
