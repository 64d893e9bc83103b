"""The files of CelebA: attributes of 1 and -1 for each image, and the split of each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from convscope.data.assembly import Found
from convscope.data.file_index import FileIndex
from convscope.data.lines import read_lines
from convscope.data.listing import Listing
from convscope.errors import DataError, UsageError
from convscope.kinds.image.readers.manifest import TableOptions
from convscope.kinds.image.readers.names import is_image_name, may_be_image
from convscope.kinds.image.readers.scan import scan_to_found
from convscope.kinds.image.readers.sources import unscanned_files
from convscope.types import Progress, SplitName

PARTITIONS = ("list_eval_partition.txt", "list_eval_partition.csv")
_SPLITS: dict[str, SplitName] = {"0": "train", "1": "validation", "2": "test"}
_VALUES = frozenset(["1", "-1"])
_SHOWN = 8


def attributes_in(folder: Path) -> Path | None:
    """A list of attributes in a folder: a count, their names, and a line of 1 and -1 for each image."""
    for path in sorted(folder.glob("list_attr_*.txt")):
        try:
            lines = [line.split() for _, line in islice(read_lines(path), 3)]
        except DataError:
            continue
        counted = len(lines) == 3 and len(lines[0]) == 1 and lines[0][0].isdigit()
        if counted and is_image_name(lines[2][0]) and _is_row(lines[2], lines[1]):
            return path
    return None


def read_attributes(path: Path, progress: Progress, asked: TableOptions) -> Found:
    """Images with one of the attributes that a list has for each.

    Args:
        path: As `attributes_in` finds it; images lie below its folder.
        progress: Receives the number of images scanned.
        asked: Options that the user gave.

    Raises:
        DataError: No attribute was chosen, or a line is malformed.
        UsageError: There is no such attribute.
    """
    names, rows = _rows(path)
    if asked.labels and asked.label is None:
        shown = ", ".join(map(repr, names[:_SHOWN])) + (", ..." if len(names) > _SHOWN else "")
        raise DataError(
            f"{path}: expected one column of labels, received {len(names)} attributes of -1 and 1: {shown}",
            hint=f"Choose one, such as --label-column {names[-1]}.",
        )
    if asked.label is not None and asked.label not in names:
        raise UsageError(f"{path} has no attribute {asked.label!r}.", f"It has {', '.join(names)}.")
    index = FileIndex(key for key in Listing(str(path.parent)).files_below("") if may_be_image(key))
    keys = [index.find(row[0]) or row[0] for row in rows]
    at = 0 if asked.label is None else names.index(asked.label) + 1
    labels = [row[at] if at else None for row in rows]
    said = f"columns: label from {asked.label!r}; not used: the {len(names) - 1} other attributes"
    return scan_to_found(
        unscanned_files(str(path.parent), keys),
        where=str(path),
        layout=f"attributes: {path.name} names {len(keys)} files",
        labels=labels,
        splits=[None] * len(keys),
        skipped=(),
        progress=progress,
        decisions=[said] if at else [],
        intensity_range=asked.intensity_range,
    )


def with_partition(found: Found, folder: Path) -> Found:
    """What was found with the splits of a list of CelebA beside, which numbers them from 0.

    Raises:
        DataError: The list says something else.
    """
    path = next((folder / name for name in PARTITIONS if (folder / name).is_file()), None)
    if path is None or any(found.splits):
        return found
    split_of: dict[str, SplitName] = {}
    for number, line in read_lines(path):
        fields = line.replace(",", " ").split()
        if len(fields) != 2 or fields[1] not in _SPLITS:
            if number == 1 or not fields:
                continue
            raise DataError(f"{path}, line {number}: expected an image and 0, 1 or 2, received {line[:40]!r}")
        split_of[fields[0]] = _SPLITS[fields[1]]
    splits = [split_of.get(found.source.key(row).rpartition("/")[2]) for row in range(len(found.labels))]
    said = f"splits: by {path.name}, where 0 is train, 1 is validation and 2 is test"
    return found if None in splits else replace(found, splits=splits, decisions=(*found.decisions, said))


def _rows(path: Path) -> tuple[list[str], list[list[str]]]:
    names: list[str] = []
    rows = []
    for number, line in islice(read_lines(path), 1, None):
        fields = line.split()
        if number == 2:
            names = fields
        elif fields and not _is_row(fields, names):
            raise DataError(
                f"{path}, line {number}: expected an image and {len(names)} values of 1 and -1, received"
                f" {line[:60]!r}"
            )
        elif fields:
            rows.append(fields)
    return names, rows


def _is_row(fields: Sequence[str], names: Sequence[str]) -> bool:
    return len(fields) == len(names) + 1 and set(fields[1:]) <= _VALUES
