"""Solves the architecture `minirocket`: thresholds from data, standardization, and ridge regression."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
import numpy as np

from convscope.engine.training.checkpoint import Row
from convscope.engine.training.closed_form import Solver
from convscope.engine.training.settings import FitSettings
from convscope.kinds.series.classification.compiled_rockets import parts_of, pooled_features
from convscope.kinds.series.classification.linear_solver import (
    check_memory,
    labels_and_weights,
    require_numba,
    solve_classes,
    standardize,
)
from convscope.kinds.series.classification.minirocket import stages
from convscope.kinds.series.classification.rocket_draws import draw_kernels
from convscope.types import Array, Progress


def solve_minirocket(
    model: keras.Model,
    samples: tuple[Array, Array],
    options: Mapping[str, Any],
    settings: FitSettings,
    progress: Progress,
) -> Row:
    """Sets all weights of a fresh model.

    Kernels get variables and thresholds from seed and data, see `draw_kernels`; their features are those of
    the model's compiled form, are standardized and classified by ridge regression, see `solve_classes`.

    Args:
        model: Made by `minirocket`; is changed.
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
    made = stages(series.shape[1], **options)
    check_memory("minirocket", len(series), sum(stage.features for stage in made))
    progress(0, 3, "thresholds of the kernels")
    draw_kernels(model, made, np.ascontiguousarray(series.transpose(0, 2, 1)), settings.seed)
    pooled = pooled_features(parts_of(model))
    assert pooled is not None, "the compiled loops know the layers of a fresh model"
    (features,) = pooled(series)
    progress(1, 3, "ridge regression")
    standardize(model.get_layer("standardized"), features)
    row = solve_classes(model.get_layer("classes"), features, labels, weights)
    progress(3, 3, "metrics")
    return row


MINIROCKET = Solver(
    solve=solve_minirocket,
    ready=partial(require_numba, "minirocket"),
    uses=("seed", "class_weights"),
    decision="minirocket is solved in closed form, which needs no validation split to choose an epoch by: it "
    "learns from that one as well, and its val_ metrics are of each sample left out in turn",
)
