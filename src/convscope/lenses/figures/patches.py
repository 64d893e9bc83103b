"""For each kernel the parts of inputs with its largest outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import count, find_theme, number
from convscope.lenses.views.view import Patch, Sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convscope.scope.channels.patches import Patches

LABEL = 150
THUMB = 104
GAP = 20
ASCENT = 18  # from the top of a line to its baseline
LINES = 5
"""Patches that are shown for a kernel where each takes a line."""
_VALUE = 80
_NAME = 210


def strongest_kernels(patches: Patches, channels: int) -> list[int]:
    """The kernels by the mean output at their patches, falling."""
    known = np.isfinite(patches.values)
    means = np.where(known, patches.values, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    order = np.argsort(-np.where(known.any(axis=1), means, -np.inf), kind="stable")
    return [int(kernel) for kernel in order[:channels]]


def draw_patches(
    patches: Patches,
    samples: Mapping[int, Sample],
    *,
    channels: int = 8,
    theme: str = "light",
    title: str = "",
) -> Figure:
    """Draws for each kernel the parts of a data set with its largest outputs, and these outputs.

    Args:
        patches: Where they are.
        samples: The inputs by their number in the data set; those that are not there are left out.
        channels: For how many kernels, those with the largest values first.
        theme: `light` or `dark`.
        title: The heading; the layer's path if empty.

    Returns:
        A figure of 7 inches width.
    """
    sheet = Sheet(find_theme(theme))
    chosen = strongest_kernels(patches, channels)
    y = sheet.title(title or f"Patches with the largest activations of {patches.path}")
    kernels = len(patches.values)
    shown = "all kernels"
    if len(chosen) < kernels:
        shown = f"the {len(chosen)} strongest of {count(kernels, 'kernel')}"
    facts = f"{patches.type}  ·  {shown}, each with the patches of largest value, at most one per sample"
    y = int(sheet.paragraph(MARGIN, y, facts, INNER, color=sheet.theme.muted)) - 6
    notes: dict[str, None] = {}
    for kernel in chosen:
        sheet.check(y)
        sheet.line([MARGIN, MARGIN + INNER], [y, y], color=sheet.theme.rule, width=0.6)
        y += int(line_height(SMALL)) + 8
        sheet.text(MARGIN, y, f"kernel {kernel}", bold=True, size=SMALL, width=LABEL - 14)
        rows = _rows(patches, kernel, samples)
        tile = None if not rows else samples[int(patches.samples[kernel, rows[0]])].view.tile
        if not rows:
            sheet.text(MARGIN + LABEL, y, "no value", size=SMALL, color=sheet.theme.muted)
            y += 20
        elif tile is None:
            y = _draw_lines(sheet, y, patches, kernel, rows[:LINES], samples, notes)
        else:
            fitting = (INNER - LABEL + GAP) // (tile + GAP)
            y = _draw_tiles(sheet, y, patches, kernel, rows[:fitting], samples, tile, notes)
    if notes:
        said = "; ".join(notes)
        y = int(sheet.paragraph(MARGIN, y + 20, said, INNER, size=SMALL, color=sheet.theme.muted))
    return sheet.finish(y + MARGIN // 2)


def _rows(patches: Patches, kernel: int, samples: Mapping[int, Sample]) -> list[int]:
    """The places in the order whose sample is there."""
    return [place for place, number_of in enumerate(patches.samples[kernel]) if int(number_of) in samples]


def _patches(
    patches: Patches, kernel: int, rows: list[int], samples: Mapping[int, Sample]
) -> list[tuple[int, Sample, Patch]]:
    """The places in the order of one kernel, each with its sample and the part of it."""
    made = []
    for place in rows:
        sample = samples[int(patches.samples[kernel, place])]
        window = patches.windows[kernel, place].tolist()
        made.append((place, sample, Patch(sample.view, window, f"patch {kernel} {place}", patches.hops)))
    return made


def _draw_lines(
    sheet: Sheet,
    y: int,
    patches: Patches,
    kernel: int,
    rows: list[int],
    samples: Mapping[int, Sample],
    notes: dict[str, None],
) -> int:
    """A line for each patch, with its value in front of it and the sample's name behind."""
    room = INNER - LABEL - _VALUE - _NAME
    every = _patches(patches, kernel, rows, samples)
    row = [patch for _, _, patch in every]
    muted = sheet.theme.muted
    for place, sample, patch in every:
        value = number(float(patches.values[kernel, place]))
        sheet.text(MARGIN + LABEL + _VALUE - 20, y, value, size=SMALL, across="right")
        box = (MARGIN + LABEL + _VALUE, y - ASCENT, room, THUMB)
        placed = sample.view.place_patch(sheet, box, patch, row)
        notes.update(dict.fromkeys(placed.notes))
        right = MARGIN + INNER
        sheet.text(right, y, sample.name, size=TINY, color=muted, across="right", width=_NAME - 14)
        y += placed.height + 8
    return y - 14


def _draw_tiles(
    sheet: Sheet,
    y: int,
    patches: Patches,
    kernel: int,
    rows: list[int],
    samples: Mapping[int, Sample],
    tile: int,
    notes: dict[str, None],
) -> int:
    """The patches beside each other, with value and name below each."""
    top, lowest = y - 18, y
    every = _patches(patches, kernel, rows, samples)
    row = [patch for _, _, patch in every]
    for column, (place, sample, patch) in enumerate(every):
        x = MARGIN + LABEL + column * (tile + GAP)
        placed = sample.view.place_patch(sheet, (x, top, tile, 2 * tile), patch, row)
        notes.update(dict.fromkeys(placed.notes))
        baseline = top + placed.height + 20
        sheet.text(x, baseline, number(float(patches.values[kernel, place])), size=TINY, width=tile)
        for line in (*placed.lines, sample.name):
            baseline += 20
            sheet.text(x, baseline, line, size=TINY, color=sheet.theme.muted, width=tile)
        lowest = max(lowest, baseline)
    return lowest + 16
