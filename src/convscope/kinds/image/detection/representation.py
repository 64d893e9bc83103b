"""Images of any size in one input, their shape kept, and boxes there and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from convscope.data.boxes import Corners, areas
from convscope.data.encoded import HeldArrays, LazyArrays
from convscope.data.splits import Samples, Split
from convscope.errors import UsageError
from convscope.json_values import Plain
from convscope.kinds.contract.representation import RasterDescription
from convscope.kinds.image.representation import (
    SCALE,
    ImageRepresentation,
    as_train_images,
    common_channels,
)
from convscope.types import Progress, no_progress

USUAL_SIDE, LARGEST_SIDE = 320, 640
"""The longer side of images is reduced to the former, or less where objects are small; in pixels."""
SMALLEST_OBJECT = 12
"""Side that small objects should have in the input, in pixels."""
COARSE = 48
"""Side of small objects from which on every 8th pixel has a position of its own, not every 4th."""
GRAIN = 16
"""Sides of inputs are multiples of this, so that a mirrored image has mirrored maps."""
SMALLEST_SIDE = 32
PADDING = 128
"""The gray of what lies outside of an image."""
VERSION = 1


@dataclass(frozen=True)
class BoxedImageRepresentation(Plain):
    """The size and the channels of inputs, in which images lie at the top left as large as they fit.

    Args:
        height: In pixels.
        width: In pixels.
        channels: 1 (gray) or 3 (RGB).
        stride: Pixels between two positions of the outputs, 4 or 8.

    Raises:
        UsageError: A side is too small or no multiple of 16, or another number of channels or stride.
    """

    _WHAT = "representation of images with boxes"
    _KEPT: ClassVar = {"kind": "image boxes", "version": VERSION, "scale": SCALE}

    height: int
    width: int
    channels: int
    stride: int

    def __post_init__(self) -> None:
        sides = (self.height, self.width)
        fits = min(sides) >= SMALLEST_SIDE and not any(side % GRAIN for side in sides)
        if not fits or self.channels not in (1, 3) or self.stride not in (4, 8):
            raise UsageError(
                f"detection takes inputs whose sides are multiples of {GRAIN}, {SMALLEST_SIDE} at least, with"
                f" 1 or 3 channels and a stride of 4 or 8. Received: {self.height}x{self.width}x"
                f"{self.channels}, stride {self.stride}."
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels), the input shape of a model."""
        return self.height, self.width, self.channels

    @property
    def sizes(self) -> dict[str, int]:
        """The stride of the outputs."""
        return {"stride": self.stride}

    def size(self, samples: Samples, index: int) -> tuple[int, int]:
        """Height and width of an image in pixels."""
        height, width = samples.sizes[index].tolist()  # type: ignore[attr-defined]
        return int(height), int(width)

    def fitted(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of an image of that size within the input."""
        factor = min(self.height / size[0], self.width / size[1])
        high, wide = (max(1, round(side * factor)) for side in size)
        return min(high, self.height), min(wide, self.width)

    def to_grid(self, size: tuple[int, int], corners: Corners) -> Corners:
        """Boxes of an image of that size as they lie in the input."""
        return np.asarray(corners * self._factors(size))

    def from_grid(self, size: tuple[int, int], corners: Corners) -> Corners:
        """Boxes of the input as they lie in an image of that size, within its borders."""
        limits = np.array([size[1], size[0]] * 2, np.float64)
        return np.clip(corners / self._factors(size), 0, limits)

    def _factors(self, size: tuple[int, int]) -> npt.NDArray[np.float64]:
        high, wide = self.fitted(size)
        return np.array([wide / size[1], high / size[0]] * 2)

    def to_pixels(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """An image in the input, uint8 (height, width, channels), gray beside and below it."""
        high, wide = self.fitted((image.shape[0], image.shape[1]))
        part: npt.NDArray[np.uint8] = ImageRepresentation(high, wide, self.channels).to_pixels([image])[0]
        if (high, wide) == (self.height, self.width):
            return part
        whole = np.full(self.shape, PADDING, np.uint8)
        whole[:high, :wide] = part
        return whole

    def encode(
        self, samples: Samples, limit_bytes: int = 0, progress: Progress = no_progress
    ) -> HeldArrays[np.uint8] | LazyArrays[np.uint8]:
        """Images in the input, in memory where they take no more than a limit."""
        lazy = LazyArrays(samples, self.to_pixels, self.shape, np.uint8)
        return lazy.held(limit_bytes, progress, "decoding images")

    def describe(self, sample: Any) -> RasterDescription:
        """That pixels are from 0 to 1."""
        return RasterDescription()

    def example(self, count: int) -> npt.NDArray[np.float32]:
        """So many images of noise, from 0 to 1."""
        return np.random.default_rng(0).random((count, *self.shape), np.float32)

    @staticmethod
    def to_inputs(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Values of 0 to 255 as float32 of 0 to 1."""
        return np.multiply(pixels, np.float32(SCALE), dtype=np.float32)


def fit_representation(
    train: Split, size: tuple[int, int] | None = None
) -> tuple[BoxedImageRepresentation, Sequence[str]]:
    """Chooses size, channels and stride from the images and the boxes of the train split.

    Args:
        train: Its images know their sizes; its labels are boxes.
        size: Height and width, where the user gives them.

    Raises:
        UsageError: The split is empty, or a size cannot be.
    """
    source = as_train_images(train)
    median = np.median(source.sizes, axis=0)
    small = small_object(train, source.sizes)
    longest = float(median.max())
    if size is None:
        wanted = max(USUAL_SIDE, SMALLEST_OBJECT / small * longest)
        long_side = min(longest, float(LARGEST_SIDE), wanted)
        sides = median * long_side / longest
        why = _why(median, long_side, longest, small)
    else:
        sides, why = np.array(size, np.float64), "as given"
    height, width = (max(SMALLEST_SIDE, -(-round(float(side)) // GRAIN) * GRAIN) for side in sides)
    if size is not None and (height, width) != tuple(size):
        why = f"{size[0]}x{size[1]} as given, in multiples of {GRAIN}"
    factor = min(height / median[0], width / median[1])
    stride = 4 if small * factor < COARSE else 8
    channels, of_channels = common_channels(source)
    return BoxedImageRepresentation(height, width, channels, stride), (
        f"size: {height}x{width} (height x width); {why}; images lie within it in their own shape",
        f"stride: {stride} pixels between two positions of the maps, because small objects have about"
        f" {small * factor:.0f} pixels a side in the input",
        of_channels,
    )


def small_object(train: Split, sizes: npt.NDArray[np.uint32]) -> float:
    """The side of small objects in images of the median size, in pixels.

    It is that of the class with the smallest ones: of its boxes a quarter are smaller.
    """
    median = float(np.median(sizes.max(axis=1)))
    sides = [
        np.sqrt(areas(boxes.corners)) * median / float(size.max())
        for boxes, size in zip(train.labels, sizes, strict=True)
    ]
    classes = np.concatenate([boxes.classes for boxes in train.labels])
    whole = np.concatenate(sides)
    quarters = [float(np.quantile(whole[classes == k], 0.25)) for k in np.unique(classes)]
    return max(min(quarters, default=median), 1.0)


def _why(median: npt.NDArray[np.float64], long_side: float, longest: float, small: float) -> str:
    """Why the longer side has so many pixels."""
    reason = f"{median[0]:g}x{median[1]:g} is the median of the train images"
    if long_side >= longest:
        return reason
    if long_side > USUAL_SIDE:
        least = small * long_side / longest
        return f"{reason}, reduced so that small objects still have {least:.0f} pixels a side"
    return f"{reason}, reduced to {USUAL_SIDE} pixels on the long side to keep training fast"
