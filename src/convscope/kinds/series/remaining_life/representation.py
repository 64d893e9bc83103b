"""Histories to windows: the last rows of many sensors, scaled by the condition they were measured in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Split
from convscope.errors import DataError, RunError, UsageError
from convscope.json_values import from_saved
from convscope.kinds.contract.representation import InputsAsEncoded, TimelineDescription
from convscope.kinds.series.remaining_life.cmapss import CONDITIONS, SENSORS
from convscope.kinds.series.remaining_life.conditions import Conditions, SavedConditions
from convscope.kinds.series.remaining_life.histories import History
from convscope.types import Axis, Progress, no_progress

Values = npt.NDArray[np.float32]

WINDOW = 60
"""Rows of a window, unless asked otherwise."""
START = 10
"""Rows at the beginning of a history whose mean stands for those before it."""
CAP_SHARE = 0.6
"""Share of the median life of a unit beyond which remaining lives are not told apart."""

_REPORTED = 1000
_SAVED = {"kind": "remaining life", "version": 1}


@dataclass(frozen=True, eq=False)
class LifeWindows:
    """Scaled rows of histories, out of which windows are taken.

    Args:
        rows: All histories one behind the other, shape (rows, variables), float32.
        starts: The mean over the first row of each history, its first two rows, and so on, shape
            (histories, `START`, variables), float32.
        history: The history that a window is of, shape (windows,), int64.
        first: The first row of that history, shape (windows,), int64.
        last: The last row of the window, shape (windows,), int64.
        length: Rows of a window.
    """

    rows: Values
    starts: Values
    history: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]
    length: int

    def __len__(self) -> int:
        return len(self.last)

    def take(self, indices: npt.NDArray[np.int64]) -> Values:
        """Windows of shape (n, length, variables), float32."""
        first, last = self.first[indices], self.last[indices]
        wanted = last[:, None] + np.arange(1 - self.length, 1)
        before = wanted < first[:, None]
        windows: Values = self.rows[np.maximum(wanted, first[:, None])]
        start = self.starts[self.history[indices], np.minimum(last - first, START - 1)]
        return np.where(before[..., None], start[:, None], windows)

    @classmethod
    def of(cls, histories: Sequence[Values], length: int, *, every: bool) -> LifeWindows:
        """The windows of scaled histories.

        Args:
            histories: Shape (rows, variables) each, float32.
            length: Rows of a window.
            every: Whether one ends with each row; else with the last row of each history alone.
        """
        lengths = np.array([len(rows) for rows in histories], np.int64)
        begin = np.cumsum(lengths) - lengths
        history = np.repeat(np.arange(len(lengths)), lengths if every else 1)
        last = np.arange(lengths.sum()) if every else begin + lengths - 1
        starts = np.stack([_starts(rows) for rows in histories])
        return cls(np.concatenate(histories), starts, history, begin[history], last, length)


@dataclass(frozen=True)
class _Saved:
    """What is kept of a representation, as plain values."""

    window: int
    cap: float
    variables: tuple[str, ...]
    used: tuple[str, ...]
    conditions: SavedConditions

    def __post_init__(self) -> None:
        if self.window < 2 or not self.cap > 0:
            raise UsageError(
                "expected a window of at least 2 rows and a cap above 0."
                f" Received: window={self.window}, cap={self.cap}."
            )
        if not set(self.used) <= set(self.variables):
            raise UsageError(f"used must be among the variables. Received: used={self.used}.")


@dataclass(frozen=True, eq=False)
class LifeRepresentation(InputsAsEncoded):
    """From the history of a unit to the window that ends with its last row.

    A missing value becomes the unit's last known one, or else the mean of train. A history that is shorter
    than a window is preceded by the mean of its first rows, which says more than the first alone. Each
    variable loses its mean and is divided by its standard deviation in train, both taken among rows of the
    same operating condition.

    Args:
        window: Rows of a window.
        cap: The longest remaining life that is told apart, in cycles.
        variables: All columns that a history has.
        used: Those that are inputs.
        conditions: How the operating condition of a row is told, and what each variable is like there.
    """

    window: int
    cap: float
    variables: tuple[str, ...]
    used: tuple[str, ...]
    conditions: Conditions

    @classmethod
    def fit(
        cls, train: Split, window: int = WINDOW, cap: float | None = None
    ) -> tuple[LifeRepresentation, tuple[str, ...]]:
        """Learns scales from the train split.

        Args:
            train: Histories with their remaining lives.
            window: Rows of a window.
            cap: The longest remaining life that is told apart, in cycles; None takes 125 for engines of
                C-MAPSS, as is usual, and else a share of the usual life of a unit.

        Returns:
            The representation and what was decided, one line each.

        Raises:
            UsageError: A window of less than 2 rows, or a cap that is not above 0.
            DataError: Every sensor is constant.
        """
        if window < 2:
            raise UsageError(f"A window needs at least 2 rows. Received: window={window}.")
        if cap is not None and not cap > 0:
            raise UsageError(f"Remaining lives are capped at a number above 0. Received: cap={cap}.")
        histories: list[History] = [train.samples.load(i) for i in range(len(train))]
        variables = histories[0].variables
        rows = np.concatenate([_filled(history.values) for history in histories])
        spread = _spread(rows)
        used = tuple(name for name, varies in zip(variables, spread > 0, strict=True) if varies)
        named = [name for name in histories[0].conditions if name in used]
        if not set(used) - set(named):
            raise DataError(f"{train.samples.name(0)}: expected sensors that change, received constants")
        chosen = [variables.index(name) for name in used]
        conditions = Conditions.fit(rows[:, chosen], [used.index(name) for name in named])
        lives = [float(np.max(each)) for each in train.labels]
        chosen_cap, why = (cap, "as asked") if cap is not None else _usual_cap(variables, lives)
        decisions = [
            f"window: the last {window} rows of each unit, of {len(used)} variables",
            f"remaining life: capped at {chosen_cap:g}, {why}; the longest in train is {max(lives):g}",
        ]
        constant = [name for name in variables if name not in used]
        if constant:
            decisions.append(f"left out, because they are constant in train: {', '.join(constant)}")
        if len(conditions.centres) > 1:
            decisions.append(
                f"operating conditions: {len(conditions.centres)}, told by {', '.join(named)}; each variable"
                " is scaled among rows of the same condition"
            )
        return cls(int(window), float(chosen_cap), variables, used, conditions), tuple(decisions)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows of a window, variables)."""
        return self.window, len(self.used)

    @property
    def sizes(self) -> dict[str, Any]:
        """The longest remaining life that is told apart."""
        return {"cap": self.cap}

    def encode(self, samples: Any, limit_bytes: int = 0, progress: Progress = no_progress) -> LifeWindows:
        """The last window of each history."""
        tails = []
        for i in range(len(samples)):
            history = self._checked(samples.load(i), samples.name(i))
            values = history.values
            # What is missing at the front of a window may be known from before it.
            values = _filled(values) if np.isnan(values).any() else values
            tails.append(self._scaled(values[-self.window :]))
            if not (i + 1) % _REPORTED:
                progress(i + 1, len(samples), "scaling")
        return LifeWindows.of(tails, self.window, every=False)

    def windows(self, samples: Any, progress: Progress = no_progress) -> LifeWindows:
        """The windows that end with each row of each history, one history behind the other."""
        whole = []
        for i in range(len(samples)):
            whole.append(self._scaled(_filled(self._checked(samples.load(i), samples.name(i)).values)))
            if not (i + 1) % _REPORTED:
                progress(i + 1, len(samples), "scaling")
        return LifeWindows.of(whole, self.window, every=True)

    def describe(self, sample: History) -> TimelineDescription:
        """The cycles that the positions of the last window stand for."""
        cycles = sample.cycles[-self.window :]
        ahead = self.window - len(cycles)
        before = cycles[0] - np.arange(ahead, 0, -1)
        axis = Axis(np.concatenate([before, cycles]), "cycle", self.used, (ahead, 0))
        return TimelineDescription(axis)

    def example(self, count: int) -> Values:
        """Windows of random numbers."""
        rng = np.random.default_rng(0)
        return rng.normal(size=(count, *self.shape)).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            **_SAVED,
            "window": self.window,
            "cap": self.cap,
            "variables": list(self.variables),
            "used": list(self.used),
            "conditions": self.conditions.to_json(),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> LifeRepresentation:
        """Reads what `to_json` wrote.

        Raises:
            RunError: It is something else.
        """
        what = "representation of remaining lives"
        read = from_saved(_Saved, saved, what, _SAVED)
        try:
            conditions = read.conditions.restored(len(read.used))
        except ValueError as error:
            raise RunError(f"{what}: {error}") from error
        return cls(read.window, read.cap, read.variables, read.used, conditions)

    def _checked(self, history: History, name: str) -> History:
        """The history, with its columns in the order of train.

        Raises:
            DataError: One of them is not there.
        """
        if history.variables == self.variables:
            return history
        missing = [each for each in self.used if each not in history.variables]
        if missing:
            raise DataError(
                f"{name}: expected the columns of the training, '{missing[0]}' among them; received "
                f"{', '.join(history.variables)}"
            )
        values = np.full((len(history), len(self.variables)), np.nan, np.float32)
        for place, each in enumerate(self.variables):
            if each in history.variables:
                values[:, place] = history.values[:, history.variables.index(each)]
        return History(values, self.variables, cycles=history.cycles, conditions=history.conditions)

    def _scaled(self, values: Values) -> Values:
        return self.conditions.scale(values[:, [self.variables.index(name) for name in self.used]])


