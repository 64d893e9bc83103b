"""The forms in which times are written, and what is reported of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.series.readers.sources import Doubt

if TYPE_CHECKING:
    import pandas

Times = npt.NDArray[np.datetime64]
Numbers = npt.NDArray[np.float64]

DAY_FIRST, MONTH_FIRST, YEAR_FIRST, DATES = "day-first", "month-first", "year-first", "dates"
CLOCK, SPREADSHEET, DIGITS, COUNTED = "clock", "spreadsheet-days", "digits", "counted-seconds"
COUNTED_IN = {
    "counted-nanoseconds": 1,
    "counted-microseconds": 10**3,
    "counted-milliseconds": 10**6,
    COUNTED: 10**9,
    "counted-minutes": 60 * 10**9,
    "counted-hours": 3600 * 10**9,
}
"""Forms of times from a beginning that is not known, with the nanoseconds of their unit."""
SECONDS, MILLISECONDS, MICROSECONDS, NANOSECONDS = "seconds", "milliseconds", "microseconds", "nanoseconds"
FORMS = (
    *(DAY_FIRST, MONTH_FIRST, YEAR_FIRST, DATES, CLOCK, SPREADSHEET, DIGITS, *COUNTED_IN),
    *(SECONDS, MILLISECONDS, MICROSECONDS, NANOSECONDS),
)
"""Forms of times, besides patterns such as `%d.%m.%Y %H:%M`."""

_HOUR = np.timedelta64(3600 * 10**9, "ns")
DAY = 86_400 * 10**9
"""In nanoseconds."""
SAID_OF = {
    DAY_FIRST: "times with the day before the month",
    MONTH_FIRST: "times with the month before the day",
    YEAR_FIRST: "times with a year of two digits before the month",
    DATES: "times",
    CLOCK: "times of day, counted from 1970-01-01 because no date is there",
    SPREADSHEET: "days since 1899-12-30, as spreadsheets count them",
    DIGITS: "dates written as one number",
    **{form: f"{form.removeprefix('counted-')} from the beginning" for form in COUNTED_IN},
    **{unit: f"{unit} since 1970" for unit in (SECONDS, MILLISECONDS, MICROSECONDS, NANOSECONDS)},
}


@dataclass(frozen=True, eq=False)
class ParsedTimes:
    """When rows were measured.

    Args:
        times: Shape (rows,), datetime64[ns], NaT where none stands.
        form: One of `FORMS`, or the pattern that was given.
        notes: How they were read, a line each; a `Doubt` where they could be read otherwise.
        period: A text that stands for a month, a quarter or a week; empty where none does.
    """

    times: Times
    form: str
    notes: tuple[str, ...] = ()
    period: str = ""


@dataclass
class TimeForms:
    """The forms of the times of several tables of one data set.

    Args:
        sure: Those that were settled by what stands there.
        doubtful: Those that were taken by default.
    """

    sure: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)

    def add(self, form: str | None, notes: Sequence[str]) -> None:
        """Counts a table: its form, and whether one of its notes is a doubt about it."""
        if form not in (None, DATES):
            doubted = any(isinstance(note, Doubt) and "--time-format" in note for note in notes)
            (self.doubtful if doubted else self.sure).append(str(form))

    @property
    def form(self) -> str | None:
        """The form that a run keeps; None where dates say by themselves what they mean."""
        return next(iter((*self.sure, *self.doubtful)), None)

    def settled(self, where: str) -> str | None:
        """The form by which tables must be read again that were taken for another one; None where none were.

        Raises:
            DataError: Some tables have the day before the month, and others behind it.
        """
        if {DAY_FIRST, MONTH_FIRST} <= set(self.sure):
            raise DataError(
                f"{where}: expected one form of dates in all tables, received some with the day before the"
                " month and some with the month before the day",
                hint="Write dates as 2026-11-20 in all tables.",
            )
        orders = set(self.doubtful) & {DAY_FIRST, MONTH_FIRST, YEAR_FIRST}
        return next((form for form in self.sure if form in (DAY_FIRST, YEAR_FIRST) and orders - {form}), None)


def as_utc(found: pandas.Series, where: str) -> Times:
    """Times of pandas with a zone as datetime64[ns], in UTC.

    Raises:
        DataError: Some lie outside of the years 1677 to 2262.
    """
    try:
        times: Times = found.dt.tz_convert(None).astype("datetime64[ns]").to_numpy()
    except Exception as error:
        raise DataError(f"{where}: expected times from 1677 to 2262, received others") from error
    return times


def no_time(where: str, row: int, received: str, expected: str) -> DataError:
    """The error for something that is no time, counted from row 0."""
    return DataError(
        f"{where}, row {row + 1}: expected {expected}, received {received[:40]!r}",
        hint="Write times as 2026-11-20T08:30:00Z, say how they are written with --time-format (day-first, "
        "month-first, year-first or a pattern such as '%d.%m.%Y %H:%M'), or name their column with"
        " --time-column.",
    )


def in_standard_time(times: Times, groups: npt.NDArray[np.int64]) -> tuple[Times, list[Doubt]]:
    """Local times whose clock goes back by an hour in fall or spring, so that no hour stands twice.

    The rows from the time at which the clock was set forward, or else from the first one, up to the time at
    which it goes back are counted in daylight-saving time and are set back by an hour.

    Args:
        times: As the file has them, none missing, shape (rows,).
        groups: The number of the series of each, those of a series together, shape (rows,), int64.

    Returns:
        The times, and a line that says so; the same times and none where no clock goes back, or where the
        rows are not in order otherwise.
    """
    steps, together = np.diff(times), np.diff(groups) == 0
    ahead = steps[together & (steps > np.timedelta64(0))]
    if not len(ahead):
        return times, []
    usual = np.timedelta64(int(np.median(ahead.astype(np.int64))), "ns")
    early = _at_change(times[:-1]) & together
    back = early & (steps >= -_HOUR) & (steps <= min(2 * usual - _HOUR, np.timedelta64(0)))
    forward = early & (steps == usual + _HOUR)
    if not back.any() or usual > _HOUR:
        return times, []
    made, begin = times.copy(), 0
    for place in np.flatnonzero(back | forward):
        first = int(np.searchsorted(groups, groups[place]))
        if back[place]:
            made[max(begin, first) : place + 1] -= _HOUR
        begin = int(place) + 1
    last = np.flatnonzero(back | forward)[-1]
    if forward[last]:
        made[begin : int(np.searchsorted(groups, groups[last], "right"))] -= _HOUR
    if np.any(np.diff(made)[together] < np.timedelta64(0)):
        return times, []
    turned = times[:-1][back]
    return made, [
        Doubt(
            f"time: the clock goes back at {str(turned[0])[:16]}, as at the end of daylight-saving time: rows"
            " keep the order of the file, and their times are in standard time; write times with an offset,"
            " such as 2024-10-27T02:30:00+01:00, or in UTC"
        )
    ]


def _at_change(times: Times) -> npt.NDArray[np.bool_]:
    """Where clocks may be changed: in the first hours of a Sunday in spring or fall."""
    days = times.astype("datetime64[D]")
    months = times.astype("datetime64[M]").astype(np.int64) % 12 + 1
    sunday = (days.astype(np.int64) + 4) % 7 == 0  # 1970-01-01 was a Thursday
    early: npt.NDArray[np.bool_] = sunday & (times - days < 4 * _HOUR) & np.isin(months, (3, 4, 9, 10, 11))
    return early
