"""Random changes of volumes together with their masks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.masks import VOID, Classes
from convscope.kinds.tasks.segmentation_grids import MirrorView
from convscope.kinds.volume.augmentation import is_binary, rotation

Values = npt.NDArray[Any]
SIDES = {"left", "right", "l", "r", "lh", "rh"}
"""Words in class names that tell a side."""


@dataclass(frozen=True)
class MaskedVolumeAugmentation:
    """How far a volume and its mask may be changed; every change is uniform within its range.

    Args:
        flips: Axes of a batch, from 1 for x, along which half of the volumes are mirrored.
        moved: Share of the volumes that are turned and zoomed at all, which takes long.
        rotate: Degrees about each axis, at most.
        zoom: Sizes from 1 / (1 + zoom) to 1 + zoom.
        contrast: Share by which values are spread or drawn together around their mean, at most.
        brightness: What is added to all values, as a share of their deviation, at most.
        gamma: Values are raised, within their range, to powers from 1 / (1 + gamma) to 1 + gamma.
        noise: Deviation of what is added to each voxel, as that of brightness.
    """

    flips: tuple[int, ...] = ()
    moved: float = 0.5
    rotate: float = 20.0
    zoom: float = 0.25
    contrast: float = 0.3
    brightness: float = 0.2
    gamma: float = 0.4
    noise: float = 0.1

    def scaled(self, strength: float) -> MaskedVolumeAugmentation:
        """The same changes, so many times as far; mirroring stays."""
        names = ("rotate", "zoom", "contrast", "brightness", "gamma", "noise")
        return replace(self, **{name: strength * getattr(self, name) for name in names})

    def __call__(self, pair: tuple[Values, Classes], rng: np.random.Generator) -> tuple[Values, Classes]:
        """Changes each volume of a batch and its mask likewise; what comes from outside is void.

        Args:
            pair: (batch, x, y, z, channels) and (batch, x, y, z).
            rng: The same state gives the same volumes.
        """
        values, masks = np.empty_like(pair[0]), np.empty_like(pair[1])
        binary = is_binary(pair[0])
        for at in range(len(values)):
            volume, mask = pair[0][at], pair[1][at]
            for axis in self.flips:
                if rng.random() < 0.5:
                    volume, mask = np.flip(volume, axis - 1), np.flip(mask, axis - 1)
            draws = rng.uniform(-1, 1, 8)
            if rng.random() < self.moved and (self.rotate or self.zoom):
                volume, mask = self._moved(volume, mask, draws)
            values[at] = volume if binary else self._brightened(volume, draws[4:], rng)
            masks[at] = mask
        return values, masks

    def _moved(self, volume: Values, mask: Classes, draws: npt.NDArray[np.float64]) -> tuple[Values, Classes]:
        """Turned about all axes and zoomed at once."""
        from scipy.ndimage import affine_transform

        matrix = rotation(np.radians(self.rotate) * draws[:3]) / np.exp(np.log1p(self.zoom) * draws[3])
        middle = (np.array(mask.shape) - 1) / 2
        offset = middle - matrix @ middle
        values = np.empty_like(volume)
        for channel in range(volume.shape[3]):
            affine_transform(
                volume[..., channel], matrix, offset, output=values[..., channel], order=1, mode="nearest"
            )
        classes = affine_transform(mask, matrix, offset, order=0, mode="constant", cval=VOID)
        return values, np.asarray(classes)

    def _brightened(self, volume: Values, draws: npt.NDArray[np.float64], rng: np.random.Generator) -> Values:
        values = volume.astype(np.float32)
        low, high = float(values.min()), float(values.max())
        if self.gamma and high > low:
            shares = (values - low) / np.float32(high - low)
            values = low + (high - low) * shares ** np.float32((1 + self.gamma) ** draws[3])
        mean, deviation = float(values.mean()), float(values.std())
        values = (values - mean) * np.float32(1 + self.contrast * draws[0])
        values += np.float32(mean + self.brightness * deviation * draws[1])
        amount = self.noise * abs(draws[2]) * deviation
        values += np.float32(amount) * rng.standard_normal(values.shape, np.float32)
        return np.clip(np.rint(values), 0, 255) if volume.dtype == np.uint8 else values


def mirrored_axes(class_names: Sequence[str], *, spaced: bool) -> tuple[tuple[str, ...], str]:
    """Axes along which mirrored volumes keep their classes, and why.

    Args:
        class_names: What the classes are called; names of sides forbid to exchange these.
        spaced: Whether files say where right, anterior and superior are.

    Example:
        >>> mirrored_axes(("background", "kidney_left", "kidney_right"), spaced=True)[0]
        ()
    """
    words = {word for name in class_names for word in re.split(r"[^a-z]+", name.lower())}
    sides = sorted(words & SIDES)
    if sides:
        return (), f"classes are told by their side ({', '.join(sides)}); --flip-axes sets them"
    if spaced:
        return ("x",), "bodies are alike at the left and at the right, and no class is told by its side"
    return ("x", "y", "z"), "nothing says which direction is which, and no class is told by its side"


def masked_augmentation(
    strength: float, flip_axes: Sequence[str] | None = ()
) -> Callable[[Any, np.random.Generator], Any] | None:
    """Mirroring, turns, zoom, contrast, brightness, gamma and noise, `strength` times as far as by default.

    Args:
        strength: 1 is the default; at 0 volumes stay as they are.
        flip_axes: Axes along which mirrored volumes keep their classes, of `x`, `y` and `z`.
    """
    flips = tuple("xyz".index(axis) + 1 for axis in flip_axes or ())
    return MaskedVolumeAugmentation(flips).scaled(strength) if strength else None


def mirrored_views(mirror: bool = True, flip_axes: Sequence[str] | None = ()) -> Sequence[MirrorView]:
    """What an answer is averaged over besides the volume itself: its mirror image along each axis.

    Args:
        mirror: Whether it is.
        flip_axes: Axes along which mirrored volumes keep their classes.
    """
    return [MirrorView("xyz".index(axis) + 1) for axis in flip_axes or ()] if mirror else []
