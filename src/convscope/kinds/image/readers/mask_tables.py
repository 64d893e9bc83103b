"""Tables of masks: files of masks beside files of images, or run lengths as Kaggle has them.

| columns | masks |
|---|---|
| `image`, `mask` (and `split`, `group`) | files, named as they lie below the table |
| `ImageId`, `EncodedPixels`, or `id`, `rle_mask` | run lengths down the columns from 1, in any rows |
| the same with `ClassId`, or `ImageId_ClassId` | of several classes |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.columns import SPLIT_COLUMNS, columns_line, find_column, split_name
from convscope.data.file_index import FileIndex
from convscope.data.groups import group_column
from convscope.data.split_names import split_of
from convscope.data.tables import Table, open_table, table_kind
from convscope.errors import DataError
from convscope.kinds.image.readers.mask_pairs import MaskPairs, Pair
from convscope.kinds.image.readers.mask_shapes import region_of_pairs
from convscope.kinds.image.readers.names import is_image_name, is_to_be_filled_in
from convscope.kinds.image.readers.outlined import Outlined
from convscope.types import Skipped, SplitName

FOREGROUND = "foreground"
_MASK = re.compile(
    r"(mask|label|annotation|segmentation|seg|gt|ground_?truth|target)s?(_?(path|file|name|image|img))*", re.I
)
_IMAGE = re.compile(r"(image|img|picture|photo|file|id|path|x)s?([_ ]?(id|path|file|name))*", re.I)
_RUNS = re.compile(r"(encoded_?pixels?|.*rle.*|run_?lengths?)", re.I)
_CLASS = re.compile(r"(class|label|category|defect)(_?(id|name|type))?", re.I)
_JOINED = re.compile(r"image(?:_?id)?_(?:class(?:_?id)?|label)", re.I)
_PAIRS = re.compile(r"\s*\d+ \d+( \d+ \d+)*\s*")
_SEEN = 20
_ROLES = (("image", "imageid", "id"), ("mask", "encodedpixels"))


@dataclass(frozen=True)
class MaskColumns:
    """What the columns of a table of masks hold.

    Args:
        image: Files of images.
        mask: Files of masks; None where `runs` has them.
        runs: Run lengths.
        label: Classes of the run lengths; None for one class.
        joined: Whether `image` has the class behind the last underscore.
    """

    image: str
    mask: str | None = None
    runs: str | None = None
    label: str | None = None
    joined: bool = False


def mask_columns(names: Sequence[str], cells_of: Callable[[int], Sequence[str]]) -> MaskColumns | None:
    """Finds the columns of a table of masks by their names and first cells; None where it is none.

    Args:
        names: Of all columns.
        cells_of: The first cells of a column.

    Example:
        >>> cells = [("1.jpg", "2.jpg"), ("1 3 9 2", "")]
        >>> mask_columns(("ImageId", "EncodedPixels"), cells.__getitem__).runs
        'EncodedPixels'
    """
    places = range(len(names))
    full = [[cell for cell in cells_of(at) if cell] for at in places]
    files = [at for at in places if full[at] and all(map(is_image_name, full[at]))]
    masks = [at for at in files if _MASK.fullmatch(names[at].strip())]
    images = [at for at in files if at not in masks]
    if len(masks) == 1 and images:
        return MaskColumns(names[images[0]], mask=names[masks[0]])
    runs = [at for at in places if _RUNS.fullmatch(names[at].strip()) and _are_runs(full[at])]
    if len(runs) != 1:
        return None
    joined = [at for at in places if _JOINED.fullmatch(names[at].strip())]
    if joined and all("_" in cell for cell in full[joined[0]]):
        return MaskColumns(names[joined[0]], runs=names[runs[0]], joined=True)
    images = [at for at in places if _IMAGE.fullmatch(names[at].strip()) and full[at]]
    labels = [names[at] for at in places if _CLASS.fullmatch(names[at].strip()) and full[at]]
    if not images:
        return None
    return MaskColumns(names[images[0]], runs=names[runs[0]], label=labels[0] if labels else None)


def _are_runs(cells: Sequence[str]) -> bool:
    some = [cell for cell in cells if cell.strip() != "-1"]
    return bool(some) and all(_PAIRS.match(cell) for cell in some)


@dataclass(frozen=True, eq=False)
class MaskTable:
    """A table of masks with what its columns hold."""

    key: str
    table: Table
    columns: MaskColumns


def mask_tables(folder: Path, keys: Iterable[str]) -> list[MaskTable]:
    """The tables of a folder that name masks or have run lengths; those to be filled in are left out."""
    found = []
    for key in keys:
        kind = table_kind(folder / key)
        if kind is None or key.lower().endswith(".json") or is_to_be_filled_in(Path(key)):
            continue
        try:
            table = open_table(
                folder / key, kind, roles=(("image", "imageid", "id"), ("mask", "encodedpixels"))
            )
            first: list[Sequence[object]] = []
            for _, cells in table.rows(table.columns):
                first.append(cells)
                if len(first) == _SEEN:
                    break
        except DataError:  # another table, of which somebody else may tell
            continue
        columns = mask_columns(
            table.columns,
            lambda at, first=first: [_text(cells[at]) for cells in first],  # type: ignore[misc]
        )
        if columns is not None:
            found.append(MaskTable(key, table, columns))
    return found


def _natural(name: str) -> list[tuple[int, str]]:
    """The order in which people count: `2` before `10`."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _text(cell: object) -> str:
    return "" if cell is None or str(cell) == "nan" else str(cell).strip()


