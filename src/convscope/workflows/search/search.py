"""The search: trials with early stopping, other seeds for the best, and one look at the test split."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from convscope.engine.cluster import check_cluster
from convscope.errors import RunError
from convscope.files import locked, write_json
from convscope.json_values import read_json
from convscope.run import Run, check_free, new_run
from convscope.types import Progress, Say
from convscope.workflows.search.finals import check_default, decide, ended, repeat_finalists
from convscope.workflows.search.halving import Halving
from convscope.workflows.search.request import SearchRequest
from convscope.workflows.search.results import SearchResult
from convscope.workflows.search.running import TrialTable, run_jobs
from convscope.workflows.search.space import Space
from convscope.workflows.search.state import SUMMARY, SearchPlan, prepared, read_search, write_search
from convscope.workflows.search.trials import forget_model, reached
from convscope.workflows.start import Watching

FOR_TRIALS = 0.6
"""Share of the time that the trials may take; the rest is for the repeats."""


def carry_out_search(asked: SearchRequest, out: Path, watching: Watching) -> SearchResult:
    """Searches in a new folder.

    Args:
        asked: What is searched for.
        out: The folder to make.
        watching: Receives progress and messages.

    Returns:
        The winner, and all trials.

    Raises:
        DataError, UsageError: The data is malformed, or cannot be searched on.
        RunError: The folder cannot be written, the default cannot be trained, or no cluster answers.
        BackendError: `cluster` is asked for, and Ray is not installed.
    """
    if asked.cluster is not None:
        check_cluster(asked.cluster)
    around = new_run(out, asked.request.path)
    with around.discarded_on_failure(), locked(around.folder):
        check_free(around.folder)  # another process may have finished since
        search = prepared(asked, around.folder, watching)
        write_search(search)
        with around.full_disk_told("search"):
            return _all(search, watching)


def resume_search(folder: Path, path: Path | None, watching: Watching) -> SearchResult:
    """Goes on with a search: trials that are over are kept, one that was interrupted goes on.

    Args:
        folder: That of the search.
        path: Where the data is now; by default where it was.
        watching: Receives progress and messages.

    Raises:
        RunError: The folder is not that of a search, its summary is damaged, or its data has changed.
    """
    asked, fingerprint, trials = read_search(folder, path)
    if asked.cluster is not None:
        check_cluster(asked.cluster)
    with locked(folder):
        search = replace(prepared(asked, folder, watching), trials=trials)
        if search.shared.whole.fingerprint != fingerprint:
            raise RunError(
                f"The data at {asked.request.path} has changed since {folder} was started.",
                "Restore it, or start a new search.",
            )
        with Run(folder).full_disk_told("search"):
            return _all(search, watching)


def preview_search(asked: SearchRequest, progress: Progress, say: Say) -> tuple[Space, ...]:
    """Reads the data, says what would be tried, and stops.

    Args:
        asked: What would be searched for.
        progress: Receives each step.
        say: Receives the space, a line at a time.
    """
    search = prepared(asked, Path(), Watching((), progress, say), only_data=True)
    for trial in search.trials:
        say(f"Trial {trial.number}: {trial.to_line()}")
    return search.spaces


def _all(search: SearchPlan, watching: Watching) -> SearchResult:
    """All trials, repeats and the end; what is done already is not done again."""
    began, allowed = time.monotonic(), search.asked.time
    spent = sum(each.outcome().seconds for each in search.jobs)
    until = None if allowed is None else began - spent + allowed
    for_trials = None if allowed is None else began - spent + FOR_TRIALS * allowed
    table = TrialTable(search, watching.say)
    try:
        judge = Halving(search.falls, reached(search.jobs)).goes_on
        run_jobs(search, search.jobs, judge, table.told, watching, for_trials)
        check_default(search)
        rounds = repeat_finalists(search, table, watching, until)
    finally:
        table.write()
    results = table.results(rounds)
    winner, verdict = decide(results, search.default.recipe.objective.measure, search.falls)
    result = ended(search, results, winner, verdict, watching)
    content = {**read_json(search.folder / SUMMARY), "result": result.to_json()}
    write_json(search.folder / SUMMARY, content)
    for job in (
        *search.jobs,
        *(search.repeat(trial, k) for trial in search.trials for k in range(search.asked.seeds)),
    ):
        if job.folder.exists():
            forget_model(job.folder)
    return result
