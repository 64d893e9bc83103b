"""Tables: CSV, TSV, JSON, Excel and Parquet as rows of named columns, read again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from convscope.data.excel_rows import Workbook
from convscope.data.found_encoding import found_encoding
from convscope.data.json_rows import counts_records, json_objects
from convscope.data.lines import ControlCharacters
from convscope.data.number_forms import PLAIN, NumberForm
from convscope.data.other_tables import refuse_other_content, refuse_other_name, refuse_pickled
from convscope.data.parquet_rows import class_label_names, parquet_rows, parquet_schema
from convscope.data.table_format import table_format
from convscope.errors import DataError, UsageError

TableKind = Literal["CSV", "TSV", "JSON Lines", "JSON", "Parquet", "Excel"]
Cells = tuple[object, ...]
Rows = Iterator[tuple[int, Cells]]
"""Rows with their numbers."""

PEEKED = 1000
"""Rows by whose content columns are distinguished."""

_KINDS: dict[str, TableKind] = {
    **dict.fromkeys((".csv", ".psv"), "CSV"),
    **dict.fromkeys((".tsv", ".tab"), "TSV"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "JSON Lines"),
    **dict.fromkeys((".parquet", ".pq"), "Parquet"),
    **dict.fromkeys((".xlsx", ".xlsm"), "Excel"),
}
_PACKED = ("Parquet", "Excel")
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
        decisions: How the file was read where it is not plain, one line each; readers add them to their own.
        unused: Columns that no reader takes for an input unless it is named: dropped by the user, numbers of
            rows, or without a name; those that were dropped are no `columns` any more.
        numbers: How numbers that are texts are written.
    """

    path: Path
    kind: TableKind
    columns: tuple[str, ...]
    named: bool
    rows: Callable[[Sequence[str]], Rows]
    class_names: Callable[[str], Sequence[str] | None]
    decisions: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    numbers: NumberForm = PLAIN

    def where(self, row: int) -> str:
        """A row for messages."""
        return f"{self.path}#{row}" if self.kind in ("JSON", "Parquet") else f"{self.path}, line {row}"


def table_kind(path: Path) -> TableKind | None:
    """What a file is by its ending, `.gz` aside; None where it is no table."""
    suffixes = path.suffixes[-2:]
    if suffixes and suffixes[-1].lower() == ".gz":
        suffixes.pop()
    kind = _KINDS.get(suffixes[-1].lower()) if suffixes else None
    return None if kind in _PACKED and path.suffix.lower() == ".gz" else kind


def open_table(
    path: Path,
    kind: TableKind,
    *,
    encoding: str | None = None,
    controls: ControlCharacters | None = None,
    wanted: Iterable[str] = (),
    roles: Sequence[Sequence[str]] = (),
    header: bool | None = None,
    drop: Sequence[str] = (),
    strict: bool = True,
) -> Table:
    """Finds the columns of a table; its rows are read when they are asked for.

    Args:
        path: The file.
        kind: What it is.
        encoding: Of text; detected by default. Parquet and Excel have their own.
        controls: Where control characters of the rows are counted.
        wanted: Names of columns that the user gave: a first row that has one is a header.
        roles: Usual names of the column of each role in lower case, by which a header is known.
        header: Whether the first row of CSV, TSV and Excel names the columns; detected by default.
        drop: Columns that the user leaves out, by their names.
        strict: Whether these must be there.

    Raises:
        DataError: The file is damaged or empty, or its first rows are malformed.
        UsageError: No encoding has this name, or no column that is dropped.
    """
    wanted = [*wanted, *drop]
    usual = [name for names in roles for name in names]
    if kind == "Parquet":
        table = _parquet(path)
    elif kind in ("JSON Lines", "JSON"):
        table = _json(path, encoding, controls)
    elif kind == "Excel":
        table = _excel(path, wanted, usual, header)
    else:
        table = _text(path, kind, encoding, controls, wanted, usual, header)
    return _without(table, drop if strict else [name for name in drop if name in table.columns])


