"""The maps of one layer below a series or a recording, each value under the middle of what it sees."""

from __future__ import annotations

import numpy as np

from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, TALLEST_BAR, MapBlock, Where, scales_of
from convscope.lenses.sheet.sheet import LOWEST_BAR, TINY, Sheet
from convscope.lenses.sheet.strips import STRIP, STRIP_GAP
from convscope.lenses.sheet.theme import Numbers, Scale, count
from convscope.lenses.views.layer_maps import LayerMaps, Placing
from convscope.lenses.views.timeline.signals import Signal, mark, place_signal
from convscope.lenses.views.timeline.spectrogram import frame_bands, place_bands
from convscope.lenses.views.timeline.timeline import Timeline, evenly, place_axis, runs
from convscope.lenses.views.timeline.traces import padded
from convscope.lenses.views.view import LABEL

ROWS = 4
"""Variables that are drawn above the maps of each layer."""
_BANDS = 56
_SMALLEST = 5  # pixels of the mark of a position


def place_timeline_maps(
    sheet: Sheet, where: Where, signal: Signal, layer: LayerMaps, channels: list[int], *, scale: str
) -> MapBlock:
    """Places a signal, the chosen maps below it and their color bar; the strongest position is outlined.

    Args:
        sheet: Where to.
        where: x, y and width, the numbers at the left and the color bar included.
        signal: A series or a recording.
        layer: Maps over (positions,), or over (positions, bands) of a recording.
        channels: Which of them.
        scale: `layer`: one scale and a bar; `map`: one for each.

    Returns:
        Where it is, and notes.
    """
    x, y, width = where
    room = width - LABEL - BAR_ROOM
    timeline = signal.timeline(x + LABEL, room)
    placed = place_signal(sheet, timeline, y, signal, most=ROWS, axis=False)
    length, placing = len(signal.values), layer.placing
    stride = layer.stride[0] if layer.stride else None
    centers = evenly(layer.planes.shape[1], length, stride) if placing is None else placing.centers
    chosen, hidden = _without_padding(timeline, layer.planes[channels], centers)
    scales = scales_of(sheet, chosen, scale)
    top = placed.bottom + 14
    high = _place_maps(sheet, timeline, top, layer.planes[channels], channels, centers, scales, layer.path)
    if hidden:
        _cover_padding(sheet, timeline, top, high)
    notes = [placed.note] if placed.note else []
    notes += ["gray: padding, which is no part of the sample"] if hidden else []
    if placing is not None:
        spot = _mark_strongest(sheet, timeline, top, chosen, placing)
        window = (int(placing.windows[spot, 0]), int(placing.windows[spot, 1]))
        if window[0] < window[1]:
            mark(sheet, timeline, placed, window)
            seen = count(window[1] - window[0], "position")
            when = "" if timeline.counted else f", {timeline.during(*window)}"
            strongest = f"the strongest value of map {channels[0]}"
            notes.append(f"outlined: {strongest} and the {seen} that it depends on{when}")
    else:
        notes.append("the positions of the maps in the input are not known; they are spread evenly")
    crowd = timeline.crowding(centers)
    if crowd > 1:
        notes.append(f"each pixel is the mean of up to {count(crowd, 'value')}")
    if scale == "layer":
        bar = max(min(high, TALLEST_BAR), LOWEST_BAR)
        sheet.color_bar(timeline.left + room + BAR_GAP, top, bar, scales[0])
    else:
        notes.append("each map on its own scale")
    bottom = top + high
    bottom += max(place_axis(sheet, timeline, bottom), LOWEST_BAR - high)
    return MapBlock(placed.top, bottom, tuple(notes), x, width)


def _without_padding(timeline: Timeline, planes: Numbers, centers: Numbers) -> tuple[Numbers, bool]:
    """Maps without a value where the input is padding, and whether it is anywhere; all of it stays as it is.

    Args:
        timeline: Of the signal.
        planes: (maps, positions, ...).
        centers: The position in the signal of each.
    """
    middle = np.asarray(centers, np.float64)
    hidden = np.zeros(len(middle), bool)
    for first, behind in padded(timeline):
        hidden |= (middle >= first) & (middle < behind)
    if hidden.all() or not hidden.any():
        return planes, False
    made = planes.astype(np.float64)
    made[:, hidden] = np.nan
    return made, True


