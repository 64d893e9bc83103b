"""Images of one size as uint8 arrays: all in memory, or decoded when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from convscope.data.threads import loading_pool, loading_threads
from convscope.kinds.image.readers.sources import ImageSource

Encode = Callable[[Sequence[npt.NDArray[np.uint8]]], npt.NDArray[np.uint8]]


class Pixels(Protocol):
    """Images of one size, wherever they are."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(images, height, width, channels)."""

    def __len__(self) -> int:
        """The number of images."""

    def take(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Gathers images; safe to call from several threads at once.

        Args:
            indices: Which images, shape (k,), int64, from 0 to `len(self) - 1`.

        Returns:
            A new array, shape (k, height, width, channels), uint8.

        Raises:
            DataError: A file has changed or gone since it was scanned.
        """


@dataclass(frozen=True)
class MemoryPixels:
    """Images held as one array.

    Args:
        array: Shape (rows, height, width, channels), uint8.
        rows: The rows that belong to these images, shape (images,), int64; None means all.
    """

    array: npt.NDArray[np.uint8] = field(repr=False)
    rows: npt.NDArray[np.int64] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.array) if self.rows is None else len(self.rows)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(images, height, width, channels)."""
        _, height, width, channels = self.array.shape
        return len(self), height, width, channels

    def take(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Copies the chosen rows; see `Pixels.take`."""
        taken: npt.NDArray[np.uint8] = self.array[indices if self.rows is None else self.rows[indices]]
        return taken


@dataclass(frozen=True)
class LazyPixels:
    """Images that are loaded and brought to size each time they are asked for.

    Args:
        source: The images.
        encode: Brings a list of images to one size.
        size: Height, width and channels of the result.
    """

    source: ImageSource
    encode: Encode = field(repr=False)
    size: tuple[int, int, int]
    _pool: ThreadPoolExecutor = field(default_factory=loading_pool, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.source)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(images, height, width, channels)."""
        return len(self), *self.size

    def take(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Loads the chosen images in a few threads; see `Pixels.take`."""
        result = np.empty((len(indices), *self.size), np.uint8)

        def fill(part: npt.NDArray[np.int64]) -> None:
            for place in part.tolist():
                result[place] = self.encode([self.source.load(int(indices[place]))])[0]

        parts = np.array_split(np.arange(len(indices)), min(loading_threads(), max(1, len(indices))))
        for _ in self._pool.map(fill, parts):
            pass
        return result
