"""Text that fits: measured before it is drawn, shortened, wrapped, without glyphs that no font has."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from convscope.lenses.sheet.glyphs import emoji_picture, families_of, is_drawn, parts_of

DOTS_PER_INCH = 200
EMOJI = 1.15  # height of an emoji by the size of the letters
_HINTING = 1.02  # glyphs moved to whole pixels take that much more room
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def font(size: float, *, bold: bool = False, text: str = "") -> FontProperties:
    """The font of all figures, its size in points, and those behind it that a text needs."""
    return FontProperties(family=list(families_of(text)), size=size, weight="bold" if bold else "normal")


def printable(text: str) -> str:
    """The text on one line, with a mark in place of every glyph that no installed font has.

    Example:
        >>> printable("two  lines")
        'two lines'
    """
    return "".join(
        part if emoji else "".join(letter if is_drawn(letter) else _UNKNOWN for letter in part)
        for part, emoji in parts_of(" ".join(text.split()))
    )


def runs_right_to_left(text: str) -> bool:
    """Whether a text begins, by its first letter that has a direction, at the right.

    Example:
        >>> runs_right_to_left("12 \N{HEBREW LETTER ALEF}"), runs_right_to_left("a \N{HEBREW LETTER ALEF}")
        (True, False)
    """
    strong = (unicodedata.bidirectional(letter) for letter in text)
    return next((each != "L" for each in strong if each in ("L", "R", "AL")), False)


def emoji_height(size: float) -> int:
    """Height of an emoji in pixels beside letters of a size in points."""
    return max(1, round(EMOJI * size * DOTS_PER_INCH / 72))


@lru_cache(maxsize=8192)  # the same lines are measured for every theme and sample, at a millisecond each
def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a printable line in pixels."""
    total = 0.0
    for part, emoji in parts_of(text):
        if emoji:
            total += emoji_picture(part, emoji_height(size)).shape[1]
        else:
            style = font(size, bold=bold, text=part)
            wide, _, _ = text_to_path.get_text_width_height_descent(part, style, False)
            total += float(wide) * _HINTING * DOTS_PER_INCH / 72
    return total


def line_height(size: float) -> float:
    """Distance between the baselines of two lines, in pixels."""
    return round(1.4 * size * DOTS_PER_INCH / 72)


def shortened(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """The line, without its middle where it would be wider than `width` pixels."""
    text = printable(text)
    if width_of(text, size, bold=bold) <= width:
        return text
    shortest, longest = 0, len(text)
    while longest - shortest > 1:
        middle = (shortest + longest) // 2
        if width_of(_without_middle(text, middle), size, bold=bold) <= width:
            shortest = middle
        else:
            longest = middle
    return _without_middle(text, shortest)


def wrapped(text: str, width: float, size: float, *, lines: int = 3, bold: bool = False) -> list[str]:
    """The text in at most `lines` lines of at most `width` pixels; the last one is shortened at need."""
    words = printable(text).split()
    made: list[str] = []
    while words and len(made) < lines - 1:
        taken = _words_that_fit(words, width, size, bold)
        made.append(shortened(" ".join(words[:taken]), width, size, bold=bold))
        words = words[taken:]
    if words:
        rest = " ".join(words)
        made.append(rest if width_of(rest, size, bold=bold) <= width else _cut(rest, width, size, bold))
    return made


def _words_that_fit(words: list[str], width: float, size: float, bold: bool) -> int:
    """How many of the words fit on a line, at least 1; found by halving."""
    most, fewest = len(words) + 1, 1
    while most - fewest > 1:
        middle = (fewest + most) // 2
        if width_of(" ".join(words[:middle]), size, bold=bold) <= width:
            fewest = middle
        else:
            most = middle
    return fewest


def _cut(text: str, width: float, size: float, bold: bool) -> str:
    while text and width_of(f"{text}…", size, bold=bold) > width:
        text = text[: min(len(text) - 1, int(len(text) * 0.97))]
    return f"{text.rstrip()}…"


def _without_middle(text: str, kept: int) -> str:
    front = (kept + 1) // 2
    return f"{text[:front]}…{text[len(text) - (kept - front) :]}"
