"""What figures of several classes share: a color for each, a key of them, and a row of scores for each."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import BODY, INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.theme import Colors, find_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class DrawnClass(Protocol):
    """A class of which something is drawn."""

    @property
    def name(self) -> str:
        """The class name."""


Scored = TypeVar("Scored", bound=DrawnClass)
BAR = 620
"""Width of a score of 1, in pixels of the sheet."""
_NAMES = 240
_PATCH = 18


@cache
def class_palette(classes: int) -> Colors:
    """A color for each class, shape (classes, 3), uint8: hues a golden section apart, in three tones."""
    colors = [
        colorsys.hls_to_rgb((0.58 + 0.618034 * k) % 1, (0.45, 0.6, 0.35)[k % 3], (0.85, 0.7, 0.9)[k % 3])
        for k in range(classes)
    ]
    return np.asarray(np.rint(255 * np.array(colors).reshape(classes, 3)), np.uint8)


def class_colors(class_names: Sequence[str]) -> list[tuple[str, str]]:
    """Each class with its color as `#rrggbb`."""
    colors = [f"#{bytes(color.tolist()).hex()}" for color in class_palette(len(class_names))]
    return list(zip(class_names, colors, strict=True))


def draw_key(sheet: Sheet, y: int, entries: Sequence[tuple[str, str]], *, filled: bool) -> int:
    """Draws what colors mean, in as many lines as are needed; returns the next baseline.

    Args:
        sheet: Is drawn on.
        y: Baseline of the first line.
        entries: Names with their colors.
        filled: Whether the color fills areas in the figure, or is that of frames.
    """
    x = MARGIN
    for name, color in entries:
        wide = _PATCH + 8 + int(width_of(name, SMALL)) + 24
        if x > MARGIN and x + wide > MARGIN + INNER:
            x, y = MARGIN, y + int(line_height(SMALL)) + 6
        if filled:
            sheet.box(x, y - _PATCH + 3, _PATCH, _PATCH, fill=color, width=0)
        else:
            sheet.box(x, y - _PATCH + 3, _PATCH, _PATCH, edge=color, width=1.6)
        sheet.text(x + _PATCH + 8, y, name, size=SMALL, width=INNER)
        x += wide
    return y + 16


def draw_scores(
    classes: Sequence[Scored], legend: str, draw: Callable[[Sheet, Scored, int, int], str | None], theme: str
) -> Figure:
    """Draws the scores of classes: a row for each, with the frame of a bar from 0 to 1 that is filled.

    Args:
        classes: In the order in which they are drawn.
        legend: What the marks in rows mean.
        draw: Fills the row of a class, of which it is given the left end of the bar and the baseline, and
            returns the scores in words; None where there is nothing to score.
        theme: `light` or `dark`.

    Returns:
        A figure of 7 inches width.
    """
    sheet = Sheet(find_theme(theme))
    muted = sheet.theme.muted
    y = int(sheet.paragraph(MARGIN, sheet.title("Scores of classes"), legend, INNER, color=muted))
    left, step = MARGIN + _NAMES, int(line_height(BODY)) + 10
    for each in classes:
        y += step
        sheet.text(left - 16, y, each.name, across="right", width=_NAMES - 20)
        sheet.box(left, y - 16, BAR, 18, edge=sheet.theme.rule, width=0.6)
        told = draw(sheet, each, left, y)
        if told is None:
            sheet.text(left + 8, y - 1, "in no test sample", size=SMALL, color=muted)
        else:
            sheet.text(left + BAR + 20, y, told, size=SMALL, color=muted)
    return sheet.finish(y + 30)
