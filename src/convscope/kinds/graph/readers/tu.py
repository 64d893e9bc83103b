"""Collections of graphs in the text form of the TU Dortmund collection (Morris et al. 2020)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.lines import read_lines
from convscope.errors import DataError
from convscope.kinds.graph.graph import FoundGraphs, Graph
from convscope.kinds.graph.readers.columns import Numbers, numbers_of
from convscope.kinds.graph.readers.edges import EdgeRows, GraphNotes, merged_edges
from convscope.kinds.graph.readers.tables import open_source
from convscope.phrasing import plural
from convscope.types import Progress, Skipped

_PART = re.compile(
    r"(?P<name>.+)_(?P<part>A|graph_indicator|graph_labels|node_labels|node_attributes|edge_labels|edge_attributes"
    r"|graph_attributes)\.txt"
)
_FOLD = re.compile(r"test_idx-(\d+)\.txt")


def tu_name(files: Sequence[Path]) -> str | None:
    """What a collection is called, of which at least edges and the graph of each node are there."""
    parts: dict[str, set[str]] = {}
    for file in files:
        match = _PART.fullmatch(file.name)
        if match:
            parts.setdefault(match["name"], set()).add(match["part"])
    return next((name for name, there in sorted(parts.items()) if {"A", "graph_indicator"} <= there), None)


def read_tu(files: Sequence[Path], directed: bool | None, progress: Progress) -> FoundGraphs:
    """Reads a collection of graphs.

    Args:
        files: Those of one collection, and the folds of `10fold_idx`.
        directed: Whether edges lead one way; None goes by the data.
        progress: Receives how much is done.

    Raises:
        DataError: A file is malformed, or the files contradict each other.
    """
    name = tu_name(files)
    assert name is not None
    found = [(_PART.fullmatch(file.name), file) for file in files]
    parts = {match["part"]: file for match, file in found if match and match["name"] == name}
    graph_of, firsts = _indicator(parts["graph_indicator"])
    count = len(firsts) - 1
    progress(1, 3, "reading graphs")
    notes = GraphNotes()
    edges, starts, one_way = _edges(parts["A"], graph_of, firsts, directed, notes)
    progress(2, 3, "reading graphs")
    features, columns = _features(parts, len(graph_of), notes)
    names = () if features is None else tuple(f"attribute {at + 1}" for at in range(features.shape[1]))
    labels = _labels(parts.get("graph_labels"), count, notes)
    folds, of_folds = _folds(files, count, notes)
    graphs = [
        Graph(
            names=[str(node) for node in range(firsts[at] + 1, firsts[at + 1] + 1)],
            edges=edges[starts[at] : starts[at + 1]] - firsts[at],
            directed=one_way,
            features=None if features is None else features[firsts[at] : firsts[at + 1]],
            feature_names=names,
            columns={name: values[firsts[at] : firsts[at + 1]] for name, values in columns.items()},
            label=None if labels is None else labels[at],
            name=f"{name} {at + 1}",
        )
        for at in range(count)
    ]
    progress(3, 3, "reading graphs")
    alone = len(graph_of) - len(np.unique(edges))
    size = f"{plural(len(graph_of), 'node')} and {plural(len(edges), 'edge')}"
    notes.decisions.append(f"graphs: {count:,} with {size}")
    if alone:
        notes.warnings.append(f"isolated nodes: {alone:,} of {len(graph_of):,}, without an edge")
    if "edge_labels" in parts or "edge_attributes" in parts:
        notes.decisions.append("edges: their labels and attributes are not used")
    used = {*parts.values(), *of_folds}
    skipped = [Skipped(str(file), "no part of the collection") for file in files if file not in used]
    layout = f"a collection of graphs in the form of TU ({parts['A'].name})"
    return FoundGraphs(graphs, layout, tuple(notes.decisions), tuple(notes.warnings), tuple(skipped), folds)


def _line(file: Path, row: int) -> str:
    return open_source(file, header=False).line(row)


def _table(file: Path, width: int | None = None) -> npt.NDArray[np.float64]:
    """A file of numbers, shape (rows, columns)."""
    source = open_source(file, header=False)
    loaded = source.load([], [], source.columns)
    columns = [numbers_of(loaded[name]) for name in source.columns]
    if source.named or any(column is None or not np.isfinite(column).all() for column in columns):
        row = _odd_row(columns)
        raise DataError(f"{source.line(row)}: expected numbers in all rows, received something else")
    if width is not None and len(columns) != width:
        raise DataError(f"{file}: expected {plural(width, 'number')} in each row, received {len(columns)}")
    return np.stack([column for column in columns if column is not None], 1)


def _odd_row(columns: Sequence[Numbers | None]) -> int:
    odd = [
        int(np.argmin(np.isfinite(column)))
        for column in columns
        if column is not None and not np.isfinite(column).all()
    ]
    return min(odd, default=0)


def _whole(values: Numbers, file: Path, least: int, most: int) -> npt.NDArray[np.int64]:
    wrong = (values != np.floor(values)) | (values < least) | (values > most)
    if wrong.any():
        row = int(np.argmax(wrong.reshape(len(values), -1).any(1)))
        raise DataError(
            f"{_line(file, row)}: expected whole numbers from {least} to {most:,}, received"
            f" {values[wrong][0]:g}"
        )
    return values.astype(np.int64)


def _indicator(file: Path) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The graph of each node, from 0, and the first node of each graph with the end of the last."""
    graph_of = _whole(_table(file, 1)[:, 0], file, 1, 2**31) - 1
    falls = np.flatnonzero(np.diff(graph_of) < 0)
    if len(falls):
        raise DataError(
            f"{_line(file, int(falls[0]) + 1)}: expected the nodes of a graph behind each other,"
            " received one of an earlier graph"
        )
    count = int(graph_of[-1]) + 1
    if count > len(graph_of):
        raise DataError(
            f"{file}: expected a node for each graph, received {len(graph_of):,} nodes of {count:,} graphs"
        )
    return graph_of, np.searchsorted(graph_of, np.arange(count + 1))


