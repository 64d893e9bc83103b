"""Pictures without labels, to predict: files, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass

from convscope.data.image_folders import Listing
from convscope.data.scan import scan
from convscope.data.sources import FileImages, unscanned_files
from convscope.errors import DataError
from convscope.kinds import Progress, Skipped, no_progress


@dataclass(frozen=True)
class ImageInputs(FileImages):
    """Picture files without labels, and what was left out.

    Args:
        skipped: What is not a readable picture.
    """

    skipped: tuple[Skipped, ...] = ()


def read_inputs(paths: Sequence[str], *, progress: Progress = no_progress) -> ImageInputs:
    """Finds and checks the pictures that are to be predicted.

    Args:
        paths: Files, folders (read at any depth) and patterns such as `scans/*.png` or `scans/**/*.png`. What
            exists under a name is never taken for a pattern.
        progress: Told how many files were scanned.

    Returns:
        Every readable picture once, in the order given, folders and patterns sorted; `skipped` lists the others.

    Raises:
        DataError: A path does not exist, a pattern matches nothing, or no picture is readable.
    """
    skipped: list[Skipped] = []
    files: dict[str, None] = {}
    for path in paths:
        files.update(dict.fromkeys(_files_of(os.fspath(path), skipped)))
    source, _, _, unreadable = scan(unscanned_files("", files), progress)
    skipped += unreadable
    if not len(source):
        examples = "; ".join(f"{bad.path}: {bad.reason}" for bad in skipped[:3])
        raise DataError(
            f"expected pictures, received none in {', '.join(paths) or 'no paths'}. {examples}".strip()
        )
    return ImageInputs("", source.keys, source.sizes, source.channels, tuple(skipped))


def _files_of(path: str, skipped: list[Skipped]) -> list[str]:
    if os.path.isdir(path):
        listing = Listing(path)
        keys = listing.files_below("")
        skipped += listing.skipped
        return [os.path.join(path, key) for key in keys]
    if os.path.lexists(path):
        return [path]
    if not glob.has_magic(path):
        raise DataError(f"{path}: there is no such file or folder")
    matches = sorted(glob.glob(path, recursive=True))
    if not matches:
        raise DataError(f"{path}: the pattern matches no file")
    return [
        file
        for match in matches
        if not os.path.isdir(match) or "**" not in path
        for file in _files_of(match, skipped)
    ]
