"""Which settings mattered: how much worse a random forest predicts trials when one setting is shuffled.

Breiman 2001, "Random Forests". Trials are few, so that each figure comes with the interval over forests of
drawn trials, and with how much forests explain of trials that they have not seen. What is explained is the
order of the trials, so that a few that went astray do not outweigh all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.option import Value
from convscope.phrasing import listed
from convscope.workflows.search.space import said

FEWEST = 8
"""Trials, of which fewer say nothing of several settings."""
FORESTS = 40
TREES = 40
SHUFFLES = 5

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SettingImportance:
    """How much one setting mattered.

    Args:
        name: The setting, or `architecture`.
        mean: By how much the explained share of the variance of their places falls when it is shuffled.
        low: Lower end of the interval that holds 90 % of the forests.
        high: Upper end.
    """

    name: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Importance:
    """What of the tried settings mattered.

    Args:
        settings: The most important first; empty where nothing can be said.
        explained: Share of the variance of the places of trials in their order that forests explain of
            trials that they have not seen; at most 0 where they predict no better than the mean.
        trials: How many were compared.
        measured: At what point of the trials, in words.
        reason: Why nothing can be said; empty where something can.
    """

    settings: tuple[SettingImportance, ...]
    explained: float
    trials: int
    measured: str
    reason: str = ""

    @property
    def finding(self) -> str:
        """One sentence on how far this can be trusted."""
        if self.reason:
            return f"What mattered cannot be said: {self.reason}."
        if self.explained <= 0:
            return (
                f"Random forests explain none of the variance in rank of held-out trials ({self.trials}"
                f" trials, {self.measured}), so that the importances are chance."
            )
        clear = [each.name for each in self.settings if each.low > 0]
        above = f"the importance of {listed(clear)} is above 0 in 95% of them"
        first = above if clear else "no importance is above 0 in 95% of them"
        return (
            f"Random forests explain {self.explained:.0%} of the variance in rank of held-out trials"
            f" ({self.trials} trials, {self.measured}); {first}."
        )


def measure_importance(
    combinations: Sequence[Mapping[str, Value]], values: Sequence[float], measured: str, seed: int = 0
) -> Importance:
    """How much each setting mattered.

    Args:
        combinations: Of each trial all settings by name, `architecture` among them; a setting that an
            architecture does not have is missing.
        values: What each trial reached at the same point.
        measured: That point, in words.
        seed: Of the forests.
    """
    names = sorted({name for each in combinations for name in each})
    table = np.column_stack([_codes([each.get(name) for each in combinations]) for name in names])
    varied = [i for i in range(len(names)) if len(set(table[:, i])) > 1]
    _, target = np.unique(np.asarray(values, np.float64), return_inverse=True)
    if len(target) < FEWEST:
        reason = f"{len(target)} trials can be compared, at least {FEWEST} are needed"
        return _nothing(reason, len(target), measured)
    if not varied or not target.any():
        return _nothing("all trials are equal", len(target), measured)
    drops, explained = _forests(table[:, varied], target.astype(np.float64), seed)
    found = [
        SettingImportance(names[i], *map(float, (column.mean(), *np.percentile(column, (5, 95)))))
        for i, column in zip(varied, drops.T, strict=True)
    ]
    found.sort(key=lambda each: -each.mean)
    return Importance(tuple(found), explained, len(target), measured)


def _nothing(reason: str, trials: int, measured: str) -> Importance:
    return Importance((), 0.0, trials, measured, reason)


def order_of(values: Sequence[Value]) -> dict[Value, int]:
    """The place of each value in the order of all that there are, numbers before texts.

    Example:
        >>> order_of([0.1, "max", 0.01, None])
        {0.01: 0, 0.1: 1, 'max': 2}
    """

    def key(value: Value) -> tuple[bool, float, str]:
        number = isinstance(value, int | float)
        return not number, float(value) if isinstance(value, int | float) else 0.0, said(value)

    known = sorted({value for value in values if value is not None}, key=key)
    return {value: place for place, value in enumerate(known)}


def _codes(values: Sequence[Value]) -> Numbers:
    """Places of values in their order, all that a tree sees of them; -1 where one is missing."""
    order = order_of(values)
    return np.array([order.get(value, -1) for value in values], np.float64)


def _forests(table: Numbers, target: Numbers, seed: int) -> tuple[Numbers, float]:
    """By how much the explained share falls for each setting, shape (forests, settings), and that share.

    Each forest learns from trials drawn with replacement, and is judged on the others.
    """
    from sklearn.ensemble import RandomForestRegressor

    rng = np.random.default_rng(seed)
    drops, squares, spread = [], 0.0, 0.0
    total = float(target.var())
    for _ in range(FORESTS):
        drawn = rng.integers(len(target), size=len(target))
        left = np.setdiff1d(np.arange(len(target)), drawn)
        if len(left) < 2:
            continue
        forest = RandomForestRegressor(TREES, max_features=0.7, random_state=int(rng.integers(2**31)))
        forest.fit(table[drawn], target[drawn])
        error = float(np.mean((forest.predict(table[left]) - target[left]) ** 2))
        squares += error * len(left)
        spread += float(np.sum((target[left] - target[drawn].mean()) ** 2))
        drops.append(
            [
                (_shuffled(forest, table[left], target[left], i, rng) - error) / total
                for i in range(table.shape[1])
            ]
        )
    return np.array(drops), 1 - squares / spread if spread else 0.0


def _shuffled(
    forest: object, table: Numbers, target: Numbers, column: int, rng: np.random.Generator
) -> float:
    """The mean squared error with one setting shuffled among the trials."""
    errors = []
    for _ in range(SHUFFLES):
        other = table.copy()
        other[:, column] = rng.permutation(other[:, column])
        predicted = forest.predict(other)  # type: ignore[attr-defined]
        errors.append(float(np.mean((predicted - target) ** 2)))
    return float(np.mean(errors))
