"""Interactions as files hold them, and files of which each line is a user and items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.lines import read_lines
from convscope.errors import DataError
from convscope.kinds.graph.recommendation.ratings import Numbers
from convscope.types import Skipped

_LOOKED_AT = 200


@dataclass(frozen=True, eq=False)
class FoundRows:
    """Interactions of one file in their order.

    Args:
        users: Shape (rows,), object.
        items: Shape (rows,), object.
        ratings: Shape (rows,), float64, NaN where one is missing; None where the file has none.
        times: In seconds, likewise.
        said: How it was read, one line each.
        warnings: One line each.
        skipped: What was left out.
    """

    users: npt.NDArray[np.object_]
    items: npt.NDArray[np.object_]
    ratings: Numbers | None
    times: Numbers | None
    said: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        """The number of interactions."""
        return len(self.users)


def is_list(path: Path, encoding: str | None = None) -> bool:
    """Whether each line of a file holds a user and all items of that user, as whole numbers."""
    if path.suffix.lower() not in ("", ".txt", ".dat", ".data"):
        return False
    lines = [line.split() for line in _first_lines(path, encoding)]
    whole = all(word.isdecimal() for words in lines for word in words)
    widths = {len(words) for words in lines}
    return whole and len(widths) > 1 and max(widths) > 3 and len({words[0] for words in lines}) == len(lines)


def _first_lines(path: Path, encoding: str | None) -> Iterator[str]:
    lines = (line for _, line in read_lines(path, encoding, 2**24))
    return (line for line in islice(lines, _LOOKED_AT) if line.strip())


def rows_of_lists(path: Path, encoding: str | None) -> FoundRows:
    """The interactions of a file of which each line is a user and items.

    Raises:
        DataError: A word is no whole number.
    """
    users: list[str] = []
    items: list[str] = []
    for number, line in read_lines(path, encoding, 2**24):
        user, *chosen = line.split() or [""]
        wrong = next((word for word in (user, *chosen) if word and not word.isdecimal()), None)
        if wrong is not None:
            raise DataError(f"{path}, line {number}: expected whole numbers, received '{wrong[:40]}'")
        users += [user] * len(chosen)
        items += chosen
    said = f"{path.name}: each line is a user and the items of that user"
    return FoundRows(np.array(users, object), np.array(items, object), None, None, (said,))
