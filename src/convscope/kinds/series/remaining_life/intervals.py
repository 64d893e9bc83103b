r"""Intervals around predicted remaining lives that cover what they promise, from units that were held out.

Split conformal prediction: errors on units that the model did not learn from tell how wide an interval has to
be. Rows of one unit resemble each other, so that a unit and not a row counts: each of the $K$ units has the
weight $1/(K+1)$, spread evenly over its $N_k$ rows, and the last $1/(K+1)$ lies at infinity. The smallest
half width $q$ with

$$\sum_k \frac{1}{(K+1) N_k} \sum_i 1[e_{ki} \le q] \ge 1 - \alpha$$

covers a row of a new unit with a probability of at least $1 - \alpha$ (Lee, Barber and Willett 2023,
"Distribution-free inference with hierarchical data"). Errors differ along a life: far from its end all lives
look alike, and near it little is left to be wrong about. So predictions fall into bands of equal width, and
each band has its own half widths, which hold within the band (Vovk, Lindsay, Nouretdinov and Gammerman 2003,
"Mondrian confidence machine").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.json_values import Within, from_saved

Floats = npt.NDArray[np.float64]

BANDS = 4
"""Ranges of predicted life with half widths of their own."""
LEVELS: Floats = np.append(np.arange(1, 100), 99.5) / 100
"""Shares of true lives that an interval may be chosen to hold."""


@dataclass(frozen=True, eq=False)
class LifeIntervals:
    """Half widths by band of predicted life and share to be held.

    Args:
        cap: The longest life that the model distinguishes; bands divide what lies between 0 and it.
        widths: Half widths in cycles, shape (bands, levels), infinite where too few units were held out.
        units: Units that were held out.
    """

    cap: float
    widths: Floats
    units: int

    @classmethod
    def fit(
        cls,
        true: Sequence[npt.NDArray[np.floating]],
        predicted: Sequence[npt.NDArray[np.floating]],
        cap: float,
    ) -> LifeIntervals:
        """Learns half widths from units that were held out.

        Args:
            true: Remaining lives after each row of each unit, in cycles.
            predicted: What the model says about them, in [0, cap].
            cap: The longest life that the model distinguishes.
        """
        errors: list[list[Floats]] = [[] for _ in range(BANDS)]
        for mine, lives in zip(true, predicted, strict=True):
            error = np.abs(np.minimum(mine, cap).astype(np.float64) - lives)
            band = _bands(lives, cap)
            for number in np.unique(band):
                errors[number].append(np.sort(error[band == number]))
        return cls(float(cap), np.stack([_half_widths(each) for each in errors]), len(true))

    def around(self, predicted: npt.NDArray[np.floating], coverage: float) -> tuple[Floats, Floats]:
        """Lower and upper ends of intervals.

        An interval that reaches the cap has no upper end: beyond it, the model does not distinguish lives.

        Args:
            predicted: Shape (n,), in [0, cap].
            coverage: Share of true lives to be held; the next larger of `LEVELS` is.

        Returns:
            Shape (n,) each, in cycles; upper ends may be infinite.

        Raises:
            UsageError: The coverage is not above 0 and at most the largest level.
        """
        check_coverage(coverage)
        level = int(np.searchsorted(LEVELS, coverage - 1e-9))
        half = self.widths[_bands(predicted, self.cap), level]
        lives = predicted.astype(np.float64)
        high = lives + half
        return np.maximum(lives - half, 0.0), np.where(high >= self.cap, np.inf, high)

    def to_json(self) -> dict[str, Any]:
        """Plain values by name; an infinite half width is None."""
        # Rounded up, so that as many errors fit in as before.
        rows = [[None if np.isinf(w) else math.ceil(w * 1e4) / 1e4 for w in row] for row in self.widths]
        return {"cap": self.cap, "units": self.units, "levels": LEVELS.tolist(), "half_widths": rows}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> LifeIntervals:
        """Reads what `to_json` wrote.

        Raises:
            RunError: It is something else.
        """
        read = from_saved(_Saved, plain, "calibration of remaining lives", {"levels": LEVELS.tolist()})
        rows = [[np.inf if width is None else width for width in row] for row in read.half_widths]
        return cls(read.cap, np.array(rows, np.float64), read.units)


@dataclass(frozen=True)
class _Saved:
    """What is kept of intervals, as plain values."""

    cap: Annotated[float, Within(1e-6)]
    units: Annotated[int, Within(0)]
    half_widths: tuple[tuple[Annotated[float, Within(0)] | None, ...], ...]

    def __post_init__(self) -> None:
        if len(self.half_widths) != BANDS or any(len(row) != len(LEVELS) for row in self.half_widths):
            raise UsageError(f"half_widths must be {BANDS} rows of {len(LEVELS)}")


def check_coverage(coverage: float) -> None:
    """Refuses a share that no interval can hold.

    Raises:
        UsageError: It is not above 0 and at most the largest of `LEVELS`.
    """
    if not 0 < coverage <= LEVELS[-1]:
        raise UsageError(
            f"coverage must be above 0 and at most {LEVELS[-1]:g}. Received: coverage={coverage}."
        )


def units_needed(coverage: float) -> int:
    """So many units have to be held out for an interval to be finite at this coverage.

    Example:
        >>> units_needed(0.9), units_needed(0.5)
        (9, 1)
    """
    return int(np.ceil(coverage / (1 - coverage) - 1e-9))


def _bands(predicted: npt.NDArray[np.floating], cap: float) -> npt.NDArray[np.int64]:
    return np.clip(np.asarray(predicted) * BANDS // cap, 0, BANDS - 1).astype(np.int64)


def _half_widths(errors: Sequence[Floats]) -> Floats:
    """The half width of each level from the sorted errors of each unit that has some; else infinite."""
    if not errors:
        return np.full(len(LEVELS), np.inf)
    weights = np.concatenate([np.full(len(each), 1 / ((len(errors) + 1) * len(each))) for each in errors])
    joined = np.concatenate(errors)
    order = np.argsort(joined, kind="stable")
    held = np.cumsum(weights[order])
    at = np.searchsorted(held, LEVELS - 1e-9)
    return np.append(joined[order], np.inf)[at]
