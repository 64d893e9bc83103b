"""Arrays that are computed once for a run and kept in its folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from convscope.errors import RunError
from convscope.files import written_whole

Floats = npt.NDArray[np.float64]
_folder: ContextVar[Path | None] = ContextVar("folder of a run", default=None)


@contextmanager
def kept_in(folder: Path | None) -> Iterator[None]:
    """Within it, `computed_once` keeps arrays in the folder of a run; None keeps nothing."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def computed_once(name: str, key: str, compute: Callable[[], Floats]) -> Callable[[], Floats]:
    """The same function, whose result is kept in the folder of the run that is at work, if one is.

    Args:
        name: Of the file, without its ending.
        key: What the array depends on; one that was kept for something else stays, and is not taken.
        compute: Gives the array.
    """
    folder = _folder.get()
    return compute if folder is None else partial(_once, folder / f"{name}.npz", key, compute)


def _once(path: Path, key: str, compute: Callable[[], Floats]) -> Floats:
    if path.exists():
        try:
            with np.load(path, allow_pickle=False) as found:
                if str(found["key"]) == key:
                    return np.asarray(found["values"], np.float64)
        except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
            raise RunError(f"{path} is damaged: {error}", "Remove it; it is computed anew.") from error
        return compute()
    values = compute()
    if os.access(path.parent, os.W_OK):
        with written_whole(path) as part, part.open("wb") as file:
            np.savez(file, key=key, values=values)
    return values
