"""What models share that compute their own loss from what stands before their last layer."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops

from convscope.types import Tensor


class OwnLossModel(keras.Model):  # type: ignore[misc]
    """A functional model that is compiled with an optimizer and nothing else.

    Its `compute_loss` updates `own_accuracy`, which Keras reports as `accuracy`.
    """

    def compile(self, *arguments: object, **options: object) -> None:
        """As any Keras model; makes the metric that the loss updates."""
        if not hasattr(self, "own_accuracy"):
            self.own_accuracy = keras.metrics.Mean("accuracy")
        super().compile(*arguments, **options)

    def compile_from_config(self, config: dict[str, object]) -> None:
        """Compiles as the saved model was; Keras asks for this where `compile` is not its own."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def made_once(self, name: str, outputs: Callable[[], Tensor]) -> keras.Model:
        """The same layers from the inputs to other tensors.

        Args:
            name: What the model is called.
            outputs: Gives tensors of this model; called once.
        """
        kept = f"_{name}"
        if kept not in self.__dict__:
            # Not by setattr, which would take it for a layer of this model and save it twice.
            self.__dict__[kept] = keras.Model(self.input, outputs(), name=name)
        made: keras.Model = self.__dict__[kept]
        return made

    def penalized(self, loss: Tensor) -> Tensor:
        """A loss with the penalties that layers add."""
        for penalty in self.losses:
            loss = loss + ops.sum(ops.cast(penalty, loss.dtype))
        return loss
