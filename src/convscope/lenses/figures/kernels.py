"""The kernels of a layer: the first as images, deeper ones by norms and by inputs of maximal output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.figures.maps import chosen_channels
from convscope.lenses.figures.responses import draw_responses
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, TALLEST_BAR, write_missing
from convscope.lenses.sheet.heat import place_matrix
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.mosaic import place_mosaic, tile
from convscope.lenses.sheet.pixels import pixels_of
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.strips import place_strips
from convscope.lenses.sheet.theme import (
    Colors,
    Numbers,
    Scale,
    color_bytes,
    count,
    find_theme,
    number,
    scale_of,
    shape_text,
)
from convscope.lenses.views.timeline.signals import Signal
from convscope.lenses.views.timeline.thumbnails import place_small_signal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convscope.scope.channels.kernels import Kernels

LABEL = 60
LINES = 3  # input channels per kernel over a length
PLOT = (305, 110)


def draw_kernels(
    kernels: Kernels,
    *,
    channels: int | Sequence[int] = 64,
    order: str = "index",
    theme: str = "light",
    title: str = "",
    rate: float | None = None,
) -> Figure:
    """Draws the kernels of one layer.

    Kernels over one input channel are gray images in which 0 is the middle gray, over three channels images
    in red, green and blue; those over a volume show their slices, those over a length are lines, of series
    with their frequency response. Kernels over more channels show their norm per input channel. Inputs that
    maximize their output are shown where they were computed.

    Args:
        kernels: The weights, norms and excitations.
        channels: How many kernels to draw, or which; norms are always of all.
        order: `index`: the first ones; `strongest`: by the mean absolute weight, falling.
        theme: `light` or `dark`.
        title: The heading; the layer's path if empty.
        rate: Positions of the model's input per second, where these are a series; None: not known.

    Returns:
        A figure of 7 inches width.

    Raises:
        UsageError: For unknown names or kernels that are not there.
    """
    sheet = Sheet(find_theme(theme))
    weights = _by_kernel(kernels)
    *size, into, there = weights.shape
    y = sheet.title(title or f"Kernels of {kernels.path}")
    of = f" of {shape_text(size)}" if size else ""
    over = "one input channel each" if into == 1 and there > 1 else count(into, "input channel")
    facts = f"{kernels.type}  ·  {count(there, 'kernel')}{of} over {over}"
    y = int(sheet.paragraph(MARGIN, y, facts, INNER, color=sheet.theme.muted)) + 4
    numbers = chosen_channels(weights, channels, order)
    pictured = (len(size) == 2 and into in (1, 3)) or (len(size) == 3 and into == 1)
    if pictured:
        y = _draw_pictures(sheet, y, weights, numbers)
    elif len(size) == 1 and kernels.step is not None:
        y = draw_responses(sheet, y, kernels, weights, numbers, rate)
    elif len(size) == 1:
        y = _draw_lines(sheet, y, weights, numbers[:24])
    if into > 1 and not pictured:
        y = _draw_norms(sheet, y, np.asarray(kernels.norms).reshape(into, there))
    if kernels.excitations is not None and len(kernels.excitations):
        y = _draw_excitations(sheet, y, kernels.excitations, kernels.chosen, kernels.limits)
    y = int(write_missing(sheet, MARGIN, y + 4, weights, INNER))
    return sheet.finish(y + MARGIN // 2)


def _by_kernel(kernels: Kernels) -> Numbers:
    """(k..., channels_in, kernels); depthwise kernels each see one channel."""
    weights = np.asarray(kernels.weights)
    if "Depthwise" in kernels.type:
        return weights.reshape(*weights.shape[:-2], 1, -1)
    return weights


def _draw_pictures(sheet: Sheet, y: int, weights: Numbers, numbers: list[int]) -> int:
    chosen = np.moveaxis(weights[..., numbers], -1, 0)
    room = INNER - BAR_ROOM
    three = chosen.ndim == 4 and chosen.shape[-1] == 3
    scale = scale_of(sheet.theme, chosen, "gray")
    slices, labels = 1, [str(each) for each in numbers]
    if three:
        furthest = max(abs(scale.low), abs(scale.high)) or 1.0
        colored = _in_colors(sheet, chosen, furthest)
        missing = np.asarray(~np.isfinite(chosen).all(axis=-1))
        said = (
            f"Red, green and blue are the three input channels; the middle gray is 0, the ends are "
            f"{number(-furthest)} and {number(furthest)}."
        )
    else:
        flat = chosen[..., 0]
        colored, missing = scale.colors(flat), ~np.isfinite(flat)
        said = "Middle gray is 0."
        if flat.ndim == 4:
            slices = flat.shape[1]
            colored = colored.reshape(-1, *colored.shape[2:])
            missing = missing.reshape(-1, *missing.shape[2:])
            labels = [f"{kernel}:{deep}" for kernel in numbers for deep in range(slices)]
            said = "Middle gray is 0; each slice along the depth is numbered kernel:slice."
    shown = (
        f"all {weights.shape[-1]:,}"
        if len(numbers) == weights.shape[-1]
        else f"{len(numbers)} of {weights.shape[-1]:,}"
    )
    y = sheet.section(y, "Weights", f"{said} Shown: {shown}; numbered by kernel.")
    most = slices * max(1, 12 // slices) if slices > 1 else 16
    tiling = tile(len(labels), (colored.shape[1], colored.shape[2]), room, most=most)
    if slices <= tiling.columns:  # a row begins with a kernel's first slice
        tiling = replace(tiling, columns=tiling.columns - tiling.columns % slices)
    top = y - 14
    place_mosaic(sheet, MARGIN, top, colored, tiling, labels, missing=missing, name="kernels")
    high = tiling.size(len(labels))[1]
    if not three:
        sheet.color_bar(
            MARGIN + room + BAR_GAP, top + tiling.label, min(high - tiling.label, TALLEST_BAR), scale
        )
    return top + high + 24


def _in_colors(sheet: Sheet, chosen: Numbers, furthest: float) -> Colors:
    finite = np.isfinite(chosen)
    colors = np.full((*chosen.shape[:-1], 4), 255, np.uint8)
    colors[..., :3] = np.rint(255 * (0.5 + np.where(finite, chosen, 0) / (2 * furthest)))
    colors[~finite.all(axis=-1)] = color_bytes(sheet.theme.missing)
    return colors


def _draw_lines(sheet: Sheet, y: int, weights: Numbers, numbers: list[int]) -> int:
    """Kernels over a length: the weights of the input channels of largest norm, all on one scale."""
    theme = sheet.theme
    into = weights.shape[1]
    which = (
        "the input channels of largest norm, named in their color"
        if into > LINES
        else "the input channels, named in their color"
    )
    said = "Weights over the positions of the kernel" + (f": {which}." if into > 1 else ".")
    y = sheet.section(
        y, "Weights", f"{said} Shown: {len(numbers)} of {weights.shape[-1]:,} kernels, on one scale."
    )
    furthest = float(np.abs(weights[np.isfinite(weights)]).max(initial=0)) or 1.0
    wide, high = PLOT
    left = MARGIN + 70
    for place, kernel in enumerate(numbers):
        row, column = divmod(place, 4)
        x, top = left + column * (wide + 10), y - 8 + row * (high + 40)
        sheet.text(x, top + 16, f"kernel {kernel}" if column == 0 and row == 0 else str(kernel), size=SMALL)
        each = weights[..., kernel].astype(np.float64)
        strongest = np.argsort(-np.nan_to_num(np.abs(each)).sum(axis=0), kind="stable")[:LINES]
        _plot(sheet, (x, top + 26, wide, high), each[:, strongest], furthest)
        if into > 1:
            right = x + wide - 2.0
            for channel, color in reversed(list(zip(strongest, _line_colors(sheet), strict=False))):
                sheet.text(right, top + 16, str(channel), size=TINY, color=color, across="right")
                right -= width_of(str(channel), TINY) + 12
        if column == 0:
            for value, down in ((furthest, 14), (0.0, high / 2 + 6), (-furthest, high)):
                sheet.text(
                    x - 10, top + 26 + down, number(value, 2), size=TINY, color=theme.muted, across="right"
                )
    return y - 8 + -(-len(numbers) // 4) * (high + 40) + 20


def _line_colors(sheet: Sheet) -> tuple[str, str, str]:
    return sheet.theme.first, sheet.theme.second, sheet.theme.muted


def _plot(sheet: Sheet, box: tuple[int, int, int, int], lines: Numbers, furthest: float) -> None:
    """Lines (positions, lines) with a mark at every position, around 0 in the middle."""
    x, y, wide, high = box
    sheet.box(x, y, wide, high, edge=sheet.theme.rule, width=0.8)
    sheet.line([x, x + wide], [y + high / 2, y + high / 2], color=sheet.theme.rule, width=0.6)
    xs = x + (np.arange(len(lines)) + 0.5) / len(lines) * wide
    for each, color in reversed(list(zip(lines.T, _line_colors(sheet), strict=False))):
        ys = y + high / 2 - each / furthest * (high / 2 - 8)
        sheet.line(list(xs), list(ys), color=color, width=1.1)
        if len(lines) <= 16:
            for across, down in zip(xs, ys, strict=True):
                if np.isfinite(down):
                    sheet.box(across - 3.5, down - 3.5, 7, 7, fill=color, edge=sheet.theme.ground, width=0.3)


def _draw_norms(sheet: Sheet, y: int, norms: Numbers) -> int:
    y = sheet.section(
        y,
        "Norms",
        "L2 norm of the weights of each kernel (across) for each input channel (down).",
    )
    bottom, note = place_matrix(
        sheet,
        (MARGIN, y - 8, INNER, 800),
        norms,
        Scale(sheet.theme, 0.0, scale_of(sheet.theme, norms).high),
        across="kernel",
        down="input channel",
        name="norms",
    )
    if note:
        sheet.text(MARGIN, bottom + line_height(SMALL), note, size=SMALL, color=sheet.theme.muted)
        bottom += int(line_height(SMALL))
    return bottom + 26


def _stretched(values: Numbers, limits: tuple[float, float]) -> tuple[float, float]:
    """Numbers of black and white, as far from the middle of the input's range as the values reach."""
    middle = sum(limits) / 2
    furthest = float(np.nanmax(np.abs(np.asarray(values) - middle), initial=0.0)) or 1.0
    return middle - furthest, middle + furthest


