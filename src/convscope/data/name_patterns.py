"""Patterns that fit the names of files: which of their parts may be a label, and which a group."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import PurePosixPath

from convscope.errors import UsageError

MOST_LABELS = 200
_SHOWN_PATTERNS = 3
_SHOWN_LABELS = 4
_FEWEST_GROUPS = 5
_DIGIT = re.compile(r"\d")
_PARTS = re.compile(r"[^\W_]+|[\W_]+")
_LETTERS_DIGITS = re.compile(r"([^\W\d_]+)(\d+)")


def check_is_folder(where: str, pattern: str | None, folder: bool) -> None:
    """Stops at a pattern of names where there are no names of files.

    Raises:
        UsageError: A pattern is given, and the data is a table or an array.
    """
    if pattern is not None and not folder:
        raise UsageError(
            f"The label pattern {pattern!r} is for a folder of files. Received: {where}.",
            "Give the folder, or leave --label-pattern out.",
        )


def suggested_patterns(keys: Sequence[str]) -> str:
    """The patterns that take labels from the names of files, in a sentence; empty where no part can be one.

    Example:
        >>> suggested_patterns([f"{k:02}_{word}_a.wav" for k in range(6) for word in [("no", "yes")[k % 2]]])
        "If the names of the files say the classes: --label-pattern '[^_]+_(?P<label>[^_]+)_[^.]+' (no, yes)."
    """
    form = _NameForm.of(keys)
    if form is None:
        return ""
    listed = []
    for place in form.candidates[:_SHOWN_PATTERNS]:
        values = sorted(form.values(place))
        shown = ", ".join(values[:_SHOWN_LABELS]) + (", ..." if len(values) > _SHOWN_LABELS else "")
        listed.append(f"--label-pattern '{form.pattern(place)}' ({shown})")
    return f"If the names of the files say the classes: {', or '.join(listed)}." if listed else ""


def doubt_about_folders(keys: Sequence[str], labels: Sequence[str]) -> str:
    """What speaks against folders as classes: names that repeat the folder, and other labels in each folder.

    Recordings of speakers lie in such folders: `01/3_01_7.wav` is a 3 of the speaker 01. The other label must
    have the same values in all folders, several times in each.

    Args:
        keys: The files.
        labels: The folder of each.

    Returns:
        A line for the decisions; empty where nothing speaks against them.
    """
    form = _NameForm.of(keys)
    folders = sorted(set(labels))
    if form is None or len(form.rows) != len(keys) or len(folders) < 2:
        return ""
    same = [place for place in range(form.count) if [row[place] for row in form.rows] == list(labels)]
    if not same:
        return ""
    for place in (each for each in form.candidates if each not in same):
        counts = {folder: Counter[str]() for folder in folders}
        for row, folder in zip(form.rows, labels, strict=True):
            counts[folder][row[place]] += 1
        crossed = len({frozenset(each) for each in counts.values()}) == 1
        if crossed and all(min(each.values()) > 1 for each in counts.values()):
            values = ", ".join(sorted(form.values(place))[:_SHOWN_LABELS])
            pattern = form.pattern(place, group=same[0])
            return (
                f"labels: the folders {folders[0]}, {folders[1]}, ...; the names of the files repeat them,"
                f" and have {values}, ... in every folder: if those are the classes,"
                f" --label-pattern '{pattern}'"
            )
    return ""


@dataclass(frozen=True)
class _NameForm:
    """What names of files have in common: as many parts, with the same signs between them.

    Args:
        rows: The parts of each name, without signs and ending.
        signs: What stands behind each part, the last one maybe; empty between letters and their digits.
        nested: Whether the files lie in several folders.
    """

    rows: Sequence[tuple[str, ...]]
    signs: tuple[str, ...]
    nested: bool

    @classmethod
    def of(cls, keys: Sequence[str]) -> _NameForm | None:
        """The form of most names; None where names have several."""
        split = [_parts_of(PurePosixPath(key).stem) for key in keys]
        if not split:
            return None
        (signs, count), *_ = Counter(signs for _, signs in split).most_common(1)
        rows = [parts for parts, of in split if of == signs]
        nested = any("/" in key for key in keys)
        return cls(rows, signs, nested) if count >= 0.9 * len(keys) and len(rows[0]) > 1 else None

    @property
    def count(self) -> int:
        """How many parts there are."""
        return len(self.rows[0])

    def values(self, place: int) -> Counter[str]:
        """What stands at a place, and how often."""
        return Counter(row[place] for row in self.rows)

    @property
    def candidates(self) -> list[int]:
        """The places that may hold labels: words first, then the fewest values."""
        found = []
        for place in range(self.count):
            values = self.values(place)
            often = sum(count for count in values.values() if count > 1)
            if 1 < len(values) <= min(MOST_LABELS, len(self.rows) / 2) and often >= 0.9 * len(self.rows):
                found.append((any(map(_DIGIT.search, values)), len(values), place))
        return [place for *_, place in sorted(found)]

    def pattern(self, label: int, group: int | None = None) -> str:
        """A regular expression that takes a part as the label, and another one as the group.

        By default the group is the only other part that has at least as many words as groups need.
        """
        if group is None:
            words = [
                place
                for place in self.candidates
                if place != label
                and len(values := self.values(place)) >= _FEWEST_GROUPS
                and not any(map(_DIGIT.search, values))
            ]
            group = words[0] if len(words) == 1 else None
        made = []
        for place in range(self.count):
            name = "label" if place == label else "group" if place == group else ""
            part = self._part(place)
            made.append(f"(?P<{name}>{part})" if name else part)
        signs = [re.sub(r"[.()+]", r"\\\g<0>", sign) for sign in self.signs]
        return "".join(part + sign for part, sign in zip_longest(made, signs, fillvalue=""))

    def _part(self, place: int) -> str:
        """A pattern of one part: up to the next sign, or letters before digits."""
        if place < len(self.signs) and not self.signs[place]:
            return r"[^\W\d_]+"
        if place and not self.signs[place - 1]:
            return r"\d+"
        sign = self.signs[place][0] if place < len(self.signs) else "."
        barred = f"{sign}/" if self.nested else sign
        return f"[^{barred.replace('-', chr(92) + '-')}]+"


def _parts_of(stem: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The parts of a name and the signs between them; letters and digits behind them are two parts."""
    parts: list[str] = []
    signs: list[str] = []
    for found in _PARTS.findall(stem):
        if not (found[0].isalnum()):
            if parts:
                signs.append(found)
            continue
        pair = _LETTERS_DIGITS.fullmatch(found)
        parts += pair.groups() if pair else [found]
        signs += [""] if pair else []
    return tuple(parts), tuple(signs[: len(parts)])
