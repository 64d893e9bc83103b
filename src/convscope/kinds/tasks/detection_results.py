"""What a detection found: predictions, metrics, and figures of the worst samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from convscope.data.boxes import Boxes
from convscope.data.splits import Samples, Split
from convscope.errors import DataError
from convscope.kinds.tasks.detection_boxes import FoundBoxes, matched
from convscope.kinds.tasks.detection_metrics import DetectionMetrics, Floats, detection_metrics
from convscope.lenses.figures.boxes import BoxCase, DrawnBoxes, draw_box_cases, draw_box_scores
from convscope.lenses.pages.pages import LazyFigure

SHOWN_CASES = 6
"""Test samples whose boxes are drawn, the worst first."""


@dataclass(frozen=True, eq=False)
class Detections:
    """What was found in some samples.

    Args:
        found: The boxes of each sample, unsure ones among them.
        thresholds: Least score of each class of a box that is predicted, shape (classes,).
    """

    found: Sequence[FoundBoxes]
    thresholds: Floats

    def __len__(self) -> int:
        return len(self.found)


@dataclass(frozen=True, eq=False)
class BoxPrediction:
    """One box that was found in a sample, or that none was.

    Args:
        name: The file, or the file and the row in it.
        class_name: Of the object; empty where no object was found.
        score: How sure that is, from 0 to 1.
        corners: Left, top, right and bottom in pixels; empty where no object was found.
        file: The drawn picture that was written; empty where none was asked for.
    """

    name: str
    class_name: str = ""
    score: float = 0.0
    corners: tuple[float, ...] = ()
    file: str = ""

    def to_json(self) -> dict[str, Any]:
        """Sample, class, score and the box as COCO has it: left, top, width and height."""
        drawn = {"drawn": self.file} if self.file else {}
        if not self.corners:
            return {"sample": self.name, "class": None, "score": None, "bbox": None, **drawn}
        left, top, right, bottom = (round(value, 2) for value in self.corners)
        box = [left, top, round(right - left, 2), round(bottom - top, 2)]
        return {"sample": self.name, "class": self.class_name, "score": self.score, "bbox": box, **drawn}

    def to_row(self) -> dict[str, str]:
        """Sample, class, score and the sides of the box, which the reader of tables takes again."""
        sides = dict(zip(("xmin", "ymin", "xmax", "ymax"), self.corners, strict=False))
        cells = {name: f"{sides[name]:.2f}" if sides else "" for name in ("xmin", "ymin", "xmax", "ymax")}
        score = f"{self.score:.6f}" if self.corners else ""
        drawn = {"drawn": self.file} if self.file else {}
        return {"sample": self.name, "class": self.class_name, "score": score, **cells, **drawn}

    def to_cells(self) -> dict[str, str]:
        """Sample, class, score and box."""
        box = " ".join(f"{value:.0f}" for value in self.corners)
        score = f"{self.score:.1%}" if self.corners else ""
        return {"sample": self.name, "class": self.class_name or "nothing found", "score": score, "box": box}


def to_predictions(outputs: Detections, samples: Samples, class_names: Sequence[str]) -> list[BoxPrediction]:
    """A prediction for each box, and one for each sample without any."""
    made = []
    for index, each in enumerate(outputs.found):
        sure, name = each.sure(outputs.thresholds), samples.name(index)
        made += [
            BoxPrediction(name, class_names[k], float(score), tuple(map(float, box)), each.file)
            for box, k, score in zip(sure.corners, sure.classes.tolist(), sure.scores, strict=True)
        ] or [BoxPrediction(name, file=each.file)]
    return made


def evaluate_boxes(outputs: Detections, split: Split, class_names: Sequence[str]) -> DetectionMetrics:
    """Compares boxes with the true ones.

    Raises:
        DataError: There are no samples.
    """
    true: list[Boxes] = split.labels.tolist()
    if len(true) != len(outputs):
        raise DataError(f"expected boxes for {len(outputs)} samples, received them for {len(true)}")
    return detection_metrics(outputs.found, true, class_names, outputs.thresholds, split.groups)


@dataclass(frozen=True, eq=False)
class _Judged:
    """A sample with what was missed and what is wrong, above the thresholds."""

    index: int
    true: Boxes
    found: FoundBoxes
    missed: np.ndarray[Any, np.dtype[np.bool_]] = field(repr=False)
    wrong: np.ndarray[Any, np.dtype[np.bool_]] = field(repr=False)

    @property
    def faults(self) -> int:
        """How many boxes are missed or wrong."""
        return int(self.missed.sum() + self.wrong.sum())

    @property
    def share(self) -> float:
        """Of all boxes."""
        return self.faults / max(len(self.true) + len(self.found), 1)


def _judged(outputs: Detections, split: Split) -> list[_Judged]:
    """All samples, the worst first."""
    made = []
    for index, (each, true) in enumerate(zip(outputs.found, split.labels.tolist(), strict=True)):
        found = each.sure(outputs.thresholds)
        same = found.classes[:, None] == true.classes
        partners = matched(found.corners, true.corners, same & ~true.ignored)
        on_ignored = matched(found.corners, true.corners, same & true.ignored) >= 0
        missed = ~true.ignored & ~np.isin(np.arange(len(true)), partners)
        made.append(_Judged(index, true, found, missed, (partners < 0) & ~on_ignored))
    return sorted(made, key=lambda each: (-each.faults, -each.share, each.index))


def _case(each: _Judged, split: Split, class_names: Sequence[str]) -> BoxCase:
    """A sample with its true boxes, and beside them those that were found."""
    true, found, picture = each.true, each.found, split.samples.load(each.index)
    sure = [f"{class_names[k]} {s:.2f}" for k, s in zip(found.classes.tolist(), found.scores, strict=True)]
    names = [class_names[k] for k in true.classes.tolist()]
    missed, wrong = int(each.missed.sum()), int(each.wrong.sum())
    panels = (
        DrawnBoxes(picture, true.corners, true.classes, names, each.missed, f"true; {missed} missed"),
        DrawnBoxes(picture, found.corners, found.classes, sure, each.wrong, f"found; {wrong} wrong"),
    )
    told = f"{len(true)} objects, {missed} missed, {wrong} wrong"
    return BoxCase(Path(split.samples.name(each.index)).name, told, panels)


def plot_boxes(outputs: Detections, split: Split, class_names: Sequence[str]) -> list[LazyFigure]:
    """The scores of each class, and the worst samples: what was missed, and what was found wrongly."""
    metrics = evaluate_boxes(outputs, split, class_names)
    worst = _judged(outputs, split)[:SHOWN_CASES]

    title = f"Boxes in {len(worst)} test samples, the worst first"
    return [
        LazyFigure(
            lambda theme: draw_box_scores(metrics.classes, theme=theme),
            "Average precision of each class on the test split",
            "Bars: over IoU 0.5 to 0.95. Frames: at an IoU of 0.5.",
        ),
        LazyFigure(
            lambda theme: draw_box_cases(
                [_case(each, split, class_names) for each in worst],
                class_names,
                theme=theme,
                title="True and found boxes",
            ),
            title,
            "Boxes above the threshold of their class; right where the IoU with a true one is 0.5 or more.",
        ),
    ]
