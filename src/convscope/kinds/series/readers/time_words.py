"""Times as people write them: the forms that are known, and what stands in a text of one of them."""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

_OTHER_MONTHS = {
    **{"sept": 9, "mär": 3, "märz": 3, "mrz": 3, "mai": 5, "juni": 6, "juli": 7, "okt": 10, "oktober": 10},
    **{"dez": 12, "dezember": 12},
}
"""Numbers of months by names that no whole English one begins with."""
_WHOLE_MONTHS = "january february march april may june july august september october november december"
_FIRST_OF_CENTURY = 69
"""Years of two digits from this on are of the last century, as POSIX has it."""

_CLOCK = (
    r"(?P<hour>\d{1,2})(?P<mark>[:.h])(?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,:](?P<fraction>\d{1,12}))?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?\s*(?P<zone>z|utc|gmt|[+-]\d{2}:?(?:\d{2})?)?"
)
_BETWEEN = r"(?:\s*[t,_:]\s*|\s+-\s+|\s+)"
_NAME = r"(?P<name>[a-zä]{3,9})\.?"
_NTH = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_DATES = (
    r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})(?:[-/.](?P<day>\d{1,2}))?",
    r"(?P<first>\d{1,2})[-/.](?P<last>\d{1,2})[-/.](?P<year>\d{4}|\d{2})",
    rf"{_WEEKDAY}{_NTH}[\s./-]*{_NAME}[\s.,/-]*(?P<year>\d{{4}}|\d{{2}})",
    rf"{_WEEKDAY}{_NAME}[\s-]+{_NTH},?[\s-]+(?P<year>\d{{4}})",
    rf"(?P<year>\d{{4}})[\s./-]+{_NAME}[\s./-]+{_NTH}",
)
_FORMS = (
    *(re.compile(rf"{date}(?:{_BETWEEN}{_CLOCK})?", re.IGNORECASE) for date in _DATES),
    re.compile(rf"{_WEEKDAY}{_NAME}\s+{_NTH}\s+{_CLOCK}\s+(?P<year>\d{{4}})", re.IGNORECASE),
)
_PERIODS = tuple(
    re.compile(period, re.IGNORECASE)
    for period in (
        r"(?P<year>\d{4})\s?[-/ ]?\s?Q(?P<quarter>[1-4])",
        r"Q(?P<quarter>[1-4])\s?[-/ ']?\s?(?P<year>\d{4}|\d{2})",
        r"(?P<quarter>[1-4])\.?\s?Q(?:uartal)?\s?[-/ ']?\s?(?P<year>\d{4}|\d{2})",
        r"(?P<year>\d{4})\s?[-/ ]?\s?M(?P<month>\d{1,2})",
        r"(?P<year>\d{4})\s?[-/ ]?\s?K?W(?P<week>\d{1,2})(?:-(?P<weekday>[1-7]))?",
        rf"{_NAME}\s?(?:[-/ .]\s?(?P<year>\d{{4}})|[-/']\s?(?P<short>\d{{2}}))",
        rf"(?P<year>\d{{4}})\s?[-/ .]\s?{_NAME}",
    )
)
"""Months, quarters and weeks, which stand for their first day."""
_COMPACT = re.compile(
    r"(?P<year>(?:19|20|21)\d\d)(?P<month>\d\d)(?P<day>\d\d)t"
    r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?:[.,](?P<fraction>\d{1,12}))?(?P<zone>z|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_ELAPSED = re.compile(r"(?P<minute>\d{1,3}):(?P<second>[0-5]\d)\.(?P<fraction>\d{1,9})")
"""Minutes, seconds and their fraction, as recorders count them."""
_ALONE = re.compile(_CLOCK, re.IGNORECASE)


class Written(NamedTuple):
    """What stands in a text.

    Args:
        year: 0 where there is no date.
        month: The month; of a date of three numbers with the year last, the first of the others.
        day: Likewise the second one.
        open: 0 where they are sure, 1 where month and day could be the other way round, 2 where the first
            number could be the year besides, because the last one has two digits.
        nanoseconds: From midnight, in UTC where the text says a zone.
        clock: Whether it has a time of day.
    """

    year: int
    month: int
    day: int
    open: int
    nanoseconds: int
    clock: bool


def read_time(text: str) -> Written | None:
    """The date and the time of day in a text; None where it is neither.

    Example:
        >>> read_time("16/12/2006 17:24")
        Written(year=2006, month=16, day=12, open=1, nanoseconds=62640000000000, clock=True)
        >>> read_time("Dec 16, 2006 5:24 PM") == read_time("2006-12-16T17:24:00Z")
        True
        >>> read_time("1.5") is None, read_time("0:02.500").nanoseconds
        (True, 2500000000)
        >>> [read_time(text)[:3] for text in ("2021Q2", "Q2 2021", "2021-W01", "Apr-21")]
        [(2021, 4, 1), (2021, 4, 1), (2021, 1, 4), (2021, 4, 1)]
    """
    for form in (*_FORMS, _COMPACT, *_PERIODS):
        found = form.fullmatch(text)
        dated = None if found is None else _of_date(_with_day(found.groupdict()))
        if dated is not None:
            return dated
    elapsed = _ELAPSED.fullmatch(text)
    if elapsed is not None:
        nanoseconds = 60 * 10**9 * int(elapsed["minute"]) + int(elapsed["second"]) * 10**9
        return Written(0, 0, 0, 0, nanoseconds + int(elapsed["fraction"].ljust(9, "0")), True)
    found = _ALONE.fullmatch(text)
    if found is None or (found["mark"] == "." and found["second"] is None):
        return None
    clock = _nanoseconds(found.groupdict())
    return None if clock is None else Written(0, 0, 0, 0, clock, True)


def looks_like_time(text: str) -> bool:
    """Whether a text is a date or a time of day in some form.

    Example:
        >>> looks_like_time("2006-12-16"), looks_like_time("17:24"), looks_like_time("12.5")
        (True, True, False)
    """
    return any(map(str.isdigit, text)) and read_time(text) is not None


def is_period(text: str) -> bool:
    """Whether a text is a month, a quarter or a week.

    Example:
        >>> is_period("2021-Q1"), is_period("2021-01-01")
        (True, False)
    """
    return any(form.fullmatch(text) for form in _PERIODS) and read_time(text) is not None


def _with_day(parts: dict[str, str | None]) -> dict[str, str | None]:
    """The parts of a date, with the first day of a quarter or a week."""
    if parts.get("short"):
        return parts | {"year": parts["short"]}
    if parts.get("quarter"):
        return parts | {"month": str(3 * int(parts["quarter"] or 1) - 2)}
    if not parts.get("week"):
        return parts
    try:
        year, week = int(parts["year"] or 0), int(parts["week"] or 0)
        day = date.fromisocalendar(year, week, int(parts["weekday"] or 1))
    except ValueError:
        return parts | {"month": "0"}  # no such week
    return parts | {"year": f"{day.year:04}", "month": str(day.month), "day": str(day.day)}


def _of_date(parts: dict[str, str | None]) -> Written | None:
    nanoseconds = _nanoseconds(parts) if parts.get("hour") else 0
    if nanoseconds is None:
        return None
    year, clock = _year(parts["year"] or ""), bool(parts.get("hour"))
    if parts.get("first"):
        first, last = int(parts["first"] or 0), int(parts["last"] or 0)
        sane = min(first, last) >= 1 and max(first, last) <= 31 and min(first, last) <= 12
        could_be = 2 if len(parts["year"] or "") == 2 else 1
        return Written(year, first, last, could_be, nanoseconds, clock) if sane else None
    month = _month(parts["name"] or "") if parts.get("name") else int(parts.get("month") or 0)
    day = int(parts.get("day") or 1)
    return Written(year, month, day, 0, nanoseconds, clock) if 1 <= month <= 12 and 1 <= day <= 31 else None


def _year(digits: str) -> int:
    number = int(digits)
    if len(digits) > 2:
        return number
    return number + (1900 if number >= _FIRST_OF_CENTURY else 2000)


def _month(name: str) -> int:
    """The number of a month by its name or the beginning of it; 0 of another word."""
    lower = name.lower()
    known = [number for number, whole in enumerate(_WHOLE_MONTHS.split(), 1) if whole.startswith(lower)]
    return known[0] if known else _OTHER_MONTHS.get(lower, 0)


def _nanoseconds(parts: dict[str, str | None]) -> int | None:
    """From midnight; None where there is no such time of day."""
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    half = (parts.get("half") or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    if minute > 59 or second > 60 or hour > 24 or (hour == 24 and (minute or second)):
        return None
    fraction = int((parts.get("fraction") or "0").ljust(9, "0")[:9])
    seconds = 3600 * hour + 60 * minute + second - 60 * _minutes(parts.get("zone") or "")
    return seconds * 10**9 + fraction


def _minutes(zone: str) -> int:
    """Minutes that a zone is ahead of UTC."""
    if zone[:1] not in ("+", "-"):
        return 0
    digits = zone[1:].replace(":", "")
    minutes = 60 * int(digits[:2]) + int(digits[2:] or 0)
    return -minutes if zone[0] == "-" else minutes
