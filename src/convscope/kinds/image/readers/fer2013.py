"""The CSV file of the FER2013 challenge: one gray image per row, written as numbers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found
from convscope.data.columns import split_name
from convscope.data.tables import Table, named_table
from convscope.errors import DataError
from convscope.kinds.image.readers.scan import ALIKE, NOUNS, array_digests
from convscope.kinds.image.readers.sources import ArrayImages
from convscope.types import Progress, SplitName

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Class names of the labels 0 to 6."""

_NUMBERS = {str(value): value for value in range(256)}


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
