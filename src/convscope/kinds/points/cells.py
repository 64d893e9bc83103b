"""Maps over the cells of a grid that a cloud is put into, drawn beside the cloud as seen from above."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convscope.kinds.points.picture import SIDES, CloudPicture
from convscope.lenses.sheet.blocks import MapBlock, Where, place_block
from convscope.lenses.sheet.sheet import SMALL, Sheet
from convscope.lenses.sheet.theme import Colors, Numbers

if TYPE_CHECKING:
    from convscope.lenses.views.layer_maps import LayerMaps

INPUT, GAP = 300, 36
"""Side of the cloud, and the room between it and its maps, in pixels."""
LABEL = 24
_TOP = SIDES[1]


def from_above(maps: Numbers) -> Numbers:
    """The value of largest size along z of each map, x to the right and y upwards.

    Args:
        maps: Shape (x, y, z, channels).

    Returns:
        Shape (channels, rows, columns).
    """
    size = np.where(np.isfinite(maps), np.abs(maps), -1).argmax(axis=2)
    values = np.take_along_axis(maps, size[:, :, None], axis=2)[:, :, 0]
    return np.moveaxis(np.swapaxes(values, 0, 1)[::-1], -1, 0)


def place_cells(
    cloud: tuple[CloudPicture, Colors],
    sheet: Sheet,
    where: Where,
    layer: LayerMaps,
    channels: list[int],
    *,
    scale: str,
) -> MapBlock:
    """Draws the cloud from above, and beside it the cells of each channel from there.

    Args:
        cloud: Its picture, and the colors of its points.
        sheet: Where to.
        where: x, y and width.
        layer: Maps of shape (x, y, z, channels).
        channels: Which of them.
        scale: `layer`: one scale for all maps; `map`: each has its own.
    """
    x, y, width = where
    top = y + 8
    sheet.text(x, top + 14, "from above", size=SMALL, color=sheet.theme.muted, width=INPUT)
    picture, colors = cloud
    picture.place(sheet, (x, top + LABEL, INPUT), colors, seen=_TOP)
    left = x + INPUT + GAP
    maps = np.asarray(layer.maps)
    spot = (left, top, width - INPUT - GAP)
    block = place_block(sheet, spot, from_above(maps), channels, scale=scale, name=layer.path)
    said = f"cells from above: the largest absolute value of the {maps.shape[2]} along z"
    end = top + LABEL + INPUT
    return MapBlock(block.top, max(block.bottom, end), (*block.notes, said), left, spot[2], end)
