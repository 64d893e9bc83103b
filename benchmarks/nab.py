"""The Numenta Anomaly Benchmark: the recipe's defaults on each of its 58 series, its own scorer's rules.

    python benchmarks/nab.py --data FOLDER [--runs FOLDER] [--seeds 0 1] [--architecture NAME]

FOLDER holds NAB's `data/` and `labels/`. Every series is a run of its own, trained by the same shipped
defaults on its probation (the first 15 %, 750 rows at most, which is not scored). The threshold follows from
the rate of false alarms that the recipe is asked for by default, and from no label. Beside it stands what one
threshold for all series would reach that is chosen with the labels in hand, as the benchmark lets detectors
choose: for comparison with its table, and out of reach for a detector in use. A run that is there already is
not trained again.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from nab_scoring import best_threshold, windowed_gaussian
from results import Figure, add_arguments, print_table, write_results

from convscope import api
from convscope.kinds.series.anomaly.metrics import Worth, normalized, raw_score, worth
from convscope.kinds.series.anomaly.windows import BenchmarkLabels, probation
from convscope.kinds.series.readers.tables import read_series_table
from convscope.kinds.tasks.alarms import find_alarms
from convscope.run import Run
from convscope.workflows.predict import Predictor

LEVELS = np.arange(1.5, 8.01, 0.05)
"""Thresholds among which the labels choose."""


def trained(path: Path, folder: Path, seed: int, architecture: str | None) -> Run:
    """The finished run of a series, trained if it is not there."""
    if folder.exists():
        return api.train(resume=folder)
    return api.train(path, recipe="series-anomaly", architecture=architecture, out=folder, seed=seed)


def scores_of(run: Run) -> tuple[np.ndarray, np.ndarray, int]:
    """Scores and parts of the rows that are judged, and the row of the series that they begin with."""
    made = Predictor(run)
    path = Path(run.record()["data"]["path"])
    test = made.recipe.read(path, **made.options).test
    (answer,) = made.recipe.predict(made.fitted, test.samples, lambda *_: None)
    scored, lead = answer.scored, answer.lead
    start = len(read_series_table(path)[0]) - (len(scored.scores) - lead)
    return scored.scores[lead:], scored.parts[lead:], start


def chosen_by_labels(worths: dict[str, Worth], found: dict[str, tuple[np.ndarray, np.ndarray, int]]) -> float:
    """The highest figure of one threshold for all series, alarms gathered as the recipe does."""
    windows = sum(each.windows for each in worths.values())
    best = 0.0
    for level in LEVELS:
        raw = 0.0
        for name, (scores, parts, start) in found.items():
            starts = [start + alarm.start for alarm in find_alarms(scores, parts, float(level))]
            raw += raw_score(worths[name], starts)
        best = max(best, normalized(raw, windows))
    return best


def one_seed(
    data: Path, runs: Path, seed: int, architecture: str | None, names: list[str]
) -> dict[str, float]:
    """Figures of one training of each series."""
    labels = BenchmarkLabels(data)
    worths, found, judged, seconds = {}, {}, [], []
    for number, name in enumerate(names, 1):
        path = data / "data" / name
        begun = time.monotonic()
        folder = runs / f"{architecture or 'default'}-{seed}" / name.replace("/", "-").removesuffix(".csv")
        run = trained(path, folder, seed, architecture)
        seconds.append(time.monotonic() - begun)
        judged += run.metrics()["test"]["series"]
        table, _ = read_series_table(path)
        worths[name] = worth(len(table), labels.windows(path, table.times), probation(len(table)))
        found[name] = scores_of(run)
        print(f"{number}/{len(names)} {name}: {judged[-1]}", flush=True)
    windows = sum(each["windows"] for each in judged)
    return {
        "score": normalized(sum(each["raw"] for each in judged), windows),
        "chosen by labels": chosen_by_labels(worths, found),
        "false alarms": 1000 * sum(each["false"] for each in judged) / sum(each["rows"] for each in judged),
        "found": 100 * sum(each["found"] for each in judged) / windows,
        "seconds": statistics.mean(seconds),
    }


def gaussian(data: Path, names: list[str]) -> float:
    """The benchmark's windowed Gaussian with its threshold chosen by labels; published is 39.6."""
    labels = BenchmarkLabels(data)
    worths, scores = {}, {}
    for name in names:
        table, _ = read_series_table(data / "data" / name)
        worths[name] = worth(
            len(table), labels.windows(data / "data" / name, table.times), probation(len(table))
        )
        scores[name] = windowed_gaussian(table.values[:, 0])
    return best_threshold(worths, scores)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/nab"))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--architecture")
    given = parser.parse_args()
    names = sorted(str(path.relative_to(given.data / "data")) for path in given.data.glob("data/*/*.csv"))
    if given.quick:
        names = names[::6]
    per_seed = [one_seed(given.data, given.runs, seed, given.architecture, names) for seed in given.seeds]

    def mean(name: str) -> float:
        return statistics.mean(each[name] for each in per_seed)

    spread = ", ".join(f"{each['score']:.1f}" for each in per_seed)
    figures = [
        Figure(f"NAB standard, no label used, {len(names)} series (seeds: {spread})", mean("score"), "", 60),
        Figure(
            "NAB standard, threshold chosen by labels, for comparison alone", mean("chosen by labels"), ""
        ),
        Figure("known anomalies in which an alarm begins", mean("found"), "%"),
        Figure("alarms outside of them in 1,000 rows", mean("false alarms"), "", None, "lower"),
        Figure(
            "windowed Gaussian, threshold chosen by labels (published: 39.6)", gaussian(given.data, names), ""
        ),
        Figure("a series, read, trained, judged and reported", mean("seconds"), "s", None, "lower"),
    ]
    print_table(figures)
    write_results(given.json, figures, given.seeds)


if __name__ == "__main__":
    main()
