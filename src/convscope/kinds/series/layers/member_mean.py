"""The mean over several estimates of one number, each of which learns by itself."""

from __future__ import annotations

import keras
from keras import ops

from convscope import phrasing
from convscope.scope.facts import Facts
from convscope.scope.layer_spec import LayerSpec, register
from convscope.types import Tensor


@keras.saving.register_keras_serializable("convscope")
class MemberMean(keras.layers.Layer):  # type: ignore[misc]
    r"""Answers with the mean of the members of an ensemble, and adds their variance to the loss in training.

    For squared errors, what the members lose on average is what their mean loses and how much they differ,

    $$\frac{1}{k} \sum_i (y - f_i)^2 = (y - \bar f)^2 + \frac{1}{k} \sum_i (f_i - \bar f)^2$$

    (Krogh and Vedelsby 1995, "Neural network ensembles, cross validation, and active learning"), so that
    under a mean squared error with this layer's loss each member learns as if it were alone. Without it, they
    would only have to be right together.

    Shapes:
        Input (batch, members); output (batch, 1).

    Example:
        >>> keras.ops.convert_to_numpy(MemberMean()(keras.ops.array([[1.0, 3.0]]))).tolist()
        [[2.0]]
    """

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Takes the mean."""
        mean = ops.mean(inputs, axis=1, keepdims=True)
        if training:
            self.add_loss(ops.mean(ops.square(inputs - mean)))
        return mean

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Batch and one number."""
        return input_shape[0], 1


def _here(facts: Facts) -> str:
    members = facts.channels_in or 0
    return f"{phrasing.plural(members, 'estimate')}: {facts.changed}."


register(
    LayerSpec(
        MemberMean,
        "merging",
        "Takes the mean of the estimates of an ensemble. In training the variance between them is added to "
        "the loss, so that each member learns on its own.",
        _here,
    )
)
