"""The view of series and recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, TALLEST_BAR, MapBlock, Where
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import BODY, INNER, LOWEST_BAR, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Numbers, Scale, count, number, scale_of
from convscope.lenses.views.layer_maps import LayerMaps, Placing
from convscope.lenses.views.raster import image_markup
from convscope.lenses.views.timeline.maps import place_strip, place_timeline_maps, ring_of
from convscope.lenses.views.timeline.signals import Signal, mark, place_signal, strongest_variables
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
from convscope.lenses.views.timeline.traces import Trace
from convscope.lenses.views.view import LABEL, Box, Overlay, Patch, PlacedPatch, View
from convscope.types import Axis

if TYPE_CHECKING:
    from convscope.scope.attribution.methods import Attribution
    from convscope.scope.channels.position import Position

_LABEL, _NAMES = 60, 170
"""Room at the left: of frequencies, of the names of variables."""
_ALONE = 150
_HIGH = {1: 150, 2: 92, 3: 76}
_LOW = 60
_GAP = 8
STRIP = 44
_VARIABLES = 4
_BANDS = 96
_THUMBNAIL = (60, 72)
"""Height of a narrow and of a wide thumbnail."""
_WIDE_THUMBNAIL = 120


def place_timeline_overlays(sheet: Sheet, y: int, signal: Signal, overlays: Sequence[Overlay]) -> int:
    """Draws a series once for each attribution, with its colors behind the lines.

    Where an attribution tells variables apart, each has its own colors, all on one scale. Where it was taken
    at the spectrogram, it is drawn over time and frequency. Nothing has the color of the ground.

    Args:
        sheet: Where to.
        y: The first baseline.
        signal: A series or a recording.
        overlays: The attributions.

    Returns:
        The next baseline.
    """
    spectrogram = signal.spectrogram
    label = _NAMES if spectrogram is None and signal.values.shape[1] > 1 else _LABEL
    room = INNER - label - BAR_ROOM
    timeline = signal.timeline(MARGIN + label, room)
    if spectrogram is not None:
        y = place_signal(sheet, timeline, y - 8, signal, axis=True).bottom + 70
    for overlay in overlays:
        sheet.check(y)
        each = overlay.attribution
        said = "  ·  ".join(line for line in overlay.lines if line)
        drawn = sheet.text(MARGIN, y, each.method, bold=True, width=room / 3)
        left = MARGIN + width_of(drawn.get_text(), BODY, bold=True) + 20
        room_beside, color = MARGIN + INNER - left, sheet.theme.muted
        after = sheet.paragraph(left, y, said, room_beside, size=SMALL, color=color)
        y = int(after - line_height(SMALL))
        if spectrogram is not None and each.path is not None and _fits(each.parts, spectrogram.values):
            bottom = _over_bands(sheet, timeline, y + 14, spectrogram, each)
            y = bottom + place_axis(sheet, timeline, bottom) + int(line_height(BODY))
        else:
            bottom = _over_lines(sheet, timeline, y + 14, signal, each)
            y = bottom + place_axis(sheet, timeline, bottom) + int(line_height(BODY))
            y = _note(sheet, y, timeline, signal, each)
        y += 8
    return y + 6


def _fits(parts: Numbers | None, values: Numbers) -> bool:
    return parts is not None and np.shape(parts) == np.shape(values)


def _scale(sheet: Sheet, values: Numbers) -> Scale:
    """Colors in which nothing has that of the ground, whether there are signs or not."""
    return scale_of(sheet.theme, np.append(np.asarray(values, np.float64), 0.0), "diverging")


def _over_lines(sheet: Sheet, timeline: Timeline, y: int, signal: Signal, each: Attribution) -> int:
    """Each variable on the colors of its own, or of all; returns the lower edge."""
    values = signal.values
    own = each.path is None and values.shape[1] > 1 and _fits(each.parts, values)
    parts = np.asarray(each.parts if own and each.parts is not None else each.values, np.float64)
    chosen = _chosen(values, parts if own else None)
    scale = _scale(sheet, parts)
    high = _HIGH.get(len(chosen), _LOW)
    top, centers = y, np.arange(len(values))
    for variable in chosen:
        heat = parts[:, variable] if own else parts
        drawn, there = timeline.spread(heat[None], centers)
        colors = np.repeat(scale.colors(drawn), high, axis=0)
        named = f"heat {each.method}" + (f" {variable}" if own else "")
        sheet.image(timeline.left, y, colors, name=named)
        sheet.missing(timeline.left, y, ~np.isfinite(drawn) & there, (1, high))
        row = Trace.of(timeline, y, high, values[:, variable])
        row.frame(sheet, zero=False)
        wide = 0.7 if len(values) > timeline.wide else 1.1
        row.draw(sheet, values[:, variable], color=sheet.theme.ink, width=wide, halo=True)
        if len(chosen) > 1:
            name = signal.variable_name(variable)
            sheet.text(
                timeline.left - 12, y + high / 2 + 7, name, size=SMALL, across="right", width=_NAMES - 16
            )
        y += high + _GAP
    bar = min(y - _GAP - top, TALLEST_BAR)
    sheet.color_bar(timeline.left + timeline.wide + BAR_GAP, top, bar, scale)
    return y - _GAP


def _chosen(values: Numbers, parts: Numbers | None) -> list[int]:
    """The variables that add most, or else those of largest spread."""
    if parts is None or values.shape[1] <= len(strongest_variables(values)):
        return strongest_variables(values)
    added = np.abs(np.nan_to_num(parts)).sum(axis=0)
    most = len(strongest_variables(values))
    return sorted(int(each) for each in np.argsort(-added, kind="stable")[:most])


def _over_bands(sheet: Sheet, timeline: Timeline, y: int, spectrogram: Spectrogram, each: Attribution) -> int:
    """The colors of each band and frame; returns the lower edge."""
    parts = np.asarray(each.parts, np.float64)
    scale = _scale(sheet, parts)
    place_bands(sheet, timeline, (y, _ALONE), parts, spectrogram.centers, scale, name=f"heat {each.method}")
    frame_bands(sheet, timeline, (y, _ALONE), spectrogram.frequencies)
    sheet.color_bar(timeline.left + timeline.wide + BAR_GAP, y, _ALONE, scale)
    return y + _ALONE


def _note(sheet: Sheet, y: int, timeline: Timeline, signal: Signal, each: Attribution) -> int:
    """What is shown of it, where that is not all of it."""
    notes = []
    variables = signal.values.shape[1]
    shown = len(strongest_variables(signal.values))
    if shown < variables:
        own = each.path is None and _fits(each.parts, signal.values)
        by = "with the largest attribution" if own else "of largest spread"
        notes.append(f"the {shown} of {count(variables, 'variable')} {by}")
    crowd = timeline.crowding(np.arange(len(signal.values)))
    if crowd > 1:
        notes.append(f"each pixel is the mean of up to {count(crowd, 'position')}")
    if not notes:
        return y
    muted = sheet.theme.muted
    written = "; ".join(notes)
    return int(sheet.paragraph(MARGIN, y, written, INNER, size=SMALL, color=muted)) + 20


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
