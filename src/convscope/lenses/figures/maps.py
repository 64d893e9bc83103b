"""Feature maps of one input, layer by layer, and of several inputs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from convscope.errors import UsageError
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, TALLEST_BAR, write_missing
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.mosaic import GAP, averaged
from convscope.lenses.sheet.sheet import BODY, HEADING, INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.strips import along
from convscope.lenses.sheet.theme import Colors, Numbers, Scale, find_theme, scale_of
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.view import Sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCALES = ("layer", "map")
ORDERS = ("strongest", "index")
TALLEST_INPUT = 400
LABEL = 70
LARGEST = 150
MOST_INPUTS = 32


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
    layers = [view.trimmed(each) for each in layers]
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
    y = _write_layer(sheet, y, layer, layer.geometry(*sample.view.nouns))
    block = sample.view.place_maps(sheet, (MARGIN, y, INNER), layer, numbers, scale=scale)
    notes = "; ".join(note for note in (_which(layer, numbers, order), *block.notes) if note)
    below = block.bottom + line_height(SMALL)
    below = sheet.paragraph(block.left, below, notes, block.width, size=SMALL, color=sheet.theme.muted)
    below = write_missing(sheet, block.left, below, layer.maps, block.width)
    return int(max(below, block.beside)) + 14


def _write_layer(sheet: Sheet, y: int, layer: LayerMaps, geometry: str) -> int:
    """Writes path, geometry and explanation; returns where the maps may start."""
    muted = sheet.theme.muted
    sheet.line([MARGIN, MARGIN + INNER], [y, y], color=sheet.theme.rule, width=0.6)
    y += int(line_height(HEADING)) + 6
    room = INNER - width_of(geometry, SMALL) - 30
    sheet.text(MARGIN, y, layer.path, size=HEADING, bold=True, width=room)
    sheet.text(MARGIN + INNER, y, geometry, size=SMALL, color=muted, across="right")
    y += int(line_height(BODY)) + 4
    return int(sheet.paragraph(MARGIN, y, layer.text, INNER, lines=3)) - 14


def _which(layer: LayerMaps, numbers: list[int], order: str) -> str:
    by = "by mean absolute value, strongest first" if order == "strongest" else "in their order"
    if len(numbers) == layer.channels:
        return f"all {layer.channels:,} channels {by}" if layer.channels > 1 else "the only channel"
    if order == "strongest":
        return f"the {len(numbers):,} strongest of {layer.channels:,} channels {by}"
    return f"{len(numbers):,} of {layer.channels:,} channels {by}"


def draw_comparison(
    samples: Sequence[Sample],
    maps: Sequence[LayerMaps],
    *,
    channels: int | Sequence[int] = 8,
    scale: str = "layer",
    order: str = "strongest",
    theme: str = "light",
    title: str = "The same channels for several inputs",
) -> Figure:
    """Draws one layer's maps of several inputs: a column for each input, a row for each channel.

    Args:
        samples: The inputs, all of one rank, at most 32.
        maps: The same layer's maps of each.
        channels: How many rows, or which channels.
        scale: `layer`: one color scale for everything, with a bar; `map`: each map has its own.
        order: `strongest`: by the mean of absolute values over all inputs, falling; `index`: the first ones.
        theme: `light` or `dark`.
        title: The heading.

    Returns:
        A figure of 7 inches width.

    Raises:
        UsageError: For no or too many inputs, maps that do not belong together, or unknown names.
    """
    maps = [sample.view.trimmed(each) for sample, each in zip(samples, maps, strict=False)]
    every = [sample.view.planes(each) for sample, each in zip(samples, maps, strict=False)]
    _check(samples, maps, every, scale)
    numbers = _numbers(every, channels, order)
    scale = "layer" if every[0].ndim == 1 else scale  # a single value has no scale of its own
    sheet = Sheet(find_theme(theme))
    y = sheet.title(title)
    sheet.text(MARGIN, y + 8, maps[0].path, size=HEADING, bold=True, width=INNER)
    y = int(sheet.paragraph(MARGIN, y + 8 + line_height(BODY) + 2, maps[0].text, INNER, lines=3))
    if samples[0].view.takes_lines and every[0].ndim >= 2:
        return _draw_lines(sheet, y, samples, maps, every, numbers, scale)
    below = _draw_columns(sheet, y, samples, maps, every, numbers, scale, order)
    return sheet.finish(below + MARGIN // 2)


def _draw_columns(
    sheet: Sheet,
    y: int,
    samples: Sequence[Sample],
    maps: Sequence[LayerMaps],
    every: Sequence[Numbers],
    numbers: list[int],
    scale: str,
    order: str,
) -> float:
    """A column for each input, a row for each channel; returns the baseline below."""
    muted = sheet.theme.muted
    side = min(LARGEST, (INNER - LABEL - BAR_ROOM + GAP) // len(samples) - GAP)
    planes = [each[numbers] for each in every]
    cells = [[_cell(plane, side) for plane in of_sample] for of_sample in planes]
    shared = scale_of(sheet.theme, np.concatenate([cell.ravel() for column in cells for cell in column]))
    y = _place_inputs(sheet, y, samples, side)
    top = y
    for row, channel in enumerate(numbers):
        drawn = [_colored(sheet, cells[column][row], side, shared, scale) for column in range(len(samples))]
        high = max(each.shape[0] for each, _ in drawn)
        sheet.text(
            MARGIN + LABEL - 12,
            y + high / 2 + 8,
            str(channel),
            size=SMALL,
            color=muted,
            across="right",
        )
        for column, (colors, factor) in enumerate(drawn):
            x = MARGIN + LABEL + column * (side + GAP)
            sheet.box(x, y, colors.shape[1], colors.shape[0], edge=sheet.theme.rule, width=0.8)
            sheet.image(x, y, colors, name=f"map {channel} of {column}")
            sheet.missing(x, y, ~np.isfinite(cells[column][row]), factor)
        y += high + GAP
    if scale == "layer":
        right = MARGIN + LABEL + len(samples) * (side + GAP) + BAR_GAP - GAP
        sheet.color_bar(right, top, min(y - GAP - top, TALLEST_BAR), shared)
    notes = [
        f"{len(numbers):,} of {maps[0].channels:,} channels"
        + (", the strongest over all inputs by mean absolute value first" if order == "strongest" else ""),
        "one scale for all" if scale == "layer" else "each map on its own scale",
        maps[0].note,
    ]
    notes_line = "; ".join(note for note in notes if note)
    below = sheet.paragraph(MARGIN, y + line_height(SMALL) - 4, notes_line, INNER, size=SMALL, color=muted)
    return write_missing(sheet, MARGIN, below, np.stack(planes), INNER)


def _check(
    samples: Sequence[Sample], maps: Sequence[LayerMaps], planes: Sequence[Numbers], scale: str
) -> None:
    if scale not in SCALES:
        raise UsageError(f"No scale is named '{scale}'.", f"Take {' or '.join(SCALES)}.")
    if not 1 <= len(samples) <= MOST_INPUTS:
        raise UsageError(
            f"A comparison takes 1 to {MOST_INPUTS} inputs, not {len(samples)}.",
            "Draw several sheets, or a page per input.",
        )
    if len(samples) != len(maps):
        raise UsageError(f"{len(samples)} inputs have maps of {len(maps)}.", "Give the maps of each input.")
    first = 1 if samples[0].view.takes_lines else None
    shapes = sorted({(each.path, shown.shape[:first]) for each, shown in zip(maps, planes, strict=True)})
    geometries = {(type(sample.view), len(sample.view.positions)) for sample in samples}
    if len(shapes) > 1 or len(geometries) > 1:
        raise UsageError(
            f"Only maps of one layer and one shape can be compared; received {shapes}.",
            "Give inputs of one size and the maps of one layer.",
        )


def _numbers(planes: Sequence[Numbers], channels: int | Sequence[int], order: str) -> list[int]:
    """The rows: chosen by the mean strength over all inputs."""
    if isinstance(channels, int) and order == "strongest":
        together = np.mean([strength(np.moveaxis(each, 0, -1)) for each in planes], axis=0)
        return chosen_channels(together, channels, order)
    return chosen_channels(np.moveaxis(planes[0], 0, -1), channels, order)


def _draw_lines(
    sheet: Sheet,
    y: int,
    samples: Sequence[Sample],
    maps: Sequence[LayerMaps],
    planes: Sequence[Numbers],
    numbers: list[int],
    scale: str,
) -> Figure:
    """The inputs one below the other, each with the same channels."""
    every = np.concatenate([each[numbers].ravel() for each in planes])
    shared = scale_of(sheet.theme, every) if scale == "layer" else None
    notes: list[str] = []
    for place, (sample, layer) in enumerate(zip(samples, maps, strict=True)):
        sheet.check(y)
        line = "  ·  ".join(part for part in (sample.name, sample.caption) if part)
        sheet.text(MARGIN, y + 4, line, size=SMALL, color=sheet.theme.muted, width=INNER)
        where, named = (MARGIN, y + 20, INNER), replace(layer, path=f"of {place}")
        block = sample.view.place_maps(sheet, where, named, numbers, scale=scale, shared=shared)
        y = max(block.bottom, block.beside) + 40
        notes += [note for note in block.notes if note not in notes]
    said = f"{len(numbers):,} of {maps[0].channels:,} channels"
    notes = [said, *(["one scale for all"] if shared else []), *notes]
    y = int(sheet.paragraph(MARGIN, y, "; ".join(notes), INNER, size=SMALL, color=sheet.theme.muted))
    below = write_missing(sheet, MARGIN, y, every, INNER)
    return sheet.finish(below + MARGIN // 2)


def _place_inputs(sheet: Sheet, y: int, samples: Sequence[Sample], side: int) -> int:
    """Names above the inputs; returns where the rows start."""
    size = SMALL if side >= 100 else TINY
    y += 4
    high = 0
    for column, sample in enumerate(samples):
        x = MARGIN + LABEL + column * (side + GAP)
        sheet.text(x, y, sample.name, size=size, width=side)
        sheet.text(x, y + line_height(size), sample.caption, size=size, color=sheet.theme.muted, width=side)
    y += int(line_height(size)) + 12
    for column, sample in enumerate(samples if samples[0].view.tile is not None else ()):
        x = MARGIN + LABEL + column * (side + GAP)
        high = max(high, sample.view.thumbnail(sheet, (x, y, side, 2 * side)))
    if high:
        middle, color = y + high / 2 + 8, sheet.theme.muted
        sheet.text(MARGIN + LABEL - 12, middle, "input", size=SMALL, color=color, across="right")
    return y + high + 2 * GAP


def _cell(plane: Numbers, side: int) -> Numbers:
    """One map as a grid (rows, columns) with no more columns than there are pixels."""
    if plane.ndim == 0:
        return np.asarray(plane, np.float64).reshape(1, 1)
    if plane.ndim == 1:
        return np.asarray(along(plane[None], side)[0])
    mean = max(1, -(-plane.shape[1] // side), -(-plane.shape[0] // (2 * side)))
    return np.asarray(averaged(plane[None], (mean, mean))[0])


def _colored(
    sheet: Sheet, cell: Numbers, side: int, shared: Scale, scale: str
) -> tuple[Colors, tuple[int, int]]:
    """The colors of one map, enlarged to its place, and by how much along its width and height."""
    own = shared if scale == "layer" else scale_of(sheet.theme, cell, shared.kind)
    rows, columns = cell.shape
    factor = max(1, min(side // columns, max(1, 2 * side // rows)))
    down = factor if rows > 1 else min(28, side)
    across = factor if rows > 1 else max(1, side // columns)
    return np.repeat(np.repeat(own.colors(cell), down, axis=0), across, axis=1), (across, down)
