"""Series in memory, each with the place that it came from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Series:
    """One raw series of one variable or many.

    Args:
        values: Shape (time, variables), float32; NaN where a value is missing.
        variables: A name for each variable.
        times: When each row was measured, UTC, shape (time,), datetime64[ns]; None where rows are only
            counted.
    """

    values: npt.NDArray[np.float32] = field(repr=False)
    variables: tuple[str, ...]
    times: npt.NDArray[np.datetime64] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class SeriesSamples:
    """Raw series as samples.

    Args:
        root: The folder that the keys are relative to; empty where they are whole paths or no paths at all.
        keys: The file, or `file#row`, of each series.
        series: The series.
    """

    root: str
    keys: Sequence[str] = field(repr=False)
    series: Sequence[Series] = field(repr=False)

    def __len__(self) -> int:
        return len(self.series)

    def load(self, index: int) -> Series:
        """One series."""
        return self.series[index]

    def name(self, index: int) -> str:
        """The file, or file and row, of a series."""
        return os.path.join(self.root, self.keys[index])  # noqa: PTH118 - a million of them

    def key(self, index: int) -> str:
        """The name relative to the root."""
        return self.keys[index]

    def take(self, indices: npt.NDArray[np.int64]) -> SeriesSamples:
        """The same source with only these series, in this order."""
        rows = indices.tolist()
        return SeriesSamples(self.root, [self.keys[i] for i in rows], [self.series[i] for i in rows])
