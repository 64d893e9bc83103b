"""Recordings with labels or transcripts from whatever is there: the layout is chosen by looking, and said.

| what is there | layout |
|---|---|
| a `.jsonl`, `.json`, `.csv`, `.tsv` or Parquet file with a column of files | table, as NeMo writes it |
| a folder with one such table, or with one for each split (`train_manifest.json`) | table or tables |
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
| clipped: a thousandth of the samples or more at the loudest level, near full scale | kept; warning |
| any rate, any number of channels | brought to one rate and one channel by the representation |
| a path that leaves its table's folder; times that are no seconds | `DataError` with the line |
| a link that leaves the folder | skipped, listed |
| a label that is missing; a split for some recordings only; a split that nobody knows | `DataError` |
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

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import (
    Found,
    assemble,
    check_mostly_readable,
    content_fingerprint,
)
from convscope.data.class_folders import class_files
from convscope.data.encoding import check_encoding
from convscope.data.lines import ControlCharacters, read_lines
from convscope.data.listing import Listing
from convscope.data.named_files import is_folder
from convscope.data.overlaps import duplicate_warnings
from convscope.data.split_names import split_of, split_of_path
from convscope.data.splits import Splits, as_labels, divided
from convscope.data.stratify import draw_missing, split_codes
from convscope.errors import DataError, UsageError
from convscope.kinds.audio.readers.recordings import WHOLE, Excerpt, Recordings
from convscope.kinds.audio.readers.scan import scan_recordings
from convscope.kinds.audio.readers.tables import (
    SOUND_LABEL_COLUMNS,
    TRANSCRIPT_COLUMNS,
    TRANSCRIPTS,
    is_sound_table,
    named_recordings,
)
from convscope.types import SPLITS, Progress, Skipped, SplitName, no_progress

FEWEST = 3
"""Different recordings without which no split can be drawn, and speakers without which they are mixed."""
Want = Literal["label", "transcript"]


@dataclass
class Rows:
    """Recordings in the order in which they were found, not yet heard.

    Args:
        root: The folder that the keys are relative to.
        controls: Counts control characters of transcripts.
    """

    root: str
    controls: ControlCharacters = field(default_factory=ControlCharacters)
    keys: list[str] = field(default_factory=list)
    parts: list[Excerpt] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    speakers: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)

    def add(
        self, key: str, said: str, split: SplitName | None, part: Excerpt = WHOLE, speaker: str = ""
    ) -> None:
        """Takes a recording with what is said of it, or in it; one without is listed as skipped.

        Args:
            key: The file, below the folder.
            said: Its class, or its transcript.
            split: Where it belongs, if the data says so.
            part: Of the file.
            speaker: Who is heard; empty where nobody knows.
        """
        if not said.strip():
            self.skipped.append(Skipped(f"{self.root}/{key}", "the transcript is empty"))
            return
        self.keys.append(key)
        self.parts.append(part)
        self.said.append(said)
        self.splits.append(split)
        self.speakers.append(speaker)

    def hear(self, where: str, layout: str, progress: Progress) -> Found:
        """Hears all of them and keeps those that can be decoded.

        Args:
            where: The path that was read, for messages.
            layout: One line that says which layout was recognized and by what.
            progress: Told how many were heard.

        Raises:
            DataError: More than half cannot be decoded, or there are none.
        """
        whole = all(part == WHOLE for part in self.parts)
        scanned = scan_recordings(Recordings(self.root, self.keys, () if whole else self.parts), progress)
        check_mostly_readable(where, len(scanned.kept), scanned.skipped, "recordings")
        kept = scanned.kept.tolist()
        near = _by_speaker([self.speakers[row] for row in kept])
        drawn = not {"validation", "test"} <= set(self.splits)
        if near is None and drawn and any(self.speakers):
            self.decisions.append(
                "speakers: the same in several splits; keeping them apart needs three or more, given for"
                " each recording"
            )
        return Found(
            where=where,
            layout=layout,
            source=scanned.source,
            labels=[self.said[row] for row in kept],
            splits=[self.splits[row] for row in kept],
            digests=scanned.digests,
            nouns=("recording", "recordings"),
            near=near,
            alike="identical recordings" if near is None else "all recordings of a speaker",
            stratified=near is None,
            decisions=self.decisions,
            warnings=(*self.controls.warnings, *scanned.warnings),
            skipped=(*self.skipped, *scanned.skipped),
        )


def _by_speaker(speakers: Sequence[str]) -> npt.NDArray[np.str_] | None:
    """Who is heard, where everybody is told and there are enough to draw from."""
    return np.array(speakers) if all(speakers) and len(set(speakers)) >= FEWEST else None


def split_transcripts(found: Found, seed: int) -> Splits:
    """Splits of recordings with transcripts; those that the data does not have are drawn from train.

    Args:
        found: Recordings; the labels are the transcripts.
        seed: Draws the splits that the data does not have.

    Returns:
        Train, validation and test; labels are an object array of transcripts, and there are no class names.

    Raises:
        DataError: Only some recordings have a split, there are none of train, or too few to draw from.
    """
    codes = split_codes(found.where, found.splits, found.nouns)
    groups = np.unique(found.digests, return_inverse=True)[1].astype(np.int64)
    near = found.digests if found.near is None else found.near
    together = np.unique(near, return_inverse=True)[1].astype(np.int64)
    codes, drawn = draw_missing(found.where, codes, together, seed, found.nouns[1], found.alike, FEWEST)
    numbers = np.unique([str(text) for text in found.labels], return_inverse=True)[1].astype(np.int64)
    return Splits(
        *divided(found.source, as_labels(found.labels), codes),
        class_names=(),
        layout=found.layout,
        fingerprint=content_fingerprint(found),
        decisions=(*found.decisions, *drawn),
        warnings=(*found.warnings, *duplicate_warnings(found.nouns, numbers, groups, codes)),
        skipped=tuple(found.skipped),
    )


def read_recordings(
    path: str | Path,
    want: Want = "label",
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    column: str | None = None,
    label_pattern: str | None = None,
    encoding: str | None = None,
    group: str | None = None,
) -> Splits:
    """Reads recordings with their labels or transcripts from any of the layouts in the table above.

    Args:
        path: A folder or a table.
        want: Whether each has a class, or the words that are said in it.
        seed: Draws the splits that the data does not have; not negative.
        progress: Told how many recordings were heard.
        column: The column of labels or transcripts in a table, where it has no usual name.
        label_pattern: A regular expression that is searched for in the names of the files below a folder; the
            label is its group `label`, or its first group; `split` is the split, `speaker` who is heard.
        encoding: Of tables and transcripts; UTF-8 by default.
        group: As `assemble`.

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
    rows = Rows(str(place if of_folder else place.parent))
    if label_pattern is not None and want == "label" and of_folder:
        layout = _by_pattern(rows, label_pattern)
    elif not of_folder:
        layout = _read_tables(rows, {place.name: None}, want, column, encoding)
    else:
        layout = _read_folder(rows, want, column, encoding)
    found = rows.hear(str(place), layout, progress)
    return assemble(found, seed, group) if want == "label" else split_transcripts(found, seed)


