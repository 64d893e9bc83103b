"""Chosen rows of features, gathered without the rest of them in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError, UsageError
from convscope.features.table import Features

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_BLOCK_VALUES = 2**22


def slices(features: Features, layer: str) -> Iterator[tuple[int, Floats]]:
    """The features of a layer in slices of a few megabytes.

    Args:
        features: What was extracted.
        layer: Its path.

    Yields:
        The number of the first row, and some rows: shape (some samples, values), float32.

    Raises:
        DataError: A file is damaged.
    """
    start = 0
    for block in features.blocks(layer):
        size = max(1, _BLOCK_VALUES // max(1, block.shape[1]))
        for first in range(0, len(block), size):
            yield start + first, block[first : first + size]
        start += len(block)


def gather(features: Features, layer: str, rows: Rows) -> Floats:
    """The features of some samples.

    Args:
        features: What was extracted.
        layer: Its path.
        rows: Numbers of rows, rising, shape (n,), int64.

    Returns:
        Shape (n, values), float32.

    Raises:
        DataError: A file is damaged.
    """
    taken = np.empty((len(rows), features.find(layer).width), np.float32)
    done = 0
    for start, block in slices(features, layer):
        end = int(np.searchsorted(rows, start + len(block)))
        taken[done:end] = block[rows[done:end] - start]
        done = end
    if done != len(rows):
        raise DataError(f"{features.path} is damaged: it ends before row {rows[done]}.")
    return taken


def some_rows(rows: Rows, most: int | None, seed: int) -> Rows:
    """All rows, or that many of them drawn by a seed, in rising order."""
    if most is None or len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def check_at_least(name: str, value: int, least: int) -> None:
    """Refuses a number that is too small.

    Raises:
        UsageError: It is.
    """
    if value < least:
        raise UsageError(f"{name} must be at least {least}. Received: {value}.")
