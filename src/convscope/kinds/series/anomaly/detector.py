"""Scores of series and streams, row by row: how far off a prediction is, and how seldom that is."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.errors import RunError
from convscope.kinds.series.anomaly.alarms import HOLD, Alarm, Watch, find_alarms
from convscope.kinds.series.anomaly.incremental_forecaster import IncrementalForecaster, Rows
from convscope.kinds.series.anomaly.representation import FURTHEST, filled
from convscope.types import Progress, no_progress

QUANTITIES = ("deviation", "error")
SPANS = (2, 20)
"""Rows that a mean is taken over."""
INDEPENDENT = 10
"""Means without a row in common that a memory needs before it calls anything rare."""
MEMORY = 8_000
"""Values that are remembered."""
SHARE = 0.02
"""Share of the values that are taken for the tail."""
FEWEST = 5
"""Values in the tail at least."""
WARM = 100
"""Values before which nothing is called rare, by default."""
FINEST = 1e-3
"""The mean excess at least, as a share of the quantile and absolutely: what is finer is noise."""
RAREST = 50.0
"""No surprisal is larger."""
KEPT = 5.0
"""What is more surprising is remembered as a value of this surprisal, so that one anomaly does not hide the
next one."""

Histories = Mapping[str, Sequence[Sequence[float]]]
"""By quantity and span (`error over 20`), for each variable the values that were there before."""
MOST_KEPT = 2_000
"""Values of each memory that a run keeps."""
DIGITS = 6
"""Digits that the values of memories keep in a run."""


class Surprisal:
    """Surprisals of one stream.

    Args:
        variables: How many there are.
        histories: What the memories begin with; empty ones call nothing surprising until they have filled.
    """

    def __init__(self, variables: int, histories: Histories | None = None) -> None:
        known = histories or {}
        nothing: Sequence[Sequence[float]] = [()] * variables
        self._tails = {
            _name(quantity, span): [
                Tail(values, warm=max(WARM, INDEPENDENT * span))
                for values in known.get(_name(quantity, span), nothing)
            ]
            for quantity in QUANTITIES
            for span in SPANS
        }
        self._means = [
            [
                (_Mean(span), self._tails[_name(quantity, span)][variable])
                for quantity in QUANTITIES
                for span in SPANS
            ]
            for variable in range(variables)
        ]

    def push(self, deviations: Sequence[float], errors: Sequence[float], scored: bool = True) -> list[float]:
        """The next row.

        Args:
            deviations: Distance of each value from what is usual; NaN where the value is missing.
            errors: Distance from what was expected; NaN where the value is missing or nothing was expected.
            scored: Whether the row is scored and remembered, or only the past of those that are.

        Returns:
            For each variable -log10 of the probability of anything as surprising, at least 0.
        """
        found = []
        for variable, kept in enumerate(self._means):
            most = 0.0
            values = (deviations[variable], errors[variable])
            for place, (mean, tail) in enumerate(kept):
                value = values[place // len(SPANS)]
                if math.isnan(value):
                    continue
                current = mean.push(value)
                if scored and current is not None:
                    most = max(most, tail.met(current))
            found.append(most)
        return found

    def histories(self) -> dict[str, list[list[float]]]:
        """What the memories hold, to begin others with."""
        return {name: [tail.values() for tail in tails] for name, tails in self._tails.items()}


class Tail:
    r"""The last values of one quantity, in order of time and in order of size.

    They tell how rare a value is among those before it, far beyond what counting could tell. Of $n$ values
    the rarest that counting can tell apart has a probability of $1/n$. Beyond a high quantile $q$, though,
    most distributions fall off in much the same way, and with an exponential tail

    $$P(X > x) = p_q \, e^{-(x - q) / m}$$

    where $p_q$ is the share of values above $q$ and $m$ their mean excess over it. The surprisal is
    $-\log_{10} P(X > x)$: 3 is what one in a thousand values reaches.

    Source: Pickands (1975), "Statistical inference using extreme order statistics", for the tail; Siffer,
    Fouque, Termier and Largouet (2017), "Anomaly detection in streams with extreme value theory", for its use
    in streams. The tail here is exponential (the extreme value index is 0), which needs no more than a mean,
    and moves with the values: a rolling memory holds them in order.

    Args:
        values: Values to begin with, oldest first.
        memory: Values that are remembered.
        share: Share of them that are taken for the tail.
        warm: Values before which nothing is called rare.
    """

    def __init__(
        self,
        values: Iterable[float] = (),
        memory: int = MEMORY,
        share: float = SHARE,
        warm: int = WARM,
    ) -> None:
        self._share, self._warm = share, warm
        self._memory = memory
        self._in_time = deque(values, memory)
        self._in_size = sorted(self._in_time)

    def __len__(self) -> int:
        return len(self._in_size)

    def surprisal(self, value: float) -> float:
        """How rare a value is that is not among the others yet; 0 where there are too few of them."""
        if len(self._in_size) < self._warm:
            return 0.0
        quantile, decade, least = self._tail()
        return min(max((value - quantile) / decade + least, 0.0), RAREST)

    def met(self, value: float) -> float:
        """How rare a value is, which is remembered from now on."""
        if len(self._in_size) < self._warm:
            self.add(value)
            return 0.0
        quantile, decade, least = self._tail()
        rarity = (value - quantile) / decade + least
        self.add(min(value, quantile + (KEPT - least) * decade))
        return min(max(rarity, 0.0), RAREST)

    def add(self, value: float) -> None:
        """Remembers a value as it is; the oldest is forgotten where there are enough."""
        if len(self._in_time) == self._memory:
            del self._in_size[bisect_left(self._in_size, self._in_time[0])]
        self._in_time.append(value)
        insort(self._in_size, value)

    def _tail(self) -> tuple[float, float, float]:
        """Where the tail begins, what makes a value ten times as rare, and the surprisal at its beginning."""
        count = len(self._in_size)
        above = max(int(count * self._share), FEWEST)
        tail = self._in_size[-above:]
        quantile = tail[0]
        excess = max(sum(tail) / above - quantile, FINEST * max(abs(quantile), 1.0))
        return quantile, excess * math.log(10), -math.log10(above / count)

    def values(self) -> list[float]:
        """What is remembered, oldest first."""
        return list(self._in_time)


class _Mean:
    """The mean of the last values; None before there are enough, as a mean of fewer varies more."""

    def __init__(self, span: int) -> None:
        self._values: deque[float] = deque(maxlen=span)

    def push(self, value: float) -> float | None:
        self._values.append(value)
        full = len(self._values) == self._values.maxlen
        return sum(self._values) / len(self._values) if full else None


def _name(quantity: str, span: int) -> str:
    return f"{quantity} over {span}"


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
    """

    def __init__(
        self,
        forecaster: IncrementalForecaster,
        centre: npt.NDArray[np.floating[Any]],
        scale: npt.NDArray[np.floating[Any]],
        threshold: float,
        hold: int = HOLD,
        histories: Mapping[str, Any] | None = None,
    ) -> None:
        self.forecaster = forecaster
        self.centre, self.scale = np.asarray(centre, np.float64), np.asarray(scale, np.float64)
        self.threshold, self.hold = threshold, hold
        self.histories = None if histories is None else _checked(histories, forecaster.variables)

    def score(
        self, values: npt.NDArray[np.float32], lead: int = 0, progress: Progress = no_progress
    ) -> Scored:
        """Scores a whole series.

        Args:
            values: Shape (rows, variables), NaN where missing.
            lead: Rows at the beginning that are only the past of the others, and score 0.
            progress: Called with the number of scored rows.
        """
        deviations, errors = self._distances(values)
        parts = self._surprisals(
            Surprisal(values.shape[1], self.histories), deviations, errors, lead, progress
        )
        scores = np.maximum(parts.max(axis=1) - math.log10(values.shape[1]), 0.0)
        return Scored(scores, parts, find_alarms(scores, parts, self.threshold, self.hold), self.threshold)

    def calibrated(
        self, series: Sequence[tuple[npt.NDArray[np.float32], int]]
    ) -> dict[str, list[list[float]]]:
        """What memories hold after normal or unlabelled series, as plain numbers.

        Args:
            series: Values that the model was not trained on, shape (rows, variables), each with the number of
                rows at its beginning that are only the past of the others.
        """
        most = max(MOST_KEPT // max(len(series), 1), 1)
        gathered: dict[str, list[list[float]]] = {}
        for values, lead in series:
            surprisal = Surprisal(values.shape[1])
            self._surprisals(surprisal, *self._distances(values), lead, no_progress)
            for name, kept in surprisal.histories().items():
                whole = gathered.setdefault(name, [[] for _ in kept])
                for mine, some in zip(whole, kept, strict=True):
                    mine += [float(f"{value:.{DIGITS}g}") for value in some[-most:]]
        return gathered

    def stream(self) -> Stream:
        """Scores for rows that come one by one."""
        return Stream(self)

    def _distances(self, values: npt.NDArray[np.float32]) -> tuple[Rows, Rows]:
        """Deviations and errors, shape (rows, variables); of what is missing NaN."""
        scaled = (np.asarray(values, np.float64) - self.centre) / self.scale
        expected = self.forecaster.whole(np.clip(filled(scaled), -FURTHEST, FURTHEST))
        errors = np.abs(scaled - expected)
        errors[: self.forecaster.reach - 1] = np.nan
        return np.abs(scaled), errors

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
        score = max(max(parts) - self._correction, 0.0)
        over, begins = self._watch.push(score)
        return RowScore(score, tuple(parts), over, begins)


def _checked(histories: Mapping[str, Any], variables: int) -> Mapping[str, Any]:
    """Refuses what `calibrated` did not write."""
    for name in (f"{quantity} over {span}" for quantity in QUANTITIES for span in SPANS):
        kept = histories.get(name)
        listed = isinstance(kept, list) and len(kept) == variables
        if not listed or not all(_are_numbers(some) for some in kept or ()):
            raise RunError(f"The calibration of the run has no '{name}' for {variables} variables.")
    return histories


def _are_numbers(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, (int, float)) for value in values)
