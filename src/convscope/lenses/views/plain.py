"""The view of an array of which nothing but its shape is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convscope.errors import UsageError
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.strips import BARS_HIGH, place_bars
from convscope.lenses.sheet.theme import Numbers, scale_of
from convscope.lenses.views.raster import RasterView, SlicesView
from convscope.lenses.views.timeline.view import TimelineView
from convscope.lenses.views.view import Box, Overlay, Patch, PlacedPatch, Sample, View

BARS = 16


class VectorView(View):
    """Plain features, which cannot be seen by themselves.

    Args:
        values: (features,).
    """

    def __init__(self, values: Numbers) -> None:
        self.values = np.asarray(values)

    @property
    def positions(self) -> tuple[int, ...]:
        """The number of features."""
        return self.values.shape

    def place_input(self, sheet: Sheet, box: Box) -> int:
        """Draws nothing."""
        return 0

    def thumbnail(self, sheet: Sheet, box: Box, name: str = "input") -> int:
        """Draws nothing."""
        return 0

    def place_patch(self, sheet: Sheet, box: Box, patch: Patch, row: Sequence[Patch]) -> PlacedPatch:
        """Draws nothing."""
        return PlacedPatch(0)

    def place_overlay(self, sheet: Sheet, y: int, overlays: Sequence[Overlay]) -> int:
        """Draws bars of the features that matter most, and the strip of all; returns the baseline below."""
        room = INNER - BAR_ROOM
        for overlay in overlays:
            each = overlay.attribution
            sheet.text(MARGIN, y + 8, each.method, bold=True, width=INNER)
            said = "  ·  ".join(line for line in overlay.lines if line)
            after = sheet.paragraph(MARGIN, y + 36, said, INNER, size=SMALL, color=sheet.theme.muted)
            y = int(after - line_height(SMALL)) - 36
            values = np.asarray(each.values, np.float64)
            scale = scale_of(sheet.theme, np.append(values, 0.0), "diverging" if each.signed else None)
            strength = np.abs(np.nan_to_num(values, posinf=0, neginf=0))
            chosen = [int(number) for number in np.argsort(-strength, kind="stable")[:BARS]]
            spot = (MARGIN, y + 52, room)
            high = place_bars(sheet, spot, values, chosen, scale, name=f"heat {each.method}")
            sheet.color_bar(MARGIN + room + BAR_GAP, y + 52, BARS_HIGH, scale)
            y += 52 + high + 40
        return y


def view_of_array(values: Numbers, limits: tuple[float, float] | None = None) -> View:
    """Chooses by the number of axes: features, lines over a length, an image, or the slices of a volume.

    Args:
        values: One input without the batch axis and with the channel axis.
        limits: The numbers of black and white of an image; None: as `RasterView` finds them.

    Raises:
        UsageError: More than 4 axes, or an empty one.
    """
    rank = np.ndim(values)
    if not 1 <= rank <= 4 or 0 in np.shape(values):
        raise UsageError(
            f"An input has shape {np.shape(values)}, not 1 to 4 axes, none empty.",
            "Give one input without the batch axis and with the channel axis.",
        )
    if rank <= 2:
        return VectorView(values) if rank == 1 else TimelineView(values)
    return (RasterView if rank == 3 else SlicesView)(values, limits)


def plain_sample(
    values: Numbers, name: str = "input", caption: str = "", limits: tuple[float, float] | None = None
) -> Sample:
    """An array as a sample that can be drawn; its geometry follows from the number of axes."""
    return Sample(view_of_array(values, limits), name, caption)


class _PlainViews:
    """Views of arrays, for models that belong to no kind of data."""

    def of_input(self, values: Numbers, description: object = None) -> View:
        """Chosen by the shape."""
        return view_of_array(values)

    def of_sample(self, sample: object) -> View:
        """Chosen by the shape; an image may come without its channel axis."""
        values = np.asarray(sample)
        return view_of_array(values[..., None] if values.ndim == 2 else values)


PLAIN = _PlainViews()
"""The views of a model that belongs to no kind of data."""
