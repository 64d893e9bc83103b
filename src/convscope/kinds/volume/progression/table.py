"""Tables of visits: a row for each, with what was measured, and the scan and mask where there are some."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from convscope.data.columns import columns_line, split_name
from convscope.data.file_index import FileIndex
from convscope.data.tables import Table, open_table, table_kind
from convscope.errors import DataError
from convscope.kinds.volume.progression.columns import ROLES, AskedVisits, VisitColumns, columns_of
from convscope.kinds.volume.progression.events import EventRule
from convscope.kinds.volume.progression.visit_names import MONTH, parsed_date
from convscope.kinds.volume.progression.visits import YEAR, FoundVisits, Subject, Visit
from convscope.kinds.volume.readers.sources import StoredVolume
from convscope.kinds.volume.readers.tables import folder_volumes
from convscope.types import Skipped, SplitName

DAYS = {"days": 1.0, "months": MONTH, "years": YEAR}


def read_visit_table(path: Path, asked: AskedVisits, *, predicting: bool = False) -> FoundVisits:
    """Reads a table of visits; volumes that it names are looked for below its own folder.

    Args:
        path: The table.
        asked: What the user says.
        predicting: Whether nothing is learned, so that what happened need not be told.

    Raises:
        DataError: A column is missing, or a time, a number or a state is malformed; the message names the
            line.
    """
    kind = table_kind(path)
    if kind is None:
        raise DataError(f"{path}: expected a table, received '{path.suffix or path.name}'")
    table = open_table(
        path,
        kind,
        encoding=asked.encoding,
        roles=ROLES,
        wanted=asked.wanted,
        drop=asked.drop_column,
        strict=not predicting,
    )
    if predicting and asked.event is not None and EventRule.of(asked.event).column not in table.columns:
        asked = replace(asked, event=None)
    volumes = folder_volumes(path.parent, asked.channel_layout) if _names_files(table) else None
    by_key = {} if volumes is None else {each.key: each for each in volumes.volumes}
    index = FileIndex(by_key)
    roles = columns_of(table, index, asked)
    rows = _Rows(table, roles, index, by_key)
    visits, splits, skipped = rows.read()
    subjects = [
        Subject(name, tuple(of_subject), str(path.parent), roles.values, asked.resample_labels)
        for name, of_subject in visits.items()
    ]
    return FoundVisits(
        str(path),
        f"table: {path.name} has {sum(map(len, visits.values()))} visits of {len(subjects)} subjects",
        subjects,
        splits=splits,
        rule="" if roles.event is None else str(roles.event),
        decisions=(*table.decisions, _line(roles), *_words(roles)),
        skipped=tuple(skipped),
    )


def _names_files(table: Table) -> bool:
    """Whether a column may name files, so that the folder is looked through."""
    usual = {alias for names in ROLES[-3:-1] for alias in names}
    return any(name.strip().lower() in usual for name in table.columns)


class _Rows:
    """The rows of a table as visits."""

    def __init__(
        self, table: Table, roles: VisitColumns, index: FileIndex, by_key: dict[str, StoredVolume]
    ) -> None:
        self._table, self._roles, self._index, self._by_key = table, roles, index, by_key

    def read(self) -> tuple[dict[str, list[Visit]], dict[str, SplitName | None], list[Skipped]]:
        """Visits by subject, the split of each, and rows that are left out."""
        roles, used = self._roles, self._roles.used
        visits: dict[str, list[Visit]] = defaultdict(list)
        splits: dict[str, SplitName | None] = {}
        skipped: list[Skipped] = []
        for number, cells in self._table.rows(used):
            where = self._table.where(number)
            row = {
                name: "" if cell is None else str(cell).strip()
                for name, cell in zip(used, cells, strict=True)
            }
            name = row[roles.subject]
            if not name:
                skipped.append(Skipped(where, "no subject"))
                continue
            split = split_name(where, row[roles.split]) if roles.split else None
            if splits.setdefault(name, split) != split:
                raise DataError(f"{where}: expected one split for all visits of {name}, received {split}")
            missing = roles.scan is not None and self._index.find(row[roles.scan]) is None
            if missing and roles.scan is not None:
                skipped.append(Skipped(where, f"no volume is called {row[roles.scan]!r}"))
                continue
            visits[name].append(self._visit(where, row))
        if not visits:
            raise DataError(f"{self._table.path}: expected visits of subjects, received none")
        return visits, splits, skipped

    def _visit(self, where: str, row: dict[str, str]) -> Visit:
        roles = self._roles
        days = None if roles.time is None else self._days(where, row[roles.time])
        named = row[roles.visit] if roles.visit is not None else ""
        try:
            event = (
                None
                if roles.event is None
                else roles.event.holds(row[roles.event.column], self._table.numbers)
            )
        except ValueError as error:
            raise DataError(
                f"{where}: {error} in {roles.event and roles.event.column!r}",
                hint="Say when it has happened: --event 'COLUMN=WORD'.",
            ) from None
        return Visit(
            named or (row[roles.time] if roles.time is not None else ""),
            days,
            None if roles.scan is None else self._volume(row[roles.scan]),
            None if roles.mask is None else self._volume(row[roles.mask]),
            tuple(self._value(where, name, row[name]) for name in roles.values),
            event,
        )

    def _days(self, where: str, text: str) -> float:
        if self._roles.unit == "date":
            return float(parsed_date(text, where).toordinal())
        found = self._table.numbers.number(text)
        if found is None or not math.isfinite(found):
            raise DataError(f"{where}: expected a time in {self._roles.unit}, received {text[:40]!r}")
        return found * DAYS[self._roles.unit]

    def _value(self, where: str, name: str, text: str) -> float:
        word = self._roles.words.get(name)
        if word is not None:
            return math.nan if text == "" else float(text == word)
        found = self._table.numbers.number(text)
        return math.nan if found is None else found

    def _volume(self, cell: str) -> StoredVolume | None:
        key = self._index.find(cell)
        return None if key is None else self._by_key[key]


def _line(roles: VisitColumns) -> str:
    named = [
        ("subject", roles.subject),
        (f"time in {roles.unit}" if roles.unit != "date" else "date", roles.time),
        ("visit", roles.visit),
        ("scan", roles.scan),
        ("mask", roles.mask),
        ("split", roles.split),
        ("event", None if roles.event is None else roles.event.column),
    ]
    used = [(role, name) for role, name in named if name is not None]
    return columns_line([*used, *(("number", name) for name in roles.values)], roles.unused)


def _words(roles: VisitColumns) -> list[str]:
    return [f"{name}: {word!r} counts as 1, the other word as 0" for name, word in roles.words.items()]
