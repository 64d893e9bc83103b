"""Draws the random kernels of ROCKET for samples of any rank, as weights of convolution layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Padding = Literal["valid", "same"]


@dataclass(frozen=True, eq=False)
class Group:
    """Kernels that one convolution layer holds.

    Args:
        length: Along every axis.
        dilation: Steps between two weights.
        padding: `same` pads with zeros so that the map is as long as the sample.
        weights: Shape (length along each axis..., channels, kernels), float64.
        biases: Shape (kernels,), float64.
    """

    length: int
    dilation: int
    padding: Padding
    weights: npt.NDArray[np.float64]
    biases: npt.NDArray[np.float64]

    @property
    def name(self) -> str:
        """What the layer is called."""
        return f"length{self.length}_dilation{self.dilation}_{self.padding}"


def draw_groups(
    input_shape: tuple[int, ...], kernels: int, lengths: Sequence[int], seed: int
) -> tuple[Group, ...]:
    """Draws kernels and puts those of one length, dilation and padding together.

    Args:
        input_shape: (positions..., channels).
        kernels: How many.
        lengths: Each kernel's is one of these.
        seed: Of a NumPy generator.

    Returns:
        The groups, by length, dilation and padding.
    """
    rng = np.random.default_rng(seed)
    side, channels = min(input_shape[:-1]), input_shape[-1]
    rank = len(input_shape) - 1
    found: dict[tuple[int, int, Padding], list[tuple[npt.NDArray[np.float64], float]]] = {}
    for _ in range(kernels):
        length = int(rng.choice(lengths))
        steps, padded = rng.random(), rng.random() < 0.5
        weights = _weights(rng, length, rank, channels)
        bias = rng.uniform(-1, 1)
        padding: Padding = "same" if padded or length > side else "valid"
        key = (length, _dilation(length, side, steps), padding)
        found.setdefault(key, []).append((weights, bias))
    return tuple(
        Group(
            *key,
            np.stack([weights for weights, _ in found[key]], -1),
            np.array([bias for _, bias in found[key]]),
        )
        for key in sorted(found)
    )


def _dilation(length: int, side: int, steps: float) -> int:
    """A power of 2; `steps` from 0 to 1 runs evenly over the exponents at which the kernel fits."""
    if length >= side or length == 1:
        return 1
    return int(2 ** math.floor(steps * math.log2((side - 1) / (length - 1))))


def _weights(rng: np.random.Generator, length: int, rank: int, channels: int) -> npt.NDArray[np.float64]:
    """Of one kernel, (length..., channels): centred on each channel that it reads, 0 on the others."""
    shape = (length,) * rank
    count = int(2 ** rng.uniform(0, math.log2(channels + 1)))
    read = rng.choice(channels, count, replace=False)
    drawn = rng.normal(size=(*shape, count))
    drawn -= drawn.mean(axis=tuple(range(rank)))
    weights = np.zeros((*shape, channels))
    weights[..., read] = drawn * math.sqrt(length / (length**rank * count))
    return weights
