"""Which subject and which visit names of files and folders tell, and when it was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from convscope.errors import DataError, UsageError

MONTH = 365.25 / 12
"""Days of a month."""
_WORDS = "(?:ses|session|visit|study|tp|timepoint|time|scan|mri|v|t)"
_DATE = r"(?P<date>(?:19|20)\d\d-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01]))"
PATTERNS = (
    (rf"(?P<subject>sub-[^/]+)/(?P<visit>ses-{_DATE})", "sub-NAME/ses-DATE"),
    (r"(?P<subject>sub-[^/]+)/(?P<visit>ses-m(?P<months>\d+))", "sub-NAME/ses-M and months"),
    (r"(?P<subject>sub-[^/]+)/(?P<visit>ses-[^/]+)", "sub-NAME/ses-NAME"),
    (rf"(?P<subject>[^/]+)/(?P<visit>{_DATE})", "NAME/DATE"),
    (rf"(?P<subject>[^/]+?)[_-](?P<visit>{_DATE})", "NAME_DATE"),
    (r"(?P<subject>[^/]+?)[_-](?P<visit>mr\d+)", "NAME_MR1"),
    (rf"(?P<subject>[^/]+)/(?P<visit>{_WORDS}[_-]?\d+)", "NAME/visit1"),
    (rf"(?P<subject>[^/]+?)[_-](?P<visit>{_WORDS}[_-]?\d+)", "NAME_visit1"),
)
"""Patterns of paths and what they are called, the surest first."""
SURE = 6
"""Patterns, the first ones, that mean nothing but visits."""
MASK = re.compile(
    r"(?:.*[/_.-])?(?:\w*mask|seg|segmentation|dseg|labels?|lesions?|aseg|roi)(?:[/_.-].*)?", re.IGNORECASE
)
"""Paths of masks."""


@dataclass(frozen=True)
class NamedVisit:
    """What a path tells.

    Args:
        subject: Whom it is of.
        visit: Which visit.
        days: On a scale that all visits share; None where it tells no time.
    """

    subject: str
    visit: str
    days: float | None


def visit_pattern(asked: str | None, keys: Sequence[str]) -> tuple[re.Pattern[str], str]:
    """The pattern by which paths tell subjects and visits, and what it is called.

    Args:
        asked: What the user gave; found by the paths by default.
        keys: Paths of scans below the folder that is read.

    Raises:
        UsageError: What the user gave is no pattern, or has no groups `subject` and `visit`.
        DataError: Paths tell no visits in any usual way.
    """
    if asked is not None:
        return _compiled(asked), "the visit pattern"
    best: tuple[int, re.Pattern[str], str] | None = None
    for text, said in PATTERNS:
        pattern = re.compile(rf"(?:^|/){text}(?=[/_.]|$)", re.IGNORECASE)
        found = [pattern.search(key) for key in keys]
        told = {(each["subject"], each["visit"]) for each in found if each}
        several = len(told) > len({subject for subject, _ in told})
        count = sum(each is not None for each in found)
        if several and (best is None or count > best[0]):
            best = count, pattern, said
    if best is None or best[0] * 2 <= len(keys):
        shown = ", ".join(keys[:3])
        raise DataError(
            f"expected paths that name subjects with several visits, such as sub-01/ses-1/scan.nii.gz,"
            f" OAS2_0001_MR1 or 0001_2024-11-20.nii.gz; received {shown}",
            hint=r"Say how they do: --visit-pattern '(?P<subject>[^/]+)/(?P<visit>[^/]+)/.*'; groups `date`,"
            " `days` and `months` tell the time. Or give a table with a subject, a time and a path.",
        )
    return best[1], best[2]


def told_by(pattern: re.Pattern[str], key: str) -> NamedVisit | None:
    """What a path tells; None where the pattern is not in it.

    Raises:
        DataError: A date is none.
    """
    found = pattern.search(key)
    if found is None:
        return None
    parts = found.groupdict()
    visit, days = parts.get("visit"), None
    if parts.get("date"):
        days = float(parsed_date(parts["date"], key).toordinal())
    elif parts.get("days"):
        days = float(parts["days"])
    elif parts.get("months"):
        days = MONTH * float(parts["months"])
    name = visit or parts.get("date") or parts.get("days") or parts.get("months") or ""
    return NamedVisit(parts["subject"], name, days)


def parsed_date(text: str, where: str) -> date:
    """A date as 2026-11-20, 20261120 or with a time behind it.

    Raises:
        DataError: It is written in another way, of which day and month cannot be told apart.
    """
    plain = text.strip()
    try:
        if re.fullmatch(r"\d{8}", plain):
            return datetime.strptime(plain, "%Y%m%d").date()
        return datetime.fromisoformat(plain).date()
    except ValueError:
        raise DataError(
            f"{where}: expected a date such as 2026-11-20, received {text[:40]!r}",
            hint="Write dates as year, month and day; other ways to write them are ambiguous.",
        ) from None


def _compiled(asked: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(asked)
    except re.error as error:
        raise UsageError(
            f"visit_pattern must be a regular expression ({error}). Received: {asked!r}."
        ) from None
    groups = set(pattern.groupindex)
    if "subject" not in groups or not groups & {"visit", "date", "days", "months"}:
        raise UsageError(
            "visit_pattern needs a group named `subject` and one named `visit`, `date`, `days` or `months`."
            f" Received: {asked!r}."
        )
    return pattern
