"""Where the positions of a series are across a sheet: in time where times are known, else by their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import dates
from matplotlib.ticker import MaxNLocator

from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import TINY, Sheet
from convscope.lenses.sheet.theme import MINUS, Numbers, number
from convscope.types import Axis

_DATES: Any = dates  # has no types
_SYMBOL = 3  # letters of a unit, with the space before it, up to which it has no plural
_NAMES = {"s": "seconds", "step": "position"}
_DATE_FORMATS = ("%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%S.%f")
_FIRST_FORMATS = ("", "%Y", "%m-%d", "%m-%d", "%H:%M", "%H:%M")
"""How years, months, days, hours, minutes and seconds are written, and the first of each."""


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: its place in pixels, and what is written there."""

    place: float
    text: str


class Timeline:
    """From positions of a series to pixels of a sheet, and back.

    Positions stand where their times are; each covers the room of one step around it.

    Args:
        length: How many positions the series has.
        left: The pixel where it begins.
        wide: Its width in pixels.
        axis: When positions are; None: they are counted.
        first: The first position shown.
        behind: The one behind the last; None: all are shown.
    """

    def __init__(
        self,
        length: int,
        left: float,
        wide: int,
        axis: Axis | None = None,
        first: int = 0,
        behind: int | None = None,
    ) -> None:
        self.length, self.left, self.wide = length, left, wide
        self.axis = _usable(axis or Axis())
        self.first = first
        self.behind = max(length if behind is None else behind, first + 1)
        self._at = _numbers(self.axis, length)
        self._origin = np.datetime64(0, "ns") if not self.dated else _first_time(self.axis)
        self.step = _step(self._at)
        self._low = float(self._place(first)) - self.step / 2
        self._high = float(self._place(self.behind - 1)) + self.step / 2

    @property
    def dated(self) -> bool:
        """Whether positions have times of a calendar."""
        return self.axis.places is not None and self.axis.places.dtype.kind == "M"

    @property
    def counted(self) -> bool:
        """Whether positions have nothing but their number."""
        return self.axis.places is None

    def across(self, positions: Numbers | float) -> Numbers:
        """Pixels of the middles of positions, which may lie between whole numbers."""
        share = (self._place(positions) - self._low) / (self._high - self._low)
        return np.asarray(self.left + share * self.wide)

    def edges(self, first: float, behind: float) -> tuple[float, float]:
        """Pixels where a range of positions begins and ends, cut at the ends of what is shown."""
        begin, end = (float(self.across(place - 0.5)) for place in (first, behind))
        right = self.left + self.wide
        return min(max(begin, self.left), right), min(max(end, self.left), right)

    def positions(self, pixels: Numbers) -> Numbers:
        """Positions, with fractions, that lie under pixels."""
        share = (np.asarray(pixels, np.float64) - self.left) / self.wide
        return self._position(self._low + share * (self._high - self._low))

    def spread(self, values: Numbers, centers: Numbers) -> tuple[Numbers, npt.NDArray[np.bool_]]:
        """Values of a map on the pixels of the series below which it stands.

        Each pixel takes the value whose center is nearest; where several lie on one pixel, their mean.

        Args:
            values: (rows, positions of the map).
            centers: The position in the series of each, rising.

        Returns:
            (rows, pixels), and which pixels a position of the map lies on, (pixels,).
        """
        count = values.shape[1]
        rising = np.asarray(centers, np.float64) + np.arange(count) * 1e-9
        pixels = self.left + np.arange(self.wide + 1)
        places = _index(self.positions(pixels), rising)
        starts = np.clip(np.floor(places[:-1] + 0.5), 0, count - 1).astype(np.int64)
        ends = np.clip(np.ceil(places[1:] - 0.5), 1, count).astype(np.int64)
        middle = _index(self.positions(pixels[:-1] + 0.5), rising)
        there = (middle >= -0.5 - 1e-6) & (middle <= count - 0.5 + 1e-6)
        wanted = np.clip(np.rint(middle), 0, count - 1).astype(np.int64)
        crowded = ends - starts > 1
        drawn = np.asarray(values, np.float64)[:, wanted]
        for pixel in np.flatnonzero(crowded & there):
            drawn[:, pixel] = values[:, starts[pixel] : ends[pixel]].mean(axis=1, dtype=np.float64)
        return drawn, np.asarray(there)

    def crowding(self, centers: Numbers) -> int:
        """How many positions of a map lie on one pixel, at most."""
        if len(centers) < 2:
            return 1
        return max(1, int(np.ceil(1 / max(np.diff(self.across(np.asarray(centers))).max(), 1e-9))))

    def ticks(self) -> tuple[list[Tick], str]:
        """The marks of the axis, and what they count."""
        most = max(2, self.wide // 130)
        if self.dated:
            return self._dates(max(3, self.wide // 100))
        whole = bool((self._at == np.rint(self._at)).all())
        locator = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10], integer=whole)
        found = [float(each) for each in locator.tick_values(self._low, self._high)]
        marks = [each for each in found if self._low <= each <= self._high and not (whole and each % 1)]
        ticks = [Tick(self._pixel(each), _written(each)) for each in marks]
        return ticks, "" if self.counted else _NAMES.get(self.axis.unit, self.axis.unit)

    def when(self, position: float) -> str:
        """The time or the number of a position, in words."""
        at = float(self._place(position))
        if self.dated:
            return str(self._moment(at).astype(f"datetime64[{_precision(self.step)}]")).replace("T", " ")
        if self.counted:
            return f"{round(at):,}"
        return f"{number(at, 4)} {self.axis.unit}".strip()

    def during(self, first: int, behind: int) -> str:
        """A range of positions in words, in times where they are known."""
        unit = "" if self.dated or self.counted else f" {self.axis.unit}".rstrip()
        begin, end = (self.when(place).removesuffix(unit) for place in (first, max(behind - 1, first)))
        if begin == end:
            return f"{begin}{unit}"
        day, _, time = end.partition(" ")
        whole_words = "s" if len(unit) > _SYMBOL else ""
        end = time if self.dated and time and begin.startswith(day) else end
        return f"{begin} to {end}{unit}{whole_words}"

    def _dates(self, most: int) -> tuple[list[Tick], str]:
        low, high = (float(_DATES.date2num(self._moment(at))) for at in (self._low, self._high))
        locator = _DATES.AutoDateLocator(minticks=min(4, most - 1), maxticks=most)
        found = locator.tick_values(_DATES.num2date(low), _DATES.num2date(high))
        marks = [float(each) for each in found if low <= each <= high]
        formatter = _DATES.ConciseDateFormatter(
            locator, formats=list(_DATE_FORMATS), zero_formats=list(_FIRST_FORMATS), show_offset=False
        )
        said: list[str] = formatter.format_ticks(marks) if marks else []
        origin = float(_DATES.date2num(self._origin))
        ticks = [
            Tick(self._pixel((at - origin) * 86_400), text) for at, text in zip(marks, said, strict=True)
        ]
        ends = (self._place(self.first), self._place(self.behind - 1))
        days = {str(self._moment(float(at)).astype("datetime64[D]")) for at in ends}
        years = {day[:4] for day in days}
        written = all(len(text) >= 4 and text[:4] in years for text in said)
        around = days.pop() if len(days) == 1 else years.pop() if len(years) == 1 and not written else ""
        return ticks, f"{around} UTC".strip()

    def _moment(self, at: float) -> np.datetime64:
        """When a number of seconds since the first time is."""
        return self._origin + np.timedelta64(round(at * 1e9), "ns")

    def _pixel(self, at: float) -> float:
        return self.left + (at - self._low) / (self._high - self._low) * self.wide

    def _place(self, positions: Numbers | float) -> Numbers:
        """Numbers on the axis of positions; beyond the ends step by step."""
        wanted = np.asarray(positions, np.float64)
        inside = np.interp(wanted, np.arange(self.length), self._at)
        return np.asarray(inside + (wanted - np.clip(wanted, 0, self.length - 1)) * self.step)

    def _position(self, at: Numbers) -> Numbers:
        inside = np.interp(at, self._at, np.arange(self.length))
        return np.asarray(inside + (at - np.clip(at, self._at[0], self._at[-1])) / self.step)


def place_axis(sheet: Sheet, timeline: Timeline, y: float, *, caption: bool = True, beside: int = 100) -> int:
    """Draws the numbers, times or dates below a series; returns the height.

    Args:
        sheet: Where to.
        timeline: Where positions are.
        y: The lower edge of what it stands below.
        caption: Whether it is said what they count.
        beside: Room for that right of the series; where it is too narrow it is said in a line of its own.
    """
    muted = sheet.theme.muted
    ticks, said = timeline.ticks()
    baseline = y + 8 + line_height(TINY) - 4
    right = timeline.left + timeline.wide
    free = -np.inf
    for tick in ticks:
        sheet.line([tick.place, tick.place], [y, y + 6], color=muted, width=0.6)
        half = width_of(tick.text, TINY) / 2
        middle = min(max(tick.place, timeline.left + half - 20), right - half + 20)
        if middle - half > free + 10:
            sheet.text(middle, baseline, tick.text, size=TINY, color=muted, across="center")
            free = middle + half
    if not caption or not said:
        return int(baseline - y) + 6
    place = max(free + 24, right + 10)
    if place + width_of(said, TINY) <= right + beside:
        sheet.text(place, baseline, said, size=TINY, color=muted)
        return int(baseline - y) + 6
    sheet.text(right, baseline + line_height(TINY), said, size=TINY, color=muted, across="right")
    return int(baseline + line_height(TINY) - y) + 6


def _written(tick: float) -> str:
    """The number of a tick."""
    if tick == round(tick) and abs(tick) < 1e9:
        return f"{round(tick):,}".replace("-", MINUS)
    return number(tick, 4)


def _usable(axis: Axis) -> Axis:
    """The axis, without its places where these are none or not all known."""
    places = axis.places
    if places is None:
        return axis
    known = not np.isnat(places).any() if places.dtype.kind == "M" else np.isfinite(places).all()
    return axis if len(places) and known else replace(axis, places=None)


def _numbers(axis: Axis, length: int) -> Numbers:
    """A number for each position, rising: seconds since the first time, numbers as given, or counted."""
    places = axis.places
    if places is None:
        return np.arange(length, dtype=np.float64)
    if places.dtype.kind == "M":
        nanoseconds = (places.astype("datetime64[ns]") - places[0].astype("datetime64[ns]")).astype(np.int64)
        at: Numbers = nanoseconds / 1e9
    else:
        at = np.asarray(places, np.float64)
    if len(at) < length:  # what lies behind them is padding, step by step
        at = np.concatenate([at, at[-1] + _step(at) * np.arange(1, length - len(at) + 1)])
    return np.asarray(np.maximum.accumulate(at[:length]))


def _first_time(axis: Axis) -> np.datetime64:
    """When the first position is, to the nanosecond."""
    return np.datetime64(np.asarray(axis.places, "datetime64[ns]")[0], "ns")


def _step(at: Numbers) -> float:
    """The usual distance between neighbors."""
    apart = np.diff(at)
    apart = apart[apart > 0]
    return float(np.median(apart)) if len(apart) else 1.0


def _index(positions: Numbers, centers: Numbers) -> Numbers:
    """Which entry of rising centers lies at positions, with fractions, beyond the ends step by step."""
    if len(centers) == 1:
        return np.zeros(np.shape(positions))
    inside = np.interp(positions, centers, np.arange(len(centers)))
    before, after = centers[1] - centers[0], centers[-1] - centers[-2]
    below, above = np.minimum(positions - centers[0], 0), np.maximum(positions - centers[-1], 0)
    return np.asarray(inside + below / max(before, 1e-9) + above / max(after, 1e-9))


def _precision(step: float) -> str:
    """The unit of time in which steps differ."""
    for seconds, unit in ((86_400, "D"), (60, "m"), (1, "s")):
        if step >= seconds:
            return unit
    return "ms"


def evenly(count: int, length: int, stride: float | None = None) -> Numbers:
    """Centers of positions whose receptive fields are not known: even, in the middle of the series.

    Args:
        count: How many.
        length: Positions of the series.
        stride: Positions of the series between neighbors; None: they fill the series.
    """
    step = length / count if stride is None else min(stride, length / count)
    begin = (length - count * step) / 2
    return np.asarray(begin + (np.arange(count) + 0.5) * step - 0.5)


def runs(mask: Sequence[bool] | npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where a mask is true without a break: first position and the one behind the last.

    Example:
        >>> runs([False, True, True, False, True])
        [(1, 3), (4, 5)]
    """
    edges = np.diff(np.pad(np.asarray(mask, np.int8), 1))
    return list(zip(*(map(int, np.flatnonzero(edges == each)) for each in (1, -1)), strict=True))
