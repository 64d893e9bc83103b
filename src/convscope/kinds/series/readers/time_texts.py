"""Texts as times: dates whose day and month are distinguished by the whole column, and times of day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.series.readers.frames import MISSING, pandas_library
from convscope.kinds.series.readers.time_forms import (
    CLOCK,
    DATES,
    DAY,
    DAY_FIRST,
    MONTH_FIRST,
    SAID_OF,
    YEAR_FIRST,
    ParsedTimes,
    Times,
    as_utc,
    no_time,
)
from convscope.kinds.series.readers.time_words import Written, is_period, read_time

if TYPE_CHECKING:
    import pandas

_YEARS = (1678, 2261)
_SORTED = 10
"""Of so many rows one may be out of order where the order of rows tells how dates are written."""
_DOTTED = re.compile(r"\d{1,2}\.\d{1,2}\.\d{2}")


def times_of_pattern(column: pandas.Series, where: str, pattern: str) -> ParsedTimes:
    """Times of a column of texts by a pattern of `strftime`.

    Raises:
        DataError: The pattern is none, or a text is of another form.
    """
    library = pandas_library()
    texts = column.astype("string").str.strip()
    texts = texts.mask(texts.isin(MISSING))
    try:
        found = library.to_datetime(texts, utc=True, format=pattern, errors="coerce")
    except ValueError as error:
        raise DataError(f"{where}: {pattern!r} is no pattern of times: {error}") from error
    wrong = np.flatnonzero((found.isna() & texts.notna()).to_numpy(dtype=bool))
    if len(wrong):
        raise no_time(where, int(wrong[0]), str(texts.iloc[wrong[0]]), f"a time of the form {pattern}")
    return ParsedTimes(as_utc(found, where), pattern)


def times_of_texts(column: pandas.Series, where: str, form: str | None) -> ParsedTimes:
    """Times of a column of texts; which of day and month comes first is settled by all of them.

    Args:
        column: Texts.
        where: The file and the column, for messages.
        form: What was settled before.

    Raises:
        DataError: A text is no time, or contradicts the form or the other texts.
    """
    codes, found = pandas_library().factorize(column.astype("string").str.strip())
    texts = [str(text) for text in found]
    read: list[Written | None] = [None if text in MISSING else read_time(text) for text in texts]
    row_of = {code: row for row, code in reversed(list(enumerate(codes.tolist())))}
    bad = [number for number, each in enumerate(read) if each is None and texts[number] not in MISSING]
    known = [each for each in read if each is not None]
    if bad or len({each.year == 0 for each in known}) > 1:
        odd = bad or [n for n, each in enumerate(read) if each is not None and not each.year]
        row = min(row_of.get(number, 0) for number in odd)
        raise no_time(where, row, texts[int(codes[row])], "a time" if bad else "a date as in other rows")
    fields = np.array([each or (0, 0, 0, 0, 0, 0) for each in read], np.int64).reshape(-1, 6)
    missing = np.array([each is None for each in read], bool)
    if known and not known[0].year:
        return _of_clocks(fields[codes, 4], (codes < 0) | missing[codes])
    check = _Checked(fields, missing, codes, texts, where, row_of)
    parsed = check.parsed(form)
    period = next((text for text in texts if text not in MISSING), "")
    return replace(parsed, period=period) if is_period(period) else parsed


@dataclass(frozen=True, eq=False)
class _Checked:
    """Dates as they are written, of which the order of day and month is still to be found."""

    fields: npt.NDArray[np.int64]
    missing: npt.NDArray[np.bool_]
    codes: npt.NDArray[np.int64]
    texts: Sequence[str]
    where: str
    row_of: dict[int, int]

    def parsed(self, form: str | None) -> ParsedTimes:
        open_dates = bool(np.any((self.fields[:, 3] > 0) & ~self.missing))
        month_first, wrong_month = self._times(MONTH_FIRST)
        if not open_dates:
            return self._result(month_first, wrong_month, DATES)
        day_first, wrong_day = self._times(DAY_FIRST)
        if form == YEAR_FIRST:
            return self._result(*self._times(YEAR_FIRST), YEAR_FIRST)
        if form in (DAY_FIRST, MONTH_FIRST):
            times, wrong = (day_first, wrong_day) if form == DAY_FIRST else (month_first, wrong_month)
            return self._result(times, wrong, form)
        others = [
            times for times, wrong in ((day_first, wrong_day), (month_first, wrong_month)) if not wrong.any()
        ]
        by_year = self._by_year(others)
        if by_year is not None and by_year.form == YEAR_FIRST:
            return by_year
        found = self._by_day_or_month((month_first, wrong_month), (day_first, wrong_day))
        return (
            found if by_year is None else ParsedTimes(found.times, found.form, (*found.notes, *by_year.notes))
        )

    def _by_year(self, others: Sequence[Times]) -> ParsedTimes | None:
        """Dates that begin with a year of two digits: no other reading is in better order or spans less.

        Args:
            others: The readings by which all dates exist.

        Returns:
            None where they begin with something else; another form than `YEAR_FIRST` where nothing tells.
        """
        times, wrong = self._times(YEAR_FIRST)
        if wrong.any() or np.any((self.fields[:, 3] != 2) & ~self.missing):
            return None
        found = self._result(times, wrong, YEAR_FIRST)
        ranks = [_rank(each[self.codes[self.codes >= 0]]) for each in (times, *others)]
        best = tuple(map(min, zip(*ranks[1:], strict=True))) or ranks[0]
        if ranks[0][0] > best[0] or ranks[0][1] > best[1]:
            return None
        if not others or (ranks[0][0] < best[0] and _SORTED * ranks[0][0] <= len(self.codes)):
            return found
        text = next(text for number, text in enumerate(self.texts) if self.fields[number, 3])
        taken, other = ("another number", "year-first") if ranks[0] == best else ("the year", "day-first")
        doubt = (
            f"whether {text!r} begins with the year is ambiguous, and {taken} was taken to be first;"
            f" if that is wrong, use --time-format {other}"
        )
        return ParsedTimes(times, DATES if ranks[0] == best else YEAR_FIRST, (doubt,))

    def _by_day_or_month(
        self, by_month: tuple[Times, npt.NDArray[np.bool_]], by_day: tuple[Times, npt.NDArray[np.bool_]]
    ) -> ParsedTimes:
        """Dates whose first number is the day or the month."""
        (month_first, wrong_month), (day_first, wrong_day) = by_month, by_day
        if wrong_month.any() and wrong_day.any():
            self._refuse(wrong_day, "the day before the month in all rows, or after it in all rows,")
        if wrong_month.any() or wrong_day.any():
            return (
                self._result(day_first, wrong_day, DAY_FIRST)
                if wrong_month.any()
                else self._result(month_first, wrong_month, MONTH_FIRST)
            )
        if np.array_equal(month_first, day_first):
            return self._result(month_first, wrong_month, DATES)
        return self._by_order(month_first, day_first)

    def _by_order(self, month_first: Times, day_first: Times) -> ParsedTimes:
        """Where each day could be a month: the reading that keeps rows in order, without jumps."""
        of_month, of_day = (
            _disorder(times[self.codes][self.codes >= 0]) for times in (month_first, day_first)
        )
        none = np.zeros(len(self.texts), bool)
        if of_day != of_month:
            day = of_day < of_month
            return self._result(day_first if day else month_first, none, DAY_FIRST if day else MONTH_FIRST)
        text = next(text for number, text in enumerate(self.texts) if self.fields[number, 3])
        if _DOTTED.match(text):  # no country that parts dates by dots begins with the month
            return self._result(day_first, none, DAY_FIRST)
        found = self._result(month_first, none, MONTH_FIRST)
        doubt = (
            f"whether {text!r} begins with the day or the month is ambiguous, and the month was taken;"
            " if it is the day, use --time-format day-first"
        )
        return ParsedTimes(found.times, found.form, (doubt,))

    def _times(self, form: str) -> tuple[Times, npt.NDArray[np.bool_]]:
        """The time of each text, and whether it has none in this order."""
        years, first, last, turned, nanoseconds, _ = self.fields.T
        turn, short = (turned > 0) & (form != MONTH_FIRST), (turned == 2) & (form == YEAR_FIRST)
        months, days = np.where(turn, last, first), np.where(turn, first, last)
        years, days = np.where(short, 2000 + first, years), np.where(short, years % 100, days)
        sane = (months >= 1) & (months <= 12) & (days >= 1) & (years >= _YEARS[0]) & (years <= _YEARS[1])
        of_year = (np.where(sane, years, 1970) - 1970).astype("datetime64[Y]").astype("datetime64[M]")
        of_month = of_year + (np.where(sane, months, 1) - 1)
        dates = of_month.astype("datetime64[D]") + (np.where(sane, days, 1) - 1)
        sane &= dates.astype("datetime64[M]") == of_month
        times = dates.astype("datetime64[ns]") + nanoseconds.astype("timedelta64[ns]")
        times[~sane] = np.datetime64("NaT")
        return times, ~sane & ~self.missing

    def _result(self, times: Times, wrong: npt.NDArray[np.bool_], form: str) -> ParsedTimes:
        if wrong.any():
            years = self.fields[wrong, 0]
            if np.any((years < _YEARS[0]) | (years > _YEARS[1])):
                raise DataError(f"{self.where}: expected times from 1677 to 2262, received others")
            self._refuse(wrong, f"{SAID_OF[form].replace('times', 'a time', 1)}")
        rows = np.append(times, np.datetime64("NaT"))[self.codes]  # the code of nothing is -1
        return ParsedTimes(rows, form)

    def _refuse(self, wrong: npt.NDArray[np.bool_], expected: str) -> None:
        number = min(np.flatnonzero(wrong).tolist(), key=lambda each: self.row_of.get(each, 0))
        raise no_time(self.where, self.row_of.get(number, 0), self.texts[number], expected)


def _disorder(times: Times) -> int:
    """Steps that go back, or the fewer of both directions, and those that jump."""
    steps = np.diff(times.astype(np.int64))
    back = min(int(np.sum(steps < 0)), int(np.sum(steps > 0)))
    usual = float(np.median(np.abs(steps[steps != 0]))) if np.any(steps) else 0.0
    return back + int(np.sum(np.abs(steps) > 2 * usual))


def _rank(times: Times) -> tuple[int, int]:
    """The disorder of rows, and the nanoseconds that they span: least where dates are read as meant."""
    known = times[~np.isnat(times)]
    return _disorder(known), int(np.ptp(known.astype(np.int64))) if len(known) else 0


def _of_clocks(nanoseconds: npt.NDArray[np.int64], missing: npt.NDArray[np.bool_]) -> ParsedTimes:
    """Times of day without a date; falling by more than half a day is midnight."""
    known = nanoseconds[~missing]
    passed = np.concatenate([[0], np.cumsum(np.diff(known) < -DAY // 2)]) if len(known) else known
    made = np.full(len(nanoseconds), np.datetime64("NaT"), "datetime64[ns]")
    made[~missing] = (known + passed * DAY).astype("datetime64[ns]")
    return ParsedTimes(made, CLOCK)
