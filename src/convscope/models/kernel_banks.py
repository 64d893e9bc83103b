"""Random kernels for samples of any rank, and what all banks of kernels share that are not trained.

A bank gives one vector of features for a sample, is frozen, and has the same weights on every backend.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from convscope.errors import UsageError
from convscope.layers import ProportionOfPositiveValues, Standardization

Padding = Literal["valid", "same"]


def random_convolution(
    input_shape: tuple[int, ...],
    kernels: int = 1000,
    lengths: Sequence[int] | None = None,
    seed: int = 0,
) -> keras.Model:
    """Random kernels, pooled to the proportion of positive values and the maximum: ROCKET, for any rank.

    Each channel of a sample is first brought to zero mean and unit variance. A kernel has a random length, a
    random dilation of 1, 2, 4, ... up to where it spans the sample, padding with zeros in one case of two,
    centred normal weights, and a bias drawn evenly from -1 to 1 (Dempster, Petitjean and Webb 2020, "ROCKET:
    exceptionally fast and accurate time series classification using random convolutional kernels").

    What differs from the paper: dilations are powers of 2, so that kernels of one length, dilation and
    padding share one layer; by default there are 1,000 kernels, not 10,000; of several channels each kernel
    reads a random choice, and in images and volumes it has its length along every axis. Such larger
    kernels are scaled so that their squared weights add up to what those of a kernel for a series of one
    channel do, because the biases would otherwise be too small for them. A kernel that is longer than the
    shortest side of the sample is always padded and not dilated; none is left out, and a sample of length 1
    has as many features as any other.

    Args:
        input_shape: (length, channels), (height, width, channels) or (depth, height, width, channels).
        kernels: How many; each gives two features.
        lengths: To draw from, odd numbers; by default 7, 9, 11 for series, 3, 5, 7 for images, 3, 5 for
            volumes.
        seed: The same seed gives the same kernels on every backend.

    Returns:
        A frozen functional model to float32 features of shape (batch, 2 * kernels): the shares, then
        the maxima, both by length, dilation and padding of the kernels.

    Raises:
        UsageError: A shape of another rank, or options that cannot work.
    """
    chosen = _checked_lengths(input_shape, lengths)
    require(kernels >= 1, "random_convolution needs at least 1 kernel", f"kernels={kernels}")
    require(seed >= 0, "random_convolution needs a seed of at least 0", f"seed={seed}")
    inputs = keras.Input(input_shape)
    standard = Standardization(name="standardize")(inputs)
    groups = draw_groups(input_shape, kernels, chosen, seed)
    maps = [group.layer()(standard) for group in groups]
    weights = {group.name: (group.weights, group.biases) for group in groups}
    return frozen_bank("random_convolution", inputs, maps, "ppv", weights)


def _checked_lengths(input_shape: tuple[int, ...], lengths: Sequence[int] | None) -> tuple[int, ...]:
    rank = len(input_shape) - 1
    require(
        rank in (1, 2, 3) and min(input_shape) >= 1,
        "random_convolution takes (length, channels), (height, width, channels) or (depth, height, width, "
        "channels)",
        f"input_shape={input_shape}",
    )
    chosen = {1: (7, 9, 11), 2: (3, 5, 7), 3: (3, 5)}[rank] if lengths is None else tuple(lengths)
    odd = len(chosen) > 0 and all(length >= 1 and length % 2 == 1 for length in chosen)
    require(odd, "random_convolution needs odd lengths", f"lengths={chosen}")
    return chosen


@dataclass(frozen=True, eq=False)
class KernelGroup:
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

    def layer(self) -> keras.layers.Layer:
        """A convolution that is to get these weights."""
        return getattr(layers, f"Conv{self.weights.ndim - 2}D")(
            self.weights.shape[-1],
            self.length,
            padding=self.padding,
            dilation_rate=self.dilation,
            kernel_initializer="zeros",
            name=self.name,
        )


def draw_groups(
    input_shape: tuple[int, ...], kernels: int, lengths: Sequence[int], seed: int
) -> tuple[KernelGroup, ...]:
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
        KernelGroup(
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


def frozen_bank(
    name: str,
    inputs: keras.KerasTensor,
    maps: Sequence[keras.KerasTensor],
    first: Literal["mean", "ppv"],
    weights: Mapping[str, Sequence[npt.NDArray[np.float64]]],
) -> keras.Model:
    """Two poolings of all maps, side by side, in a frozen model.

    Args:
        name: What to call the model.
        inputs: Its input.
        maps: Feature maps over the input.
        first: The first pooling, the mean or the proportion of positive values; the second is the maximum.
        weights: Of each layer by its name.
    """
    rank = len(inputs.shape) - 2
    mean, largest = (getattr(layers, f"Global{kind}Pooling{rank}D") for kind in ("Average", "Max"))
    poolings = ((first, mean if first == "mean" else ProportionOfPositiveValues), ("max", largest))
    pooled = [
        pooling(name=f"{each._keras_history.operation.name}_{word}")(each)
        for word, pooling in poolings
        for each in maps
    ]
    model = keras.Model(inputs, layers.Concatenate(name="features")(pooled), name=name)
    for layer, values in weights.items():
        model.get_layer(layer).set_weights([np.asarray(value, np.float32) for value in values])
    model.trainable = False
    return model


def require(holds: bool, what: str, received: str) -> None:
    """Refuses what a bank cannot be built from.

    Raises:
        UsageError: It does not hold.
    """
    if not holds:
        raise UsageError(f"{what}. Received: {received}.")
