"""A text with a value at each token, in rows or on one line: on a sheet, a page or in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.kinds.text.drawing.tokens import (
    EMPTY,
    Spot,
    lay_out,
    place_token_strips,
    place_tokens,
    token_values,
    written_token,
)
from convscope.lenses.pages.templates import find_template
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, MapBlock, Where, scales_of
from convscope.lenses.sheet.grids import readable_on
from convscope.lenses.sheet.lettering import line_height, runs_right_to_left, width_of
from convscope.lenses.sheet.sheet import INNER, LOWEST_BAR, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.strips import STRIP
from convscope.lenses.sheet.theme import DARK, LIGHT, Colors, Numbers, Scale, Theme, count, number, scale_of
from convscope.lenses.views.layer_maps import LayerMaps

if TYPE_CHECKING:
    from rich.text import Text

    from convscope.scope.channels.position import Position

LABEL = 60
STRIP_ROWS = 6
ROW_GAP = 22
_TALLEST_STRIP_BAR = 300
_MANY = 48  # strips in all, beyond which they are drawn lower
ROWS = 14
LONGEST = 2000
"""Tokens on a page or in the terminal; those behind them are left out."""
_JOINERS = "\u200c\u200d"
_FAINT = 0.04  # share of the strongest below which the terminal leaves a token as it is
_AROUND = 12  # tokens before and behind the window, where a text is long
_SPACE = 12
_LONGEST = 240


def text_scale(theme: Theme, values: Numbers) -> Scale:
    """The colors of tokens: those of nothing are those of the ground, whether there are signs or not."""
    return scale_of(theme, np.append(np.asarray(values, np.float64), 0.0), "diverging")


def place_colored(sheet: Sheet, spot: tuple[int, int, int], tokens: Sequence[str], values: Numbers) -> int:
    """Places a text with a color behind each token, and the color bar.

    Args:
        sheet: Where to.
        spot: x, y and width, the color bar included.
        tokens: The text.
        values: One number for each token.

    Returns:
        The height.
    """
    x, y, width = spot
    scale = text_scale(sheet.theme, values)
    lines = lay_out(tokens, width - BAR_ROOM, most=ROWS)
    ground = scale.colors(values)
    top = y
    for row in lines.rows:
        y += place_tokens(sheet, (x, y), row, ground=ground) + 6
        for each in row:
            if not np.isfinite(values[each.number]):
                sheet.missing(x + each.left, y - 8, np.ones((1, 1), bool), (each.wide - 1, 5))
    high = max(y - 6 - top, LOWEST_BAR)
    sheet.color_bar(x + lines.width + BAR_GAP, top, min(high, 160), scale)
    for note in lines.notes:
        high += int(line_height(SMALL))
        sheet.text(x, top + high + 8, note, size=SMALL, color=sheet.theme.muted, width=width)
    return high


def as_html(tokens: Sequence[str], values: Numbers, heading: str, lines: Sequence[str] = ()) -> str:
    """A text for a page, its tokens colored for light and for dark screens; everything is escaped.

    Args:
        tokens: The text.
        values: One number for each token.
        heading: What stands above it, such as the method.
        lines: What stands below the heading.

    Returns:
        An element of HTML that takes its direction from the text.
    """
    shown = np.asarray(values, np.float64)[: min(len(tokens), LONGEST)]
    light, dark = (text_scale(theme, shown) for theme in (LIGHT, DARK))
    content = [
        {
            "text": token if token.strip() else EMPTY,
            "value": number(float(value)),
            "style": _style(light.colors(value), dark.colors(value)),
        }
        for token, value in zip(tokens, shown, strict=False)
    ]
    ends = (float(np.nanmin(shown, initial=0.0)), float(np.nanmax(shown, initial=0.0)))
    template = find_template("colored_tokens.html.j2")
    more = max(len(tokens) - LONGEST, 0)
    return template.render(
        heading=heading, lines=lines, tokens=content, more=more, low=number(ends[0]), high=number(ends[1])
    )


def as_terminal(tokens: Sequence[str], values: Numbers, *, theme: str = "light") -> Text:
    """A text for the terminal, a color behind each token that matters.

    Args:
        tokens: The text.
        values: One number for each token; values of padding behind them are left out.
        theme: `light` or `dark`: which colors.

    Returns:
        A line of Rich, which the terminal wraps.

    Example:
        >>> as_terminal(("not", "bad"), np.array([0.5, -1.0])).plain
        ' not  bad '
    """
    from rich.text import Text

    shown = np.asarray(values, np.float64)[: min(len(tokens), LONGEST)]
    scale = text_scale(DARK if theme == "dark" else LIGHT, shown)
    strongest = max(map(abs, scale.reach)) or 1.0
    made = Text()
    for token, value in zip(tokens, shown, strict=False):
        written = "".join(each if each.isprintable() or each in _JOINERS else EMPTY for each in token)
        written = written if written.strip() else EMPTY
        color = scale.colors(value)
        plain = np.isfinite(value) and abs(value) < _FAINT * strongest
        style = "" if plain else f"{readable_on(color)} on #{bytes(color[:3]).hex()}"
        made.append(f" {written} ", style=style)
    if len(tokens) > LONGEST:
        made.append(f" and {len(tokens) - LONGEST:,} more", style="dim")
    return made


def _style(light: Colors, dark: Colors) -> str:
    """The colors of one token as CSS properties."""
    names = (("--l", light), ("--d", dark))
    return ";".join(f"{name}:#{bytes(c[:3]).hex()};{name}i:{readable_on(c)}" for name, c in names)


def at_tokens(layer: LayerMaps, tokens: int, length: int) -> Numbers:
    """The values of a layer's maps at the tokens of a text; padding behind them is left out.

    Args:
        layer: Maps over (positions,).
        tokens: How many tokens the text has, at least 1.
        length: How many positions the model's input has, padding included.

    Returns:
        (channels, tokens).
    """
    step = None if not layer.stride else layer.stride[0]
    positions = np.shape(layer.maps)[0]
    length = round(positions * (step or 1)) if layer.over else length
    extent = (0.0, 1.0)
    if step is not None:
        covered = min(1.0, positions * step / length)
        extent = ((1 - covered) / 2, (1 + covered) / 2)
    return token_values(np.asarray(layer.maps).T, tokens, length, extent)


def place_token_maps(
    sheet: Sheet,
    where: Where,
    tokens: Sequence[str],
    values: Numbers,
    channels: list[int],
    *,
    scale: str,
    name: str,
    shared: Scale | None = None,
) -> MapBlock:
    """Places the chosen maps below the tokens, a row of the text after the other, and their color bar.

    Args:
        sheet: Where to.
        where: x, y and width, the labels at the left and the color bar included.
        tokens: The text.
        values: (channels, tokens), all channels.
        channels: Which of them.
        scale: `layer`: one scale and a bar; `map`: one for each.
        name: The layer's path.
        shared: The colors of all maps, where they are those of other texts too.

    Returns:
        Where it is, and notes.
    """
    x, y, width = where
    left, room = x + LABEL, width - LABEL - BAR_ROOM
    lines = lay_out(tokens, room, most=STRIP_ROWS)
    strip = 18 if len(lines.rows) * len(channels) <= _MANY else 13
    chosen = values[channels]
    scales = scales_of(sheet, chosen, scale) if shared is None else [shared] * len(chosen)
    top = y
    labels = [str(each) for each in channels]
    for row_number, row in enumerate(lines.rows):
        y += place_tokens(sheet, (left, y), row) + 2
        named = f"maps {name}" + (f" row {row_number}" if row_number else "")
        y += place_token_strips(sheet, (left, y), row, chosen, labels, scales, strip=strip, name=named)
        y += ROW_GAP
    bottom = max(y - ROW_GAP, top + LOWEST_BAR)
    notes = list(lines.notes)
    if scale == "layer":
        high = min(bottom - top - 34, _TALLEST_STRIP_BAR)
        sheet.color_bar(left + lines.width + BAR_GAP, top + 34, high, scales[0])
    else:
        notes.append("each map on its own scale")
    return MapBlock(top, bottom, tuple(notes), x, width)


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
