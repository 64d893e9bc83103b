"""Series and sound small: thumbnails on a sheet and on a page, and parts with their place in the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np

from convscope.lenses.sheet.lettering import width_of
from convscope.lenses.sheet.sheet import MARGIN, TINY, Sheet
from convscope.lenses.sheet.theme import LIGHT, Colors, Numbers, scale_of
from convscope.lenses.views.timeline.signals import Signal, strongest_variables
from convscope.lenses.views.timeline.spectrogram import (
    Spectrogram,
    energies_scale,
    place_bands,
    place_spectrogram,
)
from convscope.lenses.views.timeline.timeline import runs
from convscope.lenses.views.timeline.traces import Trace

WIDE, HIGH = 192, 96
"""Size of a drawing on a page, in its own units; the page makes it as large as there is room."""
VARIABLES = 4
_INSET = 4
_COLORS = ("first", "second", "muted", "ink")

SNIPPET = 213
"""Width of a snippet."""
ROWS = 3
"""Variables of a snippet that are drawn."""
_ROW = {1: 84, 2: 56, 3: 44}
_BANDS = 96
_PLACE = 8


def place_small_signal(
    sheet: Sheet, box: tuple[float, float, int, int], signal: Signal, spectrogram: Spectrogram | None
) -> None:
    """Draws a signal framed without numbers: its spectrogram, or the four variables of largest spread.

    Args:
        sheet: Where to.
        box: x, y, width and height.
        signal: A series or a recording.
        spectrogram: Of a recording; None: lines are drawn.
    """
    x, y, wide, high = box
    timeline = signal.timeline(x, wide)
    if spectrogram is not None:
        place_spectrogram(sheet, timeline, (y, high), spectrogram, numbers=False)
        return
    finite = np.where(np.isfinite(signal.values), signal.values, np.nan)
    shown = np.argsort(-np.nan_to_num(finite).std(axis=0), kind="stable")[:VARIABLES]
    trace = Trace.of(timeline, y, high, finite[:, shown])
    trace.frame(sheet, zero=False)
    for variable, name in zip(shown, _COLORS, strict=False):
        trace.draw(sheet, finite[:, variable], color=getattr(sheet.theme, name))


def line_markup(values: Numbers, label: str) -> str:
    """A series as an `<svg>` element, its variables of largest spread below each other.

    Args:
        values: (length, variables).
        label: What it is, for those who cannot see it.
    """
    chosen = strongest_variables(values, VARIABLES) if values.size else []
    high = HIGH / max(len(chosen), 1)
    drawn = [
        f'<path d="{_path(values[:, variable], row * high, high)}" fill="none" '
        f'stroke="var(--{_COLORS[row]})" stroke-width="1.5" vector-effect="non-scaling-stroke"/>'
        for row, variable in enumerate(chosen)
    ]
    return (
        f'<svg class="line" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(drawn)}</svg>'
    )


def spectrogram_pixels(spectrogram: Spectrogram) -> Colors:
    """A spectrogram as an image with its low bands at the bottom, uint8 (HIGH, WIDE, 3)."""
    colors = scale_of(LIGHT, spectrogram.values, "sequential").colors(spectrogram.values)
    upright = colors.swapaxes(0, 1)[::-1]
    rows = np.arange(HIGH) * len(upright) // HIGH
    columns = np.arange(WIDE) * upright.shape[1] // WIDE
    return np.ascontiguousarray(upright[rows][:, columns, :3])


def _path(values: Numbers, top: float, high: float) -> str:
    """One variable as the path of an SVG; of a long one the range under each unit of width."""
    xs, ys = np.arange(len(values)), values
    if len(values) > 2 * WIDE:
        starts = np.arange(WIDE) * len(values) // WIDE
        low = np.minimum.reduceat(np.where(np.isfinite(values), values, np.inf), starts)
        most = np.maximum.reduceat(np.where(np.isfinite(values), values, -np.inf), starts)
        ends = np.stack([low, most], axis=1)
        ends[1::2] = ends[1::2, ::-1]
        xs, ys = np.repeat(np.arange(WIDE), 2), ends.ravel()
    finite = np.isfinite(ys)
    if not finite.any():
        return ""
    least, largest = float(ys[finite].min()), float(ys[finite].max())
    share = np.full(len(ys), 0.5) if largest == least else (ys - least) / (largest - least)
    across = (xs + 0.5) / (xs[-1] + 1) * WIDE
    down = top + _INSET + (1 - share) * (high - 2 * _INSET)
    pieces = []
    for first, behind in runs(finite):
        points = " ".join(
            f"{x:.1f},{y:.1f}" for x, y in zip(across[first:behind], down[first:behind], strict=True)
        )
        pieces.append(f"M{points}" if behind - first > 1 else f"M{points} h0.5")
    return " ".join(pieces)


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
    timeline = snippet.signal.timeline(x, SNIPPET)
    begin, end = timeline.edges(snippet.first, snippet.behind)
    sheet.box(x, y + 4, SNIPPET, _PLACE, edge=sheet.theme.rule, width=0.6)
    fill = sheet.theme.second
    sheet.box(begin, y + 4, max(end - begin, 3), _PLACE, fill=fill, width=0, name=name)
    when = timeline.during(snippet.first, snippet.behind)
    if width_of(when, TINY) > SNIPPET:
        when = f"from {timeline.when(snippet.first)}"
    return y + _PLACE + 6 - top, when


def _place_lines(sheet: Sheet, x: int, y: int, snippet: Snippet, row: Sequence[Snippet]) -> int:
    """A line for each variable of largest spread; returns where they end."""
    together = np.concatenate([each.values for each in row])
    variables = strongest_variables(together, ROWS)
    high = _ROW[len(variables)]
    timeline = snippet.signal.timeline(x, SNIPPET, snippet.first, snippet.behind)
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
        timeline = snippet.signal.timeline(x, SNIPPET, snippet.first, snippet.behind)
        inside = _frames(spectrogram, snippet)
        scale = energies_scale(sheet, energies)
        shown = replace(spectrogram, values=spectrogram.values[inside], centers=spectrogram.centers[inside])
        place_bands(sheet, timeline, (y, _BANDS), shown.values, shown.centers, scale, name="bands")
    sheet.box(x, y, SNIPPET, _BANDS, edge=sheet.theme.rule, width=0.8)
    return y + _BANDS + 4


def _frames(spectrogram: Spectrogram, snippet: Snippet) -> slice:
    """The frames whose middles lie in a snippet, one at least."""
    first, behind = np.searchsorted(spectrogram.centers, (snippet.first, snippet.behind))
    first = min(int(first), len(spectrogram.centers) - 1)
    return slice(first, max(int(behind), first + 1))
