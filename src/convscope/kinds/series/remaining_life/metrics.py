"""How good predicted remaining lives are: errors, what they cost, and how often intervals hold the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.engine.metrics import EVALUATE_AGAIN
from convscope.errors import DataError, UsageError
from convscope.json_values import Plain

RANGES = 5
"""Ranges of true life that errors are listed for: as many of equal width up to the cap."""
EARLY, LATE = 13.0, 10.0
"""Cycles by which an error that is too early, or too late, multiplies its cost by e."""


@dataclass(frozen=True)
class LifeRange:
    """Errors where the true remaining life lies in a range.

    Args:
        low: Where the range begins, in cycles.
        high: Where it ends; the last one has no end.
        count: Units in it.
        rmse: Root of the mean squared error, lives capped, in cycles; 0.0 where there are no units.
        bias: Mean of predicted less true life, likewise.
        coverage: Share of units whose interval holds the true life, likewise.
    """

    low: float
    high: float | None
    count: int
    rmse: float
    bias: float
    coverage: float


@dataclass(frozen=True)
class LifeMetrics(Plain):
    """How good predicted remaining lives of one split are.

    Args:
        samples: Units (or rows, where each is predicted).
        rmse: Root of the mean squared error in cycles, true lives capped as the model was trained.
        rmse_uncapped: The same, true lives as they are.
        mae: Mean absolute error in cycles, true lives capped.
        nasa_score: Sum over units of what an error costs, true lives capped: too late costs more than early.
        promised: Share of true lives that intervals are meant to hold.
        coverage: Share that they hold.
        width: Mean width of the intervals in cycles, cut at 0 and at the cap.
        cap: The longest remaining life that the model tells apart, in cycles.
        ranges: By true life.
    """

    _WHAT = "remaining-life metrics"
    _HINT = EVALUATE_AGAIN

    samples: int
    rmse: float
    rmse_uncapped: float
    mae: float
    nasa_score: float
    promised: float
    coverage: float
    width: float
    cap: float
    ranges: tuple[LifeRange, ...]

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headings and a row for each range of true life."""
        rows: list[tuple[str, ...]] = [
            (
                f"{each.low:g} and more" if each.high is None else f"{each.low:g} to {each.high:g}",
                str(each.count),
                f"{each.rmse:.1f}",
                f"{each.bias:+.1f}",
                f"{each.coverage:.0%}",
            )
            for each in self.ranges
            if each.count
        ]
        return ("true life", "units", "RMSE", "bias", "covered"), rows

    def to_line(self) -> str:
        """The metrics of the whole split."""
        return (
            f"RMSE {self.rmse:.2f} cycles with lives capped at {self.cap:g} ({self.rmse_uncapped:.2f} "
            f"uncapped), NASA score {self.nasa_score:.0f}; intervals of {self.promised:.0%} cover "
            f"{self.coverage:.0%} and are {self.width:.1f} cycles wide, on {self.samples} test units"
        )

    def to_scores(self) -> list[tuple[str, float | str] | tuple[str, float | str, str]]:
        """What stands at the top of a report."""
        return [
            ("RMSE", f"{self.rmse:.2f}", f"cycles, lives capped at {self.cap:g}"),
            ("RMSE uncapped", f"{self.rmse_uncapped:.2f}", "cycles"),
            ("NASA score", f"{self.nasa_score:.0f}", "too late costs more than too early"),
            ("Coverage", f"{self.coverage:.1%}", f"of intervals of {self.promised:.0%}"),
            ("Mean width", f"{self.width:.1f}", "cycles"),
            ("Test units", self.samples),
        ]


def life_metrics(
    true: npt.NDArray[np.floating],
    predicted: npt.NDArray[np.floating],
    low: npt.NDArray[np.floating],
    high: npt.NDArray[np.floating],
    cap: float,
    promised: float,
) -> LifeMetrics:
    r"""Compares predicted remaining lives with true ones.

    The score of the challenge that the data was made for is, with $d$ = predicted less true life,

    $$s = \sum_i \begin{cases} e^{-d_i/13} - 1 & d_i < 0 \\ e^{d_i/10} - 1 & d_i \ge 0 \end{cases}$$

    (Saxena et al. 2008, "Damage propagation modeling for aircraft engine run-to-failure simulation").

    Args:
        true: Remaining lives in cycles, shape (n,).
        predicted: Shape (n,), in [0, cap].
        low: Lower ends of the intervals, shape (n,).
        high: Upper ends, infinite where an interval has none, shape (n,).
        cap: The longest life that the model tells apart.
        promised: Share of true lives that intervals are meant to hold.

    Raises:
        UsageError: The shapes differ.
        DataError: There is nothing to evaluate, or something is not finite.

    Example:
        >>> a = np.array([10.0, 140.0])
        >>> life_metrics(a, np.array([13.0, 125.0]), a - 5, a + 5, cap=125, promised=0.9).coverage
        1.0
    """
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    _check(true, predicted, low, high)
    true, predicted = true.astype(np.float64), predicted.astype(np.float64)
    error = predicted - (capped := np.minimum(true, cap))
    covered = (low <= true) & (true <= high)
    return LifeMetrics(
        samples=len(true),
        rmse=root_mean_squared_error(capped, predicted),
        rmse_uncapped=root_mean_squared_error(true, predicted),
        mae=mean_absolute_error(capped, predicted),
        nasa_score=nasa_score(error),
        promised=promised,
        coverage=float(np.mean(covered)),
        width=float(np.mean(np.clip(high, 0, cap) - np.clip(low, 0, cap))),
        cap=float(cap),
        ranges=_ranges(true, error, covered, cap),
    )


def nasa_score(error: npt.NDArray[np.floating]) -> float:
    """What errors cost, summed: as the formula in `life_metrics` says.

    Args:
        error: Predicted less true life, in cycles.
    """
    early = np.expm1(-np.minimum(error, 0) / EARLY)
    late = np.expm1(np.maximum(error, 0) / LATE)
    return float(np.sum(early + late))


def _ranges(
    true: npt.NDArray[np.floating],
    error: npt.NDArray[np.floating],
    covered: npt.NDArray[np.bool_],
    cap: float,
) -> tuple[LifeRange, ...]:
    edges = np.linspace(0.0, cap, RANGES + 1)[:-1].tolist()
    place = np.searchsorted(edges, true, side="right") - 1
    found = []
    for number, (low, high) in enumerate(zip(edges, [*edges[1:], None], strict=True)):
        mine = error[place == number]
        rmse, bias, held = 0.0, 0.0, 0.0
        if len(mine):
            rmse, bias = float(np.sqrt(np.mean(np.square(mine)))), float(np.mean(mine))
            held = float(np.mean(covered[place == number]))
        found.append(LifeRange(low, high, len(mine), rmse, bias, held))
    return tuple(found)


def _check(true: npt.NDArray[np.floating], *others: npt.NDArray[np.floating]) -> None:
    shapes: Sequence[tuple[int, ...]] = [array.shape for array in (true, *others)]
    if true.ndim != 1 or len(set(shapes)) > 1:
        raise UsageError(f"Expected lives and intervals of one shape (n,). Received: {shapes}.")
    if not len(true):
        raise DataError("There are no units to evaluate.", "Give a split that holds at least one unit.")
    if not (np.isfinite(true).all() and np.isfinite(others[0]).all()):
        raise DataError(
            "True and predicted remaining lives must be finite.",
            "If the predicted ones are not, train again with a lower learning rate.",
        )
