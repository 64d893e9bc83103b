"""Which backend, device and precision a training uses, and why."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol, cast

import keras

from convscope.engine.training.batches import Advance, Batch
from convscope.engine.training.settings import Precision
from convscope.layers.sparse_products import SparseRows
from convscope.types import Array, Tensor

TensorFunction = Callable[[Tensor], list[Tensor]]
"""From one tensor to a list of tensors."""


@dataclass(frozen=True)
class Device:
    """Where a training runs.

    Args:
        backend: `tensorflow`, `jax` or `torch`.
        name: The accelerator's or processor's own name.
        accelerator: Whether it is a GPU or TPU.
        policy: The Keras dtype policy of the training, `float32` or `mixed_bfloat16`.
        reason: Why this policy.
    """

    backend: str
    name: str
    accelerator: bool
    policy: str
    reason: str

    def to_json(self) -> dict[str, object]:
        """Plain values by name."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.backend} on {self.name}, {self.policy} ({self.reason})"


class BackendFile(Protocol):
    """What the file of each backend offers; each says more in its own."""

    def accelerator(self) -> tuple[str, bool] | None:
        """Name of the GPU or TPU and whether it computes in bfloat16; None where there is only a CPU."""

    def cpu_computes_bfloat16(self) -> bool:
        """Whether computing in bfloat16 pays on a CPU that has it."""

    def prediction_threads(self, cores: int) -> int:
        """How many batches are best predicted at a time."""

    def begin_epoch(self, seed: int, epoch: int) -> None:
        """Seeds the random states that the model does not hold."""

    def endless(self, batches: Iterator[Batch], example: Batch, ragged: bool) -> Iterable[Batch]:
        """Batches without end, as `Model.fit` takes them."""

    def repeated(self, batch: Batch, times: int | None = None) -> Iterable[Batch]:
        """One batch, so many times or without end, as `Model.fit` takes it; its arrays are copied once."""

    def ragged(self, batches: Iterable[Batch], example: Batch) -> Iterable[Batch]:
        """Batches whose shapes differ, as `Model.fit` takes them."""

    def convertible(self, function: TensorFunction, model: keras.Model, example: Array) -> dict[str, object]:
        """What `openvino.convert_model` takes to convert a function that calls a model."""

    def whole_epochs(
        self, model: keras.Model, train: Batch, validation: Batch, most: int, seed: int
    ) -> Advance:
        """Runs epochs of one step over the same batch, at most so many in a call."""

    def sparse_product(self, rows: SparseRows) -> Callable[[Tensor, Tensor], Tensor]:
        """From values of these rows and a kernel to their product; its gradient is one by the kernel."""

    def accelerated(self, model: keras.Model) -> AbstractContextManager[None]:
        """Within it, the model trains by faster operations, where there are some."""


def backend_file() -> BackendFile:
    """The file of this room that belongs to the running backend."""
    return cast(BackendFile, import_module(f"convscope.engine.{keras.backend.backend()}"))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_device(precision: Precision = "auto") -> Device:
    """Finds the device, and settles the precision.

    Args:
        precision: `auto` takes bfloat16 where the device and the backend compute in it.

    Returns:
        The device with its dtype policy and the reason for it.
    """
    file = backend_file()
    backend = str(keras.backend.backend())
    accelerator = file.accelerator()
    if accelerator is not None:
        name, has_bfloat16 = accelerator
        why = f"the {name} {'has' if has_bfloat16 else 'lacks'} bfloat16"
    else:
        name = f"{_processor_name()}, {os.cpu_count()} cores"
        in_processor = bool(_processor_flags() & {"avx512_bf16", "amx_bf16", "bf16"})
        has_bfloat16 = in_processor and file.cpu_computes_bfloat16()
        why = f"the processor {'has' if in_processor else 'lacks'} bfloat16"
        if in_processor and not has_bfloat16:
            why += f", but {backend} does not gain from it"
    if precision != "auto":
        has_bfloat16, why = precision == "bfloat16", "the settings say so"
    policy = "mixed_bfloat16" if has_bfloat16 else "float32"
    return Device(backend, name, accelerator is not None, policy, why)


def versions() -> dict[str, str]:
    """Versions of Python and of every package that a result depends on."""
    found = {"python": platform.python_version()}
    for package in ("convscope", "keras", "tensorflow", "jax", "torch", "numpy", "pillow", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, object]:
    """What a result was computed on."""
    return {"system": platform.platform(), "processor": _processor_name(), "cores": os.cpu_count()}


def _cpuinfo(key: str) -> str:
    """The first value of a key in Linux' description of its processors; empty elsewhere."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return ""
    for line in path.read_text("utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _processor_name() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _processor_flags() -> set[str]:
    return set((_cpuinfo("flags") or _cpuinfo("Features")).split())
