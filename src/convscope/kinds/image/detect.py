"""Whether a path holds images with labels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from convscope.data.columns import LABEL_COLUMNS, PATH_COLUMNS, find_column, is_label_name
from convscope.data.heads import PARQUET, ArrayHead, TableHead, suffix_of
from convscope.data.number_labels import holds_numbers_to_predict
from convscope.data.snapshot import MOST_FILES, MOST_OPENED, DataSnapshot
from convscope.data.split_names import split_of, words_beside
from convscope.errors import DataError
from convscope.kinds.contract.kind import Detection
from convscope.kinds.image.detection.forms import box_files, has_outlines
from convscope.kinds.image.detection.tables import box_columns
from convscope.kinds.image.readers.annotations import annotation_files, are_rectangles
from convscope.kinds.image.readers.arrays import first_of_array, has_channels_first, npy_pairs
from convscope.kinds.image.readers.columns import (
    FINE_LABEL_COLUMNS,
    IMAGE_COLUMNS,
    IMAGE_WORDS,
    LABEL_WORDS,
)
from convscope.kinds.image.readers.idx import is_idx
from convscope.kinds.image.readers.mask_coding import may_be_mask
from convscope.kinds.image.readers.mask_pairs import pairs_in
from convscope.kinds.image.readers.mask_tables import mask_columns
from convscope.kinds.image.readers.names import SUFFIXES, folders_near, is_image_name, is_to_be_filled_in
from convscope.kinds.image.readers.pixel_rows import FEWEST_PIXELS, are_pictures, pixel_columns, shape_of

RECIPE, REGRESSION = "image-classification", "image-regression"
SEGMENTATION, DETECTION = "image-segmentation", "image-detection"
_SURE = 0.97
_FEW = 3
"""Cells of a column that are looked for among the files beside."""
_LONGEST_NAME = 200
_ROWS = 200
_COMMON = (".jpg", ".png", ".jpeg", ".JPG", ".PNG", ".JPEG", ".tif", ".tiff", ".bmp", ".webp", ".gif")
_SMALLEST_FLOATS = 8
"""Height and width from which on an array of floats is taken for images; what is smaller may be series."""


def detect(snapshot: DataSnapshot) -> Detection | None:
    """The surest sign of images; None where there is none.

    Arrays count by shape: `(n, height, width)` or `(n, height, width, 1 or 3)` with labels beside them, so
    that volumes and graphs are left to others.
    """
    found = [*_masked(snapshot), *_boxed(snapshot)]
    found += [*_files(snapshot), *_arrays(snapshot), *_tables(snapshot)]
    return max(found, key=lambda each: each.confidence, default=None)


def _masked(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Images with masks of the same names, of which the first ones have few values."""
    if not snapshot.path.is_dir():
        if annotation_files(snapshot.path.parent, [snapshot.path.name]):
            yield Detection(SEGMENTATION, 0.98, f"{snapshot.path.name} has segmentations of images")
        return
    keys = [file.relative_to(snapshot.path).as_posix() for file in snapshot.files]
    outlined = annotation_files(snapshot.path, keys)
    shapes = [key for key, form in outlined.items() if form == "labelme"]
    boxes = len(shapes) == len(outlined) and are_rectangles(snapshot.path, shapes)
    if outlined and snapshot.ending_in(SUFFIXES) and not boxes:
        first, form = next(iter(outlined.items()))
        yield Detection(SEGMENTATION, 1.0, f"{first} has segmentations of images, in the form of {form}")
    try:
        pairs = pairs_in(keys)
    except DataError:  # several masks for one image, which the reader tells of
        yield Detection(SEGMENTATION, _SURE, "images have several masks each")
        return
    if pairs is None:
        return
    masks = [pair.mask for pair in pairs.pairs if pair.mask is not None][:_FEW]
    if all(may_be_mask(snapshot.path / mask) for mask in masks):
        yield Detection(SEGMENTATION, 0.98, f"images have masks, {pairs.said}")


