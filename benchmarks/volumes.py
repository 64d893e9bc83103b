"""Accuracy on volumes: the recipe's defaults on the official splits, nothing pre-trained.

    python benchmarks/volumes.py --data FOLDER [--runs FOLDER] [--only NAME ...] [--seeds 0 1 2] [--json FILE]

FOLDER holds `vesselmnist3d/vesselmnist3d.npz` and `modelnet10-voxels/modelnet10.npz`. Brain vessels are
judged by the area under the ROC curve and accuracy of MedMNIST v2, in which 88.7 % are of one class; the
archive has a validation split, whose best epoch is kept. Solids of ModelNet10 have none: a tenth of train is
drawn. A run that is there already is not trained again.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results
from sklearn.metrics import roc_auc_score

from convscope import api
from convscope.run import Run

DATA = {
    "vesselmnist3d": "vesselmnist3d/vesselmnist3d.npz",
    "modelnet10": "modelnet10-voxels/modelnet10.npz",
}
TARGETS = {"vesselmnist3d": {"AUC": 0.90, "accuracy": 0.90}, "modelnet10": {"accuracy": 0.92}}


def trained(name: str, data: Path, runs: Path, seed: int, settings: dict) -> Run:
    """The finished run, trained if it is not there."""
    folder = runs / f"{name}-{seed}"
    if folder.exists():
        return api.train(resume=folder)
    print(f"{name}, seed {seed}: training", flush=True)
    moment = [time.monotonic()]

    def progress(done: int, total: int | None, what: str) -> None:
        if time.monotonic() - moment[0] > 60:
            moment[0] = time.monotonic()
            print(f"  {done}/{total} {what}", flush=True)

    return api.train(
        data,
        recipe="volume-classification",
        out=folder,
        seed=seed,
        progress=progress,
        say=lambda text: print(f"  {text}", flush=True),
        **settings,
    )


def area(run: Run, data: Path) -> float:
    """The area under the ROC curve of the second class on the test split."""
    with np.load(data) as archive:
        truth = archive["test_labels"].reshape(-1)
    rows = {row.name.rpartition("/")[2]: row for row in api.predict(run.folder, [str(data)]).rows}
    shares = [rows[f"{data.name}[test_images]#{at}"].probabilities["1"] for at in range(len(truth))]
    return float(roc_auc_score(truth, shares))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", default=[], choices=list(DATA))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    given = parser.parse_args()
    settings = {"epochs": 2} if given.quick else {}
    figures = []
    for name in given.only or DATA:
        data = given.data / DATA[name]
        runs = [trained(name, data, given.runs, seed, settings) for seed in given.seeds]
        minutes = statistics.mean(run.record()["training_seconds"] / 60 for run in runs)
        found = {"accuracy": [run.metrics()["test"]["accuracy"] for run in runs]}
        if "AUC" in TARGETS[name]:
            found["AUC"] = [area(run, data) for run in runs]
        for what, values in found.items():
            seeds = " ".join(f"{value:.4f}" for value in values)
            said = f"{name}, {what} on test, seeds {seeds}, {minutes:.1f} min each"
            figures.append(Figure(said, statistics.mean(values), "", TARGETS[name][what]))
    print_table(figures)
    write_results(given.json, figures, given.seeds)


if __name__ == "__main__":
    main()
