"""Peak resident memory of training on a folder of many pictures, which must not grow with their number.

Generates 48x48 JPEG files (noise of two textures, two classes), trains one epoch of a small model on them in
a process of its own, and reports the operating system's own account of that process.

    python benchmarks/train_memory.py [--files 200000] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from results import Figure, add_arguments, print_table, write_results

TARGET_GIB = 1.5
TRAIN = """
import resource, sys
import convscope
convscope.train(
    sys.argv[1], architecture="compact_cnn", options={"depth": 1}, out=sys.argv[2], epochs=1,
    batch_size=256, augmentation=0.0, seed=0,
)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def write_pictures(folder: Path, count: int) -> None:
    """Writes JPEG files of 48x48, half of them smoother than the other half, all different."""
    rng = np.random.default_rng(0)
    for label in ("rough", "smooth"):
        (folder / label).mkdir(parents=True)
    for i in range(count):
        side = 48 if i % 2 else 6
        picture = Image.fromarray(rng.integers(0, 256, (side, side), dtype=np.uint8)).resize((48, 48))
        picture.save(folder / ("rough" if i % 2 else "smooth") / f"{i:07d}.jpg", quality=60)


def main() -> None:
    """Generates, trains, prints the peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=200_000)
    add_arguments(parser)
    arguments = parser.parse_args()
    count = 20_000 if arguments.quick else arguments.files
    with tempfile.TemporaryDirectory() as place:
        write_pictures(Path(place) / "pictures", count)
        command = [sys.executable, "-c", TRAIN, f"{place}/pictures", f"{place}/run"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            parser.exit(1, result.stderr)
    peak = int(result.stdout.split()[-1]) * (1024 if sys.platform != "darwin" else 1) / 2**30
    here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 2**30
    figures = [
        Figure(f"peak memory, training on {count:,} files", peak, "GiB", TARGET_GIB, "lower"),
        Figure("peak memory of this script, for comparison", here, "GiB", better="lower"),
    ]
    print_table(figures)
    write_results(arguments.json, figures, seeds=[0])


if __name__ == "__main__":
    main()
