"""Images with the polygons and run lengths that files in the form of COCO have for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from convscope.data.assembly import Found
from convscope.data.digests import DIGEST_BYTES, digest_keys, digest_of
from convscope.data.file_index import FileIndex
from convscope.data.masks import BACKGROUND, MOST_CLASSES, Mask, count_classes
from convscope.data.split_names import split_of_path
from convscope.errors import DataError
from convscope.json_values import read_json
from convscope.kinds.image.readers.decode import Levels
from convscope.kinds.image.readers.mask_shapes import Region, drawn, region_of
from convscope.kinds.image.readers.names import is_image_name
from convscope.kinds.image.readers.scan import scan_to_found
from convscope.kinds.image.readers.sources import unscanned_files
from convscope.types import Progress, Skipped, SplitName

_HEAD = 4_000_000


@dataclass
class _Outlined:
    """Images with their regions, before they are scanned."""

    regions: dict[str, list[Region]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    splits: dict[str, SplitName | None] = field(default_factory=dict)
    names: list[str] = field(default_factory=lambda: [BACKGROUND])
    skipped: list[Skipped] = field(default_factory=list)
    crowds: int = 0


def coco_files(folder: Path, keys: Sequence[str]) -> list[str]:
    """Files of a folder that hold segmentations in the form of COCO, by how they begin."""
    found = []
    for key in (key for key in keys if key.lower().endswith(".json")):
        try:
            with (folder / key).open(encoding="utf-8", errors="replace") as file:
                head = file.read(_HEAD)
        except OSError:
            continue
        if '"segmentation"' in head and ('"images"' in head or '"annotations"' in head):
            found.append(key)
    return found


def read_coco(
    folder: Path,
    files: Sequence[str],
    keys: Sequence[str],
    progress: Progress,
    intensity_range: Levels | None = None,
) -> tuple[Found, list[Mask | None], tuple[str, ...]]:
    """Reads images with the regions of their objects, over a background.

    Where objects overlap, the smaller one is on top. Crowds, whose objects nobody told apart, are void.

    Args:
        folder: That was read.
        files: The files of annotations in it, one for each split, or one.
        keys: All files in it.
        progress: Receives the number of images scanned.
        intensity_range: What values of more than 8 bits become black and white.

    Returns:
        The images, the mask of each, and the names of the classes.

    Raises:
        DataError: A file has another form, names no image that is there, or most images cannot be read.
    """
    made = _outlined(folder, files, keys)
    images = list(made.regions)
    splits = [made.splits[key] for key in images]
    lines = [f"masks: drawn from {', '.join(files)}; where objects overlap, the smaller one is on top"]
    lines += [f"void: {made.crowds} crowds, neither learned nor judged"] if made.crowds else []
    found = scan_to_found(
        unscanned_files(str(folder), images),
        where=str(folder),
        layout=f"images with COCO segmentations: {', '.join(files)} name {len(images)} images",
        labels=[None] * len(images),
        splits=splits if "train" in splits and None not in splits else [None] * len(splits),
        skipped=made.skipped,
        progress=progress,
        decisions=lines,
        intensity_range=intensity_range,
    )
    masks, digests, skipped = _drawn_masks(found, made)
    found = replace(found, near=found.digests, digests=digests, skipped=(*found.skipped, *skipped))
    return found, masks, tuple(made.names)


def _outlined(folder: Path, files: Sequence[str], keys: Sequence[str]) -> _Outlined:
    """The images of all files of annotations.

    Raises:
        DataError: As `read_coco`.
    """
    made = _Outlined()
    index = FileIndex(key for key in keys if is_image_name(key))
    for file in files:
        try:
            _add(folder, file, index, made)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"{folder / file}: expected images with id and file_name, categories with id and name"
            ) from error
    if not made.regions:
        raise DataError(f"{folder / files[0]}: expected images that are there, received none of them")
    return made


def _add(folder: Path, file: str, index: FileIndex, made: _Outlined) -> None:
    """Adds the images of one file of annotations."""
    path = folder / file
    plain = read_json(path)
    parts = {} if not isinstance(plain, Mapping) else plain
    images, regions, categories = (parts.get(name) for name in ("images", "annotations", "categories"))
    if not (isinstance(images, list) and isinstance(regions, list) and isinstance(categories, list)):
        raise DataError(f"{path}: expected images, annotations and categories, as COCO has them")
    number_of: dict[object, int] = {}
    for each in sorted(categories, key=lambda each: int(each["id"])):
        name = str(each["name"])
        if name not in made.names:
            made.names.append(name)
        number_of[each["id"]] = made.names.index(name)
    if len(made.names) > MOST_CLASSES:
        raise DataError(f"{path}: expected at most {MOST_CLASSES - 1} categories, received {len(number_of)}")
    key_of: dict[object, str] = {}
    for each in images:
        key = index.find(str(each.get("file_name", "")))
        if key is None:
            made.skipped.append(Skipped(str(each.get("file_name", "")), f"named by {file}, but not there"))
            continue
        key_of[each["id"]] = key
        made.regions[key] = []
        made.sizes[key] = (int(each.get("height", 0)), int(each.get("width", 0)))
        made.splits[key] = split_of_path(file) or split_of_path(key)
    for place, each in enumerate(regions):
        key = key_of.get(each.get("image_id"))
        if key is None:
            continue
        where = f"{path}, annotation {each.get('id', place)}"
        if each.get("category_id") not in number_of:
            raise DataError(f"{where}: expected a category that is named, received {each.get('category_id')}")
        crowd = bool(each.get("iscrowd"))
        made.crowds += crowd
        region = region_of(number_of[each["category_id"]], where, each.get("segmentation", []), crowd)
        if region is not None:
            made.regions[key].append(region)


def _drawn_masks(
    found: Found, made: _Outlined
) -> tuple[list[Mask | None], np.ndarray[tuple[int, ...], np.dtype[np.void]], list[Skipped]]:
    """The mask of each image, a hash of both, and images of other sizes than their annotations say."""
    masks: list[Mask | None] = []
    skipped: list[Skipped] = []
    digests = np.zeros((len(found.source), DIGEST_BYTES), np.uint8)
    for index in range(len(found.source)):
        key = found.source.key(index)
        height, width = found.source.sizes[index].tolist()  # type: ignore[attr-defined]
        said = made.sizes[key]
        regions = made.regions[key]
        digests[index] = np.frombuffer(
            digest_of(bytes(found.digests[index]) + repr(regions).encode()), np.uint8
        )
        if any(said) and said != (height, width):
            reason = f"annotated as {said[0]}x{said[1]}, but the image has {height}x{width} pixels"
            skipped.append(Skipped(found.source.name(index), reason))
            masks.append(None)
            continue
        read = partial(drawn, regions, (height, width))
        masks.append(Mask(read, *count_classes(read(), len(made.names))))
    return masks, digest_keys(digests), skipped
