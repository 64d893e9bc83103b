"""A graph from tables: which of them holds edges and which nodes, and what their columns are for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from convscope.data.heads import suffix_of
from convscope.errors import DataError
from convscope.kinds.graph.graph import FoundGraphs, Graph
from convscope.kinds.graph.readers.assembly import NodeRows, assembled, divided_graph
from convscope.kinds.graph.readers.columns import TableSource
from convscope.kinds.graph.readers.documents import Document, joined_documents, listed_features
from convscope.kinds.graph.readers.edges import EdgeRows, GraphNotes
from convscope.kinds.graph.readers.roles import (
    USUAL,
    AskedColumns,
    header_names,
    looks_like_edges,
)
from convscope.kinds.graph.readers.table_rows import edge_rows, node_rows
from convscope.kinds.graph.readers.tables import may_be_table, open_source
from convscope.phrasing import plural
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
        "follows",
        "followers",
        "friends",
        "friendships",
        "contacts",
        "messages",
        "routes",
        "citations",
        "hyperlinks",
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
            notes.decisions.append(f"features: {file.name} lists those of {plural(features.count, 'node')}")
        elif may_be_table(file) and not is_about(file):
            tables.append(open_source(file, encoding, asked.names, USUAL, header_names))
        else:
            skipped.append(Skipped(str(file), "neither a table of edges nor one of nodes"))
    edges_of, nodes_of = _sorted_in(tables, files, asked)
    layout = f"a table of edges ({edges_of.path.name})"
    beside = [*(table.path.name for table in nodes_of), *(each.file for each in known)]
    layout += f" and of nodes ({', '.join(beside)})" if beside else ""
    for table in tables:
        notes.decisions += table.decisions
    graph = _graph(edges_of, nodes_of, known, asked, directed, notes, progress)
    return FoundGraphs([graph], layout, tuple(notes.decisions), tuple(notes.warnings), tuple(skipped))


def read_documents(
    documents: Mapping[Path, Document],
    others: Sequence[Path],
    asked: AskedColumns,
    directed: bool | None,
    progress: Progress,
) -> FoundGraphs:
    """Reads the graph of a document, or of each of several, whose attributes are then one table.

    Args:
        documents: What each file holds.
        others: Files that are left out.
        asked: Columns that the user names: attributes of nodes and edges.
        directed: Whether edges lead one way; None goes by the documents.
        progress: Receives how much is done.

    Raises:
        DataError: As `read_tables`, or documents contradict each other.
        UsageError: As `read_tables`.
    """
    notes, files = GraphNotes(), list(documents)
    alone = len(files) == 1
    document = documents[files[0]] if alone else joined_documents(documents, directed)
    edges_of, nodes_of = document.tables(files[0])
    for name, count in document.skipped.items():
        notes.warnings.append(f"{files[0].name}: {plural(count, 'element')} {name!r} left out")
    said = (document.directed, document.name)
    tables = [] if nodes_of is None else [nodes_of]
    graph = _graph(edges_of, tables, [], asked, directed, notes, progress, said)
    graphs = [graph] if alone else divided_graph(graph, files)
    skipped = [Skipped(str(file), "beside a document of a graph") for file in others]
    layout = f"a document of nodes and edges ({files[0].name})"
    if not alone:
        layout = f"{len(files):,} documents of nodes and edges ({files[0].name}, ...)"
        notes.decisions.append(f"graphs: {len(files):,}, one in each document, whose attributes are the same")
        empty = [file for file, each in zip(files, graphs, strict=True) if not len(each)]
        skipped += [Skipped(str(file), "a graph without nodes") for file in empty]
        graphs = [each for each in graphs if len(each)]
    return FoundGraphs(graphs, layout, tuple(notes.decisions), tuple(notes.warnings), tuple(skipped))


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
    rows = edge_rows(edges_of, asked, notes)
    if said[0] is not None:
        rows = replace(rows, directed=said[0], why=said[1])
    progress(1, 1 + len(nodes_of), "reading tables")
    ids = _known(rows) if nodes_of else frozenset()
    nodes = []
    for place, table in enumerate(nodes_of, 2):
        nodes.append(node_rows(table, ids, asked, notes))
        progress(place, 1 + len(nodes_of), "reading tables")
    _say_missing([edges_of, *nodes_of], asked, notes)
    return assembled(rows, [*nodes, *known], directed, notes, edges_of.path.stem)


def _say_missing(tables: Sequence[TableSource], asked: AskedColumns, notes: GraphNotes) -> None:
    """Says which of the columns that the user names no table has."""
    there = dict.fromkeys(name for table in tables for name in table.columns)
    named = [("--id-column", asked.id), ("--label-column", asked.label)]
    for option, name in (*named, *(("--drop-column", name) for name in asked.drop)):
        if name is not None and name not in there and not name.lstrip("-").isdecimal():
            shown = ", ".join(map(repr, list(there)[:12]))
            notes.warnings.append(f"columns: no table has {name!r}, which {option} names; there are {shown}")


def is_about(path: Path) -> bool:
    """Whether a file tells of the data by its name."""
    return _ABOUT.fullmatch(path.name) is not None


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


def _sorted_in(
    tables: Sequence[TableSource], files: Sequence[Path], asked: AskedColumns
) -> tuple[TableSource, list[TableSource]]:
    """The table of edges, and those of nodes."""
    ends = {name for name in (asked.source, asked.target) if name is not None}
    edges = [table for table in tables if ends and ends <= set(table.columns)] or _surest(tables)
    if len(edges) != 1:
        where = files[0].parent if len(files) > 1 else files[0]
        apart = len({file.parent for file in files}) > 1
        there = ", ".join(str(table.path) if apart else table.path.name for table in edges) or "none"
        raise DataError(
            f"{'Graph' if apart else where}: expected one table of edges, received {there}",
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


def _known(rows: EdgeRows) -> frozenset[str]:
    """Some ids of the edges."""
    found: set[str] = set()
    for column in (rows.source, rows.target):
        for chunk in column.chunks[:4] if isinstance(column, pa.ChunkedArray) else [column]:
            found |= set(chunk.dictionary.slice(0, _KNOWN).to_pylist())
    return frozenset(each.strip().removesuffix(".0") for each in found if each is not None)
