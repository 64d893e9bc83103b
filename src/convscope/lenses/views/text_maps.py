"""The maps of one layer over a text: strips of heat below its tokens, row by row."""

from __future__ import annotations

import numpy as np

from convscope.errors import UsageError
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, Block, scales_of
from convscope.lenses.sheet.sheet import LOWEST_BAR, Sheet
from convscope.lenses.sheet.theme import Numbers, Scale
from convscope.lenses.views.sample import Sample
from convscope.lenses.views.tokens import lay_out, place_token_strips, place_tokens, token_values

LABEL = 60
ROWS = 6
ROW_GAP = 22
_TALLEST_BAR = 300
_MANY = 48  # strips in all, beyond which they are drawn lower


def over_tokens(
    sample: Sample, maps: Numbers, over: int = 0, stride: tuple[float | None, ...] | None = None
) -> Numbers:
    """The values of a layer's maps at the tokens of a text; padding behind them is left out.

    Args:
        sample: The text.
        maps: (positions, channels).
        over: Which text the positions lie along: 0 the text itself, 1 its target.
        stride: Input positions between neighbours; None: not known.

    Returns:
        (channels, tokens).

    Raises:
        UsageError: The sample is no text.
    """
    tokens = sample.row(over)
    if tokens is None:
        raise UsageError(f"The sample '{sample.name}' has no tokens.", "Give a text with its tokens.")
    positions = np.shape(maps)[0]
    step = None if not stride else stride[0]
    length = len(sample.values) if not over else round(positions * (step or 1))
    extent = (0.0, 1.0)
    if step is not None:
        covered = min(1.0, positions * step / length)
        extent = ((1 - covered) / 2, (1 + covered) / 2)
    return token_values(np.asarray(maps).T, len(tokens), length, extent)


def place_text_block(
    sheet: Sheet,
    box: tuple[int, int, int],
    sample: Sample,
    values: Numbers,
    numbers: list[int],
    *,
    over: int = 0,
    scale: str = "layer",
    name: str = "",
    shared: Scale | None = None,
) -> Block:
    """Places the chosen maps below the tokens, a row of the text after the other, and their colour bar.

    Args:
        sheet: Where to.
        box: x, y and width, the labels at the left and the colour bar included.
        sample: The text.
        values: (channels, tokens), all channels.
        numbers: The channels to show.
        over: Which text the positions lie along.
        scale: `layer`: one scale and a bar; `map`: one for each.
        name: The layer's path.
        shared: The colours of all maps, where they are those of other texts too.

    Returns:
        Where it is, and notes.
    """
    x, y, width = box
    left, room = x + LABEL, width - LABEL - BAR_ROOM
    lines = lay_out(sample.row(over) or (), room, most=ROWS)
    strip = 18 if len(lines.rows) * len(numbers) <= _MANY else 13
    chosen = values[numbers]
    scales = scales_of(sheet, chosen, scale) if shared is None else [shared] * len(chosen)
    top = y
    labels = [str(each) for each in numbers]
    for row_number, row in enumerate(lines.rows):
        y += place_tokens(sheet, (left, y), row) + 2
        named = f"maps {name}" + (f" row {row_number}" if row_number else "")
        y += place_token_strips(sheet, (left, y), row, chosen, labels, scales, strip=strip, name=named)
        y += ROW_GAP
    bottom = max(y - ROW_GAP, top + LOWEST_BAR)
    notes = list(lines.notes)
    if scale == "layer":
        high = min(bottom - top - 34, _TALLEST_BAR)
        sheet.colour_bar(left + lines.width + BAR_GAP, top + 34, high, scales[0])
    else:
        notes.append("each map on its own scale")
    return Block(top, bottom, tuple(notes))
