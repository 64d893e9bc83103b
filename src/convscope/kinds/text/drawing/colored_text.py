"""Text whose tokens are colored by a number each: on a sheet, on a page, and in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.kinds.text.drawing.tokens import EMPTY, lay_out, place_tokens
from convscope.lenses.pages.templates import find_template
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM
from convscope.lenses.sheet.grids import readable_on
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import LOWEST_BAR, SMALL, Sheet
from convscope.lenses.sheet.theme import DARK, LIGHT, Colors, Numbers, Scale, Theme, number, scale_of

if TYPE_CHECKING:
    from rich.text import Text

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
