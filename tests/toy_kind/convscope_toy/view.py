"""How rings are drawn: as rings, whose angle is the position and whose color is the value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convscope.lenses.sheet.sheet import Sheet
from convscope.lenses.sheet.theme import Numbers
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.raster import RasterView
from convscope.lenses.views.view import Box, Overlay, Patch, PlacedPatch, View

SIDE = 96
INNER, OUTER = 0.55, 0.95


def ring_image(values: Numbers, outside: float | None = None) -> Numbers:
    """The values around a circle, from the top clockwise.

    Args:
        values: (positions,).
        outside: What stands outside the ring; None: the smallest value.

    Returns:
        Shape (96, 96), float64.
    """
    row, column = np.mgrid[:SIDE, :SIDE] * 2 / (SIDE - 1) - 1
    radius, turn = np.hypot(row, column), np.arctan2(column, -row) / (2 * np.pi) % 1
    at = np.minimum((turn * len(values)).astype(int), len(values) - 1)
    inside = (radius >= INNER) & (radius <= OUTER)
    return np.where(
        inside, np.asarray(values, np.float64)[at], np.min(values) if outside is None else outside
    )


class RingView(View):
    """A ring.

    Args:
        values: (positions,) or (positions, channels), of which the mean is shown.
    """

    def __init__(self, values: Numbers) -> None:
        self.values = np.asarray(values, np.float64).reshape(len(values), -1).mean(axis=1)
        self.limits = (float(self.values.min()), float(self.values.max()) + 1e-9)

    def raster(self, values: Numbers) -> RasterView:
        """Values of its positions as an image in the gray of the whole ring."""
        return RasterView(ring_image(values)[..., None], self.limits)

    @property
    def positions(self) -> tuple[int, ...]:
        """The number of positions."""
        return self.values.shape

    def place_input(self, sheet: Sheet, box: Box) -> int:
        """Draws the ring."""
        return self.raster(self.values).place_input(sheet, box)

    def thumbnail(self, sheet: Sheet, box: Box, name: str = "input") -> int:
        """Draws the ring small."""
        return self.raster(self.values).place_input(sheet, box, name)

    def place_overlay(self, sheet: Sheet, y: int, overlays: Sequence[Overlay]) -> int:
        """Draws each attribution around the ring."""
        told = [each.attribution for each in overlays]
        bent = [replace(each, values=ring_image(each.values, outside=0.0)) for each in told]
        rings = [replace(each, attribution=ring) for each, ring in zip(overlays, bent, strict=True)]
        return self.raster(self.values).place_overlay(sheet, y, rings)

    def place_patch(self, sheet: Sheet, box: Box, patch: Patch, row: Sequence[Patch]) -> PlacedPatch:
        """Draws an arc of the ring."""
        ((first, behind),) = patch.window
        places = np.arange(len(self.values))
        arc = np.where((places >= first) & (places < behind), self.values, self.limits[0])
        degrees = [round(360 * place / len(self.values)) for place in (first, behind)]
        high = self.raster(arc).place_input(sheet, box, patch.name)
        return PlacedPatch(high, (f"{degrees[0]}\N{DEGREE SIGN} to {degrees[1]}\N{DEGREE SIGN}",))

    def planes(self, layer: LayerMaps) -> Numbers:
        """Maps along the ring as rings."""
        planes = layer.planes
        return np.stack([ring_image(each) for each in planes]) if planes.ndim == 2 else planes

    def markup(self, label: str) -> str:
        """The ring as an image of a page."""
        return self.raster(self.values).markup(label)


class _RingViews:
    """Makes the views of rings."""

    def of_input(self, values: Numbers, description: object = None) -> View:
        """A ring as a model takes it."""
        return RingView(values)

    def of_sample(self, sample: Numbers) -> View:
        """A ring as it was read."""
        return RingView(sample)


VIEW = _RingViews()
