"""Tables: CSV, TSV, JSON Lines and Parquet as rows of named columns, read again and again."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, TypeVar

from convscope.data.columns import find_column
from convscope.data.delimiters import SNIFFED_LINES, find_delimiter
from convscope.data.lines import ControlCharacters, read_lines
from convscope.data.parquet_rows import class_label_names, parquet_rows, parquet_schema
from convscope.errors import DataError

TableKind = Literal["CSV", "TSV", "JSON Lines", "Parquet"]
Cells = tuple[object, ...]
Row = TypeVar("Row")
Rows = Iterator[tuple[int, Row]]
"""Rows with their numbers."""

PEEKED = 1000
"""Rows by whose content columns are told apart."""

_KINDS: dict[str, TableKind] = {
    **dict.fromkeys((".csv",), "CSV"),
    **dict.fromkeys((".tsv", ".tab"), "TSV"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "JSON Lines"),
    **dict.fromkeys((".parquet", ".pq"), "Parquet"),
}
_PARQUET_BATCH = 512


@dataclass(frozen=True)
class Table:
    """Rows of named columns.

    Args:
        path: The file.
        kind: What it was read as.
        columns: Their names; numbers from 1 where the file has no header.
        named: Whether the names come from the file.
        rows: From names of columns to the rows: number of the line (Parquet: of the row, from 0) and one
            value per name; None where there is none.
        class_names: From the name of a column to what its numbers stand for, where the file says so.
    """

    path: Path
    kind: TableKind
    columns: tuple[str, ...]
    named: bool
    rows: Callable[[Sequence[str]], Rows[Cells]]
    class_names: Callable[[str], Sequence[str] | None]

    def where(self, row: int) -> str:
        """A row for messages."""
        return f"{self.path}#{row}" if self.kind == "Parquet" else f"{self.path}, line {row}"


def table_kind(path: Path) -> TableKind | None:
    """What a file is by its ending, `.gz` aside; None where it is no table."""
    suffixes = path.suffixes[-2:]
    if suffixes and suffixes[-1].lower() == ".gz":
        suffixes.pop()
    kind = _KINDS.get(suffixes[-1].lower()) if suffixes else None
    return None if kind == "Parquet" and path.suffix.lower() == ".gz" else kind


def named_table(path: Path, roles: Sequence[Sequence[str]]) -> Table:
    """Opens a table whose first row names its columns.

    Args:
        path: The file; its kind follows from its suffix.
        roles: As `open_table`.

    Raises:
        DataError: It is no table, damaged or empty.
    """
    kind = table_kind(path)
    if kind is None:
        raise DataError(f"{path}: expected a table, received '{path.suffix or path.name}'")
    return open_table(path, kind, roles=roles, header=True)


def open_table(
    path: Path,
    kind: TableKind,
    *,
    encoding: str | None = None,
    controls: ControlCharacters | None = None,
    wanted: Iterable[str] = (),
    roles: Sequence[Sequence[str]] = (),
    header: bool | None = None,
) -> Table:
    """Finds the columns of a table; its rows are read when they are asked for.

    Args:
        path: The file.
        kind: What it is.
        encoding: As `read_lines`; Parquet has its own.
        controls: Where control characters of the rows are counted.
        wanted: Names of columns that the user gave: a first row that has one is a header.
        roles: Usual names of the column of each role in lower case; a first row that has two of them is a
            header, and the delimiter of CSV is found by the first role.
        header: Whether the first row of CSV and TSV names the columns; found out by default.

    Raises:
        DataError: The file is damaged or empty, or its first rows are malformed.
        UsageError: No encoding has this name.
    """
    if kind == "Parquet":
        return _parquet(path)
    if kind == "JSON Lines":
        return _json_lines(path, encoding, controls)
    delimiter = "\t" if kind == "TSV" else _delimiter(path, encoding, roles)
    text = _Text(path, kind, delimiter, encoding)
    first = next(text.rows(), (0, []))[1]
    named = _is_header(text, first, frozenset(wanted), roles) if header is None else header
    return _delimited(text, first, named, controls)


def _parquet(path: Path) -> Table:
    schema = parquet_schema(path)

    def rows(columns: Sequence[str]) -> Rows[Cells]:
        return parquet_rows(path, columns, _PARQUET_BATCH)

    def class_names(column: str) -> Sequence[str] | None:
        return class_label_names(path, schema, column)

    return Table(path, "Parquet", tuple(schema.names), True, rows, class_names)


def _json_lines(path: Path, encoding: str | None, controls: ControlCharacters | None) -> Table:
    def objects(tally: ControlCharacters | None = None) -> Iterator[tuple[int, dict[str, object]]]:
        for number, line in read_lines(path, encoding, controls=tally):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError) as error:
                reason = str(error).partition("\n")[0]
                raise DataError(f"{path}, line {number}: expected a JSON object, received {reason}") from None
            if not isinstance(found, dict):
                raise DataError(
                    f"{path}, line {number}: expected a JSON object, received {type(found).__name__}",
                    hint='Write one object per line, such as {"text": "...", "label": "..."}.',
                )
            yield number, found

    def rows(columns: Sequence[str]) -> Rows[Cells]:
        for number, found in objects(controls):
            yield number, tuple(found.get(name) for name in columns)

    names = dict.fromkeys(name for _, found in islice(objects(), PEEKED) for name in found)
    return Table(path, "JSON Lines", tuple(names), True, rows, _no_names)


@dataclass(frozen=True)
class _Text:
    """A table that is text, and how its fields are parted."""

    path: Path
    kind: TableKind
    delimiter: str
    encoding: str | None

    def rows(self, controls: ControlCharacters | None = None) -> Rows[list[str]]:
        """The rows that are not blank, with the number of the line at which each ends."""
        lines = read_lines(self.path, self.encoding, controls=controls)
        if self.kind == "TSV":
            for number, line in lines:
                if line.strip():
                    yield number, [_unquoted(field) for field in line.split(self.delimiter)]
            return
        rows = csv.reader((line + "\n" for _, line in lines), delimiter=self.delimiter, strict=True)
        try:
            for row in rows:
                if any(row):
                    yield rows.line_num, [field.strip() for field in row]
        except csv.Error as error:
            raise DataError(
                f"{self.path}, line {rows.line_num}: not valid CSV ({error})",
                hint="Look for an unbalanced double quote in this line or before it.",
            ) from error


def _delimited(text: _Text, first: list[str], named: bool, controls: ControlCharacters | None) -> Table:
    columns = tuple(first) if named else tuple(str(number + 1) for number in range(len(first)))

    def rows(chosen: Sequence[str]) -> Rows[Cells]:
        positions = [columns.index(name) for name in chosen]
        lines = text.rows(controls)
        if named:
            next(lines, None)
        for number, fields in lines:
            if len(fields) != len(columns):
                raise DataError(
                    f"{text.path}, line {number}: expected {len(columns)} fields, received {len(fields)}",
                    hint="Enclose fields with a delimiter or a line break in double quotes."
                    if text.kind == "CSV"
                    else "Separate fields by one tab, and remove tabs from texts.",
                )
            yield number, tuple(fields[at] for at in positions)

    return Table(text.path, text.kind, columns, named, rows, _no_names)


def _no_names(_: str) -> None:
    """Numbers in text files stand for themselves."""


def _unquoted(field: str) -> str:
    """A field of a TSV, where quotes are letters unless they stand around a field as CSV writes it."""
    field = field.strip()
    inner = field[1:-1]
    if len(field) < 2 or field[0] != '"' or field[-1] != '"' or '"' in inner.replace('""', ""):
        return field
    return inner.replace('""', '"')


def _delimiter(path: Path, encoding: str | None, roles: Sequence[Sequence[str]]) -> str:
    lines = (line for _, line in read_lines(path, encoding) if line.strip())
    return find_delimiter(list(islice(lines, SNIFFED_LINES)), roles[0] if roles else ())


def _is_header(text: _Text, first: list[str], wanted: frozenset[str], roles: Sequence[Sequence[str]]) -> bool:
    """True where the first row has names that are known, or a label that no other row has."""
    matches = sum(find_column(first, names) is not None for names in roles)
    if wanted & set(first) or matches > 1 or (matches and len(first) == 1):
        return True
    rows = (fields for _, fields in islice(text.rows(), 1, None) if len(fields) == len(first))
    peeked = list(islice(rows, PEEKED))
    for at, name in enumerate(first):
        counts = Counter(row[at] for row in peeked)
        if 1 < len(counts) <= len(peeked) / 2 and min(counts.values()) > 1:
            return name not in counts and all(row[at] != name for row in rows)
    return matches > 0
