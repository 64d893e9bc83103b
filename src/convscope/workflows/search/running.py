"""Runs the trainings of a search, in turn or on a cluster, and keeps its table."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from convscope.types import Say
from convscope.workflows.search.cluster import run_on_cluster
from convscope.workflows.search.results import (
    TrialResult,
    write_trials,
)
from convscope.workflows.search.space import Trial
from convscope.workflows.search.state import SearchPlan
from convscope.workflows.search.trials import (
    Judge,
    Outcome,
    TrialRun,
    run_trial,
)
from convscope.workflows.start import Watching

Told = Callable[[TrialRun, Outcome], None]


def run_jobs(
    search: SearchPlan,
    jobs: Sequence[TrialRun],
    judge: Judge,
    told: Told,
    watching: Watching,
    deadline: float | None,
    seconds: Mapping[int, float] | None = None,
) -> None:
    """Runs those that are not over, in turn or on a cluster.

    Args:
        search: What is known.
        jobs: In the order in which they begin.
        judge: Whether one is trained on from a rung.
        told: Receives how each ended.
        watching: Receives progress.
        deadline: When no other begins, and those that run are stopped; None for never.
        seconds: How long a trial takes, by its number: one begins only where it ends in time.
    """
    left = [job for job in jobs if not job.outcome().is_over]
    if search.asked.cluster is not None and left:
        run_on_cluster(search.shared, left, judge, told, deadline, search.asked.cluster, search.folder)
        return
    for place, job in enumerate(left):
        ends = time.monotonic() + (seconds or {}).get(job.trial.number, 0.0)
        if deadline is not None and ends > deadline and (job.trial.number or not job.compared):
            continue
        watching.progress(len(jobs) - len(left) + place, len(jobs), f"searching, {job.trial.to_line()}")
        stop = deadline if job.compared else None
        told(job, run_trial(search.shared, job, judge, stop))


class TrialTable:
    """Keeps `trials.csv` as the trials are, and says how each ended."""

    def __init__(self, search: SearchPlan, say: Say) -> None:
        self._search, self._say = search, say

    def told(self, job: TrialRun, outcome: Outcome) -> None:
        """Says how a trial ended, and writes the table."""
        measure = self._search.default.recipe.objective.measure
        name = f"Trial {job.trial.number}" if job.compared else f"Trial {job.trial.number}, seed {job.seed}"
        value = "" if outcome.value is None else f" {measure} {outcome.value:.4f},"
        if not outcome.is_over:
            self._say(f"{name}: {job.trial.to_line()}: not begun, since the time was over")
            return
        ended = TrialResult(job.trial, outcome).state()
        reason = f" ({outcome.reason})" if outcome.status == "failed" else ""
        self._say(f"{name}: {job.trial.to_line()}:{value} {ended} in {outcome.seconds:.0f} s{reason}")
        if job.compared:
            self.write()

    def results(self, rounds: int) -> tuple[TrialResult, ...]:
        """All trials, with what all finalists reached in so many repeats."""
        return tuple(
            TrialResult(job.trial, job.outcome(), _repeats(self._search, job.trial, rounds))
            for job in self._search.jobs
        )

    def write(self) -> None:
        """Writes `trials.csv`, with all repeats that there are."""
        results = self.results(self._search.asked.seeds)
        measure = self._search.default.recipe.objective.measure
        write_trials(self._search.folder / "trials.csv", results, self._search.spaces, measure)


def _repeats(search: SearchPlan, trial: Trial, rounds: int) -> tuple[float, ...]:
    found = [search.repeat(trial, number).outcome() for number in range(rounds)]
    return tuple(each.value for each in found if each.status == "finished" and each.value is not None)
