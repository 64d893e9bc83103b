"""Where anomalies are known to be: windows of the Numenta Anomaly Benchmark, columns of zeros and ones.

They say how good a detector is. Nothing is learned from them, and no threshold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.series.readers.segments import Windows

LABELS = ("labels", "combined_windows.json")
"""Where the benchmark keeps its windows, beside its folder `data`."""
DATA = "data"
PROBATION = 0.15
"""Share of a series at its beginning that the benchmark does not score."""
LONGEST = 5_000
"""Rows at most of which the probation is a share."""
MOST_BYTES = 2**26


def probation(rows: int) -> int:
    """How many rows at the beginning of a series of the benchmark are there to learn from.

    Example:
        >>> probation(4032), probation(20_000)
        (604, 750)
    """
    return min(int(PROBATION * rows), int(PROBATION * LONGEST))


class BenchmarkLabels:
    """The label windows of a copy of the benchmark.

    Args:
        root: The folder that holds `data` and `labels`.
    """

    def __init__(self, root: Path) -> None:
        self._path = root.joinpath(*LABELS)
        self._data = root / DATA

    @classmethod
    def around(cls, path: Path) -> BenchmarkLabels | None:
        """Those of the copy that a file or folder lies in or is; None where it is no part of one."""
        resolved = path.resolve()
        for folder in (resolved, *resolved.parents):
            inside = resolved == folder or (folder / DATA) in (resolved, *resolved.parents)
            if inside and folder.joinpath(*LABELS).is_file():
                return cls(folder)
        return None

    @property
    def data(self) -> Path:
        """The folder of the series."""
        return self._data

    @cached_property
    def _known(self) -> Mapping[str, Any]:
        try:
            if self._path.stat().st_size > MOST_BYTES:
                raise ValueError("it is too large")
            found = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise DataError(
                f"{self._path}: expected label windows, received something else ({error})"
            ) from error
        if not isinstance(found, dict):
            raise DataError(f"{self._path}: expected windows by file, received {type(found).__name__}")
        return found

    def windows(self, file: Path, times: npt.NDArray[np.datetime64] | None) -> Windows | None:
        """First and last row of each window of a file; None where the labels do not name it.

        Raises:
            DataError: The labels are damaged, or the file has no times to find the windows by.
        """
        try:
            key = file.resolve().relative_to(self._data.resolve()).as_posix()
        except ValueError:
            return None
        spans = self._known.get(key)
        if spans is None:
            return None
        if times is None:
            raise DataError(f"{file}: expected a column of times, by which its label windows are found")
        return rows_of_spans(_times(spans, f"{self._path}, {key}"), times)


def rows_of_spans(
    spans: Sequence[tuple[np.datetime64, np.datetime64]], times: npt.NDArray[np.datetime64]
) -> Windows:
    """First and last row of spans of time; a span without any row is left out.

    Args:
        spans: First and last time of each.
        times: Of the rows, in order.
    """
    found = []
    for first, last in sorted(spans):
        start = int(np.searchsorted(times, first, "left"))
        stop = int(np.searchsorted(times, last, "left"))
        stop = min(stop, len(times) - 1)
        if times[stop] > last:
            stop -= 1
        if start <= stop:
            found.append((start, stop))
    return tuple(found)


def windows_of_marks(marks: npt.NDArray[np.bool_]) -> Windows:
    """First and last row of each run of marked rows.

    Example:
        >>> windows_of_marks(np.array([False, True, True, False, True]))
        ((1, 2), (4, 4))
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
    return tuple((int(first), int(behind) - 1) for first, behind in edges.reshape(-1, 2))


def _times(spans: Any, where: str) -> list[tuple[np.datetime64, np.datetime64]]:
    try:
        found = [(np.datetime64(first, "ns"), np.datetime64(last, "ns")) for first, last in spans]
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{where}: expected pairs of times, received something else ({error})") from error
    if any(np.isnat(time) for pair in found for time in pair):
        raise DataError(f"{where}: expected pairs of times, received none")
    return found
