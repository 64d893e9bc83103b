"""Run-to-failure histories from whatever is there: the layout is detected and reported.

| what is there | layout |
|---|---|
| `train_FD001.txt`, `test_FD001.txt`, `RUL_FD001.txt`, or a folder with them | a set of C-MAPSS |
| a folder with several such sets | the set that `subset` names |
| a table of any form | columns unit, cycle, sensors[, remaining life][, split] |
| a folder of such tables named `train`, `validation`, `test` | one data set |
| a folder of other such tables | one data set; a table without a column of units is one unit, by its name |

Columns are found by their usual names or as given. Where no column tells the remaining life, it is counted
from a unit's last row, at which it failed.

What happens to bad input:

| what is wrong | what happens |
|---|---|
| rows of a unit that are not in order of its cycles | sorted; warning with the count |
| two rows of one unit and cycle | the later one in the file is taken; warning with the count |
| a unit of one row | kept; warning with the count |
| a missing or infinite value | the unit's last known one, or else the mean of train; warning with the count |
| a sensor that is constant in train | left out of the inputs, said |
| a missing cycle or unit, a remaining life that is missing or negative | `DataError` with the row |
| a line of C-MAPSS that has not 26 fields, or one that is no finite number | `DataError` with the line |
| a test file of C-MAPSS without its file of remaining lives | skipped, listed; test is drawn from train |
| remaining lives that are more or fewer than test units | `DataError` |
| several sets of C-MAPSS and none chosen | `UsageError` that lists them |
| a table without a column of units | `DataError` that lists the columns |
| a unit with rows in several splits | `DataError` |
| an unknown split, or for some units only | `DataError` |
| too few units for the splits | `DataError` |
| files of different columns, one unit twice | `DataError` |
| a header without data, an empty file, damaged bytes | `DataError` |
| columns of words | left out and reported |
| a file that is no table, beside those that are read | skipped, listed |

Units never straddle splits. Where the data has no validation or test split, a share of the units is drawn
from train with the seed; a test unit that the data tells up to its failure is cut after a row drawn likewise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.listing import Listing
from convscope.data.named_files import files_of, is_folder, nothing_in
from convscope.data.split_names import split_of_path
from convscope.data.splits import Splits
from convscope.errors import DataError
from convscope.kinds.series.readers.frames import is_table
from convscope.kinds.series.readers.sources import SeriesInputs
from convscope.kinds.series.remaining_life.cmapss import find_set, is_set_file, read_set, read_units
from convscope.kinds.series.remaining_life.histories import LifeNotes, Unit, divide
from convscope.kinds.series.remaining_life.tables import LifeColumns, read_life_table
from convscope.types import Progress, Skipped, no_progress


@dataclass(frozen=True)
class _Found:
    root: str
    layout: str
    units: list[Unit]
    decisions: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def read_lives(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    subset: str | None = None,
    columns: LifeColumns | None = None,
) -> Splits:
    """Reads run-to-failure histories from any of the layouts in the table above.

    Args:
        path: A folder or a file.
        seed: Draws the splits that the data does not have, and cuts; not negative.
        progress: Receives how much is done.
        subset: Which set of C-MAPSS.
        columns: The columns of tables that the user named.

    Returns:
        Train, validation and test: samples are histories, labels the remaining lives after each of their
        rows; with the layout, every decision, every warning and all that was skipped.

    Raises:
        DataError: As the table above says; the message names the file and the line.
        UsageError: A set or a column that is not there.
        BackendError: The library that reads tables is not installed.
    """
    place, notes = Path(path), LifeNotes()
    asked = columns or LifeColumns()
    of_folder = is_folder(place)
    chosen = find_set(place, subset)
    if chosen is not None:
        folder, name = chosen
        units, skipped = read_set(folder, name, notes)
        found = _Found(str(folder), f"C-MAPSS text files of {name}", units, (), tuple(skipped))
    elif of_folder:
        found = _folder(place, asked, notes, progress)
    else:
        units, said = read_life_table(place, place.name, asked, notes)
        found = _Found(str(place.parent), f"a table of units: {place.name}", units, said)
    return divide(
        str(place),
        found.root,
        found.layout,
        found.units,
        seed,
        found.decisions,
        notes.warnings(),
        found.skipped,
    )


def table_keys(listing: Listing, folder: Path) -> list[str]:
    """The tables of a folder at any depth; all else is listed as skipped.

    Args:
        listing: Of the folder; learns what is left out.
        folder: Where it lies, for messages.

    Raises:
        DataError: There is none.
    """
    keys = listing.files_that(is_table, "no table")
    if not keys:
        raise DataError(
            f"{folder}: expected tables of units or files of C-MAPSS, received none",
            hint="Tables end in .csv, .tsv or .parquet; files of C-MAPSS are called train_FD001.txt.",
        )
    return keys


def _folder(folder: Path, asked: LifeColumns, notes: LifeNotes, progress: Progress) -> _Found:
    listing = Listing(str(folder))
    keys = table_keys(listing, folder)
    splits = [split_of_path(key) for key in keys]
    named = None not in splits
    units: list[Unit] = []
    said: dict[str, None] = {}
    for done, (key, split) in enumerate(zip(keys, splits, strict=True), 1):
        mine, lines = read_life_table(
            folder / key, key, asked, notes, split if named else None, alone=len(keys) == 1 or named
        )
        units += mine
        said.update(dict.fromkeys(lines))
        progress(done, len(keys), "reading tables")
    if named:
        said[f"splits: by the names of the files: {_some(keys)}"] = None
    return _Found(str(folder), f"tables of units: {_some(keys)}", units, tuple(said), tuple(listing.skipped))


def _some(keys: Sequence[str], most: int = 5) -> str:
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return f"{', '.join(keys[:most])}{more}"


def read_life_inputs(
    inputs: Sequence[str],
    *,
    progress: Progress = no_progress,
    columns: LifeColumns | None = None,
    every: bool = False,
) -> SeriesInputs:
    """Reads the units that are asked about.

    | what is given | what it is |
    |---|---|
    | `train_FD001.txt`, `test_FD001.txt` | the units of a file of C-MAPSS |
    | another table | its units; the only one where it has no column of units |
    | a folder | its tables, at any depth |
    | a pattern such as `fleet/*.csv` | the files and folders that match, sorted |

    Args:
        inputs: Any of these.
        progress: Receives the number of files read.
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
    found = [file for one in inputs for file in files_of(str(one), skipped, is_table, "no table")]
    files = list(map(Path, found))
    units: list[tuple[str, Unit]] = []
    for done, file in enumerate(files, 1):
        if is_set_file(file):
            mine = read_units(file, notes)
        else:
            mine, _ = read_life_table(file, file.name, asked, notes, alone=False)
        units += [(f"{file}#{unit.key.rpartition('#')[2]}", unit) for unit in mine]
        progress(done, len(files), "reading units")
    if not units:
        raise nothing_in(inputs, "units", skipped)
    keys, histories = [], []
    for key, unit in units:
        rows = len(unit.history)
        for stop in range(1, rows + 1) if every else (rows,):
            keys.append(key)
            histories.append(unit.history.until(stop))
    return SeriesInputs("", keys, histories, tuple(skipped), notes.warnings())
