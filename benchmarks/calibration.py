"""Expected calibration error of small trainings, before and after the temperature of the validation split.

    python benchmarks/calibration.py [--data FOLDER] [--runs FOLDER] [--seeds 0 1 2 3] [--samples 300]
        [--json FILE]

The trainings are those of `kept_epoch.py`, with the epoch that every classifier keeps; those that are in the
folder of runs are not made again. Few samples make the error of a test split larger than it is: beside it
stands what a perfectly calibrated model would show with as many, and the error of the test samples of all
seeds together.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from kept_epoch import DATA, outputs
from results import Figure, add_arguments, print_table, write_results

from convscope.engine.metrics import BINS, ClassificationMetrics, classification_metrics
from convscope.kinds.tasks.classification import fit_temperature, with_temperature

KEPT = "accuracy, mean of 3, then loss"
TARGET = 0.05


def judged(probabilities: np.ndarray, labels: np.ndarray) -> ClassificationMetrics:
    """All metrics."""
    return classification_metrics(labels, probabilities, [str(i) for i in range(probabilities.shape[1])])


def figures_of(line: str, found: Sequence[dict[str, np.ndarray]]) -> list[Figure]:
    """Errors of all seeds of a data set, as means and together."""
    labels = [each["test"] for each in found]
    before = [each[f"{KEPT}/test"] for each in found]
    temperatures = [fit_temperature(each[f"{KEPT}/validation"], each["validation"]) for each in found]
    after = [with_temperature(*each) for each in zip(before, temperatures, strict=True)]
    figures = [
        Figure(
            f"{line}: validation samples", float(np.mean([len(each["validation"]) for each in found])), ""
        ),
        Figure(f"{line}: temperature", float(np.mean(temperatures)), ""),
    ]
    for name, said in (("before", before), ("after", after)):
        each = [judged(*pair) for pair in zip(said, labels, strict=True)]
        together = judged(np.concatenate(said), np.concatenate(labels))
        for what, made in ((f"mean of {len(found)}", each), ("all together", [together])):
            size = f"{np.mean([one.samples for one in made]):.0f} samples in {BINS} bins"
            error, chance, loss = np.mean(
                [(m.expected_calibration_error, m.chance_calibration_error, m.loss) for m in made], axis=0
            )
            start = f"{line}, {name}, {what}"
            figures += [
                Figure(f"{start}: error", float(error), size, TARGET, "lower"),
                Figure(f"{start}: error by chance", float(chance), size, better="lower"),
                Figure(f"{start}: loss", float(loss), "nats", better="lower"),
            ]
    return figures


def main() -> None:
    """Prints and writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", default=list(DATA), help="names of data sets")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3])
    parser.add_argument("--samples", type=int, default=300)
    asked = parser.parse_args()
    seeds = asked.seeds[:1] if asked.quick else asked.seeds
    figures: list[Figure] = []
    for name in asked.only:
        path = DATA[name](asked.data, asked.runs)
        found = [dict(outputs(path, seed, asked.samples, asked.runs / "kept-epoch")) for seed in seeds]
        figures += figures_of(f"{name}, {asked.samples} samples", found)
        write_results(asked.json, figures, seeds)
    print_table(figures)


if __name__ == "__main__":
    main()
