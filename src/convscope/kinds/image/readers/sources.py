"""Where images come from: files, encoded bytes or one array; each loads one image at a time."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.image.readers.decode import Levels, decode_image, read_bytes


class ImageSource(Protocol):
    """Images whose sizes are known without decoding them again."""

    @property
    def sizes(self) -> npt.NDArray[np.uint32]:
        """Height and width of every image in pixels, shape (images, 2)."""

    @property
    def channels(self) -> npt.NDArray[np.uint8]:
        """1 (gray) or 3 (RGB) for every image, shape (images,)."""

    def __len__(self) -> int:
        """The number of images."""

    def load(self, index: int) -> npt.NDArray[np.uint8]:
        """Loads one image: gray (height, width) or RGB (height, width, 3); safe from several threads."""

    def name(self, index: int) -> str:
        """The file (or `file#row`) of an image, as the user would look for it."""

    def key(self, index: int) -> str:
        """The name below the folder that was read: stays the same when that folder moves."""

    def take(self, indices: npt.NDArray[np.int64]) -> Self:
        """The same source with only these images, in this order; no pixels are copied."""


@dataclass(frozen=True)
class FileImages:
    """Image files below one folder; nothing but their names and sizes is held in memory.

    Args:
        root: The folder, or an empty string where the names are whole paths.
        keys: One path per image, relative to the root.
        sizes: Height and width in pixels, shape (images, 2), uint32.
        channels: 1 or 3, shape (images,), uint8.
        intensity_range: What 16-bit values become black and white; 0 and 65535 by default.
    """

    root: str
    keys: Sequence[str]
    sizes: npt.NDArray[np.uint32]
    channels: npt.NDArray[np.uint8]
    intensity_range: Levels | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, index: int) -> bytes:
        """Reads one file, still encoded."""
        return read_bytes(self.name(index))

    def load(self, index: int) -> npt.NDArray[np.uint8]:
        """Reads and decodes one file: gray (height, width) or RGB (height, width, 3)."""
        return decode_image(self.read(index), self.name(index), self.intensity_range)

    def name(self, index: int) -> str:
        """The path of an image."""
        return os.path.join(self.root, self.keys[index])  # noqa: PTH118 - a million of them

    def key(self, index: int) -> str:
        """The path relative to the root."""
        return self.keys[index]

    def take(self, indices: npt.NDArray[np.int64]) -> FileImages:
        """The same source with only these images."""
        keys = [self.keys[i] for i in indices.tolist()]
        return FileImages(self.root, keys, self.sizes[indices], self.channels[indices], self.intensity_range)


@dataclass(frozen=True)
class EncodedImages:
    """Images held as encoded bytes, as a Parquet column has them.

    Args:
        root: The folder that the keys are relative to.
        keys: One `file#row` per image.
        data: One encoded image each.
        sizes: Height and width in pixels, shape (images, 2), uint32.
        channels: 1 or 3, shape (images,), uint8.
        intensity_range: What 16-bit values become black and white; 0 and 65535 by default.
    """

    root: str
    keys: Sequence[str]
    data: Sequence[bytes] = field(repr=False)
    sizes: npt.NDArray[np.uint32]
    channels: npt.NDArray[np.uint8]
    intensity_range: Levels | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, index: int) -> bytes:
        """One image, still encoded."""
        return self.data[index]

    def load(self, index: int) -> npt.NDArray[np.uint8]:
        """Decodes one image: gray (height, width) or RGB (height, width, 3)."""
        return decode_image(self.data[index], self.name(index), self.intensity_range)

    def name(self, index: int) -> str:
        """The file and row of an image."""
        return os.path.join(self.root, self.keys[index])  # noqa: PTH118 - a million of them

    def key(self, index: int) -> str:
        """The file name and row of an image."""
        return self.keys[index]

    def take(self, indices: npt.NDArray[np.int64]) -> EncodedImages:
        """The same source with only these images; the bytes are shared."""
        rows = indices.tolist()
        return EncodedImages(
            self.root,
            [self.keys[i] for i in rows],
            [self.data[i] for i in rows],
            self.sizes[indices],
            self.channels[indices],
            self.intensity_range,
        )


@dataclass(frozen=True)
class ArrayImages:
    """Rows of one uint8 array; a source with only some of them shares the array.

    Args:
        root: The folder that the segment names are relative to.
        array: All images, shape (rows, height, width) or (rows, height, width, 1 or 3), uint8.
        segments: What the rows came from: (name, its first row) in order; the first starts at row 0.
        rows: The rows that belong to this source, shape (images,), int64; None means all.
    """

    root: str
    array: npt.NDArray[np.uint8] = field(repr=False)
    segments: tuple[tuple[str, int], ...] = (("array", 0),)
    rows: npt.NDArray[np.int64] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        shape = self.array.shape
        fits = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))
        if self.array.dtype != np.uint8 or not fits:
            raise DataError(
                f"{self.segments[0][0]}: expected uint8 images of shape (n, height, width[, 1 or 3]),"
                f" received {self.array.dtype} of shape {shape}"
            )

    @property
    def sizes(self) -> npt.NDArray[np.uint32]:
        """Height and width in pixels, shape (images, 2)."""
        return np.broadcast_to(np.array(self.array.shape[1:3], np.uint32), (len(self), 2))

    @property
    def channels(self) -> npt.NDArray[np.uint8]:
        """1 or 3, shape (images,)."""
        return np.full(len(self), self.array.shape[3] if self.array.ndim == 4 else 1, np.uint8)

    def __len__(self) -> int:
        return len(self.array) if self.rows is None else len(self.rows)

    def load(self, index: int) -> npt.NDArray[np.uint8]:
        """One image as a view: gray (height, width) or RGB (height, width, 3)."""
        image: npt.NDArray[np.uint8] = self.array[self._row(index)]
        return image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image

    def name(self, index: int) -> str:
        """The file and row of an image."""
        return os.path.join(self.root, self.key(index))  # noqa: PTH118 - a million of them

    def key(self, index: int) -> str:
        """The segment's name and the row in it."""
        row = self._row(index)
        name, first = self.segments[bisect_right(self.segments, row, key=lambda segment: segment[1]) - 1]
        return f"{name}#{row - first}"

    def take(self, indices: npt.NDArray[np.int64]) -> ArrayImages:
        """The same source with only these images; the array is shared."""
        rows = indices if self.rows is None else self.rows[indices]
        return ArrayImages(self.root, self.array, self.segments, rows)

    def _row(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        return index if self.rows is None else int(self.rows[index])


def unscanned_files(root: str, keys: Iterable[str], intensity_range: Levels | None = None) -> FileImages:
    """File images whose sizes are not known yet (all zero)."""
    names = list(keys)
    return FileImages(
        root, names, np.zeros((len(names), 2), np.uint32), np.zeros(len(names), np.uint8), intensity_range
    )


def unscanned_bytes(root: str, keys: Sequence[str], data: Sequence[bytes]) -> EncodedImages:
    """Encoded images whose sizes are not known yet (all zero)."""
    return EncodedImages(root, keys, data, np.zeros((len(keys), 2), np.uint32), np.zeros(len(keys), np.uint8))
