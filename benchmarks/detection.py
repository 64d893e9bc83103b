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
import time
from pathlib import Path

from results import Figure, add_arguments, print_table, write_results

from convscope import api
from convscope.run import Run

SEED = 0
TARGET, MINUTES = 0.88, 20.0
QUICK = 8
"""Epochs of a quick run."""
EVERY = 60.0
"""Seconds between two lines about a training."""


class Watcher:
    """Prints how far a training is, now and then."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Prints a line where the last one is old."""
        if time.monotonic() - self._last > EVERY:
            self._last = time.monotonic()
            print(f"  {done}/{total} {what}", flush=True)


def say(text: str) -> None:
    """Prints a line of a training."""
    print(f"  {text}", flush=True)


def trained(data: Path, folder: Path, quick: bool) -> None:
    """Trains what is not there yet."""
    if folder.exists():
        api.train(resume=folder, progress=Watcher(), say=say)
        return
    less = {"epochs": QUICK} if quick else {}
    given = {"recipe": "image-detection", "out": folder, "seed": SEED, "upside_down": True, **less}
    api.train(data, progress=Watcher(), say=say, **given)


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
        trained(given.data / "bccd", folder, given.quick)
    figures = figures_of(Run(folder))
    print_table(figures)
    write_results(given.json, figures, [SEED])


if __name__ == "__main__":
    main()
