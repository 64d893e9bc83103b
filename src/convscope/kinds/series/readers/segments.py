"""Segments of long series: the beginning for training, what follows for evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from convscope.data.splits import LeftOut, Split, as_labels
from convscope.kinds.series.readers.sources import Series, SeriesSamples

Windows = tuple[tuple[int, int], ...]
"""First and last row of each anomaly, in order."""


@dataclass(frozen=True)
class Truth:
    """What is known of the anomalies of a stretch; nothing is learned from it.

    Args:
        windows: Where they are, counted from the first row of the stretch; None where nothing is known.
    """

    windows: Windows | None = None


@dataclass(frozen=True)
class Segments(SeriesSamples):
    """Series whose first rows may be there only as the past of the others.

    Args:
        leads: How many rows at the beginning of each are only the past of the others; empty where none are.
    """

    leads: Sequence[int] = ()

    def lead(self, index: int) -> int:
        """Rows at the beginning of a series that are only the past of the others."""
        return self.leads[index] if self.leads else 0

    def take(self, indices: npt.NDArray[np.int64]) -> Segments:
        """The same source with only these series, in this order."""
        rows = indices.tolist()
        return Segments(
            self.root,
            [self.keys[i] for i in rows],
            [self.series[i] for i in rows],
            [self.lead(i) for i in rows],
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
    """

    key: str
    series: Series = field(repr=False)
    windows: Windows | None = None

    def __len__(self) -> int:
        return len(self.series)


def stretch(series: Series, start: int, stop: int) -> Series:
    """Some rows of a series; nothing is copied."""
    times = None if series.times is None else series.times[start:stop]
    return Series(series.values[start:stop], series.variables, times)


def split_of(root: str, parts: Sequence[tuple[Stream, int, int]], lead: int = 0) -> Split:
    """A split of some rows of each series.

    Args:
        root: The folder that keys are relative to.
        parts: A series with the first row and the one behind the last.
        lead: Rows before the first that are its past, as far as there are so many.
    """
    keys, some, leads, truths = [], [], [], []
    for stream, start, stop in parts:
        before = min(lead, start)
        keys.append(f"{stream.key}#{start + 1}-{stop}")
        some.append(stretch(stream.series, start - before, stop))
        leads.append(before)
        truths.append(Truth(_moved(stream.windows, start, stop, before)))
    return Split(Segments(root, keys, some, leads), as_labels(truths))


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
