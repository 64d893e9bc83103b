"""Tables of edges and of nodes as columns of Arrow, of which those that are asked for are read.

A table of 10^7 rows is read in pieces of 16 MiB, and its ids are held as numbers of a dictionary.
"""

from __future__ import annotations

import gzip
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from math import isnan
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv
import pyarrow.parquet as pq

from convscope.data.columns import MISSING_WORDS
from convscope.data.delimiters import DELIMITERS, WHITE_SPACE, Dialect
from convscope.data.encoding import decoder
from convscope.data.found_encoding import found_encoding
from convscope.data.heads import suffix_of
from convscope.data.lines import read_lines
from convscope.data.other_tables import refuse_other_content
from convscope.data.parse_errors import damage_as_data_error
from convscope.data.table_format import TableFormat, format_of_lines, table_format
from convscope.data.tables import Table, open_table, table_kind
from convscope.errors import DataError
from convscope.kinds.graph.readers.columns import LOOKED_AT, Column, TableSource, as_role

_PIECE = 2**24
_REMARK_LINES = 60
_MOST_WORDS = 4
_FEWEST_ROWS = 10
_COMING_AGAIN = 0.9
_DIGIT = re.compile(r"\d")
_NUMBERS_ALONE = re.compile(r"\d+([\s,;|]+\d+){0,3}")
_REMARK = re.compile(rb"^[#%][^\n]*\n", re.MULTILINE)
_TAG = re.compile(r"[#%]\S")
_SPACED_REMARK = re.compile(rb"^[#%]([ \t][^\n]*)?\n", re.MULTILINE)
_BLANKS = re.compile(rb"[ \t]+")
_EDGES_OF_LINES = re.compile(rb"^ | $|\r", re.MULTILINE)
_CONVERSION = re.compile(r"In CSV column #(\d+)")
_PLAIN_SUFFIXES = ("", ".txt", ".edges", ".edgelist", ".el", ".content", ".cites", ".dat", ".data", ".mtx")


def open_source(
    path: Path,
    encoding: str | None = None,
    wanted: Sequence[str] = (),
    usual: Sequence[str] = (),
    header_names: Callable[[Sequence[str]], Sequence[str]] = lambda fields: (),
    header: bool | None = None,
) -> TableSource:
    """Finds the form of a table.

    Args:
        path: CSV, TSV, Parquet, Excel, JSON or any text of fields.
        encoding: Of text; detected by default.
        wanted: Columns that the user named.
        usual: Names of columns in lower case by which a header is known.
        header_names: Of the fields of a line, those by which it surely is a header.
        header: Whether the first row names the columns; found by default.

    Raises:
        DataError: It cannot be read, is empty, or is no table.
        UsageError: No encoding has this name.
    """
    kind = table_kind(path)
    if kind == "Parquet":
        return _parquet(path)
    if kind in ("JSON", "JSON Lines", "Excel"):
        table = open_table(path, kind, encoding=encoding, wanted=wanted, roles=[list(usual)])
        return _by_rows(table)
    found = _format(path, encoding, kind == "TSV", wanted, usual, header_names, header)
    if not found.columns:
        raise DataError(f"{path}: expected a table of edges or nodes, received an empty file")
    if header is None and found.header is None and _is_heading(found.first):
        named_by = open_source(path, encoding, wanted, usual, header_names, header=True)
        shown = " and ".join(repr(cell) for cell in found.first[0][:2])
        said = f"header: the first row of {path.name} names its columns, because {shown} come nowhere else"
        return replace(named_by, decisions=(*named_by.decisions, said))
    text = _Text(path, found)
    unused = (*((found.index,) if found.index else ()), *(found.unnamed if found.header else ()))
    first = tuple(row for row in found.first[:LOOKED_AT] if not text.is_remark(row))
    named = found.header is not None
    return TableSource(
        path, found.columns, named, first, text.load, text.where, found.decisions, text.remarks(), unused
    )


