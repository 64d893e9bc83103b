"""Series and sound small: framed on a sheet, and as elements of a page in the page's own colors."""

from __future__ import annotations

from html import escape

import numpy as np

from convscope.lenses.sheet.sheet import Sheet
from convscope.lenses.sheet.theme import LIGHT, Colors, Numbers, scale_of
from convscope.lenses.views.timeline.signals import Signal, strongest_variables
from convscope.lenses.views.timeline.spectrogram import Spectrogram, place_spectrogram
from convscope.lenses.views.timeline.timeline import runs
from convscope.lenses.views.timeline.traces import Trace

WIDE, HIGH = 192, 96
"""Size of a drawing on a page, in its own units; the page makes it as large as there is room."""
VARIABLES = 4
_INSET = 4
_COLORS = ("first", "second", "muted", "ink")


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
