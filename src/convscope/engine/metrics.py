"""Metrics of classifiers and of estimates of numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from convscope.engine.intervals import intervals_of
from convscope.errors import DataError, UsageError
from convscope.json_values import Plain, Within

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Headings and rows of text."""
EVALUATE_AGAIN = "Run `convscope evaluate` again to write the metrics anew."
BINS = 15
"""Bins of the reliability diagram, as Guo et al. (2017) use them."""

_EPSILON = 1e-7  # what keras.losses.CategoricalCrossentropy clips with, so that both give one loss
Numbers = npt.NDArray[np.float64]
_Share = Annotated[float, Within(0, 1 + 1e-6)]
_Count = Annotated[int, Within(0)]


@dataclass(frozen=True)
class ClassScores:
    """What one class scored; 0.0 wherever a division by zero would stand.

    Args:
        name: The class name, or the type of entity, such as `PER`.
        precision: Share of the predictions of this class that are right.
        recall: Share of what is of this class that is found; 0.0 for a class without any.
        f1: Harmonic mean of precision and recall.
        support: Samples or entities of this class in the split.
    """

    name: str
    precision: _Share
    recall: _Share
    f1: _Share
    support: _Count

    @classmethod
    def of(cls, name: str, precision: float, recall: float, f1: float, support: int) -> ClassScores:
        """From the NumPy scalars that scikit-learn and seqeval give."""
        return cls(name, float(precision), float(recall), float(f1), int(support))


def table_of(scores: Sequence[ClassScores], what: str, counted: str) -> Table:
    """Headings and a row for each class.

    Args:
        scores: Of each class.
        what: What a class is called.
        counted: What its support counts.
    """
    rows: list[tuple[str, ...]] = [
        (each.name, f"{each.precision:.3f}", f"{each.recall:.3f}", f"{each.f1:.3f}", str(each.support))
        for each in scores
    ]
    return (what, "precision", "recall", "F1", counted), rows


@dataclass(frozen=True)
class ReliabilityBin:
    """The predictions whose confidence lies in `(lower, upper]`.

    Args:
        lower: Lower edge of the confidence, excluded.
        upper: Upper edge of the confidence, included.
        count: Predictions in the bin.
        confidence: Their mean confidence; 0.0 for an empty bin.
        accuracy: Share of them that is right; 0.0 for an empty bin.
    """

    lower: _Share
    upper: _Share
    count: _Count
    confidence: _Share
    accuracy: _Share


@dataclass(frozen=True)
class ClassificationMetrics(Plain):
    """How good a classifier is on one split.

    Args:
        samples: Number of samples.
        accuracy: Share of samples whose most probable class is their label.
        macro_f1: Unweighted mean of F1 over the classes that occur in the labels or the predictions.
        expected_calibration_error: See `classification_metrics`.
        loss: Mean categorical cross-entropy, in nats.
        classes: Scores per class, in the order of the class names.
        confusion: Counts, `confusion[true][predicted]`.
        reliability: The bins behind the expected calibration error, by rising confidence.
        auc: Area under the ROC curve, mean of each class against the others; None where there is one class.
        accuracy_interval: Of 95 %, by `resampled_counts`; None in metrics of older versions.
        auc_interval: Likewise; None where samples and classes are too many.
        calibration_interval: Likewise.
    """

    _WHAT = "classification metrics"
    _HINT = EVALUATE_AGAIN

    samples: _Count
    accuracy: _Share
    macro_f1: _Share
    expected_calibration_error: _Share
    loss: float
    classes: tuple[ClassScores, ...]
    confusion: tuple[tuple[_Count, ...], ...]
    reliability: tuple[ReliabilityBin, ...]
    auc: _Share | None = None
    accuracy_interval: tuple[_Share, _Share] | None = None
    auc_interval: tuple[_Share, _Share] | None = None
    calibration_interval: tuple[_Share, _Share] | None = None

    def to_table(self) -> Table:
        """Headings and a row for each class."""
        return table_of(self.classes, "class", "samples")

    def to_line(self) -> str:
        """The metrics of the whole split."""
        area = "" if self.auc is None else f"AUC {self.auc:.3f}{_within(self.auc_interval)}, "
        return (
            f"accuracy {self.accuracy:.2%}{_within(self.accuracy_interval, percent=True)},"
            f" macro F1 {self.macro_f1:.3f}, {area}expected calibration "
            f"error {self.expected_calibration_error:.3f} in {len(self.reliability)} bins "
            f"({self.chance_calibration_error:.3f} by chance), on {self.samples} test samples"
        )

    @property
    def chance_calibration_error(self) -> float:
        """The expected calibration error that a perfectly calibrated model would show with so few samples.

        The right predictions of a bin would be binomial with its mean confidence; this is their mean absolute
        deviation, summed over the bins. The fewer samples, the larger it is.
        """
        counts = sum(each.count for each in self.reliability)
        deviations = sum(_mean_deviation(each.count, each.confidence) for each in self.reliability)
        return deviations / max(counts, 1)

    def to_scores(self) -> tuple[()]:
        """The report of a classifier knows what to put at its top."""
        return ()


