"""How the cost of a training grows: over samples, size of the images, classes, and workers of a cluster.

Generates JPEG files of noise in a folder per class and trains `compact_cnn` on them, each training in a
process of its own. An epoch is the fastest behind the first, which compiles. What is besides the epochs is
the start, reading, evaluation and the report. Workers have one processor each, as the process has that they
are compared with; their messages go through this machine, not through a network.

    python benchmarks/scale.py [--only samples workers] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from results import Figure, add_arguments, print_table, write_results

TRAIN = """
import json, resource, sys
import convscope
data, out, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
run = convscope.train(data, out=out, verbose=0, **settings)
record = run.record()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform != "darwin" else 1)
print(json.dumps({"peak": peak, "model": run.model_path.stat().st_size}))
"""
SETTINGS = {
    "architecture": "compact_cnn",
    "epochs": 3,
    "batch_size": 64,
    "augmentation": 0.0,
    "precision": "float32",
    "seed": 0,
}
AXES = ("samples", "size", "classes", "workers")
VALUES = {
    "samples": ((10_000, 40_000, 160_000), (1_000, 8_000)),
    "size": ((32, 64, 128, 256), (32, 96)),
    "classes": ((10, 100, 1_000), (10, 200)),
    "workers": ((1, 2), (1, 2)),
}
"""Of each axis: those of the long measurement, and those of --quick."""


@dataclass(frozen=True)
class Cost:
    """What a training took.

    Args:
        epoch: Seconds of an epoch.
        besides: Seconds outside of epochs.
        peak: Resident memory of the process, bytes.
        disk: The data, bytes.
    """

    epoch: float
    besides: float
    peak: float
    disk: int


def write_images(folder: Path, count: int, side: int, classes: int) -> int:
    """Writes noise of another brightness for each class, in a folder per class.

    Returns:
        Bytes of all files.
    """
    rng, total = np.random.default_rng(0), 0
    for label in range(classes):
        (folder / f"{label:04d}").mkdir(parents=True)
    for i in range(count):
        label = i % classes
        values = rng.normal(40 + 170 * label / classes, 30, (side, side))
        path = folder / f"{label:04d}" / f"{i:07d}.jpg"
        Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(path, quality=60)
        total += path.stat().st_size
    return total


def train(data: Path, disk: int, settings: dict[str, object], variables: dict[str, str]) -> Cost:
    """Trains in a process of its own.

    Args:
        data: Made by `write_images`.
        disk: Its bytes.
        settings: Of the training, besides `SETTINGS`.
        variables: Of the environment.
    """
    out = data.parent / f"run-{time.monotonic_ns()}"
    asked = json.dumps({**SETTINGS, **settings})
    begun = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-c", TRAIN, str(data), str(out), asked],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )
    wall = time.monotonic() - begun
    if result.returncode:
        sys.exit(result.stderr)
    with (out / "history.csv").open(newline="") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    told = json.loads(result.stdout.splitlines()[-1])
    return Cost(min(seconds[1:]), wall - sum(seconds), told["peak"], disk)


def along(axis: str, values: Sequence[int], samples: int, place: Path) -> Iterator[tuple[int, Cost]]:
    """The cost at each value of an axis, all else being equal.

    Args:
        axis: One of `AXES`, but for the workers.
        values: Along it.
        samples: Of the other axes.
        place: A folder for data and runs.
    """
    for value in values:
        made = {"samples": samples, "size": 48, "classes": 10, axis: value}
        data = place / f"{axis}-{value}"
        disk = write_images(data, made["samples"], made["size"], made["classes"])
        yield value, train(data, disk, {"size": str(made["size"])}, {})


def measured(axis: str, values: Sequence[int], samples: int, place: Path) -> list[Figure]:
    """Figures along an axis, with the exponents of the curves between its last two values."""
    units = {"samples": "samples", "size": "pixels a side", "classes": "classes"}
    figures, costs = [], dict(along(axis, values, samples, place))
    for value, cost in costs.items():
        name = f"{value:,} {units[axis]}"
        figures += [
            Figure(f"{name}: an epoch", cost.epoch, "s", better="lower"),
            Figure(f"{name}: besides the epochs", cost.besides, "s", better="lower"),
            Figure(f"{name}: peak memory", cost.peak / 2**20, "MiB", better="lower"),
            Figure(f"{name}: files", cost.disk / 2**20, "MiB", better="lower"),
        ]
    first, last = values[-2:]
    for name in ("epoch", "besides", "peak"):
        ratio = getattr(costs[last], name) / getattr(costs[first], name)
        power = math.log(ratio) / math.log(last / first)
        said = f"{name}, exponent from {first:,} to {last:,} {units[axis]}"
        figures.append(Figure(said, power, "", better="lower"))
    return figures


def measured_workers(values: Sequence[int], samples: int, place: Path) -> list[Figure]:
    """Figures over the number of workers; one is a process without a cluster, on JAX, with one processor."""
    data = place / "workers"
    disk = write_images(data, samples, 48, 10)
    figures, alone = [], 0.0
    for count in values:
        one = {"KERAS_BACKEND": "jax", **({"PJRT_NPROC": "1"} if count == 1 else {})}
        settings = {} if count == 1 else {"cluster": "local", "workers": count}
        cost = train(data, disk, settings, one)
        alone = alone or cost.epoch
        name = "1 process" if count == 1 else f"{count} workers"
        figures += [
            Figure(f"{name}, jax: an epoch", cost.epoch, "s", better="lower"),
            Figure(f"{name}, jax: besides the epochs", cost.besides, "s", better="lower"),
            Figure(f"{name}, jax: faster than 1 process", alone / cost.epoch, "x"),
        ]
    return figures


def main() -> None:
    """Measures along each axis, prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=AXES, default=AXES)
    add_arguments(parser)
    arguments = parser.parse_args()
    figures: list[Figure] = []
    for axis in arguments.only:
        values = VALUES[axis][1 if arguments.quick else 0]
        if axis == "workers":
            values = [count for count in (*values, os.cpu_count() or 1) if count <= (os.cpu_count() or 1)]
        samples = 1_000 if arguments.quick else 20_000
        with tempfile.TemporaryDirectory() as place:
            if axis == "workers":
                found = measured_workers(sorted(set(values)), samples, Path(place))
            else:
                found = measured(axis, values, samples, Path(place))
        print_table(found)
        figures += found
        write_results(arguments.json, figures, seeds=[0])
    print(f"{len(figures)} figures")


if __name__ == "__main__":
    main()
