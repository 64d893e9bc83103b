"""Recordings to clips of sound: one channel of one rate, and the part of it that is kept."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from convscope.kinds.audio.readers.recordings import Waveform

FULL_SCALE = 32767
"""What a sample of 1 becomes."""
CLOSEST = 2_000
"""The largest number in the ratio of two rates; a rate of 44,099 becomes one of about 44,100."""

Int16 = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]


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
