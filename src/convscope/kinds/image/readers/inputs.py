"""Images without labels: all that can be trained on can be predicted, its labels left out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.encoding import check_encoding
from convscope.data.named_files import files_of, nothing_in
from convscope.data.splits import LeftOut
from convscope.data.tables import table_kind
from convscope.errors import DataError
from convscope.kinds.image.readers.idx import is_idx
from convscope.kinds.image.readers.manifest import TableOptions
from convscope.kinds.image.readers.names import may_be_image
from convscope.kinds.image.readers.reader import as_levels, find_in_file, find_in_folder
from convscope.kinds.image.readers.scan import scan
from convscope.kinds.image.readers.sources import ArrayImages, EncodedImages, FileImages, unscanned_files
from convscope.types import Progress, Skipped, no_progress


@dataclass(frozen=True)
class ImageInputs(LeftOut, FileImages):
    """Image files without labels, and what was left out."""


@dataclass(frozen=True)
class EncodedImageInputs(LeftOut, EncodedImages):
    """Encoded images of a table without labels, and what was left out."""


@dataclass(frozen=True)
class ArrayImageInputs(LeftOut, ArrayImages):
    """Images of an array without labels, and what was left out."""


AnyInputs = ImageInputs | EncodedImageInputs | ArrayImageInputs
"""Images without labels, wherever they come from."""


def read_inputs(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    label_column: str | None = None,
    intensity_range: Sequence[float] | None = None,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
) -> AnyInputs:
    """Finds and checks the images that are to be predicted.

    Args:
        paths: Files, folders (read at any depth) and patterns such as `scans/*.png` or `scans/**/*.png`. What
            exists under a name is never taken for a pattern. Or a single table, array or IDX file of images.
        progress: Receives the number of files scanned.
        label_column: The column of labels in a table, which are not read.
        intensity_range: What values of more than 8 bits become black and white.
        encoding: As `read_images`.
        drop_column: As `read_images`.

    Returns:
        Every readable image once, in the order given, folders and patterns sorted; the others as `skipped`.

    Raises:
        DataError: A path does not exist, a pattern matches nothing, or no image is readable.
    """
    check_encoding(encoding)
    asked = TableOptions(label_column, None, False, as_levels(intensity_range), encoding, tuple(drop_column))
    many = [path for path in paths if _holds_many(path)]
    if many and len(paths) > 1:
        raise DataError(
            f"{many[0]} holds many images, and cannot be read together with {len(paths) - 1} other inputs",
            hint="Give tables and arrays one at a time.",
        )
    if many:
        return _of_data_set(Path(many[0]), progress, asked)
    skipped: list[Skipped] = []
    files: dict[str, None] = {}
    for path in paths:
        files.update(dict.fromkeys(files_of(os.fspath(path), skipped)))
    scanned = scan(unscanned_files("", files, asked.intensity_range), progress)
    source = scanned.source
    skipped += scanned.skipped
    if len(source):
        return _labelless(source, skipped)
    if len(paths) == 1 and Path(paths[0]).is_dir() and files and not any(map(may_be_image, files)):
        return _of_data_set(Path(paths[0]), progress, asked)
    raise nothing_in(paths, "images", skipped)


def _holds_many(path: str) -> bool:
    """Whether a path is a file of many images."""
    place = Path(path)
    kinds = (".npz", ".npy")
    return (
        table_kind(place) is not None or place.suffix.lower() in kinds or is_idx(place.name)
    ) and place.is_file()


def _of_data_set(path: Path, progress: Progress, asked: TableOptions) -> AnyInputs:
    found = (find_in_folder if path.is_dir() else find_in_file)(path, progress, asked)
    source = found.source
    if not isinstance(source, FileImages | EncodedImages | ArrayImages):
        raise TypeError(f"images of {type(source).__name__}")
    return _labelless(source, found.skipped)


def _labelless(source: FileImages | EncodedImages | ArrayImages, skipped: Sequence[Skipped]) -> AnyInputs:
    left_out = tuple(skipped)
    if isinstance(source, FileImages):
        return ImageInputs(
            source.root, source.keys, source.sizes, source.channels, source.intensity_range, skipped=left_out
        )
    if isinstance(source, EncodedImages):
        return EncodedImageInputs(
            source.root,
            source.keys,
            source.data,
            source.sizes,
            source.channels,
            source.intensity_range,
            skipped=left_out,
        )
    return ArrayImageInputs(source.root, source.array, source.segments, source.rows, skipped=left_out)
