"""Series to windows of scaled rows: what a detector of anomalies sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split
from convscope.errors import DataError, UsageError
from convscope.json_values import from_saved
from convscope.kinds.contract.representation import InputsAsEncoded, TimelineDescription
from convscope.kinds.series.readers.sources import Series
from convscope.types import Axis, Progress, no_progress

Values = npt.NDArray[np.float32]

WINDOW = 128
"""Rows of a window, unless asked otherwise."""
FURTHEST = 10.0
"""Scaled values beyond it are shown to the model as this."""
SMALLEST = 1e-6
"""Share of the usual value that a variable has to vary by; one that varies less is taken for constant."""

_SAVED = {"kind": "stream", "version": 1}


@dataclass(frozen=True, eq=False)
class RowWindows:
    """Scaled rows of several series, out of which windows are taken.

    Args:
        rows: All series one behind the other, each after a window of zeros, shape (rows, variables), float32.
        present: Whether anything was measured in the row, shape (rows,).
        last: The last row of each window, shape (windows,), int64.
        length: Rows of a window.
        room: How many rows each window may be moved towards the past, for random changes.
    """

    rows: Values
    present: npt.NDArray[np.bool_]
    last: npt.NDArray[np.int64]
    length: int
    room: int = 0

    def __len__(self) -> int:
        return len(self.last)

    def take(self, indices: npt.NDArray[np.int64]) -> Values:
        """Windows of shape (n, length, variables), float32."""
        windows: Values = self.rows[self.places(indices)]
        return windows

    def places(
        self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None = None
    ) -> npt.NDArray[np.int64]:
        """The rows of windows, shape (n, length), moved by a few rows where a generator is given."""
        last = self.last[indices]
        if rng is not None and self.room:
            last = last - rng.integers(0, self.room + 1, len(last))
        places: npt.NDArray[np.int64] = last[:, None] + np.arange(1 - self.length, 1)
        return places


@dataclass(frozen=True)
class _Saved:
    """What is kept of a representation, as plain values."""

    window: int
    variables: tuple[str, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    timed: bool
    own: bool = False

    def __post_init__(self) -> None:
        if self.window < 8 or not len(self.variables) == len(self.centre) == len(self.spread):
            raise UsageError("expected a window of at least 8 rows, and a centre and spread per variable")
        if not np.isfinite(self.centre).all() or not all(each > 0 for each in self.spread):
            raise UsageError("expected finite centres and spreads above 0")


@dataclass(frozen=True, eq=False)
class StreamRepresentation(InputsAsEncoded):
    """From series to windows of rows without their usual value, in units of how far they usually are from it.

    The usual value is the median of train, the unit its standard deviation; where series are unlike, those of
    the rows at the beginning of each series that are normal. A missing value becomes the last
    known one of its variable, and the usual one where none is known yet. Before the first row there is
    nothing but usual values.

    Args:
        window: Rows of a window.
        variables: Their names.
        centre: The usual value of each, shape (variables,), float64.
        spread: The unit of each, above 0, shape (variables,), float64.
        timed: Whether rows of train have times.
        own: Whether the usual values and units of a series are those of its own beginning.
    """

    window: int
    variables: tuple[str, ...]
    centre: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
    timed: bool = False
    own: bool = False

    @classmethod
    def fit(cls, train: Split, window: int = WINDOW) -> tuple[StreamRepresentation, tuple[str, ...]]:
        """Learns usual values and units from the train split.

        Args:
            train: Series.
            window: Rows of a window.

        Returns:
            The representation and what was decided, one line each.

        Raises:
            UsageError: A window of less than 8 rows.
            DataError: No value is known.
        """
        if window < 8:
            raise UsageError(f"A window needs at least 8 rows. Received: window={window}.")
        first: Series = train.samples.load(0)
        variables = first.variables
        all_series = [ordered(train.samples.load(i), variables, "train") for i in range(len(train))]
        rows = np.concatenate([series.values for series in all_series]).astype(np.float64)
        if np.isnan(rows).all():
            raise DataError(f"{train.samples.name(0)}: expected values, received none")
        centre, units, constant = usual(rows, variables)
        own = bool(getattr(train.samples, "own", False))
        of = "at the beginning of each series" if own else "in train"
        decisions = [f"window: {window} rows of {len(variables)} variables, scaled by what is usual {of}"]
        if constant:
            some = ", ".join(constant[:8]) + (", ..." if len(constant) > 8 else "")
            decisions.append(f"constant in train, so that any change is an anomaly: {some}")
        missing = float(np.isnan(rows).mean())
        if missing:
            decisions.append(f"missing: {missing:.1%} of the values of train; each takes the last known one")
        return cls(int(window), variables, centre, units, first.times is not None, own), tuple(decisions)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows of a window, variables)."""
        return self.window, len(self.variables)

    @property
    def sizes(self) -> dict[str, Any]:
        """Nothing that an architecture has to know besides."""
        return {}

    def encode(self, samples: Any, limit_bytes: int = 0, progress: Progress = no_progress) -> RowWindows:
        """The last window of each series."""
        return self._windows(samples, None, 0, progress)

    def ending_at(self, samples: Any, rows: npt.NDArray[np.int64]) -> RowWindows:
        """The window of each series that ends with a row of it.

        Args:
            samples: Series.
            rows: One for each series, counted from 0.
        """
        return self._windows(samples, [np.array([row]) for row in rows], 0, no_progress)

    def every(self, samples: Any, hop: int, progress: Progress = no_progress) -> RowWindows:
        """Windows over all rows of each series, so many rows apart."""
        ends = []
        for i in range(len(samples)):
            rows = len(samples.load(i))
            ends.append(np.unique(np.minimum(np.arange(hop - 1, rows - 1 + hop, hop), rows - 1)))
        return self._windows(samples, ends, hop - 1, progress)

    def values(self, series: Series, name: str) -> Values:
        """The raw values of a series, its variables in the order of train, shape (rows, variables)."""
        return ordered(series, self.variables, name).values

    def describe(self, sample: Series, last: int | None = None) -> TimelineDescription:
        """When the rows of a window are that ends with a row, by default the last."""
        return TimelineDescription(self._axis(sample, last))

    def _axis(self, series: Series, last: int | None) -> Axis:
        stop = len(series) if last is None else last + 1
        start = stop - self.window
        ahead = max(-start, 0)
        if series.times is None:
            return Axis(np.arange(start, stop, dtype=np.float64), "row", self.variables, (ahead, 0))
        times = series.times[max(start, 0) : stop]
        step = np.median(np.diff(times)) if len(times) > 1 else np.timedelta64(1, "s")
        before = times[0] - step * np.arange(ahead, 0, -1)
        return Axis(np.concatenate([before, times]), "time", self.variables, (ahead, 0))

    def scales(self, samples: Any, index: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The usual values and the units of a series, shape (variables,) each.

        Args:
            samples: Series.
            index: Which.
        """
        reference = self.reference(samples, index) if self.own else None
        if reference is None:
            return self.centre, self.spread
        centre, units, _ = usual(reference.astype(np.float64), self.variables)
        return centre, units

    def reference(self, samples: Any, index: int) -> Values | None:
        """The raw rows at the beginning of a series that are normal; None where none are known."""
        found = samples.reference(index) if hasattr(samples, "reference") else None
        return None if found is None else self.values(found, samples.name(index))

    def inputs(
        self, values: Values, scales: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    ) -> npt.NDArray[np.float64]:
        """Scaled rows as the model sees them: nothing missing, nothing far beyond what is usual."""
        centre, spread = scales
        scaled = (values.astype(np.float64) - centre) / spread
        return np.clip(filled(scaled), -FURTHEST, FURTHEST)

    def example(self, count: int) -> Values:
        """Windows of random numbers."""
        rng = np.random.default_rng(0)
        return rng.normal(size=(count, *self.shape)).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            **_SAVED,
            "window": self.window,
            "variables": list(self.variables),
            "centre": self.centre.tolist(),
            "spread": self.spread.tolist(),
            "timed": self.timed,
            "own": self.own,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> StreamRepresentation:
        """Reads what `to_json` wrote.

        Raises:
            RunError: It is something else.
        """
        read = from_saved(_Saved, saved, "stream representation", _SAVED)
        centre, spread = np.array(read.centre, np.float64), np.array(read.spread, np.float64)
        return cls(read.window, read.variables, centre, spread, read.timed, read.own)

    def _windows(
        self, samples: Any, ends: list[npt.NDArray[np.int64]] | None, room: int, progress: Progress
    ) -> RowWindows:
        parts, present, last, at = [], [], [], 0
        nothing = np.zeros((self.window, len(self.variables)), np.float32)
        for i in range(len(samples)):
            values = self.values(samples.load(i), samples.name(i))
            if ends is None:
                values = values[-self.window :]
            parts += [nothing, self.inputs(values, self.scales(samples, i)).astype(np.float32)]
            present += [np.zeros(self.window, bool), ~np.isnan(values).all(axis=1)]
            mine = np.array([len(values) - 1]) if ends is None else ends[i]
            last.append(at + self.window + mine)
            at += self.window + len(values)
            progress(i + 1, len(samples), "scaling")
        return RowWindows(
            np.concatenate(parts) if parts else nothing[:0],
            np.concatenate(present) if present else np.zeros(0, bool),
            np.concatenate(last).astype(np.int64) if last else np.zeros(0, np.int64),
            self.window,
            room,
        )


def usual(
    rows: npt.NDArray[np.float64], variables: Sequence[str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], list[str]]:
    """The usual value and the unit of each variable, and which of them are constant.

    Args:
        rows: Shape (rows, variables), NaN where missing.
        variables: Their names.
    """
    centre = np.array([_median(column) for column in rows.T])
    units, constant = np.ones(len(variables)), []
    for place, column in enumerate(rows.T):
        known = column[~np.isnan(column)]
        spread = float(known.std()) if len(known) else 0.0
        if spread > SMALLEST * max(abs(centre[place]), SMALLEST):
            units[place] = spread
        else:
            constant.append(variables[place])
            units[place] = max(abs(centre[place]), 1.0)
    return centre, units, constant


def filled(scaled: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rows in which each missing value is the last known one of its variable, 0 where none is known yet."""
    present = ~np.isnan(scaled)
    latest = np.maximum.accumulate(np.where(present, np.arange(len(scaled))[:, None], -1), axis=0)
    values = np.take_along_axis(scaled, np.maximum(latest, 0), axis=0)
    return np.where(latest >= 0, values, 0.0)


def ordered(series: Series, variables: tuple[str, ...], name: str) -> Series:
    """A series with the variables of train, in their order; what it has besides is left out.

    Raises:
        DataError: One of them is not there, or there are no rows.
    """
    if not len(series):
        raise DataError(f"{name}: expected rows, received none")
    if series.variables == variables:
        return series
    missing = [each for each in variables if each not in series.variables]
    if missing:
        raise DataError(
            f"{name}: expected the variables {', '.join(variables)}, received {', '.join(series.variables)}"
        )
    places = [series.variables.index(each) for each in variables]
    return Series(series.values[:, places], variables, series.times)


class _OfVariables(Protocol):
    @property
    def variables(self) -> tuple[str, ...]: ...


def ignored_variables(representation: _OfVariables, samples: Samples) -> tuple[str, ...]:
    """The line that names the variables of series that `ordered` leaves out; no line where all are taken."""
    known = representation.variables
    extra: dict[str, None] = {}
    for index in range(len(samples)):
        extra.update(dict.fromkeys(name for name in samples.load(index).variables if name not in known))
    if not extra:
        return ()
    shown = ", ".join(f"'{name}'" for name in list(extra)[:6]) + (", ..." if len(extra) > 6 else "")
    return (f"columns that the training data did not have are ignored: {shown}",)


def _median(column: npt.NDArray[np.float64]) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0
