"""Columns of tables by their usual names, and what stands in them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from convscope.data.split_names import split_of
from convscope.errors import DataError
from convscope.types import SplitName

LABEL_COLUMNS = ("label", "labels", "class", "class_name", "category", "target")
PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path")
SPLIT_COLUMNS = ("split", "subset", "partition", "usage", "set")
LONGEST_LABEL = 200
"""Characters of a class name at most."""


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
    name = split_of(raw)
    if name is None:
        raise DataError(
            f"{where}: expected a split, received {raw!r}", hint="Use train, validation and test."
        )
    return name


def label_name(where: str, value: object, class_names: Sequence[str] | None = None) -> str:
    """What a label is called.

    Args:
        where: The file and line, for messages.
        value: Text, a number (whole ones have no decimals) or a boolean (`true`, `false`).
        class_names: What whole numbers stand for.

    Raises:
        DataError: The label is missing, too long, something else, or not one of the class names.
    """
    if isinstance(value, str):
        name = value.strip()
        if len(name) > LONGEST_LABEL:
            raise DataError(
                f"{where}: expected a label of at most {LONGEST_LABEL} characters, received {len(name)}",
                hint="Check which column holds the labels: --label-column.",
            )
        if name:
            return name
        value = None
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise DataError(f"{where}: expected a label, received none", hint="Fill in all labels.")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int) and class_names is not None:
        if not 0 <= value < len(class_names):
            raise DataError(f"{where}: expected a label from 0 to {len(class_names) - 1}, received {value}")
        return class_names[value]
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**64):
        return str(value)
    raise DataError(f"{where}: expected a label as text, number or boolean, received {type(value).__name__}")
