"""Masks of scans and of pictures: the recipes' defaults, nothing pre-trained.

    python benchmarks/segmentation.py --data FOLDER [--runs FOLDER] [--only NAME ...] [--finished]
        [--json FILE]

FOLDER holds `msd-hippocampus` and `camvid-small`. The hippocampus of the Medical Segmentation Decathlon is
cross-validated: five folds of subjects, of whose rest a part is validation, which chooses the epoch; the
figures are the mean Dice of the test subjects of all folds. Roads are judged on their official test split by
the mean IoU of 11 classes, void left out, with all pixels counted together. Folds and runs that are finished
are not trained again, and one that was interrupted goes on; `--finished` reports those that are there.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from long_training import trained
from results import Figure, add_arguments, print_table, write_results

from convscope.errors import RunError
from convscope.run import Run

FOLDS = 5
SEED = 0
DICE = {"Anterior": 0.885, "Posterior": 0.875}
MINUTES = {"hippocampus": 90.0, "camvid": 60.0}
MEAN_IOU = 0.50


def finished(folder: Path) -> list[Run]:
    """The runs in a folder that have their metrics: its folds, or it itself."""
    folds = [folder / f"fold-{number}" for number in range(1, FOLDS + 1)]
    found = []
    for each in folds if (folder / "folds.json").exists() else [folder]:
        try:
            run = Run(each)
            run.metrics()
        except RunError:
            continue
        found.append(run)
    return found


def minutes(runs: list[Run]) -> list[float]:
    """Minutes that each training took."""
    return [run.record()["training_seconds"] / 60 for run in runs]


def hippocampus(runs: list[Run]) -> list[Figure]:
    """Dice of both parts, the mean over folds."""
    figures = []
    times = minutes(runs)
    for name, target in DICE.items():
        each = [
            next(part["dice"] for part in run.metrics()["test"]["classes"] if part["name"] == name)
            for run in runs
        ]
        folds = " ".join(f"{value:.4f}" for value in each)
        said = f"hippocampus, Dice of {name.lower()}, {len(runs)} of {FOLDS} folds: {folds}"
        figures.append(Figure(said, statistics.mean(each), "", target))
    said = f"hippocampus, longest fold of {len(runs)}"
    return [*figures, Figure(said, max(times), "min", MINUTES["hippocampus"], "lower")]


def camvid(runs: list[Run]) -> list[Figure]:
    """The mean IoU of the test split."""
    return [
        Figure("CamVid, 11 classes, mean IoU on test", runs[0].metrics()["test"]["mean_iou"], "", MEAN_IOU),
        Figure("CamVid, training", minutes(runs)[0], "min", MINUTES["camvid"], "lower"),
    ]


TASKS = {
    "hippocampus": ("msd-hippocampus", "volume-segmentation", {"folds": FOLDS}, hippocampus),
    "camvid": ("camvid-small", "image-segmentation", {}, camvid),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", default=[], choices=list(TASKS))
    parser.add_argument("--finished", action="store_true", help="train nothing, report what is finished")
    given = parser.parse_args()
    figures = []
    for name in given.only or TASKS:
        place, recipe, settings, figures_of = TASKS[name]
        if not given.finished:
            more = {**settings, "epochs": 1} if given.quick else settings
            trained(given.data / place, given.runs / name, recipe=recipe, seed=SEED, **more)
        runs = finished(given.runs / name)
        if runs:
            figures += figures_of(runs)
    print_table(figures)
    write_results(given.json, figures, [SEED])


if __name__ == "__main__":
    main()
