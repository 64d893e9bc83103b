"""Which variables the 84 kernels look at, and their thresholds: drawn from a seed, and from the data.

The draws and quantiles are those of aeon's MiniRocket (Middlehurst et al. 2024, "aeon: a Python toolkit for
learning from time series") for the same seed, so that models can be compared feature by feature.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.device import cores
from convscope.kinds.series.classification.minirocket import (
    KERNELS,
    LARGEST_SUBSET,
    Channels,
    Stage,
    drawn_variables,
    set_thresholds,
    set_variables,
)
from convscope.kinds.series.layers.minirocket import spread_quantiles

TIE = 2.0**-17
"""By so much of the largest value thresholds are raised: more than the rounding of a sum of nine products."""

Floats = npt.NDArray[np.float32]


def draw_kernels(model: keras.Model, made: Sequence[Stage], series: Floats, seed: int) -> None:
    """Sets the variables and the thresholds of all kernels of these stages.

    Which variables a kernel looks at is drawn; its thresholds are quantiles of its map of one sample, drawn
    likewise. Where a series is constant, a map is zero up to rounding, and so are thresholds taken there:
    which of the two is larger would differ from one backend to another. So each threshold is raised by a
    little more than that.

    Args:
        model: Has layers of these stages.
        made: The stages.
        series: What they look at, shape (samples, variables, positions).
        seed: Of the draws.
    """
    rng = np.random.RandomState(seed)  # a Mersenne Twister
    channels = drawn_variables(series.shape[1], len(made) * KERNELS, rng)
    largest = np.abs(series).max() * min(series.shape[1], LARGEST_SUBSET)
    thresholds = drawn_thresholds(series, made, channels, seed) + np.float32(TIE * largest)
    set_variables(model, made, channels)
    set_thresholds(model, made, thresholds)


def drawn_thresholds(series: Floats, made: Sequence[Stage], channels: Channels, seed: int) -> Floats:
    """Quantiles of the map of one sample for each kernel, shape (thresholds,), float32.

    Args:
        series: Shape (samples, variables, positions).
        made: The stages.
        channels: The variables that each kernel looks at.
        seed: Of the samples that are drawn.
    """
    from convscope.kinds.series.classification.rocket_kernels import drawn_samples, map_quantiles

    counts = np.array([stage.thresholds for stage in made], np.int64)
    starts = np.cumsum([0, *np.repeat(counts, KERNELS)]).astype(np.int64)
    drawn = drawn_samples(seed, len(channels), len(series))
    known = (
        np.array([stage.dilation for stage in made], np.int64),
        counts,
        np.cumsum([0, *map(len, channels)]).astype(np.int64),
        np.concatenate([np.asarray(each, np.int64) for each in channels]),
        spread_quantiles(int(starts[-1])),
        starts[:-1],
    )
    found = np.empty(starts[-1], np.float32)

    def fill(first: int) -> None:
        map_quantiles(series, drawn, first, first + KERNELS, *known, found)

    with ThreadPoolExecutor(cores()) as threads:
        list(threads.map(fill, range(0, len(channels), KERNELS)))
    return found
