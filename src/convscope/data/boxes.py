"""Samples with boxes around their objects: what they hold, and how they are divided into splits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol

import numpy as np
import numpy.typing as npt

from convscope.data.assembly import Found
from convscope.data.object_labels import assemble_objects
from convscope.data.splits import Split, Splits, as_labels
from convscope.errors import DataError
from convscope.types import SPLITS, SplitName

MOST_CLASSES = 2000
"""Classes of one data set at most."""
_SHOWN = 12

Corners = npt.NDArray[np.float64]
"""Left, top, right and bottom of boxes, in pixels from the top left corner, shape (boxes, 4)."""
BoxRow = tuple[float, float, float, float, int, bool]
"""Left, top, right, bottom, class and whether the box is ignored."""


class LabelledBoxes(Protocol):
    """The boxes of one sample, whatever their geometry."""

    def __len__(self) -> int:
        """How many there are."""

    @property
    def classes(self) -> npt.NDArray[np.int64]:
        """Index into the class names, shape (boxes,)."""

    @property
    def ignored(self) -> npt.NDArray[np.bool_]:
        """Boxes that are neither learned nor judged, shape (boxes,)."""

    def renamed(self, numbers: npt.NDArray[np.int64]) -> LabelledBoxes:
        """The same boxes with other numbers for their classes, shape (classes,)."""


BOX_FORMS = "Give boxes as COCO (JSON), Pascal VOC (XML), YOLO (a .txt for each image) or a table."


@dataclass(frozen=True, eq=False)
class Boxes:
    """The boxes of one sample.

    Args:
        corners: Left, top, right and bottom in pixels of the sample, shape (boxes, 4), float64.
        classes: Index into the class names, shape (boxes,), int64.
        ignored: Boxes that are neither learned nor judged, such as crowds that nobody told apart, shape
            (boxes,), bool.
    """

    corners: Corners
    classes: npt.NDArray[np.int64]
    ignored: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, rows: Iterable[BoxRow]) -> Boxes:
        """Boxes one by one."""
        table = np.array([tuple(map(float, row)) for row in rows], np.float64).reshape(-1, 6)
        return cls(table[:, :4].copy(), table[:, 4].astype(np.int64), table[:, 5] > 0)

    def __len__(self) -> int:
        return len(self.corners)

    def some(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Boxes:
        """Only these, in this order."""
        return Boxes(self.corners[chosen], self.classes[chosen], self.ignored[chosen])

    def moved(self, corners: Corners) -> Boxes:
        """The same boxes elsewhere."""
        return Boxes(corners, self.classes, self.ignored)

    def renamed(self, numbers: npt.NDArray[np.int64]) -> Boxes:
        """The same boxes with other numbers for their classes, shape (classes,)."""
        return Boxes(self.corners, numbers[self.classes], self.ignored)

    @property
    def stamp(self) -> bytes:
        """By which equal boxes are known."""
        return self.corners.tobytes() + self.classes.tobytes() + self.ignored.tobytes()


def areas(corners: Corners) -> npt.NDArray[np.float64]:
    """The area of each box, shape (boxes,); 0 where a side is none."""
    sides = np.maximum(corners[..., 2:] - corners[..., :2], 0)
    return np.asarray(sides[..., 0] * sides[..., 1])


def overlaps(one: Corners, other: Corners) -> npt.NDArray[np.float64]:
    """Intersection over union of each box with each other one, shape (boxes, others).

    Example:
        >>> overlaps(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2], [5, 5, 6, 6]])).round(3).tolist()
        [[0.333, 0.0]]
    """
    inner = np.concatenate(
        [np.maximum(one[:, None, :2], other[None, :, :2]), np.minimum(one[:, None, 2:], other[None, :, 2:])],
        axis=-1,
    )
    both = areas(inner)
    union = areas(one)[:, None] + areas(other)[None] - both
    return np.asarray(np.divide(both, union, out=np.zeros_like(both), where=union > 0))


def assemble_boxes(
    found: Found,
    boxes: Sequence[LabelledBoxes],
    class_names: Sequence[str],
    seed: int | None,
    group: str | None = None,
    forms: str = BOX_FORMS,
) -> Splits:
    """Makes splits of samples with any number of boxes each; those without a box are kept.

    Args:
        found: What a reader found; its labels are not looked at.
        boxes: Of each sample.
        class_names: What the numbers of classes mean.
        seed: As `assemble`.
        group: As `assemble`.
        forms: In which forms boxes may be given, as the hint where there are none.

    Returns:
        Splits whose labels are the boxes, and whose class names are in the order of the numbers.

    Raises:
        DataError: There is no box, or none in train, too many classes, or as `assemble_objects`.
    """
    if not any(map(len, boxes)):
        raise DataError(
            f"{found.where}: expected boxes around objects, received none for any of {len(boxes)}"
            f" {found.nouns[1]}",
            hint=forms,
        )
    if len(class_names) > MOST_CLASSES:
        raise DataError(
            f"{found.where}: expected at most {MOST_CLASSES} classes of boxes, received {len(class_names)}"
        )
    splits = assemble_objects(found, boxes, seed, group)
    if not len(splits.validation) and seed is not None:
        line = f"validation: the train {found.nouns[1]} themselves; there are no others"
        splits = replace(splits, validation=splits.train, decisions=(*splits.decisions, line))
    if seed is not None and not any(map(len, splits.train.labels)):
        raise DataError(f"{found.where}: expected boxes in train, received none", "Give other splits.")
    digest = sha256(f"{splits.fingerprint}\0{list(class_names)}".encode()).hexdigest()
    return replace(
        splits,
        class_names=tuple(class_names),
        fingerprint=digest,
        decisions=(*splits.decisions, *_counted(boxes, class_names, found.nouns[1])),
        warnings=(*splits.warnings, *_missing(splits, class_names, judged=seed is None)),
    )


def counted(split: Split, class_names: Sequence[str]) -> dict[str, int]:
    """How many boxes of each class there are, ignored ones left out."""
    there = [each.classes[~each.ignored] for each in split.labels]
    whole = np.concatenate([np.zeros(0, np.int64), *there])
    counts = np.bincount(whole, minlength=len(class_names))
    return dict(zip(class_names, counts.tolist(), strict=True))


def align_boxes(split: Split, found: Sequence[str], known: Sequence[str]) -> Split:
    """The split with boxes that index the class names of a model, which has all that were found."""
    if list(found) == list(known):
        return split
    numbers = np.array([list(known).index(name) for name in found], np.int64)
    return Split(split.samples, as_labels([each.renamed(numbers) for each in split.labels]), split.groups)


def _counted(boxes: Sequence[LabelledBoxes], class_names: Sequence[str], many: str) -> list[str]:
    """What there is of each class, and how many samples have no object."""
    counts = np.zeros(len(class_names), np.int64)
    for each in boxes:
        np.add.at(counts, each.classes[~each.ignored], 1)
    named = [f"{name} {total:,}" for name, total in zip(class_names, counts.tolist(), strict=True)]
    more = [f"and {len(named) - _SHOWN} more"] if len(named) > _SHOWN else []
    lines = [f"classes: boxes of {', '.join([*named[:_SHOWN], *more])}"]
    empty = sum(not len(each) for each in boxes)
    if empty:
        lines.append(f"empty: {empty:,} of {len(boxes):,} {many} have no box; they are kept as negatives")
    ignored = sum(int(each.ignored.sum()) for each in boxes)
    if ignored:
        lines.append(f"ignored: {ignored:,} boxes (crowds, difficult) are neither learned nor judged")
    return lines


def _missing(splits: Splits, class_names: Sequence[str], *, judged: bool) -> list[str]:
    names: tuple[SplitName, ...] = ("test",) if judged else SPLITS
    lines = []
    for name in names:
        absent = [each for each, count in counted(splits[name], class_names).items() if not count]
        if absent and len(splits[name]) and not (judged and len(absent) == len(class_names)):
            lines.append(f"no {name} sample has a box of {', '.join(absent[:_SHOWN])}")
    return lines
