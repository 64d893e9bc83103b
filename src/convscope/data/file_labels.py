"""Labels that the names of files say, such as those of `cat.0.jpg` and `walking_1.csv`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePosixPath

from convscope.data.class_folders import ClassFiles
from convscope.data.listed_labels import by_lists
from convscope.data.listing import Listing
from convscope.data.name_patterns import MOST_LABELS, suggested_patterns
from convscope.data.split_names import split_of, split_of_path
from convscope.errors import DataError, UsageError

GROUPS = ("speaker", "subject", "patient", "fold", "source", "group")
"""Groups of a pattern of names that say what stays together in one split."""
_WORD = re.compile(r"(?P<label>[^\W\d_]+(?:[-_. ][^\W\d_]+)*)[-_. ]*\(?(?P<number>\d+)\)?")
_NUMBER = re.compile(r"(?P<label>\d{1,3})[-_. ]+(?P<number>\d+)")
_SIGNS = re.compile(r"[-_. ]+")
_DATE = re.compile(r"(?:19|20)\d\d(?:[01]\d(?:[0-3]\d)?)?")
_NO_LABELS = frozenset(
    [
        *("img", "image", "dsc", "dscn", "pic", "picture", "photo", "frame", "sample", "test", "train"),
        *("series", "recording", "rec", "run", "file", "data", "log", "sensor", "session", "subject", "user"),
    ]
)
_FEWEST_OF_LABEL = 3
"""Files of each label, on average, that a name must have, so that it is a label."""


@dataclass(frozen=True)
class NamedLabels:
    """Labels that the names of files say.

    Args:
        labels: One for each file.
        line: What was found, for the decisions.
    """

    labels: tuple[str, ...]
    line: str


def labels_of_names(keys: Sequence[str]) -> NamedLabels | None:
    """The labels that all names of some files say: a word, or a number, before the number of the file.

    Args:
        keys: The files.

    Returns:
        None where not all names have that form, the numbers are dates, or the labels are not few.

    Example:
        >>> labels_of_names([f"{name}.{k}.jpg" for name in ("cat", "dog") for k in range(3)]).labels[::3]
        ('cat', 'dog')
    """
    stems = [PurePosixPath(key).stem for key in keys]
    for form in (_WORD, _NUMBER):
        found = [match for stem in stems if (match := form.fullmatch(stem)) is not None]
        if len(found) != len(keys) or all(_DATE.fullmatch(match["number"]) for match in found):
            continue
        labels, said = _without_prefix([match["label"] for match in found])
        counts = Counter(labels)
        few = 1 < len(counts) <= min(MOST_LABELS, len(keys) / _FEWEST_OF_LABEL)
        say_nothing = {name.lower() for name in counts} <= _NO_LABELS or all(map(split_of, counts))
        say_nothing |= _say_two_things(counts)
        if few and min(counts.values()) >= 2 and not say_nothing:
            name = PurePosixPath(keys[0]).name
            return NamedLabels(
                labels, f"labels: from the names of the files, such as {labels[0]!r} of {name}{said}"
            )
    return None


def _without_prefix(labels: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Labels without the words that all of them begin with, and a note on these.

    Example:
        >>> _without_prefix(["img_cat", "img_black_dog"])[0]
        ('cat', 'black_dog')
    """
    words = {label: _SIGNS.split(label) for label in set(labels)}
    fewest = min(len(each) for each in words.values())
    places = zip(*(each[: fewest - 1] for each in words.values()), strict=True)
    shared = len(list(takewhile(lambda place: len(set(place)) == 1, places)))
    if not shared or len(words) < 2:
        return tuple(labels), ""
    rest = {label: _SIGNS.split(label, maxsplit=shared)[-1] for label in words}
    start = labels[0][: len(labels[0]) - len(rest[labels[0]])]
    return tuple(rest[label] for label in labels), f"; {start!r}, with which all begin, is no part of them"


def _say_two_things(labels: Collection[str]) -> bool:
    """Whether labels are of several words, of which two go with one another in many ways."""
    words = [tuple(_SIGNS.split(label)) for label in labels]
    if len({len(each) for each in words}) > 1:
        return False
    shared = [counts for place in zip(*words, strict=True) if len(counts := Counter(place)) > 1]
    return sum(min(counts.values()) > 1 for counts in shared) > 1


