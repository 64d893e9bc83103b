"""Rows above a threshold become alarms: intervals, each with its peak and the variable that caused it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HOLD = 100
"""Rows that an alarm gathers from its first on, by default."""
STEP = 2.0
"""By how much a row has to be more surprising than an alarm so far, to begin one of its own."""
PAUSE = 10
"""Rows below the threshold behind which it may do so; before, it belongs to a rise of the same alarm."""


@dataclass(frozen=True)
class Alarm:
    """An interval of a series that is not normal.

    Args:
        start: Its first row above the threshold.
        end: Its last one.
        peak: The row with the highest score.
        score: That score.
        variable: Index of the variable that caused it.
        shares: How much each variable had a part in it, summing to 1.
    """

    start: int
    end: int
    peak: int
    score: float
    variable: int
    shares: tuple[float, ...]


class Watch:
    """Says of each row of a stream whether an alarm begins.

    An alarm begins with a row that reaches the threshold and gathers all others that do within the next rows;
    what comes later is a new one, and so is, behind a pause, a row that is a hundred times as rare as all of
    the alarm so far. So a long anomaly is reported again from time to time, and a faint one hides no other.

    Args:
        threshold: The score that a row has to reach.
        hold: Rows that an alarm gathers from its first on.
    """

    def __init__(self, threshold: float, hold: int = HOLD) -> None:
        self._threshold = threshold
        self._hold = hold
        self._since = hold
        self._pause = 0
        self._peak = 0.0

    def push(self, score: float) -> tuple[bool, bool]:
        """(whether the row belongs to an alarm, whether the alarm begins with it)."""
        over = score >= self._threshold
        rises = self._pause >= PAUSE and score >= self._peak + STEP
        begins = over and (self._since >= self._hold or rises)
        self._since = 1 if begins else self._since + 1
        self._pause = 0 if over else self._pause + 1
        self._peak = score if begins else max(self._peak, score)
        return over, begins


def find_alarms(
    scores: npt.NDArray[np.float64], parts: npt.NDArray[np.float64], threshold: float, hold: int = HOLD
) -> tuple[Alarm, ...]:
    """All alarms of a series.

    Args:
        scores: Shape (rows,).
        parts: The score of each variable, shape (rows, variables).
        threshold: The score that a row has to reach.
        hold: Rows that an alarm gathers from its first on.
    """
    watch = Watch(threshold, hold)
    gathered: list[list[int]] = []
    for row, score in enumerate(scores.tolist()):
        over, begins = watch.push(score)
        if begins:
            gathered.append([])
        if over:
            gathered[-1].append(row)
    return tuple(_alarm(rows, scores, parts) for rows in gathered)


def _alarm(rows: Sequence[int], scores: npt.NDArray[np.float64], parts: npt.NDArray[np.float64]) -> Alarm:
    peak = max(rows, key=lambda row: float(scores[row]))
    weight = parts[list(rows)].sum(axis=0)
    total = weight.sum()
    shares = weight / total if total > 0 else np.full(parts.shape[1], 1 / parts.shape[1])
    return Alarm(
        rows[0],
        rows[-1],
        peak,
        float(scores[peak]),
        int(np.argmax(shares)),
        tuple(float(share) for share in shares),
    )
