"""Batches as Keras takes them on backends that need nothing of their own for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import keras

from convscope.engine.training.batches import Batch


def endless(batches: Iterator[Batch], example: Batch, ragged: bool) -> Iterator[Batch]:
    """Batches without end; Keras takes them from a generator proper."""
    yield from batches


class _Repeated(keras.utils.PyDataset):  # type: ignore[misc]
    """One batch, as often as it is asked for."""

    def __init__(self, batch: Batch, times: int | None) -> None:
        super().__init__()
        self._batch, self._times = batch, times

    @property
    def num_batches(self) -> int | None:
        """How often; None without end."""
        return self._times

    def __getitem__(self, number: int) -> Batch:
        return self._batch


def repeated(batch: Batch, times: int | None = None) -> keras.utils.PyDataset:
    """One batch, so many times or without end; its arrays are copied once."""
    return _Repeated(keras.tree.map_structure(keras.ops.convert_to_tensor, batch), times)


def ragged(batches: Iterable[Batch], example: Batch) -> Iterable[Batch]:
    """Batches whose shapes differ: what is compiled is compiled for each shape, of which there are few."""
    return batches
