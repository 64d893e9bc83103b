"""What a layer's channels do over a data set: how strong, how often silent, for which classes and samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import MaxNLocator

from convscope.lenses.sheet.heat import place_matrix
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Numbers, count, find_theme, mixed, number, scale_of
from convscope.lenses.views.view import Sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convscope.scope.channels.statistics import ChannelStatistics

LEFT = 90  # room for the numbers of the upright axes
NAMED = 24  # dead channels and pairs that are named
THUMB = 104
TEXTS = 3
THUMBS = (INNER - 150) // (THUMB + 14)


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


def draw_statistics(
    stats: ChannelStatistics,
    samples: Mapping[int, Sample] | Sequence[Sample] | None = None,
    class_names: Sequence[str] | None = None,
    *,
    channels: int = 8,
    theme: str = "light",
    title: str = "",
) -> Figure:
    """Draws the statistics of one layer's channels.

    Args:
        stats: The numbers.
        samples: The inputs by their number in the data set; those of `stats.top_samples` that are there are
            drawn for the channels of largest mean.
        class_names: Names of the classes; numbers if None.
        channels: For how many channels samples are drawn.
        theme: `light` or `dark`.
        title: The heading; the layer's path if empty.

    Returns:
        A figure of 7 inches width.
    """
    sheet = Sheet(find_theme(theme))
    there = len(stats.mean)
    y = sheet.title(title or f"Channels of {stats.path}")
    dead = int(np.sum(stats.dead))
    facts = [
        count(there, "channel"),
        count(stats.samples, "sample"),
        f"{dead:,} dead",
        count(len(stats.duplicates), "duplicate pair"),
    ]
    y = int(sheet.paragraph(MARGIN, y, "  ·  ".join(facts), INNER, color=sheet.theme.muted)) + 4
    if stats.nonfinite:
        said = f"{count(stats.nonfinite, 'value')} not finite (NaN or infinite)"
        y = int(sheet.paragraph(MARGIN, y - 4, said, INNER, color=sheet.theme.missing)) + 4
    order = np.argsort(-np.nan_to_num(stats.mean, nan=-np.inf), kind="stable")
    y = _draw_strengths(sheet, y, stats, order)
    y = _draw_faults(sheet, y, stats)
    if stats.class_means is not None and np.size(stats.class_means):
        y = _draw_classes(sheet, y, stats, class_names)
    if samples is not None and np.size(stats.top_samples):
        y = _draw_samples(sheet, y, stats, samples, order[:channels])
    return sheet.finish(y + MARGIN // 2)


def _draw_strengths(sheet: Sheet, y: int, stats: ChannelStatistics, order: Numbers) -> int:
    """Mean with spread, and the share of zeros below it, in one order of channels."""
    theme = sheet.theme
    marked = "; dead channels are marked below" if stats.dead.any() else ""
    y = sheet.section(
        y,
        "Mean, spread and zeros",
        "Channels by falling mean. Line: mean; band: one standard deviation to either side; "
        f"bars: share of values that are exactly 0{marked}.",
    )
    mean, spread = stats.mean[order], stats.spread[order]
    low, high = _finite_range(mean - spread, mean + spread)
    above = Plot(sheet, MARGIN + LEFT, y - 6, INNER - LEFT, 250, low, high, len(order))
    above.frame()
    above.bars(mean - spread, mean + spread, mixed(theme.first, theme.ground, 0.3), name="spread")
    above.steps(mean, theme.first)
    below = Plot(sheet, above.x, above.y + 250 + 30, above.wide, 110, 0.0, 1.0, len(order))
    below.frame(percent=True)
    below.bars(np.zeros(len(order)), stats.zeros[order], theme.muted, name="zeros")
    sheet.text(MARGIN + 8, above.y + 125, "mean", size=SMALL, color=theme.muted, across="center", turned=True)
    sheet.text(MARGIN + 8, below.y + 55, "zeros", size=SMALL, color=theme.muted, across="center", turned=True)
    down = below.y + 110
    if stats.dead.any():
        marks = Plot(sheet, below.x, down + 16, below.wide, 10, 0.0, 1.0, len(order))
        marks.bars(np.zeros(len(order)), np.where(stats.dead[order], 1.0, np.nan), theme.second, name="dead")
        sheet.text(below.x - 12, down + 28, "dead", size=TINY, color=theme.second, across="right")
        down += 30
    Plot(sheet, below.x, down, below.wide, 0, 0.0, 1.0, len(order)).names([str(each) for each in order])
    return down + 36 + int(line_height(SMALL))


def _finite_range(low: Numbers, high: Numbers) -> tuple[float, float]:
    both = np.concatenate([low, high, [0.0]])
    both = both[np.isfinite(both)]
    bottom, top = float(both.min()), float(both.max())
    return bottom, top if top > bottom else bottom + 1.0


def _draw_faults(sheet: Sheet, y: int, stats: ChannelStatistics) -> int:
    """Names dead channels and pairs of duplicates."""
    dead = [str(each) for each in np.flatnonzero(stats.dead)]
    pairs = [
        f"{first} = {second} ({correlation:.3f})"
        for first, second, correlation in sorted(stats.duplicates, key=lambda pair: -pair[2])
    ]
    for name, found in (("Dead channels", dead), ("Duplicates (correlation of their maps)", pairs)):
        if found:
            more = f" and {len(found) - NAMED:,} more" if len(found) > NAMED else ""
            said = f"{name}: {', '.join(found[:NAMED])}{more}."
            y = int(sheet.paragraph(MARGIN, y, said, INNER, size=SMALL))
    return y + 12


def _draw_classes(sheet: Sheet, y: int, stats: ChannelStatistics, class_names: Sequence[str] | None) -> int:
    """For each class, how far a channel's mean lies from its mean over all classes."""
    means = np.asarray(stats.class_means, np.float64)
    names = list(class_names) if class_names is not None else [str(each) for each in range(len(means))]
    known = np.isfinite(means)
    center = np.where(known, means, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    off = means - center
    spread = np.asarray(stats.spread, np.float64)
    relative = np.divide(off, spread, out=np.zeros_like(off), where=spread > 0)
    comparable = np.nan_to_num(relative, nan=-np.inf)
    liked = np.where(spread > 0, comparable.argmax(axis=0), len(means))  # silent channels come last
    order = np.lexsort((-comparable.max(axis=0), liked))
    y = sheet.section(
        y,
        "Classes",
        "How far each channel's mean for a class lies from that over the classes, in the channel's standard "
        "deviations. Channels are ordered by the class of their largest deviation.",
    )
    shown = relative[:, order]
    bottom, note = place_matrix(
        sheet,
        (MARGIN, y - 8, INNER, 900),
        shown,
        scale_of(sheet.theme, shown, "diverging"),
        across="channel",
        down="class",
        row_names=names,
        column_names=[str(each) for each in order],
        name="classes",
    )
    if note:
        sheet.text(MARGIN, bottom + line_height(SMALL), note, size=SMALL, color=sheet.theme.muted)
        bottom += int(line_height(SMALL))
    return bottom + 26


def _draw_samples(
    sheet: Sheet,
    y: int,
    stats: ChannelStatistics,
    samples: Mapping[int, Sample] | Sequence[Sample],
    chosen: Numbers,
) -> int:
    """A row of thumbnails for each channel: the samples with its largest outputs."""
    muted = sheet.theme.muted
    known = set(samples) if isinstance(samples, Mapping) else set(range(len(samples)))
    lines = any(samples[number_of].view.tile is None for number_of in known)
    where = "before" if lines else "below"
    said = (
        f"For the {len(chosen)} channels of largest mean; {where} each sample the largest value in its map."
    )
    y = sheet.section(y, "Samples with the largest activations", said)
    if lines:
        return _draw_lines(sheet, y, stats, samples, chosen)
    for channel in chosen:
        sheet.text(MARGIN, y + THUMB / 2 + 6, f"channel {channel}", size=SMALL, width=136)
        tallest = 0
        pairs = list(zip(stats.top_samples[channel], stats.top_values[channel], strict=True))[:THUMBS]
        for place, (sample_number, value) in enumerate(pairs):
            if int(sample_number) not in known or not np.isfinite(value):
                continue
            sample, x = samples[int(sample_number)], MARGIN + 150 + place * (THUMB + 14)
            box = (x, y, THUMB, int(1.4 * THUMB))
            high = sample.view.thumbnail(sheet, box, f"sample {sample_number}")
            said = sample.caption or sample.name
            sheet.text(x, y + high + 20, said, size=TINY, width=THUMB)
            sheet.text(x, y + high + 40, number(float(value)), size=TINY, color=muted, width=THUMB)
            tallest = max(tallest, high)
        y += max(tallest, 20) + 60
    return y + 4


def _draw_lines(
    sheet: Sheet,
    y: int,
    stats: ChannelStatistics,
    samples: Mapping[int, Sample] | Sequence[Sample],
    chosen: Numbers,
) -> int:
    """A few lines for each channel: the samples of its largest outputs, with the largest value of each."""
    for channel in chosen:
        sheet.text(MARGIN, y + 14, f"channel {channel}", size=SMALL, width=136)
        pairs = zip(stats.top_samples[channel], stats.top_values[channel], strict=True)
        for sample_number, value in list(pairs)[:TEXTS]:
            if not np.isfinite(value) or (isinstance(samples, Mapping) and int(sample_number) not in samples):
                continue
            sample = samples[int(sample_number)]
            shown = number(float(value))
            sheet.text(MARGIN + 220, y + 14, shown, size=SMALL, color=sheet.theme.muted, across="right")
            y += sample.view.thumbnail(sheet, (MARGIN + 240, y - 4, INNER - 240, THUMB)) + 4
        y += 14
    return y + 4
