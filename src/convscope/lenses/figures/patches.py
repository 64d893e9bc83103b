"""What excites kernels most: for each kernel the n-grams, crops or snippets at which it answers strongest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.glyphs import note_on_missing
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import count, find_theme, number
from convscope.lenses.views.excerpts import cut_out, place_thumbnail, place_words
from convscope.lenses.views.sample import Sample
from convscope.lenses.views.snippets import FITTING as SNIPPETS
from convscope.lenses.views.snippets import draw_snippets

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convscope.scope.channels.patches import Patches

LABEL = 150
THUMB = 104
GAP = 14
FITTING = (INNER - LABEL) // (THUMB + GAP)
LINES = 5
"""N-grams that are shown for a kernel."""
_VALUE = 80
_NAME = 210


def strongest_kernels(patches: Patches, channels: int) -> list[int]:
    """The kernels whose patches excite them most, by the mean of their values, falling."""
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
    """Draws for each kernel the parts of a data set that excite it most, with what it answers there.

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
    y = sheet.title(title or f"What excites the kernels of {patches.path} most")
    kernels = len(patches.values)
    texts = any(sample.tokens is not None for sample in samples.values())
    series = not texts and any(sample.rank == 1 for sample in samples.values())
    what = "n-grams, outlined between their neighbours" if texts else "parts of the inputs"
    what = "snippets, the place of each marked in the bar below it" if series else what
    shown = "all kernels"
    if len(chosen) < kernels:
        shown = f"the {len(chosen)} strongest of {count(kernels, 'kernel')}"
    facts = f"{patches.type}  ·  {shown}, with the {what}, at most one of each sample, and the values there"
    y = int(sheet.paragraph(MARGIN, y, facts, INNER, colour=sheet.theme.muted)) - 6
    for kernel in chosen:
        sheet.check(y)
        sheet.line([MARGIN, MARGIN + INNER], [y, y], colour=sheet.theme.rule, width=0.6)
        y += int(line_height(SMALL)) + 8
        sheet.text(MARGIN, y, f"kernel {kernel}", bold=True, size=SMALL, width=LABEL - 14)
        rows = _rows(patches, kernel, samples)
        if not rows:
            sheet.text(MARGIN + LABEL, y, "nothing", size=SMALL, colour=sheet.theme.muted)
            y += 20
        elif texts:
            y = _draw_lines(sheet, y, patches, kernel, rows[:LINES], samples)
        elif series:
            y = draw_snippets(sheet, y, patches, kernel, rows[:SNIPPETS], samples) + 22
        else:
            y = _draw_crops(sheet, y, patches, kernel, rows[:FITTING], samples)
    missing = note_on_missing(token for sample in samples.values() for token in sample.row() or ())
    if missing:
        y = int(sheet.paragraph(MARGIN, y + 20, missing, INNER, size=SMALL, colour=sheet.theme.muted))
    return sheet.finish(y + MARGIN // 2)


def _rows(patches: Patches, kernel: int, samples: Mapping[int, Sample]) -> list[int]:
    """The places in the order whose sample is there."""
    return [place for place, number_of in enumerate(patches.samples[kernel]) if int(number_of) in samples]


def _draw_lines(
    sheet: Sheet, y: int, patches: Patches, kernel: int, rows: list[int], samples: Mapping[int, Sample]
) -> int:
    room = INNER - LABEL - _VALUE - _NAME
    for place in rows:
        sample = samples[int(patches.samples[kernel, place])]
        first, behind = (int(edge) for edge in patches.windows[kernel, place, 0])
        value = number(float(patches.values[kernel, place]))
        sheet.text(MARGIN + LABEL + _VALUE - 20, y, value, size=SMALL, across="right")
        place_words(sheet, (MARGIN + LABEL + _VALUE, y, room), sample.row() or (), (first, behind))
        right = MARGIN + INNER
        sheet.text(
            right, y, sample.name, size=TINY, colour=sheet.theme.muted, across="right", width=_NAME - 14
        )
        y += int(line_height(SMALL)) + 8
    return y - 14


def _draw_crops(
    sheet: Sheet, y: int, patches: Patches, kernel: int, rows: list[int], samples: Mapping[int, Sample]
) -> int:
    top = y - 18
    tallest = 0
    for column, place in enumerate(rows):
        number_of = int(patches.samples[kernel, place])
        sample = samples[number_of]
        x = MARGIN + LABEL + column * (THUMB + GAP)
        crop = cut_out(sample, patches.windows[kernel, place]) if sample.rank else sample
        high = place_thumbnail(sheet, crop, (x, top, THUMB), f"patch {kernel} {place}")
        value = number(float(patches.values[kernel, place]))
        sheet.text(x, top + high + 20, value, size=TINY, width=THUMB)
        sheet.text(x, top + high + 40, sample.name, size=TINY, colour=sheet.theme.muted, width=THUMB)
        tallest = max(tallest, high)
    return top + tallest + 56
