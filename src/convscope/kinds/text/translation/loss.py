"""What a translation is trained by and watched by: smoothed cross-entropy and accuracy of tokens."""

from __future__ import annotations

import keras
from keras import ops

from convscope.types import Tensor


@keras.saving.register_keras_serializable(package="convscope")
class TokenLoss(keras.losses.Loss):  # type: ignore[misc]
    """The loss of `TranslationModel` for `compile`, which reads the smoothing off it.

    Args:
        label_smoothing: Share of each target that is spread over the vocabulary, in [0, 1).
    """

    def __init__(self, label_smoothing: float = 0.1, name: str = "token_loss", **options: object) -> None:
        super().__init__(name=name, **options)
        self.label_smoothing = label_smoothing

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of the batch."""
        return token_loss(y_true, y_pred, self.label_smoothing)

    def get_config(self) -> dict[str, object]:
        """All that rebuilds the loss."""
        return {**super().get_config(), "label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable(package="convscope")
class TokenAccuracy(keras.metrics.Mean):  # type: ignore[misc]
    """Share of the target positions, padding left out, whose best token is the right one.

    Args:
        name: What the history calls it.
    """

    def __init__(self, name: str = "accuracy", **options: object) -> None:
        super().__init__(name=name, **options)

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        """Counts one batch."""
        right = ops.equal(ops.argmax(y_pred, axis=-1), ops.cast(y_true, "int32"))
        super().update_state(ops.cast(right, "float32"), ops.cast(ops.not_equal(y_true, 0), "float32"))


def token_loss(y: Tensor, scores: Tensor, smoothing: float) -> Tensor:
    """Mean smoothed cross-entropy of the positions that are no padding, in nats; see `TranslationModel`.

    Args:
        y: Right ids, integers, (batch, target); 0 is padding.
        scores: Logits, float, (batch, target, classes).
        smoothing: Share of the target that is spread over all classes, in [0, 1).
    """
    y = ops.cast(y, "int32")
    present = ops.cast(ops.not_equal(y, 0), "float32")
    losses = ops.sparse_categorical_crossentropy(y, scores, from_logits=True)
    if smoothing:
        of_right = ops.squeeze(ops.take_along_axis(scores, ops.expand_dims(y, -1), axis=-1), -1)
        # Cross-entropy with equal shares is logsumexp - mean, that of the right token logsumexp - its score.
        losses = losses + smoothing * (of_right - ops.mean(scores, axis=-1))
    return ops.sum(losses * present) / ops.maximum(ops.sum(present), 1.0)
