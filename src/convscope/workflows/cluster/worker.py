"""A process of a cluster that trains a model together with others; imported without Keras."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from convscope.errors import ConvscopeError, RunError
from convscope.types import no_progress, silent

if TYPE_CHECKING:
    from convscope.engine.training.checkpoint import Row
    from convscope.run import Run
    from convscope.workflows.training_plan import Plan

SAME_VERSIONS = ("convscope", "keras", "jax", "numpy")
"""Packages of which all machines need the same version, so that their programs fit together."""


@dataclass(frozen=True)
class Surroundings:
    """What a worker has in common with the process that asked for the training.

    Args:
        modules: Folders where modules are found.
        variables: Of the environment.
        place: The working directory.
    """

    modules: tuple[str, ...]
    variables: Mapping[str, str]
    place: Path


class News(NamedTuple):
    """What has happened since it was asked for last.

    Attributes:
        progress: The newest step: done, of how many, and what.
        lines: How epochs have ended.
    """

    progress: tuple[int, int | None, str] | None
    lines: tuple[str, ...]


class Ended(NamedTuple):
    """How a worker has ended.

    Attributes:
        rows: The history.
        error: Class, message and hint of what went wrong.
    """

    rows: Sequence[Row]
    error: tuple[str, str, str] | None = None


@dataclass
class _Heard:
    """Collects what is said, by the thread that trains, until another one asks for it."""

    progress: tuple[int, int | None, str] | None = None
    lines: list[str] = field(default_factory=list)

    def step(self, done: int, total: int | None, what: str) -> None:
        self.progress = (done, total, what)

    def say(self, line: str) -> None:
        self.lines.append(line)

    def news(self) -> News:
        lines = []
        while self.lines:
            lines.append(self.lines.pop(0))
        return News(self.progress, tuple(lines))


class TrainingWorker:
    """An actor: trains in one thread, and tells of it in another.

    Args:
        around: What it needs before anything is imported.
    """

    def __init__(self, around: Surroundings) -> None:
        sys.path.extend(each for each in around.modules if each not in sys.path)
        os.environ.update(around.variables)
        with suppress(OSError):  # another machine
            os.chdir(around.place)
        self._heard = _Heard()

    def free_address(self) -> str:
        """This machine, and a port that is free on it."""
        import ray

        host = ray.util.get_node_ip_address()
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as found:
            found.bind((host, 0))
            port = found.getsockname()[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def news(self) -> News:
        """What has happened since the last time."""
        return self._heard.news()

    def train(self, folder: Path, number: int, count: int, address: str) -> Ended:
        """Trains with the others, from the newest checkpoint to the end.

        Args:
            folder: The run, with its record; the first worker writes it.
            number: Of this worker, from 0.
            count: How many there are.
            address: Of the first of them.
        """
        try:
            return Ended(_trained(folder, number, count, address, self._heard))
        except ConvscopeError as error:
            where = f"Worker {number} on {socket.gethostname()}: " if number else ""
            return Ended((), (type(error).__name__, where + error.message, error.hint))


def _trained(folder: Path, number: int, count: int, address: str, heard: _Heard) -> list[Row]:
    from convscope.backend import prepare_backend
    from convscope.run import Run

    prepare_backend()
    from convscope.engine.jax import join
    from convscope.engine.training.shares import WorkerRank
    from convscope.workflows.recorded_plan import recorded_plan
    from convscope.workflows.train import learn_together

    run, worker = Run(folder), WorkerRank(number, count)
    _check_same_place(run)
    if count > 1:
        join(address, number, count)
    progress, say = (heard.step, heard.say) if worker.writes else (no_progress, silent)
    made = _as_begun(recorded_plan(run, None, progress, count), run)
    return learn_together(made, run, worker, progress, say)


def _check_same_place(run: Run) -> None:
    """Refuses a machine that does not see the run, or has other versions.

    Raises:
        RunError: With what differs.
    """
    from convscope.engine.device import versions

    if not (run.folder / "run.json").exists():
        raise RunError(
            f"{run.folder} is not there.",
            "All machines of a cluster must see the data and the run under the same paths.",
        )
    there, here = run.record()["versions"], versions()
    for name in SAME_VERSIONS:
        if there.get(name) != here.get(name):
            raise RunError(
                f"{name} {here.get(name)} is installed, and the training was started with {there.get(name)}.",
                f"Install {name} {there.get(name)} on all machines of the cluster.",
            )


def _as_begun(made: Plan, run: Run) -> Plan:
    """The plan with the precision of the run, whatever this machine would choose.

    Raises:
        RunError: This machine sees other data.
    """
    record = run.record()
    if made.splits.fingerprint != record["data"]["fingerprint"]:
        raise RunError(
            f"The data at {made.path} differs from that of the training.",
            "All machines of a cluster must see the same data under the same path.",
        )
    return replace(made, device=replace(made.device, policy=str(record["device"]["policy"])))
