"""Rows of Excel workbooks (`.xlsx`), one at a time, through openpyxl."""

from __future__ import annotations

import datetime
import shlex
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from convscope.data.parse_errors import damage_as_data_error
from convscope.data.table_format import TableFormat, format_of_lines
from convscope.errors import BackendError, DataError, install_command

MOST_BYTES = 2**31
"""Bytes of a workbook when it is unpacked."""
_SNIFFED = 1000
_FEWEST_ROWS = 8
"""Rows of a sheet that is a table beside other sheets: a legend has fewer."""
_ERRORS = frozenset({"#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!"})


_CHOSEN: ContextVar[str | None] = ContextVar("sheet", default=None)


@contextmanager
def chosen_sheet(asked: str | None) -> Iterator[None]:
    """Within it, workbooks are read from the sheet of that name or number, from 1; None leaves it open.

    A workbook is opened far below the option that names its sheet, by readers of every kind.
    """
    token = _CHOSEN.set(asked)
    try:
        yield
    finally:
        _CHOSEN.reset(token)


@dataclass(frozen=True)
class Workbook:
    """The one sheet of a workbook that is read.

    Args:
        path: The file.
        sheet: The name of the sheet: that of `chosen_sheet`; else the only one whose rows have several cells,
            else the first one that is not empty.
        columns: The names of its columns, or numbers from 1.
        named: Whether they stand in the sheet.
        skipped: Rows of the sheet before the first one of values.
        decisions: What was found, one line each.
        unused: Columns without a name.
        words: Positions of the columns of words, in which a number such as 2012 is a word, too.
    """

    path: Path
    sheet: str
    columns: tuple[str, ...]
    named: bool
    skipped: int
    decisions: tuple[str, ...]
    unused: tuple[str, ...]
    words: frozenset[int] = frozenset()

    @classmethod
    def open(
        cls, path: Path, wanted: Iterable[str] = (), usual: Iterable[str] = (), header: bool | None = None
    ) -> Workbook:
        """Finds the sheet and its columns.

        Args:
            path: The file.
            wanted: As `table_format`.
            usual: As `table_format`.
            header: As `table_format`.

        Raises:
            DataError: The workbook is damaged, too large or empty, has several sheets that are tables, or not
                the one that is chosen.
            BackendError: openpyxl is not installed.
        """
        filled: dict[str, list[tuple[int, tuple[Any, ...]]]] = {}
        for name in _sheets(path):
            first = list(islice(_rows(path, name), _SNIFFED))
            if first:
                filled[name] = first
        if not filled:
            raise DataError(f"{path}: expected a sheet with rows, received an empty workbook")
        sheet = _named_sheet(path, filled) or _only_table(path, filled)
        rows = filled[sheet]
        found = _format(path.name, rows, wanted, usual, header)
        said = list(found.decisions)
        if len(filled) > 1:
            others = ", ".join(repr(name) for name in list(filled)[:6] if name != sheet)
            how = "--sheet changes it" if _CHOSEN.get() is None else "as --sheet says"
            said.insert(0, f"sheet: {sheet!r} of {path.name} is read, {others} not; {how}")
        unused = (*((found.index,) if found.index else ()), *found.unnamed)
        below = [cells for number, cells in rows if number > found.skipped]
        words = {at for cells in below for at, cell in enumerate(cells) if isinstance(cell, str)}
        named = found.header is not None
        columns, skipped = found.columns, found.skipped
        return cls(path, sheet, columns, named, skipped, tuple(said), unused, frozenset(words))

    def rows(self) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """The rows of values that are not empty, with their numbers in the sheet, from 1.

        Yields:
            A text, a number or a boolean for each column; times as ISO text; None where nothing stands.

        Raises:
            DataError: The workbook is damaged, or a row has more cells than the first ones.
        """
        width, words = len(self.columns), self.words
        for number, cells in _rows(self.path, self.sheet):
            if number <= self.skipped:
                continue
            if len(cells) > width:
                raise DataError(
                    f"{self.path}, line {number}: expected {width} cells, received {len(cells)}",
                    hint="Give each column a name in the first row, or empty the cells beside the table.",
                )
            read = (str(cell) if at in words and _is_number(cell) else cell for at, cell in enumerate(cells))
            yield number, (*read, *(None,) * (width - len(cells)))


