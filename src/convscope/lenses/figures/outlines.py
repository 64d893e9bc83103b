"""Masks as colors and outlines over what they are of: the true one beside the predicted one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from convscope.lenses.figures.classes import (
    BAR,
    class_colors,
    class_palette,
    draw_key,
    draw_scores,
)
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.pixels import fitted, limits_of_values, pixels_of
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Colors, Numbers, find_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4
GUTTER = 16
TALLEST = 420
"""Height of a picture at most, in pixels."""
FILL = 0.4
"""Opacity of a class within its outline."""
_BACKGROUND = "background"

Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Plane:
    """A picture of a sample, or of a slice of it, with masks of it.

    Args:
        picture: (rows, columns) or (rows, columns, channels).
        masks: Classes of the same rows and columns, those of the truth before those that were predicted.
        caption: What part of the sample it is; empty for all of it.
        stretch: How much higher a row is than a column is wide.
        sides: What lies at the left and at the right, such as R and L; empty where that is not known.
    """

    picture: Numbers
    masks: Sequence[Mask]
    caption: str = ""
    stretch: float = 1.0
    sides: tuple[str, str] = ("", "")


@dataclass(frozen=True, eq=False)
class Case:
    """A sample whose masks are drawn.

    Args:
        name: What it is called.
        caption: How good its mask is.
        planes: Pictures of it, each with the true and the predicted mask.
    """

    name: str
    caption: str
    planes: Sequence[Plane]


class ScoredClass(Protocol):
    """What a class scored."""

    @property
    def name(self) -> str:
        """The class name."""

    @property
    def iou(self) -> float | None:
        """Intersection over union; None where there is none."""

    @property
    def dice(self) -> float | None:
        """The mean Dice of samples."""

    @property
    def dice_interval(self) -> tuple[float, float] | None:
        """Its interval."""

    @property
    def support(self) -> int:
        """Samples that have it."""


def draw_cases(cases: Sequence[Case], class_names: Sequence[str], *, theme: str = "light") -> Figure:
    """Draws samples one below the other: the input, the true mask, the predicted one, and their difference.

    Args:
        cases: Samples.
        class_names: What the numbers in masks mean; one called background is not colored.
        theme: `light` or `dark`.

    Returns:
        A figure of 7 inches width.
    """
    sheet = Sheet(find_theme(theme))
    y = sheet.title("Masks beside the truth")
    colored = [each for each in class_colors(class_names) if each[0].lower() != _BACKGROUND]
    y = draw_key(sheet, y, colored, filled=True)
    wide = (INNER - (COLUMNS - 1) * GUTTER) // COLUMNS
    for case in cases:
        y += 34
        sheet.text(MARGIN, y, case.name, bold=True, width=INNER - 320)
        sheet.text(MARGIN + INNER, y, case.caption, color=sheet.theme.muted, across="right")
        for plane in case.planes:
            y = _row(sheet, y + 14, plane, class_names, wide)
    return sheet.finish(y + 20)


def _row(sheet: Sheet, y: int, plane: Plane, class_names: Sequence[str], wide: int) -> int:
    """The pictures of one plane; returns the baseline below."""
    picture = _enlarged(plane, wide)
    high = picture.shape[0]
    true, found = (_to_size(mask, picture) for mask in plane.masks)
    wrong = (true != found) & (true < len(class_names))
    shown = (
        ("input", picture),
        ("truth", overlaid_mask(picture, true, class_names)),
        ("predicted", overlaid_mask(picture, found, class_names)),
        ("wrong", _marked(picture, wrong, sheet)),
    )
    for column, (name, colors) in enumerate(shown):
        x = MARGIN + column * (wide + GUTTER)
        sheet.image(x, y, colors, name=name)
        sheet.box(x, y, colors.shape[1], high, edge=sheet.theme.rule, width=0.8)
        share = f": {wrong.mean():.1%}" if name == "wrong" else ""
        told = f"{name}{share}" if column or not plane.caption else f"{name}, {plane.caption}"
        if width_of(told, SMALL) > wide - 16 and not column:
            told = plane.caption
        below = y + high + line_height(SMALL)
        sheet.text(x, below, told, size=SMALL, color=sheet.theme.muted, width=wide - 16)
    left, right = plane.sides
    sheet.text(MARGIN + 6, y + 22, left, size=TINY, color=sheet.theme.second)
    end = MARGIN + picture.shape[1] - 6
    sheet.text(end, y + 22, right, size=TINY, color=sheet.theme.second, across="right")
    return int(y + high + line_height(SMALL) + 8)


def _enlarged(plane: Plane, wide: int) -> Colors:
    """The picture in the size in which it is shown, uint8 (rows, columns, 4)."""
    from PIL import Image

    values = plane.picture if plane.picture.ndim == 3 else plane.picture[..., None]
    colors = pixels_of(values, limits_of_values(values), "#e5007d")
    rows, columns = colors.shape[0] * plane.stretch, colors.shape[1]
    factor = min(wide / columns, TALLEST / rows)
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    if plane.stretch == 1 and factor < 1:
        return fitted(colors, wide, TALLEST)
    how = Image.Resampling.BICUBIC if factor >= 1 else Image.Resampling.BOX
    return np.asarray(Image.fromarray(colors).resize(size, how), np.uint8)


def _to_size(mask: Mask, picture: Colors) -> Mask:
    """A mask with as many rows and columns as a picture, each class as it is."""
    rows = (np.arange(picture.shape[0]) + 0.5) * mask.shape[0] / picture.shape[0]
    columns = (np.arange(picture.shape[1]) + 0.5) * mask.shape[1] / picture.shape[1]
    return np.asarray(mask[rows.astype(int)[:, None], columns.astype(int)])


def overlaid_mask(picture: Colors, mask: Mask, class_names: Sequence[str]) -> Colors:
    """Classes in their colors over a picture in gray, with an opaque outline; void stays as it is.

    Args:
        picture: uint8 (rows, columns, 4).
        mask: Of the same rows and columns.
        class_names: One called background is not colored.
    """
    gray = np.rint(picture[..., :3] @ np.array((0.299, 0.587, 0.114)))[..., None]
    opacity = np.zeros(256)
    opacity[: len(class_names)] = [0 if name.lower() == _BACKGROUND else FILL for name in class_names]
    colors = np.zeros((256, 3), np.float64)
    colors[: len(class_names)] = class_palette(len(class_names))
    share = np.where(_edges(mask) & (opacity[mask] > 0), 1.0, opacity[mask])[..., None]
    made = picture.copy()
    made[..., :3] = np.rint((1 - share) * gray + share * colors[mask])
    return made


def _edges(mask: Mask) -> npt.NDArray[np.bool_]:
    """Where a class ends: positions of which a neighbor two pixels away has another one."""
    edges = np.zeros(mask.shape, bool)
    for axis in (0, 1):
        for step in (-1, 1):
            edges |= np.roll(mask, step, axis) != mask
    edges[[0, -1]] = False
    edges[:, [0, -1]] = False
    return edges


def _marked(picture: Colors, wrong: npt.NDArray[np.bool_], sheet: Sheet) -> Colors:
    gray = np.rint(picture[..., :3] @ np.array((0.299, 0.587, 0.114)))[..., None]
    color = np.array(tuple(bytes.fromhex(sheet.theme.missing[1:])), np.float64)
    made = picture.copy()
    made[..., :3] = np.rint(np.where(wrong[..., None], 0.15 * gray + 0.85 * color, gray))
    return made


def draw_class_scores(classes: Sequence[ScoredClass], *, theme: str = "light") -> Figure:
    """Draws the IoU of each class as a bar, and the mean Dice of samples as a ring with its interval.

    Args:
        classes: In the order in which they are drawn.
        theme: `light` or `dark`.

    Returns:
        A figure of 7 inches width.
    """
    legend = "Bars: IoU of all positions. Rings: mean Dice of samples, with its 95% interval."
    return draw_scores(classes, legend, _score_masks, theme)


def _score_masks(sheet: Sheet, each: ScoredClass, left: int, y: int) -> str | None:
    if each.iou is None or each.dice is None:
        return None
    sheet.box(left, y - 16, BAR * each.iou, 18, fill=sheet.theme.first, width=0)
    low, high = each.dice_interval or (each.dice, each.dice)
    sheet.line([left + BAR * low, left + BAR * high], [y - 7, y - 7], color=sheet.theme.second, width=1.4)
    spot = np.array([[left + BAR * each.dice, y - 7]])
    sheet.dots(spot, _bytes(sheet.theme.ground), 7, edge=sheet.theme.second, name="dice")
    return f"IoU {each.iou:.3f}, Dice {each.dice:.3f}, in {each.support} samples"


def _bytes(color: str) -> Colors:
    return np.array([*bytes.fromhex(color[1:]), 255], np.uint8)
