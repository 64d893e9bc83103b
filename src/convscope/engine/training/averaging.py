"""Weights averaged over the steps of a training, which judge better than those of its last step.

Keras' optimizers keep the average (Polyak and Juditsky 1992, "Acceleration of stochastic approximation by
averaging"); here is when it takes the place of the weights: while the validation split is judged, and when
the best model is written. The training itself goes on with the weights as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np


def momentum(share: float, steps: int) -> float:
    """The factor of an exponential average that reaches back over about a share of all steps.

    Args:
        share: In (0, 1].
        steps: Steps of the whole training.
    """
    return 1.0 - 1.0 / max(share * steps, 1.0)


@contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """Within it, a model has its averaged weights, where its optimizer keeps them.

    Args:
        model: A compiled model.
    """
    exchange(model)
    try:
        yield
    finally:
        exchange(model)


def exchange(model: keras.Model) -> None:
    """Lets the weights and their averages change places; does nothing where there are none yet.

    Args:
        model: A compiled model.
    """
    optimizer: Any = model.optimizer
    if not optimizer.use_ema or int(optimizer.iterations) == 0:
        return
    for variable, average in zip(
        model.trainable_variables, optimizer._model_variables_moving_average, strict=True
    ):
        before = np.array(variable)
        variable.assign(average)
        average.assign(before)


class JudgeAveraged(keras.callbacks.Callback):  # type: ignore[misc]
    """Has the validation split judged by the averaged weights."""

    def on_test_begin(self, logs: Any = None) -> None:
        """Puts them in."""
        exchange(self.model)

    def on_test_end(self, logs: Any = None) -> None:
        """Takes them out."""
        exchange(self.model)
