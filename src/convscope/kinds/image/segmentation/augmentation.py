"""Random changes of images together with their masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.data.masks import VOID, Classes
from convscope.kinds.image.augmentation import recolored
from convscope.kinds.tasks.segmentation_grids import MirrorView

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class MaskedImageAugmentation:
    """How far an image and its mask may be changed; every change is uniform within its range.

    Args:
        flip: Whether half of the images are mirrored left to right.
        zoom: Sizes from 1 / (1 + zoom) to 1 + zoom of the original, evenly by their logarithm; of what is
            larger than the image some part is taken.
        rotate: Largest rotation either way, in degrees.
        contrast: Largest change of contrast and of brightness, as a share.
        color: Largest change of each color channel, as a share.
        gamma: Values, as shares of the largest, are raised to powers from 1 / (1 + gamma) to 1 + gamma: what
            is dark becomes darker or brighter than what is bright does, as at other times of the day.
    """

    flip: bool = True
    zoom: float = 0.7
    rotate: float = 8.0
    contrast: float = 0.3
    color: float = 0.1
    gamma: float = 0.5

    def scaled(self, strength: float) -> MaskedImageAugmentation:
        """The same changes `strength` times as far; at 0 nothing changes."""
        return MaskedImageAugmentation(
            self.flip and strength > 0,
            self.zoom * strength,
            self.rotate * strength,
            min(self.contrast * strength, 1.0),
            min(self.color * strength, 1.0),
            self.gamma * strength,
        )

    def __call__(self, pair: tuple[Pixels, Classes], rng: np.random.Generator) -> tuple[Pixels, Classes]:
        """Changes a batch of images, each in its own way, and its masks likewise.

        What comes from outside an image repeats its border, and is void in its mask.

        Args:
            pair: uint8 (batch, height, width, channels) and (batch, height, width).
            rng: The same state gives the same images.
        """
        images, masks = pair
        count, (height, width) = len(images), images.shape[1:3]
        size = np.exp(np.log1p(self.zoom) * rng.uniform(-1, 1, count))
        angle = np.radians(self.rotate) * rng.uniform(-1, 1, count)
        sign = np.where(np.logical_and(rng.random(count) < 0.5, self.flip), -1.0, 1.0)
        room = np.abs(1 - 1 / size) / 2
        shift = room[:, None] * rng.uniform(-1, 1, (count, 2)) * (width, height)
        changed, classes = np.empty_like(images), np.empty_like(masks)
        for i in range(count):
            cosine, sine = np.cos(angle[i]) / size[i], np.sin(angle[i]) / size[i]
            a, b, d, e = sign[i] * cosine, -sign[i] * sine, sine, cosine
            c = width / 2 + shift[i, 0] - a * width / 2 - b * height / 2
            f = height / 2 + shift[i, 1] - d * width / 2 - e * height / 2
            changed[i] = _moved(images[i], (a, b, c, d, e, f))
            classes[i] = _moved_mask(masks[i], (a, b, c, d, e, f))
        return recolored(changed, rng, self.contrast, self.color, self.gamma), classes


def _moved(image: Pixels, matrix: tuple[float, ...]) -> Pixels:
    """An image resampled, its border repeated."""
    height, width, channels = image.shape
    margin = max(height, width) // 2
    framed = np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    a, b, c, d, e, f = matrix
    shown = Image.fromarray(framed[..., 0] if channels == 1 else framed)
    moved = shown.transform(
        (width, height),
        Image.Transform.AFFINE,
        (a, b, c + margin, d, e, f + margin),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(moved).reshape(height, width, channels)


def _moved_mask(mask: Classes, matrix: tuple[float, ...]) -> Classes:
    """A mask resampled by its nearest positions, void outside."""
    height, width = mask.shape
    moved = Image.fromarray(mask).transform(
        (width, height), Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST, fillcolor=VOID
    )
    return np.asarray(moved)


def augmentation(strength: float, flip: bool = True) -> Callable[[Any, np.random.Generator], Any]:
    """Mirroring, size, rotation, gamma, contrast and color, `strength` times as far as by default.

    Args:
        strength: 1 is the default.
        flip: Whether a mirrored image keeps its classes.
    """
    return MaskedImageAugmentation(flip=flip).scaled(strength)


def test_time_views(mirror: bool = True, flip: bool = True) -> Sequence[MirrorView]:
    """What an answer is averaged over besides the image itself: its mirror image.

    Args:
        mirror: Whether it is.
        flip: Whether mirroring keeps classes; without it nothing is mirrored.
    """
    return [MirrorView(2)] if mirror and flip else []
