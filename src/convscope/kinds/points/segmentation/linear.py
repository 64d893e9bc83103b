"""What a linear classifier finds without a network: by features of points and the shapes around them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from convscope.data.masks import VOID, Classes

NAME = "linear classifier"
NEAR = 16
"""Points around one that its shape is measured by."""
MOST_POINTS = 20_000
"""Points that it is fitted to, at most."""
_AT_ONCE = 2**16
_ABSENT = -1e9

Rows = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


class PointsInSpace(Protocol):
    """Points with features, among which nearest ones are found."""

    @property
    def places(self) -> Values:
        """Shape (points, 3)."""

    @property
    def features(self) -> npt.NDArray[np.float32]:
        """Shape (points, features)."""

    @property
    def tree(self) -> Any:
        """A k-d tree of the places."""


def local_shapes(scene: PointsInSpace, rows: Rows) -> Values:
    """How the points around each one lie: along a line, in a plane, anywhere; how steep; how far apart.

    Linearity, planarity and scattering are those of the eigenvalues of the covariance of the nearest points
    (Demantke et al. 2011, "Dimensionality based scale selection in 3D lidar point clouds").

    Args:
        scene: The points.
        rows: Which of them are asked for.

    Returns:
        Shape (rows, 6), float64: linearity, planarity, scattering, verticality of the normal and of the main
        direction, and the logarithm of the distance to the farthest neighbor.
    """
    found = np.zeros((len(rows), 6))
    count = min(NEAR, len(scene.places))
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        far, near = scene.tree.query(scene.places[part], count)
        about = scene.places[near.reshape(len(part), count)]
        about = about - about.mean(axis=1, keepdims=True)
        values, axes = np.linalg.eigh(np.einsum("nki,nkj->nij", about, about) / count)
        small, middle, large = np.sqrt(np.maximum(values, 0)).T
        whole = np.maximum(large, 1e-30)
        found[start : start + _AT_ONCE] = np.column_stack(
            [
                (large - middle) / whole,
                (middle - small) / whole,
                small / whole,
                1 - np.abs(axes[:, 2, 0]),
                np.abs(axes[:, 2, 2]),
                np.log(np.maximum(far.reshape(len(part), count)[:, -1], 1e-30)),
            ]
        )
    return found


@dataclass(frozen=True)
class LinearPoints:
    """A linear classifier of points.

    Args:
        weights: Of each class: those of the features, of the local shape, and the intercept; empty where it
            was not fitted.
    """

    weights: tuple[tuple[float, ...], ...]

    def classes(self, scene: PointsInSpace) -> Classes:
        """The class of each point, shape (points,), uint8."""
        weights = np.array(self.weights, np.float64)
        values = _described(scene, np.arange(len(scene.places)))
        return np.asarray((values @ weights[:, :-1].T + weights[:, -1]).argmax(axis=1), np.uint8)


def _described(scene: PointsInSpace, rows: Rows) -> Values:
    return np.column_stack([scene.features[rows].astype(np.float64), local_shapes(scene, rows)])


def fit_linear(scenes: Iterable[tuple[PointsInSpace, Classes]]) -> LinearPoints:
    """Fits a multinomial logistic regression to points of scenes that are drawn evenly.

    Args:
        scenes: With the class of each point.
    """
    rng = np.random.default_rng(0)
    values, classes = [], []
    for scene, known in scenes:
        rows = np.flatnonzero(known != VOID)
        rows = np.sort(rng.permutation(rows)[:MOST_POINTS])
        values.append(_described(scene, rows))
        classes.append(known[rows])
    inputs, targets = np.concatenate(values), np.concatenate(classes)
    if len(targets) > MOST_POINTS:
        drawn = np.sort(rng.choice(len(targets), MOST_POINTS, replace=False))
        inputs, targets = inputs[drawn], targets[drawn]
    if not len(targets):
        return LinearPoints(())
    return LinearPoints(tuple(map(tuple, _weights(inputs, targets.astype(np.int64)).tolist())))


def _weights(inputs: Values, targets: Rows) -> Values:
    """Of each class up to the last one that is there, shape (classes, features + 1)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    present = np.unique(targets)
    weights = np.zeros((int(present[-1]) + 1, inputs.shape[1] + 1))
    weights[:, -1] = _ABSENT
    weights[present, -1] = 0
    if len(present) < 2:
        return weights
    middle, spread = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = LogisticRegression(max_iter=300).fit((inputs - middle) / spread, targets)
    slopes, starts = fitted.coef_ / spread, fitted.intercept_
    starts = starts - slopes @ middle
    rows = present[1:] if len(present) == 2 else present
    weights[rows, :-1], weights[rows, -1] = slopes, starts
    return weights
