"""Calibration by temperature: probabilities that mean what they say, without another order of the classes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

LOWEST, HIGHEST = 0.2, 20.0
"""Temperatures that are tried."""
SPREAD = 1.0
"""Standard deviation of the logarithm of a temperature that is expected before any sample is seen."""
_STEPS = 61
_SMALLEST = 1e-12


def with_temperature(probabilities: npt.NDArray[np.float32], temperature: float) -> npt.NDArray[np.float32]:
    """Probabilities whose logarithms are divided by a temperature, normalized again.

    Args:
        probabilities: Shape (samples, classes), rows that sum to one.
        temperature: Above 1 makes a classifier less sure, below 1 surer.

    Returns:
        Shape (samples, classes), float32. The order of the classes of a sample stays the same.

    Example:
        >>> with_temperature(np.array([[0.9, 0.1]], np.float32), 2.0).round(2).tolist()
        [[0.75, 0.25]]
    """
    if temperature == 1.0:
        return probabilities
    logits = np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST)) / temperature
    logits -= logits.max(axis=1, keepdims=True, initial=-np.inf)
    shares = np.exp(logits)
    divided: npt.NDArray[np.float32] = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return divided


def fit_temperature(probabilities: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> float:
    """The temperature that suits samples the model was not trained on.

    It minimizes their cross-entropy, plus what keeps it near 1 where there are few of them: a normal
    distribution of its logarithm.

    Source: Guo, Pleiss, Sun and Weinberger (2017), On Calibration of Modern Neural Networks.

    Args:
        probabilities: Shape (samples, classes), rows that sum to one.
        labels: True class of each, shape (samples,), int64.

    Returns:
        Between `LOWEST` and `HIGHEST`; 1.0 where there is no sample.
    """
    if not len(labels):
        return 1.0
    logits = np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST))

    def cost(logarithm: float) -> float:
        scaled = logits / math.exp(logarithm)
        highest = scaled.max(axis=1)
        sums = highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=1))
        entropy = float(np.sum(sums - scaled[np.arange(len(labels)), labels]))
        return entropy + logarithm**2 / (2 * SPREAD**2)

    low, high = math.log(LOWEST), math.log(HIGHEST)
    for _ in range(3):
        grid = np.linspace(low, high, _STEPS)
        best = int(np.argmin([cost(each) for each in grid]))
        low, high = grid[max(0, best - 1)], grid[min(_STEPS - 1, best + 1)]
    return round(math.exp(grid[best]), 4)
