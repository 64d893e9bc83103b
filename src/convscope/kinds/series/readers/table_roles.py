"""What the columns of a table of many series are for: labels, ids, splits, groups; the rest are values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from convscope.data.columns import (
    LABEL_COLUMNS,
    LONGEST_LABEL,
    SPLIT_COLUMNS,
    column_of,
    find_column,
    is_label_name,
)
from convscope.data.labels import label_choice, several_classes
from convscope.errors import DataError, UsageError
from convscope.kinds.series.readers.frames import MISSING, pandas_library
from convscope.kinds.series.readers.tables import Measuring
from convscope.kinds.series.readers.times import find_time_columns
from convscope.kinds.series.readers.unlike import counted_columns, group_beside_label, is_id_name, names_count

if TYPE_CHECKING:
    import pandas

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
FEWEST_ROWS = 8
"""Rows of a series on average, from which on a column can be one of ids."""
REPEATED = 0.5
"""Share of the rows whose times must stand in others too."""
_MOST_CLASSES = 100
_TURNS = 3


@dataclass(frozen=True)
class Asked:
    """Options that the user gave for a table.

    Args:
        id_column: The column that says to which series a row belongs.
        label_column: The column of labels, by name or position.
        rows: What a row is: a whole `series`, or one of its `times`; `auto` finds out.
        group: The column that names the group of a series.
        measuring: Columns of times and values.
        numbers: Whether labels are numbers to predict, not classes.
        label_pattern: A regular expression for labels in the names of files, as `classes_by_pattern` has it.
        window: Rows of a window in which rows with a class each are cut; None chooses.

    Raises:
        UsageError: A row is something else.
    """

    id_column: str | None = None
    label_column: str | None = None
    rows: str = "auto"
    group: str | None = None
    measuring: Measuring = field(default_factory=Measuring)
    numbers: bool = False
    label_pattern: str | None = None
    window: int | None = None

    def __post_init__(self) -> None:
        if self.rows not in get_args(Rows):
            raise UsageError(
                f"rows must be one of {', '.join(get_args(Rows))}. Received: rows={self.rows!r}."
            )


@dataclass(frozen=True)
class ColumnRoles:
    """The columns of a table that are no values.

    Args:
        label: The column of labels.
        split: The column of splits.
        ids: The column that says to which series a row belongs.
        group: The column that names the group of a series.
        time: The columns of times.
        named: Whether the names stand in the file.
        notes: What was decided, one line each.
        kept: What a run must know to read another table likewise: the position of the label.
        alike: Columns that say the same as the label in other words, such as its number.
    """

    label: str | None = None
    split: str | None = None
    ids: str | None = None
    group: str | None = None
    time: tuple[str, ...] = ()
    named: bool = True
    notes: tuple[str, ...] = ()
    kept: str | None = None
    alike: tuple[str, ...] = ()

    def annotations(self) -> list[str]:
        """Columns that describe a series, besides its values and times."""
        found = dict.fromkeys((self.label, self.split, self.group, *self.alike))
        return [name for name in found if name is not None]

    def pairs(self) -> list[tuple[str, str]]:
        """Roles and names, as `columns_line` takes them."""
        named = (("label", self.label), ("id", self.ids), ("split", self.split), ("group", self.group))
        return [(role, name) for role, name in named if name is not None]


def label_names(names: Sequence[str]) -> list[str]:
    """The columns that are called as labels usually are, the surest first; `y` beside `x` is an axis.

    Example:
        >>> label_names(["x", "y", "z", "activity"]), label_names(["t0", "t1", "y"])
        (['activity'], ['y'])
    """
    free = _without_axes(names)
    lower = [name.strip().lower() for name in free]
    return [free[at] for alias in SERIES_LABEL_COLUMNS for at, name in enumerate(lower) if name == alias]


def called_labels(names: Sequence[str]) -> list[str]:
    """The columns that are called as labels often are; `y` beside `x` is an axis."""
    return [name for name in _without_axes(names) if is_label_name(name)]


def _without_axes(names: Sequence[str]) -> list[str]:
    axes = {"x", "y"} <= {name.strip().lower() for name in names}
    return [name for name in names if not (axes and name.strip().lower() == "y")]


def find_roles(frame: pandas.DataFrame, where: str, asked: Asked, labelled: bool) -> ColumnRoles:
    """What the columns are for: as given, by their names, or by their content.

    Args:
        frame: Without row numbers and columns that are dropped.
        where: The file, for messages.
        asked: Options that the user gave.
        labelled: Whether each series needs a label; else a column that the user named may be missing.

    Raises:
        DataError: A label is needed and no column, or more than one, can hold it.
        UsageError: A column that the user named is not there.
    """
    names = list(frame.columns)
    named = names != [str(number + 1) for number in range(len(names))]
    ids = None if asked.id_column is None else column_of(where, names, asked.id_column, "--id-column")
    if not named:
        label, notes, kept = _label_of_unnamed(frame, where, asked, labelled)
        time = find_time_columns(frame, asked.measuring.time_column, where)
        return ColumnRoles(label, None, ids, None, time, False, notes, kept)
    at = find_column(names, SPLIT_COLUMNS)
    split = None if at is None else names[at]
    group = group_beside_label(names, asked.group)
    time = find_time_columns(frame, asked.measuring.time_column, where)
    free = [name for name in names if name not in (ids, split, *time)]
    label, alike = _label_column(frame, where, asked, labelled, [name for name in free if name != group])
    if ids is None and asked.rows != "series":
        ids = _repeating_ids(frame, [name for name in free if name not in (label, *alike)])
    alike = tuple(name for name in alike if name != ids)
    return ColumnRoles(label, split, ids, None if group in (ids, label) else group, time, True, alike=alike)


def _label_column(
    frame: pandas.DataFrame, where: str, asked: Asked, labelled: bool, free: Sequence[str]
) -> tuple[str | None, tuple[str, ...]]:
    """As given, by its name, or the only column of words; and columns that say the same in other words."""
    usual = label_names(free)
    if asked.label_column is not None:
        given = _given(list(frame.columns), where, asked.label_column, labelled)
        return given, tuple(name for name in usual if given and name != given and _alike(frame, given, name))
    if usual and (not labelled or asked.numbers):
        return usual[0], tuple(name for name in usual[1:] if _alike(frame, usual[0], name))
    if usual:
        able = [name for name in usual[1:] if _can_be_label(frame[name], asked.numbers)]
        return _one_of_alike(frame, where, [usual[0], *able])
    called = called_labels(free)
    if len(called) == 1 or not labelled:
        return (called[0] if len(called) == 1 else None), ()
    others = [name for name in called or free if name.lower() not in (*SPLIT_COLUMNS, *ID_COLUMNS)]
    words = [name for name in others if holds_words(frame[name])]
    if len(words) == 1:
        return words[0], tuple(name for name in called if name != words[0] and _alike(frame, words[0], name))
    uncounted = [name for name in free if not name[-1:].isdigit()]
    if len(uncounted) != 1 or not names_count([name for name in free if name != uncounted[0]]):
        uncounted = _steady(frame, free)
    if len(uncounted) == 1:
        return uncounted[0], ()
    bits = [name for name in free if name not in counted_columns(free) and is_bits(frame[name])]
    if len(bits) > 1:
        raise several_classes(where, bits)
    which = f"{', '.join(map(repr, words or called))} could be it" if words or called else "none is called so"
    raise DataError(
        f"{where}: expected one column of labels, received {', '.join(map(repr, list(frame.columns)[:20]))}:"
        f" {which}",
        hint="Name it with --label-column.",
    )


def _steady(frame: pandas.DataFrame, free: Sequence[str]) -> list[str]:
    """The columns with one value in all rows of a series, and several among the series of the table."""
    ids = _repeating_ids(frame, free)
    others = [name for name in free if ids not in (None, name) and frame[name].nunique() > 1]
    most = frame.groupby(ids)[others].nunique(dropna=False).max() if others else {}
    return [name for name in others if most[name] == 1]


def is_bits(column: pandas.Series) -> bool:
    """Whether a column holds 0 and 1 alone."""
    return not holds_words(column) and set(column.dropna().unique()) <= {0, 1}


def _one_of_alike(frame: pandas.DataFrame, where: str, usual: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The column of labels among those with usual names, which all say the same: the one in words.

    Raises:
        DataError: They say different things.
    """
    differ = [name for name in usual[1:] if not _alike(frame, usual[0], name)]
    if differ:
        classes = {name: frame[name].dropna().astype(str).unique().tolist() for name in (usual[0], *differ)}
        raise label_choice(where, classes)
    chosen = next((name for name in usual if holds_words(frame[name])), usual[0])
    return chosen, tuple(name for name in usual if name != chosen)


