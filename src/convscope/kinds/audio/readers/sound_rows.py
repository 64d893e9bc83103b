"""Waveforms of unequal lengths, in memory or decoded on demand, padded a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from convscope.data.threads import loading_pool
from convscope.data.token_rows import padded_length
from convscope.kinds.audio.readers.recordings import Recordings
from convscope.kinds.audio.speech.sound_stream import SCALE, Int16, as_stream, as_whole

PADDING = -32768
"""What is no sample; real ones are at least -32767."""
QUIET = 1e-8
"""What a real sample of 0 becomes for a model, which takes 0 for padding: far below what is heard."""


@dataclass(frozen=True)
class SoundRows:
    """Recordings as 16-bit waveforms of one rate.

    Args:
        source: The recordings.
        rate: Samples per second.
        lengths: Samples of each, shape (recordings,), int64.
        waves: The waveforms; empty where they are decoded each time they are asked for.
    """

    source: Recordings
    rate: int
    lengths: npt.NDArray[np.int64] = field(repr=False)
    waves: Sequence[Int16] = field(default=(), repr=False)
    _pool: ThreadPoolExecutor = field(default_factory=loading_pool, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.source)

    def wave(self, index: int) -> Int16:
        """One waveform, shape (samples,).

        Raises:
            DataError: The file has changed or gone.
        """
        if self.waves:
            return self.waves[index]
        return as_whole(self.source.pieces(index), self.rate)

    def pieces(self, index: int) -> Iterator[Int16]:
        """One waveform a piece at a time, which takes no more memory however long it is.

        Raises:
            DataError: As `wave`.
        """
        if self.waves:
            yield self.waves[index]
        else:
            yield from as_stream(self.source.pieces(index), self.rate)

    def several(self, indices: npt.NDArray[np.int64]) -> list[Int16]:
        """Some waveforms, decoded in a few threads."""
        return list(self._pool.map(self.wave, indices.tolist()))

    def take(self, indices: npt.NDArray[np.int64], length: int | None = None) -> Int16:
        """Some waveforms, padded behind their ends with `PADDING` to one length.

        Args:
            indices: Which, shape (n,).
            length: To how many samples; by default a little more than the longest has.

        Returns:
            Shape (n, length), int16.
        """
        return stacked(self.several(indices), self.rate, length)

    def packed(self, indices: npt.NDArray[np.int64], length: int) -> Int16:
        """The same for a length that is given, in tokens or samples, and at least that of the longest."""
        return self.take(indices, length)


def stacked(waves: Sequence[Int16], rate: int, length: int | None = None) -> Int16:
    """Waveforms as one array, padded behind their ends to one of few lengths, so that few are compiled."""
    longest = max((len(wave) for wave in waves), default=0)
    unit = max(1, rate // 50)
    size = padded_length(-(-longest // unit)) * unit if length is None else length
    made = np.full((len(waves), size), PADDING, np.int16)
    for row, wave in zip(made, waves, strict=True):
        row[: len(wave)] = wave
    return made


def as_inputs(rows: Int16) -> npt.NDArray[np.float32]:
    """What a model takes: float32 from -1 to 1, where 0 is padding; any shape."""
    scaled = np.multiply(rows, np.float32(1 / SCALE), dtype=np.float32)
    scaled[rows == 0] = QUIET
    scaled[rows == PADDING] = 0.0
    return scaled


def decoded_all(
    rows: SoundRows, progress: Callable[[int], None] = lambda done: None, at_once: int = 256
) -> list[Int16]:
    """All waveforms, some at a time."""
    waves: list[Int16] = []
    for start in range(0, len(rows), at_once):
        waves += rows.several(np.arange(start, min(start + at_once, len(rows))))
        progress(len(waves))
    return waves
