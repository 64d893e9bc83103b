"""Figures of progression: volumes and risks over the years, and the change over planes of the scan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from convscope.data.splits import Split
from convscope.kinds.volume.planes import strongest
from convscope.kinds.volume.progression.answers import Changes, Outputs
from convscope.kinds.volume.progression.course import LIMIT
from convscope.kinds.volume.progression.hazards import COVERAGE
from convscope.kinds.volume.progression.measuring import SubjectChange
from convscope.kinds.volume.representation import described
from convscope.kinds.volume.view import VolumeView
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Colors, Scale, find_theme, mixed, number
from convscope.lenses.views.raster import overlaid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 24
"""Courses that are drawn."""
MOST_MAPS = 6
"""Subjects whose change is drawn over planes."""
COLUMNS, HIGH, LABEL = 3, 190, 84
TALL = 460
BEYOND = 0.5
"""Change in shares of the range of intensities that has the strongest color."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Course:
    """Numbers over years.

    Args:
        name: What they are of.
        years: Shape (n,).
        values: Shape (n,).
        low: Lower ends of their intervals, shape (n,); NaN where there is none.
        high: Upper ends.
    """

    name: str
    years: Floats
    values: Floats
    low: Floats
    high: Floats


def draw_courses(
    courses: Sequence[Course],
    *,
    title: str,
    unit: str,
    said: str,
    across: str = "years",
    theme: str = "light",
) -> Figure:
    """Draws numbers over years with error bars, a panel for each course.

    Args:
        courses: What is drawn; the first 24.
        title: The heading.
        unit: Of the numbers.
        said: A line below the heading.
        across: What lies along the lower edge.
        theme: `light` or `dark`.

    Returns:
        A figure of 7 inches width.
    """
    sheet = Sheet(find_theme(theme))
    y = int(sheet.paragraph(MARGIN, sheet.title(title), said, INNER, color=sheet.theme.muted, size=SMALL))
    shown = courses[:MOST]
    pitch = INNER // COLUMNS
    for place, course in enumerate(shown):
        row, column = divmod(place, COLUMNS)
        top = y + row * (HIGH + 110) + 30
        box = (MARGIN + column * pitch + LABEL, top, pitch - LABEL - 20, HIGH)
        sheet.text(box[0], top - 12, course.name, size=SMALL, width=box[2])
        _panel(sheet, box, course, unit if not column else "", across)
    rows = -(-len(shown) // COLUMNS)
    return sheet.finish(y + rows * (HIGH + 110) + MARGIN)


def _panel(sheet: Sheet, box: tuple[int, int, int, int], course: Course, unit: str, across: str) -> None:
    """The frame, ticks, error bars, line and points of one course."""
    from matplotlib.ticker import MaxNLocator

    x, y, wide, high = box
    theme = sheet.theme
    every = np.concatenate([course.values, course.low, course.high])
    every = every[np.isfinite(every)]
    low, top = (float(every.min()), float(every.max())) if every.size else (0.0, 1.0)
    more = 0.08 * (top - low) or 0.05 * abs(top) or 0.5
    low, top = low - more, top + more
    first, last = float(course.years[0]), float(course.years[-1])
    span = last - first or 1.0

    def right(years: Floats | float) -> Floats:
        return np.asarray(x + 14 + (np.asarray(years, np.float64) - first) / span * (wide - 28))

    def down(values: Floats | float) -> Floats:
        return np.asarray(y + high - (np.asarray(values, np.float64) - low) / (top - low) * high)

    sheet.box(x, y, wide, high, edge=theme.rule)
    for tick in MaxNLocator(nbins=4).tick_values(low, top):
        if low <= tick <= top:
            place = float(down(float(tick)))
            sheet.line([x - 6, x], [place, place], color=theme.muted, width=0.5)
            sheet.text(x - 10, place + 6, number(float(tick)), size=TINY, color=theme.muted, across="right")
    for tick in MaxNLocator(nbins=4, integer=span >= 3).tick_values(first, last):
        if first <= tick <= last:
            place = float(right(float(tick)))
            sheet.line([place, place], [y + high, y + high + 6], color=theme.muted, width=0.5)
            said = f"{number(float(tick))} {across}" if tick == first else number(float(tick))
            sheet.text(place - 8, y + high + 24, said, size=TINY, color=theme.muted)
    if unit:
        sheet.text(x - 76, y + high / 2, unit, size=TINY, color=theme.muted, turned=True)
    xs, ys = right(course.years), down(course.values)
    known = np.isfinite(course.low) & np.isfinite(course.high)
    for place, bottom, above in zip(
        xs[known], down(course.low[known]), down(course.high[known]), strict=True
    ):
        sheet.line([place, place], [bottom, above], color=mixed(theme.first, theme.ground, 0.6), width=1.2)
        for end in (bottom, above):
            sheet.line([place - 5, place + 5], [end, end], color=mixed(theme.first, theme.ground, 0.6))
    sheet.line(xs[np.isfinite(ys)].tolist(), ys[np.isfinite(ys)].tolist(), color=theme.first, width=1.3)
    for place, height in zip(xs[np.isfinite(ys)], ys[np.isfinite(ys)], strict=True):
        sheet.box(place - 3, height - 3, 6, 6, fill=theme.first, width=0)


def volume_courses(changes: Sequence[SubjectChange]) -> list[Course]:
    """The course of each structure of each subject, with what lies within the repeat error."""
    courses = []
    for change in changes:
        years = change.subject.years
        places = np.arange(float(len(change.subject.visits))) if years is None else years
        for each in change.structures:
            limit = np.nan if each.limit is None else each.limit / 100 * each.ml[0]
            around = np.full(len(places), limit)
            name = f"{change.subject.name}, {each.name}"
            courses.append(
                Course(name, np.asarray(places, np.float64), each.ml, each.ml - around, each.ml + around)
            )
    return courses


def change_figures(changes: Sequence[SubjectChange]) -> list[LazyFigure]:
    """The courses of volumes, and the change map of each subject over its first scan."""
    figures = []
    courses = volume_courses(changes)
    if courses:
        timed = all(change.subject.years is not None for change in changes)
        said = f"Bars: {LIMIT} repeat errors, where one was measured."
        draw = partial(
            draw_courses,
            courses,
            title="Volumes over visits",
            unit="ml",
            said=said,
            across="years" if timed else "visit",
        )
        figures.append(LazyFigure(lambda theme: draw(theme=theme), "volumes of structures over visits", said))
    shown = [change for change in changes if any(each is not None for each in change.changes)][:MOST_MAPS]
    for change in shown:
        name = change.subject.name
        figures.append(
            LazyFigure(partial(draw_change, change), f"change of {name} over its first scan", _said(change))
        )
    return figures


def _said(change: SubjectChange) -> str:
    at = _last(change)
    visits = change.subject.visits
    return f"{visits[at].name} minus {visits[0].name}, through the voxel of the largest change."


def _last(change: SubjectChange) -> int:
    return max(at + 1 for at, each in enumerate(change.changes) if each is not None)


def draw_change(change: SubjectChange, theme: str) -> Figure:
    """Draws the first scan in three planes, and the change to the last visit over it and alone.

    Args:
        change: What was measured; one visit at least was registered.
        theme: `light` or `dark`.

    Returns:
        A figure of 7 inches width.
    """
    sheet = Sheet(find_theme(theme))
    at = _last(change)
    scan, found = change.subject.scan(0), change.changes[at - 1]
    assert found is not None
    title = f"{change.subject.name}: {change.subject.visits[at].name} minus {change.subject.visits[0].name}"
    y = int(sheet.title(title)) + 8
    view = VolumeView(scan.values, described(scan))
    planes = view.planes_drawn
    place = strongest(uniform_filter(found.map, 3))
    reach = min(float(np.quantile(np.abs(found.map), 0.999)) or BEYOND, BEYOND)
    scale = Scale(sheet.theme, -reach, reach, "diverging")

    def gray(axis: int) -> Colors:
        return view.colors(axis, place, sheet.theme.missing)

    def over(axis: int) -> Colors:
        plane = planes.of(found.map, axis, place[axis])
        return overlaid(gray(axis), scale.colors(plane), plane, scale)

    drawers: list[tuple[str, Callable[[int], Colors]]] = [("first scan", gray), ("change", over)]
    wide = INNER - 120
    for name, colors in drawers:
        across, high = planes.place(sheet, (MARGIN, y, wide, TALL), place, colors, name=name)
        if name == "change":
            sheet.color_bar(MARGIN + across + 20, y + 40, max(high - 110, 60), scale)
        y += high + 8
    said = (
        "Orange or red: brighter at the later visit; blue: darker; in shares of the range of the first scan. "
        f"Moved by {found.alignment.moved:.2g} mm and {found.alignment.turned:.2g} degrees; the ways there"
        f" and back are {found.alignment.apart:.2g} mm apart."
    )
    y = int(sheet.paragraph(MARGIN, y + line_height(SMALL), said, INNER, color=sheet.theme.muted, size=SMALL))
    return sheet.finish(y + MARGIN // 2)


def plot_outputs(outputs: Outputs, split: Split, class_names: Sequence[str]) -> list[LazyFigure]:
    """Courses of volumes with maps of change, or courses of risk."""
    if isinstance(outputs, Changes):
        return change_figures(outputs.subjects)
    years = np.arange(1, outputs.courses.shape[1] + 1) * outputs.period
    courses = [
        Course(subject.name, years, outputs.courses[at], outputs.low[at], outputs.high[at])
        for at, subject in enumerate(outputs.subjects)
    ]
    said = f"Probability that it has happened by then. Bars: {COVERAGE:.0%} of resamples of train subjects."
    draw = partial(
        draw_courses, courses, title="Risk over the years ahead", unit="risk", said=said, across="years ahead"
    )
    return [LazyFigure(lambda theme: draw(theme=theme), "risk over the years ahead", said)]
