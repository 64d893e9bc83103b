"""The maps of one layer on a sheet: a mosaic, heat strips, or bars, with a color bar and notes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.mosaic import averaged, place_mosaic, tile
from convscope.lenses.sheet.sheet import LOWEST_BAR, SMALL, Sheet
from convscope.lenses.sheet.strips import BARS_HIGH, place_bars, place_strips
from convscope.lenses.sheet.theme import TIMES, Numbers, Scale, count, scale_of

BAR_ROOM = 112  # width of a color bar with its numbers and the space left of it
BAR_GAP = 16
TALLEST_BAR = 300


Where = tuple[int, int, int]
"""x and y of the top left corner, and width, in pixels."""


@dataclass(frozen=True)
class MapBlock:
    """Maps of a layer as they were placed.

    Args:
        top: Where the maps begin, below the first row of numbers.
        bottom: Where the maps end.
        notes: What must be said about them.
        left: Where lines below the maps begin.
        width: Of these lines.
        beside: Where that ends which stands beside the maps.
    """

    top: int
    bottom: int
    notes: tuple[str, ...]
    left: int
    width: int
    beside: int = 0


def place_block(
    sheet: Sheet,
    where: Where,
    planes: Numbers,
    numbers: list[int],
    *,
    scale: str,
    name: str = "",
) -> MapBlock:
    """Places the chosen maps of a layer and their color bar.

    Args:
        sheet: Where to.
        where: x, y and width, the color bar included.
        planes: All maps: (channels, rows, columns), (channels, length) or (channels,).
        numbers: The channels to show.
        scale: `layer`: one scale and a bar; `map`: one for each.
        name: The layer's path.

    Returns:
        Where it is, and notes.
    """
    x, y, width = where
    room = width - BAR_ROOM
    label = int(line_height(SMALL))
    if planes.ndim == 1:
        shared = scale_of(sheet.theme, planes)
        high = place_bars(sheet, (x, y + 6, room), planes, numbers, shared, name=f"maps {name}")
        sheet.color_bar(x + room + BAR_GAP, y + 6, BARS_HIGH, shared)
        return MapBlock(y + 6, y + 6 + high, (), x, width)
    chosen = planes[numbers]
    notes: list[str] = []
    if planes.ndim == 2:
        scales = scales_of(sheet, chosen, scale)
        labels = [str(each) for each in numbers]
        label = 6
        high, mean = place_strips(sheet, (x, y + label, room), chosen, labels, scales, name=f"maps {name}")
        high += label
        if mean > 1:
            notes.append(f"each pixel is the mean of up to {count(mean, 'value')}")
    else:
        tiling = tile(len(numbers), (chosen.shape[1], chosen.shape[2]), room)
        chosen = averaged(chosen, (tiling.mean, tiling.mean))
        scales = scales_of(sheet, chosen, scale)
        colored = np.stack([each.colors(values) for each, values in zip(scales, chosen, strict=True)])
        labels = [str(each) for each in numbers]
        missing = ~np.isfinite(chosen)
        place_mosaic(sheet, x, y, colored, tiling, labels, missing=missing, name=f"maps {name}")
        label, high = tiling.label, tiling.size(len(numbers))[1]
        if tiling.mean > 1:
            notes.append(f"each pixel is the mean of {tiling.mean} {TIMES} {tiling.mean} values")
    if scale == "layer":
        sheet.color_bar(x + room + BAR_GAP, y + label, min(high - label, TALLEST_BAR), scales[0])
    else:
        notes.append("each map on its own scale")
    return MapBlock(y + label, y + max(high, label + LOWEST_BAR), tuple(notes), x, width)


def scales_of(sheet: Sheet, maps: Numbers, scale: str) -> list[Scale]:
    """One scale for each map: the same for all (`layer`) or its own (`map`), of one kind."""
    shared = scale_of(sheet.theme, maps)
    if scale == "layer":
        return [shared] * len(maps)
    return [scale_of(sheet.theme, each, shared.kind) for each in maps]


def write_missing(sheet: Sheet, x: float, baseline: float, values: Numbers, width: float) -> float:
    """Says how many values are not finite, in the color that they have; returns the next baseline."""
    wrong = int((~np.isfinite(np.asarray(values))).sum())
    if not wrong:
        return baseline
    line = f"hatched: {wrong:,} of {count(np.size(values), 'value')} not finite (NaN or infinite)"
    return sheet.paragraph(x, baseline, line, width, size=SMALL, color=sheet.theme.missing)
