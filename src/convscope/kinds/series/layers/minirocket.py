"""The pooling of MiniRocket: how much of each feature map lies above thresholds."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from convscope import phrasing
from convscope.engine.inference.compiled_form import register_compiled_form
from convscope.lazy import Lazy
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor

GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, less their whole parts, are spread evenly over 0 to 1 however many are taken."""
SOFTNESS = 4.0
"""The slope that stands in for a step is spread over the thresholds' deviation divided by this."""


def spread_quantiles(count: int) -> npt.NDArray[np.float32]:
    """So many numbers, evenly over 0 to 1 in an order that leaves no gap wherever it is cut.

    Args:
        count: How many.

    Returns:
        Shape (count,), float32.
    """
    return (np.arange(1, count + 1) * (GOLDEN + 1) % 1).astype(np.float32)


@keras.saving.register_keras_serializable(package="convscope")
class ProportionsAbove(keras.layers.Layer):  # type: ignore[misc]
    r"""The share of each feature map that lies above each of its thresholds.

        y[b, c * n + i] = mean over positions t of (x[b, t, c] > threshold[c, i])

    One convolution so gives several features for each kernel: how often it is matched at all, well, and
    very well. Every other kernel looks at all positions, beyond whose ends there are zeros; those between
    leave out a margin at both ends, where zeros would play a part (Dempster, Schmidt and Webb 2021,
    "MiniRocket: a very fast (almost) deterministic transform for time series classification").

    The share is a step function of the input, whose slope is zero wherever it has one. So that methods which
    follow slopes have something to follow, the backward pass takes that of a logistic function around each
    threshold, as wide as a quarter of the thresholds' standard deviation, in its place (Bengio, Léonard and
    Courville 2013, "Estimating or propagating gradients through stochastic neurons for conditional
    computation", the straight-through estimator). The thresholds are not trained; a fresh layer has quantiles
    of a normal distribution, as a map of noise would.

    Args:
        thresholds: How many there are for each map.
        margin: Positions that every other map leaves out, at each end.
        first: 0 where the first map looks at all positions, 1 where it is the second.
        deviation: Of the normal distribution that fresh thresholds are quantiles of.

    Shapes:
        - input: float, (batch, positions, channels), with more positions than both margins have.
        - output: float, (batch, channels * thresholds), from 0 to 1, the thresholds of one channel together.

    Example:
        >>> layer = ProportionsAbove(thresholds=2)
        >>> layer.build((None, 4, 1))
        >>> layer.set_weights([np.array([[0.0, 2.5]], np.float32)])
        >>> ops.convert_to_numpy(layer(np.array([[[-1.0], [1.0], [2.0], [3.0]]]))).tolist()
        [[0.75, 0.25]]
    """

    data_format = "channels_last"
    keepdims = False

    def __init__(
        self, thresholds: int, margin: int = 0, first: int = 0, deviation: float = 1.0, **options: object
    ) -> None:
        super().__init__(**options)
        if thresholds < 1 or margin < 0 or first not in (0, 1):
            raise ValueError(
                "ProportionsAbove needs at least 1 threshold, a margin of at least 0 and a first of 0 or 1. "
                f"Received: thresholds={thresholds}, margin={margin}, first={first}."
            )
        self.thresholds, self.margin, self.first = thresholds, margin, first
        self.deviation = deviation

    def get_config(self) -> dict[str, object]:
        """All that rebuilds the layer."""
        config: dict[str, object] = super().get_config()
        own = ("thresholds", "margin", "first", "deviation")
        return {**config, **{name: getattr(self, name) for name in own}}

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the thresholds."""
        length, channels = input_shape[1:]
        if length is None or length <= 2 * self.margin:
            raise ValueError(
                f"{self.name} leaves out {self.margin} positions at each end, and needs a known number of "
                f"more than twice as many. Received: input_shape={tuple(input_shape)}."
            )
        self.bounds = self.add_weight(
            name="thresholds",
            shape=(channels, self.thresholds),
            initializer=self._normal_quantiles,
            trainable=False,
        )

    def call(self, maps: Tensor) -> Tensor:
        """Counts."""
        return _shares(self.margin, self.first)(maps, ops.convert_to_tensor(self.bounds))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One number for each threshold of each channel."""
        channels = input_shape[-1]
        return input_shape[0], None if channels is None else channels * self.thresholds

    def _normal_quantiles(self, shape: tuple[int, ...], dtype: Tensor = None) -> Tensor:
        """Of a normal distribution, spread over channels and thresholds alike."""
        shares = np.clip(spread_quantiles(int(np.prod(shape))), 1e-4, 1 - 1e-4)
        values = 2**0.5 * self.deviation * ops.erfinv(2 * shares.reshape(shape) - 1)
        return ops.cast(values, dtype or "float32")


