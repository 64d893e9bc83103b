"""What a report shows of boxes in clouds: what each class scored, and the worst clouds from above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from convscope.data.splits import Split
from convscope.kinds.points.detection.above import AboveCase, AbovePanel, draw_above, region_of
from convscope.kinds.points.detection.average_precision import FEWEST_PIXELS, SpaceFound, least_overlap
from convscope.kinds.points.detection.boxes import Marks, SpaceBoxes
from convscope.kinds.points.detection.metrics import (
    ALL,
    MODERATE,
    SpaceDetectionMetrics,
    matched,
    space_metrics,
)
from convscope.kinds.points.detection.results import SpaceDetections
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import BODY, INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.theme import find_theme

SHOWN = 6
"""Test clouds that are drawn, the worst first."""
_BAR, _NAMES = 560, 240


def plot_space_boxes(outputs: SpaceDetections, split: Split, class_names: Sequence[str]) -> list[LazyFigure]:
    """The scores of each class, and the worst clouds: what was missed, and what was found wrongly."""
    true: list[SpaceBoxes] = split.labels.tolist()
    metrics = space_metrics(outputs.found, true, class_names, outputs.thresholds, camera=outputs.camera)
    worst = _judged(outputs, true, class_names)[:SHOWN]

    def cases(theme: str) -> Figure:
        drawn = [_case(each, split, class_names) for each in worst]
        return draw_above(drawn, class_names, theme=theme, title="True and found boxes")

    return [
        LazyFigure(
            lambda theme: draw_scores(metrics, theme),
            "Average precision of each class on the test split",
            f"Bars: by the IoU in space. Frames: by the IoU from above. {_said(metrics)}",
        ),
        LazyFigure(
            cases,
            f"Boxes in {len(worst)} test clouds, the worst first",
            "Boxes above the threshold of their class; right where the IoU with a true one is large enough."
            " True boxes that do not count, such as hidden ones, are neither missed nor wrong.",
        ),
    ]


def _said(metrics: SpaceDetectionMetrics) -> str:
    return "" if metrics.summed_up == ALL else f"At the {metrics.summed_up} difficulty of KITTI."


@dataclass(frozen=True, eq=False)
class _Judged:
    """A cloud with what was missed and what is wrong, above the thresholds."""

    index: int
    true: SpaceBoxes
    found: SpaceFound
    missed: Marks
    wrong: Marks

    @property
    def faults(self) -> int:
        """How many boxes are missed or wrong."""
        return int(self.missed.sum() + self.wrong.sum())


def _judged(
    outputs: SpaceDetections, true: Sequence[SpaceBoxes], class_names: Sequence[str]
) -> list[_Judged]:
    """All clouds, the worst first."""
    level, pixels = (MODERATE, FEWEST_PIXELS[MODERATE]) if outputs.camera else (0, 0.0)
    made = []
    for index, (each, theirs) in enumerate(zip(outputs.found, true, strict=True)):
        found = each.sure(outputs.thresholds)
        counts = ~theirs.ignored & (theirs.levels <= level)
        missed, wrong = counts.copy(), found.heights >= pixels
        for k, name in enumerate(class_names):
            rows, others = np.flatnonzero(found.classes == k), np.flatnonzero(theirs.classes == k)
            partners = matched(found.values[rows], theirs.values[others], least_overlap(name))
            hit = partners >= 0
            wrong[rows[hit]] = False
            missed[others[partners[hit]]] = False
        made.append(_Judged(index, theirs, found, missed, wrong))
    return sorted(made, key=lambda each: (-each.faults, each.index))


def _case(each: _Judged, split: Split, class_names: Sequence[str]) -> AboveCase:
    """A cloud with its true boxes, and beside them those that were found."""
    true, found = each.true, each.found
    points = split.samples.load(each.index).positions
    region = region_of(points, np.concatenate([true.values, found.values]))
    sure = [f"{score:.2f}" for score in found.scores.tolist()]
    missed, wrong = int(each.missed.sum()), int(each.wrong.sum())
    panels = (
        AbovePanel(region, points, true.values, true.classes, [], each.missed, f"true; {missed} missed"),
        AbovePanel(region, points, found.values, found.classes, sure, each.wrong, f"found; {wrong} wrong"),
    )
    told = f"{len(true)} boxes, {missed} missed, {wrong} wrong"
    return AboveCase(Path(split.samples.name(each.index)).name, told, panels)


def draw_scores(metrics: SpaceDetectionMetrics, theme: str = "light") -> Figure:
    """Draws the average precision of each class: in space as a bar, from above as a frame."""
    sheet = Sheet(find_theme(theme))
    y = sheet.title("Scores of classes")
    told = f"Bars: average precision by the IoU in space. Frames: from above. {_said(metrics)}"
    y = int(sheet.paragraph(MARGIN, y, told, INNER, color=sheet.theme.muted))
    left, step = MARGIN + _NAMES, int(line_height(BODY)) + 10
    at = metrics.levels.index(metrics.summed_up)
    for each in metrics.classes:
        y += step
        sheet.text(left - 16, y, f"{each.name}, IoU {each.overlap:g}", across="right", width=_NAMES - 20)
        sheet.box(left, y - 16, _BAR, 18, edge=sheet.theme.rule, width=0.6)
        space, above = each.in_space[at], each.from_above[at]
        if space is None or above is None:
            sheet.text(left + 8, y - 1, "in no test cloud", size=SMALL, color=sheet.theme.muted)
            continue
        sheet.box(left, y - 16, _BAR * space, 18, fill=sheet.theme.first, width=0)
        sheet.box(left, y - 16, _BAR * above, 18, edge=sheet.theme.first, width=1.2)
        said = f"in space {space:.3f}, from above {above:.3f}, {each.support:,} objects"
        sheet.text(left + _BAR + 20, y, said, size=SMALL, color=sheet.theme.muted)
    return sheet.finish(y + 30)
