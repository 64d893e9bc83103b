"""Tables of units that run until they fail: a row for each unit and cycle, a column for each sensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.data.columns import SPLIT_COLUMNS, columns_line, find_column, split_name
from convscope.errors import DataError, UsageError
from convscope.kinds.series.readers.frames import column_numbers, pandas_library, read_frame
from convscope.kinds.series.readers.times import TIME_COLUMNS, parse_time_columns
from convscope.kinds.series.remaining_life.columns import (
    CONDITION_PREFIXES,
    CYCLE_COLUMNS,
    LIFE_COLUMNS,
    UNIT_COLUMNS,
)
from convscope.kinds.series.remaining_life.histories import LifeNotes, LifeRows, Unit, units_of
from convscope.types import SplitName

if TYPE_CHECKING:
    import pandas

_HOUR = 3600e9


@dataclass(frozen=True)
class LifeColumns:
    """The columns that the user named; None finds each by its usual names.

    Args:
        unit: The unit that a row belongs to.
        cycle: When the row was measured.
        life: The remaining life after the row.
        conditions: How the unit was operated.
        encoding: Of text; detected by default.
    """

    unit: str | None = None
    cycle: str | None = None
    life: str | None = None
    conditions: Sequence[str] | None = None
    encoding: str | None = None


def read_life_table(
    path: Path,
    key: str,
    asked: LifeColumns,
    notes: LifeNotes,
    split: SplitName | None = None,
    alone: bool = True,
) -> tuple[list[Unit], tuple[str, ...]]:
    """The units of one table.

    Args:
        path: A table, as `read_frame` reads it.
        key: Its name below the folder that was read.
        asked: The columns that the user named.
        notes: Counts what was done to rows.
        split: The split of all rows, where the name of the file says it.
        alone: Whether the table holds several units; else its name is that of its only one where it has no
            column of units.

    Returns:
        The units, and which columns were taken for what, one line each.

    Raises:
        DataError: The table is damaged, has no column of units or no sensor, or holds what cannot be.
        UsageError: There is no column of a given name.
        BackendError: pandas is not installed.
    """
    frame, where = read_frame(path, asked.encoding), str(path)
    said: list[str] = []
    unit = _column(frame, asked.unit, UNIT_COLUMNS, where)
    if unit is None and alone:
        raise DataError(
            f"{where}: expected a column of units, received {', '.join(map(str, frame.columns))}",
            hint="Name it with --unit-column.",
        )
    cycle = _column(frame, asked.cycle, (*CYCLE_COLUMNS, *TIME_COLUMNS), where)
    life = _column(frame, asked.life, LIFE_COLUMNS, where)
    at = find_column(list(frame.columns), SPLIT_COLUMNS)
    of_split = None if at is None else frame.columns[at]
    values, variables = _sensors(
        frame.drop(columns=[c for c in (unit, cycle, life, of_split) if c]), where, said
    )
    rows = LifeRows(
        where,
        key,
        _units(frame, unit, key, where),
        _cycles(frame, cycle, where, said),
        values,
        variables,
        _conditions(variables, asked.conditions, where),
        None if life is None else _lives(frame, life, where),
        None if of_split is None else _splits(frame, of_split, where),
        split,
    )
    roles = {"unit": unit, "cycle": cycle, "remaining life": life, "split": of_split}
    return units_of(rows, notes), (_roles_line(frame, roles, variables), *said)


def _roles_line(frame: pandas.DataFrame, found: Mapping[str, str | None], sensors: Sequence[str]) -> str:
    """The line that says what each column was taken for."""
    roles = [(role, name) for role, name in found.items() if name is not None]
    roles += [("sensor", name) for name in sensors]
    used = {name for _, name in roles}
    return columns_line(roles, [str(name) for name in frame.columns if name not in used])


def _column(frame: pandas.DataFrame, given: str | None, aliases: Sequence[str], where: str) -> str | None:
    names = [str(name) for name in frame.columns]
    if given is not None and given not in names:
        raise UsageError(f"{where} has no column '{given}'.", f"It has {', '.join(names)}.")
    at = find_column(names, aliases)
    return given if given is not None else None if at is None else names[at]


def _units(frame: pandas.DataFrame, column: str | None, key: str, where: str) -> npt.NDArray[np.str_]:
    """The unit of each row as text; of a table without such a column the name of the file."""
    if column is None:
        return np.full(len(frame), Path(key).name.partition(".")[0])
    units = frame[column]
    missing = np.flatnonzero(units.isna().to_numpy(dtype=bool))
    if len(missing):
        raise DataError(f"{where}, row {missing[0] + 1}: expected a unit in {column!r}, received nothing")
    if pandas_library().api.types.is_float_dtype(units.dtype):
        numbers = units.to_numpy(dtype=np.float64)
        return np.array([f"{number:.15g}" for number in numbers], np.str_)
    names: npt.NDArray[np.str_] = units.astype("string").str.strip().to_numpy(dtype=np.str_)
    return names


def _cycles(
    frame: pandas.DataFrame, column: str | None, where: str, said: list[str]
) -> npt.NDArray[np.float64]:
    """When each row was measured: numbers as they are, times in hours, or else rows as the file has them."""
    if column is None:
        said.append("cycles: rows are counted, because no column says when they were measured")
        return np.arange(len(frame), dtype=np.float64)
    library = pandas_library()
    if library.api.types.is_numeric_dtype(frame[column].dtype):
        numbers: npt.NDArray[np.float64] = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers
    found = parse_time_columns(frame, [column], where)
    said += [f"cycles: hours, from {found.notes[0].removeprefix('time: ')}", *found.notes[1:]]
    hours = found.times.astype(np.int64) / _HOUR
    hours[np.isnat(found.times)] = np.nan
    return hours


def _lives(frame: pandas.DataFrame, column: str, where: str) -> npt.NDArray[np.float32]:
    found = column_numbers(frame[column], f"{where}, column {column!r}")
    if found is None:
        raise DataError(f"{where}, column {column!r}: expected remaining lives as numbers, received text")
    return found


def _splits(frame: pandas.DataFrame, column: str, where: str) -> list[SplitName | None]:
    names = frame[column].astype("string").fillna("").tolist()
    return [split_name(f"{where}, row {row}", name) for row, name in enumerate(names, 1)]


def _sensors(
    frame: pandas.DataFrame, where: str, said: list[str]
) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    """All columns of numbers."""
    found: dict[str, npt.NDArray[np.float32]] = {}
    words = []
    for name in frame.columns:
        numbers = column_numbers(frame[name], f"{where}, column {name!r}")
        if numbers is None:
            words.append(repr(name))
        else:
            found[str(name)] = numbers
    if words:
        said.append(f"left out: {', '.join(words)}, which {'hold' if len(words) > 1 else 'holds'} words")
    if not found:
        raise DataError(f"{where}: expected columns of sensors, received none with numbers")
    return np.stack(list(found.values()), axis=1), tuple(found)


def _conditions(variables: Sequence[str], given: Sequence[str] | None, where: str) -> tuple[str, ...]:
    """The columns that say how units were operated, as named or as they are usually called."""
    if given is None:
        return tuple(name for name in variables if name.lower().startswith(CONDITION_PREFIXES))
    strange = [name for name in given if name not in variables]
    if strange:
        raise UsageError(
            f"{where} has no column of numbers '{strange[0]}'.", f"It has {', '.join(variables)}."
        )
    return tuple(given)
