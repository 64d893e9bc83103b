"""Boxes of objects as COCO, Pascal VOC and YOLO write them, read into one form.

| form | boxes |
|---|---|
| COCO | left, top, width and height in pixels; crowds are ignored |
| Pascal VOC | corners in pixels, counted from 1 unless one is 0; difficult ones are ignored |
| YOLO | class, middle, width and height, as shares of the image or in pixels; polygons by their bounds |
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from convscope.data.boxes import BoxRow
from convscope.data.file_index import FileIndex
from convscope.data.lines import read_lines, read_text
from convscope.data.split_names import split_of_path
from convscope.errors import DataError
from convscope.kinds.image.detection.boxed import Boxed, numbers
from convscope.kinds.image.detection.tools import Tool, tool_of
from convscope.kinds.image.readers.annotations import are_rectangles
from convscope.types import Skipped

Form = Literal["COCO", "Pascal VOC", "YOLO"] | Tool
SHARES = 1.001
"""Numbers up to which boxes are shares of the image; what is a little more was rounded."""
_HEAD, _FRONT, _LONGEST = 4_000_000, 20_000, 20_000_000
_SEGMENTED = re.compile(r'"segmentation"\s*:\s*(?:\[\s*[\[\d]|\{)')
_YOLO = re.compile(r"\A\s*\d+(?:[ \t]+-?\d*\.?\d+(?:e-?\d+)?){4,}\s*$", re.M | re.I)
_ENTITIES = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.I)
_DECLARED = re.compile(r"\A\s*<\?xml[^>]*\?>")
_NAMES_FILE = re.compile(
    r"(?:classes|labels|obj|names|_darknet)(?:[-_.]?(?:names|labels))?\.(?:txt|names|labels)"
)
_NOT_LABELS = re.compile(
    r"(?:readme|licen[cs]e|requirements).*|train|val(?:id(?:ation)?)?|test|classes", re.I
)


def box_files(folder: Path, keys: Iterable[str], images: Sequence[str]) -> dict[str, Form]:
    """The files that hold boxes, and their forms, by their names and how they begin.

    Args:
        folder: That is read.
        keys: All files in it.
        images: Those of them that are images.
    """
    stems = {PurePosixPath(key).stem.lower() for key in images}
    found: dict[str, Form] = {}
    form: Form | None
    for key in keys:
        name = PurePosixPath(key)
        ending, stem = name.suffix.lower(), name.stem.lower()
        paired = stem in stems and not _NOT_LABELS.fullmatch(stem)
        if ending in (".json", ".jsonl"):
            head = _head(folder / key)
            form = _coco(head) or tool_of(key, head)
        elif ending == ".xml":
            form = "Pascal VOC" if _is_voc(_head(folder / key, _FRONT), paired) else None
        else:
            form = "YOLO" if ending == ".txt" and paired and _is_yolo(folder / key) else None
        if form is not None:
            found[key] = form
    return found if any(form != "YOLO" or _holds(folder / key) for key, form in found.items()) else {}


def has_outlines(folder: Path, files: Mapping[str, Form]) -> bool:
    """Whether one of some files has the outlines of objects beside or in place of their boxes."""
    if any(form == "COCO" and _SEGMENTED.search(_head(folder / key)) for key, form in files.items()):
        return True
    shapes = [key for key, form in files.items() if form == "labelme"]
    return bool(shapes) and not are_rectangles(folder, shapes)


def _head(path: Path, most: int = _HEAD) -> str:
    """How a file begins; nothing where it cannot be read, which is told where it is needed."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(most)
    except OSError:
        return ""


def _coco(head: str) -> Literal["COCO"] | None:
    return "COCO" if '"annotations"' in head and re.search(r'"bbox"\s*:', head) else None


def _is_voc(head: str, paired: bool) -> bool:
    """Whether XML has boxes, or is called as an image and has none."""
    return "<bndbox" in head or (paired and "<annotation>" in head)


def _holds(path: Path) -> bool:
    return bool(_head(path, _FRONT).strip())


def _is_yolo(path: Path) -> bool:
    """Whether the lines of a file are a number and four or more; an empty one is, of an image without any."""
    head = _head(path, _FRONT)
    return not head.strip() or _YOLO.match(head) is not None


