"""Tables of a series in which anomalies are looked for, with a column that marks them or without."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.data.columns import column_of, find_column, is_label_name, label_name
from convscope.errors import DataError, UsageError
from convscope.kinds.series.anomaly.windows import probation
from convscope.kinds.series.readers.frames import column_numbers, is_numeric
from convscope.kinds.series.readers.sources import Doubt, Series
from convscope.kinds.series.readers.steps import regular
from convscope.kinds.series.readers.table_roles import (
    called_labels,
    holds_words,
    id_column,
    ids_alike,
    label_names,
)
from convscope.kinds.series.readers.tables import (
    MEASURING,
    Measuring,
    series_of_frame,
    without_row_numbers,
)
from convscope.kinds.series.readers.time_forms import TimeForms
from convscope.kinds.series.readers.unlike import check_rows
from convscope.kinds.series.states import are_states, is_state_name, ways_of

if TYPE_CHECKING:
    import pandas

ANOMALY_COLUMNS = (
    "anomaly",
    "is_anomaly",
    "anomalous",
    "is_anomalous",
    "outlier",
    "is_outlier",
    "anomaly_label",
    "anomalies",
    "attack",
    "fault",
)
"""What columns are called that mark anomalies."""
CHANGE_COLUMNS = ("changepoint", "change_point", "changepoints", "is_changepoint", "is_change_point", "is_pa")
"""What columns are called that mark where anomalies begin and end: truth as well, and never an input."""
_MARKS = re.compile(
    r"(?:is|has|any|normal)?[ /_.-]*(?:machine[ _.-]?)?(?:failures?|failed|fault(?:y|s)?|anomal(?:y|ies|ous)"
    r"|outliers?|attacks?|defect(?:ive|s)?|breakdown|malfunction|broken|intrusion)"
    r"(?:[ _.-]?(?:label|flag|state|type))?",
    re.IGNORECASE,
)
TRAIN_SHARE = 0.5
"""Share of the rows that is learned from, at the beginning of each series."""

NORMAL = frozenset(["normal", "benign", "ok", "good", "nominal", "regular", "healthy"])
"""Words for a row that is no anomaly, in a column that has others for those that are."""

_MOST_STATES = 50


@dataclass(frozen=True)
class Wanted:
    """What the user said about tables.

    Args:
        label_column: The column that marks anomalies.
        train_share: Share of the rows to learn from; None takes the usual one.
        lead: Rows before a stretch that are given as its past.
        measuring: Columns of times and values.
        train_rows: Rows at the beginning of each series to learn from, which are normal; None takes a share.
        own: Whether each series is compared with its own beginning; None: where series are unlike.
        forecast: Whether rows are forecast: they are brought to times one step apart, and a column that marks
            anomalies is left out.
        id_column: The column that says to which series a row belongs; found out by default.
    """

    label_column: str | None = None
    train_share: float | None = None
    lead: int = 128
    measuring: Measuring = MEASURING
    train_rows: int | None = None
    own: bool | None = None
    forecast: bool = False
    id_column: str | None = None

    def __post_init__(self) -> None:
        if self.train_share is not None and self.train_rows is not None:
            raise UsageError(
                "train_share and train_rows both say how much of each series is learned from."
                f" Received: train_share={self.train_share}, train_rows={self.train_rows}.",
                "Leave one of them out.",
            )
        if self.train_share is not None and not 0 < self.train_share < 1:
            raise UsageError(
                f"train_share must be between 0 and 1. Received: train_share={self.train_share}."
            )

    def learned(self, rows: int, benchmark: bool = False) -> int:
        """How many rows at the beginning of a series of so many are learned from."""
        if self.train_rows is not None:
            return self.train_rows
        if self.train_share is not None:
            return int(rows * self.train_share)
        return probation(rows) if benchmark else int(rows * TRAIN_SHARE)


@dataclass
class Notes:
    """What was done to tables, each line with how many it was done to."""

    counts: dict[str, int] = field(default_factory=dict)
    forms: TimeForms = field(default_factory=TimeForms)
    ids: str | None = None

    def add(self, lines: Sequence[str]) -> None:
        """Counts each line."""
        for line in lines:
            self.counts[line] = self.counts.get(line, 0) + 1

    def lines(self, doubts: bool = False) -> tuple[str, ...]:
        """Each line once, of what was done or of what is to be worried about."""
        return tuple(
            line if count == 1 else f"{line} ({count} series)"
            for line, count in self.counts.items()
            if isinstance(line, Doubt) is doubts
        )


@dataclass(frozen=True, eq=False)
class MarkedSeries:
    """What was measured, apart from a column that marks anomalies.

    Args:
        series: The series.
        marks: Whether each row is marked, shape (rows,); None where no column says so.
        notes: What was done, a line each.
        time_format: How times are written; None where there are none.
        name: What tells it from the others of its table; empty if it is alone.
        ids: The column that this stands in; None if it is alone.
    """

    series: Series
    marks: npt.NDArray[np.bool_] | None
    notes: tuple[str, ...]
    time_format: str | None
    name: str = ""
    ids: str | None = None


def measured_each(
    frame: pandas.DataFrame, asked: Wanted, where: str, *, alone: bool = False
) -> list[MarkedSeries]:
    """The series of a table: one for each value of a column of ids, or the only one.

    Args:
        frame: A `pandas.DataFrame`.
        asked: Columns that the user chose.
        where: The file, for messages.
        alone: As `measured`.

    Raises:
        DataError: As `measured`, or several columns may be that of ids.
        UsageError: As `measured`.
    """
    marks = [name for name in map(str, frame.columns) if _is_truth(name)]
    marks += [] if asked.label_column is None else [asked.label_column]
    there = alone or asked.id_column is None or asked.id_column in frame.columns
    given = asked.id_column if there else None
    kept = frame.drop(columns=list(asked.measuring.drop), errors="ignore")
    ids = id_column(kept, where, given, asked.measuring.time_column, marks) if there else None
    if ids is None:
        return [measured(frame, asked, where, alone=alone)]
    notes: list[str] = []
    frame = without_row_numbers(frame, notes, [asked.id_column, asked.measuring.time_column])
    same = [name for name in ids_alike(frame, ids) if name not in marks]
    if same:
        frame = frame.drop(columns=same)
        notes.append(f"{', '.join(map(repr, same))} says the same as '{ids}' and is left out")
    parts = list(frame.groupby(ids, sort=False, dropna=True))
    said = f"series: one for each of the {len(parts)} values of '{ids}', which is no variable"
    found = []
    words = []
    for name, part in parts:
        key = label_name(where, name)
        rest = part.drop(columns=[ids]).reset_index(drop=True)
        if len(parts) > 1 and all(map(holds_words, (rest[each] for each in rest.columns))):
            words.append(key)
            continue
        one = measured(rest, asked, f"{where}, {ids} {key}", alone=alone)
        found.append(replace(one, name=key, ids=ids))
    lost = int(frame[ids].isna().sum())
    left = [Doubt(f"series: {lost} rows without a value of '{ids}' are left out")] if lost else []
    if words:
        left.append(Doubt(f"series: {len(words)} of words are left out ({', '.join(words[:4])})"))
    if not found:
        raise DataError(f"{where}: expected numbers beside the times of '{ids}', received words")
    return [replace(found[0], notes=(*notes, said, *left, *found[0].notes)), *found[1:]]


def measured(frame: pandas.DataFrame, asked: Wanted, where: str, *, alone: bool = False) -> MarkedSeries:
    """What was measured, apart from a column that marks anomalies.

    Args:
        frame: A `pandas.DataFrame`.
        asked: Columns that the user chose.
        where: The file, for messages.
        alone: Whether it is learned from: the column of marks that the user named must be there, and rows
            without times must follow each other.

    Raises:
        DataError: The table is malformed, is of unlike records, or the column that marks anomalies holds
            words that do not say what is normal.
        UsageError: A column that the user named is not there.
    """
    changes = [str(name) for name in frame.columns if str(name).strip().lower() in CHANGE_COLUMNS]
    frame = frame.drop(columns=changes)
    label = _marked_by(frame, asked, where, alone)
    marks = None if label is None else _marks(frame[label], f"{where}, column {label!r}")
    rest = frame if label is None else frame.drop(columns=[label])
    if not len(rest.columns):
        raise DataError(f"{where}: expected a column of numbers beside {label!r}, received none")
    found = series_of_frame(rest, where, asked.measuring)
    rows = np.arange(len(frame)) if found.order is None else found.order
    if marks is not None:
        marks = marks[rows]
    if alone and not found.time:
        (series,) = found.series
        groups = np.zeros(len(rows), np.int64) if marks is None else marks.astype(np.int64)
        check_rows(where, series.variables, series.values, _sorted_by(frame, groups, rows))
    notes = (*found.notes, *(_classes_of_rows(frame, found.unused) if alone else ()))
    notes = (*notes, *(_states_among(frame, found.series[0].variables) if alone else ()))
    line = found.line([] if label is None else [("marks of anomalies", label)])
    notes = (*notes, line)
    if asked.forecast:
        left = () if label is None else (f"the column '{label}' marks anomalies and is left out",)
        even, said = _even(found.series[0], where)
        return MarkedSeries(even, None, (*notes, *said, *left), found.time_format)
    if label is not None:
        notes = (*notes, f"the column '{label}' marks anomalies and is used for evaluation only")
    if changes:
        shown = ", ".join(f"'{name}'" for name in changes)
        notes = (*notes, f"{shown} marks changes, which is truth as well: neither an input nor judged by")
    return MarkedSeries(found.series[0], marks, notes, found.time_format)


def _classes_of_rows(frame: pandas.DataFrame, unused: Sequence[str]) -> tuple[Doubt, ...]:
    """The doubt about a column of words that is called as labels are: its classes may be what is wanted."""
    called = [name for name in (*label_names(unused), *called_labels(unused)) if frame[name].nunique() > 1]
    if not called:
        return ()
    name = called[0]
    some = ", ".join(map(str, frame[name].dropna().unique()[:3]))
    return (
        Doubt(
            f"the column '{name}' says a class of each row ({some}), which is neither learned nor predicted;"
            " to have series classified, cut them where it changes: a column that numbers the stretches, as"
            f" (table['{name}'] != table['{name}'].shift()).cumsum() does, is named with --recipe"
            f" series-classification --label-column {name} --id-column NUMBER"
        ),
    )


def _states_among(frame: pandas.DataFrame, variables: Sequence[str]) -> Iterator[Doubt]:
    """The doubt about a variable of two values that last, and whose name says a state."""
    for name in variables:
        if is_state_name(name) and are_states(list(map(str, frame[name].dropna().tolist()))):
            yield Doubt(f"'{name}' has two values, each over many rows, and is a variable. {ways_of(name)}")


def _even(series: Series, where: str) -> tuple[Series, tuple[str, ...]]:
    """A series whose rows are one step apart, and what was done for it."""
    try:
        return regular(series)
    except DataError as error:
        raise DataError(f"{where}: {error.message}", hint=error.hint) from error


def _marked_by(frame: pandas.DataFrame, asked: Wanted, where: str, alone: bool) -> str | None:
    """The column that marks anomalies: as named, as usually called, or a label of 0 and 1."""
    names = [str(name) for name in frame.columns]
    if asked.label_column is not None:
        there = alone or asked.label_column in names
        return column_of(where, names, asked.label_column) if there else None
    at = find_column(names, ANOMALY_COLUMNS)
    if at is not None:
        return names[at]
    called = [name for name in names if _is_truth(name)]
    return next((name for name in called if _says_what_is_normal(frame[name])), None)


def is_mark_name(name: str) -> bool:
    """Whether a column is called as those that mark anomalies or failures; what stands in it must decide.

    Example:
        >>> [is_mark_name(name) for name in ("failure", "is_faulty", "Machine failure", "failure_rate")]
        [True, True, True, False]
    """
    return _MARKS.fullmatch(name.strip()) is not None


def _is_truth(name: str) -> bool:
    return is_mark_name(name) or is_label_name(name)


def _says_what_is_normal(column: pandas.Series) -> bool:
    values = {str(value).strip().lower() for value in column.dropna().unique()[:_MOST_STATES]}
    return bool(values) and (values <= {"0", "1", "0.0", "1.0", "true", "false"} or bool(values & NORMAL))


def _marks(column: pandas.Series, where: str) -> npt.NDArray[np.bool_]:
    """Whether each row is marked: by a number that is not 0, or a word for something that is not normal."""
    words = column.astype("string").str.strip().str.lower()
    if bool(words.isin(NORMAL).any()):
        unlike: npt.NDArray[np.bool_] = (~words.isin(NORMAL) & words.notna()).to_numpy(dtype=bool)
        return unlike
    numbers = column_numbers(column, where)
    if numbers is None:
        raise DataError(f"{where}: expected 0 for normal rows and 1 for anomalies, received words")
    marked: npt.NDArray[np.bool_] = np.nan_to_num(numbers) != 0
    if len(numbers) and set(np.unique(numbers[np.isfinite(numbers)])) == {-1, 1}:
        raise DataError(
            f"{where}: expected 0 for normal rows and 1 for anomalies, received -1 and 1",
            hint="Write 0 in place of the one that is normal.",
        )
    return marked


def _sorted_by(
    frame: pandas.DataFrame, groups: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """What may have sorted the rows of a table of records: a column of a few words or labels."""
    for name in frame.columns:
        if is_label_name(str(name)) or not is_numeric(frame[name]):
            codes = np.unique(frame[name].astype("string").fillna(""), return_inverse=True)[1][rows]
            if codes.max() < _MOST_STATES:
                groups = groups * (int(codes.max()) + 1) + codes
    return groups
