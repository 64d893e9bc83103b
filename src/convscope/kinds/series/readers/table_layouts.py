"""Tables that hold many series: a row for each, or rows of a series below each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from convscope.data.columns import columns_line, find_column
from convscope.errors import DataError
from convscope.kinds.series.readers.archive import named_variables, without_padding
from convscope.kinds.series.readers.frames import column_numbers, pandas_library
from convscope.kinds.series.readers.label_streams import stretches_of, whose_column, windowed
from convscope.kinds.series.readers.sentinels import sentinels
from convscope.kinds.series.readers.sources import Doubt, Series
from convscope.kinds.series.readers.table_roles import (
    ID_COLUMNS,
    Asked,
    ColumnRoles,
    find_roles,
    holds_words,
    is_bits,
)
from convscope.kinds.series.readers.table_series import (
    SeriesTable,
    TableSeries,
    columns_told,
)
from convscope.kinds.series.readers.tables import (
    grouped_series,
    series_of_frame,
    without_row_numbers,
)
from convscope.kinds.series.readers.unlike import (
    check_columns,
    counted_columns,
    counted_order,
    counted_variables,
    names_count,
    times_of,
    why_doubtful,
)

if TYPE_CHECKING:
    import pandas

V = TypeVar("V")

_FEW = 2
_OF_ARCHIVE = re.compile(r"_(train|test)\.(tsv|txt)(\.gz)?$", re.IGNORECASE)


def read_table_series(frame: pandas.DataFrame, where: str, asked: Asked, *, labelled: bool) -> TableSeries:
    """Finds out what the rows of a table are, and reads its series.

    | what the table has | what a row is |
    |---|---|
    | labels that stay the same over many rows, and times or persons | a time of a stream, cut into windows |
    | a column of ids that repeat | a time of the series with this id |
    | cells that are lists of numbers | a series; each column of lists is a variable |
    | no header, and one column; or a column of times | a time of the only series |
    | no header otherwise | a series; its label is in the first column or the last one |
    | a column of labels, or names that count up (`t0`, `t1`, ...) | a series |
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
    table = SeriesTable(frame.drop(columns=dropped), where, asked, roles, labelled, (*notes, *roles.notes))
    stretches = stretches_of(table) if labelled and asked.rows != "series" else None
    if stretches is not None:
        return windowed(table, stretches, dropped)
    whose = whose_column(table) if asked.window is not None and not labelled else roles.ids
    if whose is not None:
        return _long(table, whose, dropped)
    if asked.rows == "times" or (
        asked.rows == "auto" and not _lists(table.frame) and _one_series(table.frame, roles)
    ):
        return _only(table, dropped)
    return _wide(table, dropped)


def _only(table: SeriesTable, dropped: Sequence[str]) -> TableSeries:
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
    notes = (*table.notes, *found.notes, columns_told(table, found, dropped))
    return TableSeries(found.series, [""], roles=table.roles, notes=notes, time_format=found.time_format)


def _lists(frame: pandas.DataFrame) -> list[str]:
    """The columns whose first cell is a list of numbers."""
    return [name for name in frame.columns if isinstance(frame[name].iloc[0], (list, np.ndarray))]


def _one_series(frame: pandas.DataFrame, roles: ColumnRoles) -> bool:
    values = [name for name in frame.columns if name not in (*roles.annotations(), *roles.time)]
    count = names_count(times_of(values)) or bool(counted_variables(values))
    if roles.time and not (roles.label is not None and len(values) > _FEW and count):
        return True
    if not roles.named or roles.label is not None:
        return len(values) < _FEW
    return not count


def _long(table: SeriesTable, ids: str, dropped: Sequence[str]) -> TableSeries:
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
        (*table.notes, *found.notes, columns_told(table, found, dropped)),
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


def _wide(table: SeriesTable, dropped: Sequence[str]) -> TableSeries:
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
        series, used, form = _of_columns(table, rest, notes)
    labels, splits, groups = table.of_rows()
    unused = [name for name in frame.columns if name not in (*used, *roles.annotations())]
    told = roles.pairs() if table.labelled else []
    hidden = roles.alike if table.labelled else roles.annotations()
    notes.append(columns_line([*told, *(("values", name) for name in used)], [*unused, *hidden, *dropped]))
    keys = [str(row) for row in range(1, len(frame) + 1)]
    return TableSeries(series, keys, labels, splits, groups, roles, form, notes)


def _of_columns(
    table: SeriesTable, rest: pandas.DataFrame, notes: list[str]
) -> tuple[list[Series], list[str], str]:
    """One series for each row, whose columns are times, and what the table is read as."""
    names = list(map(str, rest.columns))
    counted = counted_columns(names) if table.roles.named else []
    others = [name for name in names if name not in counted]
    variables = counted_variables(names) if table.roles.named else {}
    if variables:
        names = [name for columns in variables.values() for name in columns]
        notes.append(
            f"columns: {len(variables)} variables ({', '.join(list(variables)[:10])}) of"
            f" {len(names) // len(variables)} times each, by their names"
        )
    elif counted and all(is_bits(rest[name]) for name in others):
        names = counted  # what is beside the times are other classes
    else:
        names = times_of(names) if table.roles.named else names
    beside = [name for name in others if name not in names and not holds_words(rest[name])]
    ordered = counted_order(names) if table.roles.named else None
    if ordered is not None:
        names = ordered
        notes.append("columns: put in the order in which their names count")
    used, values = _numbers(table, rest[names])
    called = tuple(variables) or named_variables(1)
    if len(used) % len(called):
        raise DataError(
            f"{table.where}: expected numbers in {', '.join(map(repr, names[:20]))}, received words"
        )
    first = len(used) // len(called)
    unlike = [] if all(is_bits(rest[name]) for name in beside) else beside
    notes += _checked(table, [*used[:first], *unlike], values[:, :first])
    shaped = np.swapaxes(values.reshape(len(values), len(called), -1), 1, 2)
    series = [Series(without_padding(row), called) for row in shaped]
    return series, used, f"wide table of {shaped.shape[1]} times"


def _numbers(table: SeriesTable, rest: pandas.DataFrame) -> tuple[list[str], npt.NDArray[np.float32]]:
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


def _checked(table: SeriesTable, names: Sequence[str], values: npt.NDArray[np.float32]) -> list[str]:
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
