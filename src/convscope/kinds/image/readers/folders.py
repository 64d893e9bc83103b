"""Class folders of images, alone or below `train/ validation/ test/`."""

from __future__ import annotations

from pathlib import Path

from convscope.data.assembly import Found
from convscope.data.listing import Listing, class_files
from convscope.kinds.image.readers.scan import scan_to_found
from convscope.kinds.image.readers.sources import unscanned_files
from convscope.types import Progress


def read_image_folders(path: Path, progress: Progress) -> Found:
    """Reads a folder per class, or `train/ validation/ test/` of such folders.

    Args:
        path: The folder.
        progress: Told how many files were scanned.

    Returns:
        The images, sorted by path.

    Raises:
        DataError: There are no class folders, one cannot be read, or most files are not images.
    """
    listing = Listing(str(path))
    files = class_files(listing, "images")
    return scan_to_found(
        unscanned_files(str(path), files.keys),
        where=str(path),
        layout=files.layout,
        labels=files.labels,
        splits=files.splits,
        skipped=listing.skipped,
        progress=progress,
    )
