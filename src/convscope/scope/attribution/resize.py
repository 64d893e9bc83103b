"""Linear interpolation of maps to the resolution of the input, in any number of dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from convscope.errors import UsageError

Resize = Literal["corners", "centers"]


def resized(maps: np.ndarray, lengths: Sequence[int], resize: Resize = "corners") -> np.ndarray:
    """Maps at another resolution.

    Args:
        maps: (samples, *positions, ...); what stands behind the positions is kept.
        lengths: The new length of each axis of positions.
        resize: `corners` lays the first and last position of a map on the first and last of the input, as
            `scipy.ndimage.zoom` does; `centers` spreads the positions evenly, half a position from the
            border, as image libraries do.

    Returns:
        (samples, *lengths, ...), the same dtype.

    Raises:
        UsageError: An unknown way to resize.
    """
    if resize not in ("corners", "centers"):
        raise UsageError(f"resize must be 'corners' or 'centers'. Received: resize={resize!r}.")
    for axis, length in enumerate(lengths, start=1):
        maps = _along(maps, axis, length, resize)
    return maps


def _along(maps: np.ndarray, axis: int, length: int, resize: Resize) -> np.ndarray:
    old = maps.shape[axis]
    if old == length:
        return maps
    if resize == "corners":
        at = np.linspace(0, old - 1, length)
    else:
        at = np.clip((np.arange(length) + 0.5) * old / length - 0.5, 0, old - 1)
    low = np.minimum(at.astype(int), old - 1)
    high = np.minimum(low + 1, old - 1)
    shape = [1] * maps.ndim
    shape[axis] = length
    share = (at - low).astype(maps.dtype).reshape(shape)
    first, second = np.take(maps, low, axis), np.take(maps, high, axis)
    between: np.ndarray = first + share * (second - first)
    return between
