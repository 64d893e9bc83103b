"""Boxes as tools of annotation write them into JSON: labelme, Label Studio, CreateML, Hugging Face.

| tool | boxes |
|---|---|
| labelme | a file beside each image: corners of rectangles in pixels, of other shapes the box around them |
| Label Studio | tasks of an export: left, top, width and height in shares of a hundred |
| CreateML | one file for all images: middle, width and height in pixels |
| Hugging Face | `metadata.jsonl` with `objects`: left, top, width and height in pixels |
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from convscope.data.file_index import FileIndex
from convscope.data.lines import read_lines
from convscope.data.split_names import split_of_path
from convscope.errors import DataError
from convscope.json_values import read_json
from convscope.kinds.image.detection.boxed import Boxed, numbers
from convscope.kinds.image.readers.annotations import (
    Corners,
    annotated_tasks,
    labelme_corners,
    labelme_image,
    task_corners,
    task_image_size,
)
from convscope.types import Skipped

Tool = Literal["labelme", "Label Studio", "CreateML", "Hugging Face datasets"]
_TASKS = re.compile(r'"rectanglelabels"\s*:')
_CREATEML = re.compile(
    r'\A\s*\[\s*\{(?=.{0,2000}"image(?:filename)?"\s*:)(?=.{0,20000}"coordinates"\s*:\s*\{)', re.S
)
_OBJECTS = re.compile(r'\A\s*\{.*"objects"\s*:\s*[\[{].*"bbox"\s*:')
_CLASSES = ("category", "categories", "label", "labels", "class", "classes", "name", "names", "category_id")
_FILES = ("file_name", "image", "image_path", "filename")


def tool_of(name: str, head: str) -> Tool | None:
    """Which tool writes files that are called so and begin so."""
    if name.lower().endswith(".jsonl"):
        return "Hugging Face datasets" if _OBJECTS.match(head) else None
    if '"shapes"' in head and ('"imagePath"' in head or '"flags"' in head):
        return "labelme"
    if _TASKS.search(head):
        return "Label Studio"
    return "CreateML" if _CREATEML.match(head) else None


def add_tool(folder: Path, file: str, tool: Tool, index: FileIndex, made: Boxed) -> None:
    """Adds the images of one file with their boxes.

    Raises:
        DataError: It has another form than its tool writes.
    """
    add = {
        "labelme": _add_labelme,
        "Label Studio": _add_tasks,
        "CreateML": _add_createml,
        "Hugging Face datasets": _add_objects,
    }[tool]
    try:
        add(folder, file, index, made)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(f"{folder / file}: expected boxes as {tool} writes them ({error})") from error


def _add_labelme(folder: Path, file: str, index: FileIndex, made: Boxed) -> None:
    plain = read_json(folder / file)
    key, said, size = labelme_image(file, plain, index)
    if key is None:
        made.skipped.append(Skipped(said, f"named by {file}, but not there"))
        return
    rows = made.add(key, size, split_of_path(key) or split_of_path(file))
    for number, shape in enumerate(plain["shapes"]):
        where, kind = f"{folder / file}, shape {number}", str(shape.get("shape_type"))
        corners = labelme_corners(shape)
        if corners is None:
            made.skipped.append(Skipped(where, f"a {kind}, which has no area"))
            continue
        if kind != "rectangle":
            made.decisions["boxes: shapes that are no rectangles by the box around them"] = None
        rows.append(_around(where, corners, made.number_of(str(shape["label"]))))


def _add_tasks(folder: Path, file: str, index: FileIndex, made: Boxed) -> None:
    several = 0
    for where, key, results, count in annotated_tasks(folder / file, read_json(folder / file), index):
        several += count > 1
        if key is None or results is None:
            reason = "its image is not there" if key is None else "it is not annotated"
            made.skipped.append(Skipped(where, reason))
            continue
        for each in (each for each in results if isinstance(each, Mapping)):
            size = task_image_size(each)
            found = task_corners(where, each, size)
            rows = made.add(key, size, split_of_path(key))
            if found is not None:
                rows.append(_around(where, found[1], made.number_of(found[0])))
        made.add(key, split=split_of_path(key))
    if several:
        made.decisions[f"boxes: {several} tasks of {file} have several annotations; the first is taken"] = (
            None
        )


def _around(where: str, corners: Corners, number: int) -> tuple[float, float, float, float, int, bool]:
    """The box around corners, shape (corners, 2)."""
    left, top, right, bottom = numbers(where, [*corners.min(axis=0), *corners.max(axis=0)])
    return left, top, right, bottom, number, False


def _add_createml(folder: Path, file: str, index: FileIndex, made: Boxed) -> None:
    made.decisions["boxes: middle, width and height, in pixels, as CreateML writes them"] = None
    for place, each in enumerate(read_json(folder / file)):
        name = str(each.get("image") or each["imagefilename"])
        key = _beside(file, name, index)
        if key is None:
            made.skipped.append(Skipped(name, f"named by {file}, but not there"))
            continue
        rows = made.add(key, split=split_of_path(file) or split_of_path(key))
        for box in each.get("annotations") or each.get("annotation") or ():
            where, sides = f"{folder / file}, image {place}", box["coordinates"]
            x, y, wide, high = numbers(where, [sides[word] for word in ("x", "y", "width", "height")])
            number = made.number_of(str(box["label"]))
            rows.append((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2, number, False))


def _add_objects(folder: Path, file: str, index: FileIndex, made: Boxed) -> None:
    made.decisions["boxes: left, top, width and height, in pixels, as Hugging Face data sets have them"] = (
        None
    )
    for number, text in read_lines(folder / file):
        if not text.strip():
            continue
        where = f"{folder / file}, line {number}"
        row = json.loads(text)
        name = next((str(row[word]) for word in _FILES if word in row), "")
        key = _beside(file, name, index)
        if key is None:
            made.skipped.append(Skipped(name or where, f"named by {file}, but not there"))
            continue
        size = int(row.get("height") or 0), int(row.get("width") or 0)
        rows = made.add(key, size, split_of_path(file) or split_of_path(key))
        for box, label in _objects_of(where, row.get("objects") or {}):
            left, top, wide, high = numbers(where, box)
            rows.append((left, top, left + wide, top + high, made.number_of(label), False))


def _objects_of(where: str, objects: Any) -> Iterator[tuple[Sequence[Any], str]]:
    """The four numbers and the class of each object, which are a list, or lists by what they hold.

    Raises:
        DataError: There are other numbers of boxes than of classes, or no classes.
    """
    listed = objects if isinstance(objects, list) else None
    some = listed[0] if listed else objects
    name = next((word for word in _CLASSES if word in some), None)
    if listed is not None:
        boxes, labels = [each["bbox"] for each in listed], [each.get(name) for each in listed]
    else:
        boxes = objects.get("bbox") or []
        labels = objects[name] if name is not None else []
    if boxes and name is None:
        raise DataError(f"{where}: expected objects with a class ({', '.join(_CLASSES[:4])}), received none")
    if len(boxes) != len(labels) or any(len(box) != 4 for box in boxes):
        raise DataError(
            f"{where}: expected four numbers and a class for each object, received {len(boxes)} boxes and"
            f" {len(labels)} classes"
        )
    yield from zip(boxes, map(str, labels), strict=True)


def _beside(file: str, name: str, index: FileIndex) -> str | None:
    """An image that a file names, beside it or anywhere."""
    plain = PurePosixPath(name.replace("\\", "/"))
    names = (str(PurePosixPath(file).parent / plain), plain.name)
    return next((found for each in names if name and (found := index.find(each)) is not None), None)
