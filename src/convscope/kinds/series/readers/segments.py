"""Segments of long series: the beginning for training, what follows for evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from convscope.data.splits import LeftOut, Samples, Split, as_labels
from convscope.kinds.series.readers.sources import Series, SeriesSamples

Windows = tuple[tuple[int, int], ...]
"""First and last row of each anomaly, in order."""


@dataclass(frozen=True)
class Truth:
    """What is known of the anomalies of a stretch; nothing is learned from it.

    Args:
        windows: Where they are, counted from the first row of the stretch; None where nothing is known.
        by_row: Whether each row was marked, and not a wider window around an anomaly.
    """

    windows: Windows | None = None
    by_row: bool = False


@dataclass(frozen=True)
class Segments(SeriesSamples):
    """Series whose first rows may be there only as the past of the others.

    Args:
        leads: How many rows at the beginning of each are only the past of the others; empty where none are.
        starts: Which row of its file each begins with; empty where that is the first.
        references: Of each the rows at the beginning of its file that are normal, none where none are known;
            empty where that is so of all.
        own: Whether each series is compared with its own reference alone.
    """

    leads: Sequence[int] = ()
    starts: Sequence[int] = ()
    references: Sequence[Series | None] = field(default=(), repr=False)
    own: bool = False

    def lead(self, index: int) -> int:
        """Rows at the beginning of a series that are only the past of the others."""
        return self.leads[index] if self.leads else 0

    def start(self, index: int) -> int:
        """Which row of its file a series begins with, counted from 0."""
        return self.starts[index] if self.starts else 0

    def reference(self, index: int) -> Series | None:
        """The rows of the file of a series that are normal; None where none are known."""
        return self.references[index] if self.references else None

    def take(self, indices: npt.NDArray[np.int64]) -> Segments:
        """The same source with only these series, in this order."""
        rows = indices.tolist()
        return Segments(
            self.root,
            [self.keys[i] for i in rows],
            [self.series[i] for i in rows],
            [self.lead(i) for i in rows],
            [self.start(i) for i in rows],
            [self.reference(i) for i in rows],
            self.own,
        )


@dataclass(frozen=True)
class SegmentInputs(LeftOut, Segments):
    """Series that scores are asked for, and what was left out."""


@dataclass(frozen=True, eq=False)
class Stream:
    """One series as a file holds it.

    Args:
        key: The file, relative to the folder that was read.
        series: All of it.
        windows: First and last row of each known anomaly; None where nothing is known.
        by_row: As in `Truth`.
        normal: Rows at the beginning that are taken for normal.
    """

    key: str
    series: Series = field(repr=False)
    windows: Windows | None = None
    by_row: bool = False
    normal: int = 0

    def __len__(self) -> int:
        return len(self.series)


def stretch(series: Series, start: int, stop: int) -> Series:
    """Some rows of a series; nothing is copied."""
    times = None if series.times is None else series.times[start:stop]
    return Series(series.values[start:stop], series.variables, times)


def windows_of(series: Series, rows: int, step: int, *, whole: bool) -> list[tuple[int, Series]]:
    """A long series in windows, each with its first row.

    Args:
        series: The series.
        rows: Of a window.
        step: Rows from one window to the next.
        whole: Whether all rows are wanted: then the last window ends with the series, and a series that is
            shorter than a window is one; else both are left out.
    """
    length = len(series)
    starts = list(range(0, length - rows + 1, step))
    if whole and length < rows:
        return [(0, series)]
    if whole and starts[-1] + rows < length:
        starts.append(length - rows)
    return [(start, stretch(series, start, start + rows)) for start in starts]


def split_of(
    root: str, parts: Sequence[tuple[Stream, int, int]], lead: int = 0, *, own: bool = False
) -> Split:
    """A split of some rows of each series.

    Args:
        root: The folder that keys are relative to.
        parts: A series with the first row and the one behind the last.
        lead: Rows before the first that are its past, as far as there are so many.
        own: Whether each series is compared with its own beginning alone.
    """
    keys, some, leads, truths, starts = [], [], [], [], []
    references: list[Series | None] = []
    for stream, start, stop in parts:
        before = min(lead, start)
        keys.append(f"{stream.key}#{start + 1}-{stop}")
        some.append(stretch(stream.series, start - before, stop))
        leads.append(before)
        starts.append(start - before)
        references.append(stretch(stream.series, 0, stream.normal) if stream.normal else None)
        truths.append(Truth(_moved(stream.windows, start, stop, before), stream.by_row))
    return Split(Segments(root, keys, some, leads, starts, references, own), as_labels(truths))


def fingerprint(streams: Sequence[Stream]) -> str:
    """SHA-256 over names, values, times and windows."""
    digest = sha256()
    for stream in streams:
        digest.update(f"{stream.key}\0{stream.series.variables}\0{stream.windows}\0".encode())
        digest.update(np.ascontiguousarray(stream.series.values).tobytes())
        if stream.series.times is not None:
            digest.update(stream.series.times.astype(np.int64).tobytes())
    return digest.hexdigest()


def _moved(windows: Windows | None, start: int, stop: int, before: int) -> Windows | None:
    """Windows counted from the first row of a stretch; those that lie outside of its own rows are not its."""
    if windows is None:
        return None
    return tuple(
        (max(first, start) - start + before, min(last, stop - 1) - start + before)
        for first, last in windows
        if last >= start and first < stop
    )


def lead_of(samples: Samples, index: int) -> int:
    """Rows at the beginning of a sample that only lead to those that are judged; 0 of whole series."""
    return samples.lead(index) if isinstance(samples, Segments) else 0
