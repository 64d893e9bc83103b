"""Random changes of images together with the boxes in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.data.boxes import Boxes, areas
from convscope.kinds.image.augmentation import recolored
from convscope.kinds.image.detection.representation import PADDING
from convscope.kinds.tasks.detection import FlipView

Pixels = npt.NDArray[np.uint8]

VISIBLE = 0.3
"""Share of a box that must be left within the image; of which less is left, it is not learned."""
SMALLEST = 2.0
"""Pixels that each side of a box must have."""


@dataclass(frozen=True)
class BoxedImageAugmentation:
    """How far an image and its boxes may be changed; every change is uniform within its range.

    Args:
        flip: Whether half of the images are mirrored left to right.
        upside_down: Whether half of the images are mirrored top to bottom as well.
        zoom: Sizes from 1 / (1 + zoom) to 1 + zoom of the original, evenly by their logarithm; of what is
            larger than the image some part is taken, what is smaller lies somewhere within it.
        contrast: Largest change of contrast and of brightness, as a share.
        color: Largest change of each color channel, as a share.
        gamma: As of `recolored`.
    """

    flip: bool = True
    upside_down: bool = False
    zoom: float = 0.4
    contrast: float = 0.2
    color: float = 0.08
    gamma: float = 0.3

    def scaled(self, strength: float) -> BoxedImageAugmentation:
        """The same changes `strength` times as far; at 0 nothing changes."""
        return BoxedImageAugmentation(
            self.flip and strength > 0,
            self.upside_down and strength > 0,
            self.zoom * strength,
            min(self.contrast * strength, 1.0),
            min(self.color * strength, 1.0),
            self.gamma * strength,
        )

    def __call__(
        self, pair: tuple[Pixels, Sequence[Boxes]], rng: np.random.Generator
    ) -> tuple[Pixels, list[Boxes]]:
        """Changes a batch of images, each in its own way, and their boxes likewise.

        Args:
            pair: uint8 (batch, height, width, channels), and the boxes of each image.
            rng: The same state gives the same images.
        """
        images, boxes = pair
        count, sides = len(images), np.array(images.shape[2:0:-1], np.float64)
        size = np.exp(np.log1p(self.zoom) * rng.uniform(-1, 1, count))
        drawn = rng.random((count, 2)) < 0.5
        signs = np.where(drawn & np.array([self.flip, self.upside_down]), -1.0, 1.0)
        room = np.abs(1 - 1 / size)[:, None] / 2
        middles = sides * (0.5 + room * rng.uniform(-1, 1, (count, 2)))
        changed, kept = np.empty_like(images), []
        for i in range(count):
            factors = signs[i] * size[i]
            offset = middles[i] - sides / 2 / factors
            changed[i] = _moved(images[i], (1 / factors[0], 0, offset[0], 0, 1 / factors[1], offset[1]))
            kept.append(moved_boxes(boxes[i], factors, -offset * factors, sides))
        return recolored(changed, rng, self.contrast, self.color, self.gamma), kept


def moved_boxes(
    boxes: Boxes,
    factors: npt.NDArray[np.float64],
    offset: npt.NDArray[np.float64],
    sides: npt.NDArray[np.float64],
) -> Boxes:
    """Boxes times a factor plus an offset along each axis, cut off at the borders of an image.

    Those of which too little is left are ignored where there is anything left at all.

    Args:
        boxes: In pixels.
        factors: Along x and y; negative ones mirror.
        offset: Likewise.
        sides: Width and height of the image.
    """
    spread = boxes.corners.reshape(-1, 2, 2) * factors + offset
    whole = np.concatenate([spread.min(axis=1), spread.max(axis=1)], axis=1)
    corners = np.clip(whole, 0, np.tile(sides, 2))
    left = areas(corners) / np.maximum(areas(whole), 1e-9)
    large = (corners[:, 2:] - corners[:, :2]).min(axis=1, initial=np.inf) >= SMALLEST
    ignored = boxes.ignored | (left < VISIBLE) | ~large
    return Boxes(corners, boxes.classes, ignored).some(areas(corners) > 0)


def _moved(image: Pixels, matrix: tuple[float, ...]) -> Pixels:
    """An image resampled, gray outside."""
    height, width, channels = image.shape
    shown = Image.fromarray(image[..., 0] if channels == 1 else image)
    moved = shown.transform(
        (width, height),
        Image.Transform.AFFINE,
        matrix,
        Image.Resampling.BILINEAR,
        fillcolor=PADDING if channels == 1 else (PADDING,) * 3,
    )
    return np.asarray(moved).reshape(height, width, channels)


def augmentation(
    strength: float, flip: bool = True, upside_down: bool = False
) -> Callable[[Any, np.random.Generator], Any]:
    """Mirroring, size, place, gamma, contrast and color, `strength` times as far as by default.

    Args:
        strength: 1 is the default.
        flip: Whether a mirrored image keeps its objects.
        upside_down: Whether one that is upside down does.
    """
    return BoxedImageAugmentation(flip=flip, upside_down=upside_down).scaled(strength)


def test_time_views(mirror: bool = True, flip: bool = True, upside_down: bool = False) -> Sequence[FlipView]:
    """What maps are averaged over besides those of the image itself.

    Args:
        mirror: Whether there is anything.
        flip: Whether a mirrored image keeps its objects.
        upside_down: Whether one that is upside down does.
    """
    return [FlipView(axis) for axis, may in ((2, flip), (1, upside_down)) if mirror and may]