def _picture(values: Numbers) -> Numbers:
    """An image, or the middle slice of a volume."""
    return values if np.ndim(values) < 4 else np.asarray(values[len(values) // 2])


def _draw_excitations(
    sheet: Sheet, y: int, excitations: Numbers, chosen: Sequence[int], limits: tuple[float, float]
) -> int:
    y = sheet.section(
        y,
        "Activation maximization",
        "Inputs optimized for the largest output of each kernel, each stretched to full contrast.",
    )
    if np.ndim(excitations) == 2:
        labels = [str(each) for each in chosen]
        scale = scale_of(sheet.theme, excitations)
        room = INNER - LABEL - BAR_ROOM
        spot = (MARGIN + LABEL, y - 8, room)
        high, _ = place_strips(sheet, spot, excitations, labels, [scale] * len(labels), name="excitations")
        sheet.color_bar(MARGIN + LABEL + room + BAR_GAP, y - 8, min(high, TALLEST_BAR), scale)
        return y - 8 + high + 24
    if np.ndim(excitations) == 3:
        for place, (values, kernel) in enumerate(zip(excitations, chosen, strict=True)):
            row, column = divmod(place, 4)
            x, top = MARGIN + column * (PLOT[0] + 30), y - 8 + row * (PLOT[1] + 40)
            sheet.text(x, top + 16, str(kernel), size=SMALL, color=sheet.theme.muted)
            place_small_signal(sheet, (x, top + 26, *PLOT), Signal(np.asarray(values, np.float64)), None)
        return y - 8 + -(-len(chosen) // 4) * (PLOT[1] + 40) + 20
    pictures = np.stack(
        [
            pixels_of(_picture(values), _stretched(values, limits), sheet.theme.missing)
            for values in excitations
        ]
    )
    tiling = tile(len(pictures), (pictures.shape[1], pictures.shape[2]), INNER)
    pictures = pictures[:, :: tiling.mean, :: tiling.mean]
    place_mosaic(sheet, MARGIN, y - 14, pictures, tiling, [str(each) for each in chosen], name="excitations")
    return y - 14 + tiling.size(len(pictures))[1] + 24
