"""Columns of tables by their usual names, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convscope.data.assembly import SPLIT_ALIASES
from convscope.errors import DataError
from convscope.kinds import SplitName

LABEL_COLUMNS = ("label", "labels", "class", "class_name", "category", "target")
SPLIT_COLUMNS = ("split", "subset", "partition", "usage", "set")


def find_column(names: Sequence[str], aliases: Sequence[str]) -> int | None:
    """The position of the first alias that is a column, whatever its case; None where there is none."""
    lower = [name.strip().lower() for name in names]
    return next((lower.index(alias) for alias in aliases if alias in lower), None)


def split_name(where: str, raw: str | None) -> SplitName | None:
    """The split that a field names; None where the data has no splits.

    Raises:
        DataError: The name is not one of the known ones.
    """
    if raw is None:
        return None
    name = SPLIT_ALIASES.get(raw.strip().lower())
    if name is None:
        raise DataError(
            f"{where}: expected a split, received {raw!r}", hint=f"Use one of {', '.join(SPLIT_ALIASES)}."
        )
    return name


def split_of_file(key: str) -> SplitName | None:
    """The split that the first word of a file's name says (`train-00000-of-00002.parquet`), or its folder."""
    folder, _, file = key.rpartition("/")
    first_word = re.split(r"[-_.]", file, maxsplit=1)[0].lower()
    return SPLIT_ALIASES.get(first_word) or SPLIT_ALIASES.get(folder.rpartition("/")[2].lower())
