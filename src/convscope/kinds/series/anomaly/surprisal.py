"""How surprising each value of a stream is: in itself, and after what came before.

For each variable there are two quantities: the deviation of a value from what is usual, and the error of what
a model expected. Each is taken as a mean over few rows and over many, as an anomaly may be a spike or a state
that lasts. Each of these has a rolling memory of its own past (`Tail`), so that scores fit drift and a change
of habits, and something new is surprising until it is no longer new. What is most surprising counts.

Source: the rolling distribution of errors follows Ahmad, Lavin, Purdy and Agha (2017), "Unsupervised
real-time anomaly detection for streaming data"; here of the tail, instead of a normal distribution of all.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence

from convscope.kinds.series.anomaly.tails import WARM, Tail

QUANTITIES = ("deviation", "error")
SPANS = (2, 20)
"""Rows that a mean is taken over."""
INDEPENDENT = 10
"""Means without a row in common that a memory needs before it calls anything rare."""

Histories = Mapping[str, Sequence[Sequence[float]]]
"""By quantity and span (`error over 20`), for each variable the values that were there before."""


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
