"""What readers of tables of series share: a table with its roles, and the series that were found in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from convscope.data.columns import columns_line, label_name, split_name
from convscope.kinds.series.readers.frames import MISSING, pandas_library
from convscope.kinds.series.readers.sources import Series
from convscope.kinds.series.readers.table_roles import Asked, ColumnRoles
from convscope.kinds.series.readers.tables import Measured
from convscope.types import SplitName

if TYPE_CHECKING:
    import pandas


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
        window: Rows of each series, where these were cut from longer ones; else None.
        grouped_by: What names the groups, if not the column of `roles`.
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
    window: int | None = None
    grouped_by: str = ""


@dataclass(frozen=True)
class SeriesTable:
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
            [] if split is None or not self.labelled else splits_of(self.frame[split], self.where),
            [] if group is None or not self.labelled else _names(self.frame[group]),
        )


def columns_told(table: SeriesTable, found: Measured, dropped: Sequence[str]) -> str:
    """What the columns were taken for, where rows are times."""
    times = [("time", name) for name in found.time]
    values = [("values", name) for name in found.series[0].variables]
    roles = table.roles.pairs() if table.labelled else []
    hidden = [] if table.labelled else [name for _, name in table.roles.pairs() if name != table.roles.ids]
    unused = [*found.unused, *hidden, *table.roles.alike, *dropped]
    return columns_line([*roles, *times, *values], unused)


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


def splits_of(column: pandas.Series, where: str) -> list[SplitName | None]:
    """The split of each row."""
    return [split_name(f"{where}, row {row}", str(value)) for row, value in enumerate(column.to_list(), 1)]


def _names(column: pandas.Series) -> list[str | None]:
    return [None if _is_nothing(value) else str(value) for value in column.to_list()]


def _is_nothing(value: object) -> bool:
    library = pandas_library()
    return bool(library.api.types.is_scalar(value) and (library.isna(value) or value == ""))
