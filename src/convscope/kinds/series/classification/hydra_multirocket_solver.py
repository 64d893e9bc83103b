"""Solves the architecture `hydra_multirocket`: kernels and thresholds, scaling, and ridge regression."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.training.checkpoint import Row
from convscope.engine.training.closed_form import Solver
from convscope.engine.training.settings import FitSettings
from convscope.kinds.series.classification.compiled_rockets import parts_of, pooled_features
from convscope.kinds.series.classification.hydra_multirocket import (
    MOST_VARIABLES,
    KernelPlan,
    planned,
    set_competitors,
)
from convscope.kinds.series.classification.linear_solver import (
    check_memory,
    labels_and_weights,
    require_numba,
    solve_classes,
    standardize,
)
from convscope.kinds.series.classification.rocket_draws import draw_kernels
from convscope.kinds.series.layers.hydra import ALIKE, SparseScaling
from convscope.types import Array, Progress

ZEROS_EXPONENT = 4
"""Of the share of zeros, in what counts are divided by."""
LEAST = 1e-8
"""Is added to it, for counts that are all alike."""
COLUMNS = 4096
"""Counts that are held as float64 at a time."""


def solve_hydra_multirocket(
    model: keras.Model,
    samples: tuple[Array, Array],
    options: Mapping[str, Any],
    settings: FitSettings,
    progress: Progress,
) -> Row:
    """Sets all weights of a fresh model.

    The weights of the competing kernels are drawn from the seed; the 84 kernels get variables and thresholds
    from seed and data, see `draw_kernels`. Features are those of the model's compiled form; counts and
    statistics are scaled, and classified by ridge regression, see `solve_classes`.

    Args:
        model: Made by `hydra_multirocket`; is changed.
        samples: (series, one-hot targets), all samples at once; series of (samples, positions, variables).
        options: Those that the model was made with.
        settings: The seed of what is drawn, and whether all classes count alike.
        progress: Called with the progress.

    Returns:
        Loss and accuracy of the samples, and as `val_` of each by a classifier that was fitted without it.

    Raises:
        UsageError: The features would not fit into memory.
    """
    series, targets = samples[0].astype(np.float32), samples[1]
    labels, weights = labels_and_weights(targets, settings)
    plan = planned(series.shape[1], **options)
    check_memory("hydra_multirocket", len(series), plan.features)
    progress(0, 4, "thresholds of the kernels")
    draw(model, plan, np.ascontiguousarray(series.transpose(0, 2, 1)), settings.seed)
    progress(1, 4, "features")
    parts = parts_of(model)
    pooled = pooled_features(parts)
    assert pooled is not None, "the compiled loops know the layers of a fresh model"
    found = dict(zip((part.name for part in parts), pooled(series), strict=True))
    counts, statistics = found["hydra_counts"], found["statistics"]
    progress(2, 4, "ridge regression")
    scale_counts(model.get_layer("hydra_scaled"), counts)
    standardize(model.get_layer("standardized"), statistics)
    features = np.concatenate([counts, statistics], axis=1)
    row = solve_classes(model.get_layer("classes"), features, labels, weights)
    progress(4, 4, "metrics")
    return row


def draw(model: keras.Model, plan: KernelPlan, series: npt.NDArray[np.float32], seed: int) -> None:
    """Sets the weights of all kernels, their thresholds, and how alike competing maps may be.

    Args:
        model: Made by `hydra_multirocket`.
        plan: Its kernels.
        series: Shape (samples, variables, positions).
        seed: Of the draws.
    """
    differences = np.diff(series, axis=2)
    draw_kernels(model, plan.of_series, series, seed)
    draw_kernels(model, plan.of_differences, differences, seed)
    set_competitors(model, plan, np.random.default_rng(seed))
    summed = min(series.shape[1], MOST_VARIABLES)
    for each in plan.competitions:
        seen = differences if each.of_differences else series
        alike = np.float32(ALIKE * np.abs(seen).max() * summed)
        model.get_layer(each.counts).set_weights([alike])


def scale_counts(layer: SparseScaling, counts: npt.NDArray[np.float32]) -> None:
    """Scales counts in place, as the layer does from now on.

    The spread is the sample standard deviation of the roots, plus the fourth power of the share of zeros.

    Args:
        layer: Gets mean and spread of the square roots.
        counts: Shape (samples, counts).
    """
    means, spreads = np.empty(counts.shape[1]), np.empty(counts.shape[1])
    for start in range(0, counts.shape[1], COLUMNS):
        part = slice(start, start + COLUMNS)
        roots = np.sqrt(np.maximum(counts[:, part], 0).astype(np.float64))
        there = roots > 0
        means[part] = roots.mean(axis=0)
        deviations = roots.std(axis=0, ddof=min(1, len(roots) - 1))
        spreads[part] = deviations + (1 - there.mean(axis=0)) ** ZEROS_EXPONENT + LEAST
        counts[:, part] = np.where(there, (roots - means[part]) / spreads[part], 0.0)
    layer.set_weights([means, spreads])


HYDRA_MULTIROCKET = Solver(
    solve=solve_hydra_multirocket,
    ready=partial(require_numba, "hydra_multirocket"),
    uses=("seed", "class_weights"),
    decision="hydra_multirocket is solved in closed form, which needs no validation split to choose an epoch "
    "by: it learns from that one as well, and its val_ metrics are of each sample left out in turn",
)
