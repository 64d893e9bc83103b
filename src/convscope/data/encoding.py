"""Bytes to text, strictly: what does not decode stops with its line and an encoding that may fit."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable

from convscope.errors import DataError, unknown_name

LINE_END = re.compile(r"\r\n?|\n")

MARKS = (  # the longer first: the mark of UTF-16 begins that of UTF-32
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_COMMON = (
    "utf-8",
    "utf-16",
    "utf-32",
    "latin-1",
    "cp1252",
    "cp1251",
    "shift_jis",
    "gb18030",
    "big5",
    "euc-kr",
)
_NOT_OF_FILES = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})


def check_encoding(name: str | None) -> None:
    """Stops where no encoding of text files has this name; None is UTF-8.

    Raises:
        UsageError: With the names that are near.
    """
    known = False
    try:
        codec = codecs.lookup(name or "utf-8").name
        known = codec.replace("_", "-") not in _NOT_OF_FILES
        b"a".decode(codec)
    except UnicodeError:  # one byte is too little for UTF-16, which is an encoding all the same
        pass
    except (LookupError, ValueError):  # a codec that gives no text, too
        known = False
    if not known:
        raise unknown_name("encoding", str(name), _COMMON)


def decoder(where: str, encoding: str | None) -> Callable[[bytes, int], str]:
    r"""A function of the next bytes (none at the end) and the number of their first line, to text.

    Line ends (`\r\n` or `\r`) become `\n`; a byte order mark at the beginning is left out.

    Args:
        where: The file, for messages.
        encoding: Name of a Python codec; UTF-8 by default.

    Returns:
        The function; it raises a `DataError` that names line and byte where bytes do not decode.
    """
    name = encoding or "utf-8"
    is_utf8 = codecs.lookup(name).name == "utf-8"
    inner = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(name)(), translate=True)
    begun = False

    def decode(data: bytes, number: int) -> str:
        nonlocal begun
        if is_utf8 and not begun:
            _refuse_other_marks(where, data)
        try:
            text = inner.decode(data, final=not data)
        except UnicodeDecodeError as error:
            line = number + len(LINE_END.findall(error.object[: error.start].decode(name, "replace")))
            byte = f"byte 0x{error.object[error.start]:02x}" if error.start < len(error.object) else "its end"
            raise DataError(
                f"{where}, line {line}: expected {name.upper()}, received {byte}",
                hint=_fitting(error.object[error.start : error.start + 1], is_utf8),
            ) from None
        except UnicodeError as error:
            raise DataError(
                f"{where}, line {number}: expected {name.upper()} ({error})", hint=_fitting(b"", is_utf8)
            ) from None
        if text and not begun:
            begun = True
            return text.removeprefix("\ufeff")
        return text

    return decode


def _refuse_other_marks(where: str, data: bytes) -> None:
    mark = next((name for mark, name in MARKS if data.startswith(mark)), None)
    if mark:
        raise DataError(
            f"{where}, line 1: expected UTF-8, received the byte order mark of {mark.upper()}",
            hint=f"Save the file as UTF-8, or give its encoding: --encoding {mark}.",
        )


def _fitting(byte: bytes, is_utf8: bool) -> str:
    """What to do about a byte: from 0x80 to 0x9f latin-1 has no letters, but Windows has."""
    if not is_utf8:
        return "Leave --encoding out where the file is UTF-8, or name another one."
    other = "cp1252" if b"\x80" <= byte <= b"\x9f" else "latin-1"
    return f"Save the file as UTF-8, or give its encoding: --encoding {other}."
