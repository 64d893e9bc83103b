"""Samples of series and sound as small drawings for a page, in the page's own colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Protocol, TypeGuard

import numpy as np

from convscope.lenses.sheet.theme import LIGHT, Colours, Numbers, scale_of
from convscope.lenses.views.signals import strongest_variables
from convscope.lenses.views.spectrogram import heard_plainly
from convscope.lenses.views.timeline import runs

WIDE, HIGH = 192, 96
"""Size of a drawing in its own units; the page makes it as large as there is room."""
VARIABLES = 4
_INSET = 4
_COLOURS = ("first", "second", "muted", "ink")


class DrawnSeries(Protocol):
    """A series as it can be drawn."""

    @property
    def values(self) -> Numbers:
        """(time, variables)."""

    @property
    def variables(self) -> Sequence[str]:
        """A name for each variable."""


class DrawnSound(Protocol):
    """A recording as it can be drawn."""

    @property
    def waveform(self) -> Numbers:
        """(samples, channels), from -1 to 1."""

    @property
    def rate(self) -> int:
        """Samples per second."""


def is_series(shown: Any) -> TypeGuard[DrawnSeries]:
    """Whether a sample is drawn as lines."""
    return hasattr(shown, "values") and hasattr(shown, "variables")


def is_sound(shown: Any) -> TypeGuard[DrawnSound]:
    """Whether a sample is drawn as a spectrogram."""
    return hasattr(shown, "waveform") and hasattr(shown, "rate")


def as_lines(shown: Any, label: str = "") -> str:
    """A series as an element of a page, its variables of largest spread below each other.

    Args:
        shown: Any sample.
        label: What it is, for those who cannot see it.

    Returns:
        An `<svg>` element, or nothing for a sample that is no series.
    """
    if not is_series(shown):
        return ""
    values = np.asarray(shown.values, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    chosen = strongest_variables(values, VARIABLES) if values.size else []
    high = HIGH / max(len(chosen), 1)
    drawn = [
        f'<path d="{_path(values[:, variable], row * high, high)}" fill="none" '
        f'stroke="var(--{_COLOURS[row]})" stroke-width="1.5" vector-effect="non-scaling-stroke"/>'
        for row, variable in enumerate(chosen)
    ]
    return (
        f'<svg class="line" viewBox="0 0 {WIDE} {HIGH}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(drawn)}</svg>'
    )


def as_pixels(shown: Any) -> Colours:
    """A picture as it is, or the spectrogram of a recording, uint8."""
    if not is_sound(shown):
        return np.asarray(shown)
    heard = heard_plainly(shown.waveform, shown.rate, frames=WIDE)
    colours = scale_of(LIGHT, heard.values, "sequential").colours(heard.values)
    upright = colours.swapaxes(0, 1)[::-1]
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
