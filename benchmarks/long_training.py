"""Trainings of many minutes in benchmarks: they go on after an interruption, and say how far they are."""

from __future__ import annotations

import time
from pathlib import Path

from convscope import api
from convscope.option import Value

EVERY = 60.0
"""Seconds between two lines about a training."""


class Watcher:
    """Prints how far a training is, now and then."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Prints a line where the last one is old."""
        if time.monotonic() - self._last > EVERY:
            self._last = time.monotonic()
            print(f"  {done}/{total} {what}", flush=True)


def say(text: str) -> None:
    """Prints a line of a training."""
    print(f"  {text}", flush=True)


def trained(data: Path, folder: Path, **settings: Value) -> None:
    """Trains what is not there yet, and goes on with what was interrupted.

    Args:
        data: What is learned from.
        folder: Of the run.
        settings: Those of `train` that are not the default, such as `recipe`.
    """
    if folder.exists():
        api.train(resume=folder, progress=Watcher(), say=say)
        return
    api.train(data, out=folder, progress=Watcher(), say=say, **settings)
