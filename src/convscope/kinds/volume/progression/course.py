"""How volumes go on over visits: the rate a year with its error, and a category by stated thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Category = Literal["progression", "stable", "partial response", "complete response", "not judged"]
Criterion = Literal["volume", "diameters"]
USUAL: Mapping[Criterion, tuple[float, float]] = {"volume": (40.0, 65.0), "diameters": (25.0, 50.0)}
"""Percent of growth and of shrinkage that count."""
FEWEST = 3
"""Degrees of freedom without which residuals tell no error."""
LIMIT = 1.96
"""Standard errors within which 95 % of differences without a change lie."""


@dataclass(frozen=True)
class Thresholds:
    """By which change a category is given, in the style of RANO.

    Args:
        growth: Percent above the smallest so far from which it is progression.
        shrinkage: Percent below the first from which it is a partial response.
        criterion: What is compared: volumes, or products of perpendicular diameters in an axial slice.
    """

    growth: float = 40.0
    shrinkage: float = 65.0
    criterion: Criterion = "volume"

    @classmethod
    def of(cls, criterion: Criterion, growth: float | None, shrinkage: float | None) -> Thresholds:
        """Those that the user gave, or else the usual ones of the criterion (RANO 2.0: Wen et al. 2023)."""
        usual = USUAL[criterion]
        return cls(
            usual[0] if growth is None else growth, usual[1] if shrinkage is None else shrinkage, criterion
        )

    def __str__(self) -> str:
        what = {
            "volume": "by volume",
            "diameters": "by the product of perpendicular diameters in the axial slice where it is largest",
        }
        return (
            f"{what[self.criterion]}: progression from {self.growth:g} % above the smallest so far, or where"
            f" it is new; partial response from {self.shrinkage:g} % below the first; complete response: none"
            " left; else stable"
        )

    def category(self, volumes: Sequence[float]) -> Category:
        """The category of the last of several volumes, or products of diameters, in the order of time.

        Example:
            >>> [Thresholds().category(each) for each in ([2, 2.9], [2, 2.5], [2, 0.6], [2, 0])]
            ['progression', 'stable', 'partial response', 'complete response']
        """
        first, last, smallest = volumes[0], volumes[-1], min(volumes[:-1])
        if not np.isfinite(volumes).all():
            return "not judged"
        if last <= 0:
            return "complete response" if first > 0 else "stable"
        if last >= smallest * (1 + self.growth / 100):
            return "progression"
        if last <= first * (1 - self.shrinkage / 100):
            return "partial response"
        return "stable"


@dataclass(frozen=True)
class YearlyRate:
    """How fast a volume changes.

    Args:
        ml: A year.
        first: The first volume, in ml.
        error: Standard error in ml a year; None where nothing tells it.
        error_from: What tells it.
    """

    ml: float
    first: float
    error: float | None
    error_from: str

    @property
    def percent(self) -> float | None:
        """Of the first volume, a year; None where that is 0."""
        return 100 * self.ml / self.first if self.first else None

    @property
    def percent_error(self) -> float | None:
        """Standard error in percent of the first volume a year."""
        return None if self.error is None or not self.first else 100 * self.error / self.first


def rate_of(years: Floats, volumes: Floats, repeat_error: float | None) -> YearlyRate | None:
    """The rate of a line through volumes, by least squares.

    Args:
        years: When, shape (visits,).
        volumes: In ml, shape (visits,).
        repeat_error: Standard deviation of a difference of two volumes without a change, in percent; tells
            the error where there are two visits.

    Returns:
        None where visits are at one time.

    Example:
        >>> rate_of(np.array([0.0, 1.0, 2.0]), np.array([4.0, 3.0, 2.0]), None).percent
        -25.0
    """
    apart = years - years.mean()
    spread = float(np.square(apart).sum())
    if spread <= 0 or len(years) < 2 or not np.isfinite(volumes).all():
        return None
    slope = float((apart * volumes).sum() / spread)
    first = float(volumes[0])
    if len(years) > 2:
        residual = volumes - volumes.mean() - slope * apart
        variance = float(np.square(residual).sum()) / (len(years) - 2)
        return YearlyRate(
            slope, first, float(np.sqrt(variance / spread)), f"the residuals of {len(years)} visits"
        )
    if repeat_error is None:
        return YearlyRate(slope, first, None, "not known for two visits without a repeat error")
    error = repeat_error / 100 * abs(first) / float(years[-1] - years[0])
    return YearlyRate(slope, first, error, "the repeat error")


def residual_error(
    courses: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
) -> float | None:
    """Standard deviation of a difference of two volumes without a change, in percent of the first.

    Args:
        courses: Years and volumes of subjects; those with three visits and more tell how far volumes lie from
            a line.

    Returns:
        None where they are too few.
    """
    squares, freedom = 0.0, 0
    for years, volumes in courses:
        if len(years) < 3 or not volumes[0] > 0 or not np.isfinite(volumes).all():
            continue
        apart = years - years.mean()
        spread = float(np.square(apart).sum())
        shares = 100 * volumes / volumes[0]
        slope = float((apart * shares).sum() / spread) if spread > 0 else 0.0
        squares += float(np.square(shares - shares.mean() - slope * apart).sum())
        freedom += len(years) - (2 if spread > 0 else 1)
    return float(np.sqrt(2 * squares / freedom)) if freedom >= FEWEST else None
