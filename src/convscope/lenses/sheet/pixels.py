"""Arrays as images in colors, fitted into a place on a sheet."""

from __future__ import annotations

import numpy as np

from convscope.lenses.sheet.theme import Colors, Numbers, color_bytes


def pixels_of(values: Numbers, limits: tuple[float, float], missing: str) -> Colors:
    """An image (rows, columns, channels) in colors: uint8 (rows, columns, 4).

    Args:
        values: With 1 channel gray, with 3 or 4 red, green and blue; of other numbers the mean.
        limits: The numbers of black and white.
        missing: The color of what is not finite.
    """
    values = np.asarray(values, np.float64)
    low, high = limits
    share = np.clip((values - low) / (high - low or 1), 0, 1)
    if share.shape[-1] not in (1, 3, 4):
        share = share.mean(axis=-1, keepdims=True)
    colors = np.full((*share.shape[:2], 4), 255, np.uint8)
    finite = np.isfinite(share).all(axis=-1)
    colors[..., :3] = np.rint(255 * np.where(np.isfinite(share), share, 0))[..., :3]
    colors[~finite] = color_bytes(missing)
    return colors


def limits_of_values(values: Numbers) -> tuple[float, float]:
    """The numbers of black and white that values seem to have been made with.

    0 to 1 or 0 to 255 where all values lie there, or else the smallest and the largest value.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    whole = np.issubdtype(values.dtype, np.integer)
    if low >= 0 and high <= 255 and (whole or high <= 1 or high > 16):
        return 0.0, 255.0 if whole or high > 1 else 1.0
    return low, high


def fitted(colors: Colors, wide: int, high: int, *, smooth: bool = False) -> Colors:
    """An image enlarged by a whole factor, or made smaller by averaging, to fit into `wide` x `high` pixels.

    `smooth` lets a photo be enlarged by any factor where a whole one would leave much room.
    """
    from PIL import Image

    rows, columns = colors.shape[:2]
    factor = min(wide / columns, high / rows)
    if factor >= 1 and not (smooth and int(factor) < 0.8 * factor):
        return np.repeat(np.repeat(colors, int(factor), axis=0), int(factor), axis=1)
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    how = Image.Resampling.BICUBIC if factor >= 1 else Image.Resampling.BOX
    return np.asarray(Image.fromarray(colors).resize(size, how), np.uint8)
