"""Scores of series and streams, row by row: how far off a prediction is, and how seldom that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.kinds.series.anomaly.incremental_forecaster import IncrementalForecaster, Rows
from convscope.kinds.series.anomaly.levels import Levels
from convscope.kinds.series.anomaly.representation import FURTHEST, filled
from convscope.kinds.series.anomaly.surprisal import (
    DIGITS,
    HELD,
    MOST_KEPT,
    Surprisal,
    checked_histories,
)
from convscope.kinds.tasks.alarms import HOLD, Alarm, Watch, find_alarms
from convscope.types import Progress, no_progress


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores of one series.

    Args:
        scores: Shape (rows,), float64: -log10 of the share of normal rows that score as high.
        parts: The same of each variable by itself, shape (rows, variables).
        alarms: In order.
        threshold: The score from which on a row belongs to an alarm.
    """

    scores: npt.NDArray[np.float64] = field(repr=False)
    parts: npt.NDArray[np.float64] = field(repr=False)
    alarms: tuple[Alarm, ...]
    threshold: float


@dataclass(frozen=True)
class RowScore:
    """The score of one row of a stream.

    Args:
        score: As in `Scored`.
        parts: Of each variable.
        over: Whether the row belongs to an alarm.
        begins: Whether the alarm begins with it.
    """

    score: float
    parts: tuple[float, ...]
    over: bool
    begins: bool


