"""Clouds and maps seen from above, with turned boxes over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image

from convscope.kinds.points.detection.boxes import Floats, Marks, outlines
from convscope.lenses.figures.boxes import box_colors
from convscope.lenses.figures.classes import class_palette, draw_key
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Colors, Numbers, Theme, color_bytes, find_theme, mixed, scale_of

GUTTER = 28
COLUMNS = 3
"""Panels in a row at most."""
TALLEST = 620
"""Height of a panel at most, in pixels."""
FAINT, FULL = 0.28, 0.9
"""How dark the lowest and the highest points are."""
_OPACITY = 0.75
_DOTS = tuple(np.mgrid[0:side, 0:side].reshape(2, -1).T for side in (2, 4))
_FEW = 4000
"""Points below which each is drawn larger."""

Region = tuple[float, float, float, float]
"""Smallest and largest x, smallest and largest y."""


@dataclass(frozen=True, eq=False)
class AbovePanel:
    """Boxes over a cloud or a map seen from above: x to the right and y upwards.

    Args:
        region: What is shown.
        points: Shape (points, 3).
        boxes: Shape (boxes, 7).
        classes: Index into the class names, shape (boxes,).
        labels: What stands at each box.
        marked: Which are drawn in the color of faults: missed, or wrong, shape (boxes,).
        title: What is shown, below the panel.
        map: Values of the cells of the region, from the largest y downwards, shape (rows, columns); None for
            the points alone.
        values: Of the points, by whose size they are colored, shape (points,); None for their height.
    """

    region: Region
    points: Floats
    boxes: Floats
    classes: npt.NDArray[np.int64]
    labels: Sequence[str]
    marked: Marks
    title: str
    map: Numbers | None = None
    values: Numbers | None = None

    def size(self, wide: int, high: int) -> tuple[int, int]:
        """Width and height in pixels in which the region just fits."""
        x0, x1, y0, y1 = self.region
        factor = min(wide / max(x1 - x0, 1e-9), high / max(y1 - y0, 1e-9))
        return max(1, round((x1 - x0) * factor)), max(1, round((y1 - y0) * factor))

    def pixels(self, size: tuple[int, int], theme: Theme) -> Colors:
        """The map with the points over it, or the points alone, uint8 (height, width, 4)."""
        wide, high = size
        picture = np.empty((high, wide, 4), np.uint8)
        picture[:] = color_bytes(theme.ground)
        if self.map is not None:
            colors = scale_of(theme, self.map).colors(self.map)
            picture = np.array(Image.fromarray(colors).resize(size, Image.Resampling.NEAREST))
        spots = self.spots(self.points[:, :2], size).astype(np.int64)
        within = np.all((spots >= 0) & (spots < np.array([wide - 1, high - 1])), axis=1)
        order = np.argsort(self._weights()[within], kind="stable")
        dot = _DOTS[int(len(order) < _FEW)]
        shades = np.repeat(self._shades(theme)[within][order], len(dot), axis=0)
        places = (spots[within][order][:, None] + dot).reshape(-1, 2)
        x, y = np.minimum(places, np.array([wide - 1, high - 1])).T
        share = _OPACITY if self.map is not None else 1.0
        if self.map is None or self.values is not None:
            picture[y, x] = shades
        else:
            over = np.rint((1 - share / 2) * picture[y, x] + share / 2 * color_bytes(theme.ground))
            picture[y, x] = over.astype(np.uint8)
        return picture

    def spots(self, places: Floats, size: tuple[int, int]) -> Floats:
        """Where places (..., 2) lie in a picture of that size, in pixels."""
        x0, x1, y0, y1 = self.region
        along = (places[..., 0] - x0) / max(x1 - x0, 1e-9) * size[0]
        down = (y1 - places[..., 1]) / max(y1 - y0, 1e-9) * size[1]
        return np.stack([along, down], axis=-1)

    def _weights(self) -> Floats:
        """By which points lie over others: the size of their value, or their height, shape (points,)."""
        return np.asarray(self.points[:, 2] if self.values is None else np.abs(self.values), np.float64)

    def _strengths(self, theme: Theme) -> Colors:
        """Gray where a value is 0, in the second color of the theme where it is largest."""
        sizes = np.abs(np.asarray(self.values, np.float64))
        share = (sizes / (float(sizes.max(initial=0)) or 1.0))[:, None]
        faint = color_bytes(mixed(theme.muted, theme.ground, FAINT)).astype(float)
        return np.asarray(np.rint(share * color_bytes(theme.second) + (1 - share) * faint), np.uint8)

    def _shades(self, theme: Theme) -> Colors:
        """The color of each point: by its value, or darker the higher it lies."""
        if self.values is not None:
            return self._strengths(theme)
        heights = self.points[:, 2]
        low = float(np.quantile(heights, 0.05)) if len(heights) else 0.0
        top = float(np.quantile(heights, 0.98)) if len(heights) else 1.0
        share = FAINT + (FULL - FAINT) * np.clip((heights - low) / ((top - low) or 1.0), 0, 1)
        ink, ground = (color_bytes(each).astype(float) for each in (theme.ink, theme.ground))
        return np.asarray(np.rint(share[:, None] * ink + (1 - share[:, None]) * ground), np.uint8)


@dataclass(frozen=True, eq=False)
class AboveCase:
    """A cloud with boxes.

    Args:
        name: What it is called.
        caption: How good its boxes are.
        panels: Pictures of it with boxes, side by side.
    """

    name: str
    caption: str
    panels: Sequence[AbovePanel]


def region_of(points: Floats, boxes: Floats) -> Region:
    """What is shown of a cloud: its boxes with room around them, or all of it where it has none."""
    if not len(boxes):
        low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    else:
        corners = outlines(boxes).reshape(-1, 2)
        low, high = corners.min(axis=0), corners.max(axis=0)
        room = max(0.08 * float((high - low).max()), float(boxes[:, 3:5].max()))
        low, high = low - room, high + room
        side = float((high - low).max()) / 2  # a single box, or a row of them, stands in a square
        middle = (low + high) / 2
        low, high = np.minimum(low, middle - side / 2), np.maximum(high, middle + side / 2)
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def draw_above(
    cases: Sequence[AboveCase], class_names: Sequence[str], *, theme: str = "light", title: str
) -> Figure:
    """Draws clouds one below the other, each with its panels side by side.

    Args:
        cases: Clouds.
        class_names: What the classes are called.
        theme: `light` or `dark`.
        title: Of the figure.
    """
    sheet = Sheet(find_theme(theme))
    marks = any(panel.marked.any() for case in cases for panel in case.panels)
    y = draw_key(sheet, sheet.title(title), box_colors(sheet, class_names, marks), filled=False)
    y += int(line_height(SMALL)) - 12
    told = "Seen from above, x to the right and y upwards; the line in a box leads to its front."
    sheet.text(MARGIN, y, told, size=SMALL, color=sheet.theme.muted, width=INNER)
    y += 10
    for case in cases:
        y += 34
        sheet.text(MARGIN, y, case.name, bold=True, width=INNER - 420)
        sheet.text(MARGIN + INNER, y, case.caption, color=sheet.theme.muted, across="right")
        y = _rows(sheet, y + 14, case, len(class_names))
    return sheet.finish(y + 20)


def _rows(sheet: Sheet, y: int, case: AboveCase, classes: int) -> int:
    """The panels of one cloud, some in each row; returns the baseline below."""
    columns = 2 if len(case.panels) < 3 else COLUMNS
    wide = (INNER - (columns - 1) * GUTTER) // columns
    for first in range(0, len(case.panels), columns):
        some = case.panels[first : first + columns]
        high = max(panel.size(wide, TALLEST)[1] for panel in some)
        for column, panel in enumerate(some):
            x = MARGIN + column * (wide + GUTTER)
            _place(sheet, (x, y), panel, panel.size(wide, TALLEST), classes)
            sheet.text(x, y + high + 20, panel.title, size=SMALL, color=sheet.theme.muted, width=wide)
        y += high + int(line_height(SMALL)) + 18
    return y


def _place(
    sheet: Sheet, spot: tuple[int, int], panel: AbovePanel, size: tuple[int, int], classes: int
) -> None:
    """Draws a panel: the picture, its boxes with a line to the front of each, and labels."""
    x, y = spot
    sheet.image(x, y, panel.pixels(size, sheet.theme), name="cloud from above")
    palette, labels = class_palette(classes), _Labels(sheet, spot, size)
    corners = panel.spots(outlines(panel.boxes), size)
    middles = panel.spots(panel.boxes[:, :2], size)
    for row, k in enumerate(panel.classes.tolist()):
        ring = np.concatenate([corners[row], corners[row, :1]])
        inside = (corners[row] >= -1) & (corners[row] <= np.array(size) + 1)
        if not inside.all():
            continue
        front = (corners[row, 0] + corners[row, 3]) / 2
        color = sheet.theme.missing if panel.marked[row] else f"#{bytes(palette[k].tolist()).hex()}"
        drawn = np.stack([*ring, middles[row], front]) + np.array([x, y])
        for edge, width in ((sheet.theme.ground, 2.4), (color, 1.3)):
            sheet.segments(drawn[None, :5], edge, width=width, name="box")
            sheet.segments(drawn[None, 5:], edge, width=width)
        if panel.labels:
            labels.add(panel.labels[row], corners[row], color)
    sheet.box(x, y, *size, edge=sheet.theme.rule, width=0.8)


@dataclass(eq=False)
class _Labels:
    """Labels above boxes, each where no label of a surer box is."""

    sheet: Sheet
    spot: tuple[int, int]
    size: tuple[int, int]
    placed: list[tuple[float, float, float]] = field(default_factory=list)

    def add(self, label: str, corners: Floats, color: str) -> None:
        """Writes the label of a box with these corners in the picture, where there is room."""
        wide, high = width_of(label, TINY), line_height(TINY)
        left = min(max(float(corners[:, 0].min()), 0.0), self.size[0] - wide)
        bottom = float(corners[:, 1].min()) - 4
        free = all(
            left > behind or left + wide < first or abs(bottom - other) > 0.8 * high
            for first, behind, other in self.placed
        )
        if free and bottom > high and left >= 0:
            self.placed.append((left, left + wide, bottom))
            self.sheet.text(self.spot[0] + left, self.spot[1] + bottom, label, size=TINY, color=color)
