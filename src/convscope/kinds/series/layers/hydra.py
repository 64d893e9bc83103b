"""The pooling of Hydra, where kernels of a group compete for each position, and the scaling of its counts."""

from __future__ import annotations

import keras
from keras import ops

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor

ALIKE = 2.0**-17
"""By so much of the largest value two maps may differ and count as equal: more than sums of nine products are
rounded by."""


@keras.saving.register_keras_serializable(package="convscope")
class CompetitionCounts(keras.layers.Layer):  # type: ignore[misc]
    r"""Counts how often each kernel of a group matches better than all others of it, and how often worst.

    Maps are put into groups of `group_size` neighbors. At each position $t$ one kernel of a group has the
    largest value and one the smallest,

    $$\text{soft}_k = \sum_{t:\, k = \arg\max_j x_{tj}} x_{tk} \qquad
      \text{hard}_k = |\{t: k = \arg\min_j x_{tj}\}|$$

    so that of the largest their values are summed and the smallest are counted (Dempster, Schmidt and Webb
    2023, "Hydra: competing convolutional kernels for fast and accurate time series classification").

    Where a series is constant, all maps are zero up to rounding, and which of them is the largest would
    differ from one backend to another. So values within `tolerance` of the largest count as equal to it, and
    the first kernel among them has the position. Soft counts pass gradients to the kernel that has it.

    Args:
        group_size: Kernels that compete with each other.
        tolerance: A fresh layer's; a weight, which is not trained.

    Shapes:
        - input: float, (batch, positions, groups * group_size).
        - output: float, (batch, 2 * groups * group_size): the soft counts of all kernels, then the hard ones.

    Example:
        >>> import numpy as np
        >>> layer = CompetitionCounts(group_size=2)
        >>> maps = np.array([[[1.0, 3.0], [2.0, -1.0], [0.0, 5.0]]], np.float32)
        >>> ops.convert_to_numpy(layer(maps)).tolist()
        [[2.0, 8.0, 2.0, 1.0]]
    """

    data_format = "channels_last"
    keepdims = False

    def __init__(self, group_size: int = 8, tolerance: float = 4 * ALIKE, **options: object) -> None:
        super().__init__(**options)
        if group_size < 2 or not tolerance >= 0:
            raise ValueError(
                "CompetitionCounts needs a group_size of at least 2 and a tolerance of at least 0. "
                f"Received: group_size={group_size}, tolerance={tolerance}."
            )
        self.group_size, self.tolerance = group_size, tolerance

    def get_config(self) -> dict[str, object]:
        """All that rebuilds the layer."""
        config: dict[str, object] = super().get_config()
        return {**config, "group_size": self.group_size, "tolerance": self.tolerance}

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the tolerance."""
        channels = input_shape[-1]
        if channels is None or channels % self.group_size:
            raise ValueError(
                f"{self.name} needs a number of maps that is a multiple of {self.group_size}. "
                f"Received: input_shape={tuple(input_shape)}."
            )
        self.alike = self.add_weight(
            name="tolerance",
            shape=(),
            initializer=keras.initializers.Constant(self.tolerance),
            trainable=False,
        )

    def call(self, maps: Tensor) -> Tensor:
        """Finds the winners of each position and counts them."""
        length, channels = int(maps.shape[1]), int(maps.shape[2])
        groups = channels // self.group_size
        maps = ops.reshape(maps, (-1, length, groups, self.group_size))
        alike = ops.convert_to_tensor(self.alike)
        largest = ops.max(maps, axis=3, keepdims=True)
        smallest = ops.min(maps, axis=3, keepdims=True)
        soft = ops.sum(self._first(maps >= largest - alike) * largest, axis=1)
        hard = ops.sum(self._first(maps <= smallest + alike), axis=1)
        counts = [ops.reshape(each, (-1, channels)) for each in (soft, hard)]
        return ops.concatenate(counts, axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Two counts for each map."""
        channels = input_shape[-1]
        return input_shape[0], None if channels is None else 2 * channels

    def _first(self, among: Tensor) -> Tensor:
        """1 at the first of a group that is true, else 0."""
        order = ops.arange(self.group_size, 0, -1)
        first = ops.argmax(ops.where(among, order, 0), axis=-1)
        return ops.one_hot(first, self.group_size, dtype="float32")


@keras.saving.register_keras_serializable(package="convscope")
class SparseScaling(keras.layers.Layer):  # type: ignore[misc]
    r"""Standardizes the square roots of counts, and leaves counts of zero at zero.

    $$y = \frac{\sqrt{x} - \text{mean}}{\text{spread}} \text{ where } x > 0, \text{ else } 0$$

    The spread is the standard deviation plus the fourth power of the share of zeros, so that what is hardly
    ever counted does not become large (Dempster, Schmidt and Webb 2023, "Hydra"). Mean and spread are
    measured; a fresh layer has 0 and 1.

    Shapes:
        - input and output: float, (batch, features).

    Example:
        >>> ops.convert_to_numpy(SparseScaling()(ops.array([[4.0, 0.0, -1.0]]))).tolist()
        [[2.0, 0.0, 0.0]]
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes mean and spread."""
        for name, start in (("mean", "zeros"), ("spread", "ones")):
            weight = self.add_weight(name=name, shape=input_shape[1:], initializer=start, trainable=False)
            setattr(self, name, weight)

    def call(self, counts: Tensor) -> Tensor:
        """Scales."""
        there = counts > 0
        roots = ops.sqrt(ops.where(there, counts, 1.0))  # whose slope is infinite at zero
        mean, spread = (ops.convert_to_tensor(each) for each in (self.mean, self.spread))
        return ops.where(there, (roots - mean) / spread, 0.0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """That of the input."""
        return input_shape


def _groups_here(facts: Facts) -> str:
    groups = phrasing.plural((facts.channels_in or 0) // facts.layer.group_size, "group")
    return f"{groups} of {facts.layer.group_size} kernels, 2 counts per kernel: {facts.changed}."


def _scaled_here(facts: Facts) -> str:
    return f"{phrasing.plural(facts.channels_in or 0, 'count')}, zeros stay zero: {facts.changed}."


register(
    LayerSpec(
        CompetitionCounts,
        "global pooling",
        "Kernels of a group compete for each position: the values of the kernel with the largest value are "
        "summed for it, and the positions at which a kernel has the smallest are counted for it.",
        _groups_here,
        rules.global_pooling,
        traits=frozenset({"exact"}),
        component="pooling by counts of competing kernels",
    ),
    LayerSpec(
        SparseScaling,
        "normalization",
        "Takes the square root of counts and standardizes what is not zero, by mean and standard deviation "
        "of the training data, which are not trained.",
        _scaled_here,
        rules.pointwise,
        traits=frozenset({"fixed weights"}),
        component="scaling of sparse counts",
    ),
)