def pairs_of_tables(folder: Path, tables: Sequence[MaskTable], keys: Sequence[str]) -> MaskPairs:
    """Images and masks as tables name them.

    Raises:
        DataError: A mask is named and not there.
    """
    index = FileIndex(key for key in keys if is_image_name(key))
    pairs, decisions = [], []
    for each in tables:
        image, mask, split = each.columns.image, each.columns.mask or "", _split_column(each)
        of_file = split_of(Path(each.key).stem) if len(tables) > 1 else None
        for row, (file, of_mask, *rest) in each.table.rows([image, mask, *([split] if split else [])]):
            where = each.table.where(row)
            found = [
                index.find(_beside(each.key, _text(cell))) or index.find(_text(cell))
                for cell in (file, of_mask)
            ]
            for cell, key in zip((file, of_mask), found, strict=True):
                if key is None and _text(cell):
                    raise DataError(
                        f"{where}: expected the name of a file, received {_text(cell)!r}, which is not there"
                    )
            if found[0] is not None:
                said = split_name(where, _text(rest[0])) if rest else of_file
                pairs.append(Pair(found[0], found[1], said))
        decisions.append(
            columns_line([("image", image), ("mask", mask), *([("split", split)] if split else [])])
        )
    first = f"named by {', '.join(each.key for each in tables)}"
    return MaskPairs(pairs, (), first, decisions=tuple(dict.fromkeys(decisions)))


def _beside(table: str, name: str) -> str:
    folder = table.rpartition("/")[0]
    return f"{folder}/{name}" if folder else name


def _split_column(each: MaskTable) -> str | None:
    at = find_column(each.table.columns, SPLIT_COLUMNS)
    return None if at is None else each.table.columns[at]


def outlined_by_tables(
    folder: Path, tables: Sequence[MaskTable], keys: Sequence[str], group: str | None
) -> Outlined:
    """Images with the run lengths of their rows.

    Args:
        folder: That is read.
        tables: Of run lengths.
        keys: All files in it.
        group: A column of groups, where it is one.

    Raises:
        DataError: Run lengths are malformed.
    """
    made, images = Outlined(), [key for key in keys if is_image_name(key)]
    index = FileIndex(images)
    rows: list[tuple[str, str, str, str]] = []
    for each in tables:
        rows += _rows(each, index, made, len(tables) > 1, group)
    for name in sorted({name for _, name, _, _ in rows if name}, key=_natural):
        made.number_of(str(folder), name)
    for key, name, text, where in rows:
        region = region_of_pairs(made.number_of(where, name or FOREGROUND), where, text)
        if region is not None:
            made.regions[key].append(region)
    if len(made.names) == 1:
        made.number_of(str(folder), FOREGROUND)
    others = len({key for key in images if Path(key).parent in {Path(used).parent for used in made.regions}})
    if others > len(made.regions):
        made.decisions[
            f"images: {others - len(made.regions)} beside those are named in no row, and left out"
        ] = None
    return made


def _rows(
    each: MaskTable, index: FileIndex, made: Outlined, several: bool, group: str | None
) -> list[tuple[str, str, str, str]]:
    """The image, class name, run lengths and place of each row whose image is there."""
    columns, table, split = each.columns, each.table, _split_column(each)
    grouped = group_column(table.columns, group)
    more = [name for name in (columns.label, split, grouped) if name is not None]
    of_file: SplitName | None = split_of(Path(each.key).stem) if several else None
    found, missing = [], 0
    for row, (file, runs, *cells) in table.rows([columns.image, columns.runs or "", *more]):
        where, rest = table.where(row), dict(zip(more, cells, strict=True))
        name, label = _text(file), _text(rest.get(columns.label or ""))
        if columns.joined:
            name, _, label = name.rpartition("_")
        key = index.find(name)
        if key is None:
            missing += 1
            if missing == 1:
                made.skipped.append(Skipped(where, f"it names {name!r}, which is not there"))
            continue
        made.add(key, split=split_name(where, _text(rest[split])) if split else of_file)
        if grouped is not None:
            made.groups[key] = _text(rest[grouped]) or None
            made.grouped_by = f"column {grouped!r}"
        found.append((key, label, _text(runs), where))
    roles = [("image", columns.image), ("run lengths", columns.runs or "")]
    roles += [("class", columns.label)] if columns.label else []
    roles += [("split", split)] if split else []
    made.decisions[columns_line(roles)] = None
    if missing > 1:
        made.skipped.append(Skipped(str(table.path), f"{missing} rows name images that are not there"))
    return found
