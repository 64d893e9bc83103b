"""Where pictures come from: files, encoded bytes or one array; each loads one picture at a time."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.image.readers.decode import decode_image, read_bytes


class ImageSource(Protocol):
    """Pictures whose sizes are known without decoding them again."""

    @property
    def sizes(self) -> npt.NDArray[np.uint32]:
        """Height and width of every picture in pixels, shape (pictures, 2)."""

    @property
    def channels(self) -> npt.NDArray[np.uint8]:
        """1 (gray) or 3 (RGB) for every picture, shape (pictures,)."""

    def __len__(self) -> int:
        """The number of pictures."""

    def load(self, index: int) -> npt.NDArray[np.uint8]:
        """Loads one picture: gray (height, width) or RGB (height, width, 3); safe from several threads."""

    def name(self, index: int) -> str:
        """The file (or `file#row`) of a picture, as the user would look for it."""

    def key(self, index: int) -> str:
        """The name below the folder that was read: stays the same when that folder moves."""

    def take(self, indices: npt.NDArray[np.int64]) -> Self:
        """The same source with only these pictures, in this order; no pixels are copied."""


@dataclass(frozen=True)
class FileImages:
    """Picture files below one folder; nothing but their names and sizes is held in memory.

    Args:
        root: The folder, or an empty string where the names are whole paths.
        keys: One path per picture, relative to the root.
        sizes: Height and width in pixels, shape (pictures, 2), uint32.
        channels: 1 or 3, shape (pictures,), uint8.
    """

    root: str
    keys: Sequence[str]
    sizes: npt.NDArray[np.uint32]
    channels: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, index: int) -> bytes:
        """Reads one file, still encoded."""
        return read_bytes(self.name(index))

    def load(self, index: int) -> npt.NDArray[np.uint8]:
        """Reads and decodes one file: gray (height, width) or RGB (height, width, 3)."""
        return decode_image(self.read(index), self.name(index))

    def name(self, index: int) -> str:
        """The path of a picture."""
        return os.path.join(self.root, self.keys[index])  # noqa: PTH118 - a million of them

    def key(self, index: int) -> str:
        """The path relative to the root."""
        return self.keys[index]

    def take(self, indices: npt.NDArray[np.int64]) -> FileImages:
        """The same source with only these pictures."""
        keys = [self.keys[i] for i in indices.tolist()]
        return FileImages(self.root, keys, self.sizes[indices], self.channels[indices])


@dataclass(frozen=True)
class EncodedImages:
    """Pictures held as encoded bytes, as a Parquet column has them.

    Args:
        root: The folder that the keys are relative to.
        keys: One `file#row` per picture.
        data: One encoded picture each.
        sizes: Height and width in pixels, shape (pictures, 2), uint32.
        channels: 1 or 3, shape (pictures,), uint8.
    """

    root: str
    keys: Sequence[str]
    data: Sequence[bytes] = field(repr=False)
    sizes: npt.NDArray[np.uint32]
    channels: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, index: int) -> bytes:
        """One picture, still encoded."""
        return self.data[index]

    def load(self, index: int) -> npt.NDArray[np.uint8]:
        """Decodes one picture: gray (height, width) or RGB (height, width, 3)."""
        return decode_image(self.data[index], self.name(index))

    def name(self, index: int) -> str:
        """The file and row of a picture."""
        return os.path.join(self.root, self.keys[index])  # noqa: PTH118 - a million of them

    def key(self, index: int) -> str:
        """The file name and row of a picture."""
        return self.keys[index]

    def take(self, indices: npt.NDArray[np.int64]) -> EncodedImages:
        """The same source with only these pictures; the bytes are shared."""
        rows = indices.tolist()
        return EncodedImages(
            self.root,
            [self.keys[i] for i in rows],
            [self.data[i] for i in rows],
            self.sizes[indices],
            self.channels[indices],
        )


@dataclass(frozen=True)
class ArrayImages:
    """Rows of one uint8 array; a source with only some of them shares the array.

    Args:
        root: The folder that the segment names are relative to.
        array: All pictures, shape (rows, height, width) or (rows, height, width, 1 or 3), uint8.
        segments: What the rows came from: (name, its first row) in order; the first starts at row 0.
        rows: The rows that belong to this source, shape (pictures,), int64; None means all.
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
                f"{self.segments[0][0]}: expected uint8 pictures of shape (n, height, width[, 1 or 3]),"
                f" received {self.array.dtype} of shape {shape}"
            )

    @property
    def sizes(self) -> npt.NDArray[np.uint32]:
        """Height and width in pixels, shape (pictures, 2)."""
        return np.broadcast_to(np.array(self.array.shape[1:3], np.uint32), (len(self), 2))

    @property
    def channels(self) -> npt.NDArray[np.uint8]:
        """1 or 3, shape (pictures,)."""
        return np.full(len(self), self.array.shape[3] if self.array.ndim == 4 else 1, np.uint8)

    def __len__(self) -> int:
        return len(self.array) if self.rows is None else len(self.rows)

    def load(self, index: int) -> npt.NDArray[np.uint8]:
        """One picture as a view: gray (height, width) or RGB (height, width, 3)."""
        picture: npt.NDArray[np.uint8] = self.array[self._row(index)]
        return picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture

    def name(self, index: int) -> str:
        """The file and row of a picture."""
        return os.path.join(self.root, self.key(index))  # noqa: PTH118 - a million of them

    def key(self, index: int) -> str:
        """The segment's name and the row in it."""
        row = self._row(index)
        name, first = self.segments[bisect_right(self.segments, row, key=lambda segment: segment[1]) - 1]
        return f"{name}#{row - first}"

    def take(self, indices: npt.NDArray[np.int64]) -> ArrayImages:
        """The same source with only these pictures; the array is shared."""
        rows = indices if self.rows is None else self.rows[indices]
        return ArrayImages(self.root, self.array, self.segments, rows)

    def _row(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise IndexError(f"picture {index} of {len(self)}")
        return index if self.rows is None else int(self.rows[index])


def unscanned_files(root: str, keys: Iterable[str]) -> FileImages:
    """File pictures whose sizes are not known yet (all zero)."""
    names = list(keys)
    return FileImages(root, names, np.zeros((len(names), 2), np.uint32), np.zeros(len(names), np.uint8))


def unscanned_bytes(root: str, keys: Sequence[str], data: Sequence[bytes]) -> EncodedImages:
    """Encoded pictures whose sizes are not known yet (all zero)."""
    return EncodedImages(root, keys, data, np.zeros((len(keys), 2), np.uint32), np.zeros(len(keys), np.uint8))
