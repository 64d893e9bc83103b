"""One position of a map below a series: the part that it depends on, and where in the map it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import INNER, LOWEST_BAR, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import count, number, scale_of
from convscope.lenses.views.layer_maps import Placing
from convscope.lenses.views.timeline.maps import LABEL, place_strip, ring_of
from convscope.lenses.views.timeline.signals import Signal, mark, place_signal
from convscope.lenses.views.timeline.spectrogram import frame_bands, place_bands
from convscope.lenses.views.timeline.timeline import Timeline, evenly, place_axis

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
