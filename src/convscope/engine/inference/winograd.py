"""Convolution with fewer multiplications: a few outputs at a time from their common inputs.

Winograd's minimal filtering (A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks, CVPR
2016) transforms small overlapping tiles of the input, multiplies them with transformed kernels, and
transforms the products back: m outputs of a kernel of length k take m + k - 1 multiplications instead of m k,
along each axis. A convolution of 128 channels with kernels of 3x3 takes a quarter of the multiplications with
tiles of 4x4; the numbers are those of the plain sum but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import prod

import numpy as np
import numpy.typing as npt

from convscope.types import Array

Floats = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

_POINTS = (*map(Fraction, (0, 1, -1, 2, -2)), Fraction(1, 2), Fraction(-1, 2))
LONGEST = len(_POINTS) + 1
"""The longest stretch of the input that a tile may take: beyond it rounding grows fast."""


@cache
def transforms(tile: int, kernel: int) -> tuple[Matrix, Matrix, Matrix]:
    """The three transforms of one axis, by interpolation at small points and at infinity.

    `output @ ((weights @ w) * (inputs @ x))` are the `tile` sums of products of a kernel w with x, where it
    slides over x (a correlation, as convolutional layers compute it).

    Args:
        tile: Outputs, m, at least 1.
        kernel: Length of the kernel, k, at least 1; m + k - 1 is at most `LONGEST`.

    Returns:
        output, shape (m, m + k - 1); weights, shape (m + k - 1, k); inputs, shape (m + k - 1, m + k - 1).
    """
    if kernel == 1:
        return np.eye(tile), np.ones((tile, 1)), np.eye(tile)
    points = _POINTS[: tile + kernel - 2]
    apart = [prod((p - q for q in points if q != p), start=Fraction(1)) for p in points]
    output = [[p**row for p in points] + [Fraction(row == tile - 1)] for row in range(tile)]
    weights = [[p**power / by for power in range(kernel)] for p, by in zip(points, apart, strict=True)]
    weights.append([Fraction(power == kernel - 1) for power in range(kernel)])
    inputs = [[*_product([q for q in points if q != p]), Fraction(0)] for p in points]
    inputs.append(_product(points))
    first, second, third = (np.array(rows, np.float64) for rows in (output, weights, inputs))
    return first, second, third


def _product(roots: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients of the product of (x - root), the lowest power first."""
    found = [Fraction(1)]
    for root in roots:
        pairs = zip([Fraction(0), *found], [*found, Fraction(0)], strict=True)
        found = [low - root * high for low, high in pairs]
    return found


