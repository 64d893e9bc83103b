"""What libraries that decode files write to standard error by themselves: caught, and counted."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2


class _Listener:
    """Keeps the descriptor of standard error aside while at least one thread decodes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = self._lines = 0
        self._kept: int | None = None
        self._caught = -1

    def begin(self) -> None:
        with self._lock:
            self._threads += 1
            if self._threads > 1:
                return
            try:
                self._kept = os.dup(_STDERR)
            except OSError:  # there is no standard error
                return
            if self._caught < 0:
                self._caught, name = tempfile.mkstemp()
                os.unlink(name)  # noqa: PTH108 - it lives as long as its descriptor
            os.dup2(self._caught, _STDERR)

    def end(self) -> None:
        with self._lock:
            self._threads -= 1
            if self._threads or self._kept is None:
                return
            os.dup2(self._kept, _STDERR)
            os.close(self._kept)
            self._kept = None
            size = os.lseek(self._caught, 0, os.SEEK_CUR)
            if size:
                os.lseek(self._caught, 0, os.SEEK_SET)
                self._lines += sum(map(bool, os.read(self._caught, size).splitlines()))
                os.ftruncate(self._caught, 0)
                os.lseek(self._caught, 0, os.SEEK_SET)

    def take(self) -> int:
        with self._lock:
            lines, self._lines = self._lines, 0
            return lines


_listener = _Listener()


@contextmanager
def caught_noise() -> Iterator[None]:
    """Within it, what is written to the descriptor of standard error is counted and not shown.

    It is for the calls of decoders in C, such as those of MP3 and TIFF, which write about damaged files of
    which this package speaks itself. Several threads may be within it at once.
    """
    _listener.begin()
    try:
        yield
    finally:
        _listener.end()


def noise_lines() -> int:
    """The number of lines that were caught since this was asked last."""
    return _listener.take()
