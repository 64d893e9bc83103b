"""Images and their masks on a grid of one size, of which a model takes all or windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.data.masks import Classes
from convscope.data.splits import Samples, Split
from convscope.errors import UsageError
from convscope.json_values import Plain
from convscope.kinds.contract.representation import Encoded, RasterDescription
from convscope.kinds.image.representation import (
    SCALE,
    ImageRepresentation,
    as_train_images,
    common_channels,
    given_size,
    median_size,
)
from convscope.kinds.tasks.segmentation_grids import Shape, Slab
from convscope.kinds.tasks.segmentation_windows import encoded
from convscope.types import Progress, no_progress

LARGEST_SIDE = 320
"""The longer side of images is reduced to this unless a size is given, in pixels."""
LARGEST_WINDOW = 384
"""Images with longer sides are seen in windows, in pixels."""
WINDOW = 256
SMALLEST_SIDE = 8
VERSION = 1


@dataclass(frozen=True)
class MaskedImageRepresentation(Plain):
    """The size and the channels that every image is brought to, and the size of the windows of a model.

    Args:
        height: In pixels.
        width: In pixels.
        channels: 1 (gray) or 3 (RGB).
        window_height: Of what the model takes, `height` at most.
        window_width: `width` at most.

    Raises:
        UsageError: A side is too small, a window larger than the image, or another number of channels.
    """

    _WHAT = "representation of images with masks"
    _KEPT: ClassVar = {"kind": "image masks", "version": VERSION, "scale": SCALE}

    height: int
    width: int
    channels: int
    window_height: int
    window_width: int

    def __post_init__(self) -> None:
        windows = (self.window_height, self.window_width)
        fits = windows[0] <= self.height and windows[1] <= self.width
        if min(windows) < SMALLEST_SIDE or not fits or self.channels not in (1, 3):
            raise UsageError(
                f"segmentation takes images of at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels, windows that"
                f" are no larger, and 1 or 3 channels. Received: {self.height}x{self.width}x{self.channels},"
                f" windows of {self.window_height}x{self.window_width}."
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of a window, the input shape of a model."""
        return self.window_height, self.window_width, self.channels

    @property
    def sizes(self) -> dict[str, int]:
        """Nothing but the shape."""
        return {}

    @property
    def _whole(self) -> ImageRepresentation:
        return ImageRepresentation(self.height, self.width, self.channels)

    @property
    def compact(self) -> type[np.generic]:
        """Pixels have 8 bits."""
        return np.uint8

    def sides(self, samples: object, index: int) -> Shape:
        """Height and width on the grid, those of all images."""
        return self.height, self.width

    def on_grid(self, sample: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """An image in its size on the grid, uint8 (height, width, channels)."""
        pixels: npt.NDArray[np.uint8] = self._whole.to_pixels([sample])[0]
        return pixels

    def mask_on_grid(self, sample: npt.NDArray[np.uint8], classes: Classes) -> Classes:
        """A mask in the same size; each position has the class of the nearest one."""
        if classes.shape == (self.height, self.width):
            return classes
        resized = Image.fromarray(classes).resize((self.width, self.height), Image.Resampling.NEAREST)
        return np.asarray(resized)

    def from_grid(self, sample: npt.NDArray[np.uint8], slabs: Iterator[Slab]) -> Iterator[Slab]:
        """Probabilities at the pixels of the image itself, interpolated, in one part."""
        probabilities = np.concatenate(list(slabs))
        own = sample.shape[:2]
        if own == probabilities.shape[:2]:
            yield probabilities
            return
        size = (own[1], own[0])
        planes = [
            np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR))
            for plane in np.moveaxis(probabilities, -1, 0)
        ]
        yield np.stack(planes, axis=-1)

    def encode(self, samples: Samples, limit_bytes: int = 0, progress: Progress = no_progress) -> Encoded:
        """Images on the grid; taken as inputs, the windows in their middle."""
        return encoded(self, samples, progress)

    def describe(self, sample: npt.NDArray[np.uint8], start: Shape | None = None) -> RasterDescription:
        """That pixels are from 0 to 1."""
        return RasterDescription()

    def example(self, count: int) -> npt.NDArray[np.float32]:
        """So many windows of noise, from 0 to 1."""
        return np.random.default_rng(0).random((count, *self.shape), np.float32)

    @staticmethod
    def to_inputs(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Values of 0 to 255 as float32 of 0 to 1."""
        return np.multiply(pixels, np.float32(SCALE), dtype=np.float32)


def fit_representation(
    train: Split, size: tuple[int, int] | None = None, tile: tuple[int, int] | None = None
) -> tuple[MaskedImageRepresentation, Sequence[str]]:
    """Chooses the size of images and windows, and the channels, from the train split.

    Args:
        train: Its images know their sizes.
        size: Height and width, where the user gives them.
        tile: Height and width of windows, where the user gives them.

    Raises:
        UsageError: They cannot be.
    """
    source = as_train_images(train)
    (height, width), line = given_size((size[0], size[1])) if size else _median_size(source.sizes)
    channels, of_channels = common_channels(source)
    high, wide = tile or (
        side if max(height, width) <= LARGEST_WINDOW else min(side, WINDOW) for side in (height, width)
    )
    high, wide = min(high, height), min(wide, width)
    seen = "whole images" if (high, wide) == (height, width) else f"windows of {high}x{wide} pixels"
    return MaskedImageRepresentation(height, width, channels, high, wide), (
        line,
        f"window: the model takes {seen}" + (", as given" if tile else "; --tile changes it"),
        of_channels,
    )


def _median_size(sizes: npt.NDArray[np.uint32]) -> tuple[tuple[int, int], str]:
    """Height and width of the grid, and why."""
    (height, width), reason, reduced = median_size(sizes, LARGEST_SIDE, SMALLEST_SIDE)
    if reduced:
        reason += "; --size keeps more detail, at which images are seen in windows"
    if not np.all(sizes == sizes[0]):
        reason += "; masks are answered in the size of each image"
    return (height, width), f"size: {height}x{width} (height x width); {reason}"
