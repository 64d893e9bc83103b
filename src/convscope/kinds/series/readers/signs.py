"""By what a first look tells labelled series from other tables; the reader looks for itself and closer."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from convscope.data.columns import SPLIT_COLUMNS, find_column
from convscope.kinds.series.readers.frames import MISSING, is_header, looks_like_time
from convscope.kinds.series.readers.layouts import ID_COLUMNS, SERIES_LABEL_COLUMNS

FEWEST_TIMES = 8
"""Columns of numbers beside a label from which on a row is taken for a series."""

_ROWS = 5
_OF_ARCHIVE = re.compile(r".*_(train|test)$", re.IGNORECASE)
_NUMBERS = ("float", "double", "int", "uint", "decimal", "half")


def series_sign(file: Path, head: str) -> str | None:
    """Why a file holds series with labels, or None.

    Args:
        file: Its name; it is not opened.
        head: How it begins, where it is text.
    """
    name = file.name.lower().removesuffix(".gz")
    ending = name.rpartition(".")[2]
    if ending in ("ts", "arff"):
        archive = "@data" in head.lower() or "@problemname" in head.lower() or "@relation" in head.lower()
        return f"{file.name} is a file of the UCR and UEA archives" if archive else None
    if ending == "txt" and not _OF_ARCHIVE.match(name.removesuffix(".txt")):
        return None
    if ending in ("csv", "tsv", "txt"):
        return _table_sign(file.name, _rows(head))
    return None


def schema_sign(name: str, columns: Sequence[tuple[str, str]]) -> str | None:
    """Why a Parquet file holds series with labels, or None.

    Args:
        name: Of the file.
        columns: Name and Arrow type of each column.
    """
    names = [column for column, _ in columns]
    label = find_column(names, SERIES_LABEL_COLUMNS)
    if label is None:
        return None
    told = {label, find_column(names, SPLIT_COLUMNS), find_column(names, ID_COLUMNS)}
    types = [kind for place, (_, kind) in enumerate(columns) if place not in told]
    if any(
        re.match(r"(large_|fixed_size_)?list<.*: (float|double|int|uint|halffloat)", kind) for kind in types
    ):
        return f"{name} has lists of numbers beside the column {names[label]!r}"
    numbers = sum(kind.startswith(_NUMBERS) for kind in types)
    times = sum(kind.startswith(("timestamp", "date")) for kind in types)
    has_ids = find_column(names, ID_COLUMNS) is not None
    if numbers + times == len(types) and (numbers >= FEWEST_TIMES or (has_ids and numbers)):
        return f"{name} has series beside the column {names[label]!r}"
    return None


def is_measured(head: str) -> bool:
    """Whether a text table holds nothing but numbers and times, at least two rows of them."""
    rows = _rows(head)
    rows = rows[1:] if rows and is_header(rows[0]) else rows
    return len(rows) > 1 and all(_is_value(field) for row in rows for field in row) and bool(rows[0])


def _table_sign(name: str, rows: list[list[str]]) -> str | None:
    if len(rows) < 2:
        return None
    if not is_header(rows[0]):
        numbers = all(_is_value(field) for row in rows for field in row[1:])
        wide = min(len(row) for row in rows) > FEWEST_TIMES
        return f"each row of {name} is a label and a series" if numbers and wide else None
    label = find_column(rows[0], SERIES_LABEL_COLUMNS)
    if label is None:
        return None
    has_ids = find_column(rows[0], ID_COLUMNS)
    told = {label, has_ids, find_column(rows[0], SPLIT_COLUMNS)}
    others = [[field for place, field in enumerate(row) if place not in told] for row in rows[1:]]
    numbers = all(others) and all(_is_value(field) for row in others for field in row)
    if numbers and (has_ids is not None or len(others[0]) >= FEWEST_TIMES):
        return f"{name} has series beside the column {rows[0][label]!r}"
    return None


def _rows(head: str) -> list[list[str]]:
    """The first rows of a table as fields; one in plain numbers apart by white space, too."""
    lines = [line for line in head.splitlines() if line.strip()][:_ROWS]
    mark = next((mark for mark in (";", "\t", "|", ",") if lines and mark in lines[0]), None)
    if mark is None:
        return [line.split() for line in lines]
    try:
        return [[field.strip() for field in row] for row in csv.reader(lines, delimiter=mark)]
    except csv.Error:
        return []


def _is_value(field: str) -> bool:
    """A number, a time or nothing."""
    try:
        float(field)
    except ValueError:
        return field in MISSING or looks_like_time(field)
    return True
