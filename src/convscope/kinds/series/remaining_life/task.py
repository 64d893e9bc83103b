"""The task of predictive maintenance: how many cycles does a unit have left, and how sure is that?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split, Splits
from convscope.engine.inference.infer import predict_probabilities
from convscope.engine.training.batches import Batch
from convscope.engine.training.objective import Objective
from convscope.kinds.contract.recipe import ExampleContext, Fitted, ModelFactory, ReportSteps, SampleInputs
from convscope.kinds.series.remaining_life.figure import life_figure
from convscope.kinds.series.remaining_life.histories import Lives
from convscope.kinds.series.remaining_life.intervals import LifeIntervals
from convscope.kinds.series.remaining_life.metrics import LifeMetrics, life_metrics
from convscope.kinds.series.remaining_life.representation import LifeRepresentation, LifeWindows
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.pages.report import Mistake
from convscope.types import SPLITS, Progress, SplitName

COVERAGE = 0.9
"""Share of true lives that intervals hold, unless asked otherwise."""
SHOWN_MISTAKES = 24
SHOWN_UNITS = 8
DRAWN_UNITS = 12


@dataclass(frozen=True)
class PredictedLife:
    """The answer for one unit after its last cycle, or after any that was asked about.

    Args:
        name: The file and the unit in it.
        cycle: The last cycle that was seen.
        life: Predicted remaining life in cycles; at the cap, it may be longer.
        low: Lower end of the interval.
        high: Upper end; None where it has none, because lives beyond the cap are not told apart.
        coverage: Share of true lives that such intervals hold.
    """

    name: str
    cycle: float
    life: float
    low: float
    high: float | None
    coverage: float

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "sample": self.name,
            "cycle": self.cycle,
            "remaining_life": self.life,
            "low": self.low,
            "high": self.high,
            "coverage": self.coverage,
        }

    def to_row(self) -> dict[str, str]:
        """All of it; an end that there is not is empty."""
        return {
            "sample": self.name,
            "cycle": f"{self.cycle:g}",
            "remaining_life": f"{self.life:.2f}",
            "low": f"{self.low:.2f}",
            "high": "" if self.high is None else f"{self.high:.2f}",
            "coverage": f"{self.coverage:g}",
        }

    def to_cells(self) -> dict[str, str]:
        """Unit, cycle, life and interval."""
        return {
            "unit": self.name,
            "after cycle": f"{self.cycle:g}",
            "remaining life": f"{self.life:.0f}",
            f"{self.coverage:.0%} interval": interval_text(self.low, self.high),
        }


@dataclass(frozen=True, eq=False)
class LifeAnswers:
    """Predicted lives with their intervals.

    Args:
        lives: In cycles, shape (samples,), float64, in [0, cap].
        low: Lower ends, shape (samples,).
        high: Upper ends, infinite where there are none, shape (samples,).
        coverage: Share of true lives that intervals are meant to hold.
        cap: The longest life that is told apart.
    """

    lives: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    coverage: float
    cap: float


@dataclass(frozen=True)
class LifeExamples:
    """Windows with the remaining life at their end.

    Args:
        windows: One for each row of each unit.
        lives: Capped, in cycles, shape (windows, 1), float32.
    """

    windows: LifeWindows
    lives: Lives

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def lengths(self) -> None:
        """All windows are alike."""
        return

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(windows, lives)."""
        return self.windows.take(indices), self.lives[indices]


