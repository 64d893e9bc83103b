"""Images as rows of numbers: `label,pixel0,pixel1,...`, no header at all, or all pixels in one field."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found
from convscope.data.columns import SPLIT_COLUMNS, column_of, columns_line, find_column, split_name
from convscope.data.file_sets import FileSet, set_of_folder
from convscope.data.groups import group_column
from convscope.data.listing import Listing
from convscope.data.tables import Table, open_table, table_kind
from convscope.errors import DataError
from convscope.kinds.image.readers.manifest import NOTHING, TableOptions
from convscope.kinds.image.readers.scan import ALIKE, NOUNS, array_digests
from convscope.kinds.image.readers.sources import ArrayImages
from convscope.types import Progress, Skipped, SplitName

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Class names of the emotions 0 to 6 of FER2013."""
MAX_BYTES = 4 * 2**30
"""All images of a table are at most this, in bytes."""
FEWEST_PIXELS = 64
"""Numbers of a row without header from which on it may be an image."""
FEWEST_NAMED = 16
"""Columns that are called as pixels from which on a row may be an image."""

_PIXEL_NAME = re.compile(r"(pixels?|px|pix|p)[_ .-]?\d+|\d+x\d+|attribute_?\d+", re.I)
_FIRST = 2000
_PEEKED = 20
_FEWEST_ROWS = 8
_CLEARLY = 0.1
_NUMBERS: dict[object, int] = {str(value): value for value in range(256)}


@dataclass(frozen=True)
class PixelColumns:
    """Where labels and pixels stand in a table.

    Args:
        pixels: The columns of pixels in order; a single one holds all of them, with spaces between.
        label: The column of labels; None where there is none.
        split: That of splits.
        group: That of groups.
        unused: All others.
    """

    pixels: tuple[str, ...]
    label: str | None
    split: str | None
    group: str | None
    unused: tuple[str, ...]


@dataclass
class _Rows:
    """What rows of pixels hold, in the order of the table."""

    pixels: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)


