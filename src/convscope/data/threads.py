"""How many threads of one process load samples at the same time."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

ONE_EACH = {"CONVSCOPE_LOADING_THREADS": "1"}
"""The environment of a process beside which others load samples too."""


def loading_threads() -> int:
    """One for each processor and eight at most, unless `CONVSCOPE_LOADING_THREADS` says another number."""
    asked = os.environ.get("CONVSCOPE_LOADING_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) else min(8, os.cpu_count() or 1)


def loading_pool() -> ThreadPoolExecutor:
    """Threads that load samples; decoders let go of the interpreter while they work."""
    return ThreadPoolExecutor(loading_threads(), "loading")
