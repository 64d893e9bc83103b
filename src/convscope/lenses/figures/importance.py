"""Which settings of a search mattered: bars with intervals, and what trials reached with each value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.lettering import width_of
from convscope.lenses.sheet.sheet import BODY, INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Numbers, color_bytes, find_theme, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW = 40
LEFT = 300
"""Room for the names of settings."""
PANEL = 300
"""Height of a panel."""
BETWEEN = 60
JITTER = 0.12
"""Part of the distance of two ticks by which points are moved sideways."""
ROOM = 90
"""For the numbers of an upright axis."""


@dataclass(frozen=True)
class Bar:
    """How much a setting mattered.

    Args:
        name: The setting.
        value: How much.
        low: Lower end of its interval.
        high: Upper end.
    """

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Panel:
    """What trials reached with each value of a setting.

    Args:
        name: The setting.
        ticks: Values by name, in their order.
        places: Of each trial: its place among the ticks, from 0; between two of them for a number between.
        values: Of each trial: what it reached.
        default: Of each trial: whether it has the default there, that of its architecture.
    """

    name: str
    ticks: Sequence[str]
    places: Sequence[float]
    values: Sequence[float]
    default: Sequence[bool]


def draw_importance(
    bars: Sequence[Bar],
    panels: Sequence[Panel],
    *,
    measure: str,
    title: str,
    lead: str,
    theme: str = "light",
) -> Figure:
    """Draws what mattered in a search.

    Args:
        bars: The most important first; may be empty.
        panels: Of settings that are shown by themselves.
        measure: What trials reached, in words.
        title: The heading.
        lead: Sentences below it.
        theme: `light` or `dark`.

    Returns:
        A figure of 7 inches width.
    """
    sheet = Sheet(find_theme(theme))
    y = sheet.title(title)
    y = int(sheet.paragraph(MARGIN, y, lead, INNER, lines=5, size=SMALL, color=sheet.theme.muted))
    if bars:
        y = sheet.section(
            y + 4,
            "Permutation importance of each setting",
            "Increase of the squared error on held-out trials when the setting is shuffled, as a share of the"
            " variance. Lines span the 5th to the 95th percentile of the forests; a setting whose line"
            " reaches 0 may not matter.",
        )
        y = _bars(sheet, y + 10, bars)
    if panels:
        y = sheet.section(
            y + 20,
            f"{measure[0].upper()}{measure[1:]} of each trial",
            "Orange: trials with the default. Trials differ in other settings too. Points are moved sideways"
            " a little so that equal ones can be seen.",
        )
        wide = (INNER - BETWEEN) // 2 - ROOM
        for place, panel in enumerate(panels):
            x = MARGIN + ROOM + (place % 2) * (wide + BETWEEN + ROOM)
            _panel(sheet, x, y + 20 + (place // 2) * (PANEL + 110), wide, panel)
        y += 20 + (len(panels) + 1) // 2 * (PANEL + 110)
    return sheet.finish(y + MARGIN // 2)


def _bars(sheet: Sheet, y: int, bars: Sequence[Bar]) -> int:
    """A row for each setting; returns what is below them."""
    low = min(0.0, *(each.low for each in bars))
    high = max(1e-9, *(each.high for each in bars))
    left, right = MARGIN + LEFT, MARGIN + INNER - 90

    def along(value: float) -> float:
        return left + (right - left) * (value - low) / (high - low)

    for row, each in enumerate(bars):
        middle = y + row * ROW + ROW / 2
        sheet.text(left - 14, middle + 7, each.name, across="right", width=LEFT - 20)
        start, end = sorted((along(0.0), along(each.value)))
        sheet.box(start, middle - 10, max(end - start, 1.0), 20, fill=sheet.theme.first, name=each.name)
        ends = [along(each.low), along(each.high)]
        sheet.line(ends, [middle, middle], color=sheet.theme.ink, width=1.2)
        shown = number(round(each.value, 3) + 0.0, 2)
        sheet.text(right + 14, middle + 7, shown, size=SMALL, color=sheet.theme.muted)
    bottom = y + len(bars) * ROW
    sheet.line([along(0.0)] * 2, [y, bottom], color=sheet.theme.muted, width=0.8)
    sheet.text(along(0.0), bottom + 22, "0", size=TINY, color=sheet.theme.muted, across="center")
    return bottom + 24


def _panel(sheet: Sheet, x: int, y: int, wide: int, panel: Panel) -> None:
    values = np.asarray(panel.values, np.float64)
    low, high = float(values.min()), float(values.max())
    sheet.text(x, y - 6, panel.name, size=BODY, bold=True, width=wide)
    sheet.box(x, y, wide, PANEL, edge=sheet.theme.rule)
    pitch = wide / len(panel.ticks)
    moved = np.random.default_rng(0).uniform(-JITTER, JITTER, len(values))
    places = np.clip(np.asarray(panel.places) + moved, -0.4, len(panel.ticks) - 0.6)
    spots = np.column_stack([x + pitch * (places + 0.5), _down(values, low, high, y)])
    usual = np.asarray(panel.default, bool)
    for chosen, color in ((~usual, sheet.theme.first), (usual, sheet.theme.second)):
        if chosen.any():
            sheet.dots(spots[chosen], color_bytes(color), 9, edge=sheet.theme.ground)
    for value in dict.fromkeys((low, high)):
        place = float(_down(np.array([value]), low, high, y)[0])
        sheet.text(x - 12, place + 6, number(value, 4), size=TINY, color=sheet.theme.muted, across="right")
    every = max(1, int(np.ceil((max(width_of(tick, TINY) for tick in panel.ticks) + 14) / pitch)))
    for place, tick in list(enumerate(panel.ticks))[::every]:
        middle = x + pitch * (place + 0.5)
        sheet.text(middle, y + PANEL + 24, tick, size=TINY, color=sheet.theme.muted, across="center")


def _down(values: Numbers, low: float, high: float, y: int) -> Numbers:
    """Where values are in a panel, in pixels from the top of the sheet."""
    share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    return np.asarray(y + PANEL - 24 - share * (PANEL - 48))
