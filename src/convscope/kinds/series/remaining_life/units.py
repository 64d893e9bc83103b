"""Units to splits, which are drawn unit by unit; what is judged is cut before its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convscope.data.splits import Split, Splits
from convscope.errors import DataError
from convscope.kinds.series.readers.sources import SeriesSamples
from convscope.kinds.series.remaining_life.histories import Lives, Unit, fingerprint
from convscope.types import SPLITS, Skipped, SplitName

SHARE = 0.15
"""Share of the units that a split gets which the data does not have."""

_CUTS = 1
"""Keeps the random numbers of cuts apart from those of splits."""


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
        **parts,
        class_names=(),
        layout=layout,
        fingerprint=fingerprint(units),
        decisions=(*decisions, *drawn, *said),
        warnings=tuple(warnings),
        skipped=tuple(skipped),
    )


def as_labels(lives: Sequence[Lives]) -> np.ndarray:
    """Remaining lives of several units, one array each, as the labels of a split."""
    labels = np.empty(len(lives), object)
    labels[:] = list(lives)
    return labels


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
