"""What the recipes of series and sound reach on real data, by their defaults.

    python benchmarks/series.py --data FOLDER [--runs FOLDER] [--only PART ...] [--methods NAME ...]
        [--sets NAME ...] [--seeds 0 1 2] [--json FILE]

FOLDER holds the data sets, such as `ucr2018/`. Each part is a file of its own with a function `figures`;
`--methods` and `--sets` choose among those of the part `ucr`. Trainings are judged on the test split; a run
that is there already is not trained again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from results import Figure, add_arguments, print_table, write_results

PARTS = {
    "ucr": "series_ucr",
}
"""By the name that `--only` takes: the file of each part."""


def figures_of(part: str) -> Callable[..., list[Figure]]:
    """`(data, runs, seeds, quick, ...)` to the figures of a part."""
    function: Callable[..., list[Figure]] = import_module(PARTS[part]).figures
    return function


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=PARTS)
    parser.add_argument("--methods", nargs="*", default=[])
    parser.add_argument("--sets", nargs="*", default=[])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    given = parser.parse_args()
    made: list[Figure] = []
    for part in given.only:
        started = time.monotonic()
        more: dict[str, Any] = {"methods": given.methods, "sets": given.sets} if part == "ucr" else {}
        made += figures_of(part)(given.data, given.runs, given.seeds, given.quick, **more)
        print(f"{part}: {(time.monotonic() - started) / 60:.1f} min", flush=True)
    print_table(made)
    write_results(given.json, made, given.seeds)


if __name__ == "__main__":
    main()
