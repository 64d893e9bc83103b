"""Names of splits: which of train, validation and test a file, a folder, an array or a field names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from convscope.types import SplitName

# Joined words that mean something else than their last word does.
_COMPOUNDS: tuple[tuple[str, SplitName], ...] = (
    (r"public[-_. ]?test", "validation"),
    (r"private[-_. ]?test", "test"),
    (r"h[oe]ld[-_. ]?out", "test"),
    (r"t10k", "test"),
)
_WORDS: tuple[tuple[str, SplitName], ...] = (
    (r"trainval|train(?:ing)?", "train"),
    (r"val(?:id(?:ation)?)?|dev(?:el(?:opment)?)?", "validation"),
    (r"test(?:ing)?|eval(?:uation)?", "test"),
)
_BEFORE, _AFTER = r"[xy]?", r"(?:set|data|split|images?|imgs?|labels?|files?|list)?"
_COMPOUND = re.compile(
    rf"(?<![^\W\d_])(?:{'|'.join(f'({pattern})' for pattern, _ in _COMPOUNDS)})(?![^\W\d_])", re.I
)
_WORD = re.compile(rf"{_BEFORE}(?:{'|'.join(f'({pattern})' for pattern, _ in _WORDS)}){_AFTER}", re.I)
_LETTERS = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def split_of(name: str) -> SplitName | None:
    """The split that a name says by one of its words; None where it says none, or several.

    The words are what lies between signs, digits and changes of case; no part of a longer word counts. A
    name alone proves little where it is that of a folder, which may be a class: `class_files` looks at the
    content.

    Args:
        name: Of a file, a folder or an array, or what stands in a column; no path.

    Example:
        >>> [split_of(name) for name in ("seg_train", "val2017", "Test_Set", "20news-bydate-train")]
        ['train', 'validation', 'test', 'train']
        >>> [split_of(name) for name in ("trained", "strain", "contest", "train_test_split")]
        [None, None, None, None]
    """
    return parted(name)[1]


def parted(name: str, mark: str = "*") -> tuple[str, SplitName | None]:
    """A name with a mark for the word of its split, and the split; the name itself where it says none.

    Example:
        >>> parted("X_train.txt"), parted("strains.txt")
        (('X_*.txt', 'train'), ('strains.txt', None))
    """
    found = list(_said(name))
    if len({split for _, _, split in found}) != 1:
        return name, None
    for start, end, _ in reversed(found):
        name = name[:start] + mark + name[end:]
    return name, found[0][2]


def split_of_path(key: str) -> SplitName | None:
    """The split that the name of a file says, or else the nearest folder around it that says one.

    Args:
        key: Its path relative to the folder that is read, with `/` between names.

    Example:
        >>> split_of_path("data/train/part-0.csv"), split_of_path("train-00000-of-2.parquet")
        ('train', 'train')
    """
    parts = PurePosixPath(key).parts
    return next((split for part in reversed(parts) if (split := split_of(part)) is not None), None)


def words_beside(name: str) -> frozenset[str]:
    """The words of a name in lower case, without that of its split.

    Example:
        >>> sorted(words_beside("X_train")), sorted(words_beside("testLabels"))
        (['x'], ['labels'])
    """
    rest, _ = parted(name, " ")
    return frozenset(rest[start:end].lower() for start, end in _words(rest))


def _said(name: str) -> Iterator[tuple[int, int, SplitName]]:
    """Where words of splits begin and end in a name, and which they say."""
    taken = 0
    for compound in [*_COMPOUND.finditer(name), None]:
        until = len(name) if compound is None else compound.start()
        for start, end in _words(name[taken:until]):
            match = _WORD.fullmatch(name, taken + start, taken + end)
            if match is not None and match.lastindex:
                yield *match.span(match.lastindex), _WORDS[match.lastindex - 1][1]
        if compound is not None and compound.lastindex:
            yield *compound.span(), _COMPOUNDS[compound.lastindex - 1][1]
            taken = compound.end()


def _words(name: str) -> Iterator[tuple[int, int]]:
    """Where the words of a name begin and end."""
    for match in _LETTERS.finditer(name):
        start = match.start()
        for change in [*(each.start() for each in _CAMEL.finditer(match[0])), len(match[0])]:
            yield start, match.start() + change
            start = match.start() + change