def _usual_cap(variables: Sequence[str], lives: Sequence[float]) -> tuple[float, str]:
    """The cap where none is asked for, and why."""
    if variables == CONDITIONS + SENSORS:
        return 125.0, "as is usual for C-MAPSS"
    median = float(np.median(lives))
    if not median > 0:
        raise DataError(f"expected units with more than one row, received a median life of {median:g}")
    return float(f"{CAP_SHARE * median:.2g}"), f"{CAP_SHARE:.0%} of the median life in train"


def _filled(values: Values) -> Values:
    """The last known value of each column for one that is missing; NaN where none is known yet."""
    known = ~np.isnan(values)
    if known.all():
        return values
    at = np.where(known, np.arange(len(values))[:, None], 0)
    filled: Values = np.take_along_axis(values, np.maximum.accumulate(at, axis=0), axis=0)
    return filled


def _starts(rows: Values) -> Values:
    """The mean over the first row, the first two, and so on, shape (`START`, variables)."""
    first = rows[:START].astype(np.float64)
    means = np.cumsum(first, axis=0) / np.arange(1, len(first) + 1)[:, None]
    made: Values = np.concatenate([means, np.repeat(means[-1:], START - len(means), axis=0)]).astype(
        np.float32
    )
    return made


def _spread(rows: Values) -> npt.NDArray[np.float64]:
    """Largest less smallest value of each column; 0 where no two are known."""
    high = np.where(np.isnan(rows), -np.inf, rows).max(axis=0).astype(np.float64)
    low = np.where(np.isnan(rows), np.inf, rows).min(axis=0).astype(np.float64)
    return np.where(np.isfinite(high), high - np.where(np.isfinite(low), low, 0.0), 0.0)
