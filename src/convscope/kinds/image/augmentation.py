"""Random changes of images in training, and the changed images that an answer is averaged over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.errors import UsageError


@dataclass(frozen=True)
class ImageAugmentation:
    """How far a image may be changed; every change is uniform within its range.

    Args:
        shift: Largest shift along each axis, as a share of that side.
        flip: Whether half of the images are mirrored left to right.
        rotate: Largest rotation either way, in degrees.
        zoom: Largest enlargement or reduction, as a share of the size.
        contrast: Largest change of contrast around the image's mean, as a share.
        erase: Share of the images in which a rectangle of 2 to 20 % of the area is painted over with noise
            (Zhong et al. 2020, "Random erasing data augmentation").
    """

    shift: float = 0.1
    flip: bool = True
    rotate: float = 10.0
    zoom: float = 0.1
    contrast: float = 0.2
    erase: float = 0.0

    def scaled(self, strength: float) -> ImageAugmentation:
        """The same changes `strength` times as far; at 0 nothing changes."""
        return ImageAugmentation(
            self.shift * strength,
            self.flip and strength > 0,
            self.rotate * strength,
            min(self.zoom * strength, 0.9),
            min(self.contrast * strength, 1.0),
            min(self.erase * strength, 1.0),
        )

    def __call__(self, images: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
        """Changes a batch of images, each in its own way.

        Shift, flip, rotation and zoom are one resampling (bilinear); what comes from outside the
        image repeats its border, so that no black corners teach the model anything.

        Args:
            images: uint8, shape (batch, height, width, channels) with 1 or 3 channels.
            rng: Where the random numbers come from; the same state gives the same images.

        Returns:
            uint8 of the same shape.
        """
        count = len(images)
        draws = rng.uniform(-1.0, 1.0, (count, 5))
        mirrored = np.logical_and(rng.random(count) < 0.5, self.flip)
        changed = self._moved(images, draws, mirrored)
        if self.contrast:
            changed = _with_contrast(changed, 1.0 + self.contrast * draws[:, 4])
        if self.erase:
            _erase(changed, self.erase, rng)
        return changed

    def _moved(
        self,
        images: npt.NDArray[np.uint8],
        draws: npt.NDArray[np.float64],
        mirrored: npt.NDArray[np.bool_],
    ) -> npt.NDArray[np.uint8]:
        """Shifts, turns, zooms and mirrors; of each range the share that was drawn, from -1 to 1."""
        count, height, width, channels = images.shape
        pad_y, pad_x = self._margin(height), self._margin(width)
        padded = np.pad(images, ((0, 0), (pad_y, pad_y), (pad_x, pad_x), (0, 0)), mode="edge")
        if channels == 1:
            padded = padded[..., 0]
        matrices = self._matrices(draws, mirrored, (height, width), (pad_y, pad_x))
        changed = np.empty_like(images)
        for i in range(count):
            image = Image.fromarray(padded[i]).transform(
                (width, height), Image.Transform.AFFINE, matrices[i], Image.Resampling.BILINEAR
            )
            changed[i] = np.asarray(image).reshape(height, width, channels)
        return changed

    def _margin(self, side: int) -> int:
        """Pixels of border that the largest change can reach for."""
        turn = np.sin(np.radians(min(self.rotate, 90.0)))
        return int(np.ceil(side * (self.shift + self.zoom / (2 * (1 - self.zoom)) + 0.75 * turn))) + 2

    def _matrices(
        self,
        draws: npt.NDArray[np.float64],
        mirrored: npt.NDArray[np.bool_],
        size: tuple[int, int],
        pad: tuple[int, int],
    ) -> list[tuple[float, ...]]:
        """Affine maps from output positions to the padded input, as Pillow takes them."""
        height, width = size
        angle = np.radians(self.rotate) * draws[:, 2]
        scale = 1.0 / (1.0 + self.zoom * draws[:, 3])
        sign = np.where(mirrored, -1.0, 1.0)
        a, b = sign * scale * np.cos(angle), -sign * scale * np.sin(angle)
        d, e = scale * np.sin(angle), scale * np.cos(angle)
        c = width / 2 + pad[1] + self.shift * width * draws[:, 0] - a * width / 2 - b * height / 2
        f = height / 2 + pad[0] + self.shift * height * draws[:, 1] - d * width / 2 - e * height / 2
        return [tuple(row) for row in np.stack([a, b, c, d, e, f], axis=1).tolist()]


def mirrored(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Images of shape (batch, height, width, channels), left to right and right to left exchanged."""
    return images[:, :, ::-1]


