"""Images without labels: all that can be trained on can be predicted, its labels left out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from convscope.data.columns import PATH_COLUMNS
from convscope.data.encoding import check_encoding
from convscope.data.file_index import FileIndex
from convscope.data.listing import Listing
from convscope.data.named_files import files_of, joined_paths, names_file, nothing_in
from convscope.data.splits import LeftOut
from convscope.data.tables import TableKind, open_table, table_kind
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


_ROWS_SEEN = 20
"""Rows of a table by which columns of paths are known."""

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


@dataclass(frozen=True)
class ImageTupleInputs(LeftOut):
    """Samples of several images each.

    Args:
        columns: The images for each input, in the order of the samples.
    """

    columns: tuple[FileImages, ...] = ()

    def __len__(self) -> int:
        return len(self.columns[0])

    def load(self, index: int) -> tuple[npt.NDArray[np.uint8], ...]:
        """The images of a sample, each gray (height, width) or RGB (height, width, 3)."""
        return tuple(column.load(index) for column in self.columns)

    def name(self, index: int) -> str:
        """The files of a sample, joined by commas."""
        return ",".join(column.name(index) for column in self.columns)

    def take(self, indices: npt.NDArray[np.int64]) -> ImageTupleInputs:
        """Some of the samples, in that order."""
        return replace(self, columns=tuple(column.take(indices) for column in self.columns))


def read_several(
    paths: Sequence[str], names: Sequence[str], progress: Progress = no_progress
) -> tuple[ImageTupleInputs, tuple[str, ...]]:
    """Finds and checks samples of several images each, one for every input of a model.

    Args:
        paths: One file for each input; files joined by commas, `left.png,right.png`, one path a sample; one
            folder for each input, or one that holds these, in which files of one sample share their name; or
            a table with a column of paths for each input.
        names: Of the inputs. Folders and columns that are called like them belong to them; else the first
            belongs to the first.
        progress: Receives the number of files scanned.

    Returns:
        The samples of which every image is readable, and what was decided.

    Raises:
        DataError: The paths name no such samples, or no image is readable.
    """
    skipped: list[Skipped] = []
    rows, note = _rows_of_several(paths, names, skipped)
    columns = [
        scan(unscanned_files("", column), progress, f"reading images for {name}")
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    ]
    skipped += [each for column in columns for each in column.skipped]
    whole = reduce(np.intersect1d, [column.kept for column in columns])
    if not len(whole):
        raise nothing_in(paths, f"samples of {len(names)} images", skipped)
    kept = [column.source.take(np.searchsorted(column.kept, whole)) for column in columns]
    return ImageTupleInputs(tuple(skipped), columns=tuple(cast("list[FileImages]", kept))), (note,)


def _rows_of_several(
    paths: Sequence[str], names: Sequence[str], skipped: list[Skipped]
) -> tuple[list[tuple[str, ...]], str]:
    """The files of each sample, in the order of the inputs; and what they belong together by."""
    count = len(names)
    joined = [joined_paths(path) for path in paths]
    places = [Path(path) for path in paths]
    if len(paths) == 1 and places[0].is_dir():
        inner = [places[0] / each for each in Listing(paths[0]).children("")[0]]
        places = inner if len(inner) == count else places
    if len(places) == count and all(place.is_dir() for place in places):
        order = _order(names, [place.name for place in places])
        found = _rows_of_folders([places[i] for i in order], skipped)
        return found, _belongs(names, [f"{places[i].name}/" for i in order], "files of one name")
    if all(len(parts) == count for parts in joined):
        return [tuple(parts) for parts in joined], f"{count} images a sample, joined by commas"
    if len(paths) == count and all(len(parts) == 1 and names_file(parts[0]) for parts in joined):
        return [tuple(paths)], _belongs(names, [place.name for place in places], "one file each")
    kind = table_kind(places[0]) if len(paths) == 1 and names_file(paths[0]) else None
    if kind is not None:
        return _rows_of_table(places[0], kind, names)
    listed = " ".join(f"{name}.png" for name in names)
    raise DataError(
        f"{', '.join(paths[:3])}: expected samples of {count} images, one for each input of the model"
        f" ({', '.join(names)}), received {len(paths)} {'path' if len(paths) == 1 else 'paths'}",
        hint=f"Give {count} files ({listed}); several samples as {listed.replace(' ', ',')} each;"
        f" {count} folders whose files share their names; or a table with {count} columns of paths.",
    )


def _order(names: Sequence[str], given: Sequence[str]) -> list[int]:
    """Which folder or column is for each input: that of its name, where all have one; else as they stand."""
    return [given.index(name) for name in names] if set(given) == set(names) else list(range(len(given)))


def _belongs(names: Sequence[str], given: Sequence[str], how: str) -> str:
    pairs = ", ".join(f"'{name}' from {each}" for name, each in zip(names, given, strict=True))
    return f"{len(names)} images a sample, {how}: {pairs}"


def _rows_of_folders(folders: Sequence[Path], skipped: list[Skipped]) -> list[tuple[str, ...]]:
    """Files that have one name, without its ending, in every folder."""
    found: list[dict[str, str]] = []
    for folder in folders:
        keys = [key for key in Listing(str(folder)).files_below("") if may_be_image(key)]
        found.append({os.path.splitext(key)[0]: str(folder / key) for key in keys})  # noqa: PTH122 - a key
    shared = set(found[0]).intersection(*found[1:])
    for files in found:
        alone = [files[stem] for stem in sorted(files) if stem not in shared]
        skipped += [Skipped(file, "no file of this name in the other folders") for file in alone]
    if not shared:
        raise DataError(
            f"{' and '.join(map(str, folders))}: expected files of the same names, received none",
            hint=f"Rename them, or give a table with {len(folders)} columns of paths.",
        )
    return [tuple(files[stem] for files in found) for stem in sorted(shared)]


def _rows_of_table(path: Path, kind: TableKind, names: Sequence[str]) -> tuple[list[tuple[str, ...]], str]:
    """The files that some columns of a table name; the other columns are not used."""
    table = open_table(path, kind, roles=(PATH_COLUMNS,))
    index = FileIndex(key for key in Listing(str(path.parent)).files_below("") if may_be_image(key))
    rows = [(number, [str(cell) for cell in cells]) for number, cells in table.rows(table.columns)]
    holds = [all(index.find(cells[i]) for _, cells in rows[:_ROWS_SEEN]) for i in range(len(table.columns))]
    columns = [name for name, held in zip(table.columns, holds, strict=True) if held and rows]
    columns = list(names) if set(names) <= set(columns) else columns
    if len(columns) != len(names):
        raise DataError(
            f"{path}: expected {len(names)} columns that name images, one for each input of the model"
            f" ({', '.join(names)}), received {', '.join(columns) or 'none'}",
            hint="Write paths relative to the folder of the table, and leave other columns of paths out.",
        )
    places = [table.columns.index(name) for name in columns]
    found = []
    for number, cells in rows:
        keys = [index.find(cells[place]) for place in places]
        if None in keys:
            missing = cells[places[keys.index(None)]]
            raise DataError(f"{table.where(number)}: there is no image {missing!r} below {path.parent}")
        found.append(tuple(str(path.parent / str(key)) for key in keys))
    others = [name for name in table.columns if name not in columns]
    more = f"; not used: {', '.join(map(repr, others))}" if others else ""
    return found, _belongs(names, [f"column '{name}'" for name in columns], "a row each") + more


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
