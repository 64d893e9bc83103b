"""The task of anomaly detection: which rows of a series are not like what was seen before?"""

from __future__ import annotations

import math
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
from convscope.kinds.series.anomaly.detector import Detector, Scored
from convscope.kinds.series.anomaly.figure import alarm_figure
from convscope.kinds.series.anomaly.incremental_forecaster import IncrementalForecaster
from convscope.kinds.series.anomaly.levels import Levels
from convscope.kinds.series.anomaly.metrics import AnomalyMetrics, LabeledAlarms, anomaly_metrics
from convscope.kinds.series.anomaly.predictions import AlarmPrediction, RowPrediction
from convscope.kinds.series.anomaly.representation import RowWindows, StreamRepresentation, ordered
from convscope.kinds.series.readers.segments import Segments, lead_of
from convscope.kinds.series.readers.sources import Series
from convscope.kinds.tasks.alarms import (
    FALSE_ALARMS,
    HOLD,
    Alarm,
    checked_hold,
    checked_rate,
    threshold_for,
)
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.pages.report import Mistake
from convscope.types import SPLITS, Progress, SplitName

HOP = 4
"""Rows between windows of a training."""
FEWEST_WINDOWS, MOST_WINDOWS = 640, 16_384
"""Windows of an epoch."""
SHOWN_ALARMS = 24
SHOWN_SERIES = 8
DRAWN_SERIES = 4


@dataclass(frozen=True, eq=False)
class ScoredSeries:
    """The scores of one series, and how they are to be told.

    Args:
        scored: Scores and alarms.
        lead: Rows at the beginning that were not scored.
        asked: Rows in a thousand normal ones that may reach the threshold.
        every: Whether each row is told, and not each alarm.
        variables: Their names.
    """

    scored: Scored
    lead: int
    asked: float
    every: bool
    variables: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class WindowExamples:
    """Windows of rows, each of which is to be expected.

    Args:
        windows: Of all series; in a training each is moved by a few rows.
        count: Windows of an epoch.
        weights: How much each row counts, by its place in a window, shape (window,), float32.
    """

    windows: RowWindows
    count: int
    weights: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return self.count

    @property
    def lengths(self) -> None:
        """All windows are alike."""
        return

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(windows, the same windows, the weight of each row)."""
        places = self.windows.places(indices * len(self.windows) // self.count, rng)
        rows = self.windows.rows[places]
        return rows, rows, self.weights * self.windows.present[places].astype(np.float32)


def build_expecting(
    make: ModelFactory,
    representation: StreamRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model with one expected value for each value."""
    return make(representation.shape, **{**representation.sizes, **options})


