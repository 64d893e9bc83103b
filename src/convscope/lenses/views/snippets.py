"""Parts of series and recordings that excite a kernel most, as lines with their place in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from convscope.lenses.sheet.lettering import width_of
from convscope.lenses.sheet.lines import Row
from convscope.lenses.sheet.sheet import INNER, MARGIN, TINY, Sheet
from convscope.lenses.sheet.theme import Numbers, number
from convscope.lenses.views.sample import Sample
from convscope.lenses.views.signals import strongest_variables, timeline_of, variable_name
from convscope.lenses.views.spectrogram import Spectrogram, energies_scale, place_bands

if TYPE_CHECKING:
    from convscope.scope.channels.patches import Patches

LABEL = 150
WIDE, GAP = 213, 20
FITTING = (INNER - LABEL + GAP) // (WIDE + GAP)
VARIABLES = 3
_HIGH = {1: 84, 2: 56, 3: 44}
_BANDS = 96
_PLACE = 8


def draw_snippets(
    sheet: Sheet, y: int, patches: Patches, kernel: int, rows: Sequence[int], samples: Mapping[int, Sample]
) -> int:
    """Draws the snippets of one kernel beside each other, on one scale for each variable.

    Below each stand the value of the kernel, the sample and the time, and a bar that shows where in the
    sample the snippet lies.

    Args:
        sheet: Where to.
        y: The first baseline.
        patches: Where they are.
        kernel: The kernel.
        rows: The places in its order.
        samples: The inputs by their number in the data set.

    Returns:
        The lowest baseline.
    """
    chosen = [samples[int(patches.samples[kernel, place])] for place in rows]
    windows = [tuple(int(end) for end in patches.windows[kernel, place, 0]) for place in rows]
    parts = [_values(sample)[first:behind] for sample, (first, behind) in zip(chosen, windows, strict=True)]
    heard = all(sample.heard is not None for sample in chosen)
    variables = [] if heard else strongest_variables(np.concatenate(parts), VARIABLES)
    top, bottom = y - 18, y
    for column, (place, sample, window) in enumerate(zip(rows, chosen, windows, strict=True)):
        x = MARGIN + LABEL + column * (WIDE + GAP)
        down = top
        if heard:
            down = _draw_bands(sheet, x, down, sample, window, _energies(chosen))
        for each in variables:
            together = np.concatenate([part[:, each] for part in parts])
            down = _draw_line(sheet, x, down, sample, window, each, _ends(together), len(variables))
        value = number(float(patches.values[kernel, place]))
        bottom = _write(sheet, x, down, sample, window, value, f"snippet {kernel} {place}")
    for row, each in enumerate(variables if len(variables) > 1 else []):
        high = _HIGH[len(variables)]
        name = variable_name(chosen[0], each)
        place_y = top + row * (high + 4) + high / 2 + 20
        sheet.text(MARGIN, place_y, name, size=TINY, colour=sheet.theme.muted, width=LABEL - 16)
    return bottom


def _values(sample: Sample) -> Numbers:
    values = np.asarray(sample.values, np.float64)
    return values[:, None] if values.ndim == 1 else values


def _ends(values: Numbers) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def _energies(samples: Sequence[Sample]) -> Numbers:
    """All that is heard in some recordings, for a scale of their own."""
    return np.concatenate([np.ravel(each.heard.values) for each in samples if each.heard is not None])


def _draw_line(
    sheet: Sheet,
    x: int,
    y: int,
    sample: Sample,
    window: tuple[int, ...],
    variable: int,
    ends: tuple[float, float],
    several: int,
) -> int:
    """One variable of a snippet; returns where the next one starts."""
    timeline = timeline_of(sample, x, WIDE, *window)
    row = Row(timeline, y, _HIGH[several], *ends)
    row.frame(sheet)
    row.draw(sheet, _values(sample)[:, variable], width=1.0)
    return y + _HIGH[several] + 4


def _draw_bands(
    sheet: Sheet, x: int, y: int, sample: Sample, window: tuple[int, ...], energies: Numbers
) -> int:
    """What is heard in a snippet; returns where it ends."""
    timeline = timeline_of(sample, x, WIDE, *window)
    heard = sample.heard
    if heard is not None:
        inside = _frames(heard, window)
        scale = energies_scale(sheet, energies)
        shown = replace(heard, values=heard.values[inside], centres=heard.centres[inside])
        box = (y, _BANDS)
        place_bands(sheet, timeline, box, shown.values, shown.centres, scale, name=f"bands {sample.name}")
    sheet.box(x, y, WIDE, _BANDS, edge=sheet.theme.rule, width=0.8)
    return y + _BANDS + 4


def _frames(heard: Spectrogram, window: tuple[int, ...]) -> slice:
    """The frames whose middles lie in a window of the waveform, one at least."""
    first, behind = np.searchsorted(heard.centres, (window[0], window[1]))
    first = min(int(first), len(heard.centres) - 1)
    return slice(first, max(int(behind), first + 1))


def _write(
    sheet: Sheet, x: int, y: int, sample: Sample, window: tuple[int, ...], value: str, name: str
) -> int:
    """The bar of its place, value, name and time; returns the last baseline."""
    theme = sheet.theme
    timeline = timeline_of(sample, x, WIDE)
    begin, end = timeline.edges(*window)
    sheet.box(x, y + 4, WIDE, _PLACE, edge=theme.rule, width=0.6)
    sheet.box(begin, y + 4, max(end - begin, 3), _PLACE, fill=theme.second, width=0, name=name)
    baseline = y + _PLACE + 26
    sheet.text(x, baseline, value, size=TINY)
    when = timeline.during(window[0], window[1])
    if width_of(when, TINY) > WIDE:
        when = f"from {timeline.when(window[0])}"
    for line in (when, sample.name):
        baseline += 20
        sheet.text(x, baseline, line, size=TINY, colour=theme.muted, width=WIDE)
    return baseline
