"""The studio's side of placing samples on a plane: who waits for which points, and when that ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.features.projection import Method, placed_on_plane
from convscope.studio.decoder import ended, environment
from convscope.studio.frames import flattened, read_message, unflattened, write_message
from convscope.studio.results import Results
from convscope.studio.worker import AbandonedError
from convscope.types import Json

Points = npt.NDArray[np.float32]
Plane = tuple[Points, tuple[float, float] | None]
"""Points (samples, 2), and for PCA the shares of the variance along the two axes."""


@dataclass(eq=False)
class Placement:
    """Points that somebody waits for.

    Args:
        key: What they are of.
        values: Features, (samples, values).
        method: `pca`, `tsne` or `umap`.
        seed: For what is drawn at random.
        waiting: How many wait for them.
        future: The points.
    """

    key: Hashable
    values: Points
    method: Method
    seed: int
    waiting: int = 0
    future: Future[Plane] = field(default_factory=Future)


class Placer:
    """Places samples one set after the other, beside the worker, which answers other questions meanwhile.

    t-SNE and UMAP run in a process, which stays for the next ones, since UMAP is compiled at its first use.
    It is ended when nobody waits any more for what it is at.
    """

    def __init__(self) -> None:
        self._planes = Results()
        self._turn, self._news = threading.Lock(), threading.Lock()
        self._wanted: dict[Hashable, Placement] = {}
        self._running: Placement | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def wanted(self, key: Hashable, values: Points, method: Method, seed: int) -> Placement:
        """Begins to place samples, where nobody waits for the same points yet; `leave` has to follow.

        Args:
            key: What the points are of.
            values: Features, (samples, values).
            method: `pca`, `tsne` or `umap`.
            seed: For what is drawn at random.
        """
        with self._news:
            found = self._wanted.get(key)
            if found is None:
                found = self._wanted[key] = Placement(key, values, method, seed)
                name = "convscope-studio-placing"
                threading.Thread(target=self._run, args=(found,), name=name, daemon=True).start()
            found.waiting += 1
        return found

    def leave(self, placement: Placement) -> None:
        """Somebody does not wait any more; with the last one the computation ends."""
        with self._news:
            placement.waiting -= 1
            if placement.waiting or placement.future.done():
                return
            if self._wanted.get(placement.key) is placement:
                del self._wanted[placement.key]
            placement.future.cancel()
            if self._running is placement and placement.method != "pca":
                self._end_process()

    def close(self) -> None:
        """Ends the process and all that is waited for."""
        with self._news:
            self._closed = True
            self._end_process()

    def _run(self, placement: Placement) -> None:
        with self._turn:
            with self._news:
                begins = not self._closed and placement.waiting > 0
                self._running = placement if begins else None
            try:
                if not begins:
                    raise AbandonedError
                plane = self._planes.once(placement.key, lambda: self._placed(placement))
            except Exception as error:  # noqa: BLE001 - whoever waits receives it
                self._settle(placement, None, error)
            else:
                self._settle(placement, plane, None)

    def _settle(self, placement: Placement, plane: Plane | None, error: Exception | None) -> None:
        with self._news:
            self._running = None
            if self._wanted.get(placement.key) is placement:
                del self._wanted[placement.key]
            if placement.future.cancelled():
                return
            if plane is None:
                placement.future.set_exception(error)
            else:
                placement.future.set_result(plane)

    def _placed(self, placement: Placement) -> Plane:
        if placement.method == "pca":
            return placed_on_plane(placement.values, placement.method, placement.seed)
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        blobs: list[bytes] = []
        flattened(placement.values, blobs)
        request: Json = {"method": placement.method, "seed": placement.seed}
        try:
            write_message(process.stdin, request, blobs)
            answer, found = read_message(process.stdout)
        except (EOFError, OSError, ValueError) as error:
            with self._news:
                self._end_process()
                left = placement.waiting
            if left and not self._closed:
                raise UsageError(
                    "The process that places samples has ended.", "Choose fewer samples."
                ) from error
            raise AbandonedError from error
        assert isinstance(answer, dict)
        if "error" in answer:
            raise UsageError(str(answer["error"]), str(answer["hint"]))
        points = unflattened(answer["points"], found)
        assert isinstance(points, np.ndarray)
        return points, None

    def _started(self) -> subprocess.Popen[bytes]:
        with self._news:
            if self._closed:
                raise AbandonedError
            if self._process is None or self._process.poll() is not None:
                self._end_process()
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "convscope.studio.placing"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=environment(),
                )
            return self._process

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            ended(process)
