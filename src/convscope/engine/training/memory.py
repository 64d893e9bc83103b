"""Memory that a training step takes at least, and memory that is free: compared before the first step."""

from __future__ import annotations

import math
import os
from pathlib import Path

import keras

from convscope.errors import UsageError

SHARE_KEPT = 0.5
"""Share of the outputs of layers that a step holds at the same time at least; what a compiler saves aside."""
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def check_memory(model: keras.Model, batch: int, item_bytes: int) -> None:
    """Refuses a batch that cannot be held, instead of being ended by the system in the first step.

    Args:
        model: Built; lengths that are open count as 1.
        batch: Samples of a step.
        item_bytes: Of one value, by the precision of the training.

    Raises:
        UsageError: A step takes more than is free; the hint has a batch size that does not.
    """
    free, each = free_bytes(), bytes_per_sample(model, item_bytes)
    if free is None or batch * each <= free:
        return
    fitting = max(1, 2 ** int(math.log2(max(1, free / each / 2))))
    raise UsageError(
        f"A step with {batch:,} samples takes at least {_gib(batch * each)} of memory, and {_gib(free)} are"
        " free.",
        f"Use a smaller batch, such as --batch-size {fitting}"
        + (", or smaller inputs." if fitting > 1 else "; and smaller inputs."),
    )


def bytes_per_sample(model: keras.Model, item_bytes: int) -> int:
    """What a training step holds for one sample at least: its inputs, and outputs of the layers."""
    inputs = sum(_values(each) for each in model.inputs)
    outputs = sum(
        _values(each)
        for layer in model._flatten_layers(include_self=False)
        if not isinstance(layer, keras.layers.InputLayer) and hasattr(layer, "_inbound_nodes")
        for node in layer._inbound_nodes
        for each in node.output_tensors
    )
    return round((inputs + SHARE_KEPT * outputs) * item_bytes)


def free_bytes() -> int | None:
    """Memory that a process may still take, within what a container allows; None where nobody says."""
    found = [_of_system(), *(_of_group(Path(most), Path(used)) for most, used in _CGROUPS)]
    known = [each for each in found if each is not None]
    return min(known, default=None)


def _of_system() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text("utf-8").splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return _of_pages("SC_AVPHYS_PAGES")
    return _of_pages("SC_AVPHYS_PAGES")


def _of_pages(name: str) -> int | None:
    try:
        return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _of_group(most: Path, used: Path) -> int | None:
    try:
        limit = int(most.read_text("utf-8"))
        return max(0, limit - int(used.read_text("utf-8")))
    except (OSError, ValueError):
        return None


def _values(tensor: keras.KerasTensor) -> int:
    return math.prod(length or 1 for length in tensor.shape[1:])


def _gib(count: float) -> str:
    return f"{count / 2**30:,.1f} GiB" if count >= 2**29 else f"{count / 2**20:,.0f} MiB"
