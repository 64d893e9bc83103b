"""What is particular to PyTorch: its devices, and the form in which a converter takes its functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy.typing as npt
import torch


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


def endless(batches: Iterator[Any], example: Any, varying: bool) -> Iterator[Any]:
    """Batches without end; Keras takes them from a generator proper."""
    yield from batches


def varying(batches: Iterable[Any], example: Any) -> Iterable[Any]:
    """Batches whose shapes differ: nothing is compiled for them."""
    return batches


def convertible(
    function: Callable[[Any], list[Any]], model: keras.Model, example: npt.NDArray[Any]
) -> dict[str, Any]:
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

        def forward(self, x: Any) -> Any:
            return tuple(function(x))

    shape = (-1, *example.shape[1:])
    return {"input_model": Module().eval(), "example_input": torch.from_numpy(example[:2]), "input": [shape]}


@contextmanager
def accelerated(model: keras.Model) -> Iterator[None]:
    """Leaves the model as it is."""
    yield