def _within(interval: tuple[float, float] | None, *, percent: bool = False) -> str:
    if interval is None:
        return ""
    low, high = (f"{each:.1%}" if percent else f"{each:.3f}" for each in interval)
    return f" (95% interval {low} to {high})"


def classification_metrics(
    labels: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float32],
    class_names: Sequence[str],
    groups: npt.NDArray[np.int64] | None = None,
) -> ClassificationMetrics:
    r"""Compares predicted probabilities with labels.

    The expected calibration error is, over the 15 equal-width bins $B_m$ of the confidence (the largest
    probability of a sample),

    $$\sum_m \frac{|B_m|}{n} \left| \mathrm{acc}(B_m) - \mathrm{conf}(B_m) \right|$$

    Source: Naeini, Cooper and Hauskrecht (2015), Obtaining Well Calibrated Probabilities Using Bayesian
    Binning; Guo, Pleiss, Sun and Weinberger (2017), On Calibration of Modern Neural Networks.

    Args:
        labels: True class of each sample, shape (n,), int64, each in [0, k).
        probabilities: Shape (n, k), float32, rows that sum to one. A tie goes to the lower class index.
        class_names: The k names.
        groups: Samples with the same number belong together, shape (n,); None where each stands alone.

    Returns:
        All metrics. A class without samples keeps its row and its zeros; it enters macro F1 (with 0.0) only
        if it was predicted, as in scikit-learn.

    Raises:
        UsageError: If the shapes do not fit each other.
        DataError: If there are no samples, a label is unknown or a probability is not finite.

    Example:
        >>> probabilities = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
        >>> metrics = classification_metrics(np.array([0, 1]), probabilities, ["cat", "dog"])
        >>> metrics.accuracy, metrics.confusion
        (1.0, ((1, 0), (0, 1)))
    """
    _check(labels, probabilities, len(class_names))
    from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

    every, predicted = np.arange(len(class_names)), probabilities.argmax(axis=1)
    per_class = precision_recall_fscore_support(labels, predicted, labels=every, zero_division=0.0)
    right, confidence = labels == predicted, probabilities.max(axis=1).astype(np.float64)
    bins = _reliability(right, confidence)
    return ClassificationMetrics(
        samples=len(labels),
        accuracy=float(np.mean(labels == predicted)),
        macro_f1=float(f1_score(labels, predicted, average="macro", zero_division=0.0)),
        expected_calibration_error=_calibration_error(bins),
        loss=_cross_entropy(labels, probabilities.astype(np.float64)),
        classes=tuple(
            ClassScores.of(name, *rates) for name, *rates in zip(class_names, *per_class, strict=True)
        ),
        confusion=tuple(map(tuple, confusion_matrix(labels, predicted, labels=every).tolist())),
        reliability=bins,
        **intervals_of(labels, probabilities, right, confidence, groups, BINS),
    )


def _check(labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float32], classes: int) -> None:
    if labels.ndim != 1 or probabilities.shape != (len(labels), classes):
        raise UsageError(
            f"classification_metrics expects labels of shape (n,) and probabilities of shape (n, {classes}). "
            f"Received: labels {labels.shape}, probabilities {probabilities.shape}."
        )
    if len(labels) == 0:
        raise DataError("There are no samples to evaluate.", "Give a split that holds at least one sample.")
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(
            f"Evaluation needs a label in [0, {classes}) for every sample. "
            f"Received: {labels.min()} to {labels.max()}.",
            "Leave out samples without a label.",
        )
    if not np.isfinite(probabilities).all():
        rows = int((~np.isfinite(probabilities)).any(axis=1).sum())
        raise DataError(
            f"The model's probabilities are not finite for {rows} of {len(labels)} samples.",
            "Its training has diverged: train again with a lower learning rate.",
        )


def _reliability(
    right: npt.NDArray[np.bool_], confidence: npt.NDArray[np.float64]
) -> tuple[ReliabilityBin, ...]:
    edges = np.linspace(0.0, 1.0, BINS + 1)
    # Bins are open below and closed above; rounding may push a probability of one a hair over the last edge.
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    divisor = np.maximum(counts, 1)
    mean = np.bincount(place, weights=confidence, minlength=BINS) / divisor
    share = np.bincount(place, weights=right, minlength=BINS) / divisor
    return tuple(
        ReliabilityBin(float(edges[i]), float(edges[i + 1]), int(counts[i]), float(mean[i]), float(share[i]))
        for i in range(BINS)
    )


def _calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    total = sum(each.count for each in bins)
    return sum(each.count * abs(each.accuracy - each.confidence) for each in bins) / total


