r"""Two files with the same lines in two languages, read side by side.

Crawled corpora hold carriage returns within lines; these end a line everywhere else. Where counting line ends
by `\n` alone makes both files agree, a lone `\r` is white space.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, cast

from convscope.data.found_encoding import found_encoding
from convscope.data.lines import lines_of, read_lines
from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError
from convscope.kinds.text.translation.parallel_files import Languages, Pairs
from convscope.types import SplitName

_LONE = re.compile(rb"\r(?!\n)")
_FEW = 100
"""One lone carriage return in so many lines at most is no line end where both files agree without it."""

Line = tuple[int, str]


def read_aligned(
    pairs: Pairs,
    files: Mapping[str, str],
    languages: Languages,
    split: SplitName | None,
    encoding: str | None,
) -> tuple[str, ...]:
    """Reads two files line by line.

    Args:
        pairs: Takes what is read.
        files: The key of the file of each language.
        languages: The two that are read.
        split: Where the pairs belong.
        encoding: As `read_lines`; detected by default.

    Returns:
        What was decided, one line each.

    Raises:
        DataError: The files have different numbers of lines, or one cannot be read.
    """
    keys = files[languages.source], files[languages.target]
    paths = tuple(Path(pairs.root) / key for key in keys)
    found = [found_encoding(path, encoding) for path in paths]
    sides = [_Side(path, each.name) for path, each in zip(paths, found, strict=True)]
    alone = [side.count_alone() for side in sides]
    said = [each.decision for each in found if each.decision]
    read, counts = _side_by_side(
        *(read_lines(side.path, side.encoding, controls=pairs.controls) for side in sides)
    )
    if any(alone) and (counts[0] != counts[1] or sum(alone) * _FEW <= sum(counts)):
        with pairs.controls.paused():
            whole, by_newline = _side_by_side(*(side.lines() for side in sides))
        if by_newline[0] == by_newline[1] > 1:
            read, counts = whole, by_newline
            said.append(
                f"lines: {sum(alone):,} carriage returns within lines of {' and '.join(keys)} are white"
                " space, because both have as many lines without them"
            )
    if counts[0] != counts[1]:
        raise DataError(
            f"{paths[0]} has {counts[0]} lines and {paths[1]} has {counts[1]},"
            " expected a line in one for each line in the other",
            hint="A translation that is missing must be an empty line.",
        )
    for left, right in read:
        pairs.add(f"{keys[0]}#{left[0]}", left[1], right[1], split)
    return tuple(said)


def _side_by_side(*sides: Iterator[Line]) -> tuple[list[tuple[Line, Line]], list[int]]:
    """The lines that both have, and how many each has."""
    read: list[tuple[Line, Line]] = []
    counts = [0, 0]
    for left, right in zip_longest(*sides):
        counts[0] += left is not None
        counts[1] += right is not None
        if left is not None and right is not None:
            read.append((left, right))
    return read, counts


class _Side:
    """One of two files."""

    def __init__(self, path: Path, encoding: str) -> None:
        self.path, self.encoding = path, encoding

    def count_alone(self) -> int:
        """How many carriage returns stand alone; in encodings of more bytes none are looked for."""
        if self.encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32")):
            return 0
        with damage_as_data_error(str(self.path), "text file"), self._open() as file:
            return sum(len(_LONE.findall(data)) for data in _chunks(file))

    def lines(self) -> Iterator[Line]:
        r"""Its lines, which end at `\n` or `\r\n` alone."""
        with self._open() as file:
            yield from lines_of(cast(BinaryIO, _ByNewline(file)), str(self.path), self.encoding)

    def _open(self) -> BinaryIO:
        if self.path.suffix.lower() == ".gz":
            return cast(BinaryIO, gzip.open(self.path, "rb"))
        return self.path.open("rb")


class _ByNewline:
    """Bytes whose lone carriage returns are spaces."""

    def __init__(self, file: BinaryIO) -> None:
        self._chunks = _chunks(file)

    def read(self, _: int = -1) -> bytes:
        """The next bytes; none at the end."""
        return _LONE.sub(b" ", next(self._chunks, b""))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file in parts, none of which ends between the two bytes of a line end."""
    while data := file.read(2**18):
        while data.endswith(b"\r") and (more := file.read(1)):
            data += more
        yield data
