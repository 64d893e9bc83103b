"""The three planes of a volume through one voxel, as radiologists look at them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.kinds.volume.volume import SIDES
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Colors, Numbers

NAMES = ("sagittal", "coronal", "axial")
"""The plane across each axis, where the sides are known."""
ORDER = (2, 1, 0)
"""Axes across which planes are drawn, from left to right."""
ACROSS = ((1, 2), (0, 2), (0, 1))
"""Which axes a plane has, the one drawn from left to right first."""
GAP = 56
_EDGE = 22  # room for the letter of a side
_APART = 14  # between the names of two planes
Place = tuple[int, int, int]
Window = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Planes:
    """How the planes of a volume lie on a sheet.

    Where sides are known, right is at the left, anterior and superior at the top, as radiologists look at a
    patient who lies before them; in a sagittal plane anterior is at the left. Elsewhere axes run to the right
    and downwards.

    Args:
        shape: Voxels along x, y and z.
        spacing: Their size in mm, or in voxels where it is not known.
        oriented: Whether x, y and z point to right, anterior and superior.
        origin: Where the first voxel lies along x, y and z, in mm; None where names of planes do not say it.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    oriented: bool
    origin: tuple[float, float, float] | None = None

    def of(self, values: Numbers, axis: int, at: int) -> Numbers:
        """The plane across an axis, (rows, columns, ...), of values (x, y, z, ...)."""
        return self.turned(np.take(values, at, axis))

    def turned(self, plane: Numbers) -> Numbers:
        """A plane (first axis, second axis, ...) as it is drawn, (rows, columns, ...)."""
        drawn = np.swapaxes(plane, 0, 1)
        return drawn[::-1, ::-1] if self.oriented else drawn

    def window(self, axis: int, window: Window) -> tuple[float, float, float, float]:
        """Left, top, width and height of a part of the volume in a plane, as shares of it."""
        (left, wide), (top, high) = (self._span(each, window[each]) for each in ACROSS[axis])
        return left, top, wide, high

    def _span(self, axis: int, ends: Sequence[int]) -> tuple[float, float]:
        length, first, behind = self.shape[axis], ends[0], ends[1]
        start = length - behind if self.oriented else first
        return start / length, (behind - first) / length

    def size(self, axis: int) -> tuple[float, float]:
        """Width and height of a plane in mm."""
        first, second = ACROSS[axis]
        return self.shape[first] * self.spacing[first], self.shape[second] * self.spacing[second]

    def sides(self, axis: int) -> tuple[str, str, str, str]:
        """What stands left, right, above and below a plane."""
        first, second = ACROSS[axis]
        if not self.oriented:
            return "", "xyz"[first], "", "xyz"[second]
        return SIDES[first][1], SIDES[first][0], SIDES[second][1], SIDES[second][0]

    def name(self, axis: int, at: int, room: float = math.inf) -> str:
        """A plane in words, with its place in mm in the scan's own frame where that is known.

        Args:
            axis: Across which it lies.
            at: Its voxel along that axis.
            room: Pixels that there are; where they are few, less is said.
        """
        along, many = f"{'xyz'[axis]} {at}", f" of {self.shape[axis]}"
        place = ""
        if self.oriented and self.origin is not None:
            digits = max(1, 1 - math.floor(math.log10(self.spacing[axis])))
            place = f", {round(self.origin[axis] + at * self.spacing[axis], digits) + 0.0:g} mm"
        front = f"{NAMES[axis]}, " if self.oriented else "plane at "
        forms = (f"{front}{along}{many}{place}", f"{front}{along}{place}", f"{along}{place}")
        return next((form for form in forms if width_of(form, TINY) <= room), forms[-1])

    def place(
        self,
        sheet: Sheet,
        box: tuple[float, float, int, int],
        at: Place,
        colors: Callable[[int], Colors],
        *,
        window: Window = (),
        said: bool = True,
        name: str = "input",
    ) -> tuple[int, int]:
        """Draws the three planes through a voxel side by side on one scale of mm.

        Args:
            sheet: Where to.
            box: x, y, width and height at most.
            at: The voxel, which thin lines beside the planes mark.
            colors: From an axis to the plane across it in colors, uint8 (rows, columns, 4).
            window: A part of the volume that is outlined, first and last voxel but one for each axis.
            said: Whether the names of the planes stand above them.
            name: Of the images in the figure.

        Returns:
            Width and height.
        """
        x, y, wide, high = box
        sizes = [self.size(axis) for axis in ORDER]
        above = int(line_height(SMALL)) if said else 0
        room = wide - len(ORDER) * 2 * _EDGE - (len(ORDER) - 1) * (GAP - 2 * _EDGE)
        down = high - above - 2 * _EDGE
        scale = min(room / sum(size[0] for size in sizes), down / max(size[1] for size in sizes))
        left, top, tallest = x + _EDGE, y + above + _EDGE, 0
        for axis, size in zip(ORDER, sizes, strict=True):
            across, tall = (max(1, round(each * scale)) for each in size)
            sheet.image(left, top, enlarged(colors(axis), (across, tall)), name=f"{name} {NAMES[axis]}")
            sheet.box(left, top, across, tall, edge=sheet.theme.rule, width=0.8)
            if said:
                room = across + GAP - _APART
                said_here = self.name(axis, at[axis], room)
                sheet.text(left, y + above - 6, said_here, size=TINY, width=room)
            self._marks(sheet, (left, top), (across, tall), axis, at)
            if window:
                first, down_at, broad, deep = self.window(axis, window)
                sheet.ring(left + first * across, top + down_at * tall, broad * across, deep * tall)
            left += across + GAP
            tallest = max(tallest, tall)
        return round(left - GAP + _EDGE - x), above + tallest + 2 * _EDGE

    def _marks(
        self, sheet: Sheet, spot: tuple[float, float], drawn: tuple[int, int], axis: int, at: Place
    ) -> None:
        """The letters of the sides, and ticks that say where the other two planes lie."""
        (x, y), (wide, high) = spot, drawn
        muted = sheet.theme.muted
        left, right, top, bottom = self.sides(axis)
        sheet.text(x - 6, y + 16, left, size=TINY, color=muted, across="right")
        sheet.text(x + wide + 6, y + 16, right, size=TINY, color=muted)
        sheet.text(x + 4, y - 5, top, size=TINY, color=muted)
        sheet.text(x + 4, y + high + 18, bottom, size=TINY, color=muted)
        first, top_at, broad, tall = self.window(axis, [(each, each + 1) for each in at])
        column, row = x + (first + broad / 2) * wide, y + (top_at + tall / 2) * high
        for xs, ys in (
            ([column, column], [y - 10, y - 2]),
            ([column, column], [y + high + 2, y + high + 10]),
            ([x - 10, x - 2], [row, row]),
            ([x + wide + 2, x + wide + 10], [row, row]),
        ):
            sheet.line(xs, ys, color=sheet.theme.second, width=1)


