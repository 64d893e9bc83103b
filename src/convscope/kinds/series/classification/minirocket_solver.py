"""Solves the architecture `minirocket`: thresholds from data, standardization, and ridge regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.training.checkpoint import Row
from convscope.engine.training.class_examples import balanced_weights
from convscope.engine.training.closed_form import Solver
from convscope.engine.training.settings import FitSettings
from convscope.errors import BackendError, UsageError, install_command
from convscope.kinds.series.classification.minirocket import (
    LARGEST_SUBSET,
    set_thresholds,
    set_variables,
    stages,
)
from convscope.types import Array, Progress

TIE = 2.0**-17
"""By so much of the largest value thresholds are raised: more than the rounding of a sum of nine products."""
LARGEST = 2**32
"""Bytes that the features of all samples may take, as float64."""
STRENGTHS = np.logspace(-3, 3, 10)
"""Of the regularization; the best is chosen by leaving out each sample in turn."""
SHARPEST = 1e3
"""Decisions are multiplied by this at most."""

Floats = npt.NDArray[np.float64]


def solve_minirocket(
    model: keras.Model,
    samples: tuple[Array, Array],
    options: Mapping[str, Any],
    settings: FitSettings,
    progress: Progress,
) -> Row:
    """Sets all weights of a fresh model.

    Which variables a kernel looks at is drawn from the seed; its thresholds are quantiles of its map of one
    sample, drawn likewise; both by aeon (Middlehurst et al. 2024, "aeon: a Python toolkit for learning from
    time series"), whose compiled code also gives the features, much faster than the model's layers do. Where
    a series is constant, a map is zero up to rounding, and so are thresholds taken there: which of the two is
    larger would differ from one backend to another. So each threshold is raised by a little more than that.

    The features are standardized and classified by ridge regression; the decisions become the model's
    probabilities by one factor, which leaves the predicted class as it is.

    Args:
        model: Made by `models.minirocket`; is changed.
        samples: (series, one-hot targets), all samples at once; series of (samples, positions, variables).
        options: Those that the model was made with.
        settings: The seed of what is drawn, and whether all classes count alike.
        progress: Called with the progress.

    Returns:
        Loss and accuracy of the samples, and as `val_` of each by a classifier that was fitted without it.

    Raises:
        UsageError: The features would not fit into memory.
        BackendError: aeon is not installed.
    """
    series, targets = samples
    labels, classes = targets.argmax(axis=1), targets.shape[1]
    weights = balanced_weights(labels, classes)[labels] if settings.class_weights else None
    progress(0, 3, "thresholds of the kernels")
    features = _features(model, np.ascontiguousarray(series.transpose(0, 2, 1)), options, settings.seed)
    progress(1, 3, "ridge regression")
    standardized = _standardized(model, features)
    ridge = fit_ridge(standardized, labels, classes, weights)
    factor = sharpness(ridge.left_out, labels)
    model.get_layer("classes").set_weights([ridge.coefficients * factor, ridge.intercepts * factor])
    progress(2, 3, "metrics")
    row = {
        **_metrics("", factor * ridge.decisions(standardized), labels),
        **_metrics("val_", factor * ridge.left_out, labels),
        "strength": ridge.strength,
    }
    progress(3, 3, "metrics")
    return row


def require_aeon() -> type:
    """The class MiniRocket of aeon.

    Raises:
        BackendError: aeon is not installed.
    """
    try:
        from aeon.transformations.collection.convolution_based import MiniRocket
    except ImportError as error:
        raise BackendError(
            f"minirocket is solved by aeon, which is not installed: {error}.",
            f"Install it: {install_command('series')}",
        ) from error
    made: type = MiniRocket
    return made


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
            f"Use features={LARGEST // (needed // count)} or less, or another architecture.",
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


def _metrics(prefix: str, scores: Floats, labels: npt.NDArray[np.int64]) -> Row:
    """Mean cross-entropy and accuracy of scores, (samples, classes)."""
    from scipy.special import log_softmax

    logs = log_softmax(scores, axis=1)
    return {
        f"{prefix}loss": float(-logs[np.arange(len(labels)), labels].mean()),
        f"{prefix}accuracy": float((scores.argmax(axis=1) == labels).mean()),
    }


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted linear classifier.

    Args:
        coefficients: Shape (features, classes).
        intercepts: Shape (classes,).
        left_out: The decision on each train sample by a classifier that was fitted to all the others, shape
            (samples, classes).
        strength: Of the regularization.
    """

    coefficients: Floats
    intercepts: Floats
    left_out: Floats
    strength: float

    def decisions(self, features: npt.NDArray[np.floating]) -> Floats:
        """How much speaks for each class, shape (samples, classes); the largest is predicted."""
        made: Floats = features @ self.coefficients + self.intercepts
        return made


def fit_ridge(
    features: npt.NDArray[np.floating],
    labels: npt.NDArray[np.int64],
    classes: int,
    weights: npt.NDArray[np.floating] | None = None,
) -> Ridge:
    """Fits one regression for each class, to +1 for its samples and -1 for all others.

        minimize over W, b:  sum over samples s of w_s |y_s - (W^T x_s + b)|^2 + strength |W|^2

    The strength is the one whose decisions on samples that were left out are nearest to +1 and -1. All of it
    follows from one decomposition of the features' products (Rifkin and Lippert 2007, "Notes on regularized
    least squares").

    Args:
        features: Shape (samples, features), standardized.
        labels: The class of each sample, shape (samples,).
        classes: How many there are.
        weights: Of each sample, shape (samples,); None weighs all alike.

    Returns:
        For two classes the second has the decisions of the regression, and the first their negative.
    """
    from sklearn.linear_model import RidgeCV

    targets = np.where(labels[:, None] == np.arange(classes), 1.0, -1.0)
    if classes == 2:
        targets = targets[:, 1:]
    fitted = RidgeCV(alphas=STRENGTHS, scoring="neg_mean_squared_error", store_cv_results=True)
    fitted.fit(features, targets, sample_weight=weights)
    place = int(np.argmin(np.abs(STRENGTHS - fitted.alpha_)))
    coefficients = np.asarray(fitted.coef_, np.float64).reshape(targets.shape[1], -1).T
    intercepts = np.asarray(fitted.intercept_, np.float64).reshape(-1)
    left_out = np.asarray(fitted.cv_results_, np.float64).reshape(*targets.shape, -1)[..., place]
    if classes == 2:
        coefficients, left_out = (np.concatenate([-each, each], 1) for each in (coefficients, left_out))
        intercepts = np.concatenate([-intercepts, intercepts])
    return Ridge(coefficients, intercepts, left_out, float(fitted.alpha_))


def sharpness(decisions: Floats, labels: npt.NDArray[np.int64]) -> float:
    """The number that decisions are multiplied by, to be scores of which softmax makes probabilities.

    It is the one of least cross-entropy (Guo et al. 2017, "On calibration of modern neural networks",
    temperature scaling), to be taken over decisions on samples that were left out. So that it stays finite
    where all of them are right, as many samples are counted besides as there are classes, any class of which
    may be right (Platt 1999, "Probabilistic outputs for support vector machines").

    Args:
        decisions: Shape (samples, classes).
        labels: The class of each sample, shape (samples,).

    Returns:
        Above 0, and so of no influence on which class is the most probable.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    count, classes = decisions.shape
    doubt = classes / (count + classes)

    def loss(exponent: float) -> float:
        logs = log_softmax(decisions * np.exp(exponent), axis=1)
        right = logs[np.arange(count), labels].mean()
        return float(-((1 - doubt) * right + doubt * logs.mean()))

    bound = float(np.log(SHARPEST))
    found = minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


MINIROCKET = Solver(
    solve=solve_minirocket,
    ready=require_aeon,
    uses=("seed", "class_weights"),
    decision="minirocket is solved in closed form, which needs no validation split to choose an epoch by: it "
    "learns from that one as well, and its val_ metrics are of each sample left out in turn",
)
