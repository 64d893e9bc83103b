"""How good found boxes in space are: average precision as KITTI has it, and what a threshold makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from convscope.engine.metrics import EVALUATE_AGAIN, Table
from convscope.errors import DataError
from convscope.json_values import Plain, Within
from convscope.kinds.points.detection.average_precision import (
    FEWEST_PIXELS,
    LEVELS,
    SpaceFound,
    average_precision,
    least_overlap,
)
from convscope.kinds.points.detection.boxes import Floats, Marks, SpaceBoxes, overlaps_in_space

USUAL_THRESHOLD = 0.3
"""Least score of a box of a class that no validation cloud has."""
MODERATE = 1
ALL = "all"
"""What the only difficulty of clouds without a camera is called."""

_Share = Annotated[float, Within(0, 1 + 1e-6)]
_Count = Annotated[int, Within(0)]


@dataclass(frozen=True)
class SpaceClass:
    """What one class scored.

    Args:
        name: The class name.
        overlap: IoU above which a found box is right.
        in_space: Average precision over 40 recalls at each difficulty; None where no true box counts.
        from_above: The same by the IoU of boxes seen from above.
        threshold: Least score of the boxes that are counted below.
        precision: Share of these boxes that are right.
        recall: Share of the true boxes that are found so.
        f1: Harmonic mean of both.
        support: True boxes that count at the difficulty that is summed up.
    """

    name: str
    overlap: _Share
    in_space: tuple[_Share | None, ...]
    from_above: tuple[_Share | None, ...]
    threshold: _Share
    precision: _Share
    recall: _Share
    f1: _Share
    support: _Count


@dataclass(frozen=True)
class SpaceDetectionMetrics(Plain):
    """How good the boxes of one split are, by the rules of KITTI with 40 recalls.

    Args:
        samples: Number of clouds.
        objects: Number of true boxes that are not ignored.
        levels: Difficulties: those of KITTI, or one where no camera says how large objects are.
        mean_ap: Mean over classes of the average precision in space, at the moderate difficulty of KITTI.
        mean_ap_above: The same by the IoU of boxes seen from above.
        classes: Scores per class, in the order of the class names.
    """

    _WHAT = "metrics of boxes in space"
    _HINT = EVALUATE_AGAIN

    samples: _Count
    objects: _Count
    levels: tuple[str, ...]
    mean_ap: _Share
    mean_ap_above: _Share
    classes: tuple[SpaceClass, ...]

    @property
    def summed_up(self) -> str:
        """The difficulty of the means."""
        return self.levels[min(MODERATE, len(self.levels) - 1)]

    def to_table(self) -> Table:
        """Headings and a row for each class."""
        space = tuple(f"AP {level}" for level in self.levels)
        headings = ("class", "IoU", *space, "AP above", "threshold", "precision", "recall", "F1", "objects")
        at = self.levels.index(self.summed_up)
        rows = [
            (
                *(each.name, f"{each.overlap:g}", *map(_shown, each.in_space), _shown(each.from_above[at])),
                *(f"{each.threshold:.2f}", *map(_shown, (each.precision, each.recall, each.f1))),
                f"{each.support:,}",
            )
            for each in self.classes
        ]
        return headings, rows

    def to_line(self) -> str:
        """The metrics of the whole split."""
        each = ", ".join(
            f"{one.name} {_shown(one.in_space[self.levels.index(self.summed_up)]) or 'none'}"
            for one in self.classes[:6]
        )
        said = "" if self.summed_up == ALL else f" ({self.summed_up})"
        return (
            f"mAP in space {self.mean_ap:.3f}{said}, from above {self.mean_ap_above:.3f}, by class: {each},"
            f" on {self.objects:,} objects in {self.samples:,} test clouds"
        )

    def to_scores(self) -> list[tuple[str, float | str] | tuple[str, float | str, str]]:
        """What stands at the top of a report."""
        said = "40 recalls" if self.summed_up == ALL else f"{self.summed_up}, 40 recalls"
        return [
            ("mAP in space", f"{self.mean_ap:.1%}", f"mean over classes, {said}"),
            ("mAP from above", f"{self.mean_ap_above:.1%}", f"mean over classes, {said}"),
            ("Objects", self.objects),
            ("Test clouds", self.samples),
        ]


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def space_metrics(
    found: Sequence[SpaceFound],
    true: Sequence[SpaceBoxes],
    class_names: Sequence[str],
    thresholds: Floats,
    *,
    camera: bool,
) -> SpaceDetectionMetrics:
    """Metrics of a split.

    Args:
        found: The boxes of each cloud, those below the thresholds among them.
        true: The true boxes of each.
        class_names: What the classes are called.
        thresholds: Least score of each class by which precision and recall are told, shape (classes,).
        camera: Whether difficulties follow from the pictures of a camera.

    Raises:
        DataError: There are no clouds.
    """
    if not len(true):
        raise DataError("There are no clouds to evaluate.", "Give a split with at least one cloud.")
    levels = LEVELS if camera else (ALL,)
    pixels = FEWEST_PIXELS if camera else (0.0,)
    classes = []
    for k, name in enumerate(class_names):
        least = least_overlap(name)
        each = [
            average_precision(found, true, k, least, level=level, pixels=fewest)
            for level, fewest in enumerate(pixels)
        ]
        counts = _counts(found, true, k, float(thresholds[k]), least, min(MODERATE, len(levels) - 1), pixels)
        space, above = (tuple(answers[kind] for answers in each) for kind in ("space", "above"))
        classes.append(SpaceClass(name, least, space, above, float(thresholds[k]), *counts))
    at = min(MODERATE, len(levels) - 1)
    return SpaceDetectionMetrics(
        samples=len(true),
        objects=sum(int(np.sum(~each.ignored)) for each in true),
        levels=levels,
        mean_ap=_mean([each.in_space[at] for each in classes]),
        mean_ap_above=_mean([each.from_above[at] for each in classes]),
        classes=tuple(classes),
    )


def _mean(values: Sequence[float | None]) -> float:
    """The mean of those that are known, 0 where none is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else 0.0


