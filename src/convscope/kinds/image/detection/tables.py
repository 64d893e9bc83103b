"""Tables of boxes: a row for each, with the image, the class and four numbers or one cell of them.

| columns | box |
|---|---|
| `xmin`, `ymin`, `xmax`, `ymax`, or `x1`, `y1`, `x2`, `y2`, or `left`, `top`, `right`, `bottom` | corners |
| `x`, `y`, `w`, `h`, or `width` and `height` | left, top, width and height |
| `x_center`, `y_center`, `width`, `height` | middle, width and height |
| `bbox` such as `[834.0, 222.0, 56.0, 36.0]` | left, top, width and height, as on Kaggle |
| no names: image, four numbers, class | corners, as of RetinaNet |

Numbers are shares of the image where none is larger than 1, else pixels. A row without numbers is an image
without objects.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from convscope.data.columns import PATH_COLUMNS, SPLIT_COLUMNS, columns_line, find_column, split_name
from convscope.data.file_index import FileIndex
from convscope.data.split_names import split_of, split_of_path
from convscope.data.tables import Table, open_table, table_kind
from convscope.errors import DataError
from convscope.kinds.image.detection.boxed import Boxed, numbers
from convscope.kinds.image.detection.forms import SHARES
from convscope.kinds.image.readers.names import is_image_name, is_to_be_filled_in
from convscope.types import Skipped, SplitName

Meaning = Literal["corners", "sides", "middle"]
OBJECT = "object"
"""The class of all boxes of a table without classes."""
_IMAGES = (*PATH_COLUMNS, "image_id", "imageid", "image_name", "img", "img_path", "sample", "id")
_CLASSES = (
    "class",
    "class_name",
    "label",
    "class_label",
    "classname",
    "label_name",
    "labelname",
    "labels",
    "category",
    "category_name",
    "name",
    "object",
    "object_class",
    "class_id",
    "category_id",
)
_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
    ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"),
)
_MIDDLES = (
    ("x_center", "y_center", "width", "height"),
    ("xcenter", "ycenter", "width", "height"),
    ("x_center", "y_center", "w", "h"),
    ("cx", "cy", "w", "h"),
    ("xc", "yc", "w", "h"),
)
_SIDES = (
    ("x", "y", "w", "h"),
    ("x", "y", "width", "height"),
    ("left", "top", "width", "height"),
    ("bbox_x", "bbox_y", "bbox_width", "bbox_height"),
    ("xmin", "ymin", "width", "height"),
)
_CELL = ("bbox", "box", "bounding_box")
_ROLES = (_IMAGES, *((alias,) for alias in ("xmin", "x1", "x_min", "bbox", "xmax", "x", "x_center")))
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e-?\d+)?", re.I)
_TABLES = (".csv", ".tsv", ".tab", ".psv", ".xlsx", ".parquet", ".pq", ".jsonl")
_SEEN = 20
_UNNAMED = 6
"""Columns of a table of boxes without names."""


@dataclass(frozen=True)
class BoxColumns:
    """What the columns of a table of boxes hold.

    Args:
        image: Files of images.
        sides: Four columns of numbers, or one of all four.
        meaning: What the numbers are.
        label: Classes; None for one class.
    """

    image: str
    sides: tuple[str, ...]
    meaning: Meaning
    label: str | None = None


@dataclass(frozen=True, eq=False)
class BoxTable:
    """A table of boxes with what its columns hold."""

    key: str
    table: Table
    columns: BoxColumns


def box_columns(names: Sequence[str], cells_of: Callable[[int], Sequence[str]]) -> BoxColumns | None:
    """Finds the columns of a table of boxes by their names; None where it is none.

    Args:
        names: Of all columns.
        cells_of: The first cells of a column.

    Example:
        >>> names = ("filename", "class", "xmin", "ymin", "xmax", "ymax")
        >>> box_columns(names, lambda at: ("1.jpg",)).meaning
        'corners'
    """
    sides, meaning = _sides_in(names)
    if not sides:
        return _unnamed(names, cells_of)
    files = [at for at in range(len(names)) if any(map(is_image_name, cells_of(at)[:_SEEN]))]
    image = next(iter(files), find_column(names, _IMAGES))
    if image is None or names[image] in sides:
        return None
    label = find_column([name if name not in sides else "" for name in names], _CLASSES)
    told = None if label is None or label == image else names[label]
    return BoxColumns(names[image], sides, meaning, told)


def _sides_in(names: Sequence[str]) -> tuple[tuple[str, ...], Meaning]:
    """The columns of the numbers of boxes, none where there are none, and what they mean."""
    groups: tuple[tuple[Meaning, Sequence[tuple[str, ...]]], ...] = (
        ("corners", _CORNERS),
        ("middle", _MIDDLES),
        ("sides", _SIDES),
    )
    for meaning, several in groups:
        for aliases in several:
            places = [find_column(names, (alias,)) for alias in aliases]
            chosen = [names[at] for at in places if at is not None]
            if len(chosen) == 4:
                return tuple(chosen), meaning
    cell = find_column(names, _CELL)
    return ((names[cell],), "sides") if cell is not None else ((), "sides")


def _unnamed(names: Sequence[str], cells_of: Callable[[int], Sequence[str]]) -> BoxColumns | None:
    """The columns of a table without names, or whose first row is taken for names: image, corners, class."""
    if len(names) != _UNNAMED or not cells_of(0) or not all(map(is_image_name, cells_of(0)[:_SEEN])):
        return None
    sides = [[cell for cell in cells_of(at)[:_SEEN] if cell] for at in range(1, 5)]
    if not all(cells and all(_NUMBER.fullmatch(cell.strip()) for cell in cells) for cells in sides):
        return None
    return BoxColumns(names[0], tuple(names[1:5]), "corners", names[5])


def box_tables(folder: Path, keys: Sequence[str]) -> list[BoxTable]:
    """The tables of a folder that hold boxes; those to be filled in are left out."""
    found = []
    for key in keys:
        kind = table_kind(folder / key) if key.lower().removesuffix(".gz").endswith(_TABLES) else None
        if kind is None or is_to_be_filled_in(Path(key)):
            continue
        try:
            table = open_table(folder / key, kind, roles=_ROLES)
            first = [cells for (_, cells), _ in zip(table.rows(table.columns), range(_SEEN), strict=False)]
        except DataError:
            continue

        def cells_of(at: int, first: Sequence[Sequence[object]] = first) -> Sequence[str]:
            return ["" if row[at] is None else str(row[at]) for row in first]

        columns = box_columns(table.columns, cells_of)
        if columns is not None:
            found.append(BoxTable(key, table, columns))
    return found


def add_tables(folder: Path, tables: Sequence[BoxTable], images: Sequence[str], made: Boxed) -> None:
    """Adds the images that tables name, with their boxes; others are left out unless they are in no table.

    Raises:
        DataError: A cell is no number, or a split is unknown.
    """
    index = FileIndex(images)
    rows = [each for table in tables for each in _rows(table, index, made)]
    largest = max((abs(n) for _, sides, _, _, _ in rows for n in sides), default=0.0)
    made.unit = "shares" if largest <= SHARES else "pixels"
    said = "shares of the image" if made.unit == "shares" else f"pixels, since numbers reach {largest:g}"
    meanings = {"corners": "corners", "sides": "left, top, width and height", "middle": "middle and sides"}
    made.decisions[f"boxes: {meanings[tables[0].columns.meaning]}, in {said}"] = None
    if all(table.columns.label is None for table in tables):
        named = "no column is called class, label, category or name"
        made.decisions[f"classes: one, '{OBJECT}', since {named}"] = None
    for key, sides, label, split, meaning in rows:
        found = made.add(key, split=split)
        if sides:
            found.append((*_corners(sides, meaning), made.number_of(label), False))
    unnamed = sum(key not in made.rows for key in images)
    if unnamed:
        made.decisions[f"images: {unnamed} that no row names are left out"] = None


_Row = tuple[str, list[float], str, SplitName | None, Meaning]


def _rows(each: BoxTable, index: FileIndex, made: Boxed) -> Iterator[_Row]:
    """Image, numbers, class, split and what the numbers mean of each row."""
    table, columns = each.table, each.columns
    split_column = find_column(table.columns, SPLIT_COLUMNS)
    more = [name for name in (columns.label,) if name is not None]
    more += [] if split_column is None else [table.columns[split_column]]
    wanted = [columns.image, *columns.sides, *more]
    roles = [("image", columns.image), *(("box", name) for name in columns.sides)]
    roles += [("class", columns.label)] if columns.label else []
    roles += [("split", table.columns[split_column])] if split_column is not None else []
    line = columns_line(roles, [name for name in table.columns if name not in wanted])
    made.decisions |= dict.fromkeys([*table.decisions, line])
    for number, cells in table.rows(wanted):
        texts = ["" if cell is None else str(cell).strip() for cell in cells]
        key = index.find(texts[0]) if texts[0] else None
        if key is None:
            made.skipped.append(
                Skipped(texts[0] or table.where(number), f"named by {each.key}, but not there")
            )
            continue
        count = len(columns.sides)
        sides = _numbers(table.where(number), texts[1 : 1 + count])
        label = texts[1 + count] if columns.label else OBJECT
        if sides and not label:
            raise DataError(f"{table.where(number)}: expected a class, received none")
        said = texts[-1] if split_column is not None else ""
        split = split_name(table.where(number), said) if said else None
        yield key, sides, label, split or split_of(Path(each.key).stem) or split_of_path(key), columns.meaning


def _numbers(where: str, texts: Sequence[str]) -> list[float]:
    """The numbers of a box; none where all cells are empty.

    Raises:
        DataError: There are others than four.
    """
    if not any(texts) or all(text.lower() in ("", "nan", "none", "null", "[]") for text in texts):
        return []
    parts = list(texts) if len(texts) == 4 else re.split(r"[\s,;]+", texts[0].strip("[](){} "))
    if len(parts) != 4:
        raise DataError(f"{where}: expected four numbers of a box, received {texts[0][:60]!r}")
    return numbers(where, parts)


def _corners(sides: Sequence[float], meaning: Meaning) -> tuple[float, float, float, float]:
    one, two, three, four = sides
    if meaning == "corners":
        return one, two, three, four
    if meaning == "sides":
        return one, two, one + three, two + four
    return one - three / 2, two - four / 2, one + three / 2, two + four / 2
