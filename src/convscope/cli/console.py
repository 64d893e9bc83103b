"""The terminal: progress and messages on standard error, JSON on standard output."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import TaskID

AFTER_SECONDS = 2.0

STDOUT = Console(highlight=False)
_err = Console(stderr=True, highlight=False)


def start_backend() -> None:
    """Imports Keras and its backend without the lines that TensorFlow's native code prints by itself.

    Raises:
        BackendError: No Keras backend is installed.
    """
    from convscope.backend import prepare_backend

    prepare_backend()
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            import keras

            keras.ops.zeros(1)
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def say(line: str) -> None:
    """Prints one line for people, on standard error."""
    _err.print(line, markup=False, soft_wrap=True)


class ProgressBar:
    """A progress bar with an estimate, shown for what takes longer than two seconds."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TimeRemainingColumn(),
            console=_err,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._started = time.monotonic()
        self._shown = False

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Draws the standing of `what`; the part before a comma names the work."""
        work = what.partition(",")[0]
        if work not in self._tasks:
            for task in self._tasks.values():
                self._bar.remove_task(task)
            self._tasks = {work: self._bar.add_task(what, total=total, count="")}
        self._bar.update(
            self._tasks[work], completed=done, total=total, description=what, count=_count(done, total)
        )
        if not self._shown and time.monotonic() - self._started > AFTER_SECONDS:
            self._shown = True
            self._bar.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._bar.stop()


def _count(done: int, total: int | None) -> str:
    """How many of how many, or as much of it as is known."""
    if total is None:
        return f"{done:.0f}" if done else ""
    return f"{done:.0f}/{total:.0f}"


def print_json(content: object) -> None:
    """Prints plain values as JSON."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def plain(text: str) -> str:
    """Text from outside, safe to print: no markup, no control characters."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown.replace("[", "\\[")
