"""Points as lines of numbers: XYZ, TXT, CSV and their like, with names of columns or without."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.points.cloud import AXES, LABEL_NAMES, Cloud

SUFFIXES = (".xyz", ".txt", ".csv", ".pts", ".asc", ".xyzn", ".xyzrgb", ".tsv", ".node_features")
MOST_BYTES = 2**31
_REMARKS = ("#", "//", "%")
_DELIMITERS = ("\t", ";", ",")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf(inity)?)", re.IGNORECASE)
_COLORS = ("red", "green", "blue")
_NORMALS = ("nx", "ny", "nz")
MOST_GUESSED = 64
"""Different whole numbers in a column without a name that may be labels of points."""
_UNIT = 0.02
"""How far the length of a normal may lie from 1."""

Numbers = npt.NDArray[np.float64]


def read_text(path: Path, name: str, label: str | None = None) -> Cloud:
    """Reads lines of numbers, one point each.

    Blanks, commas, semicolons and tabs part numbers; of numbers with a decimal comma, semicolons and tabs. A
    first line of words names the columns, and so does a remark that begins with x, y and z. A first line of a
    single number says how many points follow. Without names the first three columns are x, y and z; three
    more are colors where they are whole numbers up to 255, and normals where they have length 1. A single
    column of few whole numbers behind colors or normals has the labels of the points, which is noted.

    Args:
        path: The file.
        name: What the cloud is called.
        label: As `Cloud.of`.

    Raises:
        DataError: The file is none of text, a line has other columns than the first, or a field is no number.
    """
    lines, at, delimiter, named = lines_of_points(path, name)
    rows = [lines[row].strip() for row in at]
    names = [] if named is None else _fields(lines[named].strip(), delimiter)
    remarks = [line for line in map(str.strip, lines) if line.startswith(_REMARKS)]
    width = len(_fields(rows[0], delimiter))
    values = numbers_of(rows, width, name, delimiter, [row + 1 for row in at])
    names = names or _remarked(remarks, width)
    notes = []
    if not names:
        names = _guessed(values)
        if names[-1] == LABEL_NAMES[0]:
            notes.append(f"{name}: the last column, of whole numbers, is taken for labels of points")
    if len(names) != width:
        raise DataError(f"{name}: expected {len(names)} columns as it names, received {width}")
    if len(set(names)) != width:
        raise DataError(f"{name}: expected names of columns that differ, received {', '.join(names[:20])}")
    columns = {each: values[:, at] for at, each in enumerate(names)}
    return Cloud.of(columns, name, "text", notes, label)


def lines_of_points(path: Path, name: str) -> tuple[list[str], list[int], str, int | None]:
    """The lines of a file, and which of them are points.

    Args:
        path: The file.
        name: What the cloud is called.

    Returns:
        All lines, the places of those of points, what parts their fields (empty for blanks), and the place of
        the line that names columns, None where there is none.

    Raises:
        DataError: The file is too large, is none of text, or has no points.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise DataError(f"{name}: too large: {size:,} bytes, expected at most {MOST_BYTES:,}")
    content = path.read_bytes()
    if b"\0" in content[:4096]:
        raise DataError(f"{name}: expected lines of numbers, received a binary file")
    lines = _decoded(content).splitlines()
    plain = [line.strip() for line in lines]
    at = [row for row, line in enumerate(plain) if line and not line.startswith(_REMARKS)]
    if at and plain[at[0]].isdigit():
        at = at[1:]
    if not at:
        raise DataError(f"{name}: expected points, received none")
    delimiter = _delimiter(plain[at[min(1, len(at) - 1)]])
    if all(map(_NUMBER.fullmatch, filter(None, _fields(plain[at[0]], delimiter)))):
        return lines, at, delimiter, None
    if len(at) == 1:
        raise DataError(f"{name}: expected points below the names of columns, received none")
    return lines, at[1:], delimiter, at[0]