def _shares(margin: int, first: int) -> Tensor:
    """The shares as a function of maps and thresholds, with a slope that stands in for that of the step."""

    @ops.custom_gradient  # type: ignore[untyped-decorator]
    def shares(maps: Tensor, bounds: Tensor) -> tuple[Tensor, Tensor]:
        counts = counted_positions(int(maps.shape[1]), int(maps.shape[2]), margin, first)
        weights = ops.convert_to_tensor(counts)

        def gradient(*arguments: object, upstream: Tensor = None) -> tuple[Tensor, Tensor]:
            passed = arguments[-1] if upstream is None else upstream
            return _slopes(maps, bounds, passed, weights), ops.zeros_like(bounds)

        return _counted(maps, bounds, weights), gradient

    return shares


def counted_positions(length: int, channels: int, margin: int, first: int) -> npt.NDArray[np.float32]:
    """1 where a position counts, 0 in the margins of every other map, shape (length, channels)."""
    inside = (np.arange(length) >= margin) & (np.arange(length) < length - margin)
    whole = (np.arange(channels) + first) % 2 == 0
    counts: npt.NDArray[np.float32] = (inside[:, None] | whole).astype(np.float32)
    return counts


def _counted(maps: Tensor, bounds: Tensor, weights: Tensor) -> Tensor:
    """Shares of the positions that count, (batch, channels * thresholds).

    One threshold after the other, so that no more than one more map is held in memory.
    """
    count = int(bounds.shape[1])
    # What does not count is put below every threshold once, and not taken out at each of them.
    maps = ops.where(weights > 0, maps, float(np.finfo(np.float32).min))
    above = [ops.sum(ops.cast(maps > bounds[:, i], weights.dtype), axis=1) for i in range(count)]
    shares = ops.stack(above, axis=-1) / ops.sum(weights, axis=0)[:, None]
    return ops.reshape(shares, (-1, int(bounds.shape[0]) * count))


def _slopes(maps: Tensor, bounds: Tensor, passed: Tensor, weights: Tensor) -> Tensor:
    """What `passed`, (batch, channels * thresholds), is for the maps, by logistic functions for steps."""
    channels, count = int(bounds.shape[0]), int(bounds.shape[1])
    width = ops.maximum(ops.std(bounds) / SOFTNESS, 1e-6)
    passed = ops.reshape(passed, (-1, 1, channels, count))
    total = ops.zeros_like(maps)
    for i in range(count):
        near = ops.sigmoid((maps - bounds[:, i]) / width)
        total = total + passed[..., i] * near * (1 - near)
    return total * weights / (ops.sum(weights, axis=0) * width)


def _here(facts: Facts) -> str:
    thresholds = phrasing.plural(facts.layer.thresholds, "threshold")
    return f"{thresholds} per feature map: {facts.changed}."


register(
    LayerSpec(
        ProportionsAbove,
        "global pooling",
        "Computes the proportion of each feature map above each of several thresholds. Every other map "
        "leaves out both ends, where the kernel reaches beyond the input. The thresholds are quantiles of "
        "the data, not trained.",
        _here,
        rules.global_pooling,
        component="pooling by proportions above thresholds",
    )
)
register_compiled_form(
    ProportionsAbove, "numba", Lazy("convscope.kinds.series.classification.compiled_rockets:compiled_rocket")
)
