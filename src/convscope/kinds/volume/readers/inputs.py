"""Volumes without labels: all that can be trained on can be predicted, its labels left out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.file_tables import FileOptions
from convscope.data.named_files import files_of, nothing_in
from convscope.data.splits import LeftOut
from convscope.data.tables import table_kind
from convscope.errors import DataError
from convscope.kinds.volume.readers.arrays import read_npz, read_zarr_group
from convscope.kinds.volume.readers.files import is_companion, may_be_volume, volumes_of
from convscope.kinds.volume.readers.others import is_single_zarr
from convscope.kinds.volume.readers.scan import scan, told
from convscope.kinds.volume.readers.sources import ArrayVolumes, ChannelLayout, FileVolumes
from convscope.kinds.volume.readers.tables import read_table
from convscope.types import Progress, Skipped, no_progress


@dataclass(frozen=True)
class VolumeInputs(LeftOut, FileVolumes):
    """Volumes in files without labels, and what was left out."""


@dataclass(frozen=True)
class ArrayVolumeInputs(LeftOut, ArrayVolumes):
    """Volumes of an array without labels, and what was left out."""


AnyInputs = VolumeInputs | ArrayVolumeInputs
"""Volumes without labels, wherever they come from."""


def read_inputs(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    label_column: str | None = None,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
    channel_layout: ChannelLayout | None = None,
) -> AnyInputs:
    """Finds and checks the volumes that are to be predicted.

    Args:
        paths: Files, folders (read at any depth; those of DICOM slices and of Zarr are volumes) and patterns
            such as `scans/*.nii.gz`. Or a single table or archive.
        progress: Receives the number of volumes read.
        label_column: The column of labels in a table, which are not read.
        encoding: As `read_volumes`.
        drop_column: As `read_volumes`.
        channel_layout: As `volumes_of`.

    Raises:
        DataError: A path does not exist, a pattern matches nothing, or no volume is readable.
    """
    many = [path for path in paths if _holds_many(Path(path))]
    if many and len(paths) > 1:
        raise DataError(
            f"{many[0]} holds many volumes, and cannot be read together with {len(paths) - 1} other inputs",
            hint="Give tables and archives one at a time.",
        )
    if many:
        asked = FileOptions(label_column, None, None, encoding, tuple(drop_column), labels=False)
        return _of_data_set(Path(many[0]), progress, asked, channel_layout)
    return _of_files(paths, progress, channel_layout)


def _of_files(paths: Sequence[str], progress: Progress, channels: ChannelLayout | None) -> AnyInputs:
    """The volumes among files, and those of the only archive in a folder."""
    skipped: list[Skipped] = []
    files: dict[str, None] = {}
    for path in paths:
        files.update(dict.fromkeys(files_of(os.fspath(path), skipped)))
    kept = [file for file in files if may_be_volume(Path(), file)]
    archives = [file for file in files if file.lower().endswith(".npz")]
    if len(archives) == 1 and not kept:
        return _of_data_set(Path(archives[0]), progress, FileOptions(labels=False), channels)
    skipped += [
        Skipped(file, "not a volume by its name")
        for file in files
        if file not in kept and not is_companion(file, files)
    ]
    found = volumes_of(Path(), kept, channels)
    scanned, _, _, bad, notes = scan(FileVolumes("", found.volumes), progress)
    left_out = (*skipped, *found.skipped, *bad)
    if not len(scanned):
        raise nothing_in(paths, "volumes", left_out)
    said = (*told(notes)[1], *found.warnings)
    return VolumeInputs(scanned.root, scanned.stored, scanned.facts, skipped=left_out, warnings=said)


def _holds_many(place: Path) -> bool:
    """Whether a path is a file of many volumes."""
    if place.suffix.lower() == ".zarr" and place.is_dir():
        return any(each.is_dir() and not each.name.isdigit() for each in place.iterdir()) and not (
            is_single_zarr(place)
        )
    return (table_kind(place) is not None or place.suffix.lower() == ".npz") and place.is_file()


def _of_data_set(
    path: Path, progress: Progress, asked: FileOptions, channels: ChannelLayout | None
) -> AnyInputs:
    if path.suffix.lower() == ".npz":
        found = read_npz(path, progress, labelled=False)
    elif path.suffix.lower() == ".zarr":
        found = read_zarr_group(path, progress, labelled=False)
    else:
        found = read_table(path, progress, asked, channels)
    source, left_out, warnings = found.source, tuple(found.skipped), tuple(found.warnings)
    if isinstance(source, ArrayVolumes):
        return ArrayVolumeInputs(
            source.root,
            source.array,
            source.segments,
            source.form,
            source.facts,
            source.rows,
            skipped=left_out,
            warnings=warnings,
        )
    if not isinstance(source, FileVolumes):
        raise TypeError(f"volumes of {type(source).__name__}")
    return VolumeInputs(source.root, source.stored, source.facts, skipped=left_out, warnings=warnings)
