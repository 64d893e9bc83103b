"""Intervals of metrics by the bootstrap over what belongs together, such as all samples of a patient.

Groups are drawn with replacement as often as there are, and each metric is computed of the samples of those
that were drawn (Efron 1979; Field and Welsh 2007, "Bootstrapping clustered data"). The draws follow from one
seed, so that the same predictions have the same intervals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

RESAMPLES, FEWEST_RESAMPLES = 1000, 100
MOST_DRAWN = 3 * 10**7
"""Counts up to which there are `RESAMPLES`; of more samples, whose intervals are narrow, there are fewer."""
COVERAGE = 0.95
MOST_SORTED = 2 * 10**5
"""Samples times classes up to which intervals of areas are computed."""
_AT_ONCE = 2**22

Numbers = npt.NDArray[np.float64]
Interval = tuple[float, float]


def resampled_counts(groups: npt.NDArray[np.int64] | None, samples: int) -> Iterator[Numbers]:
    """How often each sample is in bootstrap samples of the groups.

    Args:
        groups: Samples with the same number belong together, shape (samples,); None where each stands alone.
        samples: The number of samples.

    Yields:
        Shape (some, samples), float64, `RESAMPLES` of them in all, or fewer of many samples.
    """
    members = np.arange(samples) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(members.max()) + 1
    rng = np.random.default_rng(0)
    left = max(FEWEST_RESAMPLES, min(RESAMPLES, MOST_DRAWN // max(samples, 1)))
    while left:
        some = min(left, max(1, _AT_ONCE // max(samples, 1)))
        drawn = rng.integers(count, size=(some, count)) + count * np.arange(some)[:, None]
        times = np.bincount(drawn.ravel(), minlength=some * count).reshape(some, count)
        yield times[:, members].astype(np.float64)
        left -= some


def interval_of(values: Numbers) -> Interval | None:
    """Where 95 % of values lie, those aside that are not finite; None where there are none, or all are equal.

    Equal ones, such as those of a single subject, say nothing about what others would give.
    """
    known = values[np.isfinite(values)]
    if not len(known) or np.ptp(known) == 0:
        return None
    low, high = np.quantile(known, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)


def interval_of_share(values: Numbers, groups: int) -> Interval:
    """Where 95 % of the values of a share lie; where all are 0 or all are 1, what so many groups can tell.

    That is the interval of a binomial share by Clopper and Pearson (1934): six groups that are all right may
    come from a model that is right in 54.1 % of them.

    Example:
        >>> [round(end, 3) for end in interval_of_share(np.ones(9), 6)]
        [0.541, 1.0]
    """
    found = interval_of(values)
    if found is None:
        end = ((1 - COVERAGE) / 2) ** (1 / groups)
        found = (end, 1.0) if values[0] > 0.5 else (0.0, 1 - end)
    return found


def areas_of(labels: npt.NDArray[np.int64], probabilities: Numbers) -> Callable[[Numbers], Numbers]:
    """The area under the ROC curve of samples that count so and so often, each class against the others.

    Ties count half, as in scikit-learn; the mean is over classes that some samples have and some do not.

    Args:
        labels: Shape (samples,).
        probabilities: Shape (samples, classes).

    Returns:
        From counts, shape (some, samples), to areas, shape (some,); NaN where no class has both.

    Example:
        >>> area = areas_of(np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]))
        >>> area(np.ones((1, 3))).tolist()
        [0.75]
    """
    classes = [1] if probabilities.shape[1] == 2 else list(range(probabilities.shape[1]))
    pairs = [_Pairs.of(labels == k, probabilities[:, k]) for k in classes]

    def areas(counts: Numbers) -> Numbers:
        each = np.stack([of_class.won(counts) for of_class in pairs])
        known = np.isfinite(each)
        total = np.where(known, each, 0).sum(axis=0)
        return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)

    return areas


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Samples of a class, and for each of them how many of the others have a lower score.

    Args:
        mine: The samples of the class, by rising score.
        others: All others, by rising score.
        below: How many of the others have a lower score than each of the class.
        not_above: How many have no higher one.
    """

    mine: npt.NDArray[np.int64]
    others: npt.NDArray[np.int64]
    below: npt.NDArray[np.int64]
    not_above: npt.NDArray[np.int64]

    @classmethod
    def of(cls, right: npt.NDArray[np.bool_], scores: Numbers) -> _Pairs:
        order = np.argsort(scores, kind="stable")
        mine, others = order[right[order]], order[~right[order]]
        sides: tuple[Literal["left", "right"], ...] = ("left", "right")
        return cls(mine, others, *(np.searchsorted(scores[others], scores[mine], side) for side in sides))

    def won(self, counts: Numbers) -> Numbers:
        """The share of pairs in which the sample of the class has the higher score, shape (some,)."""
        before = np.zeros((len(counts), len(self.others) + 1))
        np.cumsum(counts[:, self.others], axis=1, out=before[:, 1:])
        weights = counts[:, self.mine]
        won = np.einsum("ij,ij->i", weights, before[:, self.below] + before[:, self.not_above]) / 2
        pairs = weights.sum(axis=1) * before[:, -1]
        shares: Numbers = np.divide(won, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)
        return shares


def intervals_of(
    labels: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float32],
    right: npt.NDArray[np.bool_],
    confidence: Numbers,
    groups: npt.NDArray[np.int64] | None,
    bins: int,
) -> dict[str, Any]:
    """The area under the ROC curve, and the intervals of accuracy, area and calibration, by their names."""
    area = areas_of(labels, probabilities.astype(np.float64))
    whole = float(area(np.ones((1, len(labels))))[0])
    sorts = probabilities.size <= MOST_SORTED
    places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    member = np.zeros((len(labels), bins))
    member[np.arange(len(labels)), places] = right - confidence
    found: dict[str, list[Numbers]] = {"accuracy": [], "auc": [], "calibration": []}
    for counts in resampled_counts(groups, len(labels)):
        total = counts.sum(axis=1)
        found["accuracy"].append(counts @ right / total)
        found["calibration"].append(np.abs(counts @ member).sum(axis=1) / total)
        if sorts:
            found["auc"].append(area(counts))
    drawn = {name: np.concatenate(each) for name, each in found.items() if each}
    named = {f"{name}_interval": interval_of(each) for name, each in drawn.items()}
    count = len(labels) if groups is None else len(np.unique(groups))
    named["accuracy_interval"] = interval_of_share(drawn["accuracy"], count)
    return {"auc": whole if math.isfinite(whole) else None, **named}
