"""How texts are drawn: by their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from convscope.kinds.contract.representation import TextDescription
from convscope.kinds.text.drawing.texts import (
    as_html,
    as_terminal,
    at_tokens,
    place_colored,
    place_ngram,
    place_token_maps,
    place_words,
)
from convscope.kinds.text.drawing.tokens import PADDING, lay_out, place_tokens
from convscope.lenses.sheet.blocks import MapBlock, Where
from convscope.lenses.sheet.glyphs import note_on_missing
from convscope.lenses.sheet.lettering import line_height, width_of
from convscope.lenses.sheet.sheet import BODY, INNER, MARGIN, SMALL, Sheet
from convscope.lenses.sheet.theme import Numbers, Scale
from convscope.lenses.views.layer_maps import LayerMaps
from convscope.lenses.views.view import Box, Overlay, Patch, PlacedPatch, View

if TYPE_CHECKING:
    from rich.text import Text

    from convscope.scope.channels.position import Position

_ASCENT = 18  # from the top of a line to its baseline

Tokens = tuple[str, ...]


class TokensView(View):
    """A text, or a text with a second one that the model is given too, such as its translation.

    Args:
        length: How many positions the model's input has, padding behind the tokens included.
        tokens: One for each of the first positions.
        target: The tokens of the second text.
    """

    def __init__(self, length: int, tokens: Tokens, target: Tokens | None = None) -> None:
        self.length, self.tokens, self.target = length, tokens, target

    @property
    def positions(self) -> tuple[int, ...]:
        """The length, padding included."""
        return (self.length,)

    @property
    def names(self) -> Tokens:
        """The tokens."""
        return self.tokens

    @property
    def tile(self) -> int | None:
        """None: every text takes a line of its own."""
        return None

    def row(self, over: int = 0) -> Tokens:
        """The tokens, or with 1 those of the second text; a text without tokens has an empty one."""
        return (self.target if over and self.target is not None else self.tokens) or ("",)

    def planes(self, layer: LayerMaps) -> Numbers:
        """(channels, tokens) of maps along the text, without padding."""
        if not _lies_along(layer):
            return layer.planes
        return at_tokens(layer, len(self.row(layer.over)), self.length)

    def holds(self, layer: LayerMaps) -> bool:
        """Maps along the text stand below its tokens."""
        return layer.planes.ndim >= 2

    def unpadded(self, values: Numbers) -> Numbers:
        """Those at the tokens."""
        return np.asarray(values, np.float64)[: len(self.row())]

    def place_input(self, sheet: Sheet, box: Box) -> int:
        """Writes the text, and a second one below it, each in at most two rows; returns the height."""
        x, top, width, _ = (int(each) for each in box)
        y = top + 8
        for over in (0, 1) if self.target is not None else (0,):
            lines = lay_out(self.row(over), width, most=2)
            for row in lines.rows:
                y += place_tokens(sheet, (x, y - 22), row) - 4
            if lines.left_out:
                said = f"and {lines.left_out:,} more tokens"
                sheet.text(x + PADDING, y - 2, said, size=SMALL, color=sheet.theme.muted)
                y += int(line_height(SMALL))
        return y + 6 - top

    def place_maps(
        self,
        sheet: Sheet,
        where: Where,
        layer: LayerMaps,
        channels: list[int],
        *,
        scale: str,
        shared: Scale | None = None,
    ) -> MapBlock:
        """Draws the tokens with the maps below them."""
        if _lies_along(layer):
            return place_token_maps(
                sheet,
                where,
                self.row(layer.over),
                self.planes(layer),
                channels,
                scale=scale,
                name=layer.path,
                shared=shared,
            )
        return super().place_maps(sheet, where, layer, channels, scale=scale)

    def place_position(self, sheet: Sheet, y: int, position: Position, name: str) -> int:
        """Draws the text with the n-gram that the value depends on, and the map below it."""
        return place_ngram(sheet, y, self.row(), position, length=self.length, name=name)

    def kernel_labels(self, position: Position) -> Sequence[str]:
        """The tokens under a kernel along the text; words where there is none."""
        if position.patch.ndim != 2:
            return ()
        places = [int(place) for place in position.places[0]] if position.places else [position.at[0]]
        return [self._label(place, position) for place in places]

    def _label(self, place: int, position: Position) -> str:
        if place < 0:
            return "outside"
        if len(position.inputs) != self.length:
            return f"position {place}"
        tokens = self.row()
        return tokens[place] if place < len(tokens) else "padding"

    def place_overlay(self, sheet: Sheet, y: int, overlays: Sequence[Overlay]) -> int:
        """Draws the text once for each attribution, its tokens colored; returns the baseline below."""
        for each in overlays:
            said = "  ·  ".join(line for line in each.lines if line)
            drawn = sheet.text(MARGIN, y + 8, each.attribution.method, bold=True, width=INNER / 3)
            left = MARGIN + width_of(drawn.get_text(), BODY, bold=True) + 20
            room, color = MARGIN + INNER - left, sheet.theme.muted
            after = sheet.paragraph(left, y + 8, said, room, size=SMALL, color=color)
            y = int(after - line_height(SMALL)) + 22
            values = self.unpadded(each.attribution.values)
            y += place_colored(sheet, (MARGIN, y, INNER), self.row(), values) + 50
        return y

    def overlay_markup(self, overlays: Sequence[Overlay]) -> str:
        """The text once for each attribution, its tokens colored for light and for dark screens."""
        return "\n".join(
            as_html(
                self.row(),
                self.unpadded(each.attribution.values),
                each.attribution.method,
                ["  ·  ".join(each.lines)],
            )
            for each in overlays
        )

    def overlay_text(self, overlay: Overlay) -> Text | None:
        """The text with its tokens colored."""
        return as_terminal(self.tokens, overlay.attribution.values)

    def place_patch(self, sheet: Sheet, box: Box, patch: Patch, row: Sequence[Patch]) -> PlacedPatch:
        """Writes an n-gram, outlined between its neighbors."""
        x, y, width, _ = box
        first, behind = (int(edge) for edge in patch.window[0])
        place_words(sheet, (x, y + _ASCENT, width), self.row(), (first, behind))
        missing = note_on_missing(self.row())
        notes = ("outlined: the patch, between its neighbors", *([missing] if missing else []))
        return PlacedPatch(int(line_height(SMALL)), notes=notes)

    def thumbnail(self, sheet: Sheet, box: Box, name: str = "input") -> int:
        """Writes the beginning of the text on one line."""
        x, y, width, _ = box
        place_words(sheet, (x, y + _ASCENT, width), self.row())
        return int(line_height(SMALL))

    def markup(self, label: str) -> str:
        """The text."""
        return f'<span dir="auto">{escape(" ".join(self.tokens))}</span>'


def _lies_along(layer: LayerMaps) -> bool:
    """Whether each map has one value for each of several positions."""
    return np.ndim(layer.maps) == 2 and layer.planes.ndim == 2


class _TextViews:
    """Makes the views of texts."""

    def of_input(self, values: Numbers, description: object = None) -> View:
        """A text as a model takes it, or two of them."""
        if not isinstance(description, TextDescription):
            return TokensView(len(values), ())
        return TokensView(len(values), description.tokens, description.target)

    def of_sample(self, sample: object) -> View:
        """A text as it was read, divided at white space."""
        tokens = tuple(str(sample).split())
        return TokensView(len(tokens), tokens)


VIEW = _TextViews()
