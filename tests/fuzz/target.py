"""What one target of fuzzing is, and the helpers that targets share."""

from __future__ import annotations

import atexit
import functools
import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import changes
import seeds

from convscope.errors import ConvscopeError

SHM = Path("/dev/shm")


@dataclass(frozen=True)
class Target:
    """One thing that is fuzzed.

    Args:
        name: Of the layout or saved file.
        seed: Valid bytes.
        run: Reads bytes in their place; raises `ConvscopeError` where they are refused.
        change: Makes other bytes of the seed.
    """

    name: str
    seed: bytes
    run: Callable[[bytes], None]
    change: Callable[[bytes, random.Random], bytes]

    def accepts(self, content: bytes) -> bool:
        """Whether the bytes were read, not refused.

        Raises:
            Exception: What is neither samples nor an error of the package, which is a defect.
        """
        try:
            self.run(content)
        except ConvscopeError as error:
            assert error.message.strip(), "an error without a message"
            return False
        return True


@functools.cache
def workplace() -> Path:
    """A folder in memory, where there is one."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=SHM if SHM.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def written(name: str) -> Path:
    """Writes a layout and gives the path that is read: the file that is changed, or the folder around it."""
    layout = seeds.layouts()[name]
    folder = workplace() / name
    for path, content in layout.files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    if layout.given is not None:
        return folder / layout.given
    alone = layout.changed.endswith((".csv", ".npz", ".parquet", ".jsonl")) or len(layout.files) == 1
    return folder / layout.changed if alone else folder


def load_some(samples: Any) -> None:
    for index in range(min(2, len(samples))):
        samples.name(index)
        samples.load(index)


def of_values(name: str, plain: Any, read: Callable[[Any], None]) -> Target:
    """Saved plain values; half of the inputs have other values, half other bytes."""

    def change(content: bytes, rng: random.Random) -> bytes:
        if rng.random() < 0.3:
            return changes.changed_bytes(content, rng, content)
        return changes.as_json(changes.changed_values(plain, rng))

    return Target(name, changes.as_json(plain), read, change)


def of_bytes(name: str, whole: bytes, read: Callable[[bytes], None]) -> Target:
    """A saved file; inputs have other bytes."""
    return Target(name, whole, read, lambda content, rng: changes.changed_bytes(content, rng, whole))
