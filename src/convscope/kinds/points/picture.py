"""Points as pictures: from fixed sides, the nearer ones over those behind them and in fuller colors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.lenses.sheet.sheet import SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Colors, Numbers, color_bytes, mixed

FAINTEST = 0.6
"""How much of the ground is mixed into the color of the farthest point."""
TINT = 0.18
"""Share of gray in a ground that is tinted."""
GAP = 24
_MARGIN = 1.06
_CROSS = 26  # length of an arm of the axis cross
_ARMS = ("x", "y", "z")


@dataclass(frozen=True)
class Side:
    """From where a cloud is seen.

    Args:
        name: What the side is called.
        yaw: Degrees that the viewer has walked around the cloud, from the front, counterclockwise.
        rise: Degrees that the viewer looks down.
    """

    name: str
    yaw: float
    rise: float

    def seen(self, places: Numbers) -> tuple[Numbers, Numbers]:
        """Where points lie in the picture, x to the right and y downwards, and how far away they are.

        Args:
            places: Shape (points, 3).
        """
        yaw, rise = np.radians(self.yaw), np.radians(self.rise)
        x, y, z = np.asarray(places, np.float64).T
        right, away = x * np.cos(yaw) + y * np.sin(yaw), y * np.cos(yaw) - x * np.sin(yaw)
        up = z * np.cos(rise) + away * np.sin(rise)
        return np.stack([right, -up], axis=1), away * np.cos(rise) - z * np.sin(rise)


SIDES = (Side("front", 0, 0), Side("top", 0, 90), Side("oblique", 30, 25))
"""The three sides that every cloud is drawn from; z is up."""
OBLIQUE = SIDES[2]


@dataclass(frozen=True, eq=False)
class CloudPicture:
    """Draws one cloud, as often as there are values of its points.

    Args:
        places: Shape (points, 3).
        reach: The distance from the middle that just fits; by default that of the farthest point.
    """

    places: Numbers
    reach: float | None = None

    def pixels(
        self,
        colors: Colors,
        side: int,
        ground: str,
        seen: Side = OBLIQUE,
        *,
        front: npt.NDArray[np.bool_] | None = None,
    ) -> Colors:
        """One picture, uint8 (side, side, 4).

        Args:
            colors: Of each point, shape (points, 4), uint8.
            side: Width and height in pixels.
            ground: The color behind.
            seen: From where.
            front: Which points are drawn over all others, in full color, shape (points,).
        """
        picture = np.empty((side, side, 4), np.uint8)
        picture[:] = behind = color_bytes(ground)
        if not len(self.places):
            return picture
        spots, depth = seen.seen(self.places)
        far = self.reach or float(np.sqrt(np.square(self.places).sum(axis=1).max())) or 1.0
        middle = side / 2
        pixels = np.rint(middle + spots / (far * _MARGIN) * middle).astype(np.int64)
        span = float(np.ptp(depth)) or 1.0
        pale = FAINTEST * (depth - depth.min())[:, None] / span
        above = np.zeros(len(depth), bool) if front is None else front
        pale[above] = 0
        shown = np.rint(colors * (1 - pale) + behind * pale).astype(np.uint8)
        order = np.lexsort((-depth, above))
        radius = max(1.0, side / 130) * (1.5 if len(self.places) <= 64 else 1.0)
        whole = int(np.ceil(radius))
        disc = np.mgrid[-whole : whole + 1, -whole : whole + 1].reshape(2, -1).T
        disc = disc[np.square(disc).sum(axis=1) <= radius**2 + 0.5]
        columns = np.clip(pixels[order, None, 0] + disc[:, 1], 0, side - 1)
        rows = np.clip(pixels[order, None, 1] + disc[:, 0], 0, side - 1)
        picture[rows.ravel(), columns.ravel()] = np.repeat(shown[order], len(disc), axis=0)
        return picture

    def place(
        self,
        sheet: Sheet,
        spot: tuple[int, int, int],
        colors: Colors,
        seen: Side = OBLIQUE,
        *,
        front: npt.NDArray[np.bool_] | None = None,
        name: str = "input",
        cross: bool = True,
        tinted: bool = False,
    ) -> None:
        """Places one picture with a thin frame, and an axis cross in its corner.

        Args:
            sheet: Where to.
            spot: x, y and side.
            colors: As `pixels`.
            seen: As `pixels`.
            front: As `pixels`.
            name: What the picture is called.
            cross: Whether the cross is drawn.
            tinted: Whether the ground is tinted, so that points in colors near that of the sheet are seen.
        """
        x, y, side = spot
        theme = sheet.theme
        ground = mixed(theme.muted, theme.ground, TINT) if tinted else theme.ground
        sheet.box(x, y, side, side, edge=theme.rule, width=0.8)
        sheet.image(x, y, self.pixels(colors, side, ground, seen, front=front), name=name)
        if cross:
            place_cross(sheet, x + 14 + _CROSS * 0.6, y + side - 14 - _CROSS * 0.6, seen)

    def place_sides(
        self,
        sheet: Sheet,
        box: tuple[float, float, int, int],
        colors: Colors,
        *,
        front: npt.NDArray[np.bool_] | None = None,
        name: str = "input",
        sides: Sequence[Side] = SIDES,
        tinted: bool = False,
    ) -> int:
        """Places pictures from all sides beside each other, each named; returns the height."""
        x, y, wide, high = (int(each) for each in box)
        each = min((wide - GAP * (len(sides) - 1)) // len(sides), high - 22)
        for at, seen in enumerate(sides):
            left = x + at * (each + GAP)
            self.place(
                sheet, (left, y, each), colors, seen, front=front, name=f"{name} {seen.name}", tinted=tinted
            )
            sheet.text(left, y + each + 17, seen.name, size=SMALL, color=sheet.theme.muted)
        return each + 22


def place_cross(sheet: Sheet, x: float, y: float, seen: Side) -> None:
    """Draws where x, y and z point; an axis towards the viewer is a letter alone."""
    ends, _ = seen.seen(np.eye(3))
    for letter, (right, down) in zip(_ARMS, ends.tolist(), strict=True):
        to = (x + _CROSS * right, y + _CROSS * down)
        if np.hypot(right, down) < 0.1:
            continue
        sheet.line([x, to[0]], [y, to[1]], color=sheet.theme.muted, width=1.0)
        beyond = (x + (_CROSS + 9) * right, y + (_CROSS + 9) * down + 4)
        sheet.text(*beyond, letter, size=TINY, color=sheet.theme.muted, across="center")
