"""Boxes in files: the labels of KITTI, and tables and JSON with a row for each box."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convscope.errors import DataError
from convscope.kinds.points.detection.average_precision import level_of
from convscope.kinds.points.detection.boxes import COLUMNS, Floats
from convscope.kinds.points.detection.calibration import Calibration

KITTI_CLASSES = ("Car", "Pedestrian", "Cyclist")
"""Classes that KITTI judges."""
NEIGHBORS = {"Van": "Car", "Person_sitting": "Pedestrian"}
"""Classes so like another one that finding it there is neither right nor wrong."""
OTHERS = ("Truck", "Tram", "Misc", "DontCare")
MOST_BYTES = 2**22
MOST_SIDE = 1e6
"""Length of a side of a box at most."""
_WORDS = 15
_LEAST_TURN = -10.0
"""The angle that KITTI writes where there is none."""


@dataclass(frozen=True)
class Label:
    """One box as a file has it.

    Args:
        values: As `COLUMNS`, in the coordinates of the cloud.
        name: Of its class.
        ignored: Whether it is neither learned nor judged.
        level: How difficult it is to find, from 0.
        split: The split of its cloud, as a table says it; empty where it does not.
    """

    values: tuple[float, ...]
    name: str
    ignored: bool = False
    level: int = 0
    split: str = ""


def read_kitti_labels(path: Path, calibration: Calibration) -> list[Label]:
    """Reads a file of KITTI's `label_2`.

    `DontCare` has no box in space and is left out. `Van` becomes an ignored `Car` and `Person_sitting` an
    ignored `Pedestrian`. How difficult a box is follows from its height in the picture and how far it is
    hidden and cut off.

    Args:
        path: The file.
        calibration: Of its frame.

    Raises:
        DataError: A line has other words, or numbers that cannot be.
    """
    if path.stat().st_size > MOST_BYTES:
        raise DataError(f"{path}: too large for labels: expected at most {MOST_BYTES:,} bytes")
    found = []
    lines = path.read_text("utf-8", errors="replace").splitlines()
    for number, words in enumerate(map(str.split, lines), 1):
        if not words:
            continue
        numbers = _numbers(f"{path}:{number}", words)
        if words[0] == "DontCare":
            continue
        place = f"{path}:{number}"
        sizes, bottom, turn = numbers[7:10], numbers[10:13], numbers[13:14]
        if not 0 < sizes.min() <= sizes.max() < MOST_SIDE:
            raise DataError(f"{place}: expected positive height, width and length, received {sizes.tolist()}")
        if turn[0] <= _LEAST_TURN:
            raise DataError(f"{place}: expected an angle in radians, received {turn[0]:g}")
        values = calibration.from_label(sizes[None], bottom[None], turn)[0]
        level = level_of(numbers[6] - numbers[4], int(numbers[1]), numbers[0])
        name = NEIGHBORS.get(words[0], words[0])
        found.append(Label(tuple(values.tolist()), name, words[0] in NEIGHBORS, level))
    return found


def _numbers(place: str, words: Sequence[str]) -> Floats:
    """Truncation, occlusion, alpha, four sides, three sizes, three coordinates, an angle, perhaps a score."""
    if len(words) not in (_WORDS, _WORDS + 1):
        raise DataError(
            f"{place}: expected 15 words (class, truncation, occlusion, alpha, 4 sides, height, width,"
            f" length, x, y, z, angle), received {len(words)}"
        )
    try:
        numbers = np.array(words[1:], np.float64)
    except ValueError:
        raise DataError(f"{place}: expected numbers, received {' '.join(words[1:])[:60]!r}") from None
    if not np.isfinite(numbers).all():
        raise DataError(f"{place}: expected finite numbers, received {' '.join(words[1:])[:60]!r}")
    return numbers


def kitti_lines(
    values: Floats,
    names: Sequence[str],
    calibration: Calibration,
    *,
    scores: Floats | None = None,
    hidden: Iterable[int] | None = None,
) -> list[str]:
    """Boxes of a scanner as lines of `label_2`, or of results where they have scores.

    Args:
        values: Shape (boxes, 7).
        names: The class of each.
        calibration: Of the frame.
        scores: How sure each is.
        hidden: How far each is hidden, 0 to 3; unknown where that is not given.
    """
    inner, outside = calibration.frames(values)
    sizes, bottoms, turns = calibration.to_label(values)
    views = turns - np.arctan2(bottoms[:, 0], bottoms[:, 2])
    views = (views + np.pi) % (2 * np.pi) - np.pi
    states = [-1] * len(values) if hidden is None else list(hidden)
    cut = [-1.0] * len(values) if hidden is None else outside.tolist()
    lines = []
    for row, name in enumerate(names):
        numbers = [*inner[row], *sizes[row], *bottoms[row], turns[row]]
        told = " ".join(f"{number:.2f}" for number in numbers)
        score = "" if scores is None else f" {scores[row]:.6f}"
        lines.append(f"{name} {cut[row]:.2f} {states[row]} {views[row]:.2f} {told}{score}")
    return lines


def label_of_row(place: str, row: Mapping[str, object]) -> Label:
    """A box of a table or of JSON.

    Args:
        place: Where the row stands, for messages.
        row: Values by the names of columns in lower case: `class`, those of `COLUMNS`, and perhaps `ignored`
            and `split`.

    Raises:
        DataError: A value is missing or cannot be.
    """
    name = str(row.get("class") or "").strip()
    if not name or not name.isprintable():
        raise DataError(f"{place}: expected the class of a box, received {row.get('class')!r}")
    values = []
    for column in COLUMNS:
        given = row.get(column, 0.0 if column == "heading" else None)
        try:
            number = float(str(given))
        except ValueError:
            raise DataError(f"{place}: expected a number as {column}, received {given!r}") from None
        if not np.isfinite(number) or (column in COLUMNS[3:6] and not 0 < number < MOST_SIDE):
            wanted = "a positive side" if column in COLUMNS[3:6] else "a finite number"
            raise DataError(f"{place}: expected {wanted} as {column}, received {given!r}")
        values.append(number)
    ignored = str(row.get("ignored") or "").strip().lower() in ("1", "true", "yes")
    return Label(tuple(values), name, ignored, split=str(row.get("split") or "").strip())
