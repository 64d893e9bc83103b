"""Tables that name volumes, with a label and, where there is one, a split and a group."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from convscope.data.assembly import Found
from convscope.data.file_tables import FileNouns, FileOptions, read_file_table, tables_that_name
from convscope.data.listing import Listing
from convscope.kinds.volume.readers.files import VolumeFiles, may_be_volume, volumes_of
from convscope.kinds.volume.readers.scan import NOUNS, scan_to_found
from convscope.kinds.volume.readers.sources import ChannelLayout, FileVolumes
from convscope.types import Progress

_NOUNS = FileNouns(*NOUNS, columns=("volume", "scan", "series", "nifti", "dicom"))


def volume_tables(folder: Path, asked: FileOptions, channels: ChannelLayout | None) -> list[Path]:
    """The tables right in a folder that name volumes below it; raises as `tables_that_name`."""
    return tables_that_name(
        folder, lambda: [each.key for each in folder_volumes(folder, channels).volumes], asked, _NOUNS
    )


def folder_volumes(folder: Path, channels: ChannelLayout | None = None) -> VolumeFiles:
    """All volumes below a folder; channels as `volumes_of`."""
    keys = [key for key in Listing(str(folder)).files_below("") if may_be_volume(folder, key)]
    return volumes_of(folder, keys, channels)


def read_table(
    path: Path, progress: Progress, asked: FileOptions, channels: ChannelLayout | None = None
) -> Found:
    """Reads the volumes that a table names: files, or folders of slices, below its own folder.

    Args:
        path: The table.
        progress: Receives the number of volumes read.
        asked: Options that the user gave.
        channels: As `volumes_of`.

    Raises:
        DataError: A column is missing, or a label or split is malformed; the message names the line.
    """
    files = folder_volumes(path.parent, channels)
    by_key = {each.key: each for each in files.volumes}
    rows = read_file_table(path, list(by_key), asked, _NOUNS)
    found = scan_to_found(
        FileVolumes(str(path.parent), [by_key[key] for key in rows.keys]),
        where=str(path),
        layout=f"table: {path.name} names {len(rows.keys)} volumes",
        labels=rows.labels,
        splits=rows.splits,
        skipped=[*rows.skipped, *files.skipped],
        progress=progress,
        groups=rows.groups,
        grouped_by=rows.grouped_by,
        group=asked.group,
        decisions=[*rows.decisions, *files.decisions],
    )
    return replace(found, warnings=(*found.warnings, *files.warnings))
