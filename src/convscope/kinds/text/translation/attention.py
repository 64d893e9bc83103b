"""Which words of a source each word of its translation was predicted from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from matplotlib.figure import Figure

from convscope.errors import UsageError
from convscope.kinds.contract.inspection import InspectedModel, InspectionResult
from convscope.kinds.contract.representation import TextDescription
from convscope.kinds.text.drawing.tokens import EMPTY
from convscope.kinds.text.layers.source_attention import SourceAttention
from convscope.lenses.pages.pages import LazyFigure
from convscope.lenses.sheet.blocks import BAR_GAP, BAR_ROOM, TALLEST_BAR, write_missing
from convscope.lenses.sheet.glyphs import note_on_missing, parts_of
from convscope.lenses.sheet.lettering import line_height, printable, runs_right_to_left, shortened, width_of
from convscope.lenses.sheet.sheet import INNER, MARGIN, SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Numbers, color_bytes, find_theme, scale_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convscope.lenses.sheet.theme import Scale

LARGEST, SMALLEST = 46, 16
LONGEST = 240
MOST = 120
"""Words along an axis; those behind them are left out."""


def draw_alignment(
    source: Sequence[str],
    target: Sequence[str],
    weights: Numbers,
    *,
    theme: str = "light",
    title: str = "Attention of the translation",
    caption: str = "",
) -> Figure:
    """Draws the attention from the words of a target to those of its source: rows write, columns are read.

    Args:
        source: Its tokens, across.
        target: Its tokens, down.
        weights: Of the attention, (target, source), 0 or more; padding behind the tokens is left out.
        theme: `light` or `dark`.
        title: The heading.
        caption: A line below it, such as the layer.

    Returns:
        A figure of 7 inches width.

    Raises:
        UsageError: There are no tokens, or fewer weights than tokens.
    """
    values = np.asarray(weights, np.float64)
    if not source or not target or values.ndim != 2:
        raise UsageError(
            "An alignment needs tokens and weights (target, source). "
            f"Received: {len(target)} and {len(source)} tokens, weights of shape {values.shape}."
        )
    if values.shape[0] < len(target) or values.shape[1] < len(source):
        raise UsageError(
            f"{len(target)} target and {len(source)} source tokens have weights of shape {values.shape}.",
            "Give a row for each target token and a column for each source token.",
        )
    cut = len(source) > MOST or len(target) > MOST
    sizes = len(target), len(source)
    rows, columns = min(len(target), MOST), min(len(source), MOST)
    values = values[:rows, :columns]
    sheet = Sheet(find_theme(theme))
    y = sheet.title(title)
    y = int(sheet.paragraph(MARGIN, y, caption, INNER, lines=2, color=sheet.theme.muted)) - 10
    backwards = runs_right_to_left("".join(source))
    if backwards:
        source, values = source[:columns][::-1], values[:, ::-1]
    read, written = ([_shown(each) for each in words] for words in (source[:columns], target[:rows]))
    y = _draw_grid(sheet, y, read, written, values)
    notes = [
        "each row: attention of the word at its left over the words of the source",
        "the source runs from right to left" if backwards else "",
        f"the first {rows} of {sizes[0]} and {columns} of {sizes[1]} tokens" if cut else "",
        note_on_missing([*source[:columns], *target[:rows]]),
    ]
    said = "; ".join(note for note in notes if note)
    below = sheet.paragraph(MARGIN, y + line_height(SMALL), said, INNER, size=SMALL, color=sheet.theme.muted)
    below = write_missing(sheet, MARGIN, below, values, INNER)
    return sheet.finish(below + MARGIN // 2)


def _draw_grid(sheet: Sheet, y: int, source: list[str], target: list[str], values: Numbers) -> int:
    """Words at two sides and the cells; returns where it ends."""
    left = MARGIN + int(max(width_of(word, SMALL) for word in target)) + 16
    room = MARGIN + INNER - BAR_ROOM - left
    cell = int(np.clip(room // len(source), 2, LARGEST))
    high = min(max(cell, SMALLEST), LARGEST)
    size = SMALL if cell >= 24 else TINY
    every = max(1, -(-int(line_height(TINY)) // cell))
    tall = int(max(width_of(word, size) for word in source)) + 14
    top = y + tall
    for column, word in enumerate(source):
        if column % every == 0:
            _upright(sheet, left + column * cell + cell / 2, top - 8, word, size)
    for row, word in enumerate(target):
        middle = top + row * high + high / 2 + 8
        sheet.text(left - 10, middle, word, size=SMALL if high >= 24 else TINY, across="right")
    scale = _scale(sheet, values)
    colors = scale.colors(values)
    picture = np.repeat(np.repeat(colors, high, axis=0), cell, axis=1)
    if cell > 6:
        picture[::high] = picture[:, ::cell] = color_bytes(sheet.theme.ground)
    sheet.box(left, top, picture.shape[1], picture.shape[0], edge=sheet.theme.rule, width=0.8)
    sheet.image(left, top, picture, name="alignment")
    sheet.missing(left, top, ~np.isfinite(values), (cell, high))
    bar = min(picture.shape[0], TALLEST_BAR)
    sheet.color_bar(left + picture.shape[1] + BAR_GAP, top, bar, scale)
    return top + max(int(picture.shape[0]), 40)


def _upright(sheet: Sheet, x: float, bottom: float, word: str, size: float) -> None:
    """Writes a word upwards from a point; emoji stay upright."""
    if any(emoji for _, emoji in parts_of(word)):
        sheet.text(x, bottom - 4, word, size=size, across="center")
        return
    written = sheet.text(x + 7, bottom, word, size=size, turned=True)
    written.set_verticalalignment("bottom")
    written.set_horizontalalignment("right")


def _scale(sheet: Sheet, values: Numbers) -> Scale:
    """From nothing, in the color of the ground, to the largest weight."""
    return scale_of(sheet.theme, np.append(values, 0.0), "diverging")


def _shown(token: str) -> str:
    return shortened(token, LONGEST, SMALL) if printable(token) else EMPTY


Tokens = tuple[str, ...]


def inspect_attention(inspected: InspectedModel) -> InspectionResult:
    """For each translation, the attention weights: the mean of all layers, or of the layers named.

    Args:
        inspected: A model with `SourceAttention` layers, and texts whose tokens are known.

    Raises:
        UsageError: The model has no such layer, or the tokens are not known.
    """
    weights, caption = _weights(inspected)
    notes = [*inspected.notes, f"attention: {caption}"]
    figures: list[LazyFigure] = []
    arrays: dict[str, np.ndarray] = {}
    about: dict[str, Any] = {}
    for i, name in enumerate(inspected.names):
        source, target = _texts_of(inspected, i)
        if not source or not target:
            notes.append(f"left out {name}: its text or its translation is empty")
            continue
        draw = partial(_draw, source, target, weights[i], caption)
        figures.append(LazyFigure(draw, f"alignment of {name}"))
        arrays[f"{name}/weights"] = weights[i, : len(target), : len(source)]
        about[name] = {"source": list(source), "target": list(target)}
    return InspectionResult(f"Attention of {inspected.name}", figures, arrays, {"inputs": about}, notes)


def _weights(inspected: InspectedModel) -> tuple[np.ndarray, str]:
    """Mean weights of shape (samples, target positions, source positions), and of which layers."""
    every = [layer for layer in inspected.model.layers if isinstance(layer, SourceAttention)]
    chosen = [layer for layer in every if not inspected.layers or layer.name in inspected.layers]
    if not chosen:
        names = ", ".join(layer.name for layer in every) or "none"
        raise UsageError(
            f"`attention` needs a SourceAttention layer. Those of '{inspected.name}': {names}.",
            "Give a run of the recipe `translation`.",
        )
    weigher = keras.Model(inspected.model.inputs, [layer.output[1] for layer in chosen])
    outputs = keras.tree.flatten(weigher.predict_on_batch(inspected.inputs))
    weights = np.mean([np.asarray(each, np.float32) for each in outputs], axis=0)
    layers = ", ".join(layer.name for layer in chosen)
    return weights, f"mean of {layers}" if len(chosen) > 1 else layers


def _texts_of(inspected: InspectedModel, i: int) -> tuple[Tokens, Tokens]:
    """The tokens of a text and those of its translation."""
    found = None if inspected.describe is None else inspected.describe(i)
    if not isinstance(found, TextDescription) or found.target is None:
        raise UsageError(
            f"The tokens of '{inspected.names[i]}' and of its translation are not known.",
            "Give a text to a run of the recipe `translation`.",
        )
    return found.tokens, found.target


def _draw(source: Tokens, target: Tokens, weights: np.ndarray, caption: str, theme: str) -> Figure:
    return draw_alignment(source, target, weights, theme=theme, caption=caption)
