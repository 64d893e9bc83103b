"""C-MAPSS text files: rows of 26 numbers for each cycle of each engine, and lives of those of the test.

Source: Saxena, Goebel, Simon and Eklund (2008), Damage propagation modeling for aircraft engine
run-to-failure simulation.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.lines import read_lines
from convscope.data.listing import Listing
from convscope.errors import DataError, UsageError, unknown_name
from convscope.kinds.series.remaining_life.histories import LifeNotes, LifeRows, Unit, units_of
from convscope.types import Skipped, SplitName

CONDITIONS = ("setting_1", "setting_2", "setting_3")
SENSORS = (
    *("T2", "T24", "T30", "T50", "P2", "P15", "P30", "Nf", "Nc", "epr", "Ps30", "phi", "NRf", "NRc", "BPR"),
    *("farB", "htBleed", "Nf_dmd", "PCNfR_dmd", "W31", "W32"),
)
COLUMNS = 2 + len(CONDITIONS) + len(SENSORS)
FILE = re.compile(r"(?P<role>train|test|RUL)_(?P<set>FD\d+)\.txt", re.IGNORECASE)

_MOST_ROWS = 10_000_000
_LONGEST = 4_000


def find_set(path: Path, name: str | None) -> tuple[Path, str] | None:
    """The folder and the name of the data set that a path means.

    Args:
        path: The folder, or any file of the set.
        name: The set, such as `FD001`, where the user chose it.

    Returns:
        None where the path holds no files of C-MAPSS.

    Raises:
        UsageError: There are several sets and none is chosen, or none is called as the chosen one.
        DataError: The set has no file to learn from.
    """
    matched = FILE.fullmatch(path.name) if path.is_file() else None
    folder = path.parent if matched else path
    if not folder.is_dir() or (path.is_file() and matched is None):
        return None
    known = _sets(folder)
    if not known:
        return None
    trained = sorted(each for each, roles in known.items() if "train" in roles)
    if name is None and matched:
        name = matched["set"]
    if name is None and len(trained) > 1:
        raise UsageError(
            f"{path} holds the sets {', '.join(trained)}.",
            f"Choose one: --subset {trained[0]}, or give its file {_file(folder, 'train', trained[0]).name}.",
        )
    chosen = name.upper() if name else (trained or sorted(known))[0]
    if chosen not in known:
        raise unknown_name("set", str(name), trained or known)
    if chosen not in trained:
        raise DataError(
            f"{folder}: expected train_{chosen}.txt, received {', '.join(sorted(known[chosen]))} of {chosen}",
            hint=f"The sets that can be learned from: {', '.join(trained) or 'none'}.",
        )
    return folder, chosen


def is_set_file(path: Path) -> bool:
    """True of a file of units by its name."""
    matched = FILE.fullmatch(path.name)
    return matched is not None and matched["role"].lower() != "rul"


def read_set(folder: Path, name: str, notes: LifeNotes) -> tuple[list[Unit], list[Skipped]]:
    """Train and test units of a set.

    Args:
        folder: Where its files lie.
        name: Such as `FD001`.
        notes: Counts what was done to rows.

    Returns:
        The units, and what was left out: test units whose remaining lives no file tells.

    Raises:
        DataError: A file is damaged, or does not fit another one.
    """
    units = read_units(_file(folder, "train", name), notes, "train")
    test, lives = _file(folder, "test", name), _file(folder, "RUL", name)
    if not test.is_file():
        return units, []
    if not lives.is_file():
        return units, [Skipped(str(test), f"no {lives.name} beside it tells the remaining lives")]
    tested = read_units(test, notes, "test")
    return [*units, *_with_lives(tested, lives)], []


def read_units(path: Path, notes: LifeNotes, split: SplitName | None = None) -> list[Unit]:
    """The units of one file.

    Args:
        path: A text file of rows with 26 numbers.
        notes: Counts what was done to rows.
        split: The split that all of them belong to.

    Raises:
        DataError: A line has another number of fields, or one that is no number; it is named.
    """
    table = _numbers(path, COLUMNS)
    units = table[:, 0]
    if np.any(units != np.floor(units)):
        row = int(np.flatnonzero(units != np.floor(units))[0])
        raise DataError(f"{path}, row {row + 1}: expected the number of a unit, received {units[row]:g}")
    return units_of(
        LifeRows(
            str(path),
            path.name,
            units.astype(np.int64).astype(np.str_),
            table[:, 1],
            table[:, 2:].astype(np.float32),
            CONDITIONS + SENSORS,
            CONDITIONS,
            split=split,
        ),
        notes,
    )


def _with_lives(units: list[Unit], path: Path) -> list[Unit]:
    """Test units with the remaining lives that a file tells, one line for each unit by its number."""
    after = _numbers(path, 1)[:, 0]
    if len(after) != len(units):
        raise DataError(f"{path}: expected {len(units)} lines, one for each test unit, received {len(after)}")
    if np.any(after < 0):
        line = int(np.flatnonzero(after < 0)[0])
        raise DataError(f"{path}, row {line + 1}: expected at least 0 cycles, received {after[line]:g}")
    by_number = sorted(units, key=lambda unit: int(unit.key.rpartition("#")[2]))
    return [
        Unit(unit.key, unit.history, (unit.lives + life).astype(np.float32), False, "test")
        for unit, life in zip(by_number, after, strict=True)
    ]


def _numbers(path: Path, columns: int) -> npt.NDArray[np.float64]:
    """The numbers of a file, shape (lines, columns); blank lines are left out."""
    rows: list[list[float]] = []
    for line, text in read_lines(path, limit=_LONGEST):
        fields = text.split()
        if not fields:
            continue
        if len(fields) != columns:
            many = "number" if columns == 1 else "numbers"
            raise DataError(f"{path}, line {line}: expected {columns} {many}, received {len(fields)} fields")
        rows.append([_number(field, path, line) for field in fields])
        if len(rows) > _MOST_ROWS:
            raise DataError(f"{path}: more than {_MOST_ROWS:,} lines")
    if not rows:
        raise DataError(f"{path}: expected lines of numbers, received none")
    return np.array(rows)


def _number(field: str, path: Path, line: int) -> float:
    try:
        value = float(field)
    except ValueError:
        raise DataError(f"{path}, line {line}: expected a number, received {field[:40]!r}") from None
    if math.isinf(value) or abs(value) > np.finfo(np.float32).max:
        raise DataError(f"{path}, line {line}: expected a finite number, received {field[:40]!r}")
    return value


def _sets(folder: Path) -> dict[str, set[str]]:
    """The roles of the files that a folder has of each set, by its name."""
    found: dict[str, set[str]] = {}
    for key in Listing(str(folder)).children("")[1]:
        matched = FILE.fullmatch(key)
        if matched:
            found.setdefault(matched["set"].upper(), set()).add(matched["role"].lower())
    return found


def _file(folder: Path, role: str, name: str) -> Path:
    """The file of a role, whatever the case of its name."""
    wanted = f"{role}_{name}.txt"
    keys = Listing(str(folder)).children("")[1]
    return folder / next((key for key in keys if key.lower() == wanted.lower()), wanted)
