"""Images whose masks are written by annotation tools: COCO, labelme and Label Studio.

| tool | what is read |
|---|---|
| COCO, and what exports it | polygons and run lengths of objects; crowds are void |
| labelme | a file beside each image: polygons, rectangles, circles |
| Label Studio | tasks of an export as JSON: polygons, rectangles, ellipses, in shares of a hundred |
| Supervisely | refused with what to export instead |
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found
from convscope.data.file_index import FileIndex
from convscope.data.masks import Mask
from convscope.data.split_names import split_of_path
from convscope.errors import DataError
from convscope.json_values import read_json
from convscope.kinds.image.readers.coco import add_coco
from convscope.kinds.image.readers.decode import Levels
from convscope.kinds.image.readers.mask_shapes import Region
from convscope.kinds.image.readers.names import is_image_name
from convscope.kinds.image.readers.outlined import Outlined, read_outlined
from convscope.types import Progress, Skipped

Form = Literal["COCO", "labelme", "Label Studio", "Supervisely"]
Corners = npt.NDArray[np.float64]
_HEAD, _FRONT = 4_000_000, 20_000
_CORNERS = 72
"""Corners by which circles and ellipses are drawn."""
_OUTLINED = re.compile(r'"segmentation"\s*:\s*(?:\[\s*[\[\d]|\{)')
"""Outlines of COCO; where there are boxes alone, lists of them are empty."""
_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")
_DRAWN = ("polygonlabels", "brushlabels", "ellipselabels")
RECTANGLES = "rectanglelabels"
_SHAPE = re.compile(r'"shape_type"\s*:\s*"(\w+)"')


def annotation_files(folder: Path, keys: Sequence[str]) -> dict[str, Form]:
    """Files of a folder that hold segmentations, and their form, by how they begin."""
    found: dict[str, Form] = {}
    for key in (key for key in keys if key.lower().endswith(".json")):
        try:
            with (folder / key).open(encoding="utf-8", errors="replace") as file:
                front = file.read(_FRONT)
                form = _form_of_one(front) or _form_of_many(front + file.read(_HEAD))
        except OSError:
            continue
        if form is not None:
            found[key] = form
    return found


def are_rectangles(folder: Path, files: Iterable[str]) -> bool:
    """Whether files of labelme have rectangles alone, which are boxes rather than outlines of objects."""
    some = False
    for key in files:
        try:
            with (folder / key).open(encoding="utf-8", errors="replace") as file:
                text = file.read(_HEAD)
        except OSError:
            continue
        shapes = {*_SHAPE.findall(text)}
        # What labelme wrote before it had other shapes has polygons, and says no shape.
        if shapes - {"rectangle"} or (not shapes and '"points"' in text):
            return False
        some |= bool(shapes)
    return some


def _form_of_one(front: str) -> Form | None:
    """The form of a file for one image."""
    if '"shapes"' in front and ('"imagePath"' in front or '"flags"' in front):
        return "labelme"
    if '"classTitle"' in front and '"objects"' in front:
        return "Supervisely"
    return None


def _form_of_many(head: str) -> Form | None:
    """The form of a file for all images."""
    if _OUTLINED.search(head) and ('"images"' in head or '"annotations"' in head):
        return "COCO"
    if any(f'"{word}"' in head for word in _DRAWN):
        return "Label Studio"
    return None


def read_annotations(
    folder: Path,
    files: Mapping[str, Form],
    keys: Sequence[str],
    progress: Progress,
    intensity_range: Levels | None = None,
) -> tuple[Found, list[Mask | None], tuple[str, ...]]:
    """Reads images with the regions of their objects, over a background.

    Where regions overlap, the smaller one is on top.

    Args:
        folder: That was read.
        files: The files of annotations in it, and their forms.
        keys: All files in it.
        progress: Receives the number of images scanned.
        intensity_range: What values of more than 8 bits become black and white.

    Returns:
        The images, the mask of each, and the names of the classes.

    Raises:
        DataError: A file has another form, names no image that is there, or most images cannot be read.
    """
    made = Outlined()
    index = FileIndex(key for key in keys if is_image_name(key))
    add = {"COCO": add_coco, "labelme": _add_labelme, "Label Studio": _add_tasks, "Supervisely": _refused}
    for file, form in files.items():
        try:
            add[form](folder, file, read_json(folder / file), index, made)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            what = "images with id and file_name, categories with id and name" if form == "COCO" else form
            raise DataError(f"{folder / file}: expected the form of {form} ({what})") from error
    forms = ", ".join(dict.fromkeys(files.values()))
    named = ", ".join([*files][:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
    line = f"masks: drawn from {named}; where regions overlap, the smaller one is on top"
    made.decisions = {line: None, **made.decisions}
    layout = f"images with {forms} segmentations: {len(made.regions)} images"
    return read_outlined(folder, made, layout, progress, intensity_range)


def labelme_image(file: str, plain: Any, index: FileIndex) -> tuple[str | None, str, tuple[int, int]]:
    """The image that a file of labelme is of, if it is there; what it is called, and its height and width."""
    beside = PurePosixPath(file).parent
    said = str(plain.get("imagePath") or "").replace("\\", "/")
    names = (str(beside / said), PurePosixPath(said).name, str(PurePosixPath(file).with_suffix("")))
    key = next((found for name in names if name and (found := index.find(name)) is not None), None)
    return key, said or file, (int(plain.get("imageHeight") or 0), int(plain.get("imageWidth") or 0))


def _add_labelme(folder: Path, file: str, plain: Any, index: FileIndex, made: Outlined) -> None:
    """Adds the image beside a file of labelme, with its shapes."""
    key, said, size = labelme_image(file, plain, index)
    if key is None:
        made.skipped.append(Skipped(said, f"named by {file}, but not there"))
        return
    regions = made.add(key, size, split_of_path(key) or split_of_path(file))
    for number, shape in enumerate(plain["shapes"]):
        where = f"{folder / file}, shape {number}"
        corners = labelme_corners(shape)
        if corners is None:
            made.skipped.append(Skipped(where, f"a {shape.get('shape_type')}, which has no area"))
            continue
        class_number = made.number_of(where, str(shape["label"]))
        regions.append(Region(class_number, where, polygons=(tuple(corners.ravel().tolist()),)))


def labelme_corners(shape: Mapping[str, Any]) -> Corners | None:
    """The corners of a shape of labelme, shape (corners, 2); None for what has no area that is read."""
    points = np.array(shape["points"], np.float64).reshape(-1, 2)
    kind = str(shape.get("shape_type") or "polygon")
    if kind == "polygon" and len(points) > 2:
        return points
    if kind == "rectangle" and len(points) == 2:
        (left, top), (right, bottom) = points
        return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    if kind == "circle" and len(points) == 2:
        radius = float(np.hypot(*(points[1] - points[0])))
        return _ellipse(points[0], radius, radius, 0.0)
    return None


def _ellipse(middle: Corners, wide: float, high: float, turn: float) -> Corners:
    """Corners of an ellipse by its half axes, turned by so many degrees."""
    around = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    return _turned(np.stack([wide * np.cos(around), high * np.sin(around)], axis=1), turn) + middle


def _turned(corners: Corners, degrees: float) -> Corners:
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turned: Corners = corners @ np.array([(cosine, sine), (-sine, cosine)])
    return turned


def annotated_tasks(
    path: Path, plain: Any, index: FileIndex
) -> Iterator[tuple[str, str | None, Sequence[object] | None, int]]:
    """The tasks that Label Studio exports, whole or as its short form.

    Yields:
        Where a task stands, its image if it is there, the results of its first annotation, or None where it
        is not annotated, and how many annotations it has.
    """
    for number, task in enumerate(plain if isinstance(plain, list) else [plain]):
        where = f"{path}, task {task.get('id', number)}"
        data = task.get("data", task)
        key = next((found for value in data.values() if (found := _image_of(value, index)) is not None), None)
        done = [each for each in task.get("annotations", []) if not each.get("was_cancelled")]
        flat = [each for value in data.values() if isinstance(value, list) for each in value]
        yield (
            where,
            key,
            done[0].get("result", []) if done else flat if "data" not in task else None,
            len(done),
        )


def _add_tasks(folder: Path, file: str, plain: Any, index: FileIndex, made: Outlined) -> None:
    """Adds the images of the tasks that Label Studio exports, with the regions of one annotation each."""
    several = 0
    for where, key, results, count in annotated_tasks(folder / file, plain, index):
        several += count > 1
        if key is None or results is None:
            reason = "its image is not there" if key is None else "it is not annotated"
            made.skipped.append(Skipped(where, reason))
            continue
        for each in (each for each in results if isinstance(each, Mapping)):
            size = task_image_size(each)
            regions = made.add(key, size, split_of_path(key))
            regions += _regions_of(where, each, size, made)
        made.add(key, split=split_of_path(key))
    if several:
        made.decisions[f"masks: {several} tasks of {file} have several annotations; the first is taken"] = (
            None
        )


def task_image_size(result: Mapping[str, Any]) -> tuple[int, int]:
    """Height and width of the image that a result of Label Studio is of; zeros where it does not say."""
    return int(result.get("original_height", 0)), int(result.get("original_width", 0))


def _image_of(value: object, index: FileIndex) -> str | None:
    """The image that a value of a task names, as uploaded or served from a folder."""
    if not isinstance(value, str):
        return None
    path = value.partition("?d=")[2] or value
    name = PurePosixPath(path).name
    uploaded = _UPLOADED.fullmatch(name)
    names = (path, name, *([uploaded[1]] if uploaded else []))
    return next((found for each in names if (found := index.find(each)) is not None), None)


def _regions_of(where: str, result: Mapping[str, Any], size: tuple[int, int], made: Outlined) -> list[Region]:
    """The region of one result, in pixels; none for results of other kinds."""
    found = task_corners(where, result, size)
    if found is None:
        return []
    label, corners = found
    return [Region(made.number_of(where, label), where, polygons=(tuple(corners.ravel().tolist()),))]


def task_corners(where: str, result: Mapping[str, Any], size: tuple[int, int]) -> tuple[str, Corners] | None:
    """The class of a result of Label Studio and its corners in pixels; None for results of other kinds.

    Raises:
        DataError: It was drawn with a brush, or the size of the image is not said.
    """
    value = result.get("value", result)
    labels = next((value[word] for word in (*_DRAWN, RECTANGLES) if word in value), None)
    if not labels:
        return None
    if "rle" in value:
        raise DataError(
            f"{where}: expected polygons, rectangles or ellipses, received what was drawn with a brush",
            hint="Export it from Label Studio as PNG masks, and put them into masks/ beside images/.",
        )
    if not all(size):
        raise DataError(f"{where}: expected original_width and original_height of the image")
    scale = np.array([size[1], size[0]]) / 100
    if "points" in value:
        corners = np.array(value["points"], np.float64).reshape(-1, 2) * scale
    elif "radiusX" in value:
        middle = np.array([value["x"], value["y"]]) * scale
        wide, high = (np.array([value["radiusX"], value["radiusY"]]) * scale).tolist()
        corners = _ellipse(middle, wide, high, float(value.get("rotation", 0)))
    else:
        wide, high = (np.array([value["width"], value["height"]]) * scale).tolist()
        flat = np.array([(0, 0), (wide, 0), (wide, high), (0, high)])
        turn = float(value.get("rotation", 0))  # about the corner at the top left
        corners = _turned(flat, turn) + np.array([value["x"], value["y"]]) * scale
    return str(labels[0]), corners


def _refused(folder: Path, file: str, plain: Any, index: FileIndex, made: Outlined) -> None:
    """Supervisely packs masks into texts of its own.

    Raises:
        DataError: Always.
    """
    raise DataError(
        f"{folder / file}: expected masks, or annotations of COCO, labelme or Label Studio, received those of"
        " Supervisely",
        hint="Export the project from Supervisely as COCO or as Pascal VOC (masks), and give that folder.",
    )
