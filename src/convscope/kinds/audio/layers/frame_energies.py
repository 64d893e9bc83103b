"""Log-mel energies by Fourier transforms, on a processor and outside of any backend."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

_AT_ONCE = 512
"""Frames that are transformed together: they stay in the cache of a processor."""

Values = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FrameEnergies:
    """What `LogMel` computes by a convolution, in a third of its time: by fast Fourier transforms.

    Args:
        window: Is laid over a frame, shape (samples,), scaled so that squares add up to energies.
        step: Samples from frame to frame.
        before: Samples of silence before a waveform.
        bands: Shares of the bins of a spectrum, shape (bins, bands).
        floor: Is added to each energy.
    """

    window: Values
    step: int
    before: int
    bands: Values
    floor: float

    def __call__(self, waveforms: npt.NDArray[np.floating]) -> Values:
        """The energies of waveforms, shape (batch, samples), as (batch, frames, bands)."""
        frames = -(-waveforms.shape[1] // self.step)
        found = np.empty((len(waveforms), frames, self.bands.shape[1]), np.float32)
        length = max((frames - 1) * self.step + len(self.window), self.before + waveforms.shape[1])
        padded = np.zeros((len(waveforms), length), np.float32)
        padded[:, self.before : self.before + waveforms.shape[1]] = waveforms

        def compute(place: tuple[int, int]) -> None:
            row, start = place
            stop = min(start + _AT_ONCE, frames)
            part = padded[row, start * self.step : (stop - 1) * self.step + len(self.window)]
            found[row, start:stop] = self._energies(part)

        starts = range(0, frames, _AT_ONCE)
        for _ in _pool().map(compute, [(row, start) for row in range(len(waveforms)) for start in starts]):
            pass
        return found

    def _energies(self, waveform: Values) -> Values:
        """Those of all frames that fit into a waveform, shape (frames, bands)."""
        from scipy.fft import rfft

        frames = np.lib.stride_tricks.sliding_window_view(waveform, len(self.window))[:: self.step]
        parts = rfft(frames.T * self.window[:, None], axis=0).view(np.float32)
        np.square(parts, out=parts)
        energies = self._triangles @ (parts[:, ::2] + parts[:, 1::2])
        energies += np.float32(self.floor)
        found: Values = np.log(energies, out=energies).T
        return found

    @cached_property
    def _triangles(self) -> Any:
        """The bands, of which few have a share in each bin."""
        from scipy.sparse import csr_array

        return csr_array(self.bands.T)


@cache
def _pool() -> ThreadPoolExecutor:
    """Transforms let go of the interpreter while they work."""
    return ThreadPoolExecutor(os.cpu_count() or 1, "spectra")
