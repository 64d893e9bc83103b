"""Encoded samples of one shape: held in memory, or encoded each time they are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples
from convscope.data.threads import loading_pool, loading_threads
from convscope.types import Progress, no_progress

_BATCH = 1024

D = TypeVar("D", bound=np.generic)


@dataclass(frozen=True)
class HeldArrays(Generic[D]):
    """Samples held as one array.

    Args:
        array: Shape (rows, ...).
        rows: The rows that belong to these samples, shape (samples,), int64; None means all.
    """

    array: npt.NDArray[D] = field(repr=False)
    rows: npt.NDArray[np.int64] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.array) if self.rows is None else len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """(samples, ...)."""
        return len(self), *self.array.shape[1:]

    def take(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[D]:
        """Copies the samples at these positions."""
        return np.asarray(self.array[indices if self.rows is None else self.rows[indices]])


@dataclass(frozen=True)
class LazyArrays(Generic[D]):
    """Samples that are loaded and encoded each time they are asked for.

    Args:
        source: The samples.
        encode: Brings one to an array.
        size: Shape of that array.
        dtype: Its type.
    """

    source: Samples
    encode: Callable[[Any], npt.NDArray[D]] = field(repr=False)
    size: tuple[int, ...]
    dtype: type[D]
    _pool: ThreadPoolExecutor = field(default_factory=loading_pool, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.source)

    @property
    def shape(self) -> tuple[int, ...]:
        """(samples, ...)."""
        return len(self), *self.size

    def take(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[D]:
        """Encodes the samples at these positions in a few threads; safe to call from several.

        Raises:
            DataError: A file has changed or gone since it was found.
        """
        result = np.empty((len(indices), *self.size), self.dtype)

        def fill(part: npt.NDArray[np.int64]) -> None:
            for place in part.tolist():
                result[place] = self.encode(self.source.load(int(indices[place])))

        parts = np.array_split(np.arange(len(indices)), min(loading_threads(), max(1, len(indices))))
        if len(parts) == 1:  # at once, as waiting for a thread takes longer
            fill(parts[0])
            return result
        for _ in self._pool.map(fill, parts):
            pass
        return result

    def held(
        self, limit_bytes: int, progress: Progress = no_progress, what: str = "decoding"
    ) -> HeldArrays[D] | LazyArrays[D]:
        """All of them encoded once; themselves, where they would take more than the limit.

        Args:
            limit_bytes: How much memory they may take.
            progress: Receives the number of samples encoded.
            what: What is done, for the progress.
        """
        if math.prod(self.shape) * np.dtype(self.dtype).itemsize > limit_bytes:
            return self
        array, count = np.empty(self.shape, self.dtype), len(self)
        for start in range(0, count, _BATCH):
            stop = min(start + _BATCH, count)
            array[start:stop] = self.take(np.arange(start, stop))
            progress(stop, count, what)
        return HeldArrays(array)
