"""Transcripts in one spelling, and lists of words that may be spoken."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from convscope.data.lines import read_lines
from convscope.errors import DataError

SPELLING = "in lower case; what is no letter, digit, or apostrophe within a word is a space"
"""What `spelled` does, in words."""

_APOSTROPHES = re.compile("[\u2019\u02bc\uff07]")
_OUTER_APOSTROPHE = re.compile(r"(?<!\w)'|'(?!\w)")


def spelled(text: str) -> str:
    """A transcript for training and evaluation: lower case, words apart by one space, no punctuation.

    Letters and their accents are composed (Unicode NFC), whatever the script.

    Args:
        text: As the data has it.

    Example:
        >>> spelled("  Don\u2019t ask me 'why', it's well-known!")
        "don't ask me why it's well known"
    """
    plain = _APOSTROPHES.sub("'", unicodedata.normalize("NFC", text).lower())
    kept = "".join(each if each == "'" or unicodedata.category(each)[0] in "LMN" else " " for each in plain)
    return " ".join(_OUTER_APOSTROPHE.sub(" ", kept).split())


def read_words(path: str | Path, encoding: str | None = None) -> dict[str, float]:
    """Reads a list of words: one in each line, behind a tab a weight where it has one.

    Args:
        path: The file.
        encoding: UTF-8 by default.

    Returns:
        The weight of each word as `spelled` writes it, in nats, 0 where none is given. A line of several
        words, such as `well-known`, gives each of them.

    Raises:
        DataError: The file cannot be read, a weight is no number, or there is no word.
    """
    place = Path(path)
    if not place.is_file():
        raise DataError(f"{place}: there is no such file", hint="Check the spelling of the path.")
    found: dict[str, float] = {}
    for number, line in read_lines(place, encoding):
        word, tab, weight = line.rstrip("\n").partition("\t")
        try:
            value = float(weight) if tab and weight.strip() else 0.0
        except ValueError as error:
            raise DataError(
                f"{place}, line {number}: expected a word, or a word, a tab and a weight, received {line!r}"
            ) from error
        found.update(dict.fromkeys(spelled(word).split(), value))
    if not found:
        raise DataError(f"{place}: expected a word in each line, received none")
    return found
