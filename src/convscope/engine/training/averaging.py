"""Weights averaged over the steps of a training, which generalize better than those of its last step.

Keras' optimizers keep the average (Polyak and Juditsky 1992, "Acceleration of stochastic approximation by
averaging"). It replaces the weights while the validation split is evaluated, and when the best model is
written; the training itself continues with the weights as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from convscope.engine.training.checkpoint import Row


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
    optimizer = model.optimizer
    if not optimizer.use_ema or int(optimizer.iterations) == 0:
        return
    for variable, average in zip(
        model.trainable_variables, optimizer._model_variables_moving_average, strict=True
    ):
        before = np.array(variable)
        variable.assign(average)
        average.assign(before)


class EvaluateAveraged(keras.callbacks.Callback):  # type: ignore[misc]
    """Evaluates the validation split with the averaged weights."""

    def on_test_begin(self, logs: Row | None = None) -> None:
        """Puts them in."""
        exchange(self.model)

    def on_test_end(self, logs: Row | None = None) -> None:
        """Takes them out."""
        exchange(self.model)
