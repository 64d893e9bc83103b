"""One series of a table, with its times in order.

| what stands in the table | what happens |
|---|---|
| times | as `series.times` says |
| rows without a time | left out and reported |
| rows that are not in order | sorted, said |
| several rows of one time | kept in the order of the file, said; a grid takes their mean |
| no column of times | rows are counted |
| an unnamed first column that counts the rows, or one called `#`, `No.`, `index` | left out and reported |
| a missing value, an infinite one, one beyond float32 | missing (NaN) |
| a local time that goes back by an hour in fall | the order of the file, in standard time, said |
| a number in words between numbers | `DataError` with the row |
| `unavailable`, `No Data`, `Bad` and the like between numbers | missing (NaN), said |
| a column of words | left out, named |
| a number such as -200 or 9999, several times and far from all others | kept, with a warning |
| a column without any value | kept; all of it is missing |
| a row with more fields than the header | `DataError` |
| a row with fewer fields | what is not there is missing |
| blank lines | ignored |
| a header without data, an empty file, damaged bytes | `DataError` |
| more than 2**28 values or 2**31 characters | `DataError` |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import numpy.typing as npt

from convscope.data.columns import columns_line
from convscope.data.encoding import check_encoding
from convscope.errors import DataError, UsageError
from convscope.kinds.series.readers.frames import (
    column_numbers,
    decisions_of,
    is_numeric,
    outages,
    read_frame,
    read_frame_of,
)
from convscope.kinds.series.readers.sentinels import sentinels
from convscope.kinds.series.readers.sources import Series
from convscope.kinds.series.readers.time_forms import FORMS, Times, in_standard_time
from convscope.kinds.series.readers.times import find_time_column, find_time_columns, parse_time_columns

if TYPE_CHECKING:
    import pandas

COUNTERS = ("#", "no", "no.", "nr", "nr.", "index", "idx", "row", "lfd. nr.", "record", "rn", "sample no")
"""What columns are called that may count the rows, in lower case."""

_FEWEST_COUNTED = 3


@dataclass(frozen=True)
class Measuring:
    """What the user chose, or a run recorded, about the columns of a table of measurements.

    Args:
        time_column: The column of times; by default one of a usual name, or the first that holds times.
        time_format: How times are written: one of `FORMS`, or a pattern of `strftime`.
        missing: Numbers that stand for a missing value.
        drop: Columns that are left out.
        encoding: Of text; detected by default.
    """

    time_column: str | None = None
    time_format: str | None = None
    missing: tuple[float, ...] = ()
    drop: tuple[str, ...] = ()
    encoding: str | None = None

    def frame_of(self, path: Path, *, strict: bool = True) -> pandas.DataFrame:
        """A table as `read_frame` gives it.

        Args:
            path: The table.
            strict: Whether columns that are left out must be there.

        Raises:
            UsageError: One is not.
        """
        frame = read_frame(path, self.encoding)
        missing = [name for name in self.drop if name not in frame.columns] if strict else []
        if missing:
            shown = ", ".join(map(repr, frame.columns[:20]))
            raise UsageError(
                f"{path} has no column {missing[0]!r}, which --drop-column names.", f"It has {shown}."
            )
        return frame

    def frame_of_open(self, file: BinaryIO, where: str) -> pandas.DataFrame:
        """The same of CSV from an open file, as `read_frame_of` gives it."""
        return read_frame_of(file, where, self.encoding)


MEASURING = Measuring()


def measuring_of(
    time_column: str | None,
    time_format: str | None,
    missing_value: Sequence[str],
    drop_column: Sequence[str],
    encoding: str | None,
) -> Measuring:
    """What the options of a recipe say about the columns of its tables.

    Raises:
        UsageError: A form of times that is none, or no encoding has this name.
    """
    check_encoding(encoding)
    if time_format is not None and time_format not in FORMS and "%" not in time_format:
        raise UsageError(
            f"time_format must be one of {', '.join(FORMS)}, or a pattern such as '%d.%m.%Y %H:%M'. "
            f"Received: time_format={time_format!r}."
        )
    return Measuring(time_column, time_format, tuple(map(float, missing_value)), tuple(drop_column), encoding)


@dataclass(frozen=True)
class Measured:
    """The series of a table.

    Args:
        series: Each in order of time.
        time: The columns of times; empty where rows are counted.
        unused: The columns that were left out.
        notes: One line for each thing that was done; a `Doubt` is to be worried about.
        time_format: How times are written; None where there are none.
        order: The row of the table that each row of the series was, of all series one behind the other.
    """

    series: tuple[Series, ...]
    time: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    time_format: str | None = None
    order: npt.NDArray[np.int64] | None = field(default=None, repr=False)

    def line(self, roles: Sequence[tuple[str, str]] = ()) -> str:
        """What each column was taken for, others than these besides."""
        times = [("time", name) for name in self.time]
        values = [("values", name) for name in self.series[0].variables]
        return columns_line([*roles, *times, *values], self.unused)


def read_series_table(path: Path, measuring: Measuring = MEASURING) -> tuple[Series, tuple[str, ...]]:
    """Reads a table of one series: a row for each time, a column for each variable.

    Args:
        path: A CSV, TSV or Parquet file.
        measuring: What the user chose, or a run recorded, about its columns.

    Returns:
        The series in order of time, and one line for each thing that was done.

    Raises:
        DataError: The table is damaged or has no numbers, or its times are none.
        UsageError: The table has no column of that name.
        BackendError: pandas is not installed.
    """
    found = series_of_frame(measuring.frame_of(path), str(path), measuring)
    return found.series[0], found.notes


def series_of_frame(frame: pandas.DataFrame, where: str, measuring: Measuring = MEASURING) -> Measured:
    """The only series of a table in memory.

    Args:
        frame: A `pandas.DataFrame`.
        where: The file, for messages.
        measuring: As `read_series_table`.

    Raises:
        DataError: As `read_series_table`.
        UsageError: As `read_series_table`.
    """
    return grouped_series(frame, np.zeros(len(frame), np.int64), where, measuring)


def grouped_series(
    frame: pandas.DataFrame, groups: npt.NDArray[np.int64], where: str, measuring: Measuring = MEASURING
) -> Measured:
    """The series of a frame in which each row says to which it belongs.

    Args:
        frame: A `pandas.DataFrame` with columns of variables and times.
        groups: The number of the series of each row, shape (rows,), int64, each from 0 on at least once.
        where: The file, for messages.
        measuring: As `read_series_table`.

    Raises:
        DataError: As `read_series_table`; or no row of a series has a time.
        UsageError: As `read_series_table`.
    """
    notes: list[str] = []
    frame = without_row_numbers(frame, notes, [measuring.time_column])
    columns = find_time_columns(frame, measuring.time_column, where)
    parsed, times, order = None, None, np.argsort(groups, kind="stable")
    if columns:
        parsed = parse_time_columns(frame, columns, where, measuring.time_format)
        notes += parsed.notes
        times = parsed.times.copy()
        order = _in_order(times, groups, where, notes)
        frame = _without_other_times(frame, columns, order, groups, notes)
    rest = frame.drop(columns=[*columns, *(name for name in measuring.drop if name in frame.columns)])
    values, variables = _variables(rest, where, measuring, notes)
    borders = np.flatnonzero(np.diff(groups[order])) + 1
    made = [
        Series(values[rows], variables, None if times is None else times[rows])
        for rows in np.split(order, borders)
    ]
    unused = tuple(name for name in frame.columns if name not in (*columns, *variables))
    return Measured(
        tuple(made), columns, unused, tuple(notes), None if parsed is None else parsed.form, order
    )


def without_row_numbers(
    frame: pandas.DataFrame, notes: list[str], kept: Sequence[str | None] = ()
) -> pandas.DataFrame:
    """A frame without the column that counts its rows: the first if it has no name, or one called `#` or so.

    Args:
        frame: A `pandas.DataFrame`.
        notes: Learns how the table was read; only the first time.
        kept: Columns that the user named for something else.
    """
    notes += decisions_of(frame)
    first, found = str(frame.columns[0]), []
    if not first or first.startswith("Unnamed:") or first == "__index_level_0__":
        notes.append("the unnamed first column counts the rows and is left out")
        found.append(first)
    for name in frame.columns:
        if name.strip().lower() in COUNTERS and name not in kept and _counts(frame[name]):
            notes.append(f"the column '{name}' counts the rows and is left out")
            found.append(name)
    made = frame.drop(columns=found) if 0 < len(found) < len(frame.columns) else frame.copy(deep=False)
    made.attrs = {}
    return made


def _counts(column: pandas.Series) -> bool:
    """Whether each number of a column is one more than the one before."""
    if len(column) < _FEWEST_COUNTED or not is_numeric(column) or column.isna().any():
        return False
    return bool(np.all(np.diff(column.to_numpy(dtype=np.float64)) == 1))


def _variables(
    frame: pandas.DataFrame, where: str, measuring: Measuring, notes: list[str]
) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    found: dict[str, npt.NDArray[np.float32]] = {}
    for name in frame.columns:
        numbers = column_numbers(frame[name], f"{where}, column {name!r}", measuring.missing)
        if numbers is not None:
            found[name] = numbers
            notes += [*sentinels(numbers, f"column {name!r}"), *outages(frame[name], name)]
    if not found:
        raise DataError(
            f"{where}: expected a column of numbers, received {', '.join(frame.columns) or 'none'}"
        )
    return np.stack(list(found.values()), axis=1), tuple(found)


def _without_other_times(
    frame: pandas.DataFrame,
    columns: Sequence[str],
    order: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    notes: list[str],
) -> pandas.DataFrame:
    """A frame without further columns that are called as times are and only grow, as the time itself does."""
    together = np.diff(groups[order]) == 0
    found = []
    for name in frame.columns:
        if name in columns or find_time_column([name]) is None or not is_numeric(frame[name]):
            continue
        steps = np.diff(frame[name].to_numpy(dtype=np.float64, na_value=np.nan)[order])[together]
        if len(steps) and np.all(steps > 0):
            found.append(name)
            notes.append(f"the column '{name}' counts the time, too, and is left out")
    return frame.drop(columns=found) if found else frame


def _in_order(
    times: Times, groups: npt.NDArray[np.int64], where: str, notes: list[str]
) -> npt.NDArray[np.int64]:
    """The rows that have a time, by series and time; rows of one time in the order of the file.

    Local times are brought to standard time in place.
    """
    known = np.flatnonzero(~np.isnat(times))
    if len(np.unique(groups[known])) < groups.max() + 1:
        raise DataError(f"{where}: expected a time in each series, received none in one")
    if len(known) < len(times):
        notes.append(f"time: {len(times) - len(known)} rows without a time, left out")
    known = known[np.argsort(groups[known], kind="stable")]
    times[known], turned = in_standard_time(times[known], groups[known])
    notes += turned
    order: npt.NDArray[np.int64] = known[np.lexsort((times[known], groups[known]))].astype(np.int64)
    moved = int(np.sum(order != known))
    if moved:
        notes.append(f"time: {moved} rows were not in order and were sorted")
    same = (np.diff(times[order]) == np.timedelta64(0)) & (np.diff(groups[order]) == 0)
    if np.any(same):
        notes.append(f"time: {int(same.sum())} rows have the time of the row before")
    return order
