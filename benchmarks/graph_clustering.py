"""Clusters of Cora by plain `convscope train --recipe node-clustering`, beside Louvain and k-means.

    python benchmarks/graph_clustering.py [--data FOLDER] [--runs FOLDER] [--json FILE] [--quick]

Each figure is the mean over 10 seeds of weights; labels take no part in a training, nor in the number of
clusters, and judge alone. Targets are from Tsitsulin et al. (2023), "Graph clustering with graph neural
networks", with 16 clusters at most as there. A run that is there already is not trained again, so that an
interrupted benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from results import Figure, add_arguments, print_table, write_results

from convscope import api
from convscope.run import Run

SEEDS = 10
QUICK_SEEDS = 2
TARGETS = {"modularity": 0.74, "nmi": 0.49}
MEASURES = ("modularity", "conductance", "nmi", "ari", "clusters")


def trained(path: Path, folder: Path, seed: int) -> Run:
    """The finished run with this seed, trained if it is not there."""
    if (folder / "run.json").exists():
        run = Run(folder)
        return run if run.record()["status"] == "complete" else api.train(resume=folder, verbose=0)
    return api.train(path, out=folder, seed=seed, recipe="node-clustering", verbose=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    given = parser.parse_args()
    seeds = list(range(QUICK_SEEDS if given.quick else SEEDS))
    judged = []
    for seed in seeds:
        run = trained(given.data / "cora", given.runs / f"cora-clusters-{seed}", seed)
        found = run.metrics()["test"]
        judged.append([found["model"], *found["beside"]])
        told = ", ".join(f"{name} {found['model'][name]:.3f}" for name in MEASURES)
        print(f"seed {seed}: {told}", flush=True)
    figures = []
    for place, method in enumerate(judged[0]):
        for name in MEASURES:
            values = [each[place][name] for each in judged]
            target = TARGETS.get(name) if place == 0 and not given.quick else None
            better = "lower" if name == "conductance" else "higher"
            said = f"{name} of {method['name']}, standard deviation {statistics.pstdev(values):.3f}"
            figures.append(Figure(said, statistics.mean(values), "", target, better))
    write_results(given.json, figures, seeds)
    print_table(figures)


if __name__ == "__main__":
    main()
