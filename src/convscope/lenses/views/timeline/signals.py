"""A series or a recording over time: a row for each variable, or its waveform above its spectrogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convscope.lenses.sheet.sheet import Sheet
from convscope.lenses.sheet.theme import Numbers, count
from convscope.lenses.views.timeline.spectrogram import Spectrogram, place_spectrogram
from convscope.lenses.views.timeline.timeline import Timeline, place_axis
from convscope.lenses.views.timeline.traces import Trace
from convscope.types import Axis

ROWS = 8
"""Variables that get a row of their own."""
GAP = 8
_HIGH = {1: 120, 2: 86, 3: 72}
_LOW = 58
_WAVE, _BANDS = 56, 150
_NARROW = 5  # pixels below which a window is a line
_THIN = "24"  # how opaque a window is, as two hexadecimal digits


@dataclass(frozen=True, eq=False)
class Signal:
    """A series or a recording.

    Args:
        values: (length, variables), float64.
        axis: When positions are; None: they are counted.
        spectrogram: Of a recording, what its model makes of it first, over time and frequency.
    """

    values: Numbers
    axis: Axis | None = None
    spectrogram: Spectrogram | None = None

    def timeline(self, left: float, wide: int, first: int = 0, behind: int | None = None) -> Timeline:
        """Where positions are across a sheet.

        Args:
            left: The pixel where it begins.
            wide: Its width.
            first: The first position shown.
            behind: The one behind the last; None: all are shown.
        """
        return Timeline(len(self.values), left, wide, self.axis, first, behind)

    def variable_name(self, variable: int) -> str:
        """What a variable is called; empty for the only one that has no name."""
        names = self.axis.variables if self.axis is not None else ()
        if variable < len(names):
            return names[variable]
        return "" if self.values.shape[-1] == 1 else f"channel {variable}"


@dataclass(frozen=True)
class PlacedSignal:
    """Where a signal was placed.

    Args:
        top: Upper edge of its first row.
        bottom: Lower edge of its last row.
        rows: A frame for each variable that is drawn.
        variables: Their numbers.
        note: What is shown of it, where that is not all of it.
    """

    top: int
    bottom: int
    rows: tuple[Trace, ...]
    variables: tuple[int, ...]
    note: str = ""


def strongest_variables(values: Numbers, most: int = ROWS) -> list[int]:
    """The variables of largest spread, in their own order.

    Args:
        values: (length, variables).
        most: How many.
    """
    there = values.shape[1]
    if there <= most:
        return list(range(there))
    finite = np.where(np.isfinite(values), values, np.nan)
    known = np.isfinite(values).any(axis=0)
    spread = np.zeros(there)
    spread[known] = np.nanstd(finite[:, known], axis=0)
    return sorted(int(each) for each in np.argsort(-spread, kind="stable")[:most])


def place_signal(
    sheet: Sheet,
    timeline: Timeline,
    y: int,
    signal: Signal,
    *,
    most: int = ROWS,
    axis: bool = True,
    variables: Sequence[int] | None = None,
    halo: bool = False,
) -> PlacedSignal:
    """Draws a signal, each variable on a scale of its own, and below it the axis of time.

    Args:
        sheet: Where to.
        timeline: Where positions are.
        y: Upper edge.
        signal: A series or a recording.
        most: How many variables get a row.
        axis: Whether the numbers of time are written below it.
        variables: Which variables; None: those of largest spread.
        halo: Whether lines stand on colored ground.

    Returns:
        Where it is; the numbers of time lie below `bottom`.
    """
    values = signal.values
    chosen = strongest_variables(values, most) if variables is None else list(variables)
    top, rows = y, []
    spectrogram = signal.spectrogram
    high = _WAVE if spectrogram is not None else _HIGH.get(len(chosen), _LOW)
    for variable in chosen:
        row = Trace.of(timeline, y, high, values[:, variable])
        row.frame(sheet)
        row.draw(sheet, values[:, variable], width=0.7 if len(values) > timeline.wide else 1.0, halo=halo)
        row.numbers(sheet, signal.variable_name(variable))
        rows.append(row)
        y += high + GAP
    if spectrogram is not None:
        scale = place_spectrogram(sheet, timeline, (y, _BANDS), spectrogram)
        sheet.color_bar(timeline.left + timeline.wide + 16, y, _BANDS, scale)
        y += _BANDS + GAP
    bottom = y - GAP
    if axis:
        place_axis(sheet, timeline, bottom)
    note = ""
    if len(chosen) < values.shape[1] and variables is None:
        note = f"the {len(chosen)} of {count(values.shape[1], 'variable')} of largest spread"
    return PlacedSignal(top, bottom, tuple(rows), tuple(chosen), note)


def mark(sheet: Sheet, timeline: Timeline, placed: PlacedSignal, window: tuple[int, int]) -> None:
    """Outlines a range of positions over all rows of a signal.

    Args:
        sheet: Where to.
        timeline: Where positions are.
        placed: The signal.
        window: First position and the one behind the last.
    """
    begin, end = timeline.edges(*window)
    color, high = sheet.theme.second, placed.bottom - placed.top
    if end - begin >= _NARROW:
        sheet.box(
            begin,
            placed.top,
            end - begin,
            high,
            edge=color,
            fill=f"{color}{_THIN}",
            width=1.1,
            name="window",
        )
        return
    middle = (begin + end) / 2
    sheet.box(middle - 1, placed.top - 7, 2, high + 7, fill=color, width=0, name="window")
