"""One series of a table, with its times in order; and a series of any times brought to a regular grid.

| what stands in the table | what happens |
|---|---|
| times | as `series.times` says |
| rows without a time | left out and reported |
| rows that are not in order | sorted, said |
| several rows of one time | kept in the order of the file, said; a grid takes their mean |
| no column of times | rows are counted |
| an unnamed first column that counts the rows, or one called `#`, `No.`, `index` | left out and reported |
| a missing value, an infinite one, one beyond float32 | missing (NaN) |
| a number in words between numbers | `DataError` with the row |
| a column of words | left out, named |
| a number such as -200 or 9999, several times and far from all others | kept, with a warning |
| a column without any value | kept; all of it is missing |
| a row with more fields than the header | `DataError` |
| a row with fewer fields | what is not there is missing |
| blank lines | ignored |
| a header without data, an empty file, damaged bytes | `DataError` |
| more than 2**28 values or 2**31 characters | `DataError` |

Brought to a grid:

| what the times are | what happens |
|---|---|
| apart by the median step, within a tenth of it | rows stay as they are |
| irregular | linear interpolation at multiples of the median step, said |
| a gap of up to ten steps | filled by interpolation, said |
| a longer gap | missing (NaN), said |
| a grid of far more rows than there were | `DataError` |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.data.columns import columns_line
from convscope.data.encoding import check_encoding
from convscope.errors import DataError, UsageError
from convscope.kinds.series.readers.frames import column_numbers, decisions_of, is_numeric, read_frame
from convscope.kinds.series.readers.sentinels import sentinels
from convscope.kinds.series.readers.sources import Series
from convscope.kinds.series.readers.time_forms import FORMS, Times, turned_back
from convscope.kinds.series.readers.times import find_time_columns, parse_time_columns

if TYPE_CHECKING:
    import pandas

LONGEST_GAP = 10
"""Steps of a gap that are filled by interpolation at most."""
JITTER = 0.1
"""Share of a step by which times of a regular series may be off."""
COUNTERS = ("#", "no", "no.", "nr", "nr.", "index", "idx", "row", "lfd. nr.", "record", "rn", "sample no")
"""What columns are called that may count the rows, in lower case."""

_FEWEST_COUNTED = 3
_MOST_GROWTH = 20
_FEW = 10_000


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
    parsed, order = None, np.argsort(groups, kind="stable")
    if columns:
        parsed = parse_time_columns(frame, columns, where, measuring.time_format)
        notes += parsed.notes
        order = _in_order(parsed.times, groups, where, notes)
    rest = frame.drop(columns=[*columns, *(name for name in measuring.drop if name in frame.columns)])
    values, variables = _variables(rest, where, measuring, notes)
    times = None if parsed is None else parsed.times
    borders = np.flatnonzero(np.diff(groups[order])) + 1
    made = [
        Series(values[rows], variables, None if times is None else times[rows])
        for rows in np.split(order, borders)
    ]
    unused = tuple(name for name in frame.columns if name not in (*columns, *variables))
    return Measured(
        tuple(made), columns, unused, tuple(notes), None if parsed is None else parsed.form, order
    )


def median_step(series: Series) -> int | None:
    """The median of the steps between the times of a series, in nanoseconds; None where there are none."""
    if series.times is None:
        return None
    steps = np.diff(np.unique(series.times.astype(np.int64)))
    return int(np.median(steps)) if len(steps) else None


def regular(
    series: Series, longest_gap: int = LONGEST_GAP, step: int | None = None
) -> tuple[Series, tuple[str, ...]]:
    """Brings a series to times that are one step apart.

    Args:
        series: With times in order; without times, rows are taken to be regular.
        longest_gap: Steps of a gap that are filled by interpolation at most.
        step: In nanoseconds; by default the median of the steps between the rows.

    Returns:
        The series on the grid, and one line for each thing that was done; a regular one as it is.

    Raises:
        DataError: The grid would have far more rows than there are, because the steps are so different.
    """
    if series.times is None or len(series) < 2:
        return series, ()
    at = series.times.astype(np.int64)
    notes: list[str] = []
    values = series.values
    if np.any(np.diff(at) == 0):
        at, values = _merged(at, values)
        notes.append(f"time: {len(series) - len(at)} rows with a repeated time, averaged")
    steps = np.diff(at)
    if not len(steps):
        return Series(values, series.variables, at.astype("datetime64[ns]")), tuple(notes)
    step = step or int(np.median(steps))
    if np.all(np.abs(steps - step) <= JITTER * step):
        return Series(values, series.variables, at.astype("datetime64[ns]")), tuple(notes)
    count = int((at[-1] - at[0]) // step) + 1
    if count > max(_FEW, _MOST_GROWTH * len(at)):
        over = span_text(int(at[-1] - at[0]))
        raise DataError(
            f"a series of {len(at)} rows, mostly {span_text(step)} apart, spans {over}",
            hint="Split it at its longest gaps.",
        )
    grid = at[0] + step * np.arange(count)
    made = np.stack(
        [_interpolated(at, values[:, k], grid, step * longest_gap) for k in range(values.shape[1])], axis=1
    )
    notes.append(f"time: irregular, resampled to steps of {span_text(step)} by interpolation")
    longest = int(np.sum(steps > longest_gap * step * (1 + JITTER)))
    short = int(np.sum(steps > (1 + JITTER) * step)) - longest
    if short:
        notes.append(f"time: {short} gaps of up to {longest_gap} steps, filled by interpolation")
    if longest:
        notes.append(f"time: {longest} gaps of more than {longest_gap} steps, marked as missing")
    return Series(made, series.variables, grid.astype("datetime64[ns]")), tuple(notes)


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
            notes += sentinels(numbers, f"column {name!r}")
    if not found:
        raise DataError(
            f"{where}: expected a column of numbers, received {', '.join(frame.columns) or 'none'}"
        )
    return np.stack(list(found.values()), axis=1), tuple(found)


def _in_order(
    times: Times, groups: npt.NDArray[np.int64], where: str, notes: list[str]
) -> npt.NDArray[np.int64]:
    """The rows that have a time, by series and time; rows of one time in the order of the file."""
    known = np.flatnonzero(~np.isnat(times))
    if len(np.unique(groups[known])) < groups.max() + 1:
        raise DataError(f"{where}: expected a time in each series, received none in one")
    if len(known) < len(times):
        notes.append(f"time: {len(times) - len(known)} rows without a time, left out")
    known = known[np.argsort(groups[known], kind="stable")]
    order: npt.NDArray[np.int64] = known[np.lexsort((times[known], groups[known]))].astype(np.int64)
    moved = int(np.sum(order != known))
    if moved:
        notes.append(f"time: {moved} rows were not in order and were sorted")
        notes += turned_back(times[known], groups[known])
    same = (np.diff(times[order]) == np.timedelta64(0)) & (np.diff(groups[order]) == 0)
    if np.any(same):
        notes.append(f"time: {int(same.sum())} rows have the time of the row before")
    return order


def _merged(
    at: npt.NDArray[np.int64], values: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Each time once, with the mean of what stands there; missing where nothing does."""
    unique, place = np.unique(at, return_inverse=True)
    there = ~np.isnan(values)
    sums = np.zeros((len(unique), values.shape[1]))
    counts = np.zeros_like(sums)
    np.add.at(sums, place, np.where(there, values, 0))
    np.add.at(counts, place, there)
    with np.errstate(invalid="ignore"):
        return unique, (sums / np.where(counts, counts, np.nan)).astype(np.float32)


