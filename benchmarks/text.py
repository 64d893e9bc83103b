"""Accuracy on text: the recipes' defaults on real data, nothing pre-trained, convolution only.

    python benchmarks/text.py --data FOLDER [--runs FOLDER] [--only NAME ...] [--seeds 0 1 2] [--json FILE]

FOLDER holds `sentences/`, `conll2003/` and `multi30k/`. Each line is a training by the shipped defaults of
its recipe, judged on its test split by the best epoch of the validation split; several seeds give a mean. A
run that is there already is not trained again.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from results import Figure, add_arguments, print_table, write_results

from convscope import api
from convscope.run import Run


@dataclass(frozen=True)
class Line:
    """One row of the table: what is trained on what, and what is expected of it."""

    name: str
    path: str
    recipe: str
    figure: Callable[[dict], float]
    unit: str
    target: float | None
    architecture: str | None = None
    options: dict = field(default_factory=dict)


def percent(name: str) -> Callable[[dict], float]:
    return lambda judged: 100 * judged[name]


LINES = (
    Line("SST-2", "sentences/stsa.binary.train", "text-classification", percent("accuracy"), "%", 83.5),
    Line(
        "TREC",
        "sentences/TREC.train.all",
        "text-classification",
        percent("accuracy"),
        "%",
        91.2,
        options={"encoding": "latin-1"},
    ),
    Line(
        "SST-2, ensemble of 5",
        "sentences/stsa.binary.train",
        "text-classification",
        percent("accuracy"),
        "%",
        83.5,
        options={"ensemble": 5},
    ),
    Line(
        "TREC, ensemble of 5",
        "sentences/TREC.train.all",
        "text-classification",
        percent("accuracy"),
        "%",
        91.2,
        options={"encoding": "latin-1", "ensemble": 5},
    ),
    Line("CoNLL-2003 English", "conll2003", "text-tagging", percent("f1"), "entity F1", 81),
    Line(
        "Multi30k German to English",
        "multi30k/data/task1/raw",
        "translation",
        lambda judged: judged["bleu"],
        "BLEU",
        35,
        options={"source": "de", "target": "en", "test": "test_2016_flickr"},
    ),
    Line(
        "Multi30k English to French",
        "multi30k/data/task1/raw",
        "translation",
        lambda judged: judged["bleu"],
        "BLEU",
        None,
        options={"source": "en", "target": "fr", "test": "test_2016_flickr"},
    ),
)


def trained(line: Line, data: Path, runs: Path, seed: int, settings: dict) -> Run:
    """The finished run of a line, trained if it is not there."""
    folder = (
        runs
        / f"{line.name.lower().replace(',', '').replace(' ', '-')}-{line.architecture or 'default'}-{seed}"
    )
    run = Run(folder)
    if folder.exists():
        return api.train(resume=folder)
    print(f"{line.name}, seed {seed}: training", flush=True)
    moment = [time.monotonic()]

    def progress(done: int, total: int | None, what: str) -> None:
        if time.monotonic() - moment[0] > 30:
            moment[0] = time.monotonic()
            print(f"  {done}/{total} {what}", flush=True)

    run = api.train(
        data / line.path,
        recipe=line.recipe,
        architecture=line.architecture,
        options=line.options,
        out=folder,
        seed=seed,
        progress=progress,
        say=lambda text: print(f"  {text}", flush=True),
        **settings,
    )
    return run


def _names(asked: str, line: Line) -> bool:
    """Whether a line is asked for: by its name, or by the beginning of it where no line is called so."""
    name = line.name.lower()
    exact = any(asked == each.name.lower() for each in LINES)
    return name == asked if exact else name.startswith(asked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    given = parser.parse_args()
    settings = {"epochs": 1} if given.quick else {}
    figures = []
    for line in LINES:
        if given.only and not any(_names(each.lower(), line) for each in given.only):
            continue
        values, minutes = [], []
        for seed in given.seeds:
            run = trained(line, given.data, given.runs, seed, settings)
            value = line.figure(run.metrics()["test"])
            values.append(value)
            minutes.append(run.record()["training_seconds"] / 60)
            print(f"{line.name}, seed {seed}: {value:.2f} {line.unit}, {minutes[-1]:.1f} min", flush=True)
        spread = f", seeds {' '.join(f'{value:.2f}' for value in values)}" if len(values) > 1 else ""
        mean = statistics.mean(values)
        took = f"{statistics.mean(minutes):.1f} min"
        figures.append(Figure(f"{line.name}, test{spread}, {took}", mean, line.unit, line.target))
    print_table(figures)
    write_results(given.json, figures, given.seeds)


if __name__ == "__main__":
    main()