def pixel_columns(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """The positions of pixels by the names of the columns, or by the first row where there are no names.

    Args:
        columns: The first row.
        rows: Some rows below it.

    Returns:
        None of them where the rows are no images.

    Example:
        >>> pixel_columns(["label", *(f"pixel{k}" for k in range(64))], [])[:2]
        (1, 2)
    """
    at = find_column(columns, ("pixels", "pixel_values"))
    if at is not None:
        return (at,)
    named = tuple(at for at, name in enumerate(columns) if _PIXEL_NAME.fullmatch(name.strip()))
    sure = all(columns[at].strip().lower().startswith("pix") for at in named)
    if len(named) >= FEWEST_NAMED and (sure or shape_of(len(named)) is not None):
        return named
    columns = rows[0] if rows and is_mangled(columns) else columns
    if len(columns) <= FEWEST_PIXELS or not all(_is_byte(cell) for row in (columns, *rows) for cell in row):
        return ()
    few = [len({row[at] for row in rows if at < len(row)}) for at in (0, -1)]
    for label, rest in ((0, range(1, len(columns))), (-1, range(len(columns) - 1))):
        if few[label] <= max(len(rows) - 1, 10) and shape_of(len(rest)) is not None:
            return tuple(rest)
    return ()


def is_mangled(names: Sequence[str]) -> bool:
    """Whether a row is what pandas makes of values that it took for names: `0`, `0.1`, `0.2`, ...

    Example:
        >>> is_mangled(["0", "0.1", "0.2", "7", "0.3"]), is_mangled(["0", "0", "1", "2"])
        (True, False)
    """
    again = [name for name in names if re.fullmatch(r"\d+\.[1-9]\d*", name)]
    return 2 * len(again) > len(names) == len(set(names)) and {name.partition(".")[0] for name in again} <= {
        *names
    }


def is_pixel_rows(path: Path, asked: TableOptions = NOTHING) -> bool:
    """True where the rows of a table are images.

    Raises:
        DataError: It cannot be read.
    """
    return bool(_opened(path, asked)[1])


def pixel_tables(folder: Path, asked: TableOptions = NOTHING) -> FileSet | None:
    """The tables of a folder whose rows are images, one or one for each split; None where there are none.

    Raises:
        DataError: There are several such sets.
    """
    tables = [folder / key for key in Listing(str(folder)).children("")[1]]
    holds = any(table_kind(path) is not None and _has_pixels(path, asked) for path in tables)
    return set_of_folder(folder, "images") if holds else None


def _has_pixels(path: Path, asked: TableOptions) -> bool:
    try:
        return is_pixel_rows(path, asked)
    except DataError:
        return False


def read_pixel_rows(files: FileSet, progress: Progress, asked: TableOptions = NOTHING) -> Found:
    """Reads images that are rows of tables into one array.

    Args:
        files: CSV, TSV, JSON Lines or Parquet, one or one for each split; all images have the size of the
            first, which is square.
        progress: Receives the number of rows read.
        asked: Options that the user gave.

    Returns:
        The images, in the order of the files. Tables without the labels that the first has are left out.

    Raises:
        DataError: A row has a wrong number of fields or pixels, or a value that is not a number of its range;
            the message names the line.
    """
    rows, segments, skipped = _Rows(), [], list(files.skipped)
    decisions: dict[str, None] = dict.fromkeys(files.decisions())
    first: PixelColumns | None = None
    for key, split in zip(files.keys, files.splits, strict=True):
        table, positions = _opened(files.root / key, asked)
        if first is not None and first.label is not None and first.label not in table.columns:
            skipped.append(Skipped(str(table.path), "a table of images without labels"))
            decisions[f"left out: {table.path}, a table of images without labels"] = None
            continue
        roles = _roles(table, positions, asked)
        first = first or roles
        segments.append((key, len(rows.pixels)))
        _read_rows(table, roles, rows, split, progress)
        decisions |= dict.fromkeys([*table.decisions, _columns_line(roles)])
    if not rows.pixels or first is None:
        raise DataError(f"{files.root / files.keys[0]}: expected rows of pixels, received none")
    array, said = shaped(np.stack(rows.pixels))
    labels, more = _labels_of(rows, first)
    source = ArrayImages(str(files.root), array, tuple(segments))
    named = " and ".join(key for key, _ in segments)
    return Found(
        where=str(files.root / files.keys[0]),
        layout=f"rows of pixels: {named} has {len(array)} images of {_size(array)}",
        source=source,
        labels=labels,
        splits=rows.splits,
        digests=array_digests(source),
        nouns=NOUNS,
        alike=ALIKE,
        groups=rows.groups if first.group else None,
        grouped_by=f"column {first.group!r}" if first.group else "",
        decisions=[*decisions, *said, *more],
        skipped=skipped,
    )


def _labels_of(rows: _Rows, first: PixelColumns) -> tuple[list[str | None], list[str]]:
    """The labels, those of FER2013 as words, and what was decided of them and of its splits."""
    said: list[str] = []
    labels = rows.labels
    if len(first.pixels) == 1 and first.label and first.label.lower() == "emotion":
        labels, line = _emotions(labels)
        said.append(line)
    if first.split and first.split.lower() == "usage":
        said.append("splits: Usage Training is train, PublicTest is validation, PrivateTest is test")
    return labels, said


def _read_rows(
    table: Table, roles: PixelColumns, rows: _Rows, split: SplitName | None, progress: Progress
) -> None:
    """Adds the pixels of each row and what stands beside them; every row has as many pixels as the first."""
    more = [name for name in (roles.label, roles.split, roles.group) if name is not None]
    for count, (row, cells) in enumerate(table.rows([*more, *roles.pixels])):
        where = table.where(row)
        beside = dict(zip(more, cells, strict=False))
        values = cells[len(more) :]
        image = _pixels(where, str(values[0]).split() if len(roles.pixels) == 1 else values)
        if rows.pixels and image.size != rows.pixels[0].size:
            raise DataError(
                f"{where}: expected {rows.pixels[0].size} pixels as in the first row, received {image.size}"
            )
        if not rows.pixels and shape_of(image.size) is None:
            raise DataError(
                f"{where}: expected the pixels of a square image, received {image.size}",
                hint="Store images that are not square as files, or as an array (n, height, width) in .npz.",
            )
        rows.pixels.append(image)
        rows.labels.append(_label(beside[roles.label]) if roles.label else None)
        rows.splits.append(split_name(where, str(beside[roles.split] or "")) if roles.split else split)
        rows.groups.append(_label(beside[roles.group]) if roles.group else None)
        if count % 1000 == 0:
            progress(count, None, "reading rows")
            if count * image.size > MAX_BYTES:
                raise DataError(f"{where}: the images take more than {MAX_BYTES} bytes of memory")


def _opened(path: Path, asked: TableOptions) -> tuple[Table, tuple[int, ...]]:
    """The table and the positions of its pixels."""
    kind = table_kind(path)
    if kind is None:
        raise DataError(f"{path}: expected a table, received '{path.suffix or path.name}'")
    table = open_table(
        path, kind, encoding=asked.encoding, roles=(("pixels",),), drop=asked.drop, strict=asked.labels
    )
    rows = [tuple(map(str, cells)) for _, cells in islice(table.rows(table.columns), _PEEKED)]
    if not table.named and rows and is_mangled(rows[0]):
        table = open_table(path, kind, encoding=asked.encoding, header=True)
        said = "header: the first row is left out: it is one that pandas took for names"
        table = replace(table, decisions=(*table.decisions, said))
        return table, pixel_columns(rows[0], rows[1:])
    if table.named:
        return table, pixel_columns(table.columns, rows)
    return table, pixel_columns(rows[0], rows[1:]) if rows else ()


def _roles(table: Table, positions: Sequence[int], asked: TableOptions) -> PixelColumns:
    pixels = tuple(table.columns[at] for at in positions)
    taken = set(pixels)
    others = [name for name in table.columns if name not in taken]
    at = find_column(others, SPLIT_COLUMNS)
    split = None if at is None else others[at]
    group = group_column(others, asked.group)
    rest = [name for name in others if name not in (split, group)]
    label: str | None = None
    if asked.label is not None:
        label = column_of(str(table.path), table.columns, asked.label)
    else:
        at = find_column(rest, ("emotion", "label", "labels", "class", "target", "y", "digit", "letter"))
        label = rest[at] if at is not None else rest[0] if len(rest) == 1 else None
    if label is None and asked.labels and not rest:
        raise DataError(
            f"{table.path}: expected a column of labels beside {len(pixels)} pixels, received none",
            hint="Add a column label; images without labels can only be predicted.",
        )
    if label is None and asked.labels:
        raise DataError(
            f"{table.path}: the label can be any of the columns {', '.join(map(repr, rest[:10]))}",
            hint=f"Choose one, such as --label-column {rest[0]!r}.",
        )
    unused = (*(name for name in rest if name != label), *asked.drop)
    return PixelColumns(pixels, label if asked.labels else None, split, group, unused)


def _columns_line(roles: PixelColumns) -> str:
    pixels = roles.pixels[0] if len(roles.pixels) == 1 else f"{roles.pixels[0]} to {roles.pixels[-1]}"
    named = [("label", roles.label), ("pixels", pixels), ("split", roles.split), ("group", roles.group)]
    return columns_line([(role, name) for role, name in named if name], roles.unused)


def _pixels(where: str, cells: Sequence[object]) -> npt.NDArray[np.uint8]:
    try:
        return np.frombuffer(bytes(map(_NUMBERS.__getitem__, cells)), np.uint8)
    except KeyError:
        pass  # no texts, or written with a point: slower, but with a message of what is wrong
    try:
        values = np.array(cells, np.float64)
    except (TypeError, ValueError):
        wrong = next((cell for cell in cells if not _is_number(cell)), cells)
        raise DataError(f"{where}: expected pixels from 0 to 255, received {str(wrong)[:20]!r}") from None
    good = (values >= 0) & (values <= 255) & (values == np.rint(values))
    if not good.all():
        at = int(np.argmin(good))
        raise DataError(
            f"{where}: expected pixels from 0 to 255, received {str(cells[at])[:20]!r}",
            hint="Store pixels as whole numbers from 0 (black) to 255 (white).",
        )
    pixels: npt.NDArray[np.uint8] = values.astype(np.uint8)
    return pixels


def are_pictures(rows: npt.NDArray[Any]) -> bool:
    """Whether rows of numbers are square images: pixels are like those above them, and not like those beside.

    A series is more like itself half as many values later, or again and again; unlike columns never are.

    Args:
        rows: Shape (images, pixels), as many as are there, a hundred or more at best.
    """
    shape = shape_of(rows.shape[1])
    if shape is None or len(rows) < _FEWEST_ROWS or rows.dtype.kind not in "biuf":
        return False
    values = rows.astype(np.float64)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 255:
        return False
    values = values - values.mean()

    def likeness(shift: int) -> float:
        return float((values[:, shift:] * values[:, :-shift]).mean() / max(values.var(), 1e-12))

    def is_width(width: int) -> bool:
        beside = max(likeness(width // 2), likeness(width + width // 2), likeness(3 * width))
        return likeness(width) > beside + _CLEARLY

    return any(map(is_width, {shape[0], shape[0] * shape[1]}))


def shape_of(count: int) -> tuple[int, int] | None:
    """Side and channels of a square image of so many values; None where there is no such."""
    for channels in (1, 3):
        side = math.isqrt(count // channels)
        if side > 1 and side * side * channels == count:
            return side, channels
    return None


def shaped(rows: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Rows of pixels as images, and what was found about their order."""
    side, channels = shape_of(rows.shape[1]) or (1, 1)
    if channels == 1:
        return rows.reshape(-1, side, side), []
    mixed = rows.reshape(-1, side, side, 3)
    apart = np.moveaxis(rows.reshape(-1, 3, side, side), 1, -1)
    steps = [float(np.abs(np.diff(each[:_FIRST].astype(np.int16), axis=2)).mean()) for each in (mixed, apart)]
    inner = int(np.argmin(steps))
    said = ("red, green and blue of each pixel together", "all of red, then green, then blue")[inner]
    decision = (
        f"channels: 3, {said}, because neighboring pixels differ by {min(steps):.1f} so and by"
        f" {max(steps):.1f} otherwise"
    )
    return np.ascontiguousarray((mixed, apart)[inner]), [decision]


def _emotions(labels: Sequence[str | None]) -> tuple[list[str | None], str]:
    """Names of the emotions where all are those of FER2013."""
    names = {str(number): name for number, name in enumerate(EMOTIONS)}
    strange = sorted({label for label in labels if label is not None and label not in names})
    if strange:
        line = f"classes: emotions as they stand there, because {strange[0]!r} is none of 0 to 6 of FER2013"
        return list(labels), line
    return [None if label is None else names[label] for label in labels], (
        f"classes: emotions 0 to 6 are {', '.join(EMOTIONS)}, as in FER2013"
    )


def _label(cell: object) -> str | None:
    text = "" if cell is None else str(cell).strip()
    return text.removesuffix(".0") or None


def _size(array: npt.NDArray[np.uint8]) -> str:
    return "x".join(map(str, array.shape[1:]))


def _is_byte(cell: str) -> bool:
    text = cell.strip()
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255


def _is_number(cell: object) -> bool:
    return bool(re.fullmatch(r"\s*[+-]?\d+(\.\d*)?([eE][+-]?\d+)?\s*", str(cell)))
