"""What stands along the time of a clip on a sheet, and small films on a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from PIL import Image

from convscope.lenses.sheet.theme import Colors, Numbers

GAP = 4
SIDE, _QUALITY = 128, 60
"""Of a small film on a page: its longer side in pixels, and how well it is kept."""


@dataclass(frozen=True)
class Strip:
    """Places of things along the time of a clip.

    Args:
        left: Where the first one begins.
        wide: Width of all.
        count: How many there are.
    """

    left: float
    wide: int
    count: int

    @property
    def pitch(self) -> float:
        """From one to the next."""
        return self.wide / self.count

    @property
    def each(self) -> int:
        """Width of one, without the gap."""
        return max(int(self.pitch) - GAP, 1)

    def x(self, at: float) -> float:
        """Where one begins, by its place from 0."""
        return self.left + at * self.pitch


def in_box(colors: Colors, wide: int, high: int) -> Colors:
    """An image as large as it fits: pixels repeated where it grows, averaged where it shrinks."""
    rows, columns = colors.shape[:2]
    factor = min(wide / columns, high / rows)
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    how = Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BOX
    return np.asarray(Image.fromarray(np.ascontiguousarray(colors)).resize(size, how), np.uint8)


def strongest_place(values: Numbers) -> tuple[int, ...]:
    """The position of the largest absolute value that is finite."""
    size = np.where(np.isfinite(values), np.abs(values), -1)
    return tuple(int(each) for each in np.unravel_index(int(size.argmax()), size.shape))


def film_markup(frames: Sequence[Colors], seconds: float, label: str) -> str:
    """A small film that plays on a page, as an `<img>` element.

    Args:
        frames: Each (rows, columns, 3), uint8.
        seconds: Between one and the next.
        label: What it is, for those who cannot see it.
    """
    images = [Image.fromarray(np.ascontiguousarray(frame)) for frame in frames]
    for image in images:
        image.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    images[0].save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=max(round(1000 * seconds), 20),
        loop=0,
        quality=_QUALITY,
    )
    address = f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
    return f'<img class="large" src="{address}" alt="{escape(label)}">'
