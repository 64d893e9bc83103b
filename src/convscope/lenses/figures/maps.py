"""Feature maps of one input, layer by layer, and of several inputs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.errors import UsageError
from convscope.lenses.sheet.blocks import write_missing
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import BODY, HEADING, INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.theme import Numbers, find_theme
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.view import Sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCALES = ("layer", "map")
ORDERS = ("strongest", "index")
TALLEST_INPUT = 400


def strength(maps: Numbers) -> Numbers:
    """How strong each channel is: the mean of the absolute values that are finite, shape (channels,)."""
    flat = np.abs(np.asarray(maps, np.float64).reshape(-1, np.shape(maps)[-1]))
    finite = np.isfinite(flat)
    return np.asarray(np.where(finite, flat, 0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1))


def chosen_channels(maps: Numbers, channels: int | Sequence[int], order: str) -> list[int]:
    """The channels to show: as named, or the strongest or the first so many.

    Args:
        maps: (..., channels).
        channels: How many, or which.
        order: `strongest` or `index`.

    Raises:
        UsageError: For a channel that is not there, no channel, or an unknown order.
    """
    there = int(np.shape(maps)[-1])
    if order not in ORDERS:
        raise UsageError(f"No order is named '{order}'.", f"Take {' or '.join(ORDERS)}.")
    if not isinstance(channels, int):
        wrong = [each for each in channels if not 0 <= each < there]
        if wrong or not channels:
            raise UsageError(
                f"There is no channel {wrong[0]}." if wrong else "No channel is chosen.",
                f"The channels are 0 to {there - 1}.",
            )
        return [int(each) for each in channels]
    if channels < 1:
        raise UsageError(f"The number of channels must be at least 1, not {channels}.")
    ranked = np.argsort(-strength(maps), kind="stable") if order == "strongest" else np.arange(there)
    return [int(each) for each in ranked[:channels]]


def draw_maps(
    sample: Sample,
    layers: Sequence[LayerMaps],
    *,
    channels: int | Sequence[int] = 16,
    scale: str = "layer",
    order: str = "strongest",
    theme: str = "light",
    title: str = "Feature maps",
) -> Figure:
    """Draws what each layer makes of one input, one block below the other; the figure grows with them.

    Every block has the layer's path, its shape, receptive field and stride, its explanation, the input with
    the receptive field of the middle position outlined, and the maps, each with the number of its channel.

    Args:
        sample: The input.
        layers: The maps, from early to late layers.
        channels: How many maps per layer, or which.
        scale: `layer`: one color scale for the shown maps of a layer, with a bar; `map`: one for each map.
        order: `strongest`: by the mean of absolute values, falling; `index`: the first ones.
        theme: `light` or `dark`.
        title: The heading.

    Returns:
        A figure of 7 inches width.

    Raises:
        UsageError: For unknown names, no layers, channels that are not there, or a figure too tall to draw.
    """
    if scale not in SCALES:
        raise UsageError(f"No scale is named '{scale}'.", f"Take {' or '.join(SCALES)}.")
    if not layers:
        raise UsageError("There is no layer to draw.", "Give at least one layer's maps.")
    view = sample.view
    chosen = [chosen_channels(np.moveaxis(view.planes(each), 0, -1), channels, order) for each in layers]
    sheet = Sheet(find_theme(theme))
    y = sheet.title(title)
    y = int(sheet.paragraph(MARGIN, y, sample.heading, INNER, lines=2, color=sheet.theme.muted))
    if not any(view.holds(each) for each in layers):
        high = view.place_input(sheet, (MARGIN, y - 8, INNER, TALLEST_INPUT))
        y += high - 8 if high else 0
    for layer, numbers in zip(layers, chosen, strict=True):
        y = _draw_layer(sheet, y, sample, layer, numbers, scale, order)
    return sheet.finish(y + MARGIN // 2)


def _draw_layer(
    sheet: Sheet, y: int, sample: Sample, layer: LayerMaps, numbers: list[int], scale: str, order: str
) -> int:
    """Draws the block of one layer from y on; returns where the next one starts."""
    sheet.check(y)
    y = _write_layer(sheet, y, layer)
    block = sample.view.place_maps(sheet, (MARGIN, y, INNER), layer, numbers, scale=scale)
    notes = "; ".join(note for note in (_which(layer, numbers, order), *block.notes) if note)
    below = block.bottom + line_height(SMALL)
    below = sheet.paragraph(block.left, below, notes, block.width, size=SMALL, color=sheet.theme.muted)
    below = write_missing(sheet, block.left, below, layer.maps, block.width)
    return int(max(below, block.beside)) + 14


def _write_layer(sheet: Sheet, y: int, layer: LayerMaps) -> int:
    """Writes path, geometry and explanation; returns where the maps may start."""
    muted = sheet.theme.muted
    sheet.line([MARGIN, MARGIN + INNER], [y, y], color=sheet.theme.rule, width=0.6)
    y += int(line_height(HEADING)) + 6
    room = INNER - width_of(layer.geometry, SMALL) - 30
    sheet.text(MARGIN, y, layer.path, size=HEADING, bold=True, width=room)
    sheet.text(MARGIN + INNER, y, layer.geometry, size=SMALL, color=muted, across="right")
    y += int(line_height(BODY)) + 4
    return int(sheet.paragraph(MARGIN, y, layer.text, INNER, lines=3)) - 14


def _which(layer: LayerMaps, numbers: list[int], order: str) -> str:
    by = "by mean absolute value, strongest first" if order == "strongest" else "in their order"
    if len(numbers) == layer.channels:
        return f"all {layer.channels:,} channels {by}" if layer.channels > 1 else "the only channel"
    if order == "strongest":
        return f"the {len(numbers):,} strongest of {layer.channels:,} channels {by}"
    return f"{len(numbers):,} of {layer.channels:,} channels {by}"
