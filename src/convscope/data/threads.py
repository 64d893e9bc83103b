"""How many threads of one process load samples at the same time."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

P = TypeVar("P")
R = TypeVar("R")

ONE_EACH = {"CONVSCOPE_LOADING_THREADS": "1"}
"""The environment of a process beside which others load samples too."""


def loading_threads() -> int:
    """One for each processor and eight at most, unless `CONVSCOPE_LOADING_THREADS` says another number."""
    asked = os.environ.get("CONVSCOPE_LOADING_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) else min(8, os.cpu_count() or 1)


def loading_pool() -> ThreadPoolExecutor:
    """Threads that load samples; decoders let go of the interpreter while they work."""
    return ThreadPoolExecutor(loading_threads(), "loading")


def in_threads(work: Callable[[P], R], parts: Sequence[P]) -> Generator[R, None, None]:
    """What is made of each part, in turn; a single one is worked on at once, as threads take longer to start.

    Args:
        work: Is called from several threads.
        parts: What it is called with.
    """
    if len(parts) < 2:
        yield from map(work, parts)
        return
    with loading_pool() as pool:
        try:
            yield from pool.map(work, parts)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
