"""Boxes as maps that are learned, and back: centers, distances to sides, local maxima."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.data.boxes import Boxes, Corners, areas, overlaps
from convscope.types import Array

REACH = 0.54
"""Share of a box, about its center, whose positions learn its sides (Liu et al. 2020, "TTFNet")."""
MOST_BOXES = 100
"""Boxes of one sample at most, as COCO judges them."""
LEAST_SCORE = 0.02
"""Peaks below are no boxes."""
SAME = 0.6
"""Boxes of one class that overlap more, by IoU, are one."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FoundBoxes:
    """The boxes that were found in one sample, the surest first.

    Args:
        corners: Left, top, right and bottom in pixels of the sample, shape (boxes, 4), float64.
        classes: Index into the class names, shape (boxes,), int64.
        scores: How sure each is, from 0 to 1, shape (boxes,), float64.
        size: Height and width of the sample.
        file: The drawn picture that was written; empty where none was asked for.
    """

    corners: Corners
    classes: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    size: tuple[int, int]
    file: str = ""

    def __len__(self) -> int:
        return len(self.scores)

    def some(self, chosen: npt.NDArray[np.bool_]) -> FoundBoxes:
        """Only these."""
        parts = (self.corners[chosen], self.classes[chosen], self.scores[chosen])
        return FoundBoxes(*parts, self.size, self.file)

    def sure(self, thresholds: npt.NDArray[np.float64]) -> FoundBoxes:
        """Those whose scores reach the threshold of their class."""
        return self.some(self.scores >= thresholds[self.classes])


def center_targets(boxes: Boxes, shape: tuple[int, int], stride: int, classes: int) -> tuple[Floats, Floats]:
    """What a model with a center head is to put out for one sample.

    Around the center of each box lies a bell whose width and height follow those of the box; there, positions
    learn how far its sides are, with weights that sum up to the logarithm of its area. A smaller box lies
    over a larger one. Where a box is ignored, no class is learned, unless another box says so.

    Args:
        boxes: In pixels of the input.
        shape: Rows and columns of the outputs.
        stride: Pixels of the input between two positions.
        classes: The number of class names.

    Returns:
        `CenterFocal` targets, shape (rows, columns, classes), and those of `BoxGIoU`, (rows, columns, 5).
    """
    scores, sides = np.zeros((*shape, classes), np.float32), np.zeros((*shape, 5), np.float32)
    for index in np.argsort(-areas(boxes.corners), kind="stable").tolist():
        box = boxes.corners[index] / stride
        layer = scores[:, :, boxes.classes[index]]
        if boxes.ignored[index]:
            (left, top), (right, bottom) = np.floor(box[:2]).clip(0), np.ceil(box[2:]).clip(0)
            part = layer[int(top) : int(bottom), int(left) : int(right)]
            part[part == 0] = -1
            continue
        rows, high = _span(box[1], box[3], shape[0])
        columns, wide = _span(box[0], box[2], shape[1])
        place, bell = np.ix_(rows, columns), np.multiply.outer(high, wide)
        layer[place] = np.maximum(layer[place], bell)
        area = max(math.prod((box[2:] - box[:2]) * stride), math.e)
        sides[place] = _sides_at(rows, columns, box, stride, bell / bell.sum() * math.log(area))
    return scores, sides


def _span(first: float, behind: float, length: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Positions along an axis that learn the sides of a box, and how near each is to its center."""
    middle = min(max(int((first + behind) / 2), 0), length - 1)
    reach = int(REACH * (behind - first) / 2)
    places = np.arange(max(middle - reach, 0), min(middle + reach + 1, length))
    spread = (2 * reach + 1) / 6
    return places, np.exp(-np.square(places - middle) / (2 * spread**2)).astype(np.float32)


def _sides_at(
    rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], box: Corners, stride: int, weights: Floats
) -> Floats:
    """Distances to the sides of a box in pixels, none below 0, and weights, shape (rows, columns, 5)."""
    found = np.empty((len(rows), len(columns), 5), np.float32)
    found[..., 0] = columns + 0.5 - box[0]
    found[..., 1] = (rows + 0.5 - box[1])[:, None]
    found[..., 2] = box[2] - columns - 0.5
    found[..., 3] = (box[3] - rows - 0.5)[:, None]
    found[..., :4] = np.maximum(found[..., :4] * stride, 0)
    found[..., 4] = weights
    return found


def peaks_of(scores: Array, most: int = MOST_BOXES) -> tuple[npt.NDArray[np.int64], Floats]:
    """Positions whose score is the largest of their eight neighbors and themselves, the surest first.

    Args:
        scores: Shape (rows, columns, classes).
        most: How many at most.

    Returns:
        Row, column and class, shape (peaks, 3), and scores, shape (peaks,).
    """
    framed = np.pad(scores, ((1, 1), (1, 1), (0, 0)), constant_values=-1)
    rows, columns = scores.shape[:2]
    best = scores
    for down in range(3):
        for across in range(3):
            best = np.maximum(best, framed[down : down + rows, across : across + columns])
    places = np.argwhere((scores >= best) & (scores >= LEAST_SCORE))
    found = scores[tuple(places.T)]
    order = np.argsort(-found, kind="stable")[:most]
    return places[order], np.asarray(found[order], np.float32)


def boxes_of_maps(
    scores: Array, sides: Array, stride: float
) -> tuple[Corners, npt.NDArray[np.int64], Floats]:
    """The boxes that a center head puts out for one sample, the surest first.

    Local maxima are boxes; of those of one class that overlap by more than `SAME`, the surest is kept, since
    the maps of a large object may have several.

    Args:
        scores: Shape (rows, columns, classes).
        sides: Distances in pixels of the input, shape (rows, columns, 4).
        stride: Pixels of the input between two positions.

    Returns:
        Corners in pixels of the input, classes and scores.
    """
    places, found = peaks_of(scores, 2 * MOST_BOXES)
    middle = (places[:, [1, 0]] + 0.5) * stride
    away = sides[places[:, 0], places[:, 1]].astype(np.float64)
    corners = np.concatenate([middle - away[:, :2], middle + away[:, 2:]], axis=1)
    kept = _told_apart(corners, places[:, 2])[:MOST_BOXES]
    return corners[kept], places[kept, 2], found[kept]


def _told_apart(corners: Corners, classes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Those of boxes, the surest first, that overlap no surer one of their class by more than `SAME`."""
    same = (overlaps(corners, corners) > SAME) & (classes[:, None] == classes)
    alive = np.ones(len(corners), bool)
    for index in range(len(corners)):
        if alive[index]:
            alive[index + 1 :] &= ~same[index, index + 1 :]
    return np.flatnonzero(alive)


def matched(
    found: Corners, true: Corners, allowed: npt.NDArray[np.bool_], least: float = 0.5
) -> npt.NDArray[np.int64]:
    """Which true box each found one is, the surest first; -1 for none.

    Args:
        found: Boxes, the surest first.
        true: The true ones, each of which is found once.
        allowed: Which pairs may be one, such as those of one class, shape (found, true).
        least: Smallest IoU of a pair.
    """
    shared = np.where(allowed, overlaps(found, true), 0)
    partners = np.full(len(found), -1, np.int64)
    for index in range(len(found) if len(true) else 0):
        best = int(shared[index].argmax())
        if shared[index, best] >= least:
            partners[index] = best
            shared[:, best] = 0
    return partners
