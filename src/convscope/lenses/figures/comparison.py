"""Several inputs side by side: the same channels of one layer in rows, on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from convscope.errors import UsageError
from convscope.lenses.figures.maps import SCALES, LayerMaps, chosen_channels, strength
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, TALLEST_BAR, write_missing
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.mosaic import GAP, averaged
from convscope.lenses.sheet.sheet import BODY, HEADING, INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.strips import along
from convscope.lenses.sheet.theme import Colours, Numbers, Scale, find_theme, scale_of
from convscope.lenses.views.sample import Sample, place_line, place_picture
from convscope.lenses.views.text_maps import place_text_block

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABEL = 70
LARGEST = 150
MOST = 32


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
        scale: `layer`: one colour scale for everything, with a bar; `map`: each map has its own.
        order: `strongest`: by the mean of absolute values over all inputs, falling; `index`: the first ones.
        theme: `light` or `dark`.
        title: The heading.

    Returns:
        A figure of 7 inches width.

    Raises:
        UsageError: For no or too many inputs, maps that do not belong together, or unknown names.
    """
    _check(samples, maps, scale)
    numbers = _numbers(samples, maps, channels, order)
    scale = "layer" if maps[0].planes.ndim == 1 else scale  # a single value has no scale of its own
    sheet = Sheet(find_theme(theme))
    muted = sheet.theme.muted
    y = sheet.title(title)
    sheet.text(MARGIN, y + 8, maps[0].path, size=HEADING, bold=True, width=INNER)
    y = int(sheet.paragraph(MARGIN, y + 8 + line_height(BODY) + 2, maps[0].text, INNER, lines=3))
    if samples[0].tokens is not None and maps[0].planes.ndim == 2:
        return _draw_texts(sheet, y, samples, maps, numbers, scale)
    side = min(LARGEST, (INNER - LABEL - BAR_ROOM + GAP) // len(samples) - GAP)
    planes = [_upright(sample, each.planes[numbers]) for sample, each in zip(samples, maps, strict=True)]
    cells = [[_cell(plane, side) for plane in of_sample] for of_sample in planes]
    shared = scale_of(sheet.theme, np.concatenate([cell.ravel() for column in cells for cell in column]))
    y = _place_inputs(sheet, y, samples, side)
    top = y
    for row, channel in enumerate(numbers):
        drawn = [_coloured(sheet, cells[column][row], side, shared, scale) for column in range(len(samples))]
        high = max(each.shape[0] for each, _ in drawn)
        sheet.text(
            MARGIN + LABEL - 12, y + high / 2 + 8, str(channel), size=SMALL, colour=muted, across="right"
        )
        for column, (colours, factor) in enumerate(drawn):
            x = MARGIN + LABEL + column * (side + GAP)
            sheet.box(x, y, colours.shape[1], colours.shape[0], edge=sheet.theme.rule, width=0.8)
            sheet.image(x, y, colours, name=f"map {channel} of {column}")
            sheet.missing(x, y, ~np.isfinite(cells[column][row]), factor)
        y += high + GAP
    if scale == "layer":
        right = MARGIN + LABEL + len(samples) * (side + GAP) + BAR_GAP - GAP
        sheet.colour_bar(right, top, min(y - GAP - top, TALLEST_BAR), shared)
    notes = [
        f"{len(numbers):,} of {maps[0].channels:,} channels"
        + (", the strongest over all inputs by mean absolute value first" if order == "strongest" else ""),
        "one scale for all" if scale == "layer" else "each map on its own scale",
        maps[0].note,
    ]
    notes_line = "; ".join(note for note in notes if note)
    below = sheet.paragraph(MARGIN, y + line_height(SMALL) - 4, notes_line, INNER, size=SMALL, colour=muted)
    below = write_missing(sheet, MARGIN, below, np.stack(planes), INNER)
    return sheet.finish(below + MARGIN // 2)


def _check(samples: Sequence[Sample], maps: Sequence[LayerMaps], scale: str) -> None:
    if scale not in SCALES:
        raise UsageError(f"No scale is named '{scale}'.", f"Take {' or '.join(SCALES)}.")
    if not 1 <= len(samples) <= MOST:
        raise UsageError(
            f"A comparison takes 1 to {MOST} inputs, not {len(samples)}.",
            "Draw several sheets, or a page per input.",
        )
    if len(samples) != len(maps):
        raise UsageError(f"{len(samples)} inputs have maps of {len(maps)}.", "Give the maps of each input.")
    texts = all(sample.tokens is not None for sample in samples)
    shapes = sorted({(each.path, np.shape(each.planes)[: 1 if texts else None]) for each in maps})
    if len(shapes) > 1 or len({sample.rank for sample in samples}) > 1:
        raise UsageError(
            f"Only maps of one layer and one shape can be compared; received {shapes}.",
            "Give inputs of one size and the maps of one layer.",
        )


def _numbers(
    samples: Sequence[Sample], maps: Sequence[LayerMaps], channels: int | Sequence[int], order: str
) -> list[int]:
    """The rows: chosen by the mean strength over all inputs."""
    if isinstance(channels, int) and order == "strongest":
        pairs = zip(samples, maps, strict=True)
        together = np.mean([strength(each.values_of(sample)) for sample, each in pairs], axis=0)
        return chosen_channels(together, channels, order)
    return chosen_channels(maps[0].maps, channels, order)


def _draw_texts(
    sheet: Sheet,
    y: int,
    samples: Sequence[Sample],
    maps: Sequence[LayerMaps],
    numbers: list[int],
    scale: str,
) -> Figure:
    """The texts one below the other, each with the same channels."""
    values = [each.values_of(sample).T for sample, each in zip(samples, maps, strict=True)]
    every = np.concatenate([each[numbers].ravel() for each in values])
    shared = scale_of(sheet.theme, every) if scale == "layer" else None
    notes: list[str] = []
    for place, (sample, layer) in enumerate(zip(samples, maps, strict=True)):
        sheet.check(y)
        line = "  ·  ".join(part for part in (sample.name, sample.caption) if part)
        sheet.text(MARGIN, y + 4, line, size=SMALL, colour=sheet.theme.muted, width=INNER)
        block = place_text_block(
            sheet,
            (MARGIN, y + 20, INNER),
            sample,
            values[place],
            numbers,
            over=layer.over,
            scale=scale,
            name=f"of {place}",
            shared=shared,
        )
        y = block.bottom + 40
        notes += [note for note in block.notes if note not in notes]
    said = f"{len(numbers):,} of {maps[0].channels:,} channels"
    notes = [said, *(["one scale for all"] if shared else []), *notes]
    y = int(sheet.paragraph(MARGIN, y, "; ".join(notes), INNER, size=SMALL, colour=sheet.theme.muted))
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
        sheet.text(x, y + line_height(size), sample.caption, size=size, colour=sheet.theme.muted, width=side)
    y += int(line_height(size)) + 12
    drawn = [] if samples[0].tokens is not None else samples
    for column, sample in enumerate(drawn):
        x = MARGIN + LABEL + column * (side + GAP)
        if sample.rank in (2, 3):
            high = max(high, place_picture(sheet, sample, (x, y, side, 2 * side))[1])
        elif sample.rank == 1:
            high = 60
            place_line(sheet, sample, (x, y, side, high), ticks=False)
    if drawn and samples[0].rank:
        sheet.text(
            MARGIN + LABEL - 12,
            y + high / 2 + 8,
            "input",
            size=SMALL,
            colour=sheet.theme.muted,
            across="right",
        )
    return y + high + 2 * GAP


def _upright(sample: Sample, planes: Numbers) -> Numbers:
    """Maps as they are shown: those of a recording with time across, and the low bands at the bottom."""
    return planes.swapaxes(1, 2)[:, ::-1] if sample.rank == 1 and planes.ndim == 3 else planes


def _cell(plane: Numbers, side: int) -> Numbers:
    """One map as a grid (rows, columns) with no more columns than there are pixels."""
    if plane.ndim == 0:
        return np.asarray(plane, np.float64).reshape(1, 1)
    if plane.ndim == 1:
        return np.asarray(along(plane[None], side)[0])
    mean = max(1, -(-plane.shape[1] // side), -(-plane.shape[0] // (2 * side)))
    return np.asarray(averaged(plane[None], (mean, mean))[0])


def _coloured(
    sheet: Sheet, cell: Numbers, side: int, shared: Scale, scale: str
) -> tuple[Colours, tuple[int, int]]:
    """The colours of one map, enlarged to its place, and by how much along its width and height."""
    own = shared if scale == "layer" else scale_of(sheet.theme, cell, shared.kind)
    rows, columns = cell.shape
    factor = max(1, min(side // columns, max(1, 2 * side // rows)))
    down = factor if rows > 1 else min(28, side)
    across = factor if rows > 1 else max(1, side // columns)
    return np.repeat(np.repeat(own.colours(cell), down, axis=0), across, axis=1), (across, down)
