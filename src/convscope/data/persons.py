"""Persons, animals or machines that paths tell apart: samples of one of them stay in one split."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from convscope.data.groups import groups_of_paths

if TYPE_CHECKING:
    from convscope.data.assembly import Found

FEWEST_OF_CLASS = 3
"""Persons that each class must have; else they may be what is to be told apart."""
_MOST_UNNAMED = 0.1
_WORDS = (
    "sub|subj|subject|patient|pat|participant|person|proband|volunteer|speaker|spk|actor|user|donor|mouse|rat"
    "|animal"
)
_FOLDER = re.compile(rf"(?:{_WORDS}|s|p|id)[-_ ]?\d+[a-z]?|sub-[a-z0-9]+", re.IGNORECASE)
_IN_NAME = re.compile(rf"(?<![^\W_])(?:(?:{_WORDS})[-_ ]?\d+|sub-[a-z0-9]+)(?![^\W_])", re.IGNORECASE)
_FIRST = re.compile(r"[sp]\d+(?=[-_ .])", re.IGNORECASE)


def with_groups(found: Found, group: str | None) -> Found:
    """What was found with groups that the paths name: as the user asks, or by names such as `sub-01`.

    Args:
        found: What a reader found; groups of its own stay.
        group: What the user gave as `--group`.

    Raises:
        DataError, UsageError: The pattern is in no path, or is no regular expression.
    """
    if found.groups is not None and (group is not None or any(each is not None for each in found.groups)):
        return found
    keys = [found.source.key(index) for index in range(len(found.labels))]
    if group is not None:
        groups: Sequence[str | None] = groups_of_paths(found.where, keys, group, found.nouns[1])
        return replace(found, groups=groups, grouped_by=f"the pattern '{group}'")
    persons = persons_of(keys, list(map(str, found.labels)))
    if persons is None:
        return found
    names, where = persons
    first = next(name for name in names if name is not None)
    return replace(found, groups=names, grouped_by=f"the names of {where} such as {first}")


def persons_of(keys: Sequence[str], labels: Sequence[str]) -> tuple[list[str | None], str] | None:
    """Whose each sample is, by a folder around it or by its name, and which of the two.

    Args:
        keys: The path of each sample.
        labels: The class of each.

    Returns:
        None where most paths name nobody, each sample is of somebody else, or a class has too few persons.

    Example:
        >>> keys = [f"{name}/sub-{k // 2}/{k}.png" for name in ("well", "ill") for k in range(6)]
        >>> persons_of(keys, [key.partition("/")[0] for key in keys])[0][:3]
        ['sub-0', 'sub-0', 'sub-1']
    """
    paths = [key.split("/") for key in keys]
    deepest = max(map(len, paths), default=0)
    for level in range(deepest - 1):
        names = [_matched(path[level]) if level < len(path) - 1 else None for path in paths]
        if _tell_persons(names, labels):
            return names, "folders"
    for pattern in (_IN_NAME, _FIRST):
        search = pattern.search if pattern is _IN_NAME else pattern.match
        found = [search(path[-1]) for path in paths]
        names = [None if each is None else each[0].lower() for each in found]
        if _tell_persons(names, labels):
            return names, "files"
    return None


def _matched(folder: str) -> str | None:
    return folder.lower() if _FOLDER.fullmatch(folder) else None


def _tell_persons(names: Sequence[str | None], labels: Sequence[str]) -> bool:
    """Whether names are those of persons: nearly all samples have one, some share one, no class has few."""
    known = [name for name in names if name is not None]
    if not known or len(names) - len(known) > _MOST_UNNAMED * len(names) or len(set(known)) == len(known):
        return False
    by_class = Counter(label for label, _ in _pairs(names, labels))
    return min(by_class[label] for label in set(labels)) >= FEWEST_OF_CLASS


def _pairs(names: Sequence[str | None], labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield from {(label, name) for label, name in zip(labels, names, strict=True) if name is not None}
