"""Labelled volumes from whatever is there: the layout is detected and reported.

| what is there | layout |
|---|---|
| a folder of folders with volumes, or with folders of DICOM slices | folder per class, in splits or not |
| a table that names volumes below its folder | table |
| volumes in one folder whose names say the label, by `--label-pattern` | labels in the names |
| a `.npz`, or a Zarr group, with arrays of volumes and labels | arrays |

What happens to bad input:

| what is wrong | what happens |
|---|---|
| a file that is empty, truncated, of another form or not readable | skipped, counted, listed |
| no volume is readable, or more than half are not | `DataError` |
| voxels of size 0, or an affine that is none | skipped, counted, listed; what to mend is said |
| sform and qform of a NIfTI header that differ | the sform is taken, with a warning |
| a fourth axis of several times | skipped, counted, listed |
| slices that are missing, or several at one place | skipped, counted, listed |
| several series of one study in a folder | the largest is read, the others are listed |
| values that are not finite | become the smallest finite one, with a warning |
| volumes of one value | kept, with a warning |
| channels on several grids | skipped, counted, listed |
| fewer than two classes, a class of one volume, a class that is not in train | `DataError` |
| identical volumes in train and in validation or test | warning with the count |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from convscope.data.assembly import Found, assemble
from convscope.data.class_folders import ClassFiles, class_files
from convscope.data.encoding import check_encoding
from convscope.data.file_labels import classes_by_pattern
from convscope.data.file_tables import FileOptions
from convscope.data.listing import Listing
from convscope.data.name_patterns import check_is_folder
from convscope.data.named_files import is_folder
from convscope.data.splits import Splits
from convscope.data.tables import table_kind
from convscope.errors import DataError
from convscope.kinds.volume.readers.arrays import read_npz, read_zarr_group
from convscope.kinds.volume.readers.files import is_companion, may_be_volume, volumes_of
from convscope.kinds.volume.readers.scan import scan_to_found
from convscope.kinds.volume.readers.sources import ChannelLayout, FileVolumes
from convscope.kinds.volume.readers.sources import channel_layout as found_layout
from convscope.kinds.volume.readers.tables import read_table, volume_tables
from convscope.types import Progress, Skipped, no_progress


def read_volumes(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    label_column: str | None = None,
    label_pattern: str | None = None,
    group: str | None = None,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
    channel_layout: ChannelLayout | None = None,
) -> Splits:
    """Reads labelled volumes from any of the layouts in the table above.

    Args:
        path: A folder or a file.
        seed: Draws the splits that the data does not have; None where samples are to be judged.
        progress: Receives how much is done.
        label_column: Name or position of the column of labels in a table.
        label_pattern: As `classes_by_pattern`, of the volumes of a folder.
        group: Column, or pattern of paths, that names the group of each volume, such as its patient; a group
            stays in one split. Patients that DICOM files name are groups by default.
        encoding: Name of a Python codec for tables; detected by default.
        drop_column: Columns of tables that are left out.
        channel_layout: Where the channels of scans are; found by the names of files by default.

    Raises:
        DataError: As the table above says; the message names the file and, in a table, the line.
        UsageError: There is no such column.
    """
    asked = FileOptions(label_column, label_pattern, group, encoding, tuple(drop_column))
    splits = assemble(find_volumes(Path(path), progress, asked, channel_layout), seed, group)
    return replace(splits, reading={**splits.reading, **found_layout(splits.train.samples)})


def find_volumes(
    place: Path, progress: Progress, asked: FileOptions, channels: ChannelLayout | None = None
) -> Found:
    """Volumes with their labels before they are divided; raises as `read_volumes`."""
    check_encoding(asked.encoding)
    folder = is_folder(place)
    check_is_folder(str(place), asked.pattern, folder)
    if not folder:
        return _in_file(place, progress, asked, channels)
    if place.suffix.lower() == ".zarr":
        return read_zarr_group(place, progress, asked.labels)
    if asked.pattern is not None:
        listing = Listing(str(place))
        named = classes_by_pattern(listing, asked.pattern, lambda key: may_be_volume(place, key))
        return _of_folders(place, listing, named, progress, "the label pattern", channels, asked)
    archives = [key for key in Listing(str(place)).children("")[1] if key.lower().endswith(".npz")]
    tables = volume_tables(place, asked, channels)
    if tables:
        return read_table(tables[0], progress, asked, channels)
    if len(archives) == 1:
        return read_npz(place / archives[0], progress, asked.labels)
    if archives:
        raise DataError(
            f"{place}: expected one archive, received {', '.join(archives[:10])}",
            hint="Give the path of one of them.",
        )
    listing = Listing(str(place))
    found = class_files(listing, "volumes", lambda key: may_be_volume(place, key))
    around = "the folders around the class folders"
    return _of_folders(place, listing, found, progress, around, channels, asked)


def _in_file(path: Path, progress: Progress, asked: FileOptions, channels: ChannelLayout | None) -> Found:
    if path.suffix.lower() == ".npz":
        return read_npz(path, progress, asked.labels)
    if table_kind(path) is not None:
        return read_table(path, progress, asked, channels)
    raise DataError(
        f"{path}: expected a folder, a table or .npz, received '{path.suffix or path.name}'",
        hint="Put the volumes of each class into a folder that is named after the class.",
    )


def _of_folders(
    root: Path,
    listing: Listing,
    files: ClassFiles,
    progress: Progress,
    grouped_by: str,
    channels: ChannelLayout | None,
    asked: FileOptions,
) -> Found:
    """Volumes of class folders: files are put together within each class."""
    of_key = {key: at for at, key in enumerate(files.keys)}
    volumes = volumes_of(root, files.keys, channels)
    at = [of_key[_first_file(each.channels[0][0], of_key, files.keys)] for each in volumes.volumes]
    found = scan_to_found(
        FileVolumes(str(root), volumes.volumes),
        where=str(root),
        layout=files.layout,
        labels=[files.labels[row] for row in at],
        splits=[files.splits[row] for row in at],
        skipped=[*_no_companions(root, listing.skipped, files.keys), *volumes.skipped],
        progress=progress,
        groups=None if files.groups is None else [files.groups[row] for row in at],
        grouped_by=grouped_by if files.groups is not None else "",
        group=asked.group,
        decisions=[*files.decisions, *volumes.decisions],
    )
    return replace(found, warnings=(*found.warnings, *volumes.warnings))


def _no_companions(root: Path, skipped: Sequence[Skipped], keys: Sequence[str]) -> list[Skipped]:
    """What was left out, but for files that hold the values of a header beside them."""
    others = {str(root / key) for key in keys}
    return [each for each in skipped if not is_companion(str(each.path), others)]


def _first_file(key: str, of_key: dict[str, int], keys: Sequence[str]) -> str:
    """A file of a volume: its own, or the first in its folder."""
    return key if key in of_key else next(each for each in keys if each.startswith(f"{key}/"))
