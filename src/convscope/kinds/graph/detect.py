"""Whether a path holds a graph: with labels of nodes, a collection of graphs, ratings, or edges alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from convscope.data.heads import JSON, TABLES, suffix_of
from convscope.data.snapshot import DataSnapshot
from convscope.errors import BackendError, ConvscopeError
from convscope.kinds.contract.kind import Detection
from convscope.kinds.graph.kind import GRAPH
from convscope.kinds.graph.readers.columns import TableSource
from convscope.kinds.graph.readers.documents import DOCUMENTS, XML
from convscope.kinds.graph.readers.planetoid import planetoid_name
from convscope.kinds.graph.readers.roles import (
    USUAL,
    AskedColumns,
    header_names,
    is_adjacency,
    is_group_name,
    is_id_like,
    looks_like_edges,
    node_columns,
    rating_columns,
)
from convscope.kinds.graph.readers.table_graphs import is_called
from convscope.kinds.graph.readers.tables import may_be_table, open_source
from convscope.kinds.graph.readers.tu import tu_name
from convscope.kinds.graph.recommendation.reader import test_of
from convscope.kinds.graph.recommendation.rows import is_list

NODES, GRAPHS, LINKS, RATINGS = (
    "node-classification",
    "graph-classification",
    "link-prediction",
    "recommendation",
)
_EDGES = frozenset(("edge_index", "edges", "edge_list", "edge_indices"))
_SPARSE = frozenset(("indices", "indptr", "shape"))
_LABELS = frozenset(("y", "labels", "label", "node_labels", "node_label"))
_LISTS = frozenset((".edges", ".edgelist", ".el", ".cites"))
_OF_SNAP = re.compile(
    r"^[#%].*(\bnodes:|fromnodeid|\bundirected\b|\bdirected graph)", re.IGNORECASE | re.MULTILINE
)
_ATTRIBUTES = re.compile(r'(?:attr\.name|title)="([^"]*)"|^\s*(\w+) |"(\w+)"\s*:', re.MULTILINE)
_NODE_KEYS = re.compile(r'"nodes"\s*:\s*\[')
_LINK_KEYS = re.compile(r'"(links|edges)"\s*:\s*\[')
_KEYS = frozenset(("source", "target", "directed", "graph"))
_FILE = re.compile(r"\.(png|jpe?g|bmp|gif|tiff?|webp|wav|mp3|flac|ogg|m4a|npy|dcm|mp4|avi)$", re.IGNORECASE)
_MOST_TABLES = 12
_MOST_NAMES = 200
_FEWEST_ROWS = 10
_FEWEST_IDS = 4
_MOST_COLUMNS = 8
_WORDS_OF_TEXT = 8
_SHARED = 0.2
"""Share of names at one end of edges that are at the other end too, from which they are of nodes."""
_OTHERS = "node-clustering and social-network are chosen by --recipe"


def detect(snapshot: DataSnapshot) -> Detection | None:
    """The recipe for the graph of a path; None where there is none."""
    found = [*_collections(snapshot), *_documents(snapshot), *_tables(snapshot), *_archives(snapshot)]
    known = {spec.name for spec in GRAPH.recipes}
    return max(
        (each for each in found if each.recipe in known), key=lambda each: each.confidence, default=None
    )


def _collections(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Files whose names say what they are."""
    name = tu_name(snapshot.files)
    if name is not None and f"{name}_graph_labels.txt" in {file.name for file in snapshot.files}:
        yield Detection(GRAPHS, 0.98, f"{name}_A.txt and {name}_graph_labels.txt are a collection of TU")
    planetoid = planetoid_name(snapshot.files)
    if planetoid is not None:
        yield Detection(NODES, 0.98, f"ind.{planetoid}.graph is a file of Planetoid")


def _documents(snapshot: DataSnapshot) -> Iterator[Detection]:
    """GraphML, GEXF, GML, and JSON of nodes and links."""
    documents = [each for each in snapshot.files if suffix_of(each) in DOCUMENTS]
    for file in documents[:_MOST_TABLES]:
        head, suffix = snapshot.head(file), suffix_of(file)
        if suffix == ".json":
            is_graph = _NODE_KEYS.search(head) is not None and _is_linked(file, head)
        elif suffix in XML:
            is_graph = "<graphml" in head or "<gexf" in head
        else:
            is_graph = re.search(r"^\s*graph\s*\[", head, re.MULTILINE) is not None
        if is_graph and len({each.parent for each in documents}) > 1 and len(documents) > 2:
            reason = f"{file.parent.name}/{file.name} and others hold a graph each, in a folder per class"
            yield Detection(GRAPHS, 0.96, reason)
            return
        if is_graph:
            names = {name for found in _ATTRIBUTES.findall(head) for name in found if name}
            label = next((name for name in sorted(names - _KEYS) if is_group_name(name)), None)
            yield _of_nodes_or_links(file.name, "holds nodes and edges", label, 0.95)
            return


