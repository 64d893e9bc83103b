"""Gates, where half of the channels says how much of the other half passes, and sums that keep their size."""

from __future__ import annotations

import keras
from keras import ops

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.geometry import rules
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor


@keras.saving.register_keras_serializable(package="convscope")
class GatedLinearUnit(keras.layers.Layer):  # type: ignore[misc]
    r"""Lets each channel pass as far as its gate is open: $y = a \cdot \sigma(b)$ for $x = [a, b]$.

    Source: Dauphin, Fan, Auli and Grangier (2017), "Language modeling with gated convolutional networks".

    Shapes:
        - input: (..., 2 * channels), the values before the gates.
        - output: (..., channels).

    Example:
        >>> passed = GatedLinearUnit()(keras.ops.array([[2.0, 3.0, 0.0, 100.0]]))
        >>> keras.ops.convert_to_numpy(passed).tolist()
        [[1.0, 3.0]]
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Checks that there is a gate for each value."""
        if input_shape[-1] is None or input_shape[-1] % 2:
            raise ValueError(f"{self.name} expects an even number of channels. Received: {input_shape[-1]}.")

    def call(self, inputs: Tensor) -> Tensor:
        """Multiplies values and gates."""
        values, gates = ops.split(inputs, 2, axis=-1)
        return values * ops.sigmoid(gates)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Half the channels."""
        channels = input_shape[-1]
        return (*input_shape[:-1], None if channels is None else channels // 2)


@keras.saving.register_keras_serializable(package="convscope")
class ScaledSum(keras.layers.Layer):  # type: ignore[misc]
    r"""Adds two inputs so that their variance stays what it was: $y = \sqrt{1/2}\,(a + b)$.

    Source: Gehring, Auli, Grangier, Yarats and Dauphin (2017), "Convolutional sequence to sequence learning",
    section 3.4.

    Shapes:
        - input: [a, b], both (batch, ..., channels).
        - output: the same.
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Adds and scales."""
        first, second = inputs
        return (first + second) * 0.5**0.5

    def compute_output_shape(self, shapes: Tensor) -> tuple[int | None, ...]:
        """The shape of the first input."""
        return tuple(shapes[0])


def _gate(facts: Facts) -> str:
    left = facts.shape_out[-1]
    halves = "" if left is None else f"{left:,} channels gated by the other {left:,}: "
    return phrasing.sentence(f"{halves}{facts.changed}")


register(
    LayerSpec(
        GatedLinearUnit,
        "other",
        "A gated linear unit (GLU) multiplies one half of the channels by the sigmoid of the other half.",
        _gate,
        rules.dense,
        component="gated linear unit",
    ),
    LayerSpec(
        ScaledSum,
        "merging",
        "Adds its two inputs and scales the sum by the root of 1/2, which keeps the variance.",
        lambda facts: f"Two inputs of {phrasing.values(facts.shape_in)} added and scaled.",
        rules.merge,
    ),
)
