"""Recordings with labels or transcripts from whatever is there: the layout is detected and reported.

| what is there | layout |
|---|---|
| a `.jsonl`, `.json`, `.csv`, `.tsv` or Parquet file with a column of files | table, as NeMo writes it |
| a folder with one such table, or with one for each split (`train_manifest.json`) | table or tables |
| such tables in a folder beside the recordings (`meta/`), or in `train/` and `test/` | the same |
| lines such as `name|class` of one file | the lines |
| recordings in one folder, or in those of speakers or folds, that are called as in known data sets | names |
| a folder with `*.trans.txt` at any depth, for transcripts | LibriSpeech; splits by the first folder's name |
| a folder of folders with recordings, for labels | folder per class; `train/ validation/ test/` if named so |
| any folder, with a label pattern | the label stands in the names of the files |

A table names files relative to its folder (`audio_filepath`, `path`, `file`, ...), and may have a split. With
an offset and a duration a row is a part of a file; a duration alone is taken for that of the whole file.

What happens to bad input:

| what is wrong | what happens |
|---|---|
| a file that is no sound, damaged, empty, or shorter than its header says | skipped, counted, listed |
| a recording without samples; with samples that are not numbers; of more than 8 times full scale | the same |
| a rate below 1,000 or above 768,000 samples per second | the same |
| a recording of more than an hour | the same |
| a part that begins behind the end of its file, or ends more than a tenth of a second behind it | the same |
| a table that names a file that is not there | the same |
| more than half of the recordings skipped | `DataError` with the first reasons |
| silence: all samples are 0 | kept; warning with the count |
| channels that cancel each other | the loudest is taken in place of their mean; warning with the count |
| clipped: a thousandth of the samples or more at the loudest level, near full scale | kept; warning |
| any rate, any number of channels | brought to one rate and one channel by the representation |
| a path that leaves its table's folder; times that are no seconds | `DataError` with the line |
| a link that leaves the folder | skipped, listed |
| a label that is missing | left out; warning with the count |
| two columns of labels that part the rows differently; two recordings of one name | `DataError` with both |
| sound or films that the library does not decode (`.m4a`, `.mp4`) | skipped, with how to convert them |
| a split for some recordings only; an unknown split | `DataError` |
| an empty transcript | skipped, counted, listed |
| a transcript whose recording is not there (LibriSpeech) | skipped, listed |
| fewer than two classes, a class with one recording, a class that is not in train | `DataError` |
| identical recordings in train and in validation or test, whatever packs them | warning with the count |
| identical recordings with different labels or transcripts | warning with the count |
| a file whose name has no label by the pattern | skipped, listed |
| a folder with neither, a path that does not exist or cannot be read | `DataError` |

Where the data has no validation or test split, a tenth (of each class) is drawn from train with the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from convscope.data.assembly import Found, assemble, only_labeled
from convscope.data.class_folders import ClassFiles, class_files
from convscope.data.encoding import check_encoding
from convscope.data.file_labels import classes_by_pattern, named_classes
from convscope.data.groups import group_numbers, same_numbers
from convscope.data.listing import Listing
from convscope.data.name_patterns import check_is_folder, doubt_about_folders, suggested_patterns
from convscope.data.named_files import is_folder
from convscope.data.object_labels import assemble_objects
from convscope.data.overlaps import duplicate_warnings
from convscope.data.splits import Splits
from convscope.errors import DataError
from convscope.kinds.audio.readers.endings import conversion_hint, may_be_sound, stretches_hint
from convscope.kinds.audio.readers.folder_tables import FolderTables, tables_of_file, tables_of_folder
from convscope.kinds.audio.readers.published import (
    known_naming,
    read_class_lines,
    read_librispeech,
    read_named,
    read_references,
)
from convscope.kinds.audio.readers.rows import Rows
from convscope.kinds.audio.readers.tables import SOUND_LABEL_COLUMNS, TRANSCRIPT_COLUMNS
from convscope.types import Progress, no_progress

FEWEST = 3
"""Different recordings without which no split can be drawn."""
Want = Literal["label", "transcript"]
_ALIASES = {"label": SOUND_LABEL_COLUMNS, "transcript": TRANSCRIPT_COLUMNS}


def split_transcripts(found: Found, seed: int | None, group: str | None = None) -> Splits:
    """Splits of recordings with transcripts; those that the data does not have are drawn from train.

    Args:
        found: Recordings; the labels are the transcripts.
        seed: As `assemble`.
        group: As `assemble`.

    Returns:
        Train, validation and test; labels are an object array of transcripts, and there are no class names.

    Raises:
        DataError: Only some recordings have a split, there are none of train, or too few to draw from; or too
            few groups that were asked for.
    """
    found = only_labeled(found)
    splits = assemble_objects(found, found.labels, seed, group, FEWEST)
    assert splits.pool is not None
    numbers, same = group_numbers(list(map(str, found.labels))), same_numbers(found.digests)
    repeated = duplicate_warnings(found.nouns, numbers, same, splits.pool.codes)
    return replace(splits, warnings=(*splits.warnings, *repeated))


def read_recordings(
    path: str | Path,
    want: Want = "label",
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    column: str | None = None,
    label_pattern: str | None = None,
    encoding: str | None = None,
    group: str | None = None,
    drop_column: Sequence[str] = (),
) -> Splits:
    """Reads recordings with their labels or transcripts from any of the layouts in the table above.

    Args:
        path: A folder or a table.
        want: Whether each has a class, or the spoken words.
        seed: As `assemble`.
        progress: Receives the number of recordings heard.
        column: The column of labels or transcripts in a table, where it has no usual name.
        label_pattern: As `classes_by_pattern`, of the recordings of a folder.
        encoding: Of tables and transcripts; UTF-8 by default.
        group: The column that says which recordings stay together, or a regular expression of paths.
        drop_column: Columns of tables that are left out.

    Returns:
        Train, validation and test; samples are `Recordings`. Labels are numbers of class names, or an object
        array of transcripts.

    Raises:
        DataError: As the table above says; the message names the file and, where there is one, the line.
        UsageError: The pattern is not a regular expression with a group, or no encoding has this name.
        BackendError: The library that decodes is not installed.
    """
    check_encoding(encoding)
    place = Path(path)
    of_folder = is_folder(place)
    tables = None if of_folder else tables_of_file(place)
    rows = Rows(str(place if tables is None else tables.root))
    check_is_folder(str(place), label_pattern, of_folder)
    if label_pattern is not None:
        listing = Listing(rows.root)
        named = classes_by_pattern(listing, label_pattern, may_be_sound)
        layout = _take_classes(rows, named, listing, "the label pattern")
    elif tables is not None:
        layout = _read_tables(rows, tables, _Asked(want, column, encoding, group, tuple(drop_column)))
    else:
        layout = _read_folder(rows, _Asked(want, column, encoding, group, tuple(drop_column)))
    found = rows.hear(str(place), layout, progress)
    return (assemble if want == "label" else split_transcripts)(found, seed, group)


@dataclass(frozen=True)
class _Asked:
    """Options that the user gave for tables."""

    want: Want
    column: str | None
    encoding: str | None
    group: str | None
    drop: tuple[str, ...]


def _read_folder(rows: Rows, asked: _Asked) -> str:
    root = Path(rows.root)
    tables = tables_of_folder(root, _ALIASES[asked.want] if asked.column is None else None)
    if tables is not None:
        return _read_tables(rows, tables, asked)
    if asked.want == "transcript":
        return read_librispeech(rows, asked.encoding)
    layout = read_class_lines(rows, asked.encoding) or read_references(rows, asked.encoding)
    if layout:
        return layout
    listing = Listing(rows.root)
    known = known_naming(listing)
    if known is not None:
        return read_named(rows, *known)
    try:
        classes = class_files(listing, "recordings", may_be_sound)
    except DataError as error:
        listing = Listing(rows.root)
        keys = listing.files_that(may_be_sound, "no recording by its name")
        named = named_classes(listing, keys, "recordings")
        if named is not None:
            return _take_classes(rows, named, listing)
        pattern = suggested_patterns(keys) or (
            "Or give the position of the label in the file names: --label-pattern '([a-z]+)_.*'."
        )
        names = listing.files_below("")
        told = conversion_hint(names) or stretches_hint(names)
        error.hint = told or f"{error.hint} {pattern if keys else ''}"
        raise
    doubt = doubt_about_folders(classes.keys, classes.labels)
    rows.decisions += [doubt] if doubt else []
    return _take_classes(rows, classes, listing)


def _take_classes(rows: Rows, classes: ClassFiles, listing: Listing, grouped_by: str = "the folders") -> str:
    """Takes recordings with their classes; returns the layout in one line."""
    groups = classes.groups or [""] * len(classes.keys)
    for key, label, split, group in zip(classes.keys, classes.labels, classes.splits, groups, strict=True):
        rows.add(key, label, split, group=group)
    rows.grouped_by = grouped_by
    rows.decisions += classes.decisions
    rows.skipped += listing.skipped
    return classes.layout


def _read_tables(rows: Rows, tables: FolderTables, asked: _Asked) -> str:
    for row, split in tables.rows(
        _ALIASES[asked.want],
        rows.decisions,
        rows.skipped,
        column=asked.column,
        encoding=asked.encoding,
        group=asked.group,
        drop=asked.drop,
        controls=rows.controls,
    ):
        rows.add(row.key, row.target, split, row.part, row.group)
        rows.grouped_by = row.grouped_by or rows.grouped_by
    return f"table: {tables.layout} with {len(rows.keys)} recordings"
