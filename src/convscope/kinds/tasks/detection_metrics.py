"""How good found boxes are: average precision as COCO defines it, and what a threshold makes of it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from convscope.data.boxes import Boxes
from convscope.engine.intervals import Interval, interval_of, resampled_counts
from convscope.engine.metrics import EVALUATE_AGAIN, Table
from convscope.errors import BackendError, DataError, install_command
from convscope.json_values import Plain, Within
from convscope.kinds.tasks.detection_boxes import MOST_BOXES, FoundBoxes, matched

USUAL_THRESHOLD = 0.3
"""Least score of a box of a class that no validation sample has."""
RESAMPLES = 200
MOST_RESAMPLED = 2 * 10**6
"""Boxes up to which intervals are computed."""
_SIZES = ("small", "medium", "large")
_RECALLS = np.linspace(0, 1, 101)

_Share = Annotated[float, Within(0, 1 + 1e-6)]
_Count = Annotated[int, Within(0)]
_Interval = tuple[_Share, _Share]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DetectedClass:
    """What one class scored.

    Args:
        name: The class name.
        ap: Average precision, the mean over IoU thresholds from 0.5 to 0.95; None where no sample has it.
        ap50: At an IoU of 0.5.
        threshold: Least score of the boxes that are counted below.
        precision: Share of these boxes that are right, at an IoU of 0.5.
        recall: Share of the true boxes that are found so.
        f1: Harmonic mean of both.
        support: True boxes.
        count_error: Mean over samples of how far the number of found boxes is from that of the true ones.
    """

    name: str
    ap: _Share | None
    ap50: _Share | None
    threshold: _Share
    precision: _Share
    recall: _Share
    f1: _Share
    support: _Count
    count_error: Annotated[float, Within(0)]


@dataclass(frozen=True)
class DetectionMetrics(Plain):
    """How good the boxes of one split are, by pycocotools.

    Args:
        samples: Number of samples.
        objects: Number of true boxes.
        mean_ap: Mean over classes and IoU thresholds from 0.5 to 0.95 of the average precision (COCO).
        mean_ap50: The same at an IoU of 0.5 (Pascal VOC, with precision interpolated at 101 recalls).
        mean_ap75: At 0.75.
        mean_ap_interval: Where 95 % of bootstrap samples of the samples have it; None of a single one.
        mean_ap50_interval: Likewise.
        small: As `mean_ap`, of objects below 32x32 pixels; None where there are none.
        medium: From 32x32 to 96x96 pixels.
        large: Above.
        recall: Mean over classes and IoU thresholds of the recall with 100 boxes a sample.
        classes: Scores per class, in the order of the class names.
    """

    _WHAT = "detection metrics"
    _HINT = EVALUATE_AGAIN

    samples: _Count
    objects: _Count
    mean_ap: _Share
    mean_ap50: _Share
    mean_ap75: _Share
    mean_ap_interval: _Interval | None
    mean_ap50_interval: _Interval | None
    small: _Share | None
    medium: _Share | None
    large: _Share | None
    recall: _Share
    classes: tuple[DetectedClass, ...]

    def to_table(self) -> Table:
        """Headings and a row for each class."""
        headings = ("class", "AP", "AP50", "threshold", "precision", "recall", "F1", "objects", "count error")
        rows = [
            (
                *(each.name, _shown(each.ap), _shown(each.ap50), _shown(each.threshold, 2)),
                *(_shown(value) for value in (each.precision, each.recall, each.f1)),
                *(f"{each.support:,}", _shown(each.count_error, 2)),
            )
            for each in self.classes
        ]
        return headings, rows

    def to_line(self) -> str:
        """The metrics of the whole split."""
        sizes = [(name, getattr(self, name)) for name in _SIZES]
        told = ", ".join(f"{name} {value:.3f}" for name, value in sizes if value is not None)
        return (
            f"mAP {self.mean_ap:.3f}{_between(self.mean_ap_interval)}, mAP@50 {self.mean_ap50:.3f}"
            f"{_between(self.mean_ap50_interval)}, mAP@75 {self.mean_ap75:.3f}, by size: {told or 'none'}, on"
            f" {self.objects:,} objects in {self.samples:,} test samples"
        )

    def to_scores(self) -> list[tuple[str, float | str] | tuple[str, float | str, str]]:
        """What stands at the top of a report."""
        return [
            ("mAP@50", f"{self.mean_ap50:.1%}", _told(self.mean_ap50_interval) + "at an IoU of 0.5"),
            ("mAP", f"{self.mean_ap:.1%}", _told(self.mean_ap_interval) + "mean over IoU 0.5 to 0.95"),
            ("Recall", f"{self.recall:.1%}", f"with {MOST_BOXES} boxes a sample, mean over IoU 0.5 to 0.95"),
            ("Objects", self.objects),
            ("Test samples", self.samples),
        ]


def _shown(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _between(interval: _Interval | None) -> str:
    return "" if interval is None else " (95% interval {:.3f} to {:.3f})".format(*interval)


def _told(interval: _Interval | None) -> str:
    return "" if interval is None else "95% interval {:.1%} to {:.1%}, ".format(*interval)


def detection_metrics(
    found: Sequence[FoundBoxes],
    true: Sequence[Boxes],
    class_names: Sequence[str],
    thresholds: Floats,
    groups: npt.NDArray[np.int64] | None = None,
) -> DetectionMetrics:
    """Metrics of a split.

    Args:
        found: The boxes of each sample, those below the thresholds among them.
        true: The true boxes of each sample.
        class_names: What the classes are called.
        thresholds: Least score of each class by which precision and recall are told, shape (classes,).
        groups: Samples with the same number belong together, shape (samples,).

    Raises:
        DataError: There are no samples.
        BackendError: pycocotools is not installed.
    """
    if not len(true):
        raise DataError("There are no samples to evaluate.", "Give a split with at least one sample.")
    judged = coco_judged(found, true, len(class_names))
    precision, recall = judged.eval["precision"][..., -1], judged.eval["recall"][:, :, 0, -1]
    ap = [_mean(precision[:, :, k, 0]) for k in range(len(class_names))]
    ap50 = [_mean(precision[0, :, k, 0]) for k in range(len(class_names))]
    ap_interval, ap50_interval = _intervals(judged, len(true), groups)
    return DetectionMetrics(
        samples=len(true),
        objects=sum(int(np.sum(~each.ignored)) for each in true),
        mean_ap=_mean(precision[:, :, :, 0]) or 0.0,
        mean_ap50=_mean(precision[0, :, :, 0]) or 0.0,
        mean_ap75=_mean(precision[5, :, :, 0]) or 0.0,
        mean_ap_interval=ap_interval,
        mean_ap50_interval=ap50_interval,
        **{name: _mean(precision[:, :, :, place]) for place, name in enumerate(_SIZES, 1)},
        recall=_mean(recall) or 0.0,
        classes=tuple(
            _of_class(k, name, (ap[k], ap50[k]), (found, true), float(thresholds[k]))
            for k, name in enumerate(class_names)
        ),
    )


def _mean(values: Floats) -> float | None:
    """The mean of what COCO has a value of; None where there is none."""
    known = values[values > -1]
    return float(known.mean()) if len(known) else None


def _of_class(
    k: int,
    name: str,
    aps: tuple[float | None, float | None],
    pairs: tuple[Sequence[FoundBoxes], Sequence[Boxes]],
    threshold: float,
) -> DetectedClass:
    """What a class scored, with the boxes above its threshold."""
    right = given = objects = 0
    apart = []
    for found, true in zip(*pairs, strict=True):
        scores, hits, ignored, total = _hits(found, true, k)
        sure = scores >= threshold
        right += int(np.sum(hits & sure))
        given += int(np.sum(sure & ~ignored))
        objects += total
        apart.append(abs(int(np.sum(sure & ~ignored)) - total))
    return DetectedClass(
        *(name, *aps, threshold),
        right / given if given else 0.0,
        right / objects if objects else 0.0,
        2 * right / (given + objects) if given + objects else 0.0,
        objects,
        float(np.mean(apart)),
    )


def _hits(
    found: FoundBoxes, true: Boxes, k: int
) -> tuple[Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_], int]:
    """Scores of the boxes of a class, which are right, which lie on ignored ones, and the true ones."""
    mine, theirs = found.some(found.classes == k), true.some(true.classes == k)
    order = np.argsort(-mine.scores, kind="stable")
    whole = np.ones((len(mine), len(theirs)), bool)
    partners = matched(mine.corners[order], theirs.corners, whole & ~theirs.ignored)
    on_ignored = matched(mine.corners[order], theirs.corners, whole & theirs.ignored) >= 0
    right = partners >= 0
    return mine.scores[order], right, on_ignored & ~right, int(np.sum(~theirs.ignored))


def best_thresholds(found: Sequence[FoundBoxes], true: Sequence[Boxes], classes: int) -> Floats:
    """The least score of each class by which boxes have the largest F1, shape (classes,).

    Args:
        found: The boxes of each validation sample.
        true: The true ones.
        classes: The number of class names.
    """
    best = np.full(classes, USUAL_THRESHOLD)
    for k in range(classes):
        each = [_hits(*pair, k) for pair in zip(found, true, strict=True)]
        objects = sum(total for *_, total in each)
        counted = [(scores[~ignored], right[~ignored]) for scores, right, ignored, _ in each]
        scores, right = (np.concatenate([pair[side] for pair in counted]) for side in (0, 1))
        order = np.argsort(-scores, kind="stable")
        if objects and right.any():
            f1 = 2 * np.cumsum(right[order]) / (np.arange(1, len(order) + 1) + objects)
            best[k] = scores[order][int(f1.argmax())]
    return best


def coco_judged(found: Sequence[FoundBoxes], true: Sequence[Boxes], classes: int) -> Any:
    """The evaluation of pycocotools, accumulated.

    Raises:
        BackendError: It is not installed.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise BackendError(
            f"Evaluating boxes needs pycocotools: {error}.", f"Install it: {install_command('detection')}"
        ) from error

    def table(rows: list[dict[str, Any]]) -> Any:
        made = COCO()
        made.dataset = {
            "images": [{"id": index} for index in range(len(true))],
            "categories": [{"id": k} for k in range(classes)],
            "annotations": [{**row, "id": number} for number, row in enumerate(rows, 1)],
        }
        made.createIndex()
        return made

    truth = [
        {**row, "iscrowd": int(each.ignored[place])}
        for index, each in enumerate(true)
        for place, row in enumerate(_annotations(index, each.corners, each.classes))
    ]
    given = [
        {**row, "iscrowd": 0, "score": float(each.scores[place])}
        for index, each in enumerate(found)
        for place, row in enumerate(_annotations(index, each.corners, each.classes))
    ]
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
        judged = COCOeval(table(truth), table(given), "bbox")
        judged.evaluate()
        judged.accumulate()
    return judged


