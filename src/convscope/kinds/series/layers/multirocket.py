"""The pooling of MultiRocket: four statistics of what of each feature map lies above thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from convscope import phrasing
from convscope.engine.inference.compiled_form import register_compiled_form
from convscope.kinds.series.layers.minirocket import SOFTNESS, ProportionsAbove, counted_positions
from convscope.lazy import Lazy
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor

STATISTICS = 4
"""Proportion, mean value, mean position and longest run."""
AT_ONCE = 2**19
"""Values of one sample that are compared at the same time, about."""


@keras.saving.register_keras_serializable(package="convscope")
class StatisticsAbove(ProportionsAbove):
    r"""What of each feature map lies above each of its thresholds: how much, how high, when, how long.

    With $z_t = x_t - \text{threshold}$ over the $n$ positions that count, and $P$ those where $z_t > 0$,

    - the proportion of positive values, $|P| / n$;
    - the mean of positive values, $\frac{1}{|P|} \sum_{t \in P} z_t$, 0 where there is none;
    - the mean of the positions of positive values, $\frac{1}{|P|} \sum_{t \in P} t$ from 0 on, -1 where there
      is none;
    - the longest run of positive values: the most positions in a row that are in $P$

    (Tan, Dempster, Bergmeir and Webb 2022, "MultiRocket: multiple pooling operators and transformations for
    fast and effective time series classification"). Which positions count is as in `ProportionsAbove`: of
    every other map a margin at both ends is left out, and positions are counted from behind it.

    The backward pass takes the slope of a logistic function for that of each step, as `ProportionsAbove`
    does; longest runs pass nothing back.

    Args:
        thresholds: How many there are for each map.
        margin: Positions that every other map leaves out, at each end.
        first: 0 where the first map looks at all positions, 1 where it is the second.
        deviation: Of the normal distribution that fresh thresholds are quantiles of.

    Shapes:
        - input: float, (batch, positions, channels), with more positions than both margins have.
        - output: float, (batch, channels * thresholds * 4), the statistics of one threshold together, the
          thresholds of one channel together.

    Example:
        >>> layer = StatisticsAbove(thresholds=1)
        >>> layer.build((None, 5, 1))
        >>> layer.set_weights([np.array([[0.5]], np.float32)])
        >>> ops.convert_to_numpy(layer(np.array([[[1.0], [0.0], [2.0], [3.0], [0.0]]]))).tolist()
        [[0.6000000238418579, 1.5, 1.6666666269302368, 2.0]]
    """

    def call(self, maps: Tensor) -> Tensor:
        """Compares a few thresholds of all maps at a time."""
        length, channels = int(maps.shape[1]), int(maps.shape[2])
        bounds = ops.convert_to_tensor(self.bounds)
        counted = _Counted.of(length, channels, self.margin, self.first)
        width = ops.maximum(ops.std(bounds) / SOFTNESS, 1e-6)
        # What does not count is put below every threshold once, and not taken out at each of them.
        maps = ops.where(counted.weights > 0, maps, float(np.finfo(np.float32).min) / 2)
        step = max(1, AT_ONCE // (length * channels))
        parts = [
            _statistics(maps[..., None] - bounds[:, start : start + step], width, counted)
            for start in range(0, self.thresholds, step)
        ]
        joined = parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=2)
        return ops.reshape(joined, (-1, channels * self.thresholds * STATISTICS))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Four numbers for each threshold of each channel."""
        batch, proportions = super().compute_output_shape(input_shape)
        return batch, None if proportions is None else proportions * STATISTICS


@dataclass(frozen=True, eq=False)
class _Counted:
    """Which positions of which maps count, as tensors that broadcast to (batch, positions, channels, n).

    Args:
        weights: 1 where a position counts, else 0, shape (positions, channels).
        places: Where each position is, from the first that counts on, shape (positions, channels, 1).
        totals: Positions that count, shape (channels, 1).
    """

    weights: Tensor
    places: Tensor
    totals: Tensor

    @classmethod
    def of(cls, length: int, channels: int, margin: int, first: int) -> _Counted:
        """For maps of this shape."""
        weights = counted_positions(length, channels, margin, first)
        starts = np.argmax(weights, axis=0)
        places = (np.arange(length)[:, None] - starts).astype(np.float32)[..., None]
        arrays = (weights, places, weights.sum(axis=0)[:, None])
        return cls(*(ops.convert_to_tensor(each) for each in arrays))


def _statistics(z: Tensor, width: Tensor, counted: _Counted) -> Tensor:
    """Four statistics of maps less thresholds, (batch, positions, channels, n): (batch, channels, n, 4)."""
    positive = _steps(z, width)
    count = ops.sum(positive, axis=1)
    least = ops.maximum(count, 1)
    values = ops.sum(ops.where(z > 0, z, 0.0) * positive, axis=1) / least
    places = ops.where(count > 0, ops.sum(positive * counted.places, axis=1) / least, -1.0)
    runs = ops.stop_gradient(_longest_runs(z > 0, int(z.shape[1])))
    return ops.stack([count / counted.totals, values, places, ops.cast(runs, z.dtype)], axis=-1)


def _steps(z: Tensor, width: Tensor) -> Tensor:
    """1 where a value is positive, else 0, with the slope of a logistic function of this width."""

    @ops.custom_gradient  # type: ignore[untyped-decorator]
    def steps(z: Tensor, width: Tensor) -> tuple[Tensor, Tensor]:
        def gradient(*arguments: object, upstream: Tensor = None) -> tuple[Tensor, Tensor]:
            passed = arguments[-1] if upstream is None else upstream
            near = ops.sigmoid(z / width)
            return passed * near * (1 - near) / width, ops.zeros_like(width)

        return ops.cast(z > 0, z.dtype), gradient

    return steps(z, width)


def _longest_runs(positive: Tensor, length: int) -> Tensor:
    """The most positions in a row along axis 1 that are true.

    A run ends so many positions behind the last one that was not positive; where that was follows from
    maxima over 2, 4, 8 and so on positions.
    """
    places = ops.reshape(ops.arange(length, dtype="float32"), (1, length, 1, 1))
    last = ops.where(positive, -1.0, places)
    reach = 1
    while reach < length:
        earlier = last[:, :-reach]
        last = ops.concatenate([last[:, :reach], ops.maximum(last[:, reach:], earlier)], axis=1)
        reach *= 2
    return ops.max(places - last, axis=1)


def _here(facts: Facts) -> str:
    thresholds = phrasing.plural(facts.layer.thresholds, "threshold")
    return f"{thresholds} per feature map, 4 statistics each: {facts.changed}."


register(
    LayerSpec(
        StatisticsAbove,
        "global pooling",
        "Compares each feature map with several thresholds, and computes the proportion of positions above, "
        "their mean value, their mean position and their longest run. Every other map leaves out both ends, "
        "where the kernel reaches beyond the input. The thresholds are quantiles of the data, not trained.",
        _here,
        rules.global_pooling,
        traits=frozenset({"exact"}),
        component="pooling by statistics above thresholds",
    )
)
register_compiled_form(
    StatisticsAbove, "numba", Lazy("convscope.kinds.series.classification.compiled_rockets:compiled_rocket")
)
