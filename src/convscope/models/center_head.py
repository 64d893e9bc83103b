"""What finds objects by their centers: the last layers, what they learn from, and how epochs are compared.

Each class has a map of how likely the center of an object lies at each position, and each position the
distances to the sides of its object (Zhou et al. 2019, "Objects as points"; Liu et al. 2020, "Training-time-
friendly network for real-time object detection"). No anchors are chosen.
"""

from __future__ import annotations

import keras
from keras import layers, ops

from convscope.types import Tensor

PRIOR = 0.02
"""How likely a fresh model holds the center of an object, at any position."""
_LEAST, _SMOOTH = 1e-4, 1e-5


def center_head(x: keras.KerasTensor, classes: int, width: int, unit: float) -> list[keras.KerasTensor]:
    """Scores of centers and distances to sides at each position.

    Args:
        x: Maps, shape (batch, rows, columns, channels).
        classes: The number of class names.
        width: Kernels of the convolutions before the outputs.
        unit: What distances are counted in, in pixels of the input.

    Returns:
        `scores`, probabilities of shape (batch, rows, columns, classes), and `boxes`, distances to the left,
        the top, the right and the bottom in pixels of the input, shape (batch, rows, columns, 4), float32.
    """
    mixed = keras.config.dtype_policy().name.startswith("mixed_")
    dtype = "float32" if mixed else None
    bias = keras.initializers.Constant(float(ops.log(PRIOR / (1 - PRIOR))))
    found = []
    for name, units, start, ending in (
        ("scores", classes, bias, "sigmoid"),
        ("boxes", 4, "ones", "softplus"),
    ):
        own = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{name}_conv")(x)
        own = layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(own)
        own = layers.ReLU(name=f"{name}_relu")(own)
        last = name if name == "scores" else "distances"
        own = layers.Conv2D(
            units,
            1,
            activation=ending,
            bias_initializer=start,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            dtype=dtype,
            name=last,
        )(own)
        found.append(own)
    return [found[0], layers.Rescaling(unit, dtype=dtype, name="boxes")(found[1])]


class CenterFocal(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy of centers that counts clear positions little, over the number of objects.

        -1/N sum (1 - p)^2 log p where t = 1, (1 - t)^4 p^2 log(1 - p) elsewhere

    Targets have the shape of the scores: 1 at the center of each object, falling to 0 around it, and -1 where
    nothing is to be learned, as of objects that nobody told apart (Law and Deng 2018, "CornerNet").
    """

    def __init__(self, name: str = "center_focal", **options: object) -> None:
        super().__init__(name=name, reduction=None, **options)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of a batch, a scalar."""
        true = ops.cast(y_true, y_pred.dtype)
        scores = ops.clip(y_pred, _LEAST, 1 - _LEAST)
        centers = ops.cast(true >= 1, scores.dtype)
        known = ops.cast(true >= 0, scores.dtype)
        at = centers * ops.square(1 - scores) * ops.log(scores)
        away = known * (1 - centers) * (1 - true) ** 4 * ops.square(scores) * ops.log(1 - scores)
        return -ops.sum(at + away) / ops.maximum(ops.sum(centers), 1.0)


class BoxGIoU(keras.losses.Loss):  # type: ignore[misc]
    """One minus the generalized IoU of boxes around the same position, weighted (Rezatofighi et al. 2019).

    Targets have shape (batch, rows, columns, 5): the distances to the sides of the object, in pixels, and a
    weight, 0 where none is.

    Args:
        weight: By which the mean is multiplied.
        name: Of the loss.
    """

    def __init__(self, weight: float = 5.0, name: str = "box_giou", **options: object) -> None:
        super().__init__(name=name, reduction=None, **options)
        self.weight = weight

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of a batch, a scalar."""
        true = ops.cast(y_true, y_pred.dtype)
        weights, given = true[..., 4], true[..., :4]
        union, both = _areas(given, y_pred)
        hull_sides = ops.maximum(given, y_pred)
        hull = (hull_sides[..., 0] + hull_sides[..., 2]) * (hull_sides[..., 1] + hull_sides[..., 3])
        giou = both / (union + _SMOOTH) - (hull - union) / (hull + _SMOOTH)
        return self.weight * ops.sum(weights * (1 - giou)) / (ops.sum(weights) + _SMOOTH)

    def get_config(self) -> dict[str, object]:
        """What it is made with."""
        return {"name": self.name, "weight": self.weight}


def _areas(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Union and intersection of boxes by distances from a position that both hold, in pixels."""
    inner = ops.minimum(one, other)
    both = (inner[..., 0] + inner[..., 2]) * (inner[..., 1] + inner[..., 3])
    sizes = [(each[..., 0] + each[..., 2]) * (each[..., 1] + each[..., 3]) for each in (one, other)]
    return sizes[0] + sizes[1] - both, both


class CenterPrecision(keras.metrics.Metric):  # type: ignore[misc]
    """The mean over classes of the average precision of centers, of all samples since the last reset.

    A position whose score is the largest of its neighbors counts as found where the target there is at least
    `CORE`, which is well within an object of that class. Scores are counted in `BINS`, so that an epoch is
    judged without boxes being put together; how well these fit is what the other loss tells.

    Args:
        name: Of the metric.
    """

    BINS, CORE, FEWEST = 64, 0.2, 0.05

    def __init__(self, name: str = "center_precision", **options: object) -> None:
        super().__init__(name=name, **options)
        self._counts: keras.Variable | None = None

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        """Adds the positions of a batch."""
        if self._counts is None:
            classes = y_pred.shape[-1]
            self._counts = self.add_variable((2, classes, self.BINS), "zeros", name="counts")
            self._objects = self.add_variable((classes,), "zeros", name="objects")
        true, scores = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        best = ops.max_pool(scores, 3, 1, padding="same")
        peaks = ops.cast((scores >= best) & (scores > self.FEWEST) & (true >= 0), "float32")
        bins = ops.cast(ops.clip(scores * self.BINS, 0, self.BINS - 1), "int32")
        right = ops.cast(true >= self.CORE, "float32")
        places = ops.one_hot(bins, self.BINS, dtype="float32")
        each = [ops.sum((peaks * flag)[..., None] * places, axis=(0, 1, 2)) for flag in (right, 1 - right)]
        self._counts.assign_add(ops.stack(each))
        self._objects.assign_add(ops.sum(ops.cast(true >= 1, "float32"), axis=(0, 1, 2)))

    def result(self) -> Tensor:
        """The mean over classes that there are, a scalar; 0 before the first batch."""
        if self._counts is None:
            return ops.zeros(())
        right, wrong = (ops.cumsum(ops.flip(self._counts[k], axis=1), axis=1) for k in (0, 1))
        objects = ops.maximum(self._objects, 1.0)[:, None]
        right = ops.minimum(right, objects)  # several peaks of one object are it once
        precision = right / ops.maximum(right + wrong, 1.0)
        gained = ops.diff(ops.pad(right, [[0, 0], [1, 0]]), axis=1) / objects
        areas = ops.sum(gained * precision, axis=1)
        there = ops.cast(self._objects > 0, "float32")
        return ops.sum(areas * there) / ops.maximum(ops.sum(there), 1.0)
