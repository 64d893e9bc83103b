"""The view of series and recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, MapBlock, Where
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import INNER, LOWEST_BAR, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Numbers, Scale, count, number, scale_of
from convscope.lenses.views.layer_maps import LayerMaps, Placing
from convscope.lenses.views.raster import image_markup
from convscope.lenses.views.timeline.maps import place_strip, place_timeline_maps, ring_of
from convscope.lenses.views.timeline.overlays import place_timeline_overlays
from convscope.lenses.views.timeline.signals import Signal, mark, place_signal
from convscope.lenses.views.timeline.spectrogram import Spectrogram, frame_bands, place_bands
from convscope.lenses.views.timeline.thumbnails import (
    SNIPPET,
    Snippet,
    line_markup,
    place_small_signal,
    place_snippet,
    spectrogram_pixels,
)
from convscope.lenses.views.timeline.timeline import Timeline, evenly, place_axis
from convscope.lenses.views.view import LABEL, Box, Overlay, Patch, PlacedPatch, View
from convscope.types import Axis

if TYPE_CHECKING:
    from convscope.scope.channels.position import Position

STRIP = 44
_VARIABLES = 4
_BANDS = 96


def place_timeline_position(sheet: Sheet, y: int, signal: Signal, position: Position, name: str) -> int:
    """Draws the series with the part that the value depends on, and the feature map below it.

    Args:
        sheet: Where to.
        y: The first baseline.
        signal: A series or a recording.
        position: Of any layer.
        name: What the series is called.

    Returns:
        The next baseline.
    """
    timeline = signal.timeline(MARGIN + LABEL, INNER - LABEL - BAR_ROOM)
    placed = place_signal(sheet, timeline, y, signal, most=_VARIABLES, axis=False)
    window = position.input_window
    if len(window) == 1 and window[0][0] < window[0][1]:
        mark(sheet, timeline, placed, window[0])
    bottom = _place_map(sheet, timeline, placed.bottom, position)
    y = bottom + max(place_axis(sheet, timeline, bottom), LOWEST_BAR - STRIP) + int(line_height(SMALL))
    said = f"the value {number(position.value, 4)} of channel {position.channel}"
    seen = "depends on the whole input"
    if len(window) == 1:
        when = "" if timeline.counted else f": {timeline.during(*window[0])}"
        seen = f"depends on {count(window[0][1] - window[0][0], 'position')}, outlined{when}"
    sheet.text(MARGIN, y, f"{said} {seen}", size=SMALL, color=sheet.theme.second, width=INNER)
    line = "  ·  ".join(part for part in (name, placed.note) if part)
    sheet.text(MARGIN, y + 26, line, size=SMALL, color=sheet.theme.muted, width=INNER)
    return y + 26 + 30


def _place_map(sheet: Sheet, timeline: Timeline, bottom: int, position: Position) -> int:
    """The map as a strip, or of a recording over time and bands, below the signal; returns where it ends."""
    plane = np.asarray(position.map, np.float64)
    placing = Placing.of(position.geometry) if position.geometry is not None else None
    top, right = bottom + 14, timeline.left + timeline.wide + BAR_GAP
    scale = scale_of(sheet.theme, plane)
    if plane.ndim == 1:
        centers = evenly(len(plane), timeline.length) if placing is None else placing.centers
        place_strip(sheet, timeline, (top, STRIP), plane, centers, scale, name="map")
        ring_of(sheet, timeline, (top, STRIP), centers, position.at[0])
        x, color = timeline.left - 10, sheet.theme.muted
        sheet.text(x, top + STRIP / 2 + 6, str(position.channel), size=TINY, color=color, across="right")
        sheet.color_bar(right, top, LOWEST_BAR, scale)
        return top + STRIP
    if plane.ndim == 2 and placing is not None:
        box = (top, _BANDS)
        place_bands(sheet, timeline, box, plane, placing.centers, scale, name="map")
        frame_bands(sheet, timeline, box, None)
        ring_of(sheet, timeline, box, placing.centers, position.at[0])
        sheet.color_bar(right, top, _BANDS, scale)
        return top + _BANDS
    return bottom


_THUMBNAIL = (60, 72)
"""Height of a narrow and of a wide thumbnail."""
_WIDE_THUMBNAIL = 120


class TimelineView(View):
    """A series or a recording: lines over time, or a waveform above its spectrogram.

    Args:
        values: (length, variables), or (length,) for one variable.
        axis: When positions are; None: they are counted.
        spectrogram: Of a recording, what the front end of the model makes of it.
        sketch: Makes a spectrogram for thumbnails, where the model has no front end or there is no model.
    """

    def __init__(
        self,
        values: Numbers,
        axis: Axis | None = None,
        spectrogram: Spectrogram | None = None,
        sketch: Callable[[], Spectrogram] | None = None,
    ) -> None:
        made = np.asarray(values, np.float64)
        self.signal = Signal(made[:, None] if made.ndim == 1 else made, axis, spectrogram)
        self._sketch = sketch

    @property
    def positions(self) -> tuple[int, ...]:
        """The length."""
        return (len(self.signal.values),)

    @property
    def tile(self) -> int | None:
        """The width of a snippet."""
        return SNIPPET

    def place_input(self, sheet: Sheet, box: Box) -> int:
        """Draws the variables of largest spread in rows, and the axis of time; returns the height."""
        x, y, width, _ = box
        timeline = self.signal.timeline(x + LABEL, width - LABEL - BAR_ROOM)
        return place_signal(sheet, timeline, int(y), self.signal).bottom + 60 - int(y)

    def planes(self, layer: LayerMaps) -> Numbers:
        """(channels, positions), or over time and frequency with the low bands at the bottom."""
        planes = layer.planes
        return planes.swapaxes(1, 2)[:, ::-1] if planes.ndim == 3 else planes

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
        """Draws the series, and the maps below it, each value under the middle of what it depends on."""
        if self.holds(layer):
            return place_timeline_maps(sheet, where, self.signal, layer, channels, scale=scale)
        return super().place_maps(sheet, where, layer, channels, scale=scale)

    def place_position(self, sheet: Sheet, y: int, position: Position, name: str) -> int:
        """Draws the series with the part that the value depends on, and the map below it."""
        return place_timeline_position(sheet, y, self.signal, position, name)

    def place_overlay(self, sheet: Sheet, y: int, overlays: Sequence[Overlay]) -> int:
        """Draws the series once for each attribution, with its colors behind the lines."""
        return place_timeline_overlays(sheet, y, self.signal, overlays)

    def place_patch(self, sheet: Sheet, box: Box, patch: Patch, row: Sequence[Patch]) -> PlacedPatch:
        """Draws a snippet, with the place of it in the whole."""
        snippets = {each: _snippet(each.view, each) for each in row if isinstance(each.view, TimelineView)}
        spot = (int(box[0]), int(box[1]))
        high, when = place_snippet(sheet, spot, snippets[patch], list(snippets.values()), patch.name)
        return PlacedPatch(high, (when,), ("the bar below a patch marks its place in the sample",))

    def thumbnail(self, sheet: Sheet, box: Box, name: str = "input") -> int:
        """Draws the spectrogram, or the variables of largest spread in one frame; returns the height."""
        x, y, wide, most = box
        high = min(_THUMBNAIL[wide > _WIDE_THUMBNAIL], most)
        place_small_signal(sheet, (x, y, wide, high), self.signal, self._small_spectrogram())
        return high

    def markup(self, label: str) -> str:
        """The series as lines, or the recording as an image of its spectrogram."""
        spectrogram = self._small_spectrogram()
        if spectrogram is None:
            return line_markup(self.signal.values, label)
        return image_markup(spectrogram_pixels(spectrogram), label, wide=True)

    def _small_spectrogram(self) -> Spectrogram | None:
        if self.signal.spectrogram is None and self._sketch is not None:
            return self._sketch()
        return self.signal.spectrogram


def _snippet(view: TimelineView, patch: Patch) -> Snippet:
    first, behind = (int(end) for end in patch.window[0])
    return Snippet(view.signal, first, behind)


def through_front_end(view: View, values: Numbers, spectrogram: Spectrogram, rate: float) -> TimelineView:
    """A recording as a model with a front end takes it.

    Args:
        view: As it is drawn without a model; its times are kept, where it has some.
        values: (length,), the waveform.
        spectrogram: What the front end makes of it.
        rate: Samples per second.
    """
    axis = view.signal.axis if isinstance(view, TimelineView) else None
    return TimelineView(values, axis or Axis(np.arange(len(values)) / rate, "s"), spectrogram)
