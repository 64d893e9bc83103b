"""A plot of one number per channel: a frame with an upright axis, channels across in a given order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import MaxNLocator

from convscope.lenses.sheet.lettering import width_of
from convscope.lenses.sheet.sheet import TINY, Sheet
from convscope.lenses.sheet.theme import Numbers, number


@dataclass(frozen=True)
class Plot:
    """Where things are in a plot.

    Args:
        sheet: What it is drawn on.
        x: Left of the frame.
        y: Top of the frame.
        wide: Width of the frame.
        high: Height of the frame.
        low: The number at the bottom.
        top: The number at the top.
        channels: How many channels stand side by side.
    """

    sheet: Sheet
    x: int
    y: int
    wide: int
    high: int
    low: float
    top: float
    channels: int

    def down(self, values: Numbers | float) -> Numbers:
        """Where numbers are, in pixels from the top of the sheet."""
        share = (np.asarray(values, np.float64) - self.low) / ((self.top - self.low) or 1.0)
        return np.asarray(self.y + self.high * (1 - share))

    def edges(self) -> Numbers:
        """The left edges of all channels, and the right edge of the last one."""
        return np.asarray(self.x + np.arange(self.channels + 1) * self.wide / self.channels)

    def frame(self, *, percent: bool = False) -> None:
        """Draws the upright axis with thin lines across."""
        theme = self.sheet.theme
        ticks = MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.top)
        for tick in ticks:
            if not self.low <= tick <= self.top:
                continue
            place = float(self.down(tick))
            heavy = theme.muted if abs(tick) < 1e-12 else theme.rule
            self.sheet.line([self.x, self.x + self.wide], [place, place], color=heavy, width=0.5)
            shown = f"{tick:.0%}" if percent else number(0.0 if abs(tick) < 1e-12 else float(tick))
            self.sheet.text(self.x - 12, place + 6, shown, size=TINY, color=theme.muted, across="right")

    def bars(self, low: Numbers, high: Numbers, color: str, *, share: float = 0.8, name: str = "") -> None:
        """Draws one bar per channel from one number to another, all as one shape."""
        edges, pitch = self.edges()[:-1], self.wide / self.channels
        thin = pitch * share if pitch >= 6 else pitch
        left = edges + (pitch - thin) / 2
        upper, lower = self.down(np.maximum(low, high)), self.down(np.minimum(low, high))
        finite = np.isfinite(upper) & np.isfinite(lower)
        corners = [
            corner
            for x0, y0, y1 in zip(left[finite], upper[finite], lower[finite], strict=True)
            for corner in ((x0, y0), (x0 + thin, y0), (x0 + thin, y1), (x0, y1), (x0, y0))
        ]
        if not corners:
            return
        codes = [Outline.MOVETO, *[Outline.LINETO] * 3, Outline.CLOSEPOLY] * (len(corners) // 5)
        drawn = PathPatch(Outline(corners, codes), facecolor=color, edgecolor="none", linewidth=0)
        drawn.set_gid(name or None)
        self.sheet.add(drawn)

    def steps(self, values: Numbers, color: str) -> None:
        """Draws a short level line per channel, joined where they are narrow."""
        edges, places = self.edges(), self.down(values)
        if self.wide / self.channels < 4:
            self.sheet.line(list((edges[:-1] + edges[1:]) / 2), list(places), color=color, width=1.2)
            return
        for left, right, place in zip(edges[:-1], edges[1:], places, strict=True):
            inset = 0.1 * (right - left)
            self.sheet.line([left + inset, right - inset], [place, place], color=color, width=1.6)

    def names(self, names: Sequence[str]) -> None:
        """Writes the channels' names below, every second, third ... where not all fit."""
        pitch = self.wide / self.channels
        every = max(1, int(np.ceil((max(width_of(name, TINY) for name in names) + 10) / pitch)))
        for place in range(0, self.channels, every):
            middle = self.x + (place + 0.5) * pitch
            self.sheet.text(
                middle,
                self.y + self.high + 26,
                names[place],
                size=TINY,
                color=self.sheet.theme.muted,
                across="center",
            )
