"""Columns of times: found, brought to UTC, put in order."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.data.columns import find_column
from convscope.errors import DataError, UsageError
from convscope.kinds.series.readers.frames import MISSING, pandas_library

if TYPE_CHECKING:
    import pandas

TIME_COLUMNS = (
    *("time", "timestamp", "datetime", "date", "date_time", "time_stamp", "ts", "ds", "t"),
    *("utc", "created_at", "measured_at", "epoch", "unix_time", "unixtime"),
)
"""What a column of times is usually called."""

Times = npt.NDArray[np.datetime64]

_UNITS = ((1e8, 1e11, "s", "seconds"), (1e11, 1e14, "ms", "milliseconds"), (1e14, 1e17, "us", "microseconds"))
_NANOSECONDS = 1e17
_PEEKED = 20


def find_time_column(frame: pandas.DataFrame, given: str | None, where: str) -> str | None:
    """The column that says when a row was measured: as given, by its name, or by what stands in it.

    Args:
        frame: A `pandas.DataFrame`.
        given: Its name, where the user chose it.
        where: The file, for messages.

    Returns:
        Its name; None where no column has times.

    Raises:
        UsageError: The table has no column of the given name.
    """
    names = list(frame.columns)
    if given is not None:
        if given not in names:
            raise UsageError(f"{where} has no column '{given}'.", f"It has {', '.join(map(repr, names))}.")
        return given
    at = find_column(names, TIME_COLUMNS)
    if at is not None:
        return str(names[at])
    return next((str(name) for name in names if _holds_times(frame[name])), None)


def parse_times(column: pandas.Series, where: str) -> tuple[Times, str]:
    """When each row was measured.

    Numbers from 1e8 on are seconds since 1970, from 1e11 milliseconds, from 1e14 microseconds, from 1e17
    nanoseconds; smaller ones are seconds from a beginning that is not known, which is set to 1970. Texts are
    ISO 8601 or whatever form pandas takes the first of them for; the month comes first unless that is
    impossible. Times without a zone are UTC.

    Args:
        column: A `pandas.Series`.
        where: The file and the column, for messages.

    Returns:
        Shape (rows,), datetime64[ns], NaT where none stands; and how they were read, in a few words.

    Raises:
        DataError: What stands there is no time, or lies outside of the years 1677 to 2262.
    """
    library = pandas_library()
    kinds = library.api.types
    if kinds.is_datetime64_any_dtype(column.dtype):
        return _nanoseconds(library.to_datetime(column, utc=True), where), "times"
    if kinds.is_numeric_dtype(column.dtype) and not kinds.is_bool_dtype(column.dtype):
        return _of_numbers(column.to_numpy(dtype=np.float64, na_value=np.nan), where)
    texts = column.astype("string").str.strip()
    texts = texts.mask(texts.isin(MISSING))
    found = _parsed(texts, format="ISO8601")
    if found is not None:
        return _nanoseconds(found, where), "times"
    month_first, day_first = _parsed(texts, dayfirst=False), _parsed(texts, dayfirst=True)
    if month_first is not None:
        clear = day_first is None or month_first.equals(day_first)
        said = "times" if clear else "times with the month before the day"
        return _nanoseconds(month_first, where), said
    if day_first is not None:
        return _nanoseconds(day_first, where), "times with the day before the month"
    wrong = library.to_datetime(texts, utc=True, format="ISO8601", errors="coerce").isna() & texts.notna()
    row = int(np.argmax(wrong.to_numpy(dtype=bool)))
    received = str(texts.iloc[row])[:40]
    raise DataError(
        f"{where}, row {row + 1}: expected a time, received {received!r}",
        hint="Write times as 2026-11-20T08:30:00Z, or name the column of times with --time-column.",
    )


def _parsed(texts: pandas.Series, **options: object) -> pandas.Series | None:
    """Texts as times; None where not all of them are in the form of the first."""
    library = pandas_library()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return library.to_datetime(texts, utc=True, **options)
    except Exception:  # noqa: BLE001 - pandas raises many kinds of it
        return None


def _of_numbers(numbers: npt.NDArray[np.float64], where: str) -> tuple[Times, str]:
    library = pandas_library()
    known = numbers[np.isfinite(numbers)]
    if np.any(np.isinf(numbers)) or (len(known) and np.abs(known).max() >= 2**63):
        raise DataError(f"{where}: expected times, received numbers that are too large")
    largest = float(np.abs(known).max()) if len(known) else 0.0
    unit, said = next(
        ((unit, f"{said} since 1970") for low, high, unit, said in _UNITS if low <= largest < high),
        ("ns", "nanoseconds since 1970") if largest >= _NANOSECONDS else ("s", "seconds from the beginning"),
    )
    # Whole numbers keep their last digits, which a product of floating-point numbers would not.
    whole = bool(np.all(known == np.floor(known)))
    exact = library.array(numbers).astype("Int64") if whole else numbers
    try:
        found = library.to_datetime(library.Series(exact), unit=unit, utc=True)
    except Exception as error:
        raise DataError(f"{where}: expected times from 1677 to 2262, received other numbers") from error
    return _nanoseconds(found, where), said


def _nanoseconds(found: pandas.Series, where: str) -> Times:
    try:
        times: Times = found.dt.tz_convert(None).astype("datetime64[ns]").to_numpy()
    except Exception as error:
        raise DataError(f"{where}: expected times from 1677 to 2262, received others") from error
    return times


def _holds_times(column: pandas.Series) -> bool:
    """True of times as such, and of texts that all read as ISO 8601."""
    library = pandas_library()
    kinds = library.api.types
    if kinds.is_datetime64_any_dtype(column.dtype):
        return True
    if kinds.is_numeric_dtype(column.dtype) or kinds.is_bool_dtype(column.dtype):
        return False
    texts = column.dropna().astype("string").head(_PEEKED)
    if not len(texts) or bool(texts.str.fullmatch(r"[+-]?\d*\.?\d*").any()):
        return False
    found = library.to_datetime(texts, utc=True, format="ISO8601", errors="coerce")
    return not bool(found.isna().any())
