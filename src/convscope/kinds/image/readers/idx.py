"""IDX files, the format of MNIST: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, gzipped or not."""

from __future__ import annotations

import gzip
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, cast

import numpy as np

from convscope.data.assembly import Found
from convscope.data.listing import Listing
from convscope.data.parse_errors import damage_as_data_error
from convscope.data.split_names import split_of
from convscope.data.stored_arrays import StoredArray
from convscope.errors import DataError
from convscope.kinds.image.readers.arrays import ArrayPart, read_array_parts
from convscope.types import SPLITS, Progress, Skipped, SplitName

_NAME = re.compile(r"(?P<prefix>.*?)[-._]?(?P<role>images|labels)[-._]idx(?P<rank>\d)[-._]ubyte(\.gz)?", re.I)
_UNSIGNED_BYTE = 8


def idx_files(folder: Path) -> list[str]:
    """The IDX files right in a folder, by their names, sorted."""
    return [key for key in Listing(str(folder)).children("")[1] if is_idx(key)]


def is_idx(name: str) -> bool:
    """True where a file is named as an IDX file."""
    return _NAME.fullmatch(name) is not None


def read_idx(folder: Path, progress: Progress, labelled: bool = True) -> Found:
    """Reads the pairs of image and label files in a folder.

    `train` and `t10k` in a name are train and test; a single pair without either has no splits.

    Args:
        folder: Where the files are.
        progress: Receives the number of images read.
        labelled: Whether labels are read.

    Returns:
        The images: train, validation, test, each in its own order.

    Raises:
        DataError: A file has no partner, is damaged, or does not hold what its header says.
    """
    names = idx_files(folder)
    parts = []
    for split, (images, labels) in _pairs(folder, names, labelled).items():
        known = _stored(folder, labels) if labelled else None
        parts.append(ArrayPart(images, split, _stored(folder, images), known))
    found = read_array_parts(folder, f"IDX files: {', '.join(names)}", folder, parts, progress)
    others = [key for entries in Listing(str(folder)).children("") for key in entries if key not in names]
    return replace(found, skipped=[Skipped(str(folder / key), "not an IDX file") for key in others])


def _pairs(folder: Path, names: list[str], labelled: bool) -> dict[SplitName | None, tuple[str, str]]:
    """The image file and the label file of each split: train, validation, test."""
    images: dict[str, str] = {}
    labels: dict[str, str] = {}
    for name in names:
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        of_role = images if match["role"].lower() == "images" else labels
        prefix = match["prefix"].lower()
        if prefix in of_role:
            raise DataError(f"{folder}: expected one of {of_role[prefix]} and {name}, received both")
        of_role[prefix] = name
    alone = sorted(images.keys() ^ labels.keys()) if labelled else []
    if alone:
        single = images.get(alone[0]) or labels[alone[0]]
        raise DataError(f"{folder}: expected pairs of image and label files, received only {single}")
    pairs: dict[SplitName | None, tuple[str, str]] = {}
    for prefix in sorted(images):
        split = split_of(prefix)
        if split in pairs:
            both = f"{pairs[split][0]} and {images[prefix]}"
            raise DataError(f"{folder}: expected one pair of files per split, received {both}")
        pairs[split] = images[prefix], labels.get(prefix, "")
    order: tuple[SplitName | None, ...] = (None, *SPLITS)
    return {split: pairs[split] for split in order if split in pairs}


def _stored(folder: Path, name: str) -> StoredArray:
    """Reads the header: two zero bytes, the type, the rank, then each length in big-endian 32 bits."""
    path = folder / name
    with damage_as_data_error(str(path), "IDX file"), _opened(path) as file:
        zero, kind, rank = struct.unpack(">HBB", file.read(4))
        if zero or kind != _UNSIGNED_BYTE or not 1 <= rank <= 4:
            raise DataError(
                f"{path}: expected an IDX header of unsigned bytes, received type {kind}, rank {rank}"
            )
        header_bytes = 4 + 4 * rank
        shape = struct.unpack(f">{rank}I", file.read(4 * rank))
    if path.suffix.lower() != ".gz":
        expected = header_bytes + int(np.prod(shape, dtype=object))
        if path.stat().st_size != expected:
            raise DataError(
                f"{path}: expected {expected} bytes by its header, received {path.stat().st_size}"
            )

    @contextmanager
    def values() -> Iterator[IO[bytes]]:
        with _opened(path) as file:
            file.read(header_bytes)
            yield file
            if file.read(1):
                raise DataError(f"{path}: expected {shape} values by its header, received more")

    return StoredArray(str(path), shape, np.dtype(np.uint8), values)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if path.suffix.lower() == ".gz":
        with gzip.open(path, "rb") as unpacked:
            yield cast(IO[bytes], unpacked)
    else:
        with path.open("rb") as file:
            yield file
