"""What a classifier learns from: inputs, one class each, and random changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.training.batches import Batch
from convscope.types import ArrayTree

Augment = Callable[[ArrayTree, np.random.Generator], ArrayTree]
Prepare = Callable[[ArrayTree], ArrayTree]


class CompactInputs(Protocol):
    """Model inputs in their compact form, in memory or decoded on demand."""

    def __len__(self) -> int:
        """The number of samples."""

    def take(self, indices: npt.NDArray[np.int64]) -> ArrayTree:
        """The inputs at these positions, stacked along the first axis."""


@runtime_checkable
class Ragged(Protocol):
    """Inputs whose samples differ in length."""

    @property
    def lengths(self) -> npt.NDArray[np.int64] | None:
        """Positions of each sample, shape (samples,)."""


def lengths_of(inputs: object) -> npt.NDArray[np.int64] | None:
    """Positions of each sample, shape (samples,), where they differ; None where all are alike."""
    return inputs.lengths if isinstance(inputs, Ragged) else None


@dataclass(frozen=True)
class ClassExamples:
    """Samples that belong to one class each.

    Args:
        inputs: Compact inputs, such as uint8 images or rows of token ids. Where these have `lengths`,
            samples of about the same length come together.
        prepare: From compact inputs to what the model takes, such as float32 in [0, 1].
        labels: Index of the class of each sample, shape (samples,), int64.
        classes: The number of class names.
        augment: Random changes to a batch of compact inputs; None leaves them as they are.
        class_weights: Weight of each class, shape (classes,), float32; None weighs all samples alike.
        mixing: As in `FitSettings`; the weight of a blend is that of its parts, blended.
    """

    inputs: CompactInputs
    prepare: Prepare
    labels: npt.NDArray[np.int64]
    classes: int
    augment: Augment | None = None
    class_weights: npt.NDArray[np.float32] | None = None
    mixing: float = 0.0

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def lengths(self) -> npt.NDArray[np.int64] | None:
        """Those of the inputs."""
        return lengths_of(self.inputs)

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(inputs, one-hot targets); with class weights, in a training, weights as well."""
        values = self.inputs.take(indices)
        if self.augment is not None and rng is not None:
            values = self.augment(values, rng)
        labels = self.labels[indices]
        targets = np.zeros((len(labels), self.classes), np.float32)
        targets[np.arange(len(labels)), labels] = 1.0
        batch: Batch = (self.prepare(values), targets)
        if self.class_weights is not None and rng is not None:
            batch = (*batch, self.class_weights[labels])
        if self.mixing and rng is not None:
            share = rng.beta(self.mixing, self.mixing, len(labels)).astype(np.float32)
            batch = keras.tree.map_structure(lambda part: _blended(part, share), batch)
        return batch


def _blended(values: npt.NDArray[np.float32], share: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Each row with the row before it; batches are shuffled, so that this is any other sample."""
    share = share.reshape(-1, *(1,) * (values.ndim - 1))
    return share * values + (1 - share) * np.roll(values, 1, axis=0)


def balanced_weights(labels: npt.NDArray[np.int64], classes: int) -> npt.NDArray[np.float32]:
    """Weights that make every class count alike: samples / (classes * samples of the class)."""
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    return (len(labels) / (classes * counts)).astype(np.float32)
