"""How volumes are drawn: three linked planes, maps as slices and projections, and heat over the planes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from convscope.kinds.contract.representation import TimelineDescription
from convscope.kinds.volume.augmentation import is_binary
from convscope.kinds.volume.planes import Place, Planes, depth_image, middle_of, strongest
from convscope.kinds.volume.representation import PLACED, VolumeDescription, described, in_mm, in_voxels
from convscope.kinds.volume.volume import Volume
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, MapBlock, Where, place_block
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.pixels import fitted, pixels_of
from convscope.lenses.sheet.sheet import BODY, INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.theme import LIGHT, Colors, Numbers, Scale, number, scale_of
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.raster import image_markup, overlaid
from convscope.lenses.views.timeline.view import TimelineView
from convscope.lenses.views.view import Box, Overlay, Patch, PlacedPatch, View

if TYPE_CHECKING:
    from convscope.scope.attribution.methods import Attribution
    from convscope.scope.channels.position import Position

TALL = 500
"""Height of three planes at most, in pixels."""
_DARKEST, _BRIGHTEST = 0.005, 0.995


class VolumeView(View):
    """A volume in the canonical frame.

    Args:
        values: (x, y, z, channels); of several channels the mean is shown.
        description: What its voxels mean.
        limits: The numbers of black and white; found by the values by default.
    """

    def __init__(
        self,
        values: Numbers,
        description: VolumeDescription | None = None,
        limits: tuple[float, float] | None = None,
    ) -> None:
        self.values = np.asarray(values)
        self.description = description or VolumeDescription()
        self._limits = limits

    @property
    def positions(self) -> tuple[int, ...]:
        """Voxels along x, y and z."""
        return self.values.shape[:3]

    @cached_property
    def planes_drawn(self) -> Planes:
        """How its planes lie on a sheet."""
        said = self.description
        return Planes(self.positions, said.spacing, said.oriented, said.origin)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The numbers of black and white: nearly the smallest and the largest value."""
        if self._limits is not None:
            return self._limits
        finite = self.values[np.isfinite(self.values)]
        if not finite.size:
            return 0.0, 1.0
        if is_binary(finite):
            return float(finite.min()), float(finite.max())
        low, high = np.quantile(finite, (_DARKEST, _BRIGHTEST))
        return float(low), float(high)

    @cached_property
    def middle(self) -> Place:
        """The voxel that planes go through where nothing else is asked for."""
        return middle_of(np.asarray(self.values, np.float64))

    @property
    def note(self) -> str:
        """Its size, and from where it is seen."""
        said = f"{in_voxels(self.positions)} voxels"
        if not self.description.oriented:
            return said
        placed = "" if self.description.origin is None else f", {PLACED}"
        return f"{said} of {in_mm(self.description.spacing)}, right is at the left{placed}"

    @property
    def is_solid(self) -> bool:
        """Whether voxels are occupied or not."""
        return is_binary(self.values)

    def colors(self, axis: int, at: Place, missing: str) -> Colors:
        """The plane across an axis through a voxel in gray, uint8 (rows, columns, 4)."""
        plane = self.planes_drawn.of(self.values, axis, at[axis])
        return pixels_of(np.asarray(plane, np.float64).mean(axis=2, keepdims=True), self.limits, missing)

    def place_input(
        self,
        sheet: Sheet,
        box: Box,
        at: Place | None = None,
        window: Sequence[Sequence[int]] = (),
        said: bool = True,
    ) -> int:
        """Draws the three planes through a voxel, with a part outlined; returns the height."""
        x, y, wide, high = box
        place = self.middle if at is None else at
        _, drawn = self.planes_drawn.place(
            sheet,
            (x, y, wide, min(high, TALL)),
            place,
            lambda axis: self.colors(axis, place, sheet.theme.missing),
            window=window,
            said=said,
        )
        return drawn

    def small(self, missing: str) -> Colors:
        """One picture that stands for the volume: a solid seen from above, or the plane across z."""
        if self.is_solid:
            flat = np.asarray(self.values, np.float64).mean(axis=3)
            return pixels_of(depth_image(flat, self.planes_drawn)[..., None], (0.0, 1.0), missing)
        return self.colors(2, self.middle, missing)

    def thumbnail(self, sheet: Sheet, box: Box, name: str = "input") -> int:
        """Draws the volume small; returns the height."""
        x, y, wide, high = box
        colors = fitted(self.small(sheet.theme.missing), wide, high)
        sheet.box(x, y, colors.shape[1], colors.shape[0], edge=sheet.theme.rule, width=0.8)
        sheet.image(x, y, colors, name=name)
        return int(colors.shape[0])

    def place_patch(self, sheet: Sheet, box: Box, patch: Patch, row: Sequence[Patch]) -> PlacedPatch:
        """Draws the plane across z through the middle of a part, in the colors of the whole."""
        part = tuple(slice(int(first), int(behind)) for first, behind in patch.window[:3])
        crop = VolumeView(self.values[part], self.description, self.limits)
        x, y, wide, _ = box
        at = crop.values.shape[2] // 2
        picture = crop.colors(2, (0, 0, at), sheet.theme.missing)
        colors = fitted(picture, wide, wide)
        sheet.box(x, y, colors.shape[1], colors.shape[0], edge=sheet.theme.rule, width=0.8)
        sheet.image(x, y, colors, name=patch.name)
        notes = ("each patch is the plane across z in the middle of its voxels",)
        return PlacedPatch(int(colors.shape[0]), (f"z {part[2].start + at}",), notes)

    def planes(self, layer: LayerMaps) -> Numbers:
        """The maps as slices across z through the strongest position, (channels, rows, columns)."""
        maps = np.asarray(layer.maps)
        if maps.ndim != 4 or maps.size == layer.channels:
            return layer.planes
        return self._slices(maps, strongest(np.abs(maps).max(axis=3))[2])

    def _slices(self, maps: Numbers, at: int) -> Numbers:
        return np.moveaxis(self.planes_drawn.turned(maps[:, :, at]), -1, 0)

    def holds(self, layer: LayerMaps) -> bool:
        """Three planes of the input stand above maps of three axes."""
        return np.ndim(layer.maps) == 4 and self.planes(layer).ndim == 3

    def place_maps(
        self,
        sheet: Sheet,
        where: Where,
        layer: LayerMaps,
        channels: list[int],
        *,
        scale: str,
        shared: Scale | None = None,
    ) -> MapBlock:
        """Draws planes of the input with a receptive field, slices of the maps, and their projections."""
        if not self.holds(layer):
            return super().place_maps(sheet, where, layer, channels, scale=scale, shared=shared)
        x, y, width = where
        maps = np.asarray(layer.maps, np.float64)
        at = strongest(np.nan_to_num(np.abs(maps[..., channels])).max(axis=3))
        place, window = self._seen_by(layer, maps.shape[:3], at)
        high = self.place_input(sheet, (x, y + 6, width, TALL), place, window)
        below = y + high + 24
        said = self._seen(window)
        sheet.text(x, below, said, size=SMALL, color=sheet.theme.second, width=width)
        slices = place_block(
            sheet, (x, below + 20, width), self._slices(maps, at[2]), channels, scale=scale, name=layer.path
        )
        heading = slices.bottom + int(line_height(SMALL)) + 4
        sheet.text(x, heading, "largest absolute value along z", size=SMALL, width=width)
        projected = self._projected(maps)
        spot = (x, heading + 14, width)
        whole = place_block(sheet, spot, projected, channels, scale=scale, name=f"{layer.path} projection")
        notes = (*slices.notes, f"slices at z {at[2]} of {maps.shape[2]}, where the largest value is")
        return MapBlock(slices.top, whole.bottom, notes, x, width, whole.bottom)

    def _projected(self, maps: Numbers) -> Numbers:
        """The value of largest size along z of each map, (channels, rows, columns)."""
        size = np.where(np.isfinite(maps), np.abs(maps), -1).argmax(axis=2)
        values = np.take_along_axis(maps, size[:, :, None], axis=2)[:, :, 0]
        return np.moveaxis(self.planes_drawn.turned(values), -1, 0)

    def _seen_by(
        self, layer: LayerMaps, sizes: tuple[int, ...], at: Place
    ) -> tuple[Place, tuple[tuple[int, int], ...]]:
        """The voxel of the input below a position of a map, and the part that the position depends on."""
        sides = self.positions
        shares = [(each + 0.5) / size for each, size in zip(at, sizes, strict=True)]
        first, second, third = (
            min(int(share * side), side - 1) for share, side in zip(shares, sides, strict=True)
        )
        place = (first, second, third)
        if layer.receptive_field is None or len(layer.receptive_field) != 3:
            return place, ()
        window = []
        for center, field, side in zip(place, layer.receptive_field, sides, strict=True):
            wide = side if field is None else min(int(field), 2 * side)
            start = center - wide // 2
            window.append((max(start, 0), min(start + wide, side)))
        return place, tuple(window)

    def _seen(self, window: tuple[tuple[int, int], ...]) -> str:
        """What stands below the input beside the maps."""
        if not window:
            return "input, through the position of the largest value"
        if all(end - start == side for (start, end), side in zip(window, self.positions, strict=True)):
            return "the position of the largest value depends on the whole input"
        sizes = [end - start for start, end in window]
        mm = [size * each for size, each in zip(sizes, self.description.spacing, strict=True)]
        said = f", {in_mm(mm)}" if self.description.oriented else ""
        return f"outlined: what the position of the largest value depends on, {in_voxels(sizes)} voxels{said}"

    def place_position(self, sheet: Sheet, y: int, position: Position, name: str) -> int:
        """Draws the input with the box that a value depends on, and below it the map with the position."""
        window = position.input_window
        fits = len(window) == 3
        at = self.middle
        if fits:
            first, second, third = (
                min((start + end) // 2, side - 1)
                for (start, end), side in zip(window, self.positions, strict=True)
            )
            at = (first, second, third)
        high = self.place_input(sheet, (MARGIN, y, INNER, TALL), at, window if fits else ())
        below = y + high + line_height(SMALL)
        sizes = [end - start for start, end in window]
        seen = f"{in_voxels(sizes)} voxels" if fits else "the whole input"
        sheet.text(MARGIN, below, f"{name}; the value depends on {seen}", size=SMALL, width=INNER)
        values = np.asarray(position.map)
        if values.ndim != 3 or len(position.at) != 3:
            return int(below) + 40
        scale = scale_of(sheet.theme, values)
        spacing = [
            side * each / length
            for side, each, length in zip(self.positions, self.description.spacing, values.shape, strict=True)
        ]
        grid = Planes(values.shape, tuple(spacing), self.description.oriented)
        spot = (position.at[0], position.at[1], position.at[2])
        top = int(below) + 20
        across, tall = grid.place(
            sheet,
            (MARGIN, top, INNER - BAR_ROOM, TALL),
            spot,
            lambda axis: scale.colors(grid.of(values, axis, spot[axis])),
            window=[(each, each + 1) for each in spot],
            name="map",
        )
        sheet.color_bar(MARGIN + across + BAR_GAP, top + 44, max(tall - 90, 60), scale)
        said = f"channel {position.channel} at {spot}: value {number(position.value, 4)}"
        sheet.text(MARGIN, top + tall + 24, said, size=SMALL, color=sheet.theme.second, width=INNER)
        return top + tall + 76

    def place_overlay(self, sheet: Sheet, y: int, overlays: Sequence[Overlay]) -> int:
        """Draws planes of the input, and heat over it, for each attribution.

        They go through the voxel whose class is explained, which is outlined, or else the strongest one.
        """
        for overlay in overlays:
            each = overlay.attribution
            values = np.asarray(each.values, np.float64)
            scale = scale_of(sheet.theme, values, "diverging" if each.signed else None)
            at, window = self._explained(each)
            sheet.text(MARGIN, y + 8, each.method, bold=True, width=INNER)
            said = "  ·  ".join(line for line in overlay.lines if line)
            top = int(sheet.paragraph(MARGIN, y + 8 + line_height(BODY), said, INNER, size=SMALL)) - 18
            width = INNER - BAR_ROOM
            top += self.place_input(sheet, (MARGIN, top, width, TALL), at, window) + 8
            start, across = top, width
            for over in (True, False):
                across, drawn = self.planes_drawn.place(
                    sheet,
                    (MARGIN, top, width, TALL - int(line_height(SMALL))),
                    at,
                    self._heat(sheet, values, scale, at, over=over),
                    window=window,
                    said=False,
                    name=f"{'overlay' if over else 'heat'} {each.method}",
                )
                top += drawn
            sheet.color_bar(MARGIN + across + BAR_GAP, start + 22, min(TALL, top - start - 60), scale)
            y = top + 30
        return y

    def _explained(self, each: Attribution) -> tuple[Place, tuple[tuple[int, int], ...]]:
        """The voxel that planes go through, and what is outlined."""
        if each.at is None or len(each.at) != 3:
            return strongest(np.asarray(each.values, np.float64)), ()
        first, second, third = each.at
        return (first, second, third), tuple((at, at + 1) for at in each.at)

    def _heat(
        self, sheet: Sheet, values: Numbers, scale: Scale, at: Place, *, over: bool
    ) -> Callable[[int], Colors]:
        def colors(axis: int) -> Colors:
            plane = self.planes_drawn.of(values, axis, at[axis])
            heat = scale.colors(plane)
            if not over:
                return heat
            return overlaid(self.colors(axis, at, sheet.theme.missing), heat, plane, scale)

        return colors

    @property
    def tile(self) -> int:
        """Width of a part of a volume in a row of them."""
        return 104

    def markup(self, label: str) -> str:
        """The volume as an element of a page."""
        return image_markup(self.small(LIGHT.missing)[..., :3], label)


class _VolumeViews:
    """Makes the views of volumes."""

    def of_input(self, values: Numbers, description: object = None) -> View:
        """A volume as a model takes it, or the numbers of several visits."""
        if isinstance(description, TimelineDescription):
            return TimelineView(values, description.axis)
        described = description if isinstance(description, VolumeDescription) else None
        return VolumeView(values, described)

    def of_sample(self, sample: Volume) -> View:
        """A volume as it was read."""
        return VolumeView(sample.values, described(sample))


VIEW = _VolumeViews()
