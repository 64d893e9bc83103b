"""How much sound the header of a file announces, and how much of it is there.

libsndfile reads what is left of a WAV, AIFF, CAF, W64 or AU file that was cut off, and says nothing: these
formats hold the size of their samples at the beginning, which is compared here with the size of the file.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True)
class _Chunks:
    """How a format divides a file into chunks, each of a name, a size and so many bytes.

    Args:
        begin: Bytes before the first chunk.
        name: Bytes of a name.
        size: How a size is packed.
        even: A chunk begins at a multiple of this.
        samples: How the name of the chunk begins that holds the samples.
        whole: Whether a size counts the name and itself.
    """

    begin: int
    name: int
    size: str
    even: int
    samples: bytes
    whole: bool = False


_FORMATS = {
    b"RIFF": _Chunks(12, 4, "<I", 2, b"data"),
    b"RIFX": _Chunks(12, 4, ">I", 2, b"data"),
    b"RF64": _Chunks(12, 4, "<I", 2, b"data"),
    b"FORM": _Chunks(12, 4, ">I", 2, b"SSND"),
    b"caff": _Chunks(8, 4, ">q", 1, b"data"),
    b"riff": _Chunks(40, 16, "<q", 8, b"data", whole=True),
}
UNKNOWN = 0x7FFFF000
"""From here on a size of 32 bits is what writers put who do not know it, such as encoders into a pipe."""
ROUNDING = 64
"""Bytes by which headers are often wrong, as those that count themselves."""
SHARE = 0.01
"""Share of the samples that may be missing besides."""
_MOST_CHUNKS = 1_000


def share_present(path: Path) -> float:
    """How much of the announced samples a file holds.

    Args:
        path: A file of sound.

    Returns:
        Above 0 and below 1 for a file that is cut off; 1 for a whole one, and for formats whose headers
        announce nothing.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        found = _samples(file)
        size = os.fstat(file.fileno()).st_size
    if found is None:
        return 1.0
    start, announced = found
    there = max(size - start, 0)
    missing = announced - there
    if announced <= 0 or missing <= max(ROUNDING, SHARE * announced):
        return 1.0
    return there / announced


def _samples(file: BinaryIO) -> tuple[int, int] | None:
    """Where the samples begin, and how many bytes of them are announced; None where nothing is."""
    magic = file.read(4)
    if magic == b".snd":
        sizes = file.read(8)
        start, announced = struct.unpack(">II", sizes) if len(sizes) == 8 else (0, 0)
        return (start, announced) if announced < UNKNOWN else None
    chunks = _FORMATS.get(magic)
    return None if chunks is None else _announced(file, chunks)


def _announced(file: BinaryIO, chunks: _Chunks) -> tuple[int, int] | None:
    """Where the chunk of samples begins, and its size; of RF64 the size stands in a chunk before it."""
    file.seek(chunks.begin)
    head, long = chunks.name + struct.calcsize(chunks.size), None
    for _ in range(_MOST_CHUNKS):
        begin, found = file.tell(), file.read(head)
        if len(found) < head:
            return None
        (length,) = struct.unpack(chunks.size, found[chunks.name :])
        length -= head if chunks.whole else 0
        if found.startswith(chunks.samples):
            short = long is None and chunks.size.endswith("I")
            return None if short and length >= UNKNOWN else (begin + head, length if long is None else long)
        if length < 0:
            return None
        if found.startswith(b"ds64"):
            sizes = file.read(16)
            long = struct.unpack("<q", sizes[8:])[0] if len(sizes) == 16 else None
        end = begin + head + length
        file.seek(-(-end // chunks.even) * chunks.even)
    return None
