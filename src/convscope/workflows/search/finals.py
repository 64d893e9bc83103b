"""The end of a search: other seeds for the finalists, the decision, and one look at the test split."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from convscope.errors import RunError
from convscope.files import written_whole
from convscope.run import Run
from convscope.types import silent
from convscope.workflows.cross_validation import figures_of
from convscope.workflows.search.figure import write_importance
from convscope.workflows.search.importance import measure_importance
from convscope.workflows.search.results import (
    PLUS_MINUS,
    SearchResult,
    TrialResult,
    full_settings,
    ranked,
)
from convscope.workflows.search.running import TrialTable, run_jobs
from convscope.workflows.search.state import SearchPlan
from convscope.workflows.search.trials import (
    FILE,
)
from convscope.workflows.start import Watching
from convscope.workflows.train import carry_out


def check_default(search: SearchPlan) -> None:
    """Refuses to compare with a default that cannot be trained.

    Raises:
        RunError: It cannot.
    """
    outcome = search.jobs[0].outcome()
    if outcome.status != "finished":
        raise RunError(
            f"The default of {search.asked.request.spec.name} could not be trained, and nothing can be"
            f" compared with it: {outcome.reason or outcome.status}.",
            f"Try it alone: convscope train {search.asked.request.path}",
        )


def repeat_finalists(search: SearchPlan, table: TrialTable, watching: Watching, until: float | None) -> int:
    """Trains the finalists and the default with other seeds; returns how many seeds all of them had."""
    best = [each for each in ranked(table.results(0), search.falls) if each.outcome.status == "finished"]
    rivals = [each.trial for each in best if each.trial.number][: search.asked.finalists]
    finalists = [search.trials[0], *rivals]
    seconds = {each.trial.number: each.outcome.seconds for each in best}
    rounds = range(search.asked.seeds)
    jobs = [search.repeat(trial, number) for number in rounds for trial in finalists]
    if rivals:
        watching.say(f"Repeating the default and {len(rivals)} finalists with {len(rounds)} other seeds")
        run_jobs(search, jobs, _always, table.told, watching, until, seconds)
    done = 0
    for number in rounds:
        outcomes = [search.repeat(trial, number).outcome() for trial in finalists]
        done += all(each.is_over for each in outcomes) and done == number
    return done


def _always(rung: int, number: int, value: float) -> bool:
    """A repeat is trained to its end."""
    return True


def decide(results: Sequence[TrialResult], measure: str, falls: bool) -> tuple[TrialResult, str]:
    """The trial that is kept, and why.

    The values that chose the finalists are left out: the highest of many is high by chance as well. What is
    compared are the means over other seeds, the same for all.
    """
    default = results[0]
    rivals = [each for each in results[1:] if len(each.repeats) == len(default.repeats) > 1]
    if not rivals:
        count = sum(each.outcome.status == "finished" for each in results[1:])
        why = (
            "no other trial was trained to its end"
            if not count
            else "nothing was repeated with two seeds in time"
        )
        return default, f"The default is kept: {why}."
    sign = -1 if falls else 1
    best = max(rivals, key=lambda each: sign * fmean(each.repeats))
    gain = sign * (fmean(best.repeats) - fmean(default.repeats))
    spread = ((best.std**2 + default.std**2) / 2) ** 0.5
    seeds = len(default.repeats)
    beside = f"{measure} {best.repeated()} over {seeds} seeds, the default {default.repeated()}"
    named = f"trial {best.trial.number} ({best.trial.to_line()})"
    if gain > spread:
        return best, f"{named[0].upper()}{named[1:]} wins: {beside}."
    return default, (
        "The default is kept: no trial is better by more than the spread over seeds"
        f" ({PLUS_MINUS} {spread:.4f})."
        f" The best, {named}, has {beside}."
    )


def ended(
    search: SearchPlan,
    results: tuple[TrialResult, ...],
    winner: TrialResult,
    verdict: str,
    watching: Watching,
) -> SearchResult:
    """Completes the runs of the winner and the default, and measures what mattered."""
    default = results[0]
    run = _completed(search, winner, "winner", verdict, watching)
    beside = run if winner is default else _completed(search, default, "default", verdict, watching)
    main = search.asked.request.spec.main_metric
    figures = {name: figures_of([each], main) for name, each in (("winner", run), ("default", beside))}
    metric = next(iter(figures["winner"]), main)
    test = {name: found[metric][0] for name, found in figures.items() if metric in found}
    objective = search.default.recipe.objective
    compared, values, measured = _comparable(results)
    settings = [full_settings(each.trial, search.spaces) for each in compared]
    importance = measure_importance(settings, values, measured, search.asked.seed)
    write_importance(search.folder, importance, compared, values, search.spaces, objective.measure)
    return SearchResult(
        search.folder,
        objective.measure,
        objective.falls,
        results,
        winner,
        run,
        beside,
        verdict,
        test,
        metric,
        importance,
    )


def _completed(search: SearchPlan, kept: TrialResult, name: str, verdict: str, watching: Watching) -> Run:
    """The run of a trial, evaluated on the test split and complete, in a folder of its own."""
    run, job = Run(search.folder / name), search.jobs[kept.trial.number]
    if not run.folder.exists():
        with written_whole(run.folder) as part:
            shutil.copytree(job.folder, part, ignore=shutil.ignore_patterns(FILE))
    if run.record()["status"] != "complete":
        made = search.shared.plan(kept.trial, job.seed, fresh=False)
        line = f"search: trial {kept.trial.number} of {len(search.trials)} in {search.folder}. {verdict}"
        carry_out(replace(made, decisions=(*made.decisions, line)), run, (), watching.progress, silent)
    origin = {
        "folder": str(search.folder.resolve()),
        "trial": kept.trial.number,
        "trials": len(search.trials),
        "measure": search.default.recipe.objective.measure,
        "repeats": list(kept.repeats),
    }
    if "search" not in run.record():
        run.write_record({**run.record(), "search": origin})
    return run


def _comparable(results: Sequence[TrialResult]) -> tuple[list[TrialResult], list[float], str]:
    """Trials, what they had reached at the last point that all of them came to, and that point in words."""
    known = [each for each in results if each.outcome.value is not None and each.outcome.status != "failed"]
    if all(each.outcome.status == "finished" for each in known):
        return known, [_value(each.outcome.value) for each in known], "after all epochs"
    known = [each for each in known if each.outcome.rungs or each.outcome.status == "finished"]
    first = [(*each.outcome.rungs, each.outcome.value)[0] for each in known]
    ended = not all(each.outcome.rungs for each in known)
    measured = "at the first comparison" + (", or at the end of those that ended before" if ended else "")
    return known, [_value(each) for each in first], measured


def _value(reached: float | None) -> float:
    return math.nan if reached is None else reached
