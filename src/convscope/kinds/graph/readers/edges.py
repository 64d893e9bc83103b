"""Edges as rows of nodes, each once, with everything counted that was odd about them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.graph.readers.columns import Column, Numbers
from convscope.phrasing import plural

Rows = npt.NDArray[np.int64]

_BOTH_WAYS = 0.99
"""Share of edges whose reverse is listed too from which on a table lists each edge both ways."""

_ADVICE = re.compile(r"; --(no-)?directed says otherwise$")
_BY_CHANCE = 0.01
"""Share of them up to which the others are taken for edges that are listed once, whichever way."""


@dataclass(frozen=True, eq=False)
class EdgeRows:
    """Edges by the ids of their ends.

    Args:
        file: What it is called in messages.
        line: From a row to where it stands.
        weights: NaN where one is missing; None where all edges count alike.
        weights_asked: Whether the user named the column of the weights.
        times: In seconds, NaN where one is missing.
        directed: What the file says; None where it does not.
        why: By what the file says so.
        source: Ids, `dictionary<int32, string>`; None where ends are known by the rows of nodes.
        target: Likewise.
    """

    file: str
    line: Callable[[int], str] = str
    weights: Numbers | None = None
    weights_asked: bool = False
    times: Numbers | None = None
    directed: bool | None = None
    why: str = ""
    source: Column = None
    target: Column = None


@dataclass
class GraphNotes:
    """What is said of what was read."""

    decisions: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def merged_edges(
    rows: EdgeRows, source: Rows, target: Rows, count: int, asked: bool | None, notes: GraphNotes
) -> dict[str, Any]:
    """Edges as rows of nodes, each once.

    Args:
        rows: What is known of them.
        source: The node where each begins, -1 where it is not known.
        target: The node where each ends.
        count: Number of nodes.
        asked: Whether they lead one way; None goes by the data.
        notes: Learns what was decided and counted.

    Returns:
        `edges`, `directed`, `weights` and `times` of a graph; no edges where none is left.

    Raises:
        DataError: A weight of the column that the user named is below 0.
    """
    keep, weights = _kept(rows, source, target, notes)
    source, target = source[keep], target[keep]
    weights = None if weights is None else weights[keep]
    times = None if rows.times is None else rows.times[keep]
    merge = _Merge(source * count + target, count)
    weights = None if weights is None else merge.added(weights)
    times = None if times is None else merge.earliest(times)
    if merge.total > len(merge.keys):
        what = "their weights are added up" if weights is not None else "each counts once"
        what += ", at their earliest time" if times is not None else ""
        notes.warnings.append(
            f"parallel edges: {plural(merge.total - len(merge.keys), 'row')} of an edge that is there"
            f" before, merged; {what}"
        )
    both = merge.reversed()
    directed = _direction(rows, merge, both, weights, asked, notes)
    if not directed:
        weights, times = merge.undirected(both, weights, times, notes)
    ends = np.stack([merge.keys // count, merge.keys % count], 1)
    return {
        "edges": ends,
        "directed": directed,
        "weights": None if weights is None else weights.astype(np.float32),
        "times": times,
    }


def _kept(
    rows: EdgeRows, source: Rows, target: Rows, notes: GraphNotes
) -> tuple[npt.NDArray[np.bool_], Numbers | None]:
    """Which rows are edges between two nodes, and their weights."""
    weights = _weights(rows, notes)
    there = (source >= 0) & (target >= 0)
    if not there.all():
        first = rows.line(int(np.argmin(there)))
        missing = len(there) - int(there.sum())
        notes.warnings.append(
            f"edges: {missing:,} of {plural(len(there), 'row')} without an id, left out, the first one in"
            f" {first}"
        )
    loops = there & (source == target)
    if loops.any():
        notes.warnings.append(
            f"self loops: {plural(int(loops.sum()), 'edge')} from a node to itself, left out"
        )
    keep = there & ~loops
    if weights is not None:
        empty = keep & ~(np.isfinite(weights) & (weights > 0))
        if empty.any():
            left = plural(int(empty.sum()), "edge")
            notes.warnings.append(f"weights: {left} with a weight of 0 or none, left out")
        keep &= ~empty
    return keep, weights


def _weights(rows: EdgeRows, notes: GraphNotes) -> Numbers | None:
    if rows.weights is None or not (rows.weights < 0).any():
        return rows.weights
    below = int((rows.weights < 0).sum())
    if rows.weights_asked:
        raise DataError(
            f"{rows.line(int(np.argmax(rows.weights < 0)))}: expected weights of at least 0, received"
            f" {below:,} below",
            hint="Weights say how much a neighbor counts; read the table without --weight-column.",
        )
    notes.warnings.append(
        f"weights: {below:,} of {rows.file} are below 0, so that none are used: all edges count alike"
    )
    return None


class _Merge:
    """Edges as numbers, source * nodes + target, each once and sorted."""

    def __init__(self, keys: Rows, count: int) -> None:
        self.count, self.total = count, len(keys)
        self._order = np.argsort(keys, kind="stable")
        keys = keys[self._order]
        self._starts = np.flatnonzero(np.diff(keys, prepend=-1))
        self.keys: Rows = keys[self._starts]

    def added(self, values: Numbers) -> Numbers:
        return np.asarray(np.add.reduceat(values[self._order], self._starts), np.float64)

    def earliest(self, values: Numbers) -> Numbers:
        return np.asarray(np.fmin.reduceat(values[self._order], self._starts), np.float64)

    def reversed(self) -> Rows:
        """Where the reverse of each edge is; -1 where it is not listed."""
        back = self.keys % self.count * self.count + self.keys // self.count
        at = np.minimum(np.searchsorted(self.keys, back), len(self.keys) - 1)
        return np.where(self.keys[at] == back, at, -1)

    def undirected(
        self, both: Rows, weights: Numbers | None, times: Numbers | None, notes: GraphNotes
    ) -> tuple[Numbers | None, Numbers | None]:
        """Leaves each pair once, the smaller row first."""
        source, target = self.keys // self.count, self.keys % self.count
        twice = both >= 0
        if weights is not None and twice.any():
            other = weights[both[twice]]
            if not np.allclose(weights[twice], other):
                notes.warnings.append("weights: those of both ways of an edge differ and are added up")
                weights = weights.copy()
                weights[twice] += other
        if times is not None and twice.any():
            times = times.copy()
            times[twice] = np.fmin(times[twice], times[both[twice]])
        keep = (source < target) | ~twice
        low, high = np.minimum(source, target)[keep], np.maximum(source, target)[keep]
        keys = low * self.count + high
        order = np.argsort(keys, kind="stable")
        self.keys = keys[order]
        return (
            None if weights is None else weights[keep][order],
            None if times is None else times[keep][order],
        )


def _direction(
    rows: EdgeRows, merge: _Merge, both: Rows, weights: Numbers | None, asked: bool | None, notes: GraphNotes
) -> bool:
    """Whether edges lead one way, and why."""
    twice = int((both >= 0).sum())
    listed = f"{twice:,} of {plural(len(both), 'edge')} listed both ways"
    if asked is not None:
        directed, why = asked, f"as asked for; {listed}"
    elif rows.directed is not None:
        directed, why = rows.directed, f"{rows.why}; {listed}"
    elif twice >= _BOTH_WAYS * len(both):
        seen = both >= 0
        alike = (
            weights is None
            or not twice
            or np.isclose(weights[seen], weights[both[seen]]).mean() >= _BOTH_WAYS
        )
        directed, why = not alike, listed + ("" if alike else " with other weights")
    elif twice > _BY_CHANCE * len(both):
        directed, why = True, f"{listed}, the others one way"
    else:
        few = "each edge is listed one way" if not twice else f"no more than {listed}"
        directed, why = False, f"{few} and nothing says that it leads only there"
    other = "--no-directed" if directed else "--directed"
    hint = "" if asked is not None or rows.directed is not None else f"; {other} says otherwise"
    notes.decisions.append(f"direction: {'directed' if directed else 'undirected'}, {why}{hint}")
    return directed


def without_advice(decisions: Sequence[str]) -> tuple[str, ...]:
    """The same where directions play no part: nothing names the option for them."""
    return tuple(_ADVICE.sub("", line) for line in decisions)
