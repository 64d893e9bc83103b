"""How seldom a quantity of a stream is as large as it is, by a memory of those before."""

from __future__ import annotations

import math
import sys
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from convscope.errors import RunError

QUANTITIES = ("deviation", "error")
SPANS = (2, 20)
"""Rows that a mean is taken over."""
TESTS = math.log10(3)
"""How much more surprising the rarest mean is by chance than one of them; they are not independent."""
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

HELD = 0.3
"""Share of the rows that are learned from which choose weights and fill memories, at their end."""

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
            For each variable -log10 of the probability of anything as surprising, at least 0: that of the
            rarest mean less `TESTS`.
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
            found.append(max(most - TESTS, 0.0))
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


def checked_histories(histories: Mapping[str, Any], variables: int) -> Mapping[str, Any]:
    """Refuses what `calibrated` did not write."""
    for name in (f"{quantity} over {span}" for quantity in QUANTITIES for span in SPANS):
        kept = histories.get(name)
        listed = isinstance(kept, list) and len(kept) == variables
        if not listed or not all(_are_numbers(some) for some in kept or ()):
            raise RunError(f"The calibration of the run has no '{name}' for {variables} variables.")
    return histories


def _are_numbers(values: object) -> bool:
    """Whether it is a list of finite numbers."""
    most = sys.float_info.max
    return isinstance(values, list) and all(
        isinstance(each, int | float) and abs(each) <= most for each in values
    )
