"""Tables that hold many series: a row for each, or rows of a series below each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from convscope.data.columns import columns_line, find_column, label_name, split_name
from convscope.errors import DataError
from convscope.kinds.series.readers.archive import named_variables, without_padding
from convscope.kinds.series.readers.frames import MISSING, column_numbers, pandas_library
from convscope.kinds.series.readers.sentinels import sentinels
from convscope.kinds.series.readers.sources import Doubt, Series
from convscope.kinds.series.readers.table_roles import ID_COLUMNS, Asked, ColumnRoles, find_roles, is_bits
from convscope.kinds.series.readers.tables import (
    Measured,
    grouped_series,
    series_of_frame,
    without_row_numbers,
)
from convscope.kinds.series.readers.unlike import (
    check_columns,
    counted_columns,
    counted_order,
    names_count,
    why_doubtful,
)
from convscope.types import SplitName

if TYPE_CHECKING:
    import pandas

V = TypeVar("V")

_FEW = 2
_OF_ARCHIVE = re.compile(r"_(train|test)\.(tsv|txt)(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True)
class TableSeries:
    """The series of a table.

    Args:
        series: In the order of their first rows.
        keys: What tells each within the table: the number of its row from 1, or its id; empty if it is alone.
        labels: The class of each, None where none stands; empty where none are wanted or there.
        splits: The split of each; empty where the table has none.
        groups: The group of each; empty where the table has none.
        roles: What its columns were taken for.
        form: What the table was read as, in a few words.
        notes: What was done, one line each; a `Doubt` is to be worried about.
        time_format: How times are written; None where there are none.
    """

    series: Sequence[Series]
    keys: Sequence[str]
    labels: Sequence[str | None] = ()
    splits: Sequence[SplitName | None] = ()
    groups: Sequence[str | None] = ()
    roles: ColumnRoles = field(default_factory=ColumnRoles)
    form: str = "one series"
    notes: Sequence[str] = field(default=())
    time_format: str | None = None


@dataclass(frozen=True)
class _Table:
    """A table with what is known of its columns."""

    frame: pandas.DataFrame
    where: str
    asked: Asked
    roles: ColumnRoles
    labelled: bool
    notes: tuple[str, ...]

    def of_rows(self) -> tuple[list[str | None], list[SplitName | None], list[str | None]]:
        """Label, split and group of each row; empty where there are none or labels are not wanted."""
        label, split, group = self.roles.label, self.roles.split, self.roles.group
        return (
            [] if label is None or not self.labelled else labels_of(self.frame[label], self.where),
            [] if split is None or not self.labelled else _splits(self.frame[split], self.where),
            [] if group is None or not self.labelled else _names(self.frame[group]),
        )


def read_table_series(frame: pandas.DataFrame, where: str, asked: Asked, *, labelled: bool) -> TableSeries:
    """Finds out what the rows of a table are, and reads its series.

    | what the table has | what a row is |
    |---|---|
    | a column of ids that repeat | a time of the series with this id |
    | cells that are lists of numbers | a series; each column of lists is a variable |
    | no header, and one column; or a column of times | a time of the only series |
    | no header otherwise | a series; its label is in the first column or the last one |
    | a column of labels, or names that count up (`t0`, `t1`, ...) | a series |
    | a column of labels and one of times | a time of the only series, which is `DataError` in training |
    | anything else | a time of the only series |

    A row is no series where its columns are measurements of different things: that is a `DataError` that says
    what such a table is for.

    Args:
        frame: A `pandas.DataFrame`.
        where: The file, for messages.
        asked: Options that the user gave.
        labelled: Whether each series needs a label.

    Raises:
        DataError: A column is missing or something in it malformed.
        UsageError: There is no column of a name that was given.
    """
    notes: list[str] = []
    kept = (asked.id_column, asked.label_column, asked.group, asked.measuring.time_column)
    frame = without_row_numbers(frame, notes, kept)
    dropped = [name for name in asked.measuring.drop if name in frame.columns]
    roles = find_roles(frame.drop(columns=dropped), where, asked, labelled)
    table = _Table(frame.drop(columns=dropped), where, asked, roles, labelled, (*notes, *roles.notes))
    if roles.ids is not None:
        return _long(table, roles.ids, dropped)
    if asked.rows == "times" or (
        asked.rows == "auto" and not _lists(table.frame) and _one_series(table.frame, roles)
    ):
        return _only(table, dropped)
    return _wide(table, dropped)


def _only(table: _Table, dropped: Sequence[str]) -> TableSeries:
    """The only series of a table, which needs no label."""
    if table.labelled:
        label, time = table.roles.label, " and ".join(map(repr, table.roles.time))
        seen = f", whose rows are times of {time}," if time else ""
        state = f" The labels in {label!r} are of single rows." if label is not None and time else ""
        raise DataError(
            f"{table.where}: expected many series{seen} received one.{state}",
            hint="Name the column that says to which series a row belongs with --id-column; if each row is a "
            "series, use --rows series; to watch the one series for rows unlike those before, use "
            "--recipe series-anomaly.",
        )
    frame = table.frame.drop(columns=table.roles.annotations())
    found = series_of_frame(frame, table.where, table.asked.measuring)
    notes = (*table.notes, *found.notes, _line(table, found, dropped))
    return TableSeries(found.series, [""], roles=table.roles, notes=notes, time_format=found.time_format)


def _line(table: _Table, found: Measured, dropped: Sequence[str]) -> str:
    """What the columns were taken for, where rows are times."""
    times = [("time", name) for name in found.time]
    values = [("values", name) for name in found.series[0].variables]
    roles = table.roles.pairs() if table.labelled else []
    hidden = [] if table.labelled else [name for _, name in table.roles.pairs() if name != table.roles.ids]
    unused = [*found.unused, *hidden, *table.roles.alike, *dropped]
    return columns_line([*roles, *times, *values], unused)


def _lists(frame: pandas.DataFrame) -> list[str]:
    """The columns whose first cell is a list of numbers."""
    return [name for name in frame.columns if isinstance(frame[name].iloc[0], (list, np.ndarray))]


def _one_series(frame: pandas.DataFrame, roles: ColumnRoles) -> bool:
    values = [name for name in frame.columns if name not in (*roles.annotations(), *roles.time)]
    if roles.time and not (roles.label is not None and len(values) > _FEW and names_count(values)):
        return True
    if not roles.named or roles.label is not None:
        return len(values) < _FEW
    return not names_count(values)


def _long(table: _Table, ids: str, dropped: Sequence[str]) -> TableSeries:
    frame, where = table.frame, table.where
    groups, names = pandas_library().factorize(frame[ids])
    if np.any(groups < 0):
        raise DataError(
            f"{where}, row {int(np.argmin(groups)) + 1}: expected an id in {ids!r}, received none"
        )
    rest = frame.drop(columns=[*table.roles.annotations(), ids])
    found = grouped_series(rest, groups.astype(np.int64), where, table.asked.measuring)
    labels, splits, belongs = table.of_rows()
    roles = table.roles
    return TableSeries(
        found.series,
        [str(name) for name in names],
        _of_groups(labels, groups, where, names, roles.label) if labels else (),
        _of_groups(splits, groups, where, names, roles.split) if splits else (),
        _of_groups(belongs, groups, where, names, roles.group) if belongs else (),
        roles,
        f"long table with ids in column {ids}",
        (*table.notes, *found.notes, _line(table, found, dropped)),
        found.time_format,
    )


def _of_groups(
    values: list[V], groups: npt.NDArray[np.int64], where: str, names: Sequence[object], column: str | None
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


def _wide(table: _Table, dropped: Sequence[str]) -> TableSeries:
    frame, roles, where = table.frame, table.roles, table.where
    rest = frame.drop(columns=roles.annotations())
    at = find_column(rest.columns, ID_COLUMNS) if roles.named else None
    aside = {*roles.time, *([] if at is None or len(rest.columns) < _FEW else [rest.columns[at]])}
    rest = rest.drop(columns=[name for name in rest.columns if name in aside])
    lists = _lists(rest) if len(rest.columns) else []
    notes = list(table.notes)
    if lists:
        series, used, form = _of_lists(rest[lists], where), lists, f"lists in {', '.join(lists)}"
    else:
        counted = counted_columns(list(map(str, rest.columns))) if roles.named else []
        others = [name for name in rest.columns if name not in counted]
        if counted and others and all(is_bits(rest[name]) for name in others):
            rest = rest[counted]  # what is beside the times are other classes
        ordered = counted_order(list(map(str, rest.columns))) if roles.named else None
        if ordered is not None:
            rest = rest[ordered]
            notes.append("columns: put in the order in which their names count")
        used, values = _numbers(table, rest)
        series = [Series(without_padding(row), named_variables(1)) for row in values[:, :, None]]
        form = f"wide table of {len(used)} times"
        notes += _checked(table, used, values)
    labels, splits, groups = table.of_rows()
    unused = [name for name in frame.columns if name not in (*used, *roles.annotations())]
    told = roles.pairs() if table.labelled else []
    hidden = roles.alike if table.labelled else roles.annotations()
    notes.append(columns_line([*told, *(("values", name) for name in used)], [*unused, *hidden, *dropped]))
    keys = [str(row) for row in range(1, len(frame) + 1)]
    return TableSeries(series, keys, labels, splits, groups, roles, form, notes)


def _numbers(table: _Table, rest: pandas.DataFrame) -> tuple[list[str], npt.NDArray[np.float32]]:
    """The columns of numbers, and their values of shape (rows, columns)."""
    found: dict[str, npt.NDArray[np.float32]] = {}
    for name in rest.columns:
        numbers = column_numbers(rest[name], f"{table.where}, column {name!r}", table.asked.measuring.missing)
        if numbers is not None:
            found[str(name)] = numbers
    if not found:
        shown = ", ".join(map(str, table.frame.columns[:20]))
        raise DataError(f"{table.where}: expected columns of numbers, received {shown}")
    return list(found), np.stack(list(found.values()), axis=1)


def _checked(table: _Table, names: Sequence[str], values: npt.NDArray[np.float32]) -> list[str]:
    """What is to be worried about in a wide table; refuses one of unlike columns."""
    archive = not table.roles.named and _OF_ARCHIVE.search(table.where) is not None
    if table.labelled and table.asked.rows == "auto" and not archive:
        check_columns(table.where, names, values, table.roles.named, table.roles.label)
    doubt = why_doubtful(values) if table.labelled else None
    return [*([] if doubt is None else [Doubt(doubt)]), *sentinels(values, "values")]


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


def labels_of(column: pandas.Series, where: str) -> list[str | None]:
    """The class of each row; None where none stands. NA and None are classes among words alone."""
    library = pandas_library()
    if not library.api.types.is_numeric_dtype(column.dtype):
        texts = column.astype("string").str.strip()
        missing = texts.isna() | texts.isin(MISSING)
        numbers = library.to_numeric(texts.mask(missing), errors="coerce")
        if bool((numbers.notna() | missing).all() and numbers.notna().any()):
            column = numbers
    names: dict[object, str | None] = {}
    found = []
    for row, value in enumerate(column.to_list(), 1):
        key = None if _is_nothing(value) else value
        if key not in names:
            names[key] = None if key is None else label_name(f"{where}, row {row}", value)
        found.append(names[key])
    return found


def _splits(column: pandas.Series, where: str) -> list[SplitName | None]:
    return [split_name(f"{where}, row {row}", str(value)) for row, value in enumerate(column.to_list(), 1)]


def _names(column: pandas.Series) -> list[str | None]:
    return [None if _is_nothing(value) else str(value) for value in column.to_list()]


def _is_nothing(value: object) -> bool:
    library = pandas_library()
    return bool(library.api.types.is_scalar(value) and (library.isna(value) or value == ""))