def _interpolated(
    at: npt.NDArray[np.int64], values: npt.NDArray[np.float32], grid: npt.NDArray[np.int64], longest: int
) -> npt.NDArray[np.float32]:
    """Between the two values around each place; NaN where these are too far apart, or one is missing."""
    known = ~np.isnan(values)
    if not np.any(known):
        return np.full(len(grid), np.nan, np.float32)
    # Counted from the first, so that times keep their nanoseconds as floating-point numbers.
    places, wanted = (at[known] - at[0]).astype(np.float64), (grid - at[0]).astype(np.float64)
    made = np.interp(wanted, places, values[known], left=np.nan, right=np.nan)
    after = np.clip(np.searchsorted(places, wanted), 1, max(len(places) - 1, 1))
    if len(places) > 1:
        exact = places[np.searchsorted(places, wanted).clip(0, len(places) - 1)] == wanted
        apart = places[after] - places[after - 1]
        made[(apart > longest * (1 + JITTER)) & ~exact] = np.nan
    found: npt.NDArray[np.float32] = made.astype(np.float32)
    return found


def span_text(nanoseconds: int) -> str:
    """A duration in words, such as `5 min`.

    Example:
        >>> span_text(90 * 10**9), span_text(250 * 10**6)
        ('1.5 min', '0.25 s')
    """
    seconds = nanoseconds / 1e9
    for unit, length in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"
