"""Scenes with the true class of each point, the one that was found, and where both differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from convscope.data.masks import VOID, Classes
from convscope.data.splits import Split
from convscope.kinds.points.picture import OBLIQUE, SIDES, CloudPicture
from convscope.kinds.points.sampling import spread_ranks
from convscope.kinds.points.view import class_colors
from convscope.kinds.tasks.segmentation import Segmented
from convscope.kinds.tasks.segmentation_metrics import matrix_of, segmentation_metrics
from convscope.lenses.figures.outlines import draw_class_scores
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.theme import Colors, color_bytes, find_theme, mixed

SHOWN = 6
"""Scenes that are drawn, those with most wrong points first."""
DRAWN = 20_000
"""Points of a scene that are drawn."""
_SIDE = 300
_GAP = 24


def plot_scenes(
    outputs: Any,
    split: Split,
    class_names: Sequence[str],
    found_of: Callable[[Any], Sequence[Segmented]],
) -> list[LazyFigure]:
    """The scores of each class, and the scenes with most wrong points beside the truth.

    Args:
        outputs: For the scenes of the split.
        split: The scenes with their true classes.
        class_names: What classes are called.
        found_of: From outputs to what was found in each scene.
    """
    true = [mask.load() for mask in split.labels]
    found = [each.classes for each in found_of(outputs)]
    pairs = list(zip(true, found, strict=True))
    matrices = [matrix_of(one, other, len(class_names)) for one, other in pairs]
    metrics = segmentation_metrics(matrices, class_names, [], None, split.groups)
    wrong = [float(((one != other) & (one != VOID)).mean()) for one, other in pairs]
    shown = np.argsort(-np.array(wrong), kind="stable")[:SHOWN].tolist()

    def draw(theme: str) -> Figure:
        sheet = Sheet(find_theme(theme))
        y = sheet.title(f"Classes of points in {len(shown)} test scenes")
        y = _legend(sheet, y, class_names) + 24
        for index in shown:
            cloud = split.samples.load(index)
            name = Path(split.samples.name(index)).name
            y = _row(sheet, y, name, wrong[index], cloud.positions, pairs[index])
        return sheet.finish(y)

    return [
        LazyFigure(
            lambda theme: draw_class_scores(metrics.classes, theme=theme),
            "IoU and Dice of each class on the test split",
            "Bars: IoU of all points. Rings: mean Dice of scenes, with its 95% interval.",
        ),
        LazyFigure(
            draw, f"Points of {len(shown)} test scenes, the worst first", "Truth, prediction, differences."
        ),
    ]


def _row(
    sheet: Sheet,
    y: int,
    name: str,
    wrong: float,
    positions: npt.NDArray[np.float64],
    pair: tuple[Classes, Classes],
) -> int:
    """One scene obliquely three times, and its prediction from above."""
    rows = np.arange(len(positions))
    if len(rows) > DRAWN:
        rows = np.argsort(spread_ranks(positions), kind="stable")[:DRAWN]
    places = positions[rows] - positions[rows].mean(axis=0)
    picture = CloudPicture(places)
    true, found = (each[rows].astype(np.int64) for each in pair)
    known = np.where(true == VOID, -1, true)
    off = (true != found) & (true != VOID)
    theme = sheet.theme
    pale = np.repeat(color_bytes(mixed(theme.muted, theme.ground, 0.35))[None], len(rows), axis=0)
    pale[off] = color_bytes(theme.missing)
    sheet.text(MARGIN, y, f"{name}: {wrong:.1%} of points wrong", bold=True, width=INNER)
    top = y + 12
    shown: list[tuple[str, Colors, npt.NDArray[np.bool_] | None]] = [
        ("true", class_colors(known), None),
        ("predicted", class_colors(found), None),
        ("wrong", pale, off),
    ]
    for at, (said, colors, front) in enumerate(shown):
        left = MARGIN + at * (_SIDE + _GAP)
        picture.place(sheet, (left, top, _SIDE), colors, OBLIQUE, front=front, name=f"{said} {name}")
        sheet.text(left, top + _SIDE + 17, said, size=SMALL, color=theme.muted)
    left = MARGIN + len(shown) * (_SIDE + _GAP)
    if left + _SIDE <= MARGIN + INNER:
        picture.place(sheet, (left, top, _SIDE), class_colors(found), SIDES[1], name=f"top {name}")
        sheet.text(left, top + _SIDE + 17, "predicted, from above", size=SMALL, color=theme.muted)
    return top + _SIDE + 52


def _legend(sheet: Sheet, y: int, class_names: Sequence[str]) -> int:
    """Names the colors of classes; returns the baseline."""
    x = MARGIN
    for at, name in enumerate(class_names):
        if x > MARGIN + INNER - 160:
            x, y = MARGIN, y + 24
        sheet.dots(np.array([[x + 6, y - 5]]), class_colors(np.array([at])), 6)
        sheet.text(x + 18, y, name, size=SMALL, width=130)
        x += 160
    return y
