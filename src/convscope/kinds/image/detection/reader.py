"""Images with boxes around their objects, from whatever is there: the form is detected and reported.

What happens to bad input:

| what is wrong | what happens |
|---|---|
| an image that is empty, truncated or not an image | skipped, counted, listed |
| an image without boxes | kept as a negative, counted |
| a box without area, or outside of its image | left out, counted in a warning |
| a box that leaves its image | cut off at the border, counted |
| most boxes outside of their images | `DataError`: they are of other images or in other units |
| an image that EXIF turns | its boxes are turned where only so the said sides fit; else they stay, said |
| an image of another size than is said | its boxes are scaled where the shape is the same, else skipped |
| a class without any box | left out of the classes, said |
| a file that names no image that is there | skipped, listed |
| XML with a document type; numbers that are not finite; unknown categories | `DataError` with the place |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from convscope.data.assembly import Found
from convscope.data.boxes import Boxes, areas, assemble_boxes
from convscope.data.digests import DIGEST_BYTES, digest_keys, digest_of
from convscope.data.file_index import FileIndex
from convscope.data.listing import Listing
from convscope.data.named_files import is_folder
from convscope.data.split_lists import split_lists
from convscope.data.split_names import split_of
from convscope.data.splits import Splits
from convscope.errors import DataError
from convscope.json_values import read_json
from convscope.kinds.image.detection.boxed import Boxed
from convscope.kinds.image.detection.forms import (
    Form,
    add_coco,
    add_voc,
    add_yolo,
    box_files,
    count_from_one,
)
from convscope.kinds.image.detection.tables import add_tables, box_tables
from convscope.kinds.image.detection.tools import add_tool
from convscope.kinds.image.readers.decode import open_image, orientation_of
from convscope.kinds.image.readers.names import is_image_name
from convscope.kinds.image.readers.reader import as_levels
from convscope.kinds.image.readers.scan import scan_to_found
from convscope.kinds.image.readers.sources import unscanned_files
from convscope.types import Progress, Skipped, SplitName, no_progress

SAME_SHAPE = 0.02
"""By how much the ratio of the sides of an image may differ from the one that is said."""
MOST_OUTSIDE = 0.5
"""Share of boxes without any part in their image from which on all are thought to be wrong."""
SMALLEST = 0.5
"""Pixels that a side of a box must have within the image."""
_EXIF = (b"Exif", b"eXIf", b"EXIF")
_EXPECTED = (
    "Give COCO (JSON beside images), Pascal VOC (Annotations/ and JPEGImages/), YOLO (images/ and labels/,"
    " with data.yaml or classes.txt), JSON of labelme, Label Studio or CreateML, metadata.jsonl with objects,"
    " or a table with columns of images, of classes and of four numbers."
)


def read_boxed_images(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    group: str | None = None,
    intensity_range: Sequence[float] | None = None,
) -> Splits:
    """Reads images with boxes around their objects.

    Args:
        path: A folder, or a file of boxes with images beside it.
        seed: Draws the splits that the data does not have; None where all is to be judged.
        progress: Receives how much is done.
        group: Pattern of paths that names the group of each image; a group stays in one split.
        intensity_range: What values of more than 8 bits become black and white; found by default.

    Raises:
        DataError: As the table above says; the message names the file.
    """
    place = Path(path)
    only = None if is_folder(place) else place.name
    place = place if only is None else place.parent
    listing = Listing(str(place))
    keys = listing.files_below("")
    images = [key for key in keys if is_image_name(key)]
    made, layout = _boxed(place, keys, images, only)
    if not made.rows:
        named = ", ".join(each.path for each in made.skipped[:3])
        raise DataError(
            f"{path}: expected images with boxes, received none of the images that are named",
            hint=f"Not there: {named}. {_EXPECTED}" if named else _EXPECTED,
        )
    _split_by_lists(listing, keys, made)
    splits = [made.splits[key] for key in made.rows]
    found = scan_to_found(
        unscanned_files(str(place), list(made.rows)),
        where=str(place),
        layout=layout,
        labels=[None] * len(made.rows),
        splits=splits if "train" in splits and None not in splits else [None] * len(splits),
        skipped=[*listing.skipped, *made.skipped],
        progress=progress,
        decisions=tuple(made.decisions),
        intensity_range=as_levels(intensity_range),
    )
    found, boxes, names = _boxes(found, made)
    return assemble_boxes(found, boxes, names, seed, group)


def _boxed(place: Path, keys: Sequence[str], images: Sequence[str], only: str | None) -> tuple[Boxed, str]:
    """All boxes of a folder, or of one file in it, and the layout.

    Raises:
        DataError: There are none.
    """
    chosen = keys if only is None else [only]
    tables = box_tables(place, chosen)
    files = {} if tables else box_files(place, chosen, images)
    made = Boxed()
    if tables:
        add_tables(place, tables, images, made)
        return made, f"images with boxes in {', '.join(each.key for each in tables[:3])}"
    if not files:
        raise DataError(f"{place}: expected images with boxes, received none", hint=_EXPECTED)
    forms = dict.fromkeys(files.values())
    if len(forms) > 1:
        form = next((each for each in ("COCO", "Pascal VOC", "YOLO") if each in forms), next(iter(forms)))
        others = ", ".join(each for each in forms if each != form)
        made.decisions[f"boxes: those of {form} are read, those of {others} are not"] = None
        files = {key: each for key, each in files.items() if each == form}
    _add_files(place, files, images, made)
    return made, f"images with boxes of {next(iter(files.values()))}: {len(made.rows)} images"


def _add_files(place: Path, files: Mapping[str, Form], images: Sequence[str], made: Boxed) -> None:
    """Adds the files of one form."""
    index = FileIndex(images)
    form = next(iter(files.values()))
    if form == "YOLO":
        add_yolo(place, list(files), images, made)
        return
    for file in files:
        if form == "Pascal VOC":
            add_voc(place, file, index, made)
        elif form == "COCO":
            _add_coco(place, file, index, made)
        else:
            add_tool(place, file, form, index, made)
    if form == "Pascal VOC":
        count_from_one(made)


def _add_coco(place: Path, file: str, index: FileIndex, made: Boxed) -> None:
    """Adds one file of COCO.

    Raises:
        DataError: It has another form.
    """
    try:
        add_coco(place, file, read_json(place / file), index, made)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(
            f"{place / file}: expected the form of COCO (images with id and file_name, annotations with"
            " image_id, category_id and bbox, categories with id and name)"
        ) from error


def _split_by_lists(listing: Listing, keys: Sequence[str], made: Boxed) -> None:
    """The splits that lists such as `ImageSets/Main/train.txt` say; images in none of them are left out."""
    others = [key for key in keys if key.lower().endswith((".txt", ".lst"))]
    names = {key: key.rpartition("/")[2].partition(".")[0] for key in others}
    plain = [key for key, name in names.items() if split_of(name) and "_" not in name]
    main = [key for key in plain if "main" in key.lower().split("/")] or plain
    lists = [each for each in split_lists(listing, main, made.rows) if each.split is not None]
    called = {names[each.key].lower() for each in lists}
    if {"train", "trainval"} <= called:
        lists = [each for each in lists if names[each.key].lower() != "trainval"]
    split_of_key: dict[str, SplitName] = {}
    for each in lists:
        if each.split is not None:
            split_of_key |= dict.fromkeys(each.labels, each.split)
    if "train" not in split_of_key.values():
        return
    left = [key for key in made.rows if key not in split_of_key]
    more = f"; {len(left)} images that no list names are left out" if left else ""
    made.decisions[f"splits: by {', '.join(sorted(each.key for each in lists))}{more}"] = None
    for key in left:
        del made.rows[key]
        made.splits.pop(key)
    made.splits |= split_of_key


@dataclass
class _Mended:
    """What was changed about boxes, counted."""

    cut: int = 0
    empty: int = 0
    outside: int = 0
    total: int = 0
    turned: int = 0
    scaled: int = 0
    as_seen: int = 0
    refused: list[Skipped] = field(default_factory=list)


def _boxes(found: Found, made: Boxed) -> tuple[Found, list[Boxes], tuple[str, ...]]:
    """The boxes of each image within its borders, and the names of the classes that there are.

    Raises:
        DataError: Most lie outside of their images.
    """
    mended, boxes = _Mended(), []
    kept = []
    for index in range(len(found.source)):
        key = found.source.key(index)
        placed = _in_pixels(found, index, Boxes.of(made.rows[key]), made, mended)
        if placed is not None:
            kept.append(index)
            boxes.append(_within(placed, _size(found, index), mended))
    if mended.outside > MOST_OUTSIDE * max(mended.total, 1):
        raise DataError(
            f"{found.where}: expected boxes within their images, received {mended.outside} of {mended.total}"
            " outside of them",
            hint="Check that boxes belong to these images, are in pixels of them or shares of 1, and that an"
            " image was not turned or scaled after it was annotated.",
        )
    if len(kept) < len(found.source):
        found = _taken(found, kept)
    used = sorted({int(k) for each in boxes for k in np.unique(each.classes)})
    by_number = all(name.isdigit() for name in made.names)
    order = sorted(used, key=lambda k: (int(made.names[k]) if by_number else 0, made.names[k]))
    numbers = np.zeros(len(made.names), np.int64)
    numbers[order] = np.arange(len(order))
    boxes = [each.renamed(numbers) for each in boxes]
    unused = [name for k, name in enumerate(made.names) if k not in used]
    digests = np.zeros((len(boxes), DIGEST_BYTES), np.uint8)
    for index, each in enumerate(boxes):
        digests[index] = np.frombuffer(digest_of(bytes(found.digests[index]) + each.stamp), np.uint8)
    lines, warnings = _said(mended, unused)
    found = replace(
        found,
        near=found.digests,
        digests=digest_keys(digests),
        decisions=(*found.decisions, *lines),
        warnings=(*found.warnings, *warnings),
        skipped=(*found.skipped, *mended.refused),
    )
    return found, boxes, tuple(made.names[k] for k in order)


def _taken(found: Found, kept: Sequence[int]) -> Found:
    """What was found, with some of the images alone."""
    if not kept:
        raise DataError(
            f"{found.where}: expected images of the sizes that their boxes are for, received others",
            hint="Give the images that were annotated, or boxes of these images.",
        )
    rows = np.array(kept, np.int64)
    return replace(
        found,
        source=found.source.take(rows),
        labels=[found.labels[row] for row in kept],
        splits=[found.splits[row] for row in kept],
        digests=found.digests[rows],
    )


def _size(found: Found, index: int) -> tuple[int, int]:
    height, width = found.source.sizes[index].tolist()  # type: ignore[attr-defined]
    return int(height), int(width)


def _in_pixels(found: Found, index: int, boxes: Boxes, made: Boxed, mended: _Mended) -> Boxes | None:
    """Boxes in pixels of an image as it is seen; None where they are of an image of another shape."""
    size, key = _size(found, index), found.source.key(index)
    if made.unit == "shares":
        mended.as_seen += len(boxes) > 0 and _orientation(found, index) != 1
        return boxes.moved(boxes.corners * np.array([size[1], size[0]] * 2, np.float64))
    said = made.sizes.get(key, size)
    if said == size:
        mended.as_seen += len(boxes) > 0 and _orientation(found, index) != 1
        return boxes
    if said == size[::-1]:
        orientation = _orientation(found, index)
        if orientation >= 5:
            mended.turned += 1
            return boxes.moved(turned_corners(boxes.corners, said, orientation))
    if abs(said[0] * size[1] / (said[1] * size[0]) - 1) > SAME_SHAPE:
        name = found.source.name(index)
        reason = f"annotated as {said[0]}x{said[1]}, but the image has {size[0]}x{size[1]} pixels"
        mended.refused.append(Skipped(name, reason))
        return None
    mended.scaled += 1
    return boxes.moved(boxes.corners * np.array([size[1] / said[1], size[0] / said[0]] * 2))


def _orientation(found: Found, index: int) -> int:
    """How EXIF turns an image, from 1 to 8."""
    data = found.source.read(index)  # type: ignore[attr-defined]
    if not any(word in data for word in _EXIF):
        return 1
    return orientation_of(open_image(data, found.source.name(index))[1])


def turned_corners(
    corners: np.ndarray[Any, np.dtype[np.float64]], size: tuple[int, int], orientation: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Boxes turned as `turned` turns an image of that height and width, as EXIF counts it.

    Example:
        >>> turned_corners(np.array([[1.0, 0, 3, 2]]), (2, 8), 6).tolist()
        [[0.0, 1.0, 2.0, 3.0]]
    """
    left, top, right, bottom = corners.T
    height, width = size
    if orientation in (5, 6, 7, 8):
        left, top, right, bottom = top, left, bottom, right
        height, width = width, height
    if orientation in (3, 4, 7, 8):
        top, bottom = height - bottom, height - top
    if orientation in (2, 3, 6, 7):
        left, right = width - right, width - left
    return np.stack([left, top, right, bottom], axis=1)


