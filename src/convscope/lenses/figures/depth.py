"""A figure for each layer from the input to the output, with its interval: where a network gets to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from convscope.lenses.sheet.lettering import width_of
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import find_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PITCH = 38
"""Height of a layer's line."""
_MOST_NAME = 460
_FIGURE = 190


@dataclass(frozen=True)
class Level:
    """What one layer reaches.

    Args:
        name: Its path.
        value: A share, from 0 to 1.
        low: Lower end of its interval.
        high: Upper end.
        note: A few words on it.
        first: Whether it is the layer to point at.
    """

    name: str
    value: float
    low: float
    high: float
    note: str = ""
    first: bool = False


def draw_depth(
    levels: Sequence[Level],
    lines: Sequence[tuple[str, float]] = (),
    *,
    theme: str = "light",
    title: str = "",
    lead: str = "",
    what: str = "accuracy",
    noted: str = "",
) -> Figure:
    """Draws layers from top to bottom, each with a dot for its share and a line for its interval.

    Args:
        levels: The layers, the first one at the top.
        lines: Shares to compare with, by name: upright lines.
        theme: `light` or `dark`.
        title: The heading.
        lead: A line below it.
        what: What the shares are.
        noted: What the notes are.

    Returns:
        A figure of 7 inches width.
    """
    sheet = Sheet(find_theme(theme))
    colors = sheet.theme
    y = sheet.title(title)
    if lead:
        y = int(sheet.paragraph(MARGIN, y, lead, INNER, size=SMALL, color=colors.muted))
    wanted = max(width_of(each.name, SMALL) for each in levels) + 24
    left = MARGIN + int(min(wanted, _MOST_NAME))
    wide = MARGIN + INNER - _FIGURE - left
    low, top, ticks = _reach(
        [share for each in levels for share in (each.low, each.high)] + [v for _, v in lines]
    )

    def across(share: float) -> float:
        return left + wide * (share - low) / (top - low)

    y = _name_lines(sheet, y + 6, lines, across, left + wide)
    right = MARGIN + INNER
    sheet.text(right - _FIGURE + 16, y - 14, what.partition(" ")[0], size=TINY, color=colors.muted)
    sheet.text(right, y - 14, noted, size=TINY, color=colors.muted, across="right", width=94)
    begin, end = y, y + PITCH * len(levels) + 8
    for tick in ticks:
        sheet.line([across(tick)] * 2, [begin, end], color=colors.rule, width=0.5)
        sheet.text(across(tick), end + 24, f"{tick:.0%}", size=TINY, color=colors.muted, across="center")
    for (_, share), color in zip(lines, (colors.muted, colors.ink), strict=False):
        sheet.line([across(share)] * 2, [begin - 6, end], color=color, width=1.0)
    middles = [y + PITCH * (place + 0.5) + 4 for place in range(len(levels))]
    sheet.line([across(each.value) for each in levels], middles, color=colors.rule, width=0.8)
    for each, middle in zip(levels, middles, strict=True):
        color = colors.second if each.first else colors.first
        sheet.text(left - 20, middle + 7, each.name, size=SMALL, width=left - MARGIN - 20, across="right")
        sheet.line([across(each.low), across(each.high)], [middle] * 2, color=color, width=1.4)
        dot = 11
        sheet.box(
            across(each.value) - dot / 2, middle - dot / 2, dot, dot, fill=color, name=f"dot {each.name}"
        )
        sheet.text(right - _FIGURE + 16, middle + 7, f"{each.value:.1%}", size=SMALL, bold=each.first)
        sheet.text(right, middle + 7, each.note, size=TINY, color=colors.muted, across="right", width=94)
    sheet.text(left + wide / 2, end + 50, what, size=SMALL, color=colors.muted, across="center")
    return sheet.finish(end + 62 + MARGIN // 2)


def _reach(shares: Sequence[float]) -> tuple[float, float, list[float]]:
    """Ends of the axis and its ticks, within 0 to 1."""
    low, top = min(shares), max(shares)
    if top - low < 0.02:
        low, top = max(0.0, low - 0.05), min(1.0, top + 0.05)
    found = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, top)
    ticks = [float(tick) for tick in found if -1e-9 <= tick <= 1 + 1e-9]
    return max(0.0, float(found[0])), min(1.0, float(found[-1])), ticks


def _name_lines(
    sheet: Sheet, y: int, lines: Sequence[tuple[str, float]], across: Callable[[float], float], right: float
) -> int:
    """Names of the upright lines above the plot, a row for each; returns where the plot begins."""
    for (name, share), color in zip(lines, (sheet.theme.muted, sheet.theme.ink), strict=False):
        text = f"{name}, {share:.1%}"
        wide = width_of(text, TINY)
        place = min(max(across(share), MARGIN + wide / 2), right - wide / 2)
        sheet.text(place, y + 14, text, size=TINY, color=color, across="center")
        y += 24
    return y + 8
