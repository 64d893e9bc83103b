"""Stored arrays of images and labels, such as `.npz`: checked by their headers, then read into one array."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found
from convscope.data.listing import Listing
from convscope.data.parse_errors import damage_as_data_error
from convscope.data.split_names import words_beside
from convscope.data.stored_arrays import (
    StoredArray,
    array_roles,
    exactly,
    label_texts,
    stored_in_archive,
    stored_npy,
)
from convscope.errors import DataError
from convscope.kinds.image.readers.columns import IMAGE_WORDS, LABEL_WORDS
from convscope.kinds.image.readers.pixel_rows import shape_of, shaped
from convscope.kinds.image.readers.scan import ALIKE, NOUNS, array_digests
from convscope.kinds.image.readers.sources import ArrayImages
from convscope.types import Progress, Skipped, SplitName

MAX_BYTES = 4 * 2**30
"""All arrays of a data set together, as stored and as uint8, are at most this, in bytes."""

_CHUNK_BYTES = 16 * 2**20
_PEEKED = 500


@dataclass(frozen=True)
class ArrayPart:
    """Images and their labels.

    Args:
        name: What the images are called: the file, or the file and the key.
        split: The split that they belong to, or None.
        images: Shape (n, height, width) or (n, height, width, 1 or 3), or (n, pixels) of square images.
        labels: Shape (n,) or (n, 1); None where there are none.
    """

    name: str
    split: SplitName | None
    images: StoredArray
    labels: StoredArray | None


def read_array_parts(
    where: Path, layout: str, root: Path, parts: Sequence[ArrayPart], progress: Progress
) -> Found:
    """Reads all parts into one uint8 array.

    Args:
        where: The path that was read, for messages.
        layout: One line that says which layout was recognized and by what.
        root: The folder that the names of the parts are relative to.
        parts: At least one; the images of all have the same size.
        progress: Receives the number of images read.

    Returns:
        The images, in the order of the parts.

    Raises:
        DataError: Shapes, types, values or lengths do not fit, or the arrays take more than `MAX_BYTES`.
    """
    for part in parts:
        _check_part(part, parts[0])
    count = sum(part.images.shape[0] for part in parts)
    image = parts[0].images.shape[1:]
    _check_memory(where, parts, count * math.prod(image))
    array = np.empty((count, *image), np.uint8)
    labels: list[str | None] = []
    splits: list[SplitName | None] = []
    segments: list[tuple[str, int]] = []
    for part in parts:
        start = len(labels)
        segments.append((part.name, start))
        none = [None] * part.images.shape[0]
        labels += label_texts(part.labels.read(), part.labels.where) if part.labels else none
        splits += [part.split] * (len(labels) - start)
        _read_images(part.images, array[start : len(labels)])
        progress(len(labels), count, "reading arrays")
    if not labels:
        raise DataError(f"{where}: expected images, received none")
    array, said = _as_squares(array)
    source = ArrayImages(str(root), array, tuple(segments))
    return Found(
        where=str(where),
        layout=layout,
        source=source,
        labels=labels,
        splits=splits,
        digests=array_digests(source),
        nouns=NOUNS,
        alike=ALIKE,
        decisions=said,
    )


def _as_squares(array: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Flat images as squares, and what was decided; others as they are."""
    if array.ndim > 2:
        return array, []
    made, said = shaped(array)
    shape = f"images: {array.shape[1]} values of each are {made.shape[1]} rows of {made.shape[2]} pixels"
    return made, said or [shape]


def has_channels_first(shape: Sequence[int]) -> bool:
    """Whether a shape is that of images as PyTorch holds them: (n, 1 or 3, height, width)."""
    return len(shape) == 4 and shape[1] in (1, 3) and shape[3] not in (1, 3) and min(shape[2:]) >= 8


def _check_memory(where: Path, parts: Sequence[ArrayPart], needed: int) -> None:
    """Stops at arrays that take too many bytes, as they are stored or as uint8."""
    stored = sum(part.images.nbytes + (part.labels.nbytes if part.labels else 0) for part in parts)
    if max(stored, needed) > MAX_BYTES:
        raise DataError(
            f"{where}: too large: {stored} bytes, expected at most {MAX_BYTES}",
            hint="Write the images as files into a folder per class.",
        )


def _check_part(part: ArrayPart, first: ArrayPart) -> None:
    shape = part.images.shape
    if has_channels_first(shape):
        raise DataError(
            f"{part.images.where}: expected images of shape (n, height, width[, 1 or 3]), received {shape},"
            " whose channels come first",
            hint="Save them with the channels last: numpy.save(path, images.transpose(0, 2, 3, 1)).",
        )
    flat = len(shape) == 2 and shape_of(shape[1]) is not None
    if (
        (len(shape) not in (3, 4) and not flat)
        or (len(shape) == 4 and shape[3] not in (1, 3))
        or not all(shape[1:])
    ):
        raise DataError(
            f"{part.images.where}: expected images of shape (n, height, width[, 1 or 3]), received {shape}"
        )
    if shape[1:] != first.images.shape[1:]:
        raise DataError(
            f"{part.images.where}: expected images of shape {first.images.shape[1:]} as in"
            f" {first.images.where}, received {shape[1:]}"
        )
    labels = None if part.labels is None else part.labels.shape
    if part.labels is not None and labels not in ((shape[0],), (shape[0], 1)):
        raise DataError(
            f"{part.labels.where}: expected one label for each of {shape[0]} images, received shape {labels}",
            hint="Save one number for each image; of a column for each class, numpy.argmax(y, axis=1).",
        )


