"""Images with their boxes, as every form of annotations gives them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from convscope.data.boxes import BoxRow
from convscope.errors import DataError
from convscope.types import Skipped, SplitName

Unit = Literal["pixels", "shares"]


@dataclass
class Boxed:
    """Images with their boxes, before the images are looked at.

    Args:
        rows: The boxes of each image, by its file.
        sizes: Height and width that an image is said to have, where something says so.
        splits: The split of each image, where something says so.
        unit: What the numbers of boxes count.
        names: Of the classes, in the order in which they are numbered.
        skipped: What was left out.
        decisions: What was decided, one line each.
    """

    rows: dict[str, list[BoxRow]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    splits: dict[str, SplitName | None] = field(default_factory=dict)
    unit: Unit = "pixels"
    names: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    decisions: dict[str, None] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, key: str, size: tuple[int, int] = (0, 0), split: SplitName | None = None) -> list[BoxRow]:
        """Adds an image that is not there yet; gives its boxes."""
        if all(size):
            self.sizes.setdefault(key, size)
        self.splits.setdefault(key, split)
        return self.rows.setdefault(key, [])

    def number_of(self, name: str) -> int:
        """The number of a class, which is new or known."""
        if name not in self._numbers:
            self._numbers[name] = len(self.names)
            self.names.append(name)
        return self._numbers[name]


def numbers(where: str, values: Sequence[object]) -> list[float]:
    """Finite numbers.

    Raises:
        DataError: One is none.
    """
    found: list[float] = []
    for value in values:
        try:
            number = float(str(value).strip())
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or abs(number) > 1e9:
            raise DataError(f"{where}: expected numbers of a box, received {str(value)[:40]!r}")
        found.append(number)
    return found
