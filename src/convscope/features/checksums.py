"""Checksums of stored numbers and names, by part and column, that are compared wherever they are read.

CRC-32 of the values themselves, in the order of rows: it sees every damage of a few bits, whatever a
container checks of its own, and takes about a second for a gigabyte.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError


def checksum(values: npt.NDArray[Any], before: int = 0) -> int:
    """CRC-32 of the bytes of an array, little-endian and in C order.

    Args:
        values: Numbers of any dtype.
        before: The checksum of what comes before them.
    """
    ordered = values if sys.byteorder == "little" else values.astype(values.dtype.newbyteorder("<"))
    return zlib.crc32(np.ascontiguousarray(ordered).reshape(-1).view(np.uint8).data, before)


def text_checksum(values: Sequence[str | None]) -> int:
    """CRC-32 of strings; None differs from all of them."""
    return zlib.crc32(
        "\0".join("\1" if each is None else each for each in values).encode("utf-8", "surrogatepass")
    )


class Verifier:
    """Compares rows that come in order, in pieces of any size, with the checksums of their parts.

    Args:
        where: The file and column, for the message.
        sums: The checksum of each part; None for one of an earlier version.
        part_size: Rows of a part; the last may have fewer.
    """

    def __init__(self, where: str, sums: Sequence[int | None], part_size: int) -> None:
        self._where, self._sums, self._part_size = where, sums, part_size
        self._part = self._filled = self._sum = 0

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Takes the next rows, shape (rows, ...).

        Raises:
            DataError: A part that they complete is not what was written.
        """
        while len(rows):
            piece = rows[: self._part_size - self._filled]
            self._sum = checksum(piece, self._sum)
            self._filled += len(piece)
            rows = rows[len(piece) :]
            if self._filled == self._part_size:
                self.close()

    def close(self) -> None:
        """Says that no more rows come.

        Raises:
            DataError: The last part is not what was written.
        """
        if self._filled:
            expected = self._sums[self._part] if self._part < len(self._sums) else None
            compare(self._where, self._part, expected, self._sum)
            self._part, self._filled, self._sum = self._part + 1, 0, 0


def compare(where: str, part: int, expected: int | None, found: int) -> None:
    """Refuses a part whose checksum is not the one that was written.

    Raises:
        DataError: It is another one.
    """
    if expected is not None and found != expected:
        raise DataError(
            f"{where} is damaged: the checksum of part {part} is {found:08x}, expected {expected:08x}.",
            "Restore the file from a copy, or extract the features again.",
        )
