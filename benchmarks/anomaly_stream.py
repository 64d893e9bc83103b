"""Streaming: how long a line waits for its score while very many pass, and whether memory stays flat.

    python benchmarks/anomaly_stream.py RUN [--rows 1000000] [--json FILE]

RUN is a finished run of series-anomaly. Lines of a wave with noise are scored one by one; the first tenth
fills memories and is not timed.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
from results import Figure, add_arguments, print_table, write_results

from convscope.backend import prepare_backend

SEED = 0


def resident() -> float:
    """Memory of this process now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("run", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    rows = min(given.rows, 50_000) if given.quick else given.rows
    prepare_backend()
    from convscope.kinds.series.anomaly.stream import AnomalyStream
    from convscope.run import Run
    from convscope.workflows.predict import Predictor

    follower = AnomalyStream(Predictor(Run(given.run)).fitted)
    rng, warm = np.random.default_rng(SEED), rows // 10
    seconds, memory = np.full(rows, np.nan), 0.0  # written now, so that it does not count as growth
    for row in range(rows):
        values = 100 + 10 * np.sin(row / 46) + rng.normal(size=len(follower.variables))
        line = ",".join(f"{value:.4f}" for value in values) + "\n"
        begun = time.perf_counter()
        follower.read(line)
        seconds[row] = time.perf_counter() - begun
        if row == warm:
            memory = resident()
    gained = resident() - memory
    timed = 1e3 * seconds[warm:]
    figures = [
        Figure(f"a line, median of {rows:,}", float(np.median(timed)), "ms", 5, "lower"),
        Figure("a line, 99th percentile", float(np.quantile(timed, 0.99)), "ms", 5, "lower"),
        Figure("memory gained after the first tenth", gained, "MiB", 5, "lower"),
    ]
    print_table(figures)
    write_results(given.json, figures, [SEED])


if __name__ == "__main__":
    main()
