"""What lists beside class folders say: splits, and labels of a split without class folders."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from convscope.data.file_index import FileIndex
from convscope.data.lines import read_lines
from convscope.data.listing import Listing
from convscope.data.split_lists import split_lists, splits_by_lists, unread_lists
from convscope.data.split_names import split_of
from convscope.errors import DataError

if TYPE_CHECKING:
    from convscope.data.class_folders import ClassFiles

_ENDINGS = (".txt", ".csv", ".tsv", ".lst", ".list")
_GAP = re.compile(r"[\s,;]+")
_SHARE = 0.9
"""Lines that must name a file and a class, of all lines but one for a header."""


def by_lists(listing: Listing, files: Sequence[str], found: ClassFiles) -> ClassFiles:
    """The splits that published lists give; files in none of them are left out where train is listed.

    Args:
        listing: The folder; learns what was left out.
        files: All files below it, among them the lists.
        found: The samples, without splits.

    Raises:
        DataError: Two lists of different splits name one sample.
    """
    data = set(found.keys)
    others = [key for key in files if key not in data]
    lists = [each for each in split_lists(listing, others, found.keys) if each.split is not None]
    found = replace(found, decisions=(*found.decisions, *unread_lists(others, lists)))
    if not lists:
        return found
    splits, said = splits_by_lists(listing.root, lists, found.keys)
    used = {f"{listing.root}/{each.key}" for each in lists}
    listing.skipped[:] = [each for each in listing.skipped if each.path not in used]
    kept = [at for at, split in enumerate(splits) if split is not None]
    for at in sorted(set(range(len(splits))) - set(kept)):
        listing.skip(found.keys[at], "in none of the lists of splits")
    return replace(
        found,
        keys=[found.keys[at] for at in kept],
        labels=[found.labels[at] for at in kept],
        splits=[splits[at] for at in kept],
        groups=None if found.groups is None else [found.groups[at] for at in kept],
        decisions=(*found.decisions, said),
    )


def labels_of_split(
    listing: Listing, folder: str, files: Sequence[str], samples: Sequence[str], classes: Collection[str]
) -> tuple[dict[str, str], str]:
    """The labels that a list gives the samples of a split, as `val_annotations.txt` of Tiny ImageNet does.

    Args:
        listing: The folder that is read.
        folder: That of the split, relative to it.
        files: All files; a list lies in the folder of the split, or beside it and is called like the split.
        samples: Those of the split.
        classes: Of the train split.

    Returns:
        The class of each sample that the list names, and the list: each line is a file, a class, and anything
        behind them. No labels where there is no such list.
    """
    known = FileIndex(samples)
    split = split_of(folder.rpartition("/")[2])
    around = folder.rpartition("/")[0]
    for key in sorted(each for each in files if each.lower().endswith(_ENDINGS)):
        inside, name = key.rpartition("/")[::2]
        if inside != folder and not (inside == around and split_of(name) == split):
            continue
        labels: dict[str, str] = {}
        total = 0
        try:
            for _, line in read_lines(Path(listing.root, key)):
                words = _GAP.split(line.strip(), maxsplit=2)
                total += bool(words[0])
                file = known.find(words[0]) if len(words) > 1 and words[1] in classes else None
                if file is not None:
                    labels[file] = words[1]
        except DataError:
            continue
        if labels and len(labels) >= _SHARE * (total - 1):
            return labels, key
    return {}, ""
