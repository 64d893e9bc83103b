"""Text on a sheet: its tokens side by side in rows, over a ground of colors or above strips of heat.

A text that runs from right to left has its first token at the right. Tokens stand as wide as they are
written, so that what belongs to a token stands below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from convscope.lenses.sheet.glyphs import note_on_missing
from convscope.lenses.sheet.grids import readable_on
from convscope.lenses.sheet.lettering import line_height, printable, runs_right_to_left, shortened, width_of
from convscope.lenses.sheet.sheet import SMALL, TINY, Sheet
from convscope.lenses.sheet.theme import Colors, Numbers, Scale, color_bytes

PADDING = 7  # left and right of a token
NARROWEST = 26
WIDEST = 260
_RIGHT_TO_LEFT = "\N{RIGHT-TO-LEFT MARK}"
EMPTY = "\N{OPEN BOX}"  # stands for a token of white space


@dataclass(frozen=True)
class Spot:
    """Where a token stands in its row.

    Args:
        number: Which token.
        shown: How it is written.
        left: From the left end of the row, in pixels.
        wide: Its width in pixels.
    """

    number: int
    shown: str
    left: int
    wide: int


@dataclass(frozen=True)
class Lines:
    """Tokens laid out in rows.

    Args:
        rows: From the top, the tokens of each row in reading order.
        width: Of the longest row.
        right_to_left: Whether the text runs from right to left.
        left_out: How many tokens at the end have no place.
        missing: A note on letters that no installed font has; empty where there are none.
    """

    rows: tuple[tuple[Spot, ...], ...]
    width: int
    right_to_left: bool
    left_out: int
    missing: str

    @property
    def shown(self) -> int:
        """How many tokens have a place."""
        return sum(map(len, self.rows))

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said about it."""
        cut = f"the first {self.shown:,} of {self.shown + self.left_out:,} tokens" if self.left_out else ""
        return tuple(note for note in (cut, self.missing) if note)


def lay_out(tokens: Sequence[str], width: int, *, most: int = 6, size: float = SMALL) -> Lines:
    """Lays tokens out in rows.

    Args:
        tokens: The text.
        width: Of a row, in pixels.
        most: How many rows at most; the tokens behind them are left out.
        size: Of the letters, in points.
    """
    backwards = runs_right_to_left("".join(tokens))
    rows: list[list[Spot]] = [[]]
    used = done = 0
    for number, token in enumerate(tokens):
        shown = written_token(token, min(WIDEST, width - 2 * PADDING), size, backwards)
        wide = max(NARROWEST, int(np.ceil(width_of(shown, size))) + 2 * PADDING)
        if used + wide > width and rows[-1]:
            if len(rows) == most:
                break
            rows.append([])
            used = 0
        rows[-1].append(Spot(number, shown, used, wide))
        used += wide
        done = number + 1
    widest = max((row[-1].left + row[-1].wide for row in rows if row), default=0)
    if backwards:
        rows = [[replace(each, left=widest - each.left - each.wide) for each in row] for row in rows]
    kept = tuple(tuple(row) for row in rows if row)
    return Lines(kept, widest, backwards, len(tokens) - done, note_on_missing(tokens[:done]))


def place_tokens(
    sheet: Sheet,
    spot: tuple[int, int],
    row: Sequence[Spot],
    *,
    ground: Colors | None = None,
    marked: tuple[int, int] | None = None,
    size: float = SMALL,
    color: str | None = None,
) -> int:
    """Writes a row of tokens.

    Args:
        sheet: Where to.
        spot: The left end of the row and its top.
        row: The tokens.
        ground: A color for each token of the text, uint8 (tokens, 4); None: none.
        marked: Numbers of the first token to outline and of the one behind the last.
        size: Of the letters, in points.
        color: Of the letters where there is no ground.

    Returns:
        The height.
    """
    x, y = spot
    high = int(line_height(size)) + 8
    for each in row:
        ink = color
        if ground is not None:
            own = ground[each.number]
            ink = readable_on(own)
            sheet.image(x + each.left, y, np.tile(own, (high, each.wide - 1, 1)), name=f"token {each.number}")
        middle = x + each.left + each.wide / 2
        sheet.text(middle, y + high - 11, each.shown, size=size, color=ink, across="center")
    inside = [each for each in row if marked is not None and marked[0] <= each.number < marked[1]]
    if inside:
        left = min(each.left for each in inside)
        right = max(each.left + each.wide for each in inside)
        sheet.ring(x + left, y, right - left - 1, high)
    return high


def place_token_strips(
    sheet: Sheet,
    spot: tuple[int, int],
    row: Sequence[Spot],
    values: Numbers,
    labels: Sequence[str],
    scales: Sequence[Scale],
    *,
    strip: int = 18,
    name: str = "maps",
) -> int:
    """Places a heat strip per channel below a row of tokens, each cell as wide as its token.

    Args:
        sheet: Where to.
        spot: The left end of the row and the top of the strips.
        row: The tokens.
        values: (channels, tokens of the text).
        labels: What stands left of each strip.
        scales: The colors of each.
        strip: Height of one.
        name: The image's name in the figure.

    Returns:
        The height.
    """
    x, y = spot
    pitch = strip + 3
    left = min(each.left for each in row)
    wide = max(each.left + each.wide for each in row) - left
    picture = np.zeros((len(values) * pitch, wide, 4), np.uint8)
    edge = color_bytes(sheet.theme.rule)
    for place, (channel, scale) in enumerate(zip(values, scales, strict=True)):
        top = place * pitch
        colors = scale.colors(channel)
        picture[top : top + strip] = edge
        for each in row:
            begin = each.left - left
            picture[top + 1 : top + strip - 1, begin : begin + each.wide - 1] = colors[each.number]
    sheet.image(x + left, y, picture, name=name)
    for place, label in enumerate(labels):
        middle = y + place * pitch + strip / 2 + 6
        sheet.text(x - 10, middle, label, size=TINY, color=sheet.theme.muted, across="right")
        for each in row:
            if not np.isfinite(values[place, each.number]):
                cell = (each.wide - 1, strip)
                sheet.missing(x + each.left, y + place * pitch, np.ones((1, 1), bool), cell)
    return len(values) * pitch


def token_values(values: Numbers, tokens: int, length: int, extent: tuple[float, float]) -> Numbers:
    """Brings a map to the tokens: each gets the value of the position that stands at it.

    Args:
        values: (channels, positions of the map).
        tokens: How many tokens there are.
        length: How many positions the model's input has, padding included.
        extent: Where along the input the map begins and ends, as shares of its length.

    Returns:
        (channels, tokens); the nearest position's value where a map begins later or ends earlier.
    """
    begin, end = (share * length for share in extent)
    places = np.floor((np.arange(tokens) + 0.5 - begin) / max(end - begin, 1e-9) * values.shape[1])
    return np.asarray(values[:, np.clip(places.astype(int), 0, values.shape[1] - 1)])


def written_token(token: str, width: float, size: float, backwards: bool) -> str:
    """The token on one line of at most a width in pixels; white space as a visible mark.

    Args:
        token: One token.
        width: Beyond which it is shortened.
        size: Of the letters, in points.
        backwards: Whether it stands in a text that runs from right to left, where brackets are turned.
    """
    shown = shortened(token, width, size) if printable(token) else EMPTY
    turns = backwards and not any(letter.isalnum() for letter in shown)
    return f"{_RIGHT_TO_LEFT}{shown}" if turns else shown  # so that brackets open to the left
