"""An image in Fourier space, placed in a model's input: what activation maximization paints on."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from keras import ops

from convscope.scope.geometry.kernel_layout import Floats
from convscope.types import Tensor

Doubles = npt.NDArray[np.float64]

_CONTRAST = 0.75
"""Root mean square of z: strong enough to see, and so weak that the sigmoid hardly bends what is found."""

_TURN, _SCALE, _SHIFT = math.radians(5), 0.05, 1 / 16

_COLORS: Floats = np.array(
    [[1, 1, 1], [1, 0, -1], [-1, 2, -1]] / np.sqrt([[3], [2], [6]]) * [[1.0], [0.3], [0.15]], np.float32
)
"""Brightness, red against blue, green against both: the axes along which the colors of natural images vary
independently of each other (Ohta, Kanade and Sakai 1980, "Color information for region segmentation"), each
weighted by about how far they vary along it."""


@dataclass(frozen=True, eq=False)
class FourierImage:
    """Images of one contrast, made from Fourier coefficients, in a window of a model's input.

    Without positions (an input of plain features) each feature is a coefficient itself.

    Args:
        shape: Of the input, without the batch axis.
        channel_axis: Which axis of `shape` holds the channels.
        window: The part that is painted, half-open, per axis of positions; the rest is mid-range.
        low: The smallest value of the input.
        high: The largest.
    """

    shape: tuple[int, ...]
    channel_axis: int
    window: tuple[tuple[int, int], ...]
    low: float
    high: float

    @cached_property
    def sides(self) -> tuple[int, ...]:
        """Lengths of the painted part, per axis of positions."""
        return tuple(last - first for first, last in self.window)

    @cached_property
    def size(self) -> tuple[int, ...]:
        """Shape of one image and of its coefficients: positions and channels."""
        return (*self.sides, self.shape[self.channel_axis])

    def paint(self, coefficients: Tensor, places: Tensor, shares: Tensor) -> Tensor:
        """The whole inputs, from coefficients.

        z = sum over frequencies f of a_f / |f| basis_f, brought to one contrast and moved;
        x = low + (high - low) sigmoid(z).

        Args:
            coefficients: (images, *size).
            places: As `moves` gives them.
            shares: As `moves` gives them.

        Returns:
            Inputs of the model, (images, *shape).
        """
        count, channels = coefficients.shape[0], self.size[-1]
        z = coefficients * ops.convert_to_tensor(self._weights)
        for axis, side in enumerate(self.sides, start=1):
            z = ops.moveaxis(ops.matmul(ops.moveaxis(z, axis, -1), fourier_basis(side)), -1, axis)
        if self.sides and channels == 3:
            z = ops.matmul(z, _COLORS)
        every = tuple(range(1, len(self.size) + 1))
        z = z * _CONTRAST / ops.sqrt(ops.mean(ops.square(z), every, keepdims=True) + 1e-12)
        if self.sides:
            z = ops.take(ops.reshape(z, (count, -1, channels)), ops.reshape(places, (-1,)), axis=1)
            z = ops.reshape(z, (count, *shares.shape, channels))
            z = ops.reshape(ops.sum(z * shares[None, :, :, None], 2), (count, *self.size))
            z = ops.pad(z, [(0, 0), *self._around, (0, 0)])
            z = ops.moveaxis(z, -1, self.channel_axis + 1)
        return self.low + (self.high - self.low) * ops.sigmoid(z)

    def cut(self, inputs: Floats) -> Floats:
        """The painted part of whole inputs, channels last: (images, *size)."""
        if not self.sides:
            return inputs
        last = np.moveaxis(inputs, self.channel_axis + 1, -1)
        return last[(slice(None), *(slice(*each) for each in self.window))]

    def moves(self, rng: np.random.Generator | None) -> tuple[npt.NDArray[np.int32], Floats]:
        """How a random turn, scale and shift takes each position from its neighbors.

        Args:
            rng: Draws up to 5 degrees, 5 % and a 16th of each side; None leaves all in place.

        Returns:
            `places`, (positions, neighbors), and `shares`, of the same shape, in which position p of the
            moved image is the sum of shares[p, j] times position places[p, j]; what comes from outside is
            mid-range.
        """
        if not self.sides:
            return np.zeros((1, 1), np.int32), np.ones((1, 1), np.float32)
        sides = np.array(self.sides, np.int64)
        axes = [np.arange(side, dtype=np.float64) for side in sides]
        source = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(sides))
        if rng is not None:
            source = _moved(source, sides, rng)
        base = np.floor(source).astype(np.int64)
        places, shares = [], []
        for step in itertools.product((0, 1), repeat=len(sides)):
            corner = base + np.array(step, np.int64)
            share = np.prod(1 - np.abs(source - corner), -1)
            inside = ((corner >= 0) & (corner < sides)).all(-1)
            places.append(np.ravel_multi_index(tuple(np.clip(corner, 0, sides - 1).T), self.sides))
            shares.append(np.where(inside, share, 0))
        return np.stack(places, -1).astype(np.int32), np.stack(shares, -1).astype(np.float32)

    @cached_property
    def _weights(self) -> Floats:
        """1 / |f| for each coefficient; a constant image counts as the lowest frequency."""
        squared = np.zeros(self.sides)
        for axis, side in enumerate(self.sides):
            frequency = (np.arange(side) + 1) // 2 / side
            squared = squared + np.square(frequency).reshape(-1, *(1,) * (len(self.sides) - axis - 1))
        lowest = 1 / max(self.sides, default=1)
        weights: Floats = (1 / np.maximum(np.sqrt(squared), lowest)).astype(np.float32)[..., None]
        return weights

    @cached_property
    def _around(self) -> list[tuple[int, int]]:
        lengths = [length for axis, length in enumerate(self.shape) if axis != self.channel_axis]
        return [(first, length - last) for (first, last), length in zip(self.window, lengths, strict=True)]


def _moved(grid: Doubles, sides: npt.NDArray[np.int64], rng: np.random.Generator) -> Doubles:
    """Where each position comes from, turned (in the last two axes), scaled and shifted around the middle."""
    middle = (sides - 1) / 2
    source = (grid - middle) / rng.uniform(1 - _SCALE, 1 + _SCALE)
    if len(sides) > 1:
        angle = rng.uniform(-_TURN, _TURN)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        source[:, -2:] = source[:, -2:] @ turn
    moved: Doubles = source + middle + rng.uniform(-_SHIFT, _SHIFT, len(sides)) * sides
    return moved


def fourier_basis(side: int) -> Floats:
    """The real Fourier basis of a line of points: constant, then cosine and sine of each frequency.

    Returns:
        (basis functions, positions), orthonormal rows.
    """
    frequency = (np.arange(side) + 1) // 2
    phase = 2 * np.pi * frequency[:, None] * np.arange(side) / side
    rows = np.where(np.arange(side)[:, None] % 2 == 1, np.cos(phase), np.sin(phase))
    rows[0] = 1
    basis: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return basis
