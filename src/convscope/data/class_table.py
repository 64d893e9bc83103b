"""Files that name the classes of masks: a name a line, with a number or a color or neither."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.lines import read_text
from convscope.errors import DataError

_FILES = re.compile(
    r"((class|label|categor|color)[a-z]*([-_. ]?(names?|list|dict|map|colors?|table))?|labelmap)"
    r"\.(txt|csv|json|names)",
    re.I,
)
_VOID = re.compile(r"(?<![a-z])(void|ignored?|unlabel+ed|don'?t[-_ ]?care|undefined)(?![a-z])", re.I)
_NUMBERED = re.compile(r"(\d+)\s*[\s:=,;.)-]\s*(\S.*)")
_COLOR_FIRST = re.compile(r"(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})[\s,;:]+(\S.*)")
_COLOR_LAST = re.compile(r"(\S.*?)[\s,;:]+(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})(:.*)?")
_HEX = re.compile(r"(?:#|0x)([0-9a-f]{6})", re.I)
_HEADER = re.compile(r"\D*\b(name|class|label)\b\D*", re.I)
MOST_LINES = 1000


@dataclass(frozen=True)
class NamedClass:
    """A class as a file names it.

    Args:
        name: Its name.
        number: Its value in masks; None where the file does not say it.
        color: Its color in masks as 0xRRGGBB; None likewise.
    """

    name: str
    number: int | None = None
    color: int | None = None


@dataclass(frozen=True)
class ClassTable:
    """The classes that a file names.

    Args:
        where: The file, for messages.
        classes: In the order of the file.
    """

    where: str
    classes: tuple[NamedClass, ...]


def is_void_name(name: str) -> bool:
    """Whether a class is called as one is that means nothing, such as void.

    Example:
        >>> is_void_name("void (ignore)"), is_void_name("Unlabelled"), is_void_name("avoidance")
        (True, True, False)
    """
    return _VOID.search(name) is not None


def color_of(word: str) -> int | None:
    """A color that is written as #rrggbb; None for other words."""
    found = _HEX.fullmatch(word.strip())
    return int(found[1], 16) if found else None


def find_class_table(folder: Path, files: Iterable[str]) -> ClassTable | None:
    """The first file that names classes among those right in a folder.

    Raises:
        DataError: It is called so, and cannot be read.
    """
    for key in sorted(files):
        if "/" not in key and _FILES.fullmatch(key):
            table = read_class_table(folder / key)
            if table.classes:
                return table
    return None


def read_class_table(path: Path) -> ClassTable:
    """Reads names of classes: `road`, `3 road`, `128 64 128 road`, `road,128,64,128`, or JSON of those.

    Raises:
        DataError: It is no text, too long, or names a class twice with different values.
    """
    text = read_text(path)
    if path.suffix.lower() == ".json":
        return ClassTable(path.name, tuple(_of_json(path, text)))
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("#", "//"))]
    if len(lines) > MOST_LINES:
        raise DataError(
            f"{path}: expected at most {MOST_LINES} names of classes, received {len(lines)} lines"
        )
    if lines and _HEADER.fullmatch(lines[0]) and _COLOR_LAST.fullmatch(lines[-1] if len(lines) > 1 else ""):
        lines = lines[1:]
    if not all(map(str.isprintable, (line.replace("\t", " ") for line in lines))):
        raise DataError(f"{path}: expected names of classes as text")
    found = [_of_line(line) for line in lines]
    numbers = [each.number for each in found if each.number is not None]
    if len(numbers) != len(set(numbers)):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        raise DataError(f"{path}: expected each value once, received {twice} twice")
    if numbers and len(numbers) < len(found):  # such as `2 wheeler` among plain names
        found = [NamedClass(line) for line in lines]
    return ClassTable(path.name, tuple(found))


def _of_line(line: str) -> NamedClass:
    first = _COLOR_FIRST.fullmatch(line)
    if first is not None:
        return NamedClass(first[4].strip(), color=_packed(first.groups()[:3]))
    last = _COLOR_LAST.fullmatch(line)
    if last is not None:
        return NamedClass(last[1].strip().strip('"'), color=_packed(last.groups()[1:4]))
    numbered = _NUMBERED.fullmatch(line)
    if numbered is not None:
        return NamedClass(numbered[2].strip(), number=int(numbered[1]))
    cells = next(csv.reader([line]), [line])
    return NamedClass(cells[0].strip() or line)


def _packed(channels: Sequence[str | None]) -> int:
    red, green, blue = (min(int(channel or 0), 255) for channel in channels)
    return red << 16 | green << 8 | blue


def _of_json(path: Path, text: str) -> list[NamedClass]:
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected JSON with names of classes ({error})") from error
    if isinstance(plain, list) and all(isinstance(each, str) for each in plain):
        return [NamedClass(each, number) for number, each in enumerate(plain)]
    if isinstance(plain, dict) and all(str(key).isdigit() for key in plain):
        return [NamedClass(str(name), int(key)) for key, name in plain.items()]
    if isinstance(plain, dict) and all(isinstance(value, int) for value in plain.values()):
        return [NamedClass(str(name), number) for name, number in plain.items()]
    return []