def add_coco(folder: Path, file: str, plain: Any, index: FileIndex, made: Boxed) -> None:
    """Adds the images of one file in the form of COCO.

    Raises:
        DataError: An annotation has no category that is named, or another form.
        KeyError, TypeError, ValueError, AttributeError: Something else stands where COCO has numbers.
    """
    path = folder / file
    parts = plain if isinstance(plain, Mapping) else {}
    words = ("images", "annotations", "categories")
    images, objects, categories = (_listed(path, parts, word) for word in words)
    names = {each["id"]: str(each["name"]) for each in categories}
    key_of: dict[object, str] = {}
    for each in images:
        name = str(each.get("file_name", ""))
        key = _image_of(file, name, index)
        if key is None:
            made.skipped.append(Skipped(name or str(path), f"named by {file}, but not there"))
            continue
        key_of[each["id"]] = key
        size = int(each.get("height") or 0), int(each.get("width") or 0)
        made.add(key, size, split_of_path(file) or split_of_path(key))
    for place, each in enumerate(objects):
        key = key_of.get(each.get("image_id"))
        if key is None:
            continue
        where = f"{path}, annotation {each.get('id', place)}"
        if each.get("category_id") not in names:
            raise DataError(f"{where}: expected a category that is named, received {each.get('category_id')}")
        box = _coco_box(where, each)
        if box is None:
            made.skipped.append(Skipped(where, "an object without a box"))
            continue
        left, top, wide, high = box
        number = made.number_of(names[each["category_id"]])
        made.rows[key].append((left, top, left + wide, top + high, number, bool(each.get("iscrowd"))))


def _listed(path: Path, parts: Mapping[str, Any], word: str) -> list[Any]:
    found = parts.get(word)
    if not isinstance(found, list):
        raise DataError(f"{path}: expected images, annotations and categories, as COCO has them")
    return found


def _image_of(file: str, name: str, index: FileIndex) -> str | None:
    """The image of a file of COCO: beside it, or in a folder called as its split."""
    beside = file.rpartition("/")[0]
    split = PurePosixPath(file).stem.rpartition("_")[2]
    names = (
        f"{beside}/{name}".lstrip("/"),
        f"{split}/{name}",
        name,
        PurePosixPath(name.replace("\\", "/")).name,
    )
    return next((found for each in names if name and (found := index.find(each)) is not None), None)


def _coco_box(where: str, each: Mapping[str, Any]) -> list[float] | None:
    box = each.get("bbox")
    if not isinstance(box, list) or not box:
        return None
    if len(box) != 4:
        raise DataError(
            f"{where}: expected a box of left, top, width and height, received {len(box)} numbers"
        )
    return numbers(where, box)


