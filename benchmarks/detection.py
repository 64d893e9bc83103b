"""Boxes of blood cells: the recipe's network from random weights, nothing pre-trained.

    python benchmarks/detection.py --data FOLDER [--runs FOLDER] [--finished] [--quick] [--json FILE]

FOLDER holds `bccd`: 364 smears with boxes of red cells, white cells and platelets, of which lists put 205 in
train, 87 in validation and 72 in test. Epoch and thresholds are chosen on validation; the figures are those
of the test split, by pycocotools. Smears have no upside, so that `upside_down` is given; all else is the
default. A run that is finished is not trained again, and one that was interrupted goes on. Peers that begin
with weights from COCO have an mAP@50 of about 0.90 (YOLOv8n, 3.0 million parameters).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from long_training import trained
from results import Figure, add_arguments, print_table, write_results

from convscope.run import Run

SEED = 0
TARGET, MINUTES = 0.88, 20.0
QUICK = 8
"""Epochs of a quick run."""


def figures_of(run: Run) -> list[Figure]:
    """What the test split says."""
    test = run.metrics()["test"]
    seconds = run.record()["training_seconds"]
    low, high = test["mean_ap50_interval"]
    return [
        Figure(f"BCCD, mAP@50 on test (95% interval {low:.3f} to {high:.3f})", test["mean_ap50"], "", TARGET),
        Figure("BCCD, mAP of IoU 0.5 to 0.95 on test", test["mean_ap"], ""),
        *(Figure(f"BCCD, AP@50 of {each['name']}", each["ap50"], "") for each in test["classes"]),
        *(
            Figure(f"BCCD, count error of {each['name']}", each["count_error"], "")
            for each in test["classes"]
        ),
        Figure("BCCD, training", seconds / 60, "min", MINUTES, "lower"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--finished", action="store_true", help="train nothing, report what is finished")
    given = parser.parse_args()
    folder = given.runs / ("bccd-quick" if given.quick else "bccd")
    if not given.finished:
        less = {"epochs": QUICK} if given.quick else {}
        smears = given.data / "bccd"
        trained(smears, folder, recipe="image-detection", seed=SEED, upside_down=True, **less)
    figures = figures_of(Run(folder))
    print_table(figures)
    write_results(given.json, figures, [SEED])


if __name__ == "__main__":
    main()