def _edges(
    file: Path,
    graph_of: npt.NDArray[np.int64],
    firsts: npt.NDArray[np.int64],
    directed: bool | None,
    notes: GraphNotes,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], bool]:
    """Edges in order of their graphs, the first of each graph, and whether they lead one way."""
    nodes = len(graph_of)
    pairs = _whole(_table(file, 2), file, 1, nodes) - 1
    across = graph_of[pairs[:, 0]] != graph_of[pairs[:, 1]]
    if across.any():
        line = _line(file, int(np.argmax(across)))
        raise DataError(f"{line}: expected an edge between two nodes of one graph, received nodes of two")
    made = merged_edges(EdgeRows(file.name), pairs[:, 0], pairs[:, 1], nodes, directed, notes)
    edges = made["edges"]
    return edges, np.searchsorted(graph_of[edges[:, 0]], np.arange(len(firsts))), made["directed"]


def _features(
    parts: dict[str, Path], nodes: int, notes: GraphNotes
) -> tuple[npt.NDArray[np.float32] | None, dict[str, npt.NDArray[np.object_]]]:
    """Attributes of nodes as a matrix, and their labels as columns of texts."""
    columns: dict[str, npt.NDArray[np.object_]] = {}
    if "node_labels" in parts:
        table = _rows_of_nodes(parts["node_labels"], nodes)
        for at in range(table.shape[1]):
            values, place = np.unique(table[:, at], return_inverse=True)
            spelled = np.array([f"{value:g}" for value in values.tolist()], object)
            columns["label" if table.shape[1] == 1 else f"label {at + 1}"] = spelled[place]
        notes.decisions.append(f"features: labels of nodes from {parts['node_labels'].name}")
    if "node_attributes" not in parts:
        return None, columns
    table = _rows_of_nodes(parts["node_attributes"], nodes)
    notes.decisions.append(
        f"features: {table.shape[1]} attributes of nodes from {parts['node_attributes'].name}"
    )
    return table.astype(np.float32), columns


def _rows_of_nodes(file: Path, nodes: int) -> npt.NDArray[np.float64]:
    table = _table(file)
    if len(table) != nodes:
        raise DataError(f"{file}: expected a row for each of {nodes:,} nodes, received {len(table):,}")
    return table


def _labels(file: Path | None, count: int, notes: GraphNotes) -> list[str] | None:
    if file is None:
        return None
    lines = [(number, line.strip()) for number, line in read_lines(file) if line.strip()]
    if len(lines) != count:
        raise DataError(f"{file}: expected a label for each of {count:,} graphs, received {len(lines):,}")
    labels = [label for _, label in lines]
    notes.decisions.append(f"labels: {plural(len(set(labels)), 'class')} of graphs from {file.name}")
    return labels


def _folds(
    files: Sequence[Path], count: int, notes: GraphNotes
) -> tuple[npt.NDArray[np.int64] | None, list[Path]]:
    """The fold in whose test part each graph is, -1 for those in none."""
    tests = sorted((int(match[1]), file) for file in files if (match := _FOLD.fullmatch(file.name)))
    around = [file for file in files if re.fullmatch(r"(test|train)_idx-\d+\.txt", file.name)]
    if len(tests) < 2:
        return None, around
    folds = np.full(count, -1, np.int64)
    for fold, (_, file) in enumerate(tests):
        rows = _whole(_table(file, 1)[:, 0], file, 0, count - 1)
        if (folds[rows] >= 0).any():
            raise DataError(
                f"{file}: expected graphs of no other fold, received some that are in two test parts"
            )
        folds[rows] = fold
    missing = int((folds < 0).sum())
    if missing:
        notes.warnings.append(
            f"folds: {missing:,} of {plural(count, 'graph')} in the test part of none of {len(tests)} folds"
        )
    return folds, around
