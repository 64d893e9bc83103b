"""An input of a model, and how it is shown: a picture, the middle slice of a volume, lines, or a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convscope.errors import UsageError
from convscope.lenses.sheet.lines import Row
from convscope.lenses.sheet.sheet import Sheet
from convscope.lenses.sheet.theme import Colours, Numbers, colour_bytes
from convscope.lenses.views.spectrogram import Spectrogram, place_spectrogram
from convscope.lenses.views.timeline import Timeline
from convscope.types import Axis

LINES_SHOWN = 4


@dataclass(frozen=True, eq=False)
class Sample:
    """One input as the model gets it, without the batch axis but with the channel axis.

    Args:
        values: (rows, columns, channels), (length, channels), (depth, rows, columns, channels) or
            (features,); of a text (length,) or (length, channels), padding behind it or not.
        name: What it is called, such as its file.
        caption: A line about it, such as the prediction.
        limits: The numbers of black and white; None decides: 0 to 1 or 0 to 255 where all values lie there,
            or else the smallest and the largest value.
        tokens: The tokens of a text, one for each of the first positions.
        target: The tokens of a second text that the model is given, such as a translation.
        axis: When the positions of a series or a recording are; None: they are counted.
        heard: Of a recording what its model hears in it, over time and frequency.
    """

    values: Numbers
    name: str = "input"
    caption: str = ""
    limits: tuple[float, float] | None = None
    tokens: tuple[str, ...] | None = None
    target: tuple[str, ...] | None = None
    axis: Axis | None = None
    heard: Spectrogram | None = None

    def __post_init__(self) -> None:
        if not 1 <= np.ndim(self.values) <= 4 or 0 in np.shape(self.values):
            raise UsageError(
                f"The sample '{self.name}' has shape {np.shape(self.values)}, not 1 to 4 axes, none empty.",
                "Give one input without the batch axis and with the channel axis.",
            )

    @property
    def rank(self) -> int:
        """How many spatial axes it has."""
        return np.ndim(self.values) - 1 if self.tokens is None else 1

    def row(self, over: int = 0) -> tuple[str, ...] | None:
        """The tokens of the text, or with 1 those of its target; None for what is no text."""
        tokens = self.target if over and self.target is not None else self.tokens
        return ("",) if tokens == () else tokens

    def plane(self, slice_number: int | None = None) -> Numbers:
        """(rows, columns, channels) of a picture, or of a slice of a volume, the middle one if None."""
        values = np.asarray(self.values)
        if values.ndim < 4:
            return values
        return np.asarray(values[values.shape[0] // 2 if slice_number is None else slice_number])

    @property
    def note(self) -> str:
        """What is shown of it, where that is not all of it."""
        if self.tokens is not None:
            return ""
        if self.rank == 3:
            return f"middle slice, {self.values.shape[0] // 2} of 0 to {self.values.shape[0] - 1}"
        if self.rank == 2 and self.values.shape[-1] not in (1, 3, 4):
            return f"mean of {self.values.shape[-1]} channels"
        return ""


def picture_of(sample: Sample, missing: str, slice_number: int | None = None) -> Colours:
    """The picture or a slice in colours: uint8 (rows, columns, 4); what is not finite is `missing`."""
    values = np.asarray(sample.plane(slice_number), np.float64)
    low, high = sample.limits or limits_of_values(np.asarray(sample.values))
    share = np.clip((values - low) / (high - low or 1), 0, 1)
    if share.shape[-1] not in (1, 3, 4):
        share = share.mean(axis=-1, keepdims=True)
    colours = np.full((*share.shape[:2], 4), 255, np.uint8)
    finite = np.isfinite(share).all(axis=-1)
    colours[..., :3] = np.rint(255 * np.where(np.isfinite(share), share, 0))[..., :3]
    colours[~finite] = colour_bytes(missing)
    return colours


def fitted(colours: Colours, wide: int, high: int, *, smooth: bool = False) -> Colours:
    """A picture enlarged by a whole factor, or made smaller by averaging, to fit into `wide` x `high` pixels.

    `smooth` lets a photo be enlarged by any factor where a whole one would leave much room.
    """
    from PIL import Image

    rows, columns = colours.shape[:2]
    factor = min(wide / columns, high / rows)
    if factor >= 1 and not (smooth and int(factor) < 0.8 * factor):
        return np.repeat(np.repeat(colours, int(factor), axis=0), int(factor), axis=1)
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    how = Image.Resampling.BICUBIC if factor >= 1 else Image.Resampling.BOX
    return np.asarray(Image.fromarray(colours).resize(size, how), np.uint8)


def place_picture(
    sheet: Sheet,
    sample: Sample,
    box: tuple[float, float, int, int],
    window: tuple[tuple[float, float], ...] | None = None,
    slice_number: int | None = None,
    name: str = "input",
) -> tuple[int, int]:
    """Places the picture into a box (x, y, width, height), top left, framed.

    Args:
        sheet: Where to.
        sample: A picture or a volume.
        box: The room for it.
        window: Half-open ranges of input rows and columns (and depth before them) to outline.
        slice_number: Which slice of a volume; None: the middle one.
        name: The image's name in the figure.

    Returns:
        Width and height as drawn.
    """
    x, y, wide, high = box
    small = picture_of(sample, sheet.theme.missing, slice_number)
    colours = fitted(small, wide, high, smooth=True)
    drawn = (colours.shape[1], colours.shape[0])
    sheet.box(x, y, *drawn, edge=sheet.theme.rule, width=0.8)
    sheet.image(x, y, colours, name=name)
    if window is not None:
        (top, bottom), (left, right) = window[-2:]
        across, down = drawn[0] / small.shape[1], drawn[1] / small.shape[0]
        spot = (x + left * across, y + top * down, (right - left) * across, (bottom - top) * down)
        sheet.ring(*spot)
    return drawn


def place_line(
    sheet: Sheet, sample: Sample, box: tuple[float, float, int, int], *, ticks: bool = True
) -> None:
    """Draws a series small, framed: the four channels of largest spread, or what is heard in a recording."""
    x, y, wide, high = box
    values = np.asarray(sample.values, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    timeline = Timeline(len(values), x, wide, sample.axis)
    if sample.heard is not None:
        place_spectrogram(sheet, timeline, (y, high), sample.heard, numbers=False)
        return
    finite = np.where(np.isfinite(values), values, np.nan)
    shown = np.argsort(-np.nan_to_num(finite).std(axis=0), kind="stable")[:LINES_SHOWN]
    row = Row.of(timeline, y, high, finite[:, shown])
    row.frame(sheet, zero=False)
    colours = (sheet.theme.first, sheet.theme.second, sheet.theme.muted, sheet.theme.ink)
    for channel, colour in zip(shown, colours, strict=False):
        row.draw(sheet, finite[:, channel], colour=colour)
    if ticks:
        row.numbers(sheet)


def limits_of_values(values: Numbers) -> tuple[float, float]:
    """The numbers of black and white that values seem to have been made with."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    whole = np.issubdtype(values.dtype, np.integer)
    if low >= 0 and high <= 255 and (whole or high <= 1 or high > 16):
        return 0.0, 255.0 if whole or high > 1 else 1.0
    return low, high
