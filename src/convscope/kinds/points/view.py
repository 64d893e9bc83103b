"""How point clouds are drawn: from three sides, maps and attributions as the colors of their points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.kinds.points.cells import from_above, place_cells
from convscope.kinds.points.cloud import AXES, Cloud
from convscope.kinds.points.picture import CloudPicture
from convscope.kinds.points.representation import CloudDescription
from convscope.kinds.points.sampling import centered, sampled_rows
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, TALLEST_BAR, MapBlock, Where, scales_of
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import (
    LIGHT,
    Colors,
    Numbers,
    Scale,
    color_bytes,
    count,
    mixed,
    number,
    scale_of,
)
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.raster import image_markup
from convscope.lenses.views.view import Box, Overlay, Patch, PlacedPatch, View

if TYPE_CHECKING:
    from convscope.scope.channels.position import Position

INPUT = 300
"""Side of the input beside its maps."""
MAP, GAP, LABEL = 196, 18, 24
TALL = 380
"""Height of three sides at most, in pixels."""
DRAWN = 2048
"""Points of a cloud as it was read that are drawn."""
NEAR = 16
"""Points around one that are shown as its neighborhood where nothing else says how many."""
STRONGEST = 8


class CloudView(View):
    """A point cloud as a model takes it.

    Args:
        values: Positions, and features behind them, shape (points, 3 + features).
        description: What its points are.
    """

    def __init__(self, values: Numbers, description: CloudDescription | None = None) -> None:
        self.values = np.asarray(values)
        self.description = description or CloudDescription(len(self.values))

    @property
    def points(self) -> int:
        """How many points are different ones."""
        return max(1, min(self.description.distinct, len(self.values)))

    @property
    def places(self) -> Numbers:
        """Of the different points, shape (points, 3)."""
        return self.values[: self.points, :3]

    @property
    def positions(self) -> tuple[int, ...]:
        """The number of points, repeated ones included."""
        return (len(self.values),)

    @cached_property
    def picture(self) -> CloudPicture:
        """The different points."""
        return CloudPicture(self.places, self.reach)

    @cached_property
    def reach(self) -> float:
        """The distance of the farthest point."""
        return float(np.sqrt(np.square(np.nan_to_num(self.places)).sum(axis=1).max())) or 1.0

    @property
    def tile(self) -> int | None:
        """Wide enough to tell shapes."""
        return 130

    @property
    def takes_lines(self) -> bool:
        """Clouds differ in their points, so that maps of several stand one below the other."""
        return True

    @property
    def note(self) -> str:
        """How many points there are, and how large the cloud is."""
        said = count(self.points, "point")
        if self.points < len(self.values):
            said += f", {'filled up' if self.description.filled else 'repeated'} to {len(self.values):,}"
        if self.description.unit:
            said += f", radius {number(self.reach * self.description.unit)} in the unit of the file"
        return said

    def unpadded(self, values: Numbers) -> Numbers:
        """Those of the different points."""
        return np.asarray(values, np.float64)[: self.points]

    def trimmed(self, layer: LayerMaps) -> LayerMaps:
        """Without the points that repeat others."""
        return replace(layer, maps=layer.maps[: self.points]) if self._lies_over(layer) else layer

    def planes(self, layer: LayerMaps) -> Numbers:
        """(channels, points) of maps over the points, without those that repeat others; cells from above."""
        if np.ndim(layer.maps) == 4:
            return from_above(np.asarray(layer.maps))
        return layer.planes[:, : self.points] if self._lies_over(layer) else layer.planes

    def holds(self, layer: LayerMaps) -> bool:
        """Maps over the points, or over cells, stand beside the cloud."""
        return self._lies_over(layer) or np.ndim(layer.maps) == 4

    def _lies_over(self, layer: LayerMaps) -> bool:
        return layer.planes.ndim == 2 and layer.planes.shape[1] <= len(self.values)

    def plain(self, sheet: Sheet) -> Colors:
        """Colors of the points where no value gives them, shape (points, 4)."""
        if self.description.labels is not None:
            return class_colors(self.description.labels[: self.points])
        return np.repeat(color_bytes(sheet.theme.first)[None], self.points, axis=0)

    def place_input(self, sheet: Sheet, box: Box) -> int:
        """Draws the cloud from three sides; returns the height."""
        x, y, wide, high = box
        return self.picture.place_sides(sheet, (x, y, wide, min(high, TALL)), self.plain(sheet))

    def small(self, ground: str, side: int) -> Colors:
        """One picture that stands for the cloud."""
        colors = np.repeat(color_bytes(LIGHT.first)[None], self.points, axis=0)
        if self.description.labels is not None:
            colors = class_colors(self.description.labels[: self.points])
        return self.picture.pixels(colors, side, ground)

    def thumbnail(self, sheet: Sheet, box: Box, name: str = "input") -> int:
        """Draws the cloud small; returns the height."""
        x, y, wide, high = (int(each) for each in box)
        side = min(wide, high)
        self.picture.place(sheet, (x, y, side), self.plain(sheet), name=name, cross=False)
        return side

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
        """Draws the cloud, and beside it once for each channel with its values as colors of the points."""
        if np.ndim(layer.maps) == 4:
            cloud = self.picture, self.plain(sheet)
            return place_cells(cloud, sheet, where, layer, channels, scale=scale)
        if not self._lies_over(layer):
            return super().place_maps(sheet, where, layer, channels, scale=scale, shared=shared)
        x, y, width = where
        top = y + 8
        self.picture.place(sheet, (x, top + LABEL, INPUT), self.plain(sheet))
        end = top + LABEL + INPUT
        left, room = x + INPUT + 36, width - INPUT - 36 - BAR_ROOM
        columns = max(1, (room + GAP) // (MAP + GAP))
        chosen = self.planes(layer)[channels]
        picture = CloudPicture(self.places[: chosen.shape[1]], self.reach)
        scales = scales_of(sheet, chosen, scale)
        if shared is not None and scale == "layer":
            scales = [shared] * len(channels)
        for place, (channel, values) in enumerate(zip(channels, chosen, strict=True)):
            row, column = divmod(place, columns)
            spot = (left + column * (MAP + GAP), top + LABEL + row * (MAP + LABEL + GAP))
            sheet.text(spot[0], spot[1] - 6, str(channel), size=TINY, color=sheet.theme.muted)
            colors = scales[place].colors(values)
            name = f"maps {layer.path} {channel}"
            tinted = scales[place].kind == "diverging"
            picture.place(sheet, (*spot, MAP), colors, name=name, cross=False, tinted=tinted)
        rows = -(-len(channels) // columns)
        bottom = top + rows * (MAP + LABEL + GAP) - GAP
        notes = ["color of a point: the value of the channel there, paler where it is farther away"]
        if chosen.shape[1] < self.points:
            notes.append(f"{count(chosen.shape[1], 'point')} of {self.points:,}, which cover the cloud")
        if scale == "layer":
            high = min(bottom - top - LABEL, TALLEST_BAR)
            sheet.color_bar(x + width - BAR_ROOM + BAR_GAP, top + LABEL, high, scales[0])
        else:
            notes.append("each map on its own scale")
        return MapBlock(top, bottom, tuple(notes), left, room, end)

    def place_overlay(self, sheet: Sheet, y: int, overlays: Sequence[Overlay]) -> int:
        """Draws the cloud from three sides once for each attribution, its points colored."""
        for each in overlays:
            said = "  ·  ".join(line for line in each.lines if line)
            sheet.text(MARGIN, y + 8, each.attribution.method, bold=True, width=INNER)
            after = sheet.paragraph(MARGIN, y + 36, said, INNER, size=SMALL, color=sheet.theme.muted)
            top = int(after - line_height(SMALL)) + 16
            values = self.unpadded(each.attribution.values)
            kind = "diverging" if each.attribution.signed else None
            scale = scale_of(sheet.theme, np.append(values, 0.0), kind)
            box = (MARGIN, top, INNER - BAR_ROOM, TALL)
            name = f"heat {each.attribution.method}"
            colors, tinted = scale.colors(values), scale.kind == "diverging"
            high = self.picture.place_sides(sheet, box, colors, name=name, tinted=tinted)
            sheet.color_bar(MARGIN + INNER - BAR_ROOM + BAR_GAP, top, min(TALLEST_BAR, high - 22), scale)
            below = top + high + line_height(SMALL)
            sheet.text(MARGIN, below, self._strongest(values), size=SMALL, width=INNER)
            y = int(below) + 36
        return y

    def _strongest(self, values: Numbers) -> str:
        """The points with the largest values, by their places."""
        order = np.argsort(-np.abs(np.nan_to_num(values)), kind="stable")[:STRONGEST]
        named = [f"{number(values[at])} at {self._spot(at)}" for at in order.tolist() if values[at]]
        if not named:
            return "no point mattered"
        lines = [f"strongest points: {'; '.join(named[:many])}" for many in range(1, len(named) + 1)]
        return next((line for line in lines[::-1] if width_of(line, SMALL) <= INNER), lines[0])

    def _spot(self, row: int) -> str:
        """Where a point lies."""
        return f"({', '.join(f'{each:.2f}' for each in self.values[row, :3])})"

    @property
    def nouns(self) -> tuple[str, str]:
        """Points, which see those of their neighborhoods."""
        return "point", "neighborhood"

    def nearest(self, row: int, most: int = NEAR) -> npt.NDArray[np.bool_]:
        """Which of the different points lie nearest to one, itself among them, shape (points,)."""
        far = np.square(self.places - self.values[row, :3]).sum(axis=1)
        near = np.zeros(self.points, bool)
        near[np.argsort(far, kind="stable")[:most]] = True
        return near

    def place_patch(self, sheet: Sheet, box: Box, patch: Patch, row: Sequence[Patch]) -> PlacedPatch:
        """Draws the cloud with one point and those nearest to it in color."""
        x, y, wide, _ = (int(each) for each in box)
        window = patch.window[0] if len(patch.window) else (0, self.points)
        if window[1] - window[0] != 1 or window[0] >= self.points:
            return PlacedPatch(self.thumbnail(sheet, box, patch.name))
        at = int(window[0])
        near = self.nearest(at, NEAR * max(patch.hops, 1))
        colors = self.shaded(sheet, near, at)
        self.picture.place(sheet, (x, y, wide), colors, front=near, name=patch.name, cross=False)
        return PlacedPatch(wide, (self._spot(at),), ("orange: the point; blue: those nearest to it",))

    def shaded(self, sheet: Sheet, near: npt.NDArray[np.bool_], at: int | None = None) -> Colors:
        """Colors in which some points stand out, and one of them most, shape (points, 4)."""
        theme = sheet.theme
        colors = np.repeat(color_bytes(mixed(theme.muted, theme.ground, 0.35))[None], self.points, axis=0)
        colors[near] = color_bytes(theme.first)
        if at is not None and at < self.points:
            colors[at] = color_bytes(theme.second)
        return colors

    def kernel_labels(self, position: Position) -> Sequence[str]:
        """The points whose values are added up."""
        if not position.gathered:
            return ()
        return [f"point {place}" for place in position.places[0].tolist()]

    def place_name(self, position: Position) -> str:
        """The point."""
        over = len(position.at) == 1 and len(position.map) <= len(self.values)
        return f"point {position.at[0]} {self._spot(position.at[0])}" if over else ""

    def channel_names(self, position: Position) -> Sequence[str]:
        """The coordinates in front of the channels of a layer that gathers, and the features of the input."""
        names = (*AXES, *self.description.features)
        if not position.gathered and position.inputs.shape[-1:] != (len(names),):
            return ()
        wide = position.inputs.shape[-1]
        if wide == len(names) and np.allclose(np.atleast_2d(position.inputs)[:1], self.values[:1]):
            return names
        return (*AXES, *(f"channel {at}" for at in range(wide - 3))) if position.gathered else ()

    def place_position(self, sheet: Sheet, y: int, position: Position, name: str) -> int:
        """Draws the cloud with the points that the value is made of, and the map."""
        if len(position.at) != 1 or len(position.map) > len(self.values) or not position.gathered:
            return super().place_position(sheet, y, position, name)
        at = position.at[0]
        rows = position.places[0][position.places[0] < self.points]
        near = np.zeros(self.points, bool)
        near[rows] = True
        near[min(at, self.points - 1)] = True
        side = min(TALL, (INNER - BAR_ROOM - 60) // 2)
        right = MARGIN + side + 60
        self.picture.place(sheet, (MARGIN, y, side), self.shaded(sheet, near, at), front=near)
        values = self.unpadded(position.map)
        scale = scale_of(sheet.theme, values)
        shown = CloudPicture(self.places[: len(values)], self.reach)
        chosen = np.arange(len(values)) == at
        tinted = scale.kind == "diverging"
        shown.place(sheet, (right, y, side), scale.colors(values), front=chosen, name="map", tinted=tinted)
        sheet.color_bar(right + side + BAR_GAP, y, TALLEST_BAR, scale)
        below = y + side + line_height(SMALL)
        where = f"orange: point {at}; blue: {count(len(rows), 'point')} that the value is made of"
        sheet.text(MARGIN, below, where, size=SMALL, color=sheet.theme.second, width=side + 50)
        said = f"channel {position.channel}: {number(position.value, 4)} at {self._spot(at)}"
        sheet.text(right, below, said, size=SMALL, color=sheet.theme.second, width=side)
        return int(below) + 44

    def markup(self, label: str) -> str:
        """The cloud as an element of a page."""
        return image_markup(self.small(LIGHT.ground, 220)[..., :3], label)


def class_colors(labels: Numbers) -> Colors:
    """A color for each class number, -1 gray, shape (points, 4)."""
    import matplotlib as mpl

    table = np.asarray(np.rint(255 * mpl.colormaps["tab20"](np.arange(20))), np.uint8)
    table = table[np.r_[0:20:2, 1:20:2]]
    found = table[np.asarray(labels, np.int64) % len(table)]
    found[np.asarray(labels) < 0] = color_bytes("#9a9a9a")
    return np.asarray(found, np.uint8)


class _CloudViews:
    """Makes the views of clouds."""

    def of_input(self, values: Numbers, description: object = None) -> View:
        """A cloud as a model takes it, (points, 3 + features)."""
        return CloudView(values, description if isinstance(description, CloudDescription) else None)

    def of_sample(self, sample: object) -> View:
        """A cloud as it was read, of which some points are drawn."""
        if not isinstance(sample, Cloud):
            raise UsageError(f"A point cloud is drawn. Received: {type(sample).__name__}.")
        rows, distinct = sampled_rows(sample.positions, min(len(sample), DRAWN))
        about, _ = centered(sample.positions[rows])
        return CloudView(about, CloudDescription(distinct, 1.0, sample.names))


VIEW = _CloudViews()
