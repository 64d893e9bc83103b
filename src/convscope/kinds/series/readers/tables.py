"""One series of a table, with its times in order; and a series of any times brought to a regular grid.

| what stands in the table | what happens |
|---|---|
| times as ISO 8601, with any zone or none | UTC; without a zone they are taken for UTC |
| seconds, milliseconds, microseconds or nanoseconds since 1970 | told apart by their size, said |
| smaller numbers | seconds from a beginning that is not known, said |
| other forms of dates | as pandas reads the first; month before day unless that is impossible, said |
| a text that is no time | `DataError` with the row |
| rows without a time | left out, said |
| rows that are not in order | sorted, said |
| several rows of one time | kept in the order of the file, said; a grid takes their mean |
| no column of times | rows are counted |
| an unnamed first column that counts the rows | left out, said |
| a missing value, an infinite one, one beyond float32 | missing (NaN) |
| a number in words between numbers | `DataError` with the row |
| a column of words | left out, said |
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

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.series.readers.frames import column_numbers, read_frame
from convscope.kinds.series.readers.sources import Series
from convscope.kinds.series.readers.times import Times, find_time_column, parse_times

if TYPE_CHECKING:
    import pandas

LONGEST_GAP = 10
"""Steps of a gap that are filled by interpolation at most."""
JITTER = 0.1
"""Share of a step by which times of a regular series may be off."""

_MOST_GROWTH = 20
_FEW = 10_000


def read_series_table(path: Path, *, time_column: str | None = None) -> tuple[Series, tuple[str, ...]]:
    """Reads a table of one series: a row for each time, a column for each variable.

    Args:
        path: A CSV, TSV or Parquet file.
        time_column: The column of times; by default one of a usual name, or the first that holds times.

    Returns:
        The series in order of time, and one line for each thing that was done.

    Raises:
        DataError: As the table above says; the message names the file and the row.
        UsageError: There is no such column.
        BackendError: pandas is not installed.
    """
    return series_of_frame(read_frame(path), str(path), time_column=time_column)


def series_of_frame(
    frame: pandas.DataFrame, where: str, *, time_column: str | None = None
) -> tuple[Series, tuple[str, ...]]:
    """The one series that a frame holds.

    Args:
        frame: A `pandas.DataFrame`.
        where: The file, for messages.
        time_column: As in `read_series_table`.

    Returns:
        As `read_series_table`.

    Raises:
        DataError: As `read_series_table`.
        UsageError: As `read_series_table`.
    """
    groups = np.zeros(len(frame), np.int64)
    (series,), notes = grouped_series(frame, groups, where, time_column=time_column)
    return series, notes


def grouped_series(
    frame: pandas.DataFrame, groups: npt.NDArray[np.int64], where: str, *, time_column: str | None = None
) -> tuple[list[Series], tuple[str, ...]]:
    """The series of a frame in which each row says to which it belongs.

    Args:
        frame: A `pandas.DataFrame` with columns of variables and times.
        groups: The number of the series of each row, shape (rows,), int64, each from 0 on at least once.
        where: The file, for messages.
        time_column: As in `read_series_table`.

    Returns:
        One series for each number, each in order of time, and one line for each thing that was done.

    Raises:
        DataError: As `read_series_table`; or no row of a series has a time.
        UsageError: As `read_series_table`.
    """
    notes: list[str] = []
    frame = without_row_numbers(frame, notes)
    name = find_time_column(frame, time_column, where)
    times, order = None, np.argsort(groups, kind="stable")
    if name is not None:
        times, said = parse_times(frame[name], f"{where}, column {name!r}")
        notes.append(f"time: column {name!r}, read as {said}")
        order = _in_order(times, groups, where, notes)
    values, variables = _variables(frame.drop(columns=[] if name is None else [name]), where, notes)
    borders = np.flatnonzero(np.diff(groups[order])) + 1
    made = [
        Series(values[rows], variables, None if times is None else times[rows])
        for rows in np.split(order, borders)
    ]
    return made, tuple(notes)


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
        over = _span(int(at[-1] - at[0]))
        raise DataError(
            f"a series of {len(at)} rows, mostly {_span(step)} apart, spans {over}",
            hint="Split it at its longest gaps.",
        )
    grid = at[0] + step * np.arange(count)
    made = np.stack(
        [_interpolated(at, values[:, k], grid, step * longest_gap) for k in range(values.shape[1])], axis=1
    )
    notes.append(f"time: irregular, resampled to steps of {_span(step)} by interpolation")
    longest = int(np.sum(steps > longest_gap * step * (1 + JITTER)))
    short = int(np.sum(steps > (1 + JITTER) * step)) - longest
    if short:
        notes.append(f"time: {short} gaps of up to {longest_gap} steps, filled by interpolation")
    if longest:
        notes.append(f"time: {longest} gaps of more than {longest_gap} steps, marked as missing")
    return Series(made, series.variables, grid.astype("datetime64[ns]")), tuple(notes)


def without_row_numbers(frame: pandas.DataFrame, notes: list[str]) -> pandas.DataFrame:
    """A frame without an unnamed first column that counts its rows, as pandas writes it."""
    first = frame.columns[0]
    if (first and not first.startswith("Unnamed:")) or len(frame.columns) < 2:
        return frame
    notes.append("the unnamed first column counts the rows and is left out")
    return frame.drop(columns=[first])


def _variables(
    frame: pandas.DataFrame, where: str, notes: list[str]
) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    found: dict[str, npt.NDArray[np.float32]] = {}
    for name in frame.columns:
        numbers = column_numbers(frame[name], f"{where}, column {name!r}")
        if numbers is None:
            notes.append(f"column {name!r} holds no numbers and is left out")
        else:
            found[name] = numbers
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


def _span(nanoseconds: int) -> str:
    """A duration in words, such as `5 min`.

    Example:
        >>> _span(90 * 10**9), _span(250 * 10**6)
        ('1.5 min', '0.25 s')
    """
    seconds = nanoseconds / 1e9
    for unit, length in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"
