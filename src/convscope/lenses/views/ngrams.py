"""One kernel over one n-gram: the tokens under it, its weights by token and dimension, and their sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM
from convscope.lenses.sheet.lettering import line_height, shortened
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.strips import BARS_HIGH, STRIP, along, bars_width, place_bars
from convscope.lenses.sheet.theme import TIMES, Colours, Numbers, Scale, count, number, scale_of
from convscope.lenses.views.sample import Sample
from convscope.lenses.views.tokens import Lines, Spot, lay_out, place_token_strips, place_tokens

if TYPE_CHECKING:
    from convscope.scope.channels.position import Position

LABEL = 200
_AROUND = 12  # tokens before and behind the window, where a text is long
_OUTSIDE = "outside"


def draw_ngram(sheet: Sheet, y: int, position: Position, sample: Sample) -> int:
    """Draws the text with its n-gram, the feature map below it, and the products of the kernel.

    Args:
        sheet: Where to.
        y: The first baseline.
        position: Of a layer with one axis of positions.
        sample: The text.

    Returns:
        The next baseline.
    """
    y = _draw_text(sheet, y, position, sample)
    return _draw_products(sheet, y, position, tokens_under(position, sample))


def tokens_under(position: Position, sample: Sample) -> list[str]:
    """What stands under each position of the kernel: a token, or words for what is none."""
    tokens = sample.row() or ()
    places = [int(place) for place in position.places[0]] if position.places else [position.at[0]]
    same = len(position.inputs) == len(sample.values)
    said = []
    for place in places:
        if place < 0:
            said.append(_OUTSIDE)
        elif not same:
            said.append(f"position {place}")
        else:
            said.append(tokens[place] if place < len(tokens) else "padding")
    return said


def _draw_text(sheet: Sheet, y: int, position: Position, sample: Sample) -> int:
    tokens = sample.row() or ()
    window = position.input_window[0] if position.input_window else (0, len(tokens))
    begin = max(window[0] - _AROUND, 0) if len(tokens) > 3 * _AROUND else 0
    end = max(window[1], begin + 1) + _AROUND if len(tokens) > 3 * _AROUND else len(tokens)
    some = tokens[begin:end]
    lines = lay_out(some, INNER - BAR_ROOM, most=4)
    sheet.text(MARGIN, y, sample.name, size=SMALL, colour=sheet.theme.muted, width=INNER / 2)
    y += 14
    plane = np.asarray(position.map, np.float64)
    aligned = len(plane) == len(sample.values)
    scale = scale_of(sheet.theme, plane[: len(tokens)] if aligned else plane)
    marked = (window[0] - begin, window[1] - begin)
    top = y
    for number_of_row, row in enumerate(lines.rows):
        y += place_tokens(sheet, (MARGIN, y), row, marked=marked) + 4
        if aligned:
            values = plane[None, begin : begin + len(some)]
            name = "map" + (f" row {number_of_row}" if number_of_row else "")
            place_token_strips(sheet, (MARGIN, y), row, values, [""], [scale], name=name)
            _ring(sheet, y, row, position.at[0] - begin)
            y += STRIP + 16
    if aligned:
        sheet.colour_bar(MARGIN + lines.width + BAR_GAP, top + 34, max(y - top - 50, 36), scale)
    y = max(y, top + 76) + 16
    seen = f"the value depends on {count(window[1] - window[0], 'token')}, outlined"
    below = f"; the strip is channel {position.channel}, {number(position.value, 4)} here" if aligned else ""
    cut = f"; tokens {begin} to {begin + len(some) - 1} of {len(tokens):,}" if len(some) < len(tokens) else ""
    sheet.text(MARGIN, y, f"{seen}{below}{cut}", size=SMALL, colour=sheet.theme.second, width=INNER)
    for note in _notes(lines):
        y += int(line_height(SMALL))
        sheet.text(MARGIN, y, note, size=SMALL, colour=sheet.theme.muted, width=INNER)
    return y + 26


def _notes(lines: Lines) -> tuple[str, ...]:
    return (lines.missing,) if lines.missing else ()


def _ring(sheet: Sheet, y: int, row: tuple[Spot, ...], at: int) -> None:
    for each in row:
        if each.number == at:
            sheet.ring(MARGIN + each.left, y, each.wide - 1, STRIP)


def _draw_products(sheet: Sheet, y: int, position: Position, said: list[str]) -> int:
    """Three strips per token: its vector, the kernel's weights, their products; and the sums as bars."""
    size, into = position.patch.shape
    text = f"For each token the {count(into, 'channel')} of what the layer takes in, from left to right."
    if position.padded.any():
        text += " Outside of the layer's input everything counts as 0."
    y = sheet.section(y, f"Vector {TIMES} weights = products", text) - 6
    parts = {"vector": position.patch, "weights": position.kernel, "products": position.products}
    scales = {
        name: scale_of(sheet.theme, part, None if name == "vector" else "diverging")
        for name, part in parts.items()
    }
    left, room = MARGIN + LABEL + 90, INNER - LABEL - 90 - 150
    for place, token in enumerate(said):
        sheet.text(MARGIN, y + 34, shortened(token, LABEL - 20, SMALL), size=SMALL, bold=False)
        for row, (name, part) in enumerate(parts.items()):
            top = y + row * (STRIP + 4)
            sheet.text(left - 12, top + 14, name, size=TINY, colour=sheet.theme.muted, across="right")
            _strip(sheet, (left, top, room), part[place], scales[name], f"{name} {place}")
        total = float(position.products[place].sum(dtype=np.float64))
        spot = (left + room + 16, y + 2 * (STRIP + 4) + 15)
        sheet.text(*spot, f"sum {number(total, 4)}", size=SMALL, width=130)
        y += 3 * (STRIP + 4) + 16
    ends = [
        f"{name} {number(scale.reach[0], 2)} to {number(scale.reach[1], 2)}" for name, scale in scales.items()
    ]
    sheet.text(MARGIN, y + 12, "  ·  ".join(["colours", *ends]), size=TINY, colour=sheet.theme.muted)
    return _draw_sums(sheet, y + 34, position, said, size)


def _draw_sums(sheet: Sheet, y: int, position: Position, said: list[str], size: int) -> int:
    if size < 2:
        return y
    y = sheet.section(y, f"Sum over {count(size, 'token')}", "What each token adds to the sum.") - 10
    sums = position.products.sum(axis=1, dtype=np.float64)
    scale: Scale = scale_of(sheet.theme, np.append(sums, 0.0), "diverging")
    room = INNER - BAR_ROOM
    labels = [shortened(token, 110, TINY) for token in said]
    wide = 140
    high = place_bars(
        sheet, (MARGIN, y, room), sums, range(size), scale, labels=labels, name="sums", widest=wide
    )
    right = MARGIN + bars_width(size, room, wide) + BAR_GAP
    sheet.colour_bar(right, y, BARS_HIGH, scale)
    return y + high + 20


def _strip(sheet: Sheet, box: tuple[int, int, int], values: Numbers, scale: Scale, name: str) -> None:
    """One row of values over a width."""
    x, y, width = box
    wide = max(width // len(values), 1) * len(values) if len(values) <= width else width
    across = along(values[None], wide)[0]
    colours: Colours = scale.colours(across)
    sheet.box(x, y, wide, STRIP, edge=sheet.theme.rule, width=0.8)
    sheet.image(x, y, np.repeat(colours, STRIP, axis=0), name=name)
    sheet.missing(x, y, ~np.isfinite(across), (1, STRIP))
