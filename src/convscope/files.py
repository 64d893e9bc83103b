"""Files are written whole or not at all, by a temporary name beside the target, and by one process."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from convscope.errors import RunError

PART = ".part-"
"""What the name of a file begins with while it is written."""


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
    part = path.with_name(f"{PART}{os.getpid()}-{path.name}")
    _remove(part)
    try:
        yield part
        if path.is_dir() and part.is_dir():
            shutil.rmtree(path)
        part.replace(path)
    finally:
        _remove(part)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_parts(folder: Path) -> None:
    """Takes away what killed processes left half written in a folder; none may be writing there now."""
    for part in folder.glob(f"{PART}*"):
        _remove(part)


def is_part(path: Path) -> bool:
    """Whether a path is what `written_whole` writes to, of a process that may have been killed."""
    return path.name.startswith(PART)


def free_path(path: Path) -> Path:
    """The path itself, or the first with a number before its ending that neither exists nor is being made."""
    number, free = 1, path
    while free.exists() or lock_file(free).exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def write_json(path: Path, content: Any) -> None:
    """Writes plain values as indented JSON, whole or not at all."""
    with written_whole(path) as part:
        part.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keeps a file or folder that is being made to this process; another one is refused meanwhile.

    The lock is one of the operating system on a file beside the target, `.NAME.lock`, which says who holds
    it (process, machine, time). A process that is killed loses its lock at once, so that none is ever stale:
    what such a process leaves is taken over. Where the folder around the target cannot be written, the file
    is in the target, a folder then, as `.lock`. It is removed at the end.

    Args:
        path: What is made, such as the folder of a run or the file of features. Need not exist; folders
            above it are made.

    Raises:
        RunError: Another process holds it (or another thread of this one), or the lock cannot be written.

    Example:
        >>> import tempfile
        >>> with locked(Path(tempfile.mkdtemp()) / "run"):
        ...     pass
    """
    try:
        lock, descriptor = _acquired(path)
    except OSError as error:
        raise RunError(
            f"{path} cannot be written: {error.strerror or error}.", "Choose another --out."
        ) from error
    try:
        with suppress(OSError):  # a disk that is full has the lock all the same, which does not say whose
            os.ftruncate(descriptor, 0)
            os.write(descriptor, _holder().encode())
        yield
    finally:
        if os.name == "nt":  # an open file cannot be removed there
            os.close(descriptor)
        with suppress(OSError):
            lock.unlink(missing_ok=True)
        if os.name != "nt":
            os.close(descriptor)


def lock_file(path: Path) -> Path:
    """Where `locked` keeps the lock of a target."""
    beside = path.absolute().with_name(f".{path.absolute().name}.lock")
    inside = path / ".lock"
    return inside if path.is_dir() and not os.access(beside.parent, os.W_OK) else beside


def _acquired(path: Path) -> tuple[Path, int]:
    """The lock file and its open descriptor, locked."""
    lock = lock_file(path)
    lock.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        try:
            if not _try_lock(descriptor):
                raise RunError(
                    f"{path} is being written by another process ({_read_holder(lock)}).",
                    "Wait until it ends, or choose another --out.",
                )
            if lock.exists() and os.path.samestat(lock.stat(), os.fstat(descriptor)):
                return lock, descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its holder removed it between the two calls


def _try_lock(descriptor: int) -> bool:
    """Whether the lock of an open file was free; a file system without locks has all of them free."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 2**30, os.SEEK_SET)  # behind the text, which others may read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS, errno.EINVAL)
    return True


def _holder() -> str:
    return f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _read_holder(lock: Path) -> str:
    try:
        text = lock.read_text("utf-8", "replace")[:200]
    except OSError:
        text = ""
    return "".join(c for c in text if c.isprintable()) or "it does not say which"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
