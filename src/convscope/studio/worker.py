"""The one thread that computes with models, which serves quick questions between the steps of slow ones."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from convscope.types import Progress, no_progress

T = TypeVar("T")


class AbandonedError(Exception):
    """Nobody waits for the result of a computation any more."""


@dataclass(eq=False)
class Computation(Generic[T]):
    """One computation.

    Args:
        work: Receives what its steps are told to; a quick one has no steps.
        slow: Whether quick ones go before it.
        progress: Receives the steps of a slow one, besides the worker.
        future: Its result.
        abandoned: Whether nobody waits for it.
    """

    work: Callable[[Progress], T]
    slow: bool = False
    progress: Progress = no_progress
    future: Future[T] = field(default_factory=Future)
    abandoned: bool = False

    def abandon(self) -> None:
        """Ends it at its next step, or before it begins."""
        self.abandoned = True
        self.future.cancel()


class Worker:
    """Computes one thing at a time, in a thread of its own.

    Keras models cannot be watched from two threads at once, and two passes at a time would each take twice as
    long.
    """

    def __init__(self) -> None:
        self._quick: deque[Computation[object]] = deque()
        self._slow: deque[Computation[object]] = deque()
        self._news = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="convscope-studio", daemon=True)
        self._thread.start()

    def submit(self, job: Computation[T]) -> Computation[T]:
        """Queues a job.

        Raises:
            AbandonedError: The worker is closed.
        """
        with self._news:
            if self._closed:
                raise AbandonedError
            (self._slow if job.slow else self._quick).append(job)  # type: ignore[arg-type]
            self._news.notify()
        return job

    def close(self) -> None:
        """Ends the thread after the step that it is at."""
        with self._news:
            self._closed = True
            for job in (*self._quick, *self._slow):
                job.abandon()
            self._news.notify()

    def _run(self) -> None:
        while True:
            with self._news:
                while not (self._quick or self._slow or self._closed):
                    self._news.wait()
                if self._closed:
                    return
                job = (self._quick or self._slow).popleft()
            self._do(job)

    def _do(self, job: Computation[object]) -> None:
        if not job.future.set_running_or_notify_cancel():
            return

        def step(done: int, total: int | None, what: str) -> None:
            if job.abandoned or self._closed:
                raise AbandonedError
            job.progress(done, total, what)
            self._serve_quick()

        try:
            result = job.work(step if job.slow else no_progress)
        except BaseException as error:  # noqa: BLE001 - whoever waits for the result receives it
            job.future.set_exception(error)
        else:
            job.future.set_result(result)

    def _serve_quick(self) -> None:
        """Answers what has come in meanwhile, between two steps of a slow computation."""
        while True:
            with self._news:
                if not self._quick:
                    return
                job = self._quick.popleft()
            self._do(job)
