"""Average precision of boxes in space by the rules of KITTI.

Geiger, Lenz and Urtasun (2012), "Are we ready for autonomous driving? The KITTI vision benchmark suite", with
the mean over 40 recalls of Simonelli et al. (2019), "Disentangling monocular 3D object detection". A true
box counts at a difficulty and at all above it; one that does not count, and one that is ignored, is neither
missed nor wrongly found. So are found boxes that are too small in the picture of the camera.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.kinds.points.detection.boxes import (
    Floats,
    Marks,
    SpaceBoxes,
    overlaps_above,
    overlaps_in_space,
)

LEVELS = ("easy", "moderate", "hard")
"""Difficulties of KITTI."""
FEWEST_PIXELS = (40.0, 25.0, 25.0)
"""Height in the picture that a box must have at each difficulty."""
MOST_OCCLUDED = (0, 1, 2)
MOST_TRUNCATED = (0.15, 0.3, 0.5)
OVERLAPS = {"car": 0.7, "van": 0.7, "truck": 0.7}
"""Smallest IoU of a found box with a true one of these classes."""
USUAL_OVERLAP = 0.5
RECALLS = 40

Overlap = Callable[[Floats, Floats], Floats]
_KINDS: tuple[tuple[str, Overlap], ...] = (("space", overlaps_in_space), ("above", overlaps_above))


@dataclass(frozen=True, eq=False)
class SpaceFound:
    """The boxes that were found in one cloud, the surest first.

    Args:
        values: As `SpaceBoxes`.
        classes: Index into the class names, shape (boxes,), int64.
        scores: How sure each is, from 0 to 1, shape (boxes,), float64.
        heights: In the picture of a camera, in pixels, shape (boxes,); infinite where there is none.
    """

    values: Floats
    classes: npt.NDArray[np.int64]
    scores: Floats
    heights: Floats

    def __len__(self) -> int:
        return len(self.scores)

    def some(self, chosen: Marks) -> SpaceFound:
        """Only these."""
        return SpaceFound(
            self.values[chosen], self.classes[chosen], self.scores[chosen], self.heights[chosen]
        )

    def sure(self, thresholds: Floats) -> SpaceFound:
        """Those whose scores reach the threshold of their class."""
        return self.some(self.scores >= thresholds[self.classes])


def least_overlap(name: str) -> float:
    """The IoU from which on a found box of a class is right: 0.7 for cars, 0.5 for what is smaller."""
    return OVERLAPS.get(name.strip().lower(), USUAL_OVERLAP)


def level_of(pixels: float, occluded: int, truncated: float) -> int:
    """The first difficulty at which a true box counts, as many as there are where it counts at none.

    Args:
        pixels: Its height in the picture.
        occluded: 0 fully visible, 1 partly hidden, 2 largely hidden, 3 unknown.
        truncated: Share that lies outside of the picture.
    """
    rules = zip(FEWEST_PIXELS, MOST_OCCLUDED, MOST_TRUNCATED, strict=True)
    for level, (fewest, most_occluded, most_truncated) in enumerate(rules):
        if pixels > fewest and occluded <= most_occluded and truncated <= most_truncated:
            return level
    return len(LEVELS)


@dataclass(frozen=True, eq=False)
class _Frame:
    """One cloud as it is judged for one class at one difficulty.

    Args:
        shared: IoU of each true box with each found one, shape (true, found).
        counts: Which true boxes count, shape (true,).
        scores: Of the found boxes, shape (found,).
        judged: Which found boxes are large enough to be wrong, shape (found,).
    """

    shared: Floats
    counts: Marks
    scores: Floats
    judged: Marks

    def hits(self, least: float) -> list[float]:
        """The scores of the found boxes that are right if all are taken: each true box takes the surest."""
        free, found = np.ones(len(self.scores), bool), []
        for row, counts in zip(self.shared, self.counts.tolist(), strict=True):
            able = free & (row > least)
            if able.any():
                best = int(np.where(able, self.scores, -np.inf).argmax())
                free[best] = False
                if counts and self.judged[best]:
                    found.append(float(self.scores[best]))
        return found

    def judge(self, least: float, score: float) -> tuple[int, int]:
        """How many boxes of a score at least are right, and how many are wrong.

        Each true box takes the one that overlaps it most, among those that are large enough if there are
        any.
        """
        taken = self.scores >= score
        free, right = taken.copy(), 0
        for row, counts in zip(self.shared, self.counts.tolist(), strict=True):
            able = free & (row > least)
            if not able.any():
                continue
            large = able & self.judged
            if large.any():
                best = int(np.where(large, row, -1).argmax())
                right += counts
            else:
                best = int(able.argmax())
            free[best] = False
        return right, int((free & self.judged).sum())


def average_precision(
    found: Sequence[SpaceFound],
    true: Sequence[SpaceBoxes],
    number: int,
    least: float,
    *,
    level: int = 0,
    pixels: float = 0.0,
) -> dict[str, float | None]:
    """Average precision of a class at a difficulty over 40 recalls: in space, and seen from above.

    Args:
        found: The boxes of each cloud, unsure ones among them.
        true: The true boxes of each.
        number: Of the class.
        least: IoU above which a found box is right.
        level: Difficulty up to which true boxes count.
        pixels: Found boxes of a smaller height in the picture are not judged.

    Returns:
        `space` and `above`, each from 0 to 1; None where no true box counts.
    """
    answers: dict[str, float | None] = {}
    for name, overlap in _KINDS:
        frames = [
            frame
            for pair in zip(found, true, strict=True)
            if (frame := _frame(*pair, number, level, pixels, overlap)) is not None
        ]
        answers[name] = _over_recalls(frames, least)
    return answers


def _frame(
    found: SpaceFound, true: SpaceBoxes, number: int, level: int, pixels: float, overlap: Overlap
) -> _Frame | None:
    mine, theirs = found.some(found.classes == number), true.some(true.classes == number)
    if not len(mine) and not len(theirs):
        return None
    counts = ~theirs.ignored & (theirs.levels <= level)
    return _Frame(overlap(theirs.values, mine.values), counts, mine.scores, mine.heights >= pixels)


def _over_recalls(frames: Sequence[_Frame], least: float) -> float | None:
    """The mean of the best precision at 40 recalls or more."""
    total = sum(int(frame.counts.sum()) for frame in frames)
    if not total:
        return None
    scores = sorted((score for frame in frames for score in frame.hits(least)), reverse=True)
    precision = np.zeros(RECALLS + 1)
    for place, score in enumerate(_steps(scores, total)):
        both = [frame.judge(least, score) for frame in frames]
        right, wrong = (sum(each[k] for each in both) for k in (0, 1))
        precision[place] = right / (right + wrong) if right + wrong else 0.0
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best[1:].mean())


def _steps(scores: Sequence[float], total: int) -> list[float]:
    """The scores at which the recall is nearest to 0, 1/40, 2/40 and so on."""
    chosen: list[float] = []
    for place, score in enumerate(scores):
        last = place == len(scores) - 1
        here, there = (place + 1) / total, (place + (1 if last else 2)) / total
        wanted = len(chosen) / RECALLS
        if there - wanted < wanted - here and not last:
            continue
        chosen.append(score)
    return chosen[: RECALLS + 1]
