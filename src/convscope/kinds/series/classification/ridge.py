"""A linear classifier in closed form: ridge regression on +1 and -1, and probabilities from its decisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STRENGTHS = np.logspace(-3, 3, 10)
"""Of the regularization; the best is chosen by leaving out each sample in turn."""
SHARPEST = 1e3
"""Decisions are multiplied by this at most."""

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
        """How much speaks for each class, shape (samples, classes); the largest is the answer."""
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
