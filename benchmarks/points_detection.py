"""Boxes in scans: the recipe's network from random weights on scenes of a simulated scanner.

    python benchmarks/points_detection.py [--runs FOLDER] [--frames 2000] [--finished] [--quick] [--json FILE]

`lidar.py` writes scenes of a street in KITTI's form, of which four fifths are train, a tenth validation and a
tenth test. Epoch and thresholds are chosen on validation; the figures are those of the test split by KITTI's
rules: average precision over 40 recalls by the IoU in space, 0.7 for cars, 0.5 for pedestrians and cyclists,
at the moderate difficulty. All else is the recipe's default. These scenes are simpler than streets: the
figures say that network, losses and metrics work, and nothing of a real street. PointPillars has 77, 52 and
63 on KITTI's validation split (over 11 recalls). A run that is finished is not trained again, and one that
was interrupted goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lidar import write_frames
from long_training import trained
from results import Figure, add_arguments, print_table, write_results

from convscope.run import Run

SEED = 0
FRAMES, MINUTES = 2000, 60.0
TARGETS = {"Car": 0.85, "Pedestrian": 0.60, "Cyclist": 0.65}
QUICK_FRAMES, QUICK_EPOCHS = 120, 2
"""Frames and epochs of a quick run, by which nothing is learned that counts."""


def figures_of(run: Run) -> list[Figure]:
    """What the test split says."""
    test, record = run.metrics()["test"], run.record()
    seconds = record["training_seconds"]
    at = test["levels"].index("moderate")
    epochs = len((run.folder / "history.csv").read_text().splitlines()) - 1
    frames = epochs * sum(1 for line in (run.folder / "splits.csv").open() if ",train" in line)
    figures = [
        Figure(
            f"simulated scans, AP in space of {each['name']} at {each['overlap']:g}, R40, moderate",
            each["in_space"][at],
            "",
            TARGETS[each["name"]],
        )
        for each in test["classes"]
    ]
    for each in test["classes"]:
        for level, name in enumerate(test["levels"]):
            if level != at and each["in_space"][level] is not None:
                figures.append(Figure(f"AP in space of {each['name']}, {name}", each["in_space"][level], ""))
        figures.append(Figure(f"AP from above of {each['name']}, moderate", each["from_above"][at], ""))
    figures.append(Figure("training", seconds / 60, "min", MINUTES, "lower"))
    figures.append(Figure("training, with validation", frames / seconds, "scans/s"))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--finished", action="store_true", help="train nothing, report what is finished")
    given = parser.parse_args()
    frames = QUICK_FRAMES if given.quick else given.frames
    folder = given.runs / f"simulated-scans-{frames}"
    if not given.finished:
        data = write_frames(given.runs / f"simulated-scans-{frames}-data", frames, SEED)
        less = {"epochs": QUICK_EPOCHS} if given.quick else {}
        trained(data, folder, recipe="points-detection", seed=SEED, **less)
    figures = figures_of(Run(folder))
    print_table(figures)
    write_results(given.json, figures, [SEED])


if __name__ == "__main__":
    main()
