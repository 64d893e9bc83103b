"""Labelled clips from whatever is there: the layout is detected and reported.

| what is there | layout |
|---|---|
| a folder of folders with films, or with folders of frames | folder per class, in splits or not |
| a table that names films or folders of frames below its folder | table |
| films in one folder whose names say the label, by `--label-pattern` | labels in the names |

What happens to bad input is told by `readers.films`, one film at a time. Besides:

| what is wrong | what happens |
|---|---|
| a film that is empty, truncated, of another form or cannot be decoded | skipped, counted, listed |
| no clip is readable, or more than half are not | `DataError` |
| images right in a class folder, which are no frames of one clip | skipped, counted, listed |
| fewer than two classes, a class of one clip, a class that is not in train | `DataError` |
| identical clips in train and in validation or test | warning with the count |
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from convscope.data.assembly import Found, assemble
from convscope.data.class_folders import ClassFiles, class_files
from convscope.data.encoding import check_encoding
from convscope.data.file_labels import classes_by_pattern
from convscope.data.file_tables import FileNouns, FileOptions, read_file_table, tables_that_name
from convscope.data.listing import Listing
from convscope.data.name_patterns import check_is_folder
from convscope.data.named_files import is_folder
from convscope.data.splits import Splits
from convscope.data.tables import table_kind
from convscope.errors import DataError
from convscope.kinds.video.readers.films import USUAL_RATE
from convscope.kinds.video.readers.scan import NOUNS, scan_to_found
from convscope.kinds.video.readers.sources import FileClips, StoredClip, clips_of, may_be_film, may_be_frame
from convscope.types import Progress, Skipped, no_progress

FILE_NOUNS = FileNouns(*NOUNS, columns=("video", "clip", "film", "movie", "video_path", "video_id"))


def read_clips(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    label_column: str | None = None,
    label_pattern: str | None = None,
    group: str | None = None,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
    frame_rate: float | None = None,
) -> Splits:
    """Reads labelled clips from any of the layouts in the table above.

    Args:
        path: A folder or a table.
        seed: Draws the splits that the data does not have; None where samples are to be judged.
        progress: Receives how much is done.
        label_column: Name or position of the column of labels in a table.
        label_pattern: As `classes_by_pattern`, of the films of a folder.
        group: Column, or pattern of paths, that names the group of each clip, such as its person or footage;
            a group stays in one split.
        encoding: Name of a Python codec for tables; detected by default.
        drop_column: Columns of tables that are left out.
        frame_rate: Frames a second of folders of frames; 25 by default.

    Raises:
        DataError: As the table above says; the message names the file and, in a table, the line.
        UsageError: There is no such column.
    """
    asked = FileOptions(label_column, label_pattern, group, encoding, tuple(drop_column))
    return assemble(find_clips(Path(path), progress, asked, frame_rate or USUAL_RATE), seed, group)


def find_clips(place: Path, progress: Progress, asked: FileOptions, rate: float) -> Found:
    """Clips with their labels before they are divided; raises as `read_clips`."""
    check_encoding(asked.encoding)
    folder = is_folder(place)
    check_is_folder(str(place), asked.pattern, folder)
    if not folder:
        if table_kind(place) is None:
            raise DataError(
                f"{place}: expected a folder or a table, received '{place.suffix or place.name}'",
                hint="Put the clips of each class into a folder that is named after the class.",
            )
        return read_clip_table(place, progress, asked, rate)
    listing = Listing(str(place))
    films = [key for key in listing.files_below("") if may_be_film(key)]
    takes = may_be_film if films else may_be_frame
    if asked.pattern is not None:
        named = classes_by_pattern(listing, asked.pattern, takes)
        return _of_folders(place, listing, named, progress, "the label pattern", rate)
    tables = tables_that_name(place, lambda: _keys_below(place), asked, FILE_NOUNS)
    if tables:
        return read_clip_table(tables[0], progress, asked, rate)
    found = class_files(listing, NOUNS[1], takes)
    return _of_folders(place, listing, found, progress, "the folders around the class folders", rate)


def _clips_below(folder: Path) -> list[StoredClip]:
    """All clips below a folder."""
    return clips_of(Listing(str(folder)).files_below(""))


def _keys_below(folder: Path) -> list[str]:
    return [clip.key for clip in _clips_below(folder)]


def read_clip_table(path: Path, progress: Progress, asked: FileOptions, rate: float) -> Found:
    """Reads the clips that a table names: films, or folders of frames, below its own folder.

    Args:
        path: The table.
        progress: Receives the number of clips read.
        asked: Options that the user gave.
        rate: Frames a second of folders of frames.

    Raises:
        DataError: A column is missing, or a label or split is malformed; the message names the line.
    """
    by_key = {clip.key: clip for clip in _clips_below(path.parent)}
    rows = read_file_table(path, list(by_key), asked, FILE_NOUNS)
    return scan_to_found(
        FileClips(str(path.parent), [by_key[key] for key in rows.keys], rate=rate),
        where=str(path),
        layout=f"table: {path.name} names {len(rows.keys)} clips",
        labels=rows.labels,
        splits=rows.splits,
        skipped=rows.skipped,
        progress=progress,
        groups=rows.groups,
        grouped_by=rows.grouped_by,
        decisions=rows.decisions,
    )


def _of_folders(
    root: Path, listing: Listing, files: ClassFiles, progress: Progress, grouped_by: str, rate: float
) -> Found:
    """Clips of class folders: frames are put together within each of the folders in them."""
    row_of = {key: row for row, key in enumerate(files.keys)}
    inside = [key for key in files.keys if may_be_film(key) or key.count("/") > 1]
    clips = clips_of(inside)
    rows = [row_of[clip.frames[0] if clip.frames else clip.key] for clip in clips]
    loose = [
        Skipped(str(root / key), "an image that lies in no folder of frames")
        for key in sorted(set(files.keys) - set(inside))
    ]
    if not clips:
        raise DataError(
            f"{root}: expected films, or folders of frames in class folders, received {len(loose)} images",
            hint="Put the frames of each clip into a folder of its own; of single images learns"
            " image-classification.",
        )
    return scan_to_found(
        FileClips(str(root), clips, rate=rate),
        where=str(root),
        layout=files.layout,
        labels=[files.labels[row] for row in rows],
        splits=[files.splits[row] for row in rows],
        skipped=[*listing.skipped, *loose],
        progress=progress,
        groups=None if files.groups is None else [files.groups[row] for row in rows],
        grouped_by=grouped_by if files.groups is not None else "",
        decisions=files.decisions,
    )
