"""What took long to compute, kept while there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

import numpy as np

T = TypeVar("T")
MOST_BYTES = 256 * 2**20


class Results:
    """Results by what they are of; the least recently used make room for others."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """A result, computed where it is not there.

        Args:
            key: What it is of.
            compute: Gives it.
        """
        if key in self._kept:
            self._kept.move_to_end(key)
            return cast(T, self._kept[key][0])
        found = compute()
        self._kept[key] = (found, _bytes_of(found))
        while len(self._kept) > 1 and self.bytes > self._most:
            self._kept.popitem(last=False)
        return found

    @property
    def bytes(self) -> int:
        """Memory of the arrays that are kept."""
        return sum(size for _, size in self._kept.values())


def _bytes_of(value: object) -> int:
    """The arrays of a value, of its fields or of its members."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, tuple | list):
        return sum(map(_bytes_of, value))
    fields = getattr(value, "__dict__", {})
    return 1024 + sum(each.nbytes for each in fields.values() if isinstance(each, np.ndarray))
