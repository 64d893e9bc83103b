"""Forecasts of a model: behind the end of series, and from rows all along them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples
from convscope.engine.inference.infer import predict_probabilities
from convscope.errors import DataError
from convscope.kinds.contract.recipe import Fitted
from convscope.kinds.series.anomaly.representation import RowWindows
from convscope.kinds.series.forecasting.intervals import ForecastIntervals
from convscope.kinds.series.forecasting.metrics import MODEL, NAIVE, SEASONAL
from convscope.kinds.series.forecasting.representation import ForecastRepresentation
from convscope.types import Progress

COVERAGE = 0.9
"""Share of true values that intervals hold, unless asked otherwise."""
MOST_JUDGED = 2_048
"""Rows that are forecast from to measure errors; of more, every few."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rolled:
    """Forecasts from many rows of one series or several, and what came.

    Args:
        sample: Which series each is of, shape (origins,).
        origin: The last row that was known, counted in that series, shape (origins,).
        true: Shape (origins, horizon, variables), NaN where nothing was measured.
        forecasts: Of the same shape, by name: the model, the last value, the last period.
    """

    sample: npt.NDArray[np.int64]
    origin: npt.NDArray[np.int64]
    true: Floats
    forecasts: Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class ForecastAnswers:
    """What a model forecasts of some series; computed when it is asked for.

    Args:
        fitted: The model.
        samples: Series.
        progress: Is told how far it is.
    """

    fitted: Fitted[ForecastRepresentation]
    samples: Samples
    progress: Progress

    @cached_property
    def ahead(self) -> Floats:
        """The rows behind the end of each series, shape (series, horizon, variables)."""
        representation = self.fitted.representation
        for i in range(len(self.samples)):
            representation.check(self.samples.load(i), self.samples.name(i))
        windows = representation.encode(self.samples)
        return forecast_of(self.fitted, windows, self.progress)

    @cached_property
    def rolled(self) -> Rolled:
        """Forecasts of rows that are there.

        Raises:
            DataError: No series is long enough.
        """
        return roll(self.fitted, self.samples, self.progress)

    @property
    def coverage(self) -> float:
        """Share of true values that intervals are meant to hold."""
        return float(self.fitted.options.get("coverage", COVERAGE))

    @cached_property
    def half(self) -> Floats:
        """Half widths of intervals, shape (horizon, variables), infinite where there are none."""
        representation = self.fitted.representation
        shape = (representation.horizon, len(representation.variables))
        saved = ForecastIntervals.from_json(self.fitted.calibration, *shape)
        return saved.half(self.coverage) * representation.spread


def following(last: npt.NDArray[np.int64], horizon: int) -> npt.NDArray[np.int64]:
    """The rows that follow some, shape (n, horizon).

    Example:
        >>> following(np.array([3, 7]), 2).tolist()
        [[4, 5], [8, 9]]
    """
    return np.asarray(last[:, None] + np.arange(1, horizon + 1))


def seasons_before(last: npt.NDArray[np.int64], horizon: int, period: int) -> npt.NDArray[np.int64]:
    """The known rows whole periods before those that follow some, shape (n, horizon).

    Example:
        >>> seasons_before(np.array([9]), 5, 3).tolist()
        [[7, 8, 9, 7, 8]]
    """
    return np.asarray(last[:, None] + 1 - period + np.arange(horizon) % period)


def forecast_of(fitted: Fitted[ForecastRepresentation], windows: RowWindows, progress: Progress) -> Floats:
    """What follows windows, in the units of the variables, shape (windows, horizon, variables)."""
    representation = fitted.representation
    found = predict_probabilities(fitted.model, windows, representation.to_inputs, progress)
    shape = (len(windows), representation.horizon, len(representation.variables))
    return found.reshape(shape).astype(np.float64) * representation.spread + representation.centre


def roll(fitted: Fitted[ForecastRepresentation], samples: Samples, progress: Progress) -> Rolled:
    """Forecasts from rows all along the series, of which what followed is known.

    Raises:
        DataError: No series is long enough.
    """
    representation = fitted.representation
    all_of_them = sum(len(representation.origins_of(samples, i)) for i in range(len(samples)))
    if not all_of_them:
        raise too_short(samples, representation.window, representation.horizon)
    hop = -(-all_of_them // MOST_JUDGED)
    windows = representation.origins(samples, hop, progress)
    origins = [representation.origins_of(samples, i, hop) for i in range(len(samples))]
    sample = np.repeat(np.arange(len(origins)), [len(each) for each in origins])
    raw = windows.rows.astype(np.float64) * representation.spread + representation.centre
    horizon, period = representation.horizon, representation.period
    forecasts = {
        MODEL: forecast_of(fitted, windows, progress),
        NAIVE: np.repeat(raw[windows.last][:, None], horizon, axis=1),
    }
    if period:
        forecasts[SEASONAL] = raw[seasons_before(windows.last, horizon, period)]
    true = [
        representation.values(samples.load(i), samples.name(i))[following(each, horizon)]
        for i, each in enumerate(origins)
    ]
    return Rolled(sample, np.concatenate(origins), np.concatenate(true).astype(np.float64), forecasts)


def too_short(samples: Samples, window: int, horizon: int) -> DataError:
    """What is said of series none of which has a row with enough rows before and behind it."""
    where = samples.name(0) if len(samples) else "the data"
    return DataError(
        f"{where}: expected a series of {window} rows to look back at and {horizon} behind them, received"
        " none",
        hint="Give a smaller --window or --horizon, or longer series.",
    )
