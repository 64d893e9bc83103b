"""Reference points of the Numenta Anomaly Benchmark: a threshold chosen by labels, a windowed Gaussian."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

import numpy as np

from convscope.kinds.series.anomaly.metrics import FALSE_NEGATIVE, OUTSIDE, Worth, normalized


def best_threshold(worths: Mapping[str, Worth], scores: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """The one threshold for all series that gives the highest figure, as the benchmark lets detectors choose.

    It is chosen with the labels in hand, which no detector in use has.

    Args:
        worths: By name of the series.
        scores: The score of each row, shape (rows,), by name of the series; a row is a detection where it
            reaches the threshold.

    Returns:
        (the figure, the threshold).
    """
    levels, gains = [], []
    for name, each in worths.items():
        values = np.asarray(scores[name], np.float64)
        outside = each.window == OUTSIDE
        levels.append(values[outside])
        gains.append(each.points[outside])
        for index in range(each.windows):
            rows = np.flatnonzero(each.window == index)
            rows = rows[np.argsort(-values[rows], kind="stable")]
            best = np.maximum.accumulate(each.points[rows])
            levels.append(values[rows])
            gains.append(np.diff(best, prepend=-FALSE_NEGATIVE))
    level, gain = np.concatenate(levels), np.concatenate(gains)
    order = np.argsort(-level, kind="stable")
    level, total = level[order], np.cumsum(gain[order])
    ends = np.flatnonzero(np.append(level[1:] < level[:-1], True))  # rows of one score are detected together
    windows = sum(each.windows for each in worths.values())
    place = ends[int(np.argmax(total[ends]))]
    if total[place] <= 0:
        return 0.0, math.inf
    return normalized(float(total[place]) - windows * FALSE_NEGATIVE, windows), float(level[place])


def windowed_gaussian(values: np.ndarray, window: int = 6400, step: int = 100) -> np.ndarray:
    """The benchmark's plainest detector: how far in the tail of a rolling normal distribution a value lies.

    Args:
        values: Shape (rows,).
        window: Rows that the distribution is of.
        step: So many rows at once enter a full window.

    Returns:
        One minus the tail probability, shape (rows,), float64.
    """
    held: deque[float] = deque()
    waiting: list[float] = []
    total = squares = 0.0
    mean, deviation = 0.0, 1.0
    origin = float(values[0])
    found = np.zeros(len(values))
    for row, value in enumerate(np.asarray(values, np.float64) - origin):
        if held:
            found[row] = 1 - 0.5 * math.erfc(abs(value - mean) / deviation / 1.4142)
        if len(held) < window:
            held.append(value)
            total, squares = total + value, squares + value * value
        else:
            waiting.append(value)
            if len(waiting) < step:
                continue
            gone = [held.popleft() for _ in range(step)]
            held.extend(waiting)
            total += sum(waiting) - sum(gone)
            squares += sum(v * v for v in waiting) - sum(v * v for v in gone)
            waiting = []
        mean = total / len(held)
        deviation = math.sqrt(max(squares / len(held) - mean * mean, 0.0)) or 1e-6
    return found