def build_estimator(
    make: ModelFactory,
    representation: LifeRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model with one output, the remaining life in cycles."""
    return make(representation.shape, **{**representation.sizes, **options})


def life_examples(context: ExampleContext[LifeRepresentation]) -> LifeExamples:
    """Every row of every unit with what came before it."""
    representation = context.representation
    windows = representation.windows(context.split.samples, context.progress)
    lives = np.minimum(np.concatenate(list(context.split.labels)), representation.cap)
    return LifeExamples(windows, lives.astype(np.float32)[:, None])


def calibrate(fitted: Fitted[LifeRepresentation], validation: Split, progress: Progress) -> dict[str, Any]:
    """Half widths of intervals, from every row of units that the model did not learn from."""
    representation = fitted.representation
    predicted = _predicted(fitted, representation.windows(validation.samples), progress)
    ends = np.cumsum([len(lives) for lives in validation.labels])[:-1]
    return LifeIntervals.fit(list(validation.labels), np.split(predicted, ends), representation.cap).to_json()


def predict(fitted: Fitted[LifeRepresentation], samples: Samples, progress: Progress) -> LifeAnswers:
    """Remaining lives after the last row of each history."""
    representation = fitted.representation
    lives = _predicted(fitted, representation.encode(samples, progress=progress), progress)
    coverage = float(fitted.options.get("coverage", COVERAGE))
    low, high = LifeIntervals.from_json(fitted.calibration).around(lives, coverage)
    return LifeAnswers(lives, low, high, coverage, representation.cap)


def evaluate(answers: LifeAnswers, split: Split, class_names: Sequence[str]) -> LifeMetrics:
    """Errors at the end of each history."""
    true = np.array([lives[-1] for lives in split.labels], np.float64)
    return life_metrics(true, answers.lives, answers.low, answers.high, answers.cap, answers.coverage)


def to_predictions(answers: LifeAnswers, samples: Samples, class_names: Sequence[str]) -> list[PredictedLife]:
    """Each unit with its remaining life."""
    return [
        PredictedLife(
            samples.name(i),
            float(samples.load(i).cycles[-1]),
            float(answers.lives[i]),
            float(answers.low[i]),
            _or_none(answers.high[i]),
            answers.coverage,
        )
        for i in range(len(answers.lives))
    ]


def output_names(representation: LifeRepresentation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """One number."""
    return ("remaining life",)


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """Units."""
    return {name: {"units": len(splits[name])} for name in SPLITS}


def mistakes(answers: LifeAnswers, split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """The units whose predicted life is furthest from the true one."""
    true = np.array([lives[-1] for lives in split.labels], np.float64)
    off = np.abs(answers.lives - np.minimum(true, answers.cap))
    return [
        Mistake(
            "",
            split.samples.name(int(i)),
            details=(
                ("after", f"{len(split.samples.load(int(i)))} rows"),
                ("is", f"{true[i]:g} cycles"),
                ("predicted", f"{answers.lives[i]:.0f} cycles"),
                (
                    f"{answers.coverage:.0%} interval",
                    interval_text(answers.low[i], _or_none(answers.high[i])),
                ),
            ),
        )
        for i in np.argsort(-off, kind="stable")[:SHOWN_MISTAKES]
    ]


def example_samples(splits: Splits) -> list[tuple[str, list[str]]]:
    """How long some train units were watched."""
    train = splits.train
    told = [
        f"{Path(train.samples.name(i)).name}: {len(train.samples.load(i))} rows, "
        f"{float(np.max(train.labels[i])):g} cycles to live at the first"
        for i in range(min(SHOWN_UNITS, len(train)))
    ]
    return [("units", told)]


def encode_inputs(fitted: Fitted[LifeRepresentation], samples: Samples, progress: Progress) -> SampleInputs:
    """The last window of each history, with the cycles of its rows."""
    representation = fitted.representation
    windows = representation.encode(samples, progress=progress)
    return SampleInputs(windows.take, lambda i: representation.describe(samples.load(i)))


def plot_predictions(
    fitted: Fitted[LifeRepresentation], samples: Samples, labels: Any, progress: Progress
) -> list[LazyFigure]:
    """The first units, after each of their cycles."""
    representation = fitted.representation
    some = samples.take(np.arange(min(DRAWN_UNITS, len(samples))))
    units = [some.load(i) for i in range(len(some))]
    ends = np.cumsum([len(unit) for unit in units])[:-1]
    lives = _predicted(fitted, representation.windows(some, progress), progress)
    coverage = float(fitted.options.get("coverage", COVERAGE))
    low, high = LifeIntervals.from_json(fitted.calibration).around(lives, coverage)
    parts = [np.split(each, ends) for each in (lives, low, high)]
    return [
        life_figure(
            [some.name(i) for i in range(len(some))],
            [unit.cycles for unit in units],
            parts[0],
            list(zip(parts[1], parts[2], strict=True)),
            None if labels is None else list(labels[: len(some)]),
            coverage=coverage,
            cap=representation.cap,
            of=len(samples),
        )
    ]


def interval_text(low: float, high: float | None) -> str:
    """An interval in words.

    Example:
        >>> interval_text(12.4, 40.0), interval_text(98.0, None)
        ('12 to 40', '98 or more')
    """
    return f"{low:.0f} or more" if high is None else f"{low:.0f} to {high:.0f}"


def _predicted(
    fitted: Fitted[LifeRepresentation], windows: LifeWindows, progress: Progress
) -> npt.NDArray[np.float64]:
    """Remaining lives at the end of windows, in [0, cap]."""
    representation = fitted.representation
    found = predict_probabilities(fitted.model, windows, representation.to_inputs, progress)
    return np.clip(found[:, 0].astype(np.float64), 0.0, representation.cap)


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


OBJECTIVE = Objective(
    loss=lambda settings: keras.losses.MeanSquaredError(),
    metrics=lambda: [keras.metrics.RootMeanSquaredError(name="rmse")],
    monitor=None,
    label="loss",
    keep_best=False,
)
REPORT: ReportSteps[LifeRepresentation, LifeAnswers] = ReportSteps(
    "units", counts, mistakes, example_samples, plot_predictions
)
