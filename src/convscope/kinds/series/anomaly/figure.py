"""Anomalies of a series: its lines, how unusual each point is, and the alarms, over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, write_missing
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Numbers, count, find_theme, mixed, number, scale_of
from convscope.lenses.views.timeline.maps import place_strip
from convscope.lenses.views.timeline.timeline import Timeline, place_axis
from convscope.lenses.views.timeline.traces import Trace
from convscope.types import Axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convscope.kinds.series.anomaly.detector import Scored
    from convscope.kinds.series.readers.sources import Series

Alarm = tuple[int, int, int]
"""First point, the one behind the last, and the variable that caused it; -1 where none is known."""

LABEL = 170
ROWS = 8
"""Variables that get a row of their own."""
LISTED = 12
"""Alarms that are written out."""
_HIGH = {1: 170, 2: 110, 3: 86}
_LOW, _SCORES, _PARTS = 62, 120, 22
_GAP = 10
_THINNEST = 3  # pixels of the mark of an alarm
_WINDOW, _ALARM = 0.55, "30"


def draw_anomalies(
    values: Numbers,
    times: npt.NDArray[np.datetime64] | Numbers | None,
    scores: Numbers,
    parts: Numbers | None,
    threshold: float,
    alarms: Sequence[Alarm],
    *,
    windows: Sequence[tuple[int, int]] = (),
    names: Sequence[str] = (),
    title: str = "Anomalies",
    caption: str = "",
    theme: str = "light",
) -> Figure:
    """Draws a series with the scores of its points and the alarms.

    The variables that caused alarms come first where not all have room. An alarm is marked on the line of the
    variable that caused it, and on the scores; windows that are labeled as anomalies are gray.

    Args:
        values: (time, variables); NaN where a value is missing.
        times: When each point was measured: datetime64 (UTC) or rising numbers; None: points are counted.
        scores: How unusual each point is, (time,); NaN where no score is known.
        parts: What each variable adds to that, (time, variables); None: not known.
        threshold: The score from which on there is an alarm.
        alarms: The intervals with the variable that caused each.
        windows: Labeled intervals, as half-open ranges of points.
        names: Of the variables; numbers where there are none.
        title: The heading.
        caption: A line below it, such as the file.
        theme: `light` or `dark`.

    Returns:
        A figure of 7 inches width.

    Raises:
        UsageError: The shapes do not belong together.
    """
    values = np.asarray(values, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    scores = np.asarray(scores, np.float64)
    _check(values, scores, parts, alarms)
    sheet = Sheet(find_theme(theme))
    axis = Axis(times, "" if times is None or times.dtype.kind == "M" else "time", tuple(names))
    timeline = Timeline(len(values), MARGIN + LABEL, INNER - LABEL - BAR_ROOM, axis)
    y = sheet.title(title)
    chosen = _chosen(values, alarms)
    facts = _facts(values, chosen, threshold, alarms, windows, caption)
    y = top = int(sheet.paragraph(MARGIN, y, facts, INNER, color=sheet.theme.muted)) + 2
    y = _draw_variables(sheet, timeline, y, values, chosen, alarms, windows, names)
    y = _draw_scores(sheet, timeline, y + 4, scores, threshold, alarms, windows)
    if parts is not None and values.shape[1] > 1:
        y = _draw_parts(sheet, timeline, y + 6, np.asarray(parts, np.float64), chosen, names)
    y += place_axis(sheet, timeline, y - _GAP) + int(line_height(SMALL))
    y = _write_notes(sheet, y, timeline, values, parts)
    y = _list(sheet, y, timeline, scores, alarms, names, values.shape[1])
    return sheet.finish(max(y, top) + MARGIN // 2)


def _draw_variables(
    sheet: Sheet,
    timeline: Timeline,
    y: int,
    values: Numbers,
    chosen: Sequence[int],
    alarms: Sequence[Alarm],
    windows: Sequence[tuple[int, int]],
    names: Sequence[str],
) -> int:
    """A row for each chosen variable, with its alarms; returns where the next row starts."""
    high = _HIGH.get(len(chosen), _LOW)
    for variable in chosen:
        trace = Trace.of(timeline, y, high, values[:, variable])
        _shade(sheet, timeline, (y, high), windows)
        trace.frame(sheet, zero=len(chosen) == 1)
        _mark(sheet, timeline, (y, high), [each for each in alarms if each[2] in (variable, -1)])
        trace.draw(sheet, values[:, variable], width=0.8)
        trace.numbers(sheet)
        _name(sheet, timeline, y + high / 2 + 7, _named(names, variable, values.shape[1]))
        y += high + _GAP
    return y


def _check(values: Numbers, scores: Numbers, parts: Numbers | None, alarms: Sequence[Alarm]) -> None:
    wrong = values.ndim != 2 or 0 in values.shape or scores.shape != values.shape[:1]
    if wrong or (parts is not None and np.shape(parts) != values.shape):
        raise UsageError(
            f"The values have shape {values.shape}, the scores {scores.shape}"
            + ("." if parts is None else f", their parts {np.shape(parts)}."),
            "Give values (time, variables), scores (time,) and parts (time, variables).",
        )
    outside = [
        each for each in alarms if not 0 <= each[0] < each[1] <= len(values) or each[2] >= values.shape[1]
    ]
    if outside:
        raise UsageError(
            f"The alarm {outside[0]} lies outside of {len(values)} points and {values.shape[1]} variables.",
            "Give (first point, point behind the last, variable).",
        )


def _chosen(values: Numbers, alarms: Sequence[Alarm]) -> list[int]:
    """The variables with a row: all where there is room, else those that caused most alarms."""
    there = values.shape[1]
    caused = np.bincount([each[2] for each in alarms if each[2] >= 0], minlength=there)
    return sorted(int(each) for each in np.argsort(-caused, kind="stable")[:ROWS])


def _facts(
    values: Numbers,
    chosen: Sequence[int],
    threshold: float,
    alarms: Sequence[Alarm],
    windows: Sequence[tuple[int, int]],
    caption: str,
) -> str:
    there = values.shape[1]
    some = f" ({len(chosen)} shown)" if len(chosen) < there else ""
    parts = [
        caption,
        count(len(values), "point"),
        f"{count(there, 'variable')}{some}" if there > 1 else "",
        count(len(alarms), "alarm"),
        f"threshold {number(threshold)}",
        f"gray: {count(len(windows), 'labeled window')}" if windows else "",
    ]
    return "  ·  ".join(part for part in parts if part)


def _named(names: Sequence[str], variable: int, there: int) -> str:
    if variable < len(names):
        return names[variable]
    return "" if there == 1 else f"variable {variable}"


def _name(sheet: Sheet, timeline: Timeline, baseline: float, text: str) -> None:
    sheet.text(timeline.left - 12, baseline, text, size=SMALL, across="right", width=LABEL - 16)


def _shade(
    sheet: Sheet, timeline: Timeline, box: tuple[float, int], windows: Sequence[tuple[int, int]]
) -> None:
    """The labeled windows as gray ground."""
    fill = mixed(sheet.theme.rule, sheet.theme.ground, _WINDOW)
    for first, behind in windows:
        begin, end = timeline.edges(first, behind)
        sheet.box(begin, box[0], max(end - begin, 1), box[1], fill=fill, width=0, name="labeled")


def _mark(sheet: Sheet, timeline: Timeline, box: tuple[float, int], alarms: Sequence[Alarm]) -> None:
    """The alarms as colored ground with a bar on top that is wide enough to be seen."""
    color, (y, high) = sheet.theme.second, box
    for first, behind, _ in alarms:
        begin, end = timeline.edges(first, behind)
        if end - begin < _THINNEST:
            middle = (begin + end) / 2
            begin, end = middle - _THINNEST / 2, middle + _THINNEST / 2
        sheet.box(begin, y, end - begin, high, fill=f"{color}{_ALARM}", width=0, name="alarm")
        sheet.box(begin, y, end - begin, 6, fill=color, width=0)


def _draw_scores(
    sheet: Sheet,
    timeline: Timeline,
    y: int,
    scores: Numbers,
    threshold: float,
    alarms: Sequence[Alarm],
    windows: Sequence[tuple[int, int]],
) -> int:
    """How unusual each point is, with the threshold; returns where the next row starts."""
    theme = sheet.theme
    finite = scores[np.isfinite(scores)]
    low = min(0.0, float(finite.min(initial=0.0)))
    top = max(float(finite.max(initial=0.0)), threshold) or 1.0
    row = Trace(timeline, y, _SCORES, low, top + 0.04 * (top - low))
    _shade(sheet, timeline, (y, _SCORES), windows)
    row.frame(sheet, zero=False)
    _mark(sheet, timeline, (y, _SCORES), alarms)
    row.draw(sheet, scores, color=theme.muted, width=0.7)
    place = float(row.down(threshold))
    right = timeline.left + timeline.wide
    sheet.line([timeline.left, right], [place, place], color=theme.second, width=1.0)
    sheet.text(right + 9, min(place + 6, y + _SCORES), number(threshold), size=TINY, color=theme.second)
    if abs(place - y) > 36:
        sheet.text(right + 9, y + 15, number(float(finite.max(initial=0.0))), size=TINY, color=theme.muted)
    if abs(place - (y + _SCORES)) > 24:
        sheet.text(right + 9, y + _SCORES - 3, number(low), size=TINY, color=theme.muted)
    _name(sheet, timeline, y + _SCORES / 2 + 7, "score")
    return y + _SCORES + _GAP


def _draw_parts(
    sheet: Sheet, timeline: Timeline, y: int, parts: Numbers, chosen: Sequence[int], names: Sequence[str]
) -> int:
    """What each variable adds to the score, as strips on one scale; returns where the next row starts."""
    shown = np.nan_to_num(parts[:, list(chosen)])
    scale = scale_of(sheet.theme, np.append(shown, 0.0), "sequential")
    top = y
    for variable in chosen:
        peaks = _peaks(timeline, parts[:, variable])
        place_strip(sheet, timeline, (y, _PARTS), peaks[0], peaks[1], scale, name=f"part {variable}")
        _name(sheet, timeline, y + _PARTS - 4, _named(names, variable, parts.shape[1]))
        y += _PARTS + 3
    sheet.color_bar(timeline.left + timeline.wide + BAR_GAP, top, max(y - 3 - top, 36), scale)
    return y + _GAP - 3


def _write_notes(sheet: Sheet, y: int, timeline: Timeline, values: Numbers, parts: Numbers | None) -> int:
    """What strips and hatching mean; returns the next baseline."""
    if parts is not None and values.shape[1] > 1:
        crowd = timeline.crowding(np.arange(len(values)))
        said = "strips: contribution of each variable to the score"
        said += f", the largest of up to {crowd:,} points" if crowd > 1 else ""
        y = int(sheet.paragraph(MARGIN, y, said, INNER, size=SMALL, color=sheet.theme.muted))
    return int(write_missing(sheet, MARGIN, y, values, INNER))


def _peaks(timeline: Timeline, values: Numbers) -> tuple[Numbers, Numbers]:
    """The largest value of every few points where many lie on a pixel, so that no peak is thinned out."""
    size = timeline.crowding(np.arange(len(values)))
    starts = np.arange(0, len(values), size)
    centers = starts + (np.diff([*starts, len(values)]) - 1) / 2
    return np.maximum.reduceat(np.nan_to_num(values, nan=-np.inf), starts), centers


def _list(
    sheet: Sheet,
    y: int,
    timeline: Timeline,
    scores: Numbers,
    alarms: Sequence[Alarm],
    names: Sequence[str],
    there: int,
) -> int:
    """The alarms with the highest scores in words; returns the next baseline."""
    if not alarms:
        return y
    peaks = [float(np.nanmax(scores[first:behind], initial=-np.inf)) for first, behind, _ in alarms]
    order = np.argsort([-peak for peak in peaks], kind="stable")[:LISTED]
    more = len(alarms) - len(order)
    said = f"The {len(order)} with the highest scores, of {len(alarms)}." if more else ""
    y = sheet.section(y, "Alarms", said) + (0 if said else 4)
    for place in order:
        first, behind, variable = alarms[place]
        sheet.text(MARGIN, y, number(peaks[place]), size=SMALL, bold=True, width=110)
        sheet.text(MARGIN + 120, y, timeline.during(first, behind), size=SMALL, width=620)
        sheet.text(
            MARGIN + 760, y, count(behind - first, "point"), size=SMALL, color=sheet.theme.muted, width=160
        )
        if there > 1 and variable >= 0:
            sheet.text(MARGIN + 930, y, _named(names, variable, there), size=SMALL, width=INNER - 930)
        y += int(line_height(SMALL)) + 4
    return y


def alarm_figure(
    series: Series, scored: Scored, name: str, windows: Sequence[tuple[int, int]] = ()
) -> LazyFigure:
    """The figure of a series with its scores and alarms, drawn when it is needed.

    Args:
        series: As it was read.
        scored: Its scores.
        name: What it is called.
        windows: First and last row of each known anomaly.
    """
    alarms = [(alarm.start, alarm.end + 1, alarm.variable) for alarm in scored.alarms]
    known = [(first, last + 1) for first, last in windows]

    def draw(theme: str) -> Figure:
        return draw_anomalies(
            series.values,
            series.times,
            scored.scores,
            scored.parts,
            scored.threshold,
            alarms,
            windows=known,
            names=series.variables,
            caption=Path(name).name,
            theme=theme,
        )

    return LazyFigure(draw, f"scores and alarms of {Path(name).name}")
