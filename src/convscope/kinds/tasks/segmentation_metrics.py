"""How good masks are: overlap of each class, void left out, and the distance of surfaces in mm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import numpy.typing as npt

from convscope.data.masks import VOID, Classes, object_classes
from convscope.engine.intervals import interval_of, resampled_counts
from convscope.engine.metrics import EVALUATE_AGAIN, Table
from convscope.errors import DataError
from convscope.json_values import Plain, Within
from convscope.kinds.tasks.surfaces import SurfaceDistances

_Share = Annotated[float, Within(0, 1 + 1e-6)]
_Count = Annotated[int, Within(0)]
_Interval = tuple[_Share, _Share]

Counts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SegmentedClass:
    """What one class scored.

    Args:
        name: The class name.
        iou: Intersection over union of all positions of the split; None where no sample has or is given it.
        dice: Mean over samples that have it or are given it; None where there is none.
        dice_interval: Where 95 % of bootstrap samples have the mean Dice.
        precision: Share of the positions that are given the class which have it.
        recall: Share of the positions of the class which are given it.
        f1: Harmonic mean of both, over all positions of the split.
        support: Samples that have the class.
        positions: Positions of the class.
        hd95: Mean over samples of the larger 95th percentile of the distances between surfaces, in mm; None
            where it is not measured.
        nsd: Mean over samples of the share of surfaces that lie within the tolerance of the other one.
        unmatched: Samples in which the class is in the truth alone or in the prediction alone, which have no
            distance.
    """

    name: str
    iou: _Share | None
    dice: _Share | None
    dice_interval: _Interval | None
    precision: _Share
    recall: _Share
    f1: _Share
    support: _Count
    positions: _Count
    hd95: float | None = None
    nsd: _Share | None = None
    unmatched: _Count = 0


@dataclass(frozen=True)
class SegmentedBaseline:
    """What a simpler method reaches on the same positions.

    Args:
        name: Of the method.
        accuracy: As of `SegmentationMetrics`.
        mean_iou: Likewise.
        mean_iou_interval: Likewise.
        ious: Of each class, in the order of the class names.
    """

    name: str
    accuracy: _Share
    mean_iou: _Share
    mean_iou_interval: _Interval | None
    ious: tuple[_Share | None, ...]


@dataclass(frozen=True)
class SegmentationMetrics(Plain):
    """How good the masks of one split are; positions without a known class take no part.

    Args:
        samples: Number of samples.
        accuracy: Share of positions whose class is right.
        mean_iou: Mean over the classes that the truth or the predictions have of the intersection over union
            of all positions of the split together, by one confusion matrix, as benchmarks of pictures count.
        mean_iou_interval: Where 95 % of bootstrap samples of the samples have it; None of a single one.
        mean_dice: Mean over classes but the background of the mean Dice of samples.
        mean_dice_interval: As that of the IoU.
        classes: Scores per class, in the order of the class names.
        matrix: Positions, `matrix[true][predicted]`.
        tolerance: In mm, of the normalized surface distance; None where no distance is measured.
        sample_dice: Mean Dice of each sample over the classes that it has or is given, but the background; 1
            where there are none.
        baseline: A simpler method on the same positions; None where there is none.
    """

    _WHAT = "segmentation metrics"
    _HINT = EVALUATE_AGAIN

    samples: _Count
    accuracy: _Share
    mean_iou: _Share
    mean_iou_interval: _Interval | None
    mean_dice: _Share
    mean_dice_interval: _Interval | None
    classes: tuple[SegmentedClass, ...]
    matrix: tuple[tuple[_Count, ...], ...]
    tolerance: float | None = None
    sample_dice: tuple[_Share, ...] = ()
    baseline: SegmentedBaseline | None = None

    def beside_baseline(self, name: str, other: SegmentationMetrics) -> SegmentationMetrics:
        """The same metrics, with those of a simpler method beside them."""
        ious = tuple(each.iou for each in other.classes)
        made = SegmentedBaseline(name, other.accuracy, other.mean_iou, other.mean_iou_interval, ious)
        return replace(self, baseline=made)

    def to_table(self) -> Table:
        """Headings and a row for each class."""
        headings = ["class", "IoU", "Dice", "95% interval", "precision", "recall", "samples"]
        rows = [
            [
                *(each.name, _shown(each.iou), _shown(each.dice)),
                _shown_interval(each.dice_interval, "{:.3f} to {:.3f}"),
                *(f"{each.precision:.3f}", f"{each.recall:.3f}", str(each.support)),
                *(_shown(each.hd95, 2), _shown(each.nsd)),
            ]
            for each in self.classes
        ]
        if self.baseline is not None:
            rows = [[*row[:7], _shown(iou)] for row, iou in zip(rows, self.baseline.ious, strict=True)]
            return (*headings, f"IoU, {self.baseline.name}"), [tuple(row) for row in rows]
        if self.tolerance is None:
            return tuple(headings), [tuple(row[: len(headings)]) for row in rows]
        return (*headings, "HD95 mm", "NSD"), [tuple(row) for row in rows]

    def to_line(self) -> str:
        """The metrics of the whole split."""
        iou = _shown_interval(self.mean_iou_interval, " (95% interval {:.3f} to {:.3f})")
        dice = _shown_interval(self.mean_dice_interval, " ({:.3f} to {:.3f})")
        told = f"; NSD at a tolerance of {self.tolerance:g} mm" if self.tolerance is not None else ""
        return (
            f"mean IoU of all positions {self.mean_iou:.3f}{iou}, mean Dice of samples"
            f" {self.mean_dice:.3f}{dice}, accuracy {self.accuracy:.2%}, on {self.samples} test"
            f" samples{told}{self._beside()}"
        )

    def _beside(self) -> str:
        """What the simpler method reaches, and whether it is ahead."""
        other = self.baseline
        if other is None:
            return ""
        interval = _shown_interval(other.mean_iou_interval, " ({:.3f} to {:.3f})")
        ahead = " (ahead of the network)" if other.mean_iou > self.mean_iou else ""
        return f"; without the network: {other.name}, mean IoU {other.mean_iou:.3f}{interval}{ahead}"

    def to_scores(self) -> list[tuple[str, float | str] | tuple[str, float | str, str]]:
        """What stands at the top of a report."""
        line = "95% interval {:.1%} to {:.1%}, "
        scores: list[tuple[str, float | str] | tuple[str, float | str, str]] = [
            (
                "Mean IoU",
                f"{self.mean_iou:.1%}",
                _shown_interval(self.mean_iou_interval, line)
                + "all positions of the split together, mean over classes",
            ),
            (
                "Mean Dice",
                f"{self.mean_dice:.1%}",
                _shown_interval(self.mean_dice_interval, line) + "mean over samples, without background",
            ),
            ("Accuracy", f"{self.accuracy:.1%}", "share of positions, void left out"),
        ]
        far = [each.hd95 for each in self.classes if each.hd95 is not None]
        if far:
            scores.append(("HD95", f"{np.mean(far):.2f} mm", "mean over classes"))
        if self.baseline is not None:
            scores.append((f"Mean IoU, {self.baseline.name}", f"{self.baseline.mean_iou:.1%}", "baseline"))
        return [*scores, ("Test samples", self.samples)]


def _shown_interval(interval: _Interval | None, form: str) -> str:
    return "" if interval is None else form.format(*interval)


def _shown(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def matrix_of(true: Classes, predicted: Classes, classes: int) -> Counts:
    """Positions by their true and their predicted class, shape (classes, classes); void is left out."""
    total = np.zeros(classes * classes, np.int64)
    pairs_of = zip(np.atleast_2d(true), np.atleast_2d(predicted), strict=True)
    for part, found in pairs_of:  # pairs of numbers take much more memory than masks
        known = part < classes
        pairs = part[known].astype(np.int64) * classes + found[known]
        total += np.bincount(pairs, minlength=classes * classes)
    return total.reshape(classes, classes)


def segmentation_metrics(
    matrices: Iterable[Counts],
    class_names: Sequence[str],
    distances: Sequence[Sequence[SurfaceDistances | None]] = (),
    tolerance: float | None = None,
    groups: npt.NDArray[np.int64] | None = None,
) -> SegmentationMetrics:
    """Metrics of a split.

    A class that neither mask of a sample has takes no part in its Dice; one that only one has counts as 0.
    Intervals are those of `resampled_counts`, which draws samples of one group together.

    Args:
        matrices: Of each sample, as `matrix_of` gives them.
        class_names: What the classes are called.
        distances: Of each sample and class; None where the class is in one of the two masks alone.
        tolerance: Of the normalized surface distance, in mm; None where distances are not measured.
        groups: Samples with the same number belong together, such as scans of a patient, shape (samples,).

    Raises:
        DataError: There are no samples.
    """
    counts = np.array(list(matrices), np.int64)
    if not len(counts):
        raise DataError("There are no samples to evaluate.", "Give a split with at least one sample.")
    both = np.einsum("nii->ni", counts).astype(np.float64)
    whole = counts.sum(axis=0)
    true, given = (counts.sum(axis=axis).astype(np.float64) for axis in (2, 1))
    scored = object_classes(class_names)
    dices = np.where(true + given > 0, 2 * both / np.maximum(true + given, 1), np.nan)
    drawn = np.concatenate(list(resampled_counts(groups, len(counts))))
    of_class = _resampled_means(dices, drawn)
    many_ious = _ious(drawn @ both, drawn @ (true + given))
    per_class = np.where(np.isfinite(dices).any(axis=0), _mean(dices.T), np.nan)
    scores = _Scores(whole, per_class, of_class, true > 0, given > 0)
    classes = tuple(scores.of(k, name, [each[k] for each in distances]) for k, name in enumerate(class_names))
    return SegmentationMetrics(
        samples=len(counts),
        accuracy=float(both.sum() / max(whole.sum(), 1)),
        mean_iou=float(_mean(_ious(both.sum(axis=0), (true + given).sum(axis=0)))),
        mean_iou_interval=interval_of(_mean(many_ious)),
        mean_dice=float(_mean(per_class[scored])),
        mean_dice_interval=interval_of(_mean(of_class[:, scored])),
        classes=classes,
        matrix=tuple(map(tuple, whole.tolist())),
        tolerance=tolerance,
        sample_dice=tuple(
            np.where(np.isfinite(dices[:, scored]).any(axis=1), _mean(dices[:, scored]), 1.0).tolist()
        ),
    )


@dataclass(frozen=True, eq=False)
class _Scores:
    """Figures of all classes.

    Args:
        matrix: Positions by true and predicted class.
        dice: Mean Dice of each class, shape (classes,); NaN where there is none.
        drawn: The same of bootstrap samples, shape (resamples, classes).
        true: Whether each sample has each class, shape (samples, classes).
        given: Whether it is given it.
    """

    matrix: Counts
    dice: Shares
    drawn: Shares
    true: npt.NDArray[np.bool_]
    given: npt.NDArray[np.bool_]

    def of(self, k: int, name: str, distances: Sequence[SurfaceDistances | None]) -> SegmentedClass:
        """What a class scored."""
        right, true = int(self.matrix[k, k]), int(self.matrix[k].sum())
        given = int(self.matrix[:, k].sum())
        measured = [each for each in distances if each is not None]
        seen = true + given > 0
        return SegmentedClass(
            name,
            right / (true + given - right) if seen else None,
            float(self.dice[k]) if seen else None,
            interval_of(self.drawn[:, k]) if seen else None,
            right / given if given else 0.0,
            right / true if true else 0.0,
            2 * right / (true + given) if seen else 0.0,
            int(self.true[:, k].sum()),
            true,
            float(np.mean([each.hd95 for each in measured])) if measured else None,
            float(np.mean([each.nsd for each in measured])) if measured else None,
            int(np.sum(self.true[:, k] != self.given[:, k])),
        )


def _ious(both: Shares, sizes: Shares) -> Shares:
    """Intersection over union; NaN of what is nowhere."""
    union = sizes - both
    return np.where(union > 0, both / np.maximum(union, 1), np.nan)


def _mean(values: Shares) -> Shares:
    """The mean along the last axis of what is no NaN; 0 where all is."""
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(axis=-1)
    return np.asarray(total / np.maximum(known.sum(axis=-1), 1))


def _resampled_means(values: Shares, drawn: Shares) -> Shares:
    """Means of each column over bootstrap samples, shape (resamples, columns); NaN where none has any."""
    known = np.isfinite(values)
    weights = (drawn @ known).astype(np.float64)
    return np.where(weights > 0, drawn @ np.where(known, values, 0) / np.maximum(weights, 1), np.nan)


def measured_distances(
    true: Classes,
    predicted: Classes,
    class_names: Sequence[str],
    spacing: Sequence[float],
    tolerance: float,
) -> list[SurfaceDistances | None]:
    """Distances between the surfaces of each class; None where one of the two masks does not have it.

    The background, whose surface is that of all others and of the scan, is not measured. Void positions are
    taken as predicted, so that no surface ends there.
    """
    from convscope.kinds.tasks.surfaces import surface_distances

    whole = np.where(true == VOID, predicted, true)
    wanted = set(object_classes(class_names).tolist())
    return [
        surface_distances(whole == k, predicted == k, spacing, tolerance) if k in wanted else None
        for k in range(len(class_names))
    ]
