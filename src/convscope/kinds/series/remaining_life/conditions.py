"""Operating conditions: how a unit is run, and what each sensor shows where it is run so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

GAP = 0.02
"""Share of a column's range that lies between two of its levels at least."""
RARE = 0.01
"""Share of the rows that a condition has at least."""
MOST = 32
"""More conditions than these are no conditions, but a column that changes without levels."""
EXPLAINED = 0.5
"""Share of the variance of some sensor that conditions account for, or else they are none."""


@dataclass(frozen=True)
class SavedConditions:
    """Conditions as plain values; see there."""

    columns: tuple[int, ...]
    centres: tuple[tuple[float, ...], ...]
    ranges: tuple[float, ...]
    means: tuple[tuple[float, ...], ...]
    spreads: tuple[tuple[float, ...], ...]

    def restored(self, width: int) -> Conditions:
        """The conditions.

        Args:
            width: Columns of rows.

        Raises:
            ValueError: They do not fit together.
        """
        means, spreads = np.array(self.means, np.float64), np.array(self.spreads, np.float64)
        count = len(means)
        centres = np.array(self.centres, np.float64).reshape(count, len(self.columns))
        ranges = np.array(self.ranges, np.float64).reshape(len(self.columns))
        fits = means.shape == spreads.shape == (count, width) and count > 0
        if not fits or not all(0 <= column < width for column in self.columns):
            raise ValueError(f"conditions must be of {width} columns. Received: means of {means.shape}")
        return Conditions(self.columns, centres, ranges, means, spreads)


@dataclass(frozen=True, eq=False)
class Conditions:
    """Conditions that were met in train, with the mean and spread of every column in each.

    A column that says how a unit is run often jumps between a few levels (the altitudes of a flight plan).
    Rows with the same levels in all such columns are in one condition; a new row is in the nearest. Levels
    that no sensor differs between, such as the rounding of a column, make no conditions.

    Args:
        columns: Positions of the columns that tell the condition; none where there is one condition alone.
        centres: What these columns are in each condition, shape (conditions, columns of conditions).
        ranges: Largest less smallest value of these columns, shape (columns of conditions,).
        means: Mean of each column in each condition, shape (conditions, columns).
        spreads: Standard deviation likewise; 1 where a column is constant.
    """

    columns: tuple[int, ...]
    centres: Floats
    ranges: Floats
    means: Floats
    spreads: Floats

    @classmethod
    def fit(cls, rows: Values, columns: Sequence[int]) -> Conditions:
        """Finds the conditions among rows.

        Args:
            rows: Shape (rows, columns), float32; NaN where a value is missing.
            columns: Positions of the columns that tell the condition.
        """
        of_row = _groups(rows, columns)
        if not _matter(rows, of_row, columns):
            of_row = np.zeros(len(rows), np.int64)
        count = int(of_row.max()) + 1
        told = list(columns) if count > 1 else []
        overall, spread = _moments(rows)
        spread = np.where(spread > 0, spread, 1.0)
        means, spreads = np.tile(overall, (count, 1)), np.tile(spread, (count, 1))
        for number in range(count):
            mean, own = _moments(rows[of_row == number])
            known = np.isfinite(mean)
            means[number, known] = mean[known]
            # A sensor that stands still in one condition has no spread there to be divided by.
            steady = own <= 1e-6 * spread
            spreads[number] = np.where(steady, spread, own)
        ranges = np.nanmax(rows[:, told], axis=0) - np.nanmin(rows[:, told], axis=0) if told else np.zeros(0)
        for column in told:  # scaled over all conditions, so that it still tells which one it is
            means[:, column], spreads[:, column] = overall[column], spread[column]
        centres = np.stack([_moments(rows[of_row == k][:, told])[0] for k in range(count)])
        return cls(tuple(told), centres, ranges.astype(np.float64), means, spreads)

    def scale(self, rows: Values) -> Values:
        """Every column less its mean, divided by its spread; 0 where a value is missing.

        Args:
            rows: Shape (rows, columns), float32.
        """
        place = self.place(rows)
        scaled = (rows - self.means[place]) / self.spreads[place]
        made: Values = np.nan_to_num(scaled, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
        return made

    def place(self, rows: Values) -> npt.NDArray[np.int64]:
        """The nearest condition of each row; a missing value agrees with all."""
        if not self.columns:
            return np.zeros(len(rows), np.int64)
        apart = (rows[:, None, list(self.columns)] - self.centres) / self.ranges
        return np.asarray(np.nansum(apart**2, axis=2).argmin(axis=1), np.int64)

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            "columns": list(self.columns),
            "centres": self.centres.tolist(),
            "ranges": self.ranges.tolist(),
            "means": self.means.tolist(),
            "spreads": self.spreads.tolist(),
        }


def _groups(rows: Values, columns: Sequence[int]) -> npt.NDArray[np.int64]:
    """The condition of each row, from 0; all 0 where columns have no levels."""
    group = np.zeros(len(rows), np.int64)
    for column in columns:
        level = _levels(rows[:, column].astype(np.float64))
        group = np.unique(group * (int(level.max()) + 1) + level, return_inverse=True)[1].astype(np.int64)
    counts = np.bincount(group)
    if len(counts) > MOST:
        return np.zeros(len(rows), np.int64)
    kept = counts >= max(RARE * len(rows), 2)
    number = np.cumsum(kept) - 1
    # Rows of a rare condition count for the commonest; a nearer one is found when they are scaled.
    return np.where(kept[group], number[group], number[int(counts.argmax())])


def _matter(rows: Values, of_row: npt.NDArray[np.int64], columns: Sequence[int]) -> bool:
    """Whether some sensor is mostly told by the condition of its row."""
    sensors = np.setdiff1d(np.arange(rows.shape[1]), columns)
    whole = _moments(rows[:, sensors])[1] ** 2
    within = np.zeros(len(sensors))
    for number in np.unique(of_row):
        mine = rows[of_row == number][:, sensors]
        within += _moments(mine)[1] ** 2 * len(mine) / len(rows)
    varies = whole > 0
    return bool(np.any(1 - within[varies] / whole[varies] > EXPLAINED))


def _levels(values: Floats) -> npt.NDArray[np.int64]:
    """The level of each value: levels lie further apart than a share of the range."""
    known = np.unique(values[np.isfinite(values)])
    if len(known) < 2:
        return np.zeros(len(values), np.int64)
    borders = known[1:][np.diff(known) > GAP * (known[-1] - known[0])]
    return np.searchsorted(borders, np.nan_to_num(values, nan=known[0]), side="right").astype(np.int64)


def _moments(rows: Values) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each column over what is known; NaN and 0 where nothing is."""
    known = np.isfinite(rows)
    count = known.sum(axis=0)
    values = np.where(known, rows, 0.0).astype(np.float64)
    mean = np.divide(values.sum(axis=0), count, out=np.full(rows.shape[1], np.nan), where=count > 0)
    apart = np.where(known, rows - mean, 0.0)
    spread = np.sqrt(np.divide((apart**2).sum(axis=0), np.maximum(count, 1)))
    return mean, spread
