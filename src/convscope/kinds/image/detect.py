"""Whether a path holds images with labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from convscope.data.columns import LABEL_COLUMNS, PATH_COLUMNS, find_column
from convscope.data.heads import PARQUET, ArrayHead, TableHead, suffix_of
from convscope.data.snapshot import DataSnapshot
from convscope.data.split_names import words_beside
from convscope.kinds.contract.kind import Detection
from convscope.kinds.image.readers.columns import (
    FINE_LABEL_COLUMNS,
    IMAGE_COLUMNS,
    IMAGE_WORDS,
    LABEL_WORDS,
)
from convscope.kinds.image.readers.idx import is_idx
from convscope.kinds.image.readers.names import SUFFIXES

RECIPE = "image-classification"
_SMALLEST_FLOATS = 8
"""Height and width from which on an array of floats is taken for images; what is smaller may be series."""


def detect(snapshot: DataSnapshot) -> Detection | None:
    """The surest sign of images; None where there is none.

    Arrays count by shape: `(n, height, width)` or `(n, height, width, 1 or 3)` with labels beside them, so
    that volumes and graphs are left to others.
    """
    found = [*_files(snapshot), *_arrays(snapshot), *_tables(snapshot)]
    return max(found, key=lambda each: each.confidence, default=None)


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
        name = _image_array(arrays)
        if name is not None:
            shape = " x ".join(map(str, arrays[name].shape))
            yield Detection(RECIPE, 0.9, f"{file.name} has images ({name}: {shape}) and labels")


def _image_array(arrays: Mapping[str, ArrayHead]) -> str | None:
    """The name of the first array of images that has an array of labels beside it."""
    images = [name for name in arrays if _has_role(name, IMAGE_WORDS) and _is_images(arrays[name])]
    labels = [arrays[name].shape[:1] for name in arrays if _has_role(name, LABEL_WORDS)]
    return next((name for name in images if arrays[name].shape[:1] in labels), None)


def _has_role(name: str, words: frozenset[str]) -> bool:
    rest = words_beside(name)
    return bool(rest) and rest <= words


def _is_images(head: ArrayHead) -> bool:
    shape, kind = head.shape, head.dtype[1:2]
    if len(shape) not in (3, 4) or not all(shape) or (len(shape) == 4 and shape[3] not in (1, 3)):
        return False
    return kind in ("u", "i", "b") or (kind == "f" and min(shape[1:3]) >= _SMALLEST_FLOATS)


def _tables(snapshot: DataSnapshot) -> Iterator[Detection]:
    for file, head in snapshot.tables.items():
        if suffix_of(file) in PARQUET:
            yield from _encoded(file, head)
        if head.delimiter == "," or head.types:
            yield from _named(file, head)


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
    """A table that names images, or has their pixels as text."""
    names = [name.lower() for name in head.first]
    if "pixels" in names:
        yield Detection(RECIPE, 0.95 if "emotion" in names else 0.4, f"{file.name} has the column 'pixels'")
    at = find_column(names, PATH_COLUMNS)
    if at is None:
        return
    suffixes = {suffix_of(Path(cell)) for cell in head.column(at) if cell}
    labelled = find_column(names, LABEL_COLUMNS) is not None
    if suffixes & SUFFIXES:
        yield Detection(RECIPE, 0.95 if labelled else 0.5, f"{file.name} names images in {head.first[at]!r}")
    elif labelled and suffixes <= {""}:
        yield Detection(RECIPE, 0.4, f"{file.name} has the column {head.first[at]!r}")
