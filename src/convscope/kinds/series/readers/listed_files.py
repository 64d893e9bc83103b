"""A table for each series, and one table that names their files with a label for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from convscope.data.columns import LABEL_COLUMNS, PATH_COLUMNS, columns_line, find_column, is_label_name
from convscope.data.groups import group_column
from convscope.data.listing import Listing
from convscope.data.split_names import split_of, split_of_path
from convscope.errors import DataError
from convscope.kinds.series.readers.frames import is_table, read_frame
from convscope.kinds.series.readers.table_series import labels_of
from convscope.types import SplitName

if TYPE_CHECKING:
    import pandas

FILE_COLUMNS = (*PATH_COLUMNS, "name", "id", "series", "series_id", "recording", "sample", "sample_id")
"""What the column is called that names the files of series, by their whole names or without an ending."""


@dataclass(frozen=True)
class ListedFiles:
    """Files of series with what a table says of each.

    Args:
        keys: The files below the folder, sorted.
        labels: The label of each.
        splits: The split of each.
        groups: The group of each.
        layout: What was found, in a few words.
        line: What the columns of the table were taken for.
    """

    keys: tuple[str, ...]
    labels: tuple[str | None, ...]
    splits: tuple[SplitName | None, ...]
    groups: tuple[str | None, ...]
    layout: str
    line: str


def find_listed(place: Path, encoding: str | None = None) -> ListedFiles | None:
    """The series of a folder that a table in it names; None where no table does.

    Args:
        place: A folder.
        encoding: Of tables; detected by default.

    Raises:
        DataError: A label is malformed.
    """
    if not place.is_dir():
        return None
    listing = Listing(str(place))
    keys = listing.files_that(is_table, "no table")
    by_name: dict[str, list[str]] = {}
    for key in keys:
        name = key.rpartition("/")[2]
        for alias in {key, name, name.partition(".")[0]}:
            by_name.setdefault(alias, []).append(key)
    tables = [key for key in keys if key.count("/") < 2]
    found = [made for key in _few_per_folder(tables) if (made := _of_table(place, key, by_name, encoding))]
    if not found:
        return None
    rows = {key: row for rows, _ in found for key, row in rows.items()}
    ordered = sorted(rows)
    parts = list(zip(*(rows[key] for key in ordered), strict=True))
    return ListedFiles(
        tuple(ordered),
        parts[0],
        parts[1],
        parts[2],
        f"{len(ordered)} files of series that a table names",
        found[0][1],
    )


_Row = tuple[str | None, SplitName | None, str | None]


def _few_per_folder(keys: list[str]) -> list[str]:
    """Tables that could name others: those of folders with few tables, and those that are called so."""
    folders: dict[str, list[str]] = {}
    for key in keys:
        folders.setdefault(key.rpartition("/")[0], []).append(key)
    words = ("label", "meta", "train", "test", "val", "annotation", "target", "index", "reference", "info")
    return [
        key
        for inside in folders.values()
        for key in inside
        if len(inside) <= 3 or any(word in key.rpartition("/")[2].lower() for word in words)
    ][:20]


def _of_table(
    place: Path, key: str, by_name: Mapping[str, list[str]], encoding: str | None
) -> tuple[dict[str, _Row], str] | None:
    """What a table says of other files; None where it names none."""
    try:
        frame = read_frame(place / key, encoding)
    except DataError:
        return None  # whoever reads it as a series says what is wrong
    names = [str(name) for name in frame.columns]
    at = find_column(names, FILE_COLUMNS)
    label = find_column(names, LABEL_COLUMNS)
    called = [name for name in names if is_label_name(name)]
    if at is None or (label is None and len(called) != 1):
        return None
    label_column = called[0] if label is None else names[label]
    rows = _matched(frame, names[at], label_column, key, by_name, str(place / key))
    if len(rows) < max(2, len(frame) // 2):
        return None
    roles = [("file", names[at]), ("label", label_column)]
    group = group_column(names, None)
    roles += [] if group is None else [("group", group)]
    return rows, columns_line(roles, [name for name in names if name not in {name for _, name in roles}])


def _matched(
    frame: pandas.DataFrame, files: str, label: str, key: str, by_name: Mapping[str, list[str]], where: str
) -> dict[str, _Row]:
    names = [str(name) for name in frame.columns]
    group = group_column(names, None)
    at = next(
        (name for name in names if name.lower() in ("split", "subset", "partition", "set", "fold")), None
    )
    labels = labels_of(frame[label], where)
    own = split_of(key.rpartition("/")[2].partition(".")[0])
    rows: dict[str, _Row] = {}
    for row, name in enumerate(frame[files].astype("string").fillna("").str.strip()):
        candidates = [each for each in by_name.get(name, []) if each != key]
        here = [
            each for each in candidates if own is None or split_of_path(each.partition("/")[0]) in (own, None)
        ]
        if len(here or candidates) != 1:
            continue
        chosen = (here or candidates)[0]
        split = split_of(str(frame[at].iloc[row])) if at is not None else None
        split = split or split_of_path(chosen.partition("/")[0]) or own
        rows[chosen] = (labels[row], split, None if group is None else str(frame[group].iloc[row]))
    return rows
