"""Labelled images from whatever is there: the layout is detected and reported.

| what is there | layout |
|---|---|
| a folder of folders with images | folder per class; splits of such folders, as `class_files` finds them |
| a table that names images, beside them or near, one or one for each split | manifest |
| a table of pixels: `label,pixel0,...`, no header, or emotion, pixels[, Usage] of FER2013 | rows of pixels |
| images in one folder, or one for each split, called as `cat.0.jpg` | labels in the names |
| a Parquet file, or a folder of them, with an image column | encoded images, as Hugging Face writes them |
| a `.npz`, or `.npy` files in a folder, with images and labels | NumPy arrays |
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
| a row without a label; a folder or a table of images without labels | left out and reported |
| several classes in one row (multi-label); two columns that may be the label | `DataError` |
| a table that is not UTF-8, misses a field, has an unknown split | `DataError` with the line |
| a table that misses a column | `DataError` |
| a row with a wrong number of pixels or a value that is not a number | `DataError` with the line |
| a Parquet row without image bytes | skipped, listed |
| an archive or array that is damaged, holds objects, is too large or differs from its header | `DataError` |

Where the data has no validation or test split, a tenth of each class is drawn from train with the seed;
identical images stay on one side. The same seed and the same data give the same splits on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from convscope.data.assembly import Found, assemble
from convscope.data.class_folders import ClassFiles, class_files
from convscope.data.encoding import check_encoding
from convscope.data.file_labels import classes_by_pattern, named_classes
from convscope.data.file_sets import set_of_file
from convscope.data.labels import SeveralLabelsError
from convscope.data.lines import read_text
from convscope.data.listing import Listing, parquet_shards
from convscope.data.name_patterns import check_is_folder, doubt_about_folders, suggested_patterns
from convscope.data.named_files import is_folder
from convscope.data.split_lists import split_lists
from convscope.data.splits import Splits
from convscope.data.tables import table_kind
from convscope.errors import DataError
from convscope.kinds.image.readers.arrays import npy_pairs, read_npy, read_npz
from convscope.kinds.image.readers.celeba import attributes_in, read_attributes, with_partition
from convscope.kinds.image.readers.decode import Levels
from convscope.kinds.image.readers.idx import idx_files, is_idx, read_idx
from convscope.kinds.image.readers.manifest import (
    BESIDE,
    UNLABELED,
    ImageTable,
    TableOptions,
    image_tables,
    read_manifests,
)
from convscope.kinds.image.readers.names import is_image_name, may_be_image
from convscope.kinds.image.readers.pixel_rows import is_pixel_rows, pixel_tables, read_pixel_rows
from convscope.kinds.image.readers.refused import refuse_annotations, refuse_boxes, refuse_choices
from convscope.kinds.image.readers.scan import scan_to_found
from convscope.kinds.image.readers.sources import unscanned_files
from convscope.kinds.image.readers.tables import holds_images, read_parquet_images
from convscope.types import Progress, no_progress

_TABLES = (".csv", ".tsv", ".jsonl", ".parquet", ".pq", ".npz")
_CLASS_NAMES = re.compile(r"(class(es)?|labels?|categories)([-_. ]?names?)?\.txt", re.I)
_LAYOUTS = (
    "Or give a table of names and labels, or names such as cat.0.jpg and dog.0.jpg, which say the label"
    " before a number."
)


def _of_folders(
    path: Path,
    listing: Listing,
    files: ClassFiles,
    progress: Progress,
    asked: TableOptions,
    grouped_by: str = "the folders around the class folders",
) -> Found:
    doubt = doubt_about_folders(files.keys, files.labels)
    return scan_to_found(
        unscanned_files(str(path), files.keys),
        where=str(path),
        layout=files.layout,
        labels=files.labels,
        splits=files.splits,
        skipped=listing.skipped,
        progress=progress,
        groups=files.groups,
        grouped_by=grouped_by if files.groups is not None else "",
        decisions=[*files.decisions, *([doubt] if doubt else [])],
        intensity_range=asked.intensity_range,
    )


def read_images(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    label_column: str | None = None,
    label_pattern: str | None = None,
    group: str | None = None,
    intensity_range: Sequence[float] | None = None,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
) -> Splits:
    """Reads labelled images from any of the layouts in the table above.

    Args:
        path: A folder or a file.
        seed: Draws the splits that the data does not have; not negative.
        progress: Receives how much is done.
        label_column: Name or position of the column of labels in a table.
        label_pattern: As `classes_by_pattern`, of the images of a folder.
        group: Column, or pattern of paths, that names the group of each image; a group stays in one split.
        intensity_range: What values of more than 8 bits become black and white; found by default.
        encoding: Name of a Python codec for tables; detected by default.
        drop_column: Columns of tables that are left out.

    Returns:
        Train, validation and test, with the layout, every decision, every warning and all that was skipped.

    Raises:
        DataError: As the table above says; the message names the file and, in a table, the line.
        UsageError: There is no such column.
    """
    found = find_images(
        Path(path),
        progress,
        label_column=label_column,
        label_pattern=label_pattern,
        group=group,
        intensity_range=intensity_range,
        encoding=encoding,
        drop_column=drop_column,
    )
    return assemble(found, seed, group)


def find_images(
    place: Path,
    progress: Progress,
    *,
    label_column: str | None = None,
    label_pattern: str | None = None,
    group: str | None = None,
    intensity_range: Sequence[float] | None = None,
    encoding: str | None = None,
    drop_column: Sequence[str] = (),
) -> Found:
    """Labelled images before they are divided; arguments and errors as those of `read_images`."""
    check_encoding(encoding)
    asked = TableOptions(
        label_column,
        group,
        True,
        as_levels(intensity_range),
        encoding,
        tuple(drop_column),
        label_pattern,
    )
    folder = is_folder(place)
    check_is_folder(str(place), label_pattern, folder)
    return (find_in_folder if folder else find_in_file)(place, progress, asked)


def as_levels(given: Sequence[float] | None) -> Levels | None:
    """Levels as plain values hold them."""
    return None if given is None else (given[0], given[1])


def find_in_folder(folder: Path, progress: Progress, asked: TableOptions) -> Found:
    """Images of a folder, however they are labelled; raises as `read_images`."""
    if asked.pattern is not None:
        listing = Listing(str(folder))
        named = classes_by_pattern(listing, asked.pattern, may_be_image)
        return _of_folders(folder, listing, named, progress, asked, "the label pattern")
    if idx_files(folder):
        return read_idx(folder, progress, asked.labels)
    shards = parquet_shards(folder)
    if (len(shards) > 1 or any("/" in key for key in shards)) and holds_images(folder / shards[0]):
        return read_parquet_images(folder, shards, progress, asked)
    if npy_pairs(folder):
        return read_npy(folder, progress, asked.labels)
    folders, files = Listing(str(folder)).children("")
    tables = [key for key in files if key.lower().endswith(_TABLES)]
    if not folders and len(tables) == 1 and not any(map(is_image_name, files)):
        return find_in_file(folder / tables[0], progress, asked)
    return _find_in_folders(folder, progress, asked)


def _find_in_folders(folder: Path, progress: Progress, asked: TableOptions) -> Found:
    """Images in class folders, named by tables, or with labels in their names: what fits first."""
    attributes = attributes_in(folder)
    if attributes is not None:
        return with_partition(read_attributes(attributes, progress, asked), folder)
    listing = Listing(str(folder))
    files: ClassFiles | None = None
    try:
        files = class_files(listing, "images", may_be_image)
    except DataError as error:
        refused = error
    refuse_choices([folder / key for key in listing.children("")[1]])
    choice = ""
    try:
        named, skipped = image_tables(folder, asked)
    except SeveralLabelsError as error:
        if files is None or len(set(files.labels)) < 2:
            raise
        named, skipped = [], []
        choice = f"labels: the folders, although a table names images, too ({error.message}) {error.hint}"
    if named and (files is None or not _say_the_same(named[0], asked, files)):
        found = with_partition(read_manifests(folder, named, progress, asked), folder)
        said = [
            f"left out: {each.path}, {each.reason}" for each in skipped if each.reason in (UNLABELED, BESIDE)
        ]
        return replace(found, decisions=(*found.decisions, *said), skipped=(*found.skipped, *skipped))
    if files is not None and len(set(files.labels)) > 1:
        found = _of_folders(folder, listing, files, progress, asked)
        return replace(found, decisions=(*found.decisions, *([choice] if choice else [])))
    pixels = pixel_tables(folder, asked) if files is None else None
    if pixels is not None:
        return read_pixel_rows(pixels, progress, asked)
    elsewhere = _by_lists(folder, progress, asked) or _by_names(folder, progress, asked)
    if elsewhere is not None:
        return elsewhere
    refuse_boxes(folder)
    refuse_annotations(folder)
    if files is not None:
        return _of_folders(folder, listing, files, progress, asked)
    tables = "".join(f" Not read: {each.path}, {each.reason}." for each in skipped[:3])
    keys = [key for key in Listing(str(folder)).files_below("") if is_image_name(key)]
    refused.hint = f"{suggested_patterns(keys)} {refused.hint or ''} {_LAYOUTS}{tables}".strip()
    raise refused


def _say_the_same(table: Path, asked: TableOptions, files: ClassFiles) -> bool:
    """Whether a table gives the images the labels that are the names of their folders."""
    manifest = ImageTable(table, asked)
    folder_of = dict(zip(files.keys, files.labels, strict=True))
    roles = manifest.roles
    if roles.label is None:
        return False
    rows = islice(manifest.table.rows([roles.path, roles.label]), 50)
    return all(folder_of.get(manifest.find(str(path)) or "") == str(label) for _, (path, label) in rows)


def _by_lists(folder: Path, progress: Progress, asked: TableOptions) -> Found | None:
    """Images that lists name with a label behind each: `train.txt` with `images/1.jpg 3`."""
    listing = Listing(str(folder))
    keys = [key for key in listing.files_below("") if may_be_image(key)]
    others = [key for key in listing.files_below("") if not may_be_image(key)]
    lists = [each for each in split_lists(listing, others, keys) if all(each.labels.values())]
    if not lists or not (len(lists) == 1 or all(each.split is not None for each in lists)):
        return None
    rows = [(key, label, each.split) for each in lists for key, label in each.labels.items()]
    names, line = _names_of_numbers(folder, others, {label for _, label, _ in rows})
    named = ", ".join(each.key for each in lists)
    return scan_to_found(
        unscanned_files(str(folder), [key for key, _, _ in rows]),
        where=str(folder),
        layout=f"lists of images and labels: {named}",
        labels=[names.get(label, label) for _, label, _ in rows],
        splits=[split if len(lists) > 1 else None for _, _, split in rows],
        skipped=listing.skipped,
        progress=progress,
        decisions=[f"labels: behind the names in {named}", *line],
        intensity_range=asked.intensity_range,
    )


def _names_of_numbers(
    folder: Path, files: Sequence[str], labels: set[str]
) -> tuple[dict[str, str], list[str]]:
    """What numbered classes are called by `classes.txt` or the like, a name on each line."""
    if not all(label.isdigit() for label in labels):
        return {}, []
    for key in files:
        if not _CLASS_NAMES.fullmatch(key.rpartition("/")[2]):
            continue
        names = [line.strip() for line in read_text(folder / key).splitlines() if line.strip()]
        if len(names) > max(map(int, labels)):
            return {str(at): name for at, name in enumerate(names)}, [f"classes: named by the lines of {key}"]
    return {}, []


def _by_names(folder: Path, progress: Progress, asked: TableOptions) -> Found | None:
    """Images whose names say the labels, in one folder or in one for each split."""
    listing = Listing(str(folder))
    keys = listing.files_that(may_be_image, "not an image by its name")
    files = named_classes(listing, keys, "images")
    if files is None:
        return None
    return _of_folders(folder, listing, files, progress, asked)


def find_in_file(path: Path, progress: Progress, asked: TableOptions) -> Found:
    """Images of a file that holds many: a table, arrays or IDX; raises as `read_images`."""
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".pq") and holds_images(path):
        return read_parquet_images(path.parent, [path.name], progress, asked)
    if table_kind(path) is not None:
        refuse_choices([path])
        if is_pixel_rows(path, asked):
            return read_pixel_rows(set_of_file(path), progress, asked)
        return read_manifests(path.parent, [path], progress, asked)
    if suffix == ".npz":
        return read_npz(path, progress, asked.labels)
    if suffix == ".npy":
        return read_npy(path.parent, progress, asked.labels)
    if is_idx(path.name):
        return read_idx(path.parent, progress, asked.labels)
    raise DataError(
        f"{path}: expected a folder, {', '.join(_TABLES)} or IDX files, received '{suffix or path.name}'",
        hint="Unpack an archive first; put images into a folder per class.",
    )
