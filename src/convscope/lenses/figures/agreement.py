"""Predicted numbers over true ones: on the diagonal where both agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convscope.errors import UsageError
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.theme import Numbers, count, find_theme, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 2_000
"""Samples that are drawn."""
_SIDE = 620
_LEFT = 130
_DOT = 7


def draw_agreement(
    true: Numbers,
    predicted: Numbers,
    *,
    half_width: float | None = None,
    theme: str = "light",
    title: str = "Predicted and true numbers",
) -> Figure:
    """Draws a point for each sample, and the line on which predictions are right.

    Args:
        true: Shape (samples,).
        predicted: Shape (samples,).
        half_width: Of the intervals around predictions, drawn beside the line; None without.
        theme: `light` or `dark`.
        title: The heading.

    Returns:
        A figure of 7 inches width.

    Raises:
        UsageError: There is no sample, or the shapes differ.
    """
    true, predicted = np.asarray(true, np.float64)[:MOST], np.asarray(predicted, np.float64)[:MOST]
    if not len(true) or true.shape != predicted.shape:
        raise UsageError(
            f"true and predicted must have one number for each sample. Received: {true.shape} and"
            f" {predicted.shape}."
        )
    sheet = Sheet(find_theme(theme))
    y = sheet.title(title)
    told = f"{count(len(true), 'sample')}: true number to the right, predicted number upwards"
    y = int(sheet.paragraph(MARGIN, y, told, INNER, color=sheet.theme.muted))
    low, high = float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))
    margin = 0.04 * (high - low) or 1.0
    low, high = low - margin, high + margin
    left, top = MARGIN + _LEFT, y

    def along(values: Numbers) -> Numbers:
        return left + (values - low) / (high - low) * _SIDE

    def down(values: Numbers) -> Numbers:
        return top + (high - values) / (high - low) * _SIDE

    sheet.box(left, top, _SIDE, _SIDE, edge=sheet.theme.rule)
    for shift in (0.0, *(() if half_width is None else (-half_width, half_width))):
        ends = np.array([max(low, low - shift), min(high, high - shift)])
        if ends[0] < ends[1]:
            color = sheet.theme.muted if shift == 0 else sheet.theme.rule
            sheet.line(list(along(ends)), list(down(ends + shift)), color=color)
    for x, place in zip(along(true), down(predicted), strict=True):
        sheet.box(x - _DOT / 2, place - _DOT / 2, _DOT, _DOT, fill=sheet.theme.first, width=0)
    for value in (low + margin, high - margin):
        at = np.array([value])
        sheet.text(left - 12, float(down(at)[0]) + 6, number(value), size=SMALL, across="right")
        sheet.text(float(along(at)[0]), top + _SIDE + 26, number(value), size=SMALL, across="center")
    return sheet.finish(top + _SIDE + 44)
