"""Tables of images: CSV or Parquet that names files, FER2013, and Parquet with encoded images."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from convscope.data.assembly import Found
from convscope.data.columns import (
    LABEL_COLUMNS,
    PATH_COLUMNS,
    SPLIT_COLUMNS,
    find_column,
    split_name,
)
from convscope.data.named_files import Inside, checked_path
from convscope.data.parquet_rows import class_label_names, parquet_rows, parquet_schema
from convscope.data.split_names import split_of_path
from convscope.data.tables import Table, named_table
from convscope.errors import DataError
from convscope.kinds.image.readers.columns import FINE_LABEL_COLUMNS, IMAGE_COLUMNS
from convscope.kinds.image.readers.scan import ALIKE, NOUNS, array_digests, scan_to_found
from convscope.kinds.image.readers.sources import ArrayImages, unscanned_bytes, unscanned_files
from convscope.types import Progress, Skipped, SplitName

MAX_BYTES = 4 * 2**30
"""Encoded images that are held in memory at most, in bytes."""
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Class names of the labels 0 to 6."""

_NUMBERS = {str(value): value for value in range(256)}
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


def is_fer2013(path: Path) -> bool:
    """True where a CSV file has the columns `emotion` and `pixels`.

    Raises:
        DataError: The file cannot be read or its header is not UTF-8.
    """
    return {"emotion", "pixels"} <= {name.lower() for name in _opened(path).columns}


def read_fer2013(path: Path, progress: Progress) -> Found:
    """Reads columns `emotion,pixels` and, where there is one, `Usage`, into one array.

    Args:
        path: The CSV file; the images are square, and all of the size of the first.
        progress: Told how many rows were read.

    Returns:
        The images, in the order of the file.

    Raises:
        DataError: A row has a wrong number of fields or pixels, or a value that is not a number of its range;
            the message names the line.
    """
    table = _opened(path)
    columns = {name.lower(): name for name in table.columns}
    has_splits = "usage" in columns
    wanted = [columns["emotion"], columns["pixels"], *([columns["usage"]] if has_splits else [])]
    array: npt.NDArray[np.uint8] | None = None
    labels: list[str] = []
    splits: list[SplitName | None] = []
    for count, (row, cells) in enumerate(table.rows(wanted)):
        where, (emotion, text, *usage) = table.where(row), map(str, cells)
        pixels = _pixels(where, text)
        if array is None:
            array = _allocate(path, where, len(pixels))
        elif len(pixels) != array[0].size:
            raise DataError(
                f"{where}: expected {array[0].size} pixels as in the first row, received {len(pixels)}"
            )
        array[count] = np.frombuffer(pixels, np.uint8).reshape(array.shape[1:])
        labels.append(_emotion(where, emotion))
        splits.append(split_name(where, usage[0]) if usage else None)
        if count % 1000 == 0:
            progress(count, None, "reading rows")
    if array is None:
        raise DataError(f"{path}: expected rows of emotion, pixels and Usage, received none")
    source = ArrayImages(str(path.parent), array[: len(labels)], ((path.name, 0),))
    decision = "splits: Usage Training is train, PublicTest is validation, PrivateTest is test"
    return Found(
        where=str(path),
        layout=f"FER2013 CSV: {path.name} has the columns emotion and pixels",
        source=source,
        labels=labels,
        splits=splits,
        digests=array_digests(source),
        nouns=NOUNS,
        alike=ALIKE,
        decisions=[decision] if has_splits else [],
    )


def _opened(path: Path) -> Table:
    return named_table(path, (("pixels",),))


def _pixels(where: str, text: str) -> bytes:
    try:
        return bytes(map(_NUMBERS.__getitem__, text.split()))
    except KeyError as error:
        raise DataError(f"{where}: expected pixels from 0 to 255, received {error.args[0][:20]!r}") from None


def _emotion(where: str, text: str) -> str:
    number = _NUMBERS.get(text, len(EMOTIONS))
    if number >= len(EMOTIONS):
        raise DataError(f"{where}: expected an emotion from 0 to {len(EMOTIONS) - 1}, received {text[:20]!r}")
    return EMOTIONS[number]


def _allocate(path: Path, where: str, pixels: int) -> npt.NDArray[np.uint8]:
    """Room for as many images as the file can hold: each pixel but the last takes two bytes or more."""
    side = math.isqrt(pixels)
    if not pixels or side * side != pixels:
        raise DataError(f"{where}: expected the pixels of a square image, received {pixels}")
    rows = path.stat().st_size // (2 * pixels - 1) + 1
    return np.empty((rows, side, side), np.uint8)


@dataclass(frozen=True)
class _Columns:
    image: str
    label: str
    split: str | None
    class_names: Sequence[str] | None


@dataclass
class _Rows:
    keys: list[str] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    total_bytes: int = 0


def holds_images(path: Path) -> bool:
    """True where a Parquet file has a column of encoded images.

    Raises:
        DataError: It is not a readable Parquet file.
    """
    return _image_column(parquet_schema(path)) is not None


def read_parquet_images(root: Path, keys: Sequence[str], progress: Progress) -> Found:
    """Reads encoded images from one or several Parquet files.

    The split is a column, or the beginning of a file's name (`train-00000-of-00002.parquet`), or its folder.

    Args:
        root: The folder of the files.
        keys: The files, relative to it.
        progress: Told how many images were scanned.

    Returns:
        The images, in the order of the files and their rows.

    Raises:
        DataError: A file is damaged or has no usable image and label columns, a label is missing or unknown,
            or the images take more than `MAX_BYTES`.
    """
    rows = _Rows()
    for key in keys:
        _read_file(root, key, rows)
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
    )


def _read_file(root: Path, key: str, rows: _Rows) -> None:
    path = root / key
    columns = _columns(path, parquet_schema(path))
    of_file = split_of_path(key)
    names = [columns.image, columns.label] + ([columns.split] if columns.split else [])
    for row, (image, label, *split) in parquet_rows(path, names):
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
        rows.labels.append(_label(where, label, columns.class_names))
        rows.splits.append(split_name(where, str(split[0] or "")) if split else of_file)


def _columns(path: Path, schema: pa.Schema) -> _Columns:
    image = _image_column(schema)
    label = find_column(schema.names, FINE_LABEL_COLUMNS)
    if image is None or label is None:
        role = "label" if image else "image"
        raise DataError(
            f"{path}: expected a column {role}, received {', '.join(schema.names[:20]) or 'no columns'}",
            hint="Expected an image column of bytes or of struct{bytes, path}, and a label column.",
        )
    split = find_column(schema.names, SPLIT_COLUMNS)
    name = schema.names[label]
    return _Columns(
        image, name, None if split is None else schema.names[split], class_label_names(path, schema, name)
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


def _label(where: str, label: object, class_names: Sequence[str] | None) -> str:
    if isinstance(label, str) and label.strip():
        return label.strip()
    if not isinstance(label, int) or label < 0:
        raise DataError(f"{where}: expected a label as a name or a number from 0, received {label!r}")
    if class_names is None:
        return str(label)
    if label >= len(class_names):
        raise DataError(f"{where}: expected a label below {len(class_names)}, received {label}")
    return class_names[label]
