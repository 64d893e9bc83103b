"""Run-to-failure histories from whatever is there: the layout is chosen by looking, and said.

| what is there | layout |
|---|---|
| `train_FD001.txt`, `test_FD001.txt`, `RUL_FD001.txt`, or a folder with them | a set of C-MAPSS |
| a folder with several such sets | the set that `subset` names |
| a CSV, TSV or Parquet file | a table with columns unit, cycle, sensors[, remaining life][, split] |
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
| a split that nobody knows, or for some units only | `DataError` |
| too few units for the splits | `DataError` |
| files of different columns, one unit twice | `DataError` |
| a header without data, an empty file, damaged bytes | `DataError` |
| columns of words | left out, said |
| a file that is no table, beside those that are read | skipped, listed |

Units never straddle splits. Where the data has no validation or test split, a share of the units is drawn
from train with the seed; a test unit that the data tells up to its failure is cut after a row drawn likewise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.columns import split_of_file
from convscope.data.listing import Listing
from convscope.data.splits import Splits
from convscope.errors import DataError
from convscope.kinds.series.readers.frames import is_table
from convscope.kinds.series.remaining_life.cmapss import find_set, read_set
from convscope.kinds.series.remaining_life.histories import LifeNotes, Unit
from convscope.kinds.series.remaining_life.tables import LifeColumns, read_life_table
from convscope.kinds.series.remaining_life.units import divide
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
        progress: Told how far reading has come.
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
    chosen = find_set(place, subset) if _exists(place) else None
    if chosen is not None:
        folder, name = chosen
        units, skipped = read_set(folder, name, notes)
        found = _Found(str(folder), f"C-MAPSS text files of {name}", units, (), tuple(skipped))
    elif place.is_dir():
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
    keys = []
    for key in listing.files_below(""):
        if is_table(key):
            keys.append(key)
        else:
            listing.skip(key, "no table")
    if not keys:
        raise DataError(
            f"{folder}: expected tables of units or files of C-MAPSS, received none",
            hint="Tables end in .csv, .tsv or .parquet; files of C-MAPSS are called train_FD001.txt.",
        )
    return keys


def _exists(path: Path) -> bool:
    try:
        if path.exists():
            return True
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    raise DataError(f"{path}: there is no such file or folder", hint="Check the spelling of the path.")


def _folder(folder: Path, asked: LifeColumns, notes: LifeNotes, progress: Progress) -> _Found:
    listing = Listing(str(folder))
    keys = table_keys(listing, folder)
    splits = [split_of_file(key) for key in keys]
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