def _cover_padding(sheet: Sheet, timeline: Timeline, y: int, high: int) -> None:
    """Lays the color of padding over maps where the input is padding."""
    for first, behind in padded(timeline):
        begin, end = timeline.edges(first, behind)
        if end > begin:
            sheet.box(begin, y, end - begin, high, fill=sheet.theme.rule, width=0, name="covered")


def _place_maps(
    sheet: Sheet,
    timeline: Timeline,
    y: int,
    chosen: Numbers,
    numbers: list[int],
    centers: Numbers,
    scales: list[Scale],
    name: str,
) -> int:
    """One strip or one image for each map, with its number at the left; returns the height of all."""
    if chosen.ndim == 2:
        strip = STRIP
        for place, (map_of, each) in enumerate(zip(chosen, scales, strict=True)):
            box = (y + place * (strip + STRIP_GAP), strip)
            place_strip(sheet, timeline, box, map_of, centers, each, name=f"maps {name} of {numbers[place]}")
    else:
        strip = _bands(len(chosen), chosen.shape[2])
        for place, (map_of, each) in enumerate(zip(chosen, scales, strict=True)):
            box = (y + place * (strip + STRIP_GAP), strip)
            place_bands(sheet, timeline, box, map_of, centers, each, name=f"maps {name} of {numbers[place]}")
            frame_bands(sheet, timeline, box, None)
    for place, number in enumerate(numbers):
        baseline = y + place * (strip + STRIP_GAP) + strip / 2 + 6
        sheet.text(
            timeline.left - 10, baseline, str(number), size=TINY, color=sheet.theme.muted, across="right"
        )
    return len(chosen) * (strip + STRIP_GAP) - STRIP_GAP


def _mark_strongest(sheet: Sheet, timeline: Timeline, y: int, chosen: Numbers, placing: Placing) -> int:
    """Outlines the position of the first map that is furthest from 0; returns its number."""
    first = np.abs(np.nan_to_num(chosen[0].astype(np.float64), posinf=0, neginf=0))
    spot = int((first if first.ndim == 1 else first.max(axis=1)).argmax())
    ring_of(
        sheet,
        timeline,
        (y, STRIP if chosen.ndim == 2 else _bands(len(chosen), chosen.shape[2])),
        placing.centers,
        spot,
    )
    return spot


def place_strip(
    sheet: Sheet,
    timeline: Timeline,
    box: tuple[float, int],
    values: Numbers,
    centers: Numbers,
    scale: Scale,
    *,
    name: str,
) -> None:
    """Places a map over a length as a strip of heat below a time line, framed.

    Args:
        sheet: Where to.
        timeline: Of the series.
        box: Upper edge and height.
        values: (positions,).
        centers: The position in the series of each.
        scale: The colors.
        name: The image's name in the figure.
    """
    y, high = box
    drawn, there = timeline.spread(values[None], centers)
    colors = np.where(there[:, None], scale.colors(drawn[0]), 0).astype(np.uint8)
    sheet.image(timeline.left, y, np.repeat(colors[None], high, axis=0), name=name)
    sheet.missing(timeline.left, y, (~np.isfinite(drawn[0]) & there)[None], (1, high))
    for begin, end in runs(there):
        sheet.box(timeline.left + begin, y, end - begin, high, edge=sheet.theme.rule, width=0.5)


def ring_of(sheet: Sheet, timeline: Timeline, box: tuple[float, int], centers: Numbers, spot: int) -> None:
    """Outlines one position of a map below a time line.

    Args:
        sheet: Where to.
        timeline: Of the series.
        box: Upper edge and height of the map.
        centers: The position in the series of each.
        spot: Which one.
    """
    begin, end = timeline.edges(*_room(centers, spot))
    if end - begin < _SMALLEST:
        middle = (begin + end) / 2
        begin, end = middle - _SMALLEST / 2, middle + _SMALLEST / 2
    sheet.ring(begin, box[0], end - begin, box[1])


def _bands(maps: int, bands: int) -> int:
    """The height of one map over time and frequency."""
    return max(_BANDS, min(bands, 2 * _BANDS)) if maps <= 8 else _BANDS


def _room(centers: Numbers, spot: int) -> tuple[float, float]:
    """The positions of a series that lie nearest to one position of a map."""
    if len(centers) < 2:
        return float(centers[0]), float(centers[0]) + 1
    apart = (centers[-1] - centers[0]) / (len(centers) - 1)
    return float(centers[spot] - apart / 2 + 0.5), float(centers[spot] + apart / 2 + 0.5)
