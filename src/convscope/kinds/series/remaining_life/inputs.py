"""Histories without remaining lives, to predict: files, folders and patterns."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from convscope.data.listing import Listing
from convscope.errors import DataError
from convscope.kinds.series.remaining_life.cmapss import is_set_file, read_units
from convscope.kinds.series.remaining_life.histories import HistoryInputs, LifeNotes, Unit
from convscope.kinds.series.remaining_life.reader import table_keys
from convscope.kinds.series.remaining_life.tables import LifeColumns, read_life_table
from convscope.types import Progress, Skipped, no_progress


def read_life_inputs(
    inputs: Sequence[str],
    *,
    progress: Progress = no_progress,
    columns: LifeColumns | None = None,
    every: bool = False,
) -> HistoryInputs:
    """Reads the units that are asked about.

    | what is given | what it is |
    |---|---|
    | `train_FD001.txt`, `test_FD001.txt` | the units of a file of C-MAPSS |
    | `.csv`, `.tsv`, `.parquet` | the units of a table; the only one where it has no column of units |
    | a folder | its tables, at any depth |
    | a pattern such as `fleet/*.csv` | the files and folders that match, sorted |

    Args:
        inputs: Any of these.
        progress: Told how many files were read.
        columns: The columns of tables that the user named.
        every: Whether each row of a unit is asked about, with what came before it; else its last one alone.

    Returns:
        Histories up to the row that is asked about, in the order given.

    Raises:
        DataError: A path is not there, a pattern matches nothing, a file is malformed, or there is no unit.
        UsageError: A column that is not there.
        BackendError: The library that reads tables is not installed.
    """
    asked, notes, skipped = columns or LifeColumns(), LifeNotes(), list[Skipped]()
    files = [file for one in inputs for file in _files(str(one), skipped)]
    units: list[tuple[str, Unit]] = []
    for done, file in enumerate(files, 1):
        if is_set_file(file):
            mine = read_units(file, notes)
        else:
            mine, _ = read_life_table(file, file.name, asked, notes, alone=False)
        units += [(f"{file}#{unit.key.rpartition('#')[2]}", unit) for unit in mine]
        progress(done, len(files), "reading units")
    if not units:
        raise DataError(f"expected units, received none in {', '.join(map(str, inputs)) or 'no inputs'}")
    keys, histories = [], []
    for key, unit in units:
        rows = len(unit.history)
        for stop in range(1, rows + 1) if every else (rows,):
            keys.append(key)
            histories.append(unit.history.until(stop))
    return HistoryInputs("", keys, histories, tuple(skipped), notes.warnings())


def _files(one: str, skipped: list[Skipped]) -> list[Path]:
    path = Path(one)
    try:
        if one and path.is_file():
            return [path]
        if one and path.is_dir():
            listing = Listing(one)
            keys = table_keys(listing, path)
            skipped += listing.skipped
            return [path / key for key in keys]
        matches = sorted(glob.glob(one, recursive=True)) if glob.has_magic(one) else []  # noqa: PTH207
    except (OSError, ValueError) as error:
        raise DataError(f"{one}: cannot be read ({error})") from error
    found = [
        file
        for match in matches
        for file in _files(glob.escape(match) if glob.has_magic(match) else match, skipped)
    ]
    if not found:
        what = "the pattern matches no file" if glob.has_magic(one) else "there is no such file or folder"
        raise DataError(f"{one or 'an empty input'}: {what}", hint="Check the spelling of the path.")
    return found
