"""Asynchronous successive halving: which trials are trained on, and which are stopped.

Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", in the form in which trials are
stopped rather than paused: one that is among the best third of those that have come as far so far goes on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

REDUCTION = 3
"""One in so many goes on."""
SHARES = (1 / 9, 1 / 3)
"""Of the epochs of a trial: where it is compared, at rung 0 and 1."""


FEWEST_EPOCHS = 2
"""Before which no trial is compared: the first epoch says how fast one starts."""


def rungs(epochs: int) -> tuple[int, ...]:
    """After how many epochs a trial of so many is compared.

    Example:
        >>> rungs(60), rungs(6), rungs(3), rungs(2)
        ((7, 20), (2,), (2,), ())
    """
    places = [max(FEWEST_EPOCHS, math.ceil(epochs * share)) for share in SHARES]
    return tuple(dict.fromkeys(place for place in places if place < epochs))


class Halving:
    """Compares trials at their rungs.

    Args:
        falls: Whether lower values are better.
        reached: From rung and number of a trial to its value, of a search that is resumed.
    """

    def __init__(self, falls: bool, reached: Mapping[tuple[int, int], float] | None = None) -> None:
        self._sign = -1.0 if falls else 1.0
        self._values: dict[int, dict[int, float]] = {}
        for (rung, number), value in (reached or {}).items():
            self._values.setdefault(rung, {})[number] = value

    def goes_on(self, rung: int, number: int, value: float) -> bool:
        """Whether a trial that has come to a rung is trained on.

        Args:
            rung: 0 for the first.
            number: Of the trial; 0, the default, is always trained to its end.
            value: What it has reached.
        """
        there = self._values.setdefault(rung, {})
        others = [self._sign * each for each in there.values()]
        there[number] = value
        if not others or number == 0:
            return True
        return self._sign * value >= float(np.percentile(others, 100 * (1 - 1 / REDUCTION)))
