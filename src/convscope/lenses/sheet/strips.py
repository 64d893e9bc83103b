"""Maps without rows and columns: over a length as heat strips, single values as bars and a strip of all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Colors, Numbers, Scale, color_bytes, count, number

BARS_HIGH = 150
STRIP = 18
STRIP_GAP = 3
_CELL = (3, 16)  # smallest width and the height of one channel among all


def along(values: Numbers, width: int) -> tuple[Numbers, int]:
    """(strips, length) brought to `width` positions, repeated or as means of blocks; and a block's size."""
    values = np.asarray(values, np.float64)
    length = values.shape[1]
    mean = -(-length // width)
    if mean > 1:
        starts = np.arange(0, length, mean)
        values = np.add.reduceat(values, starts, axis=1) / np.diff([*starts, length])
    return values[:, np.arange(width) * values.shape[1] // width], mean


def place_strips(
    sheet: Sheet,
    box: tuple[int, int, int],
    values: Numbers,
    labels: Sequence[str],
    scales: Sequence[Scale],
    *,
    name: str = "maps",
) -> tuple[int, int]:
    """Places one heat strip per channel, labels at the left.

    Args:
        sheet: Where to.
        box: x, y and width.
        values: (channels, length).
        labels: What stands left of each.
        scales: The colors of each.
        name: The image's name in the figure.

    Returns:
        The height of all, and how many values each pixel is the mean of.
    """
    x, y, width = box
    drawn, mean = along(values, width)
    pitch = STRIP + STRIP_GAP
    picture = np.zeros((len(values) * pitch + 1, width + 2, 4), np.uint8)
    for place, (each, scale) in enumerate(zip(drawn, scales, strict=True)):
        top = place * pitch
        picture[top : top + STRIP + 2] = color_bytes(sheet.theme.rule)
        picture[top + 1 : top + 1 + STRIP, 1:-1] = scale.colors(each)
    sheet.image(x - 1, y - 1, picture, name=name)
    for place, (each, label) in enumerate(zip(drawn, labels, strict=True)):
        top = y + place * pitch
        sheet.text(x - 10, top + 14, label, size=TINY, color=sheet.theme.muted, across="right")
        sheet.missing(x, top, ~np.isfinite(each)[None], (1, STRIP))
    return len(values) * pitch, mean


def place_bars(
    sheet: Sheet,
    box: tuple[int, int, int],
    values: Numbers,
    chosen: Sequence[int],
    scale: Scale,
    *,
    labels: Sequence[str] | None = None,
    name: str = "maps",
    widest: int = 60,
) -> int:
    """Places a bar for each chosen channel, and below them the strip of all channels in their order.

    Args:
        sheet: Where to.
        box: x, y and width.
        values: (channels,), all of them.
        chosen: The channels that get a bar.
        scale: Colors, and the numbers at the bars' top and bottom.
        labels: What stands below each bar; None: the channel's number.
        name: The image's name in the figure.
        widest: Room for a bar where there is enough.

    Returns:
        The height of all.
    """
    x, y, width = box
    pitch = bars_width(len(chosen), width, widest) // len(chosen)
    shown = labels or [str(each) for each in chosen]
    wide, colors = max(1, round(pitch * 0.78)), scale.colors(values)
    every = max(1, int(np.ceil((max(width_of(label, TINY) for label in shown) + 6) / pitch)))
    for place, channel in enumerate(chosen):
        left = x + place * pitch
        _place_bar(sheet, (left, y, wide), float(values[channel]), scale, colors[channel])
        if place % every == 0:
            middle, muted = left + wide / 2, sheet.theme.muted
            sheet.text(middle, y + BARS_HIGH + 22, shown[place], size=TINY, color=muted, across="center")
    zero = _down(y, scale, min(max(0.0, scale.low), scale.high))
    sheet.line([x, x + pitch * len(chosen)], [zero, zero], color=sheet.theme.muted, width=0.6)
    high = BARS_HIGH + 30
    if len(chosen) == len(values):
        return high
    return high + _place_all(sheet, x, y + high, width, np.asarray(values), colors, name)


def _down(y: int, scale: Scale, value: float) -> float:
    """Where a value is on the upright scale of bars."""
    return y + BARS_HIGH * (scale.high - value) / ((scale.high - scale.low) or 1.0)


def _place_bar(sheet: Sheet, box: tuple[int, int, int], value: float, scale: Scale, color: Colors) -> None:
    """One bar from 0 to its value; hatched where that is not finite."""
    left, y, wide = box
    if not np.isfinite(value):
        sheet.missing(left, y, np.ones((1, 1), bool), (wide, BARS_HIGH))
        return
    zero, end = (_down(y, scale, each) for each in (min(max(0.0, scale.low), scale.high), value))
    fill, edge = "#" + bytes(color[:3]).hex(), sheet.theme.muted
    sheet.box(left, min(zero, end), wide, max(abs(end - zero), 1), fill=fill, edge=edge, width=0.3)


def bars_width(bars: int, width: int, widest: int = 60) -> int:
    """How much of a width so many bars take."""
    return min(widest, width // bars) * bars


def _place_all(sheet: Sheet, x: int, y: int, width: int, values: Numbers, colors: Colors, name: str) -> int:
    """The strip of all channels, in as many rows as it needs; returns its height."""
    channels = len(values)
    high = int(line_height(SMALL))
    sheet.text(x, y + high - 8, f"all {channels:,}, in their order", size=TINY, color=sheet.theme.muted)
    y += high
    begin = int(width_of(f"{channels:,}", TINY)) + 10
    rows = -(-channels * _CELL[0] // (width - begin))
    per_row = -(-channels // rows)
    cell = min((width - begin) // per_row, 16)
    for row in range(rows):
        part = slice(row * per_row, min((row + 1) * per_row, channels))
        strip = np.repeat(np.repeat(colors[None, part], cell, axis=1), _CELL[1], axis=0)
        top = y + row * (_CELL[1] + 5)
        sheet.box(x + begin, top, strip.shape[1], _CELL[1], edge=sheet.theme.rule, width=0.8)
        sheet.image(x + begin, top, strip, name=f"{name} row {row}")
        sheet.text(
            x + begin - 8, top + 13, str(part.start), size=TINY, color=sheet.theme.muted, across="right"
        )
        sheet.missing(x + begin, top, ~np.isfinite(values[None, part]), (cell, _CELL[1]))
    return high + rows * (_CELL[1] + 5)


def place_ranked(
    sheet: Sheet,
    box: tuple[int, int, int],
    names: Sequence[str],
    values: Numbers,
    chosen: npt.NDArray[np.int64],
    scale: Scale,
    what: str,
) -> None:
    """Writes what has the values of largest magnitude, each with its value and a bar.

    Args:
        sheet: Where to.
        box: x, y and width.
        names: Of those that are chosen.
        values: All of them.
        chosen: Which are listed.
        scale: From numbers to colors.
        what: One of them is, such as `node`.
    """
    x, y, width = box
    muted = sheet.theme.muted
    head = f"the {len(chosen)} strongest of {count(len(values), what)}"
    sheet.text(x, y + 14, head if len(chosen) else f"0 at every {what}", size=SMALL, color=muted)
    largest = float(np.abs(values[chosen]).max(initial=0)) or 1.0
    baseline = y + 18
    for name, value in zip(names, values[chosen].tolist(), strict=True):
        baseline += 34
        sheet.text(x, baseline, name, size=TINY, width=width - 270)
        sheet.text(x + width - 180, baseline, number(value), size=TINY, color=muted, across="right")
        color = "#" + bytes(scale.colors(np.array(value))[:3]).hex()
        long = 160 * abs(value) / largest
        sheet.box(x + width - 165, baseline - 14, long, 16, fill=color, edge=sheet.theme.rule, width=0.5)
    if len(chosen) and len(values) > len(chosen):
        rest = float(np.nansum(np.delete(values, chosen)))
        line = f"the other {count(len(values) - len(chosen), what)}: {number(rest)} in all"
        sheet.text(x, baseline + 34, line, size=TINY, color=muted, width=width)
