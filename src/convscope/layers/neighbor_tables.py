"""Neighbors of each node as tables of one width, so that a sum over neighbors is `take` and `sum`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError

MERGES = 3
"""How often sums are merged: a node may have `width ** (MERGES + 1)` neighbors."""
WIDTHS = (4, 8, 16, 32)
"""Widths that a table may have."""

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class NeighborTables:
    """Who each node gathers from.

    The neighbors of a node fill one row of a table or several. Sums over several rows are merged, up to
    `width` at a time, until each node has one sum. The table holds every edge and its reverse, one of weight
    0 where the graph has only the other, so that the gradient of a sum is a sum over the same table.

    Args:
        neighbors: Row of each neighbor, shape (rows, width), int32; 0 where there is none.
        weights: Of each edge, shape (rows, width), float32; 0 where there is none.
        reverse: Where the reverse of each edge stands in the flattened table, shape (rows, width), int32; its
            own place where there is no neighbor.
        owners: Node whose neighbors a row holds, shape (rows,), int32, ascending.
        merges: Sums that are added up, shape (merges, width), int32: below `rows` a row of the table, below
            `rows + merges` another merged sum, `rows + merges` nothing.
        sums: The whole sum of each node, shape (nodes,), int32, numbered as in `merges`.
    """

    neighbors: Ints
    weights: npt.NDArray[np.float32]
    reverse: Ints
    owners: Ints
    merges: Ints
    sums: Ints

    @property
    def nodes(self) -> int:
        """The number of nodes."""
        return len(self.sums)

    @property
    def width(self) -> int:
        """The number of neighbors in a row."""
        return int(self.neighbors.shape[1])


def stacked_tables(
    tables: Sequence[NeighborTables], nodes: int, rows: int, merges: int
) -> dict[str, npt.NDArray[Any]]:
    """Tables of several graphs as one batch: nodes without a neighbor, empty rows and merges fill them up.

    Args:
        tables: Of one width.
        nodes: Of each graph in the batch.
        rows: Of each table in the batch.
        merges: Of each graph in the batch.

    Returns:
        The arrays of `NeighborTables` by name, each with the batch as its first axis.
    """
    of_nodes, of_rows, of_merges = (
        np.array([len(getattr(each, name)) for each in tables], np.int64)
        for name in ("sums", "neighbors", "merges")
    )
    nothing, width = rows + merges, tables[0].width
    empty = np.arange(rows * width, dtype=np.int32).reshape(rows, width)

    def padded(name: str, counts: npt.NDArray[np.int64], size: int, filler: Any) -> npt.NDArray[Any]:
        return padded_rows(np.concatenate([getattr(each, name) for each in tables]), counts, size, filler)

    def numbered(name: str, counts: npt.NDArray[np.int64], size: int) -> Ints:
        sums = padded(name, counts, size, -1)
        old, end = (each.reshape(-1, *(1,) * (sums.ndim - 1)) for each in (of_rows, of_rows + of_merges))
        moved = np.where(sums >= old, sums + (rows - old), sums)
        return np.where((sums < 0) | (sums >= end), nothing, moved).astype(np.int32)

    return {
        "neighbors": padded("neighbors", of_rows, rows, 0),
        "weights": padded("weights", of_rows, rows, 0),
        "reverse": padded("reverse", of_rows, rows, empty),
        "owners": padded("owners", of_rows, rows, nodes - 1),
        "merges": numbered("merges", of_merges, merges),
        "sums": numbered("sums", of_nodes, nodes),
    }


def padded_rows(
    values: npt.NDArray[Any], counts: npt.NDArray[np.int64], size: int, filler: Any = 0
) -> npt.NDArray[Any]:
    """Rows of several graphs, one graph after the other, as an array of shape (graphs, size, ...).

    Args:
        values: All rows.
        counts: Rows of each graph, shape (graphs,).
        size: Rows that each graph is to have.
        filler: What stands in those that it lacks: a number, or an array of shape (size, ...).
    """
    found = np.empty((len(counts), size, *values.shape[1:]), values.dtype)
    found[:] = filler
    moved = np.arange(len(counts)) * size - (np.cumsum(counts) - counts)
    found.reshape(-1, *values.shape[1:])[np.arange(len(values)) + np.repeat(moved, counts)] = values
    return found


def best_width(degrees: npt.NDArray[np.int64]) -> int:
    """The width of `WIDTHS` that fills the fewest places.

    Args:
        degrees: The number of neighbors of each node, shape (nodes,).
    """
    cost = {width: int((-(-degrees // width)).sum()) * (width + 2) for width in WIDTHS}
    most = int(degrees.max(initial=0))
    possible = [width for width in WIDTHS if width ** (MERGES + 1) >= most] or [WIDTHS[-1]]
    return min(possible, key=lambda width: cost[width])


def neighbor_tables(
    arcs: npt.NDArray[np.int64], weights: npt.NDArray[np.float32], nodes: int, width: int | None = None
) -> NeighborTables:
    """Builds the tables of a graph.

    Args:
        arcs: Source and target of each edge, shape (arcs, 2), int64; the target gathers from the source.
            Weights of edges between the same two nodes are added up.
        weights: Of each edge, shape (arcs,), float32.
        nodes: The number of nodes.
        width: Neighbors in a row; None takes what fills the fewest places.

    Raises:
        DataError: A node has more neighbors than can be merged.
    """
    count = len(arcs)
    keys = np.concatenate([arcs[:, 1] * nodes + arcs[:, 0], arcs[:, 0] * nodes + arcs[:, 1]])
    unique, place = np.unique(keys, return_inverse=True)
    values = np.bincount(place[:count], weights, minlength=len(unique)).astype(np.float32)
    targets, sources = unique // max(nodes, 1), unique % max(nodes, 1)
    degrees = np.bincount(targets, minlength=nodes).astype(np.int64)
    width = width or best_width(degrees)
    if degrees.max(initial=0) > width ** (MERGES + 1):
        raise DataError(
            f"A node has {int(degrees.max()):,} neighbors, at most {width ** (MERGES + 1):,} can be summed.",
            "Split it into several nodes, or keep a sample of its edges.",
        )
    parts = -(-degrees // width)
    first_row = np.cumsum(parts) - parts
    first_edge = np.cumsum(degrees) - degrees
    within = np.arange(len(unique)) - first_edge[targets]
    flat = (first_row[targets] + within // width) * width + within % width
    rows = int(parts.sum())
    table = np.zeros(rows * width, np.int32)
    filled = np.zeros(rows * width, np.float32)
    reverse = np.arange(rows * width, dtype=np.int32)
    table[flat], filled[flat] = sources, values
    there, back = flat[place[:count]], flat[place[count:]]
    reverse[there], reverse[back] = back, there
    owners = np.repeat(np.arange(nodes, dtype=np.int32), parts)
    merges, sums = _merged(parts, first_row, rows, width)
    shape = (rows, width)
    return NeighborTables(
        table.reshape(shape), filled.reshape(shape), reverse.reshape(shape), owners, merges, sums
    )


def _merged(
    parts: npt.NDArray[np.int64], first_row: npt.NDArray[np.int64], rows: int, width: int
) -> tuple[Ints, Ints]:
    """Which sums are merged, and the number of each node's whole sum."""
    count, first = parts.copy(), first_row.copy()
    made: list[Ints] = []
    done = 0
    sums = np.full(len(parts), -1, np.int64)
    while True:
        whole = count == 1
        sums[whole] = first[whole]
        count[whole] = 0
        open_nodes = np.flatnonzero(count > 1)
        if not len(open_nodes):
            break
        blocks = -(-count[open_nodes] // width)
        owner = np.repeat(np.arange(len(open_nodes)), blocks)
        start = np.cumsum(blocks) - blocks
        block = np.arange(len(owner)) - start[owner]
        at = block[:, None] * width + np.arange(width)
        inside = at < count[open_nodes][owner, None]
        made.append(np.where(inside, first[open_nodes][owner, None] + at, -1).astype(np.int32))
        first[open_nodes] = rows + done + start
        count[open_nodes] = blocks
        done += len(owner)
    merges = np.concatenate(made) if made else np.zeros((0, width), np.int32)
    nothing = rows + len(merges)
    return (
        np.where(merges < 0, nothing, merges).astype(np.int32),
        np.where(sums < 0, nothing, sums).astype(np.int32),
    )
