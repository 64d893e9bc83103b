"""Published lists of the files of each split: `validation_list.txt`, `meta/test.txt`, `splits.json`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from convscope.data.file_index import FileIndex
from convscope.data.lines import read_lines
from convscope.data.listing import Listing
from convscope.data.split_names import split_of
from convscope.errors import ConvscopeError, DataError
from convscope.json_values import read_json
from convscope.types import SplitName

ENDINGS = (".txt", ".lst", ".list")
JSON = ".json"
MOST_BYTES = 2**26
"""Size of a list in JSON, at most."""
MOST_LINES = 5_000_000
_SHARE = 0.9
"""Lines that have to name files that are there, of all lines."""
_MARKS: Mapping[str, SplitName] = {"1": "train", "0": "test"}
_WORDS = re.compile(r"[^\W\d_]+")
_GAP = re.compile(r"[\s,;]+")
_NAMES = re.compile(r'\s*(\[\s*"|\{\s*"[^"]{1,40}"\s*:\s*\[\s*")')
"""How a list of names in JSON begins, or one of several by the names of splits."""


@dataclass(frozen=True)
class SplitList:
    """The files that a list names.

    Args:
        key: The list itself, relative to the folder that is read.
        split: What its name says; None where it says none.
        labels: What stands behind each file, empty where nothing does, by the key of the file.
        unknown: How many lines name files that are not there.
    """

    key: str
    split: SplitName | None
    labels: Mapping[str, str]
    unknown: int


def split_lists(listing: Listing, files: Sequence[str], keys: Iterable[str]) -> list[SplitList]:
    """The lists among some files of which most lines name samples; others are no lists.

    A file such as `train_test_split.txt` is one list for each split: its lines are a sample, or the number
    that another file gives it (`7 a/b.jpg`), and the split, where 1 is train and 0 is test.

    Args:
        listing: The folder.
        files: Where lists may be, relative to it.
        keys: The samples, relative to it.

    Returns:
        Sorted by their keys; a line is a path, with or without its ending and the folders around it, and a
        label or nothing behind it. Of several columns behind it none is taken for the label.
    """
    lists = sorted(key for key in files if key.lower().endswith(ENDINGS))
    in_json = sorted(key for key in files if key.lower().endswith(JSON))
    if not lists and not in_json:
        return []
    known = FileIndex(keys)
    found = [each for key in in_json for each in _lists_of_json(listing, key, known)]
    for key in lists:
        if _says_several(key):
            found += _lists_of_marks(listing, key, lists, known)
        else:
            one = _list_of(listing, key, known)
            found += [] if one is None else [one]
    return found


def unread_lists(files: Sequence[str], lists: Sequence[SplitList]) -> list[str]:
    """One line for each file that is called a list of a split and is none of the lists that are used."""
    used = {each.key for each in lists}
    return [
        f"splits: {key} is not used, though its name says a split: its lines name none of the files"
        for key in sorted(files)
        if key.lower().endswith(ENDINGS) and key not in used and (_says_several(key) or _split_of_list(key))
    ]


def splits_by_lists(
    where: str, lists: Sequence[SplitList], keys: Sequence[str]
) -> tuple[list[SplitName | None], str]:
    """The split that lists give each sample, and what is reported of it.

    Samples in none of the lists are of train where no list is, and else of no split: None.

    Args:
        where: The folder, for messages.
        lists: At least one, each with a split.
        keys: The samples.

    Raises:
        DataError: Two lists of different splits name one sample.
    """
    split_by_key: dict[str, SplitName] = {}
    for each in lists:
        for key in each.labels:
            if each.split is not None and split_by_key.setdefault(key, each.split) != each.split:
                raise DataError(
                    f"{where}: expected one split for each file, received {key} in lists of"
                    f" {split_by_key[key]} and {each.split}",
                    hint="Correct the lists, or move them elsewhere to have splits drawn.",
                )
    rest: SplitName | None = None if "train" in split_by_key.values() else "train"
    splits_of: dict[str, list[str]] = {}
    for each in lists:
        splits_of.setdefault(each.key, []).append(str(each.split))
    named = ", ".join(f"{key} is {' and '.join(splits)}" for key, splits in splits_of.items())
    others = "files in none of them are left out" if rest is None else "all other files are train"
    return [split_by_key.get(key, rest) for key in keys], f"splits: by the lists: {named}; {others}"


def _list_of(listing: Listing, key: str, known: FileIndex) -> SplitList | None:
    labels: dict[str, str] = {}
    total = unknown = 0
    try:
        for number, line in read_lines(Path(listing.root, key)):
            if not line.strip() or line.startswith("#"):
                continue
            total += 1
            file, label = _parted_line(line.strip(), known)
            if file is None:
                unknown += 1
            else:
                labels[file] = label
            if number > MOST_LINES or (total >= 100 and unknown > total * (1 - _SHARE)):
                return None
    except DataError:
        return None
    if not labels or unknown > total * (1 - _SHARE):
        return None
    return SplitList(key, _split_of_list(key), labels, unknown)


def _lists_of_json(listing: Listing, key: str, known: FileIndex) -> list[SplitList]:
    """The lists in a file of JSON: one of names, or several by the names of their splits."""
    try:
        path = Path(listing.root, key)
        with path.open(encoding="utf-8", errors="replace") as file:
            if path.stat().st_size > MOST_BYTES or not _NAMES.match(file.read(200)):
                return []
        content = read_json(path)
    except (OSError, ConvscopeError):
        return []
    parts = content if isinstance(content, dict) else {PurePosixPath(key).stem: content}
    found = []
    for name, names in parts.items():
        if not isinstance(names, list) or not names or not all(isinstance(each, str) for each in names):
            return []
        files = [known.find(each) for each in names]
        missing = files.count(None)
        if missing > len(names) * (1 - _SHARE):
            return []
        found.append(SplitList(key, split_of(name), {each: "" for each in files if each}, missing))
    return found


def _split_of_list(key: str) -> SplitName | None:
    return split_of(PurePosixPath(key).stem)


def _says_several(key: str) -> bool:
    """Whether a name says several splits, as `train_test_split` does."""
    return len({split_of(word) for word in _WORDS.findall(PurePosixPath(key).stem)} - {None}) > 1


def _lists_of_marks(listing: Listing, key: str, lists: Sequence[str], known: FileIndex) -> list[SplitList]:
    """The lists of the splits that stand behind samples, or behind the numbers of samples."""
    rows = _pairs(listing, key)
    splits = {mark: _MARKS.get(mark) or split_of(mark) for mark in {mark for _, mark in rows}}
    if not rows or None in splits.values() or len(set(splits.values())) < 2:
        return []
    for names in ({}, *(dict(_pairs(listing, other)) for other in lists if other != key)):
        files = [known.find(names.get(sample, sample)) for sample, _ in rows]
        missing = files.count(None)
        if missing <= len(rows) * (1 - _SHARE):
            by_split: dict[SplitName, dict[str, str]] = {}
            for file, (_, mark) in zip(files, rows, strict=True):
                split = splits[mark]
                if file is not None and split is not None:
                    by_split.setdefault(split, {})[file] = ""
            return [SplitList(key, split, labels, missing) for split, labels in by_split.items()]
    return []


def _pairs(listing: Listing, key: str) -> list[tuple[str, str]]:
    """The first word of each line and what follows it; nothing where a line has one word only."""
    pairs: list[tuple[str, str]] = []
    try:
        for number, line in read_lines(Path(listing.root, key)):
            if not line.strip():
                continue
            words = _GAP.split(line.strip(), maxsplit=1)
            if len(words) < 2 or number > MOST_LINES:
                return []
            pairs.append((words[0], words[1]))
    except DataError:
        return []
    return pairs


def _parted_line(line: str, known: FileIndex) -> tuple[str | None, str]:
    """The file that a line names, and what stands behind it; None where there is no such file."""
    whole = known.find(line)
    if whole is not None:
        return whole, ""
    for mark in ("\t", ",", ";", " "):
        name, found, label = line.rpartition(mark)
        file = known.find(name) if found else None
        if file is not None:
            return file, label.strip()
    words = _GAP.split(line)
    return (known.find(words[0]) if len(words) > 2 else None), ""
