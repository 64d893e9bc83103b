"""Numbers that stand for a missing value, such as -200 or 9999: found and reported."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from convscope.kinds.series.readers.sources import Doubt

_USUAL = re.compile(r"-?9{2,}(\.9+)?|-?99\.9+|-(100|200|500|888|8888|1000)|-?(32767|32768|65535|1e\+?\d+)")
_FEWEST = 3
_MOST = 0.9


def sentinels(values: npt.NDArray[np.float32], what: str) -> list[str]:
    """A line for a number that probably stands for a missing value.

    It is a number that is used so, stands there several times, and is farther from all others than they are
    from each other.

    Args:
        values: Of a column or a table, any shape; NaN where missing.
        what: What they are called in the line.

    Example:
        >>> sentinels(np.array([1, 2, 3, 1, 2, -200, -200, -200], np.float32), "column 'CO'")[0][:49]
        "column 'CO': 3 values are -200, far from all othe"
    """
    known = values[np.isfinite(values)]
    if known.size < 2 * _FEWEST:
        return []
    found: list[str] = []
    for edge in (float(known.min()), float(known.max())):
        others = known[known != edge]
        count, written = known.size - others.size, f"{edge:.6g}"
        if not _USUAL.fullmatch(written) or not _FEWEST <= count <= _MOST * known.size or not others.size:
            continue
        low, high = float(others.min()), float(others.max())
        apart = low - edge if edge < low else edge - high
        if apart > high - low:
            found.append(
                Doubt(
                    f"{what}: {count:,} values are {written}, far from all others; if that stands for"
                    f" a missing value, use --missing-value {written}"
                )
            )
    return found
