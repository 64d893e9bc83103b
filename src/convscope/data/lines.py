"""Lines of text files with their numbers: decoded strictly, bounded, cleaned of control characters."""

from __future__ import annotations

import gzip
import re
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from convscope.data.encoding import LINE_END, check_encoding, decoder
from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError

LONGEST_LINE = 1_000_000
"""Characters that a line may have unless the caller says otherwise."""

CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Control characters (C0 and C1) that are no tab and no line end; each is replaced by a space."""

_CHUNK = 2**18
_TAIL = 2**12
_Row = TypeVar("_Row")


@dataclass
class ControlCharacters:
    """Control characters that were replaced by spaces.

    Args:
        count: How many.
        first: The file and line of the first one.
    """

    count: int = 0
    first: str = ""

    @contextmanager
    def paused(self) -> Generator[None, None, None]:
        """Forgets what is counted within, for a first look at what is read again."""
        before = self.count, self.first
        yield
        self.count, self.first = before

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line where there were any."""
        if not self.count:
            return ()
        return (f"{self.count} control characters were replaced by spaces, the first in {self.first}",)


def read_lines(
    path: str | Path,
    encoding: str | None = None,
    limit: int = LONGEST_LINE,
    controls: ControlCharacters | None = None,
) -> Generator[tuple[int, str], None, None]:
    r"""The lines of a text file, without their ends.

    A line ends at `\n`, `\r\n` or `\r`, whichever come; nowhere else. A byte order mark is left out. At most
    one line and a chunk of the file are held in memory.

    Args:
        path: A text file; one that ends in `.gz` is unpacked.
        encoding: Name of a Python codec; UTF-8 by default.
        limit: Most characters of a line.
        controls: Where control characters, which are replaced by spaces, are counted.

    Yields:
        The number of the line, from 1, and its text.

    Raises:
        DataError: The file cannot be read, is damaged, is not text in this encoding, or has a line that is
            longer than the limit; the message names the line.
        UsageError: No encoding has this name.
    """
    place = Path(path)
    check_encoding(encoding)
    file = _open(place)
    with file:
        yield from lines_of(file, str(path), encoding, limit, controls)


def lines_of(
    file: BinaryIO,
    where: str,
    encoding: str | None = None,
    limit: int = LONGEST_LINE,
    controls: ControlCharacters | None = None,
) -> Generator[tuple[int, str], None, None]:
    """The lines of an open file; as `read_lines`.

    Args:
        file: Gives bytes.
        where: What it is called in messages.
        encoding: Name of a Python codec; UTF-8 by default.
        limit: Most characters of a line.
        controls: Where control characters, which are replaced by spaces, are counted.

    Yields:
        The number of the line, from 1, and its text.

    Raises:
        DataError: As `read_lines`.
        UsageError: As `read_lines`.
    """
    decode = decoder(where, encoding)
    tally = controls if controls is not None else ControlCharacters()
    number, pending, data = 1, "", b" "
    while data:
        with damage_as_data_error(where, "text file"):
            data = file.read(_CHUNK)
        lines = (pending + _clean(decode(data, number), where, number, tally)).split("\n")
        pending = lines.pop()
        for line in lines:
            if len(line) > limit:
                raise _too_long(where, number, limit)
            yield number, line
            number += 1
        if len(pending) > limit:
            raise _too_long(where, number, limit)
    if pending:
        yield number, pending


def last_lines(path: Path, encoding: str) -> list[str]:
    """The last lines of a text file that is not packed, the first of them maybe not whole; nothing fails.

    Args:
        path: The file.
        encoding: Name of a Python codec in which a line end is one byte; nothing is read in others.
    """
    if path.suffix.lower() == ".gz" or len("\n".encode(encoding)) > 1:
        return []
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            return file.read().decode(encoding, "replace").splitlines()
    except (OSError, ValueError):
        return []  # whoever reads the file says what is wrong


def all_but_last(rows: Iterable[_Row], count: int) -> Generator[_Row, None, None]:
    """All rows but so many at the end."""
    kept: deque[_Row] = deque()
    for row in rows:
        kept.append(row)
        if len(kept) > count:
            yield kept.popleft()


def read_text(
    path: str | Path,
    encoding: str | None = None,
    limit: int = LONGEST_LINE,
    controls: ControlCharacters | None = None,
) -> str:
    r"""A whole text file, its lines joined by `\n`.

    Args:
        path: A text file; one that ends in `.gz` is unpacked.
        encoding: Name of a Python codec; UTF-8 by default.
        limit: Most characters of the file.
        controls: Where control characters, which are replaced by spaces, are counted.

    Raises:
        DataError: As `read_lines`, or the file is longer than the limit.
        UsageError: No encoding has this name.
    """
    lines: list[str] = []
    total = 0
    for number, line in read_lines(path, encoding, limit, controls):
        lines.append(line)
        total += len(line) + 1
        if total > limit + 1:
            raise DataError(
                f"{path}, line {number}: the text is longer than {limit:,} characters",
                hint="Split it into several texts.",
            )
    return "\n".join(lines)


def clean_text(text: str, where: str, controls: ControlCharacters) -> str:
    """A text whose control characters and line ends are as if `read_text` had read it.

    Args:
        text: From a field of a table.
        where: The file and line, for messages.
        controls: Where control characters are counted.

    Raises:
        DataError: There is a NUL character or half of a surrogate pair in it.
    """
    if text.isascii() and text.isprintable():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DataError(f"{where}: expected text, received half of a surrogate pair") from None
    if "\0" in text:
        raise _binary(where)
    found = CONTROL.findall(text)
    if found:
        controls.first = controls.first or where
        controls.count += len(found)
        text = CONTROL.sub(" ", text)
    return LINE_END.sub("\n", text)


def _open(path: Path) -> BinaryIO:
    try:
        if path.suffix.lower() == ".gz":
            return cast(BinaryIO, gzip.open(path, "rb"))
        return path.open("rb")
    except FileNotFoundError:
        raise DataError(
            f"{path}: there is no such file or folder", hint="Check the spelling of the path."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{path}: cannot be read ({reason})", hint="Check the permissions of the file."
        ) from None


def _clean(text: str, where: str, number: int, controls: ControlCharacters) -> str:
    def line_at(position: int) -> str:
        return f"{where}, line {number + text[:position].count(chr(10))}"

    at = text.find("\0")
    if at >= 0:
        raise _binary(line_at(at))
    first = CONTROL.search(text)
    if first is None:
        return text
    controls.first = controls.first or line_at(first.start())
    cleaned, count = CONTROL.subn(" ", text)
    controls.count += count
    return cleaned


def _binary(where: str) -> DataError:
    return DataError(
        f"{where}: expected text, received a NUL character: a binary file, or another encoding",
        hint="Give the encoding if it is text: --encoding utf-16.",
    )


def _too_long(where: str, number: int, limit: int) -> DataError:
    return DataError(
        f"{where}, line {number}: longer than {limit:,} characters",
        hint="Check that this is a text file with line ends; divide very long texts.",
    )
