"""Tables that name volumes, with a label and, where there is one, a split and a group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from convscope.data.assembly import Found
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
from convscope.kinds.volume.readers.files import VolumeFiles, may_be_volume, volumes_of
from convscope.kinds.volume.readers.scan import scan_to_found
from convscope.kinds.volume.readers.sources import FileVolumes, StoredVolume
from convscope.types import Progress, Skipped, SplitName

VOLUME_COLUMNS = ("volume", "scan", "series", "nifti", "dicom", *PATH_COLUMNS, "image_id", "id", "subject")
"""What a column that names volumes is usually called, the surest first."""
_PEEKED = 50


@dataclass(frozen=True)
class ScanOptions:
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
class _Roles:
    """What the columns of a table hold."""

    path: str
    label: str | None
    split: str | None
    group: str | None

    def line(self, table: Table) -> str:
        """What each column is taken for."""
        named = {"path": self.path, "label": self.label, "split": self.split, "group": self.group}
        used = [(role, name) for role, name in named.items() if name is not None]
        taken = {name for _, name in used}
        return columns_line(used, [name for name in (*table.columns, *table.unused) if name not in taken])


@dataclass
class _Rows:
    stored: list[StoredVolume] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def volume_tables(folder: Path, asked: ScanOptions) -> list[Path]:
    """The tables right in a folder that name volumes below it.

    Raises:
        DataError: Several do.
    """
    keys = [key for key in Listing(str(folder)).children("")[1] if table_kind(Path(key)) is not None]
    if not keys:
        return []
    files = folder_volumes(folder)
    index = FileIndex([each.key for each in files.volumes])
    named = [folder / key for key in keys if _names_volumes(folder / key, index, asked)]
    if len(named) > 1:
        raise DataError(
            f"{folder}: expected one table that names volumes, received"
            f" {', '.join(path.name for path in named[:5])}",
            hint="Give the path of the table.",
        )
    return named


def folder_volumes(folder: Path) -> VolumeFiles:
    """All volumes below a folder."""
    keys = [key for key in Listing(str(folder)).files_below("") if may_be_volume(folder, key)]
    return volumes_of(folder, keys)


def _names_volumes(path: Path, index: FileIndex, asked: ScanOptions) -> bool:
    try:
        table = _opened(path, asked)
        _path_column(table, index)
    except DataError:
        return False
    return True


def _opened(path: Path, asked: ScanOptions) -> Table:
    kind = table_kind(path)
    if kind is None:
        raise DataError(f"{path}: expected a table, received '{path.suffix or path.name}'")
    wanted = [name for name in (asked.label, asked.group) if name is not None]
    return open_table(
        path,
        kind,
        encoding=asked.encoding,
        roles=(VOLUME_COLUMNS, LABEL_COLUMNS),
        wanted=wanted,
        drop=asked.drop,
        strict=asked.labels,
    )


def read_table(path: Path, progress: Progress, asked: ScanOptions) -> Found:
    """Reads the volumes that a table names: files, or folders of slices, below its own folder.

    Args:
        path: The table.
        progress: Receives the number of volumes read.
        asked: Options that the user gave.

    Raises:
        DataError: A column is missing, or a label or split is malformed; the message names the line.
    """
    folder, table = path.parent, _opened(path, asked)
    files = folder_volumes(folder)
    if not files.volumes:
        raise DataError(f"{path}: expected the volumes that it names in its folder, received none there")
    index = FileIndex([each.key for each in files.volumes])
    by_key = {each.key: each for each in files.volumes}
    roles = _roles_of(table, index, asked)
    rows = _rows_of(table, roles, index, by_key, asked)
    if not rows.stored:
        raise DataError(f"{path}: expected names of volumes that are there, received none")
    found = scan_to_found(
        FileVolumes(str(folder), rows.stored),
        where=str(path),
        layout=f"table: {path.name} names {len(rows.stored)} volumes",
        labels=rows.labels,
        splits=rows.splits,
        skipped=[*rows.skipped, *files.skipped],
        progress=progress,
        groups=rows.groups if roles.group is not None else None,
        grouped_by=f"column {roles.group!r}" if roles.group is not None else "",
        decisions=[*table.decisions, roles.line(table), *files.decisions],
    )
    return replace(found, warnings=(*found.warnings, *files.warnings))


def _rows_of(
    table: Table,
    roles: _Roles,
    index: FileIndex,
    by_key: dict[str, StoredVolume],
    asked: ScanOptions,
) -> _Rows:
    rows = _Rows()
    columns = [name for name in (roles.path, roles.label, roles.split, roles.group) if name is not None]
    names = None if roles.label is None else table.class_names(roles.label)
    for number, cells in table.rows(columns):
        where, row = table.where(number), dict(zip(columns, cells, strict=True))
        cell = str(row[roles.path] or "").strip()
        key = index.find(cell) if cell else None
        if key is None:
            rows.skipped.append(Skipped(where, f"no volume is called {cell!r}" if cell else "no path"))
            continue
        label = row[roles.label] if roles.label is not None and asked.labels else None
        missing = label is None or str(label).strip() in ("", "nan")
        rows.stored.append(by_key[key])
        rows.labels.append(None if missing else label_name(where, label, names))
        rows.splits.append(split_name(where, str(row[roles.split] or "")) if roles.split else None)
        group = row[roles.group] if roles.group is not None else None
        rows.groups.append(None if group in (None, "") else str(group))
    return rows


def _roles_of(table: Table, index: FileIndex, asked: ScanOptions) -> _Roles:
    path = _path_column(table, index)
    rest = [name for name in table.columns if name != path and name not in table.unused]
    split_at = find_column(rest, SPLIT_COLUMNS)
    split = None if split_at is None else rest[split_at]
    group = group_column([name for name in table.columns if name != split], asked.group)
    rest = [name for name in rest if name not in (split, group)]
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
    return _Roles(path, label, split, group if group != path or asked.group is not None else None)


def _path_column(table: Table, index: FileIndex) -> str:
    """The column whose cells name volumes that are there.

    Raises:
        DataError: There is none.
    """
    at = find_column(table.columns, VOLUME_COLUMNS)
    order = [*([table.columns[at]] if at is not None else []), *table.columns]
    for name in dict.fromkeys(order):
        cells = [str(cell or "") for _, (cell,) in _first(table, name)]
        if cells and sum(index.find(cell) is not None for cell in cells if cell) * 2 > len(cells):
            return name
    raise DataError(
        f"{table.path}: expected a column with names of volumes in the folder of the table, received"
        f" {', '.join(map(repr, table.columns[:20]))}",
        hint="Put the table next to the volumes, and write paths relative to it.",
    )


def _first(table: Table, name: str) -> Sequence[tuple[int, tuple[object, ...]]]:
    from itertools import islice

    return list(islice(table.rows([name]), _PEEKED))
