"""What the columns of a table of visits hold: subjects, visits, times, files, numbers, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from convscope.data.columns import MISSING_WORDS, PATH_COLUMNS, SPLIT_COLUMNS, column_of, find_column
from convscope.data.file_index import FileIndex
from convscope.data.tables import Table
from convscope.errors import DataError
from convscope.kinds.volume.progression.events import EventRule
from convscope.kinds.volume.readers.sources import ChannelLayout

SUBJECTS = (
    *("subject", "subject_id", "subject id", "participant_id", "participant", "patient", "patient_id"),
    *("patient id", "ptid", "rid", "person", "person_id", "id"),
)
VISITS = ("visit", "session", "session_id", "ses", "timepoint", "time_point", "viscode", "mri id")
TIMES = {
    "days": ("days", "day", "mr delay", "delay", "days_from_baseline", "days_to_visit"),
    "months": ("months", "month", "months_from_baseline"),
    "years": ("years", "year", "years_from_baseline"),
    "date": ("date", "visit_date", "scan_date", "acq_date", "acq_time", "examdate", "study_date"),
}
"""Usual names of columns of times, by their unit."""
SCANS = ("scan", "volume", "nifti", "dicom", *PATH_COLUMNS)
MASKS = ("mask", "segmentation", "seg", "mask_path", "label_path", "labels_path")
EVENTS = ("event", "converted", "conversion", "progressed", "progression", "relapse", "status")
ROLES = (SUBJECTS, VISITS, *TIMES.values(), SCANS, MASKS, EVENTS)
PEEKED = 2000
"""Rows by which columns are told apart."""


@dataclass(frozen=True)
class AskedVisits:
    """What the user says of visits; callers name the fields.

    Args:
        subject_column: The column of subjects.
        time_column: The column of times.
        time_unit: Of these: `date`, `days`, `months` or `years`; told by the name of the column by default.
        event: What is foretold.
        input_columns: Columns of numbers that a model takes; all by default.
        drop_column: Columns that are left out.
        visit_pattern: By which paths tell subjects and visits.
        scan_pattern: Of the files that are scans.
        mask_pattern: Of the files that are masks.
        resample_labels: Whether masks on another grid than their scans are brought to it.
        channel_layout: Where the channels of scans are, as `volumes_of`.
        encoding: Of text; detected by default.
    """

    subject_column: str | None = None
    time_column: str | None = None
    time_unit: str | None = None
    event: str | None = None
    input_columns: tuple[str, ...] = ()
    drop_column: tuple[str, ...] = ()
    visit_pattern: str | None = None
    scan_pattern: str | None = None
    mask_pattern: str | None = None
    resample_labels: bool = False
    channel_layout: ChannelLayout | None = None
    encoding: str | None = None

    @property
    def wanted(self) -> tuple[str, ...]:
        """Columns that the user names."""
        event = () if self.event is None else (EventRule.of(self.event).column,)
        named = (self.subject_column, self.time_column, *event, *self.input_columns)
        return tuple(name for name in named if name is not None)


@dataclass(frozen=True)
class VisitColumns:
    """Which column has which role.

    Args:
        subject: Who.
        time: When; None where visits alone are numbered.
        unit: Of the times.
        visit: What visits are called; None where times say it.
        scan: Files of scans.
        mask: Files of masks.
        event: What is foretold.
        split: Which split a subject is of.
        values: Columns of numbers.
        words: Columns of two words, with the one that counts as 1.
        unused: All others.
    """

    subject: str
    time: str | None
    unit: str
    visit: str | None
    scan: str | None
    mask: str | None
    event: EventRule | None
    split: str | None
    values: tuple[str, ...]
    words: dict[str, str]
    unused: tuple[str, ...]

    @property
    def used(self) -> tuple[str, ...]:
        """All columns that are read."""
        event = None if self.event is None else self.event.column
        roles = (self.subject, self.time, self.visit, self.scan, self.mask, event, self.split)
        return tuple(dict.fromkeys([*(each for each in roles if each is not None), *self.values]))


def columns_of(table: Table, index: FileIndex, asked: AskedVisits) -> VisitColumns:
    """Finds what the columns of a table of visits hold.

    Args:
        table: The table.
        index: The volumes that are there.
        asked: What the user says.

    Raises:
        DataError: There is no column of subjects, no order of visits, or nothing that could be told of them.
        UsageError: There is no column that the user names.
    """
    where, names = str(table.path), [name for name in table.columns if name not in table.unused]
    cells = _cells(table, names)
    subject = _subject(where, table.columns, names, cells, asked)
    rest = [name for name in names if name != subject]
    time, unit = _time(where, rest, table.columns, asked)
    event = _event(where, rest, asked)
    rest = [name for name in rest if name not in (time, event.column if event else None)]
    visit, split = _taken(rest, VISITS), _taken(rest, SPLIT_COLUMNS)
    mask = _files(rest, cells, MASKS, index)
    scan = _files([name for name in rest if name != mask], cells, SCANS, index)
    if time is None and visit is None:
        raise DataError(
            f"{where}: expected a column with the time or the number of each visit, received"
            f" {', '.join(map(repr, table.columns[:20]))}",
            hint="Name it: --time-column; --time-unit says its unit: date, days, months or years.",
        )
    rest = [name for name in rest if name not in (visit, split, scan, mask)]
    other_times = [name for names in TIMES.values() for name in rest if name.strip().lower() in names]
    rest = [name for name in rest if name not in other_times]
    if asked.input_columns:
        rest = [column_of(where, table.columns, name, "--input-columns") for name in asked.input_columns]
    words = {name: word for name in rest if (word := _word(cells.get(name, []), table)) is not None}
    values = tuple(name for name in rest if name in words or _are_numbers(cells.get(name, []), table))
    if asked.input_columns and len(values) < len(rest):
        wrong = next(name for name in rest if name not in values)
        raise DataError(f"{where}: expected numbers in column {wrong!r}, received others")
    used = {subject, time, visit, scan, mask, split, event.column if event else None, *values}
    unused = tuple(name for name in (*names, *table.unused) if name not in used)
    return VisitColumns(subject, time, unit, visit, scan, mask, event, split, values, words, unused)


def _cells(table: Table, names: Sequence[str]) -> dict[str, list[str]]:
    rows = [cells for _, cells in islice(table.rows(names), PEEKED)]
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return {
        name: ["" if cell is None else str(cell).strip() for cell in column]
        for name, column in zip(names, columns, strict=True)
    }


def _subject(
    where: str, columns: Sequence[str], names: Sequence[str], cells: dict[str, list[str]], asked: AskedVisits
) -> str:
    """The column that names the same subject in several rows."""
    if asked.subject_column is not None:
        return column_of(where, columns, asked.subject_column, "--subject-column")
    lower = {name.strip().lower(): name for name in names}
    usual = [lower[alias] for alias in SUBJECTS if alias in lower]
    found = [name for name in usual if len(set(cells[name])) < len(cells[name])]
    if not found:
        raise DataError(
            f"{where}: expected a column that names subjects of several visits, received"
            f" {', '.join(map(repr, columns[:20]))}",
            hint="Name it: --subject-column.",
        )
    return found[0]


def _time(
    where: str, rest: Sequence[str], columns: Sequence[str], asked: AskedVisits
) -> tuple[str | None, str]:
    """The column of times and its unit; of several, the one that counts days goes first."""
    if asked.time_column is not None:
        name = column_of(where, columns, asked.time_column, "--time-column")
        known = next((unit for unit, names in TIMES.items() if name.strip().lower() in names), None)
        unit = asked.time_unit or known
        if unit is None:
            raise DataError(
                f"{where}: expected the unit of the times in {name!r}, which its name does not tell",
                hint="Say it: --time-unit date, days, months or years.",
            )
        return name, unit
    for unit, names in TIMES.items():
        at = find_column(rest, names)
        if at is not None:
            return rest[at], asked.time_unit or unit
    return None, ""


def _event(where: str, rest: Sequence[str], asked: AskedVisits) -> EventRule | None:
    if asked.event is not None:
        rule = EventRule.of(asked.event)
        return EventRule(column_of(where, rest, rule.column, "--event"), rule.how, rule.value)
    name = _taken(rest, EVENTS)
    return None if name is None else EventRule(name)


def _taken(names: Sequence[str], usual: Sequence[str]) -> str | None:
    at = find_column(names, usual)
    return None if at is None else names[at]


def _files(
    names: Sequence[str], cells: dict[str, list[str]], usual: Sequence[str], index: FileIndex
) -> str | None:
    """The column of usual name whose cells name volumes that are there."""
    lower = {name.strip().lower(): name for name in names}
    for alias in usual:
        name = lower.get(alias)
        if name is None:
            continue
        given = [cell for cell in cells[name] if cell]
        if given and sum(index.find(cell) is not None for cell in given) * 2 > len(given):
            return name
    return None


def _are_numbers(cells: Sequence[str], table: Table) -> bool:
    given = [cell for cell in cells if cell not in MISSING_WORDS]
    return bool(given) and all(table.numbers.number(cell) is not None for cell in given)


def _word(cells: Sequence[str], table: Table) -> str | None:
    """Of a column of two words, the one that counts as 1: the later one of the alphabet."""
    found = sorted({cell for cell in cells if cell not in MISSING_WORDS})
    words = len(found) == 2 and all(table.numbers.number(cell) is None for cell in found)
    return found[1] if words else None
