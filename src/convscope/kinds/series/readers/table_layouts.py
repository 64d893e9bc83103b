"""Tables that hold many series: a row for each, or rows of a series below each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from convscope.data.columns import LABEL_COLUMNS, SPLIT_COLUMNS, find_column, label_name, split_name
from convscope.errors import DataError, UsageError
from convscope.kinds.series.readers.archive import named_variables, without_padding
from convscope.kinds.series.readers.frames import column_numbers, pandas_library
from convscope.kinds.series.readers.sources import Series
from convscope.kinds.series.readers.tables import grouped_series, series_of_frame, without_row_numbers
from convscope.kinds.series.readers.times import find_time_column
from convscope.types import SplitName

if TYPE_CHECKING:
    import pandas

V = TypeVar("V")
Rows = Literal["auto", "series", "times"]

ID_COLUMNS = (
    *("series", "series_id", "series_name", "id", "unique_id", "case", "case_id", "sample", "sample_id"),
    *("instance", "instance_id", "recording", "recording_id", "measurement_id", "unit", "segment", "uid"),
)
"""What the column that says to which series a row belongs is usually called."""
SERIES_LABEL_COLUMNS = (*LABEL_COLUMNS, "y", "activity", "state", "class_label", "label_name")
"""What the column of labels is usually called."""
ARCHIVE_TABLES = (".tsv", ".txt")
"""How tables of the UCR archive end, which have a label first and no header."""

_FEW = 2


@dataclass(frozen=True)
class Asked:
    """What the user said about a table.

    Args:
        time_column: The column of times.
        id_column: The column that says to which series a row belongs.
        label_column: The column of labels.
        rows: What a row is: a whole `series`, or one of its `times`; `auto` finds out.

    Raises:
        UsageError: A row is something else.
    """

    time_column: str | None = None
    id_column: str | None = None
    label_column: str | None = None
    rows: str = "auto"

    def __post_init__(self) -> None:
        if self.rows not in get_args(Rows):
            raise UsageError(
                f"rows must be one of {', '.join(get_args(Rows))}. Received: rows={self.rows!r}."
            )


@dataclass(frozen=True)
class TableSeries:
    """The series of a table.

    Args:
        series: In the order of their first rows.
        keys: What tells each within the table: the number of its row from 1, or its id; empty if it is alone.
        labels: The class of each; empty where none are wanted or there.
        splits: The split of each; empty where the table has none.
        form: What the table was read as, in a few words.
        notes: What was done, one line each.
    """

    series: Sequence[Series]
    keys: Sequence[str]
    labels: Sequence[str] = ()
    splits: Sequence[SplitName | None] = ()
    form: str = "one series"
    notes: Sequence[str] = field(default=())


def read_table_series(frame: pandas.DataFrame, where: str, asked: Asked, *, labelled: bool) -> TableSeries:
    """Finds out what the rows of a table are, and reads its series.

    | what the table has | what a row is |
    |---|---|
    | a column of ids that repeat | a time of the series with this id |
    | cells that are lists of numbers | a series; each column of lists is a variable |
    | no header, and one column; or a column of times | a time of the only series |
    | no header otherwise | a series; the label comes first in `.tsv` and `.txt`, as in the UCR archive |
    | a column of labels, or names that count up (`t0`, `t1`, ...) | a series |
    | anything else | a time of the only series |

    Args:
        frame: A `pandas.DataFrame`.
        where: The file, for messages.
        asked: What the user said.
        labelled: Whether each series needs a label.

    Raises:
        DataError: A column is missing or something in it malformed.
        UsageError: There is no column of a name that was given.
    """
    notes: list[str] = []
    unnamed = list(frame.columns) == [str(number + 1) for number in range(len(frame.columns))]
    frame = without_row_numbers(frame, notes)
    _check_given(frame, where, asked)
    archive = Path(where).suffix.lower() in ARCHIVE_TABLES
    label = _label_column(frame, where, asked, labelled, unnamed and (archive or labelled))
    at_split = None if unnamed else find_column(frame.columns, SPLIT_COLUMNS)
    split = None if at_split is None else frame.columns[at_split]
    told = [name for name in (label, split) if name is not None]
    ids = asked.id_column or (None if unnamed or asked.rows == "series" else _repeating_ids(frame, told))
    if ids is not None:
        return _long(frame, where, asked, ids, label if labelled else None, split, told, notes)
    if asked.rows == "times" or (
        asked.rows == "auto" and not _has_lists(frame) and _one_series(frame, where, asked, unnamed, label)
    ):
        if labelled:
            raise DataError(
                f"{where}: expected many series, received one",
                hint="Name the column that says to which series a row belongs with --id-column.",
            )
        series, said = series_of_frame(frame.drop(columns=told), where, time_column=asked.time_column)
        return TableSeries([series], [""], notes=(*notes, *said))
    return _wide(frame, where, label if labelled else None, split, told, notes)


def _check_given(frame: pandas.DataFrame, where: str, asked: Asked) -> None:
    for name in (asked.id_column, asked.label_column, asked.time_column):
        if name is not None and name not in frame.columns:
            names = ", ".join(map(repr, frame.columns[:20]))
            raise UsageError(f"{where} has no column '{name}'.", f"It has {names}.")


def _label_column(
    frame: pandas.DataFrame, where: str, asked: Asked, labelled: bool, first: bool
) -> str | None:
    """As given, the first of a table without header, by its name, or the only column of words."""
    names = list(frame.columns)
    if asked.label_column is not None:
        return asked.label_column
    if first and len(names) > 1:
        return str(names[0])
    at = find_column(names, SERIES_LABEL_COLUMNS)
    if at is not None or not labelled:
        return None if at is None else names[at]
    time = find_time_column(frame, asked.time_column, where)
    free = [name for name in names if name not in (time, asked.id_column)]
    words = [name for name in free if _holds_words(frame[name])]
    words = [name for name in words if name.lower() not in (*SPLIT_COLUMNS, *ID_COLUMNS)]
    if len(words) != 1:
        raise DataError(
            f"{where}: expected a column of labels, received {', '.join(map(repr, names[:20]))}",
            hint="Name it with --label-column.",
        )
    return str(words[0])


def _holds_words(column: pandas.Series) -> bool:
    library = pandas_library()
    if library.api.types.is_numeric_dtype(column.dtype):
        return False
    texts = column.dropna().head(100)
    return all(isinstance(value, str) for value in texts) and (
        library.to_numeric(texts, errors="coerce").notna().sum() * 2 < max(len(texts), 1)
    )


def _repeating_ids(frame: pandas.DataFrame, told: Sequence[str]) -> str | None:
    """A column of a usual name in which some value stands twice; else its rows are series of their own."""
    free = [name for name in frame.columns if name not in told]
    at = find_column(free, ID_COLUMNS)
    return free[at] if at is not None and bool(frame[free[at]].duplicated().any()) else None


def _has_lists(frame: pandas.DataFrame) -> bool:
    return bool(_lists(frame))


def _lists(frame: pandas.DataFrame) -> list[str]:
    """The columns whose first cell is a list of numbers."""
    return [name for name in frame.columns if isinstance(frame[name].iloc[0], (list, np.ndarray))]


def _one_series(frame: pandas.DataFrame, where: str, asked: Asked, unnamed: bool, label: str | None) -> bool:
    if find_time_column(frame, asked.time_column, where) is not None and label is None:
        return True
    if unnamed or label is not None:
        return len(frame.columns) - (label is not None) < _FEW
    return not _count_up(frame.columns)


def _count_up(names: Sequence[str]) -> bool:
    """True of names such as `0`, `1` or `t1`, `t2` that are numbers in order behind the same letters."""
    stems = [name.rstrip("0123456789") for name in names]
    ends = [name[len(stem) :] for name, stem in zip(names, stems, strict=True)]
    if len(names) < _FEW or len(set(stems)) > 1 or not all(ends):
        return False
    numbers = [int(end) for end in ends]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _long(
    frame: pandas.DataFrame,
    where: str,
    asked: Asked,
    ids: str,
    label: str | None,
    split: str | None,
    told: Sequence[str],
    notes: list[str],
) -> TableSeries:
    groups, names = pandas_library().factorize(frame[ids])
    if np.any(groups < 0):
        raise DataError(
            f"{where}, row {int(np.argmin(groups)) + 1}: expected an id in {ids!r}, received none"
        )
    rest = frame.drop(columns=[*told, ids])
    series, said = grouped_series(rest, groups.astype(np.int64), where, time_column=asked.time_column)
    labels = [] if label is None else _of_groups(_labels(frame[label], where), groups, where, names, label)
    splits = [] if split is None else _of_groups(_splits(frame[split], where), groups, where, names, split)
    keys = [str(name) for name in names]
    return TableSeries(series, keys, labels, splits, f"long table with ids in column {ids}", (*notes, *said))


def _of_groups(
    values: list[V], groups: npt.NDArray[np.int64], where: str, names: Sequence[object], column: str
) -> list[V]:
    """The one value of each series."""
    found: dict[int, V] = {}
    for row, (group, value) in enumerate(zip(groups.tolist(), values, strict=True), 1):
        if found.setdefault(group, value) != value:
            raise DataError(
                f"{where}, row {row}: expected one {column} for series {names[group]}, received "
                f"{found[group]!r} and {value!r}"
            )
    return [found[group] for group in range(len(names))]


def _wide(
    frame: pandas.DataFrame,
    where: str,
    label: str | None,
    split: str | None,
    told: Sequence[str],
    notes: list[str],
) -> TableSeries:
    keys = [str(row) for row in range(1, len(frame) + 1)]
    labels = [] if label is None else _labels(frame[label], where)
    splits = [] if split is None else _splits(frame[split], where)
    rest = frame.drop(columns=list(told))
    named = find_column(rest.columns, ID_COLUMNS)
    if named is not None and len(rest.columns) > 1 and rest.columns[named] != "1":
        rest = rest.drop(columns=[rest.columns[named]])
    lists = _lists(rest) if len(rest.columns) else []
    if lists:
        series = _of_lists(rest[lists], where)
        return TableSeries(series, keys, labels, splits, f"lists in {', '.join(lists)}", notes)
    columns = []
    for name in rest.columns:
        numbers = column_numbers(rest[name], f"{where}, column {name!r}")
        if numbers is None:
            notes.append(f"column {name!r} holds no numbers and is left out")
        else:
            columns.append(numbers)
    if not columns:
        raise DataError(f"{where}: expected columns of numbers, received {', '.join(frame.columns[:20])}")
    values = np.stack(columns, axis=1)[:, :, None]
    series = [Series(without_padding(row), named_variables(1)) for row in values]
    return TableSeries(series, keys, labels, splits, f"wide table of {len(columns)} times", notes)


def _of_lists(frame: pandas.DataFrame, where: str) -> list[Series]:
    """One series for each row, its variables from the cells."""
    made = []
    for row, cells in enumerate(zip(*(frame[name] for name in frame.columns), strict=True), 1):
        try:
            parts = [np.asarray(cell, np.float32).reshape(-1) for cell in cells]
            values = np.stack(parts, axis=1)
        except (TypeError, ValueError, OverflowError):
            raise DataError(
                f"{where}, row {row}: expected lists of numbers, as many in each column, received others"
            ) from None
        values[~np.isfinite(values)] = np.nan
        made.append(Series(without_padding(values), tuple(frame.columns)))
    return made


def _labels(column: pandas.Series, where: str) -> list[str]:
    names: dict[object, str] = {}
    found = []
    for row, value in enumerate(column.to_list(), 1):
        if value not in names:
            names[value] = label_name(f"{where}, row {row}", value)
        found.append(names[value])
    return found


def _splits(column: pandas.Series, where: str) -> list[SplitName | None]:
    return [split_name(f"{where}, row {row}", str(value)) for row, value in enumerate(column.to_list(), 1)]
