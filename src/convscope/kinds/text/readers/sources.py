"""Texts in memory, each with the place that it came from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Texts:
    """Raw texts.

    Args:
        root: The folder that the keys are relative to; empty where they are whole paths or no paths at all.
        keys: The file, or `file#line`, of each text.
        texts: The texts.
    """

    root: str
    keys: Sequence[str] = field(repr=False)
    texts: Sequence[str] = field(repr=False)

    def __len__(self) -> int:
        return len(self.texts)

    def load(self, index: int) -> str:
        """One text."""
        return self.texts[index]

    def name(self, index: int) -> str:
        """The file, or file and line, of a text."""
        return os.path.join(self.root, self.keys[index])  # noqa: PTH118 - a million of them

    def key(self, index: int) -> str:
        """The name relative to the root."""
        return self.keys[index]

    def take(self, indices: npt.NDArray[np.int64]) -> Texts:
        """The same source with only these texts, in this order."""
        rows = indices.tolist()
        return Texts(self.root, [self.keys[i] for i in rows], [self.texts[i] for i in rows])
