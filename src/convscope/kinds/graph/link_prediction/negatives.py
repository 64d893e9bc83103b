"""Pairs without an edge that a model is judged by, and what common neighbors alone say of a pair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from convscope.errors import DataError
from convscope.kinds.graph.graph import Graph

RESTART = 0.15
"""Probability that a walk of personalized PageRank starts again at its node."""
PAGERANK_STEPS = 10
MOST_SCORES = 2**24
"""Scores of nodes that are held at a time."""
MOST_WORK = 2 * 10**10
"""Edges that walks may follow in all, by which the number of hard cases is bounded."""
HEURISTICS = ("common neighbors", "Adamic-Adar", "resource allocation")

Pairs = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]


def keys_of(pairs: Pairs, nodes: int) -> npt.NDArray[np.int64]:
    """One number for each pair, whichever of its nodes comes first, shape (pairs,)."""
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    keys: npt.NDArray[np.int64] = low * nodes + high
    return keys


def pairs_of(keys: npt.NDArray[np.int64], nodes: int) -> Pairs:
    """The pairs that `keys_of` gave these numbers, the lower row first, shape (pairs, 2)."""
    return np.stack([keys // nodes, keys % nodes], axis=1)


def random_negatives(nodes: int, known: npt.NDArray[np.int64], count: int, rng: np.random.Generator) -> Pairs:
    """Different pairs of different nodes without an edge, each as probable as any other.

    Args:
        nodes: The number of nodes.
        known: `keys_of` all edges, ascending, without self loops.
        count: How many to draw.
        rng: Draws them.

    Returns:
        Shape (count, 2), int64; fewer where the graph has fewer.
    """
    possible = nodes * (nodes - 1) // 2 - len(known)
    count = min(count, possible)
    if possible <= 4 * count and nodes * nodes <= MOST_SCORES:  # few are left: all of them are listed
        low, high = np.triu_indices(nodes, 1)
        free = np.setdiff1d(low * nodes + high, known, assume_unique=True)
        return pairs_of(rng.permutation(free)[:count], nodes)
    found = np.zeros(0, np.int64)
    while len(found) < count:
        drawn = rng.integers(0, nodes, (2 * (count - len(found)) + 16, 2))
        keys = keys_of(drawn[drawn[:, 0] != drawn[:, 1]], nodes)
        place = np.searchsorted(known, keys)
        edge = known[np.minimum(place, len(known) - 1)] == keys if len(known) else np.zeros(len(keys), bool)
        found = np.unique(np.concatenate([found, keys[~edge]]))
    return pairs_of(rng.permutation(found)[:count], nodes)


@dataclass(frozen=True, eq=False)
class Likeness:
    """How alike nodes are, by the edges that may be seen and by their features.

    Args:
        graph: The graph with these edges; directions and weights are not used.
    """

    graph: Graph

    @cached_property
    def adjacency(self) -> sp.csr_array:
        """1 for each edge, both ways, without self loops, shape (nodes, nodes), float64."""
        edges, nodes = self.graph.edges, len(self.graph)
        edges = pairs_of(np.unique(keys_of(edges[edges[:, 0] != edges[:, 1]], nodes)), nodes)
        both = np.concatenate([edges, edges[:, ::-1]])
        return sp.csr_array((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(nodes, nodes))

    @cached_property
    def degrees(self) -> Scores:
        """Neighbors of each node, shape (nodes,)."""
        return np.diff(self.adjacency.indptr).astype(np.float64)

    @cached_property
    def _directions(self) -> sp.csr_array | None:
        """Features of unit length, shape (nodes, features); None where there are none."""
        features = self.graph.features
        if features is None:
            return None
        values = sp.csr_array(features, dtype=np.float64)
        lengths = np.sqrt(np.asarray(values.multiply(values).sum(axis=1)).ravel())
        return sp.csr_array(sp.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ values)

    def heuristics(self, pairs: Pairs) -> dict[str, Scores]:
        """Scores by which pairs are ranked without a model.

        Source: Adamic and Adar (2003), Friends and neighbors on the Web; Zhou, Lue and Zhang (2009),
        Predicting missing links via local information.

        Args:
            pairs: Shape (pairs, 2).

        Returns:
            By the names of `HEURISTICS`, shape (pairs,) each: the sum over common neighbors of 1, of 1 by the
            logarithm of their degree, and of 1 by their degree.
        """
        degrees = self.degrees
        weights = np.stack(
            [np.ones_like(degrees), 1 / np.log(np.maximum(degrees, 2)), 1 / np.maximum(degrees, 1)], axis=1
        )
        sums = np.zeros((len(pairs), len(HEURISTICS)))
        step = max(1, int(MOST_SCORES // max(degrees.max(initial=1), 1)))
        for start in range(0, len(pairs), step):
            part = pairs[start : start + step]
            common = self.adjacency[part[:, 0]].multiply(self.adjacency[part[:, 1]])
            sums[start : start + step] = sp.csr_array(common) @ weights
        return dict(zip(HEURISTICS, sums.T, strict=True))

    def two_hops(self, most: int) -> Pairs:
        """Pairs of nodes with a common neighbor, shape (pairs, 2), of which hubs come last.

        Args:
            most: Pairs at most, those of one neighbor counted for each.
        """
        degrees = self.degrees.astype(np.int64)
        order = np.argsort(degrees, kind="stable")
        within = np.cumsum(degrees[order] * (degrees[order] - 1) // 2) <= most
        kept = np.sort(order[within])
        part = self.adjacency[kept]
        joined = sp.coo_array(sp.triu(part.T @ part, 1))
        return np.stack([joined.row, joined.col], axis=1).astype(np.int64)

    def _of_nodes(self, rows: npt.NDArray[np.int64]) -> Iterator[Scores]:
        """Resource allocation, personalized PageRank and likeness of features of nodes to all nodes."""
        shares = sp.csr_array(sp.diags_array(1 / np.maximum(self.degrees, 1)) @ self.adjacency)
        yield (self.adjacency[rows] @ shares).toarray()
        start = np.zeros((len(self.graph), len(rows)))
        start[rows, np.arange(len(rows))] = 1
        walk, back = start, sp.csr_array(shares.T)
        for _ in range(PAGERANK_STEPS):
            walk = RESTART * start + (1 - RESTART) * (back @ walk)
        yield walk.T
        if self._directions is not None:
            yield (self._directions[rows] @ self._directions.T).toarray()

    def most_alike(
        self, rows: npt.NDArray[np.int64], barred: sp.csr_array, count: int, rng: np.random.Generator
    ) -> Pairs:
        """Nodes that a model takes most easily for partners of others.

        Each of resource allocation, personalized PageRank and likeness of features ranks all nodes; the best
        of its ranks is that of a node, equal ones are drawn.

        Args:
            rows: Nodes that partners are sought for, shape (rows,).
            barred: Partners that are not asked for, nonzero, shape (rows, nodes).
            count: Partners of each.
            rng: Draws between equals.

        Returns:
            Shape (rows, count), int64.
        """
        best = np.full((len(rows), len(self.graph)), np.inf)
        place = np.repeat(np.arange(len(rows)), np.diff(barred.indptr)), barred.indices
        for scores in self._of_nodes(rows):
            scores[place] = -1.0
            best = np.minimum(best, _ranks(scores))
        best += rng.random(best.shape)  # ranks are whole numbers
        best[place] = np.inf
        chosen = np.argpartition(best, count - 1, axis=1)[:, :count]
        return np.sort(chosen, axis=1).astype(np.int64)


def _ranks(scores: Scores) -> Scores:
    """Of each score in its row, the highest first; equal ones share the first of their ranks."""
    order = np.argsort(-scores, axis=1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=1)
    first = np.ones_like(ordered, bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    numbers = np.where(first, np.arange(scores.shape[1])[None], 0)
    ranks = np.empty_like(scores)
    np.put_along_axis(ranks, order, np.maximum.accumulate(numbers, axis=1) + 1.0, axis=1)
    return ranks


def hard_negatives(likeness: Likeness, links: Pairs, known: npt.NDArray[np.int64], count: int) -> Pairs:
    """Pairs without an edge that are hard to tell from links: one end of a link is exchanged.

    Source: Li et al. (2023), Evaluating Graph Neural Networks for Link Prediction: Current Pitfalls and New
    Benchmarking.

    Args:
        likeness: Of the nodes, by the edges that may be seen.
        links: The links, shape (links, 2).
        known: `keys_of` all edges, whether they may be seen or not; none of them is a negative.
        count: Negatives of each link, half of them for each end.

    Returns:
        Shape (links, count, 2), int64; fewer where a graph is so small.

    Raises:
        DataError: A node has an edge to every other.
    """
    nodes = len(likeness.graph)
    edges = pairs_of(known, nodes)
    both = np.concatenate([edges, edges[:, ::-1], np.repeat(np.arange(nodes), 2).reshape(-1, 2)])
    barred = sp.csr_array((np.ones(len(both), np.int8), (both[:, 0], both[:, 1])), shape=(nodes, nodes))
    ends, back = np.unique(links, return_inverse=True)
    free = nodes - int(np.diff(barred.indptr)[ends].max(initial=0))
    half = min(count // 2, free)
    rng = np.random.default_rng(0)
    if len(links) and half < 1:
        raise DataError(
            "A node of a link has an edge to every other node, so that no pair without an edge can be ranked"
            " beside the link.",
            "Link prediction needs nodes that are not joined.",
        )
    partners = np.zeros((len(ends), half), np.int64)
    step = max(1, MOST_SCORES // (8 * nodes))
    for start in range(0, len(ends), step):
        rows = ends[start : start + step]
        partners[start : start + step] = likeness.most_alike(rows, barred[rows], half, rng)
    kept = np.repeat(links[:, :, None], half, axis=2)
    pairs = np.stack([kept, partners[back.reshape(links.shape)]], axis=-1)
    return pairs.reshape(len(links), -1, 2)


def most_hard(graph: Graph, nodes: int) -> int:
    """How many links at most are ranked among hard negatives of a graph, so that this takes minutes."""
    work = 2 * max(2 * len(graph.edges), nodes) * PAGERANK_STEPS
    return max(100, MOST_WORK // work)


def only_edges(graph: Graph, kept: npt.NDArray[np.bool_]) -> Graph:
    """A graph with some of its edges, which lead both ways.

    Args:
        graph: All of it.
        kept: Which edges, shape (edges,).
    """
    return replace(
        graph,
        directed=False,
        edges=graph.edges[kept],
        weights=None if graph.weights is None else graph.weights[kept],
        times=None if graph.times is None else graph.times[kept],
    )
