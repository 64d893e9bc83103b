"""What plain `convscope train --recipe recommendation` reaches, beside methods without a network.

    python benchmarks/recommendation.py [--data FOLDER] [--runs FOLDER] [--only NAME ...] [--seeds N]
        [--json FILE]

| name | data | protocol |
|---|---|---|
| movielens | MovieLens-100k | 75/25 by user, every interaction counts, k = 10 |
| lastfm | Last.fm, `data1.txt` and `test1.txt` | the split of the data, recall@20 |

All items that a user does not have are ranked. Epoch and parameters are chosen on a tenth of the train
interactions of each user. A run that is there already is not trained again.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results import Figure, add_arguments, print_table, write_results

from convscope import api
from convscope.run import Run


@dataclass(frozen=True)
class Line:
    """One data set.

    Args:
        name: What `--only` calls it.
        path: Below the folder of all data.
        metric: Of each ranking in the metrics of a run.
        cut: Which of the cuts, by position.
        target: What its mean should reach.
    """

    name: str
    path: str
    metric: str
    cut: int
    target: float


LINES = (
    Line("movielens", "movielens-100k/u.data", "ndcg", 0, 0.44),
    Line("lastfm", "lastfm/data1.txt", "recall", 1, 0.27),
)
CUTS = (10, 20)


def trained(path: Path, folder: Path, seed: int) -> Run:
    """The finished run with this seed, trained if it is not there."""
    if (folder / "run.json").exists():
        run = Run(folder)
        return run if run.record()["status"] == "complete" else api.train(resume=folder, verbose=0)
    return api.train(path, out=folder, recipe="recommendation", seed=seed, verbose=0)


def measured(line: Line, given: argparse.Namespace) -> list[Figure]:
    """The figure of a line and of all baselines, means over seeds."""
    path = given.data / line.path
    if not path.exists():
        print(f"{line.name}: {path} is missing", flush=True)
        return []
    found: dict[str, list[float]] = {}
    for seed in range(given.seeds):
        run = trained(path, given.runs / f"{line.name}-{seed}", seed)
        judged: dict[str, Any] = run.metrics()["test"]
        for each in (judged["model"], *judged["beside"]):
            found.setdefault(each["name"], []).append(each[line.metric][line.cut])
        said = ", ".join(f"{name} {values[-1]:.4f}" for name, values in found.items())
        print(f"{line.name}, seed {seed}, {line.metric}@{CUTS[line.cut]}: {said}", flush=True)
    return [
        Figure(
            f"{line.name}: {line.metric}@{CUTS[line.cut]} of {name}, {len(values)} seeds",
            statistics.mean(values),
            "",
            line.target if name == "this model" else None,
        )
        for name, values in found.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", default=[], help="names of lines")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    figures: list[Figure] = []
    for line in LINES:
        if not given.only or line.name in given.only:
            figures += measured(line, given)
            write_results(given.json, figures, list(range(given.seeds)))
    if figures:
        print_table(figures)


if __name__ == "__main__":
    main()
