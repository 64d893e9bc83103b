"""A text with a value at each token: colored on a sheet, a page or in the terminal, or in strips of maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.kinds.text.drawing.tokens import EMPTY, lay_out, place_token_strips, place_tokens, token_values
from convscope.lenses.pages.templates import find_template
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, MapBlock, Where, scales_of
from convscope.lenses.sheet.grids import readable_on
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import LOWEST_BAR, SMALL, Sheet
from convscope.lenses.sheet.theme import DARK, LIGHT, Colors, Numbers, Scale, Theme, number, scale_of
from convscope.lenses.views.layer_maps import LayerMaps

if TYPE_CHECKING:
    from rich.text import Text

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
