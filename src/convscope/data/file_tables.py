"""Tables that name files below their folder, one a row, with a label, and a split, group and fold if any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.columns import (
    LABEL_COLUMNS,
    PATH_COLUMNS,
    SPLIT_COLUMNS,
    column_of,
    columns_line,
    find_column,
    is_label_name,
    label_name,
    split_name,
)
from convscope.data.file_index import FileIndex
from convscope.data.groups import group_column
from convscope.data.listing import Listing
from convscope.data.tables import Table, open_table, table_kind
from convscope.errors import DataError
from convscope.types import Skipped, SplitName

FOLD_COLUMNS = ("fold", "folds", "cv_fold")
"""What a column of folds is usually called."""
_PEEKED = 50


@dataclass(frozen=True)
class FileOptions:
    """Options that the user gave.

    Args:
        label: The column of labels.
        pattern: Of names of files that say the labels.
        group: The column of groups, or a pattern of paths.
        encoding: Of text; detected by default.
        drop: Columns that are left out.
        labels: Whether labels are wanted at all.
    """

    label: str | None = None
    pattern: str | None = None
    group: str | None = None
    encoding: str | None = None
    drop: tuple[str, ...] = ()
    labels: bool = True


@dataclass(frozen=True)
class FileNouns:
    """What the files of a kind are called.

    Args:
        one: One sample, such as `volume`.
        many: Several of them.
        columns: What a column that names them is usually called, the surest first.
    """

    one: str
    many: str
    columns: tuple[str, ...]

    @property
    def all_columns(self) -> tuple[str, ...]:
        """The usual names, of any kind too."""
        return (*self.columns, *PATH_COLUMNS, "image_id", "id", "subject")


@dataclass(frozen=True)
class NamedFiles:
    """What the rows of a table name.

    Args:
        keys: The file or folder of each row that names one, of those that are there.
        labels: Of each; None where there is none.
        splits: Of each; None where the table has none.
        groups: Of each; None where the table has none.
        grouped_by: What names the groups.
        decisions: What was taken for what, one line each.
        skipped: Rows that name nothing that is there.
        folds: Fold of each by the table, from 0, shape (rows,), int64; None where it gives none.
    """

    keys: Sequence[str]
    labels: Sequence[str | None]
    splits: Sequence[SplitName | None]
    groups: Sequence[str | None] | None
    grouped_by: str
    decisions: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    folds: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True)
class _Roles:
    """What the columns of a table hold."""

    path: str
    label: str | None
    split: str | None
    group: str | None
    fold: str | None

    @property
    def columns(self) -> list[str]:
        """Those that are read."""
        every = (self.path, self.label, self.split, self.group, self.fold)
        return [name for name in every if name is not None]

    def line(self, table: Table) -> str:
        """What each column is taken for."""
        named = {"path": self.path, "label": self.label, "split": self.split, "group": self.group}
        used = [(role, name) for role, name in {**named, "fold": self.fold}.items() if name is not None]
        taken = {name for _, name in used}
        return columns_line(used, [name for name in (*table.columns, *table.unused) if name not in taken])


@dataclass
class _Rows:
    keys: list[str] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    folds: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def tables_that_name(
    folder: Path, keys: Callable[[], Sequence[str]], asked: FileOptions, nouns: FileNouns
) -> list[Path]:
    """The tables right in a folder that name files below it.

    Args:
        folder: The folder.
        keys: Finds the files, or folders, that are samples, relative to it; called where there is a table.
        asked: Options that the user gave.
        nouns: What they are called.

    Raises:
        DataError: Several do.
    """
    tables = [key for key in Listing(str(folder)).children("")[1] if table_kind(Path(key)) is not None]
    index = FileIndex(keys()) if tables else None
    named = [folder / key for key in tables if index and _names(folder / key, index, asked, nouns)]
    if len(named) > 1:
        raise DataError(
            f"{folder}: expected one table that names {nouns.many}, received"
            f" {', '.join(path.name for path in named[:5])}",
            hint="Give the path of the table.",
        )
    return named


def read_file_table(path: Path, keys: Sequence[str], asked: FileOptions, nouns: FileNouns) -> NamedFiles:
    """Reads what a table says of files, or folders, below its own folder.

    Args:
        path: The table.
        keys: The files, or folders, that are samples, relative to its folder.
        asked: Options that the user gave.
        nouns: What they are called.

    Raises:
        DataError: A column is missing, or a label or split is malformed; the message names the line.
    """
    table = _opened(path, asked, nouns)
    if not keys:
        raise DataError(f"{path}: expected the {nouns.many} that it names in its folder, received none there")
    index = FileIndex(keys)
    roles = _roles_of(table, index, asked, nouns)
    rows = _rows_of(table, roles, index, asked, nouns)
    if not rows.keys:
        raise DataError(f"{path}: expected names of {nouns.many} that are there, received none")
    grouped = roles.group is not None
    return NamedFiles(
        rows.keys,
        rows.labels,
        rows.splits,
        rows.groups if grouped else None,
        f"column {roles.group!r}" if grouped else "",
        (*table.decisions, roles.line(table)),
        tuple(rows.skipped),
        _fold_numbers(rows.folds),
    )


def _fold_numbers(folds: Sequence[str]) -> npt.NDArray[np.int64] | None:
    """The fold of each row as a number from 0; None where a row has none or all have one."""
    if not folds or not all(folds) or len(set(folds)) < 2:
        return None
    return np.unique(np.array(folds), return_inverse=True)[1].astype(np.int64)


def names_files(path: Path, keys: Sequence[str], asked: FileOptions, nouns: FileNouns) -> bool:
    """Whether a column of a table names some of the files below its folder.

    Args are those of `read_file_table`.
    """
    return _names(path, FileIndex(keys), asked, nouns)


def _names(path: Path, index: FileIndex, asked: FileOptions, nouns: FileNouns) -> bool:
    try:
        _path_column(_opened(path, asked, nouns), index, nouns)
    except DataError:
        return False
    return True


def _opened(path: Path, asked: FileOptions, nouns: FileNouns) -> Table:
    kind = table_kind(path)
    if kind is None:
        raise DataError(f"{path}: expected a table, received '{path.suffix or path.name}'")
    wanted = [name for name in (asked.label, asked.group) if name is not None]
    return open_table(
        path,
        kind,
        encoding=asked.encoding,
        roles=(nouns.all_columns, LABEL_COLUMNS),
        wanted=wanted,
        drop=asked.drop,
        strict=asked.labels,
    )


def _rows_of(table: Table, roles: _Roles, index: FileIndex, asked: FileOptions, nouns: FileNouns) -> _Rows:
    rows = _Rows()
    columns = roles.columns
    names = None if roles.label is None else table.class_names(roles.label)
    for number, cells in table.rows(columns):
        where, row = table.where(number), dict(zip(columns, cells, strict=True))
        cell = str(row[roles.path] or "").strip()
        key = index.find(cell) if cell else None
        if key is None:
            rows.skipped.append(Skipped(where, f"no {nouns.one} is called {cell!r}" if cell else "no path"))
            continue
        label = row[roles.label] if roles.label is not None and asked.labels else None
        missing = label is None or str(label).strip() in ("", "nan")
        rows.keys.append(key)
        rows.labels.append(None if missing else label_name(where, label, names))
        rows.splits.append(split_name(where, str(row[roles.split] or "")) if roles.split else None)
        group = row[roles.group] if roles.group is not None else None
        rows.groups.append(None if group in (None, "") else str(group))
        if roles.fold is not None:
            rows.folds.append(str(row[roles.fold] or "").strip())
    return rows


def _roles_of(table: Table, index: FileIndex, asked: FileOptions, nouns: FileNouns) -> _Roles:
    path = _path_column(table, index, nouns)
    rest = [name for name in table.columns if name != path and name not in table.unused]
    split_at = find_column(rest, SPLIT_COLUMNS)
    split = None if split_at is None else rest[split_at]
    group = group_column([name for name in table.columns if name != split], asked.group)
    fold_at = find_column(rest, FOLD_COLUMNS)
    fold = None if fold_at is None else rest[fold_at]
    rest = [name for name in rest if name not in (split, group, fold)]
    if asked.label is not None:
        label: str | None = column_of(str(table.path), table.columns, asked.label)
    else:
        usual = find_column(rest, LABEL_COLUMNS)
        like = [name for name in rest if is_label_name(name)]
        label = rest[usual] if usual is not None else (like or rest if len(like or rest) == 1 else [None])[0]
    if label is None and asked.labels:
        raise DataError(
            f"{table.path}: expected a column of labels, received {', '.join(map(repr, table.columns[:20]))}",
            hint="Name it: --label-column.",
        )
    return _Roles(path, label, split, group if group != path or asked.group is not None else None, fold)


def _path_column(table: Table, index: FileIndex, nouns: FileNouns) -> str:
    """The column whose cells name files that are there.

    Raises:
        DataError: There is none.
    """
    at = find_column(table.columns, nouns.all_columns)
    order = [*([table.columns[at]] if at is not None else []), *table.columns]
    for name in dict.fromkeys(order):
        cells = [str(cell or "") for _, (cell,) in islice(table.rows([name]), _PEEKED)]
        if cells and sum(index.find(cell) is not None for cell in cells if cell) * 2 > len(cells):
            return name
    raise DataError(
        f"{table.path}: expected a column with names of {nouns.many} in the folder of the table, received"
        f" {', '.join(map(repr, table.columns[:20]))}",
        hint=f"Put the table next to the {nouns.many}, and write paths relative to it.",
    )
