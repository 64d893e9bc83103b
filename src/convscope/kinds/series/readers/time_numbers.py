"""Numbers as times: since 1970, since 1899, from a beginning that is not known, or the digits of dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.series.readers.frames import pandas_library
from convscope.kinds.series.readers.time_forms import (
    COUNTED,
    COUNTED_IN,
    DAY,
    DIGITS,
    MICROSECONDS,
    MILLISECONDS,
    NANOSECONDS,
    SAID_OF,
    SECONDS,
    SPREADSHEET,
    Numbers,
    ParsedTimes,
)
from convscope.kinds.series.readers.time_texts import times_of_pattern

if TYPE_CHECKING:
    import pandas

_SIZES = ((1e8, SECONDS), (1e11, MILLISECONDS), (1e14, MICROSECONDS), (1e17, NANOSECONDS))
_SINCE_1970 = {SECONDS: 10**9, MILLISECONDS: 10**6, MICROSECONDS: 10**3, NANOSECONDS: 1}
_PER_UNIT = {**_SINCE_1970, **COUNTED_IN}
_FROM_1990, _TO_2100 = 631_152_000 * 10**9, 4_102_444_800 * 10**9
_BOOT = "counted-nanoseconds"
_UNIT = re.compile(
    r"(?:^|[\s_.(\[/])(?:(?P<nanoseconds>ns|nano(?:second)?s?)|(?P<microseconds>[uµμ]s|micro(?:second)?s?)"
    r"|(?P<milliseconds>ms|msec|milli(?:second)?s?)|(?P<seconds>s|secs?|seconds?)"
    r"|(?P<minutes>min|mins|minutes?)|(?P<hours>h|hrs?|hours?))[)\]]?'?$",
    re.IGNORECASE,
)
_SPREADSHEET_DAYS = (20_000, 80_000)
_SPREADSHEET_START = np.datetime64("1899-12-30", "D")
PATTERN_OF_DAYS = "%Y%m%d"
"""How numbers such as 20240131 are written."""
_EPOCH = np.datetime64("1970-01-01", "D")
_PATTERNS = {8: PATTERN_OF_DAYS, 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


def times_of_numbers(column: pandas.Series, where: str, settled: str | None) -> ParsedTimes:
    """Times of a column of numbers.

    Args:
        column: Numbers.
        where: The file and the column, for messages.
        settled: The form that was settled before.

    Raises:
        DataError: They are too large, or contradict the form.
    """
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    whole = pandas_library().api.types.is_integer_dtype(column.dtype)
    exact = column.astype("Int64") if whole else None
    known = numbers[np.isfinite(numbers)]
    if np.any(np.isinf(numbers)) or (len(known) and np.abs(known).max() >= 2**63):
        raise DataError(f"{where}: expected times, received numbers that are too large")
    form = _agreed(_form_of_numbers(known, where), settled, known, where)
    if form == DIGITS:
        return _of_digits(numbers, where)
    start, unit = (_SPREADSHEET_START, DAY) if form == SPREADSHEET else (_EPOCH, _PER_UNIT[form])
    times = start.astype("datetime64[ns]") + _nanoseconds(numbers, exact, unit, where)
    times[~np.isfinite(numbers)] = np.datetime64("NaT")
    return ParsedTimes(times, form)


def unit_of_times(name: str) -> str | None:
    """The unit at the end of the name of a column of times; None where it has none.

    Example:
        >>> [unit_of_times(name) for name in ("Time (ms)", "t_ns", "elapsed [s]", "timestamp", "times")]
        ['milliseconds', 'nanoseconds', 'seconds', None, None]
    """
    found = _UNIT.search(name.strip())
    return found.lastgroup if found is not None else None


def _agreed(form: str, settled: str | None, known: Numbers, where: str) -> str:
    """The form of numbers, as it was settled before where they do not contradict that."""
    if settled in COUNTED_IN and (form in (SPREADSHEET, DIGITS, *COUNTED_IN) or settled == _BOOT):
        return settled
    if settled == SPREADSHEET and form == COUNTED:
        return SPREADSHEET
    if settled in (*_PER_UNIT, SPREADSHEET, DIGITS) and settled != form and len(known):
        raise DataError(
            f"{where}: expected {SAID_OF[settled]}, received {known[0]:.15g}, read as {SAID_OF[form]}",
            hint="Write times as the training data has them, or say how they are written with --time-format.",
        )
    return form


def _form_of_numbers(known: Numbers, where: str) -> str:
    """What numbers count, by their size."""
    if not len(known):
        return COUNTED
    largest = float(np.abs(known).max())
    column = where.rpartition("column ")[2].lower()
    named = unit_of_times(column)
    if named is not None:
        dated = named in _SINCE_1970 and _FROM_1990 <= largest * _SINCE_1970[named] < _TO_2100
        return named if dated else f"counted-{named}"
    if digits_of(known) is not None:
        return DIGITS
    unit = [form for least, form in _SIZES if largest >= least]
    if unit:
        since_boot = unit[-1] in (MILLISECONDS, MICROSECONDS) and (
            largest * _SINCE_1970[unit[-1]] >= _TO_2100
            or (unit[-1] == MICROSECONDS and largest * 10**3 < _FROM_1990)
        )
        return _BOOT if since_boot else unit[-1]
    low, high = _SPREADSHEET_DAYS
    dated = any(word in column for word in ("date", "time", "dat", "zeit", "fecha", "day"))
    return SPREADSHEET if dated and low <= known.min() and largest < high else COUNTED


def digits_of(known: Numbers) -> str | None:
    """The pattern of numbers that are the digits of dates; None where one is no date."""
    if np.any(known != np.floor(known)) or known.min() < 1e7:
        return None
    lengths = {len(f"{number:.0f}") for number in (known.min(), known.max())}
    pattern = _PATTERNS.get(lengths.pop()) if len(lengths) == 1 else None
    if pattern is None:
        return None
    texts = pandas_library().Series([f"{number:.0f}" for number in np.unique(known)])
    found = pandas_library().to_datetime(texts, format=pattern, errors="coerce")
    years = texts.str[:4].astype(int)
    return pattern if bool(found.notna().all() and years.between(1800, 2200).all()) else None


def _of_digits(numbers: Numbers, where: str) -> ParsedTimes:
    known = np.isfinite(numbers)
    pattern = digits_of(numbers[known]) or PATTERN_OF_DAYS
    texts = pandas_library().Series([f"{number:.0f}" for number in numbers[known]])
    made = np.full(len(numbers), np.datetime64("NaT"), "datetime64[ns]")
    made[known] = times_of_pattern(texts, where, pattern).times
    return ParsedTimes(made, DIGITS)


def _nanoseconds(
    numbers: Numbers, exact: pandas.Series | None, unit: int, where: str
) -> npt.NDArray[np.timedelta64]:
    """Numbers of a unit of so many nanoseconds; whole ones keep their last digits, missing ones are 0."""
    known = np.isfinite(numbers)
    if known.any() and float(np.abs(numbers[known]).max()) * unit >= 2**63:
        raise DataError(f"{where}: expected times from 1677 to 2262, received other numbers")
    counts = np.zeros(len(numbers), np.int64)
    if exact is not None:
        counts = exact.fillna(0).to_numpy(dtype=np.int64) * unit
    elif np.all(numbers[known] == np.floor(numbers[known])):
        counts[known] = numbers[known].astype(np.int64) * unit
    else:
        counts[known] = np.round(numbers[known] * unit).astype(np.int64)
    return counts.astype("timedelta64[ns]")