def _read_folder(rows: Rows, want: Want, column: str | None, encoding: str | None) -> str:
    listing = Listing(rows.root)
    _, files = listing.children("")
    tables = _tables(rows.root, files)
    if tables:
        return _read_tables(rows, tables, want, column, encoding)
    if want == "transcript":
        return _read_librispeech(rows, encoding)
    try:
        classes = class_files(listing, "recordings")
    except DataError as error:
        if files:
            error.hint += (
                " Or give the position of the label in the file names: --label-pattern '([a-z]+)_.*'."
            )
        raise
    for key, label, split in zip(classes.keys, classes.labels, classes.splits, strict=True):
        rows.add(key, label, split)
    rows.skipped += listing.skipped
    return classes.layout


def _tables(root: str, files: list[str]) -> dict[str, SplitName | None]:
    """The tables of recordings in a folder with the splits that their names say: one, or one per split."""
    tables = [key for key in files if is_sound_table(Path(root, key))]
    if len(tables) < 2:
        return dict.fromkeys(tables)
    named = {key: split_of_path(key) for key in tables}
    for split in SPLITS:
        same = [key for key in tables if named[key] == split]
        if len(same) > 1:
            raise DataError(
                f"{root}: expected one table for {split}, received {' and '.join(same)}",
                hint="Give the path of one table, with a column split.",
            )
    if "train" not in named.values():
        raise DataError(
            f"{root}: expected one table or one for each split, received {', '.join(tables[:8])}",
            hint="Give the path of one table, or name them train, validation and test.",
        )
    return {key: split for key, split in named.items() if split is not None}


