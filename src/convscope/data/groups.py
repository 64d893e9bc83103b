"""Groups of samples that belong together, such as all recordings of a speaker: one side of a split each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.options import check_pattern
from convscope.errors import DataError, UsageError
from convscope.types import SplitName

GROUP_COLUMNS = ("group", "subject", "speaker", "patient", "source")
"""Usual names of the column that says to which group a row belongs, in lower case."""
ENDINGS = ("", "_id", "id", "_name")
FEWEST = 5
"""Groups without which a column that nobody asked for is not used."""

Numbers = npt.NDArray[np.int64]
"""A number for each sample, shape (samples,); samples of one number belong together."""


def group_column(columns: Sequence[str], asked: str | None) -> str | None:
    r"""The column of a table that names the groups; None where there is none.

    Args:
        columns: Of the table.
        asked: What the user gave as `--group`; a pattern of paths where it is no column.

    Example:
        >>> group_column(["text", "Speaker_ID", "label"], None)
        'Speaker_ID'
        >>> group_column(["text", "speaker"], r"s(\d+)_") is None
        True
    """
    usual = [name + ending for name in GROUP_COLUMNS for ending in ENDINGS]
    wanted = usual if asked is None else [asked.strip().lower()]
    by_name = {name.strip().lower(): name for name in reversed(columns)}
    return next((by_name[name] for name in wanted if name in by_name), None)


def groups_of_paths(where: str, keys: Sequence[str], pattern: str, many: str) -> list[str | None]:
    r"""The group that the path of each sample names.

    Args:
        where: The path that was read, for messages.
        keys: The path of each sample below it.
        pattern: A regular expression, searched for in each path; a group is named by its first group, or by
            all that it matches.
        many: What samples are called.

    Returns:
        One name each; None where the pattern is not found.

    Raises:
        UsageError: The pattern is no regular expression.
        DataError: It is found in no path.

    Example:
        >>> groups_of_paths("data", ["a/s1_0.wav", "b/s2_0.wav"], r"s(\d+)_", "recordings")
        ['1', '2']
    """
    expected = check_pattern(pattern)
    if expected is not None:
        raise UsageError(f"group must be {expected}. Received: group={pattern!r}.")
    searched = [re.search(pattern, key) for key in keys]
    found = [
        None if each is None else (each.group(1) if each.re.groups else each.group(0)) for each in searched
    ]
    if not any(found):
        raise DataError(
            f"{where}: expected '{pattern}' to be a column, or to match the paths of {many}, received"
            f" {len(keys)} {many} such as '{keys[0]}'",
            hint=r"Give a column of the table, or a pattern such as --group 'speaker(\d+)_'.",
        )
    return found


def group_numbers(groups: Sequence[str | None]) -> Numbers:
    """A number for each group, and one of its own for each sample that is of none."""
    numbers: dict[object, int] = {}
    return np.array(
        [
            numbers.setdefault(name if name is not None else index, len(numbers))
            for index, name in enumerate(groups)
        ],
        np.int64,
    )


def same_numbers(values: npt.NDArray[Any]) -> Numbers:
    """A number for each sample; those with the same value have one.

    Example:
        >>> same_numbers(np.array(["b", "a", "b"])).tolist()
        [1, 0, 1]
    """
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def joined(first: Numbers, second: Numbers) -> Numbers:
    """Samples belong together where either says so, or both do along a chain.

    Example:
        >>> joined(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])).tolist()
        [0, 0, 0, 1]
    """
    parent = list(range(int(first.max(initial=-1)) + 1))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    leader: dict[int, int] = {}
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        parent[root(one)] = root(leader.setdefault(other, one))
    roots = np.array([root(number) for number in first.tolist()], np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)


def too_few(numbers: Numbers, wanted: Mapping[SplitName, float], asked: bool) -> str | None:
    """Why splits cannot be drawn by groups, if so.

    Args:
        numbers: The group of each sample that may be drawn.
        wanted: The splits that are to be drawn.
        asked: Whether the user asked for these groups.
    """
    sizes = np.bincount(np.unique(numbers, return_inverse=True)[1])
    fewest = len(wanted) + 1 if asked else max(FEWEST, len(wanted) + 1)
    if len(sizes) < fewest:
        return f"{len(sizes)} different ones, and {' and '.join(wanted)} need {fewest}"
    if not asked and sizes.max() > len(numbers) / 2:
        return f"{len(sizes)} different ones, of which one has more than half of the samples"
    return None
