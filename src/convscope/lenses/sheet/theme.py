"""Two themes and the colors of numbers, shared by every picture.

A map without negative values takes viridis, which is perceptually uniform and safe for color-blind eyes; a
signed one takes a diverging map whose neutral middle is 0: white on light ground, near-black on dark ground.
What is not finite has a color that no map contains.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.colors import LinearSegmentedColormap, to_rgba

from convscope.errors import unknown_name

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

Colors = npt.NDArray[np.uint8]
Numbers = npt.NDArray[Any]

TIMES = "\N{MULTIPLICATION SIGN}"
MINUS = "\N{MINUS SIGN}"

_DARK_DIVERGING = (
    "#b3dcff",
    "#5aa9e6",
    "#2a6aa3",
    "#1d3a57",
    "#17181a",
    "#5c2f14",
    "#a8551d",
    "#e58f4a",
    "#ffd3ac",
)


@dataclass(frozen=True)
class Theme:
    """The colors of a figure, the same as those of a run's report.

    Args:
        name: `light` or `dark`.
        ground: Background.
        ink: Text and marks.
        muted: Text of less weight.
        rule: Frames and thin lines.
        first: First accent, a blue.
        second: Second accent, an orange; marks windows and positions.
        missing: What is not a finite number.
    """

    name: str
    ground: str
    ink: str
    muted: str
    rule: str
    first: str
    second: str
    missing: str


LIGHT = Theme("light", "#ffffff", "#1a1c1f", "#5c6166", "#cfcfc8", "#005b96", "#b4530a", "#e5007d")
DARK = Theme("dark", "#131416", "#ececea", "#a3a7ab", "#43474b", "#62b2e8", "#eba24f", "#ff3fa4")
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def find_theme(name: str) -> Theme:
    """The theme of that name; UsageError for another name than `light` or `dark`."""
    if name not in THEMES:
        raise unknown_name("theme", name, THEMES)
    return THEMES[name]


@dataclass(frozen=True)
class Scale:
    """Which number gets which color.

    Args:
        theme: The theme, for the color of 0 and of what is not finite.
        low: Smallest number.
        high: Largest number.
        kind: `sequential` runs from `low` to `high`, `diverging` and `gray` are symmetric around 0.
    """

    theme: Theme
    low: float
    high: float
    kind: str = "sequential"

    @property
    def reach(self) -> tuple[float, float]:
        """The numbers at the two ends of the color map."""
        if self.kind == "sequential":
            return self.low, self.high
        furthest = max(abs(self.low), abs(self.high))
        return -furthest, furthest

    def colors(self, values: Numbers) -> Colors:
        """The colors of numbers of any shape, uint8, with a last axis of 4 (red, green, blue, alpha)."""
        values = np.asarray(values, np.float64)
        low, high = self.reach
        finite = np.isfinite(values)
        neutral = 0.0 if self.kind == "sequential" else 0.5
        place = np.full(values.shape, neutral)
        if high > low:
            place[finite] = (values[finite] - low) / (high - low)
        found = np.asarray(_color_map(self.kind, self.theme.name)(place, bytes=True), np.uint8).copy()
        found[~finite] = color_bytes(self.theme.missing)
        return found


def scale_of(theme: Theme, values: Numbers, kind: str | None = None) -> Scale:
    """The scale that just holds all finite values; diverging where some are negative, or the given kind."""
    values = np.asarray(values)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return Scale(theme, low, high, kind or ("diverging" if low < 0 else "sequential"))


def color_bytes(color: str) -> Colors:
    """A color as four bytes: red, green, blue, alpha."""
    return np.asarray(np.rint(255 * np.asarray(to_rgba(color))), np.uint8)


def mixed(color: str, ground: str, share: float) -> str:
    """An opaque color between two, as `#rrggbb`: a share of the first, thinned with the second.

    Example:
        >>> mixed("#000000", "#ffffff", 0.5)
        '#808080'
    """
    parts = zip(bytes.fromhex(color[1:]), bytes.fromhex(ground[1:]), strict=True)
    return "#" + bytes(round(share * a + (1 - share) * b) for a, b in parts).hex()


def number(value: float, digits: int = 3) -> str:
    """A number in few significant digits, with a true minus sign.

    Example:
        >>> number(0.012345), number(1234567.0), number(0.0)
        ('0.0123', '1.23e6', '0')
    """
    size = abs(value)
    if size and not 1e-3 <= size < 1e5 and np.isfinite(value):
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        text = f"{mantissa}e{int(exponent)}"
    else:
        text = f"{value:.{max(digits, len(f'{size:.0f}'))}g}" if value else "0"
    return text.replace("-", MINUS)


def count(value: int, noun: str) -> str:
    """A count with its noun.

    Example:
        >>> count(1, "map"), count(2048, "map")
        ('1 map', '2,048 maps')
    """
    return f"{value:,} {noun}{'' if value == 1 else 's'}"


def shape_text(shape: object) -> str:
    """Sizes with a times sign between them; what is unknown is `?`."""
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    return f" {TIMES} ".join("?" if size is None else f"{size:,g}" for size in sizes)


@cache
def _color_map(kind: str, theme: str) -> Colormap:
    if kind == "gray":
        return mpl.colormaps["gray"]
    if kind == "sequential":
        return mpl.colormaps["viridis"]
    if theme == "light":
        return mpl.colormaps["RdBu_r"]
    return LinearSegmentedColormap.from_list("blue-black-orange", _DARK_DIVERGING)
