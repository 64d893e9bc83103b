"""Workers of a Ray cluster that train one model together: placed, listened to, and begun anew if one is lost.

Ray places a process for each worker, either all of them or none. Its `JaxTrainer` (Ray 2.60) is not used:
it joins processes on TPUs and GPUs only, and whoever called it hears of epochs, not of steps. The training in
each process is the ordinary one, which goes on from the newest checkpoint of the run.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import convscope.errors
from convscope.engine.cluster import connected, ray_package
from convscope.engine.training.checkpoint import epochs_in
from convscope.engine.training.shares import check_batch_size
from convscope.errors import ConvscopeError, RunError, UsageError
from convscope.types import Progress, Say
from convscope.workflows.cluster.worker import Ended, News, Surroundings, TrainingWorker
from convscope.workflows.train import carry_out, check_shareable

if TYPE_CHECKING:
    import keras

    from convscope.engine.training.checkpoint import Row
    from convscope.run import Run
    from convscope.workflows.cluster.request import Cluster
    from convscope.workflows.start import Watching
    from convscope.workflows.training_plan import Plan

RESTARTS = 3
"""Times that a training is begun again without having finished an epoch in between."""
POLL_SECONDS = 0.25
PLACING_SECONDS = 600
"""How long a cluster that is busy with something else is waited for."""
ENDING_SECONDS = 20
"""Within it, Ray has noticed that a process is lost from which another one hears nothing any more."""
PASSED_ON = ("JAX_PLATFORMS", "KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL", "XLA_FLAGS")


class _Lost(Exception):  # noqa: N818 - not an error of anybody
    """A worker or its machine is gone."""


@dataclass(frozen=True)
class Team:
    """Workers that are to be.

    Args:
        ray: The package.
        folder: Where the run lies, for messages and hints.
        cluster: Where.
        count: How many.
        needs: What each takes: CPU and GPU.
        say: Receives how epochs ended, and what was lost.
    """

    ray: ModuleType
    folder: Path
    cluster: Cluster
    count: int
    needs: Mapping[str, float]
    say: Say

    def learn(
        self,
        made: Plan,
        run: Run,
        callbacks: Sequence[keras.callbacks.Callback],
        progress: Progress,
        say_epoch: Say,
    ) -> list[Row]:
        """Trains in the workers, and waits for them; begins again from the last checkpoint if one is lost.

        Raises:
            RunError: Workers are lost again and again, or one fails.
            UsageError: They cannot divide the batches.
        """
        done, left = epochs_in(run.folder / "checkpoints"), RESTARTS
        while True:
            try:
                return self._attempt(run.folder.absolute(), progress, say_epoch)
            except _Lost as lost:
                run.tidy()
                before, done = done, epochs_in(run.folder / "checkpoints")
                left = RESTARTS if done > before else left - 1
                if left == 0:
                    raise RunError(
                        f"Workers were lost {RESTARTS} times in epoch {done + 1}, the last time {lost}.",
                        f"Perhaps for want of memory, of which fewer --workers take less. {self._hint}",
                    ) from lost
                self.say(
                    f"Lost {lost}, perhaps for want of memory; all workers begin again after epoch {done}"
                )

    @property
    def _hint(self) -> str:
        return f"Go on: convscope train --resume {self.folder} {self.cluster.flags}"

    def _attempt(self, folder: Path, progress: Progress, say_epoch: Say) -> list[Row]:
        """One start of all workers.

        Raises:
            _Lost: One is gone.
        """
        with self._placed(progress) as workers:
            return _Attempt(self.ray, workers, self._hint).history(folder, progress, say_epoch)

    @contextmanager
    def _placed(self, progress: Progress) -> Iterator[list[Any]]:
        """The workers, each in its place; they are ended afterwards.

        Raises:
            RunError: The cluster has no room.
        """
        from ray.util.placement_group import placement_group, remove_placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        group = placement_group([dict(self.needs)] * self.count, strategy="SPREAD")
        workers = []
        try:
            self._wait(group, progress)
            actor = self.ray.remote(TrainingWorker)
            for number in range(self.count):
                placed = actor.options(
                    num_cpus=self.needs["CPU"],
                    num_gpus=self.needs.get("GPU", 0),
                    max_concurrency=2,
                    scheduling_strategy=PlacementGroupSchedulingStrategy(group, number),
                )
                workers.append(placed.remote(_surroundings(self.needs)))
            yield workers
        finally:
            for worker in workers:
                self.ray.kill(worker)
            remove_placement_group(group)

    def _wait(self, group: Any, progress: Progress) -> None:
        begun = time.monotonic()
        while not group.wait(timeout_seconds=1):
            progress(0, None, f"waiting for room for {self.count} workers")
            if time.monotonic() - begun > PLACING_SECONDS:
                raise RunError(
                    f"The cluster at '{self.cluster.address}' has had no room for {self.count} workers with"
                    f" {_described(self.needs)} each for {PLACING_SECONDS // 60} minutes.",
                    f"Use fewer --workers, or wait. {self._hint}",
                )


class _Attempt:
    """Workers that are placed, from their start until all have ended or one is lost.

    Args:
        ray: The package.
        workers: Actors of `TrainingWorker`.
        hint: What to do if one fails.
    """

    def __init__(self, ray: ModuleType, workers: Sequence[Any], hint: str) -> None:
        self._ray, self._workers, self._hint = ray, workers, hint
        self._numbers: dict[Any, int] = {}
        self._shown: tuple[int, int | None, str] = (0, None, "starting workers")

    def history(self, folder: Path, progress: Progress, say_epoch: Say) -> list[Row]:
        """Tells what the first worker says until all have ended; returns the history.

        Raises:
            _Lost: One is gone.
            ConvscopeError: What a worker has raised.
        """
        address = self._answer(self._workers[0].free_address.remote(), 0)
        self._numbers = {
            each.train.remote(folder, number, len(self._workers), address): number
            for number, each in enumerate(self._workers)
        }
        pending, rows = list(self._numbers), {}
        asked = self._workers[0].news.remote()
        while pending:
            ended, _ = self._ray.wait(pending, num_returns=1, timeout=POLL_SECONDS)
            for each in ended:
                pending.remove(each)
                rows[self._numbers[each]] = self._result(each, pending)
            if self._ray.wait([asked], timeout=0)[0]:
                self._tell(asked, say_epoch)
                asked = self._workers[0].news.remote()
            progress(*self._shown)
        for each in (asked, self._workers[0].news.remote()):
            self._tell(each, say_epoch)
        return list(rows[0])

    def _tell(self, asked: Any, say_epoch: Say) -> None:
        """Says how epochs have ended, and takes up the newest step."""
        news: News = self._answer(asked, 0)
        self._shown = news.progress or self._shown
        for line in news.lines:
            say_epoch(line)

    def _result(self, each: Any, others: Sequence[Any]) -> Sequence[Row]:
        """The history of a worker that has ended."""
        try:
            ended: Ended = self._answer(each, self._numbers[each])
        except self._ray.exceptions.RayTaskError as error:
            self._check_alive(others)  # what it has heard last is that another one is gone
            last = str(error).strip().rpartition("\n")[2]
            raise RunError(f"Worker {self._numbers[each]} failed: {last}", self._hint) from error
        if ended.error is not None:
            name, message, hint = ended.error
            kind: Callable[[str, str], ConvscopeError] = getattr(convscope.errors, name, RunError)
            raise kind(message, hint)
        return ended.rows

    def _check_alive(self, workers: Sequence[Any]) -> None:
        """Gives Ray the time to notice which worker is gone.

        Raises:
            _Lost: One is.
        """
        if not workers:
            return
        ready, _ = self._ray.wait(list(workers), num_returns=len(workers), timeout=ENDING_SECONDS)
        for each in ready:
            with suppress(self._ray.exceptions.RayTaskError):
                self._answer(each, self._numbers[each])

    def _answer(self, asked: Any, number: int) -> Any:
        """What a worker answers.

        Raises:
            _Lost: It is gone.
        """
        errors = self._ray.exceptions
        try:
            return self._ray.get(asked)
        except (errors.RayActorError, errors.NodeDiedError) as error:
            raise _Lost(f"worker {number}") from error


def carry_out_on(cluster: Cluster, made: Plan, run: Run, watching: Watching) -> Run:
    """As `carry_out`, with a training in several processes; all else is done in this one.

    Raises:
        UsageError: There are fewer processors than workers, or the training has no steps to share.
        RunError: The cluster does not answer, or workers are lost again and again.
    """
    if made.solver is not None:
        raise UsageError(
            f"{made.architecture} {made.solver.how}, without steps that workers could share.",
            "Leave --cluster out, or name an architecture that is trained by epochs.",
        )
    check_shareable(made)
    if cluster.workers is not None:  # before a cluster is started
        check_batch_size(made.settings.batch_size, cluster.workers)
    ray = ray_package()
    with connected(ray, cluster.address):
        count, needs = _workers(ray, cluster)
        check_batch_size(made.settings.batch_size, count)
        team = Team(ray, run.folder, cluster, count, needs, watching.say)
        share = made.settings.batch_size // count
        watching.say(f"Workers: {count}, each with {_described(needs)} and {share} samples of every step")
        return carry_out(
            replace(made, workers=count),
            run,
            (),
            watching.progress,
            watching.say,
            watching.say_epoch,
            team.learn,
        )


def _workers(ray: ModuleType, cluster: Cluster) -> tuple[int, dict[str, float]]:
    """How many workers there are, and what each takes.

    Raises:
        UsageError: The cluster has less.
    """
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    name = "GPU" if any(each.get("GPU") for each in machines) else "CPU"
    found = [int(each.get(name, 0)) for each in machines]
    count = cluster.workers or (sum(found) if name == "GPU" else sum(map(bool, found)))
    if count > sum(found):
        raise UsageError(
            f"The cluster at '{cluster.address}' has {sum(found)} {name}s, fewer than the {count} workers.",
            f"Give --workers {sum(found)} or less, or add machines to the cluster.",
        )
    if name == "GPU":
        return count, {"CPU": 1, "GPU": 1}
    return count, {"CPU": processors_each(found, count)}


def processors_each(machines: Sequence[int], workers: int) -> int:
    """The most processors that each of some workers can have, none of which spans two machines.

    Args:
        machines: Processors of each machine.
        workers: How many there are; not more than processors.

    Example:
        >>> processors_each([8, 4], 2), processors_each([8, 4], 3)
        (4, 4)
        >>> processors_each([8], 3)
        2
    """
    return next(
        each
        for each in range(max(machines), 0, -1)
        if sum(processors // each for processors in machines) >= workers
    )


def _described(needs: Mapping[str, float]) -> str:
    """Such as "1 GPU" or "8 processors"."""
    if "GPU" in needs:
        return "1 GPU"
    return "1 processor" if needs["CPU"] == 1 else f"{needs['CPU']:.0f} processors"


def _surroundings(needs: Mapping[str, float]) -> Surroundings:
    variables = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    if "GPU" not in needs:
        variables["PJRT_NPROC"] = f"{needs['CPU']:.0f}"  # threads of XLA, which else takes all processors
    return Surroundings((str(Path.cwd()), *filter(None, sys.path)), variables, Path.cwd())
