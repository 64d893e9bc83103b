"""Solves the architecture `minirocket`: thresholds from data, standardization, and a linear classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.training.batches import Batch
from convscope.engine.training.checkpoint import Row
from convscope.engine.training.class_examples import balanced_weights
from convscope.engine.training.closed_form import Solver
from convscope.engine.training.settings import FitSettings
from convscope.errors import BackendError, UsageError
from convscope.kinds.series.classification.minirocket import (
    LARGEST_SUBSET,
    set_thresholds,
    set_variables,
    stages,
)
from convscope.kinds.series.classification.ridge import fit_ridge, sharpness
from convscope.types import Progress

TIE = 2.0**-17
"""By so much of the largest value thresholds are raised: more than the rounding of a sum of nine products."""
LARGEST = 2**32
"""Bytes that the features of all samples may take, as float64."""

Floats = npt.NDArray[np.float64]


def solve_minirocket(
    model: keras.Model, given: Batch, options: Mapping[str, Any], settings: FitSettings, progress: Progress
) -> Row:
    """Sets all weights of a fresh model.

    Which variables a kernel looks at is drawn from the seed; its thresholds are quantiles of its map of one
    sample, drawn likewise; both by aeon (Middlehurst et al. 2024, "aeon: a Python toolkit for learning from
    time series"), whose compiled code also gives the features, much faster than the model's layers do. Where
    a series is constant, a map is zero up to rounding, and so are thresholds taken there: which of the two is
    larger would differ from one backend to another. So each threshold is raised by a little more than that.

    The features are standardized and classified by ridge regression; the decisions become the model's
    probabilities by one factor, which leaves the answer as it is.

    Args:
        model: Made by `models.minirocket`; is changed.
        given: (series, one-hot targets), all samples at once; series of (samples, positions, variables).
        options: Those that the model was made with.
        settings: The seed of what is drawn, and whether all classes count alike.
        progress: Is told how far it is.

    Returns:
        Loss and accuracy of the samples, and as `val_` of each by a classifier that was fitted without it.

    Raises:
        UsageError: The features would not fit into memory.
        BackendError: aeon is not installed.
    """
    series, targets = given
    labels, classes = targets.argmax(axis=1), targets.shape[1]
    weights = balanced_weights(labels, classes)[labels] if settings.class_weights else None
    steps = 3
    progress(0, steps, "thresholds of the kernels")
    features = _features(model, np.ascontiguousarray(series.transpose(0, 2, 1)), options, settings.seed)
    progress(1, steps, "ridge regression")
    standardized = _standardized(model, features)
    ridge = fit_ridge(standardized, labels, classes, weights)
    factor = sharpness(ridge.left_out, labels)
    model.get_layer("classes").set_weights([ridge.coefficients * factor, ridge.intercepts * factor])
    progress(2, steps, "figures")
    row = {
        **_figures("", factor * ridge.decisions(standardized), labels),
        **_figures("val_", factor * ridge.left_out, labels),
        "strength": ridge.strength,
    }
    progress(steps, steps, "figures")
    return row


def require_aeon() -> Any:
    """The class MiniRocket of aeon.

    Raises:
        BackendError: aeon is not installed.
    """
    try:
        from aeon.transformations.collection.convolution_based import MiniRocket
    except ImportError as error:
        raise BackendError(
            f"minirocket is solved by aeon, which is not installed: {error}.",
            'Install it: pip install "convscope[series]"',
        ) from error
    return MiniRocket


def _features(
    model: keras.Model, series: npt.NDArray[np.float32], options: Mapping[str, Any], seed: int
) -> npt.NDArray[np.float32]:
    """Draws kernels and thresholds into the model; the features of series (samples, variables, positions)."""
    made = stages(series.shape[2], **options)
    count = sum(stage.features for stage in made)
    needed = len(series) * count * np.dtype(np.float64).itemsize
    if needed > LARGEST:
        raise UsageError(
            f"minirocket holds the features of all samples in memory: {len(series)} series of {count} "
            f"features take {needed / 2**30:.1f} GiB, and may take {LARGEST / 2**30:.0f} GiB.",
            f"Give the option features={LARGEST // (needed // count)} or less, or take another architecture.",
        )
    # Of all cores, which aeon would ask for, there may be fewer to use.
    threads = import_module("numba").get_num_threads()

    rocket = require_aeon()(count, options.get("dilations", 32), n_jobs=threads, random_state=seed)
    before = np.random.get_state()  # which aeon sets, for everybody
    try:
        rocket.fit(series)
    finally:
        np.random.set_state(before)
    sizes, channels, dilations, counts, thresholds = rocket.parameters
    raised = thresholds + np.float32(TIE * np.abs(series).max() * min(series.shape[1], LARGEST_SUBSET))
    rocket.parameters = (sizes, channels, dilations, counts, raised)
    set_variables(model, made, _by_kernel(sizes, channels))
    set_thresholds(model, made, raised)
    found: npt.NDArray[np.float32] = rocket.transform(series)
    return found


def _by_kernel(sizes: npt.NDArray[np.int32], channels: npt.NDArray[np.int32]) -> Sequence[Sequence[int]]:
    """Cuts a line of variables into those of each kernel."""
    return [part.tolist() for part in np.split(channels, np.cumsum(sizes)[:-1])]


def _standardized(model: keras.Model, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Features of zero mean and unit deviation, as the model's layer makes them from now on."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    layer = model.get_layer("standardized")
    layer.set_weights([scaler.mean_, scaler.scale_**2, np.array(len(features))])
    layer.finalize_state()
    made: npt.NDArray[np.float32] = scaler.transform(features)
    return made


def _figures(prefix: str, scores: Floats, labels: npt.NDArray[np.int64]) -> Row:
    """Mean cross-entropy and accuracy of scores, (samples, classes)."""
    from scipy.special import log_softmax

    logs = log_softmax(scores, axis=1)
    return {
        f"{prefix}loss": float(-logs[np.arange(len(labels)), labels].mean()),
        f"{prefix}accuracy": float((scores.argmax(axis=1) == labels).mean()),
    }


MINIROCKET = Solver(
    solve=solve_minirocket,
    ready=require_aeon,
    uses=("seed", "class_weights"),
    decision="minirocket is solved in closed form, which needs no validation split to choose an epoch by: it "
    "learns from that one as well, and its val_ figures are of each sample left out in turn",
)
