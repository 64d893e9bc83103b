"""The kernels of a layer: the first as images, deeper ones by norms and by inputs of maximal output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from convscope.lenses.figures.maps import chosen_channels
from convscope.lenses.figures.responses import draw_responses
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, TALLEST_BAR, write_missing
from convscope.lenses.sheet.heat import place_matrix
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.mosaic import Tiling, assembled, place_mosaic, tile
from convscope.lenses.sheet.pixels import pixels_of
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.strips import place_strips
from convscope.lenses.sheet.theme import (
    Colors,
    Numbers,
    Scale,
    Theme,
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
_FILM_LETTERS = 16  # pixels
SLICES = 12
"""Of an input of three axes, at most."""


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
    in red, green and blue; those over a volume or over frames show their slices, those over a length are
    lines, of series with their frequency response. Kernels over more channels show their norm per input
    channel. Inputs that maximize their output are shown where they were computed.

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
    pictured = _are_pictures(weights)
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


def _are_pictures(weights: Numbers) -> bool:
    """Whether kernels, (k..., channels_in, kernels), can be seen as they are."""
    return weights.ndim in (4, 5) and weights.shape[-2] in (1, 3)


def kernel_films(
    kernels: Kernels, *, channels: int | Sequence[int] = 64, order: str = "index", theme: str = "light"
) -> dict[str, list[Colors]]:
    """Kernels of three axes, and inputs that maximize their output, as films along the first axis.

    Args:
        kernels: As for `draw_kernels`.
        channels: Likewise.
        order: Likewise.
        theme: `light` or `dark`.

    Returns:
        Frames, uint8 (rows, columns, 4), one for each position along the first axis: `weights` of kernels
        that are pictures, and `excitations`; without those that have a single position.
    """
    colors, weights = find_theme(theme), _by_kernel(kernels)
    films = {}
    if weights.ndim == 5 and len(weights) > 1 and _are_pictures(weights):
        numbers = chosen_channels(weights, channels, order)
        colored = _colored(colors, np.moveaxis(weights[..., numbers], -1, 0)).colors
        films["weights"] = _film(colors, colored, numbers)
    found = kernels.excitations
    if found is not None and np.ndim(found) == 5 and len(found) and found.shape[1] > 1:
        colored = np.stack([_stretched_pixels(each, kernels.limits, colors.missing) for each in found])
        films["excitations"] = _film(colors, colored, kernels.chosen)
    return films


def _film(theme: Theme, colored: Colors, numbers: Sequence[int]) -> list[Colors]:
    """Small films (films, frames, rows, columns, 4) beside one another, each below its number."""
    tiling = tile(len(colored), (colored.shape[2], colored.shape[3]), INNER // 2)
    frames = []
    for at in range(colored.shape[1]):
        tiles = np.ascontiguousarray(colored[:, at, :: tiling.mean, :: tiling.mean])
        picture = Image.fromarray(assembled(tiles, tiling, theme.rule))
        ground = Image.new("RGBA", picture.size, theme.ground)
        ground.alpha_composite(picture)
        pen = ImageDraw.Draw(ground)
        for place, kernel in enumerate(numbers):
            across, down = tiling.spot(place)
            pen.text(
                (across, down - _FILM_LETTERS - 4), str(kernel), fill=theme.muted, font_size=_FILM_LETTERS
            )
        frames.append(np.asarray(ground))
    return frames


@dataclass(frozen=True, eq=False)
class _Colored:
    """Kernels in colors.

    Args:
        colors: uint8 (kernels, k..., 4).
        missing: Where no finite number is, (kernels, k...).
        scale: Of one input channel; None of three.
        said: What the colors mean.
    """

    colors: Colors
    missing: npt.NDArray[np.bool_]
    scale: Scale | None
    said: str


def _colored(theme: Theme, chosen: Numbers) -> _Colored:
    """Kernels (kernels, k..., channels_in) over one channel in gray, over three in their colors."""
    scale = scale_of(theme, chosen, "gray")
    if chosen.shape[-1] == 1:
        flat = chosen[..., 0]
        return _Colored(scale.colors(flat), ~np.isfinite(flat), scale, "Middle gray is 0")
    furthest = max(abs(scale.low), abs(scale.high)) or 1.0
    missing = np.asarray(~np.isfinite(chosen).all(axis=-1))
    said = (
        "Red, green and blue are the three input channels; the middle gray is 0, the ends are "
        f"{number(-furthest)} and {number(furthest)}"
    )
    return _Colored(_in_colors(theme, chosen, furthest), missing, None, said)


def _draw_pictures(sheet: Sheet, y: int, weights: Numbers, numbers: list[int]) -> int:
    found = _colored(sheet.theme, np.moveaxis(weights[..., numbers], -1, 0))
    room = INNER - BAR_ROOM
    colored, missing, said = found.colors, found.missing, f"{found.said}."
    slices, labels = 1, [str(each) for each in numbers]
    if missing.ndim == 4:
        slices = missing.shape[1]
        colored = colored.reshape(-1, *colored.shape[2:])
        missing = missing.reshape(-1, *missing.shape[2:])
        labels = _by_slice(numbers, slices)
        said = f"{found.said}; each slice along the first axis is numbered kernel:slice."
    shown = (
        f"all {weights.shape[-1]:,}"
        if len(numbers) == weights.shape[-1]
        else f"{len(numbers)} of {weights.shape[-1]:,}"
    )
    y = sheet.section(y, "Weights", f"{said} Shown: {shown}; numbered by kernel.")
    tiling = _tiled(len(labels), colored.shape[1:3], room, slices)
    top = y - 14
    place_mosaic(sheet, MARGIN, top, colored, tiling, labels, missing=missing, name="kernels")
    high = tiling.size(len(labels))[1]
    if found.scale is not None:
        sheet.color_bar(
            MARGIN + room + BAR_GAP, top + tiling.label, min(high - tiling.label, TALLEST_BAR), found.scale
        )
    return top + high + 24


def _by_slice(numbers: Sequence[int], slices: int) -> list[str]:
    return [f"{kernel}:{deep}" for kernel in numbers for deep in range(slices)]


def _tiled(count: int, shape: tuple[int, ...], room: int, slices: int) -> Tiling:
    """How slices are laid out: a row begins with a kernel's first one, where all of them fit into it."""
    most = slices * max(1, 12 // slices) if slices > 1 else 16
    tiling = tile(count, (shape[0], shape[1]), room, most=most)
    if slices <= tiling.columns:
        return replace(tiling, columns=tiling.columns - tiling.columns % slices)
    return tiling


def _in_colors(theme: Theme, chosen: Numbers, furthest: float) -> Colors:
    finite = np.isfinite(chosen)
    colors = np.full((*chosen.shape[:-1], 4), 255, np.uint8)
    colors[..., :3] = np.rint(255 * (0.5 + np.where(finite, chosen, 0) / (2 * furthest)))
    colors[~finite.all(axis=-1)] = color_bytes(theme.missing)
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


def _stretched_pixels(values: Numbers, limits: tuple[float, float], missing: str) -> Colors:
    """An input at full contrast, uint8 (rows, columns, 4); with a first axis of slices where it has one."""
    ends = _stretched(values, limits)
    if np.ndim(values) < 4:
        return pixels_of(values, ends, missing)
    return np.stack([pixels_of(each, ends, missing) for each in values])


def _few_slices(values: Numbers) -> Numbers:
    """An image as it is; of three axes a few slices, evenly along the first."""
    if np.ndim(values) < 4:
        return values
    count = len(values)
    return np.asarray(values[np.linspace(0, count - 1, min(count, SLICES)).round().astype(int)])


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
    few = [_few_slices(values) for values in excitations]
    pictures = np.stack([_stretched_pixels(values, limits, sheet.theme.missing) for values in few])
    slices = pictures.shape[1] if pictures.ndim == 5 else 1
    pictures = pictures.reshape(-1, *pictures.shape[-3:])
    labels = _by_slice(chosen, slices) if slices > 1 else [str(each) for each in chosen]
    tiling = _tiled(len(pictures), pictures.shape[1:3], INNER, slices)
    pictures = pictures[:, :: tiling.mean, :: tiling.mean]
    place_mosaic(sheet, MARGIN, y - 14, pictures, tiling, labels, name="excitations")
    return y - 14 + tiling.size(len(pictures))[1] + 24
