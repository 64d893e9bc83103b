"""Rows of edges and of nodes from tables whose columns are known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from convscope.data.columns import columns_line
from convscope.data.labels import label_choice, labeled
from convscope.data.split_names import split_of
from convscope.errors import DataError
from convscope.kinds.graph.readers.assembly import NodeRows, whole_numbers
from convscope.kinds.graph.readers.columns import Column, Numbers, TableSource, numbers_of, texts_of
from convscope.kinds.graph.readers.edges import EdgeRows, GraphNotes
from convscope.kinds.graph.readers.roles import (
    MASKS,
    AskedColumns,
    EdgeColumns,
    NodeColumns,
    edge_columns,
    is_adjacency,
    is_id_like,
    node_columns,
)
from convscope.phrasing import plural

_UNKNOWN = frozenset(("unknown", "unlabeled", "unlabelled", "na", "n/a", "#n/a", "<na>", "nan", "null"))
"""Words of tables of nodes for a label that is not known."""
_MOST_COLUMNS = 4
"""Columns of a table of edges whose first two are taken where no name says which are its ends."""
_UNIX_UNITS = ((1e17, 1e9, "nanoseconds"), (1e14, 1e6, "microseconds"), (1e11, 1e3, "milliseconds"))


def _listed(table: TableSource, split: str, notes: GraphNotes) -> NodeRows:
    """The nodes of a split, whose ids a file lists."""
    name = table.columns[0]
    ids = _ids(table.load([name], [], [])[name])
    notes.decisions.append(f"splits: {table.path.name} lists {plural(len(ids), 'node')} of {split}")
    return NodeRows(len(ids), table.path.name, ids, splits=np.full(len(ids), split, object))


def edge_rows(table: TableSource, asked: AskedColumns, notes: GraphNotes) -> EdgeRows:
    """The rows of a table of edges.

    Raises:
        DataError: Nothing says which columns hold the ends, or weights are no numbers.
        UsageError: No column has a name that the user gave.
    """
    columns = edge_columns(table, asked)
    file = table.path.name
    if is_adjacency(table) and asked.source is None:
        return _of_adjacency(table, notes)
    if len(table.columns) < 2:
        raise DataError(
            f"{table.path}: expected two columns with the ids of both ends of each edge, received one",
            hint="Separate the ids of each row by a comma, a tab or blanks.",
        )
    _check_ends(table, columns, asked)
    texts = [name for name in (columns.time, columns.kind) if name is not None and not table.is_numeric(name)]
    numbers = [name for name in (columns.weight, columns.time) if name is not None and name not in texts]
    ids = list(dict.fromkeys((columns.source, columns.target)))
    loaded = table.load(ids, texts, numbers)
    weights = None if columns.weight is None else _weights(table, loaded, columns.weight)
    times = None if columns.time is None else times_of(table, loaded[columns.time], columns.time, notes)
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


def _of_adjacency(table: TableSource, notes: GraphNotes) -> EdgeRows:
    """The edges of a matrix: one for each number that is not 0, from the node of its row."""
    names = pa.array(table.columns[1:], pa.string())
    loaded = table.load([], [table.columns[0]], table.columns[1:])
    left = texts_of(loaded[table.columns[0]])
    if left.tolist() != list(table.columns[1:]):
        raise DataError(
            f"{table.path}: expected the names of the columns at the left of the rows, in their order"
        )
    numbers = [numbers_of(loaded[name]) for name in table.columns[1:]]
    wrong = next((name for name, each in zip(table.columns[1:], numbers, strict=True) if each is None), None)
    if wrong is not None:
        raise DataError(f"{table.path}: expected numbers in the column {wrong!r}, received texts")
    matrix = np.nan_to_num(np.stack([each for each in numbers if each is not None], 1))
    source, target = np.nonzero(matrix)
    weights = matrix[source, target]
    ends = (pa.DictionaryArray.from_arrays(pa.array(each, pa.int32()), names) for each in (source, target))
    notes.decisions.append(f"edges: {table.path.name} is a matrix; an edge leads from its row to its column")
    return EdgeRows(
        table.path.name, str, None if (weights == 1).all() else weights, False, None, None, "", *ends
    )


def _check_ends(table: TableSource, columns: EdgeColumns, asked: AskedColumns) -> None:
    """Stops where nothing says which columns hold the ends of edges."""
    ends = (columns.source, columns.target)
    likely = all(is_id_like(table.seen(name)) for name in ends)
    if asked.source is None and not columns.by_name and (len(table.columns) > _MOST_COLUMNS or not likely):
        shown = ", ".join(map(repr, table.columns[:12]))
        raise DataError(
            f"{table.path}: expected two columns with the ids of both ends of each edge, received {shown}",
            hint="Name them: --source-column and --target-column.",
        )


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


def times_of(table: TableSource, column: Column, name: str, notes: GraphNotes) -> Numbers | None:
    """Times in seconds since 1970; None, and a warning, where their form is not known.

    Args:
        table: Where they stand.
        column: Numbers, dates or texts.
        name: Of the column.
        notes: Learns of their unit.
    """
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


def node_rows(table: TableSource, known: frozenset[str], asked: AskedColumns, notes: GraphNotes) -> NodeRows:
    """The rows of a table of nodes, or of a list of the nodes of a split.

    Args:
        table: The table.
        known: Some ids that edges have.
        asked: What the user names.
        notes: Learns what was decided.

    Raises:
        DataError: It has no rows.
    """
    split = split_of(table.path.name) if len(table.columns) == 1 else None
    if split is not None:
        return _listed(table, split, notes)
    columns = node_columns(table, asked, known)
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
) -> npt.NDArray[np.object_] | None:
    """Class names, None where one is missing; None where all are, as of nodes that a model is asked about."""
    words = {label: label is not None and label.lower() in _UNKNOWN for label in set(labels.tolist())}
    labels = np.array([None if words[label] else label for label in labels.tolist()], object)
    if not any(label is not None for label in labels.tolist()):
        notes.warnings.append(f"labels: no node of {table.path.name} has one")
        return None
    known, _ = labeled(str(table.path), labels.tolist(), [None] * len(labels), ("node", "nodes"))
    if not known.all():
        missing = int((~known).sum())
        notes.warnings.append(
            f"labels: {missing:,} of {plural(len(known), 'node')} of {table.path.name} without one"
        )
    return np.array([label if there else None for label, there in zip(labels, known, strict=True)], object)


def _splits(columns: NodeColumns, loaded: Any) -> npt.NDArray[np.object_] | None:
    if columns.split is not None:
        return _split_names(texts_of(loaded[columns.split]))
    if not columns.masks:
        return None
    splits = np.full(len(loaded[columns.masks[0]]), None, object)
    for name in columns.masks:
        marks = texts_of(loaded[name])
        splits[[str(mark).lower() in ("1", "true", "t", "yes") for mark in marks]] = MASKS[name.lower()]
    return splits


def _split_names(texts: Iterable[str | None]) -> npt.NDArray[np.object_]:
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
        classes = {name: sorted(set(table.seen(name)) - {""}) for name in columns.candidates}
        choice = label_choice(file, classes)
        hint = (choice.hint or "").replace("--label-column", "--recipe node-classification --label-column")
        notes.warnings.append(f"labels: {choice.message.partition(': ')[2]}. {hint}")
