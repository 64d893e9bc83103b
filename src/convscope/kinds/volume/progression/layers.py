"""The layer that turns scores into hazards of periods; importing this registers it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from convscope.errors import UsageError
from convscope.scope.describe import phrasing
from convscope.scope.facts import Facts
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor


@keras.saving.register_keras_serializable("convscope")
class PeriodHazards(keras.layers.Layer):  # type: ignore[misc]
    r"""The probability that something happens within each period, given that it had not happened before it.

    $$h_k = \sigma(b_k + s)$$

    with a bias for each period, so that hazards may rise and fall over time, and one score for all of them: a
    logistic regression over person-periods (Singer and Willett 1993, "It's about time: using discrete-time
    survival analysis to study duration and the timing of events").

    Shapes:
        Input (batch, members): scores. Output (batch, members * periods): hazards, those of the first member
        first.

    Args:
        periods: Number of periods.
        base: Hazard of each period before training.

    Raises:
        UsageError: There is no period, or the hazard is none.

    Example:
        >>> keras.ops.convert_to_numpy(PeriodHazards(2, base=0.5)(keras.ops.zeros((1, 1)))).tolist()
        [[0.5, 0.5]]
    """

    def __init__(self, periods: int, base: float = 0.05, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if periods < 1 or not 0 < base < 1:
            raise UsageError(
                "PeriodHazards needs at least one period and a hazard between 0 and 1."
                f" Received: periods={periods}, base={base}."
            )
        self.periods, self.base = periods, base

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes a bias for each member and period."""
        start = float(ops.log(self.base / (1 - self.base)))
        self.bias = self.add_weight(
            shape=(input_shape[-1], self.periods),
            initializer=keras.initializers.Constant(start),
            name="bias",
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Adds scores and biases."""
        hazards = ops.sigmoid(ops.expand_dims(inputs, -1) + self.bias)
        return ops.reshape(hazards, (-1, inputs.shape[-1] * self.periods))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Batch, and a hazard for each member and period."""
        members = input_shape[-1]
        return input_shape[0], None if members is None else members * self.periods

    def get_config(self) -> dict[str, Any]:
        """Periods and hazard."""
        return {**super().get_config(), "periods": self.periods, "base": self.base}


def _here(facts: Facts) -> str:
    members = facts.channels_in or 0
    return f"{phrasing.plural(members, 'score')}: {facts.changed}."


register(
    LayerSpec(
        PeriodHazards,
        "activation",
        "Turns each score into the hazards of some periods: the probability that something happens within a "
        "period, given that it had not happened before. Each period has a bias of its own.",
        _here,
    )
)
