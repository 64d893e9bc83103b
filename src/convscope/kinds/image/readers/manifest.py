"""A table that names picture files: CSV or Parquet with columns path, label and, if wanted, split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from convscope.data.assembly import Found
from convscope.data.columns import LABEL_COLUMNS, PATH_COLUMNS, SPLIT_COLUMNS, find_column, split_name
from convscope.data.csv_rows import csv_rows
from convscope.data.named_files import Inside, checked_path
from convscope.data.parquet_rows import parquet_rows, parquet_schema
from convscope.errors import DataError
from convscope.kinds.image.readers.scan import scan_to_found
from convscope.kinds.image.readers.sources import unscanned_files
from convscope.types import Progress, Skipped, SplitName

Row = tuple[str, str, str, str | None]
"""Where it stands, path, label, split."""


def read_manifest(path: Path, progress: Progress) -> Found:
    """Reads the pictures that a table names.

    Paths are relative to the folder of the table and must stay in it.

    Args:
        path: A `.csv` or Parquet file.
        progress: Told how many pictures were scanned.

    Returns:
        The pictures, in the order of the table.

    Raises:
        DataError: A column, path, label or split is missing or malformed; the message names the line.
    """
    rows = _csv(path) if path.suffix.lower() == ".csv" else _parquet(path)
    inside = Inside(path.parent)
    keys: list[str] = []
    labels: list[str] = []
    splits: list[SplitName | None] = []
    skipped: list[Skipped] = []
    for where, raw_path, label, split in rows:
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
        raise DataError(f"{path}: expected rows that name pictures, received none")
    return scan_to_found(
        unscanned_files(str(path.parent), keys),
        where=str(path),
        layout=f"manifest: {path.name} names {len(keys)} files",
        labels=labels,
        splits=splits,
        skipped=skipped,
        progress=progress,
    )


def _columns(path: Path, names: Sequence[str]) -> tuple[int, int, int | None]:
    positions = []
    for role, aliases in (("path", PATH_COLUMNS), ("label", LABEL_COLUMNS)):
        position = find_column(names, aliases)
        if position is None:
            raise DataError(
                f"{path}: expected a column {role}, received {', '.join(names[:20]) or 'no columns'}",
                hint=f"Name the column one of {', '.join(aliases)}.",
            )
        positions.append(position)
    return positions[0], positions[1], find_column(names, SPLIT_COLUMNS)


def _csv(path: Path) -> Iterator[Row]:
    rows = csv_rows(path)
    _, header = next(rows, (0, []))
    at_path, at_label, at_split = _columns(path, header)
    for line, fields in rows:
        where = f"{path}, line {line}"
        if len(fields) != len(header):
            raise DataError(f"{where}: expected {len(header)} fields, received {len(fields)}")
        yield where, fields[at_path], fields[at_label], None if at_split is None else fields[at_split]


def _parquet(path: Path) -> Iterator[Row]:
    names = parquet_schema(path).names
    at_path, at_label, at_split = _columns(path, names)
    columns = [names[at] for at in (at_path, at_label, at_split) if at is not None]
    for row, fields in parquet_rows(path, columns, batch_rows=4096):
        where = f"{path}#{row}"
        texts = ["" if field is None else str(field).strip() for field in fields]
        if not isinstance(fields[0], str):
            raise DataError(f"{where}: expected a path as text, received {type(fields[0]).__name__}")
        if not isinstance(fields[1], str | int | None):
            raise DataError(f"{where}: expected a label, received {type(fields[1]).__name__}")
        yield where, texts[0], texts[1], texts[2] if at_split is not None else None