def _decoded(content: bytes) -> str:
    """Text in UTF-8, or in an encoding of one byte a letter, in all of which numbers are the same."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _delimiter(line: str) -> str:
    """What parts the fields of a line, empty for blanks."""
    return next((mark for mark in _DELIMITERS if mark in line), "")


def _fields(line: str, delimiter: str) -> list[str]:
    if not delimiter:
        return line.split()
    return [_plain(part, delimiter) for part in line.split(delimiter)]


def _plain(field: str, delimiter: str) -> str:
    text = field.strip().strip('"')
    return text.replace(",", ".") if delimiter in (";", "\t") and text.count(",") == 1 else text


def numbers_of(
    lines: Sequence[str], width: int, name: str, delimiter: str = "", places: Sequence[int] = ()
) -> Numbers:
    """The numbers of lines of so many fields, shape (lines, width); an empty field is not a number (NaN).

    Args:
        lines: Of text.
        width: Fields of each.
        name: The file, for messages.
        delimiter: What parts fields; empty for blanks.
        places: The number of each line in the file, for messages; counted from 1 by default.

    Raises:
        DataError: A line has other fields; the message names it.
    """
    rows = [_fields(line, delimiter) for line in lines]
    wrong = next((at for at, row in enumerate(rows) if len(row) != width), None)
    where = list(places) or range(1, len(rows) + 1)
    if wrong is not None:
        raise DataError(
            f"{name}:{where[wrong]}: expected {width} numbers as in the first line, received"
            f" {len(rows[wrong])}"
        )
    flat = [field or "nan" for row in rows for field in row]
    try:
        return np.fromiter(map(float, flat), np.float64, len(flat)).reshape(-1, width)
    except ValueError:
        at = next(at for at, field in enumerate(flat) if not _is_number(field))
        raise DataError(
            f"{name}:{where[at // width]}: expected a number, received {flat[at][:60]!r}"
        ) from None


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _remarked(remarks: Sequence[str], width: int) -> list[str]:
    """Names of columns that a remark gives, such as `# x y z label`; the last one may stand for several."""
    for line in reversed(remarks):
        words = [word.strip(",;") for word in line.lstrip("#/% ").split()]
        lower = [word.lower() for word in words]
        at = next((at for at in range(len(words) - 2) if tuple(lower[at : at + 3]) == AXES), None)
        if at is None:
            continue
        names = words[at:]
        if names[-1].startswith("[") and len(names) - 1 <= width:
            said = names.pop().strip("[]").removesuffix("s") or "value"
            names += [f"{said}{number}" for number in range(1, width - len(names) + 1)]
        if len(names) == width:
            return names
    return []


def _guessed(values: Numbers) -> list[str]:
    """Names of columns by what stands in them."""
    names, width = list(AXES[: values.shape[1]]), values.shape[1]
    at = 3
    while at < width:
        some = values[:, at : at + 3]
        if some.shape[1] == 3 and _are_colors(some) and not set(_COLORS) & set(names):
            names += _COLORS
        elif some.shape[1] == 3 and _are_normals(some) and not set(_NORMALS) & set(names):
            names += _NORMALS
        else:
            names.append(f"column{at}")
            at += 1
            continue
        at += 3
    if width in (7, 10) and names[-1] == f"column{width - 1}" and _are_labels(values[:, -1]):
        names[-1] = LABEL_NAMES[0]
    return names


def _are_labels(column: Numbers) -> bool:
    """Whether numbers are whole, and few for so many points."""
    if (column != np.rint(column)).any() or column.min() < -1:
        return False
    few = len(np.unique(column))
    return few <= MOST_GUESSED and few * 4 <= len(column)


def _are_colors(some: Numbers) -> bool:
    return bool((some == np.rint(some)).all() and some.min() >= 0 and 1 < some.max() <= 255)


def _are_normals(some: Numbers) -> bool:
    return bool((np.abs(np.linalg.norm(some, axis=1) - 1) < _UNIT).mean() > 0.9)
