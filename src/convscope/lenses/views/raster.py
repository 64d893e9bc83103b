"""Images: the input beside its maps, heat over it, and crops."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, MapBlock, Where, place_block
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.pixels import fitted, limits_of_values, pixels_of
from convscope.lenses.sheet.sheet import BODY, INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.theme import LIGHT, Colors, Numbers, Scale, scale_of, shape_text
from convscope.lenses.views.channel_map import SIDE, place_channel_map
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.view import Box, Overlay, Patch, PlacedPatch, View

if TYPE_CHECKING:
    from convscope.scope.attribution.methods import Attribution
    from convscope.scope.channels.position import Position

INPUT = 196
BESIDE = INPUT + 28  # where the maps begin beside the input
COLUMNS = 3
GUTTER = 40
OPACITY = 0.75  # of the strongest heat over the input
_LINE = 26  # between the lines above an attribution
_TALLEST = 1.4  # height of a crop by its width
_ON_A_PAGE = 192  # pixels of the longer side
_PIXELATED = 96

Ranges = tuple[tuple[int, int], ...]


class RasterView(View):
    """An image.

    Args:
        values: (rows, columns, channels); 1 channel is gray, 3 or 4 are red, green and blue, of other
            numbers the mean is shown.
        limits: The numbers of black and white; None: 0 to 1 or 0 to 255 where all values lie there, or else
            the smallest and the largest value.
        beside: The other images of a sample of several, for layers that see one of them.
    """

    def __init__(
        self,
        values: Numbers,
        limits: tuple[float, float] | None = None,
        beside: Sequence[RasterView] = (),
    ) -> None:
        self.values = np.asarray(values)
        self.beside = tuple(beside)
        self.limits = limits or limits_of_values(self.values)

    @property
    def positions(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self.values.shape[:-1]

    @property
    def note(self) -> str:
        """That channels are averaged, where they are."""
        channels = self.values.shape[-1]
        return "" if channels in (1, 3, 4) else f"mean of {channels} channels"

    def picture(self, at: int | None = None) -> Numbers:
        """What is shown, (rows, columns, channels); `at` is a position along axes that are not."""
        return self.values

    def heat(self, values: Numbers) -> Numbers:
        """Those values of an attribution that lie over what is shown, (rows, columns)."""
        return values

    def colors(self, missing: str, at: int | None = None) -> Colors:
        """The image in colors, uint8 (rows, columns, 4); what is not finite is `missing`."""
        return pixels_of(self.picture(at), self.limits, missing)

    def holds(self, layer: LayerMaps) -> bool:
        """An image stands beside maps of any shape."""
        return True

    def place_input(
        self, sheet: Sheet, box: Box, name: str = "input", window: Ranges = (), at: int | None = None
    ) -> int:
        """Draws the image, framed, with a window outlined; returns the height."""
        x, y, wide, high = box
        small = self.colors(sheet.theme.missing, at)
        colors = fitted(small, wide, high, smooth=True)
        drawn = (colors.shape[1], colors.shape[0])
        sheet.box(x, y, *drawn, edge=sheet.theme.rule, width=0.8)
        sheet.image(x, y, colors, name=name)
        if window:
            (top, bottom), (left, right) = window[-2:]
            across, down = drawn[0] / small.shape[1], drawn[1] / small.shape[0]
            sheet.ring(x + left * across, y + top * down, (right - left) * across, (bottom - top) * down)
        return int(drawn[1])

    def thumbnail(self, sheet: Sheet, box: Box, name: str = "input") -> int:
        """Draws the image small; returns the height."""
        return self.place_input(sheet, box, name)

    def place_patch(self, sheet: Sheet, box: Box, patch: Patch, row: Sequence[Patch]) -> PlacedPatch:
        """Draws a crop in the colors of the whole."""
        part = tuple(slice(int(first), int(behind)) for first, behind in patch.window[: len(self.positions)])
        x, y, wide, _ = box
        crop = type(self)(self.values[part], self.limits)
        return PlacedPatch(crop.place_input(sheet, (x, y, wide, int(_TALLEST * wide)), patch.name))

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
        """Draws the maps, and beside them the input with the receptive field of the middle position."""
        x, y, width = where
        spot = (x + BESIDE, y, width - BESIDE)
        block = place_block(sheet, spot, self.planes(layer), channels, scale=scale, name=layer.path)
        shown = self.beside[layer.over - 1] if 0 < layer.over <= len(self.beside) else self
        window = shown._receptive_field(layer)
        high = shown.place_input(sheet, (x, block.top, INPUT, INPUT), window=window)
        beneath = block.top + high + line_height(SMALL)
        color = sheet.theme.second if window else sheet.theme.muted
        sheet.text(x, beneath, shown._seen(window), size=SMALL, color=color, width=INPUT + 20)
        notes = (*block.notes, layer.note) if layer.note else block.notes
        end = int(beneath + line_height(SMALL))
        return MapBlock(block.top, block.bottom, notes, spot[0], spot[2], end)

    def _receptive_field(self, layer: LayerMaps) -> Ranges:
        """The part of the input that a position in the middle depends on; empty where that is not known."""
        sizes = self.positions
        known = layer.receptive_field is not None and len(layer.receptive_field) == len(sizes)
        if not known or layer.receptive_field is None or 0 in layer.receptive_field:
            return ()
        pairs = zip(layer.receptive_field, sizes, strict=True)
        fields = [size if field is None else min(field, size) for field, size in pairs]
        return tuple(
            ((size - field) // 2, (size - field) // 2 + field)
            for size, field in zip(sizes, fields, strict=True)
        )

    def _seen(self, window: Ranges) -> str:
        """What stands below the input beside the maps."""
        if not window:
            return "input"
        shown = zip(window[-2:], self.positions[-2:], strict=True)
        whole = all(end - start == size for (start, end), size in shown)
        return "whole input" if whole else "one receptive field"

    def place_position(self, sheet: Sheet, y: int, position: Position, name: str) -> int:
        """Draws the input with the part that the value depends on, and at the right the map."""
        muted, right = sheet.theme.muted, MARGIN + SIDE + 110
        rank = len(self.positions)
        window = position.input_window
        fits = len(window) == rank
        at = self._slice(window) if fits else None
        high = self.place_input(sheet, (MARGIN, y, SIDE, SIDE), window=window if fits else (), at=at)
        below = y + high + line_height(SMALL)
        seen = shape_text(tuple(end - start for start, end in window)) if window else "the whole input"
        sheet.text(MARGIN, below, name if at is None else f"{name}, slice {at}", size=SMALL, width=SIDE)
        said = f"the value depends on {seen}"
        sheet.text(MARGIN, below + 24, said, size=SMALL, color=sheet.theme.second, width=SIDE)
        if rank == position.map.ndim:
            arrow = y + high / 2
            sheet.line([MARGIN + SIDE + 24, right - 24], [arrow, arrow], color=muted, width=1)
            tip = [arrow - 10, arrow, arrow + 10]
            sheet.line([right - 36, right - 24, right - 36], tip, color=muted, width=1)
        return y + max(high, place_channel_map(sheet, (right, y), position)) + 76

    def _slice(self, window: Ranges) -> int | None:
        """Which slice a window lies in; None for an image, which has none."""
        return None

    def place_overlay(self, sheet: Sheet, y: int, overlays: Sequence[Overlay]) -> int:
        """Draws the input, and columns of heat over it above the heat alone; returns the baseline below."""
        columns = min(COLUMNS, len(overlays))
        side = min(360, (INNER - GUTTER - columns * BAR_ROOM) // (columns + 1 + (columns == 1)))
        for start in range(0, len(overlays), columns):
            y = self._overlay_row(sheet, y, overlays[start : start + columns], side)
        return y

    def _overlay_row(self, sheet: Sheet, y: int, overlays: Sequence[Overlay], side: int) -> int:
        picture = self.colors(sheet.theme.missing)
        pitch = side + BAR_ROOM
        alone_beside = len(overlays) == 1  # a single one has room for everything in a row
        lines = max(len(each.lines) for each in overlays)
        top = y + int(line_height(BODY)) + lines * _LINE - 6
        high = 0
        for place, each in enumerate(overlays):
            x = MARGIN + side + GUTTER + place * pitch
            sheet.text(x, y + 8, each.attribution.method, bold=True, width=pitch - 20)
            for row, line in enumerate(each.lines, 1):
                sheet.text(
                    x, y + 8 + row * _LINE, line, size=SMALL, color=sheet.theme.muted, width=pitch - 20
                )
            high = self._heat_over(sheet, (x, top), each.attribution, picture, side, beside=alone_beside)
        colors = fitted(picture, side, side)
        sheet.text(MARGIN, y + 8, "input", bold=True)
        sheet.box(MARGIN, top, colors.shape[1], colors.shape[0], edge=sheet.theme.rule, width=0.8)
        sheet.image(MARGIN, top, colors, name="input")
        return top + (high if alone_beside else 2 * high + 16) + 50

    def _heat_over(
        self,
        sheet: Sheet,
        spot: tuple[int, int],
        each: Attribution,
        picture: Colors,
        side: int,
        *,
        beside: bool,
    ) -> int:
        """Heat over the image and alone, with its color bar; returns the height of one of the two."""
        values = np.asarray(self.heat(np.asarray(each.values, np.float64)))
        scale = scale_of(sheet.theme, values, "diverging" if each.signed else None)
        heat = scale.colors(values)
        over = fitted(overlaid(picture, heat, values, scale), side, side)
        high, wide = over.shape[:2]
        alone = (spot[0] + wide + 24, spot[1]) if beside else (spot[0], spot[1] + high + 16)
        shown = ((spot, over, "overlay"), (alone, fitted(heat, side, side), "heat"))
        for (across, down), colors, name in shown:
            sheet.box(across, down, wide, high, edge=sheet.theme.rule, width=0.8)
            sheet.image(across, down, colors, name=f"{name} {each.method}")
            factor = (wide / values.shape[1], high / values.shape[0])
            sheet.missing(across, down, ~np.isfinite(values), factor)
            if each.at is not None:
                row, column = each.at[-2:]
                sheet.ring(across + column * factor[0], down + row * factor[1], *factor)
        sheet.color_bar(alone[0] + wide + BAR_GAP - 4, alone[1], high, scale)
        return int(high)

    def markup(self, label: str) -> str:
        """The image as an element of a page."""
        picture = self.picture()
        ready = picture.dtype == np.uint8 and picture.shape[-1] in (1, 3, 4)
        return image_markup(picture if ready else self.colors(LIGHT.missing)[..., :3], label)


class SlicesView(RasterView):
    """A stack of images, (depth, rows, columns, channels), of which the middle one is shown."""

    @property
    def middle(self) -> int:
        """The number of the middle slice."""
        return int(self.values.shape[0]) // 2

    @property
    def note(self) -> str:
        """Which slice is shown."""
        return f"middle slice, {self.middle} of 0 to {self.values.shape[0] - 1}"

    def picture(self, at: int | None = None) -> Numbers:
        """One slice."""
        return np.asarray(self.values[self.middle if at is None else at])

    def heat(self, values: Numbers) -> Numbers:
        """The attribution of the middle slice."""
        return np.asarray(values[self.middle])

    def _slice(self, window: Ranges) -> int | None:
        """The middle of what a value depends on."""
        return min(sum(window[0]) // 2, int(self.values.shape[0]) - 1)


def overlaid(picture: Colors, heat: Colors, values: Numbers, scale: Scale) -> Colors:
    """Heat over a gray image, the more opaque the further it is from nothing.

    Args:
        picture: uint8 (rows, columns, 4).
        heat: The colors of the values, of the same shape.
        values: (rows, columns).
        scale: The scale of the colors.
    """
    low, high = scale.reach
    nothing = 0.0 if scale.kind == "diverging" else min(0.0, low)
    strength = np.abs(np.nan_to_num(values, posinf=0, neginf=0) - nothing) / ((high - nothing) or 1)
    opacity = OPACITY * np.clip(strength, 0, 1)[..., None] ** 0.6
    opacity[~np.isfinite(values)] = 1
    gray = picture[..., :3] @ np.array((0.299, 0.587, 0.114))
    mixed = picture.copy()
    mixed[..., :3] = np.rint((1 - opacity) * gray[..., None] + opacity * heat[..., :3])
    return mixed


def image_markup(pixels: Colors, label: str, *, wide: bool = False) -> str:
    """An image as an `<img>` element, made smaller where it is larger than a page can show.

    Args:
        pixels: uint8 (rows, columns) or (rows, columns, 1, 3 or 4).
        label: What it is, for those who cannot see it.
        wide: Whether it is as wide as there is room; others are square, small ones enlarged by whole pixels.
    """
    from PIL import Image

    gray = pixels.ndim == 3 and pixels.shape[-1] == 1
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if gray else pixels))
    image.thumbnail((_ON_A_PAGE, _ON_A_PAGE))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    address = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
    look = "heard" if wide else "small" if max(pixels.shape[:2]) <= _PIXELATED else "large"
    return f'<img class="{look}" src="{address}" alt="{escape(label)}">'
