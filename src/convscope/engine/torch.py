"""What is particular to PyTorch: its devices, and the form in which a converter takes its functions."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import torch

from convscope.engine.device import TensorFunction
from convscope.engine.training.keras_batches import endless, ragged, repeated
from convscope.layers.neighbors import summed_by
from convscope.types import Array

__all__ = [
    "accelerated",
    "accelerator",
    "begin_epoch",
    "convertible",
    "cpu_computes_bfloat16",
    "endless",
    "prediction_threads",
    "ragged",
    "repeated",
]


def accelerator() -> tuple[str, bool] | None:
    """Name of the GPU and whether it computes in bfloat16; None where there is only a CPU."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name(), torch.cuda.is_bf16_supported()
    if torch.backends.mps.is_available():
        return "Apple GPU", False
    return None


def cpu_computes_bfloat16() -> bool:
    """PyTorch computes convolutions in bfloat16 on a processor that has it."""
    return True


def prediction_threads(_: int) -> int:
    """One batch at a time: the operations of one use all cores."""
    return 1


def begin_epoch(seed: int, epoch: int) -> None:
    """Seeds PyTorch's own generator, from which Keras draws what Dropout drops.

    No checkpoint holds its state, so each epoch begins with one that follows from seed and epoch alone.
    """
    torch.manual_seed(seed * 1_000_003 + epoch)


def convertible(function: TensorFunction, model: keras.Model, example: Array) -> dict[str, object]:
    """What `openvino.convert_model` takes to convert a function that calls a model.

    Args:
        function: From one tensor to a list of tensors.
        model: The model that it calls.
        example: An input of the function, shape (n, ...); n may differ later on.

    Returns:
        Arguments by name.
    """

    class Module(torch.nn.Module):  # type: ignore[misc,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(function(x))

    shape = (-1, *example.shape[1:])
    return {"input_model": Module().eval(), "example_input": torch.from_numpy(example[:2]), "input": [shape]}


@contextmanager
def accelerated(model: keras.Model) -> Iterator[None]:
    """Within it, sums over the neighbors of nodes are computed faster on a CPU; the model stays as it is."""
    if accelerator():
        yield
        return
    with summed_by(neighbor_sum):
        yield


def neighbor_sum(
    values: torch.Tensor, neighbors: torch.Tensor, weights: torch.Tensor, owners: torch.Tensor
) -> torch.Tensor:
    """Sums over neighbors by a matrix of compressed rows, which tables nearly are; see `NeighborSum`."""
    nodes = len(values)
    first = torch.searchsorted(owners.long(), torch.arange(nodes + 1, device=values.device))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        packed = torch.sparse_csr_tensor(
            first * neighbors.shape[1],
            neighbors.reshape(-1).long(),
            weights.reshape(-1).float(),
            size=(nodes, nodes),
            check_invariants=False,
        )
    return (packed @ values.float()).to(values.dtype)
