"""Pictures without labels, to predict: files, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.listing import Listing
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
        Every readable picture once, in the order given, folders and patterns sorted; the others as `skipped`.

    Raises:
        DataError: A path does not exist, a pattern matches nothing, or no picture is readable.
    """
    skipped: list[Skipped] = []
    files: dict[str, None] = {}
    for path in paths:
        files.update(dict.fromkeys(_files_of(os.fspath(path), skipped)))
    scanned = scan(unscanned_files("", files), progress)
    source = scanned.source
    skipped += scanned.skipped
    if not len(source):
        examples = "; ".join(f"{bad.path}: {bad.reason}" for bad in skipped[:3])
        raise DataError(
            f"expected pictures, received none in {', '.join(paths) or 'no paths'}. {examples}".strip()
        )
    return ImageInputs("", source.keys, source.sizes, source.channels, tuple(skipped))


def _files_of(path: str, skipped: list[Skipped]) -> list[str]:
    place = Path(path)
    if place.is_dir():
        listing = Listing(path)
        keys = listing.files_below("")
        skipped += listing.skipped
        return [str(place / key) for key in keys]
    if place.exists() or place.is_symlink():
        return [path]
    if not glob.has_magic(path):
        raise DataError(f"{path}: there is no such file or folder", hint="Check the spelling of the path.")
    matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - knows absolute patterns
    if not matches:
        raise DataError(f"{path}: the pattern matches no file", hint="Check the folder of the pattern.")
    if "**" in path:
        matches = [match for match in matches if not Path(match).is_dir()]
    return [file for match in matches for file in _files_of(match, skipped)]