def _within(boxes: Boxes, size: tuple[int, int], mended: _Mended) -> Boxes:
    """Boxes cut off at the borders of an image, those without area left out."""
    limits = np.array([size[1], size[0]] * 2, np.float64)
    corners = np.clip(boxes.corners, 0, limits)
    degenerate = (boxes.corners[:, 2:] - boxes.corners[:, :2]).min(axis=1, initial=np.inf) < SMALLEST
    small = (corners[:, 2:] - corners[:, :2]).min(axis=1, initial=np.inf) < SMALLEST
    kept = ~degenerate & ~small & (areas(corners) > 0)
    mended.total += len(boxes)
    mended.empty += int(degenerate.sum())
    mended.outside += int(np.sum(~degenerate & ~kept))
    mended.cut += int(np.sum(kept & (np.abs(corners - boxes.corners).max(axis=1, initial=0) > 1)))
    return boxes.moved(corners).some(kept)


def _said(mended: _Mended, unused: Sequence[str]) -> tuple[list[str], list[str]]:
    """What was decided and what to know about boxes."""
    lines, warnings = [], []
    if mended.turned:
        lines.append(f"boxes: those of {mended.turned} images turned as EXIF turns them, by the sides said")
    if mended.as_seen:
        lines.append(f"boxes: {mended.as_seen} images are turned by EXIF; their boxes are of what is seen")
    if mended.scaled:
        lines.append(f"boxes: scaled in {mended.scaled} images, which are said to have other sizes")
    if mended.cut:
        lines.append(f"boxes: {mended.cut} of {mended.total} cut off at the border of their image")
    if unused:
        lines.append(f"classes: without a box and left out: {', '.join(unused[:12])}")
    if mended.empty:
        warnings.append(f"{mended.empty} of {mended.total} boxes have no area and are left out")
    if mended.outside:
        warnings.append(
            f"{mended.outside} of {mended.total} boxes lie outside of their image and are left out"
        )
    return lines, warnings
