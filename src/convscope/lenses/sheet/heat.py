"""A matrix as a heat map with numbered rows and columns and a color bar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, TALLEST_BAR
from convscope.lenses.sheet.lettering import line_height, shortened, width_of
from convscope.lenses.sheet.mosaic import averaged
from convscope.lenses.sheet.sheet import SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import TIMES, Numbers, Scale

LARGEST_CELL = 40
LONGEST_NAME = 220


def place_matrix(
    sheet: Sheet,
    box: tuple[int, int, int, int],
    values: Numbers,
    scale: Scale,
    *,
    across: str,
    down: str,
    row_names: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
    name: str = "matrix",
) -> tuple[int, str]:
    """Places a matrix; where it has more cells than there are pixels, blocks of them as their mean.

    Cells are square unless the matrix is very wide or very high.

    Args:
        sheet: Where to.
        box: x, y, width, and greatest height; its color bar and names included.
        values: (rows, columns).
        scale: The colors.
        across: What the columns are.
        down: What the rows are.
        row_names: Their names; numbers if None.
        column_names: Their names; numbers if None.
        name: The image's name in the figure.

    Returns:
        Where it ends, and a note on means.
    """
    x, y, width, tallest = box
    rows, columns = values.shape
    labels = row_names or [str(each) for each in range(rows)]
    room = min(LONGEST_NAME, max(width_of(label, TINY) for label in labels)) if row_names else 60
    left = x + int(line_height(SMALL)) + int(room) + 14
    top = y + int(line_height(SMALL)) + int(line_height(TINY)) + 8
    wide, high = x + width - BAR_ROOM - left, tallest - (top - y)
    means = (-(-rows // high), -(-columns // wide))
    small = averaged(values[None], means)[0]
    factors = [
        max(1, min(space // size, LARGEST_CELL))
        for space, size in zip((high, wide), small.shape, strict=True)
    ]
    if max(small.shape) <= 4 * min(small.shape):
        factors = [min(factors)] * 2
    picture = np.repeat(np.repeat(scale.colors(small), factors[0], axis=0), factors[1], axis=1)
    high, wide = picture.shape[:2]
    sheet.box(left, top, wide, high, edge=sheet.theme.rule, width=0.8)
    sheet.image(left, top, picture, name=name)
    sheet.missing(left, top, ~np.isfinite(small), (factors[1], factors[0]))
    per_row, per_column = factors[0] / means[0], factors[1] / means[1]
    _name_rows(sheet, (left, top), labels, per_row, named=row_names is not None)
    heads = column_names or [str(each) for each in range(columns)]
    _name_columns(sheet, (left, top), heads, per_column, named=column_names is not None)
    muted = sheet.theme.muted
    sheet.text(left, y + line_height(SMALL) - 8, across, size=SMALL, color=muted)
    sheet.text(x + 14, top + high / 2, down, size=SMALL, color=muted, across="center", turned=True)
    sheet.color_bar(left + wide + BAR_GAP, top, min(high, TALLEST_BAR), scale)
    bottom = top + max(high, int(width_of(down, SMALL)) if high < width_of(down, SMALL) else high)
    note = f"each pixel is the mean of {means[0]} {TIMES} {means[1]} cells" if max(means) > 1 else ""
    return bottom, note


def _name_rows(
    sheet: Sheet, spot: tuple[int, int], labels: Sequence[str], pitch: float, *, named: bool
) -> None:
    """Names left of the rows, as far as there is room."""
    left, top = spot
    muted = sheet.theme.muted
    for row in _marked(len(labels), pitch, line_height(TINY), named=named):
        middle = top + (row + 0.5) * pitch
        text = shortened(labels[row], LONGEST_NAME, TINY)
        sheet.text(left - 12, middle + 6, text, size=TINY, color=muted, across="right")
        sheet.line([left - 6, left], [middle, middle], color=muted, width=0.5)


def _name_columns(
    sheet: Sheet, spot: tuple[int, int], heads: Sequence[str], pitch: float, *, named: bool
) -> None:
    """Names above the columns, as far as there is room."""
    left, top = spot
    muted = sheet.theme.muted
    widest = max(width_of(head, TINY) for head in heads) + 12
    for column in _marked(len(heads), pitch, widest, named=named):
        middle = left + (column + 0.5) * pitch
        sheet.text(middle, top - 12, heads[column], size=TINY, color=muted, across="center")
        sheet.line([middle, middle], [top - 6, top], color=muted, width=0.5)


def _marked(cells: int, size: float, room: float, *, named: bool) -> list[int]:
    """Which rows or columns of `size` pixels are marked, so that marks are at least `room` apart."""
    every = max(1, int(np.ceil(room / size)))
    if every == 1 or named:
        return list(range(0, cells, every))
    most = max(1, min(8, int(cells * size / (1.5 * room))))
    locator = MaxNLocator(nbins=most, integer=True, steps=[1, 2, 5, 10])
    return [int(each) for each in locator.tick_values(0, cells - 1) if 0 <= each < cells and each % 1 == 0]
