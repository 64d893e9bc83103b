"""Labelled series from whatever is there: the layout is detected and reported.

| what is there | layout |
|---|---|
| `.ts`, `.arff` | the UCR and UEA archives' own files |
| `.tsv`, `.txt`, `.csv` without a header | a series in each row, its label first |
| a table with a column of labels and numbers beside it | a series in each row |
| Parquet whose cells are lists | a series in each row, a variable in each column of lists |
| a table with ids that repeat | long: rows of one id are the times of one series |
| files with a word for the split in their name (`GunPoint_TRAIN.tsv`, `GunPoint_TEST.tsv`) | one data set |
| a folder with one such set, or with one file | it; `.ts` before `.tsv`, `.txt`, `.arff`, `.csv` |
| `.npz`, or `X_train.npy` and `y_train.npy` | as `series.arrays` says |
| `X_train.txt` and `y_train.txt`, also in `train/` and `test/` | as `series.matrices` says |
| a table for each series, and one that names their files with labels | a series in each file |
| tables called `walking_1.csv`, `running_1.csv`, or by a given pattern | a series in each, labels by names |
| a folder of folders with tables | folder per class, a series in each file; splits if named so |

Where the data has no validation or test split, a tenth of each class is drawn from train with the seed. A
validation split of fewer than 30 series is not drawn: the train series take its place, which costs nothing of
what there is to learn from, and the report says so.

What happens to times and numbers stands in `series.tables`. Besides:

| what is wrong | what happens |
|---|---|
| missing values at the end of a row or an archive's series | cut off: the series is shorter |
| missing values elsewhere | kept as missing (NaN) |
| a series without any value | skipped, counted, listed |
| a series that is constant | kept; warning with the count |
| series of different lengths | kept; a representation brings them to one |
| series with other variables than the first | `DataError` that lists both; another order is put right |
| a label that is missing, nested or of more than 200 characters | `DataError` with the row |
| labels that are whole numbers | named by their digits; `1.0` is `1` |
| two labels or splits for one id, a row without an id | `DataError` with the row |
| no column of labels | `DataError` that lists the columns |
| `@timestamps true`, numbers to predict in place of classes | `DataError` |
| fewer than two classes, a class with one series in all, a class that is not in train | `DataError` |
| identical series in train and in validation or test, or with different labels | warning with the count |
| several data sets in one folder, an empty folder, a path that does not exist | `DataError` |
| a damaged file, bytes that are not UTF-8, a header without data | `DataError` |
| a link that leaves the folder, a file that is no table | skipped, listed |
| more than 2**28 values in all | `DataError` |
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from convscope.data.assembly import Found, assemble
from convscope.data.class_folders import ClassFiles, class_files
from convscope.data.file_labels import classes_by_pattern, named_classes
from convscope.data.file_sets import FileSet, set_at, set_of_file
from convscope.data.listing import Listing
from convscope.data.named_files import STANDARD_INPUT, files_of, nothing_in
from convscope.data.number_labels import are_numbers_to_predict
from convscope.data.splits import Splits
from convscope.errors import DataError
from convscope.kinds.series.readers.archive import is_archive_file, read_archive_file
from convscope.kinds.series.readers.arrays import find_stored, read_stored
from convscope.kinds.series.readers.frames import is_series_table, is_table
from convscope.kinds.series.readers.label_streams import cut_into_windows
from convscope.kinds.series.readers.listed_files import find_listed
from convscope.kinds.series.readers.matrices import find_matrices, read_matrices
from convscope.kinds.series.readers.sources import SeriesInputs, SeriesRows, changes_of
from convscope.kinds.series.readers.table_layouts import read_table_series
from convscope.kinds.series.readers.table_roles import Asked, label_names
from convscope.kinds.series.readers.tables import measuring_of, series_of_frame
from convscope.kinds.series.readers.time_forms import TimeForms
from convscope.types import Progress, SplitName, no_progress

if TYPE_CHECKING:
    import pandas

ENDINGS = (".ts", ".tsv", ".txt", ".arff", ".csv", ".parquet", ".pq", ".jsonl", ".ndjson", ".xlsx")
"""Of one data set that is there in several forms, the first is read."""


def read_series(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    time_column: str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    rows: str = "auto",
    group: str | None = None,
    time_format: str | None = None,
    missing_value: Sequence[str] = (),
    drop_column: Sequence[str] = (),
    encoding: str | None = None,
    label_pattern: str | None = None,
    window: int | None = None,
) -> Splits:
    """Reads labelled series from any of the layouts in the table above.

    Args:
        path: A folder, a file, or what the names of the files of one data set begin with.
        seed: Draws the splits that the data does not have; not negative.
        progress: Receives how much is done.
        time_column: The column of times in a table.
        id_column: The column that says to which series a row belongs.
        label_column: The column of labels.
        rows: As `Asked`.
        group: As `assemble`.
        time_format: How times are written, as `series.times` has it.
        missing_value: Numbers that stand for a missing value.
        drop_column: Columns that are left out.
        encoding: Name of a Python codec for tables; detected by default.
        label_pattern: As `classes_by_pattern`, for files of one series each.
        window: As `Asked`.

    Returns:
        Train, validation and test, with the layout, every decision, every warning and all that was skipped.

    Raises:
        DataError, UsageError: As the table above says; the message names the file and the row or column.
        BackendError: pandas, or for `.ts` and `.arff` aeon, is not installed.
    """
    measuring = measuring_of(time_column, time_format, missing_value, drop_column, encoding)
    asked = Asked(id_column, label_column, rows, group, measuring, False, label_pattern, window)
    found = found_series(Path(path), asked, progress)
    _check_classes(path, found)
    return assemble(found, seed, group)


def _check_classes(path: str | Path, found: Found) -> None:
    """Refuses labels that are numbers to predict."""
    labels = [label for label in found.labels if label is not None]
    if are_numbers_to_predict(labels) and len(set(labels)) > len(labels) / 2:
        raise DataError(
            f"{path}: expected classes, received numbers to predict, such as {', '.join(labels[:3])}",
            hint="Use --recipe series-regression, or name another column with --label-column.",
        )


def found_series(place: Path, asked: Asked, progress: Progress) -> Found:
    """The series below a path with their labels, before they are divided.

    Where some tables leave open whether dates begin with the day and others do not, all are read as these.

    Args:
        place: As `read_series`.
        asked: Options that the user gave.
        progress: Receives how much is done.

    Raises:
        DataError: As `read_series`.
    """
    forms = TimeForms()
    found = _found(place, asked, progress, forms)
    settled = forms.settled(str(place))
    if settled is not None:
        asked = replace(asked, measuring=replace(asked.measuring, time_format=settled))
        found = _found(place, asked, progress, TimeForms())
    return found


def _found(place: Path, asked: Asked, progress: Progress, forms: TimeForms) -> Found:
    found = SeriesRows(str(place), progress)
    beside = _beside(place, asked, found, forms) if asked.label_pattern is None else None
    named = _named(place, asked) if beside is None else None
    if beside is not None:
        found, layout = beside
    elif named is not None:
        layout = _read_each(_Into(found, asked, forms), *named, "the pattern of names")
    else:
        files = set_at(place, "series", _preferred)
        found = SeriesRows(str(place if files is None else files.root), progress)
        into = _Into(found, asked, forms)
        layout = _read_folders(into) if files is None else _read_files(files, into)
    found.keep("time_format", forms.form)
    return found.found(str(place), layout)


def _named(place: Path, asked: Asked) -> tuple[Listing, ClassFiles] | None:
    """The tables of a folder whose names say the labels, as no column of theirs does; None of any other."""
    if not place.is_dir():
        return None
    listing = Listing(str(place))
    if asked.label_pattern is not None:
        return listing, classes_by_pattern(listing, asked.label_pattern, is_table)
    files = named_classes(listing, listing.files_that(is_series_table, "not a table"), "tables")
    if files is None or asked.label_column is not None or asked.id_column is not None:
        return None
    names = list(map(str, asked.measuring.frame_of(place / files.keys[0]).columns))
    return None if label_names(names) else (listing, files)


def _beside(
    place: Path, asked: Asked, found: SeriesRows, forms: TimeForms, labelled: bool = True
) -> tuple[SeriesRows, str] | None:
    """The series of a folder whose labels stand in files of their own, and the layout; None of any other."""
    stored = find_stored(place, labelled)
    if stored is not None:
        return found, read_stored(stored, found, asked.rows, labelled)
    matrices = find_matrices(place, labelled, asked.measuring.encoding)
    if matrices is not None:
        return found, read_matrices(matrices, found, asked)
    listed = find_listed(place, asked.measuring.encoding)
    if listed is None:
        return None
    rows = zip(listed.keys, listed.labels, listed.splits, listed.groups, strict=True)
    for key, label, split, group in rows:
        path = place / key
        table = series_of_frame(asked.measuring.frame_of(path, strict=labelled), str(path), asked.measuring)
        found.note(key, (*table.notes, table.line()))
        forms.add(table.time_format, table.notes)
        found.add(str(path), key, table.series[0], label, split, group)
    found.decisions |= dict.fromkeys([listed.line])
    found.grouped_by = "the table of labels"
    return found, listed.layout


@dataclass(frozen=True)
class _Into:
    """Where series are collected, and how."""

    found: SeriesRows
    asked: Asked
    forms: TimeForms


def _preferred(folder: Path) -> FileSet | None:
    """The set of the first ending that a folder has a set of; None where it has none, or several of it."""
    names = Listing(str(folder)).children("")[1]
    for ending in ENDINGS:
        sets = {set_of_file(folder / name).keys for name in names if name.lower().endswith(ending)}
        whole = [keys for keys in sets if len(keys) > 1]
        if len(whole) == 1:
            return set_of_file(folder / whole[0][0])
        if whole:
            return None
    return None


def _read_files(files: FileSet, into: _Into) -> str:
    found = into.found
    found.skipped += files.skipped
    forms: dict[str, None] = {}
    for key, split in zip(files.keys, files.splits, strict=True):
        path = files.root / key
        form = _read_archive(path, key, split, into) if is_archive_file(path) else None
        forms[form or _read_table(path, key, split, into)] = None
    found.decisions |= dict.fromkeys(files.decisions())
    return files.layout(forms)


def _read_archive(path: Path, key: str, split: SplitName | None, into: _Into) -> str:
    found = into.found
    series, labels = read_archive_file(path, numbers=into.asked.numbers, rows=into.asked.rows)
    for number, (one, label) in enumerate(zip(series, labels, strict=True), 1):
        found.add(f"{path}, series {number}", f"{key}#{number}", one, label, split)
    return f"series of the archives ({path.suffix})"


def _read_table(path: Path, key: str, split: SplitName | None, into: _Into) -> str:
    """Adds the series of a table; returns its form in a few words."""
    found = into.found
    table = read_table_series(into.asked.measuring.frame_of(path), str(path), into.asked, labelled=True)
    found.note(key, table.notes)
    found.keep("label_column", table.roles.kept)
    found.keep("window", table.window)
    into.forms.add(table.time_format, table.notes)
    if table.grouped_by or table.roles.group is not None:
        found.grouped_by = table.grouped_by or f"column '{table.roles.group}'"
    nothing = [None] * len(table.series)
    parts = (table.keys, table.series, table.labels, table.splits or [split] * len(nothing))
    for place, one, label, belongs, group in zip(*parts, table.groups or nothing, strict=True):
        found.add(f"{path}#{place}", f"{key}#{place}", one, label, belongs, group)
    return table.form


def _read_folders(into: _Into) -> str:
    listing = Listing(into.found.root)
    return _read_each(into, listing, class_files(listing, "series", is_series_table), "the names of folders")


def _read_each(into: _Into, listing: Listing, files: ClassFiles, grouped_by: str) -> str:
    """Adds a series for each table whose folder or name says its label; returns the layout."""
    found = into.found
    groups: Sequence[str | None] = files.groups or [None] * len(files.keys)
    for key, label, split, group in zip(files.keys, files.labels, files.splits, groups, strict=True):
        path = Path(found.root, key)
        table = series_of_frame(into.asked.measuring.frame_of(path), str(path), into.asked.measuring)
        found.note(key, (*table.notes, table.line()))
        into.forms.add(table.time_format, table.notes)
        found.add(str(path), key, table.series[0], label, split, group)
    found.decisions |= dict.fromkeys(files.decisions)
    found.grouped_by = grouped_by
    found.skipped += listing.skipped
    return f"{files.layout} of series"


def read_series_inputs(
    inputs: Sequence[str],
    *,
    progress: Progress = no_progress,
    time_column: str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    rows: str = "auto",
    group: str | None = None,
    time_format: str | None = None,
    missing_value: Sequence[str] = (),
    drop_column: Sequence[str] = (),
    encoding: str | None = None,
    window: int | None = None,
) -> SeriesInputs:
    """Reads the series that are asked about; labels and splits that stand beside them are left out.

    | what is given | what it is |
    |---|---|
    | `-` | standard input, CSV as a file would hold it |
    | a table, `.ts` or `.arff` | its series, as `read_table_series` finds them |
    | a folder | each such file in it, at any depth |
    | a pattern such as `recordings/*.csv` | the files and folders that match, sorted |

    Args:
        inputs: Any of these.
        progress: Receives the number of series read.
        time_column: The column of times in a table.
        id_column: The column that says to which series a row belongs.
        label_column: The column of labels, which are not read.
        rows: What a row of a table is: a whole `series`, one of its `times`, or `auto`.
        group: The column of groups, which are not read.
        time_format: How times are written, as the training settled it.
        missing_value: Numbers that stand for a missing value.
        drop_column: Columns that are left out.
        encoding: Name of a Python codec for tables; detected by default.
        window: Rows of the windows in which series are cut; None leaves them whole.

    Returns:
        The series, in the order given.

    Raises:
        DataError: A path or pattern matches nothing, a file is malformed, or no series is there.
        UsageError: A table has no such column.
        BackendError: pandas or aeon is not installed.
    """
    measuring = measuring_of(time_column, time_format, missing_value, drop_column, encoding)
    asked = Asked(id_column, label_column, rows, group, measuring, window=window)
    found = SeriesRows("", progress)
    for one in map(str, inputs):
        if one == STANDARD_INPUT:
            frame = measuring.frame_of_open(sys.stdin.buffer, "standard input")
            _add(found, "standard input", frame, asked)
            continue
        beside = _beside(Path(one), asked, found, TimeForms(), labelled=False)
        if beside is not None:
            continue
        for file in files_of(one, found.skipped, _is_series, "neither a table nor a file of the archives"):
            _add_file(found, Path(file), asked)
    if not found.series:
        raise nothing_in(inputs, "series", found.skipped)
    progress(len(found.series), len(found.series), "reading series")
    made = found.samples()
    return SeriesInputs(
        "", made.keys, made.series, tuple(found.skipped), changes_of((*found.doubts, *found.decisions))
    )


def _is_series(key: str) -> bool:
    return is_table(key) or is_archive_file(key)


def _add_file(found: SeriesRows, path: Path, asked: Asked) -> None:
    if is_archive_file(path):
        for number, one in enumerate(read_archive_file(path, labelled=False)[0], 1):
            found.add(f"{path}, series {number}", f"{path}#{number}", one)
    else:
        frame = asked.measuring.frame_of(path, strict=False)
        _add(found, str(path), frame, asked)


def _add(found: SeriesRows, where: str, frame: pandas.DataFrame, asked: Asked) -> None:
    table = read_table_series(frame, where, asked, labelled=False)
    table = table if asked.window is None else cut_into_windows(table, asked.window)
    found.note(where, table.notes)
    for place, one in zip(table.keys, table.series, strict=True):
        key = f"{where}#{place}" if place else where
        found.add(key, key, one)
