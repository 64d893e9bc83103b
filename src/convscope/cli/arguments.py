"""Checks of arguments that need neither Keras nor the data: paths, shapes, positions."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path

from convscope.errors import DataError, UsageError

HINT = "Check the spelling of the path."


def check_data(path: Path) -> None:
    """Refuses a data set that does not exist; the common beginning of several files exists.

    Raises:
        DataError: There is nothing of that name.
    """
    if not path.exists() and not any(path.parent.glob(f"{glob.escape(path.name)}*")):
        raise DataError(f"{path}: there is no such file or folder.", HINT)


def check_inputs(inputs: Iterable[str]) -> None:
    """Refuses files that do not exist. Texts, patterns, `-` and single words are left to the recipe.

    Raises:
        DataError: There is nothing of that name.
    """
    for name in inputs:
        is_path = bool(Path(name).suffix) or "/" in name
        if is_path and not any(map(str.isspace, name)) and not glob.has_magic(name):
            check_data(Path(name))


def check_model(name: str) -> None:
    """Refuses a model file that does not exist; other names are left to what opens models.

    Raises:
        UsageError: There is no such file.
    """
    path = Path(name)
    if path.suffix in (".keras", ".h5") and not path.exists():
        raise UsageError(f"{path}: there is no such file.", HINT)


def shape_of(text: str) -> tuple[int, ...]:
    """Lengths from text such as 48x48x1.

    Raises:
        UsageError: Other text.
    """
    parts = text.lower().split("x")
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"--input-shape must be lengths such as 48x48x1. Received: {text}.")
    return tuple(int(part) for part in parts)


def position_of(text: str) -> tuple[int, ...]:
    """Indices from text such as 3,27.

    Raises:
        UsageError: Other text.
    """
    parts = text.replace(" ", "").split(",")
    if not all(part.isdigit() for part in parts):
        raise UsageError(f"--at must be whole numbers such as 3,27. Received: {text}.")
    return tuple(int(part) for part in parts)
