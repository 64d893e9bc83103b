"""Which installed font draws which letter: fonts behind the one of all figures, and colored emoji.

Matplotlib shapes text by itself (since 3.11), joins Arabic letters and orders what runs from right to left.
It only has to be told which fonts to look into, and draws no colored glyphs: emoji become small images.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager, get_font

from convscope.lenses.sheet.theme import Colors

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

FAMILY = "DejaVu Sans"  # comes with Matplotlib, so that every machine lays out the same figure
_UNWELCOME = ("bold", "italic", "oblique", "light", "thin", "black", "mono", "serif", "condensed", "medium")
_STRIKE = 109  # the one size of the pictures in Noto Color Emoji; scalable fonts take it too
_BELOW = (  # what is an emoji by itself among the symbols of the first plane
    "\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1"
    "\u26aa\u26ab\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a"
    "\u270b\u2728\u274c\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55"
)
_ABOVE = "\U0001f004\U0001f0cf\U0001f18e-\U0001f19a\U0001f201-\U0001f265\U0001f300-\U0001faff"
_ONE = f"(?:[{_ABOVE}{_BELOW}]\ufe0f?|[^\\x00-\\x7f]\ufe0f)"
_SKIN = "[\U0001f3fb-\U0001f3ff]?"
_EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"
    "|[0-9#*]\ufe0f?\u20e3"
    f"|{_ONE}{_SKIN}(?:[\U000e0020-\U000e007e]+\U000e007f)?(?:\u200d{_ONE}{_SKIN})*"
)
_UNSEEN = frozenset("\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f")
_PACKAGES = {
    "CJK": "fonts-noto-cjk",
    "HIRAGANA": "fonts-noto-cjk",
    "KATAKANA": "fonts-noto-cjk",
    "HANGUL": "fonts-noto-cjk",
    "emoji": "fonts-noto-color-emoji",
}
_ELSE = "fonts-noto-core"


def families_of(text: str) -> tuple[str, ...]:
    """The font families that draw a text, the usual one first; without letters that no font has."""
    extra = {_family_with(letter) for letter in set(text) - _usual() - _UNSEEN}
    return (FAMILY, *sorted(family for family in extra if family))


def is_drawn(letter: str) -> bool:
    """Whether some installed font has the letter."""
    return letter in _usual() or letter in _UNSEEN or _family_with(letter) is not None


def parts_of(text: str) -> list[tuple[str, bool]]:
    """The text cut into runs of letters and single emoji: (part, whether it is a colored emoji).

    Without a font of colored emoji, everything is letters.
    """
    if text.isascii() or _emoji_font() is None:
        return [(text, False)] if text else []
    parts, end = [], 0
    for found in _EMOJI.finditer(text):
        if found.start() > end:
            parts.append((text[end : found.start()], False))
        parts.append((found[0], True))
        end = found.end()
    return [*parts, (text[end:], False)] if end < len(text) else parts


@lru_cache(maxsize=512)
def emoji_picture(emoji: str, high: int) -> Colors:
    """An emoji in its colors, uint8 (high, columns, 4), made smaller from the font's own picture."""
    from PIL import Image, ImageDraw

    face = _emoji_font()
    if face is None:
        return np.zeros((high, high, 4), np.uint8)
    left, top, right, bottom = (int(edge) for edge in face.getbbox(emoji))
    size = (max(right - left, 1), max(bottom - top, 1))
    large = Image.new("RGBA", size, (255, 255, 255, 0))
    ImageDraw.Draw(large).text((-left, -top), emoji, font=face, embedded_color=True)
    wide = max(1, round(high * size[0] / size[1]))
    return np.asarray(large.resize((wide, high), Image.Resampling.LANCZOS), np.uint8)


def note_on_missing(texts: Iterable[str]) -> str:
    """Says which scripts no installed font can draw, and what to install; empty where all is drawn."""
    letters = {letter for part, emoji in parts_of(" ".join(texts)) if not emoji for letter in part}
    scripts: dict[str, int] = {}
    for letter in sorted(letters):
        if not letter.isspace() and letter.isprintable() and not is_drawn(letter):
            script = _script_of(letter)
            scripts[script] = scripts.get(script, 0) + 1
    if not scripts:
        return ""
    packages = sorted({_PACKAGES.get(script, _ELSE) for script in scripts})
    names = ", ".join(script if script in _PACKAGES else script.title() for script in scripts)
    return (
        f"no installed font has letters of {names}; they are drawn as \N{REPLACEMENT CHARACTER}. "
        f"Install a font, such as the package {' or '.join(packages)}."
    )


def _script_of(letter: str) -> str:
    """The first word of the letter's name, which is its script; emoji and symbols beyond are `emoji`."""
    if _EMOJI.match(letter) or 0x1F000 <= ord(letter) < 0x20000:
        return "emoji"
    return unicodedata.name(letter, "unnamed letters").split()[0].split("-")[0]


@cache
def _usual() -> frozenset[str]:
    known = get_font(findfont(FontProperties(family=FAMILY))).get_charmap()
    return frozenset(map(chr, known))


@cache
def _candidates() -> tuple[str, ...]:
    """Font files of this machine, plain sans-serif faces first."""

    def rank(path: str) -> tuple[int, int, str]:
        name = Path(path).stem.lower()
        return sum(word in name for word in _UNWELCOME), not name.startswith("notosans"), name

    known = {str(entry.fname) for entry in fontManager.ttflist} | set(findSystemFonts())
    scalable = [path for path in known if Path(path).suffix.lower() in (".ttf", ".otf", ".ttc")]
    return tuple(sorted((path for path in scalable if not _is_colored(path)), key=rank))


def _is_colored(path: str) -> bool:
    return "emoji" in Path(path).stem.lower() and "color" in Path(path).stem.lower()


@cache
def _letters_in(path: str) -> frozenset[int]:
    try:
        return frozenset(get_font(path).get_charmap())
    except (RuntimeError, OSError):  # not every file with such a name is a font
        return frozenset()


@lru_cache(maxsize=8192)
def _family_with(letter: str) -> str | None:
    """The family of the first font that has a letter, made known to Matplotlib."""
    if not letter.isprintable() or unicodedata.category(letter) in ("Co", "Cn"):
        return None
    path = next((path for path in _candidates() if ord(letter) in _letters_in(path)), None)
    return None if path is None else _family_of(path)


@cache
def _family_of(path: str) -> str:
    """The name under which Matplotlib finds a font file, which it has to be told where it was added later."""
    if all(str(entry.fname) != path for entry in fontManager.ttflist):
        fontManager.addfont(path)
    return next(entry.name for entry in fontManager.ttflist if str(entry.fname) == path)


@cache
def _emoji_font() -> FreeTypeFont | None:
    """The first installed font of colored emoji that Pillow can draw."""
    from PIL import ImageFont

    known = {str(entry.fname) for entry in fontManager.ttflist} | set(findSystemFonts())
    for path in sorted(filter(_is_colored, known)):
        try:
            face = ImageFont.truetype(path, _STRIKE)
        except OSError:
            continue
        if face.getlength("\U0001f600") > 0:
            return face
    return None
