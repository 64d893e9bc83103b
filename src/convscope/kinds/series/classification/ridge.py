"""Ridge regression of all classes at once, its strength chosen by leaving out each sample in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STRENGTHS = np.logspace(-3, 3, 10)
"""Of the regularization; the best is chosen by leaving out each sample in turn."""
SHARPEST = 1e3
"""Decisions are multiplied by this at most."""
COLUMNS = 4096
"""Features that are held as float64 at a time."""

Floats = npt.NDArray[np.float64]


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
        found: Floats = np.tile(self.intercepts, (len(features), 1))
        for part in _columns(features.shape[1]):
            found += features[:, part].astype(np.float64) @ self.coefficients[part]
        return found


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
    least squares"): of those of samples with each other where there are fewer samples than features, else of
    those of features with each other. Products are float64, and made of a few features at a time.

    Args:
        features: Shape (samples, features), standardized.
        labels: The class of each sample, shape (samples,).
        classes: How many there are.
        weights: Of each sample, shape (samples,); None weighs all alike.

    Returns:
        For two classes the second has the decisions of the regression, and the first their negative.
    """
    targets = np.where(labels[:, None] == np.arange(classes), 1.0, -1.0)
    if classes == 2:
        targets = targets[:, 1:]
    shares = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    means, offsets = _weighted_means(features, shares), np.average(targets, axis=0, weights=shares)
    centered = _Centered(features, means, np.sqrt(shares))
    wanted = centered.roots[:, None] * (targets - offsets)
    solved = (_by_samples if len(features) <= features.shape[1] else _by_features)(centered, wanted)
    errors = [
        np.average((each.errors / centered.roots[:, None]) ** 2, axis=0, weights=shares) for each in solved
    ]
    best = solved[int(np.argmin([error.mean() for error in errors]))]
    coefficients = centered.combined(best.combination) if best.of_samples else best.combination
    left_out = targets - best.errors / centered.roots[:, None]
    intercepts = offsets - means @ coefficients
    if classes == 2:
        coefficients, left_out = (np.concatenate([-each, each], 1) for each in (coefficients, left_out))
        intercepts = np.concatenate([-intercepts, intercepts])
    return Ridge(coefficients, intercepts, left_out, best.strength)


@dataclass(frozen=True, eq=False)
class _Solved:
    """A regression of one strength.

    Args:
        strength: Of the regularization.
        combination: Shape (samples, targets), of which samples the coefficients consist; or the coefficients
            themselves, shape (features, targets).
        of_samples: Which of the two.
        errors: Of samples left out, times the root of their weight, shape (samples, targets).
    """

    strength: float
    combination: Floats
    of_samples: bool
    errors: Floats


@dataclass(frozen=True, eq=False)
class _Centered:
    """Features less their means, times the root of each sample's weight; never held as a whole.

    Args:
        features: Shape (samples, features).
        means: Shape (features,), float64.
        roots: Shape (samples,), float64.
    """

    features: npt.NDArray[np.floating]
    means: Floats
    roots: Floats

    def parts(self) -> Iterator[tuple[slice, Floats]]:
        """A few columns at a time, float64."""
        for part in _columns(self.features.shape[1]):
            values = self.features[:, part].astype(np.float64)
            values -= self.means[part]
            if (self.roots != 1).any():
                values *= self.roots[:, None]
            yield part, values

    def combined(self, combination: Floats) -> Floats:
        """Sums of samples, shape (features, targets)."""
        return np.concatenate([values.T @ combination for _, values in self.parts()])


def _by_samples(centered: _Centered, wanted: Floats) -> list[_Solved]:
    """For each strength, from the products of samples, (samples, samples)."""
    products = np.zeros((len(wanted), len(wanted)))
    for _, values in centered.parts():
        products += values @ values.T
    sizes, directions = np.linalg.eigh(products)
    # The intercept, along the roots of the weights, is not regularized, and takes no part here.
    intercept = int(np.argmax(np.abs(centered.roots @ directions)))
    along, squares = directions.T @ wanted, directions**2
    solved = []
    for strength in STRENGTHS:
        shrunk = 1 / (np.maximum(sizes, 0) + strength)
        shrunk[intercept] = 0
        combination = directions @ (shrunk[:, None] * along)
        errors = combination / (squares @ shrunk)[:, None]
        solved.append(_Solved(float(strength), combination, True, errors))
    return solved


def _by_features(centered: _Centered, wanted: Floats) -> list[_Solved]:
    """For each strength, from the products of features, (features, features)."""
    values = np.concatenate([part for _, part in centered.parts()], axis=1)
    sizes, directions = np.linalg.eigh(values.T @ values)
    turned = values @ directions
    along, squares = turned.T @ wanted, turned**2
    of_intercept = centered.roots**2 / np.sum(centered.roots**2)
    solved = []
    for strength in STRENGTHS:
        shrunk = 1 / (np.maximum(sizes, 0) + strength)
        scaled = shrunk[:, None] * along
        leverage = squares @ shrunk + of_intercept
        errors = (wanted - turned @ scaled) / (1 - leverage)[:, None]
        solved.append(_Solved(float(strength), directions @ scaled, False, errors))
    return solved


def _weighted_means(features: npt.NDArray[np.floating], shares: Floats) -> Floats:
    """Of each feature, float64."""
    parts = [shares @ features[:, part].astype(np.float64) for part in _columns(features.shape[1])]
    means: Floats = np.concatenate(parts) / shares.sum()
    return means


def _columns(count: int) -> Iterator[slice]:
    """All of so many columns, a few at a time."""
    return (slice(start, start + COLUMNS) for start in range(0, count, COLUMNS))


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
