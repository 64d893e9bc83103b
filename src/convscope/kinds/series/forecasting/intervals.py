"""Intervals around forecasts and the times that they are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from convscope.errors import RunError, UsageError
from convscope.json_values import Within, from_saved

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.datetime64]

LEVELS = (*(each / 100 for each in range(5, 100, 5)), 0.975, 0.99, 0.995)
"""Shares of true values that an interval may be chosen to hold."""
_WHAT = "calibration of forecasts"


@dataclass(frozen=True)
class _Saved:
    """What is kept of intervals, as plain values."""

    origins: Annotated[int, Within(0)]
    half_widths: tuple[tuple[tuple[Annotated[float, Within(0)] | None, ...], ...], ...]


@dataclass(frozen=True, eq=False)
class ForecastIntervals:
    """Half widths by share to be held, step ahead and variable.

    They are quantiles of the absolute errors on rows that the weights were not fitted to, as in split
    conformal prediction (Lei et al. 2018, "Distribution-free predictive inference for regression").
    Forecasts from neighboring rows overlap and series change, so that what they hold on the test split is
    measured and told.

    Args:
        widths: In standard deviations of train, shape (levels, horizon, variables); infinite where too few
            rows were held out.
        origins: Rows of the validation split that were forecast from.
    """

    widths: Floats
    origins: int

    @classmethod
    def fit(cls, errors: Floats) -> ForecastIntervals:
        """Learns half widths.

        Args:
            errors: Absolute and scaled, shape (origins, horizon, variables), NaN where a value is missing.
        """
        known = (~np.isnan(errors)).sum(axis=0)
        ranked = np.concatenate([np.sort(errors, axis=0), np.full((1, *errors.shape[1:]), np.inf)])
        widths = []
        for level in LEVELS:
            place = np.ceil((known + 1) * level - 1e-9).astype(np.int64) - 1
            found = np.take_along_axis(ranked, np.minimum(place, len(errors))[None], axis=0)[0]
            widths.append(np.where(place < known, found, np.inf))
        return cls(np.stack(widths), len(errors))

    def half(self, coverage: float) -> Floats:
        """Half widths in standard deviations of train, shape (horizon, variables).

        Args:
            coverage: Share to be held; the next larger of `LEVELS` is.
        """
        check_coverage(coverage)
        half: Floats = self.widths[int(np.searchsorted(LEVELS, coverage - 1e-9))]
        return half

    def to_json(self) -> dict[str, Any]:
        """Plain values by name; an infinite half width is None."""
        rows = [
            [[None if np.isinf(width) else round(width, 6) for width in row] for row in level]
            for level in self.widths.tolist()
        ]
        return {"levels": list(LEVELS), "origins": self.origins, "half_widths": rows}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], horizon: int, variables: int) -> ForecastIntervals:
        """Reads what `to_json` wrote.

        Raises:
            RunError: It is something else, or of another horizon or number of variables.
        """
        read = from_saved(_Saved, plain, _WHAT, {"levels": list(LEVELS)})
        try:
            widths = np.array(read.half_widths, np.float64)
        except ValueError as error:
            raise RunError(f"{_WHAT}: expected half widths by level, step and variable") from error
        shape = (len(LEVELS), horizon, variables)
        if widths.shape != shape:
            raise RunError(f"{_WHAT}: expected half widths of shape {shape}, received {widths.shape}")
        return cls(np.where(np.isnan(widths), np.inf, widths), read.origins)


def check_coverage(coverage: float) -> None:
    """Refuses a share that no interval can hold.

    Raises:
        UsageError: It is not above 0 and at most the largest of `LEVELS`.
    """
    if not 0 < coverage <= LEVELS[-1]:
        raise UsageError(
            f"coverage must be above 0 and at most {LEVELS[-1]:g}. Received: coverage={coverage}."
        )


def next_times(times: Times, count: int) -> Times:
    """The times that follow a series: months later where rows are whole months apart, else steps.

    Args:
        times: Rising, shape (rows,), at least 1.
        count: How many.

    Example:
        >>> months = np.array(["2026-01-31", "2026-02-28", "2026-03-31"], "datetime64[ns]")
        >>> [str(each)[:10] for each in next_times(months, 2)]
        ['2026-04-30', '2026-05-31']
        >>> hours = np.array(["2026-01-01T22", "2026-01-01T23"], "datetime64[ns]")
        >>> str(next_times(hours, 1)[0])[:13]
        '2026-01-02T00'
    """
    ahead = np.arange(1, count + 1)
    months = times.astype("datetime64[M]")
    apart = np.unique(np.diff(months.astype(np.int64)))
    if len(times) > 2 and len(apart) == 1 and apart[0] > 0:
        following = months[-1] + ahead * apart[0]
        since = times - months.astype("datetime64[ns]")
        before = (months + 1).astype("datetime64[ns]") - times
        if len(np.unique(since)) == 1:
            return np.asarray(following.astype("datetime64[ns]") + since[0])
        if len(np.unique(before)) == 1:
            return np.asarray((following + 1).astype("datetime64[ns]") - before[0])
    steps = np.diff(times.astype(np.int64))
    step = int(np.median(steps)) if len(steps) else 10**9
    return np.asarray((times[-1].astype(np.int64) + step * ahead).astype("datetime64[ns]"))
