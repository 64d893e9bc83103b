"""Small grids of colored cells with their numbers in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.lenses.sheet.sheet import TINY, Sheet
from convscope.lenses.sheet.theme import MINUS, TIMES, Colors, Numbers, Scale

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Figures:
    """How the numbers of one kind are written: all with the same decimals and power of ten.

    Args:
        power: They are written in units of 10 to this power.
        decimals: Digits behind the point.
    """

    power: int
    decimals: int

    @property
    def unit(self) -> str:
        """The power of ten to write behind a heading; empty for plain numbers."""
        return f" {TIMES} 10{str(self.power).translate(_RAISED)}" if self.power else ""

    def write(self, value: float) -> str:
        """One number."""
        text = f"{value / 10.0**self.power:.{self.decimals}f}"
        return text.replace("-", MINUS) if float(text) else text.lstrip("-")


def figures_of(values: Numbers) -> Figures:
    """Two or three significant digits for the largest of the numbers.

    Example:
        >>> figures = figures_of(np.array([0.0123, -0.00456]))
        >>> figures.power, figures.write(0.00456)
        (-2, '0.46')
    """
    finite = np.abs(np.asarray(values, np.float64))
    largest = float(finite[np.isfinite(finite)].max(initial=0)) or 1.0
    place = int(np.floor(np.log10(largest * 1.05)))
    if -1 <= place <= 2:
        return Figures(0, 2 - max(place, 0))
    return Figures(place, 2)


def place_grid(
    sheet: Sheet,
    spot: tuple[float, float, int],
    values: Numbers,
    scale: Scale,
    *,
    figures: Figures | None = None,
    crossed: npt.NDArray[np.bool_] | None = None,
) -> None:
    """Places a grid of square cells.

    Args:
        sheet: Where to.
        spot: x, y and the side of a cell.
        values: (rows, columns).
        scale: The colors.
        figures: How numbers are written into the cells; None: they are not.
        crossed: (rows, columns), cells to cross out.
    """
    x, y, side = spot
    rows, columns = values.shape
    colors = scale.colors(values)
    sheet.image(x, y, np.repeat(np.repeat(colors, side, axis=0), side, axis=1), name="grid")
    sheet.missing(x, y, ~np.isfinite(values), (side, side))
    rule = sheet.theme.rule
    for row in range(rows + 1):
        sheet.line([x, x + columns * side], [y + row * side] * 2, color=rule, width=0.6)
    for column in range(columns + 1):
        sheet.line([x + column * side] * 2, [y, y + rows * side], color=rule, width=0.6)
    for row, column in np.ndindex(rows, columns):
        left, top = x + column * side, y + row * side
        ink = readable_on(colors[row, column])
        if crossed is not None and crossed[row, column]:
            sheet.line([left, left + side], [top, top + side], color=ink, width=0.5)
            sheet.line([left, left + side], [top + side, top], color=ink, width=0.5)
        elif figures is not None and np.isfinite(values[row, column]):
            text = figures.write(float(values[row, column]))
            sheet.text(left + side / 2, top + side / 2 + 6, text, size=TINY, color=ink, across="center")


def readable_on(color: Colors) -> str:
    """Black or white, whichever has more contrast to a color (relative luminance as in WCAG 2)."""
    share = color[:3] / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return "#000000" if luminance > 0.18 else "#ffffff"
