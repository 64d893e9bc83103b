"""What a search has found: a row for each trial, the winner, and what mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from convscope.csv_text import csv_text
from convscope.files import written_whole
from convscope.option import Value
from convscope.run import Run
from convscope.workflows.search.importance import Importance
from convscope.workflows.search.space import Space, Trial, said
from convscope.workflows.search.trials import Outcome

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"


@dataclass(frozen=True)
class TrialResult:
    """A trial and what became of it.

    Args:
        trial: The combination.
        outcome: With the seed of the search.
        repeats: What it reached with other seeds; empty where it was not repeated.
    """

    trial: Trial
    outcome: Outcome
    repeats: tuple[float, ...] = ()

    @property
    def mean(self) -> float | None:
        """The mean over the repeats."""
        return fmean(self.repeats) if self.repeats else None

    @property
    def std(self) -> float:
        """The standard deviation over the repeats (with n - 1)."""
        return stdev(self.repeats) if len(self.repeats) > 1 else 0.0

    def repeated(self) -> str:
        """Mean and standard deviation over the repeats, in words."""
        return f"{self.mean:.4f} {PLUS_MINUS} {self.std:.4f}" if self.repeats else ""

    def state(self) -> str:
        """How it ended, in words."""
        outcome = self.outcome
        trained = f"epoch {outcome.epochs} of {outcome.planned}"
        if outcome.status == "finished" and outcome.epochs == outcome.planned:
            return "finished"
        if outcome.status == "finished":
            return f"finished by its patience after {trained}"
        return f"{outcome.status} after {trained}" if outcome.status == "stopped" else outcome.status


@dataclass(frozen=True)
class SearchResult:
    """What a search has found.

    Args:
        folder: Has `search.json`, `trials.csv`, `importance.csv`, `importance.png`, and the runs.
        measure: What trials are compared by, such as `validation accuracy`.
        falls: Whether lower values of it are better.
        trials: All of them, in their order; the default is the first.
        winner: The one that is kept.
        run: That of the winner, complete.
        default: That of the default, complete; the same where the default is kept.
        verdict: Who won, by how much, in one sentence.
        test: The main metric of the test split for `winner` and `default`.
        test_metric: Its name.
        importance: What mattered.
    """

    folder: Path
    measure: str
    falls: bool
    trials: tuple[TrialResult, ...]
    winner: TrialResult
    run: Run
    default: Run
    verdict: str
    test: Mapping[str, float]
    test_metric: str
    importance: Importance

    @property
    def keeps_default(self) -> bool:
        """Whether nothing was better than the default."""
        return self.winner.trial.number == 0

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        return {
            "measure": self.measure,
            "winner": self.winner.trial.number,
            "verdict": self.verdict,
            "run": self.run.folder.name,
            "default": self.default.folder.name,
            "test_metric": self.test_metric,
            "test": dict(self.test),
            "trials": [
                {**asdict(each.trial), **asdict(each.outcome), "repeats": list(each.repeats)}
                for each in self.trials
            ],
            "importance": asdict(self.importance),
        }

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headings and rows: the trials, the best first."""
        rows: list[tuple[str, ...]] = [
            (
                str(each.trial.number),
                "" if each.outcome.value is None else f"{each.outcome.value:.4f}",
                each.repeated(),
                each.state(),
                each.trial.to_line(),
            )
            for each in ranked(self.trials, self.falls)
        ]
        return ("trial", self.measure, "other seeds", "state", "combination"), rows

    def to_line(self) -> str:
        """Who won, what the test split says, and what mattered."""
        shown = {name: f"{value:.4f}" for name, value in self.test.items()}
        beside = "" if self.keeps_default else f", the default {shown['default']}"
        name = self.test_metric.replace("_", " ").replace(".", " ")
        test = f"On the test split, one seed: {name} {shown['winner']}{beside}."
        return f"{self.verdict} {test} {self.importance.finding}"


def ranked(trials: Sequence[TrialResult], falls: bool) -> list[TrialResult]:
    """Finished trials first, the best of them first; then those that came further before they ended."""
    sign = 1 if falls else -1

    def place(each: TrialResult) -> tuple[bool, int, float, int]:
        outcome, finished = each.outcome, each.outcome.status == "finished"
        value = 0.0 if outcome.value is None else sign * outcome.value
        return not finished, 0 if finished else -len(outcome.rungs), value, each.trial.number

    return sorted(trials, key=place)


def full_settings(trial: Trial, spaces: Sequence[Space]) -> dict[str, Value]:
    """The value of every setting that is tried of its architecture, `architecture` among them."""
    own = next((space for space in spaces if space.architecture == trial.architecture), None)
    usual = {} if own is None else {each.name: each.default for each in own.dimensions}
    changed = {name: tuple(v) if isinstance(v, list) else v for name, v in trial.values.items()}
    return {"architecture": trial.architecture, **usual, **changed}


def write_trials(path: Path, trials: Sequence[TrialResult], spaces: Sequence[Space], measure: str) -> None:
    """Writes one CSV line for each trial, with the value of every setting that is tried."""
    names = list(dict.fromkeys(each.name for space in spaces for each in space.dimensions))
    heading = ["trial", "status", measure, "epochs", "planned", "seconds", "mean", "std", "repeats"]
    rows: list[list[object]] = [[*heading, "architecture", *names, "reason"]]
    for each in trials:
        outcome, settings = each.outcome, full_settings(each.trial, spaces)
        shown = [said(settings[name]) if name in settings else "" for name in ("architecture", *names)]
        value = "" if outcome.value is None else outcome.value
        counts = [outcome.epochs, outcome.planned, outcome.seconds]
        spread = [each.mean, each.std, len(each.repeats)] if each.repeats else ["", "", 0]
        rows.append([each.trial.number, outcome.status, value, *counts, *spread, *shown, outcome.reason])
    with written_whole(path) as part:
        part.write_text(csv_text(rows, safe=True), "utf-8")
