"""What figures of several classes share: a color for each, a key of them, and a row of scores for each."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import BODY, INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.theme import Colors

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


def score_rows(sheet: Sheet, y: int, names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Draws a row for each class: its name and the frame of a bar from 0 to 1, which the caller fills.

    Args:
        sheet: Is drawn on.
        y: Baseline above the first row.
        names: Of the classes.

    Yields:
        The left end of the bar, and the baseline of the row.
    """
    left, step = MARGIN + _NAMES, int(line_height(BODY)) + 10
    for name in names:
        y += step
        sheet.text(left - 16, y, name, across="right", width=_NAMES - 20)
        sheet.box(left, y - 16, BAR, 18, edge=sheet.theme.rule, width=0.6)
        yield left, y


def tell_score(sheet: Sheet, left: int, y: int, told: str | None) -> None:
    """Writes what a class scored behind its bar, or within it that there was nothing to score.

    Args:
        sheet: Is drawn on.
        left: The left end of the bar.
        y: Baseline.
        told: The scores in words; None for none.
    """
    if told is None:
        sheet.text(left + 8, y - 1, "in no test sample", size=SMALL, color=sheet.theme.muted)
    else:
        sheet.text(left + BAR + 20, y, told, size=SMALL, color=sheet.theme.muted)
