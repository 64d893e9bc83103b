"""How many edges nodes of a graph are away from others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse import csgraph

Whole = npt.NDArray[np.int64]


def hops_from(edges: Whole, nodes: int, centers: Sequence[int], *, directed: bool = False) -> Whole:
    """How many edges each node is away from the nearest center, which depends on it.

    Args:
        edges: Pairs of positions, shape (edges, 2).
        nodes: How many there are.
        centers: Positions.
        directed: Whether an edge counts only where it leads towards the center.

    Returns:
        Shape (nodes,), int64; a node that cannot be reached is one hop further than any that can.
    """
    near = hops_within(edges, nodes, centers, nodes, directed=directed)
    return np.where(near < 0, near.max(initial=0) + 1, near)


def hops_within(
    edges: Whole, nodes: int, centers: Sequence[int], hops: int, *, directed: bool = False
) -> Whole:
    """How many edges each node is away from the nearest center, which depends on it, up to so many.

    Args:
        edges: Pairs of positions, shape (edges, 2).
        nodes: How many there are.
        centers: Positions.
        hops: The furthest.
        directed: Whether an edge counts only where it leads towards the center.

    Returns:
        Shape (nodes,), int64; -1 for a node that is further away, or not joined to a center at all.
    """
    near = adjacency(edges, nodes)
    if directed:
        ends = np.asarray(edges, np.int64).reshape(-1, 2)
        near = sp.csr_array((np.ones(len(ends)), (ends[:, 1], ends[:, 0])), shape=(nodes, nodes))
    distances = csgraph.dijkstra(near, unweighted=True, indices=list(centers), min_only=True)
    return np.where(distances <= hops, distances, -1).astype(np.int64)


def adjacency(edges: Whole, nodes: int) -> sp.csr_array:
    """1 for each edge, both ways, without self loops."""
    edges = np.asarray(edges, np.int64).reshape(-1, 2)
    edges = edges[edges[:, 0] != edges[:, 1]]
    both = np.concatenate([edges, edges[:, ::-1]])
    shape = (nodes, nodes)
    near = sp.csr_array((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=shape)
    near.sum_duplicates()
    near.data[:] = 1.0
    return near
