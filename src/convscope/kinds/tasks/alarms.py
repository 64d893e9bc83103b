"""How rare a score is among those before it, and when scores raise an alarm.

Scored are the rows of a series, or the frames of a film; their parts are variables, or cells of a frame.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError

FALSE_ALARMS = 3.0
"""Rows in a thousand normal ones that may reach the threshold, unless asked otherwise."""
HOLD = 100
"""Rows that an alarm gathers from its first on, by default."""
STEP = 2.0
"""By how much a row has to be more surprising than an alarm so far, to begin one of its own."""
PAUSE = 10
"""Rows below the threshold behind which it may do so; before, it belongs to a rise of the same alarm."""

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


def threshold_for(false_alarms: float) -> float:
    """The score that so many of a thousand normal rows reach.

    Example:
        >>> threshold_for(1.0)
        3.0
    """
    return 3 - math.log10(false_alarms)


def checked_rate(asked: Any) -> float:
    """Rows in a thousand that may reach the threshold.

    Raises:
        UsageError: It is not a number above 0 and below 500.
    """
    try:
        rate = float(asked)
    except (TypeError, ValueError):
        rate = math.nan
    if not 0 < rate < 500:
        raise UsageError(
            f"false_alarms are rows in a thousand, above 0 and below 500. Received: false_alarms={asked!r}."
        )
    return rate


def checked_hold(asked: Any) -> int:
    """Rows that an alarm gathers.

    Raises:
        UsageError: It is not a whole number of at least 1.
    """
    if not isinstance(asked, int) or asked < 1:
        raise UsageError(f"An alarm gathers at least 1 row. Received: hold={asked!r}.")
    return asked
