"""Tables of text: CSV, TSV, JSON Lines and Parquet as rows of named columns, read again and again."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from convscope.data.columns import LABEL_COLUMNS, SPLIT_COLUMNS, find_column
from convscope.data.lines import ControlCharacters, read_lines
from convscope.data.parquet_rows import class_label_names, parquet_rows, parquet_schema
from convscope.errors import DataError

TEXT_COLUMNS = (
    *("text", "sentence", "review", "message", "content", "question", "body", "comment", "tweet", "document"),
    *("description", "utterance", "query", "sms", "headline", "title", "abstract", "review_text", "texts"),
)
TEXT_LABEL_COLUMNS = (
    *LABEL_COLUMNS,
    *("sentiment", "topic", "intent", "label_text", "class index", "coarse_label", "fine_label", "polarity"),
    *("emotion", "rating", "stars", "spam", "is_spam", "score", "type", "y"),
)

TableKind = Literal["CSV", "TSV", "JSON Lines", "Parquet"]
Cells = tuple[object, ...]
Rows = Iterator[tuple[int, Cells]]

PEEKED = 1000
"""Rows by whose content columns are told apart."""

_KINDS: dict[str, TableKind] = {
    **dict.fromkeys((".csv",), "CSV"),
    **dict.fromkeys((".tsv", ".tab"), "TSV"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "JSON Lines"),
    **dict.fromkeys((".parquet", ".pq"), "Parquet"),
}
_DELIMITERS = (",", ";", "\t", "|")
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
    rows: Callable[[Sequence[str]], Rows]
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


def open_table(
    path: Path,
    kind: TableKind,
    *,
    encoding: str | None = None,
    controls: ControlCharacters | None = None,
    wanted: Iterable[str] = (),
) -> Table:
    """Finds the columns of a table; its rows are read when they are asked for.

    Args:
        path: The file.
        kind: What it is.
        encoding: As `read_lines`; Parquet has its own.
        controls: Where control characters of the rows are counted.
        wanted: Names of columns that the user gave: a first row that has one is a header.

    Raises:
        DataError: The file is damaged or empty, or its first rows are malformed.
        UsageError: No encoding has this name.
    """
    if kind == "Parquet":
        return _parquet(path)
    if kind == "JSON Lines":
        return _json_lines(path, encoding, controls)
    return _delimited(path, kind, encoding, controls, frozenset(wanted))


def _parquet(path: Path) -> Table:
    schema = parquet_schema(path)

    def rows(columns: Sequence[str]) -> Rows:
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

    def rows(columns: Sequence[str]) -> Rows:
        for number, found in objects(controls):
            yield number, tuple(found.get(name) for name in columns)

    names = dict.fromkeys(name for _, found in islice(objects(), PEEKED) for name in found)
    return Table(path, "JSON Lines", tuple(names), True, rows, _no_names)


def _delimited(
    path: Path,
    kind: TableKind,
    encoding: str | None,
    controls: ControlCharacters | None,
    wanted: frozenset[str],
) -> Table:
    delimiter = "\t" if kind == "TSV" else _delimiter(path, encoding)
    first = next(_fields(path, kind, delimiter, encoding), (0, []))[1]
    named = _is_header(path, kind, delimiter, encoding, first, wanted)
    columns = tuple(first) if named else tuple(str(number + 1) for number in range(len(first)))

    def rows(chosen: Sequence[str]) -> Rows:
        positions = [columns.index(name) for name in chosen]
        lines = _fields(path, kind, delimiter, encoding, controls)
        if named:
            next(lines, None)
        for number, fields in lines:
            if len(fields) != len(columns):
                raise DataError(
                    f"{path}, line {number}: expected {len(columns)} fields, received {len(fields)}",
                    hint="Put a field that holds the separator or a line end into double quotes."
                    if kind == "CSV"
                    else "Put one tab between two fields and none into a text.",
                )
            yield number, tuple(fields[at] for at in positions)

    return Table(path, kind, columns, named, rows, _no_names)


def _no_names(_: str) -> None:
    """Numbers in text files stand for themselves."""


def _fields(
    path: Path,
    kind: TableKind,
    delimiter: str,
    encoding: str | None,
    controls: ControlCharacters | None = None,
) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, with the number of the line at which each ends."""
    lines = read_lines(path, encoding, controls=controls)
    if kind == "TSV":
        for number, line in lines:
            if line.strip():
                yield number, [_unquoted(field) for field in line.split(delimiter)]
        return
    rows = csv.reader((line + "\n" for _, line in lines), delimiter=delimiter, strict=True)
    try:
        for row in rows:
            if any(row):
                yield rows.line_num, [field.strip() for field in row]
    except csv.Error as error:
        raise DataError(
            f"{path}, line {rows.line_num}: not valid CSV ({error})",
            hint="Look for a double quote that is not closed or not doubled in this line or before.",
        ) from error


def _unquoted(field: str) -> str:
    """A field of a TSV, where quotes are letters unless they stand around a field as CSV writes it."""
    field = field.strip()
    inner = field[1:-1]
    if len(field) < 2 or field[0] != '"' or field[-1] != '"' or '"' in inner.replace('""', ""):
        return field
    return inner.replace('""', '"')


def _delimiter(path: Path, encoding: str | None) -> str:
    """The character that parts the first row into known columns, or else into more than one."""
    found = ","
    for delimiter in reversed(_DELIMITERS):
        header = next(_fields(path, "CSV", delimiter, encoding), (0, []))[1]
        if find_column(header, TEXT_COLUMNS) is not None and len(header) > 1:
            return delimiter
        found = delimiter if len(header) > 1 else found
    return found


def _is_header(
    path: Path,
    kind: TableKind,
    delimiter: str,
    encoding: str | None,
    first: list[str],
    wanted: frozenset[str],
) -> bool:
    """True where the first row has names that are known, or a label that no other row has."""
    known = (TEXT_COLUMNS, TEXT_LABEL_COLUMNS, SPLIT_COLUMNS)
    matches = sum(find_column(first, aliases) is not None for aliases in known)
    if wanted & set(first) or matches > 1 or (matches and len(first) == 1):
        return True
    lines = islice(_fields(path, kind, delimiter, encoding), 1, None)
    rows = (fields for _, fields in lines if len(fields) == len(first))
    peeked = list(islice(rows, PEEKED))
    for at, name in enumerate(first):
        counts = Counter(row[at] for row in peeked)
        if 1 < len(counts) <= len(peeked) / 2 and min(counts.values()) > 1:
            return name not in counts and all(row[at] != name for row in rows)
    return matches > 0
