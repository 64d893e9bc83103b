"""Images with the polygons and run lengths that files in the form of COCO have for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from convscope.data.file_index import FileIndex
from convscope.data.split_names import split_of_path
from convscope.errors import DataError
from convscope.kinds.image.readers.mask_shapes import region_of
from convscope.kinds.image.readers.outlined import Outlined
from convscope.types import Skipped


def add_coco(folder: Path, file: str, plain: object, index: FileIndex, made: Outlined) -> None:
    """Adds the images of one file of annotations, with the regions of their objects over a background.

    Where objects overlap, the smaller one is on top. Crowds, whose objects nobody told apart, are void.

    Args:
        folder: That is read.
        file: The file in it.
        plain: What it holds.
        index: Finds images by their names.
        made: Receives them.

    Raises:
        DataError: An annotation has no category that is named, or another form.
        KeyError, TypeError, ValueError, AttributeError: Something else stands where COCO has numbers.
    """
    path = folder / file
    parts = {} if not isinstance(plain, Mapping) else plain
    images, regions, categories = (parts.get(name) for name in ("images", "annotations", "categories"))
    if not (isinstance(images, list) and isinstance(regions, list) and isinstance(categories, list)):
        raise DataError(f"{path}: expected images, annotations and categories, as COCO has them")
    number_of: dict[object, int] = {
        each["id"]: made.number_of(str(path), str(each["name"]))
        for each in sorted(categories, key=lambda each: int(each["id"]))
    }
    key_of: dict[object, str] = {}
    for each in images:
        name = str(each.get("file_name", ""))
        key = index.find(f"{file.rpartition('/')[0]}/{name}".lstrip("/")) or index.find(name)
        if key is None:
            made.skipped.append(Skipped(str(each.get("file_name", "")), f"named by {file}, but not there"))
            continue
        key_of[each["id"]] = key
        size = int(each.get("height", 0)), int(each.get("width", 0))
        made.add(key, size, split_of_path(file) or split_of_path(key))
    crowds = 0
    for place, each in enumerate(regions):
        key = key_of.get(each.get("image_id"))
        if key is None:
            continue
        where = f"{path}, annotation {each.get('id', place)}"
        if each.get("category_id") not in number_of:
            raise DataError(f"{where}: expected a category that is named, received {each.get('category_id')}")
        crowd = bool(each.get("iscrowd"))
        crowds += crowd
        region = region_of(number_of[each["category_id"]], where, each.get("segmentation", []), crowd)
        if region is not None:
            made.regions[key].append(region)
    if crowds:
        made.decisions[f"void: {crowds} crowds of {file}, neither learned nor judged"] = None
