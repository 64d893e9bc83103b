"""One kernel over one snippet of a series: where it lies, and patch, weights and products along it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import INNER, LOWEST_BAR, MARGIN, SMALL, TINY, TITLE, Sheet
from convscope.lenses.sheet.theme import TIMES, Numbers, count, number, scale_of
from convscope.lenses.views.sample import Sample
from convscope.lenses.views.series_maps import Placing, place_strip, ring_of
from convscope.lenses.views.signals import mark, place_signal, timeline_of
from convscope.lenses.views.spectrogram import frame_bands, place_bands
from convscope.lenses.views.timeline import evenly, place_axis

if TYPE_CHECKING:
    from convscope.scope.channels.position import Position

LABEL = 60
PLOT = (300, 120)
STRIP = 44
_NAMES, _APART = 150, 74
_VARIABLES = 4
_BANDS = 96
_THIN = 0.8


def draw_places(sheet: Sheet, y: int, position: Position, sample: Sample) -> int:
    """Draws the series with the part that the value depends on, and the feature map below it.

    Args:
        sheet: Where to.
        y: The first baseline.
        position: Of any layer.
        sample: A series or a recording.

    Returns:
        The next baseline.
    """
    room = INNER - LABEL - BAR_ROOM
    timeline = timeline_of(sample, MARGIN + LABEL, room)
    placed = place_signal(sheet, timeline, y, sample, most=_VARIABLES, axis=False)
    window = position.input_window
    if len(window) == 1 and window[0][0] < window[0][1]:
        mark(sheet, timeline, placed, window[0])
    bottom = placed.bottom
    plane = np.asarray(position.map, np.float64)
    placing = Placing.of(position.geometry) if position.geometry is not None else None
    if plane.ndim == 1:
        centres = evenly(len(plane), timeline.length) if placing is None else placing.centres
        scale = scale_of(sheet.theme, plane)
        top = bottom + 14
        place_strip(sheet, timeline, (top, STRIP), plane, centres, scale, name="map")
        ring_of(sheet, timeline, (top, STRIP), centres, position.at[0])
        text = str(position.channel)
        sheet.text(
            timeline.left - 10, top + STRIP / 2 + 6, text, size=TINY, colour=sheet.theme.muted, across="right"
        )
        sheet.colour_bar(timeline.left + room + BAR_GAP, top, LOWEST_BAR, scale)
        bottom = top + STRIP
    elif plane.ndim == 2 and placing is not None:  # frames and bands of a recording
        scale = scale_of(sheet.theme, plane)
        box = (bottom + 14, _BANDS)
        place_bands(sheet, timeline, box, plane, placing.centres, scale, name="map")
        frame_bands(sheet, timeline, box, None)
        ring_of(sheet, timeline, box, placing.centres, position.at[0])
        sheet.colour_bar(timeline.left + room + BAR_GAP, box[0], _BANDS, scale)
        bottom = box[0] + _BANDS
    y = bottom + max(place_axis(sheet, timeline, bottom), LOWEST_BAR - STRIP) + int(line_height(SMALL))
    said = f"the value {number(position.value, 4)} of channel {position.channel}"
    seen = "depends on the whole input"
    if len(window) == 1:
        when = "" if timeline.counted else f": {timeline.during(*window[0])}"
        seen = f"depends on {count(window[0][1] - window[0][0], 'position')}, outlined{when}"
    sheet.text(MARGIN, y, f"{said} {seen}", size=SMALL, colour=sheet.theme.second, width=INNER)
    line = "  ·  ".join(part for part in (sample.name, placed.note) if part)
    sheet.text(MARGIN, y + 26, line, size=SMALL, colour=sheet.theme.muted, width=INNER)
    return y + 26 + 30


def draw_products(
    sheet: Sheet, y: int, position: Position, shown: Sequence[int], labels: Sequence[str]
) -> int:
    """Draws patch, weights and products of some input channels as lines over the kernel's positions.

    Args:
        sheet: Where to.
        y: Upper edge.
        position: Of a layer whose kernel lies over a length.
        shown: Which of the channels read.
        labels: What they are called.

    Returns:
        Where they end.
    """
    parts = {"patch": position.patch, "kernel": position.kernel, "products": position.products}
    wide, high = PLOT
    left = MARGIN + _NAMES
    for place, name in enumerate(parts):
        x = left + place * (wide + _APART)
        sheet.text(x, y, name, size=SMALL, colour=sheet.theme.muted)
    y += 12
    for channel, label in zip(shown, labels, strict=True):
        if label:
            sheet.text(MARGIN, y + high / 2 + 7, label, size=SMALL, width=_NAMES - 16)
        total = float(position.products[:, channel].sum(dtype=np.float64))
        for place, part in enumerate(parts.values()):
            x = left + place * (wide + _APART)
            every = np.asarray(part[:, list(shown)], np.float64)
            padded = position.padded if place == 0 else None
            _plot(sheet, (x, y), part[:, channel].astype(np.float64), every, padded, bars=place == 2)
            if place < 2:
                sign = (TIMES, "=")[place]
                sheet.text(x + wide + _APART / 2 - 18, y + high / 2 + 9, sign, size=TITLE, across="center")
        right = left + 3 * wide + 2 * _APART + 14
        sheet.text(right, y + high / 2 - 6, "sum", size=TINY, colour=sheet.theme.muted)
        sheet.text(right, y + high / 2 + 20, number(total, 4), size=SMALL, width=INNER + MARGIN - right)
        y += high + 26
    return y + 4


def _plot(
    sheet: Sheet,
    spot: tuple[int, int],
    values: Numbers,
    every: Numbers,
    padded: Numbers | None,
    *,
    bars: bool,
) -> None:
    """One row of numbers over the positions of the kernel, around 0, on the scale of all rows."""
    theme, (x, y), (wide, high) = sheet.theme, spot, PLOT
    finite = np.append(every[np.isfinite(every)], 0.0)
    low, top = float(finite.min()), float(finite.max())
    room = (top - low) or 1.0
    pitch = wide / len(values)
    xs = x + (np.arange(len(values)) + 0.5) * pitch
    ys = y + 8 + (top - values) / room * (high - 16)
    zero = y + 8 + top / room * (high - 16)
    for place in np.flatnonzero(padded) if padded is not None else ():
        sheet.box(x + place * pitch, y, pitch, high, fill=theme.rule, width=0, name="padded")
    sheet.line([x, x + wide], [zero, zero], colour=theme.rule, width=0.6)
    if bars:
        for across, down, value in zip(xs, ys, values, strict=True):
            if np.isfinite(down):
                fill = theme.first if value >= 0 else theme.second
                sheet.box(
                    across - _THIN * pitch / 2,
                    min(zero, down),
                    _THIN * pitch,
                    abs(zero - down),
                    fill=fill,
                    width=0,
                )
    else:
        sheet.line(list(xs), list(ys), colour=theme.first, width=1.1)
        for across, down in zip(xs, ys, strict=True) if len(values) <= 40 else ():
            if np.isfinite(down):
                sheet.box(across - 2.5, down - 2.5, 5, 5, fill=theme.first, width=0)
    sheet.box(x, y, wide, high, edge=theme.rule, width=0.8)
    sheet.missing(x, y, ~np.isfinite(values)[None], (pitch, high))
    for value, down in ((top, 15), (low, high)):
        sheet.text(x - 7, y + down, number(value, 2), size=TINY, colour=theme.muted, across="right")
