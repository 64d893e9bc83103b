"""Where compiled code is kept from one process to the next: in the cache folder of the user."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path("convscope") / "compiled"


def cache_folder() -> Path | None:
    """The folder below that of the user's caches; None where none can be had that is the user's own.

    Compiled code is loaded as it is found, so that the folder has to belong to this user, and nobody else may
    write to it.
    """
    try:
        folder = _caches() / FOLDER
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = folder.stat()
    except (OSError, RuntimeError):  # read-only, full, or a user without a home
        return None
    if hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022):
        return None
    return folder if os.access(folder, os.W_OK) else None


@contextmanager
def compiled_cache() -> Iterator[bool]:
    """Within it, what Numba is told to compile is kept in the cache folder of convscope.

    Numba keeps code beside the source file otherwise, which may be an installed package.

    Yields:
        Whether it can be kept at all.
    """
    from numba import config

    folder, before = cache_folder(), config.CACHE_DIR
    if folder is not None:
        config.CACHE_DIR = str(folder)
    try:
        yield folder is not None
    finally:
        config.CACHE_DIR = before


def _caches() -> Path:
    """The folder of the user's caches, as each system has it."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
