"""The terminal: progress and messages on standard error, JSON on standard output."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.text import Text

from convscope.types import Progress

if TYPE_CHECKING:
    from rich.progress import TaskID

AFTER_SECONDS = 2.0
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"

STDOUT = Console(highlight=False)
_err = Console(stderr=True, highlight=False)


def start_backend() -> None:
    """Imports Keras and its backend without the lines that TensorFlow prints by itself.

    Several models in one process, as of a cross-validation, make it warn of functions that are traced again.

    Raises:
        BackendError: No Keras backend is installed.
    """
    from convscope.backend import prepare_backend

    prepare_backend()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
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
    _err.print(harmless(line), markup=False, soft_wrap=True)


@contextmanager
def heeded_interrupts(progress: Progress) -> Iterator[Progress]:
    """Progress whose next step ends what Ctrl+C has not ended.

    Python drops an exception that comes while an object is deleted, and with it the interrupt.

    Args:
        progress: Receives each step.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield progress  # an interrupt is not heard here, or in a way of the caller
        return
    pressed = False

    def heard(number: int, frame: object) -> None:
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    def told(done: int, total: int | None, what: str) -> None:
        if pressed:
            raise KeyboardInterrupt
        progress(done, total, what)

    try:
        signal.signal(signal.SIGINT, heard)
    except ValueError:  # only the main thread hears
        yield progress
        return
    try:
        yield told
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class ProgressBar:
    """A progress bar with an estimate, shown in a terminal for what takes longer than two seconds."""

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

    @property
    def is_drawn(self) -> bool:
        """Whether there is a terminal to draw in."""
        return _err.is_terminal

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Draws the standing of `what`; the part before a comma names the work."""
        what = harmless(what)
        work = what.partition(",")[0]
        if work not in self._tasks:
            for task in self._tasks.values():
                self._bar.remove_task(task)
            self._tasks = {work: self._bar.add_task(what, total=total, count="")}
        self._bar.update(
            self._tasks[work], completed=done, total=total, description=what, count=_count(done, total)
        )
        if self.is_drawn and not self._shown and time.monotonic() - self._started > AFTER_SECONDS:
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
    """Prints plain values as indented JSON."""
    sys.stdout.write(json_text(content, indent=2) + "\n")


def json_text(content: object, indent: int | None = None) -> str:
    """JSON without a control character: they are escaped, so that the values stay the same."""
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    return "".join(c if c == "\n" or _is_shown(c) else json.dumps(c)[1:-1] for c in text)


def harmless(text: str) -> str:
    r"""Text from outside without what a terminal obeys: control characters and marks that turn the direction.

    They are shown as escapes, such as `\x1b`; a line end or a tab becomes a space.

    Example:
        >>> harmless("a\x1b[31mb\nc")
        'a\\x1b[31mb c'
    """
    return "".join(c if _is_shown(c) else " " if c in "\n\r\t" else _escaped(c) for c in text)


def plain(text: str) -> Text:
    """Text from outside as a table takes it: no markup, no control characters."""
    return Text(harmless(text))


def _is_shown(character: str) -> bool:
    """Whether a terminal shows it; the marks that join letters of some scripts are harmless."""
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) in ("Zs", "Co")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
