"""Tokens of a text on a single line: around those that are marked, and as n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.kinds.text.drawing.tokens import Spot, lay_out, place_token_strips, place_tokens, written_token
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM
from convscope.lenses.sheet.lettering import line_height, runs_right_to_left, width_of
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.strips import STRIP
from convscope.lenses.sheet.theme import count, number, scale_of

if TYPE_CHECKING:
    from convscope.scope.channels.position import Position

_AROUND = 12  # tokens before and behind the window, where a text is long


def place_ngram(
    sheet: Sheet, y: int, tokens: Sequence[str], position: Position, *, length: int, name: str
) -> int:
    """Draws the text with the n-gram outlined, and below it the feature map where that has its positions.

    Args:
        sheet: Where to.
        y: The first baseline.
        tokens: The text.
        position: Of any layer.
        length: How many positions the model's input has, padding included.
        name: What the text is called.

    Returns:
        The next baseline.
    """
    window = position.input_window[0] if position.input_window else (0, len(tokens))
    begin = max(window[0] - _AROUND, 0) if len(tokens) > 3 * _AROUND else 0
    end = max(window[1], begin + 1) + _AROUND if len(tokens) > 3 * _AROUND else len(tokens)
    some = tokens[begin:end]
    lines = lay_out(some, INNER - BAR_ROOM, most=4)
    sheet.text(MARGIN, y, name, size=SMALL, color=sheet.theme.muted, width=INNER / 2)
    y += 14
    plane = np.asarray(position.map, np.float64)
    aligned = plane.ndim == 1 and len(plane) == length
    scale = scale_of(sheet.theme, plane[: len(tokens)] if aligned else plane)
    top = y
    for number_of_row, row in enumerate(lines.rows):
        y += place_tokens(sheet, (MARGIN, y), row, marked=(window[0] - begin, window[1] - begin)) + 4
        if aligned:
            values = plane[None, begin : begin + len(some)]
            named = "map" + (f" row {number_of_row}" if number_of_row else "")
            place_token_strips(sheet, (MARGIN, y), row, values, [""], [scale], name=named)
            _ring(sheet, y, row, position.at[0] - begin)
            y += STRIP + 16
    if aligned:
        sheet.color_bar(MARGIN + lines.width + BAR_GAP, top + 34, max(y - top - 50, 36), scale)
    y = max(y, top + 76) + 16
    seen = f"the value depends on {count(window[1] - window[0], 'token')}, outlined"
    below = f"; the strip is channel {position.channel}, {number(position.value, 4)} here" if aligned else ""
    cut = f"; tokens {begin} to {begin + len(some) - 1} of {len(tokens):,}" if len(some) < len(tokens) else ""
    sheet.text(MARGIN, y, f"{seen}{below}{cut}", size=SMALL, color=sheet.theme.second, width=INNER)
    if lines.missing:
        y += int(line_height(SMALL))
        sheet.text(MARGIN, y, lines.missing, size=SMALL, color=sheet.theme.muted, width=INNER)
    return y + 26


def _ring(sheet: Sheet, y: int, row: Sequence[Spot], at: int) -> None:
    for each in row:
        if each.number == at:
            sheet.ring(MARGIN + each.left, y, each.wide - 1, STRIP)


_SPACE = 12
_LONGEST = 240


def place_words(
    sheet: Sheet,
    spot: tuple[float, float, float],
    tokens: Sequence[str],
    marked: tuple[int, int] | None = None,
    *,
    size: float = SMALL,
) -> None:
    """Writes as much of a text as fits on one line, around the marked tokens, which are outlined.

    Args:
        sheet: Where to.
        spot: x, the baseline and the width.
        tokens: The text.
        marked: Numbers of the first marked token and of the one behind the last; None: from the front on.
        size: Of the letters, in points.
    """
    x, baseline, width = spot
    backwards = runs_right_to_left("".join(tokens))
    first, behind = marked if marked is not None and marked[0] < marked[1] else (0, 0)
    shown = {
        i: written_token(tokens[i], _LONGEST, size, backwards) for i in range(first, min(behind, len(tokens)))
    }
    used = sum(width_of(each, size) + _SPACE for each in shown.values())
    before, after = first - 1, behind
    while before >= 0 or after < len(tokens):
        added = False
        for i in (before, after):
            if 0 <= i < len(tokens) and i not in shown:
                text = written_token(tokens[i], _LONGEST, size, backwards)
                more = width_of(text, size) + _SPACE
                if used + more <= width - 2 * _SPACE:
                    shown[i], used, added = text, used + more, True
        before, after = before - 1, after + 1
        if not added:
            break
    _write(sheet, (x, baseline), shown, (first, behind), size, backwards)


def _write(
    sheet: Sheet,
    spot: tuple[float, float],
    shown: dict[int, str],
    marked: tuple[int, int],
    size: float,
    backwards: bool,
) -> None:
    x, baseline = spot
    edges: list[float] = []
    plain = marked[0] == marked[1]
    for i in sorted(shown, reverse=backwards):
        wide = width_of(shown[i], size)
        inside = marked[0] <= i < marked[1]
        if inside:
            edges += [x, x + wide]
        sheet.text(x, baseline, shown[i], size=size, color=None if inside or plain else sheet.theme.muted)
        x += wide + _SPACE
    if edges:
        high = line_height(size)
        sheet.ring(min(edges) - 5, baseline - high + 8, max(edges) - min(edges) + 10, high)
