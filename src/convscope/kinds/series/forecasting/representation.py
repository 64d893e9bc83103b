"""Series to windows whose next rows are forecast, with what train tells: scales and the period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Split
from convscope.errors import DataError, UsageError
from convscope.json_values import from_saved
from convscope.kinds.series.anomaly.representation import (
    WINDOW,
    RowWindows,
    StreamRepresentation,
    filled,
    ordered,
    usual,
)
from convscope.kinds.series.readers.segments import Segments
from convscope.kinds.series.readers.sources import Series
from convscope.kinds.series.readers.steps import JITTER, median_step, span_text
from convscope.types import Progress, no_progress

Floats = npt.NDArray[np.float64]

HORIZON = 24
"""Rows that are forecast, unless asked otherwise."""
LEAST_LIKE = 0.3
"""Autocorrelation from which on rows are said to come again."""
NEARLY = 0.9
"""Share of the highest autocorrelation from which on a shorter period is taken."""
_SAVED = {"kind": "forecast", "version": 1}


@dataclass(frozen=True)
class _Saved:
    """What is kept of a representation, as plain values."""

    window: int
    horizon: int
    period: int
    step: int
    variables: tuple[str, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    change: tuple[float, ...]
    timed: bool

    def __post_init__(self) -> None:
        if self.window < 8 or self.horizon < 1 or self.period < 0 or self.step < 0:
            raise UsageError("expected a window of 8 rows or more, and a horizon of 1 or more")
        if not len(self.variables) == len(self.centre) == len(self.spread) == len(self.change):
            raise UsageError("expected a centre, a spread and a change of each variable")
        if not np.isfinite([*self.centre, *self.change]).all() or not all(each > 0 for each in self.spread):
            raise UsageError("expected finite centres and changes, and spreads above 0")


@dataclass(frozen=True, eq=False)
class ForecastRepresentation(StreamRepresentation):
    """From series to windows of scaled rows, and to those after which the next rows are known.

    Scales are those of train: the median and the standard deviation of each variable. A missing value becomes
    the last known one of its variable. Nothing is cut off: a series that rises leaves the range of train.

    Args:
        horizon: Rows that are forecast.
        period: Rows after which train comes again; 0 where it does not.
        step: Time between rows in nanoseconds; 0 where rows have no times.
        change: How much each variable changes over a period, or from row to row where there is none: the mean
            absolute difference in train, shape (variables,).
    """

    horizon: int = HORIZON
    period: int = 0
    step: int = 0
    change: tuple[float, ...] = ()

    @classmethod
    def fit(
        cls, train: Split, window: int = WINDOW, horizon: int = HORIZON
    ) -> tuple[ForecastRepresentation, tuple[str, ...]]:
        """Learns scales and the period from the train split.

        Args:
            train: Series.
            window: Rows of a window.
            horizon: Rows that are forecast.

        Returns:
            The representation and what was decided, one line each.

        Raises:
            DataError: No value is known.
        """
        first: Series = train.samples.load(0)
        variables = first.variables
        parts = [
            ordered(train.samples.load(i), variables, "train").values.astype(np.float64)
            for i in range(len(train))
        ]
        rows = np.concatenate(parts)
        if np.isnan(rows).all():
            raise DataError(f"{train.samples.name(0)}: expected values, received none")
        centre, units, constant = usual(rows, variables)
        period, likeness = period_of([filled((part - centre) / units) for part in parts])
        step = median_step(first) or 0
        made = cls(
            int(window),
            variables,
            centre,
            units,
            first.times is not None,
            horizon=int(horizon),
            period=period,
            step=step,
            change=tuple(_changes(parts, period or 1)),
        )
        return made, _decisions(made, constant, float(np.isnan(rows).mean()), likeness)

    @property
    def sizes(self) -> dict[str, Any]:
        """Rows that are forecast."""
        return {"horizon": self.horizon}

    def inputs(self, values: npt.NDArray[np.float32], scales: tuple[Floats, Floats]) -> Floats:
        """Scaled rows as the model sees them: nothing missing."""
        centre, spread = scales
        return filled((values.astype(np.float64) - centre) / spread)

    def origins_of(self, samples: Any, index: int, hop: int = 1) -> npt.NDArray[np.int64]:
        """The rows of a series after which as many rows are known as are forecast.

        The first is the last row of the past of the series, or of its first window.

        Args:
            samples: Series.
            index: Which.
            hop: Rows between them.
        """
        lead = samples.lead(index) if isinstance(samples, Segments) else 0
        first = max(lead, self.window, self.period) - 1
        return np.arange(first, len(samples.load(index)) - self.horizon, hop, dtype=np.int64)

    def origins(self, samples: Any, hop: int = 1, progress: Progress = no_progress) -> RowWindows:
        """The windows that end with these rows, one series behind the other."""
        ends = [self.origins_of(samples, i, hop) for i in range(len(samples))]
        return self._windows(samples, ends, 0, progress)

    def check(self, series: Series, name: str) -> None:
        """Refuses a series that cannot be continued.

        Raises:
            DataError: It is shorter than a window, or its rows are another time apart than those of train.
        """
        if len(series) < self.window:
            raise DataError(
                f"{name}: expected at least {self.window} rows, which a forecast looks back at, received"
                f" {len(series)}",
                hint="Give more of its past, or train with a smaller --window.",
            )
        step = median_step(series)
        if self.step and step is not None and abs(step - self.step) > JITTER * self.step:
            raise DataError(
                f"{name}: expected rows {span_text(self.step)} apart, as in the training data, received rows"
                f" {span_text(step)} apart",
                hint="Resample the table, or train a run for such tables.",
            )

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            **_SAVED,
            "window": self.window,
            "horizon": self.horizon,
            "period": self.period,
            "step": self.step,
            "variables": list(self.variables),
            "centre": self.centre.tolist(),
            "spread": self.spread.tolist(),
            "change": list(self.change),
            "timed": self.timed,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> ForecastRepresentation:
        """Reads what `to_json` wrote.

        Raises:
            RunError: It is something else.
        """
        read = from_saved(_Saved, saved, "representation of forecasts", _SAVED)
        return cls(
            read.window,
            read.variables,
            np.array(read.centre, np.float64),
            np.array(read.spread, np.float64),
            read.timed,
            horizon=read.horizon,
            period=read.period,
            step=read.step,
            change=read.change,
        )


def period_of(parts: Sequence[Floats]) -> tuple[int, float]:
    """After how many rows series come again, and how alike they then are.

    It is the first peak of the autocorrelation, of all variables without their linear trend together, that is
    nearly as high as the highest one behind the place where it first falls to 0.1; up to a third of the
    longest series.

    Args:
        parts: Scaled series without missing values, shape (rows, variables) each.

    Returns:
        The period and its autocorrelation; 0 where that is below 0.3.

    Example:
        >>> period_of([np.sin(np.arange(200) * 2 * np.pi / 20)[:, None]])[0]
        20
    """
    most = max(map(len, parts)) // 3
    if most < 3:
        return 0, 0.0
    total = np.zeros(most + 1)
    for part in parts:
        at = np.arange(len(part)) - (len(part) - 1) / 2
        moved = part - part.mean(axis=0)
        moved = moved - at[:, None] * (at @ moved / max(float(at @ at), 1.0))
        power = np.abs(np.fft.rfft(moved, 2 * len(part), axis=0)) ** 2
        found = np.fft.irfft(power, axis=0)[: min(most + 1, len(part))].sum(axis=1)
        total[: len(found)] += found
    if not total[0] > 0:
        return 0, 0.0
    like = total / total[0]
    apart = np.flatnonzero(like <= 0.1)
    if not len(apart) or apart[0] >= most:
        return 0, 0.0
    inner = like[1:-1]
    peaks = 1 + np.flatnonzero((inner >= like[:-2]) & (inner >= like[2:]))
    peaks = peaks[peaks > apart[0]]
    high = peaks[like[peaks] >= max(LEAST_LIKE, NEARLY * float(like[peaks].max(initial=0.0)))]
    return (int(high[0]), float(like[high[0]])) if len(high) else (0, 0.0)


def _changes(parts: Sequence[Floats], lag: int) -> list[float]:
    """The mean absolute difference of each variable over a lag; 0 where nothing is known."""
    apart = np.abs(np.concatenate([part[lag:] - part[:-lag] for part in parts]))
    known = ~np.isnan(apart)
    sums = np.where(known, apart, 0.0).sum(axis=0)
    return [float(each) for each in sums / np.maximum(known.sum(axis=0), 1)]


def _decisions(
    made: ForecastRepresentation, constant: Sequence[str], missing: float, likeness: float
) -> tuple[str, ...]:
    step = f", {span_text(made.step)} apart" if made.step else ""
    said = [
        f"forecast: the next {made.horizon} rows{step}, from the last {made.window} of {len(made.variables)}"
        " variables, scaled by those of train"
    ]
    if made.period:
        said.append(
            f"period: {made.period} rows, after which the autocorrelation of train is {likeness:.2f}; the"
            " seasonal-naive forecast repeats the last period"
        )
        if made.period > made.window:
            said.append(
                f"window: shorter than the period; --window {made.period} lets the model see a whole one"
            )
    else:
        said.append("period: none, because no autocorrelation of train is high; nothing is seasonal")
    if constant:
        said.append(f"constant in train: {', '.join(constant[:8])}{', ...' if len(constant) > 8 else ''}")
    if missing:
        said.append(f"missing: {missing:.1%} of the values of train; each takes the last known one")
    return tuple(said)
