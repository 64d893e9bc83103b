"""What a segmentation minimizes, and the figure that its epochs are compared by; void takes no part."""

from __future__ import annotations

import keras
from keras import ops

from convscope.types import Tensor

_SMOOTH = 1e-5


def _axes(values: Tensor) -> tuple[int, ...]:
    return tuple(range(1, len(values.shape) - 1))


class DiceCrossEntropy(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy over positions, and one minus the soft Dice of the classes that a batch has.

    Targets have shape (batch, positions..., classes): the weight of its class where a position has it, zeros
    elsewhere, and zeros for all classes where the position is void. Both terms count alike (Isensee et al.
    2021, "nnU-Net"); the Dice is that of all samples of a batch together, over classes that are there.

    Args:
        smoothing: Share of each target that is spread over all classes, in the cross-entropy.
        name: Of the loss.
    """

    def __init__(self, smoothing: float = 0.0, name: str = "dice_cross_entropy", **options: object) -> None:
        super().__init__(name=name, reduction=None, **options)
        self.smoothing = smoothing

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of a batch, a scalar."""
        true = ops.cast(y_true, y_pred.dtype)
        axes = (0, *_axes(true))
        logs = ops.log(ops.maximum(y_pred, 1e-7))
        weights = ops.sum(true, axis=-1)
        log_true = ops.sum(true * logs, axis=-1)
        if self.smoothing:
            log_true = (1 - self.smoothing) * log_true + self.smoothing * weights * ops.mean(logs, axis=-1)
        entropy = -ops.sum(log_true) / (ops.sum(weights) + _SMOOTH)
        hard = ops.cast(true > 0, y_pred.dtype)
        known = ops.sum(hard, axis=-1, keepdims=True)
        both = ops.sum(hard * y_pred, axis=axes)
        sizes = ops.sum(hard, axis=axes)
        dice = (2 * both + _SMOOTH) / (sizes + ops.sum(known * y_pred, axis=axes) + _SMOOTH)
        there = ops.cast(sizes > 0, y_pred.dtype)
        return entropy + 1 - ops.sum(there * dice) / (ops.sum(there) + _SMOOTH)

    def get_config(self) -> dict[str, object]:
        """What it is made with."""
        return {"name": self.name, "smoothing": self.smoothing}


class MeanIoU(keras.metrics.Metric):  # type: ignore[misc]
    """The mean of the intersection over union of classes, of all positions since the last reset together.

    That is how segmentations are compared in the literature: positions of all samples are counted before
    they are divided, so that a class weighs as much as any other, however many samples have it. Classes that
    neither the truth nor the predictions have take no part, and neither do void positions. Targets and
    predictions are those of `DiceCrossEntropy`.

    Args:
        name: Of the metric.
    """

    def __init__(self, name: str = "mean_iou", **options: object) -> None:
        super().__init__(name=name, **options)
        self._intersections: keras.Variable | None = None

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Adds the positions of a batch."""
        if self._intersections is None:
            shape = (y_pred.shape[-1],)
            self._intersections = self.add_variable(shape, "zeros", name="intersections")
            self._sizes = self.add_variable(shape, "zeros", name="sizes")
        hard = ops.cast(y_true > 0, "float32")
        known = ops.sum(hard, axis=-1, keepdims=True)
        best = known * ops.one_hot(ops.argmax(y_pred, axis=-1), y_pred.shape[-1], dtype="float32")
        axes = (0, *_axes(hard))
        self._intersections.assign_add(ops.sum(hard * best, axis=axes))
        self._sizes.assign_add(ops.sum(hard + best, axis=axes))

    def result(self) -> Tensor:
        """The mean over classes, a scalar; 0 before the first batch."""
        if self._intersections is None:
            return ops.zeros(())
        union = self._sizes - self._intersections
        there = ops.cast(union > 0, "float32")
        shares = self._intersections / ops.maximum(union, 1)
        return ops.sum(shares) / ops.maximum(ops.sum(there), 1)
