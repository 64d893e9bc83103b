"""Many samples as points of a plane: by their features, mistakes ringed; or by true and predicted number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.collections import PathCollection
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path as Outline
from matplotlib.transforms import IdentityTransform

from convscope.errors import UsageError
from convscope.lenses.sheet.lettering import line_height
from convscope.lenses.sheet.sheet import BODY, INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Numbers, Theme, count, find_theme, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEGEND = 340
"""Room for the names, with the space left of them."""
SIDE = INNER - LEGEND
SHOWN = 40
"""Groups that have a mark of their own; the smallest of more become one."""
_LOWEST, _TALLEST = 420, 1100
_INSET = 24
MOST_COMPARED = 2_000
"""Samples that are drawn."""
_SQUARE = 620
_BESIDE = 130
_DOT = 7

_ON_LIGHT = (
    "#005b96",
    "#c2570c",
    "#1b7f3b",
    "#8a3ffc",
    "#b3245b",
    "#008c95",
    "#7a5c00",
    "#4b5fd6",
    "#6b8e00",
    "#c72fb0",
)
_ON_DARK = (
    "#62b2e8",
    "#eba24f",
    "#6fd08c",
    "#bda4ff",
    "#ff8fb1",
    "#4fd3d6",
    "#d9c04f",
    "#93a5ff",
    "#b6d957",
    "#f08ae0",
)
_SHAPES = ("o", "s", "^", "D")


def draw_scatter(
    points: Numbers,
    groups: npt.NDArray[np.int64],
    names: Sequence[str],
    *,
    marked: npt.NDArray[np.bool_] | None = None,
    axes: tuple[str, str] = ("", ""),
    theme: str = "light",
    title: str = "",
    lead: str = "",
    plain: frozenset[str] = frozenset(),
) -> Figure:
    """Draws points, both axes at one scale.

    Args:
        points: Shape (points, 2), finite.
        groups: Index into `names` of each point, shape (points,).
        names: Of the groups.
        marked: Which points get a ring, shape (points,).
        axes: What is written along the two axes.
        theme: `light` or `dark`.
        title: The heading.
        lead: A line below it.
        plain: Names of groups that are drawn without weight, below the others.

    Returns:
        A figure of 7 inches width.

    Raises:
        UsageError: There is no point.
    """
    if not len(points):
        raise UsageError("There is no point to draw.")
    sheet = Sheet(find_theme(theme))
    y = sheet.title(title)
    if lead:
        y = int(sheet.paragraph(MARGIN, y, lead, INNER, size=SMALL, color=sheet.theme.muted))
    shown, shown_names, plain = _grouped(groups, names, plain)
    colors, shapes = _looks(sheet.theme, shown_names, plain)
    down = 30 if axes[1] else 0
    x, y = MARGIN + down, y + 6
    places, high = _placed(points, SIDE - down)
    sheet.box(x, y, SIDE - down, high, edge=sheet.theme.rule, width=0.8)
    size = float(np.clip(2200 / np.sqrt(len(points)), 22, 120))
    light = np.isin(shown, [i for i, name in enumerate(shown_names) if name in plain])
    # Drawn in a mixed order, so that no group hides the others; the same points give the same order.
    order = np.lexsort((np.random.default_rng(0).random(len(points)), ~light))
    _scatter(sheet, places[order] + (x, y), shown[order], colors, shapes, size)
    if marked is not None and marked.any():
        _rings(sheet, places[marked] + (x, y), size)
    if axes[0]:
        sheet.text(x, y + high + 30, axes[0], size=SMALL, color=sheet.theme.muted)
    if axes[1]:
        middle = y + high / 2
        sheet.text(
            MARGIN + 8, middle, axes[1], size=SMALL, color=sheet.theme.muted, across="center", turned=True
        )
    counts = np.bincount(shown, minlength=len(shown_names))
    end = _legend(sheet, y, shown_names, counts, colors, shapes, 0 if marked is None else int(marked.sum()))
    return sheet.finish(max(y + high + (44 if axes[0] else 10), end) + MARGIN // 2)


def _grouped(
    groups: npt.NDArray[np.int64], names: Sequence[str], plain: frozenset[str]
) -> tuple[npt.NDArray[np.int64], list[str], frozenset[str]]:
    """Groups that occur, and those too many as one."""
    counts = np.bincount(groups, minlength=len(names))
    there: npt.NDArray[np.int64] = np.flatnonzero(counts).astype(np.int64)
    if len(there) > SHOWN:
        largest = np.sort(there[np.argsort(-counts[there], kind="stable")][: SHOWN - 1])
        rest = f"{len(there) - len(largest)} smaller groups"
        place_of = np.full(len(names), len(largest))
        place_of[largest] = np.arange(len(largest))
        return place_of[groups], [*(names[i] for i in largest.tolist()), rest], plain | {rest}
    place_of = np.zeros(len(names), np.int64)
    place_of[there] = np.arange(len(there))
    return place_of[groups], [names[i] for i in there.tolist()], plain


def _looks(theme: Theme, names: Sequence[str], plain: frozenset[str]) -> tuple[list[str], list[Outline]]:
    """Color and shape of each group: shapes change too, for eyes that do not see all colors."""
    palette = _ON_LIGHT if theme.name == "light" else _ON_DARK
    colors, shapes, number = [], [], 0
    for name in names:
        if name in plain:
            colors.append(theme.rule)
            shapes.append(_outline("o"))
            continue
        colors.append(palette[number % len(palette)])
        shapes.append(_outline(_SHAPES[(number + number // len(palette)) % len(_SHAPES)]))
        number += 1
    return colors, shapes


def _outline(shape: str) -> Outline:
    style = MarkerStyle(shape)
    return style.get_path().transformed(style.get_transform())


def _placed(points: Numbers, wide: int) -> tuple[Numbers, int]:
    """Where points are within a frame of that width, and its height; up is down on a sheet."""
    points = np.asarray(points, np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    reach = np.maximum(high - low, 1e-12 * max(1.0, float(np.abs(points).max())))
    inner = wide - 2 * _INSET
    scale = min(inner / reach[0], (_TALLEST - 2 * _INSET) / reach[1])
    tall = int(np.clip(scale * reach[1] + 2 * _INSET, _LOWEST, _TALLEST))
    center = (low + high) / 2
    places = np.stack(
        [wide / 2 + (points[:, 0] - center[0]) * scale, tall / 2 - (points[:, 1] - center[1]) * scale], axis=1
    )
    return places, tall


def _scatter(
    sheet: Sheet,
    places: Numbers,
    groups: npt.NDArray[np.int64],
    colors: Sequence[str],
    shapes: Sequence[Outline],
    size: float,
) -> None:
    """All points as one artist, in the order given; `size` is their area in square pixels."""
    _marks(
        sheet,
        places,
        [shapes[group] for group in groups],
        size,
        "points",
        facecolors=[colors[group] for group in groups],
        edgecolors=sheet.theme.ground,
        linewidths=0.15,
    )


def _rings(sheet: Sheet, places: Numbers, size: float) -> None:
    style = {"facecolors": "none", "edgecolors": sheet.theme.ink, "linewidths": 0.7}
    _marks(sheet, places, [_outline("o")], 3.4 * size, "rings", **style)


def _marks(
    sheet: Sheet, places: Numbers, outlines: Sequence[Outline], size: float, name: str, **style: Any
) -> None:
    drawn = PathCollection(
        outlines,
        sizes=[size * (72 / sheet.figure.dpi) ** 2],
        offsets=places,
        offset_transform=sheet.axes.transData,
        **style,
    )
    drawn.set_transform(IdentityTransform())  # sizes are no lengths of the sheet
    drawn.set_gid(name)
    sheet.add(drawn)


def _legend(
    sheet: Sheet,
    y: int,
    names: Sequence[str],
    counts: npt.NDArray[np.int64],
    colors: Sequence[str],
    shapes: Sequence[Outline],
    rings: int,
) -> int:
    """Marks, names and counts at the right; returns where they end."""
    left, right = MARGIN + SIDE + 34, MARGIN + INNER
    size = BODY if len(names) <= 24 else TINY
    pitch = int(line_height(size)) + 4
    y += pitch - 8
    for place, (name, many) in enumerate(zip(names, counts.tolist(), strict=True)):
        spot = np.array([[left, y - 0.3 * pitch]])
        _scatter(sheet, spot, np.array([place]), colors, shapes, 190 if size == BODY else 110)
        sheet.text(right, y, f"{many:,}", size=TINY, color=sheet.theme.muted, across="right")
        sheet.text(left + 22, y, name, size=size, width=right - left - 90)
        y += pitch
    if rings:
        _rings(sheet, np.array([[left, y - 0.3 * pitch]]), 70)
        sheet.text(right, y, f"{rings:,}", size=TINY, color=sheet.theme.muted, across="right")
        sheet.text(left + 22, y, "mistakes", size=size, width=right - left - 90)
        y += pitch
    return y


@dataclass(frozen=True)
class _Square:
    """Two axes of the same range, from `low` to `high`, with their upper left corner at (left, top)."""

    left: int
    top: int
    low: float
    high: float

    def along(self, values: Numbers) -> Numbers:
        """Their places to the right."""
        return self.left + (values - self.low) / (self.high - self.low) * _SQUARE

    def down(self, values: Numbers) -> Numbers:
        """Their places upwards."""
        return self.top + (self.high - values) / (self.high - self.low) * _SQUARE


def draw_agreement(
    true: Numbers,
    predicted: Numbers,
    *,
    half_width: float | None = None,
    theme: str = "light",
    title: str = "Predicted and true numbers",
) -> Figure:
    """Draws a point for each sample, and the line on which predictions are right.

    Args:
        true: Shape (samples,).
        predicted: Shape (samples,).
        half_width: Of the intervals around predictions, drawn beside the line; None without.
        theme: `light` or `dark`.
        title: The heading.

    Returns:
        A figure of 7 inches width.

    Raises:
        UsageError: There is no sample, or the shapes differ.
    """
    true, predicted = (np.asarray(each, np.float64)[:MOST_COMPARED] for each in (true, predicted))
    if not len(true) or true.shape != predicted.shape:
        shapes = f"{true.shape} and {predicted.shape}"
        raise UsageError(f"true and predicted must have one number for each sample. Received: {shapes}.")
    sheet = Sheet(find_theme(theme))
    y = sheet.title(title)
    told = f"{count(len(true), 'sample')}: true number to the right, predicted number upwards"
    y = int(sheet.paragraph(MARGIN, y, told, INNER, color=sheet.theme.muted))
    low, high = float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))
    margin = 0.04 * (high - low) or 1.0
    square = _Square(MARGIN + _BESIDE, y, low - margin, high + margin)
    sheet.box(square.left, y, _SQUARE, _SQUARE, edge=sheet.theme.rule)
    for shift in (0.0, *(() if half_width is None else (-half_width, half_width))):
        ends = np.array([max(square.low, square.low - shift), min(square.high, square.high - shift)])
        if ends[0] < ends[1]:
            color = sheet.theme.muted if shift == 0 else sheet.theme.rule
            sheet.line(list(square.along(ends)), list(square.down(ends + shift)), color=color)
    for x, place in zip(square.along(true), square.down(predicted), strict=True):
        sheet.box(x - _DOT / 2, place - _DOT / 2, _DOT, _DOT, fill=sheet.theme.first, width=0)
    for value in (low, high):
        x, place = float(square.along(np.array([value]))[0]), float(square.down(np.array([value]))[0])
        sheet.text(square.left - 12, place + 6, number(value), size=SMALL, across="right")
        sheet.text(x, y + _SQUARE + 26, number(value), size=SMALL, across="center")
    return sheet.finish(y + _SQUARE + 44)
