"""Features of a layer for the samples of the page: the mean over positions, one row for each sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.scope.channels.pooled import pooled_outputs
from convscope.scope.differentiate import forward_program
from convscope.studio.models import StudioModel
from convscope.studio.session import Session
from convscope.types import Array, Progress, Tensor
from convscope.workflows.model_inputs.dataset import Dataset

BATCH = 256
MOST_BYTES = 192 * 2**20


@dataclass(frozen=True, eq=False)
class LayerFeatures:
    """Features of some samples.

    Args:
        rows: Numbers of the samples, rising, (n,).
        values: (n, channels), float32, all finite.
        left_out: Samples whose features are not finite.
    """

    rows: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]
    left_out: int


def features_of(
    session: Session, model: StudioModel, path: str, rows: npt.NDArray[np.int64], progress: Progress
) -> LayerFeatures:
    """Computes the mean over all positions that hold something, for each channel of a layer.

    Args:
        session: With a data set.
        model: The model.
        path: The layer.
        rows: Numbers of samples.
        progress: Receives how many are done.

    Raises:
        UsageError: There is no data set, or the layer puts out nothing for each sample.
    """
    if session.samples is None:
        raise UsageError("There is no data to place.", "Start the studio with data.")
    read = session.samples.read(model.base)
    if read.dataset is None:
        raise UsageError("These samples cannot be placed.", "Start the studio with files as data.")
    _, numbers = session.rows_of(model)
    rows = rows[numbers[rows] >= 0]
    parts: list[npt.NDArray[np.float32]] = []
    size = model.at_once(BATCH)
    means = _means_of(model.model, path, read.dataset, size)
    for start in range(0, len(rows), size):
        found = means(numbers[rows[start : start + size]])
        if found.shape[1] * len(rows) * 4 > MOST_BYTES:
            raise UsageError(
                f"Features of '{path}' for {len(rows):,} samples take too much memory.",
                "Choose a layer with fewer channels, or one split.",
            )
        parts.append(found)
        progress(min(start + size, len(rows)), len(rows), f"features of {path}")
    values = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
    good = np.isfinite(values).all(axis=1)
    return LayerFeatures(rows[good], values[good], int(len(rows) - good.sum()))


def _means_of(
    model: keras.Model, path: str, dataset: Dataset, size: int
) -> Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float32]]:
    """From numbers of samples to the mean of a layer over their positions, padding left out."""
    first = np.zeros(1, np.int64)
    example = dataset.example() if dataset.at_once else dataset.prepare(dataset.take(first))
    pooled = pooled_outputs(
        model,
        [path],
        "mean",
        example,
        predictions=False,
        padded=dataset.padded,
        unpack=dataset.unpack,
        positions=dataset.positions,
    )
    names = list(example) if isinstance(example, Mapping) else []

    def compute(*tensors: Tensor) -> Tensor:
        return pooled(dict(zip(names, tensors, strict=True)) if names else tensors[0])

    program = forward_program(model, compute)

    def means(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        inputs = rows if dataset.firsts is None else np.array([dataset.shown(int(row)) for row in rows])
        taken = dataset.take(inputs)
        if names:
            found = [program(*(each[name] for name in names))[0] for each in taken]
        else:
            found = [program(_filled_up(dataset.prepare(taken), size))[0][: len(rows)]]
        return np.concatenate([np.asarray(each, np.float32).reshape(len(each), -1) for each in found])

    return means


def _filled_up(values: Array, count: int) -> Array:
    """As many samples as others have, so that one program serves all batches."""
    missing = count - len(values)
    return np.concatenate([values, np.repeat(values[:1], missing, axis=0)]) if missing > 0 else values
