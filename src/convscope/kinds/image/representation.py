"""Images of any size to arrays of one size, and what must be remembered to do it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.data.encoded import HeldArrays, LazyArrays
from convscope.data.splits import Split, Splits
from convscope.errors import DataError, UsageError
from convscope.json_values import Plain
from convscope.kinds.contract.representation import RasterDescription
from convscope.kinds.image.readers.sources import ArrayImages, ImageSource
from convscope.types import Progress, no_progress

MEMORY_LIMIT = 256 * 2**20
"""Images that take less than this are kept in memory, in bytes."""
LARGEST_COMMON_SIDE = 224
"""A size that all images share is kept up to this side length, in pixels."""
LARGEST_CHOSEN_SIDE = 96
"""A size that has to be chosen is at most this, in pixels."""
SCALE = 1 / 255
VERSION = 1
SMALLEST_UNPADDED = 40
"""Side of the smallest image for which kernels without padding are the default, in pixels."""


@dataclass(frozen=True)
class ImageRepresentation(Plain):
    """The size and the channels that every image is brought to.

    Args:
        height: In pixels.
        width: In pixels.
        channels: 1 (gray) or 3 (RGB).

    Raises:
        UsageError: A side is not positive or the channels are neither 1 nor 3.
    """

    _WHAT = "image representation"
    _KEPT: ClassVar = {"kind": "image", "version": VERSION, "scale": SCALE}

    height: int
    width: int
    channels: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1 or self.channels not in (1, 3):
            raise UsageError(
                "an image representation takes a positive height and width and 1 or 3 channels,"
                f" received {self.height}x{self.width}x{self.channels}"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels), the input shape of a model."""
        return self.height, self.width, self.channels

    @classmethod
    def fit(
        cls, split: Split, size: tuple[int, int] | None = None, channels: int | None = None
    ) -> tuple[ImageRepresentation, tuple[str, ...]]:
        """Chooses size and channels from the train split.

        Args:
            split: The train split; its samples know their sizes.
            size: Height and width in pixels, where the user chose them.
            channels: 1 or 3, where the user chose them.

        Returns:
            The representation, and one line for each choice with its reason.

        Raises:
            UsageError: The split is empty or the user's choice cannot work.
        """
        source = as_train_images(split)
        (height, width), size_line = given_size(size) if size else _common_size(source.sizes)
        channels, line = common_channels(source, channels)
        return cls(height, width, channels), (size_line, line)

    def to_pixels(self, images: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
        """Brings images to one size; an image of the right size keeps its values exactly.

        Resizing is bilinear over all pixels that a result covers (antialiased); gray is the ITU-R 601-2 luma.

        Args:
            images: Gray (height, width[, 1]) or RGB (height, width, 3), uint8, of any size each.

        Returns:
            Shape (len(images), height, width, channels), uint8.

        Raises:
            DataError: An array is not such an image.
        """
        result = np.empty((len(images), *self.shape), np.uint8)
        for place, image in enumerate(images):
            result[place] = self._resized(image)
        return result

    def _resized(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        if image.ndim == 2:
            image = image[..., None]
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3) or not image.size:
            raise DataError(
                "expected a uint8 image of shape (height, width) or (height, width, 3),"
                f" received {image.dtype} of shape {image.shape}"
            )
        fits = image.shape[:2] == (self.height, self.width)
        if fits and image.shape[2] in (1, self.channels):
            return image  # one gray channel fills three by broadcasting
        resized = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
        if image.shape[2] == 3 and self.channels == 1:
            resized = resized.convert("L")
        if not fits:
            resized = resized.resize((self.width, self.height), Image.Resampling.BILINEAR)
        pixels: npt.NDArray[np.uint8] = np.asarray(resized)
        return pixels[..., None] if pixels.ndim == 2 else pixels

    @property
    def sizes(self) -> dict[str, int]:
        """Nothing but the shape."""
        return {}

    def describe(self, sample: npt.NDArray[np.uint8]) -> RasterDescription:
        """That pixels are from 0 to 1."""
        return RasterDescription()

    def example(self, count: int) -> npt.NDArray[np.float32]:
        """So many images of noise, shape (count, height, width, channels), from 0 to 1."""
        return np.random.default_rng(0).random((count, *self.shape), np.float32)

    def encode(
        self, samples: ImageSource, limit_bytes: int = MEMORY_LIMIT, progress: Progress = no_progress
    ) -> HeldArrays[np.uint8] | LazyArrays[np.uint8]:
        """The images of a split, in memory where they fit.

        Args:
            samples: The images.
            limit_bytes: How much memory they may take.
            progress: Receives the number of images decoded.

        Returns:
            `HeldArrays` decoded once, or `LazyArrays` where they would take more than the limit. The rows
            of an array that has the right shape already are shared, not copied.

        Raises:
            DataError: A file has changed or gone since it was scanned.
        """
        if isinstance(samples, ArrayImages):
            array = samples.array if samples.array.ndim == 4 else samples.array[..., None]
            if array.shape[1:] == self.shape:
                return HeldArrays(array, samples.rows)
        lazy = LazyArrays(samples, lambda image: self.to_pixels([image])[0], self.shape, np.uint8)
        return lazy.held(limit_bytes, progress, "decoding images")

    @staticmethod
    def to_inputs(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Values of 0 to 255 as float32 of 0 to 1, any shape."""
        return np.multiply(pixels, np.float32(SCALE), dtype=np.float32)


def fit_representation(
    train: Split, size: tuple[int, int] | None = None
) -> tuple[ImageRepresentation, Sequence[str]]:
    """Chooses size and channels from the train split, unless the size is given as (height, width)."""
    return ImageRepresentation.fit(train, size=(size[0], size[1]) if size else None)


def suggest_architecture(representation: ImageRepresentation, splits: Splits) -> tuple[str, str] | None:
    """Another architecture than the first where its kernels, not padded, see little of the borders."""
    height, width = representation.shape[:2]
    if min(height, width) >= SMALLEST_UNPADDED:
        return None
    return "padded_cnn", f"images of {height}x{width} are small, and it sees them up to their borders"


def as_train_images(split: Split) -> ImageSource:
    """The images of a train split, which know their sizes and which something is fitted to.

    Raises:
        UsageError: There are none, or they are something else.
    """
    source = split.samples
    if not hasattr(source, "sizes") or not hasattr(source, "channels"):
        raise UsageError(f"expected a split of images, received one of {type(source).__name__}")
    if not len(source):
        raise UsageError("a representation is fitted to at least one image, received an empty split")
    return cast(ImageSource, source)


def common_channels(source: ImageSource, given: int | None = None) -> tuple[int, str]:
    """1 where all images are gray and 3 otherwise, unless the user says how many; and why."""
    if given is not None:
        return given, f"channels: {given}, as given"
    channels, gray = int(source.channels.max()), int(np.sum(source.channels == 1))
    return channels, f"channels: {channels}, because {gray} of {len(source)} train images are gray"


def given_size(size: tuple[int, int]) -> tuple[tuple[int, int], str]:
    """A size that the user gives, and that it is."""
    return size, f"size: {size[0]}x{size[1]} (height x width), as given"


def median_size(
    sizes: npt.NDArray[np.uint32], longest: int, smallest: int = 1
) -> tuple[tuple[int, int], str, bool]:
    """The median size, reduced so that its longer side is no longer than that.

    Args:
        sizes: Heights and widths of images, shape (images, 2).
        longest: Bound of the longer side, in pixels.
        smallest: Bound of both sides from below.

    Returns:
        Height and width, why, and whether they are reduced.
    """
    median = np.median(sizes, axis=0)
    shrink = min(1.0, longest / float(median.max()))
    height, width = (max(smallest, round(float(side) * shrink)) for side in median)
    have = "all train images have" if np.all(sizes == sizes[0]) else "is the median of the train images"
    reason = f"{median[0]:g}x{median[1]:g} {have}"
    if shrink < 1:
        reason += f", reduced to {longest} pixels on the long side to keep training fast"
    return (height, width), reason, shrink < 1


def _common_size(sizes: npt.NDArray[np.uint32]) -> tuple[tuple[int, int], str]:
    """The size that all images have, or the median bounded to `LARGEST_CHOSEN_SIDE`; and why."""
    median = np.median(sizes, axis=0)
    same = bool(np.all(sizes == sizes[0]))
    if same and median.max() <= LARGEST_COMMON_SIDE:
        height, width = int(median[0]), int(median[1])
        return (height, width), f"size: {height}x{width} (height x width), which all train images have"
    (height, width), reason, _ = median_size(sizes, LARGEST_CHOSEN_SIDE)
    return (height, width), f"size: {height}x{width} (height x width); {reason}"
