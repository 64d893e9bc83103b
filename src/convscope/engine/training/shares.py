"""A model that several processes train together: each computes its share of every batch.

The processes run one program over arrays that lie on all of them (`keras.distribution.DataParallel`). A mean
over a batch, such as that of the loss, of its gradient or of a batch normalization, is therefore one over the
samples of all processes, and random numbers are those that a single process draws for the whole batch. The
result is that of one process but for rounding, since sums are added up in another order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import keras

from convscope.engine.exchange import exchanged
from convscope.engine.training.batches import Batch
from convscope.engine.training.checkpoint import Row
from convscope.errors import UsageError
from convscope.types import Array, ArrayTree, Tensor


@dataclass(frozen=True)
class WorkerRank:
    """One of the processes that train a model together.

    Args:
        number: Its number, from 0.
        count: How many there are.
    """

    number: int = 0
    count: int = 1

    @property
    def writes(self) -> bool:
        """Whether it writes the run; the others write nothing."""
        return self.number == 0

    @property
    def callbacks(self) -> list[keras.callbacks.Callback]:
        """What `Model.fit` calls besides, before all else."""
        return [] if self.count == 1 else [_EvaluateWhole()]

    def shares(self, batches: Iterable[Batch], samples: int) -> Iterator[Batch]:
        """Its samples of each batch, in the order of the batch.

        Args:
            batches: Those of the training.
            samples: How many each is made of.

        Raises:
            UsageError: As `check_samples_first` and `check_batch_size`.
        """
        check_batch_size(samples, self.count)
        for batch in batches:
            if self.count > 1:
                check_samples_first(batch, samples)
            yield keras.tree.map_structure(self._share, batch)

    def _share(self, values: Array) -> Array:
        size = len(values) // self.count
        return values[self.number * size : (self.number + 1) * size]


ALONE = WorkerRank()
"""The only process of a training."""


def check_samples_first(batch: Batch, samples: int) -> None:
    """Refuses batches that have no samples along their first axis, by which workers could divide them.

    Args:
        batch: One of the training.
        samples: How many it was made of.

    Raises:
        UsageError: It has something else there, as that of a whole graph.
    """
    if any(len(values) != samples for values in keras.tree.flatten(batch)):
        raise UsageError(
            "Each step of this training takes the whole of one thing, such as a graph, and not a batch of"
            " samples that workers could divide.",
            "Leave --cluster out.",
        )


def check_batch_size(size: int, workers: int) -> None:
    """Refuses a number of samples per step of which not all workers have as many.

    Raises:
        UsageError: It is not divisible; the hint has one that is.
    """
    if size % workers:
        raise UsageError(
            f"A step takes {size} samples, which {workers} workers cannot divide evenly.",
            f"Use a batch size that is divisible by {workers}, such as --batch-size"
            f" {max(1, size // workers) * workers}, or another number of --workers.",
        )


class _AllWorkers(keras.distribution.DataParallel):  # type: ignore[misc]
    """Weights are the same on all workers; batches of a training are divided, those of an evaluation are not.

    Attributes:
        is_evaluating: Whether each worker brings all samples of a batch.
    """

    def __init__(self) -> None:
        super().__init__(auto_shard_dataset=False)
        self.is_evaluating = False

    def get_data_layout(self, data_shape: Sequence[int]) -> keras.distribution.TensorLayout:
        """How an array that comes out of an iterator lies on the workers."""
        if self.is_evaluating:
            return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)
        return super().get_data_layout(data_shape)

    def divided(self, values: Tensor) -> Tensor:
        """A batch that all workers have, so that each computes its part; the last one may have less."""
        return keras.distribution.distribute_tensor(values, super().get_data_layout(values.shape))


class _EvaluateWhole(keras.callbacks.Callback):  # type: ignore[misc]
    """Lets all workers bring whole batches of the validation split, whose last one no number need divide."""

    def on_test_begin(self, logs: Row | None = None) -> None:
        """From here on."""
        _current().is_evaluating = True

    def on_test_end(self, logs: Row | None = None) -> None:
        """Until here."""
        _current().is_evaluating = False


def _current() -> _AllWorkers:
    found = keras.distribution.distribution()
    assert isinstance(found, _AllWorkers)
    return found


@contextmanager
def shared_by(worker: WorkerRank) -> Iterator[None]:
    """Within it, models are built, trained and evaluated on all workers; for one worker nothing changes.

    Args:
        worker: This process, which has joined the others (`engine.jax.join`).
    """
    if worker.count == 1:
        yield
        return
    with _AllWorkers().scope():
        yield


@contextmanager
def evaluated_by_all(model: keras.Model, worker: WorkerRank) -> Iterator[None]:
    """Within it, each worker computes its part of every batch of an evaluation.

    Args:
        model: Built within `shared_by`.
        worker: This process.
    """
    with exchanged() as exchange:
        if worker.count > 1:
            exchange(model, "test_step", partial(_divided_step, _current()))
        yield


def _divided_step(
    layout: _AllWorkers, model: keras.Model, plain_step: Tensor, state: Tensor, data: ArrayTree
) -> Tensor:
    """In place of the `test_step` of a model."""
    return plain_step(state, keras.tree.map_structure(layout.divided, data))
