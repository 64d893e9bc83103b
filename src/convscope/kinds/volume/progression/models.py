"""Architectures of progression: fixed kernels over a pair of scans, and hazards from numbers of visits."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from convscope.errors import UsageError
from convscope.kinds.volume.progression.layers import PeriodHazards


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
        l2: Penalty of the squares of kernels, added to the loss.

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
    penalty: dict[str, Any] = {"kernel_regularizer": keras.regularizers.L2(l2)} if l2 else {}
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