def add_voc(folder: Path, file: str, index: FileIndex, made: Boxed) -> None:
    """Adds the image of one file of Pascal VOC.

    Raises:
        DataError: It is no XML, or declares entities, or a box has other parts.
    """
    path = folder / file
    text = read_text(path, limit=_LONGEST)
    if _ENTITIES.search(text):
        raise DataError(f"{path}: expected XML without a document type, received one, which is not read")
    try:
        root = ET.fromstring(_DECLARED.sub("", text))  # noqa: S314 - without entities nothing can expand
    except (ET.ParseError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected XML ({error})") from error
    said = PurePosixPath((root.findtext("filename") or "").replace("\\", "/"))
    own = PurePosixPath(file)
    names = (str(own.parent / said.name), said.name, own.stem, said.stem)
    key = next((found for name in names if name and (found := index.find(name)) is not None), None)
    if key is None:
        made.skipped.append(Skipped(str(path), f"its image {said.name!r} is not there"))
        return
    size = [root.findtext(f"size/{side}") or "0" for side in ("height", "width")]
    high, wide = (int(value) if value.strip().isdigit() else 0 for value in size)
    rows = made.add(key, (high, wide), split_of_path(key) or split_of_path(file))
    for number, each in enumerate(root.iter("object"), 1):
        where = f"{path}, object {number}"
        name = (each.findtext("name") or "").strip()
        corners = [each.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
        if not name or None in corners:
            raise DataError(f"{where}: expected a name and bndbox with xmin, ymin, xmax and ymax")
        left, top, right, bottom = numbers(where, corners)
        difficult = (each.findtext("difficult") or "").strip() == "1"
        rows.append((left, top, right, bottom, made.number_of(name), difficult))


def count_from_one(made: Boxed) -> None:
    """Moves the corners of Pascal VOC, which has the first pixel as 1 and the last one within the box.

    Where some box begins at 0 or before, pixels were counted from 0 and nothing is moved.
    """
    first = min((min(row[:2]) for rows in made.rows.values() for row in rows), default=1.0)
    if first < 1:
        made.decisions["boxes: corners counted from 0, since some are there"] = None
        return
    made.decisions["boxes: corners counted from 1, as Pascal VOC does"] = None
    for rows in made.rows.values():
        rows[:] = [_first_pixel_moved(row) for row in rows]


def _first_pixel_moved(row: BoxRow) -> BoxRow:
    """A box with its first pixel counted from 0; one without area stays without."""
    left, top, right, bottom, number, ignored = row
    if right <= left or bottom <= top:
        return row
    return left - 1, top - 1, right, bottom, number, ignored


def add_yolo(folder: Path, files: Sequence[str], images: Sequence[str], made: Boxed) -> None:
    """Adds all images, with the boxes of the files that are called as they are.

    Raises:
        DataError: A line is no box, or a class has no name.
    """
    names, told = _class_names(folder, files, images)
    label_of = {_as_image(key): key for key in files}
    beside = {PurePosixPath(key).stem: key for key in files}
    found: dict[str, list[tuple[str, list[float]]]] = {}
    for key in images:
        stem = str(PurePosixPath(key).with_suffix(""))
        label = label_of.get(_as_image(f"{stem}.txt"), beside.get(PurePosixPath(key).stem))
        made.add(key, split=split_of_path(key))
        found[key] = [] if label is None else list(_yolo_lines(folder / label))
    alone = sum(
        label_of.get(_as_image(str(PurePosixPath(key).with_suffix(".txt")))) is None for key in images
    )
    if alone:
        made.decisions[
            f"boxes: {alone} images without a file of boxes have no object, as YOLO takes them"
        ] = None
    largest = max((abs(n) for lines in found.values() for _, line in lines for n in line[1:5]), default=0.0)
    made.unit = "shares" if largest <= SHARES else "pixels"
    said = "shares of the image" if made.unit == "shares" else f"pixels, since numbers reach {largest:g}"
    made.decisions[f"boxes: {said}"] = None
    made.decisions[told] = None
    polygons = 0
    for key, lines in found.items():
        for where, line in lines:
            number = int(line[0])
            if names and number >= len(names):
                raise DataError(
                    f"{where}: expected a class from 0 to {len(names) - 1}, received {number}",
                    hint=f"Correct the file, or the names of classes ({told}).",
                )
            polygons += len(line) > 6
            corners = _corners_of(line[1:])
            made.rows[key].append((*corners, made.number_of(names[number] if names else str(number)), False))
    if polygons:
        made.decisions[f"boxes: {polygons} polygons by the box around them"] = None


def _as_image(label: str) -> str:
    """Where the image of a file of boxes lies, without its ending: `images/` in place of `labels/`."""
    parts = ["images" if part.lower() == "labels" else part for part in PurePosixPath(label).parts]
    return "/".join([*parts[:-1], PurePosixPath(label).stem])


def _yolo_lines(path: Path) -> Iterable[tuple[str, list[float]]]:
    for number, text in read_lines(path):
        if not text.strip():
            continue
        where = f"{path}, line {number}"
        line = numbers(where, text.split())
        polygon = len(line) > 6 and len(line) % 2 == 1
        if (len(line) not in (5, 6) and not polygon) or line[0] < 0 or line[0] != int(line[0]):
            raise DataError(
                f"{where}: expected a class and the middle, width and height of a box, received {text[:60]!r}"
            )
        yield where, line


def _corners_of(line: Sequence[float]) -> tuple[float, float, float, float]:
    """The corners of a box by its middle and sides, or of a polygon."""
    if len(line) > 5:
        return min(line[::2]), min(line[1::2]), max(line[::2]), max(line[1::2])
    x, y, wide, high = line[:4]
    return x - wide / 2, y - high / 2, x + wide / 2, y + high / 2


def _class_names(folder: Path, files: Sequence[str], images: Sequence[str]) -> tuple[list[str], str]:
    """The names of numbered classes by a file that has them, and what is said of it."""
    tops = {*(key.partition("/")[0] for key in (*files, *images) if "/" in key), ""}
    for place in sorted(folder.glob("*.y*ml")):
        names = _names_of_yaml(read_text(place, limit=_LONGEST))
        if names:
            return names, f"classes: named by {place.name}"
    for top in sorted(tops):
        for place in sorted((folder / top).iterdir()):
            if place.is_file() and _NAMES_FILE.fullmatch(place.name.lower()):
                lines = [line.strip() for line in read_text(place).splitlines() if line.strip()]
                return lines, f"classes: named by the lines of {place.name}"
    return [], "classes: by their numbers, since no data.yaml or classes.txt names them"


def _names_of_yaml(text: str) -> list[str]:
    """What follows `names:`: a list in brackets, a line for each, or a number and a name on each."""
    after = re.search(r"^names\s*:(.*(?:\n(?:[ \t\]}-].*|\d+\s*:.*|(?=\n)))*)", text, re.M)
    if after is None:
        return []
    body = re.sub(r"(?m)(?:^|\s)#.*$", "", after[1])
    listed = re.search(r"\[(.*?)\]|\{(.*?)\}", body, re.S)
    parts = re.split(r",", listed[1] or listed[2] or "") if listed else body.splitlines()
    names: dict[int, str] = {}
    for part in (part.strip() for part in parts):
        keyed = None if listed and listed[1] is not None else re.fullmatch(r"(\d{1,6})\s*:\s*(.+)", part)
        name = keyed[2] if keyed else re.sub(r"^-\s*", "", part)
        if name.strip():
            names[int(keyed[1]) if keyed else len(names)] = name.strip().strip("'\"")
    return [names.get(number, str(number)) for number in range(max(names, default=-1) + 1)] if names else []
