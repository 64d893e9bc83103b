"""One kernel over a length: patch, weights and products as lines along it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, TITLE, Sheet
from convscope.lenses.sheet.theme import TIMES, Numbers, number

if TYPE_CHECKING:
    from convscope.scope.channels.position import Position

PLOT = (300, 120)
_NAMES, _APART = 150, 74
_THIN = 0.8


def draw_line_products(
    sheet: Sheet, y: int, position: Position, shown: Sequence[int], labels: Sequence[str]
) -> int:
    """Draws patch, weights and products of some input channels as lines over the kernel's positions.

    Args:
        sheet: Where to.
        y: Upper edge.
        position: Of a layer whose kernel lies over a length.
        shown: Which of the channels read.
        labels: What they are called.

    Returns:
        Where they end.
    """
    parts = {"patch": position.patch, "kernel": position.kernel, "products": position.products}
    wide, high = PLOT
    left = MARGIN + _NAMES
    for place, name in enumerate(parts):
        x = left + place * (wide + _APART)
        sheet.text(x, y, name, size=SMALL, color=sheet.theme.muted)
    y += 12
    for channel, label in zip(shown, labels, strict=True):
        if label:
            sheet.text(MARGIN, y + high / 2 + 7, label, size=SMALL, width=_NAMES - 16)
        total = float(position.products[:, channel].sum(dtype=np.float64))
        for place, part in enumerate(parts.values()):
            x = left + place * (wide + _APART)
            every = np.asarray(part[:, list(shown)], np.float64)
            padded = position.padded if place == 0 else None
            _plot(sheet, (x, y), part[:, channel].astype(np.float64), every, padded, bars=place == 2)
            if place < 2:
                sign = (TIMES, "=")[place]
                sheet.text(x + wide + _APART / 2 - 18, y + high / 2 + 9, sign, size=TITLE, across="center")
        right = left + 3 * wide + 2 * _APART + 14
        sheet.text(right, y + high / 2 - 6, "sum", size=TINY, color=sheet.theme.muted)
        sheet.text(right, y + high / 2 + 20, number(total, 4), size=SMALL, width=INNER + MARGIN - right)
        y += high + 26
    return y + 4


def _plot(
    sheet: Sheet,
    spot: tuple[int, int],
    values: Numbers,
    every: Numbers,
    padded: Numbers | None,
    *,
    bars: bool,
) -> None:
    """One row of numbers over the positions of the kernel, around 0, on the scale of all rows."""
    theme, (x, y), (wide, high) = sheet.theme, spot, PLOT
    finite = np.append(every[np.isfinite(every)], 0.0)
    low, top = float(finite.min()), float(finite.max())
    room = (top - low) or 1.0
    pitch = wide / len(values)
    xs = x + (np.arange(len(values)) + 0.5) * pitch
    ys = y + 8 + (top - values) / room * (high - 16)
    zero = y + 8 + top / room * (high - 16)
    for place in np.flatnonzero(padded) if padded is not None else ():
        sheet.box(x + place * pitch, y, pitch, high, fill=theme.rule, width=0, name="padded")
    sheet.line([x, x + wide], [zero, zero], color=theme.rule, width=0.6)
    if bars:
        for across, down, value in zip(xs, ys, values, strict=True):
            if np.isfinite(down):
                fill = theme.first if value >= 0 else theme.second
                sheet.box(
                    across - _THIN * pitch / 2,
                    min(zero, down),
                    _THIN * pitch,
                    abs(zero - down),
                    fill=fill,
                    width=0,
                )
    else:
        sheet.line(list(xs), list(ys), color=theme.first, width=1.1)
        for across, down in zip(xs, ys, strict=True) if len(values) <= 40 else ():
            if np.isfinite(down):
                sheet.box(across - 2.5, down - 2.5, 5, 5, fill=theme.first, width=0)
    sheet.box(x, y, wide, high, edge=theme.rule, width=0.8)
    sheet.missing(x, y, ~np.isfinite(values)[None], (pitch, high))
    for value, down in ((top, 15), (low, high)):
        sheet.text(x - 7, y + down, number(value, 2), size=TINY, color=theme.muted, across="right")
