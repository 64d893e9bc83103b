"""A sheet of paper in pixels: every figure is laid out on one, from the top left, 200 pixels to the inch.

One Matplotlib axes covers the whole sheet. Whole pixels of the layout are whole pixels of a PNG, so that the
pixels of a map all have the same size. Nothing is written to Matplotlib's global settings, so that sheets can
be drawn in several threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.text import Text

from convscope.errors import UsageError
from convscope.lenses.sheet.glyphs import emoji_picture, parts_of
from convscope.lenses.sheet.lettering import (
    DOTS_PER_INCH,
    emoji_height,
    font,
    line_height,
    printable,
    runs_right_to_left,
    shortened,
    width_of,
    wrapped,
)
from convscope.lenses.sheet.theme import Colors, Numbers, Scale, Theme, number

WIDTH = 1400
MARGIN = 40
INNER = WIDTH - 2 * MARGIN
TITLE, HEADING, BODY, SMALL, TINY = 10.5, 8.5, 7.5, 6.5, 5.5
TALLEST = 60_000  # what Matplotlib can still draw
SMALLEST_RING = 8.0


class Sheet:
    """What a figure is drawn on; lengths in pixels from the top left corner, text sizes in points.

    Args:
        theme: Its colors.
        width: Width in pixels.
    """

    def __init__(self, theme: Theme, width: int = WIDTH) -> None:
        self.theme = theme
        self.width = width
        self.figure = Figure(dpi=DOTS_PER_INCH, facecolor=theme.ground, edgecolor="none", linewidth=0)
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_autoscale_on(False)

    def add(self, artist: Artist) -> None:
        """Adds something on top of all that is already there."""
        artist.set_zorder(1 + len(self.axes.get_children()))
        self.axes.add_artist(artist)

    def text(
        self,
        x: float,
        baseline: float,
        text: str,
        *,
        size: float = BODY,
        color: str | None = None,
        bold: bool = False,
        across: Literal["left", "center", "right"] = "left",
        width: float | None = None,
        turned: bool = False,
    ) -> Text:
        """Writes one line; `across` says which part of it stands at x, `width` shortens it."""
        shown = printable(text) if width is None else shortened(text, width, size, bold=bold)
        parts = parts_of(shown)
        if not turned and any(emoji for _, emoji in parts):
            return self._mixed(x, baseline, parts, size, color, bold, across)
        return self._letters(x, baseline, shown, size, color, bold, across, turned)

    def _mixed(
        self,
        x: float,
        baseline: float,
        parts: list[tuple[str, bool]],
        size: float,
        color: str | None,
        bold: bool,
        across: Literal["left", "center", "right"],
    ) -> Text:
        """Writes letters and emoji one behind the other, in the direction of the line."""
        whole = "".join(part for part, _ in parts)
        wide = width_of(whole, size, bold=bold)
        x -= {"left": 0.0, "center": wide / 2, "right": wide}[across]
        written = self._letters(x, baseline, "", size, color, bold, "left", turned=False)
        for part, emoji in reversed(parts) if runs_right_to_left(whole) else parts:
            if emoji:
                picture = emoji_picture(part, emoji_height(size))
                self.image(round(x), round(baseline - 0.8 * len(picture)), picture, name=f"emoji {part}")
            else:
                written = self._letters(x, baseline, part, size, color, bold, "left", turned=False)
            x += width_of(part, size, bold=bold)
        return written

    def _letters(
        self,
        x: float,
        baseline: float,
        shown: str,
        size: float,
        color: str | None,
        bold: bool,
        across: Literal["left", "center", "right"],
        turned: bool,
    ) -> Text:
        written = Text(
            x,
            baseline,
            shown,
            color=color or self.theme.ink,
            fontproperties=font(size, bold=bold, text=shown),
            horizontalalignment=across,
            verticalalignment="center" if turned else "baseline",
            rotation=90 if turned else 0,
            usetex=False,
            parse_math=False,
        )
        self.add(written)
        return written

    def paragraph(
        self, x: float, baseline: float, text: str, width: float, *, lines: int = 3, **look: Any
    ) -> float:
        """Writes a text in lines of at most `width`; returns the baseline of the line after it."""
        size, bold = look.get("size", BODY), look.get("bold", False)
        for line in wrapped(text, width, size, lines=lines, bold=bold):
            self.text(x, baseline, line, **look)
            baseline += line_height(size)
        return baseline

    def title(self, text: str) -> int:
        """Writes the heading of the sheet; returns the next baseline."""
        wide = self.width - 2 * MARGIN
        after = self.paragraph(MARGIN, MARGIN + 24, text, wide, lines=2, size=TITLE, bold=True)
        return int(after) - 4

    def section(self, y: int, text: str, explanation: str = "") -> int:
        """Writes a heading below a line across the sheet; returns the next baseline."""
        wide = self.width - 2 * MARGIN
        self.line([MARGIN, MARGIN + wide], [y, y], color=self.theme.rule, width=0.6)
        y += int(line_height(HEADING)) + 6
        self.text(MARGIN, y, text, size=HEADING, bold=True, width=wide)
        y += int(line_height(BODY)) + 2
        return int(self.paragraph(MARGIN, y, explanation, wide, color=self.theme.muted, size=SMALL))

    def image(
        self, x: float, y: float, colors: Colors, *, size: tuple[float, float] | None = None, name: str = ""
    ) -> AxesImage:
        """Places an image (rows, columns, 4), one pixel per pixel unless a size (width, height) is given."""
        wide, high = size or (colors.shape[1], colors.shape[0])
        placed = AxesImage(
            self.axes,
            extent=(x, x + wide, y + high, y),
            interpolation="nearest",
            origin="upper",
            resample=False,
        )
        placed.set_data(colors)
        placed.set_gid(printable(name) or None)
        self.add(placed)
        return placed

    def line(
        self, xs: Sequence[float], ys: Sequence[float], *, color: str | None = None, width: float = 0.8
    ) -> None:
        """Draws a line through points; its width in points."""
        line = Line2D(
            np.asarray(xs, float),
            np.asarray(ys, float),
            color=color or self.theme.ink,
            linewidth=width,
            linestyle="-",
            marker="",
            solid_capstyle="butt",
            solid_joinstyle="round",
            antialiased=True,
        )
        self.add(line)

    def dots(
        self, spots: Numbers, colors: Colors, radius: float, *, edge: str = "none", name: str = ""
    ) -> None:
        """Draws round marks around places (n, 2), of colors (n, 4) or one color (4,) for all."""
        marks = EllipseCollection(
            2 * radius,
            2 * radius,
            0,
            units="xy",
            offsets=np.asarray(spots, float),
            offset_transform=self.axes.transData,
            facecolors=np.asarray(colors) / 255,
            edgecolors=edge,
            linewidths=0.5,
            clip_on=False,
        )
        marks.set_gid(printable(name) or None)
        self.add(marks)

    def segments(self, ends: Numbers, colors: str | Colors, *, width: float = 0.5, name: str = "") -> None:
        """Draws lines, (n, points, x and y), in one color, as one path, or in colors (n, 4)."""
        lines = np.asarray(ends, float)
        drawn: Artist
        if isinstance(colors, str):
            codes = np.full(lines.shape[:2], Outline.LINETO, np.uint8)
            codes[:, :1] = Outline.MOVETO
            outline = Outline(lines.reshape(-1, 2), codes.ravel())
            drawn = PathPatch(outline, facecolor="none", edgecolor=colors, linewidth=width)
        else:
            drawn = LineCollection(list(lines), colors=np.asarray(colors) / 255, linewidths=width)
        drawn.set_clip_on(False)  # of each line a path to clip by would take more bytes than the line
        drawn.set_gid(printable(name) or None)
        self.add(drawn)

    def area(self, xs: Numbers, low: Numbers, high: Numbers, color: str, *, name: str = "") -> None:
        """Fills what lies between two lines over the same places, where both are finite."""
        known = np.isfinite(low) & np.isfinite(high)
        edges = np.diff(np.pad(known.astype(np.int8), 1))
        corners: list[tuple[float, float]] = []
        codes: list[np.uint8] = []
        for first, behind in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
            part = slice(first, behind)
            along = [
                *zip(xs[part], low[part], strict=True),
                *zip(xs[part][::-1], high[part][::-1], strict=True),
            ]
            corners += [*along, along[0]]
            codes += [Outline.MOVETO, *[Outline.LINETO] * (len(along) - 1), Outline.CLOSEPOLY]
        if corners:
            drawn = PathPatch(Outline(corners, codes), facecolor=color, edgecolor="none", linewidth=0)
            drawn.set_gid(printable(name) or None)
            self.add(drawn)

    def box(
        self,
        x: float,
        y: float,
        wide: float,
        high: float,
        *,
        edge: str = "none",
        fill: str = "none",
        width: float = 0.8,
        hatch: str | None = None,
        name: str = "",
    ) -> Rectangle:
        """Draws a rectangle; the width of its edge in points."""
        drawn = Rectangle(
            (x, y),
            wide,
            high,
            edgecolor=edge,
            facecolor=fill,
            linewidth=width,
            hatch=hatch,
            joinstyle="miter",
        )
        drawn.set_gid(printable(name) or None)
        self.add(drawn)
        return drawn

    def ring(self, x: float, y: float, wide: float, high: float) -> None:
        """Outlines a part of an image so that it can be seen on any color, and however small it is."""
        more = [max(0.0, SMALLEST_RING - side) for side in (wide, high)]
        x, y, wide, high = x - more[0] / 2, y - more[1] / 2, wide + more[0], high + more[1]
        self.box(x, y, wide, high, edge=self.theme.ground, width=2.4)
        self.box(x, y, wide, high, edge=self.theme.second, width=1.2, name="window")

    def missing(self, x: float, y: float, mask: npt.NDArray[np.bool_], factor: tuple[float, float]) -> None:
        """Hatches the cells of a grid that are no finite numbers; `factor`: width and height of a cell."""
        edges = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
        starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
        wide, high = factor
        runs = [
            ((x + a * wide, y + row * high), (x + b * wide, y + (row + 1) * high))
            for (row, a), (_, b) in zip(starts, ends, strict=True)
        ]
        if not runs:
            return
        corners = [
            (left, right)
            for (x0, y0), (x1, y1) in runs
            for left, right in ((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))
        ]
        codes = [Outline.MOVETO, Outline.LINETO, Outline.LINETO, Outline.LINETO, Outline.CLOSEPOLY] * len(
            runs
        )
        drawn = PathPatch(
            Outline(corners, codes),
            facecolor=self.theme.missing,
            edgecolor=self.theme.ground,
            linewidth=0,
            hatch="//////",
        )
        drawn.set_gid("missing")
        if hasattr(drawn, "set_hatch_linewidth"):  # since Matplotlib 3.10
            drawn.set_hatch_linewidth(1.0)
        self.add(drawn)

    def color_bar(self, x: float, y: float, high: int, scale: Scale, *, label: str = "") -> None:
        """Draws an upright bar with the numbers at its ends and 0; its name is `color bar LOW HIGH`."""
        high = max(high, LOWEST_BAR)
        rising = np.linspace(scale.high, scale.low, high)[:, None]
        colors = np.repeat(scale.colors(rising), BAR, axis=1)
        self.box(x, y, BAR, high, edge=self.theme.rule, width=0.8)
        self.image(x, y, colors, name=f"color bar {scale.low!r} {scale.high!r}")
        half = 0.36 * line_height(TINY) / 1.4
        marks = {scale.high: y, scale.low: y + high}
        if scale.low < 0 < scale.high:
            middle = y + high * scale.high / (scale.high - scale.low)
            if min(middle - y, y + high - middle) > line_height(TINY):
                marks[0.0] = middle
        if scale.high == scale.low:
            marks = {scale.high: y + high / 2}
        for value, place in marks.items():
            self.line([x + BAR, x + BAR + 5], [place, place], color=self.theme.muted, width=0.5)
            down = half if y < place < y + high else 2 * half if place == y else 0
            shown = next(
                (text for text in (number(value, 3), number(value, 2)) if width_of(text, TINY) < 70), ""
            )
            self.text(x + BAR + 9, place + down, shown, size=TINY, color=self.theme.muted)
        if label:
            self.text(x, y + high + line_height(TINY), label, size=TINY, color=self.theme.muted)

    def check(self, height: int) -> None:
        """Raises UsageError if a sheet of this height cannot be drawn."""
        if height > TALLEST:
            raise UsageError(
                f"The figure would be more than {TALLEST:,} pixels tall, which cannot be drawn.",
                "Ask for fewer layers or channels at a time.",
            )

    def finish(self, height: float) -> Figure:
        """Cuts the sheet to its height and returns it.

        Raises:
            UsageError: If it is taller than Matplotlib can draw.
        """
        height = int(np.ceil(height))
        self.check(height)
        self.figure.set_size_inches(self.width / DOTS_PER_INCH, height / DOTS_PER_INCH)
        self.axes.set_xlim(0, self.width)
        self.axes.set_ylim(height, 0)
        return self.figure


BAR = 16
LOWEST_BAR = 36  # so that its two numbers do not touch