def _is_linked(file: Path, head: str) -> bool:
    """Whether links come with the nodes of JSON, at the beginning or at the end of the file."""
    if _LINK_KEYS.search(head):
        return True
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size // 2))
            return b'"source"' in opened.read(2**16)
    except OSError:
        return False


def _archives(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Arrays and sparse matrices."""
    for file in snapshot.ending_in(frozenset([".npz", ".mtx"]))[:_MOST_TABLES]:
        if suffix_of(file) == ".mtx":
            sizes = [line.split() for line in snapshot.head(file).splitlines() if line[:1] != "%"][:1]
            if sizes and len(sizes[0]) == 3 and sizes[0][0] == sizes[0][1]:
                yield Detection(LINKS, 0.8, f"{file.name} is a square sparse matrix; {_OTHERS}")
            continue
        heads = snapshot.arrays(file)
        names = {name.lower() for name in heads}
        listed = [head for name, head in heads.items() if name.lower() in _EDGES]
        edges = any(2 in head.shape and len(head.shape) == 2 and head.dtype[1] in "iu" for head in listed)
        parts = any({f"{prefix}{part}" for part in _SPARSE} <= names for prefix in ("adj_", "adj.", "a_"))
        alone = names >= _SPARSE and "adj" in file.stem.lower()
        if edges or parts or alone:
            stored = {each.stem.lower() for each in snapshot.files} if alone else names
            label = next((name for name in sorted(stored) if name in _LABELS), None)
            yield _of_nodes_or_links(file.name, "holds the edges of a graph", label, 0.95)


def _tables(snapshot: DataSnapshot) -> Iterator[Detection]:
    """A table of edges, with tables of nodes beside it or alone; a table of ratings."""
    names = [file for file in snapshot.files if may_be_table(file) and file in set(snapshot.data_files)]
    if len(names) > 4 * _MOST_TABLES:
        return
    for file in names[:_MOST_TABLES]:
        if snapshot.head(file) and _is_list(file):
            sure = 0.6 if test_of(file) is None else 0.9
            yield Detection(RATINGS, sure, f"each line of {file.name} has a user and the items of that user")
            return
    tables = [table for file in names[:_MOST_TABLES] if (table := _opened(file, snapshot)) is not None]
    for table in tables:
        if rating_columns(table) is not None:
            texts = [name for name in table.columns if _are_texts(table.seen(name))]
            beside = f" and a text {texts[0]!r} of each" if texts else ""
            sure = 0.8 if texts else 0.9  # as sure as that it is a table of texts: the user chooses
            yield Detection(RATINGS, sure, f"{table.path.name} has ratings of items by users{beside}")
            return
        test = test_of(table.path)
        if test is not None and _are_interactions(table):
            why = f"{table.path.name} has a user and an item in each row, {test.name} those of its test split"
            yield Detection(RATINGS, 0.8, f"{why}; a graph is chosen by --recipe")
            return
    edges = max(tables, key=lambda table: _sureness(table, snapshot), default=None)
    confidence = 0.0 if edges is None else _sureness(edges, snapshot)
    if edges is None or not confidence:
        yield from _unnamed(tables)
        return
    ends = {cell for row in edges.first for cell in row}
    for table in tables:
        asked = AskedColumns(label=snapshot.label_column)
        columns = None if table is edges else node_columns(table, asked, frozenset(ends))
        if columns is not None and columns.label is not None and columns.id is not None:
            reason = f"{edges.path.name} has edges and {table.path.name} a label of each node"
            yield Detection(NODES, min(0.95, confidence + 0.1), reason)
            return
    yield Detection(LINKS, confidence, f"{edges.path.name} has an edge in each row; {_OTHERS}")


def _unnamed(tables: Sequence[TableSource]) -> Iterator[Detection]:
    """Tables of two columns with the same ids, of which no name says that they are ends of edges."""
    for table in tables:
        ends = _shared_ids(table) if table.named and is_called(table.path) != "nodes" else None
        if ends is not None:
            one, other = ends
            yield Detection(
                LINKS,
                0.1,
                f"{table.path.name} may have an edge in each row, as the columns {one!r} and {other!r} share"
                " ids, but their names do not say so",
                f"If it has, name them and a recipe, such as --source-column '{one}' --target-column"
                f" '{other}' --recipe {LINKS}, or {NODES} where nodes have labels; `convscope recipes` lists"
                " what each recipe reads.",
            )
            return


def _shared_ids(table: TableSource) -> tuple[str, str] | None:
    """The first two columns of ids that share some of them, each with several; None where there are none."""
    cells = {name: table.seen(name) for name in table.columns[:_MOST_COLUMNS]}
    ids = [
        name
        for name, found in cells.items()
        if is_id_like(found) and _are_short(found) and len(set(found)) >= _FEWEST_IDS
    ]
    for one, other in combinations(ids, 2):
        sources, targets = set(cells[one]), set(cells[other])
        if len(sources & targets) >= _SHARED * min(len(sources), len(targets)):
            return one, other
    return None


def _is_list(file: Path) -> bool:
    try:
        return is_list(file)
    except ConvscopeError:  # no text
        return False


def _opened(file: Path, snapshot: DataSnapshot) -> TableSource | None:
    head = snapshot.table(file) if suffix_of(file) in TABLES or snapshot.head(file) else None
    if head is None or (suffix_of(file) in JSON and len(head.first) > _MOST_NAMES):
        return None
    try:
        return open_source(file, None, (), USUAL, header_names)
    except (ConvscopeError, BackendError):
        return None


def _sureness(table: TableSource, snapshot: DataSnapshot) -> float:
    """How surely rows are edges: by names of columns and files, remarks, and ids that come again."""
    called = is_called(table.path)
    of_snap = _OF_SNAP.search(table.remarks) is not None and looks_like_edges(table)
    if of_snap or is_adjacency(table):
        return 0.95 if of_snap else 0.9
    names_files = any(_are_files(table.seen(name)) for name in table.columns)
    if len(table.columns) < 2 or called == "nodes" or names_files or not looks_like_edges(table):
        return 0.0
    if table.named:
        names = header_names(table.columns)
        cells = [table.seen(name) for name in names]
        short = all(is_id_like(each) and _are_short(each) for each in cells)
        return (0.9 if called == "edges" else 0.88) if names and short and _recur(*cells) else 0.0
    one, other = (table.seen(name) for name in table.columns[:2])
    if not (_are_short(one) and _are_short(other) and _recur(one, other)):
        return 0.0
    if called == "edges" or suffix_of(table.path) in _LISTS:
        return 0.9
    whole = all(cell.isdecimal() for cell in (*one, *other))
    sources, targets = {*one}, {*other}
    shared = len(sources & targets) / min(len(sources), len(targets))
    single = all(len(cell.split()) == 1 for cell in (*one, *other))
    likely = shared > 0 if whole else single and shared >= _SHARED
    return 0.6 if likely and len(one) >= _FEWEST_ROWS else 0.0


def _are_texts(cells: Sequence[str]) -> bool:
    """Whether most cells have many words, as reviews have and titles have not."""
    return sum(len(cell.split()) >= _WORDS_OF_TEXT for cell in cells) > len(cells) / 2


def _are_interactions(table: TableSource) -> bool:
    """Whether each row is a user and an item by number, with a rating and a time or not."""
    if table.named or not 2 <= len(table.columns) <= 4 or len(table.first) < _FEWEST_ROWS:
        return False
    users, items = (table.seen(name) for name in table.columns[:2])
    whole = all(cell.isdecimal() for cell in (*users, *items))
    return whole and len({*zip(users, items, strict=True)}) == len(users) > len({*users})


def _are_files(cells: Sequence[str]) -> bool:
    """Whether names of images or recordings stand in a column."""
    return bool(cells) and all(_FILE.search(cell) for cell in cells)


def _are_short(cells: Sequence[str]) -> bool:
    """Whether names stand in a column, not sentences."""
    words = [len(cell.split()) for cell in cells if cell]
    return bool(words) and sum(words) <= 2.5 * len(words)


def _recur(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether ids come again, as nodes with several edges do."""
    both = [*one, *other]
    return len(set(both)) < len(both)


def _of_nodes_or_links(file: str, what: str, label: str | None, confidence: float) -> Detection:
    if label is not None:
        return Detection(NODES, confidence, f"{file} {what}, and {label!r} is a label of each node")
    return Detection(LINKS, confidence, f"{file} {what}; {_OTHERS}")