def zoomed(images: npt.NDArray[np.uint8], share: float) -> npt.NDArray[np.uint8]:
    """Images enlarged about their middle by a share of their size, or made smaller where it is negative.

    Args:
        images: uint8, shape (batch, height, width, channels) with 1 or 3 channels.
        share: Between -1 and 1; what comes from outside a image repeats its border.

    Returns:
        uint8 of the same shape.
    """
    count = len(images)
    draws = np.zeros((count, 5))
    draws[:, 3] = np.sign(share)
    only = ImageAugmentation(shift=0.0, rotate=0.0, zoom=abs(share), contrast=0.0)
    return only._moved(images, draws, np.zeros(count, bool))


def _with_contrast(images: npt.NDArray[np.uint8], factors: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    values = images.astype(np.float32)
    means = values.mean(axis=(1, 2, 3), keepdims=True)
    values = (values - means) * factors.astype(np.float32)[:, None, None, None] + means
    clipped: npt.NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return clipped


def _erase(images: npt.NDArray[np.uint8], share: float, rng: np.random.Generator) -> None:
    """Paints a rectangle over some of the images, in place."""
    count, height, width, channels = images.shape
    chosen = rng.random(count) < share
    area = rng.uniform(0.02, 0.2, count)
    ratio = np.exp(rng.uniform(np.log(1 / 3), np.log(3), count))
    corner = rng.random((count, 2))
    tall = np.clip(np.rint(height * np.sqrt(area * ratio)), 1, height).astype(int)
    wide = np.clip(np.rint(width * np.sqrt(area / ratio)), 1, width).astype(int)
    for i in np.flatnonzero(chosen).tolist():
        top = int(corner[i, 0] * (height - tall[i] + 1))
        left = int(corner[i, 1] * (width - wide[i] + 1))
        noise = rng.integers(0, 256, (tall[i], wide[i], channels), dtype=np.uint8)
        images[i, top : top + tall[i], left : left + wide[i]] = noise


def augmentation(
    strength: float, flip: bool = True, erase: float = 0.0
) -> Callable[[Any, np.random.Generator], Any]:
    """Shift, flip, rotation, zoom, contrast and erasing, `strength` times as far as by default.

    Args:
        strength: 1 is the default.
        flip: Whether a mirrored image keeps its class; it does not for digits and letters.
        erase: Share of the images in which a rectangle is painted over.

    Raises:
        UsageError: `erase` is not from 0 to 1.
    """
    _check_share("erase", erase, 1.0)
    return replace(ImageAugmentation(), flip=flip, erase=erase).scaled(strength)


def test_time_views(
    mirror: bool = False, flip: bool = True, zoom: float = 0.0
) -> Sequence[Callable[[Any], Any]]:
    """What an answer is averaged over besides the image itself.

    Args:
        mirror: Whether over mirrored images.
        flip: Whether mirroring keeps the class; without it nothing is mirrored.
        zoom: The share by which an image is also made larger and smaller; at 0 it is not.

    Raises:
        UsageError: `zoom` is not from 0 to a half.
    """
    _check_share("zoom", zoom, 0.5)
    sizes = [partial(zoomed, share=share) for share in (zoom, -zoom) if share]
    if not (mirror and flip):
        return sizes
    return [*sizes, mirrored, *(partial(_mirrored_after, view=view) for view in sizes)]


def _check_share(name: str, value: float, most: float) -> None:
    if not isinstance(value, int | float) or not 0 <= value <= most:
        raise UsageError(f"{name} must be from 0 to {most:g}. Received: {name}={value!r}.")


def _mirrored_after(images: Any, view: Callable[[Any], Any]) -> Any:
    return mirrored(view(images))


def recolored(
    images: npt.NDArray[np.uint8],
    rng: np.random.Generator,
    contrast: float,
    color: float,
    gamma: float,
) -> npt.NDArray[np.uint8]:
    """Gamma, contrast, brightness and color of each image changed, each evenly within its range.

    Args:
        images: uint8 (batch, height, width, channels).
        rng: The same state gives the same images.
        contrast: Largest change of contrast and of brightness, as a share.
        color: Largest change of each color channel, as a share.
        gamma: Values, as shares of the largest, are raised to powers from 1 / (1 + gamma) to 1 + gamma.
    """
    if not (contrast or color or gamma):
        return images
    count, channels = len(images), images.shape[-1]
    powers = (1 + gamma) ** rng.uniform(-1, 1, count)
    tables = 255 * np.linspace(0, 1, 256) ** powers[:, None]
    images = np.stack([np.rint(table)[image] for table, image in zip(tables, images, strict=True)])
    factor = 1 + contrast * rng.uniform(-1, 1, (count, 1, 1, 1))
    tint = 1 + color * rng.uniform(-1, 1, (count, 1, 1, channels))
    level = 255 * contrast * 0.5 * rng.uniform(-1, 1, (count, 1, 1, 1))
    means = images.mean(axis=(1, 2, 3), keepdims=True)
    scale = (factor * tint).astype(np.float32)
    offset = (means * tint + level - means * factor * tint).astype(np.float32)
    values = images * scale + offset
    return np.asarray(np.clip(np.rint(values, out=values), 0, 255, out=values), np.uint8)
