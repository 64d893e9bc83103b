"""Alarms of a film: the scores over time, and the frames at which alarms are strongest, with their region."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.kinds.video.anomaly.scores import ScoredFilm
from convscope.kinds.video.readers.sources import Clip
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.pixels import pixels_of
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import find_theme, scale_of
from convscope.lenses.views.raster import overlaid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 4
"""Alarms whose frames are drawn, the strongest ones."""
_LEFT, _HIGH, _SIDE, _MOST = 70, 220, 320, 1200


def film_figure(film: ScoredFilm, clip: Clip, spans: Sequence[tuple[float, float]]) -> LazyFigure:
    """A figure of one film.

    Args:
        film: Its scores.
        clip: The film.
        spans: Known anomalies in seconds.
    """

    def draw(theme: str) -> Figure:
        return draw_film(film, clip, spans, theme)

    return LazyFigure(draw, f"alarms in {Path(clip.name).name}")


def draw_film(
    film: ScoredFilm, clip: Clip, spans: Sequence[tuple[float, float]], theme: str = "light"
) -> Figure:
    """Draws scores, threshold, alarms and known anomalies over time, and frames of the strongest alarms."""
    sheet = Sheet(find_theme(theme))
    y = sheet.title(f"Alarms in {Path(clip.name).name}")
    many = len(film.alarms)
    said = f"{many} alarm{'' if many == 1 else 's'}, of frames whose score is at least {film.threshold:.2f}"
    known = "; known anomalies are shaded" if spans else ""
    y = int(sheet.paragraph(MARGIN, y, f"{said}{known}", INNER, color=sheet.theme.muted)) + 6
    y = _place_scores(sheet, y, film, spans)
    chosen = sorted(sorted(film.alarms, key=lambda each: -each.score)[:SHOWN], key=lambda each: each.start)
    peaks = [alarm.peak for alarm in chosen] or [int(film.scores.argmax())]
    y = sheet.section(
        y,
        "Most unusual frames" if film.alarms else "The most unusual frame, which raises no alarm",
        "How far off each part is from what was expected, in units of what is usual there; outlined is the"
        " region of the largest error.",
    )
    return sheet.finish(_place_frames(sheet, y - 8, film, clip, peaks) + MARGIN // 2)


def _place_scores(sheet: Sheet, y: int, film: ScoredFilm, spans: Sequence[tuple[float, float]]) -> int:
    """The scores over time; returns the next baseline."""
    theme, left, wide = sheet.theme, MARGIN + _LEFT, INNER - _LEFT
    first, last = float(film.times[0]), float(film.times[-1]) + film.step
    highest = max(float(film.scores.max()), film.threshold) * 1.1

    def across(seconds: float) -> float:
        return left + wide * min(max((seconds - first) / max(last - first, 1e-9), 0.0), 1.0)

    def down(score: float) -> float:
        return y + _HIGH * (1 - min(score / highest, 1.0))

    for start, end in spans:
        sheet.box(across(start), y, max(across(end) - across(start), 2), _HIGH, fill=theme.rule)
    sheet.box(left, y, wide, _HIGH, edge=theme.rule)
    block = max(1, len(film.scores) // _MOST)
    kept = film.scores[: len(film.scores) // block * block].reshape(-1, block).max(axis=1)
    times = film.times[: len(kept) * block : block]
    sheet.line([across(each) for each in times], [down(each) for each in kept], color=theme.first, width=1.0)
    sheet.line([left, left + wide], [down(film.threshold)] * 2, color=theme.second, width=0.8)
    for alarm in film.alarms:
        start, end = film.seconds(alarm)
        ends = [across(start), max(across(end), across(start) + 3)]
        sheet.line(ends, [y + 4] * 2, color=theme.second, width=3)
    for score in (0.0, film.threshold):
        sheet.text(left - 8, down(score) + 6, f"{score:.1f}", size=TINY, color=theme.muted, across="right")
    sheet.text(MARGIN, y + 14, "score", size=TINY, color=theme.muted)
    for share in np.linspace(0, 1, 6):
        seconds = first + share * (last - first)
        spot = (across(seconds), y + _HIGH + 22)
        sheet.text(*spot, f"{seconds:.1f} s", size=TINY, color=theme.muted, across="center")
    return y + _HIGH + int(line_height(SMALL)) + 20


def _place_frames(sheet: Sheet, y: int, film: ScoredFilm, clip: Clip, peaks: Sequence[int]) -> int:
    """Frames, and below each its errors as heat over it; returns where they end."""
    theme, wide = sheet.theme, min(_SIDE, INNER // SHOWN - 12)
    scale = scale_of(theme, np.append(film.errors[list(peaks)], 0.0))
    high = 0
    for place, peak in enumerate(peaks):
        x = MARGIN + place * (wide + 12)
        when = film.times[peak]
        size = _size(clip, wide)
        shown = clip.at(np.array([when - clip.start]), size, 3)[0]
        picture = pixels_of(shown, (0.0, 255.0), theme.missing)
        sheet.text(x, y + 14, f"{when:.2f} s, score {film.scores[peak]:.1f}", size=TINY, color=theme.muted)
        values = _spread(film.errors[peak], size)
        heated = overlaid(picture, scale.colors(values), values, scale)
        for row, colors in enumerate((picture, heated)):
            top = y + 24 + row * (size[0] + 8)
            sheet.image(x, top, colors, name=f"frame {peak} {row}")
            left, upper, right, lower = film.region(peak).pixels(size[1], size[0])
            sheet.ring(x + left, top + upper, right - left, lower - upper)
        high = max(high, 24 + 2 * (size[0] + 8))
    return y + high + 20


def _size(clip: Clip, wide: int) -> tuple[int, int]:
    """Height and width of a frame that is as wide as asked for."""
    return max(1, round(wide * clip.facts.height / max(clip.facts.width, 1))), wide


def _spread(values: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Values of cells at each pixel of a frame, (height, width)."""
    rows, columns = (np.arange(side) * cells // side for side, cells in zip(size, values.shape, strict=True))
    return np.asarray(values[rows][:, columns], np.float64)
