"""NumPy archives: `x_train, y_train, ...`, `train_images, train_labels, ...` or `images, labels`."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from convscope.data.assembly import SPLIT_ALIASES, Found
from convscope.data.npy_header import npy_header
from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError
from convscope.kinds.image.readers.arrays import ArrayPart, StoredArray, read_array_parts
from convscope.kinds.image.readers.columns import IMAGE_WORDS, LABEL_WORDS
from convscope.types import SPLITS, Progress, Skipped, SplitName

_MOST_EXPANSION = 1100  # deflate cannot expand more than 1032 times
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_npz(path: Path, progress: Progress) -> Found:
    """Reads images and labels from a NumPy archive; pickled objects are refused.

    Args:
        path: The `.npz` file.
        progress: Told how many images were read.

    Returns:
        The images: train, validation, test, each in its own order.

    Raises:
        DataError: The archive is damaged, its names are not understood, or an array does not fit.
    """
    with damage_as_data_error(str(path), "NumPy archive"), zipfile.ZipFile(path) as archive:
        keys = [info.filename.removesuffix(".npy") for info in archive.infolist()]
        images, labels, others = _roles(path, keys)
        parts = [
            ArrayPart(
                f"{path.name}[{key}]",
                split,
                _stored(path, archive, key),
                _stored(path, archive, labels[split]),
            )
            for split, key in images.items()
        ]
        layout = f"NumPy archive: {path.name} has {', '.join((*images.values(), *labels.values()))}"
        found = read_array_parts(path, layout, path.parent, parts, progress)
    skipped = tuple(Skipped(f"{path}[{key}]", "neither images nor labels by its name") for key in others)
    return replace(found, skipped=skipped)


def _roles(
    path: Path, keys: list[str]
) -> tuple[dict[SplitName | None, str], dict[SplitName | None, str], list[str]]:
    """Which key holds the images and which the labels of each split, and the keys that hold neither."""
    images: dict[SplitName | None, str] = {}
    labels: dict[SplitName | None, str] = {}
    others: list[str] = []
    for key in sorted(keys):
        words = set(re.split(r"[_\-. ]", key.lower()))
        splits = {SPLIT_ALIASES[word] for word in words & SPLIT_ALIASES.keys()}
        rest = words - SPLIT_ALIASES.keys()
        role = images if rest and rest <= IMAGE_WORDS else labels if rest and rest <= LABEL_WORDS else None
        if role is None or len(splits) > 1:
            others.append(key)
            continue
        split = next(iter(splits), None)
        if split in role:
            raise DataError(f"{path}: expected one array for each role, received {role[split]} and {key}")
        role[split] = key
    if not images or images.keys() != labels.keys():
        received = ", ".join(keys[:20]) or "none"
        raise DataError(
            f"{path}: expected images and labels of the same splits, received {received}",
            hint="Name the arrays x_train, y_train, x_test, y_test, or images and labels.",
        )
    order: tuple[SplitName | None, ...] = (None, *SPLITS)
    return {name: images[name] for name in order if name in images}, labels, others


def _stored(path: Path, archive: zipfile.ZipFile, key: str) -> StoredArray:
    """Reads the header of one array and checks that the archive can hold what it promises."""
    where = f"{path}[{key}]"
    info = next(info for info in archive.infolist() if info.filename.removesuffix(".npy") == key)
    if info.compress_type not in _COMPRESSIONS or info.file_size > info.compress_size * _MOST_EXPANSION:
        raise DataError(f"{where}: expected a stored or deflated array, received an impossible compression")
    with archive.open(info) as file:
        shape, fortran, dtype = npy_header(file, where)
        header_bytes = file.tell()

    @contextmanager
    def values() -> Iterator[IO[bytes]]:
        with archive.open(info) as file:
            file.read(header_bytes)
            yield file

    stored = StoredArray(where, shape, dtype, values, fortran)
    if dtype.hasobject or not dtype.itemsize:
        raise DataError(f"{where}: expected numbers or text, received {dtype}; objects are never unpickled")
    if header_bytes + stored.nbytes != info.file_size:
        raise DataError(
            f"{where}: expected {header_bytes + stored.nbytes} bytes by its header, received {info.file_size}"
        )
    return stored