def _counts(
    found: Sequence[SpaceFound],
    true: Sequence[SpaceBoxes],
    k: int,
    threshold: float,
    least: float,
    level: int,
    pixels: Sequence[float],
) -> tuple[float, float, float, int]:
    """Precision, recall, F1 and how many true boxes count, of boxes above a threshold."""
    right = given = objects = 0
    for one, other in zip(found, true, strict=True):
        scores, hits, judged, total = hits_of(one, other, k, least, level, pixels[level])
        sure = scores >= threshold
        right += int(np.sum(hits & sure))
        given += int(np.sum(sure & judged))
        objects += total
    return (
        right / given if given else 0.0,
        right / objects if objects else 0.0,
        2 * right / (given + objects) if given + objects else 0.0,
        objects,
    )


def matched(found: Floats, true: Floats, least: float) -> npt.NDArray[np.int64]:
    """Which true box each found one is, the surest first; -1 for none.

    Args:
        found: Boxes of one class, the surest first, shape (found, 7).
        true: The true ones, each of which is found once, shape (true, 7).
        least: IoU that a pair must exceed.
    """
    shared = overlaps_in_space(found, true)
    partners = np.full(len(found), -1, np.int64)
    for index in range(len(found) if len(true) else 0):
        best = int(shared[index].argmax())
        if shared[index, best] > least:
            partners[index] = best
            shared[:, best] = 0
    return partners


def hits_of(
    found: SpaceFound, true: SpaceBoxes, k: int, least: float, level: int, pixels: float
) -> tuple[Floats, Marks, Marks, int]:
    """Scores of the boxes of a class, which are right, which are judged, and how many true boxes count.

    Args:
        found: The boxes of a cloud, the surest first.
        true: The true ones.
        k: The class.
        least: IoU above which a found box is right.
        level: Difficulty up to which true boxes count.
        pixels: Found boxes of a smaller height in the picture are not judged.
    """
    mine, theirs = found.some(found.classes == k), true.some(true.classes == k)
    counts = ~theirs.ignored & (theirs.levels <= level)
    partners = matched(mine.values, theirs.values, least)
    hit = partners >= 0
    right = hit & (counts[partners] if len(counts) else False)
    judged = right | (~hit & (mine.heights >= pixels))
    return mine.scores, np.asarray(right, bool), np.asarray(judged, bool), int(counts.sum())


def best_thresholds(
    found: Sequence[SpaceFound],
    true: Sequence[SpaceBoxes],
    class_names: Sequence[str],
    *,
    camera: bool,
) -> Floats:
    """The least score of each class by which boxes have the largest F1, shape (classes,).

    Args:
        found: The boxes of each validation cloud.
        true: The true ones.
        class_names: What the classes are called.
        camera: As of `space_metrics`.
    """
    level, pixels = (MODERATE, FEWEST_PIXELS[MODERATE]) if camera else (0, 0.0)
    best = np.full(len(class_names), USUAL_THRESHOLD)
    for k, name in enumerate(class_names):
        each = [
            hits_of(*pair, k, least_overlap(name), level, pixels) for pair in zip(found, true, strict=True)
        ]
        objects = sum(total for *_, total in each)
        scores = np.concatenate([one[judged] for one, _, judged, _ in each])
        right = np.concatenate([one[judged] for _, one, judged, _ in each])
        order = np.argsort(-scores, kind="stable")
        if objects and right.any():
            f1 = 2 * np.cumsum(right[order]) / (np.arange(1, len(order) + 1) + objects)
            best[k] = scores[order][int(f1.argmax())]
    return best
