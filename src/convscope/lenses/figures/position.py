"""How one position of one feature map is computed: patch, kernel, products, sum, bias, activation, value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.figures.products import draw_line_products, draw_named_products
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, write_missing
from convscope.lenses.sheet.grids import figures_of, place_grid
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TITLE, Sheet
from convscope.lenses.sheet.strips import BARS_HIGH, bars_width, place_bars
from convscope.lenses.sheet.theme import (
    MINUS,
    TIMES,
    Numbers,
    count,
    find_theme,
    number,
    scale_of,
    shape_text,
)
from convscope.lenses.views.view import Sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convscope.scope.channels.position import Position

LABEL = 160
CHANNELS = 3  # input channels whose products are written out
BARS = 15
MOST_DECIMALS = 9


def draw_position(position: Position, sample: Sample, *, theme: str = "light", title: str = "") -> Figure:
    """Draws how the value at one position of one map comes about.

    Above, the input with the window that the value depends on, and the map with the position. Below, the
    patch of the layer's input, the kernel and their products: for one input channel, or for the three that
    contribute most, and the sums of all channels as bars. At the end the sum, the bias and the activation, in
    numbers that add up as they are printed.

    Args:
        position: The numbers.
        sample: The model's input.
        theme: `light` or `dark`.
        title: The heading; made from the position if empty.

    Returns:
        A figure of 7 inches width.
    """
    sheet = Sheet(find_theme(theme))
    at = f"({', '.join(str(each) for each in position.at)})"
    at = sample.view.place_name(position) or at
    where = f" at {at}" if position.at else ""
    y = sheet.title(title or f"How {position.path} computes channel {position.channel}{where}")
    *size, into = position.patch.shape
    kernel = (
        f"kernel of {shape_text(size)} over {count(into, 'input channel')}" if size else count(into, "input")
    )
    if position.gathered:
        kernel = f"the values of {count(size[0], sample.view.nouns[0])} in {count(into, 'input channel')}"
    facts = f"{position.type}  ·  {kernel}  ·  activation {position.activation}"
    y = int(sheet.paragraph(MARGIN, y, facts, INNER, color=sheet.theme.muted)) + 4
    sums = position.products.reshape(-1, into).sum(axis=0, dtype=np.float64)
    y = sample.view.place_position(sheet, y, position, sample.name)
    labels = sample.view.kernel_labels(position)
    if labels:
        named, node = sample.view.channel_names(position), sample.view.nouns[0]
        y = draw_named_products(sheet, y, position, labels, named, node)
    elif size:
        y = _draw_products(sheet, y, position, sums)
    if into > 1 and not labels:
        names = sample.view.channel_names(position) or position.channels_read
        y = _draw_sums(sheet, y, sums, names, position.patch.ndim > 1)
    y = _draw_equation(sheet, y, position)
    y = int(write_missing(sheet, MARGIN, y + 8, position.products, INNER))
    return sheet.finish(y + MARGIN // 2)


def _draw_products(sheet: Sheet, y: int, position: Position, sums: Numbers) -> int:
    """Patch, kernel and products of the input channels that contribute most."""
    into, names = len(sums), position.channels_read
    most = 1 if position.patch.ndim == 4 else CHANNELS
    shown = np.argsort(-np.abs(np.nan_to_num(sums)), kind="stable")[:most]
    labels = [f"channel {names[each]}" if into > 1 else "" for each in shown]
    plotted = position.patch.ndim == 2 and len(position.patch) > 5
    said = _about_products(into, len(shown))
    if position.padded.any():
        said += f" {'Gray positions' if plotted else 'Crossed cells'} are padding, which counts as 0."
    y = sheet.section(y, f"Patch {TIMES} kernel = products", said.strip())
    if plotted:
        return draw_line_products(sheet, y + 8, position, [int(each) for each in shown], labels) + 8
    parts = [_as_planes(each)[..., shown] for each in (position.patch, position.kernel, position.products)]
    return _draw_grids(sheet, y + 8, parts, _as_planes(position.padded[..., None])[..., 0], labels)


def _about_products(into: int, shown: int) -> str:
    """Which input channels are shown."""
    if into == 1:
        return ""
    if into == shown:
        return "Shown: every input channel."
    if shown == 1:
        return f"Shown: the one of {into:,} input channels with the largest contribution."
    return f"Shown: the {shown} of {into:,} input channels with the largest contributions."


def _draw_grids(
    sheet: Sheet, y: int, parts: Sequence[Numbers], padded: Numbers, labels: Sequence[str]
) -> int:
    """Patch, kernel and products, (slices, rows, columns, channels) each, as grids beside each other."""
    slices, rows, columns = padded.shape
    written = max(rows, columns) <= 5
    figures = [figures_of(each) for each in parts]
    kinds = (None, "diverging", "diverging")
    scales = [scale_of(sheet.theme, each, kind) for each, kind in zip(parts, kinds, strict=True)]
    cell = min(64, 290 // columns) if written else max(4, 200 // columns)
    pitch = cell * columns + (80 if written else BAR_ROOM + 60)
    for place, name in enumerate(("patch", "kernel", "products")):
        unit = figures[place].unit if written else ""
        x = MARGIN + LABEL + place * pitch
        sheet.text(x, y, f"{name}{unit}", size=SMALL, color=sheet.theme.muted)
    y += 14
    for channel, deep in np.ndindex(len(labels), slices):
        lines = [labels[channel]] if labels[channel] and deep == 0 else []
        lines += [f"slice {deep}"] if slices > 1 else []
        lines += [f"sum {number(float(parts[2][deep, ..., channel].sum(dtype=np.float64)), 4)}"]
        for row, line in enumerate(lines):
            sheet.text(MARGIN, y + 20 + 26 * row, line, size=SMALL, width=LABEL - 14)
        for place, (part, scale) in enumerate(zip(parts, scales, strict=True)):
            x = MARGIN + LABEL + place * pitch
            crossed = padded[deep] if place == 0 else None
            shown = figures[place] if written else None
            place_grid(sheet, (x, y, cell), part[deep, ..., channel], scale, figures=shown, crossed=crossed)
            if not written:
                sheet.color_bar(x + cell * columns + BAR_GAP, y, cell * rows, scale)
            if place < 2:
                middle = y + cell * rows / 2 + 9
                sheet.text(x + pitch - 40, middle, (TIMES, "=")[place], size=TITLE, across="center")
        y += max(cell * rows, 26 * len(lines)) + 22
    return y + 8


def _as_planes(values: Numbers) -> Numbers:
    """(k..., channels) as (slices, rows, columns, channels)."""
    return values.reshape((1,) * (4 - values.ndim) + values.shape)


def _draw_sums(sheet: Sheet, y: int, sums: Numbers, names: Sequence[int | str], convolution: bool) -> int:
    """What each input channel adds, the largest first."""
    ranked = np.argsort(-np.abs(np.nan_to_num(sums)), kind="stable")
    first, rest = ranked[:BARS], ranked[BARS:]
    what = "input channel" if convolution else "input"
    y = (
        sheet.section(
            y,
            f"Sum over {count(len(sums), what)}",
            f"Contribution of each {what} to the sum of the products, largest first.",
        )
        - 10
    )
    scale = scale_of(sheet.theme, np.asarray([*sums[first], 0.0]), "diverging")
    labels = [str(names[each]) for each in first]
    room = INNER - BAR_ROOM
    high = place_bars(
        sheet, (MARGIN, y, room), sums[first], range(len(first)), scale, labels=labels, name="sums"
    )
    right = MARGIN + bars_width(len(first), room) + BAR_GAP
    sheet.color_bar(right, y, BARS_HIGH, scale)
    y += high
    if len(rest):
        shown, others = (number(float(sums[each].sum()), 4) for each in (first, rest))
        said = f"These {len(first)} sum to {shown}, the other {len(rest):,} to {others}."
        y = int(sheet.paragraph(MARGIN, y + 24, said, INNER, size=SMALL)) - 10
    return y + 16


def adding_decimals(summed: float, bias: float, before: float) -> tuple[int, bool]:
    """With how many decimals sum + bias = before holds for the printed numbers, and whether it does.

    Example:
        >>> adding_decimals(0.12345, 0.2, 0.32345)
        (4, True)
    """
    largest = max(abs(summed), abs(bias), abs(before))
    if not np.isfinite(largest):
        return 4, True
    fewest = int(np.clip(3 - np.floor(np.log10(largest or 1)), 2, 7))
    for decimals in range(fewest, MOST_DECIMALS + 1):
        unit = 10**decimals
        if round(summed * unit) + round(bias * unit) == round(before * unit):
            return decimals, True
    return fewest, False


def _draw_equation(sheet: Sheet, y: int, position: Position) -> int:
    decimals, exact = adding_decimals(position.sum, position.bias, position.before)
    y = sheet.section(y, "Sum, bias and activation") + 16
    terms = [
        ("", position.sum, "sum of the products"),
        ("+", position.bias, "bias and other constants" if position.held else "bias"),
        ("=", position.before, "before the activation"),
        ("→", position.value, f"after {position.activation}"),
    ]
    pitch = INNER / len(terms)
    for place, (sign, value, said) in enumerate(terms):
        x = MARGIN + place * pitch
        shown = f"{value:.{decimals}f}".replace("-", MINUS)
        shown = "0" if not float(f"{value:.{decimals}f}") else shown
        if sign:
            sheet.text(x - 10, y, sign, size=TITLE, across="right", color=sheet.theme.muted)
        last = place == len(terms) - 1
        sheet.text(
            x + 14,
            y,
            shown,
            size=TITLE,
            bold=last,
            width=pitch - 50,
            color=sheet.theme.second if last else None,
        )
        sheet.text(x + 14, y + 30, said, size=SMALL, color=sheet.theme.muted, width=pitch - 30)
    notes = [f"Kept as it is for this input: {position.held}."] if position.held else []
    if not exact:
        rounded = (round(each, decimals) for each in (position.sum, position.bias, -position.before))
        notes.append(f"The printed numbers are rounded; their sum differs by {number(abs(sum(rounded)), 2)}.")
    if position.rounding:
        notes.append(f"The model sums in another order; its value differs by {number(position.rounding, 2)}.")
    y += 38
    for note in notes:
        y += int(line_height(SMALL))
        sheet.text(MARGIN + 14, y, note, size=SMALL, color=sheet.theme.muted, width=INNER - 14)
    return y + 24
