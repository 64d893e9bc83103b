"""Clips of sound of one length as int16 arrays: all in memory, or decoded when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from convscope.data.threads import loading_pool
from convscope.kinds.audio.readers.recordings import Waveform

FULL_SCALE = 32767
"""What a sample of 1 becomes."""
CLOSEST = 2_000
"""The largest number in the ratio of two rates; a rate of 44,099 becomes one of about 44,100."""

Int16 = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]


class Clips(Protocol):
    """Clips of one length, wherever they are."""

    def __len__(self) -> int:
        """The number of clips."""

    def take(self, indices: npt.NDArray[np.int64]) -> Int16:
        """The clips at these positions, shape (k, samples); safe to call from several threads."""


@dataclass(frozen=True)
class MemoryClips:
    """Clips held as one array.

    Args:
        array: Shape (clips, samples), int16.
    """

    array: Int16 = field(repr=False)

    def __len__(self) -> int:
        return len(self.array)

    def take(self, indices: npt.NDArray[np.int64]) -> Int16:
        """Copies the chosen rows."""
        return np.asarray(self.array[indices])


@dataclass(frozen=True)
class LazyClips:
    """Recordings that are decoded and cut to clips each time they are asked for.

    Args:
        source: The recordings.
        encode: Brings one to a clip.
        samples: Of a clip.
    """

    source: Any
    encode: Callable[[Waveform], Int16] = field(repr=False)
    samples: int
    _pool: ThreadPoolExecutor = field(default_factory=loading_pool, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.source)

    def take(self, indices: npt.NDArray[np.int64]) -> Int16:
        """Decodes the chosen recordings in a few threads."""
        result = np.empty((len(indices), self.samples), np.int16)

        def fill(place: int) -> None:
            result[place] = self.encode(self.source.load(int(indices[place])))

        for _ in self._pool.map(fill, range(len(indices))):
            pass
        return result


def mono(recording: Waveform, rate: int) -> Floats:
    """One channel of another rate: the mean of all channels, resampled by a polyphase filter.

    Args:
        recording: Any rate and number of channels.
        rate: Samples per second of the result.

    Returns:
        Shape (samples,), float32; at most 1 in size, because a louder one is made as quiet as that.
    """
    waveform = recording.waveform.mean(axis=1, dtype=np.float32)
    if recording.rate != rate:
        from scipy.signal import resample_poly

        ratio = Fraction(rate, recording.rate).limit_denominator(CLOSEST)
        waveform = resample_poly(waveform, ratio.numerator, ratio.denominator).astype(np.float32)
    loudest = float(np.abs(waveform).max(initial=0))
    return np.asarray(waveform / loudest, np.float32) if loudest > 1 else waveform


def loudest_stretch(waveform: Floats, samples: int) -> tuple[Floats, int]:
    """The part of a waveform with the most energy, or the whole between silence.

    Args:
        waveform: Shape (n,).
        samples: Of the part.

    Returns:
        The part, shape (samples,), and where it begins in the waveform; below 0 where silence comes first.

    Example:
        >>> loudest_stretch(np.array([0, 1, 2, 0, 0], np.float32), 2)[0].tolist()
        [1.0, 2.0]
        >>> loudest_stretch(np.array([1, 2], np.float32), 5)
        (array([0., 1., 2., 0., 0.], dtype=float32), -1)
    """
    missing = samples - len(waveform)
    if missing >= 0:
        return np.pad(waveform, (missing // 2, missing - missing // 2)), -(missing // 2)
    energy = np.concatenate([[0.0], np.cumsum(np.square(waveform, dtype=np.float64))])
    start = int(np.argmax(energy[samples:] - energy[:-samples]))
    return waveform[start : start + samples], start