def _is_heading(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row has words that come nowhere else, while nearly all other ids come again."""
    if len(rows) <= _FEWEST_ROWS or len(rows[0]) < 2:
        return False
    counts = Counter(cell for row in rows[1:] for cell in row[:2])
    words = all(cell and cell not in counts and not _DIGIT.search(cell) for cell in rows[0][:2])
    again = sum(count for count in counts.values() if count > 1)
    return words and again >= _COMING_AGAIN * counts.total()


def _format(
    path: Path,
    encoding: str | None,
    tabs: bool,
    wanted: Sequence[str],
    usual: Sequence[str],
    header_names: Callable[[Sequence[str]], Sequence[str]],
    header: bool | None,
) -> TableFormat:
    """The form of a text table, one of names with white space between them among them."""
    name = found_encoding(path, encoding).name
    refuse_other_content(path)
    lines = [line for _, line in islice(read_lines(path, name, _PIECE), LOOKED_AT)]
    rows = [line for line in lines if line.strip() and line.lstrip()[:1] not in ("#", "%")]
    begin = next((at for at, line in enumerate(lines) if line in rows[:1]), 0)
    heads = [line.lstrip("#% ") for line in lines[max(0, begin - 3) : begin + 1]]
    parted = [head.split(mark) for head in heads for mark in (*DELIMITERS, None)]
    sure = [header_names([field.strip(' "') for field in fields]) for fields in parted]
    wanted = [*wanted, *(name for names in sure for name in names)]
    if header is None and rows and _NUMBERS_ALONE.fullmatch(rows[0].strip()):
        header = False  # ids of an edge, not names that count
    found = table_format(path, encoding, tabs=tabs, header=header, wanted=wanted, usual=usual)
    if len(found.columns) != 1 or not rows:
        return found
    widths = {len(line.split()) for line in rows}
    if len(widths) != 1 or not 2 <= max(widths) <= _MOST_WORDS:
        return found
    tabbed = ["\t".join(line.split()) for line in lines]
    spaced = format_of_lines(tabbed, path.name, tabs=True, header=header, wanted=wanted, usual=usual)
    said = f"delimiter: the fields of {path.name} are separated by white space"
    white = Dialect(WHITE_SPACE, "")
    return replace(spaced, dialect=white, encoding=name, decisions=(said, *spaced.decisions))


def may_be_table(path: Path) -> bool:
    """Whether a file is a table, or text that may be one, by its name."""
    return table_kind(path) is not None or suffix_of(path) in _PLAIN_SUFFIXES


class _Text:
    """A text table that `pyarrow` reads, after what it does not know was taken out of the way."""

    def __init__(self, path: Path, found: TableFormat) -> None:
        self.path, self.found = path, found
        self.tags = any(map(_TAG.match, (row[0] for row in found.first)))  # such rows are values

    def load(self, ids: Sequence[str], texts: Sequence[str], numbers: Sequence[str]) -> Mapping[str, Column]:
        name_text = {**dict.fromkeys(ids, _IDS), **dict.fromkeys(texts, pa.string())}
        plain = self.found.numbers.decimal == "." and not self.found.numbers.thousands
        types = {**name_text, **dict.fromkeys(numbers, pa.float64() if plain else pa.string())}
        chosen = [name for name in self.found.columns if name in types]
        while True:
            try:
                table = self._read(chosen, types)
                break
            except pa.ArrowInvalid as error:
                at = _CONVERSION.search(str(error))
                name = self.found.columns[int(at[1])] if at else ""
                if name not in types or types[name] == pa.string():
                    raise self._malformed(error) from None
                types[name] = pa.string()
        table = table.slice(0, table.num_rows - self.found.totals)
        loaded = {name: table.column(name) for name in chosen}
        return {name: self._as_numbers(each) if name in numbers else each for name, each in loaded.items()}

    def where(self, row: int) -> str:
        rows = self.found.rows(self.path)
        line = next((number for number, _ in islice(self._values(rows), row, None)), None)
        return f"{self.path}" if line is None else f"{self.path}, line {line}"

    def remarks(self) -> str:
        """The remarks above the rows."""
        lines = (line for _, line in read_lines(self.path, self.found.encoding, _PIECE))
        head = islice(lines, min(self.found.skipped, _REMARK_LINES))
        return "\n".join(line for line in head if line.lstrip()[:1] in ("#", "%"))

    def _values(self, rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
        return (each for each in rows if not self.is_remark(each[1]))

    def is_remark(self, row: Sequence[str]) -> bool:
        """Whether a row is a remark; one whose first field begins like it is none where tags are ids."""
        return row[0][:1] in ("#", "%") and not (self.tags and _TAG.match(row[0]))

    def _read(self, chosen: Sequence[str], types: Mapping[str, Any]) -> Any:
        dialect = self.found.dialect
        reading = pv.ReadOptions(block_size=_PIECE, column_names=list(self.found.columns), use_threads=False)
        parsing = pv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quote or False,
            escape_char=dialect.escape or False,
            newlines_in_values=bool(dialect.quote),
        )
        converting = pv.ConvertOptions(
            column_types=dict(types),
            include_columns=list(chosen),
            null_values=sorted(MISSING_WORDS),
            strings_can_be_null=False,
        )
        with damage_as_data_error(str(self.path), "text file"), opened(self.path) as file:
            cleaned = _Cleaned(file, self)
            try:
                return pv.read_csv(pa.PythonFile(cleaned, "r"), reading, parsing, converting)
            except pa.ArrowInvalid as error:
                caught = error
        raise caught

    def _as_numbers(self, column: Column) -> Column:
        """A column of texts as numbers where all of them are some, in the form of the table."""
        if not pa.types.is_string(column.type):
            return column
        form = self.found.numbers
        plain = pc.replace_substring(column, form.thousands, "") if form.thousands else column
        plain = pc.replace_substring(plain, ",", ".") if form.decimal == "," else plain
        missing = pc.is_in(column, value_set=pa.array(sorted(MISSING_WORDS)))
        try:
            return pc.cast(pc.if_else(missing, pa.scalar(None, pa.string()), plain), pa.float64())
        except pa.ArrowInvalid:
            return column

    def _malformed(self, error: Exception) -> DataError:
        """The error that names the line where a row has another number of fields."""
        width = len(self.found.columns)
        for number, fields in self._values(self.found.rows(self.path)):
            if len(fields) != width:
                hint = "Enclose fields with a delimiter in double quotes, and remove what is no row."
                message = f"{self.path}, line {number}: expected {width} fields, received {len(fields)}"
                return DataError(message, hint=hint)
        return DataError(f"{self.path}: expected a table, received {str(error).partition(chr(10))[0][:200]}")


class _Cleaned(io.RawIOBase):
    """Bytes of a text table in UTF-8 without what stands above the rows, remarks and repeated white space."""

    def __init__(self, file: BinaryIO, text: _Text) -> None:
        super().__init__()
        self._file, self._text = file, text
        self._decode = decoder(str(text.path), text.found.encoding)
        self._above, self._line, self._rest, self._ended = text.found.skipped, 1, b"", False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        while not self._ended:
            raw = self._file.read(_PIECE if size < 0 else size)
            data = self._rest + self._decode(raw, self._line).encode()
            self._ended = not raw
            end = len(data) if self._ended else data.rfind(b"\n") + 1
            whole, self._rest = data[:end], data[end:]
            if len(self._rest) > _PIECE:
                raise DataError(
                    f"{self._text.path}, line {self._line}: longer than {_PIECE:,} bytes",
                    hint="Check that this is a text file with line ends.",
                )
            self._line += whole.count(b"\n")
            cleaned = self._clean(whole)
            if cleaned:
                return cleaned
        return b""

    def _clean(self, data: bytes) -> bytes:
        if b"\0" in data:
            raise DataError(f"{self._text.path}: expected text, received a NUL character: a binary file")
        while self._above and data:
            _, _, data = data.partition(b"\n")
            self._above -= 1
        if b"#" in data or b"%" in data:
            remark = _SPACED_REMARK if self._text.tags else _REMARK
            data = remark.sub(b"", data if data.endswith(b"\n") else data + b"\n")
        dialect = self._text.found.dialect
        if dialect.dress or dialect.ending:
            data = "\n".join(map(dialect.plain, data.decode().split("\n"))).encode()
        if dialect.delimiter == WHITE_SPACE:
            data = _EDGES_OF_LINES.sub(b"", _BLANKS.sub(b" ", data))
        return data


_IDS = pa.dictionary(pa.int32(), pa.string())


def opened(path: Path) -> BinaryIO:
    """A file to read bytes from; one that ends in `.gz` is unpacked."""
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def _parquet(path: Path) -> TableSource:
    with damage_as_data_error(str(path), "Parquet file"), pq.ParquetFile(path) as file:
        names = [str(name) for name in file.schema_arrow.names]
        head = next(file.iter_batches(LOOKED_AT), None)
        rows = (
            [] if head is None else [[_cell(cell) for cell in column.to_pylist()] for column in head.columns]
        )

    def load(ids: Sequence[str], texts: Sequence[str], numbers: Sequence[str]) -> Mapping[str, Column]:
        with damage_as_data_error(str(path), "Parquet file"):
            table = pq.read_table(path, columns=[*ids, *texts, *numbers], use_threads=False)
            return {name: _typed(table.column(name), name in ids) for name in table.column_names}

    index = tuple(name for name in names if name.startswith("__index_level_"))
    first = tuple(zip(*rows, strict=True))
    return TableSource(path, tuple(names), True, first, load, lambda row: f"{path}#{row}", unused=index)


def _typed(column: Column, is_id: bool) -> Column:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_large_string(column.type):
        column = column.cast(pa.string())
    if not is_id:
        return column
    if pa.types.is_floating(column.type):
        column = column.cast(pa.int64(), safe=False)
    return column.cast(pa.string()).dictionary_encode()


def _by_rows(table: Table) -> TableSource:
    """A table that is read row by row: JSON and Excel."""
    first = [tuple(map(_cell, cells)) for _, cells in islice(table.rows(table.columns), LOOKED_AT)]

    def load(ids: Sequence[str], texts: Sequence[str], numbers: Sequence[str]) -> Mapping[str, Column]:
        names = [*ids, *texts, *numbers]
        cells = [cells for _, cells in table.rows(names)]
        columns = dict(zip(names, zip(*cells, strict=True), strict=True)) if cells else {}
        made = {
            name: pa.chunked_array([[_cell(cell) for cell in columns.get(name, ())]], pa.string())
            for name in names
        }
        return {name: as_role(column, name in ids, name in numbers) for name, column in made.items()}

    def where(row: int) -> str:
        number = next((number for number, _ in islice(table.rows(table.columns), row, None)), None)
        return str(table.path) if number is None else table.where(number)

    return TableSource(
        table.path, table.columns, table.named, tuple(first), load, where, table.decisions, "", table.unused
    )


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    return str(value).strip()
