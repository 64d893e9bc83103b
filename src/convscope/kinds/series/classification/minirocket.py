"""MiniRocket: 84 fixed kernels at many dilations, shares of each map above thresholds, one dense layer.

Nothing but the dense layer has to be learned, and that has a closed form: `minirocket_solver.py` solves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.series.layers.minirocket import ProportionsAbove

LENGTH = 9
"""Weights of each kernel."""
HEAVY = 3
"""Weights of each kernel that are 2; the others are -1, so that all add up to 0."""
KERNELS = 84
"""Ways to choose 3 of 9 weights."""
NOISE_DEVIATION = (HEAVY * 2**2 + (LENGTH - HEAVY)) ** 0.5
"""The standard deviation of a map of standard white noise, the root of the sum of the squared weights."""
LARGEST_SUBSET = 9
"""Variables that one kernel looks at, at most."""

Channels = Sequence[Sequence[int]]
"""The variables that each kernel looks at."""


@dataclass(frozen=True)
class Stage:
    """The kernels of one dilation.

    Args:
        dilation: Positions between two weights.
        thresholds: Features for each kernel.
        first: 0 where the first kernel looks at all positions, 1 where it is the second.
        prefix: Of the names of its layers.
    """

    dilation: int
    thresholds: int
    first: int
    prefix: str = ""

    @property
    def maps(self) -> str:
        """The name of the convolution."""
        return f"{self.prefix}dilation{self.dilation}_maps"

    @property
    def shares(self) -> str:
        """The name of the pooling."""
        return f"{self.prefix}dilation{self.dilation}_shares"

    @property
    def margin(self) -> int:
        """Positions at each end at which a kernel reaches beyond the series."""
        return (LENGTH // 2) * self.dilation

    @property
    def features(self) -> int:
        """Thresholds of all kernels together."""
        return KERNELS * self.thresholds


def minirocket(
    input_shape: tuple[int | None, ...],
    classes: int,
    features: int = 10_000,
    dilations: int = 32,
) -> keras.Model:
    """Fixed kernels whose maps are compared with thresholds, and one dense layer over what share lies above.

    All 84 kernels of nine weights of which three are 2 and six are -1, at dilations that grow from 1 until a
    kernel spans the series; each map gives a few shares, 9,996 in all; these are standardized and weighed
    against each other (Dempster, Schmidt and Webb 2021, "MiniRocket: a very fast (almost) deterministic
    transform for time series classification"). Of several variables each kernel looks at one or a few.

    A fresh model has thresholds as noise would have them and kernels that look at variables drawn from a
    fixed seed; a training in closed form sets both from data, and the dense layer.

    Args:
        input_shape: (length, variables), of at least 9 positions.
        classes: The number of class names.
        features: Shares that are taken, rounded down to a multiple of 84.
        dilations: Different dilations at most.

    Returns:
        A functional model from float32 series, (batch, length, variables), to probabilities (batch, classes).
        All of it is float32 whatever the dtype policy: a comparison with thresholds has no tolerance.

    Raises:
        UsageError: No series, a series that is too short, or bad options.
    """
    length, variables = _checked(input_shape, features, dilations)
    series = keras.Input((length, variables), name="series")
    made = stages(length, features, dilations)
    taken = [pooled_maps(series, stage) for stage in made]
    x = layers.Concatenate(dtype="float32", name="features")(taken) if len(taken) > 1 else taken[0]
    x = layers.Normalization(dtype="float32", name="standardized")(x)
    answers = layers.Dense(classes, activation="softmax", dtype="float32", name="classes")(x)
    model = keras.Model(series, answers, name="minirocket")
    set_variables(model, made, drawn_variables(variables, len(made) * KERNELS, np.random.default_rng(0)))
    return model


def pooled_maps(
    series: keras.KerasTensor, stage: Stage, pooling: type[ProportionsAbove] = ProportionsAbove
) -> keras.KerasTensor:
    """The features of the kernels at one dilation."""
    maps = layers.Conv1D(
        KERNELS,
        LENGTH,
        padding="same",
        dilation_rate=stage.dilation,
        use_bias=False,
        kernel_initializer="zeros",
        trainable=False,
        dtype="float32",
        name=stage.maps,
    )(series)
    counts = (stage.thresholds, stage.margin, stage.first)
    return pooling(*counts, NOISE_DEVIATION, dtype="float32", name=stage.shares)(maps)


def stages(length: int, features: int = 10_000, dilations: int = 32, prefix: str = "") -> tuple[Stage, ...]:
    """The dilations of a series' kernels, and how many features are taken at each.

    The exponents of the dilations, as powers of 2, run evenly from 0 to where a kernel spans the series; what
    falls on one whole number is put together, and gets as many more features.

    Args:
        length: Of the series, in positions.
        features: In all.
        dilations: Different ones at most.
        prefix: Of the names of their layers.

    Returns:
        By rising dilation.
    """
    each = max(features // KERNELS, 1)
    steps = min(each, dilations)
    largest = np.log2((length - 1) / (LENGTH - 1))
    found, counts = np.unique(np.logspace(0, largest, steps, base=2).astype(np.int64), return_counts=True)
    thresholds = (counts * (each / steps)).astype(np.int64)
    thresholds[: each - thresholds.sum()] += 1
    return tuple(
        Stage(int(dilation), int(count), place % 2, prefix)
        for place, (dilation, count) in enumerate(zip(found, thresholds, strict=True))
    )


def kernel_weights() -> npt.NDArray[np.float32]:
    """The 84 kernels, shape (9, 84): in the order of the places of their three heavy weights."""
    weights = np.full((LENGTH, KERNELS), -1, np.float32)
    for kernel, heavy in enumerate(combinations(range(LENGTH), HEAVY)):
        weights[list(heavy), kernel] = 2
    return weights


def drawn_variables(variables: int, count: int, rng: np.random.Generator | np.random.RandomState) -> Channels:
    """Which variables each of so many kernels looks at: few more often than many, at most nine.

    Args:
        variables: How many there are.
        count: Kernels of all dilations.
        rng: The same state gives the same variables.
    """
    if variables == 1:
        return [[0]] * count
    largest = np.log2(min(variables, LARGEST_SUBSET) + 1)
    sizes = (2 ** rng.uniform(0, largest, count)).astype(int)
    return [rng.choice(variables, size, replace=False).tolist() for size in sizes]


def set_variables(model: keras.Model, made: Sequence[Stage], channels: Channels) -> None:
    """Sets the weights of all convolutions.

    Args:
        model: Made by `minirocket`.
        made: Its stages.
        channels: The variables that each kernel looks at: those of the first stage's 84 kernels, and so on.
    """
    weights = kernel_weights()
    for place, stage in enumerate(made):
        layer = model.get_layer(stage.maps)
        chosen = np.zeros(layer.kernel.shape[1:], np.float32)
        for kernel, looked_at in enumerate(channels[place * KERNELS : (place + 1) * KERNELS]):
            chosen[looked_at, kernel] = 1
        layer.set_weights([weights[:, None] * chosen])


def set_thresholds(model: keras.Model, made: Sequence[Stage], thresholds: npt.NDArray[np.float32]) -> None:
    """Sets the thresholds of all kernels.

    Args:
        model: Made by `minirocket`.
        made: Its stages.
        thresholds: Shape (features,): stage by stage, and of each stage kernel by kernel.
    """
    start = 0
    for stage in made:
        values = thresholds[start : start + stage.features].reshape(KERNELS, stage.thresholds)
        model.get_layer(stage.shares).set_weights([values])
        start += stage.features


def _checked(input_shape: tuple[int | None, ...], features: int, dilations: int) -> tuple[int, int]:
    if len(input_shape) != 2 or None in input_shape:
        raise UsageError(
            "minirocket takes series of one known length, (length, variables). "
            f"Received: input_shape={tuple(input_shape)}."
        )
    length, variables = (int(size or 0) for size in input_shape)
    if length < LENGTH or variables < 1:
        raise UsageError(
            f"minirocket's kernels have {LENGTH} weights, and need series of at least {LENGTH} positions. "
            f"Received: input_shape={tuple(input_shape)}.",
            "Use another architecture for shorter series.",
        )
    for name, value, least in (("features", features, KERNELS), ("dilations", dilations, 1)):
        if value < least:
            raise UsageError(f"minirocket needs {name} of at least {least}. Received: {name}={value}.")
    return length, variables