def window_examples(context: ExampleContext[StreamRepresentation]) -> WindowExamples:
    """Windows over all rows; only their second half counts, which has a past."""
    representation = context.representation
    windows = representation.every(context.split.samples, HOP, context.progress)
    weights = (np.arange(representation.window) >= representation.window // 2).astype(np.float32)
    most = max(FEWEST_WINDOWS, min(len(windows), MOST_WINDOWS))
    return WindowExamples(windows, most if context.training else min(len(windows), MOST_WINDOWS), weights)


def detector_of(fitted: Fitted[StreamRepresentation], histories: Mapping[str, Any] | None) -> Detector:
    """The detector that a run holds, with the threshold that its options ask for.

    Args:
        fitted: The model with its options.
        histories: What memories begin with; None where that is to be found out.

    Raises:
        UsageError: An option that cannot work.
        RunError: The calibration is damaged.
    """
    representation = fitted.representation
    asked = checked_rate(fitted.options.get("false_alarms", FALSE_ALARMS))
    hold = checked_hold(fitted.options.get("hold", HOLD))
    known = (histories or {}).get("levels") if fitted.options.get("levels") else None
    return Detector(
        IncrementalForecaster(fitted.model),
        representation.centre,
        representation.spread,
        threshold_for(asked),
        hold,
        histories,
        None if known is None else Levels.from_json(known, len(representation.variables)),
    )


def detector_for(
    base: Detector, fitted: Fitted[StreamRepresentation], samples: Samples, index: int
) -> Detector:
    """The detector of one series: that of all, or where series are unlike one with its own usual values.

    Args:
        base: The detector of all series.
        fitted: The model with its options.
        samples: Series.
        index: Which.
    """
    representation = fitted.representation
    reference = representation.reference(samples, index) if representation.own else None
    if reference is None:
        return base
    centre, spread = representation.scales(samples, index)
    made = Detector(base.forecaster, centre, spread, base.threshold, base.hold, base.histories)
    if fitted.options.get("levels"):
        made.levels = made.levels_of([reference])
    return made


def calibrate(fitted: Fitted[StreamRepresentation], validation: Split, progress: Progress) -> dict[str, Any]:
    """What is usual of deviations and errors, from rows that the model did not learn from."""
    representation = fitted.representation
    samples: Any = validation.samples
    base, count = detector_of(fitted, None), len(samples)
    gathered: dict[str, Any] = {}
    references = []
    for i in range(count):
        detector = detector_for(base, fitted, samples, i)
        values = representation.values(samples.load(i), samples.name(i))
        for name, kept in detector.calibrated([(values, lead_of(samples, i))], count).items():
            whole = gathered.setdefault(name, [[] for _ in kept])
            for all_of_it, some in zip(whole, kept, strict=True):
                all_of_it.extend(some)
        references.append(representation.reference(samples, i))
    normal = [rows for rows in references if rows is not None]
    if fitted.options.get("levels") and not representation.own and normal:
        gathered["levels"] = base.levels_of(normal).to_json()
    return gathered


def predict(fitted: Fitted[StreamRepresentation], samples: Samples, progress: Progress) -> list[ScoredSeries]:
    """Scores of each row of each series, and the alarms."""
    representation = fitted.representation
    base = detector_of(fitted, fitted.calibration)
    asked = checked_rate(fitted.options.get("false_alarms", FALSE_ALARMS))
    every = bool(fitted.options.get("every", False))
    found = []
    for i in range(len(samples)):
        values = representation.values(samples.load(i), samples.name(i))
        lead = lead_of(samples, i)
        scored = detector_for(base, fitted, samples, i).score(values, lead, progress)
        found.append(ScoredSeries(scored, lead, asked, every, representation.variables))
    return found


def evaluate(answers: Sequence[ScoredSeries], split: Split, class_names: Sequence[str]) -> AnomalyMetrics:
    """Alarms beside known anomalies."""
    judged = [
        LabeledAlarms(
            split.samples.name(i),
            len(each.scored.scores),
            each.lead,
            each.scored.alarms,
            split.labels[i].windows,
            each.scored.scores >= each.scored.threshold if split.labels[i].by_row else None,
        )
        for i, each in enumerate(answers)
    ]
    threshold = answers[0].scored.threshold if answers else math.nan
    return anomaly_metrics(judged, threshold, answers[0].asked if answers else FALSE_ALARMS)


def to_predictions(
    answers: Sequence[ScoredSeries], samples: Samples, class_names: Sequence[str]
) -> list[AlarmPrediction | RowPrediction]:
    """Each alarm, a line for each series without one; or each row, where that was asked for."""
    told: list[AlarmPrediction | RowPrediction] = []
    for i, each in enumerate(answers):
        series, name = samples.load(i), samples.name(i)
        if each.every:
            told += _rows(each, series, name)
        else:
            told += [_alarm(alarm, each, series, name) for alarm in each.scored.alarms] or [
                AlarmPrediction(name)
            ]
    return told


def output_names(representation: StreamRepresentation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """The expected value of each variable."""
    variables: tuple[str, ...] = representation.variables
    return variables


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """Stretches of rows, of which a series may have one in each split, rows and known anomalies."""
    made: dict[SplitName, dict[str, int]] = {}
    for name in SPLITS:
        samples, labels = splits[name].samples, splits[name].labels
        rows = sum(len(samples.load(i)) - lead_of(samples, i) for i in range(len(samples)))
        made[name] = {"stretches of rows": len(samples), "rows": rows}
        if any(label.windows is not None for label in labels):
            made[name]["known anomalies"] = sum(len(label.windows or ()) for label in labels)
    return made


def mistakes(answers: Sequence[ScoredSeries], split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """False alarms, the highest first, and anomalies without an alarm; where these are known."""
    found: list[tuple[float, Mistake]] = []
    for i, each in enumerate(answers):
        windows, name = split.labels[i].windows, split.samples.name(i)
        if windows is None:
            continue
        series: Series = split.samples.load(i)
        starts = [alarm.start for alarm in each.scored.alarms]
        start = split.samples.start(i) if isinstance(split.samples, Segments) else 0
        for first, last in windows:
            if not any(first <= start <= last for start in starts):
                highest = float(each.scored.scores[first : last + 1].max())
                missed = (("missed", _span(series, first, last, start)), ("highest score", f"{highest:.1f}"))
                found.append((math.inf, Mistake("", name, details=missed)))
        for alarm in each.scored.alarms:
            if not any(first <= alarm.start <= last for first, last in windows):
                false = (
                    ("false alarm", _span(series, alarm.start, alarm.end, start)),
                    ("score", f"{alarm.score:.1f}"),
                    ("cause", each.variables[alarm.variable]),
                )
                found.append((alarm.score, Mistake("", name, details=false)))
    return [mistake for _, mistake in sorted(found, key=lambda each: -each[0])[:SHOWN_ALARMS]]


def example_samples(splits: Splits) -> list[tuple[str, list[str]]]:
    """What some series of train are."""
    samples = splits.train.samples
    told = [
        f"{Path(samples.name(i)).name}: {len(samples.load(i))} rows of {', '.join(samples.load(i).variables)}"
        for i in range(min(SHOWN_SERIES, len(samples)))
    ]
    return [("series", told)]


def encode_inputs(fitted: Fitted[StreamRepresentation], samples: Samples, progress: Progress) -> SampleInputs:
    """Of each series the window that ends with its most surprising row."""
    representation = fitted.representation
    base = detector_of(fitted, fitted.calibration)
    peaks = np.zeros(len(samples), np.int64)
    for i in range(len(samples)):
        values = representation.values(samples.load(i), samples.name(i))
        detector = detector_for(base, fitted, samples, i)
        peaks[i] = int(np.argmax(detector.score(values, lead_of(samples, i), progress).scores))
    windows = representation.ending_at(samples, peaks)
    return SampleInputs(windows.take, lambda i: representation.describe(samples.load(i), int(peaks[i])))


def plot_predictions(
    fitted: Fitted[StreamRepresentation], samples: Samples, labels: Any, progress: Progress
) -> list[LazyFigure]:
    """The first series with their scores and alarms, and the anomalies that are known."""
    representation = fitted.representation
    some = samples.take(np.arange(min(DRAWN_SERIES, len(samples))))
    known = [() if labels is None else labels[i].windows or () for i in range(len(some))]
    return [
        alarm_figure(
            ordered(some.load(i), representation.variables, some.name(i)), each.scored, some.name(i), known[i]
        )
        for i, each in enumerate(predict(fitted, some, progress))
    ]


def _alarm(alarm: Alarm, each: ScoredSeries, series: Series, name: str) -> AlarmPrediction:
    return AlarmPrediction(
        name,
        alarm.start + 1,
        alarm.end + 1,
        series.time(alarm.start),
        series.time(alarm.end),
        alarm.score,
        each.variables[alarm.variable],
        dict(zip(each.variables, alarm.shares, strict=True)),
    )


def _rows(each: ScoredSeries, series: Series, name: str) -> list[RowPrediction]:
    begins = {alarm.start for alarm in each.scored.alarms}
    return [
        RowPrediction(
            name,
            row + 1,
            series.time(row),
            float(each.scored.scores[row]),
            bool(each.scored.scores[row] >= each.scored.threshold),
            row in begins,
            each.variables[int(np.argmax(each.scored.parts[row]))],
            dict(zip(each.variables, each.scored.parts[row].tolist(), strict=True)),
        )
        for row in range(each.lead, len(series))
    ]


def _span(series: Series, first: int, last: int, start: int) -> str:
    """When a range of rows is, or which rows of the file; the series begins with its row `start`."""
    rows = f"rows {start + first + 1} to {start + last + 1}"
    return rows if series.times is None else f"{series.time(first)} to {series.time(last)}"


OBJECTIVE = Objective(loss=lambda settings: keras.losses.Huber(), monitor=None, label="loss")
REPORT: ReportSteps[StreamRepresentation, Sequence[ScoredSeries]] = ReportSteps(
    "rows", counts, mistakes, example_samples, plot_predictions
)