def _mean_deviation(count: int, share: float) -> float:
    """Mean absolute deviation of a binomial count from its mean, by de Moivre's formula.

    Example:
        >>> _mean_deviation(1, 0.9), _mean_deviation(2, 0.5)  # 2 * 0.9 * 0.1, and 0.25 * 1 twice
        (0.18, 0.5)
    """
    share = min(share, 1.0)
    if not count or share in (0.0, 1.0):
        return 0.0
    most = math.floor(count * share) + 1
    if most > count:
        return 0.0
    ways = math.lgamma(count + 1) - math.lgamma(most + 1) - math.lgamma(count - most + 1)
    chance = math.exp(ways + most * math.log(share) + (count - most + 1) * math.log1p(-share))
    return round(2 * most * chance, 12)


def _cross_entropy(labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float64]) -> float:
    total = np.maximum(probabilities.sum(axis=1), _EPSILON)
    of_label = probabilities[np.arange(len(labels)), labels] / total
    return float(-np.log(np.clip(of_label, _EPSILON, 1.0 - _EPSILON)).mean())


@dataclass(frozen=True)
class RegressionMetrics(Plain):
    """Errors of predicted numbers.

    Args:
        samples: How many.
        mae: Mean absolute error, in units of the numbers.
        rmse: Root of the mean squared error.
        r2: Share of the variance of the numbers that is explained; None of a single one or equal ones.
        baseline_mae: The mean absolute error of the mean of the train split.
        baseline_rmse: The root of its mean squared error.
        coverage: Share of the numbers that intervals hold; None without intervals.
        promised: Share that they are meant to hold.
        width: Mean width of intervals.
    """

    _WHAT = "regression metrics"
    _HINT = EVALUATE_AGAIN

    samples: int
    mae: float
    rmse: float
    r2: float | None
    baseline_mae: float
    baseline_rmse: float
    coverage: float | None = None
    promised: float | None = None
    width: float | None = None

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """The errors of the model above those of the mean."""
        r2 = "" if self.r2 is None else f"{self.r2:.3f}"
        return ("prediction", "MAE", "RMSE", "R2"), [
            ("model", f"{self.mae:.4g}", f"{self.rmse:.4g}", r2),
            ("mean of train", f"{self.baseline_mae:.4g}", f"{self.baseline_rmse:.4g}", ""),
        ]

    def to_line(self) -> str:
        """The metrics of the whole split."""
        r2 = "" if self.r2 is None else f", R2 {self.r2:.3f}"
        held = "" if self.coverage is None else f"; intervals of {self.promised:.0%} hold {self.coverage:.0%}"
        return (
            f"MAE {self.mae:.4g}, RMSE {self.rmse:.4g}{r2} on {self.samples} test samples (the mean of train:"
            f" MAE {self.baseline_mae:.4g}, RMSE {self.baseline_rmse:.4g}){held}"
        )

    def to_scores(self) -> list[tuple[str, float | str] | tuple[str, float | str, str]]:
        """What stands at the top of a report."""
        scores: list[tuple[str, float | str] | tuple[str, float | str, str]] = [
            ("MAE", f"{self.mae:.4g}", f"{self.baseline_mae:.4g} by the mean of train"),
            ("RMSE", f"{self.rmse:.4g}", f"{self.baseline_rmse:.4g} by the mean of train"),
        ]
        if self.r2 is not None:
            scores.append(("R2", f"{self.r2:.3f}", "share of the variance that is explained"))
        if self.coverage is not None:
            scores.append(("Coverage", f"{self.coverage:.1%}", f"of intervals of {self.promised:.0%}"))
        return [*scores, ("Test samples", self.samples)]


def regression_metrics(
    true: Numbers,
    predicted: Numbers,
    baseline: float,
    half_width: float | None = None,
    promised: float | None = None,
) -> RegressionMetrics:
    """Compares predicted numbers with true ones.

    Args:
        true: Shape (samples,).
        predicted: Shape (samples,).
        baseline: The mean of the train split.
        half_width: Of the intervals around predictions; None without.
        promised: Share of true numbers that intervals are meant to hold.

    Raises:
        DataError: There is nothing to evaluate, or something is not finite.

    Example:
        >>> regression_metrics(np.array([1.0, 3.0]), np.array([1.0, 2.0]), 2.0).mae
        0.5
    """
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    if not len(true) or not (np.isfinite(true).all() and np.isfinite(predicted).all()):
        raise DataError("expected finite numbers and predictions to evaluate, received others or none")
    mean = np.full(len(true), baseline)
    r2 = float(r2_score(true, predicted)) if len(true) > 1 and np.ptp(true) > 0 else None
    held = None if half_width is None else float(np.mean(np.abs(true - predicted) <= half_width))
    return RegressionMetrics(
        len(true),
        float(mean_absolute_error(true, predicted)),
        float(root_mean_squared_error(true, predicted)),
        r2,
        float(mean_absolute_error(true, mean)),
        float(root_mean_squared_error(true, mean)),
        held,
        None if half_width is None else promised,
        None if half_width is None else 2 * half_width,
    )
