"""Levels: whether rows lie where the rows lay that are known to be normal, for as long as an anomaly lasts.

A memory that moves with the rows takes a long anomaly for usual after a while. Here nothing moves: means over
some rows, of the values and of how far off the forecasts are, are compared with those of the reference rows.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.errors import RunError

SPANS = (10, 40)
"""Rows that a mean is taken over."""
QUANTITIES = ("value", "error")
FEWEST = 8
"""Means without a row in common that a level needs."""
LAGS = 8
"""Distances between means at which it is looked how far they are apart."""
STEADY = 0.3
"""Means that are apart by a lower power of their distance are taken for steady."""
AHEAD = 3.0
"""For how many times as many rows as those of the reference means may wander on."""
FREEST = 200.0
RAREST = 50.0
_LEAST = 1e-3

Rows = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Levels:
    r"""Where the means of the reference rows lie, and how far from it they may be.

    A mean $m$ over a span has the surprisal $-\log_{10} P(|T| > |m - c| / s)$ with Student's $T$ of as many
    degrees of freedom as there are spans in the reference; of errors the square roots are taken, whose means
    are about as often below as above theirs. Where means wander, as temperatures do, $s$ grows:
    the distance of two means grows with the power $H$ of the rows between them, which is carried on to
    `AHEAD` times the reference (Mandelbrot and Van Ness 1968, "Fractional Brownian motions, fractional noises
    and applications").

    Args:
        centre: Shape (quantities, spans, variables).
        scale: Of the same shape; infinite where a level is not known.
        freedom: Degrees of freedom, shape (quantities, spans).
    """

    centre: Rows
    scale: Rows
    freedom: Rows

    @classmethod
    def of(cls, references: Sequence[tuple[Rows, Rows]]) -> Levels:
        """The levels of normal rows.

        Args:
            references: Of each series scaled values and errors, shape (rows, variables), NaN where not known.
        """
        variables = references[0][0].shape[1]
        shape = (len(QUANTITIES), len(SPANS), variables)
        centre, scale, freedom = np.zeros(shape), np.full(shape, np.inf), np.ones(shape[:2])
        for place, span in enumerate(SPANS):
            for quantity in range(len(QUANTITIES)):
                rows = [each[0] if quantity == 0 else np.sqrt(each[1]) for each in references]
                means = [_means(each, span) for each in rows]
                means = [each for each in means if len(each) >= FEWEST * span]
                if not means:
                    continue
                middles = np.stack([each.mean(axis=0) for each in means])
                spreads = np.mean([_spread(each) for each in means], axis=0) + middles.var(axis=0)
                centre[quantity, place] = middles.mean(axis=0)
                alike = max(span, float(np.median([_memory(each) for each in rows])))
                free = min(max(sum(map(len, means)) / alike, 1.0), FREEST)
                freedom[quantity, place] = free
                spreads *= 1 + 1 / free  # where the centre is, is not known for sure either
                scale[quantity, place] = np.sqrt(np.maximum(spreads, _LEAST**2))
        return cls(centre, scale, freedom)

    def meter(self) -> LevelMeter:
        """What tells the surprisals of rows that come one by one."""
        return LevelMeter(self)

    def to_json(self) -> dict[str, Any]:
        """Plain values; where a level is not known the scale is 0."""
        known = np.where(np.isfinite(self.scale), self.scale, 0.0)
        return {
            "centre": self.centre.tolist(),
            "scale": known.tolist(),
            "freedom": self.freedom.tolist(),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any], variables: int) -> Levels:
        """Reads what `to_json` wrote.

        Raises:
            RunError: It is something else.
        """
        shape = (len(QUANTITIES), len(SPANS), variables)
        try:
            centre, scale, freedom = (
                np.asarray(saved[name], np.float64) for name in ("centre", "scale", "freedom")
            )
            good = centre.shape == scale.shape == shape and freedom.shape == shape[:2]
        except (KeyError, TypeError, ValueError):
            good = False
        finite = good and all(np.isfinite(each).all() for each in (centre, scale, freedom))
        if not finite or (scale < 0).any() or (freedom < 1).any():
            raise RunError(f"The calibration of the run has no levels for {variables} variables.")
        return cls(centre, np.where(scale > 0, scale, np.inf), freedom)


class LevelMeter:
    """Surprisals of the levels of one stream.

    Args:
        levels: Those of the reference.
    """

    def __init__(self, levels: Levels) -> None:
        self._levels = levels
        variables = levels.centre.shape[2]
        self._kept = [[deque[list[float]](maxlen=span) for span in SPANS] for _ in QUANTITIES]
        self._tests = math.log10(len(SPANS) * len(QUANTITIES))
        self._none = [0.0] * variables

    def push(self, values: Rows, errors: Rows) -> list[float]:
        """-log10 of the probability of a level as far off, for each variable, at least 0.

        Args:
            values: Scaled, shape (variables,); NaN where missing.
            errors: How far off the forecast was, likewise.
        """
        found = np.zeros(len(self._none))
        for quantity, row in enumerate((values, np.sqrt(errors))):
            for place in range(len(SPANS)):
                kept = self._kept[quantity][place]
                kept.append(row.tolist())
                if len(kept) == kept.maxlen:
                    found = np.maximum(found, self._surprisal(quantity, place, np.array(kept)))
        found = np.where(np.isnan(values), 0.0, found - self._tests)
        result: list[float] = np.maximum(found, 0.0).tolist()
        return result

    def _surprisal(self, quantity: int, place: int, kept: Rows) -> Rows:
        levels = self._levels
        there = ~np.isnan(kept)
        count = there.sum(axis=0)
        mean = np.where(there, kept, 0.0).sum(axis=0) / np.maximum(count, 1)
        off = (mean - levels.centre[quantity, place]) / levels.scale[quantity, place]
        off = np.abs(off) if quantity == 0 else np.maximum(off, 0.0)  # a better forecast is no anomaly
        found: Rows = np.where(
            2 * count >= len(kept), surprisal(off, float(levels.freedom[quantity, place])), 0.0
        )
        return found


def surprisal(off: Rows, freedom: float) -> Rows:
    """-log10 of the two-sided tail of Student's distribution, as many as `RAREST` at most.

    Example:
        >>> surprisal(np.array([0.0, 3.85]), 20.0).round(1).tolist()
        [0.0, 3.0]
    """
    from scipy.special import betainc

    tail = betainc(freedom / 2, 0.5, freedom / (freedom + np.square(off)))
    found: Rows = np.minimum(-np.log10(np.maximum(tail, 10**-RAREST)), RAREST)
    return found


def _means(values: Rows, span: int) -> Rows:
    """Means over so many rows, of those spans in which every variable has half of its values at least."""
    there = ~np.isnan(values)
    if len(values) < span:
        return values[:0]
    kernel = np.ones(span)
    total = np.stack(
        [np.convolve(column, kernel, "valid") for column in np.where(there, values, 0.0).T], axis=1
    )
    count = np.stack([np.convolve(column, kernel, "valid") for column in there.astype(np.float64).T], axis=1)
    good = (2 * count >= span).all(axis=1)
    means: Rows = total[good] / count[good]
    return means


def _memory(values: Rows) -> float:
    """How many rows a row is like, the median over the variables: the sum of correlations with others."""
    means = _means(values, SPANS[-1])
    known = np.nanvar(values, axis=0) if len(means) else np.zeros(0)
    found = means.var(axis=0) * SPANS[-1] / np.maximum(known, 1e-12) if len(means) else known
    return float(np.median(found)) if len(found) else 1.0


def _spread(means: Rows) -> Rows:
    """The variance of a mean some time behind the reference, for each variable."""
    rows = len(means)
    lags = np.unique(np.geomspace(max(2, rows // 16), max(rows // 2, 3), LAGS).astype(int))
    apart = np.stack([np.square(means[lag:] - means[:-lag]).mean(axis=0) for lag in lags]) + _LEAST**2
    steps = np.log(lags) - np.log(lags).mean()
    power = np.clip((steps[:, None] * np.log(apart)).sum(axis=0) / np.square(steps).sum(), 0.0, 2.0)
    furthest = np.median(apart[-3:], axis=0)
    wanders = power > STEADY
    ahead = np.where(wanders, (AHEAD * rows / lags[-2]) ** power, 1.0)
    spread: Rows = furthest * ahead * np.where(wanders, np.minimum(0.5 + 0.5 * power, 1.0), 0.5)
    found: Rows = np.maximum(spread, means.var(axis=0))
    return found