def enlarged(colors: Colors, size: tuple[int, int]) -> Colors:
    """An image of (width, height): each pixel repeated where it is larger, averaged where it is smaller."""
    rows, columns = colors.shape[:2]
    how = Image.Resampling.NEAREST if size[0] >= columns and size[1] >= rows else Image.Resampling.BOX
    return np.asarray(Image.fromarray(np.ascontiguousarray(colors)).resize(size, how), np.uint8)


def strongest(values: Numbers) -> Place:
    """The voxel of the largest absolute value that is finite."""
    size = np.where(np.isfinite(values), np.abs(values), -1)
    first, second, third = (int(each) for each in np.unravel_index(int(size.argmax()), size.shape))
    return first, second, third


def middle_of(values: Numbers) -> Place:
    """The middle of what is no background, or of everything where there is none."""
    flat = values.mean(axis=3)
    finite = np.where(np.isfinite(flat), flat, 0)
    background = float(np.median(finite))
    weights = np.abs(finite - background)
    weights[weights < 0.5 * weights.max()] = 0
    places = []
    for axis in range(3):
        along = weights.sum(axis=tuple(each for each in range(3) if each != axis))
        length = len(along)
        total = float(along.sum())
        places.append(int(np.dot(along, np.arange(length)) / total + 0.5) if total else length // 2)
    return places[0], places[1], places[2]


def depth_image(values: npt.NDArray[np.float64], planes: Planes, axis: int = 2) -> Numbers:
    """A solid seen along an axis: the nearer its first occupied voxel, the brighter, from 0 to 1."""
    occupied = values > (values.min() + values.max()) / 2
    seen = np.flip(occupied, axis)
    first = seen.argmax(axis)
    depth = 1 - 0.75 * first / max(values.shape[axis] - 1, 1)
    return planes.turned(np.where(seen.any(axis), depth, 0.0))
