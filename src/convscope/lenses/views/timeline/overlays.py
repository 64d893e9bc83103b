"""Attributions of a series: color behind its lines, or over its spectrogram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, TALLEST_BAR
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import BODY, INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.theme import Numbers, Scale, count, scale_of
from convscope.lenses.views.timeline.signals import Signal, place_signal, strongest_variables
from convscope.lenses.views.timeline.spectrogram import Spectrogram, frame_bands, place_bands
from convscope.lenses.views.timeline.timeline import Timeline, place_axis
from convscope.lenses.views.timeline.traces import Trace
from convscope.lenses.views.view import Overlay

if TYPE_CHECKING:
    from convscope.scope.attribution.methods import Attribution

LABEL, NAMES = 60, 170
"""Room at the left: of frequencies, of the names of variables."""
_ALONE = 150
_HIGH = {1: 150, 2: 92, 3: 76}
_LOW = 60
_GAP = 8


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
    label = NAMES if spectrogram is None and signal.values.shape[1] > 1 else LABEL
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
        sheet.text(left, y, said, size=SMALL, color=sheet.theme.muted, width=MARGIN + INNER - left)
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
                timeline.left - 12, y + high / 2 + 7, name, size=SMALL, across="right", width=NAMES - 16
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
