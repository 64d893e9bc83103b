"""What is solved behind fixed kernels: standardization, ridge regression, and probabilities from it."""

from __future__ import annotations

from importlib import import_module

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.training.checkpoint import Row
from convscope.engine.training.class_examples import balanced_weights
from convscope.engine.training.settings import FitSettings
from convscope.errors import BackendError, UsageError, install_command
from convscope.kinds.series.classification.ridge import Floats, fit_ridge, sharpness
from convscope.types import Array

LARGEST = 2**32
"""Bytes that the features of all samples may take, as float64."""
COLUMNS = 4096
"""Features that are held as float64 at a time."""


def require_numba(name: str) -> None:
    """Checks that the compiled loops can be had.

    Args:
        name: Of the architecture.

    Raises:
        BackendError: Numba is not installed.
    """
    try:
        import_module("numba")
    except ImportError as error:
        raise BackendError(
            f"{name} is solved by loops that Numba compiles, which is not installed: {error}.",
            f"Install it: {install_command('series')}",
        ) from error


def check_memory(name: str, samples: int, features: int) -> None:
    """Refuses what would not fit.

    Args:
        name: Of the architecture.
        samples: All that are learned from.
        features: Of each.

    Raises:
        UsageError: The features would take more than `LARGEST`.
    """
    needed = samples * features * np.dtype(np.float64).itemsize
    if needed > LARGEST:
        raise UsageError(
            f"{name} holds the features of all samples in memory: {samples} series of {features} "
            f"features take {needed / 2**30:.1f} GiB, and may take {LARGEST / 2**30:.0f} GiB.",
            f"Use features={LARGEST * features // needed} or less, or another architecture.",
        )


def standardize(layer: keras.layers.Normalization, features: npt.NDArray[np.float32]) -> None:
    """Brings features to zero mean and unit deviation, in place, as the layer does from now on.

    Args:
        layer: Gets mean and variance; 1 in place of a variance of 0.
        features: Shape (samples, features).
    """
    means = np.empty(features.shape[1])
    variances = np.empty(features.shape[1])
    for start in range(0, features.shape[1], COLUMNS):
        part = slice(start, start + COLUMNS)
        values = features[:, part].astype(np.float64)
        means[part] = values.mean(axis=0)
        values -= means[part]
        variances[part] = np.einsum("ij,ij->j", values, values) / len(values)
        constant = variances[part] <= np.finfo(np.float32).eps ** 2 * np.square(means[part])
        variances[part] = np.where(constant, 1.0, variances[part])
        values /= np.sqrt(variances[part])
        features[:, part] = values
    layer.set_weights([means, variances, np.array(len(features))])
    layer.finalize_state()


def labels_and_weights(
    targets: Array, settings: FitSettings
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32] | None]:
    """The class of each sample, and its weight where all classes are to count alike."""
    labels = targets.argmax(axis=1)
    weights = balanced_weights(labels, targets.shape[1])[labels] if settings.class_weights else None
    return labels, weights


def solve_classes(
    layer: keras.layers.Dense,
    features: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    weights: npt.NDArray[np.floating] | None,
) -> Row:
    """Sets the dense layer that gives a probability for each class.

    Its decisions are those of ridge regression; they become probabilities by one factor, which leaves the
    predicted class as it is.

    Args:
        layer: Is set.
        features: Shape (samples, features), standardized.
        labels: The class of each sample, shape (samples,).
        weights: Of each sample, shape (samples,); None weighs all alike.

    Returns:
        Loss and accuracy of the samples, and as `val_` of each by a classifier that was fitted without it.
    """
    ridge = fit_ridge(features, labels, layer.units, weights)
    factor = sharpness(ridge.left_out, labels)
    layer.set_weights([ridge.coefficients * factor, ridge.intercepts * factor])
    return {
        **_metrics("", factor * ridge.decisions(features), labels),
        **_metrics("val_", factor * ridge.left_out, labels),
        "strength": ridge.strength,
    }


def _metrics(prefix: str, scores: Floats, labels: npt.NDArray[np.int64]) -> Row:
    """Mean cross-entropy and accuracy of scores, (samples, classes)."""
    from scipy.special import log_softmax

    logs = log_softmax(scores, axis=1)
    return {
        f"{prefix}loss": float(-logs[np.arange(len(labels)), labels].mean()),
        f"{prefix}accuracy": float((scores.argmax(axis=1) == labels).mean()),
    }