def _boxed(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Images with files of boxes; those that have outlines of objects as well are left to segmentation."""
    place = snapshot.path if snapshot.path.is_dir() else snapshot.path.parent
    keys = [file.relative_to(place).as_posix() for file in snapshot.files]
    images = [key for key in keys if is_image_name(key)]
    found = box_files(place, keys, images if snapshot.path.is_dir() else ["*"])
    if not found or (snapshot.path.is_dir() and not images) or has_outlines(place, found):
        return
    first, form = next(iter(found.items()))
    yield Detection(DETECTION, 1.0, f"{first} has boxes of objects, in the form of {form}")


def _files(snapshot: DataSnapshot) -> Iterator[Detection]:
    images = snapshot.ending_in(SUFFIXES)
    if images:
        confidence = 0.9 if snapshot.prevails(SUFFIXES) else 0.4
        yield Detection(RECIPE, confidence, f"{snapshot.named(images[0])} is an image")
    idx = next((file for file in snapshot.data_files if is_idx(file.name)), None)
    if idx is not None:
        yield Detection(RECIPE, 0.95, f"{idx.name} is an IDX file")


def _arrays(snapshot: DataSnapshot) -> Iterator[Detection]:
    for file in snapshot.ending_in(frozenset([".npz"]))[:5]:
        arrays = snapshot.arrays(file)
        name = _image_array(arrays, dict.fromkeys(arrays, file))
        if name is not None:
            shape = " x ".join(map(str, arrays[name].shape))
            yield Detection(RECIPE, 0.9, f"{file.name} has images ({name}: {shape}) and labels")

    if snapshot.path.is_dir():
        beside = npy_pairs(snapshot.path)
        files = {name: snapshot.path / key for key in beside for name in snapshot.arrays(snapshot.path / key)}
        heads = {name: snapshot.arrays(file)[name] for name, file in files.items()}
        if _image_array(heads, files) is not None:
            yield Detection(RECIPE, 0.9, f"{beside[0]} and {beside[1]} are images and labels")


def _image_array(arrays: Mapping[str, ArrayHead], files: Mapping[str, Path]) -> str | None:
    """The name of the first array of images that has an array of labels beside it."""
    named = [name for name in arrays if _has_role(name, IMAGE_WORDS)]
    images = [
        name for name in named if _is_images(arrays[name]) or _are_flat(files[name], name, arrays[name])
    ]
    labels = [arrays[name].shape[:1] for name in arrays if _has_role(name, LABEL_WORDS)]
    return next((name for name in images if arrays[name].shape[:1] in labels), None)


def _are_flat(file: Path, name: str, head: ArrayHead) -> bool:
    """Whether each row of an array holds the pixels of a square image, by what stands in the first ones."""
    if len(head.shape) != 2 or head.shape[1] < FEWEST_PIXELS or shape_of(head.shape[1]) is None:
        return False
    try:
        return are_pictures(first_of_array(file, name, _ROWS))
    except DataError:  # whoever reads the file says what is wrong
        return False


def _has_role(name: str, words: frozenset[str]) -> bool:
    rest = words_beside(name)
    return bool(rest) and rest <= words


def _is_images(head: ArrayHead) -> bool:
    shape, kind = head.shape, head.dtype[1:2]
    if has_channels_first(shape):
        return True  # the reader says how to turn them
    if len(shape) not in (3, 4) or not all(shape) or (len(shape) == 4 and shape[3] not in (1, 3)):
        return False
    return kind in ("u", "i", "b") or (kind == "f" and min(shape[1:3]) >= _SMALLEST_FLOATS)


def _tables(snapshot: DataSnapshot) -> Iterator[Detection]:
    for file in sorted(snapshot.tables, key=_place):  # the first one of the surest gives the reason
        head = snapshot.tables[file]
        if suffix_of(file) in PARQUET:
            yield from _encoded(file, head)
        yield from _table_of_masks(file, head)
        yield from _table_of_boxes(file, head)
        numbers = _numbers_column(snapshot, file, head)
        for each in _named(file, head):
            yield each if numbers is None else _of_numbers(each, numbers)


def _table_of_masks(file: Path, head: TableHead) -> Iterator[Detection]:
    """A table that names masks beside images, or has them as run lengths."""
    columns = mask_columns(head.first, head.column)
    if columns is not None and not is_to_be_filled_in(file):
        what = f"names masks in {columns.mask!r}" if columns.mask else f"has run lengths in {columns.runs!r}"
        yield Detection(SEGMENTATION, 0.98, f"{file.name} {what}")


def _table_of_boxes(file: Path, head: TableHead) -> Iterator[Detection]:
    """A table with boxes of objects in images."""
    columns = box_columns(head.first, head.column)
    if columns is not None and not is_to_be_filled_in(file):
        names = head.column(list(head.first).index(columns.image))[:_FEW]
        if any(map(is_image_name, names)) or _are_beside(file, names):
            yield Detection(DETECTION, 1.0, f"{file.name} has boxes in {', '.join(map(repr, columns.sides))}")


def _place(file: Path) -> int:
    """Where a table stands by its name among those that may be read: those to be filled in come last."""
    if is_to_be_filled_in(file):
        return 3
    split = split_of(file.stem)
    return 0 if split == "train" else 1 if split is None else 2


def _numbers_column(snapshot: DataSnapshot, file: Path, head: TableHead) -> str | None:
    """The column of a table of images that holds numbers to predict; None where there is none."""
    places = range(len(head.first))
    others = [at for at in places if not any(map(is_image_name, head.column(at)[:_FEW]))]
    if len(others) == len(places):
        others = [at for at in places if not _are_beside(file, head.column(at)[:_FEW])]
    called = [at for at in others if is_label_name(head.first[at])]
    labels = called[:1] or (others if len(others) == 1 else [])
    names = (head.first[at] for at in labels)
    return next((name for name in names if holds_numbers_to_predict(snapshot, file, name)), None)


def _of_numbers(found: Detection, column: str) -> Detection:
    return replace(
        found, recipe=REGRESSION, reason=f"{found.reason} and numbers to predict in {column!r}, not classes"
    )


def _encoded(file: Path, head: TableHead) -> Iterator[Detection]:
    """Parquet with the bytes of images, as Hugging Face `datasets` writes it."""
    labelled = find_column(head.first, FINE_LABEL_COLUMNS) is not None
    for name, kind in zip(head.first, head.types, strict=True):
        usual = name.lower() in IMAGE_COLUMNS
        if (kind.startswith("struct<") and "bytes: " in kind) or (usual and "binary" in kind):
            yield Detection(
                RECIPE, 0.9 if usual and labelled else 0.4, f"{file.name} holds encoded images in {name!r}"
            )


def _named(file: Path, head: TableHead) -> Iterator[Detection]:
    """A table that names images, or has their pixels."""
    pixels = pixel_columns(head.first, head.rows)
    if pixels:
        many = "the column 'pixels'" if len(pixels) == 1 else f"{len(pixels)} pixels in each row"
        yield Detection(
            RECIPE, _SURE if len(pixels) > 1 or len(head.first) > 1 else 0.4, f"{file.name} has {many}"
        )
    bare: list[Detection] = []
    for at, name in enumerate(head.first):
        cells = [cell for cell in head.column(at) if cell]
        named = sum(is_image_name(cell) for cell in cells)
        if cells and named > len(cells) / 2:
            yield Detection(RECIPE, _SURE, f"{file.name} names images in {name!r}")
        elif cells and _are_beside(file, cells[:_FEW]):
            bare.append(
                Detection(RECIPE, _SURE, f"{file.name} names images in {name!r}, without their endings")
            )
    yield from bare
    paths = find_column(head.first, PATH_COLUMNS)
    if paths is not None and find_column(head.first, LABEL_COLUMNS) is not None:
        suffixes = {suffix_of(Path(cell)) for cell in head.column(paths) if cell}
        if suffixes <= {""}:
            yield Detection(RECIPE, 0.4, f"{file.name} has the column {head.first[paths]!r}")


def _are_beside(file: Path, cells: Sequence[str]) -> bool:
    """Whether cells are names of images, but for their endings, in the folder of a table or in one near."""
    if not cells or not all(0 < len(cell) < _LONGEST_NAME and not set(cell) & set("\0\n") for cell in cells):
        return False
    near = [file.parent, *_folders_in(file.parent), *folders_near(file.parent)]
    return all(any(_is_there(folder / cell) for folder in near) for cell in cells)


def _folders_in(folder: Path) -> list[Path]:
    found: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            found += [Path(each.path) for each in islice(entries, MOST_FILES) if each.is_dir()][:MOST_OPENED]
    except OSError:
        return []
    return found


def _is_there(stem: Path) -> bool:
    try:
        return any(stem.with_name(f"{stem.name}{suffix}").is_file() for suffix in _COMMON)
    except (OSError, ValueError):
        return False
