"""Hydra and MultiRocket together: competing kernels, and four statistics of the maps of 84 fixed ones.

Both look at the series and at its first differences. Nothing but the dense layer behind them has to be
learned, and that has a closed form: `hydra_multirocket_solver.py` solves it.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.series.classification.minirocket import (
    KERNELS,
    LENGTH,
    Stage,
    drawn_variables,
    pooled_maps,
    set_variables,
    stages,
)
from convscope.kinds.series.layers.hydra import CompetitionCounts, SparseScaling
from convscope.kinds.series.layers.multirocket import STATISTICS, StatisticsAbove

DIFFERENCES = "differences"
GROUP_SIZE = 8
"""Kernels that compete with each other."""
FEWEST_VARIABLES, MOST_VARIABLES = 2, 8
"""Variables that a group of kernels looks at: half of all, within these bounds."""
PER_KERNEL = 2 * STATISTICS * KERNELS
"""Features of one threshold for each kernel, of the series and of its differences."""


@dataclass(frozen=True)
class Competition:
    """The competing kernels of one dilation.

    Args:
        dilation: Positions between two weights.
        groups: Groups of kernels.
        of_differences: Whether they look at the differences of the series.
    """

    dilation: int
    groups: int
    of_differences: bool

    @property
    def _name(self) -> str:
        of = f"{DIFFERENCES}_" if self.of_differences else ""
        return f"hydra_{of}dilation{self.dilation}"

    @property
    def maps(self) -> str:
        """The name of the convolution."""
        return f"{self._name}_maps"

    @property
    def counts(self) -> str:
        """The name of the pooling."""
        return f"{self._name}_counts"

    @property
    def kernels(self) -> int:
        """Of all groups."""
        return self.groups * GROUP_SIZE


@dataclass(frozen=True)
class KernelPlan:
    """All kernels of a model.

    Args:
        competitions: Those of Hydra, by rising dilation, of the series before those of the differences.
        of_series: The stages of MultiRocket over the series.
        of_differences: Those over its differences.
    """

    competitions: tuple[Competition, ...]
    of_series: tuple[Stage, ...]
    of_differences: tuple[Stage, ...]

    @property
    def features(self) -> int:
        """Of both together."""
        stages = (*self.of_series, *self.of_differences)
        counts = sum(2 * each.kernels for each in self.competitions)
        return counts + STATISTICS * sum(stage.features for stage in stages)


def hydra_multirocket(
    input_shape: tuple[int | None, ...],
    classes: int,
    features: int = 50_000,
    dilations: int = 32,
    groups: int = 64,
) -> keras.Model:
    """Competing random kernels, statistics of 84 fixed kernels, and one dense layer over both.

    Hydra: groups of eight random kernels of nine weights, which compete for each position; half of the groups
    look at the series, half at its first differences, at each dilation that is a power of 2 (Dempster,
    Schmidt and Webb 2023, "Hydra: competing convolutional kernels for fast and accurate time series
    classification").
    MultiRocket: the 84 kernels and dilations of `minirocket`, over the series and over its differences, with
    four statistics of what lies above each threshold (Tan, Dempster, Bergmeir and Webb 2022, "MultiRocket:
    multiple pooling operators and transformations for fast and effective time series classification"). Each
    feature is standardized, counts by their square roots, and all are weighed against each other.

    A fresh model has kernels that are drawn from a fixed seed and thresholds as noise would have them; a
    training in closed form sets both, and the dense layer.

    Args:
        input_shape: (length, variables), of at least 10 positions.
        classes: The number of class names.
        features: Statistics that are taken, rounded down to a multiple of 672; counts come on top.
        dilations: Different dilations of MultiRocket at most.
        groups: Groups of competing kernels at each dilation; an even number.

    Returns:
        A functional model from float32 series, (batch, length, variables), to probabilities (batch, classes).
        All of it is float32 whatever the dtype policy: a comparison has no tolerance.

    Raises:
        UsageError: No series, a series that is too short, or bad options.
    """
    length, variables = _checked(input_shape, features, dilations, groups)
    plan = planned(length, features, dilations, groups)
    series = keras.Input((length, variables), name="series")
    difference = layers.DepthwiseConv1D(2, use_bias=False, trainable=False, dtype="float32", name=DIFFERENCES)
    changes = difference(series)
    x = _features(series, changes, plan)
    answers = layers.Dense(classes, activation="softmax", dtype="float32", name="classes")(x)
    model = keras.Model(series, answers, name="hydra_multirocket")
    difference.set_weights([np.tile(np.array([-1, 1], np.float32)[:, None, None], (1, variables, 1))])
    for of in (plan.of_series, plan.of_differences):
        set_variables(model, of, drawn_variables(variables, len(of) * KERNELS, np.random.default_rng(0)))
    set_competitors(model, plan, np.random.default_rng(0))
    return model


def planned(length: int, features: int = 50_000, dilations: int = 32, groups: int = 64) -> KernelPlan:
    """The kernels for series of one length.

    Args:
        length: In positions.
        features: Statistics that are taken.
        dilations: Different dilations of MultiRocket at most.
        groups: Groups of competing kernels at each dilation, of the series and of its differences together.
    """
    largest = int(np.log2((length - 1) / (LENGTH - 1)))
    competitions = [
        Competition(2**exponent, groups // 2, of_differences)
        for exponent in range(largest + 1)
        for of_differences in (False, True)
    ]
    thresholds = features // (2 * STATISTICS)
    return KernelPlan(
        tuple(competitions),
        stages(length, thresholds, dilations),
        stages(length - 1, thresholds, dilations, f"{DIFFERENCES}_"),
    )


def set_competitors(model: keras.Model, plan: KernelPlan, rng: np.random.Generator) -> None:
    """Draws the weights of all competing kernels.

    They are normal, less their mean, divided by the sum of their absolute values. Of several variables a
    group looks at the sum of a few, drawn with repetition.

    Args:
        model: Made by `hydra_multirocket`.
        plan: Its kernels.
        rng: Draws them.
    """
    for each in plan.competitions:
        layer = model.get_layer(each.maps)
        variables = int(layer.kernel.shape[1])
        weights = rng.standard_normal((LENGTH, each.groups, GROUP_SIZE))
        weights -= weights.mean(axis=0)
        weights /= np.abs(weights).sum(axis=0)
        some = min(max(variables // 2, FEWEST_VARIABLES), MOST_VARIABLES) if variables > 1 else 1
        looked_at = rng.integers(variables, size=(each.groups, some))
        layer.set_weights([competing_kernels(weights, looked_at, variables)])


def competing_kernels(
    weights: npt.NDArray[np.floating], looked_at: npt.NDArray[np.int64], variables: int
) -> npt.NDArray[np.float32]:
    """The weights of one convolution.

    Args:
        weights: Of each kernel, shape (9, groups, 8).
        looked_at: The variables whose sum a group looks at, shape (groups, n); one may occur several times.
        variables: How many there are.

    Returns:
        Shape (9, variables, groups * 8).
    """
    times = np.zeros((variables, len(looked_at)))
    for group, chosen in enumerate(looked_at):
        np.add.at(times[:, group], chosen, 1)
    kernels = weights[:, None] * times[None, :, :, None]
    made: npt.NDArray[np.float32] = kernels.reshape(LENGTH, variables, -1).astype(np.float32)
    return made


def _features(series: keras.KerasTensor, changes: keras.KerasTensor, plan: KernelPlan) -> keras.KerasTensor:
    """All counts and statistics, scaled, side by side."""
    counts = [_counts(changes if each.of_differences else series, each) for each in plan.competitions]
    statistics = [pooled_maps(series, stage, StatisticsAbove) for stage in plan.of_series]
    statistics += [pooled_maps(changes, stage, StatisticsAbove) for stage in plan.of_differences]
    hydra = layers.Concatenate(dtype="float32", name="hydra_counts")(counts)
    rocket = layers.Concatenate(dtype="float32", name="statistics")(statistics)
    scaled = [
        SparseScaling(dtype="float32", name="hydra_scaled")(hydra),
        layers.Normalization(dtype="float32", name="standardized")(rocket),
    ]
    return layers.Concatenate(dtype="float32", name="features")(scaled)


def _counts(series: keras.KerasTensor, competition: Competition) -> keras.KerasTensor:
    """The counts of the kernels at one dilation."""
    maps = layers.Conv1D(
        competition.kernels,
        LENGTH,
        padding="same",
        dilation_rate=competition.dilation,
        use_bias=False,
        kernel_initializer="zeros",
        trainable=False,
        dtype="float32",
        name=competition.maps,
    )(series)
    return CompetitionCounts(GROUP_SIZE, dtype="float32", name=competition.counts)(maps)


def _checked(
    input_shape: tuple[int | None, ...], features: int, dilations: int, groups: int
) -> tuple[int, int]:
    if len(input_shape) != 2 or None in input_shape:
        raise UsageError(
            "hydra_multirocket takes series of one known length, (length, variables). "
            f"Received: input_shape={tuple(input_shape)}."
        )
    length, variables = (int(size or 0) for size in input_shape)
    if length <= LENGTH or variables < 1:
        raise UsageError(
            f"hydra_multirocket's kernels have {LENGTH} weights and slide over differences as well, which "
            f"needs series of at least {LENGTH + 1} positions. Received: input_shape={tuple(input_shape)}.",
            "Use another architecture for shorter series.",
        )
    for name, value, least in (("features", features, PER_KERNEL), ("dilations", dilations, 1)):
        if value < least:
            raise UsageError(f"hydra_multirocket needs {name} of at least {least}. Received: {name}={value}.")
    if groups < 2 or groups % 2:
        raise UsageError(
            "hydra_multirocket needs an even number of groups, half of which look at differences. "
            f"Received: groups={groups}."
        )
    return length, variables
