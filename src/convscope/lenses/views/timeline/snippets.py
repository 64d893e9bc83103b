"""Parts of series and recordings, as lines or bands, with the place of each in its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from convscope.lenses.sheet.lettering import width_of
from convscope.lenses.sheet.sheet import MARGIN, TINY, Sheet
from convscope.lenses.sheet.theme import Numbers
from convscope.lenses.views.timeline.signals import Signal, strongest_variables
from convscope.lenses.views.timeline.spectrogram import Spectrogram, energies_scale, place_bands
from convscope.lenses.views.timeline.traces import Trace

WIDE = 213
"""Width of a snippet."""
VARIABLES = 3
_HIGH = {1: 84, 2: 56, 3: 44}
_BANDS = 96
_PLACE = 8


@dataclass(frozen=True, eq=False)
class Snippet:
    """A part of a signal.

    Args:
        signal: The whole.
        first: Its first position.
        behind: The position behind the last.
    """

    signal: Signal
    first: int
    behind: int

    @property
    def values(self) -> Numbers:
        """(positions, variables)."""
        return self.signal.values[self.first : self.behind]


def place_snippet(
    sheet: Sheet, spot: tuple[int, int], snippet: Snippet, row: Sequence[Snippet], name: str
) -> tuple[int, str]:
    """Draws a snippet on the scales of its row, and below it a bar that shows where in the whole it lies.

    Args:
        sheet: Where to.
        spot: x and the upper edge.
        snippet: One of the row; the names of variables stand left of the first.
        row: All that stand beside each other.
        name: What the bar is called in the figure.

    Returns:
        The height, and when it is.
    """
    x, y = spot
    heard = [each.signal.spectrogram for each in row if each.signal.spectrogram is not None]
    top = y
    if len(heard) == len(row):
        y = _place_bands(sheet, x, y, snippet, np.concatenate([np.ravel(each.values) for each in heard]))
    else:
        y = _place_lines(sheet, x, y, snippet, row)
    timeline = snippet.signal.timeline(x, WIDE)
    begin, end = timeline.edges(snippet.first, snippet.behind)
    sheet.box(x, y + 4, WIDE, _PLACE, edge=sheet.theme.rule, width=0.6)
    fill = sheet.theme.second
    sheet.box(begin, y + 4, max(end - begin, 3), _PLACE, fill=fill, width=0, name=name)
    when = timeline.during(snippet.first, snippet.behind)
    if width_of(when, TINY) > WIDE:
        when = f"from {timeline.when(snippet.first)}"
    return y + _PLACE + 6 - top, when


def _place_lines(sheet: Sheet, x: int, y: int, snippet: Snippet, row: Sequence[Snippet]) -> int:
    """A line for each variable of largest spread; returns where they end."""
    together = np.concatenate([each.values for each in row])
    variables = strongest_variables(together, VARIABLES)
    high = _HIGH[len(variables)]
    timeline = snippet.signal.timeline(x, WIDE, snippet.first, snippet.behind)
    for variable in variables:
        trace = Trace(timeline, y, high, *_ends(together[:, variable]))
        trace.frame(sheet)
        trace.draw(sheet, snippet.signal.values[:, variable], width=1.0)
        if snippet is row[0] and len(variables) > 1:
            name, color = snippet.signal.variable_name(variable), sheet.theme.muted
            sheet.text(MARGIN, y + high / 2 + 20, name, size=TINY, color=color, width=x - MARGIN - 16)
        y += high + 4
    return y


def _ends(values: Numbers) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _place_bands(sheet: Sheet, x: int, y: int, snippet: Snippet, energies: Numbers) -> int:
    """The spectrogram of a snippet; returns where it ends."""
    spectrogram = snippet.signal.spectrogram
    if spectrogram is not None:
        timeline = snippet.signal.timeline(x, WIDE, snippet.first, snippet.behind)
        inside = _frames(spectrogram, snippet)
        scale = energies_scale(sheet, energies)
        shown = replace(spectrogram, values=spectrogram.values[inside], centers=spectrogram.centers[inside])
        place_bands(sheet, timeline, (y, _BANDS), shown.values, shown.centers, scale, name="bands")
    sheet.box(x, y, WIDE, _BANDS, edge=sheet.theme.rule, width=0.8)
    return y + _BANDS + 4


def _frames(spectrogram: Spectrogram, snippet: Snippet) -> slice:
    """The frames whose middles lie in a snippet, one at least."""
    first, behind = np.searchsorted(spectrogram.centers, (snippet.first, snippet.behind))
    first = min(int(first), len(spectrogram.centers) - 1)
    return slice(first, max(int(behind), first + 1))
