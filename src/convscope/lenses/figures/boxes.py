"""Boxes over pictures: the true ones beside those that were found, and what each class scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from convscope.lenses.figures.classes import (
    BAR,
    class_colors,
    class_palette,
    draw_key,
    draw_scores,
)
from convscope.lenses.sheet.grids import readable_on
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.pixels import fitted, limits_of_values, pixels_of
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Colors, Numbers, color_bytes, find_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GUTTER = 24
COLUMNS = 3
"""Panels in a row at most."""
TALLEST = 900
"""Height of a picture at most, in pixels."""
_LABEL = 26
"""Width of a box below which its label is left out, in pixels of the sheet."""


@dataclass(frozen=True, eq=False)
class DrawnBoxes:
    """Boxes over one picture.

    Args:
        picture: (rows, columns) or (rows, columns, channels); uint8 with 4 channels are colors as they are.
        corners: Left, top, right and bottom in pixels of the picture, shape (boxes, 4).
        classes: Index into the class names, shape (boxes,).
        labels: What stands at each.
        marked: Which are drawn in the color of faults: missed, or wrong, shape (boxes,).
        title: What is shown, below the picture.
    """

    picture: Numbers
    corners: Numbers
    classes: npt.NDArray[np.int64]
    labels: Sequence[str]
    marked: npt.NDArray[np.bool_]
    title: str


@dataclass(frozen=True, eq=False)
class BoxCase:
    """A sample with boxes.

    Args:
        name: What it is called.
        caption: How good its boxes are.
        panels: Pictures of it with boxes, side by side.
    """

    name: str
    caption: str
    panels: Sequence[DrawnBoxes]


class ScoredBoxes(Protocol):
    """What a class scored."""

    @property
    def name(self) -> str:
        """The class name."""

    @property
    def ap(self) -> float | None:
        """Average precision over IoU thresholds; None where there is none."""

    @property
    def ap50(self) -> float | None:
        """At an IoU of 0.5."""

    @property
    def support(self) -> int:
        """True boxes."""


def draw_box_cases(
    cases: Sequence[BoxCase], class_names: Sequence[str], *, theme: str = "light", title: str
) -> Figure:
    """Draws samples one below the other, each with its panels side by side.

    Args:
        cases: Samples.
        class_names: What the classes are called.
        theme: `light` or `dark`.
        title: Of the figure.

    Returns:
        A figure of 7 inches width.
    """
    sheet = Sheet(find_theme(theme))
    marks = any(panel.marked.any() for case in cases for panel in case.panels)
    y = draw_key(sheet, sheet.title(title), box_colors(sheet, class_names, marks), filled=False)
    for case in cases:
        y += 34
        sheet.text(MARGIN, y, case.name, bold=True, width=INNER - 420)
        sheet.text(MARGIN + INNER, y, case.caption, color=sheet.theme.muted, across="right")
        y = _row(sheet, y + 14, case, len(class_names))
    return sheet.finish(y + 20)


def _row(sheet: Sheet, y: int, case: BoxCase, classes: int) -> int:
    """The panels of one sample, some in each row; returns the baseline below."""
    columns = 2 if len(case.panels) < 3 else COLUMNS
    wide = (INNER - (columns - 1) * GUTTER) // columns
    for first in range(0, len(case.panels), columns):
        high, some = 0, case.panels[first : first + columns]
        for column, panel in enumerate(some):
            x = MARGIN + column * (wide + GUTTER)
            high = max(high, _place_boxes(sheet, (x, y, wide, TALLEST), panel, classes))
        y += high + int(line_height(SMALL))
        for column, panel in enumerate(some):
            x = MARGIN + column * (wide + GUTTER)
            sheet.text(x, y, panel.title, size=SMALL, color=sheet.theme.muted, width=wide)
        y += 14
    return y


def _place_boxes(sheet: Sheet, box: tuple[float, float, int, int], shown: DrawnBoxes, classes: int) -> int:
    """Draws a picture with boxes over it; returns its height on the sheet."""
    x, y, wide, high = box
    colors = _enlarged(shown.picture, wide, high)
    sheet.image(x, y, colors)
    down, across = (colors.shape[axis] / shown.picture.shape[axis] for axis in (0, 1))
    palette = class_palette(classes)
    for corners, k, label, fault in zip(
        shown.corners.tolist(), shown.classes.tolist(), shown.labels, shown.marked.tolist(), strict=True
    ):
        left, top, right, bottom = (
            max(0.0, min(value * factor, side))
            for value, factor, side in zip(
                corners, (across, down) * 2, (colors.shape[1], colors.shape[0]) * 2, strict=True
            )
        )
        edge = sheet.theme.missing if fault else f"#{bytes(palette[k].tolist()).hex()}"
        sheet.box(x + left, y + top, right - left, bottom - top, edge="#ffffff", width=1.8)
        sheet.box(x + left, y + top, right - left, bottom - top, edge=edge, width=1.1, name="box")
        if label and right - left >= _LABEL and width_of(label, TINY) <= 2 * (right - left):
            _tag(sheet, x + left, y + top, label, edge)
    sheet.box(x, y, colors.shape[1], colors.shape[0], edge=sheet.theme.rule, width=0.8)
    return int(colors.shape[0])


def _tag(sheet: Sheet, x: float, y: float, label: str, color: str) -> None:
    """A label over the color of its box, at the top left corner within it, in black or white."""
    wide, high = width_of(label, TINY) + 6, line_height(TINY)
    sheet.box(x, y, wide, high, fill=color, width=0)
    sheet.text(x + 3, y + high - 5, label, size=TINY, color=readable_on(color_bytes(color)))


def _enlarged(picture: Numbers, wide: int, high: int) -> Colors:
    """The picture in the size in which it is shown, uint8 (rows, columns, 4)."""
    from PIL import Image

    values = picture if picture.ndim == 3 else picture[..., None]
    whole = values.dtype == np.uint8 and values.shape[-1] == 4
    colors = values if whole else pixels_of(values, limits_of_values(values), "#e5007d")
    factor = min(wide / colors.shape[1], high / colors.shape[0])
    if factor < 1:
        return fitted(colors, wide, high)
    size = (max(1, round(colors.shape[1] * factor)), max(1, round(colors.shape[0] * factor)))
    return np.asarray(Image.fromarray(colors).resize(size, Image.Resampling.BICUBIC), np.uint8)


def box_colors(sheet: Sheet, class_names: Sequence[str], marks: bool) -> list[tuple[str, str]]:
    """What the colors of frames mean.

    Args:
        sheet: Is drawn on.
        class_names: What the classes are called.
        marks: Whether some boxes are marked as faults.
    """
    return class_colors(class_names) + [("missed or wrong", sheet.theme.missing)] * marks


def draw_box_scores(classes: Sequence[ScoredBoxes], *, theme: str = "light") -> Figure:
    """Draws the average precision of each class: at an IoU of 0.5 as a frame, over all IoUs as a bar.

    Args:
        classes: In the order in which they are drawn.
        theme: `light` or `dark`.

    Returns:
        A figure of 7 inches width.
    """
    legend = "Bars: average precision over IoU 0.5 to 0.95. Frames: at an IoU of 0.5."
    return draw_scores(classes, legend, _score_boxes, theme)


def _score_boxes(sheet: Sheet, each: ScoredBoxes, left: int, y: int) -> str | None:
    if each.ap is None or each.ap50 is None:
        return None
    sheet.box(left, y - 16, BAR * each.ap, 18, fill=sheet.theme.first, width=0)
    sheet.box(left, y - 16, BAR * each.ap50, 18, edge=sheet.theme.first, width=1.2)
    return f"AP50 {each.ap50:.3f}, AP {each.ap:.3f}, {each.support:,} objects"