def _alike(frame: pandas.DataFrame, label: str, other: str) -> bool:
    """Whether each value of one column stands beside one value of the other, and the other way around."""
    pairs = frame[[label, other]].drop_duplicates()
    return bool(1 < len(pairs) == pairs[label].nunique(dropna=False) == pairs[other].nunique(dropna=False))


def _given(names: Sequence[str], where: str, given: str, labelled: bool) -> str | None:
    """The column that the user names; of a table without labels it may be missing."""
    if labelled or given in names:
        return column_of(where, names, given)
    return None


def _label_of_unnamed(
    frame: pandas.DataFrame, where: str, asked: Asked, labelled: bool
) -> tuple[str | None, tuple[str, ...], str | None]:
    """The label of a table without a header: its first column or its last one, with why."""
    names = list(frame.columns)
    if asked.label_column is not None:
        at = column_of(where, names, asked.label_column)
        return (at if labelled or _can_be_label(frame[at], asked.numbers) else None), (), None
    if len(names) < 2 or not (labelled or Path(where).suffix.lower() in ARCHIVE_TABLES):
        return None, (), None
    ends = (names[0], names[-1])
    able = [name for name in ends if _can_be_label(frame[name], asked.numbers)]
    words = [name for name in able if holds_words(frame[name])]
    whole = [name for name in ends if _is_whole(frame[name])]
    if len(words) == 1:
        able = words
    elif not able and len(whole) == 1:  # a class in each row, beside measurements with decimals
        able = whole
    archive = Path(where).suffix.lower() in ARCHIVE_TABLES
    if len(able) == 2 and (archive or not labelled):
        able = able[:1]
    if not able and not labelled:
        return None, (), None
    if len(able) != 1:
        first, last = (_shown(frame[name]) for name in ends)
        raise DataError(
            f"{where}: the file has no header, and the label could be in its first column ({first}) or in its"
            f" last one ({last})",
            hint="Say which with --label-column 0 or --label-column -1.",
        )
    place = "first" if able[0] == names[0] else "last"
    why = "as in files of the UCR archive" if archive and place == "first" else "by what stands there"
    return able[0], (f"label: the {place} column, {why}",), "0" if place == "first" else "-1"