@dataclass(frozen=True)
class ConvolutionShape:
    """A convolution of stride 1 without dilation or groups.

    Args:
        positions: Of the output, one length per axis.
        kernel: One length per axis.
        inputs: Channels that it reads.
        outputs: Channels that it writes.
    """

    positions: tuple[int, ...]
    kernel: tuple[int, ...]
    inputs: int
    outputs: int

    def tiles(self, tile: int) -> tuple[int, ...]:
        """The tile's length along each axis: `tile` where the kernel is longer than 1."""
        return tuple(1 if length == 1 else tile for length in self.kernel)

    def counts(self, tile: int) -> tuple[int, ...]:
        """How many tiles each axis takes."""
        return tuple(-(-n // m) for n, m in zip(self.positions, self.tiles(tile), strict=True))

    def stretch(self, tile: int) -> tuple[int, ...]:
        """How much of the input a tile takes along each axis."""
        return tuple(m + k - 1 for m, k in zip(self.tiles(tile), self.kernel, strict=True))

    @property
    def plain(self) -> int:
        """Multiplications for one sample as a plain sum."""
        return prod(self.positions) * prod(self.kernel) * self.inputs * self.outputs

    def multiplications(self, tile: int) -> int:
        """Those for one sample with tiles of this length, by dense transforms."""
        taken, given = prod(self.stretch(tile)), prod(self.tiles(tile))
        each = taken * (taken * self.inputs + self.inputs * self.outputs + given * self.outputs)
        return prod(self.counts(tile)) * each

    def promising(self, most: int = 2, share: float = 0.75) -> list[int]:
        """The tiles that take the fewest multiplications, the best first.

        Args:
            most: How many tiles to name.
            share: Of the plain sum's multiplications; a tile that takes more is not worth a trial.
        """
        longest = max(self.kernel)
        tiles = range(2, LONGEST - longest + 2) if longest > 1 else ()
        found = sorted((self.multiplications(tile), tile) for tile in tiles)
        return [tile for count, tile in found if count < share * self.plain][:most]


@dataclass(frozen=True)
class TilePlan:
    """What one convolution computes with tiles, as matrices and positions.

    Args:
        input_rows: Positions of the flat input (samples and positions) that the tiles take, shape
            (stretch x samples x tiles,); one beyond the last where the input is padded with zeros.
        input_transform: Shape (stretch, stretch).
        weights: The transformed kernels, shape (stretch, inputs, outputs).
        output_transform: Shape (tile, stretch).
        output_rows: Where each position of the output lies among (tile x samples x tiles), in order.
    """

    input_rows: npt.NDArray[np.int32]
    input_transform: Floats
    weights: Floats
    output_transform: Floats
    output_rows: npt.NDArray[np.int32]


def plan_tiles(
    shape: ConvolutionShape,
    tile: int,
    kernels: Floats,
    samples: int,
    lengths: tuple[int, ...],
    before: tuple[int, ...],
) -> TilePlan:
    """Prepares a convolution for so many samples.

    Args:
        shape: The convolution.
        tile: Length of the tiles.
        kernels: Shape (*kernel, inputs, outputs).
        samples: How many are computed at a time.
        lengths: Of the input, one per axis.
        before: Zeros that are put before the input along each axis.
    """
    tiles, counts, stretch = shape.tiles(tile), shape.counts(tile), shape.stretch(tile)
    matrices = [transforms(m, k) for m, k in zip(tiles, shape.kernel, strict=True)]
    transformed: npt.NDArray[np.floating] = kernels.astype(np.float64)
    for axis, (_, matrix, _) in enumerate(matrices):
        transformed = np.moveaxis(np.tensordot(matrix, transformed, (1, axis)), 0, axis)
    axes = len(lengths)
    sample = np.arange(samples).reshape(-1, *[1] * axes)
    rows, inside = sample, np.ones_like(sample, bool)
    where = np.zeros([1] * axes, np.int64)
    for axis in range(axes):
        starts = np.arange(counts[axis]) * tiles[axis] - before[axis]
        places = _along(np.add.outer(np.arange(stretch[axis]), starts), (axis, axes + 1 + axis), 2 * axes + 1)
        inside = inside & (places >= 0) & (places < lengths[axis])
        rows = rows * lengths[axis] + places
        where = where * tiles[axis] + _along(np.arange(shape.positions[axis]) % tiles[axis], (axis,), axes)
    where = where * samples + sample
    for axis in range(axes):
        where = where * counts[axis] + _along(np.arange(shape.positions[axis]) // tiles[axis], (axis,), axes)
    beyond = samples * prod(lengths)
    return TilePlan(
        np.where(inside, rows, beyond).astype(np.int32).reshape(-1),
        _joined([inputs for _, _, inputs in matrices]),
        transformed.reshape(-1, shape.inputs, shape.outputs).astype(np.float32),
        _joined([output for output, _, _ in matrices]),
        where.astype(np.int32).reshape(-1),
    )


def _along(values: Array, places: tuple[int, ...], axes: int) -> Array:
    """The values along these of so many axes."""
    sizes = [1] * axes
    for place, size in zip(places, values.shape, strict=True):
        sizes[place] = size
    return values.reshape(sizes)


def _joined(matrices: list[Matrix]) -> Floats:
    """One transform of all axes together."""
    joined: npt.NDArray[np.floating] = np.eye(1)
    for matrix in matrices:
        joined = np.kron(joined, matrix)
    return joined.astype(np.float32)
