"""What is known of each person of a network by where he or she stands: ties, paths, cores, triangles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse import csgraph

from convscope.kinds.graph.graph import Graph
from convscope.types import Progress, no_progress

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DAMPING = 0.85
"""The share of steps of PageRank that follow an edge, as Brin and Page (1998) have it."""
EXACT = 2000
"""Nodes up to which shortest paths from every node are followed."""
WORK = 2 * 10**9
"""Steps along edges that shortest paths may take in a larger network."""
FEWEST_SOURCES = 64
_BLOCK = 32
_ROUNDS = 1000


@dataclass(frozen=True, eq=False)
class Ties:
    """The edges of a network as matrices, without self loops; edges between the same two nodes are one.

    Args:
        graph: The network.
    """

    graph: Graph

    @cached_property
    def weights(self) -> sp.csr_array:
        """Weights by source and target, shape (nodes, nodes), float64; both ways where undirected."""
        arcs, weights = self.graph.both_ways()
        kept = arcs[:, 0] != arcs[:, 1]
        shape = (len(self.graph), len(self.graph))
        made = sp.csr_array((weights[kept].astype(np.float64), (arcs[kept, 0], arcs[kept, 1])), shape=shape)
        made.sum_duplicates()
        made.eliminate_zeros()
        made.sort_indices()
        return made

    @cached_property
    def leads(self) -> sp.csr_array:
        """1 by source and target."""
        return _ones(self.weights)

    @cached_property
    def joined(self) -> sp.csr_array:
        """1 for each two nodes with an edge between them, whichever way it leads; symmetric."""
        return _ones(sp.csr_array(self.leads + self.leads.T))

    @cached_property
    def pairs(self) -> Ints:
        """Each two nodes with an edge between them once, shape (pairs, 2)."""
        upper = sp.coo_array(sp.triu(self.joined, 1))
        return np.stack([upper.row, upper.col], axis=1).astype(np.int64)

    @cached_property
    def degrees(self) -> Ints:
        """The number of different neighbors, whichever way edges lead, shape (nodes,)."""
        return np.diff(self.joined.indptr).astype(np.int64)


def _ones(matrix: sp.csr_array) -> sp.csr_array:
    made = sp.csr_array(matrix)
    made.sum_duplicates()
    made.data = np.ones(len(made.data))
    return made


@dataclass(frozen=True, eq=False)
class ShortestPaths:
    """What shortest paths tell; they count edges, not weights.

    Args:
        betweenness: The share of pairs of other nodes whose shortest paths lead through a node, shape
            (nodes,).
        of_pairs: The number of pairs of nodes whose shortest paths lead over each of `Ties.pairs`, shape
            (pairs,).
        closeness: Nodes that reach a node over the sum of their distances, times the share of nodes that do
            (Wasserman and Faust 1994), shape (nodes,).
        sources: The number of nodes that paths were followed from; all of them where it is exact.
        longest: The largest distance that was seen: the diameter where exact, else at most that.
        mean: The mean distance between nodes of which one reaches the other.
    """

    betweenness: Floats
    of_pairs: Floats
    closeness: Floats
    sources: int
    longest: int
    mean: float


def pagerank(ties: Ties, damping: float = DAMPING) -> Floats:
    """How often someone is met who follows edges by their weights, and now and then starts anywhere.

    Source: Brin and Page (1998), "The anatomy of a large-scale hypertextual web search engine".

    Args:
        ties: Edges; from a node without one that leads away, the walk goes on anywhere.
        damping: The share of steps that follow an edge.

    Returns:
        Shape (nodes,), summing to 1, up to 1e-10.
    """
    nodes = len(ties.graph)
    strength = np.asarray(ties.weights.sum(axis=1)).ravel()
    ends = strength <= 0
    back = sp.csr_array(ties.weights.T)
    share = np.where(ends, 0.0, 1 / np.where(ends, 1.0, strength))
    rank = np.full(nodes, 1 / max(nodes, 1))
    for _ in range(_ROUNDS):
        after = damping * (back @ (rank * share) + rank[ends].sum() / nodes) + (1 - damping) / nodes
        if float(np.abs(after - rank).sum()) < 1e-10:
            return np.asarray(after)
        rank = after
    return rank


def core_numbers(ties: Ties) -> Ints:
    """The largest k such that a node is among nodes that all have k neighbors there, shape (nodes,).

    Source: Batagelj and Zaversnik (2003), "An O(m) algorithm for cores decomposition of networks"; here all
    nodes of too few neighbors are taken away at once.
    """
    left, core = ties.degrees.copy(), np.zeros(len(ties.graph), np.int64)
    there = np.ones(len(left), bool)
    k = 0
    while there.any():
        k = max(k, int(left[there].min()))
        gone = np.flatnonzero(there & (left <= k))
        while len(gone):
            core[gone], there[gone] = k, False
            left -= np.bincount(ties.joined[gone].indices, minlength=len(left))
            gone = np.flatnonzero(there & (left <= k))
    return core


def triangles(ties: Ties) -> Ints:
    """How many pairs of neighbors of each node are neighbors themselves, shape (nodes,).

    Edges lead from the node of fewer neighbors to that of more, so that no node has many.
    """
    rank = np.empty(len(ties.graph), np.int64)
    rank[np.argsort(ties.degrees, kind="stable")] = np.arange(len(rank))
    pairs = ties.pairs
    turned = rank[pairs[:, 0]] > rank[pairs[:, 1]]
    low, high = np.where(turned, pairs[:, 1], pairs[:, 0]), np.where(turned, pairs[:, 0], pairs[:, 1])
    up = sp.csr_array((np.ones(len(pairs), np.int64), (low, high)), shape=ties.joined.shape)
    around = sp.csr_array((up @ up) * up)  # first and last of a triangle
    middle = sp.csr_array((up.T @ up) * up)  # the one between, by its edge to the last
    found = around.sum(axis=0) + around.sum(axis=1) + middle.sum(axis=1)
    return np.asarray(found, np.int64).ravel()


def clustering(ties: Ties) -> Floats:
    """The share of the pairs of neighbors of a node that are neighbors themselves, shape (nodes,)."""
    possible = ties.degrees * (ties.degrees - 1) / 2
    return np.asarray(triangles(ties) / np.maximum(possible, 1))


def shortest_paths(ties: Ties, seed: int = 0, progress: Progress = no_progress) -> ShortestPaths:
    """Follows shortest paths from every node, or from some that are drawn where there are very many.

    Source: Brandes (2001), "A faster algorithm for betweenness centrality"; many sources at once.

    Args:
        ties: Edges, followed as they lead.
        seed: Draws the nodes that paths are followed from.
        progress: Called after each block of them.
    """
    nodes, arcs = len(ties.graph), ties.leads
    order = np.random.default_rng(seed).permutation(nodes)
    wanted = nodes
    coo = sp.coo_array(arcs)
    tails, heads = coo.row.astype(np.int64), coo.col.astype(np.int64)
    through, over = np.zeros(nodes), np.zeros(arcs.nnz)
    total, reached = np.zeros(nodes), np.zeros(nodes)
    longest = done = 0
    while done < wanted:
        sources = order[done : done + min(_BLOCK, wanted - done)]
        distances, depth = _follow(arcs, tails, heads, sources, through, over)
        there = distances > 0
        total += np.where(there, distances, 0).sum(axis=1)
        reached += there.sum(axis=1)
        done, longest = done + len(sources), max(longest, depth)
        if nodes > EXACT:
            wanted = min(nodes, max(FEWEST_SOURCES, WORK // (4 * max(depth, 1) * max(arcs.nnz, 1))))
        progress(done, wanted, "shortest paths")
    up = nodes / max(done, 1)
    between = through * up / max((nodes - 1) * (nodes - 2), 1)
    both = over * up / (1 if ties.graph.directed else 2)
    of_pairs = sp.csr_array((both, (np.minimum(tails, heads), np.maximum(tails, heads))), shape=arcs.shape)
    of_pairs.sum_duplicates()
    lonely = total <= 0
    close = np.where(lonely, 0.0, reached / np.where(lonely, 1.0, total)) * reached * up / max(nodes - 1, 1)
    found = np.asarray(of_pairs[ties.pairs[:, 0], ties.pairs[:, 1]], np.float64).ravel()
    mean = float(total.sum() / max(reached.sum(), 1))
    return ShortestPaths(between, found, np.minimum(close, 1.0), done, longest, mean)


def _follow(
    arcs: sp.csr_array, tails: Ints, heads: Ints, sources: Ints, through: Floats, over: Floats
) -> tuple[npt.NDArray[np.int32], int]:
    """Adds up over the shortest paths from some nodes; returns their distances, and the largest."""
    nodes, count = arcs.shape[0], len(sources)
    back = sp.csr_array(arcs.T)
    distances = np.full((nodes, count), -1, np.int32)
    paths = np.zeros((nodes, count))
    distances[sources, np.arange(count)] = 0
    paths[sources, np.arange(count)] = 1
    depth, front = 0, paths
    while True:
        arrived = back @ front
        front = np.where((arrived > 0) & (distances < 0), arrived, 0)
        if not front.any():
            break
        depth += 1
        distances[front > 0] = depth
        paths += front
    shares = np.zeros((nodes, count))
    inverse = np.where(paths > 0, 1 / np.where(paths > 0, paths, 1.0), 0.0)
    for level in range(depth, 0, -1):
        given = np.where(distances == level, (1 + shares) * inverse, 0)
        before = distances == level - 1
        shares += np.where(before, (arcs @ given) * paths, 0)
    ready = (1 + shares) * inverse
    for column in range(count):
        last = distances[heads, column] == distances[tails, column] + 1
        last &= distances[tails, column] >= 0
        over[last] += paths[tails[last], column] * ready[heads[last], column]
    shares[sources, np.arange(count)] = 0
    through += shares.sum(axis=1)
    return distances, depth


def components(ties: Ties) -> tuple[Ints, int]:
    """The component of each node by its size, the largest 0, shape (nodes,); and the number of strong ones.

    Directions are left out in the former; in a strong component, each node reaches every other as edges lead.
    """
    _, part = csgraph.connected_components(ties.joined, directed=False)
    strong, _ = csgraph.connected_components(ties.leads, directed=True, connection="strong")
    return by_size(part.astype(np.int64)), int(strong)


def by_size(part: Ints) -> Ints:
    """Parts numbered anew, the largest 0, those of equal size by their first node."""
    _, first, place, sizes = np.unique(part, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    return number[place.ravel()]


def assortativity(ties: Ties) -> float | None:
    """The correlation of the degrees at both ends of edges (Newman 2002); None where all are alike."""
    one, other = ties.degrees[ties.pairs.T].astype(np.float64)
    both, turned = np.concatenate([one, other]), np.concatenate([other, one])
    if not len(both) or both.std() == 0:
        return None
    return float(np.corrcoef(both, turned)[0, 1])
