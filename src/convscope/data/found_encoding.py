"""Which encoding a text file has, detected from its bytes; what is ambiguous is refused, never guessed."""

from __future__ import annotations

import codecs
import gzip
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from convscope.data.encoding import MARKS, check_encoding
from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError

MOST_BYTES = 2**30
"""Bytes of a file that are inspected, after unpacking."""
_CHUNK = 2**20
_SHOWN = 30
_HIGH = re.compile(rb"[\x80-\xff]+")
_VALID = re.compile(rb"([\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})+")
_WORD = re.compile(rb"[\w\x80-\xff]+")
_UNUSED_BY_WINDOWS = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_OTHERS = ("shift_jis", "gb18030", "big5", "euc-kr", "cp1251", "koi8-r")


@dataclass(frozen=True)
class FoundEncoding:
    """The encoding of a file, and why.

    Args:
        name: Of a Python codec.
        decision: What to say about it; empty for UTF-8 and for what the user gave.
    """

    name: str
    decision: str = ""


def found_encoding(path: Path, given: str | None = None) -> FoundEncoding:
    """The encoding of a text file: as given, by its byte order mark, UTF-8, UTF-16, or else cp1252.

    UTF-16 without a mark is known by its zeros. A file that is not UTF-8 is read as cp1252, which includes
    what is printed in Latin-1, only if its bytes above 127 stand alone among letters as in Western languages.

    Args:
        path: The file; one that ends in `.gz` is unpacked.
        given: What the user named.

    Returns:
        The encoding; the caller adds its decision to those of the run.

    Raises:
        DataError: The file cannot be read, or its encoding is another one; the hint names `--encoding`.
        UsageError: No encoding has the name that was given.
    """
    if given is not None:
        check_encoding(given)
        return FoundEncoding(given)
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return FoundEncoding("utf-8")  # whoever opens the file says what is wrong
    return _found(path, stat.st_mtime_ns, stat.st_size)


def encoding_of_head(data: bytes) -> str:
    """The encoding of the first bytes of a file, for looking at it; never fails.

    Example:
        >>> encoding_of_head("label;text".encode("utf-16-le")), encoding_of_head("Müller".encode("latin-1"))
        ('utf-16-le', 'cp1252')
    """
    wide = _wide(data)
    if wide is not None:
        return wide
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return "utf-8" if _VALID.search(data) else "cp1252"
    return "utf-8"


@lru_cache(maxsize=256)
def _found(path: Path, _changed: int, _size: int) -> FoundEncoding:
    if not path.is_file():
        return FoundEncoding("utf-8")
    decode = codecs.getincrementaldecoder("utf-8")().decode
    line, ascii_so_far = 1, True
    with (
        damage_as_data_error(str(path), "text file"),
        gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file,
    ):
        data = file.read(_CHUNK)
        wide = _wide(data)
        if wide is not None:
            said = f"encoding: {path.name} is read as {wide.upper()}, by its zeros or its byte order mark"
            return FoundEncoding(wide, said)
        seen = 0
        while data and seen < MOST_BYTES:
            try:
                decode(data)
            except UnicodeDecodeError as error:
                at = max(0, len(data) - len(error.object) + error.start)
                more = data + file.read(4 * _CHUNK)
                return _western(path, more, line + data[:at].count(b"\n"), at, ascii_so_far)
            line += data.count(b"\n")
            ascii_so_far = ascii_so_far and data.isascii()
            seen += len(data)
            data = file.read(_CHUNK)
    return FoundEncoding("utf-8")


def _wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32 by its mark, or by zeros in every second place."""
    marked = next((name for mark, name in MARKS if data.startswith(mark)), None)
    head = data[:4096]
    if marked or len(head) < 4:
        return marked
    even, odd = head[::2].count(0) / len(head[::2]), head[1::2].count(0) / len(head[1::2])
    if odd > 0.5 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.5 and odd < 0.05 else None


def _western(path: Path, data: bytes, line: int, at: int, ascii_before: bool) -> FoundEncoding:
    """cp1252 for bytes that no UTF-8 has, if they are as in Western languages."""
    where = f"{path}, line {line}: expected UTF-8, received byte 0x{data[at]:02x}"
    runs = _HIGH.findall(data)
    valid = sum(_VALID.fullmatch(run) is not None for run in runs)
    ascii_before = ascii_before and _HIGH.search(data[: max(0, at)]) is None
    if valid * 2 > len(runs) or not ascii_before:
        raise DataError(
            where,
            hint="The file is UTF-8 elsewhere, so that this byte is damaged: mend the line, or name the"
            " encoding of the whole file, such as --encoding cp1252.",
        )
    word = next((each for each in _WORD.finditer(data) if each.start() <= at < each.end()), None)
    letters = data[at : at + 1] if word is None else word.group()
    if sum(map(len, runs)) > 1.5 * len(runs) or _UNUSED_BY_WINDOWS.search(data):
        row = data[max(data.rfind(b"\n", 0, at), data.rfind(b"\r", 0, at)) + 1 :]
        row = re.split(rb"[\r\n]", row, maxsplit=1)[0]
        fitting = [name for name in (*_OTHERS, "cp1252", "latin-1") if _decodes(row, name)]
        if not fitting:
            raise DataError(f"{where}: a binary file, or a damaged one", hint="Save it as text in UTF-8.")
        raise DataError(
            f"{where}, and several encodings are possible",
            hint=f"Save the file as UTF-8, or name its encoding, one of {', '.join(fitting)}: --encoding"
            f" {fitting[0]}.",
        )
    text = letters.decode("cp1252")[:_SHOWN]
    return FoundEncoding(
        "cp1252",
        f"encoding: {path.name} is not UTF-8 (line {line}) and is read as cp1252, by which that line has"
        f" {text!r}; --encoding names another one, such as latin-1 or cp1250",
    )


def _decodes(data: bytes, name: str) -> bool:
    try:
        return data.decode(name).replace("\t", " ").isprintable()
    except UnicodeError:
        return False