def _can_be_label(column: pandas.Series, numbers: bool) -> bool:
    """Whether a column holds classes: words, or a few whole numbers again and again."""
    if numbers:
        return not holds_words(column)
    if holds_words(column):
        lengths = column.dropna().astype("string").str.len()
        return bool(len(lengths) and lengths.max() <= LONGEST_LABEL)
    known = column.dropna()
    return _is_whole(column) and 2 <= known.nunique() <= min(_MOST_CLASSES, len(known) // 2 + 1)


def _is_whole(column: pandas.Series) -> bool:
    """Whether a column holds whole numbers alone."""
    known = column.dropna()
    if not pandas_library().api.types.is_numeric_dtype(known.dtype) or not len(known):
        return False
    values = known.to_numpy(dtype=np.float64)
    return bool(np.all(values == np.floor(values)))


def _shown(column: pandas.Series) -> str:
    some = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in column.head(3))
    return f"{some}, ..."


def holds_words(column: pandas.Series) -> bool:
    """Whether a column holds texts, most of which are no numbers."""
    library = pandas_library()
    kinds = library.api.types
    if kinds.is_numeric_dtype(column.dtype) or kinds.is_datetime64_any_dtype(column.dtype):
        return False
    texts = column.dropna().head(100)
    known = [value for value in texts if not isinstance(value, str) or value not in MISSING]
    return all(isinstance(value, str) for value in texts) and (
        library.to_numeric(library.Series(known, dtype=object), errors="coerce").notna().sum() * 2
        < max(len(known), 1)
    )


