"""What marks texts that people wrote: sentences, and not names, numbers, code or logs."""

from __future__ import annotations

import re
from collections.abc import Sequence

FEWEST_WORDS = 3
"""Words of a sentence at least."""

_LETTER = re.compile(r"[^\W\d_]")
_ALONE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Characters of Chinese and Japanese, two of which count as a word."""
_FILE = re.compile(r".*\.\w{1,5}|\S*[/\\]\S*")
_LINK = re.compile(r"https?://\S+|www\.\S+")
_TIME = re.compile(r"\b\d{1,2}:\d\d:\d\d\b")
_CODE_LINE = re.compile(
    r"\s*(#include\b|import \w|from \w[\w.]* import\b|def \w+\(|class \w+[:({]|public |private |function\b"
    r"|return\b|var \w|let \w|const \w|//|/\*|</?[a-zA-Z!]|[{}\])];?\s*$)|.*[;{}]\s*$"
)
_MARKUP = re.compile(r"\s*(<!doctype|<html|<\?xml|<\?php|\{\s*$|\[\s*$)", re.I)


def words_of_line(text: str) -> list[str]:
    """Its words that have a letter, links left out."""
    return [word for word in text.split() if _LETTER.search(word) and not _LINK.fullmatch(word)]


def count_words(text: str) -> int:
    """Words with a letter; Chinese and Japanese, which write no spaces, count two characters as a word."""
    alone = len(_ALONE.findall(text))
    return alone // 2 if alone * 2 > len(text.replace(" ", "")) else len(words_of_line(text))


def is_sentence(text: str) -> bool:
    """Whether a text has several words, not all of which begin with a capital letter as names do.

    Example:
        >>> is_sentence("a fine film"), is_sentence("Braund, Mr. Owen Harris"), is_sentence("img/cat one.png")
        (True, False, False)
    """
    if count_words(text) < FEWEST_WORDS or _FILE.fullmatch(text.strip()):
        return False
    words = words_of_line(text)
    firsts = [found[0] for word in words if (found := _LETTER.search(word)) is not None]
    return text.isupper() or any(first.upper() != first or first.lower() == first for first in firsts)


def are_sentences(cells: Sequence[str]) -> bool:
    """Whether most of the cells of a column are sentences, and differ."""
    filled = [cell for cell in cells if cell.strip()]
    sentences = sum(is_sentence(cell) and is_prose(cell) for cell in filled)
    return bool(filled) and sentences * 2 >= len(filled) and len(set(filled)) * 2 > len(filled)


def are_words(cells: Sequence[str]) -> bool:
    """Whether most of the cells hold letters, and they are neither numbers, names of files nor links."""
    filled = [cell for cell in cells if cell.strip()]
    good = [cell for cell in filled if _LETTER.search(cell) and not _is_name_of_file(cell)]
    return bool(filled) and len(good) * 2 >= len(filled)


def _is_name_of_file(cell: str) -> bool:
    return len(cell.split()) == 1 and bool(_FILE.fullmatch(cell) or _LINK.fullmatch(cell))


def is_log(lines: Sequence[str]) -> bool:
    """Whether most of the lines hold a time of day."""
    return bool(lines) and sum(bool(_TIME.search(line)) for line in lines) * 2 >= len(lines)


def is_prose(head: str) -> bool:
    """Whether the beginning of a file is text that people wrote: mostly words, and no code, log or page."""
    words = head.split()
    if not words or _MARKUP.match(head) or (len(words) > 1 and len(words_of_line(head)) * 2 < len(words)):
        return False
    lines = [line for line in head.splitlines() if line.strip()]
    code = sum(bool(_CODE_LINE.match(line)) for line in lines)
    return code * 3 < len(lines) and not is_log(lines) and bool(_LETTER.search(head))