class Detector:
    """A model with scales, memories and threshold.

    The score of a row is that of its most surprising variable, less log10 of the number of variables: with
    ten variables to look at, one of them is ten times as often surprising by chance (Bonferroni).

    Args:
        forecaster: What the model expects of scaled rows.
        centre: The usual value of each variable, shape (variables,).
        scale: How far values usually are from it, shape (variables,), above 0.
        threshold: The score that makes an alarm.
        hold: Rows that an alarm gathers.
        histories: What memories begin with, as `calibrated` gives them.
        levels: Where rows lie that are normal; None where that is not known.
    """

    def __init__(
        self,
        forecaster: IncrementalForecaster,
        centre: npt.NDArray[np.floating[Any]],
        scale: npt.NDArray[np.floating[Any]],
        threshold: float,
        hold: int = HOLD,
        histories: Mapping[str, Any] | None = None,
        levels: Levels | None = None,
    ) -> None:
        self.levels = levels
        self.forecaster = forecaster
        self.centre, self.scale = np.asarray(centre, np.float64), np.asarray(scale, np.float64)
        self.threshold, self.hold = threshold, hold
        self.histories = None if histories is None else checked_histories(histories, forecaster.variables)

    def score(
        self, values: npt.NDArray[np.float32], lead: int = 0, progress: Progress = no_progress
    ) -> Scored:
        """Scores a whole series.

        Args:
            values: Shape (rows, variables), NaN where missing.
            lead: Rows at the beginning that are only the past of the others, and score 0.
            progress: Called with the number of scored rows.
        """
        scaled, errors = self._distances(values)
        surprisal = Surprisal(values.shape[1], self.histories)
        parts = self._surprisals(surprisal, np.abs(scaled), errors, lead, progress)
        if self.levels is not None:
            meter = self.levels.meter()
            found = [meter.push(value, error) for value, error in zip(scaled, errors, strict=True)]
            parts[lead:] = either(parts[lead:], np.array(found)[lead:])
        scores = np.maximum(parts.max(axis=1) - math.log10(values.shape[1]), 0.0)
        return Scored(scores, parts, find_alarms(scores, parts, self.threshold, self.hold), self.threshold)

    def calibrated(
        self, series: Sequence[tuple[npt.NDArray[np.float32], int]], among: int = 0
    ) -> dict[str, list[list[float]]]:
        """What memories hold after normal or unlabelled series, as plain numbers.

        Args:
            series: Values that the model was not trained on, shape (rows, variables), each with the number of
                rows at its beginning that are only the past of the others.
            among: How many series the memories are shared by; by default these.
        """
        most = max(MOST_KEPT // max(among, len(series), 1), 1)
        gathered: dict[str, list[list[float]]] = {}
        for values, lead in series:
            surprisal = Surprisal(values.shape[1])
            scaled, errors = self._distances(values)
            self._surprisals(surprisal, np.abs(scaled), errors, lead, no_progress)
            for name, kept in surprisal.histories().items():
                whole = gathered.setdefault(name, [[] for _ in kept])
                for mine, some in zip(whole, kept, strict=True):
                    mine += [float(f"{value:.{DIGITS}g}") for value in some[-most:]]
        return gathered

    def levels_of(self, references: Sequence[npt.NDArray[np.float32]]) -> Levels:
        """The levels of rows that are normal.

        Args:
            references: Shape (rows, variables) each; how far off forecasts are is told by the rows at their
                ends that the model did not learn from.
        """
        found = []
        for values in references:
            scaled, errors = self._distances(values)
            errors[: len(errors) - int(len(errors) * HELD)] = np.nan
            found.append((scaled, errors))
        return Levels.of(found)

    def stream(self) -> Stream:
        """Scores for rows that come one by one."""
        return Stream(self)

    def _distances(self, values: npt.NDArray[np.float32]) -> tuple[Rows, Rows]:
        """Scaled values and errors, shape (rows, variables); of what is missing NaN."""
        scaled = (np.asarray(values, np.float64) - self.centre) / self.scale
        expected = self.forecaster.whole(np.clip(filled(scaled), -FURTHEST, FURTHEST))
        errors = np.abs(scaled - expected)
        errors[: self.forecaster.reach - 1] = np.nan
        return scaled, errors

    @staticmethod
    def _surprisals(
        surprisal: Surprisal, deviations: Rows, errors: Rows, lead: int, progress: Progress
    ) -> npt.NDArray[np.float64]:
        parts = np.zeros(deviations.shape)
        for row, (deviation, error) in enumerate(zip(deviations.tolist(), errors.tolist(), strict=True)):
            found = surprisal.push(deviation, error, scored=row >= lead)
            if row >= lead:
                parts[row] = found
            if row % 4096 == 0:
                progress(row, len(parts), "scoring")
        return parts


class Stream:
    """The state of one stream: a past that is as long after a million rows as after a thousand.

    Args:
        detector: Scores are those that it gives to the same rows as one series.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._expected = detector.forecaster.stepper()
        variables = detector.forecaster.variables
        self._surprisal = Surprisal(variables, detector.histories)
        self._levels = None if detector.levels is None else detector.levels.meter()
        self._watch = Watch(detector.threshold, detector.hold)
        self._last = np.zeros(variables)
        self._correction = math.log10(variables)
        self._unseen = detector.forecaster.reach - 1

    def push(self, row: npt.NDArray[np.float32]) -> RowScore:
        """The score of the next row.

        Args:
            row: Shape (variables,), NaN where missing.
        """
        detector = self._detector
        scaled = (np.asarray(row, np.float64) - detector.centre) / detector.scale
        self._last = np.where(np.isnan(scaled), self._last, scaled)
        expected = self._expected(np.clip(self._last, -FURTHEST, FURTHEST))
        errors = np.abs(scaled - expected)
        if self._unseen:
            self._unseen -= 1
            errors[:] = np.nan
        parts = self._surprisal.push(np.abs(scaled).tolist(), errors.tolist())
        if self._levels is not None:
            parts = either(np.array(parts), np.array(self._levels.push(scaled, errors))).tolist()
        score = max(max(parts) - self._correction, 0.0)
        over, begins = self._watch.push(score)
        return RowScore(score, tuple(parts), over, begins)


def either(rows: Rows, levels: Rows) -> Rows:
    """The larger of two surprisals, less log10 of 2: one of two is twice as often large by chance."""
    return np.maximum(np.maximum(rows, levels) - math.log10(2), 0.0)
