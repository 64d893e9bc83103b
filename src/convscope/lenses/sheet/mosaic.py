"""Many small maps as one image: laid out in rows, framed, enlarged by whole factors, numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Colors, Numbers, color_bytes

GAP = 12
TALLEST_CELL = 1.5  # height of a map by the width of its place
NARROWEST = 44  # so that four digits fit above a map


@dataclass(frozen=True)
class Tiling:
    """How maps of one size are laid out; lengths in pixels.

    Args:
        columns: Maps per row.
        factor: Pixels per value, along both axes.
        mean: Values that are averaged into one along both axes, where a map has more values than pixels.
        wide: Width of a map's place; a map narrower than its number stands at the left of it.
        high: Height of a map.
        label: Height of the room for the number above a map.
    """

    columns: int
    factor: int
    mean: int
    wide: int
    high: int
    label: int

    def spot(self, place: int) -> tuple[int, int]:
        """The top left pixel of a map, by its place in the order."""
        row, column = divmod(place, self.columns)
        return column * (self.wide + GAP), self.label + row * (self.high + self.label + GAP // 2)

    def size(self, maps: int) -> tuple[int, int]:
        """Width and height of everything."""
        columns, rows = min(self.columns, maps), -(-maps // self.columns)
        return (
            columns * (self.wide + GAP) - GAP,
            rows * (self.high + self.label + GAP // 2) - GAP // 2,
        )


def tile(maps: int, shape: tuple[int, int], room: int, *, most: int = 16) -> Tiling:
    """Chooses columns (at most `most`) and factor for maps of a shape in `room` pixels of width."""
    rows, columns = shape
    tiles = 4 if maps <= 4 else maps if maps <= 8 else 8 if maps <= 64 else 12 if maps <= 144 else 16
    tiles = min(tiles, most)
    if tiles <= 8:
        fewer = 4 if maps <= 8 else 6
        tiles = fewer if _side(tiles, room) < columns <= _side(fewer, room) else tiles
    wide, high = _side(tiles, room), int(TALLEST_CELL * _side(tiles, room))
    mean = max(1, -(-columns // wide), -(-rows // high))
    drawn = (-(-rows // mean), -(-columns // mean))
    factor = max(1, min(wide // drawn[1], high // drawn[0]))
    place = max(drawn[1] * factor, NARROWEST)
    tiles = min((room + GAP) // (place + GAP), 2 * tiles, most)
    lines = -(-maps // tiles)
    label = int(line_height(SMALL if tiles <= 9 else TINY))
    return Tiling(-(-maps // lines), factor, mean, place, drawn[0] * factor, label)


def averaged(maps: Numbers, means: tuple[int, int]) -> npt.NDArray[np.float64]:
    """(maps, rows, columns) with blocks of rows and columns as their mean; not finite if one value is not."""
    maps = np.asarray(maps, np.float64)
    for axis, mean in zip((1, 2), means, strict=True):
        if mean > 1:
            starts = np.arange(0, maps.shape[axis], mean)
            sizes = np.diff([*starts, maps.shape[axis]])
            maps = np.add.reduceat(maps, starts, axis=axis) / np.expand_dims(sizes, (0, 3 - axis))
    return maps


def assembled(colored: Colors, tiling: Tiling, frame: str) -> Colors:
    """One image of maps in colors (maps, rows, columns, 4), framed; transparent between them."""
    wide, high = tiling.size(len(colored))
    picture = np.zeros((high + 2, wide + 2, 4), np.uint8)
    edge = color_bytes(frame)
    for place, each in enumerate(colored):
        x, y = tiling.spot(place)
        tall = np.repeat(np.repeat(each, tiling.factor, axis=0), tiling.factor, axis=1)
        rows, columns = tall.shape[:2]
        picture[y : y + rows + 2, x : x + columns + 2] = edge
        picture[y + 1 : y + 1 + rows, x + 1 : x + 1 + columns] = tall
    return picture


def place_mosaic(
    sheet: Sheet,
    x: int,
    y: int,
    colored: Colors,
    tiling: Tiling,
    labels: Sequence[str],
    *,
    missing: npt.NDArray[np.bool_] | None = None,
    name: str = "maps",
) -> None:
    """Places maps with their labels above them; the top left of the labels' room is (x, y).

    Args:
        sheet: Where to.
        x: Left.
        y: Top.
        colored: uint8 (maps, rows, columns, 4).
        tiling: How they are laid out.
        labels: What stands above each.
        missing: (maps, rows, columns), True where no finite number is.
        name: The image's name in the figure.
    """
    sheet.image(x - 1, y - 1, assembled(colored, tiling, sheet.theme.rule), name=name)
    size = SMALL if tiling.columns <= 9 else TINY
    for place, label in enumerate(labels):
        across, down = tiling.spot(place)
        sheet.text(
            x + across, y + down - 5, label, size=size, color=sheet.theme.muted, width=tiling.wide + GAP - 4
        )
        if missing is not None and missing[place].any():
            sheet.missing(x + across, y + down, missing[place], (tiling.factor, tiling.factor))


def _side(tiles: int, room: int) -> int:
    return (room + GAP) // tiles - GAP
