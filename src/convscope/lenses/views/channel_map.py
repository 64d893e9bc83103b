"""One map with one position outlined, whatever its number of axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.blocks import BAR_GAP
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.pixels import fitted
from convscope.lenses.sheet.sheet import SMALL, Sheet
from convscope.lenses.sheet.theme import number, scale_of

if TYPE_CHECKING:
    from convscope.scope.channels.position import Position

SIDE = 400


def place_channel_map(sheet: Sheet, spot: tuple[int, int], position: Position) -> int:
    """Draws the map of one channel with the position outlined, its number and its value.

    Args:
        sheet: Where to.
        spot: x and y of the top left corner.
        position: Of any layer.

    Returns:
        The height without the two lines below; 0 where the map has no positions.
    """
    x, y = spot
    plane, at = np.asarray(position.map), position.at
    if not 1 <= plane.ndim <= 3 or len(at) != plane.ndim:
        return 0
    said = f"channel {position.channel}"
    if plane.ndim == 3:
        plane, said, at = plane[at[0]], f"{said}, slice {at[0]}", at[1:]
    if plane.ndim == 1:
        plane, at = plane[None], (0, at[0])
    scale = scale_of(sheet.theme, plane)
    rows, columns = plane.shape
    colors = fitted(scale.colors(plane), SIDE, SIDE)
    if rows == 1:
        colors = np.repeat(fitted(scale.colors(plane), SIDE, 10_000)[:1], 40, axis=0)
    high, wide = colors.shape[:2]
    sheet.box(x, y, wide, high, edge=sheet.theme.rule, width=0.8)
    sheet.image(x, y, colors, name="map")
    down, across = high / rows, wide / columns
    sheet.missing(x, y, ~np.isfinite(plane), (across, down))
    sheet.ring(x + at[1] * across, y + at[0] * down, across, down)
    sheet.color_bar(x + wide + BAR_GAP, y, max(high, 60), scale)
    below = y + max(high, 60) + line_height(SMALL)
    sheet.text(x, below, said, size=SMALL, width=SIDE)
    value = f"value {number(position.value, 4)} here"
    sheet.text(x, below + 24, value, size=SMALL, color=sheet.theme.second, width=SIDE)
    return int(max(high, 60))
