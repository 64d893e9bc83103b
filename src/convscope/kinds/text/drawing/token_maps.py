"""The maps of one layer over a text: strips of heat below its tokens, row by row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convscope.kinds.text.drawing.tokens import lay_out, place_token_strips, place_tokens, token_values
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, MapBlock, Where, scales_of
from convscope.lenses.sheet.sheet import LOWEST_BAR, Sheet
from convscope.lenses.sheet.theme import Numbers, Scale
from convscope.lenses.views.layer_maps import LayerMaps

LABEL = 60
ROWS = 6
ROW_GAP = 22
_TALLEST_BAR = 300
_MANY = 48  # strips in all, beyond which they are drawn lower


def at_tokens(layer: LayerMaps, tokens: int, length: int) -> Numbers:
    """The values of a layer's maps at the tokens of a text; padding behind them is left out.

    Args:
        layer: Maps over (positions,).
        tokens: How many tokens the text has, at least 1.
        length: How many positions the model's input has, padding included.

    Returns:
        (channels, tokens).
    """
    step = None if not layer.stride else layer.stride[0]
    positions = np.shape(layer.maps)[0]
    length = round(positions * (step or 1)) if layer.over else length
    extent = (0.0, 1.0)
    if step is not None:
        covered = min(1.0, positions * step / length)
        extent = ((1 - covered) / 2, (1 + covered) / 2)
    return token_values(np.asarray(layer.maps).T, tokens, length, extent)


def place_token_maps(
    sheet: Sheet,
    where: Where,
    tokens: Sequence[str],
    values: Numbers,
    channels: list[int],
    *,
    scale: str,
    name: str,
    shared: Scale | None = None,
) -> MapBlock:
    """Places the chosen maps below the tokens, a row of the text after the other, and their color bar.

    Args:
        sheet: Where to.
        where: x, y and width, the labels at the left and the color bar included.
        tokens: The text.
        values: (channels, tokens), all channels.
        channels: Which of them.
        scale: `layer`: one scale and a bar; `map`: one for each.
        name: The layer's path.
        shared: The colors of all maps, where they are those of other texts too.

    Returns:
        Where it is, and notes.
    """
    x, y, width = where
    left, room = x + LABEL, width - LABEL - BAR_ROOM
    lines = lay_out(tokens, room, most=ROWS)
    strip = 18 if len(lines.rows) * len(channels) <= _MANY else 13
    chosen = values[channels]
    scales = scales_of(sheet, chosen, scale) if shared is None else [shared] * len(chosen)
    top = y
    labels = [str(each) for each in channels]
    for row_number, row in enumerate(lines.rows):
        y += place_tokens(sheet, (left, y), row) + 2
        named = f"maps {name}" + (f" row {row_number}" if row_number else "")
        y += place_token_strips(sheet, (left, y), row, chosen, labels, scales, strip=strip, name=named)
        y += ROW_GAP
    bottom = max(y - ROW_GAP, top + LOWEST_BAR)
    notes = list(lines.notes)
    if scale == "layer":
        high = min(bottom - top - 34, _TALLEST_BAR)
        sheet.color_bar(left + lines.width + BAR_GAP, top + 34, high, scales[0])
    else:
        notes.append("each map on its own scale")
    return MapBlock(top, bottom, tuple(notes), x, width)
