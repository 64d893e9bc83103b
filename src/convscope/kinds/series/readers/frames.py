"""Tables of numbers: CSV, TSV, Parquet, Excel and JSON to frames of pandas, and their columns to numbers."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from convscope.data.columns import MISSING_WORDS, is_label_name
from convscope.data.delimiters import SNIFFED_LINES, WHITE_SPACE
from convscope.data.lines import lines_of, read_lines
from convscope.data.number_forms import LIMIT, PLAIN, NumberForm, is_any_number, is_number, limits_in
from convscope.data.parse_errors import damage_as_data_error
from convscope.data.table_format import TableFormat, format_of_lines, table_format
from convscope.data.tables import open_table, table_kind
from convscope.errors import BackendError, DataError, install_command
from convscope.kinds.series.readers.time_words import looks_like_time

if TYPE_CHECKING:
    import pandas

MOST_VALUES = 2**28
"""Values of one table that are held in memory at most."""
MOST_CHARACTERS = 2**31
"""Characters of one table that are held in memory at most."""
MISSING = MISSING_WORDS
"""How a missing number is written; in a column of classes it is the name of one."""
OUTAGES = frozenset(
    [
        *("unavailable", "unknown", "no data", "nodata", "no_data", "not available", "bad", "bad input"),
        *("bad quality", "error", "err", "fault", "timeout", "i/o timeout", "comm fail", "calc failed"),
        *(
            "pt created",
            "shutdown",
            "offline",
            "disconnected",
            "missing",
            "overflow",
            "out of range",
            "invalid",
        ),
        *("nd", "bdl", "bd", "n.n.", "lod", "<lod", "< lod", "below lod", "below detection", "trace", "tntc"),
    ]
)
"""What sensors and their data bases write between numbers where none was measured, in lower case."""
_USUAL = ("", "na", "nan", "n/a", "#n/a", "<na>", "nat", "null", "none", "nil")
_ABOUT = re.compile(r"meta[-_ ]?(?:data)?|annotations?")
_DECISIONS = "decisions"
_PEEKED = 1000
_LONGEST_ROW = 2**24


def pandas_library() -> ModuleType:
    """The library that reads tables and times.

    Raises:
        BackendError: It is not installed; the hint holds the install command.
    """
    try:
        import pandas
    except ImportError as error:
        raise BackendError(
            f"Series need the library pandas: {error}.", f"Install it: {install_command('series')}"
        ) from error
    library: ModuleType = pandas
    return library


def is_table(path: str | Path) -> bool:
    """True of a name that ends as a table does; `.json` beside tables describes them."""
    kind = table_kind(Path(path))
    return kind is not None and not str(path).lower().endswith((".json", ".json.gz"))


def is_series_table(key: str) -> bool:
    """True of a table unless it, or the folder that it lies in, is called as what describes others is.

    Example:
        >>> [is_series_table(key) for key in ("a/Raw Data.csv", "a/meta/b.csv", "Annotation.csv")]
        [True, False, False]
    """
    parts = PurePosixPath(key.lower()).parts
    about = any(_ABOUT.fullmatch(part.partition(".")[0]) for part in parts)
    return is_table(key) and not about


def read_frame(path: Path, encoding: str | None = None) -> pandas.DataFrame:
    """A table as a frame of pandas, its columns named by text.

    Args:
        path: A CSV, TSV (both may be packed as `.gz`), Parquet, Excel or JSON file. CSV may be separated by
            `,`, `;`, tab or `|`, plain numbers by white space too. Where the first row holds values, columns
            are numbered from 1.
        encoding: Of text; detected by default.

    Returns:
        A `pandas.DataFrame` with at least one row; empty fields are missing, words such as NA are words.

    Raises:
        DataError: The file cannot be read, is damaged, has a row with more fields than the first, no
            row of data, or too many values.
        BackendError: pandas is not installed.
    """
    library = pandas_library()
    if table_kind(path) == "Parquet":
        return _checked(_parquet(library, path), str(path))
    if table_kind(path) in ("Excel", "JSON Lines"):
        return _checked(_of_cells(library, path, encoding), str(path))
    tabs = table_kind(path) == "TSV"
    form = table_format(path, encoding, tabs=tabs)
    if form.header is None and _names_numbers(form):
        form = table_format(path, encoding, tabs=tabs, header=True)
    lines = (line for _, line in read_lines(path, form.encoding, limit=_LONGEST_ROW))
    return _checked(_parsed(library, form, list(_bounded(lines, str(path))), str(path)), str(path))


def read_frame_of(file: BinaryIO, where: str, encoding: str | None = None) -> pandas.DataFrame:
    """The same of CSV from an open file, such as standard input.

    Args:
        file: Gives bytes.
        where: What it is called in messages.
        encoding: Of text; UTF-8 by default.

    Raises:
        DataError: As `read_frame`.
        BackendError: As `read_frame`.
    """
    numbered = lines_of(file, where, encoding, limit=_LONGEST_ROW)
    lines = list(_bounded((line for _, line in numbered), where))
    form = format_of_lines(lines[:SNIFFED_LINES], where)
    return _checked(_parsed(pandas_library(), form, lines, where), where)


def decisions_of(frame: pandas.DataFrame) -> tuple[str, ...]:
    """How the table of a frame was read, one line each."""
    return tuple(frame.attrs.get(_DECISIONS, ()))


def is_numeric(column: pandas.Series) -> bool:
    """True of a column of numbers or truth values as such, not as text."""
    kinds = pandas_library().api.types
    return bool(kinds.is_bool_dtype(column.dtype) or kinds.is_numeric_dtype(column.dtype))


def column_numbers(
    column: pandas.Series, where: str, missing: Sequence[float] = ()
) -> npt.NDArray[np.float32] | None:
    """A column as numbers, NaN where none or no finite one stands.

    Args:
        column: A `pandas.Series`.
        where: The file and the column, for messages.
        missing: Numbers that stand for a missing value.

    Returns:
        Shape (rows,), float32; None of a column of texts, in which less than half of what stands is numbers.

    Raises:
        DataError: Most of what stands there are numbers, and one thing is not.
    """
    library = pandas_library()
    kinds = library.api.types
    if kinds.is_bool_dtype(column.dtype) or kinds.is_numeric_dtype(column.dtype):
        with damage_as_data_error(where, "column"):
            return _finite(column.to_numpy(dtype=np.float64, na_value=np.nan), missing)
    if kinds.is_datetime64_any_dtype(column.dtype):
        return None
    with damage_as_data_error(where, "column"):
        texts = column.astype("string").str.strip()
        numbers = library.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        stands = ~(texts.isna() | texts.isin(MISSING)).to_numpy(dtype=bool)
        if np.isfinite(numbers[stands]).any():
            stands &= ~texts.str.lower().isin(OUTAGES).fillna(False).to_numpy(dtype=bool)
    wrong = np.flatnonzero(stands & np.isnan(numbers))
    if 2 * len(wrong) > np.sum(stands) or not np.any(stands):
        return None if np.any(stands) else np.full(len(numbers), np.nan, np.float32)
    if len(wrong):
        received = str(texts.iloc[int(wrong[0])])[:40]
        raise DataError(f"{where}, row {wrong[0] + 1}: expected a number, received {received!r}")
    return _finite(numbers, missing)


def outages(column: pandas.Series, name: str) -> list[str]:
    """The line that says which words and marks in a column of numbers stand for a missing value."""
    if is_numeric(column):
        return []
    texts = column.astype("string").str.strip()
    lower = texts.str.lower()
    found = texts[(lower.isin(OUTAGES) | (texts.isin(MISSING) & ~lower.isin(_USUAL))).fillna(False)]
    if not len(found):
        return []
    words = ", ".join(map(repr, found.unique()[:3]))
    return [f"missing: {len(found)} values of '{name}' where words such as {words} stand"]


def _finite(values: npt.NDArray[np.float64], missing: Sequence[float]) -> npt.NDArray[np.float32]:
    """float32, with NaN for what is infinite or becomes so, and for what stands for a missing value."""
    with np.errstate(over="ignore"):
        made: npt.NDArray[np.float32] = values.astype(np.float32)
    made[np.isin(values, np.asarray(missing, np.float64))] = np.nan
    made[~np.isfinite(made)] = np.nan
    return made


def _parsed(library: ModuleType, form: TableFormat, lines: list[str], where: str) -> pandas.DataFrame:
    """A frame of the lines of a table, those that are blank left out."""
    rows = [line for line in map(form.dialect.plain, lines[form.skipped :]) if line.strip()]
    while form.totals and not rows[-1].strip(f" {form.dialect.delimiter}"):
        rows.pop()  # blank fields below the totals
    rows = rows[: len(rows) - form.totals]
    if not form.columns:
        raise DataError(f"{where}: expected a table, received an empty file")
    _check_header(form, lines, rows, where)
    names = list(form.columns)
    if form.header is None:
        # Rows of series of different lengths are so themselves, and the first need not be the longest.
        mark = None if form.dialect.delimiter == WHITE_SPACE else form.dialect.delimiter
        widest = max((len(row.split(mark)) for row in rows), default=0)
        _check_size(len(rows), max(widest, len(names)), where)
        names = [str(number + 1) for number in range(max(widest, len(names)))]
    _check_size(len(rows), len(names), where)
    frame = _read_csv(library, form, rows, names, where)
    limits = [line for name in frame.columns for line in _limits(frame, name)]
    if form.numbers != PLAIN:
        written, frame = frame, frame.apply(lambda column: _numbers(column, form.numbers))
        limits += [line for name in names if is_numeric(frame[name]) for line in outages(written[name], name)]
    if form.index is not None and len(names) > 1:
        frame = frame.drop(columns=[form.index])
    frame.columns = [str(name).strip() for name in frame.columns]
    blank = [name for name in form.unnamed if name in frame.columns and bool(frame[name].isna().all())]
    frame = frame.drop(columns=blank)
    left_out = [f"left out: {', '.join(blank)}, without a name and without any value"] if blank else []
    frame.attrs[_DECISIONS] = (*form.decisions, *limits, *left_out)
    return frame


def _check_header(form: TableFormat, lines: Sequence[str], rows: Sequence[str], where: str) -> None:
    """Refuses a table whose header comes again between its rows, as that of files that were joined."""
    above = [line for line in map(form.dialect.plain, lines[: form.skipped]) if line.strip()]
    if form.header is not None and len(form.columns) > 1 and above[-1:] and above[-1] in rows:
        raise DataError(
            f"{where}, row {rows.index(above[-1]) + 1}: expected values, received the header again",
            hint="Divide the file there, or remove this line, if files with the same columns were joined.",
        )


def _read_csv(
    library: ModuleType, form: TableFormat, rows: Sequence[str], names: Sequence[str], where: str
) -> pandas.DataFrame:
    if not rows:
        return library.DataFrame(columns=list(names))
    taken = {
        **form.pandas_arguments(),
        "skiprows": 0,
        "names": list(names),
        "na_values": [""],
        "low_memory": False,
        "decimal": ".",
        "thousands": None,
    }
    del taken["encoding"]
    if form.numbers != PLAIN:
        taken["dtype"] = str
    with damage_as_data_error(where, "table"), warnings.catch_warnings():
        warnings.simplefilter("error", library.errors.ParserWarning)
        try:
            return library.read_csv(io.StringIO("\n".join(rows)), **taken)
        except library.errors.ParserWarning:
            wide = (at for at, fields in form.dialect.rows(rows, where) if len(fields) > len(names))
            raise DataError(
                f"{where}, row {next(wide, 0)}: expected rows of {len(names)} fields, received one with more",
                hint="Correct this row, or enclose fields with a delimiter in double quotes.",
            ) from None


def _names_numbers(form: TableFormat) -> bool:
    """Whether a first row of numbers names columns after all: by wavelengths, and the label in words."""
    first = form.first[0] if form.first else ()
    words = [field for field in first if not is_any_number(field)]
    at = first.index(words[0]) if len(words) == 1 else None
    below = [] if at is None else [row[at] for row in form.first[1:] if at < len(row)]
    return bool(below) and is_label_name(words[0]) and words[0] not in below


def _limits(frame: pandas.DataFrame, name: str) -> list[str]:
    """Puts the limit itself where values of a column of numbers are limits, such as `<0.1`, and says so."""
    if is_numeric(frame[name]):
        return []
    texts = frame[name].astype("string").str.strip()
    limits = texts[texts.str.match(LIMIT).fillna(False)]
    if not len(limits) or not limits_in(texts.dropna().to_list()):
        return []
    frame[name] = texts.str.replace(LIMIT, "", regex=True)
    return [
        f"limits: {len(limits)} values of '{name}' such as {limits.iloc[0]!r} are read as the limit itself"
    ]


def _numbers(column: pandas.Series, form: NumberForm) -> pandas.Series:
    """A column of texts as numbers where all of the first ones are numbers of a form, or plain ones."""
    library = pandas_library()
    texts = column.str.strip()
    some = texts[~(texts.isna() | texts.isin(MISSING))].head(_PEEKED)
    if not len(some):
        return column
    if all(map(form.fits, some)):
        for mark, plain in ((form.thousands, ""), (form.decimal, ".")):
            texts = texts.str.replace(mark, plain, regex=False) if mark else texts
    elif not library.to_numeric(some, errors="coerce").notna().all():
        return column
    numbers = library.to_numeric(texts.mask(texts.isin(MISSING)), errors="coerce")
    return numbers if bool((numbers.notna() | texts.isna() | texts.isin(MISSING)).all()) else texts


def _bounded(lines: Iterable[str], where: str) -> Iterator[str]:
    """The lines of a table, as long as they fit into memory."""
    characters = 0
    for line in lines:
        characters += len(line)
        if characters > MOST_CHARACTERS:
            raise DataError(
                f"{where}: the table has more than {MOST_CHARACTERS:,} characters",
                hint="Divide it into several files, or write it as Parquet.",
            )
        yield line


def is_header(fields: Sequence[str]) -> bool:
    """Whether the first row of a table names its columns: by words, and by numbers only if these count up.

    Example:
        >>> is_header(["time", "value"]), is_header(["label", "0", "1", "2"]), is_header(["walk", "0.5", "3"])
        (True, True, False)
    """
    fields = [field.strip() for field in fields]
    numbers = [float(field) for field in fields if is_number(field)]
    if not any(field and not is_number(field) and not looks_like_time(field) for field in fields):
        return False
    counting = [numbers[0] + step for step in range(len(numbers))] if numbers else []
    return numbers == counting and not any(math.isnan(number) for number in numbers)


def _of_cells(library: ModuleType, path: Path, encoding: str | None) -> pandas.DataFrame:
    """A frame of the cells of a workbook or of JSON."""
    table = open_table(path, "Excel" if table_kind(path) == "Excel" else "JSON Lines", encoding=encoding)
    found: list[tuple[object, ...]] = []
    for _, cells in table.rows(table.columns):
        found.append(cells)
        _check_size(len(found), len(table.columns), str(path))
    frame = library.DataFrame(found, columns=list(table.columns)).infer_objects()
    frame.attrs[_DECISIONS] = table.decisions
    return frame


def _parquet(library: ModuleType, path: Path) -> pandas.DataFrame:
    import pyarrow.parquet as pq

    with damage_as_data_error(str(path), "Parquet file"):
        with pq.ParquetFile(path) as file:
            _check_size(file.metadata.num_rows, file.metadata.num_columns, str(path))
        frame = library.read_parquet(path, engine="pyarrow")
    if frame.index.name or frame.index.nlevels > 1 or isinstance(frame.index, library.DatetimeIndex):
        with damage_as_data_error(str(path), "Parquet file"):
            frame = frame.reset_index()
    frame.columns = [str(name) for name in frame.columns]
    return frame


def _checked(frame: pandas.DataFrame, where: str) -> pandas.DataFrame:
    _check_size(len(frame), len(frame.columns), where)
    if not len(frame):
        raise DataError(f"{where}: expected rows below the header, received none")
    if len(set(frame.columns)) < len(frame.columns):
        raise DataError(f"{where}: expected a different name for each column, received {list(frame.columns)}")
    return frame


def _check_size(rows: int, columns: int, where: str) -> None:
    if rows * columns > MOST_VALUES:
        raise DataError(
            f"{where}: the table has more than {MOST_VALUES:,} values", hint="Divide it into several files."
        )
