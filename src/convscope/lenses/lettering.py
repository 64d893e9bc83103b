"""Text that fits: measured before it is drawn, shortened, wrapped, without glyphs that the font lacks."""

from __future__ import annotations

from functools import cache, lru_cache

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

FAMILY = "DejaVu Sans"  # comes with Matplotlib, so that every machine lays out the same picture
DOTS_PER_INCH = 200
_HINTING = 1.02  # glyphs moved to whole pixels take that much more room
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def font(size: float, *, bold: bool = False) -> FontProperties:
    """The font of all pictures, its size in points."""
    return FontProperties(family=FAMILY, size=size, weight="bold" if bold else "normal")


def printable(text: str) -> str:
    """The text on one line, with a mark in place of every glyph that the font lacks.

    Example:
        >>> printable("two  lines")
        'two lines'
    """
    known = _known_glyphs()
    return "".join(letter if ord(letter) in known else _UNKNOWN for letter in " ".join(text.split()))


@lru_cache(maxsize=8192)  # the same lines are measured for every theme and sample, at a millisecond each
def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a printable line in pixels."""
    wide, _, _ = text_to_path.get_text_width_height_descent(text, font(size, bold=bold), False)
    return float(wide) * _HINTING * DOTS_PER_INCH / 72


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


@cache
def _known_glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(font(10))).get_charmap())
