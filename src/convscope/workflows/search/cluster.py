"""The same trials on a Ray cluster: Ray Tune places them, and stops those that fall behind at a rung.

A trial that is lost with its machine is started again by Ray, and goes on from its checkpoint. All machines
need this package in the same version, and must see the data and the folder of the search at the same paths.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, cast

from convscope.engine.cluster import connected, ray_package
from convscope.errors import BackendError, ConvscopeError, RunError, install_command

if TYPE_CHECKING:
    from convscope.workflows.search.trials import Judge, Outcome, Shared, TrialRun

RESTARTS = 3
"""Times that a trial is started again whose machine was lost."""
END = -1
"""In place of a rung, what a trial that is over reports."""
_SETTINGS = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # trials keep their own histories
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C ends the search as it ends every command
    "RAY_AIR_NEW_OUTPUT": "0",
}


class _Placed(Protocol):
    """A trial as Ray Tune knows it."""

    config: Mapping[str, int]

    def should_recover(self) -> bool:
        """Whether it is started again."""


class _Scheduler(Protocol):
    """What Ray Tune asks whether a trial goes on."""

    def settle(self) -> None:
        """Records what was stopped, once nothing else writes."""


class _Tuner(Protocol):
    """Ray Tune with trials to run."""

    def fit(self) -> object:
        """Runs them all."""


def run_on_cluster(
    shared: Shared,
    jobs: Sequence[TrialRun],
    judge: Judge,
    told: Callable[[TrialRun, Outcome], None],
    deadline: float | None,
    address: str,
    folder: Path,
) -> None:
    """Runs trials on a cluster, as many at a time as it has processors or GPUs.

    Args:
        shared: What all trials share.
        jobs: In the order in which they begin.
        judge: Whether one is trained on from a rung; asked here, where all rungs come together.
        told: Receives how each ended.
        deadline: When all but the default are stopped, as `time.monotonic` counts here; None for never.
        address: Of the cluster, such as `10.0.0.1:6379` or `auto`; `local` starts one on this machine.
        folder: Of the search.

    Raises:
        RunError: The cluster does not answer, or fails.
        BackendError: Ray is not installed.
    """
    ray = ray_package()
    tune = _tune_package()
    place = folder.absolute() / "ray"
    late = None if deadline is None else time.time() + deadline - time.monotonic()
    with connected(ray, address):
        scheduler = _scheduler(tune, jobs, judge, told)
        tuner = _tuner(ray, tune, shared, jobs, scheduler, late, place)
        try:
            tuner.fit()
        except (ray.exceptions.RayError, tune.TuneError) as error:
            lines = [line for line in str(error).strip().splitlines() if line.strip()]
            raise RunError(
                f"The cluster could not finish: {(lines or [type(error).__name__])[-1].strip()}",
                f"Trials that are over are kept. Go on: convscope search --resume {folder}",
            ) from error
        finally:
            scheduler.settle()
            shutil.rmtree(place, ignore_errors=True)


def _tuner(
    ray: ModuleType,
    tune: ModuleType,
    shared: Shared,
    jobs: Sequence[TrialRun],
    scheduler: _Scheduler,
    late: float | None,
    place: Path,
) -> _Tuner:
    """What runs the trials, with what their processes need to know."""
    request = replace(shared.request, path=shared.request.path.absolute())
    packed = ray.cloudpickle.dumps((request, [_at_home(job) for job in jobs], late))
    around = {"path": [str(Path.cwd()), *filter(None, sys.path)], "variables": _variables()}
    trainable = tune.with_parameters(_train, packed=packed, around=around)
    tuner: _Tuner = tune.Tuner(
        tune.with_resources(trainable, _needs(ray, len(jobs))),
        param_space={"place": tune.grid_search(list(range(len(jobs))))},
        tune_config=tune.TuneConfig(scheduler=scheduler, reuse_actors=True),
        run_config=tune.RunConfig(
            name="trials",
            storage_path=str(place),
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=RESTARTS),
        ),
    )
    return tuner


def _tune_package() -> ModuleType:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        from ray import tune
    except ImportError as error:
        raise BackendError(
            f"--cluster runs searches on ray.tune, which lacks a package: {error}.",
            f"Install it: {install_command('cluster')}",
        ) from error
    return cast(ModuleType, tune)


def _variables() -> dict[str, str]:
    return {
        name: os.environ[name] for name in ("KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL") if name in os.environ
    }


def _needs(ray: ModuleType, jobs: int) -> dict[str, float]:
    """What each trial takes: a GPU where there are some, else its share of the processors."""
    resources: Mapping[str, float] = ray.cluster_resources()
    cores = int(resources.get("CPU", 1))
    if resources.get("GPU"):
        return {"cpu": 1, "gpu": 1}
    return {"cpu": max(1, cores // max(jobs, 1))}


def _at_home(job: TrialRun) -> TrialRun:
    """A trial whose folder holds in any working directory."""
    return replace(job, folder=job.folder.absolute())


def _scheduler(
    tune: ModuleType, jobs: Sequence[TrialRun], judge: Judge, told: Callable[[TrialRun, Outcome], None]
) -> _Scheduler:
    """Judges trials at their rungs, and says how each ended."""
    from convscope.workflows.search.trials import fallen_behind, forget_model

    class Rungs(tune.schedulers.FIFOScheduler):  # type: ignore[misc,name-defined]
        """Trials in their order, each stopped at a rung where it falls behind."""

        def __init__(self) -> None:
            super().__init__()
            self._stopped: dict[int, Outcome] = {}

        def on_trial_result(self, controller: object, trial: _Placed, result: Mapping[str, Any]) -> str:
            """Judges a trial that has come to a rung."""
            place = trial.config["place"]
            job, rung = jobs[place], int(result["rung"])
            if rung == END or judge(rung, job.trial.number, float(result["value"])):
                return str(self.CONTINUE)
            self._stopped[place] = fallen_behind(job.outcome(), float(result["value"]))
            return str(self.STOP)

        def on_trial_complete(self, controller: object, trial: _Placed, result: Mapping[str, Any]) -> None:
            """Says how a trial ended."""
            self._end(trial.config["place"])

        def on_trial_error(self, controller: object, trial: _Placed) -> None:
            """Records a trial whose process was lost too often; Ray starts it again before that."""
            if trial.should_recover():
                return
            job = jobs[trial.config["place"]]
            if not job.outcome().is_over:
                lost = f"its process was lost {RESTARTS + 1} times, perhaps for want of memory"
                job.record(replace(job.outcome(), status="failed", reason=lost))
            told(job, job.outcome())

        def settle(self) -> None:
            """Records trials that were stopped once more: what their processes wrote last may be older."""
            for place, outcome in self._stopped.items():
                jobs[place].record(outcome)
                forget_model(jobs[place].folder)

        def _end(self, place: int) -> None:
            job = jobs[place]
            if place in self._stopped:
                job.record(self._stopped[place])
            told(job, job.outcome())

    return Rungs()


def _train(config: Mapping[str, Any], packed: bytes, around: Mapping[str, Any]) -> None:
    """One trial, in a process of the cluster."""
    sys.path.extend(each for each in around["path"] if each not in sys.path)
    os.environ.update(around["variables"])
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    from ray import tune

    from convscope.backend import prepare_backend

    prepare_backend()
    import ray

    from convscope.workflows.search.trials import run_trial

    _, jobs, late = ray.cloudpickle.loads(packed)
    job: TrialRun = jobs[int(config["place"])]

    def report(rung: int, number: int, value: float) -> bool:
        """Tells of a rung; Ray ends this process where the trial falls behind."""
        tune.report({"rung": rung, "value": value})
        return True

    deadline = None if late is None else time.monotonic() + late - time.time()
    if deadline is not None and time.monotonic() > deadline and job.trial.number:
        tune.report({"rung": END, "value": 0.0})
        return
    try:
        run_trial(_shared(packed), job, report, deadline)
    except ConvscopeError as error:  # this machine does not see the data
        job.record(replace(job.outcome(), status="failed", reason=f"{socket.gethostname()}: {error.message}"))
    tune.report({"rung": END, "value": 0.0})


@lru_cache(maxsize=1)
def _shared(packed: bytes) -> Shared:
    """The data, read once for each process."""
    import ray

    from convscope.workflows.search.trials import read_shared

    return read_shared(ray.cloudpickle.loads(packed)[0])
