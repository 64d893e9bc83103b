"""Published lists of the files of each split: `validation_list.txt`, `train.txt`, `meta/test.txt`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from convscope.data.file_index import FileIndex
from convscope.data.lines import read_lines
from convscope.data.listing import Listing
from convscope.data.split_names import split_of
from convscope.errors import DataError
from convscope.types import SplitName

ENDINGS = (".txt", ".lst", ".list")
MOST_LINES = 5_000_000
_SHARE = 0.9
"""Lines that have to name files that are there, of all lines."""


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

    Args:
        listing: The folder.
        files: Where lists may be, relative to it.
        keys: The samples, relative to it.

    Returns:
        Sorted by their keys; a line is a path, with or without its ending and the folders around it, and a
        label or nothing behind it.
    """
    lists = sorted(key for key in files if key.lower().endswith(ENDINGS))
    if not lists:
        return []
    known = FileIndex(keys)
    found = (_list_of(listing, key, known) for key in lists)
    return [each for each in found if each is not None]


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
    named = ", ".join(f"{each.key} is {each.split}" for each in lists)
    others = "files in none of them are left out" if rest is None else "all other files are train"
    return [split_by_key.get(key, rest) for key in keys], f"splits: by the lists: {named}; {others}"


def _list_of(listing: Listing, key: str, known: FileIndex) -> SplitList | None:
    labels: dict[str, str] = {}
    total = unknown = 0
    try:
        for number, line in read_lines(Path(listing.root, key)):
            if not line.strip():
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
    return SplitList(key, split_of(PurePosixPath(key).stem), labels, unknown)


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
    return None, ""
