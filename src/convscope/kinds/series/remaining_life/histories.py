"""Units that run until they fail: what was measured of each, how long each had to live, and their splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Split, Splits, as_labels
from convscope.errors import DataError
from convscope.kinds.series.readers.sources import Series, SeriesSamples
from convscope.types import SPLITS, Skipped, SplitName

SHARE = 0.15
"""Share of the units that a split gets which the data does not have."""

_CUTS = 1
"""Keeps the random numbers of cuts apart from those of splits."""
Lives = npt.NDArray[np.float32]
"""Remaining life after each row of a unit, in cycles, shape (rows,); NaN where it is not known."""


@dataclass(frozen=True, eq=False)
class History(Series):
    """What was measured of one unit, from its first cycle to the last that is known.

    Args:
        cycles: When each row was measured, in cycles (or hours) of the unit, rising, shape (rows,), float64.
        conditions: Which of the variables say how the unit was operated and not how it fared.
    """

    cycles: npt.NDArray[np.float64] = field(kw_only=True, repr=False)
    conditions: tuple[str, ...] = field(default=(), kw_only=True)

    def until(self, rows: int) -> History:
        """The history as it was after so many rows; nothing is copied."""
        return History(
            self.values[:rows], self.variables, cycles=self.cycles[:rows], conditions=self.conditions
        )


@dataclass(frozen=True, eq=False)
class Unit:
    """One unit as a file tells it.

    Args:
        key: The file and the unit in it, such as `train.csv#7`.
        history: All that was measured of it.
        lives: Remaining life after each row.
        counted: Whether the lives are counted from the unit's last row, after which it failed.
        split: The split that the data puts it into; None where it says nothing.
    """

    key: str
    history: History
    lives: Lives
    counted: bool
    split: SplitName | None = None


@dataclass(eq=False)
class LifeRows:
    """Rows of a file, in any order, each of one unit at one cycle.

    Args:
        where: The file, for messages.
        key: The file below the folder that was read.
        units: The unit of each row, shape (rows,), whole numbers or text.
        cycles: The cycle of each row, shape (rows,), float64.
        values: Shape (rows, variables), float32; NaN where a value is missing.
        variables: A name for each variable.
        conditions: The variables that say how units were operated.
        lives: Remaining life after each row, shape (rows,), float32; None counts it from the unit's last row.
        splits: The split of each row, shape (rows,); None where the file says nothing.
        split: The split of all rows, where the name of the file says it.
    """

    where: str
    key: str
    units: npt.NDArray[np.str_]
    cycles: npt.NDArray[np.float64]
    values: npt.NDArray[np.float32]
    variables: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    lives: Lives | None = None
    splits: Sequence[SplitName | None] | None = None
    split: SplitName | None = None


@dataclass
class LifeNotes:
    """What was done to rows, counted over all files.

    Args:
        unsorted: Units whose rows were not in order.
        repeated: Rows of a cycle that a later row of the same unit has too.
        single: Units of one row.
        missing: Values that are missing.
    """

    unsorted: int = 0
    repeated: int = 0
    single: int = 0
    missing: int = 0

    def warnings(self) -> tuple[str, ...]:
        """A line for each that occurred."""
        lines = (
            (self.unsorted, "units had rows that were not in order of their cycles; they were sorted"),
            (self.repeated, "rows were left out, because a later row has the same unit and cycle"),
            (self.single, "units have one row alone"),
            (
                self.missing,
                "values are missing; the unit's last known one stands for each, or else the mean of train",
            ),
        )
        return tuple(f"{count} {said}" for count, said in lines if count)


def units_of(rows: LifeRows, notes: LifeNotes) -> list[Unit]:
    """The units of a file, in the order in which they first stand there.

    Args:
        rows: All rows of the file.
        notes: Counts what was done to them.

    Raises:
        DataError: A cycle is not a number, a remaining life is negative or missing for some rows, or one
            unit stands in several splits.
    """
    wrong = np.flatnonzero(~np.isfinite(rows.cycles))
    if len(wrong):
        raise DataError(f"{rows.where}, row {wrong[0] + 1}: expected a cycle, received nothing")
    _check_lives(rows)
    names, first, unit_of = np.unique(rows.units, return_index=True, return_inverse=True)
    order = np.lexsort((np.arange(len(unit_of)), unit_of))
    groups = np.split(order, np.flatnonzero(np.diff(unit_of[order])) + 1)
    made = [_unit(rows, str(names[k]), groups[k], notes) for k in np.argsort(first, kind="stable")]
    notes.missing += int(np.isnan(rows.values).sum())
    return made


def fingerprint(units: Sequence[Unit]) -> str:
    """SHA-256 (hex) over names, splits, cycles, values and lives."""
    total = sha256()
    for unit in units:
        total.update(f"{unit.key}\0{unit.split}\0{unit.counted}\0{unit.history.variables}\0".encode())
        for array in (unit.history.cycles, unit.history.values, unit.lives):
            total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def _check_lives(rows: LifeRows) -> None:
    if rows.lives is None:
        return
    bad = np.flatnonzero(~(rows.lives >= 0))
    if len(bad):
        received = "nothing" if np.isnan(rows.lives[bad[0]]) else f"{rows.lives[bad[0]]:g}"
        raise DataError(
            f"{rows.where}, row {bad[0] + 1}: expected a remaining life of at least 0, received {received}"
        )


def _unit(rows: LifeRows, name: str, mine: npt.NDArray[np.int64], notes: LifeNotes) -> Unit:
    """One unit from its rows, given in the order of the file."""
    cycles = rows.cycles[mine]
    if np.any(np.diff(cycles) < 0):
        notes.unsorted += 1
        mine = mine[np.argsort(cycles, kind="stable")]
        cycles = rows.cycles[mine]
    last_of_cycle = np.append(np.diff(cycles) > 0, True)
    notes.repeated += int(np.sum(~last_of_cycle))
    mine, cycles = mine[last_of_cycle], cycles[last_of_cycle]
    notes.single += len(mine) == 1
    counted = rows.lives is None
    lives = (cycles[-1] - cycles).astype(np.float32) if rows.lives is None else rows.lives[mine]
    history = History(rows.values[mine], rows.variables, cycles=cycles, conditions=rows.conditions)
    return Unit(f"{rows.key}#{name}", history, lives, counted, _split(rows, name, mine))


def _split(rows: LifeRows, name: str, mine: npt.NDArray[np.int64]) -> SplitName | None:
    if rows.splits is None:
        return rows.split
    splits = rows.splits
    found: set[SplitName | None] = {splits[i] for i in mine.tolist()}
    if len(found) > 1:
        said = " and ".join(sorted(map(str, found)))
        raise DataError(
            f"{rows.where}: unit {name} stands in {said}, expected one split for all of its rows",
            hint="A unit of the train split cannot be in another split.",
        )
    return found.pop()


def divide(
    where: str,
    root: str,
    layout: str,
    units: Sequence[Unit],
    seed: int,
    decisions: Sequence[str] = (),
    warnings: Sequence[str] = (),
    skipped: Sequence[Skipped] = (),
) -> Splits:
    """Makes splits of units; no unit is in two of them.

    Where the data has no validation or test split, a share of the units is drawn from train. A test unit that
    is told up to its failure is cut after one of its rows, drawn likewise: at its end nothing would be left
    to predict.

    Args:
        where: The path that was read, for messages.
        root: The folder that keys of units are relative to.
        layout: One line that says which layout was recognized and by what.
        units: All units.
        seed: Draws what has to be drawn.
        decisions: What the reader decided, one line each.
        warnings: What the reader wants to be known, one line each.
        skipped: What the reader left out.

    Returns:
        Splits whose samples are histories and whose labels are the remaining lives after each of their rows,
        shape (units,), object.

    Raises:
        DataError: There are too few units, they have different variables, two have one name, or only some of
            them have a split.
    """
    _check(where, units)
    places, drawn = _places(where, units, seed)
    cut, said = _cut(units, places, seed)
    parts = {
        name: _part(root, [unit for unit, place in zip(cut, places, strict=True) if place == name])
        for name in SPLITS
    }
    return Splits(
        parts["train"],
        parts["validation"],
        parts["test"],
        class_names=(),
        layout=layout,
        fingerprint=fingerprint(units),
        decisions=(*decisions, *drawn, *said),
        warnings=tuple(warnings),
        skipped=tuple(skipped),
    )


def _check(where: str, units: Sequence[Unit]) -> None:
    if not units:
        raise DataError(f"{where}: expected units, received none")
    first = units[0].history
    seen: set[str] = set()
    for unit in units:
        if unit.history.variables != first.variables:
            strange = set(unit.history.variables) ^ set(first.variables)
            raise DataError(
                f"{where}: {unit.key} has not the columns of {units[0].key}: {', '.join(sorted(strange))}"
            )
        if unit.key in seen:
            raise DataError(f"{where}: the unit {unit.key} is there twice")
        seen.add(unit.key)
    without = sum(unit.split is None for unit in units)
    if 0 < without < len(units):
        raise DataError(
            f"{where}: {without} of {len(units)} units have no split, expected all or none",
            hint="Give every unit a split, or leave the split out for all.",
        )


def _places(where: str, units: Sequence[Unit], seed: int) -> tuple[list[SplitName], list[str]]:
    """The split of each unit, and what was decided."""
    places: list[SplitName] = [unit.split or "train" for unit in units]
    pool = [i for i, place in enumerate(places) if place == "train"]
    wanted: list[SplitName] = [name for name in ("test", "validation") if name not in places]
    if len(pool) <= len(wanted):
        raise DataError(
            f"{where}: expected at least {len(wanted) + 1} units to learn from, received {len(pool)}",
            hint="Units never straddle splits, and each split needs one.",
        )
    order = np.random.default_rng(seed).permutation(pool).tolist()
    decisions = []
    count = min(max(1, round(SHARE * len(pool))), (len(pool) - 1) // max(len(wanted), 1))
    for name in wanted:
        chosen, order = order[:count], order[count:]
        for i in chosen:
            places[i] = name
        decisions.append(
            f"{name}: {count} of {len(pool)} units, because the data has no {name} split; drawn with seed "
            f"{seed}, whole units"
        )
    return places, decisions


def _cut(units: Sequence[Unit], places: Sequence[SplitName], seed: int) -> tuple[list[Unit], list[str]]:
    """The same units, those of the test that are told up to their failure cut."""
    rng = np.random.default_rng([seed, _CUTS])
    made, count = [], 0
    for unit, place in zip(units, places, strict=True):
        if place != "test" or not unit.counted or len(unit.history) < 2:
            made.append(unit)
            continue
        rows = int(rng.integers(1, len(unit.history)))
        made.append(replace(unit, history=unit.history.until(rows), lives=unit.lives[:rows]))
        count += 1
    said = f"test: {count} units are cut after a row drawn with seed {seed}, because the data tells their end"
    return made, [said] if count else []


def _part(root: str, units: Sequence[Unit]) -> Split:
    samples = SeriesSamples(root, [unit.key for unit in units], [unit.history for unit in units])
    return Split(samples, as_labels([unit.lives for unit in units]))
