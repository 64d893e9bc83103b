"""Encoded samples that a training asks for again and again: from a temporary file once they were encoded."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from functools import cached_property
from pathlib import Path
from typing import IO, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from convscope.data.encoded import LazyArrays

DISK_LIMIT = 4 * 2**30
"""Encoded samples lie on disk up to so many bytes, and half of what is free; others are encoded each time."""
_LARGE_FILES = Path("/var/tmp")  # noqa: S108 - the file has no name there
"""Where files may be large: elsewhere, temporary ones often lie in memory."""

T = TypeVar("T")
D = TypeVar("D", bound=np.generic)


def kept(arrays: T, limit_bytes: int = DISK_LIMIT) -> T | KeptArrays[np.generic]:
    """Samples that are encoded on demand, kept on disk from the first time on; all others as they are.

    Args:
        arrays: What a representation has encoded.
        limit_bytes: How much of the disk they may take.
    """
    return KeptArrays(arrays, limit_bytes) if isinstance(arrays, LazyArrays) else arrays


class KeptArrays(Generic[D]):
    """Samples that are encoded when they are first asked for, and then lie in a temporary file.

    What does not fit into the limit, or onto the disk, is encoded each time it is asked for. The file is gone
    when the process ends.

    Args:
        source: Encodes the samples.
        limit_bytes: What the file may hold.
    """

    def __init__(self, source: LazyArrays[D], limit_bytes: int) -> None:
        self._source, self._limit = source, limit_bytes
        self._lock = threading.Lock()
        self._there = np.zeros(self.room, bool)

    def __len__(self) -> int:
        return len(self._source)

    @property
    def shape(self) -> tuple[int, ...]:
        """(samples, ...)."""
        return self._source.shape

    @cached_property
    def room(self) -> int:
        """How many samples the file may hold, the first ones."""
        free = shutil.disk_usage(_folder() or tempfile.gettempdir()).free
        return min(len(self), min(self._limit, free // 2) // max(self._bytes, 1))

    @cached_property
    def _bytes(self) -> int:
        """Of one sample."""
        return int(np.prod(self._source.size)) * np.dtype(self._source.dtype).itemsize

    @cached_property
    def _file(self) -> IO[bytes]:
        """A file without a name, which takes no room where nothing was written."""
        file = tempfile.TemporaryFile(prefix="convscope-", dir=_folder(), buffering=0)  # noqa: SIM115
        weakref.finalize(self, file.close)
        return file

    def take(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[D]:
        """The samples at these positions; safe to call from several threads.

        Raises:
            DataError: A file has changed or gone since it was found.
        """
        result = np.empty((len(indices), *self._source.size), self._source.dtype)
        asked = indices.tolist()
        missing = [place for place, index in enumerate(asked) if not self._read(index, result[place])]
        if missing:
            result[missing] = self._source.take(indices[missing])
            for place in missing:
                self._write(asked[place], result[place])
        return result

    def _read(self, index: int, into: npt.NDArray[D]) -> bool:
        """Fills in a sample that lies in the file; False for one that does not."""
        if index >= self.room or not self._there[index]:
            return False
        with self._lock:
            self._file.seek(index * self._bytes)
            # An unbuffered file reads into the array itself.
            return self._file.readinto(into.reshape(-1).view(np.uint8)) == self._bytes  # type: ignore[attr-defined,no-any-return]

    def _write(self, index: int, values: npt.NDArray[D]) -> None:
        """Keeps a sample if there is room; where there is none after all, those that are there stay."""
        if index >= self.room:
            return
        with self._lock:
            try:
                self._file.seek(index * self._bytes)
                whole = self._file.write(values.tobytes()) == self._bytes
            except OSError:
                whole = False
        if whole:
            self._there[index] = True  # last, so that nobody reads what is not whole
        else:
            self.room = int(np.flatnonzero(self._there).max(initial=-1)) + 1


def _folder() -> Path | None:
    """Where the file lies; None for what the user has chosen for temporary files, or the system's own."""
    fits = _LARGE_FILES.is_dir() and os.access(_LARGE_FILES, os.W_OK)
    return _LARGE_FILES if fits and "TMPDIR" not in os.environ else None
