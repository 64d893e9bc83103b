"""Parquet with encoded images, as Hugging Face `datasets` writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from convscope.data.assembly import Found
from convscope.data.columns import SPLIT_COLUMNS, column_of, columns_line, find_column, split_name
from convscope.data.groups import group_column
from convscope.data.parquet_rows import class_label_names, parquet_rows, parquet_schema
from convscope.data.split_names import split_of_path
from convscope.errors import DataError
from convscope.kinds.image.readers.columns import FINE_LABEL_COLUMNS, IMAGE_COLUMNS
from convscope.kinds.image.readers.manifest import NOTHING, TableOptions
from convscope.kinds.image.readers.scan import scan_to_found
from convscope.kinds.image.readers.sources import unscanned_bytes
from convscope.types import Progress, Skipped, SplitName

MAX_BYTES = 4 * 2**30
"""Encoded images that are held in memory at most, in bytes."""


@dataclass(frozen=True)
class _Columns:
    image: str
    label: str | None
    split: str | None
    group: str | None
    class_names: Sequence[str] | None

    def line(self, names: Sequence[str]) -> str:
        """What each column of a file was taken for."""
        told = (("image", self.image), ("label", self.label), ("split", self.split), ("group", self.group))
        roles = [(what, name) for what, name in told if name is not None]
        return columns_line(roles, [name for name in names if name not in {used for _, used in roles}])


@dataclass
class _Rows:
    keys: list[str] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    grouped_by: str = ""
    skipped: list[Skipped] = field(default_factory=list)
    decisions: dict[str, None] = field(default_factory=dict)
    total_bytes: int = 0


def holds_images(path: Path) -> bool:
    """True where a Parquet file has a column of encoded images.

    Raises:
        DataError: It is not a readable Parquet file.
    """
    return _image_column(parquet_schema(path)) is not None


def read_parquet_images(
    root: Path, keys: Sequence[str], progress: Progress, asked: TableOptions = NOTHING
) -> Found:
    """Reads encoded images from one or several Parquet files.

    The split is a column, or the beginning of a file's name (`train-00000-of-00002.parquet`), or its folder.

    Args:
        root: The folder of the files.
        keys: The files, relative to it.
        progress: Receives the number of images scanned.
        asked: Options that the user gave.

    Returns:
        The images, in the order of the files and their rows.

    Raises:
        DataError: A file is damaged or has no usable image and label columns, a label is missing or unknown,
            or the images take more than `MAX_BYTES`.
    """
    rows = _Rows()
    for key in keys:
        _read_file(root, key, rows, asked)
        progress(len(rows.keys), None, "reading rows")
    where = str(root / keys[0]) if len(keys) == 1 else str(root)
    if not rows.keys:
        raise DataError(f"{where}: expected rows with encoded images, received none")
    return scan_to_found(
        unscanned_bytes(str(root), rows.keys, rows.data),
        where=where,
        layout=f"Parquet with encoded images: {len(keys)} file{'s' * (len(keys) > 1)}",
        labels=rows.labels,
        splits=rows.splits,
        skipped=rows.skipped,
        progress=progress,
        groups=rows.groups if rows.grouped_by else None,
        grouped_by=rows.grouped_by,
        decisions=tuple(rows.decisions),
        intensity_range=asked.intensity_range,
    )


def _read_file(root: Path, key: str, rows: _Rows, asked: TableOptions) -> None:
    path = root / key
    schema = parquet_schema(path)
    columns = _columns(path, schema, asked)
    rows.decisions[columns.line(schema.names)] = None
    of_file = split_of_path(key)
    more = [name for name in (columns.label, columns.split, columns.group) if name is not None]
    for row, (image, *cells) in parquet_rows(path, [columns.image, *more]):
        said = dict(zip(more, cells, strict=True))
        where = f"{path}#{row}"
        data = image.get("bytes") if isinstance(image, dict) else image
        if not isinstance(data, bytes):
            rows.skipped.append(Skipped(where, "a row without image bytes"))
            continue
        rows.total_bytes += len(data)
        if rows.total_bytes > MAX_BYTES:
            raise DataError(
                f"{where}: the encoded images take more than {MAX_BYTES} bytes of memory",
                hint="Write them as files into a folder per class.",
            )
        rows.keys.append(f"{key}#{row}")
        rows.data.append(data)
        label = said.get(columns.label or "")
        rows.labels.append(_label(where, label, columns.class_names) if columns.label else None)
        split = said.get(columns.split or "")
        rows.splits.append(split_name(where, str(split or "")) if columns.split else of_file)
        group = said.get(columns.group or "")
        rows.groups.append(None if group is None else str(group))
    rows.grouped_by = f"column {columns.group!r}" if columns.group else rows.grouped_by


def _columns(path: Path, schema: pa.Schema, asked: TableOptions) -> _Columns:
    names = [name for name in schema.names if name not in asked.drop]
    image = _image_column(schema)
    at = find_column(names, FINE_LABEL_COLUMNS)
    label = None if at is None else names[at]
    if asked.label is not None:
        label = column_of(str(path), names, asked.label)
    if image is None or (label is None and asked.labels):
        role = "label" if image else "image"
        raise DataError(
            f"{path}: expected a column {role}, received {', '.join(names[:20]) or 'no columns'}",
            hint="Expected an image column of bytes or of struct{bytes, path}, and a label column.",
        )
    split = find_column(names, SPLIT_COLUMNS)
    return _Columns(
        image,
        label if asked.labels else None,
        None if split is None else names[split],
        group_column(names, asked.group),
        None if label is None else class_label_names(path, schema, label),
    )


def _image_column(schema: pa.Schema) -> str | None:
    for column in schema:
        if pa.types.is_struct(column.type) and column.type.get_field_index("bytes") >= 0:
            return str(column.name)
    for column in schema:
        binary = pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)
        if binary and column.name.lower() in IMAGE_COLUMNS:
            return str(column.name)
    return None


def _label(where: str, label: object, class_names: Sequence[str] | None) -> str | None:
    if label is None or label in ("", -1):
        return None
    if isinstance(label, str) and label.strip():
        return label.strip()
    if not isinstance(label, int) or label < 0:
        raise DataError(f"{where}: expected a label as a name or a number from 0, received {label!r}")
    if class_names is None:
        return str(label)
    if label >= len(class_names):
        raise DataError(f"{where}: expected a label below {len(class_names)}, received {label}")
    return class_names[label]
