"""One kernel over positions that have names, such as tokens: vectors, weights, products and their sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM
from convscope.lenses.sheet.lettering import shortened
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.strips import BARS_HIGH, STRIP, along, bars_width, place_bars
from convscope.lenses.sheet.theme import TIMES, Colors, Numbers, Scale, count, number, scale_of

if TYPE_CHECKING:
    from convscope.scope.channels.position import Position

LABEL = 200


def draw_named_products(sheet: Sheet, y: int, position: Position, labels: Sequence[str]) -> int:
    """Draws the products of a kernel whose positions lie on something that has a name, and their sums.

    Three strips for each name: the vector there, the kernel's weights, and their products.

    Args:
        sheet: Where to.
        y: The first baseline.
        position: Of a layer whose kernel has one axis.
        labels: What lies under each position of the kernel, such as a token.

    Returns:
        The next baseline.
    """
    size, into = position.patch.shape
    text = f"For each position the {count(into, 'channel')} of the layer's input, from left to right."
    if position.padded.any():
        text += " Positions outside of the input are padding, which counts as 0."
    y = sheet.section(y, f"Vector {TIMES} weights = products", text) - 6
    parts = {"vector": position.patch, "weights": position.kernel, "products": position.products}
    scales = {
        name: scale_of(sheet.theme, part, None if name == "vector" else "diverging")
        for name, part in parts.items()
    }
    left, room = MARGIN + LABEL + 90, INNER - LABEL - 90 - 190
    for place, label in enumerate(labels):
        sheet.text(MARGIN, y + 34, shortened(label, LABEL - 20, SMALL), size=SMALL)
        for row, (name, part) in enumerate(parts.items()):
            top = y + row * (STRIP + 4)
            sheet.text(left - 12, top + 14, name, size=TINY, color=sheet.theme.muted, across="right")
            _strip(sheet, (left, top, room), part[place], scales[name], f"{name} {place}")
        total = float(position.products[place].sum(dtype=np.float64))
        spot = (left + room + 16, y + 2 * (STRIP + 4) + 15)
        sheet.text(*spot, f"sum {number(total, 4)}", size=SMALL, width=174)
        y += 3 * (STRIP + 4) + 16
    ends = [
        f"{name} {number(scale.reach[0], 2)} to {number(scale.reach[1], 2)}" for name, scale in scales.items()
    ]
    sheet.text(MARGIN, y + 12, "  ·  ".join(["colors", *ends]), size=TINY, color=sheet.theme.muted)
    return _draw_sums(sheet, y + 34, position, labels, size)


def _draw_sums(sheet: Sheet, y: int, position: Position, labels: Sequence[str], size: int) -> int:
    if size < 2:
        return y
    said = "Contribution of each position of the kernel to the sum."
    y = sheet.section(y, f"Sum over {count(size, 'position')}", said) - 10
    sums = position.products.sum(axis=1, dtype=np.float64)
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
