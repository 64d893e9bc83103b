"""What the boxes of a center head in space are learned by."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from convscope.kinds.points.detection.targets import CHANNELS, WEIGHTS
from convscope.types import Tensor

_SMOOTH = 1e-3


@keras.saving.register_keras_serializable("convscope")
class SpaceBoxError(keras.losses.Loss):  # type: ignore[misc]
    """The mean absolute error of boxes at the positions of their objects.

        weight * sum over positions and channels of w * |true - found| / sum over positions of w

    Targets have shape (batch, rows, columns, channels + 1), the last of which is w, 0 where no object is.

    Args:
        weight: By which the mean is multiplied.
        name: Of the loss.
    """

    def __init__(self, weight: float = 0.7, name: str = "space_box_error", **options: object) -> None:
        super().__init__(name=name, reduction=None, **options)
        self.weight = weight

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of a batch, a scalar."""
        true = ops.cast(y_true, y_pred.dtype)
        weights = true[..., len(CHANNELS) :]
        each = ops.convert_to_tensor(np.array(WEIGHTS, np.float32), dtype=y_pred.dtype)
        error = ops.abs(true[..., : len(CHANNELS)] - y_pred) * each
        return self.weight * ops.sum(weights * error) / (ops.sum(weights) + _SMOOTH)

    def get_config(self) -> dict[str, object]:
        """What it is made with."""
        return {"name": self.name, "weight": self.weight}
