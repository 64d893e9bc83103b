"""Sound that comes in pieces, brought to one channel of one rate as if it had come at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.audio.readers.clips import CLOSEST
from convscope.kinds.audio.readers.recordings import Waveform

LOUDEST = 32767
SCALE = 32768
"""A 16-bit sample of this value would be 1."""
REACH = 10
"""Periods of the lower rate that the resampling filter looks at on both sides, as SciPy's does."""

Int16 = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]


class SoundStream:
    """Resamples a waveform piece by piece; the result does not depend on the pieces.

    The filter is that of `scipy.signal.resample_poly`, which would give the same for the waveform as a whole.

    Args:
        given: Samples per second of what comes.
        rate: Samples per second of the result.
    """

    def __init__(self, given: int, rate: int) -> None:
        ratio = Fraction(rate, given).limit_denominator(CLOSEST)
        self._up, self._down = ratio.numerator, ratio.denominator
        self._reach = REACH * max(self._up, self._down)
        self._waiting = np.zeros(0, np.float32)
        self._begin = 0  # which input the first that waits is, a multiple of `down`
        self._next = 0  # which output comes next

    def push(self, waveform: Floats) -> Floats:
        """Takes a piece, shape (n,); gives what is certain of the result."""
        self._waiting = np.concatenate([self._waiting, waveform])
        have = self._begin + len(self._waiting)
        # Output m lies at input m * down / up and depends on so much on both sides of it.
        end = (have * self._up - self._reach - 1) // self._down + 1
        return self._given_out(max(end, self._next))

    def finish(self) -> Floats:
        """The rest, behind which comes silence."""
        have = self._begin + len(self._waiting)
        return self._given_out(max(-(-have * self._up // self._down), self._next))

    def _given_out(self, end: int) -> Floats:
        if end == self._next:
            return np.zeros(0, np.float32)
        first = self._begin * self._up // self._down
        made = self._resampled(self._waiting)[self._next - first : end - first]
        self._next = end
        needed = (end * self._down - self._reach) // self._up
        begin = max(needed // self._down * self._down, self._begin)
        self._waiting = self._waiting[begin - self._begin :]
        self._begin = begin
        return made

    def _resampled(self, waveform: Floats) -> Floats:
        if self._up == self._down:
            return waveform
        from scipy.signal import resample_poly

        return np.asarray(resample_poly(waveform, self._up, self._down), np.float32)


def resampled_length(samples: int, given: int, rate: int) -> int:
    """How many samples a waveform has at another rate."""
    ratio = Fraction(rate, given).limit_denominator(CLOSEST)
    return -(-samples * ratio.numerator // ratio.denominator)


def as_stream(pieces: Iterable[Waveform], rate: int) -> Iterator[Int16]:
    """One channel of one rate as 16-bit numbers, piece by piece.

    Args:
        pieces: Of one recording, in order. What is louder than full scale is clipped.
        rate: Samples per second of the result.

    Yields:
        Shape (n,), from -32767 to 32767.

    Raises:
        DataError: The rate changes in between.
    """
    stream, given = None, 0
    for piece in pieces:
        if stream is None:
            stream, given = SoundStream(piece.rate, rate), piece.rate
        if piece.rate != given:
            raise DataError(f"A recording of {given} samples per second goes on with {piece.rate}.")
        made = stream.push(piece.waveform.mean(axis=1, dtype=np.float32))
        if len(made):
            yield quantized(made)
    if stream is not None:
        made = stream.finish()
        if len(made):
            yield quantized(made)


def as_whole(pieces: Iterable[Waveform], rate: int) -> Int16:
    """The same as one array."""
    return np.concatenate([np.zeros(0, np.int16), *as_stream(pieces, rate)])


def quantized(waveform: Floats) -> Int16:
    """From values of -1 to 1 to 16 bits; what is no number becomes silence."""
    finite = np.nan_to_num(waveform, nan=0.0, posinf=1.0, neginf=-1.0)
    return np.clip(np.rint(finite * SCALE), -LOUDEST, LOUDEST).astype(np.int16)
