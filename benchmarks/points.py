"""Accuracy on point clouds: the recipe's defaults, nothing pre-trained.

    python benchmarks/points.py --data FOLDER [--runs FOLDER] [--only NAME ...] [--seeds 0 1 2] [--json FILE]

FOLDER holds `modelnet10-voxels/modelnet10.npz`, of which the occupied cells become clouds on the official
split (a tenth of train is drawn for validation; solids without a cell are left out), and `pointclouds-500`,
judged by its own five folds, each cloud by its own radius and with `--keep-scale`. A run that is there is not
trained again, so that a benchmark that was interrupted goes on. `oakland` is cut into tiles of ground, which
each seed divides in another way; a linear classifier on the features of the file stands beside it.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results

from convscope import api
from convscope.run import Run

NAMES = ("modelnet10", "pointclouds-500", "pointclouds-500, scale kept", "oakland")
TARGETS = {"modelnet10": 0.92, "pointclouds-500": 0.95, "pointclouds-500, scale kept": None}
FOLDS = 5


def say(text: str) -> None:
    """Prints a line at once."""
    print(f"  {text}", flush=True)


def occupied_cells(archive: Path, folder: Path) -> Path:
    """The occupied cells of each solid as a cloud of its own, in a folder per split and class."""
    if (folder / "complete").exists():
        return folder
    with np.load(archive) as arrays:
        names = [str(name) for name in arrays["class_names"]]
        for split in ("train", "test"):
            for at, (solid, label) in enumerate(zip(arrays[f"X_{split}"], arrays[f"y_{split}"], strict=True)):
                cells = np.argwhere(solid > 0)
                place = folder / split / names[int(label)] / f"{at:04d}.npy"
                place.parent.mkdir(parents=True, exist_ok=True)
                if len(cells):
                    np.save(place, cells.astype(np.float32))
    (folder / "complete").touch()
    return folder


def trained(
    name: str, data: Path, out: Path, seed: int, settings: dict, recipe: str = "points-classification"
) -> Run:
    """The finished run, trained if it is not there."""
    if out.exists():
        return api.train(resume=out)
    print(f"{name}, seed {seed}: training", flush=True)
    return api.train(data, recipe=recipe, out=out, seed=seed, say=say, **settings)


def modelnet10(given: argparse.Namespace, settings: dict) -> list[float]:
    """The accuracy of each seed on the official test split."""
    archive = given.data / "modelnet10-voxels/modelnet10.npz"
    data = occupied_cells(archive, given.runs / "modelnet10-cells")
    return [
        trained("modelnet10", data, given.runs / f"modelnet10-{seed}", seed, settings).metrics()["test"][
            "accuracy"
        ]
        for seed in given.seeds
    ]


def folds(given: argparse.Namespace, settings: dict, *, scale: bool) -> list[float]:
    """For each seed the mean accuracy of the five folds that the data gives."""
    found = []
    for seed in given.seeds:
        out = given.runs / f"pointclouds{'-scale' if scale else ''}-{seed}"
        print(f"pointclouds-500, {'scale kept, ' if scale else ''}seed {seed}: five folds", flush=True)
        options = {"keep_scale": True} if scale else {}
        result = (
            api.train(resume=out)
            if out.exists()
            else api.train(
                given.data / "pointclouds-500",
                recipe="points-classification",
                folds=FOLDS,
                out=out,
                seed=seed,
                say=say,
                options=options,
                **settings,
            )
        )
        found.append(statistics.mean(run.metrics()["test"]["accuracy"] for run in result.runs))
    return found


def oakland(given: argparse.Namespace, settings: dict) -> list[Figure]:
    """Mean IoU of the test tiles beside that of a linear classifier, over seeds that draw other tiles."""
    ours, linear = [], []
    for seed in given.seeds:
        out = given.runs / f"oakland-{seed}"
        run = trained("oakland", given.data / "oakland", out, seed, settings, "points-segmentation")
        found = run.metrics()["test"]
        ours.append(found["mean_iou"])
        linear.append(found["baseline"]["mean_iou"])
    said = [" ".join(f"{value:.4f}" for value in values) for values in (ours, linear)]
    baseline = statistics.mean(linear)
    return [
        Figure(f"oakland, mean IoU of test tiles, seeds {said[0]}", statistics.mean(ours), "", baseline),
        Figure(f"oakland, mean IoU of a linear classifier, seeds {said[1]}", baseline, "", None),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", default=[], choices=NAMES)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    given = parser.parse_args()
    settings = {"epochs": 1} if given.quick else {}
    figures = []
    for name in given.only or NAMES:
        if name == "oakland":
            figures += oakland(given, settings)
            continue
        if name == "modelnet10":
            values = modelnet10(given, settings)
        else:
            values = folds(given, settings, scale="scale" in name)
        seeds = " ".join(f"{value:.4f}" for value in values)
        figures.append(Figure(f"{name}, accuracy, seeds {seeds}", statistics.mean(values), "", TARGETS[name]))
    print_table(figures)
    write_results(given.json, figures, given.seeds)


if __name__ == "__main__":
    main()
