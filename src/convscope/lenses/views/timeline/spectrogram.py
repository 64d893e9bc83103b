"""The energies of a recording over time and frequency, as an image whose low bands lie at the bottom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convscope.errors import UsageError
from convscope.lenses.sheet.lettering import width_of
from convscope.lenses.sheet.sheet import TINY, Sheet
from convscope.lenses.sheet.theme import Numbers, Scale, number, scale_of
from convscope.lenses.views.timeline.timeline import Timeline


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """Energies of a recording, as a layer of a model puts them out.

    Args:
        values: (frames, bands).
        centers: Where the middle of each frame is, as a position in the waveform, (frames,).
        frequencies: The middle of each band in Hz, rising, (bands,); None: not known.
        path: The layer.
    """

    values: Numbers
    centers: Numbers
    frequencies: Numbers | None = None
    path: str = "spectrogram"

    def __post_init__(self) -> None:
        if np.ndim(self.values) != 2 or len(self.centers) != len(self.values):
            raise UsageError(
                f"A spectrogram has the shape {np.shape(self.values)} and {len(self.centers)} centers.",
                "Give values of shape (frames, bands) and a center for each frame.",
            )


def place_spectrogram(
    sheet: Sheet, timeline: Timeline, box: tuple[float, int], shown: Spectrogram, *, numbers: bool = True
) -> Scale:
    """Draws a spectrogram below a time line, framed.

    Args:
        sheet: Where to.
        timeline: Of the waveform.
        box: Upper edge and height.
        shown: The energies.
        numbers: Whether frequencies are written at the left.

    Returns:
        The colors.
    """
    scale = energies_scale(sheet, shown.values)
    place_bands(sheet, timeline, box, shown.values, shown.centers, scale, name=f"spectrogram {shown.path}")
    frame_bands(sheet, timeline, box, shown.frequencies if numbers else None)
    return scale


def frame_bands(
    sheet: Sheet, timeline: Timeline, box: tuple[float, int], frequencies: Numbers | None
) -> None:
    """Draws the frame of an image of bands, with their frequencies at the left where they are known.

    Args:
        sheet: Where to.
        timeline: Of the waveform.
        box: Upper edge and height.
        frequencies: The middle of each band in Hz, rising.
    """
    (y, high), muted = box, sheet.theme.muted
    sheet.box(timeline.left, y, timeline.wide, high, edge=sheet.theme.rule, width=0.8)
    if frequencies is None:
        return
    for band, text in _marks(frequencies, high):
        place = y + high * (1 - (band + 0.5) / len(frequencies))
        sheet.line([timeline.left - 5, timeline.left], [place, place], color=muted, width=0.5)
        baseline = min(max(place + 6, y + 15), y + high)
        sheet.text(timeline.left - 9, baseline, text, size=TINY, color=muted, across="right")


def energies_scale(sheet: Sheet, values: Numbers) -> Scale:
    """Colors of logarithms of energy: signs mean nothing there, so that they run from low to high."""
    return scale_of(sheet.theme, values, "sequential")


def place_bands(
    sheet: Sheet,
    timeline: Timeline,
    box: tuple[float, int],
    values: Numbers,
    centers: Numbers,
    scale: Scale,
    *,
    name: str,
) -> None:
    """Places (frames, bands) as an image below a time line, the first band at the bottom.

    Args:
        sheet: Where to.
        timeline: Of the waveform.
        box: Upper edge and height.
        values: (frames, bands).
        centers: Where the middle of each frame is, as a position in the waveform.
        scale: The colors.
        name: The image's name in the figure.
    """
    y, high = box
    drawn, there = timeline.spread(np.asarray(values, np.float64).T, centers)
    rows = (np.arange(high) * len(drawn) // high)[::-1]
    colors = scale.colors(drawn)
    colors[:, ~there, 3] = 0
    sheet.image(timeline.left, y, colors[rows], name=name)
    sheet.missing(timeline.left, y, ~np.isfinite(drawn[rows]) & there, (1, 1))


def _marks(frequencies: Numbers, high: int) -> list[tuple[float, str]]:
    """Round frequencies with the band at which they lie, some 40 pixels apart."""
    low, top = float(frequencies[0]), float(frequencies[-1])
    candidates = [m * 10.0**e for e in range(1, 5) for m in (1, 2, 5)]
    found: list[tuple[float, str]] = []
    for each in [hertz for hertz in candidates if low <= hertz <= top]:
        band = float(np.interp(each, frequencies, np.arange(len(frequencies))))
        if not found or (band - found[-1][0]) * high / len(frequencies) > 34:
            text = f"{number(each / 1000)} kHz" if each >= 1000 else f"{number(each)} Hz"
            found.append((band, text))
    return [(band, text) for band, text in found if width_of(text, TINY) < 100]
