r"""The form of a table that is text, found once for everyone who reads it.

`table_format(path)` looks at the first thousand lines, never fails silently, and says in `decisions` whatever
is not plain CSV: readers add these lines to their own (`open_table` has them in `Table.decisions`).

| what is there | what is found |
|---|---|
| `;`, tab or a vertical bar between fields, white space between numbers | `dialect.delimiter` |
| `"`-quoted fields, also with `\"` within, `'`-quoted ones, quotes that are letters | `dialect` |
| UTF-8, UTF-16 with or without mark, cp1252 (Latin-1) | `encoding` |
| `sep=;`, remarks (`#`, `%`, `//`), lines of title | `skipped`, the number of lines before the values |
| no header, or one in a remark (`# time, value`) | `header` |
| a row of units below the header | `units` |
| rows of questions below the header, totals at the end | `skipped`, `totals` |
| tables in Markdown, rows that are quoted as a whole | `dialect.dress` |
| a column without a name that counts the rows | `index` |
| names that are missing, or come twice | `columns` has made up ones: `column 3`, `a.1` |
| decimal commas, marks between thousands | `numbers` |

Readers that use pandas take `pandas_arguments()`.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.csv")
    ...     _ = path.write_text("# a probe\ntime;temp\n[s];[K]\n0;20,5\n1;20,7\n")
    ...     found = table_format(path)
    >>> found.dialect.delimiter, found.columns, found.units, found.numbers.decimal, found.skipped
    (';', ('time', 'temp'), ('[s]', '[K]'), ',', 3)
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from convscope.data.delimiters import (
    DELIMITERS,
    SNIFFED_LINES,
    WHITE_SPACE,
    Dialect,
    Parted,
    find_dialect,
    parted_by,
)
from convscope.data.found_encoding import found_encoding
from convscope.data.headers import (
    USUAL_NAMES,
    ColumnNames,
    described_below,
    is_wider,
    names_columns,
    totals_at_end,
    units_below,
)
from convscope.data.lines import ControlCharacters, all_but_last, last_lines, read_lines
from convscope.data.number_forms import PLAIN, NumberForm, find_number_form, is_any_number
from convscope.data.other_tables import refuse_other_content

SNIFFED_CHARACTERS = 2**20
"""Characters by which the form of a table is found."""
_MOST_COLUMNS = 300
LONGEST_ROW = 2**24
"""Characters that a line of a table may have."""
_REMARKS = ("#", "%", "//")
_MOST_TITLES = 60
_MOST_TOTALS = 6
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", WHITE_SPACE: "white space"}


@dataclass(frozen=True)
class TableFormat:
    """The form of a table that is text.

    Args:
        encoding: Name of a Python codec.
        dialect: How lines become fields.
        skipped: Lines before the first row of values, those of the header and the units among them.
        header: The first row where it names the columns, as it is written; None where it holds values.
        columns: A name for each column: those of the header without repetitions, or numbers from 1.
        units: The row of units below the header; None where there is none.
        index: The name of a column that has none in the file and counts the rows; None where there is none.
        unnamed: The other columns without a name in the file.
        numbers: How numbers are written.
        decisions: What was found that is not plain CSV in UTF-8, one line each.
        first: The first rows of values, as far as they were read.
        totals: How many of the last rows that are not blank hold totals and are no values.
    """

    encoding: str = "utf-8"
    dialect: Dialect = field(default_factory=lambda: Dialect(","))
    skipped: int = 0
    header: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    units: tuple[str, ...] | None = None
    index: str | None = None
    unnamed: tuple[str, ...] = ()
    numbers: NumberForm = PLAIN
    decisions: tuple[str, ...] = ()
    first: tuple[tuple[str, ...], ...] = ()
    totals: int = 0

    def rows(
        self, path: Path, controls: ControlCharacters | None = None, limit: int = LONGEST_ROW
    ) -> Iterator[tuple[int, list[str]]]:
        """The rows of values with the number of the line at which each ends; their widths may differ.

        Args:
            path: The file.
            controls: Where control characters are counted.
            limit: Characters of a line at most.

        Raises:
            DataError: As `read_lines`; a quote does not end.
        """
        lines = (line for _, line in read_lines(path, self.encoding, limit, controls=controls))
        rows = self.dialect.rows(islice(lines, self.skipped, None), str(path), self.skipped)
        return all_but_last(rows, self.totals) if self.totals else rows

    def pandas_arguments(self) -> dict[str, Any]:
        """Arguments of `pandas.read_csv` that read the same values; the names are in `columns`.

        Missing values are left as text: pass `na_values` for the columns of numbers alone, so that classes
        called NA stay classes.

        Returns:
            For `pandas.read_csv(path, **arguments)`.
        """
        white = self.dialect.delimiter == WHITE_SPACE
        return {
            "encoding": "utf-8-sig" if self.encoding == "utf-8" else self.encoding,
            "sep": r"\s+" if white else self.dialect.delimiter,
            "quoting": csv.QUOTE_MINIMAL if self.dialect.quote or not white else csv.QUOTE_NONE,
            "quotechar": self.dialect.quote or '"',
            "escapechar": self.dialect.escape or None,
            "skiprows": self.skipped,
            "header": None,
            "names": list(self.columns),
            "index_col": False,
            "decimal": self.numbers.decimal,
            "thousands": self.numbers.thousands or None,
            "skipinitialspace": True,
            "keep_default_na": False,
        }


def table_format(
    path: Path,
    encoding: str | None = None,
    *,
    tabs: bool = False,
    header: bool | None = None,
    wanted: Iterable[str] = (),
    usual: Iterable[str] = (),
) -> TableFormat:
    """Finds the form of a table that is text.

    Args:
        path: The file; one that ends in `.gz` is unpacked.
        encoding: What the user named; detected by default.
        tabs: Whether its name says that fields are separated by tabs, which are preferred then.
        header: Whether the first row names the columns; detected by default.
        wanted: Names of columns that the user gave: a first row that has one is a header.
        usual: Names, in lower case, that hardly ever are values.

    Returns:
        The form; that of an empty file has no columns.

    Raises:
        DataError: The file cannot be read, is a workbook, a page or another thing that is no table of text,
            or its encoding is ambiguous.
        UsageError: No encoding has this name.
    """
    refuse_other_content(path)
    found = found_encoding(path, encoding)
    lines = list(_first_lines(line for _, line in read_lines(path, found.name, LONGEST_ROW)))
    made = format_of_lines(lines, path.name, tabs=tabs, header=header, wanted=wanted, usual=usual)
    said = [found.decision] if found.decision else []
    made = replace(made, encoding=found.name, decisions=(*said, *made.decisions))
    named = made.header is not None and len(made.columns) > 1
    return _with_totals(made, path) if named and made.dialect.delimiter != WHITE_SPACE else made


def _with_totals(found: TableFormat, path: Path) -> TableFormat:
    """The form of a table with what its last rows are."""
    numbered = parted_by(last_lines(path, found.encoding)[1:], found.dialect).rows
    last = [row for _, row in numbered[-_MOST_TOTALS:]]
    count = totals_at_end(last, found.first)
    if not count:
        return found
    totals = last[-count:]
    first = tuple(row for row in found.first if list(row) not in totals)
    words = ", ".join(next(filter(None, row)) for row in totals)
    said = f"left out: the last rows of {path.name}, which hold totals: {words}"
    return replace(found, totals=count, first=first, decisions=(*found.decisions, said))


def format_of_lines(
    lines: Sequence[str],
    name: str = "the table",
    *,
    tabs: bool = False,
    header: bool | None = None,
    wanted: Iterable[str] = (),
    usual: Iterable[str] = (),
) -> TableFormat:
    """The same by the first lines of a table; nothing fails.

    Args:
        lines: The first lines, without their ends.
        name: What the table is called in decisions.
        tabs: As `table_format`.
        header: As `table_format`.
        wanted: As `table_format`.
        usual: As `table_format`.
    """
    mark, start = _declared(lines)
    begin = _remarks(lines, start)
    marks = [mark] if mark else ["\t", *DELIMITERS] if tabs else list(DELIMITERS)
    wanted = tuple(wanted)
    names = sorted({each.lower() for each in (*wanted, *usual)} | USUAL_NAMES)
    parted = find_dialect(lines[begin:], names, list(dict.fromkeys(marks)), begin)
    given = frozenset(each for each in wanted if not each.lstrip("-").isdecimal())  # others are positions
    asked = _Asked(name, header, given, names)
    above = _above(lines, start, begin, parted, asked)
    if above < begin:
        parted = parted_by(lines[above:], parted.dialect, above)
    if not parted.rows:
        return TableFormat()
    found = _of_rows(parted, asked, above)
    remarks = sum(bool(line.strip()) for line in lines[start:above])
    said = [f"remarks: {remarks} lines at the beginning of {name} are left out"] if remarks else []
    return replace(found, decisions=(*said, *found.decisions))


@dataclass(frozen=True)
class _Asked:
    name: str
    header: bool | None
    wanted: frozenset[str]
    usual: Sequence[str]

    def is_header(self, first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
        if self.header is not None:
            return self.header
        return bool(self.wanted & set(first)) or names_columns(first, below, self.usual)

    def has_usual(self, row: Sequence[str]) -> bool:
        return any(field.lower() in self.usual for field in row)


def _of_rows(parted: Parted, asked: _Asked, before: int) -> TableFormat:
    said = _of_dialect(parted, asked.name)
    numbered = parted.rows
    rows = _without_sign([row for _, row in numbered], asked)
    titles = _titles(rows, parted.width, asked)
    if titles:
        before = numbered[titles][0] - 1
        said.append(f"lines: {before} before the header of {asked.name} are no rows and are left out")
    values = rows[titles:]
    described = described_below(values[1:])
    header = tuple(values[0]) if asked.is_header(values[0], values[1 + described :]) else None
    units = None
    if header is None:
        said.append(f"header: {asked.name} has none, so that its columns are numbered from 1")
    else:
        if described:
            said.append(
                f"header: rows below the names of {asked.name} describe them: {described} are left out"
            )
        values = values[1 + described :]
        units = tuple(values[0]) if units_below(header, values) else None
    if units is not None:
        said.append(f"units: the row below the header of {asked.name} holds units: {', '.join(units)[:60]}")
        values = values[1:]
    heads = len(rows) - len(values)
    first = header or tuple(values[0])
    width = parted.width if header and is_wider(first, values, parted.width) else len(first)
    names = ColumnNames(header, width, values, asked.name)
    full = [row[:_MOST_COLUMNS] for row in values if len(row) == width]
    numbers, how = find_number_form(list(zip(*full, strict=True)))
    return TableFormat(
        dialect=parted.dialect,
        skipped=numbered[heads - 1][0] if heads > titles else before,
        header=header,
        columns=tuple(names.columns),
        units=units,
        index=names.index,
        unnamed=tuple(names.unnamed),
        numbers=numbers,
        decisions=(*said, *names.decisions, *([how] if how else [])),
        first=tuple(map(tuple, values)),
    )


def _of_dialect(parted: Parted, name: str) -> list[str]:
    said, dialect = [], parted.dialect
    if dialect.delimiter not in (",", "\t") and parted.width > 1:
        said.append(f"delimiter: the fields of {name} are separated by {_NAMES[dialect.delimiter]}")
    if dialect.dress:
        around = "bars stand, with rules between them" if dialect.dress == "bars" else "quotes stand"
        said.append(f"lines: around each row of {name} {around}, which part nothing")
    if dialect.ending:
        said.append(f"delimiter: the {dialect.ending!r} at the end of each line of {name} parts nothing")
    if dialect.escape:
        said.append(f"quotes: within the fields of {name} they are escaped by {dialect.escape!r}")
    return said


def _first_lines(lines: Iterator[str]) -> Iterator[str]:
    characters = 0
    for line in islice(lines, SNIFFED_LINES):
        yield line
        characters += len(line)
        if characters > SNIFFED_CHARACTERS:
            return


def _declared(lines: Sequence[str]) -> tuple[str | None, int]:
    """The delimiter that a first line such as `sep=;` declares, and how many lines are above the next one."""
    head = lines[0].strip('" ').lower() if lines else ""
    if head[:4] == "sep=" and head[4:] in DELIMITERS:
        return head[4:], 1
    return None, 0


def _remarks(lines: Sequence[str], start: int) -> int:
    """Where the lines begin that are neither blank nor remarks; the start where there are none."""
    below = (at for at in range(start, len(lines)) if not _is_remark(lines[at]))
    return next(below, start)


def _is_remark(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith(_REMARKS)


def _above(lines: Sequence[str], start: int, begin: int, parted: Parted, asked: _Asked) -> int:
    """Where the table begins: above rows without a header at the remark that is one, or at rows like them."""
    rows = [row for _, row in parted.rows]
    if begin == start or parted.width < 2 or asked.is_header(rows[0], rows[1:]):
        return begin
    at = begin - 1
    while at > start and not lines[at].strip():
        at -= 1
    if asked.is_header(_of_remark(lines[at], parted), rows) and not any(row[0][:1] == "#" for row in rows):
        return at if len(_of_remark(lines[at], parted)) == parted.width else begin
    while at >= start and parted_by([lines[at]], parted.dialect).width == parted.width:
        at -= 1  # rows whose first field begins as remarks do
    return at + 1


def _of_remark(line: str, parted: Parted) -> list[str]:
    """The fields of a remark without its sign, which may be a name itself."""
    signed = parted_by([line], parted.dialect).rows
    fields = parted_by([line.lstrip().lstrip("#%/")], parted.dialect).rows
    if not fields or (len(signed[0][1]) == parted.width and not fields[0][1][0]):
        return signed[0][1] if signed else []
    return fields[0][1]


def _without_sign(rows: list[list[str]], asked: _Asked) -> list[list[str]]:
    """The rows; a first one that is a remark and names the columns comes without the sign of the remark."""
    sign = next((sign for sign in _REMARKS if rows[0][0].startswith(sign)), None)
    if sign is None or len(rows) < 2 or any(row[0].startswith(sign) for row in rows[1:]):
        return rows
    first = [rows[0][0].lstrip(sign).strip(), *rows[0][1:]]
    if not first[0]:
        first = first[1:] if len(first) == len(rows[1]) + 1 else rows[0]
    fits = len(first) == len(rows[1]) and asked.is_header(first, rows[1:])
    return [first, *rows[1:]] if fits else rows


def _titles(rows: Sequence[list[str]], width: int, asked: _Asked) -> int:
    """Rows before the table: of one or two fields, where all rows below have more and a header or numbers."""
    filled = [sum(map(bool, row)) for row in rows]
    usual = Counter(filled).most_common(1)[0][0]
    start = next((at for at, row in enumerate(rows) if len(row) == width and filled[at] >= usual), 0)
    if start and filled[start - 1] == usual - 1 and len(rows[start - 1]) == width and not rows[start - 1][0]:
        start -= 1  # the names of all columns but that of the index
    below = rows[start:]
    alike = sum(len(row) == width for row in below) >= max(2, 0.98 * len(below))
    if not 0 < start <= _MOST_TITLES or width < 2 or not alike or max(filled[:start]) > 2:
        return 0
    for at in range(start, min(start + _MOST_TITLES, len(rows) - 1)):
        words = filled[at] >= usual - 1 and not all(map(is_any_number, rows[at]))
        if words and asked.is_header(rows[at], rows[at + 1 :]):
            return at + (not asked.has_usual(rows[at]) and asked.has_usual(rows[at + 1]))
    numbers = sum(map(is_any_number, rows[start])) * 2 >= width and max(filled[:start]) < 2
    return start if numbers else 0
