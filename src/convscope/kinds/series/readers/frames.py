"""Tables of numbers: CSV, TSV and Parquet to frames of pandas, and their columns to numbers."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from convscope.data.delimiters import SNIFFED_LINES, fields_of, find_delimiter
from convscope.data.lines import lines_of, read_lines
from convscope.data.parse_errors import damage_as_data_error
from convscope.data.tables import table_kind
from convscope.errors import BackendError, DataError

if TYPE_CHECKING:
    import pandas

MOST_VALUES = 2**28
"""Values of one table that are held in memory at most."""
MOST_CHARACTERS = 2**31
"""Characters of one table that are held in memory at most."""
MISSING = ("", "?", "-", "na", "n/a", "nan", "NaN", "NA", "N/A", "null", "NULL", "None", "none", "NaT")
"""How a missing value is written."""
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
            f"Series need the library pandas: {error}.", 'Install it: pip install "convscope[series]"'
        ) from error
    library: ModuleType = pandas
    return library


def is_table(path: str | Path) -> bool:
    """True of a name that ends as a table does."""
    return table_kind(Path(path)) in ("CSV", "TSV", "Parquet")


def read_frame(path: Path) -> pandas.DataFrame:
    """A table as a frame of pandas, its columns named by text.

    Args:
        path: A CSV, TSV (both may be packed as `.gz`) or Parquet file. CSV may be separated by `,`, `;`, tab
            or `|`, plain numbers by white space too. Where the first row holds values, columns are
            numbered from 1.

    Returns:
        A `pandas.DataFrame` with at least one row; texts that stand for nothing are missing.

    Raises:
        DataError: The file cannot be read, is damaged, has a row with more fields than the first, no
            row of data, or too many values.
        BackendError: pandas is not installed.
    """
    library = pandas_library()
    if table_kind(path) == "Parquet":
        frame = _parquet(library, path)
    else:
        frame = _parsed(library, (line for _, line in read_lines(path, limit=_LONGEST_ROW)), str(path))
    return _checked(frame, str(path))


def read_frame_of(file: BinaryIO, where: str) -> pandas.DataFrame:
    """The same of CSV from an open file, such as standard input.

    Args:
        file: Gives bytes.
        where: What it is called in messages.

    Raises:
        DataError: As `read_frame`.
        BackendError: As `read_frame`.
    """
    lines = (line for _, line in lines_of(file, where, limit=_LONGEST_ROW))
    return _checked(_parsed(pandas_library(), lines, where), where)


def column_numbers(column: pandas.Series, where: str) -> npt.NDArray[np.float32] | None:
    """A column as numbers, NaN where none or no finite one stands.

    Args:
        column: A `pandas.Series`.
        where: The file and the column, for messages.

    Returns:
        Shape (rows,), float32; None of a column of texts, in which less than half of what stands is numbers.

    Raises:
        DataError: Most of what stands there are numbers, and one thing is not.
    """
    library = pandas_library()
    kinds = library.api.types
    if kinds.is_bool_dtype(column.dtype) or kinds.is_numeric_dtype(column.dtype):
        with damage_as_data_error(where, "column"):
            return _finite(column.to_numpy(dtype=np.float64, na_value=np.nan))
    if kinds.is_datetime64_any_dtype(column.dtype):
        return None
    with damage_as_data_error(where, "column"):
        texts = column.astype("string").str.strip()
        numbers = library.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        stands = ~(texts.isna() | texts.isin(MISSING)).to_numpy(dtype=bool)
    wrong = np.flatnonzero(stands & np.isnan(numbers))
    if 2 * len(wrong) > np.sum(stands) or not np.any(stands):
        return None if np.any(stands) else np.full(len(numbers), np.nan, np.float32)
    if len(wrong):
        received = str(texts.iloc[int(wrong[0])])[:40]
        raise DataError(f"{where}, row {wrong[0] + 1}: expected a number, received {received!r}")
    return _finite(numbers)


def _finite(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """float32, with NaN for what is infinite or becomes so."""
    with np.errstate(over="ignore"):
        made: npt.NDArray[np.float32] = values.astype(np.float32)
    made[~np.isfinite(made)] = np.nan
    return made


def _parsed(library: ModuleType, lines: Iterable[str], where: str) -> pandas.DataFrame:
    """A frame of the lines of a table, those that are blank left out."""
    rows = list(_bounded(lines, where))
    first = rows[0] if rows else ""
    separator = find_delimiter(rows[:SNIFFED_LINES])
    fields = next(iter(fields_of(rows[:1], separator)), ())
    apart = first.split()
    if len(fields) == 1 and len(apart) > 1 and all(map(_is_number, apart)):
        separator, fields = r"\s+", tuple(apart)
    if not any(field.strip() for field in fields):
        raise DataError(f"{where}: expected a table, received an empty file")
    named = is_header(fields)
    # Series of different lengths are rows of different lengths, of which the first need not be the longest.
    widest = 0 if named else max(len(row.split(None if separator == r"\s+" else separator)) for row in rows)
    _check_size(len(rows), max(widest, len(fields)), where)
    names = {} if named else {"names": [str(number + 1) for number in range(max(widest, len(fields)))]}
    with damage_as_data_error(where, "table"), warnings.catch_warnings():
        warnings.simplefilter("error", library.errors.ParserWarning)
        try:
            frame = library.read_csv(
                io.StringIO("\n".join(rows)),
                sep=separator,
                header=0 if named else None,
                index_col=False,
                skipinitialspace=True,
                low_memory=False,
                na_values=list(MISSING),
                **names,
            )
        except library.errors.ParserWarning:
            raise DataError(
                f"{where}: expected rows of {len(fields)} fields, received one with more",
                hint="Enclose fields with a delimiter in double quotes.",
            ) from None
    frame.columns = [str(name).strip() for name in frame.columns]
    return frame


def _bounded(lines: Iterable[str], where: str) -> Iterator[str]:
    """The lines that are not blank, as long as they fit into memory."""
    characters = 0
    for line in lines:
        characters += len(line)
        if characters > MOST_CHARACTERS:
            raise DataError(
                f"{where}: the table has more than {MOST_CHARACTERS:,} characters",
                hint="Divide it into several files, or write it as Parquet.",
            )
        if line.strip():
            yield line


def is_header(fields: Sequence[str]) -> bool:
    """Whether the first row of a table names its columns: by words, and by numbers only if these count up.

    Example:
        >>> is_header(["time", "value"]), is_header(["label", "0", "1", "2"]), is_header(["walk", "0.5", "3"])
        (True, True, False)
    """
    fields = [field.strip() for field in fields]
    numbers = [float(field) for field in fields if _is_number(field)]
    if not any(field and not _is_number(field) and not looks_like_time(field) for field in fields):
        return False
    counting = [numbers[0] + step for step in range(len(numbers))] if numbers else []
    return numbers == counting and not any(math.isnan(number) for number in numbers)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def looks_like_time(text: str) -> bool:
    """Whether a text could be a date: digits around the marks that dates are written with."""
    return len(text) >= 6 and text[0].isdigit() and any(mark in text[1:] for mark in "-/:.")


def _parquet(library: ModuleType, path: Path) -> pandas.DataFrame:
    import pyarrow.parquet as pq

    with damage_as_data_error(str(path), "Parquet file"):
        with pq.ParquetFile(path) as file:
            _check_size(file.metadata.num_rows, file.metadata.num_columns, str(path))
        frame = library.read_parquet(path, engine="pyarrow")
    if frame.index.name or frame.index.nlevels > 1:
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
