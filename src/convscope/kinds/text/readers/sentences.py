"""Sentences as words that know where they stand in their text, and the splitting of text into them."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

CLITICS = ("n't", "'s", "'m", "'d", "'re", "'ve", "'ll")
"""Ends of English words that are words of their own, as the Penn Treebank and CoNLL write them."""

_Class = Literal["space", "letter", "digit", "ideograph", "picture", "extend", "mark"]

_IDEOGRAPHS = ((0x2E80, 0x312F), (0x31A0, 0x31FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAGS = range(0x1F1E6, 0x1F200)
_TAG_LETTERS = range(0xE0020, 0xE0080)
_JOINER = "\u200d"
_APOSTROPHES = "'\u2019"
_BETWEEN_DIGITS = ".,:/"
_BETWEEN_WORDS = "-\u2010_&@"


@dataclass(frozen=True)
class Sentence:
    """Words and the text that they stand in.

    Args:
        words: The words, in order.
        text: The text.
        offsets: Start and end of each word in the text, in characters.
    """

    words: tuple[str, ...]
    text: str = field(repr=False)
    offsets: tuple[tuple[int, int], ...] = field(repr=False)

    @classmethod
    def of(cls, words: Iterable[str]) -> Sentence:
        """From words alone; the text is the words with spaces between.

        Example:
            >>> Sentence.of(["Ada", "wrote", "."]).offsets
            ((0, 3), (4, 9), (10, 11))
        """
        words = tuple(words)
        offsets, at = [], 0
        for word in words:
            offsets.append((at, at + len(word)))
            at += len(word) + 1
        return cls(words, " ".join(words), tuple(offsets))

    @classmethod
    def read(cls, text: str) -> Sentence:
        """From text, which `words_of` splits."""
        offsets = words_of(text)
        return cls(tuple(text[start:end] for start, end in offsets), text, offsets)


@dataclass(frozen=True)
class TaggedSentences:
    """Sentences in memory.

    Args:
        root: The folder that the keys are relative to.
        keys: Where each sentence came from, such as `train.txt#17` for the line that it begins at.
        sentences: The sentences.
    """

    root: str
    keys: Sequence[str]
    sentences: Sequence[Sentence] = field(repr=False)

    def __len__(self) -> int:
        return len(self.sentences)

    def load(self, index: int) -> Sentence:
        """One sentence."""
        return self.sentences[index]

    def name(self, index: int) -> str:
        """The file and the line that a sentence begins at."""
        return os.path.join(self.root, self.keys[index])  # noqa: PTH118 - a million of them

    def key(self, index: int) -> str:
        """The name below the folder that was read."""
        return self.keys[index]

    def take(self, indices: npt.NDArray[np.int64]) -> TaggedSentences:
        """Some of the sentences, in this order."""
        rows = indices.tolist()
        return TaggedSentences(
            self.root, [self.keys[row] for row in rows], [self.sentences[row] for row in rows]
        )


def words_of(text: str) -> tuple[tuple[int, int], ...]:
    """Splits text into words.

    - Letters and digits with their combining marks make a word; `-`, `_`, `&`, `@` between them join
      (`German-made`), and so do `.`, `,`, `:`, `/` between digits (`1,000.5`, `12:30`).
    - Single letters with points are one word: `U.S.`, `a.m.`
    - English clitics are words of their own: `do n't`, `Peter 's`; other apostrophes join (`O'Brien`).
    - An ideograph or kana is a word. Scripts without spaces other than these stay whole up to the next space.
    - An emoji is a word with all that belongs to it: skin tone, joined people, flags, key caps.
    - Any other mark is a word; the same mark repeated is one word (`...`, `--`).
    - Spaces, control characters and marks of direction are no part of a word.

    Args:
        text: Any text.

    Returns:
        Start and end of each word, in characters.

    Example:
        >>> [" Don't go!"[start:end] for start, end in words_of(" Don't go!")]
        ['Do', "n't", 'go', '!']
    """
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        start, kind = at, _class(text[at])
        at += 1
        if kind == "space":
            continue
        if kind in ("letter", "digit"):
            at = _word_end(text, start)
            found += _without_clitic(text, start, at)
            continue
        if kind == "picture":
            at = _picture_end(text, start)
        elif kind == "mark":
            while at < len(text) and text[at] == text[start]:
                at += 1
        found.append((start, _extended(text, at)))
        at = found[-1][1]
    return tuple(found)


@lru_cache(maxsize=4096)
def _class(char: str) -> _Class:
    number, category = ord(char), unicodedata.category(char)
    if char == _JOINER or category[0] == "M" or number in _SKIN_TONES or number in _TAG_LETTERS:
        return "extend"
    if char.isspace() or category in ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp"):
        return "space"
    if category[0] == "L" and any(first <= number <= last for first, last in _IDEOGRAPHS):
        return "ideograph"
    if category[0] == "N":
        return "digit"
    if category[0] == "L":
        return "letter"
    return "picture" if category == "So" else "mark"


def _extended(text: str, at: int) -> int:
    """Behind the combining marks that stand at a position."""
    while at < len(text) and _class(text[at]) == "extend":
        at += 1
    return at


def _picture_end(text: str, start: int) -> int:
    at = start + 1
    if ord(text[start]) in _FLAGS and at < len(text) and ord(text[at]) in _FLAGS:
        at += 1
    at = _extended(text, at)
    while at < len(text) and text[at - 1] == _JOINER and _class(text[at]) in ("picture", "mark"):
        at = _extended(text, at + 1)
    return at


def _word_end(text: str, start: int) -> int:
    """Behind a word of letters and digits and what joins them."""
    at = start
    while True:
        while at < len(text) and _class(text[at]) in ("letter", "digit", "extend"):
            at += 1
        if at + 1 < len(text) and _joins(text, start, at):
            at += 1
            continue
        if text[at : at + 1] == "." and _is_abbreviation(text[start:at]):
            at += 1
        return at


def _joins(text: str, start: int, at: int) -> bool:
    """Whether the mark at a position joins what stands before and behind it."""
    before, mark, after = _class(text[at - 1]), text[at], _class(text[at + 1])
    if after not in ("letter", "digit"):
        return False
    if mark in _BETWEEN_WORDS or mark in _APOSTROPHES:
        return True
    if mark in _BETWEEN_DIGITS and before == after == "digit":
        return True
    single = at + 2 >= len(text) or _class(text[at + 2]) not in ("letter", "digit")
    return mark == "." and after == "letter" and single and _is_single_letters(text[start:at])


def _is_single_letters(word: str) -> bool:
    return all(len(part) == 1 and part.isalpha() for part in word.split("."))


def _is_abbreviation(word: str) -> bool:
    return "." in word and _is_single_letters(word)


def _without_clitic(text: str, start: int, end: int) -> list[tuple[int, int]]:
    lower = text[start:end].lower().replace(_APOSTROPHES[1], "'")
    for clitic in CLITICS:
        border = end - len(clitic)
        if lower.endswith(clitic) and border > start:
            return [(start, border), (border, end)]
    return [(start, end)]
