"""What is particular to JAX: its devices, and sums over neighbors. Keras compiles the whole step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import jax
import keras

from convscope.engine.device import TensorFunction
from convscope.engine.training.batches import Batch
from convscope.layers.neighbors import summed_by
from convscope.types import Array


def accelerator() -> tuple[str, bool] | None:
    """Name of the GPU or TPU and whether it computes in bfloat16; None where there is only a CPU."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return None
    capability = getattr(device, "compute_capability", "8.0")
    return str(device.device_kind), float(capability) >= 8.0


def cpu_computes_bfloat16() -> bool:
    """XLA on a CPU converts bfloat16 to float32 and back, which only costs."""
    return False


def prediction_threads(_: int) -> int:
    """One batch at a time: Keras keeps the state of a model with the model here."""
    return 1


def begin_epoch(seed: int, epoch: int) -> None:
    """Nothing to do: all random states are variables of the model, which a checkpoint holds."""


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
    """Batches whose shapes differ: Keras compiles a step for each shape, of which there are few."""
    return batches


def convertible(function: TensorFunction, model: keras.Model, example: Array) -> dict[str, object]:
    """What `openvino.convert_model` takes to convert a function that calls a model.

    Raises:
        NotImplementedError: It takes no programs of JAX.
    """
    raise NotImplementedError("programs of the jax backend cannot be converted")


@contextmanager
def accelerated(model: keras.Model) -> Iterator[None]:
    """Within it, sums over the neighbors of nodes are computed faster on a CPU; the model stays as it is."""
    if accelerator():
        yield
        return
    with summed_by(neighbor_sum):
        yield


def neighbor_sum(values: jax.Array, neighbors: jax.Array, weights: jax.Array, owners: jax.Array) -> jax.Array:
    """Sums over neighbors by segments of edges in order; see `NeighborSum`."""
    rows = jax.numpy.repeat(owners, neighbors.shape[1])
    near = values[neighbors.reshape(-1)] * weights.reshape(-1, 1)
    return jax.ops.segment_sum(near, rows, values.shape[0], indices_are_sorted=True)
