"""What the edges alone say of a node, as numbers, for graphs whose nodes have no features."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import eigsh

from convscope.errors import RunError
from convscope.json_values import Within
from convscope.kinds.graph.graph import Graph

Structure = Literal["log degree", "degree range", "clustering", "position"]
MOST_DEGREES = 2**20
"""Degrees from which on all share one range."""
MOST_PAIRS = 2 * 10**7
"""Pairs of neighbors that are counted for clustering coefficients at most."""
MOST_POSITIONS = 100_000
"""Nodes of a graph whose positions are computed and kept."""
POSITIONS = 64
"""Numbers of a position."""
DECIMALS = 5
"""Of a position; what follows depends on the order of additions."""


@dataclass(frozen=True, eq=False)
class NodePositions:
    """Where the nodes of the train graph are: a spectral embedding of its adjacency.

    Args:
        names: What the file calls the nodes.
        width: Numbers of a position.
        packed: The positions, shape (nodes, width), float32, little-endian, in base64.
    """

    names: Annotated[tuple[str, ...], Within(1, MOST_POSITIONS)]
    width: Annotated[int, Within(1, 1024)]
    packed: str

    @cached_property
    def values(self) -> npt.NDArray[np.float32]:
        """Shape (nodes, width), float32.

        Raises:
            RunError: The packed numbers do not fit the names.
        """
        try:
            found = np.frombuffer(base64.b64decode(self.packed, validate=True), "<f4")
            values = found.reshape(len(self.names), self.width).astype(np.float32)
        except (ValueError, binascii.Error) as error:
            raise RunError(f"Saved node features are damaged: positions do not fit ({error}).") from error
        if not np.isfinite(values).all():
            raise RunError("Saved node features are damaged: positions are not finite.")
        return values

    def of(self, graph: Graph) -> npt.NDArray[np.float32]:
        """Positions of all nodes of a graph; that of a new node is the mean of those of its neighbors.

        Returns:
            Shape (nodes, width), float32; 0 for a new node that no path leads to from one that is kept.
        """
        place = {name: row for row, name in enumerate(self.names)}
        rows = np.array([place.get(name, -1) for name in graph.names], np.int64)
        known = rows >= 0
        values = np.where(known[:, None], self.values[np.maximum(rows, 0)], 0).astype(np.float32)
        adjacency = graph.adjacency()
        while not known.all():
            seen = adjacency @ known.astype(np.float32)
            reached = ~known & (seen > 0)
            if not reached.any():
                break
            sums = adjacency[reached] @ (values * known[:, None])
            values[reached] = sums / seen[reached, None]
            known = known | reached
        return values


def fit_structure(graphs: Sequence[Graph], seed: int) -> tuple[dict[str, Any], list[str]]:
    """What is taken from the edges.

    Args:
        graphs: Of the train split.
        seed: Where the search for eigenvectors begins.

    Returns:
        Fields `structure`, `highest_degree` and `positions` by name, and what each of them is.
    """
    degrees = np.concatenate([_degrees(graph) for graph in graphs])
    names: list[Structure] = ["log degree"]
    said = ["the logarithm of the degree"]
    positions = _fit_positions(graphs[0], seed) if len(graphs) == 1 else None
    highest = int(degrees.max(initial=0))
    if positions is not None:
        names.append("position")
        said.append(f"{positions.width} numbers of a spectral embedding of the adjacency")
    else:
        names.append("degree range")
        highest = min(highest, MOST_DEGREES)
        said.append(f"a feature for each of {len(_starts(highest))} ranges of degrees, two to each doubling")
    if max(_pairs(graph) for graph in graphs) <= MOST_PAIRS:
        names.append("clustering")
        said.append("the clustering coefficient")
    fields = {
        "structure": tuple(names),
        "highest_degree": highest if "degree range" in names else 0,
        "positions": positions,
    }
    return fields, said


def structure_names(
    structure: Sequence[Structure], highest: int, positions: NodePositions | None
) -> list[str]:
    """What each feature is called, in the order of `structure_values`."""
    named: list[str] = []
    for each in structure:
        if each == "degree range":
            *ranges, last = pairwise((*_starts(highest).tolist(), 0))
            named += [f"degree {a}" if a + 1 == b else f"degree {a} to {b - 1}" for a, b in ranges]
            named.append(f"degree {last[0]} and more")
        elif each == "position" and positions is not None:
            named += [f"position {number}" for number in range(positions.width)]
        else:
            named.append(each)
    return named


def structure_values(
    graph: Graph, structure: Sequence[Structure], highest: int, positions: NodePositions | None
) -> npt.NDArray[np.float32]:
    """What the edges say of each node, shape (nodes, features), float32."""
    degrees = _degrees(graph)
    parts: list[npt.NDArray[np.float32]] = []
    for each in structure:
        if each == "log degree":
            parts.append(np.log1p(degrees)[:, None].astype(np.float32))
        elif each == "degree range":
            starts = _starts(highest)
            place = np.searchsorted(starts, degrees, side="right") - 1
            parts.append(np.eye(len(starts), dtype=np.float32)[place])
        elif each == "clustering":
            parts.append(clustering_coefficients(graph)[:, None])
        elif positions is not None:
            parts.append(positions.of(graph))
    return np.concatenate(parts, axis=1)


def _starts(highest: int) -> npt.NDArray[np.int64]:
    """Where ranges of degrees begin: 0, 1, 2, 3, 4, 6, 8, 12 and so on up to the highest."""
    doubled = 2 ** np.arange(1, 21)
    starts = np.unique(np.concatenate([[0, 1, 3], doubled, doubled[1:] * 3 // 2]))
    return starts[starts <= highest].astype(np.int64)


def clustering_coefficients(graph: Graph) -> npt.NDArray[np.float32]:
    """Share of the pairs of neighbors of each node that are neighbors too, directions left out.

    Source: Watts and Strogatz (1998), Collective dynamics of small-world networks.

    Returns:
        Shape (nodes,), float32; 0 for nodes with fewer than two neighbors.
    """
    plain = _plain(graph)
    degrees = np.diff(plain.indptr)
    closed = np.asarray((plain @ plain).multiply(plain).sum(axis=1)).ravel()
    found: npt.NDArray[np.float32] = (closed / np.maximum(degrees * (degrees - 1.0), 1)).astype(np.float32)
    return found


def _plain(graph: Graph) -> sp.csr_array:
    """1 where two different nodes are joined in either direction."""
    found = graph.adjacency()
    found = sp.csr_array(found + found.T)
    found.setdiag(0)
    found.eliminate_zeros()
    found.data[:] = 1.0
    return found


def _degrees(graph: Graph) -> npt.NDArray[np.int64]:
    """The number of different neighbors of each node."""
    found: npt.NDArray[np.int64] = np.diff(_plain(graph).indptr).astype(np.int64)
    return found


def _pairs(graph: Graph) -> int:
    return int((_degrees(graph) ** 2).sum())


def _fit_positions(graph: Graph, seed: int) -> NodePositions | None:
    """A spectral embedding; None for a graph that is too small or too large for one."""
    count = len(graph)
    width = min(POSITIONS, count // 4)
    if width < 2 or count > MOST_POSITIONS or not len(graph.edges):
        return None
    plain = _plain(graph)
    scale = 1 / np.sqrt(np.maximum(np.diff(plain.indptr), 1)).astype(np.float64)
    normalized = sp.diags_array(scale) @ plain.astype(np.float64) @ sp.diags_array(scale)
    start = np.random.default_rng(seed).normal(size=count)
    values, vectors = eigsh(normalized, k=width, which="LA", v0=start, tol=1e-4)
    vectors = vectors[:, np.argsort(-values)]
    vectors *= np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(width)])
    positions = np.round(vectors * np.sqrt(count), DECIMALS).astype("<f4")
    packed = base64.b64encode(positions.tobytes()).decode("ascii")
    return NodePositions(tuple(graph.names), width, packed)
