"""Labelled images from whatever is there: the layout is chosen by looking, and said.

| what is there | layout |
|---|---|
| a folder of folders with images | folder per class; `train/ validation/ test/` where they are named so |
| a `.csv` with columns path, label[, split] | manifest |
| a `.csv` with columns emotion, pixels[, Usage] | FER2013 |
| a Parquet file with columns path, label[, split] | manifest |
| a Parquet file, or a folder of them, with an image column | encoded images, as Hugging Face writes them |
| a `.npz` | NumPy arrays |
| a folder with `*-images-idx3-ubyte[.gz]` | IDX |
| a folder with one of the files above and no folders | that file |

What happens to bad input:

| what is wrong | what happens |
|---|---|
| an image that is empty, truncated, not an image, or not readable | skipped, counted, listed |
| a decompression bomb: over 64 million pixels or 256 MiB | skipped before decoding, counted, listed |
| no image is readable, or more than half are not | `DataError` |
| a class with one image in total | `DataError`: it cannot be in both train and test |
| a class that is not in train | `DataError` that names it |
| fewer than two classes; no train split; a split for some images only | `DataError` |
| identical images in train and in validation or test | warning with the count |
| identical images with different labels | warning with the count |
| a link that leaves the folder, a broken link, a link to a folder that contains it | skipped, listed |
| a file without read permission | skipped, counted, listed |
| a folder or a table without read permission | `DataError` |
| a path that does not exist, an empty folder, an unknown kind of file | `DataError` |
| files beside class folders, folders beside `train/`, empty class folders | skipped, listed |
| hidden files, `__MACOSX`, `Thumbs.db`, `desktop.ini` | ignored |
| a manifest's path that is absolute or leaves its folder | `DataError` with the line |
| a manifest's file that is missing | skipped, counted, listed |
| a table that is not UTF-8, misses a label or a field, has an unknown split | `DataError` with the line |
| a table that misses a column | `DataError` |
| a FER2013 row with a wrong number of pixels or a value that is not a number | `DataError` with the line |
| a Parquet row without image bytes | skipped, listed |
| an archive or array that is damaged, holds objects, is too large or differs from its header | `DataError` |

Where the data has no validation or test split, a tenth of each class is drawn from train with the seed;
identical images stay on one side. The same seed and the same data give the same splits on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convscope.data.assembly import Found, assemble
from convscope.data.class_folders import class_files
from convscope.data.listing import Listing, parquet_shards
from convscope.data.named_files import files_of, is_folder, nothing_in
from convscope.data.splits import LeftOut, Splits
from convscope.errors import DataError
from convscope.kinds.image.readers.arrays import read_npz
from convscope.kinds.image.readers.idx import idx_files, is_idx, read_idx
from convscope.kinds.image.readers.names import may_be_image
from convscope.kinds.image.readers.scan import scan, scan_to_found
from convscope.kinds.image.readers.sources import FileImages, unscanned_files
from convscope.kinds.image.readers.tables import (
    holds_images,
    is_fer2013,
    read_fer2013,
    read_manifest,
    read_parquet_images,
)
from convscope.types import Progress, Skipped, no_progress

__all__ = ["ImageInputs", "read_images", "read_inputs"]

_TABLES = (".csv", ".parquet", ".pq", ".npz")


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
    files = class_files(listing, "images", may_be_image)
    found = scan_to_found(
        unscanned_files(str(path), files.keys),
        where=str(path),
        layout=files.layout,
        labels=files.labels,
        splits=files.splits,
        skipped=listing.skipped,
        progress=progress,
    )
    return replace(found, decisions=files.decisions)


def read_images(
    path: str | Path, *, seed: int = 0, progress: Progress = no_progress, group: str | None = None
) -> Splits:
    """Reads labelled images from any of the layouts in the table above.

    Args:
        path: A folder or a file.
        seed: Draws the splits that the data does not have; not negative.
        progress: Told how far reading has come.
        group: As `assemble`.

    Returns:
        Train, validation and test, with the layout, every decision, every warning and all that was skipped.

    Raises:
        DataError: As the table above says; the message names the file and, in a table, the line.
    """
    place = Path(path)
    found = _find_in_folder(place, progress) if is_folder(place) else _find_in_file(place, progress)
    return assemble(found, seed, group)


def _find_in_folder(folder: Path, progress: Progress) -> Found:
    if idx_files(folder):
        return read_idx(folder, progress)
    shards = parquet_shards(folder)
    if len(shards) > 1 or any("/" in key for key in shards):
        return read_parquet_images(folder, shards, progress)
    folders, files = Listing(str(folder)).children("")
    tables = [key for key in files if key.lower().endswith(_TABLES)]
    if not folders and len(tables) == 1:
        return _find_in_file(folder / tables[0], progress)
    return read_image_folders(folder, progress)


def _find_in_file(path: Path, progress: Progress) -> Found:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return read_fer2013(path, progress) if is_fer2013(path) else read_manifest(path, progress)
    if suffix in (".parquet", ".pq"):
        if holds_images(path):
            return read_parquet_images(path.parent, [path.name], progress)
        return read_manifest(path, progress)
    if suffix == ".npz":
        return read_npz(path, progress)
    if is_idx(path.name):
        return read_idx(path.parent, progress)
    raise DataError(
        f"{path}: expected a folder, {', '.join(_TABLES)} or IDX files, received '{suffix or path.name}'",
        hint="Unpack an archive first; put images into a folder per class.",
    )


@dataclass(frozen=True)
class ImageInputs(LeftOut, FileImages):
    """Image files without labels, and what was left out."""


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
        raise nothing_in(paths, "images", skipped)
    return ImageInputs("", source.keys, source.sizes, source.channels, tuple(skipped))