def _annotations(index: int, corners: Floats, classes: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
    """Boxes as COCO writes them: left, top, width and height."""
    sides = corners[:, 2:] - corners[:, :2]
    boxes = np.concatenate([corners[:, :2], sides], axis=1).tolist()
    sizes = np.prod(sides, axis=1).tolist()
    return [
        {"image_id": index, "category_id": int(k), "bbox": box, "area": area}
        for box, area, k in zip(boxes, sizes, classes.tolist(), strict=True)
    ]


def _intervals(
    judged: Any, samples: int, groups: npt.NDArray[np.int64] | None
) -> tuple[Interval | None, Interval | None]:
    """Of the mean average precision over all IoU thresholds, and at 0.5; None where there is too much."""
    classes = len(judged.params.catIds)
    areas = len(judged.params.areaRng)
    said = (_class_parts(judged.evalImgs[k * areas * samples :][:samples]) for k in range(classes))
    parts = [part for part in said if part is not None]
    if samples < 2 or not parts or sum(len(part.sample) for part in parts) > MOST_RESAMPLED:
        return None, None
    drawn = np.concatenate(list(resampled_counts(groups, samples)))[:RESAMPLES]
    precision = np.array([[part.precision(weights) for part in parts] for weights in drawn])
    known = np.isfinite(precision)
    count = known.sum(axis=1)
    means = np.where(count > 0, np.where(known, precision, 0).sum(axis=1) / np.maximum(count, 1), np.nan)
    return interval_of(means.mean(axis=1)), interval_of(means[:, 0])


@dataclass(frozen=True, eq=False)
class _ClassParts:
    """The boxes that are given one class, the surest first.

    Args:
        right: Which are right at each IoU threshold, shape (thresholds, boxes).
        wrong: Which are wrong; those on ignored objects are neither.
        sample: The sample of each.
        objects: True boxes of each sample.
    """

    right: npt.NDArray[np.bool_]
    wrong: npt.NDArray[np.bool_]
    sample: npt.NDArray[np.int64]
    objects: Floats

    def precision(self, weights: Floats) -> Floats:
        """Average precision at each IoU threshold of samples that count so often; NaN without objects."""
        total = float(weights @ self.objects)
        if not total:
            return np.full(len(self.right), np.nan)
        counts = weights[self.sample]
        right, wrong = np.cumsum(self.right * counts, axis=1), np.cumsum(self.wrong * counts, axis=1)
        share = right / np.maximum(right + wrong, np.spacing(1))
        best = np.maximum.accumulate(share[:, ::-1], axis=1)[:, ::-1]
        best = np.concatenate([best, np.zeros((len(best), 1))], axis=1)
        return np.array(
            [
                row[np.searchsorted(recall, _RECALLS, side="left")].mean()
                for row, recall in zip(best, right / total, strict=True)
            ]
        )


def _class_parts(judged: Sequence[Any]) -> _ClassParts | None:
    """What pycocotools says of one class in each sample; None where it is nowhere."""
    there = [(index, each) for index, each in enumerate(judged) if each is not None]
    objects = np.zeros(len(judged))
    for index, each in there:
        objects[index] = np.sum(np.asarray(each["gtIgnore"]) == 0)
    if not objects.any():
        return None
    scores = np.concatenate([np.asarray(each["dtScores"], np.float64) for _, each in there])
    order = np.argsort(-scores, kind="mergesort")
    found = np.concatenate([each["dtMatches"] for _, each in there], axis=1)[:, order] > 0
    ignored = np.concatenate([each["dtIgnore"] for _, each in there], axis=1)[:, order].astype(bool)
    sample = np.concatenate([np.full(len(each["dtScores"]), index) for index, each in there])[order]
    return _ClassParts(found & ~ignored, ~found & ~ignored, sample.astype(np.int64), objects)
