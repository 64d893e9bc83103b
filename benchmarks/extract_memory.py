"""Peak resident memory of an extraction, which must not grow with the number of samples.

Generates a `.npy` file of gray 32x32 pictures (noise), extracts the last convolution of `compact_cnn`, pooled
by mean, into one Parquet file in a process of its own, and reports the operating system's own account of that
process. Paths and labels of samples are the only thing that an extraction holds for all of them; the rows of
an array have none.

    python benchmarks/extract_memory.py [--samples 10000 100000 1000000] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results

SIDE = 32
SAMPLES = (10_000, 100_000, 1_000_000)
QUICK = (10_000, 100_000)
TARGET_RATIO = 1.1
EXTRACT = """
import resource, sys, time
import convscope
started = time.monotonic()
features = convscope.extract("compact_cnn", sys.argv[1], out=sys.argv[2])
seconds = time.monotonic() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(features), peak, seconds)
"""


def write_pictures(path: Path, count: int) -> None:
    """Writes so many pictures, some at a time."""
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, SIDE, SIDE, 1)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, count, 10_000):
            some = min(10_000, count - start)
            file.write(rng.integers(0, 256, (some, SIDE, SIDE), dtype=np.uint8).tobytes())


def measure(count: int) -> tuple[float, float]:
    """Peak memory in MiB, and seconds of the extraction."""
    with tempfile.TemporaryDirectory() as place:
        write_pictures(Path(place) / "pictures.npy", count)
        command = [sys.executable, "-c", EXTRACT, f"{place}/pictures.npy", f"{place}/features.parquet"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(result.stderr)
    rows, peak, seconds = result.stdout.split()[-3:]
    if int(rows) != count:
        raise SystemExit(f"expected {count} rows, received {rows}")
    return int(peak) * (1 if sys.platform == "darwin" else 1024) / 2**20, float(seconds)


def main() -> None:
    """Extracts sets of growing size, prints the peaks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=SAMPLES)
    add_arguments(parser)
    arguments = parser.parse_args()
    counts = QUICK if arguments.quick else tuple(arguments.samples)
    figures, peaks = [], []
    for count in counts:
        peak, seconds = measure(count)
        peaks.append(peak)
        figures.append(Figure(f"peak memory, {count:,} samples", peak, "MiB", better="lower"))
        figures.append(
            Figure(f"samples a second, {count:,} samples, start included", count / seconds, "samples/s")
        )
    name = f"peak memory, {counts[-1]:,} samples against {counts[0]:,}"
    figures.append(Figure(name, peaks[-1] / peaks[0], "times", TARGET_RATIO, "lower"))
    print_table(figures)
    write_results(arguments.json, figures, seeds=[0])


if __name__ == "__main__":
    main()
