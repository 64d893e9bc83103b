"""A graph from tables: which of them holds edges and which nodes, and what their columns are for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from convscope.data.columns import columns_line
from convscope.data.heads import suffix_of
from convscope.data.labels import label_choice, labeled
from convscope.data.split_names import split_of
from convscope.errors import DataError
from convscope.kinds.graph.graph import FoundGraphs, Graph
from convscope.kinds.graph.readers.assembly import NodeRows, assembled, whole_numbers
from convscope.kinds.graph.readers.documents import Document, listed_features
from convscope.kinds.graph.readers.edges import EdgeRows, GraphNotes
from convscope.kinds.graph.readers.roles import (
    MASKS,
    USUAL,
    AskedColumns,
    EdgeColumns,
    NodeColumns,
    edge_columns,
    header_names,
    looks_like_edges,
    node_columns,
)
from convscope.kinds.graph.readers.tables import (
    Column,
    Numbers,
    TableSource,
    may_be_table,
    numbers_of,
    open_source,
    texts_of,
)
from convscope.types import Progress, Skipped

_EDGE_WORDS = frozenset(
    (
        "edge",
        "edges",
        "edgelist",
        "link",
        "links",
        "arc",
        "arcs",
        "cites",
        "relations",
        "relationships",
        "network",
    )
)
_NODE_WORDS = frozenset(
    (
        "node",
        "nodes",
        "vertex",
        "vertices",
        "feature",
        "features",
        "feat",
        "label",
        "labels",
        "target",
        "content",
    )
)
_LETTERS = re.compile(r"[a-z]+")
_ABOUT = re.compile(r"(readme|license|licence|citation|changelog)([._-].*)?", re.IGNORECASE)
_KNOWN = 200_000
"""Ids of edges by which the column of ids is found."""
_SIZES = ("num-node-list", "num-edge-list")
_UNIX_UNITS = ((1e17, 1e9, "nanoseconds"), (1e14, 1e6, "microseconds"), (1e11, 1e3, "milliseconds"))


def read_tables(
    files: Sequence[Path],
    asked: AskedColumns,
    directed: bool | None,
    encoding: str | None,
    progress: Progress,
) -> FoundGraphs:
    """Reads one graph from a table of edges, and tables of nodes beside it.

    Args:
        files: In any order.
        asked: Columns that the user names.
        directed: Whether edges lead one way; None goes by the data.
        encoding: Of text files.
        progress: Receives how much is done.

    Raises:
        DataError: No file holds edges, several do, or a table is malformed.
        UsageError: No column has a name that the user gave.
    """
    notes = GraphNotes()
    skipped: list[Skipped] = []
    tables: list[TableSource] = []
    known: list[NodeRows] = []
    for file in files:
        features = listed_features(file) if suffix_of(file) == ".json" else None
        if features is not None:
            known.append(features)
            notes.decisions.append(f"features: {file.name} lists those of {features.count:,} nodes")
        elif may_be_table(file) and not _ABOUT.fullmatch(file.name):
            tables.append(open_source(file, encoding, asked.names, USUAL, header_names))
        else:
            skipped.append(Skipped(str(file), "neither a table of edges nor one of nodes"))
    edges_of, nodes_of = _sorted_in(tables, files)
    layout = f"a table of edges ({edges_of.path.name})"
    beside = [*(table.path.name for table in nodes_of), *(each.file for each in known)]
    layout += f" and of nodes ({', '.join(beside)})" if beside else ""
    for table in tables:
        notes.decisions += table.decisions
    graph = _graph(edges_of, nodes_of, known, asked, directed, notes, progress)
    return FoundGraphs([graph], layout, tuple(notes.decisions), tuple(notes.warnings), tuple(skipped))


def read_documents(
    files: Sequence[Path], document: Document, asked: AskedColumns, directed: bool | None, progress: Progress
) -> FoundGraphs:
    """Reads the graph of a document.

    Args:
        files: The document, and others that are left out.
        document: What it holds.
        asked: Columns that the user names: attributes of nodes and edges.
        directed: Whether edges lead one way; None goes by the document.
        progress: Receives how much is done.

    Raises:
        DataError: As `read_tables`.
        UsageError: As `read_tables`.
    """
    path, notes = files[0], GraphNotes()
    edges_of, nodes_of = document.tables(path)
    for name, count in document.skipped.items():
        notes.warnings.append(f"{path.name}: {count:,} elements {name!r} are left out")
    said = (document.directed, document.name)
    tables = [] if nodes_of is None else [nodes_of]
    graph = _graph(edges_of, tables, [], asked, directed, notes, progress, said)
    skipped = [Skipped(str(file), "beside a document of a graph") for file in files[1:]]
    layout = f"a document of nodes and edges ({path.name})"
    return FoundGraphs([graph], layout, tuple(notes.decisions), tuple(notes.warnings), tuple(skipped))


def _graph(
    edges_of: TableSource,
    nodes_of: Sequence[TableSource],
    known: Sequence[NodeRows],
    asked: AskedColumns,
    directed: bool | None,
    notes: GraphNotes,
    progress: Progress,
    said: tuple[bool | None, str] = (None, ""),
) -> Graph:
    """One graph of tables that are told apart."""
    rows = _edges(edges_of, edge_columns(edges_of, asked), asked, notes)
    if said[0] is not None:
        rows = replace(rows, directed=said[0], why=said[1])
    progress(1, 1 + len(nodes_of), "reading tables")
    ids = _known(rows) if nodes_of else frozenset()
    nodes = []
    for place, table in enumerate(nodes_of, 2):
        split = split_of(table.path.name) if len(table.columns) == 1 else None
        nodes.append(_of_nodes(table, ids, asked, notes) if split is None else _listed(table, split, notes))
        progress(place, 1 + len(nodes_of), "reading tables")
    return assembled(rows, [*nodes, *known], directed, notes, edges_of.path.stem)


def _of_nodes(table: TableSource, ids: frozenset[str], asked: AskedColumns, notes: GraphNotes) -> NodeRows:
    return _nodes(table, node_columns(table, asked, ids), notes)


def _listed(table: TableSource, split: str, notes: GraphNotes) -> NodeRows:
    """The nodes of a split, whose ids a file lists."""
    name = table.columns[0]
    ids = _ids(table.load([name], [], [])[name])
    notes.decisions.append(f"splits: {table.path.name} lists {len(ids):,} nodes of {split}")
    return NodeRows(len(ids), table.path.name, ids, splits=np.full(len(ids), split, object))


def is_called(path: Path) -> str | None:
    """Whether a file is called one of edges, or of nodes."""
    words = set(_LETTERS.findall(path.name.lower()))
    return "nodes" if words & _NODE_WORDS else "edges" if words & _EDGE_WORDS else None


def holds_edges(files: Sequence[Path], encoding: str | None) -> bool:
    """Whether one of some tables is one of edges; what cannot be read is none.

    Args:
        files: Tables by their names.
        encoding: Of text files.
    """
    tables = []
    for file in files:
        try:
            tables.append(open_source(file, encoding, (), USUAL, header_names))
        except DataError:
            continue
    return len(_surest(tables)) == 1 and looks_like_edges(_surest(tables)[0])


def _sorted_in(tables: Sequence[TableSource], files: Sequence[Path]) -> tuple[TableSource, list[TableSource]]:
    """The table of edges, and those of nodes."""
    edges = _surest(tables)
    if len(edges) != 1:
        where = files[0].parent if len(files) > 1 else files[0]
        there = ", ".join(table.path.name for table in edges) or "none"
        raise DataError(
            f"{where}: expected one table of edges, received {there}",
            hint="Give the files by their names, and call the one of the edges edges.csv, or name its"
            " columns: --source-column and --target-column.",
        )
    return edges[0], [table for table in tables if table is not edges[0]]


def _surest(tables: Sequence[TableSource]) -> list[TableSource]:
    """Tables of edges by the names of files, or else by what stands in them, or the only one."""
    wide = [table for table in tables if len(table.columns) > 1]
    named = [table for table in wide if is_called(table.path) == "edges"]
    if named:
        return named
    free = [table for table in wide if is_called(table.path) is None]
    alike = [table for table in free if looks_like_edges(table)]
    return alike or (wide if len(tables) == 1 else free if len(free) == 1 else [])


def _edges(table: TableSource, columns: EdgeColumns, asked: AskedColumns, notes: GraphNotes) -> EdgeRows:
    """The rows of a table of edges."""
    file = table.path.name
    if len(table.columns) < 2:
        raise DataError(
            f"{table.path}: expected two columns with the ids of both ends of each edge, received one",
            hint="Separate the ids of each row by a comma, a tab or blanks.",
        )
    texts = [name for name in (columns.time, columns.kind) if name is not None and not table.is_numeric(name)]
    numbers = [name for name in (columns.weight, columns.time) if name is not None and name not in texts]
    ids = list(dict.fromkeys((columns.source, columns.target)))
    loaded = table.load(ids, texts, numbers)
    weights = None if columns.weight is None else _weights(table, loaded, columns.weight)
    times = None if columns.time is None else _times(table, loaded[columns.time], columns.time, notes)
    roles = [("source", columns.source), ("target", columns.target)]
    roles += [("weight", columns.weight)] if columns.weight else []
    roles += [("time", columns.time)] if columns.time and times is not None else []
    roles += [("direction", columns.kind)] if columns.kind else []
    used = {name for _, name in roles}
    notes.decisions.append(f"edges: {file}")
    rest = [name for name in dict.fromkeys((*table.columns, *table.unused)) if name not in used]
    notes.decisions.append(f"{file}, {columns_line(roles, rest)}")
    directed, why = _said_direction(table, columns, loaded)
    named = asked.weight is not None
    ends = loaded[columns.source], loaded[columns.target]
    return EdgeRows(file, table.line, weights, named, times, directed, why, *ends)


def _weights(table: TableSource, loaded: Any, name: str) -> Numbers:
    weights = numbers_of(loaded[name])
    if weights is None:
        raise DataError(
            f"{table.path}: expected numbers in the column {name!r}, received texts",
            hint="Choose another column with --weight-column, or leave this one out with --drop-column.",
        )
    return weights


def _said_direction(table: TableSource, columns: EdgeColumns, loaded: Any) -> tuple[bool | None, str]:
    """Whether a table says that its edges lead one way, and by what."""
    remarks = table.remarks.lower()
    if "undirected" in remarks or "unordered pair" in remarks:
        return False, "the remarks of the file say so"
    if re.search(r"\bdirected\b", remarks):
        return True, "the remarks of the file say so"
    if columns.kind is not None:
        kinds = {str(kind).lower() for kind in pc.unique(loaded[columns.kind]).to_pylist() if kind}
        if kinds:
            return "directed" in kinds, f"the column {columns.kind!r} says so"
    if columns.one_way:
        return True, f"the columns are called {columns.source!r} and {columns.target!r}"
    return None, ""


def _times(table: TableSource, column: Column, name: str, notes: GraphNotes) -> Numbers | None:
    """Times in seconds since 1970."""
    numbers = numbers_of(column)
    file = table.path.name
    if numbers is not None:
        largest = np.nanmax(np.abs(numbers)) if np.isfinite(numbers).any() else 0.0
        if name.lower() == "year" and 1000 <= largest < 3000:
            years = np.where(np.isfinite(numbers), numbers, np.nan)
            notes.decisions.append(f"times: {name!r} of {file} holds years")
            return np.asarray((years - 1970) * 365.2425 * 86400)
        divisor, unit = next(
            ((by, unit) for least, by, unit in _UNIX_UNITS if largest >= least), (1.0, "seconds")
        )
        notes.decisions.append(f"times: {name!r} of {file} holds {unit}")
        return numbers / divisor
    for form in (None, "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%Y/%m/%d"):
        try:
            plain = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
            stamps = plain.cast(pa.timestamp("us")) if form is None else pc.strptime(plain, form, "us")
        except pa.ArrowInvalid:
            continue
        return numbers_of(stamps)
    notes.warnings.append(f"times: those of {name!r} of {file} are in no form that is known and are not used")
    return None


def _known(rows: EdgeRows) -> frozenset[str]:
    """Some ids of the edges."""
    found: set[str] = set()
    for column in (rows.source, rows.target):
        for chunk in column.chunks[:4]:
            found |= set(chunk.dictionary.slice(0, _KNOWN).to_pylist())
    return frozenset(each.strip().removesuffix(".0") for each in found if each is not None)


def _nodes(table: TableSource, columns: NodeColumns, notes: GraphNotes) -> NodeRows:
    """The rows of a table of nodes."""
    file = table.path.name
    texts = [
        name for name in (columns.label, columns.split, *columns.masks, *columns.texts) if name is not None
    ]
    loaded = table.load([columns.id] if columns.id else [], texts, [*columns.matrix, *columns.numbers])
    count = len(next(iter(loaded.values()))) if loaded else 0
    if not count:
        raise DataError(f"{table.path}: expected a row for each node, received none")
    found: dict[str, npt.NDArray[Any]] = {}
    matrix, names = [], []
    for name in (*columns.matrix, *columns.numbers, *columns.texts):
        values = None if name in columns.texts else numbers_of(loaded[name])
        if values is None:
            found[name] = texts_of(loaded[name])
            if name not in columns.texts:
                notes.warnings.append(
                    f"columns: {name!r} of {file} holds texts besides numbers and is read as texts"
                )
        elif name in columns.matrix:
            matrix.append(values.astype(np.float32))
            names.append(name)
        else:
            found[name] = values
    labels = None if columns.label is None else _labels(table, texts_of(loaded[columns.label]), notes)
    splits = _splits(columns, loaded)
    _say_nodes(table, columns, names, list(found), notes)
    ids = None if columns.id is None else _ids(loaded[columns.id])
    features = np.stack(matrix, 1) if matrix else None
    return NodeRows(count, file, ids, features, tuple(names) if table.named else (), found, labels, splits)


def _ids(column: Column) -> pa.Array:
    texts = pc.utf8_trim_whitespace(column.cast(pa.string()).combine_chunks())
    texts = pa.concat_arrays(texts.chunks) if isinstance(texts, pa.ChunkedArray) else texts
    return whole_numbers(texts)


def _labels(
    table: TableSource, labels: npt.NDArray[np.object_], notes: GraphNotes
) -> npt.NDArray[np.object_]:
    """Class names, None where one is missing."""
    known, _ = labeled(str(table.path), labels.tolist(), [None] * len(labels), ("node", "nodes"))
    if not known.all():
        missing = int((~known).sum())
        notes.warnings.append(f"labels: {missing:,} of {len(known):,} nodes of {table.path.name} have none")
    return np.array([label if there else None for label, there in zip(labels, known, strict=True)], object)


def _splits(columns: NodeColumns, loaded: Any) -> npt.NDArray[np.object_] | None:
    if columns.split is not None:
        return split_names(texts_of(loaded[columns.split]))
    if not columns.masks:
        return None
    splits = np.full(len(loaded[columns.masks[0]]), None, object)
    for name in columns.masks:
        marks = texts_of(loaded[name])
        splits[[str(mark).lower() in ("1", "true", "t", "yes") for mark in marks]] = MASKS[name.lower()]
    return splits


def split_names(texts: Iterable[str | None]) -> npt.NDArray[np.object_]:
    """The split that each text names; None where it names none."""
    cells = list(texts)
    splits = {text: None if text is None else split_of(text) for text in set(cells)}
    return np.array([splits[text] for text in cells], object)


def _say_nodes(
    table: TableSource, columns: NodeColumns, matrix: Sequence[str], others: Sequence[str], notes: GraphNotes
) -> None:
    file = table.path.name
    notes.decisions.append(
        f"nodes: {file}" + ("" if columns.id else ", the number of each row is the id of its node")
    )
    roles = [("id", columns.id)] if columns.id else []
    roles += [("label", columns.label)] if columns.label else []
    roles += [("split", name) for name in (columns.split, *columns.masks) if name is not None]
    roles += [("feature", name) for name in (*matrix, *others)]
    used = {name for _, name in roles}
    rest = [name for name in dict.fromkeys((*table.columns, *table.unused)) if name not in used]
    notes.decisions.append(f"{file}, {columns_line(roles, rest)}")
    if columns.candidates:
        choice = label_choice(file, {name: sorted(set(table.seen(name))) for name in columns.candidates})
        notes.warnings.append(f"labels: {choice.message.partition(': ')[2]}. {choice.hint}")
