"""What is particular to PyTorch: its devices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
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


def begin_epoch(seed: int, epoch: int) -> None:
    """Seeds PyTorch's own generator, from which Keras draws what Dropout drops.

    No checkpoint holds its state, so each epoch begins with one that follows from seed and epoch alone.
    """
    torch.manual_seed(seed * 1_000_003 + epoch)


@contextmanager
def accelerated(model: keras.Model) -> Iterator[None]:
    """Leaves the model as it is."""
    yield
