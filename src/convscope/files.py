"""Files are written whole or not at all: to a temporary name beside the target, then renamed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Gives a temporary path to write to; on success it takes the place of `path`, on failure it goes.

    Args:
        path: The file or folder to make. Parent folders are made as needed; what stands there is replaced,
            a folder only by a folder.

    Yields:
        A path in the same folder with the same ending, which does not exist yet.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "greeting.txt"
        >>> with written_whole(target) as part:
        ...     _ = part.write_text("hello")
        >>> target.read_text()
        'hello'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    _remove(part)
    try:
        yield part
        if path.is_dir() and part.is_dir():
            shutil.rmtree(path)
        part.replace(path)
    finally:
        _remove(part)


def free_path(path: Path) -> Path:
    """The path itself, or the first with a number before its ending that does not exist yet."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def write_json(path: Path, content: Any) -> None:
    """Writes plain values as indented JSON, whole or not at all."""
    with written_whole(path) as part:
        part.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