def _read_images(stored: StoredArray, into: npt.NDArray[np.uint8]) -> None:
    """Reads and converts a few rows at a time, so that the stored form is never in memory as a whole."""
    most = _most(stored) if len(stored.shape) == 2 else None
    with damage_as_data_error(stored.where, "array"), stored.open() as file:
        if stored.fortran:
            flat = np.frombuffer(exactly(file, stored.nbytes, stored.where), stored.dtype)
            into[...] = _to_uint8(flat.reshape(stored.shape, order="F"), stored.where, most)
            return
        row_bytes = math.prod(stored.shape[1:]) * stored.dtype.itemsize
        step = max(1, _CHUNK_BYTES // row_bytes)
        for start in range(0, len(into), step):
            rows = into[start : start + step]
            values = np.frombuffer(exactly(file, len(rows) * row_bytes, stored.where), stored.dtype)
            rows[...] = _to_uint8(values.reshape(rows.shape), stored.where, most)


def _most(stored: StoredArray) -> int | None:
    """The brightest value of flat images, 1, 16 (digits of scikit-learn) or 255; None of one byte each."""
    first = stored.first(_PEEKED)
    if stored.dtype == np.uint8 or not first.size or first.dtype.kind not in "iuf":
        return None
    return next((most for most in (1, 16) if first.max() <= most), 255)


def _to_uint8(values: npt.NDArray[np.generic], where: str, most: int | None = None) -> npt.NDArray[np.uint8]:
    """Whole numbers of 0 to 255 as they are; floats of 0 to 1 and booleans times 255, or as `most` says."""
    kind = values.dtype.kind
    if values.dtype == np.uint8 or not values.size:
        return values.astype(np.uint8)
    if kind not in "biuf":
        raise DataError(f"{where}: expected images as numbers, received {values.dtype}")
    numbers: npt.NDArray[np.float64] = values.astype(np.float64)
    most = most or (255 if kind in "iu" else 1)
    if not (numbers.min() >= 0 and numbers.max() <= most):
        raise DataError(
            f"{where}: expected values from 0 to {most} in an array of {values.dtype},"
            f" received {numbers.min():g} to {numbers.max():g}",
            hint="Store the images as uint8.",
        )
    scaled: npt.NDArray[np.uint8] = np.rint(numbers * (255 / most)).astype(np.uint8)
    return scaled


def read_npz(path: Path, progress: Progress, labelled: bool = True) -> Found:
    """Reads images and labels from a NumPy archive; pickled objects are refused.

    Args:
        path: The `.npz` file.
        progress: Receives the number of images read.
        labelled: Whether labels are read.

    Returns:
        The images: train, validation, test, each in its own order.

    Raises:
        DataError: The archive is damaged, its names are not understood, or an array does not fit.
    """
    with damage_as_data_error(str(path), "NumPy archive"), zipfile.ZipFile(path) as archive:
        keys = [info.filename.removesuffix(".npy") for info in archive.infolist()]
        images, labels, others = array_roles(path, keys, labelled, IMAGE_WORDS, LABEL_WORDS, "images")
        parts = [
            ArrayPart(
                f"{path.name}[{key}]",
                split,
                stored_in_archive(path, archive, key),
                stored_in_archive(path, archive, labels[split]) if labelled else None,
            )
            for split, key in images.items()
        ]
        layout = f"NumPy archive: {path.name} has {', '.join((*images.values(), *labels.values()))}"
        found = read_array_parts(path, layout, path.parent, parts, progress)
    skipped = tuple(Skipped(f"{path}[{key}]", "neither images nor labels by its name") for key in others)
    return replace(found, skipped=skipped)


def first_of_array(file: Path, name: str, rows: int) -> npt.NDArray[Any]:
    """The first rows of an array of an archive or a file.

    Raises:
        DataError: It is damaged, or of objects.
    """
    if file.suffix.lower() == ".npy":
        return stored_npy(file).first(rows)
    with damage_as_data_error(str(file), "NumPy archive"), zipfile.ZipFile(file) as archive:
        return stored_in_archive(file, archive, name).first(rows)


def npy_pairs(folder: Path) -> list[str]:
    """The `.npy` files right in a folder that are images and their labels by their names; none otherwise."""
    files = [key for key in Listing(str(folder)).children("")[1] if key.lower().endswith(".npy")]
    roles = [words_beside(key[: -len(".npy")]) for key in files]
    named = [key for key, words in zip(files, roles, strict=True) if _in(words, IMAGE_WORDS | LABEL_WORDS)]
    return named if any(_in(words, IMAGE_WORDS) for words in roles) else []


def _in(words: frozenset[str], known: frozenset[str]) -> bool:
    return bool(words) and words <= known


def read_npy(folder: Path, progress: Progress, labelled: bool = True) -> Found:
    """Reads images and labels that are `.npy` files in a folder; pickled objects are refused.

    Raises:
        DataError: A file is damaged, images or labels are missing, or an array does not fit.
    """
    keys = npy_pairs(folder)
    images, labels, others = array_roles(
        folder, [key[: -len(".npy")] for key in keys], labelled, IMAGE_WORDS, LABEL_WORDS, "images"
    )
    parts = [
        ArrayPart(
            f"{key}.npy",
            split,
            stored_npy(folder / f"{key}.npy"),
            stored_npy(folder / f"{labels[split]}.npy") if labelled else None,
        )
        for split, key in images.items()
    ]
    found = read_array_parts(folder, f"NumPy arrays: {', '.join(keys)}", folder, parts, progress)
    beside = [key for entries in Listing(str(folder)).children("") for key in entries if key not in keys]
    skipped = [
        Skipped(str(folder / key), "neither images nor labels by its name") for key in (*others, *beside)
    ]
    return replace(found, skipped=skipped)
