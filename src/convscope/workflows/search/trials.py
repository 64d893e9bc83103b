"""One trial: a training that is compared on its way, may be stopped, and is recorded however it ends."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import keras

from convscope.data.splits import Splits
from convscope.engine.training.checkpoint import Row
from convscope.engine.training.epoch_weights import FOLDER as EPOCHS
from convscope.engine.training.settings import FIT_OPTIONS
from convscope.errors import ConvscopeError
from convscope.files import write_json
from convscope.json_values import from_json, read_json
from convscope.kinds.registry import find_recipe
from convscope.option import for_architecture, validated
from convscope.run import Run, is_disk_full
from convscope.types import Progress, no_progress
from convscope.workflows.search.halving import rungs
from convscope.workflows.search.space import Trial
from convscope.workflows.start import SETTINGS, Request
from convscope.workflows.train import forget_steps, learn
from convscope.workflows.training_plan import Plan, plan

FILE = "trial.json"
STOPPED_BY_TIME = "the time was over"


@dataclass(frozen=True)
class Outcome:
    """What became of a trial.

    Args:
        status: `running` until it ends; `finished` with all its epochs; `stopped` before; `failed`.
        value: What the objective of the recipe has reached on the validation split; None where nothing was.
        epochs: How many were trained.
        planned: How many it would have.
        seconds: How long it took, without the reading of the data.
        rungs: What it had reached at each rung.
        reason: Why it was stopped, or how it failed.
    """

    status: Literal["running", "finished", "stopped", "failed"] = "running"
    value: float | None = None
    epochs: int = 0
    planned: int = 0
    seconds: float = 0.0
    rungs: tuple[float, ...] = ()
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""
        return self.status != "running"


@dataclass(frozen=True)
class TrialRun:
    """One training of a search.

    Args:
        trial: What is trained.
        seed: Of its random numbers; those that divide the data are of the search.
        folder: Where: a run folder, with `trial.json` in it.
        compared: Whether it may be stopped at its rungs.
    """

    trial: Trial
    seed: int
    folder: Path
    compared: bool = True

    def outcome(self) -> Outcome:
        """What became of it, as far as it was recorded.

        Raises:
            RunError: The record is damaged.
        """
        path = self.folder / FILE
        if not path.exists():
            return Outcome()
        return from_json(Outcome, read_json(path), f"{path} to describe a trial", "Start a new search.")

    def record(self, outcome: Outcome) -> None:
        """Writes what became of it."""
        write_json(self.folder / FILE, asdict(outcome))


@dataclass(frozen=True, eq=False)
class Shared:
    """What all trials of a search share.

    Args:
        request: What is searched for; what it fixes is the same in all trials.
        whole: The data, read once.
    """

    request: Request
    whole: Splits

    def plan(self, trial: Trial, seed: int, *, fresh: bool = True) -> Plan:
        """Everything that is decided before the first epoch of a trial.

        Args:
            trial: What is trained.
            seed: Of its random numbers.
            fresh: Whether the training begins.

        Raises:
            DataError, UsageError, BackendError: The combination cannot work.
        """
        spec = self.request.spec
        architecture = None if trial.number == 0 else trial.architecture
        values = {**self.request.settings, **self.request.options, **_checked(self.request, trial)}
        settings = {name: value for name, value in values.items() if name in SETTINGS}
        return plan(
            find_recipe(spec.name),
            self.request.path,
            architecture or self.request.architecture,
            {name: value for name, value in values.items() if name not in SETTINGS},
            {**settings, "seed": seed},
            no_progress,
            self.request.why,
            fresh=fresh,
            whole=self.whole,
        )


def _checked(request: Request, trial: Trial) -> dict[str, Any]:
    """The values of a trial as options take them, also from JSON."""
    taken = for_architecture((*request.spec.options, *request.spec.model_options), trial.architecture)
    return validated((*FIT_OPTIONS, *taken), trial.values, trial.architecture)


def read_shared(request: Request) -> Shared:
    """Reads the data as the default of a search does."""
    made = plan(
        find_recipe(request.spec.name),
        request.path,
        request.architecture,
        request.options,
        request.settings,
        no_progress,
        request.why,
    )
    return Shared(request, made.whole)


Judge = Callable[[int, int, float], bool]
"""From a rung, the number of a trial and what it has reached to whether it is trained on."""


class _Watch:
    """Asked after each epoch: compares a trial at its rungs, and ends it when the time is over."""

    def __init__(
        self, job: TrialRun, made: Plan, begun: Outcome, judge: Judge, deadline: float | None
    ) -> None:
        self._job, self._judge, self._deadline = job, judge, deadline
        self._seconds, self._started = begun.seconds, time.monotonic()
        self._objective = made.recipe.objective
        self._rungs = rungs(made.settings.epochs) if job.compared else ()
        self.outcome = replace(begun, planned=made.settings.epochs)

    def __call__(self, rows: Sequence[Row]) -> bool:
        """Whether another epoch is to follow."""
        while len(self.outcome.rungs) < len(self._rungs):
            rung = len(self.outcome.rungs)
            place = self._rungs[rung]
            if len(rows) < place:
                break
            value = self._objective.reached(rows[:place])
            seconds = round(self._seconds + time.monotonic() - self._started, 3)
            self.outcome = replace(self.outcome, value=value, epochs=place, seconds=seconds)
            self._job.record(self.outcome)  # without the rung: a kill leaves the judgment to the resume
            if not self._judge(rung, self._job.trial.number, value):
                self.outcome = fallen_behind(self.outcome, value)
                return False
            self.outcome = replace(self.outcome, rungs=(*self.outcome.rungs, value))
            self._job.record(self.outcome)
        late = self._deadline is not None and time.monotonic() > self._deadline
        if late and self._job.trial.number:
            self.outcome = replace(self.outcome, status="stopped", reason=STOPPED_BY_TIME)
        return not self.outcome.is_over


def fallen_behind(outcome: Outcome, value: float) -> Outcome:
    """The end of a trial that is stopped at a rung, where it has this value."""
    reason = f"not among the best third after epoch {outcome.epochs}"
    return replace(outcome, status="stopped", rungs=(*outcome.rungs, value), reason=reason)


def run_trial(
    shared: Shared,
    job: TrialRun,
    judge: Judge,
    deadline: float | None = None,
    progress: Progress = no_progress,
) -> Outcome:
    """Trains, or goes on where a trial was interrupted, and records what became of it.

    Args:
        shared: What all trials share.
        job: The trial; one that is over is not trained again.
        judge: Whether it is trained on from a rung.
        deadline: When it is stopped, as `time.monotonic` counts; the default is not.
        progress: Receives each step.

    Returns:
        What became of it; an error of it is one of the ways to end.
    """
    begun = job.outcome()
    if begun.is_over:
        return begun
    started = time.monotonic()
    keras.utils.clear_session()
    job.folder.mkdir(parents=True, exist_ok=True)
    run = Run(job.folder)
    with _timed(job, begun, started) as ended:
        made = shared.plan(job.trial, job.seed, fresh=not (job.folder / "run.json").exists())
        watch = _Watch(job, made, begun, judge, deadline)
        rows = learn(made, run, progress, watch)
        done = watch.outcome if watch.outcome.is_over else replace(watch.outcome, status="finished")
        planned = len(rows) if made.solver else made.settings.epochs
        ended.append(
            replace(done, value=made.recipe.objective.reached(rows), epochs=len(rows), planned=planned)
        )
    return ended[-1]


@contextmanager
def _timed(job: TrialRun, begun: Outcome, started: float) -> Iterator[list[Outcome]]:
    """Collects how a trial ended, makes an error the end of it, and records it with its duration.

    A trial that is interrupted has no end: what is recorded are its duration and the rungs so far.
    """
    ended: list[Outcome] = []
    try:
        yield ended
    except Exception as error:
        if is_disk_full(error):  # which ends the search; whatever else a combination does must not
            raise
        said = error.message if isinstance(error, ConvscopeError) else f"{type(error).__name__}: {error}"
        ended.append(replace(job.outcome(), status="failed", reason=(said.splitlines() or ["?"])[0][:300]))
    finally:
        last = ended.pop() if ended else job.outcome()
        seconds = round(begun.seconds + time.monotonic() - started, 3)
        ended.append(replace(last, seconds=seconds))
        job.record(ended[-1])
        if ended[-1].status in ("stopped", "failed"):
            forget_model(job.folder)


def forget_model(folder: Path) -> None:
    """Takes away all of a trial but its record and its history."""
    forget_steps(Run(folder))
    shutil.rmtree(folder / EPOCHS, ignore_errors=True)
    for name in ("model.keras", "representation.json", "splits.csv"):
        (folder / name).unlink(missing_ok=True)


def reached(jobs: Sequence[TrialRun]) -> Mapping[tuple[int, int], float]:
    """What trials have recorded at their rungs, by rung and number."""
    return {(rung, job.trial.number): value for job in jobs for rung, value in enumerate(job.outcome().rungs)}
