"""Two checkouts of convscope in turns: the same speeds before and after a change.

Training of both reference models, extraction from arrays and from `convscope --help` to the import of the
package, each in a fresh process; the checkouts take turns, and the median of the rounds is reported for both
with their ratio.

    python benchmarks/paired.py BEFORE [AFTER] [--rounds 3] [--json FILE] [--quick]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from results import Figure, add_arguments, print_table, write_results

HERE = Path(__file__).parent.parent
WORK = {
    "compact_cnn, training": ("train_speed.py", "--worker", "convscope", "compact_cnn", "auto"),
    "deep_cnn, training": ("train_speed.py", "--worker", "convscope", "deep_cnn", "auto"),
    "compact_cnn, extraction": ("extract_speed.py", "--worker", "compact_cnn", "convscope", "bfloat16", ""),
    "deep_cnn, extraction": ("extract_speed.py", "--worker", "deep_cnn", "convscope", "bfloat16", ""),
}
"""Arguments of benchmarks that print images per second on their last line."""
STARTS = {
    "convscope --help": ("-c", "from convscope.cli import main; main(['--help'])"),
    "import convscope": ("-c", "import convscope"),
}
"""Programs whose time from start to end is measured."""


def images_per_second(checkout: Path, arguments: tuple[str, ...]) -> float:
    """What a benchmark of a checkout prints."""
    script = str(checkout / "benchmarks" / arguments[0])
    return float(_finished(checkout, [script, *arguments[1:]]).split()[-1])


def starts_per_second(checkout: Path, arguments: tuple[str, ...]) -> float:
    """One over the shortest of five times."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        _finished(checkout, list(arguments))
        times.append(time.perf_counter() - started)
    return 1 / min(times)


def _finished(checkout: Path, arguments: list[str]) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout / "src"),
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=checkout)
    if done.returncode:
        raise SystemExit(f"{checkout}: {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path, nargs="?", default=HERE)
    parser.add_argument("--rounds", type=int, default=3)
    add_arguments(parser)
    given = parser.parse_args()
    rates: dict[tuple[str, str], list[float]] = {}
    for _ in range(1 if given.quick else given.rounds):
        for name, arguments in (*STARTS.items(), *WORK.items()):
            for side, checkout in (("before", given.before), ("after", given.after)):
                measure = starts_per_second if name in STARTS else images_per_second
                rates.setdefault((name, side), []).append(measure(checkout.resolve(), arguments))
                print(f"  {name}, {side}: {rates[name, side][-1]:,.3g}", flush=True)
        write_results(given.json, _figures(rates), seeds=[0])
    print_table(_figures(rates))


def _figures(rates: dict[tuple[str, str], list[float]]) -> list[Figure]:
    figures = []
    for name in (*STARTS, *WORK):
        if (name, "after") not in rates:
            continue
        before, after = (statistics.median(rates[name, side]) for side in ("before", "after"))
        if name in STARTS:
            figures += [Figure(f"{name}, before", 1 / before, "s"), Figure(f"{name}, after", 1 / after, "s")]
        else:
            figures += [
                Figure(f"{name}, before", before, "images/s"),
                Figure(f"{name}, after", after, "images/s"),
            ]
        figures.append(Figure(f"{name}, speed after / before", after / before, "x"))
    return figures


if __name__ == "__main__":
    main()
