"""Boxes in space that are turned about the vertical, and how far they overlap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

COLUMNS = ("x", "y", "z", "length", "width", "height", "heading")
"""What a box is, in this order: its middle, its sides and where its length points."""
EVERY_LEVEL = 0
"""The difficulty of boxes of which nothing else is known."""
_CORNERS = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) / 2
_NEAR = 1e-9

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]


class SpaceBox(NamedTuple):
    """One box.

    Args:
        values: As `COLUMNS`.
        number: Of its class.
        ignored: Whether it is neither learned nor judged.
        level: How difficult it is to find, from 0.
    """

    values: tuple[float, ...]
    number: int
    ignored: bool = False
    level: int = EVERY_LEVEL


@dataclass(frozen=True, eq=False)
class SpaceBoxes:
    """The boxes of one cloud.

    Args:
        values: x, y and z of the middle, length, width and height, in the unit of the cloud, and the angle
            from x to the length, counterclockwise from above, in radians, shape (boxes, 7), float64.
        classes: Index into the class names, shape (boxes,), int64.
        ignored: Boxes that are neither learned nor judged, shape (boxes,), bool.
        levels: How difficult each is to find: 0 easy, 1 moderate, 2 hard, 3 more than that, shape (boxes,).
    """

    values: Floats
    classes: Rows
    ignored: Marks
    levels: Rows

    @classmethod
    def of(cls, boxes: Iterable[SpaceBox]) -> SpaceBoxes:
        """Boxes one by one."""
        made = list(boxes)
        values = np.array([box.values for box in made], np.float64).reshape(-1, len(COLUMNS))
        return cls(
            values,
            np.array([box.number for box in made], np.int64),
            np.array([box.ignored for box in made], bool),
            np.array([box.level for box in made], np.int64),
        )

    def __len__(self) -> int:
        return len(self.values)

    def some(self, chosen: Marks | Rows) -> SpaceBoxes:
        """Only these, in this order."""
        return SpaceBoxes(
            self.values[chosen], self.classes[chosen], self.ignored[chosen], self.levels[chosen]
        )

    def moved(self, values: Floats) -> SpaceBoxes:
        """The same boxes elsewhere."""
        return replace(self, values=values)

    def renamed(self, numbers: Rows) -> SpaceBoxes:
        """The same boxes with other numbers for their classes, shape (classes,)."""
        return replace(self, classes=numbers[self.classes])

    @property
    def stamp(self) -> bytes:
        """By which equal boxes are known."""
        return b"".join(each.tobytes() for each in (self.values, self.classes, self.ignored, self.levels))


def outlines(values: Floats) -> Floats:
    """The corners of boxes seen from above, counterclockwise from the front left, shape (boxes, 4, 2).

    Args:
        values: Shape (boxes, 7).
    """
    cosine, sine = np.cos(values[:, 6]), np.sin(values[:, 6])
    along = _CORNERS[None, :, 0] * values[:, None, 3]
    across = _CORNERS[None, :, 1] * values[:, None, 4]
    x = along * cosine[:, None] - across * sine[:, None]
    y = along * sine[:, None] + across * cosine[:, None]
    return np.stack([x, y], axis=-1) + values[:, None, :2]


def inside(values: Floats, points: Floats) -> Marks:
    """Which points lie in which boxes, shape (boxes, points).

    Args:
        values: Shape (boxes, 7).
        points: Shape (points, 3).
    """
    found = np.empty((len(values), len(points)), bool)
    for row, box in enumerate(values):
        away = points - box[:3]
        cosine, sine = np.cos(box[6]), np.sin(box[6])
        along, across = away[:, 0] * cosine + away[:, 1] * sine, away[:, 1] * cosine - away[:, 0] * sine
        found[row] = (
            (np.abs(along) <= box[3] / 2)
            & (np.abs(across) <= box[4] / 2)
            & (np.abs(away[:, 2]) <= box[5] / 2)
        )
    return found


def shared_areas(one: Floats, other: Floats) -> Floats:
    """The area that each pair of boxes shares, seen from above.

    The corners of what two rectangles share are corners of either within the other, and crossings of their
    sides; ordered by their angle about their mean they give its area.

    Args:
        one: Shape (pairs, 7).
        other: Shape (pairs, 7).

    Returns:
        Shape (pairs,).
    """
    middle = (one[:, :2] + other[:, :2]) / 2  # far from the origin, products of coordinates would be blurred
    first, second = outlines(one) - middle[:, None], outlines(other) - middle[:, None]
    crossed, crossing = _crossings(first, second)
    places = np.concatenate([first, second, crossed], axis=1)
    corner = np.concatenate([_within(first, second), _within(second, first), crossing], axis=1)
    count = corner.sum(axis=1)
    mean = (places * corner[..., None]).sum(axis=1) / np.maximum(count, 1)[:, None]
    about = np.where(corner[..., None], places - mean[:, None], 0)
    order = np.argsort(np.where(corner, np.arctan2(about[..., 1], about[..., 0]), np.inf), axis=1)
    ring = np.take_along_axis(about, order[..., None], axis=1)
    last = np.arange(ring.shape[1]) >= count[:, None]
    ring = np.where(last[..., None], ring[:, :1], ring)  # what is no corner repeats the first one
    behind = np.roll(ring, -1, axis=1)
    twice = (ring[..., 0] * behind[..., 1] - ring[..., 1] * behind[..., 0]).sum(axis=1)
    return np.where(count > 2, np.maximum(twice / 2, 0), 0)


def _within(points: Floats, outline: Floats) -> Marks:
    """Which points lie in a rectangle, those on its sides among them, shape (pairs, points)."""
    sides = np.roll(outline, -1, axis=1) - outline
    away = points[:, :, None] - outline[:, None]
    cross = sides[:, None, :, 0] * away[..., 1] - sides[:, None, :, 1] * away[..., 0]
    lengths = np.hypot(sides[..., 0], sides[..., 1])
    found: Marks = (cross >= -_NEAR * np.maximum(lengths, 1)[:, None]).all(axis=2)
    return found


def _crossings(first: Floats, second: Floats) -> tuple[Floats, Marks]:
    """Where sides of two rectangles cross, and which of them do, shape (pairs, 16, 2) and (pairs, 16)."""
    along = (np.roll(first, -1, axis=1) - first)[:, :, None]
    across = (np.roll(second, -1, axis=1) - second)[:, None]
    away = second[:, None] - first[:, :, None]
    turn = along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0]
    scale = np.linalg.norm(along, axis=-1) * np.linalg.norm(across, axis=-1)
    askew = np.abs(turn) > _NEAR * np.maximum(scale, 1e-30)
    safe = np.where(askew, turn, 1)
    here = (away[..., 0] * across[..., 1] - away[..., 1] * across[..., 0]) / safe
    there = (away[..., 0] * along[..., 1] - away[..., 1] * along[..., 0]) / safe
    meet = askew & (here >= 0) & (here <= 1) & (there >= 0) & (there <= 1)
    places = first[:, :, None] + here[..., None] * along
    return places.reshape(len(first), 16, 2), meet.reshape(len(first), 16)


def overlaps_above(one: Floats, other: Floats) -> Floats:
    """Intersection over union of each box with each other one, seen from above, shape (boxes, others).

    Args:
        one: Shape (boxes, 7).
        other: Shape (others, 7).
    """
    shared = _shared(one, other)
    areas = [each[:, 3] * each[:, 4] for each in (one, other)]
    return _shares(shared, areas[0][:, None] + areas[1][None] - shared)


def overlaps_in_space(one: Floats, other: Floats) -> Floats:
    """Intersection over union of the volumes of each box and each other one, shape (boxes, others).

    Args:
        one: Shape (boxes, 7).
        other: Shape (others, 7).

    Example:
        >>> box = np.array([[0.0, 0, 0, 4, 2, 2, 0.3]])
        >>> overlaps_in_space(box, box + [[0, 0, 1, 0, 0, 0, np.pi]]).round(3).tolist()
        [[0.333]]
    """
    low = np.maximum((one[:, 2] - one[:, 5] / 2)[:, None], (other[:, 2] - other[:, 5] / 2)[None])
    high = np.minimum((one[:, 2] + one[:, 5] / 2)[:, None], (other[:, 2] + other[:, 5] / 2)[None])
    shared = _shared(one, other) * np.maximum(high - low, 0)
    volumes = [each[:, 3:6].prod(axis=1) for each in (one, other)]
    return _shares(shared, volumes[0][:, None] + volumes[1][None] - shared)


def _shared(one: Floats, other: Floats) -> Floats:
    """The area that each pair shares; only those near enough are looked at."""
    found = np.zeros((len(one), len(other)))
    reach = [np.hypot(each[:, 3], each[:, 4]) / 2 for each in (one, other)]
    away = one[:, None, :2] - other[None, :, :2]
    near = np.nonzero(np.hypot(away[..., 0], away[..., 1]) <= reach[0][:, None] + reach[1][None])
    if len(near[0]):
        found[near] = shared_areas(one[near[0]], other[near[1]])
    return found


def _shares(shared: Floats, union: Floats) -> Floats:
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))
