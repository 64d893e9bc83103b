"""Boxes in space as maps that are learned, and back: centers, where, how large and how turned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from convscope.kinds.points.detection.boxes import Floats, SpaceBoxes, overlaps_above
from convscope.kinds.tasks.detection_boxes import peaks_of
from convscope.types import Array

CHANNELS = (
    *("along", "down", "up", "length", "width", "height"),
    *("cosine of twice", "sine of twice", "cosine", "sine"),
)
"""What stands at each position: how far the middle lies to the right and below, in positions, and above that
of its class, in its height; logarithms of the sides beside those of its class; and the heading. Twice the
angle tells an axis whichever end is the front, and the angle itself the front."""
WEIGHTS = (1.5, 1.5, 3.0, 2.0, 2.0, 2.0, 0.6, 0.6, 0.1, 0.1)
"""How much an error of each counts."""
STRIDE = 2
"""Cells between two positions of the outputs."""
LEAST_RADIUS = 2
"""Positions that the bell around a center reaches at least."""
SHARE = 0.27
"""Share of the side of a box that its bell reaches."""
LEAST_WEIGHT = 0.2
"""Value of the bell from which on positions learn the box."""
MOST_BOXES = 128
SAME = 0.15
"""Boxes of one class that overlap more, by IoU from above, are one."""
_LARGEST = 1.5
"""Logarithm by which sides may differ from those of their class at most."""

Maps = npt.NDArray[np.float32]


class Classes(Protocol):
    """What is usual of the boxes of each class."""

    @property
    def rows(self) -> int:
        """Cells of the grid along y."""

    @property
    def columns(self) -> int:
        """Cells of the grid along x."""

    @property
    def cell(self) -> float:
        """Side of a cell."""

    def usual(self, classes: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Sides (boxes, 3) and the height of the middle (boxes,) that boxes of these classes usually have."""


@dataclass(frozen=True, eq=False)
class OutputGrid:
    """Positions of the outputs and where they lie.

    Args:
        shape: Rows and columns.
        step: Distance between two of them.
    """

    shape: tuple[int, int]
    step: float

    @classmethod
    def of(cls, classes: Classes) -> OutputGrid:
        """That of a representation."""
        return cls((classes.rows // STRIDE, classes.columns // STRIDE), classes.cell * STRIDE)

    def places(self, values: Floats) -> Floats:
        """Row and column of the middles of boxes with their share of a position, shape (boxes, 2)."""
        rows, columns = self.shape
        return np.stack([rows / 2 - values[:, 1] / self.step, values[:, 0] / self.step + columns / 2], axis=1)


def center_maps(boxes: SpaceBoxes, represent: Classes, classes: int) -> tuple[Maps, Maps]:
    """What a model with a center head in space is to put out for one cloud.

    Args:
        boxes: About the middle of the grid; those whose middle lies outside are not learned.
        represent: The grid, and what is usual of each class.
        classes: The number of class names.

    Returns:
        `CenterFocal` targets, shape (rows, columns, classes), 1 at a center and -1 where a box is ignored,
        and those of `SpaceBoxError`, (rows, columns, channels + 1).
    """
    grid = OutputGrid.of(represent)
    scores = np.zeros((*grid.shape, classes), np.float32)
    sides = np.zeros((*grid.shape, len(CHANNELS) + 1), np.float32)
    places = grid.places(boxes.values)
    within = np.all((places >= 0) & (places < np.array(grid.shape)), axis=1)
    sizes, middles = represent.usual(boxes.classes)
    order = np.argsort(-boxes.values[:, 3:5].prod(axis=1), kind="stable")
    for index in order[within[order]].tolist():
        box, spot = boxes.values[index], np.floor(places[index]).astype(int)
        layer = scores[:, :, boxes.classes[index]]
        rows, columns, bell = _bell(spot, grid, math.sqrt(box[3] * box[4]))
        part = layer[rows, columns]
        if boxes.ignored[index]:
            part[part == 0] = -1
            continue
        np.maximum(part, bell, out=part)
        layer[spot[0], spot[1]] = 1
        learned = bell >= LEAST_WEIGHT
        down, along = np.mgrid[rows, columns]
        found = np.empty((*bell.shape, len(CHANNELS) + 1), np.float32)
        found[..., 0] = places[index, 1] - along - 0.5
        found[..., 1] = places[index, 0] - down - 0.5
        found[..., 2] = (box[2] - middles[index]) / sizes[index, 2]
        found[..., 3:6] = np.log(box[3:6] / sizes[index])
        found[..., 6:10] = [math.cos(2 * box[6]), math.sin(2 * box[6]), math.cos(box[6]), math.sin(box[6])]
        found[..., 10] = bell
        sides[rows, columns][learned] = found[learned]
    return scores, sides


def _bell(spot: npt.NDArray[np.int64], grid: OutputGrid, side: float) -> tuple[slice, slice, Maps]:
    """The rows and columns around a position, and how near each is to it."""
    reach = max(LEAST_RADIUS, int(SHARE * side / grid.step))
    first = np.maximum(spot - reach, 0)
    last = np.minimum(spot + reach + 1, grid.shape)
    spread = (2 * reach + 1) / 6
    away = [np.square(np.arange(a, b) - middle) for a, b, middle in zip(first, last, spot, strict=True)]
    bell = np.exp(-(away[0][:, None] + away[1][None]) / (2 * spread**2)).astype(np.float32)
    return slice(first[0], last[0]), slice(first[1], last[1]), bell


def decoded(scores: Array, sides: Array, represent: Classes) -> tuple[Floats, npt.NDArray[np.int64], Floats]:
    """The boxes that a center head in space puts out for one cloud, the surest first.

    Local maxima are boxes; of those of one class that overlap by more than `SAME`, the surest is kept.

    Args:
        scores: Shape (rows, columns, classes).
        sides: Shape (rows, columns, channels).
        represent: The grid, and what is usual of each class.

    Returns:
        Boxes about the middle of the grid, shape (boxes, 7), classes and scores.
    """
    grid = OutputGrid.of(represent)
    places, sure = peaks_of(scores, MOST_BOXES)
    found = sides[places[:, 0], places[:, 1]].astype(np.float64)
    classes = places[:, 2]
    sizes, middles = represent.usual(classes)
    rows, columns = grid.shape
    values = np.empty((len(places), 7))
    values[:, 0] = (places[:, 1] + 0.5 + found[:, 0] - columns / 2) * grid.step
    values[:, 1] = (rows / 2 - places[:, 0] - 0.5 - found[:, 1]) * grid.step
    values[:, 2] = middles + found[:, 2] * sizes[:, 2]
    values[:, 3:6] = sizes * np.exp(np.clip(found[:, 3:6], -_LARGEST, _LARGEST))
    axis = np.arctan2(found[:, 7], found[:, 6]) / 2
    backwards = np.cos(axis) * found[:, 8] + np.sin(axis) * found[:, 9] < 0
    values[:, 6] = (axis + np.where(backwards, np.pi, 0) + np.pi) % (2 * np.pi) - np.pi
    kept = _told_apart(values, classes)
    return values[kept], classes[kept], sure[kept].astype(np.float64)


def _told_apart(values: Floats, classes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Those of boxes, the surest first, that overlap no surer one of their class by more than `SAME`."""
    same = (overlaps_above(values, values) > SAME) & (classes[:, None] == classes)
    alive = np.ones(len(values), bool)
    for index in range(len(values)):
        if alive[index]:
            alive[index + 1 :] &= ~same[index, index + 1 :]
    return np.flatnonzero(alive)