def check_table(path: Path) -> None:
    """Stops at a file that is a table and cannot be read; anything else passes.

    Args:
        path: A file that no kind of data recognizes.

    Raises:
        DataError: It is damaged, of another program, or in an ambiguous encoding.
        BackendError: The library that reads it is not installed.
    """
    refuse_other_name(path)
    kind = table_kind(path)
    if kind is None:
        refuse_pickled(path)
    if kind is not None:
        table = open_table(path, kind)
        for _ in islice(table.rows(table.columns), PEEKED):
            pass


def _without(table: Table, drop: Sequence[str]) -> Table:
    for name in drop:
        if name not in table.columns:
            shown = ", ".join(map(repr, table.columns[:20])) or "no columns"
            raise UsageError(
                f"{table.path} has no column {name!r}, which --drop-column names.", f"It has {shown}."
            )
    columns = tuple(name for name in table.columns if name not in drop)
    return replace(table, columns=columns, unused=(*table.unused, *drop))


def _parquet(path: Path) -> Table:
    schema = parquet_schema(path)

    def rows(columns: Sequence[str]) -> Rows:
        return parquet_rows(path, columns, _PARQUET_BATCH)

    def class_names(column: str) -> Sequence[str] | None:
        return class_label_names(path, schema, column)

    index = tuple(name for name in schema.names if name.startswith("__index_level_"))  # written by pandas
    return Table(path, "Parquet", tuple(schema.names), True, rows, class_names, unused=index)


def _json(path: Path, encoding: str | None, controls: ControlCharacters | None) -> Table:
    refuse_other_content(path)
    found = found_encoding(path, encoding)

    def rows(columns: Sequence[str]) -> Rows:
        for number, row in json_objects(path, found.name, controls):
            yield number, tuple(row.get(name) for name in columns)

    first = islice(json_objects(path, found.name), PEEKED)
    names = dict.fromkeys(str(name) for _, row in first for name in row)
    said = (found.decision,) if found.decision else ()
    kind: TableKind = "JSON" if counts_records(path, found.name) else "JSON Lines"
    return Table(path, kind, tuple(names), True, rows, _no_names, said)


def _excel(path: Path, wanted: Iterable[str], usual: Iterable[str], header: bool | None) -> Table:
    book = Workbook.open(path, wanted, usual, header)

    def rows(columns: Sequence[str]) -> Rows:
        positions = [book.columns.index(name) for name in columns]
        for number, cells in book.rows():
            yield number, tuple(cells[at] for at in positions)

    return Table(path, "Excel", book.columns, book.named, rows, _no_names, book.decisions, book.unused)


def _text(
    path: Path,
    kind: TableKind,
    encoding: str | None,
    controls: ControlCharacters | None,
    wanted: Iterable[str],
    usual: Iterable[str],
    header: bool | None,
) -> Table:
    found = table_format(path, encoding, tabs=kind == "TSV", header=header, wanted=wanted, usual=usual)
    columns = found.columns

    def rows(chosen: Sequence[str]) -> Rows:
        positions = [columns.index(name) for name in chosen]
        again = list(found.header) if found.header and len(columns) > 1 else None
        for number, fields in found.rows(path, controls):
            if len(fields) != len(columns):
                raise DataError(
                    f"{path}, line {number}: expected {len(columns)} fields, received {len(fields)}",
                    hint=_hint(kind, fields),
                )
            if fields == again:
                raise DataError(
                    f"{path}, line {number}: expected values, received the header again",
                    hint="Remove this line, as of files that were joined.",
                )
            yield number, tuple(fields[at] for at in positions)

    return Table(
        path,
        kind,
        columns,
        found.header is not None,
        rows,
        _no_names,
        found.decisions,
        (*((found.index,) if found.index else ()), *found.unnamed),
        found.numbers,
    )


def _hint(kind: TableKind, fields: Sequence[str]) -> str:
    if fields[0][:1] in ("#", "%"):
        return "Remove remarks from between the rows."
    if kind == "CSV":
        return "Enclose fields with a delimiter or a line break in double quotes."
    return "Separate fields by one tab, and remove tabs from texts."


def _no_names(_: str) -> None:
    """Numbers in text files stand for themselves."""
