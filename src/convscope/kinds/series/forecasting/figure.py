"""Forecasts of a series: what was forecast of its last rows beside what came, and what is forecast next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.blocks import BAR_ROOM, write_missing
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.theme import Numbers, count, find_theme, mixed
from convscope.lenses.views.timeline.timeline import Timeline, place_axis
from convscope.lenses.views.timeline.traces import Trace
from convscope.types import Axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABEL = 170
ROWS = 6
"""Variables that get a row of their own."""
_HIGH, _LOW, _GAP, _BAND = 200, 110, 10, 0.3


@dataclass(frozen=True, eq=False)
class DrawnForecast:
    """A series with two forecasts: of its last rows, and of those behind its end.

    Args:
        values: What was measured, shape (rows, variables), NaN where missing.
        times: Of the rows and of those behind them, shape (rows + horizon,); None where rows are counted.
        last: The forecast of the last rows from what was before them, shape (horizon, variables); None where
            there are too few.
        ahead: The forecast behind the end, shape (horizon, variables).
        half: Half widths of intervals, shape (horizon, variables), infinite where there are none.
    """

    values: npt.NDArray[np.floating]
    times: npt.NDArray[np.datetime64] | None
    last: Numbers | None
    ahead: Numbers
    half: Numbers


def draw_forecast(
    drawn: DrawnForecast, names: Sequence[str], caption: str, coverage: float, theme: str = "light"
) -> Figure:
    """Draws a series with its forecasts, a row for each variable.

    Args:
        drawn: The series and the forecasts.
        names: Of the variables.
        caption: A line below the heading, such as the file.
        coverage: The share of intervals that hold the truth, as promised.
        theme: `light` or `dark`.

    Returns:
        A figure of 7 inches width.
    """
    rows, variables = drawn.values.shape
    horizon = len(drawn.ahead)
    sheet = Sheet(find_theme(theme))
    axis = Axis(drawn.times, "", tuple(names))
    timeline = Timeline(rows + horizon, MARGIN + LABEL, INNER - LABEL - BAR_ROOM, axis)
    y = sheet.title("Forecast")
    shown = min(variables, ROWS)
    facts = [
        caption,
        f"the last {count(rows, 'row')}",
        f"{count(horizon, 'row')} ahead",
        f"{shown} of {variables} variables" if shown < variables else "",
        f"blue: measured, orange: forecast with intervals of {coverage:.0%}",
    ]
    said = "  ·  ".join(fact for fact in facts if fact)
    y = int(sheet.paragraph(MARGIN, y, said, INNER, color=sheet.theme.muted)) + 2
    high = _HIGH if variables == 1 else _LOW
    for variable in range(shown):
        sheet.check(y + high)
        _draw_variable(sheet, timeline, (y, high), drawn, variable)
        middle = y + high / 2 + 7
        sheet.text(timeline.left - 12, middle, names[variable], size=SMALL, across="right", width=LABEL - 16)
        y += high + _GAP
    y += place_axis(sheet, timeline, y - _GAP) + int(line_height(SMALL))
    y = int(write_missing(sheet, MARGIN, y, drawn.values, INNER))
    return sheet.finish(y + MARGIN // 2)


def _draw_variable(
    sheet: Sheet, timeline: Timeline, box: tuple[int, int], drawn: DrawnForecast, variable: int
) -> None:
    (y, high), horizon = box, len(drawn.ahead)
    rows = len(drawn.values)
    measured = np.full(rows + horizon, np.nan)
    measured[:rows] = drawn.values[:, variable]
    forecast = np.full(rows + horizon, np.nan)
    if drawn.last is not None:
        forecast[rows - len(drawn.last) : rows] = drawn.last[:, variable]
    forecast[rows:] = drawn.ahead[:, variable]
    half = np.full(rows + horizon, np.nan)
    half[rows - min(horizon, rows) : rows] = drawn.half[-min(horizon, rows) :, variable]
    half[rows:] = drawn.half[:, variable]
    low, top = forecast - half, forecast + half
    edges = np.concatenate([measured, forecast, low, top])
    finite = edges[np.isfinite(edges)]
    ends = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    row = Trace(timeline, y, high, *ends)
    row.frame(sheet)
    fill = mixed(sheet.theme.second, sheet.theme.ground, _BAND)
    for first, behind in ((rows - horizon, rows), (rows, rows + horizon)):
        part = slice(max(first, 0), behind)
        xs = np.asarray(timeline.across(np.arange(rows + horizon)[part]))
        sheet.area(xs, row.down(low[part]), row.down(top[part]), fill, name="interval")
    known = timeline.edges(rows, rows + horizon)[0]
    sheet.line([known, known], [y, y + high], color=sheet.theme.muted, width=0.8)
    _line(sheet, timeline, row, measured, (0, rows), sheet.theme.first)
    if drawn.last is not None:
        _line(sheet, timeline, row, forecast, (rows - horizon, rows), sheet.theme.second)
    _line(sheet, timeline, row, forecast, (rows, rows + horizon), sheet.theme.second)
    row.numbers(sheet)


def _line(
    sheet: Sheet, timeline: Timeline, row: Trace, values: Numbers, part: tuple[int, int], color: str
) -> None:
    """A stretch of a line; what lies outside of it is not missing."""
    places = np.arange(max(part[0], 0), part[1])
    sheet.line(list(timeline.across(places)), list(row.down(values[places])), color=color, width=1.1)


def forecast_figure(drawn: DrawnForecast, names: Sequence[str], name: str, coverage: float) -> LazyFigure:
    """The figure of a series with its forecasts, drawn when it is needed."""
    draw = partial(_draw, drawn, tuple(names), Path(name).name, coverage)
    return LazyFigure(draw, f"forecast of {Path(name).name}")


def _draw(drawn: DrawnForecast, names: tuple[str, ...], caption: str, coverage: float, theme: str) -> Figure:
    return draw_forecast(drawn, names, caption, coverage, theme)
