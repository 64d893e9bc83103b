"""Contenders that take turns: each measures in a fresh process of its own, in every round once."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence

HOPELESS = 0.6
"""Of the best of the same maker in the first round: what is slower cannot be the best, and rests."""


def fresh(script: str, arguments: Sequence[str], backend: str = "tensorflow") -> float:
    """The last number that a script prints in a process of its own.

    Args:
        script: The file of the benchmark.
        arguments: Behind it.
        backend: Of Keras.

    Raises:
        SystemExit: It failed.
    """
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, script, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if result.returncode:
        print(result.stderr[-3000:], file=sys.stderr)
        raise SystemExit(f"{' '.join(arguments)} failed")
    return float(result.stdout.split()[-1])


def medians(
    contenders: Sequence[str], measure: Callable[[str], float], rounds: int, unit: str, title: str = ""
) -> dict[str, float]:
    """Median of the rounds, for each contender.

    Where a maker has more than three settings (names that begin with the same word), those that reach less
    than `HOPELESS` of its best in the first round are not measured again. Their figure is of that one round.

    Args:
        contenders: Names, `maker` or `maker setting`.
        measure: From a name to its rate; more is better.
        rounds: How often.
        unit: Of the rate.
        title: Said before each name.
    """
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    resting: set[str] = set()
    for _ in range(rounds):
        for name in contenders:
            if name not in resting:
                rates[name].append(measure(name))
                print(f"  {title} {name}: {shown(rates[name][-1])} {unit}", flush=True)
        makers: dict[str, list[float]] = {}
        for name, found in rates.items():
            makers.setdefault(name.split()[0], []).append(found[0])
        many = {maker: max(firsts) for maker, firsts in makers.items() if len(firsts) > 3}
        resting = {
            name for name, found in rates.items() if found[0] < HOPELESS * many.get(name.split()[0], 0.0)
        }
    return {name: statistics.median(found) for name, found in rates.items()}


def shown(rate: float) -> str:
    """A rate as it is printed, with three digits at least."""
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
