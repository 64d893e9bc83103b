"""Long streams with a class for each row, such as what somebody did: cut into windows of one class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from convscope.data.columns import find_column
from convscope.data.groups import ENDINGS, FEWEST
from convscope.kinds.series.readers.frames import pandas_library
from convscope.kinds.series.readers.segments import windows_of
from convscope.kinds.series.readers.sources import Doubt
from convscope.kinds.series.readers.table_series import (
    SeriesTable,
    TableSeries,
    columns_told,
)
from convscope.kinds.series.readers.tables import grouped_series
from convscope.kinds.series.readers.unlike import names_count

FEWEST_IN_STRETCH = 16
"""Rows of one label on average, from which on a table with a label in each row is a stream."""
SHORTEST_WINDOW = 16
"""Rows of a window, where stretches are not even twice as long."""
USUAL_WINDOW = 128
"""Rows of a window, where most stretches are more than twice as long."""
_COME_AGAIN = 2
PERSON_COLUMNS = tuple(
    f"{name}{ending}" for name in ("user", "person", "participant", "subj", "volunteer") for ending in ENDINGS
)
"""What the column of who was measured is called, besides those of groups."""


@dataclass(frozen=True)
class Stretches:
    """Rows of a stream that follow one another and have one label.

    Args:
        numbers: The stretch of each row, shape (rows,), int64.
        firsts: The first row of each, shape (stretches,), int64.
        who: The column that says whose each is; None where there is none.
    """

    numbers: npt.NDArray[np.int64]
    firsts: npt.NDArray[np.int64]
    who: str | None


def whose_column(table: SeriesTable) -> str | None:
    """The column that says which person, unit or day a row is of; None where there is none."""
    roles = table.roles
    free = [name for name in table.frame.columns if name not in (*roles.annotations(), *roles.time)]
    called = find_column(free, PERSON_COLUMNS)
    return roles.ids or roles.group or (None if called is None else free[called])


def stretches_of(table: SeriesTable) -> Stretches | None:
    """The stretches of a table with a label for each row; None of any other table.

    Labels stay the same over many rows, and change within what the table says of one person, unit or day.
    """
    frame, roles = table.frame, table.roles
    free = [name for name in frame.columns if name not in (*roles.annotations(), *roles.time)]
    who = whose_column(table)
    values = [name for name in free if name != who]
    if roles.label is None or table.asked.numbers or not roles.named or not values or names_count(values):
        return None
    library = pandas_library()
    persons = np.zeros(len(frame), np.int64) if who is None else library.factorize(frame[who])[0]
    classes = library.factorize(frame[roles.label])[0]
    order = np.argsort(persons, kind="stable")
    changes = (np.diff(persons[order]) != 0) | (np.diff(classes[order]) != 0)
    firsts = order[np.concatenate([[0], np.flatnonzero(changes) + 1])]
    alone = len(np.unique(persons)) == len(firsts)  # one label for each series, as a long table has
    if who is None and not roles.time and table.asked.rows != "times":
        alone |= len(firsts) < _COME_AGAIN * len(np.unique(classes))  # rows may only be sorted by their class
    if alone or len(np.unique(classes)) < 2 or len(frame) < FEWEST_IN_STRETCH * len(firsts):
        return None
    numbers = np.empty(len(frame), np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(changes)])
    return Stretches(numbers, firsts, who)


def windowed(table: SeriesTable, stretches: Stretches, dropped: Sequence[str]) -> TableSeries:
    """A stream with a label for each row, cut into windows of one label."""
    roles, who, firsts = table.roles, stretches.who, stretches.firsts
    aside = list(dict.fromkeys([*roles.annotations(), *([] if who is None else [who])]))
    rest = table.frame.drop(columns=aside)
    found = grouped_series(rest, stretches.numbers, table.where, table.asked.measuring)
    lengths = np.array([len(each) for each in found.series])
    labels, splits, _ = replace(table, frame=table.frame.iloc[firsts]).of_rows()
    names = [""] * len(firsts) if who is None else [str(name) for name in table.frame[who].iloc[firsts]]
    groups, grouped_by = _groups(names, labels, who, asked=table.asked.group is not None)
    usual = 2 ** int(np.log2(max(np.median(lengths) / 2, SHORTEST_WINDOW)))
    rows = table.asked.window or min(USUAL_WINDOW, usual)
    step = max(rows // 2, 1) if grouped_by else rows
    cut = [
        (number, start, window)
        for number, series in enumerate(found.series)
        for start, window in windows_of(series, rows, step, whole=False)
    ]
    unused = [who] if who is not None and who not in roles.annotations() else []
    notes = [*table.notes, *found.notes, *_told(rows, step, lengths, roles.label, who, grouped_by)]
    return TableSeries(
        [window for _, _, window in cut],
        [f"{names[at]}{'/' if who else ''}{at + 1}@{start + 1}-{start + rows}" for at, start, _ in cut],
        [labels[at] for at, _, _ in cut],
        [splits[at] for at, _, _ in cut] if splits else (),
        [groups[at] for at, _, _ in cut] if groups else (),
        replace(roles, ids=None),
        f"rows with a class each, in {len(lengths)} stretches",
        (*notes, columns_told(table, found, [*dropped, *unused])),
        found.time_format,
        rows,
        grouped_by,
    )


def _groups(
    names: Sequence[str], labels: Sequence[str | None], who: str | None, *, asked: bool
) -> tuple[list[str | None], str]:
    """The group of each stretch, and what names it: who it is of, where these are several; else itself."""
    classes = [label for label in labels if label is not None]
    if who is not None and (asked or len(set(names)) >= FEWEST):
        return list(names), f"column '{who}'"
    if min((classes.count(label) for label in set(classes)), default=0) >= FEWEST:
        return [str(number) for number in range(len(names))], "the stretches that windows are cut from"
    return [], ""


def _told(
    rows: int,
    step: int,
    lengths: npt.NDArray[np.int64],
    label: str | None,
    who: str | None,
    grouped_by: str,
) -> list[str]:
    """What was cut, what was too short for it, and whether splits are apart from each other."""
    whose = "" if who is None else f" of one {who!r}"
    said = [
        f"windows: {rows} rows, one every {step}, from {len(lengths)} stretches of one {label!r}{whose};"
        " --window changes the length"
    ]
    short = lengths[lengths < rows]
    if len(short):
        lost = f"{len(short)} stretches of less than {rows} rows are left out, with {int(short.sum())} rows"
        said.append(Doubt(lost))
    if not grouped_by:
        few = f"there are less than {FEWEST} stretches of a class"
        said.append(Doubt(f"windows of one stretch are in several splits, because {few}: figures flatter"))
    return said


def cut_into_windows(table: TableSeries, rows: int) -> TableSeries:
    """The series of a table without labels in windows that cover all of their rows.

    Args:
        table: Long series.
        rows: Of a window.
    """
    found = [
        (each, f"{key}@{start + 1}-{start + len(each)}")
        for key, series in zip(table.keys, table.series, strict=True)
        for start, each in windows_of(series, rows, rows, whole=True)
    ]
    note = f"windows: {rows} rows each, as in training; the last one ends with its series"
    series, keys = zip(*found, strict=True) if found else ((), ())
    return replace(table, series=series, keys=keys, notes=(*table.notes, note))