def _repeating_ids(frame: pandas.DataFrame, free: Sequence[str]) -> str | None:
    """A column of a usual name in which some value stands twice; else its rows are series of their own."""
    at = find_column(free, ID_COLUMNS)
    return free[at] if at is not None and bool(frame[free[at]].duplicated().any()) else None


def id_column(
    frame: pandas.DataFrame, where: str, given: str | None, time_column: str | None, marks: Sequence[str]
) -> str | None:
    """The column of ids of a table; None where all rows are of one series.

    A column is one of ids where it holds few whole numbers or words, most times stand in several rows, and no
    time stands twice beside one value. Of several such columns, the only one that is called like an id. Where
    times are all different, it is a column that is called so and holds words, or numbers that take turns.

    Args:
        frame: A `pandas.DataFrame`.
        where: The file, for messages.
        given: The name or position that the user gave.
        time_column: The column of times that the user gave.
        marks: Columns of truth, which are none of ids.

    Raises:
        DataError: Several columns can be it.
        UsageError: There is no column of that name.
    """
    names = [str(name) for name in frame.columns]
    if given is not None:
        return column_of(where, names, given, "--id-column")
    times = list(find_time_columns(frame, time_column, where))
    if not times:
        return None
    free = [name for name in names if name not in (*times, *marks) and _may_be_ids(frame[name])]
    if float(frame.duplicated(times, keep=False).mean()) < REPEATED:
        able = [name for name in free if is_id_name(name) and _takes_turns(frame[name])]
    else:
        able = [name for name in free if not frame.duplicated([*times, name]).any()]
    called = [name for name in able if is_id_name(name)]
    chosen = called if called else able
    if chosen and all(_alike(frame, chosen[0], other) for other in chosen[1:]):
        return next((name for name in chosen if holds_words(frame[name])), chosen[0])
    if len(chosen) > 1:
        shown = ", ".join(f"'{name}'" for name in chosen)
        raise DataError(
            f"{where}: the table seems to hold several series, and each of {shown} can say to which one a row"
            " belongs",
            hint=f"Name the column with --id-column, such as --id-column '{chosen[0]}'.",
        )
    return None


def ids_alike(frame: pandas.DataFrame, ids: str) -> list[str]:
    """The columns that say the same as that of ids in other words, such as its number."""
    others = (str(name) for name in frame.columns if name != ids)
    return [name for name in others if _may_be_ids(frame[name]) and _alike(frame, ids, name)]


def _takes_turns(column: pandas.Series) -> bool:
    """Whether a column holds words, or numbers that come again after others."""
    changes = int((column != column.shift()).sum())
    return holds_words(column) or changes > _TURNS * int(column.nunique())


def _may_be_ids(column: pandas.Series) -> bool:
    """Whether a column holds few whole numbers or words, each many times."""
    kinds = pandas_library().api.types
    if kinds.is_datetime64_any_dtype(column.dtype) or kinds.is_bool_dtype(column.dtype):
        return False
    known = column.dropna()
    if not len(known) or not 2 <= known.nunique() <= len(known) / FEWEST_ROWS:
        return False
    if kinds.is_numeric_dtype(column.dtype):
        values = known.to_numpy(dtype=np.float64)
        return bool(np.all(values == np.floor(values)))
    return True
