"""Batches for training: their order and every random change follow from seed, epoch and step alone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from convscope.types import Array, ArrayTree

T = TypeVar("T")
Batch = tuple[ArrayTree, ...]
"""(inputs, targets) or (inputs, targets, weights)."""

Advance = Callable[[int, int], tuple[list[dict[str, float]], Callable[[int], Sequence[Array]]]]
"""Runs epochs: from the number of those that are done, and of those to run, to what each has left: losses,
metrics and learning rate by name, and its weights by its place among them."""

BUCKET = 64
"""Batches among which samples are sorted by length."""


class Examples(Protocol):
    """Samples of one split with what is to be learned from them."""

    def __len__(self) -> int:
        """The number of samples."""

    @property
    def lengths(self) -> npt.NDArray[np.int64] | None:
        """Positions of each sample, shape (samples,), where they differ; None where all are alike."""

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """The samples at these positions as Keras takes them.

        Args:
            indices: Shape (n,).
            rng: Draws the random changes of a training; None leaves the samples as they are.

        Returns:
            (inputs, targets) or (inputs, targets, weights).
        """


@runtime_checkable
class WholeExamples(Protocol):
    """Samples that are parts of one thing, such as nodes of a graph, of which each step takes all."""

    @property
    def is_whole(self) -> bool:
        """Whether batches of all samples differ in their order alone."""


@dataclass(frozen=True)
class Batches:
    """Samples of one split, cut into batches.

    Args:
        examples: The samples.
        batch_size: Samples per batch.
        seed: What order and random changes follow from.
    """

    examples: Examples
    batch_size: int
    seed: int = 0

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return -(-len(self.examples) // self.batch_size)

    @property
    def step_size(self) -> int:
        """Samples per step of a training."""
        return min(self.batch_size, len(self.examples))

    @property
    def ragged(self) -> bool:
        """Whether batches differ in shape."""
        return self.examples.lengths is not None

    @property
    def constant(self) -> Batch | None:
        """The only batch, where every step takes the same; None where batches differ."""
        examples = self.examples
        if not isinstance(examples, WholeExamples) or not examples.is_whole or self.steps != 1:
            return None
        return self.examples.batch(np.arange(len(self.examples)), np.random.default_rng(self.seed))

    def shuffled(self, first_epoch: int) -> Iterator[Batch]:
        """Shuffled batches of one constant number of samples, epoch after epoch without end.

        The last batch of an epoch is filled up from the beginning of that epoch's order, so that every
        step sees as many samples and no normalization sees a batch of one. Samples of differing lengths are
        put together with others of about their length, so that little is padded.

        Args:
            first_epoch: The epoch to begin with, from 0; its batches are the same as if all earlier
                epochs had been read.

        Yields:
            What `Examples.batch` gives.
        """
        size = self.step_size
        epoch = first_epoch
        while True:
            rng = np.random.default_rng([self.seed, epoch])
            order = rng.permutation(len(self.examples))
            order = np.concatenate([order, order[: self.steps * size - len(order)]])
            batches = self._bucketed(order.reshape(self.steps, size), rng)
            for step, indices in enumerate(batches):
                draw = np.random.default_rng([self.seed, 1 + epoch, 1 + step])
                yield self.examples.batch(indices, draw)
            epoch += 1

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """All samples in the order of `ordered`: as they are, or from short to long."""
        lengths = self.examples.lengths
        return np.arange(len(self.examples)) if lengths is None else np.argsort(lengths, kind="stable")

    def ordered(self) -> Iterator[Batch]:
        """All samples once, unchanged, in `order`; the last batch may be smaller."""
        order = self.order
        for start in range(0, len(order), self.batch_size):
            yield self.examples.batch(order[start : start + self.batch_size], None)

    def _bucketed(self, batches: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Shape (steps, size): within so many batches sorted by length, their order drawn again."""
        lengths = self.examples.lengths
        if lengths is None:
            return batches
        sorted_parts = []
        for start in range(0, len(batches), BUCKET):
            part = batches[start : start + BUCKET].ravel()
            by_length = part[np.argsort(lengths[part], kind="stable")].reshape(-1, batches.shape[1])
            sorted_parts.append(rng.permutation(by_length))
        return np.concatenate(sorted_parts)


class Prefetched(Iterator[T]):
    """Runs an iterator in a thread, a few items ahead of who reads it.

    Args:
        iterator: What to run; its errors are raised where it is read.
        ahead: The most items that wait.

    Attributes:
        failure: The error that the iterator has ended with, if any.
    """

    def __init__(self, iterator: Iterator[T], ahead: int = 4) -> None:
        self._items: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(ahead)
        self._closed = threading.Event()
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(iterator,), daemon=True, name="batches")
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
            self.failure = error
            self._put((None, error))

    def _put(self, item: tuple[T | None, BaseException | None]) -> bool:
        while not self._closed.is_set():
            try:
                self._items.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False
