"""Images without labels, to predict: files, folders and patterns."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from convscope.data.named_files import files_of
from convscope.errors import DataError
from convscope.kinds.image.readers.scan import scan
from convscope.kinds.image.readers.sources import FileImages, unscanned_files
from convscope.types import Progress, Skipped, no_progress


@dataclass(frozen=True)
class ImageInputs(FileImages):
    """Image files without labels, and what was left out.

    Args:
        skipped: What is not a readable image.
    """

    skipped: tuple[Skipped, ...] = ()


def read_inputs(paths: Sequence[str], *, progress: Progress = no_progress) -> ImageInputs:
    """Finds and checks the images that are to be predicted.

    Args:
        paths: Files, folders (read at any depth) and patterns such as `scans/*.png` or `scans/**/*.png`. What
            exists under a name is never taken for a pattern.
        progress: Told how many files were scanned.

    Returns:
        Every readable image once, in the order given, folders and patterns sorted; the others as `skipped`.

    Raises:
        DataError: A path does not exist, a pattern matches nothing, or no image is readable.
    """
    skipped: list[Skipped] = []
    files: dict[str, None] = {}
    for path in paths:
        files.update(dict.fromkeys(files_of(os.fspath(path), skipped)))
    scanned = scan(unscanned_files("", files), progress)
    source = scanned.source
    skipped += scanned.skipped
    if not len(source):
        examples = "; ".join(f"{bad.path}: {bad.reason}" for bad in skipped[:3])
        raise DataError(
            f"expected images, received none in {', '.join(paths) or 'no paths'}. {examples}".strip()
        )
    return ImageInputs("", source.keys, source.sizes, source.channels, tuple(skipped))
