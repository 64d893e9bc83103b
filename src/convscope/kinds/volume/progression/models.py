"""Architectures of progression: fixed kernels over a pair of scans, and hazards from numbers of visits.

Importing this registers the layer that turns scores into hazards.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers, ops

from convscope import phrasing
from convscope.errors import UsageError
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
        "merging",
        "Turns each score into the hazards of some periods: the probability that something happens within a "
        "period, given that it had not happened before. Each period has a bias of its own.",
        _here,
    )
)


def change_kernels(input_shape: tuple[int | None, ...]) -> keras.Model:
    """Gains and losses of brightness between two registered scans, by kernels that are fixed.

    Nothing is trained. The first map is the later scan minus the earlier one, smoothed by a Gaussian kernel
    of 3x3x3 voxels; the two after it are its gains and its losses, smoothed over 5x5x5.

    Args:
        input_shape: (x, y, z, 2): the earlier and the later scan on one grid and one scale of intensities.

    Returns:
        A model that answers mean gain, mean loss, largest gain and largest loss, in shares of the range of
        intensities, shape (batch, 4).

    Raises:
        UsageError: Another shape.
    """
    if len(input_shape) != 4 or input_shape[3] != 2:
        raise UsageError(f"change_kernels takes (x, y, z, 2). Received: input_shape={tuple(input_shape)}.")
    pair = keras.Input(input_shape, name="pair")
    fine, coarse = _gaussian(3, 0.8), _gaussian(5, 1.5)
    difference = _fixed("difference", np.stack([-fine, fine], axis=-1)[..., None])
    changes = _fixed("gain_and_loss", np.stack([coarse, -coarse], axis=-1)[..., None, :], "relu")
    maps = changes(difference(pair))
    means = layers.GlobalAveragePooling3D(name="means")(maps)
    largest = layers.GlobalMaxPooling3D(name="largest")(maps)
    return keras.Model(pair, layers.Concatenate(name="answers")([means, largest]), name="change_kernels")


def _fixed(name: str, kernel: npt.NDArray[np.float64], activation: str | None = None) -> layers.Conv3D:
    """A convolution with a kernel (x, y, z, channels, filters) that is not trained."""
    made = layers.Conv3D(
        kernel.shape[-1],
        kernel.shape[:3],
        padding="same",
        activation=activation,
        use_bias=False,
        trainable=False,
        name=name,
    )
    made.build((None, None, None, None, kernel.shape[3]))
    made.set_weights([kernel])
    return made


def _gaussian(side: int, deviation: float) -> npt.NDArray[np.float64]:
    """A kernel (side, side, side) that sums to 1."""
    along = np.exp(-0.5 * np.square((np.arange(side) - side // 2) / deviation))
    kernel = along[:, None, None] * along[:, None] * along
    return np.asarray(kernel / kernel.sum(), np.float64)


def visit_hazard(
    input_shape: tuple[int | None, ...],
    *,
    periods: int = 5,
    members: int = 1,
    base: float = 0.05,
    filters: int = 2,
    l2: float = 0.02,
) -> keras.Model:
    """The hazard of each period ahead, from the numbers of the last visits.

    A score is linear in the numbers of the last visit; where a subject has several visits, kernels over two
    visits in a row add what changed. Members learn apart from one another, each by a resample of the
    subjects.

    Args:
        input_shape: (visits, numbers), the last visit last.
        periods: Number of periods ahead.
        members: Models that are fitted at once.
        base: Hazard of a period before training.
        filters: Kernels over visits of each member.
        l2: Penalty of the squares of the kernels of each member, added to its loss.

    Returns:
        A model that answers the hazards of all members, shape (batch, members * periods).

    Raises:
        UsageError: A bad shape or option.
    """
    if len(input_shape) != 2 or None in input_shape or min(map(int, input_shape)) < 1:  # type: ignore[arg-type]
        raise UsageError(f"visit_hazard takes (visits, numbers). Received: input_shape={tuple(input_shape)}.")
    if min(periods, members, filters) < 1 or l2 < 0:
        raise UsageError(
            "visit_hazard needs at least one period, member and kernel, and a penalty from 0. Received:"
            f" periods={periods}, members={members}, filters={filters}, l2={l2}."
        )
    visits = keras.Input(input_shape, name="visits")
    scores = _scores(visits, members, filters, l2)
    hazards = PeriodHazards(periods, base, name="hazards")(scores)
    return keras.Model(visits, hazards, name="visit_hazard")


def _scores(visits: keras.KerasTensor, members: int, filters: int, l2: float) -> keras.KerasTensor:
    """The score of each member, shape (batch, members): of the last visit, and of changes between visits."""
    count = int(visits.shape[1])
    # The loss is the mean over members.
    penalty: dict[str, Any] = {"kernel_regularizer": keras.regularizers.L2(l2 / members)} if l2 else {}
    last = layers.Cropping1D((count - 1, 0), name="last_visit")(visits) if count > 1 else visits
    scores = layers.Dense(
        members, use_bias=False, kernel_initializer="zeros", name="of_last_visit", **penalty
    )(layers.Flatten(name="last_numbers")(last))
    if count > 1:
        maps = layers.Conv1D(members * filters, 2, activation="tanh", name="changes", **penalty)(visits)
        mean = layers.GlobalAveragePooling1D(name="mean_change")(maps)
        apart = layers.Reshape((members, filters), name="by_member")(mean)
        added = layers.EinsumDense(
            "bmf,mf->bm",
            output_shape=(members,),
            kernel_initializer="zeros",
            name="of_changes",
            **penalty,
        )(apart)
        scores = layers.Add(name="score")([scores, added])
    return scores
