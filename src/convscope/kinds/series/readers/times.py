"""Columns of times: found, brought to UTC; in which form they are written is settled by the whole file.

| what stands there | what happens |
|---|---|
| ISO 8601, with any zone or none | UTC; without a zone they are taken for UTC |
| seconds, milliseconds, microseconds or nanoseconds since 1970 | distinguished by their size and reported |
| numbers such as 20240131 or 202401311200 | the digits of a date |
| 20,000 to 80,000 in a column called after dates or times | days since 1899-12-30, as spreadsheets do |
| other numbers | seconds from an unknown beginning, reported |
| 03/02/2026, 3.2.26 | day or month first by what is possible, else by what keeps rows in order |
| where neither decides | the month comes first, with a warning |
| AM, PM, 24:00 | read |
| an offset in the name of the column, `GMT-05:00` | taken where times have none of their own, and reported |
| names of months | as they say |
| 2021Q1, Q1 2021, 2021M01, 2021-W05, Jan-21 | the first day of the quarter, month or week, reported |
| a date and a time of day in two columns; year, month, day, hour in several | put together and reported |
| a time of day alone | counted from 1970-01-01 and reported; a day is added where rows pass midnight |
| a form that the user or a run settled | read so; a time that contradicts it is a `DataError` with the row |
| a text that is no time | `DataError` with the row |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.data.columns import column_of, find_column
from convscope.kinds.series.readers.frames import MISSING, pandas_library
from convscope.kinds.series.readers.sources import Doubt
from convscope.kinds.series.readers.time_forms import (
    DATES,
    DAY,
    SAID_OF,
    Numbers,
    ParsedTimes,
    as_utc,
    no_time,
)
from convscope.kinds.series.readers.time_numbers import PATTERN_OF_DAYS, digits_of, times_of_numbers
from convscope.kinds.series.readers.time_texts import times_of_pattern, times_of_texts
from convscope.kinds.series.readers.time_words import Written, read_time

if TYPE_CHECKING:
    import pandas

TIME_COLUMNS = (
    *("time", "timestamp", "datetime", "date", "date_time", "time_stamp", "ts", "ds", "t", "datum", "zeit"),
    *("utc", "created_at", "measured_at", "epoch", "unix_time", "unixtime", "zeitstempel", "fecha"),
    *("datetime_utc", "timestamp_utc", "utc_timestamp", "local_time", "recorded_at", "day", "uhrzeit"),
    *(
        "last_changed",
        "last_updated",
        "_time",
        "event_time",
        "sample_time",
        "seconds_elapsed",
        "elapsed_time",
    ),
    *("time_elapsed", "elapsed", "experiment_time", "relative_time", "uptime"),
)
"""What a column of times is usually called."""

_PARTS = (
    *(("year", "yr"), ("month", "mon", "mo"), ("day", "dy"), ("hour", "hr", "hours"), ("minute", "min")),
    ("second", "sec"),
)
_PEEKED = 20
_UNIT = re.compile(r"\s*[(\[][^)\]]*[)\]]$|(?<=[a-z])_(?:s|ms|us|ns|sec|secs|seconds|millis|utc)$")
_OFFSET = re.compile(r"\b(?:GMT|UTC) ?(?P<sign>[+-]) ?(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?(?!\d)")
_OWN_ZONE = r"(?:[zZ]|[:.]\d+ ?[+-]\d{1,2}(?::?\d{2})?)\s*$"


def find_time_column(names: Sequence[str]) -> int | None:
    """The position of the column that is called as those of times are, a unit behind its name aside.

    Example:
        >>> [find_time_column(names) for names in (["x", "Time (s)"], ["ts_ms", "v"], ["v"])]
        [1, 0, None]
    """
    plain = [_UNIT.sub("", name.strip().strip("'\"").lower()).replace(" ", "_") for name in names]
    at = find_column(names, TIME_COLUMNS)
    return at if at is not None else find_column(plain, TIME_COLUMNS)


def find_time_columns(frame: pandas.DataFrame, given: str | None, where: str) -> tuple[str, ...]:
    """The columns that say when a row was measured: as given, by their names, or by their content.

    Args:
        frame: A `pandas.DataFrame`.
        given: A name or position, several separated by commas, where the user chose.
        where: The file, for messages.

    Returns:
        Their names: one; a date and a time of day; or year, month, day and so on. None where there are none.

    Raises:
        UsageError: The table has no column of a given name.
    """
    names = [str(name) for name in frame.columns]
    if given is not None:
        several = [given] if given in names else [part.strip() for part in given.split(",")]
        chosen = tuple(column_of(where, names, one, "--time-column") for one in several)
        return chosen if len(chosen) > 1 else _with_other_half(frame, chosen[0])
    parts = _parts(frame)
    if parts:
        return parts
    at = find_time_column(names)
    if at is not None and (names[at].lower() != "day" or _holds_times(frame[names[at]])):
        return _with_other_half(frame, names[at])
    found = next((name for name in names if _holds_times(frame[name])), None)
    return () if found is None else _with_other_half(frame, found)


def parse_time_columns(
    frame: pandas.DataFrame, columns: Sequence[str], where: str, form: str | None = None
) -> ParsedTimes:
    """When each row was measured, by one column or several, as `find_time_columns` gives them.

    Args:
        frame: A `pandas.DataFrame`.
        columns: Their names.
        where: The file, for messages.
        form: The form that the user or a run settled.

    Raises:
        DataError: As `parse_times`.
    """
    if len(columns) == 1:
        name = columns[0]
        found = parse_times(frame[name], f"{where}, column {name!r}", form)
        return _of_zone(_said(found, f"column {name!r}"), frame, columns)
    shown = ", ".join(map(repr, columns))
    if len(columns) > 2 or _parts(frame) == tuple(columns):
        return _said(_of_parts(frame, columns, where), f"columns {shown}")
    date, clock = columns
    found = parse_times(frame[date], f"{where}, column {date!r}", form)
    day = np.timedelta64(1, "ns") * _clocks(frame[clock], f"{where}, column {clock!r}")
    made = ParsedTimes(found.times + day, found.form, found.notes)
    return _of_zone(_said(made, f"columns {shown}"), frame, columns)


def parse_times(column: pandas.Series, where: str, form: str | None = None) -> ParsedTimes:
    """When each row was measured, as the table above says; nothing is ever dated today.

    Args:
        column: A `pandas.Series`.
        where: The file and the column, for messages.
        form: One of `FORMS` or a pattern of `strftime` that was settled before; None looks at the column.

    Raises:
        DataError: What stands there is no time, contradicts the form, or lies outside of the years 1677 to
            2262.
    """
    library = pandas_library()
    kinds = library.api.types
    if kinds.is_datetime64_any_dtype(column.dtype):
        return ParsedTimes(as_utc(library.to_datetime(column, utc=True), where), DATES)
    if form is not None and "%" in form:
        return times_of_pattern(column, where, form)
    if kinds.is_numeric_dtype(column.dtype) and not kinds.is_bool_dtype(column.dtype):
        return times_of_numbers(column, where, form)
    return times_of_texts(column, where, form)


def _of_zone(found: ParsedTimes, frame: pandas.DataFrame, columns: Sequence[str]) -> ParsedTimes:
    """Times in UTC where the name of a column says their offset, such as `Date Time, GMT-05:00`."""
    library = pandas_library()
    offset = next((match for name in columns if (match := _OFFSET.search(name))), None)
    written = [frame[name] for name in columns if not library.api.types.is_numeric_dtype(frame[name].dtype)]
    own = any(
        library.api.types.is_datetime64_any_dtype(column.dtype)
        or column.astype("string").head(_PEEKED).str.contains(_OWN_ZONE).any()
        for column in written
    )
    if offset is None or not written or own:
        return found
    minutes = (60 * int(offset["hours"]) + int(offset["minutes"] or 0)) * (-1 if offset["sign"] == "-" else 1)
    line = f"offset of times: {offset[0]}, as the name of their column says; they are brought to UTC"
    return ParsedTimes(found.times - np.timedelta64(minutes, "m"), found.form, (*found.notes, line))


def _said(found: ParsedTimes, columns: str) -> ParsedTimes:
    line = f"time: {columns}, read as {SAID_OF.get(found.form, f'times of the form {found.form}')}"
    doubts = tuple(Doubt(f"time: {columns}: {note}") for note in found.notes)
    told = f"periods: months, quarters and weeks such as {found.period!r} are read as their first day"
    return ParsedTimes(found.times, found.form, (line, *([told] if found.period else []), *doubts))


def _parts(frame: pandas.DataFrame) -> tuple[str, ...]:
    """Columns of year, month, day and finer; none unless these three are there as numbers."""
    names = [str(name) for name in frame.columns]
    places = [find_column(names, aliases) for aliases in _PARTS]
    found = []
    for at in places:
        if at is None or not pandas_library().api.types.is_numeric_dtype(frame[names[at]].dtype):
            break
        found.append(names[at])
    if len(found) < 3 or not frame[found[0]].dropna().between(1700, 2200).all():
        return ()
    return tuple(found)


def _of_parts(frame: pandas.DataFrame, columns: Sequence[str], where: str) -> ParsedTimes:
    names = ("year", "month", "day", "hour", "minute", "second")
    parts = frame[list(columns)].set_axis(names[: len(columns)], axis=1)
    found = pandas_library().to_datetime(parts, utc=True, errors="coerce")
    wrong = np.flatnonzero((found.isna() & parts.notna().all(axis=1)).to_numpy(dtype=bool))
    if len(wrong):
        received = ", ".join(f"{value:g}" for value in parts.iloc[wrong[0]])
        raise no_time(where, int(wrong[0]), received, f"a date in {', '.join(columns)}")
    return ParsedTimes(as_utc(found, where), DATES)


def _clocks(column: pandas.Series, where: str) -> npt.NDArray[np.int64]:
    """The time of day of each row in nanoseconds; 0 where none stands."""
    library = pandas_library()
    if library.api.types.is_numeric_dtype(column.dtype):
        numbers = np.nan_to_num(column.to_numpy(dtype=np.float64, na_value=np.nan))
        if numbers.max(initial=0) < 1:  # a share of the day, as spreadsheets count
            return _whole(numbers * DAY)
        if numbers.max() <= 24:
            return _whole(numbers * 3600e9)
        return _whole((numbers // 100) * 3600e9 + (numbers % 100) * 60e9)
    codes, texts = library.factorize(column.astype("string").str.strip())
    read = [read_time(str(text)) for text in texts]
    for number, each in enumerate(read):
        if each is None and str(texts[number]) not in MISSING:
            row = int(np.argmax(codes == number))
            raise no_time(where, row, str(texts[number]), "a time of day")
    made = np.array([0 if each is None else each.nanoseconds for each in read] + [0], np.int64)
    found: npt.NDArray[np.int64] = made[codes]
    return found


def _whole(numbers: Numbers) -> npt.NDArray[np.int64]:
    rounded: npt.NDArray[np.int64] = np.round(numbers).astype(np.int64)
    return rounded


def _with_other_half(frame: pandas.DataFrame, name: str) -> tuple[str, ...]:
    """A column of times, with the time of day where it holds dates alone, or the date where it holds none."""
    others = [str(other) for other in frame.columns if other != name]
    if _all_read(frame[name], lambda read: not read.year):
        dates = [
            other
            for other in others
            if _all_read(frame[other], lambda read: bool(read.year and not read.clock))
        ]
        return (dates[0], name) if dates else (name,)
    if not _is_dates_alone(frame[name]):
        return (name,)
    clocks = [other for other in others if _is_clock(frame[other], other)]
    return (name, clocks[0]) if len(clocks) == 1 else (name,)


def _is_dates_alone(column: pandas.Series) -> bool:
    """Whether a column holds dates without a time of day."""
    library = pandas_library()
    if library.api.types.is_datetime64_any_dtype(column.dtype):
        return bool((column.dropna() == column.dropna().dt.normalize()).all())
    if library.api.types.is_numeric_dtype(column.dtype):
        known = column.dropna().to_numpy(dtype=np.float64)
        return bool(len(known) and np.all(known >= 1e7)) and digits_of(known[:_PEEKED]) == PATTERN_OF_DAYS
    return _all_read(column, lambda read: bool(read.year and not read.clock))


def _is_clock(column: pandas.Series, name: str) -> bool:
    """Whether a column holds times of day alone: texts such as 17:24, or numbers in a column called so."""
    library = pandas_library()
    if library.api.types.is_bool_dtype(column.dtype) or not library.api.types.is_numeric_dtype(column.dtype):
        return _all_read(column, lambda read: not read.year)
    if name.strip().lower() not in ("time", "hour", "hours", "hr", "clock", "time_of_day", "hhmm"):
        return False
    known = column.dropna().to_numpy(dtype=np.float64)
    whole = bool(np.all(known == np.floor(known)))
    if not len(known) or known.min() < 0:
        return False
    return bool(known.max() <= 1 or (whole and known.max() <= 24) or (whole and _are_minutes(known)))


def _are_minutes(known: Numbers) -> bool:
    return bool(known.max() <= 2400 and np.all(known % 100 < 60))


def _holds_times(column: pandas.Series) -> bool:
    """True of times as such, and of texts that all are times."""
    return bool(pandas_library().api.types.is_datetime64_any_dtype(column.dtype)) or _all_read(
        column, lambda read: True
    )


def _all_read(column: pandas.Series, fits: Callable[[Written], bool]) -> bool:
    """Whether the first texts of a column all are times of a sort."""
    library = pandas_library()
    kinds = library.api.types
    if kinds.is_datetime64_any_dtype(column.dtype) or kinds.is_numeric_dtype(column.dtype):
        return False
    texts = [value.strip() for value in column.dropna().head(_PEEKED) if isinstance(value, str)]
    read = [read_time(text) for text in texts if text not in MISSING]
    return bool(read) and all(each is not None and fits(each) for each in read)
