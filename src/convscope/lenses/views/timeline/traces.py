"""Lines of a series on a sheet: every point where there is room, else the range under each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convscope.lenses.sheet.lettering import shortened
from convscope.lenses.sheet.sheet import TINY, Sheet
from convscope.lenses.sheet.theme import Numbers, mixed, number
from convscope.lenses.views.timeline.timeline import Timeline, runs

INSET = 6
"""Room between a line and its frame."""
_DENSE = 2  # positions per pixel from which on ranges are drawn
_DOTTED = 40  # pixels between positions from which on each has a mark
_PADDED = 0.45


@dataclass(frozen=True)
class Trace:
    """A frame with an upright scale, in which a variable is drawn over time.

    Args:
        timeline: Where positions are.
        y: Upper edge of the frame.
        high: Its height.
        low: The number at the bottom.
        top: The number at the top.
    """

    timeline: Timeline
    y: float
    high: int
    low: float
    top: float

    @classmethod
    def of(cls, timeline: Timeline, y: float, high: int, values: Numbers) -> Trace:
        """A frame that just holds the finite values that are shown."""
        shown = np.asarray(values)[timeline.first : timeline.behind]
        finite = shown[np.isfinite(shown)]
        low, top = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        return cls(timeline, y, high, low, top)

    def down(self, values: Numbers | float) -> Numbers:
        """Where numbers are, in pixels from the top of the sheet; a constant lies in the middle."""
        room = self.high - 2 * INSET
        if self.top == self.low:
            return np.full(np.shape(values), self.y + self.high / 2)
        share = (np.asarray(values, np.float64) - self.low) / (self.top - self.low)
        return np.asarray(self.y + INSET + (1 - share) * room)

    def frame(self, sheet: Sheet, *, zero: bool = True) -> None:
        """Draws the frame, what is padding, and the line of 0 where that lies within."""
        theme, timeline = sheet.theme, self.timeline
        for first, behind in padded(timeline):
            begin, end = timeline.edges(first, behind)
            if end > begin:
                fill = mixed(theme.rule, theme.ground, _PADDED)
                sheet.box(begin, self.y, end - begin, self.high, fill=fill, width=0, name="padding")
        if zero and self.low < 0 < self.top:
            place = float(self.down(0.0))
            right = timeline.left + timeline.wide
            sheet.line([timeline.left, right], [place, place], color=theme.rule, width=0.5)
        sheet.box(timeline.left, self.y, timeline.wide, self.high, edge=theme.rule, width=0.8)

    def numbers(self, sheet: Sheet, name: str = "", *, room: int = 100, color: str | None = None) -> None:
        """Writes the ends of the scale at the right, and the name of the variable between them."""
        x, muted = self.timeline.left + self.timeline.wide + 9, sheet.theme.muted
        middle = self.y + self.high / 2 + 6
        if self.top == self.low:
            sheet.text(x, middle, number(self.low), size=TINY, color=muted)
            return
        sheet.text(x, self.y + 15, number(self.top), size=TINY, color=muted)
        sheet.text(x, self.y + self.high - 3, number(self.low), size=TINY, color=muted)
        if name and self.high >= 48:
            sheet.text(x, middle, shortened(name, room, TINY), size=TINY, color=color)

    def draw(
        self,
        sheet: Sheet,
        values: Numbers,
        *,
        color: str | None = None,
        width: float = 0.9,
        halo: bool = False,
    ) -> None:
        """Draws a variable, (length,); what is missing breaks the line and is hatched."""
        timeline = self.timeline
        shown = np.asarray(values, np.float64)[timeline.first : timeline.behind]
        xs, ys, gaps = _points(timeline, shown)
        down = self.down(ys)
        color = color or sheet.theme.first
        if halo:
            sheet.line(list(xs), list(down), color=sheet.theme.ground, width=width + 1.4)
        sheet.line(list(xs), list(down), color=color, width=width)
        alone = np.isfinite(ys) & ~_joined(ys)
        apart = timeline.wide / max(timeline.behind - timeline.first, 1)
        marked = np.isfinite(ys) if apart >= _DOTTED else alone
        for x, place in zip(xs[marked], down[marked], strict=True):
            sheet.box(x - 2.5, place - 2.5, 5, 5, fill=color, width=0)
        for begin, end in gaps:
            left, right = timeline.edges(begin, end)
            if right > left:
                sheet.missing(left, self.y + 1, np.ones((1, 1), bool), (max(right - left, 1), self.high - 2))


def padded(timeline: Timeline) -> list[tuple[int, int]]:
    """The positions at the two ends that are padding."""
    before, after = timeline.axis.filled
    ends = ((0, before), (timeline.length - after, timeline.length))
    return [(first, behind) for first, behind in ends if behind > first]


def _points(timeline: Timeline, shown: Numbers) -> tuple[Numbers, Numbers, list[tuple[int, int]]]:
    """The corners of a line, and which positions have no finite value.

    Of a long series the smallest and the largest value under each pixel, so that no spike is lost and a fast
    oscillation is drawn as the band that it fills instead of a slower one that is not there.
    """
    finite = np.isfinite(shown)
    gaps = [(first + timeline.first, behind + timeline.first) for first, behind in runs(~finite)]
    count = len(shown)
    if count <= _DENSE * timeline.wide:
        xs = timeline.across(np.arange(timeline.first, timeline.first + count))
        return xs, np.where(finite, shown, np.nan), gaps
    pixels = timeline.left + np.arange(timeline.wide)
    places = np.floor(timeline.positions(pixels) + 0.5).astype(np.int64) - timeline.first
    starts = np.clip(places, 0, count - 1)
    lowest = np.minimum.reduceat(np.where(finite, shown, np.inf), starts)
    highest = np.maximum.reduceat(np.where(finite, shown, -np.inf), starts)
    known = np.isfinite(lowest) & np.isfinite(highest)
    ends = np.stack([np.where(known, lowest, np.nan), np.where(known, highest, np.nan)], axis=1)
    ends[1::2] = ends[1::2, ::-1]  # down one pixel and up the next, so that neighbors join
    return np.repeat(pixels + 0.5, 2), ends.ravel(), gaps


def _joined(values: Numbers) -> np.ndarray:
    """Which points have a neighbor that a line leads to."""
    finite = np.isfinite(values)
    around = np.pad(finite, 1)
    return np.asarray(finite & (around[:-2] | around[2:]))
