"""How files begin: as text, as a table, or as arrays; nothing here fails, and everything is bounded."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from convscope.data.excel_rows import Workbook
from convscope.data.found_encoding import encoding_of_head, found_encoding
from convscope.data.json_rows import json_objects
from convscope.data.npy_header import npy_header
from convscope.data.number_forms import LIMIT, limits_in
from convscope.data.parse_errors import damage_as_data_error
from convscope.data.table_format import TableFormat, format_of_lines, table_format
from convscope.errors import BackendError, DataError

MOST_BYTES = 2**16
"""What is read of a file, in bytes."""
MOST_ROWS = 20
"""Rows of a table that are kept."""
MOST_ARRAYS = 50
"""Arrays of an archive whose headers are read."""

DELIMITED = frozenset([".csv", ".tsv", ".tab", ".psv"])
PARQUET = frozenset([".parquet", ".pq"])
JSON = frozenset([".jsonl", ".ndjson", ".json"])
EXCEL = frozenset([".xlsx", ".xlsm"])
TABLES = DELIMITED | PARQUET | JSON | EXCEL

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MAGIC = (b"%PDF", b"PK\x03\x04", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"RIFF", b"fLaC", b"OggS", b"PAR1")


@dataclass(frozen=True)
class TableHead:
    """How a table begins.

    Args:
        first: The names of its columns, or the fields of its first row where it has no header.
        rows: Fields of the rows of values as text, numbers with a decimal point, without `first` and a row
            of units, as many as the first row has or not.
        types: Arrow type of each column; empty where the file does not say.
        delimiter: Between two fields; empty in Parquet and JSON, where `first` always are names.
        named: Whether `first` are names; where they are not, they are a row of values.
    """

    first: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()
    types: tuple[str, ...] = ()
    delimiter: str = ""
    named: bool = True

    def column(self, at: int) -> tuple[str, ...]:
        """What stands below the first row in a column; rows that are too short are left out."""
        return tuple(row[at] for row in self.rows if at < len(row))


@dataclass(frozen=True)
class ArrayHead:
    """What the header of a stored array says: its shape, and its dtype as `numpy.dtype.str` has it."""

    shape: tuple[int, ...]
    dtype: str


def suffix_of(file: Path) -> str:
    """The suffix in lower case, that of the unpacked file where it is packed.

    Example:
        >>> suffix_of(Path("a.CSV")), suffix_of(Path("train.de.gz")), suffix_of(Path("README"))
        ('.csv', '.de', '')
    """
    name = file.name.lower().removesuffix(".gz")
    at = name.rfind(".")  # as pathlib has it, in a tenth of its time
    return name[at:] if 0 < at < len(name) - 1 else ""


def text_head(file: Path) -> str:
    """The beginning of a text file up to the end of a line; empty for anything else.

    Args:
        file: UTF-8, UTF-16 or cp1252; other encodings give replacement characters.
    """
    try:
        with (
            damage_as_data_error(str(file), "file"),
            gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb") as opened,
        ):
            data = opened.read(MOST_BYTES)
    except DataError:
        return ""
    if data.startswith(_MAGIC):
        return ""
    text = data.decode(encoding_of_head(data), "replace").removeprefix("\ufeff")
    if not text or len(_CONTROL.findall(text)) > len(text) / 100 or "\0" in text:
        return ""
    return (text.rpartition("\n")[0] or text) if len(data) == MOST_BYTES else text


def table_head(file: Path, head: str) -> TableHead | None:
    """How a file begins as a table; None where it is empty or none.

    Args:
        file: JSON Lines and Parquet by their suffixes; any other text is taken for CSV.
        head: How it begins as text.
    """
    suffix = suffix_of(file)
    try:
        if suffix in PARQUET:
            return _parquet(file)
        if suffix in EXCEL:
            return _excel(file)
        if suffix in JSON:
            return _json(file)
        return _delimited(file, head, suffix)
    except (DataError, BackendError):
        return None


def array_heads(file: Path) -> Mapping[str, ArrayHead]:
    """The arrays of a NumPy archive by their names, or that of an array file by the name of the file.

    None of them is loaded; empty for anything else.
    """
    try:
        if file.suffix.lower() == ".npy":
            with damage_as_data_error(str(file), "array"), file.open("rb") as opened:
                shape, _, dtype = npy_header(opened, str(file))
            return {file.stem: ArrayHead(shape, str(dtype.str))}
        with damage_as_data_error(str(file), "NumPy archive"), zipfile.ZipFile(file) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")][:MOST_ARRAYS]
            return {name.removesuffix(".npy"): _array_head(archive, name) for name in names}
    except DataError:
        return {}


def _delimited(file: Path, head: str, suffix: str) -> TableHead | None:
    tabs = suffix in {".tsv", ".tab"}
    if not head:
        return None
    try:
        found = table_format(file, tabs=tabs)
    except DataError:  # an unknown encoding: the reader reports it, and the columns are known already
        found = format_of_lines(head.splitlines(), file.name, tabs=tabs)
    if not found.columns:
        return None
    named = found.header is not None
    limited = {at for at, cells in enumerate(zip(*_of_width(found), strict=True)) if limits_in(cells)}
    values = [
        tuple(
            found.numbers.plain(LIMIT.sub("", cell) if at in limited else cell) for at, cell in enumerate(row)
        )
        for row in found.first[: MOST_ROWS + 1]
    ]
    first = found.columns if named else values.pop(0)
    return TableHead(first, tuple(values[:MOST_ROWS]), delimiter=found.dialect.delimiter, named=named)


def _of_width(found: TableFormat) -> list[tuple[str, ...]]:
    return [row for row in found.first if len(row) == len(found.columns)]


def _excel(file: Path) -> TableHead:
    book = Workbook.open(file)
    rows = [tuple(map(_as_cell, cells)) for _, cells in islice(book.rows(), MOST_ROWS + 1)]
    first = book.columns if book.named else rows.pop(0)
    return TableHead(first, tuple(rows[:MOST_ROWS]), delimiter="\t", named=book.named)


def _json(file: Path) -> TableHead | None:
    objects: list[Mapping[str, Any]] = []
    encoding = found_encoding(file).name
    try:
        objects.extend(row for _, row in islice(json_objects(file, encoding), MOST_ROWS))
    except DataError:  # the reader says what is wrong
        if not objects:
            raise
    if not objects:
        return None
    names = tuple(str(name) for name in objects[0])
    rows = (tuple(_as_text(found.get(name)) for name in objects[0]) for found in objects)
    return TableHead(names, tuple(rows))


def _as_text(value: object) -> str:
    """A value of a cell; what is no text is written as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _as_cell(value: object) -> str:
    return "" if value is None else str(value)


def _parquet(file: Path) -> TableHead | None:
    import pyarrow.parquet as pq

    with damage_as_data_error(str(file), "Parquet file"), pq.ParquetFile(file) as opened:
        schema = opened.schema_arrow
        names, types = tuple(map(str, schema.names)), tuple(str(each.type) for each in schema)
        plain = [name for name, kind in zip(names, types, strict=True) if kind in ("string", "large_string")]
        rows: list[dict[str, object]] = []
        if plain and len(set(names)) == len(names):
            batches = opened.iter_batches(MOST_ROWS, columns=plain)
            rows = next((batch.to_pylist() for batch in batches), [])
    cells = (tuple(str(row.get(name) or "") for name in names) for row in rows)
    return TableHead(names, tuple(cells), types)


def _array_head(archive: zipfile.ZipFile, name: str) -> ArrayHead:
    with archive.open(name) as opened:
        shape, _, dtype = npy_header(opened, name)
    return ArrayHead(shape, str(dtype.str))