def _only_table(path: Path, filled: Mapping[str, Sequence[tuple[int, tuple[Any, ...]]]]) -> str:
    """The sheet to read: a cover sheet and notes are no table, as most of their rows are one cell."""
    tables = [
        name
        for name, rows in filled.items()
        if sum(len(cells) > 1 for _, cells in rows) * 2 > len(rows) >= _FEWEST_ROWS
    ]
    if len(tables) > 1:
        raise DataError(
            f"{path}: expected one sheet with a table, received {', '.join(map(repr, tables))}",
            hint=f"Choose one by its name or number, such as --sheet {shlex.quote(tables[0])}.",
        )
    return next(iter(tables or filled))


def _named_sheet(path: Path, filled: Mapping[str, object]) -> str | None:
    """The sheet that the user chose, by its name or its number among all sheets; None for no choice."""
    asked, names = _CHOSEN.get(), _sheets(path)
    if asked is None:
        return None
    number = int(asked) if asked.isdecimal() else 0
    name = asked if asked in names else names[number - 1] if 0 < number <= len(names) else None
    if name is None or name not in filled:
        what = "no such sheet" if name is None else "an empty one"
        raise DataError(
            f"{path}: expected the sheet {asked!r}, which --sheet names, received {what}",
            hint=f"Its sheets are {', '.join(map(repr, names[:20]))}.",
        )
    return name


def excel_library() -> ModuleType:
    """The library that reads workbooks.

    Raises:
        BackendError: It is not installed; the hint holds the install command.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise BackendError(
            f"Excel workbooks need the library openpyxl: {error}.",
            f"Install it: {install_command('excel')}; or save the sheet as CSV (UTF-8).",
        ) from error
    library: ModuleType = openpyxl
    return library


def _opened(path: Path) -> Any:
    with damage_as_data_error(str(path), "Excel workbook"), zipfile.ZipFile(path) as archive:
        size = sum(info.file_size for info in archive.infolist())
    if size > MOST_BYTES:
        raise DataError(
            f"{path}: the workbook takes more than {MOST_BYTES:,} bytes", hint="Save its sheet as CSV."
        )
    library = excel_library()
    with damage_as_data_error(str(path), "Excel workbook"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions that it leaves out
        return library.load_workbook(path, read_only=True, data_only=True)


def _sheets(path: Path) -> list[str]:
    book = _opened(path)
    try:
        return [sheet.title for sheet in book.worksheets]
    finally:
        book.close()


def _rows(path: Path, sheet: str) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """The rows that are not empty, without the empty cells at their end."""
    book = _opened(path)
    try:
        with damage_as_data_error(str(path), "Excel workbook"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number, raw in enumerate(book[sheet].iter_rows(values_only=True), 1):
                cells = [_value(cell) for cell in raw]
                while cells and cells[-1] is None:
                    cells.pop()
                if cells:
                    yield number, tuple(cells)
    finally:
        book.close()


def _value(cell: object) -> object:
    if isinstance(cell, str):
        text = cell.strip()
        return None if not text or text in _ERRORS else text
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat(" ") if isinstance(cell, datetime.datetime) else cell.isoformat()
    return cell if isinstance(cell, bool | int | float) or cell is None else str(cell)


def _is_number(cell: object) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _format(
    name: str,
    rows: list[tuple[int, tuple[Any, ...]]],
    wanted: Iterable[str],
    usual: Iterable[str],
    header: bool | None,
) -> TableFormat:
    """The form of the first rows, as that of a text table with a line for each row of the sheet."""
    width = max(len(cells) for _, cells in rows)
    lines = [""] * rows[-1][0]
    for number, cells in rows:
        lines[number - 1] = "\t".join(_as_field(cell) for cell in (*cells, *(None,) * (width - len(cells))))
    return format_of_lines(lines, name, tabs=True, header=header, wanted=wanted, usual=usual)


def _as_field(cell: object) -> str:
    return "" if cell is None else " ".join(str(cell).split())
