"""Cross-validation: one training for each fold, and what all of them say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

from convscope.backend import prepare_backend
from convscope.data.folds import FEWEST, MOST, Fold
from convscope.files import locked, write_json
from convscope.json_values import Within, from_json, read_json
from convscope.run import FORMAT, Run, check_free, new_run
from convscope.workflows.start import (
    AskedTraining,
    Request,
    Watching,
    asked_of,
    begin,
    go_on,
    requested_again,
    resume,
    start,
)

if TYPE_CHECKING:
    from convscope.data.splits import Splits
    from convscope.workflows.cluster.request import Cluster

SUMMARY = "folds.json"
"""The file by which the folder of a cross-validation is known."""


class _Summary(TypedDict):
    """What `folds.json` must say for a cross-validation to be resumed."""

    format: Literal[1]
    folds: Annotated[int, Within(FEWEST, MOST)]
    asked: AskedTraining


@dataclass(frozen=True)
class CrossValidation:
    """The runs of all folds.

    Args:
        folder: Has `fold-1`, `fold-2`, ... and `folds.json`.
        runs: One for each fold.
        figures: The value of each metric in each fold, the main one of the recipe first.
    """

    folder: Path
    runs: tuple[Run, ...]
    figures: Mapping[str, tuple[float, ...]]

    @property
    def mean(self) -> dict[str, float]:
        """The mean of each metric over the folds."""
        return {name: fmean(values) for name, values in self.figures.items()}

    @property
    def std(self) -> dict[str, float]:
        """The standard deviation of each metric over the folds (with n - 1)."""
        return {name: stdev(values) for name, values in self.figures.items()}

    def to_json(self) -> dict[str, Any]:
        """Plain values by name."""
        figures = {name: list(values) for name, values in self.figures.items()}
        runs = [run.folder.name for run in self.runs]
        return {"runs": runs, "figures": figures, "mean": self.mean, "std": self.std}

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Headings and rows: each fold, then mean and standard deviation."""
        names = list(self.figures)
        rows = [
            (str(number + 1), *(f"{self.figures[name][number]:.4f}" for name in names))
            for number in range(len(self.runs))
        ]
        rows.append(("mean", *(f"{self.mean[name]:.4f}" for name in names)))
        rows.append(("std", *(f"{self.std[name]:.4f}" for name in names)))
        return ("fold", *map(_said, names)), rows

    def to_scores(self) -> tuple[()]:
        """A cross-validation has no report of its own."""
        return ()

    def to_line(self) -> str:
        """The main metric with its spread."""
        name = next(iter(self.figures))
        return (
            f"{_said(name)} {self.mean[name]:.4f} \N{PLUS-MINUS SIGN} {self.std[name]:.4f}"
            f" over {len(self.runs)} folds"
        )


def carry_out(
    request: Request, out: Path | None, watching: Watching, cluster: Cluster | None = None
) -> Run | CrossValidation:
    """Trains in a new folder: once, or for each fold of a cross-validation.

    Args:
        request: What to train.
        out: The folder to make; by default `runs/DATE-NAME`.
        watching: Receives progress and messages.
        cluster: Where several processes train together, if `check_on_cluster` allows; None trains here.
    """
    prepare_backend()
    if request.folds is None:
        return start(request, out, watching, cluster)
    return _cross_validate(request, request.folds, out, watching)


def resume_training(
    folder: Path, path: Path | None, watching: Watching, cluster: Cluster | None = None
) -> Run | CrossValidation:
    """Goes on with a run or a cross-validation; folds that are finished are kept.

    Args:
        folder: The run, or that of the cross-validation.
        path: Where the data is now; by default where it was.
        watching: Receives progress and messages.
        cluster: Where several processes go on together, if `check_on_cluster` allows; None goes on here.

    Raises:
        RunError: As `resume`, or the summary of the folds is damaged.
    """
    if not (folder / SUMMARY).exists():
        Run(folder).record()
    prepare_backend()
    if (folder / SUMMARY).exists():
        return _resume_folds(folder, path, watching)
    return resume(Run(folder), path, watching, cluster)


def _cross_validate(request: Request, folds: int, out: Path | None, watching: Watching) -> CrossValidation:
    around = new_run(out, request.path)
    with around.discarded_on_failure(), locked(around.folder):
        check_free(around.folder)  # another process may have finished since
        write_json(around.folder / SUMMARY, {"format": FORMAT, "folds": folds, "asked": asked_of(request)})
        try:
            return _all(request, folds, around.folder, None, watching)
        except BaseException:
            if not any((around.folder / f"fold-{i + 1}").exists() for i in range(folds)):
                (around.folder / SUMMARY).unlink(missing_ok=True)
            raise


def _resume_folds(folder: Path, path: Path | None, watching: Watching) -> CrossValidation:
    summary = folder / SUMMARY
    request, folds = read_request(summary, path)
    with locked(folder):
        return _all(request, folds, folder, path, watching)


def read_request(summary: Path, moved: Path | None) -> tuple[Request, int]:
    """What the summary of a cross-validation says was asked for, and its number of folds.

    Args:
        summary: The file `folds.json`.
        moved: Where the data is now; by default where it was.

    Raises:
        RunError: The summary is damaged, or a later version wrote it.
    """
    hint = "Start a new cross-validation."
    saved = from_json(_Summary, read_json(summary), f"{summary} to describe a cross-validation", hint)
    return requested_again(saved["asked"], moved, summary, hint), saved["folds"]


def _all(
    request: Request, folds: int, folder: Path, moved: Path | None, watching: Watching
) -> CrossValidation:
    runs: list[Run] = []
    whole: Splits | None = None
    for number in range(1, folds + 1):
        run = Run(folder / f"fold-{number}")
        if (run.folder / "run.json").exists():
            runs.append(go_on(run, moved, watching))
            continue
        run, fold = new_run(run.folder, request.path), Fold(number, folds)
        finished, whole = begin(request, run, watching, fold, whole)
        runs.append(finished)
    found = CrossValidation(folder, tuple(runs), figures_of(runs, request.spec.main_metric))
    summary = read_json(folder / SUMMARY)
    write_json(folder / SUMMARY, {**summary, **found.to_json()})
    return found


def figures_of(runs: Sequence[Run], main: str) -> dict[str, tuple[float, ...]]:
    """The value of each metric that is one number, in each run.

    Args:
        runs: Finished ones of one recipe.
        main: The metric that comes first.
    """
    measured = [_numbers(run.metrics()["test"]) for run in runs]
    names = sorted(measured[0], key=lambda name: name != main)
    return {
        name: tuple(each[name] for each in measured)
        for name in names
        if all(name in each for each in measured)
    }


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are one number; those of an object have its name before a dot."""
    found = {}
    for name, value in metrics.items():
        inner = value.items() if isinstance(value, dict) else ()
        for whole, each in ((name, value), *((f"{name}.{part}", each) for part, each in inner)):
            if isinstance(each, float):
                found[whole] = each
    return found


def _said(name: str) -> str:
    return name.replace("_", " ").replace(".", " ")
