"""How seldom a quantity of a stream is as large as it is, by a memory of those before."""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from convscope.errors import RunError
from convscope.kinds.tasks.alarms import WARM, Tail

QUANTITIES = ("deviation", "error")
SPANS = (2, 20)
"""Rows that a mean is taken over."""
TESTS = math.log10(3)
"""How much more surprising the rarest mean is by chance than one of them; they are not independent."""
INDEPENDENT = 10
"""Means without a row in common that a memory needs before it calls anything rare."""

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
