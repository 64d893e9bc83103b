"""One kernel over positions along one axis: values, weights, products and their sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM
from convscope.lenses.sheet.lettering import shortened
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, TITLE, Sheet
from convscope.lenses.sheet.strips import BARS_HIGH, STRIP, along, bars_width, place_bars
from convscope.lenses.sheet.theme import TIMES, Colors, Numbers, Scale, count, number, scale_of

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


LABEL = 200
MOST = 12
"""Positions of a kernel that are drawn, those that add most."""
NAMED = 3
"""Channels that are named beside their products."""


def draw_named_products(
    sheet: Sheet,
    y: int,
    position: Position,
    labels: Sequence[str],
    channels: Sequence[str] = (),
    node: str = "node",
) -> int:
    """Draws the products of a kernel whose positions lie on something that has a name, and their sums.

    Three strips for each name: the vector there, the kernel's weights, and their products.

    Args:
        sheet: Where to.
        y: The first baseline.
        position: Of a layer whose kernel has one axis.
        labels: What lies under each position of the kernel, such as a token.
        channels: What the channels are called; the largest products are then named.
        node: What that is called whose values are gathered.

    Returns:
        The next baseline.
    """
    size, into = position.patch.shape
    sums = position.products.sum(axis=1, dtype=np.float64)
    shown = np.arange(size)
    each = node if position.gathered else "position"
    what = count(into, "feature") if channels else f"{count(into, 'channel')} of the layer's input"
    text = f"For each {each} the {what}, from left to right."
    if position.shares is not None:
        text += " The weights are the kernel times the normalized weight that stands below the name."
    if size > MOST:
        shown = np.sort(np.argsort(-np.abs(np.nan_to_num(sums)), kind="stable")[:MOST])
        text += f" Shown: the {MOST} of {size:,} with the largest contributions."
    if position.padded.any():
        text += " Positions outside of the input are padding, which counts as 0."
    y = sheet.section(y, f"Vector {TIMES} weights = products", text) - 6
    parts = {"vector": position.patch, "weights": position.kernel, "products": position.products}
    scales = {
        name: scale_of(sheet.theme, part, None if name == "vector" else "diverging")
        for name, part in parts.items()
    }
    left, room = MARGIN + LABEL + 90, INNER - LABEL - 90 - 190
    for place, label in ((place, labels[place]) for place in shown.tolist()):
        sheet.text(MARGIN, y + 34, shortened(label, LABEL - 20, SMALL), size=SMALL)
        if position.shares is not None:
            share = f"{TIMES} {number(float(position.shares[place]), 4)}"
            sheet.text(MARGIN, y + 58, share, size=TINY, color=sheet.theme.muted)
        for row, (name, part) in enumerate(parts.items()):
            top = y + row * (STRIP + 4)
            sheet.text(left - 12, top + 14, name, size=TINY, color=sheet.theme.muted, across="right")
            _strip(sheet, (left, top, room), part[place], scales[name], f"{name} {place}")
        spot = (left + room + 16, y + 2 * (STRIP + 4) + 15)
        sheet.text(*spot, f"sum {number(float(sums[place]), 4)}", size=SMALL, width=174)
        y += 3 * (STRIP + 4)
        if len(channels):
            said = _largest(position.products[place], channels)
            sheet.text(left, y + 18, said, size=TINY, color=sheet.theme.muted, width=room)
            y += 26
        y += 16
    ends = [
        f"{name} {number(scale.reach[0], 2)} to {number(scale.reach[1], 2)}" for name, scale in scales.items()
    ]
    sheet.text(MARGIN, y + 12, "  ·  ".join(["colors", *ends]), size=TINY, color=sheet.theme.muted)
    return y + 34 if size < 2 else _place_sums(sheet, y + 34, sums, shown, labels, each)


def _largest(products: Numbers, channels: Sequence[str]) -> str:
    """The channels of the largest products, each with its own."""
    order = np.argsort(-np.abs(np.nan_to_num(products)), kind="stable")[:NAMED]
    named = [f"{channels[at]} {number(float(products[at]), 3)}" for at in order.tolist() if products[at]]
    return "largest: " + ", ".join(named) if named else "no product other than 0"


def _place_sums(sheet: Sheet, y: int, sums: Numbers, shown: Numbers, labels: Sequence[str], each: str) -> int:
    """What each position adds, and all those that are not drawn."""
    size = len(sums)
    what = f"{each} of the kernel" if each == "position" else each
    y = sheet.section(y, f"Sum over {count(size, each)}", f"Contribution of each {what} to the sum.")
    y = _draw_sums(sheet, y - 10, sums[shown], [labels[int(place)] for place in shown])
    if size > MOST:
        rest = float(np.delete(sums, shown).sum())
        first, others = number(float(sums[shown].sum()), 4), number(rest, 4)
        line = f"These {MOST} sum to {first}, the other {size - MOST:,} to {others}."
        y = int(sheet.paragraph(MARGIN, y + 8, line, INNER, size=SMALL)) - 10
    return y


def _draw_sums(sheet: Sheet, y: int, sums: Numbers, labels: Sequence[str]) -> int:
    size = len(sums)
    scale: Scale = scale_of(sheet.theme, np.append(sums, 0.0), "diverging")
    room = INNER - BAR_ROOM
    shown = [shortened(label, 110, TINY) for label in labels]
    wide = 140
    high = place_bars(
        sheet, (MARGIN, y, room), sums, range(size), scale, labels=shown, name="sums", widest=wide
    )
    right = MARGIN + bars_width(size, room, wide) + BAR_GAP
    sheet.color_bar(right, y, BARS_HIGH, scale)
    return y + high + 20


def _strip(sheet: Sheet, box: tuple[int, int, int], values: Numbers, scale: Scale, name: str) -> None:
    """One row of values over a width."""
    x, y, width = box
    wide = max(width // len(values), 1) * len(values) if len(values) <= width else width
    across = along(values[None], wide)[0]
    colors: Colors = scale.colors(across)
    sheet.box(x, y, wide, STRIP, edge=sheet.theme.rule, width=0.8)
    sheet.image(x, y, np.repeat(colors, STRIP, axis=0), name=name)
    sheet.missing(x, y, ~np.isfinite(across), (1, STRIP))
