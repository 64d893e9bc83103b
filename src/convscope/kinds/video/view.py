"""How clips are drawn: frames as a strip, maps under the frames they belong to, on one axis of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from convscope.kinds.video.readers.sources import Clip
from convscope.kinds.video.representation import FramesDescription
from convscope.kinds.video.strip import GAP, SIDE, Strip, film_markup, in_box, strongest_place
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, TALLEST_BAR, MapBlock, Where, scales_of
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.pixels import fitted, limits_of_values, pixels_of
from convscope.lenses.sheet.sheet import BODY, INNER, LOWEST_BAR, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import LIGHT, Colors, Numbers, Scale, number, scale_of
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.raster import overlaid
from convscope.lenses.views.view import LABEL, Box, Overlay, Patch, PlacedPatch, View, Windows

if TYPE_CHECKING:
    from convscope.scope.channels.position import Position

MOST_SHOWN = 16
"""Frames of a strip; of more they are chosen evenly."""
_TALL = 180
"""Height of a frame in a strip, at most."""
_BARS = 64
"""Height of the bars that say how much each frame counts."""
_MONTAGE = 2
"""Frames along each side of a thumbnail."""
_TIMELESS = "alike for all frames, since the layer has one step of time"


class FramesView(View):
    """A window of frames, or a clip.

    Args:
        values: (frames, height, width, channels), as a model takes it.
        times: When each frame is, in seconds, shape (frames,); None: they are counted.
        shown: What is drawn of it, where that is not `values`, of the same frames.
    """

    def __init__(self, values: Numbers, times: Numbers | None = None, shown: Numbers | None = None) -> None:
        self.values = np.asarray(values)
        self.times = None if times is None else np.asarray(times, np.float64)
        self.shown = self.values if shown is None else np.asarray(shown)

    @property
    def positions(self) -> tuple[int, ...]:
        """Frames, rows and columns."""
        return self.values.shape[:3]

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The numbers of black and white."""
        return limits_of_values(self.shown)

    @cached_property
    def chosen(self) -> list[int]:
        """The frames of a strip."""
        count = len(self.values)
        return [round(each) for each in np.linspace(0, count - 1, min(count, MOST_SHOWN)).tolist()]

    @property
    def note(self) -> str:
        """How many frames there are, and over how long."""
        count = len(self.values)
        if self.times is None:
            return f"{count} frames"
        first, last = self.times[0], self.times[-1]
        more = f", {len(self.chosen)} shown" if len(self.chosen) < count else ""
        return f"{count} frames from {first:.2f} to {last:.2f} s{more}"

    def when(self, at: int) -> str:
        """The time of a frame, or its number."""
        at = min(max(at, 0), len(self.values) - 1)
        return f"frame {at}" if self.times is None else f"{self.times[at]:.2f} s"

    def during(self, first: int, behind: int) -> str:
        """A range of frames in words."""
        count = behind - first
        noun = "frame" if count == 1 else "frames"
        if self.times is None:
            return f"{count} {noun} from {first} on"
        return f"{count} {noun}, {self.when(first)} to {self.when(behind - 1)}"

    def colors(self, at: int, missing: str) -> Colors:
        """One frame in colors, uint8 (rows, columns, 4)."""
        return pixels_of(self.shown[at], self.limits, missing)

    def strip(self, left: float, wide: int) -> Strip:
        """Where the frames of a strip of some width stand."""
        return Strip(left, wide, len(self.chosen))

    def place_strip(
        self, sheet: Sheet, y: float, strip: Strip, picture: Callable[[int], Colors], name: str
    ) -> int:
        """Draws a picture for each frame that is shown; returns the height."""
        high = 0
        for place, at in enumerate(self.chosen):
            colors = in_box(picture(at), strip.each, _TALL)
            sheet.box(strip.x(place), y, colors.shape[1], colors.shape[0], edge=sheet.theme.rule, width=0.8)
            sheet.image(strip.x(place), y, colors, name=f"{name} {at}")
            high = max(high, colors.shape[0])
        return high

    def place_input(self, sheet: Sheet, box: Box, window: Windows = ()) -> int:
        """Draws the frames and their times, with a box in time and space outlined; returns the height."""
        x, y, wide, _ = box
        strip = self.strip(x, wide)
        high = self.place_strip(sheet, y, strip, lambda at: self.colors(at, sheet.theme.missing), "input")
        if window:
            self._place_window(sheet, y, strip, high, window)
        return high + self._place_times(sheet, y + high, strip)

    def _place_window(self, sheet: Sheet, y: float, strip: Strip, high: int, window: Windows) -> None:
        """Outlines the part of each frame that lies in a box, and the time that it lasts."""
        (first, behind), (top, bottom), (left, right) = window
        rows, columns = self.positions[1:]
        inside = [place for place, at in enumerate(self.chosen) if first <= at < behind]
        wide = min(strip.each, high * columns / rows)
        for place in inside:
            x = strip.x(place) + left / columns * wide
            sheet.ring(
                x, y + top / rows * high, (right - left) / columns * wide, (bottom - top) / rows * high
            )
        if inside:
            ends = [strip.x(inside[0]), strip.x(inside[-1]) + wide]
            sheet.line(ends, [y + high + 4] * 2, color=sheet.theme.second, width=2.0)

    def _place_times(self, sheet: Sheet, y: float, strip: Strip) -> int:
        """Writes when the frames are below a strip; returns the height."""
        every = max(1, round(64 / strip.pitch + 0.499))
        for place, at in enumerate(self.chosen[::every]):
            x = strip.x(place * every)
            said = str(at) if self.times is None else f"{self.times[at]:.2f}"
            sheet.text(x, y + 22, said, size=TINY, color=sheet.theme.muted)
        unit = "frame" if self.times is None else "seconds"
        right = strip.left + strip.wide
        sheet.text(right + 6, y + 22, unit, size=TINY, color=sheet.theme.muted)
        return 30

    def holds(self, layer: LayerMaps) -> bool:
        """The strip of frames stands above maps of frames."""
        return np.ndim(layer.maps) == 4 and np.size(layer.maps) > layer.channels

    def planes(self, layer: LayerMaps) -> Numbers:
        """The maps at the frame with the strongest value, (channels, rows, columns)."""
        maps = np.asarray(layer.maps)
        if not self.holds(layer):
            return layer.planes
        return np.moveaxis(maps[strongest_place(maps.max(axis=3))[0]], -1, 0)

    def place_maps(
        self,
        sheet: Sheet,
        where: Where,
        layer: LayerMaps,
        channels: list[int],
        *,
        scale: str,
        shared: Scale | None = None,
    ) -> MapBlock:
        """Draws the frames with a receptive field, and below them a row of maps for each channel."""
        if not self.holds(layer):
            return super().place_maps(sheet, where, layer, channels, scale=scale, shared=shared)
        x, y, width = where
        room = width - LABEL - BAR_ROOM
        maps = np.asarray(layer.maps, np.float64)[..., channels]
        at = strongest_place(np.abs(maps).max(axis=3))
        window = self._window(layer, at, maps.shape[:3])
        top = int(y + 8)
        down = top + self.place_input(sheet, (x + LABEL, top, room, _TALL), window) + 10
        scales = scales_of(sheet, np.moveaxis(maps, -1, 0), scale)
        start = down
        down = self._place_rows(sheet, (x + LABEL, down, room), maps, (layer.path, channels), scales)
        if scale == "layer":
            sheet.color_bar(
                x + LABEL + room + BAR_GAP, start, min(max(down - start, 60), TALLEST_BAR), scales[0]
            )
        notes = [] if scale == "layer" else ["each map on its own scale"]
        if window:
            notes.append(f"outlined: what the largest value depends on, {self._seen(window)}")
        bottom = max(down, start + LOWEST_BAR)
        return MapBlock(top, bottom, tuple(notes), x + LABEL, width - LABEL, bottom)

    def _place_rows(
        self,
        sheet: Sheet,
        where: Where,
        maps: Numbers,
        named: tuple[str, Sequence[int]],
        scales: Sequence[Scale],
    ) -> int:
        """Draws maps, (frames, rows, columns, channels), in a row for each channel; returns their end.

        Where maps have so few frames that several channels fit into one row, they stand side by side.
        """
        left, down, room = where
        strip = Strip(left, room, min(maps.shape[0], MOST_SHOWN))
        moments = np.linspace(0, maps.shape[0] - 1, strip.count).round().astype(int).tolist()
        path, channels = named
        wide = min(strip.each, round(_TALL / 2 * maps.shape[2] / maps.shape[1])) + GAP
        block = strip.count * wide + LABEL
        beside = max(1, (room + LABEL) // block)
        if beside == 1:
            wide = strip.pitch
        high = 0
        for place, channel in enumerate(channels):
            if place % beside == 0:
                down, high = down + high + 6 * (place > 0), 0
                sheet.check(down)
            start = left + place % beside * block
            for at, moment in enumerate(moments):
                values, x = maps[moment, ..., place], start + at * wide
                colors = in_box(scales[place].colors(values), strip.each, _TALL // 2)
                sheet.box(x, down, colors.shape[1], colors.shape[0], edge=sheet.theme.rule, width=0.6)
                sheet.image(x, down, colors, name=f"maps {path} {channel} {moment}")
                factor = (colors.shape[1] / values.shape[1], colors.shape[0] / values.shape[0])
                sheet.missing(x, down, ~np.isfinite(values), factor)
                high = max(high, colors.shape[0])
            muted, label = sheet.theme.muted, (start - 10, down + high / 2 + 6)
            sheet.text(*label, str(channel), size=TINY, color=muted, across="right")
        return down + high + 6

    def _seen(self, window: Windows) -> str:
        (first, behind), (top, bottom), (left, right) = window
        return f"{self.during(first, behind)}, {bottom - top} x {right - left} pixels"

    def _window(self, layer: LayerMaps, at: tuple[int, ...], sizes: tuple[int, ...]) -> Windows:
        """The box of the input that a position depends on; empty where that is not known."""
        field = layer.receptive_field
        if field is None or len(field) != 3 or 0 in field:
            return ()
        window = []
        for place, length, reach, side in zip(at, sizes, field, self.positions, strict=True):
            wide = side if reach is None else int(reach)
            start = round((place + 0.5) / length * side - wide / 2)
            window.append((min(max(start, 0), side - 1), max(min(start + wide, side), 1)))
        return window

    def place_position(self, sheet: Sheet, y: int, position: Position, name: str) -> int:
        """Draws the frames with the box that a value depends on, and the maps with its position."""
        window = position.input_window if len(position.input_window) == 3 else ()
        room = INNER - BAR_ROOM
        down = y + self.place_input(sheet, (MARGIN, y, room, _TALL), window) + int(line_height(SMALL))
        seen = self._seen(window) if window else "the whole input"
        sheet.text(MARGIN, down, f"{name}; the value depends on {seen}", size=SMALL, width=INNER)
        values = np.asarray(position.map, np.float64)
        if values.ndim != 3 or len(position.at) != 3:
            return down + 40
        scale, top = scale_of(sheet.theme, values), down + 18
        moment, row, column = position.at
        strip = Strip(MARGIN, room, min(len(values), MOST_SHOWN))
        shown = np.linspace(0, len(values) - 1, strip.count).round().astype(int)
        shown[np.abs(shown - moment).argmin()] = moment
        high = 0
        for place, each in enumerate(shown.tolist()):
            colors = in_box(scale.colors(values[each]), strip.each, _TALL)
            high, x = max(high, colors.shape[0]), strip.x(place)
            sheet.box(x, top, colors.shape[1], colors.shape[0], edge=sheet.theme.rule, width=0.6)
            sheet.image(x, top, colors, name=f"map {each}")
            if each == moment:
                across, tall = colors.shape[1] / values.shape[2], colors.shape[0] / values.shape[1]
                sheet.ring(x + column * across, top + row * tall, across, tall)
        sheet.color_bar(MARGIN + room + BAR_GAP, top, max(high, 60), scale)
        said = (
            f"channel {position.channel} at {position.at}, {self._moment_of(moment, len(values))}: value"
            f" {number(position.value, 4)}"
        )
        below = top + max(high, 60) + int(line_height(SMALL))
        sheet.text(MARGIN, below, said, size=SMALL, color=sheet.theme.second, width=INNER)
        return below + 46

    def _moment_of(self, at: int, count: int) -> str:
        """When a position of a map is, by the frame in its middle."""
        return self.when(int((at + 0.5) / count * len(self.values)))

    def place_overlay(self, sheet: Sheet, y: int, overlays: Sequence[Overlay]) -> int:
        """Draws, for each attribution, how much each frame counts, and heat over the frames."""
        room = INNER - BAR_ROOM
        strip = self.strip(MARGIN, room)
        for overlay in overlays:
            sheet.check(y)
            each = overlay.attribution
            values = np.asarray(each.values, np.float64)
            scale = scale_of(sheet.theme, values, "diverging" if each.signed else None)
            sheet.text(MARGIN, y + 8, each.method, bold=True, width=INNER)
            alike = len(values) > 1 and bool((values == values[:1]).all())
            said = "  ·  ".join([line for line in overlay.lines if line] + [_TIMELESS] * alike)
            top = int(sheet.paragraph(MARGIN, y + 8 + line_height(BODY), said, INNER, size=SMALL)) - 10
            top = top + 8 if alike else self._place_shares(sheet, top, strip, values)
            sheet.color_bar(MARGIN + room + BAR_GAP, top, LOWEST_BAR, scale)
            top += self.place_strip(
                sheet, top, strip, self._heated(sheet, values, scale), f"overlay {each.method}"
            )
            y = top + self._place_times(sheet, top, strip) + 34
        return y

    def _heated(self, sheet: Sheet, values: Numbers, scale: Scale) -> Callable[[int], Colors]:
        def colors(at: int) -> Colors:
            picture = self.colors(at, sheet.theme.missing)
            return overlaid(picture, scale.colors(values[at]), values[at], scale)

        return colors

    def _place_shares(self, sheet: Sheet, y: int, strip: Strip, values: Numbers) -> int:
        """Draws bars: the share of each frame in the sum of all absolute values; returns where they end."""
        each = np.nan_to_num(np.abs(values)).sum(axis=(1, 2))
        shares = each / (each.sum() or 1)
        most = float(shares.max()) or 1.0
        theme = sheet.theme
        for place, at in enumerate(self.chosen):
            high, x = max(_BARS * float(shares[at]) / most, 1.0), strip.x(place)
            top = y + _BARS - high
            sheet.box(x, top, strip.each, high, fill=theme.first, edge=theme.rule, width=0.3)
            if strip.each >= 44:
                sheet.text(x, y + _BARS + 20, f"{shares[at]:.0%}", size=TINY, color=theme.muted)
        right = strip.left + strip.wide + 6
        sheet.text(right, y + _BARS, "share", size=TINY, color=theme.muted, width=BAR_ROOM)
        return y + _BARS + 28

    def place_patch(self, sheet: Sheet, box: Box, patch: Patch, row: Sequence[Patch]) -> PlacedPatch:
        """Draws the frame in the middle of a part, with the part of it outlined, and says when it is."""
        (first, behind), (top, bottom), (left, right) = (
            (int(low), int(high)) for low, high in patch.window[:3]
        )
        x, y, wide, _ = box
        at = min((first + behind) // 2, len(self.values) - 1)
        colors = in_box(self.colors(at, sheet.theme.missing), wide, 2 * wide)
        high, across = colors.shape[:2]
        sheet.box(x, y, across, high, edge=sheet.theme.rule, width=0.8)
        sheet.image(x, y, colors, name=patch.name)
        rows, columns = self.positions[1:]
        sheet.ring(
            x + left / columns * across,
            y + top / rows * high,
            (right - left) / columns * across,
            (bottom - top) / rows * high,
        )
        last = max(behind - 1, first)
        span = f"{first}\N{EN DASH}{last}"
        if self.times is not None:
            span = f"{self.times[first]:.2f}\N{EN DASH}{self.times[last]:.2f} s"
        notes = ("each patch is the frame in the middle of its time, with its pixels outlined",)
        return PlacedPatch(high, (span,), notes)

    def thumbnail(self, sheet: Sheet, box: Box, name: str = "input") -> int:
        """Draws four frames, evenly over the time, in the order of reading; returns the height."""
        x, y, wide, high = box
        colors = fitted(self._montage(sheet.theme.missing), wide, high, smooth=True)
        sheet.box(x, y, colors.shape[1], colors.shape[0], edge=sheet.theme.rule, width=0.8)
        sheet.image(x, y, colors, name=name)
        return int(colors.shape[0])

    def _montage(self, missing: str) -> Colors:
        count = _MONTAGE**2
        chosen = np.linspace(0, len(self.shown) - 1, count).round().astype(int).tolist()
        frames = [self.colors(at, missing) for at in chosen]
        rows = [np.concatenate(frames[at : at + _MONTAGE], axis=1) for at in range(0, count, _MONTAGE)]
        return np.concatenate(rows, axis=0)

    def markup(self, label: str) -> str:
        """The clip as a small film that plays on a page."""
        steps = np.diff(self.times) if self.times is not None and len(self.times) > 1 else np.array([0.1])
        frames = [self.colors(at, LIGHT.missing)[..., :3] for at in range(len(self.shown))]
        return film_markup(frames, float(np.median(steps)), label)


class _ClipViews:
    """Makes the views of clips."""

    def of_input(self, values: Numbers, description: object = None) -> View:
        """A window as a model takes it."""
        if not isinstance(description, FramesDescription):
            return FramesView(values)
        return FramesView(values, description.times, description.shown)

    def of_sample(self, sample: Clip) -> View:
        """A clip as it was read: a few frames, evenly over it."""
        times = (np.arange(_FEW) + 0.5) / _FEW * sample.seconds
        height, width = sample.facts.height, sample.facts.width
        scale = SIDE / max(height, width)
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        return FramesView(sample.at(times, size, 3), times + sample.start)


_FEW = 12
"""Frames of a clip that is drawn as it was read."""
VIEW = _ClipViews()
