"""How the Numenta Anomaly Benchmark scores detections, in its standard profile.

A detection within a window of labels counts once, the earlier the more; a detection outside of every window
costs, the less the closer it follows one; a window without a detection costs. The sum over all series is
scaled so that no detections at all give 0, and one at the first row of each window and no other gives 100.

Source: Lavin and Ahmad (2015), "Evaluating real-time anomaly detection algorithms - the Numenta Anomaly
Benchmark"; Ahmad, Lavin, Purdy and Agha (2017), "Unsupervised real-time anomaly detection for streaming
data".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TRUE_POSITIVE = 1.0
FALSE_POSITIVE = 0.11
FALSE_NEGATIVE = 1.0
FAR_BEHIND = 3.0
"""Widths of a window behind it, from where on a false detection costs the most."""
OUTSIDE, UNSCORED = -1, -2


@dataclass(frozen=True, eq=False)
class Worth:
    """What a detection at each row of one series is worth.

    Args:
        points: Shape (rows,), float64.
        window: Index of the window that the row lies in, `OUTSIDE` or `UNSCORED`, shape (rows,), int64.
        windows: The number of windows.
    """

    points: npt.NDArray[np.float64]
    window: npt.NDArray[np.int64]
    windows: int


def sigmoid(position: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    r"""$2 / (1 + e^{5 y}) - 1$ at positions in widths of a window: -1 its start, 0 its end; -1 far behind.

    Example:
        >>> sigmoid(np.array([-1.0, 0.0, 4.0])).round(4).tolist()
        [0.9866, 0.0, -1.0]
    """
    near = np.minimum(position, FAR_BEHIND)
    return np.where(position > FAR_BEHIND, -1.0, 2 / (1 + np.exp(5 * near)) - 1)


def worth(rows: int, windows: Sequence[tuple[int, int]], unscored: int = 0) -> Worth:
    """What a detection is worth at each row.

    Args:
        rows: Of the series.
        windows: First and last row of each window, in order.
        unscored: Rows at the beginning in which a detection changes nothing.
    """
    points = np.full(rows, -FALSE_POSITIVE)
    window = np.full(rows, OUTSIDE, np.int64)
    for index, (first, last) in enumerate(windows):
        width = last - first + 1
        inside = np.arange(first, last + 1)
        earliness = sigmoid(-(last - inside + 1) / width) / sigmoid(np.array(-1.0))
        points[inside] = TRUE_POSITIVE * earliness
        window[inside] = index
        behind = np.arange(last + 1, rows)
        points[behind] = FALSE_POSITIVE * sigmoid((behind - last) / max(width - 1, 1))
    window[:unscored] = UNSCORED
    return Worth(points, window, len(windows))


def raw_score(each: Worth, detections: Iterable[int]) -> float:
    """The sum over the detections and windows of one series.

    Args:
        each: What detections are worth.
        detections: Rows of them.
    """
    rows = np.unique(np.fromiter(detections, np.int64))
    total = float(each.points[rows[each.window[rows] == OUTSIDE]].sum())
    for index in range(each.windows):
        inside = rows[each.window[rows] == index]
        total += float(each.points[inside].max()) if len(inside) else -FALSE_NEGATIVE
    return total


def normalized(raw: float, windows: int) -> float:
    """A sum on the scale on which no detections give 0 and perfect ones 100.

    Args:
        raw: Summed over all series.
        windows: Of all series, at least 1.
    """
    null, perfect = -windows * FALSE_NEGATIVE, windows * TRUE_POSITIVE
    return 100 * (raw - null) / (perfect - null)