def words_of(stem: str) -> str:
    """The words that a name begins with, such as `walking` of `walking_1`; none of `sensor_1` or `2024`."""
    found = re.match(r"[^\W\d_]{3,}(?:[-_. ][^\W\d_]{2,})*", stem)
    return "" if found is None or found[0].lower() in _NO_LABELS else found[0]


def named_classes(listing: Listing, keys: Sequence[str], what: str) -> ClassFiles | None:
    """Files whose names say the labels, in one folder or in one for each split.

    Args:
        listing: The folder; learns what is left out.
        keys: The files that are samples.
        what: What they are, such as "images", for messages.

    Returns:
        None where the names say no labels.
    """
    by_folder: dict[str, list[str]] = {}
    for key in keys:
        by_folder.setdefault(key.rpartition("/")[0], []).append(key)
    found = {parent: labels_of_names(inside) for parent, inside in by_folder.items()}
    splits = {parent: split_of_path(parent) for parent in by_folder}
    taken = {parent: named for parent, named in found.items() if named is not None}
    named_train = [parent for parent in taken if splits[parent] == "train"]
    by_split = bool(named_train) and all(splits[parent] is not None for parent in taken)
    if not taken or not (by_split or len(by_folder) == 1):
        return None
    rows = [
        (key, label, splits[parent] if by_split and len(taken) > 1 else None)
        for parent, named in taken.items()
        for key, label in zip(by_folder[parent], named.labels, strict=True)
    ]
    lines = list(dict.fromkeys(named.line for named in taken.values()))[:1]
    for parent in by_folder.keys() - taken.keys():
        reason = f"{len(by_folder[parent])} {what} without labels in their names"
        listing.skip(parent, reason)
        lines.append(f"left out: {parent}/, {reason}")
    files = ClassFiles(
        [key for key, _, _ in rows],
        [label for _, label, _ in rows],
        [split for _, _, split in rows],
        f"labels in the names of {len(rows)} files",
        decisions=tuple(lines),
    )
    return files if any(files.splits) else by_lists(listing, listing.files_below(""), files)


def classes_by_pattern(listing: Listing, pattern: str, takes: Callable[[str], bool]) -> ClassFiles:
    """Files whose names have a label by a pattern.

    Args:
        listing: The folder; learns what is left out.
        pattern: A regular expression, searched for in the path of each file below the folder: its group
            `label`, or the first one, is the label, `split` the split, and one of `GROUPS` what stays
            together.
        takes: Whether a file is a sample by its name.

    Raises:
        DataError: An unknown split, or no name fits.
        UsageError: It is no regular expression with a group.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"The label pattern {pattern!r} is not a regular expression: {error}.") from error
    if not expression.groups:
        raise UsageError(
            f"The label pattern {pattern!r} has no group.", "Put parentheses around the label: '([a-z]+)_.*'."
        )
    named = expression.groupindex
    label: str | int = "label" if "label" in named else 1
    together = next((name for name in GROUPS if name in named), None)
    keys, labels, splits, groups = [], [], [], []
    for key in listing.files_below(""):
        matched = expression.search(key) if takes(key) else None
        if matched is None or not matched[label]:
            listing.skip(key, "its name has no label by the pattern")
            continue
        raw = matched["split"] if "split" in named else None
        split = split_of(raw) if raw else None
        if raw and split is None:
            raise DataError(f"{listing.root}/{key}: expected a split by the pattern, received {raw!r}")
        keys.append(key)
        labels.append(matched[label])
        splits.append(split)
        groups.append((matched[together] if together else "") or "")
    if not keys:
        samples = [key for key in listing.files_below("") if takes(key)]
        received = f"{samples[0]} and {len(samples) - 1} others" if samples else "no files"
        raise DataError(
            f"{listing.root}: expected names with a label by the pattern {pattern!r}, received {received}",
            hint=suggested_patterns(samples) or "Give a pattern that is found in the paths of the files.",
        )
    layout = f"names of files: label by the pattern {pattern}"
    return ClassFiles(keys, labels, splits, layout, groups if any(groups) else None)
