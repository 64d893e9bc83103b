"""A table that names image files: CSV or Parquet with columns path, label and, if wanted, split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from convscope.data.assembly import Found
from convscope.data.columns import LABEL_COLUMNS, PATH_COLUMNS, SPLIT_COLUMNS, find_column, split_name
from convscope.data.named_files import Inside, checked_path
from convscope.data.tables import Table, named_table
from convscope.errors import DataError
from convscope.kinds.image.readers.scan import scan_to_found
from convscope.kinds.image.readers.sources import unscanned_files
from convscope.types import Progress, Skipped, SplitName

Row = tuple[str, str, str, str | None]
"""Where it stands, path, label, split."""

_ROLES = (("path", PATH_COLUMNS), ("label", LABEL_COLUMNS))


def read_manifest(path: Path, progress: Progress) -> Found:
    """Reads the images that a table names.

    Paths are relative to the folder of the table and must stay in it.

    Args:
        path: A `.csv` or Parquet file.
        progress: Told how many images were scanned.

    Returns:
        The images, in the order of the table.

    Raises:
        DataError: A column, path, label or split is missing or malformed; the message names the line.
    """
    inside = Inside(path.parent)
    keys: list[str] = []
    labels: list[str] = []
    splits: list[SplitName | None] = []
    skipped: list[Skipped] = []
    for where, raw_path, label, split in _rows(path):
        if not label:
            raise DataError(f"{where}: expected a label, received none", hint="Fill in the label column.")
        key = checked_path(where, raw_path, path.parent)
        name = split_name(where, split)
        if not inside(key):
            skipped.append(Skipped(str(path.parent / key), "a link that leaves the folder"))
            continue
        keys.append(key)
        labels.append(label)
        splits.append(name)
    if not keys:
        raise DataError(f"{path}: expected rows that name images, received none")
    return scan_to_found(
        unscanned_files(str(path.parent), keys),
        where=str(path),
        layout=f"manifest: {path.name} names {len(keys)} files",
        labels=labels,
        splits=splits,
        skipped=skipped,
        progress=progress,
    )


def _rows(path: Path) -> Iterator[Row]:
    table = named_table(path, (PATH_COLUMNS,))
    columns = [_column(table, role, names) for role, names in _ROLES]
    split = find_column(table.columns, SPLIT_COLUMNS)
    if split is not None:
        columns.append(table.columns[split])
    for row, (file, label, *of_split) in table.rows(columns):
        where = table.where(row)
        if not isinstance(file, str):
            raise DataError(f"{where}: expected a path as text, received {type(file).__name__}")
        if not isinstance(label, str | int | None):
            raise DataError(f"{where}: expected a label, received {type(label).__name__}")
        texts = ["" if field is None else str(field).strip() for field in (file, label, *of_split)]
        yield where, texts[0], texts[1], texts[2] if of_split else None


def _column(table: Table, role: str, names: tuple[str, ...]) -> str:
    at = find_column(table.columns, names)
    if at is None:
        received = ", ".join(table.columns[:20]) or "no columns"
        raise DataError(
            f"{table.path}: expected a column {role}, received {received}",
            hint=f"Name the column one of {', '.join(names)}.",
        )
    return table.columns[at]
