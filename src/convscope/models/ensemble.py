"""Several networks in one model: each learns by itself, and the output is the mean of theirs."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops

from convscope.types import Tensor


@keras.saving.register_keras_serializable(package="convscope")
class EnsembleModel(keras.Model):  # type: ignore[misc]
    r"""A functional model that ends in a layer named `mean` over the outputs of its members.

    Its output is $p = \frac{1}{k} \sum_{i=1}^{k} p_i$ and learns by $\sum_{i=1}^{k} L(y, p_i)$, so that the
    gradient of a member's weights is what it would be if it learned alone (Lakshminarayanan, Pritzel and
    Blundell 2017, "Simple and scalable predictive uncertainty estimation using deep ensembles").

    In training the model gives the output of each member, shape (batch, members, classes).
    """

    @property
    def members(self) -> keras.Model:
        """The same layers from the input to the output of each member, without their mean."""
        if "_members" not in self.__dict__:
            each = [ops.expand_dims(member, 1) for member in self.get_layer("mean").input]
            # Not by setattr, which would take it for a layer of this model and save it twice.
            self.__dict__["_members"] = keras.Model(self.input, ops.concatenate(each, 1), name="members")
        made: keras.Model = self.__dict__["_members"]
        return made

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
        """The mean; in training the output of each member."""
        if training:
            return self.members(inputs, training=True)
        return super().call(inputs, training=training)

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """The sum of the members' losses in training; else the loss of their mean."""
        if len(y_pred.shape) == 2:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        losses = [
            super(EnsembleModel, self).compute_loss(x, y, y_pred[:, i], sample_weight, training)
            for i in range(y_pred.shape[1])
        ]
        return sum(losses[1:], start=losses[0])

    def compute_metrics(self, x: Tensor, y: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> Tensor:
        """Those of the mean."""
        mean = y_pred if len(y_pred.shape) == 2 else ops.mean(y_pred, axis=1)
        return super().compute_metrics(x, y, mean, sample_weight)


def ensemble_of(
    inputs: keras.KerasTensor, member: Callable[[str], keras.KerasTensor], members: int, name: str
) -> keras.Model:
    """One network, or several on one input.

    Args:
        inputs: What all of them take.
        member: Makes the probabilities of one, (batch, classes); takes a prefix for the names of its layers.
        members: How many there are; a single one has no prefix.
        name: What to call the model.

    Returns:
        An `EnsembleModel` where there are several.
    """
    if members == 1:
        return keras.Model(inputs, member(""), name=name)
    each = [member(f"member{number}_") for number in range(1, members + 1)]
    return EnsembleModel(inputs, keras.layers.Average(name="mean", dtype="float32")(each), name=name)
