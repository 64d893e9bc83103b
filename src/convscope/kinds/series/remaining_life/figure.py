"""The life that units have left: predicted with an interval, cycle by cycle, beside what was true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import BODY, INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Numbers, count, find_theme, mixed, number
from convscope.lenses.views.timeline.timeline import Timeline, place_axis
from convscope.lenses.views.timeline.traces import Trace
from convscope.types import Axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 48
"""Units that are drawn."""
_COLUMNS = 4
_ALONE, _SMALL = 380, 150
_LABEL = 76
_BAND = 0.28


@dataclass(frozen=True, eq=False)
class UnitLife:
    """What is said about the remaining life of one unit.

    Args:
        name: The unit.
        cycles: The cycle of each prediction, rising, (n,).
        predicted: Life that is left, in cycles, (n,).
        low: Lower end of the interval, (n,); None: no interval.
        high: Upper end; infinite where there is none.
        true: Life that was left, (n,); NaN where it is not known; None: nowhere known.
    """

    name: str
    cycles: Numbers
    predicted: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    true: Numbers | None = None

    def __post_init__(self) -> None:
        sizes = {len(each) for each in self.lines}
        if sizes != {len(self.cycles)} or not len(self.cycles) or (self.low is None) != (self.high is None):
            raise UsageError(
                f"The predictions for '{self.name}' have the lengths {sorted(sizes)}, its cycles "
                f"{len(self.cycles)}.",
                "Give a number for each cycle, and both ends of an interval or none.",
            )

    @property
    def lines(self) -> list[Numbers]:
        """All numbers of life."""
        every = (self.predicted, self.low, self.high, self.true)
        return [np.asarray(each, np.float64) for each in every if each is not None]


def draw_life(
    units: Sequence[UnitLife],
    *,
    coverage: float | None = None,
    cap: float | None = None,
    of: int | None = None,
    unit: str = "cycle",
    theme: str = "light",
    title: str = "Remaining life",
    caption: str = "",
) -> Figure:
    """Draws predicted and true life over the cycles: one unit alone, several in a grid on one upright scale.

    Args:
        units: What is said about each; the first 48 are drawn.
        coverage: The share of intervals that hold the truth, as promised; None: not said.
        cap: The largest life that is ever predicted; None: none.
        of: How many units there are; None: no more than these.
        unit: What life is counted in.
        theme: `light` or `dark`.
        title: The heading.
        caption: A line below it.

    Returns:
        A figure of 7 inches width.

    Raises:
        UsageError: There is no unit.
    """
    if not units:
        raise UsageError("There is no unit to draw.", "Give at least one.")
    sheet = Sheet(find_theme(theme))
    y = sheet.title(title)
    shown = list(units[:MOST])
    there = of or len(units)
    told = count(there, "unit")
    facts = [caption, told if there == len(shown) else f"{len(shown)} of {told}"]
    facts += [] if cap is None else [f"at most {number(cap)} {unit}s are predicted"]
    said = "  ·  ".join(fact for fact in facts if fact)
    y = int(sheet.paragraph(MARGIN, y, said, INNER, color=sheet.theme.muted))
    y = _legend(sheet, y, shown, coverage) + 4
    finite = np.concatenate([line[np.isfinite(line)] for each in shown for line in each.lines])
    ends = min(0.0, float(finite.min(initial=0.0))), float(finite.max(initial=0.0)) or 1.0
    if len(shown) == 1:
        bottom = _draw_unit(
            sheet, (MARGIN + _LABEL, y, INNER - _LABEL - 20, _ALONE), shown[0], ends, unit, cap
        )
        return sheet.finish(bottom + MARGIN // 2)
    columns = min(_COLUMNS, len(shown))
    pitch = (INNER - _LABEL + 24) // columns
    down = _SMALL + 84
    for place, each in enumerate(shown):
        row, column = divmod(place, columns)
        sheet.check(y + row * down)
        box = (MARGIN + _LABEL + column * pitch, y + row * down + 24, pitch - 24, _SMALL)
        sheet.text(box[0], box[1] - 8, each.name, size=SMALL, width=box[2])
        _draw_unit(
            sheet, box, each, ends, unit if row == (len(shown) - 1) // columns else "", cap, column == 0
        )
    return sheet.finish(y + -(-len(shown) // columns) * down + MARGIN // 2)


def _legend(sheet: Sheet, y: int, units: Sequence[UnitLife], coverage: float | None) -> int:
    """What line is what; returns the next baseline."""
    theme, x = sheet.theme, MARGIN
    band = mixed(theme.first, theme.ground, _BAND)
    entries = [("predicted", theme.first, False)]
    if any(each.low is not None for each in units):
        promised = "prediction interval" if coverage is None else f"{coverage:.0%} prediction interval"
        entries.append((promised, band, True))
    if any(each.true is not None for each in units):
        entries.append(("true", theme.second, False))
    for text, color, filled in entries:
        if filled:
            sheet.box(x, y - 18, 34, 18, fill=color, width=0)
        else:
            sheet.line([x, x + 34], [y - 8, y - 8], color=color, width=1.6)
        written = sheet.text(x + 44, y, text, size=SMALL)
        x += 44 + round(width_of(written.get_text(), SMALL)) + 50
    return y + int(line_height(BODY)) - 4


def _draw_unit(
    sheet: Sheet,
    box: tuple[int, int, int, int],
    each: UnitLife,
    ends: tuple[float, float],
    unit: str,
    cap: float | None,
    numbers: bool = True,
) -> int:
    """The lines of one unit; returns where they end."""
    theme, (x, y, wide, high) = sheet.theme, box
    axis = Axis(np.asarray(each.cycles, np.float64), unit)
    timeline = Timeline(len(each.cycles), x, wide, axis)
    row = Trace(timeline, y, high, *ends)
    row.frame(sheet)
    xs = np.asarray(timeline.across(np.arange(timeline.length)))
    if each.low is not None and each.high is not None:
        low, top = (np.clip(np.asarray(edge, np.float64), *ends) for edge in (each.low, each.high))
        fill = mixed(theme.first, theme.ground, _BAND)
        if timeline.length == 1:
            xs_of_one, pair = np.array([xs[0] - 8, xs[0] + 8]), [0, 0]
            sheet.area(xs_of_one, row.down(low)[pair], row.down(top)[pair], fill, name="interval")
        else:
            sheet.area(xs, row.down(low), row.down(top), fill, name="interval")
    if cap is not None and ends[0] < cap < ends[1]:
        place = float(row.down(cap))
        sheet.line([x, x + wide], [place, place], color=theme.rule, width=0.8)
    if each.true is not None:
        row.draw(sheet, np.asarray(each.true, np.float64), color=theme.second, width=1.3)
    row.draw(sheet, np.asarray(each.predicted, np.float64), color=theme.first, width=1.3)
    if numbers:
        _upright(sheet, row)
    return y + high + place_axis(sheet, timeline, y + high, caption=bool(unit), beside=0)


def _upright(sheet: Sheet, row: Trace) -> None:
    """The numbers left of a frame."""
    from matplotlib.ticker import MaxNLocator

    x = row.timeline.left
    for tick in MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(row.low, row.top):
        if row.low <= tick <= row.top:
            place = float(row.down(tick))
            sheet.line([x - 6, x], [place, place], color=sheet.theme.muted, width=0.5)
            text = number(float(tick))
            sheet.text(x - 11, place + 6, text, size=TINY, color=sheet.theme.muted, across="right")


def life_figure(
    names: Sequence[str],
    cycles: Sequence[npt.NDArray[np.float64]],
    lives: Sequence[npt.NDArray[np.float64]],
    intervals: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
    true: Sequence[Numbers] | None,
    *,
    coverage: float,
    cap: float,
    of: int,
) -> LazyFigure:
    """The figure of the predicted lives of some units after each of their cycles, drawn when it is needed.

    Args:
        names: The units.
        cycles: Of each unit, when.
        lives: What was predicted then.
        intervals: Lower and upper ends; infinite where there is none.
        true: What was true; None where that is not known.
        coverage: Share of intervals that hold the truth.
        cap: The longest life that is told apart.
        of: How many units there are.
    """
    units = [
        UnitLife(
            Path(name).name,
            cycles[i],
            lives[i],
            *intervals[i],
            None if true is None else np.minimum(np.asarray(true[i], np.float64), cap),
        )
        for i, name in enumerate(names)
    ]
    draw = partial(_draw_units, units, coverage, cap, of)
    return LazyFigure(draw, f"remaining life of {', '.join(unit.name for unit in units)}")


def _draw_units(units: Sequence[UnitLife], coverage: float, cap: float, of: int, theme: str) -> Figure:
    return draw_life(units, coverage=coverage, cap=cap, of=of, theme=theme)