def _read_tables(
    rows: Rows,
    tables: dict[str, SplitName | None],
    want: Want,
    column: str | None,
    encoding: str | None,
) -> str:
    aliases = SOUND_LABEL_COLUMNS if want == "label" else TRANSCRIPT_COLUMNS
    for key, split in tables.items():
        for row in named_recordings(
            Path(rows.root, key),
            aliases,
            column=column,
            encoding=encoding,
            controls=rows.controls,
            skipped=rows.skipped,
        ):
            rows.add(row.key, row.said or "", split or row.split, row.part, row.speaker)
    return f"table: {', '.join(tables)} with {len(rows.keys)} recordings"


def _read_librispeech(rows: Rows, encoding: str | None) -> str:
    """Files of transcripts beside recordings that are called as the lines begin."""
    listing = Listing(rows.root)
    keys = listing.files_below("")
    lists = [key for key in keys if key.endswith(TRANSCRIPTS)]
    if not lists:
        raise DataError(
            f"{rows.root}: expected a table of recordings with transcripts, or files *{TRANSCRIPTS}, received"
            f" {len(keys)} files without either",
            hint='Write a table with one object per line, such as {"audio_filepath": "a.wav", "text": "a"}.',
        )
    recordings = {key.rpartition(".")[0]: key for key in keys if not key.endswith(".txt")}
    folders = {key.partition("/")[0] if "/" in key else "" for key in lists}
    by_folder = {folder: split_of_path(folder) for folder in folders}
    named = all(by_folder.values())
    for key in lists:
        parent = key.rpartition("/")[0]
        for number, line in read_lines(Path(rows.root, key), encoding, controls=rows.controls):
            name, _, words = line.strip().partition(" ")
            if not name:
                continue
            found = recordings.get(f"{parent}/{name}".lstrip("/"))
            if found is None:
                listing.skip(f"{key}#{number}", f"there is no recording {name}")
                continue
            split = by_folder[key.partition("/")[0] if "/" in key else ""] if named else None
            rows.add(found, words, split, speaker=name.partition("-")[0] if "-" in name else "")
    rows.skipped += listing.skipped
    if named:
        said = (f"{folder} is {split}" for folder, split in sorted(by_folder.items()))
        rows.decisions.append(f"splits: by the names of the folders: {', '.join(said)}")
    return f"LibriSpeech: {len(lists)} files of transcripts with {len(rows.keys)} recordings"


def _by_pattern(rows: Rows, pattern: str) -> str:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"The label pattern {pattern!r} is not a regular expression: {error}.") from error
    if not expression.groups:
        raise UsageError(
            f"The label pattern {pattern!r} has no group.", "Put parentheses around the label: '([a-z]+)_.*'."
        )
    group: str | int = "label" if "label" in expression.groupindex else 1
    listing = Listing(rows.root)
    for key in listing.files_below(""):
        matched = expression.search(key)
        if matched is None or not matched[group]:
            listing.skip(key, "its name has no label by the pattern")
            continue
        raw = matched["split"] if "split" in expression.groupindex else None
        split = None if not raw else split_of(raw)
        if raw and split is None:
            raise DataError(f"{rows.root}/{key}: expected a split by the pattern, received {raw!r}")
        heard = matched["speaker"] if "speaker" in expression.groupindex else None
        rows.add(key, matched[group], split, speaker=heard or "")
    rows.skipped += listing.skipped
    return f"names of files: label by the pattern {pattern}"
