"""The task of forecasting: which values follow a series?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split, Splits
from convscope.engine.training.batches import Batch
from convscope.engine.training.objective import Objective
from convscope.kinds.contract.recipe import ExampleContext, Fitted, ModelFactory, ReportSteps, SampleInputs
from convscope.kinds.series.anomaly.representation import RowWindows, ordered
from convscope.kinds.series.forecasting.figure import DrawnForecast, forecast_figure
from convscope.kinds.series.forecasting.intervals import ForecastIntervals, next_times
from convscope.kinds.series.forecasting.metrics import (
    MODEL,
    ForecastMetrics,
    forecast_metrics,
)
from convscope.kinds.series.forecasting.representation import ForecastRepresentation
from convscope.kinds.series.forecasting.rolling import (
    ForecastAnswers,
    following,
    forecast_of,
    roll,
    too_short,
)
from convscope.kinds.series.readers.segments import lead_of
from convscope.kinds.series.readers.sources import Series, time_unit, written_time
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.pages.report import Mistake
from convscope.types import SPLITS, Progress, SplitName

FEWEST_WINDOWS, MOST_WINDOWS = 640, 16_384
"""Windows of an epoch."""
SHOWN_MISTAKES = 24
SHOWN_SERIES = 8
DRAWN_SERIES = 4
DIGITS = 6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ForecastPrediction:
    """The forecast of one row behind the end of a series.

    Args:
        name: The file.
        step: How many rows ahead, from 1.
        time: When it is for; None where the series has no times.
        values: Of each variable.
        low: Lower end of each interval; None where it has none.
        high: Upper end.
        coverage: Share of true values that such intervals hold.
    """

    name: str
    step: int
    time: str | None
    values: Mapping[str, float]
    low: Mapping[str, float | None]
    high: Mapping[str, float | None]
    coverage: float

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "sample": self.name,
            "step": self.step,
            "time": self.time,
            "values": dict(self.values),
            "low": dict(self.low),
            "high": dict(self.high),
            "coverage": self.coverage,
        }

    def to_row(self) -> dict[str, str]:
        """All of it, three columns for each variable; an end that there is not is empty."""
        row = {"sample": self.name, "step": str(self.step), "time": self.time or ""}
        for name, value in self.values.items():
            row[name if name not in row else f"value of {name}"] = f"{value:.{DIGITS}g}"
            row[f"low of {name}"] = _number(self.low[name])
            row[f"high of {name}"] = _number(self.high[name])
        return row

    def to_cells(self) -> dict[str, str]:
        """Time and values with their intervals."""
        cells = {"series": Path(self.name).name, "step": str(self.step), "time": self.time or ""}
        for name, value in self.values.items():
            low, high = self.low[name], self.high[name]
            interval = "" if low is None or high is None else f" ({low:.4g} to {high:.4g})"
            cells[name if name not in cells else f"value of {name}"] = f"{value:.4g}{interval}"
        return cells


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.{DIGITS}g}"


@dataclass(frozen=True, eq=False)
class ForecastExamples:
    """Windows with the rows that follow them.

    Args:
        windows: Of all series.
        horizon: Rows that follow.
        count: Windows of an epoch.
    """

    windows: RowWindows
    horizon: int
    count: int

    def __len__(self) -> int:
        return self.count

    @property
    def lengths(self) -> None:
        """All windows are alike."""
        return

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(windows, rows that follow, the weight of each of these rows: 0 where nothing was measured)."""
        there = len(self.windows)
        chosen = indices * there // self.count
        if rng is not None and there > self.count:
            chosen = np.minimum(chosen + rng.integers(0, there // self.count + 1, len(chosen)), there - 1)
        places = following(self.windows.last[chosen], self.horizon)
        weights = self.windows.present[places].astype(np.float32)
        return self.windows.take(chosen), self.windows.rows[places], weights


def build_forecaster(
    make: ModelFactory,
    representation: ForecastRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model with a forecast of each variable for each row ahead."""
    return make(representation.shape, **{**representation.sizes, **options})


def forecast_examples(context: ExampleContext[ForecastRepresentation]) -> ForecastExamples:
    """Every row that has a window before it and enough rows behind it.

    Raises:
        DataError: There is none.
    """
    representation, samples = context.representation, context.split.samples
    windows = representation.origins(samples, 1, context.progress)
    if not len(windows):
        raise too_short(samples, representation.window, representation.horizon)
    most = max(FEWEST_WINDOWS, min(len(windows), MOST_WINDOWS))
    count = most if context.training else min(len(windows), MOST_WINDOWS)
    return ForecastExamples(windows, representation.horizon, count)


def calibrate(
    fitted: Fitted[ForecastRepresentation], validation: Split, progress: Progress
) -> dict[str, Any]:
    """Half widths of intervals, from the errors on the validation split."""
    rolled = roll(fitted, validation.samples, progress)
    errors = np.abs(rolled.true - rolled.forecasts[MODEL]) / fitted.representation.spread
    return ForecastIntervals.fit(errors).to_json()


def predict(fitted: Fitted[ForecastRepresentation], samples: Samples, progress: Progress) -> ForecastAnswers:
    """Forecasts, which are computed when it is known which are asked for."""
    return ForecastAnswers(fitted, samples, progress)


def evaluate(answers: ForecastAnswers, split: Split, class_names: Sequence[str]) -> ForecastMetrics:
    """Errors over all steps ahead, from rows all along the split, beside forecasts without a model."""
    representation, rolled = answers.fitted.representation, answers.rolled
    scales = representation.spread, np.array(representation.change)
    return forecast_metrics(
        rolled.true,
        rolled.forecasts,
        scales,
        representation.variables,
        answers.half,
        answers.coverage,
        representation.period,
    )


def to_predictions(
    answers: ForecastAnswers, samples: Samples, class_names: Sequence[str]
) -> list[ForecastPrediction]:
    """The rows behind the end of each series."""
    names, told = answers.fitted.representation.variables, []
    for i, values in enumerate(answers.ahead):
        series: Series = samples.load(i)
        times = None if series.times is None else next_times(series.times, len(values))
        for step, row in enumerate(values):
            half = answers.half[step]
            told.append(
                ForecastPrediction(
                    samples.name(i),
                    step + 1,
                    None if times is None else written_time(times[step], time_unit(times)),
                    dict(zip(names, row.tolist(), strict=True)),
                    dict(zip(names, map(_or_none, row - half), strict=True)),
                    dict(zip(names, map(_or_none, row + half), strict=True)),
                    answers.coverage,
                )
            )
    return told


def output_names(representation: ForecastRepresentation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """The forecast of each variable."""
    variables: tuple[str, ...] = representation.variables
    return variables


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """Stretches of rows, of which a series may have one in each split, and rows."""
    made: dict[SplitName, dict[str, int]] = {}
    for name in SPLITS:
        samples = splits[name].samples
        rows = sum(len(samples.load(i)) - lead_of(samples, i) for i in range(len(samples)))
        made[name] = {"stretches of rows": len(samples), "rows": rows}
    return made


def mistakes(answers: ForecastAnswers, split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """The rows from which forecasts were furthest off, in standard deviations of train."""
    rolled, spread = answers.rolled, answers.fitted.representation.spread
    off = np.abs(rolled.true - rolled.forecasts[MODEL]) / spread
    known = ~np.isnan(off)
    mean = np.where(known, off, 0.0).sum(axis=(1, 2)) / np.maximum(known.sum(axis=(1, 2)), 1)
    told = []
    for place in np.argsort(-mean, kind="stable")[:SHOWN_MISTAKES]:
        i, row = int(rolled.sample[place]), int(rolled.origin[place])
        series: Series = split.samples.load(i)
        after = f"row {row + 1}" if series.times is None else str(series.time(row))
        error = ("mean error", f"{mean[place]:.2f} standard deviations")
        told.append(Mistake("", split.samples.name(i), details=(("after", after), error)))
    return told


def example_samples(splits: Splits) -> list[tuple[str, list[str]]]:
    """What some series of train are."""
    samples = splits.train.samples
    told = [
        f"{Path(samples.name(i)).name}: {len(samples.load(i))} rows of {', '.join(samples.load(i).variables)}"
        for i in range(min(SHOWN_SERIES, len(samples)))
    ]
    return [("series", told)]


def encode_inputs(
    fitted: Fitted[ForecastRepresentation], samples: Samples, progress: Progress
) -> SampleInputs:
    """The last window of each series."""
    representation = fitted.representation
    windows = representation.encode(samples, progress=progress)
    return SampleInputs(windows.take, lambda i: representation.describe(samples.load(i)))


def plot_predictions(
    fitted: Fitted[ForecastRepresentation], samples: Samples, labels: Any, progress: Progress
) -> list[LazyFigure]:
    """The first series: what was forecast of their last rows beside what came, and what is forecast next."""
    representation = fitted.representation
    some = samples.take(np.arange(min(DRAWN_SERIES, len(samples))))
    answers, horizon = predict(fitted, some, progress), representation.horizon
    made = []
    for i in range(len(some)):
        series = ordered(some.load(i), representation.variables, some.name(i))
        start = max(0, len(series) - representation.window - horizon)
        last = np.array([max(len(series) - 1 - horizon, 0)])
        windows = representation.ending_at(some.take(np.array([i])), last)
        times = series.times
        if times is not None:
            times = np.concatenate([times[start:], next_times(times, horizon)])
        drawn = DrawnForecast(
            series.values[start:],
            times,
            forecast_of(fitted, windows, progress)[0] if len(series) > horizon else None,
            answers.ahead[i],
            answers.half,
        )
        made.append(forecast_figure(drawn, representation.variables, some.name(i), answers.coverage))
    return made


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


OBJECTIVE = Objective(loss=lambda settings: keras.losses.Huber(), monitor=None, label="loss")
REPORT: ReportSteps[ForecastRepresentation, ForecastAnswers] = ReportSteps(
    "rows", counts, mistakes, example_samples, plot_predictions
)
