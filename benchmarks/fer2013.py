"""Accuracy of the shipped image classifiers on FER2013: seven classes, the data's own splits.

Trains each architecture with the recipe's defaults through `convscope.train`, one run folder per seed,
and prints accuracy and macro F1 on the test split. People score about 65 % on it; the best published
single network without other data has 73.28 % (Khaireddin and Chen 2021). Runs that exist are not
repeated, and interrupted ones go on.

    python benchmarks/fer2013.py --data FOLDER [--runs FOLDER] [--architecture deep_cnn:30]... [--seeds 3]
                                 [--json FILE] [--quick]

`FOLDER` is the unpacked data set: `train/`, `validation/` and `test/` with a folder per class.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from results import Figure, add_arguments, print_table, write_results

import convscope
from convscope.errors import ConvscopeError

TARGETS = {"compact_cnn": 60.0, "deep_cnn": 66.0, "residual_cnn": 73.0}


def trained(data: Path, runs: Path, architecture: str, seed: int, epochs: int | None) -> Path:
    """A finished run, made, resumed or found."""
    folder = runs / f"{architecture}-seed{seed}{f'-epochs{epochs}' if epochs else ''}"
    last = [0.0]

    def progress(done: int, total: int | None, what: str) -> None:
        if time.monotonic() - last[0] > 30:
            last[0] = time.monotonic()
            print(f"  {done}/{total} {what}", flush=True)

    if (folder / "metrics.json").exists():
        return folder
    if (folder / "run.json").exists():
        convscope.train(data, resume=folder, progress=progress)
    else:
        settings = {"seed": seed, **({"epochs": epochs} if epochs else {})}
        convscope.train(data, architecture=architecture, out=folder, progress=progress, say=print, **settings)
    return folder


def figures(architecture: str, folders: list[Path]) -> list[Figure]:
    """Means over the seeds."""
    metrics = [json.loads((folder / "metrics.json").read_text())["test"] for folder in folders]
    records = [json.loads((folder / "run.json").read_text()) for folder in folders]
    accuracies = [100 * m["accuracy"] for m in metrics]
    note = ", ".join(
        f"seed {r['settings']['seed']}: {a:.2f}" for r, a in zip(records, accuracies, strict=True)
    )
    epochs = records[0]["settings"]["epochs"]
    return [
        Figure(
            f"{architecture}, {epochs} epochs, test accuracy ({note})",
            statistics.mean(accuracies),
            "%",
            TARGETS[architecture],
        ),
        Figure(f"{architecture}, test macro F1", 100 * statistics.mean(m["macro_f1"] for m in metrics), "%"),
        Figure(
            f"{architecture}, training time",
            statistics.mean(r["training_seconds"] for r in records) / 60,
            "min",
            better="lower",
        ),
    ]


def main() -> None:
    """Trains what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/fer2013"))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--architecture", action="append", metavar="NAME[:EPOCHS]")
    add_arguments(parser)
    arguments = parser.parse_args()
    asked = ["compact_cnn:4"] if arguments.quick else arguments.architecture or list(TARGETS)
    found: list[Figure] = []
    for name, _, epochs in (text.partition(":") for text in asked):
        if name not in TARGETS:
            parser.error(f"there is no target for {name}; there are {', '.join(TARGETS)}")
        passes = int(epochs) if epochs else arguments.epochs
        try:
            folders = [
                trained(arguments.data, arguments.runs, name, seed, passes) for seed in range(arguments.seeds)
            ]
        except ConvscopeError as error:
            parser.exit(1, f"{error}\n")
        found += figures(name, folders)
        write_results(arguments.json, found, seeds=list(range(arguments.seeds)))
    print_table(found)


if __name__ == "__main__":
    main()
