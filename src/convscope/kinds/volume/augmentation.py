"""Small random changes of volumes: turned, moved, made larger and smaller, mirrored, brighter, noisy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]
PLANES = ((1, 2), (1, 3), (2, 3))
"""Axes of a batch that are exchanged by turns about z, y and x."""


@dataclass(frozen=True)
class VolumeAugmentation:
    """Random changes of a batch of volumes.

    Args:
        flips: Axes of a batch, from 1 for x, along which a volume may be mirrored.
        turns: Pairs of axes in whose plane it may be turned by quarters.
        rotate: Degrees about each axis, at most.
        shift: Share of a side, at most.
        zoom: Share by which it becomes larger or smaller, at most.
        contrast: Share by which values are spread or drawn together around their mean, at most.
        noise: Deviation of what is added to each voxel, as a share of the deviation of the values, at most.
    """

    flips: tuple[int, ...] = ()
    turns: tuple[tuple[int, int], ...] = ()
    rotate: float = 10.0
    shift: float = 0.05
    zoom: float = 0.1
    contrast: float = 0.15
    noise: float = 0.05

    def scaled(self, strength: float) -> VolumeAugmentation:
        """The same changes, so many times as far; mirroring and quarters stay."""
        names = ("rotate", "shift", "zoom", "contrast", "noise")
        return replace(self, **{name: strength * getattr(self, name) for name in names})

    def __call__(self, batch: Values, rng: np.random.Generator) -> Values:
        """Changes each volume of a batch by itself.

        Args:
            batch: Shape (batch, x, y, z, channels), uint8 or float32.
            rng: Where the random numbers come from; the same state gives the same volumes.

        Returns:
            The same shape and type.
        """
        changed = np.empty_like(batch)
        draws = rng.uniform(-1, 1, (len(batch), 9))
        binary = is_binary(batch)
        for at in range(len(batch)):
            moved = self._moved(self._turned(batch[at], rng), draws[at])
            changed[at] = moved if binary else self._brightened(moved, draws[at, 7:], rng)
        return changed

    def _turned(self, volume: Values, rng: np.random.Generator) -> Values:
        """Mirrored along some axes, and turned by quarters in some planes; nothing is interpolated."""
        for axis in self.flips:
            if rng.random() < 0.5:
                volume = np.flip(volume, axis - 1)
        for first, second in self.turns:
            volume = np.rot90(volume, int(rng.integers(4)), (first - 1, second - 1))
        return volume

    def _moved(self, volume: Values, draws: npt.NDArray[np.float64]) -> Values:
        """Turned about all axes, shifted and zoomed at once; what comes from outside is background."""
        from scipy.ndimage import affine_transform

        if not (self.rotate or self.shift or self.zoom):
            return volume
        sides = np.array(volume.shape[:3], float)
        angles = np.radians(self.rotate) * draws[:3]
        matrix = rotation(angles) * (1 + self.zoom * draws[6])
        middle = (sides - 1) / 2
        offset = middle - matrix @ middle + self.shift * sides * draws[3:6]
        fill = float(volume.min())
        moved = np.empty_like(volume)
        for channel in range(volume.shape[3]):
            affine_transform(
                volume[..., channel], matrix, offset, output=moved[..., channel], order=1, cval=fill
            )
        return moved

    def _brightened(self, volume: Values, draws: npt.NDArray[np.float64], rng: np.random.Generator) -> Values:
        if not (self.contrast or self.noise):
            return volume
        values = volume.astype(np.float32)
        mean, deviation = float(values.mean()), float(values.std())
        values = (values - mean) * np.float32(1 + self.contrast * draws[0]) + np.float32(mean)
        amount = self.noise * abs(draws[1]) * deviation
        values += np.float32(amount) * rng.standard_normal(values.shape, np.float32)
        if volume.dtype == np.uint8:
            return np.clip(np.rint(values), 0, 255)
        return values


def is_binary(values: Values) -> bool:
    """Whether voxels are occupied or not and nothing between, so that brightness says nothing."""
    return bool(((values == values.min()) | (values == values.max())).all())


def rotation(angles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Turns about x, y and z by so many radians, one after the other, shape (3, 3)."""
    turned = np.eye(3)
    for axis, angle in enumerate(angles):
        first, second = [each for each in range(3) if each != axis]
        one = np.eye(3)
        one[first, first] = one[second, second] = np.cos(angle)
        one[first, second], one[second, first] = -np.sin(angle), np.sin(angle)
        turned = turned @ one
    return turned


def augmentation(
    strength: float, flip_axes: Sequence[str] | None = (), turn_axes: Sequence[str] | None = ()
) -> Callable[[Any, np.random.Generator], Any] | None:
    """Turns, shifts, zoom, contrast and noise, `strength` times as far as by default.

    Args:
        strength: 1 is the default; at 0 volumes stay as they are.
        flip_axes: Axes along which mirrored volumes keep their class, of `x`, `y` and `z`.
        turn_axes: Axes about which volumes that are turned by quarters keep their class.
    """
    if not strength:
        return None
    flips = tuple("xyz".index(axis) + 1 for axis in flip_axes or ())
    turns = tuple(PLANES["zyx".index(axis)] for axis in turn_axes or ())
    return VolumeAugmentation(flips, turns).scaled(strength)


def test_time_views(
    mirror: bool = False, flip_axes: Sequence[str] | None = ()
) -> Sequence[Callable[[Any], Any]]:
    """What an answer is averaged over besides the volume itself: its mirror images along some axes.

    Args:
        mirror: Whether over mirrored volumes.
        flip_axes: Axes along which mirrored volumes keep their class.
    """
    if not mirror:
        return ()
    axes = ["xyz".index(axis) + 1 for axis in flip_axes or ()]
    chosen = [each for count in range(1, len(axes) + 1) for each in combinations(axes, count)]
    return [partial(np.flip, axis=each) for each in chosen]
