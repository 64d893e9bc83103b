"""Batches for training and inference: order and augmentation follow from seed, epoch and step alone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Batch = tuple[Any, ...]
Augment = Callable[[Any, np.random.Generator], Any]
Prepare = Callable[[Any], npt.NDArray[np.float32]]


class Inputs(Protocol):
    """Model inputs in their compact form, in memory or decoded on demand."""

    def __len__(self) -> int:
        """The number of samples."""

    def take(self, indices: npt.NDArray[np.int64]) -> Any:
        """The inputs at these positions, stacked along the first axis."""


@dataclass(frozen=True)
class Feed:
    """Samples of one split, ready to be cut into batches.

    Args:
        inputs: Compact inputs, such as uint8 pictures.
        prepare: From compact inputs to what the model takes, such as float32 in [0, 1].
        labels: Index of the class of each sample, shape (samples,), int64.
        classes: The number of class names.
        batch_size: Samples per batch.
        seed: What order and augmentation follow from.
        augment: Random changes to a batch of compact inputs; None leaves them as they are.
        class_weights: Weight of each class, shape (classes,), float32; None weighs all samples alike.
        mixing: As in `FitSettings`; the weight of a blend is that of its parts, blended.
    """

    inputs: Inputs
    prepare: Prepare
    labels: npt.NDArray[np.int64]
    classes: int
    batch_size: int
    seed: int = 0
    augment: Augment | None = None
    class_weights: npt.NDArray[np.float32] | None = None
    mixing: float = 0.0

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return -(-len(self.inputs) // self.batch_size)

    def training(self, first_epoch: int) -> Iterator[Batch]:
        """Shuffled batches of one constant size, epoch after epoch without end.

        The last batch of an epoch is filled up from the beginning of that epoch's order, so that every
        step sees the same shapes and no normalization sees a batch of one.

        Args:
            first_epoch: The epoch to begin with, from 0; its batches are the same as if all earlier
                epochs had been read.

        Yields:
            (inputs, one-hot targets) or, with class weights, (inputs, one-hot targets, weights).
        """
        size = min(self.batch_size, len(self.inputs))
        epoch = first_epoch
        while True:
            order = np.random.default_rng([self.seed, epoch]).permutation(len(self.inputs))
            order = np.concatenate([order, order[: self.steps * size - len(order)]])
            for step in range(self.steps):
                yield self._batch(order[step * size : (step + 1) * size], (epoch, step))
            epoch += 1

    def repeated(self) -> Iterator[Batch]:
        """All samples in order, again and again; the last batch of a pass may be smaller."""
        while True:
            yield from self.once()

    def once(self) -> Iterator[Batch]:
        """All samples in order, once, unchanged."""
        for start in range(0, len(self.inputs), self.batch_size):
            yield self._batch(np.arange(start, min(start + self.batch_size, len(self.inputs))), None)

    def _batch(self, indices: npt.NDArray[np.int64], moment: tuple[int, int] | None) -> Batch:
        rng = None
        if moment is not None:
            rng = np.random.default_rng([self.seed, 1 + moment[0], 1 + moment[1]])
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
            batch = tuple(_blended(part, share) for part in batch)
        return batch


def _blended(values: npt.NDArray[np.float32], share: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Each row with the row before it; batches are shuffled, so that this is any other sample."""
    share = share.reshape(-1, *(1,) * (values.ndim - 1))
    return share * values + (1 - share) * np.roll(values, 1, axis=0)


def balanced_weights(labels: npt.NDArray[np.int64], classes: int) -> npt.NDArray[np.float32]:
    """Weights that make every class count alike: samples / (classes * samples of the class)."""
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    return (len(labels) / (classes * counts)).astype(np.float32)


class Prefetched(Iterator[T]):
    """Runs an iterator in a thread, a few items ahead of who reads it.

    Args:
        iterator: What to run; its errors are raised where it is read.
        ahead: The most items that wait.
    """

    def __init__(self, iterator: Iterator[T], ahead: int = 4) -> None:
        self._items: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(ahead)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(iterator,), daemon=True, name="feed")
        self._thread.start()

    def __next__(self) -> T:
        item, error = self._items.get()
        if error is not None:
            self._items.put((None, error))
            raise error
        return item  # type: ignore[return-value]

    def close(self) -> None:
        """Stops the thread, waits for it, and ends whoever still reads."""
        self._closed.set()
        self._thread.join()
        while not self._items.empty():
            self._items.get_nowait()
        self._items.put((None, StopIteration()))

    def _run(self, iterator: Iterator[T]) -> None:
        try:
            for item in iterator:
                if not self._put((item, None)):
                    return
            self._put((None, StopIteration()))
        except Exception as error:  # noqa: BLE001 - it is raised again where the items are read
            self._put((None, error))

    def _put(self, item: tuple[T | None, BaseException | None]) -> bool:
        while not self._closed.is_set():
            try:
                self._items.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False
