"""How recordings are drawn: a waveform, and a spectrogram of the mel scale where there is no model."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from convscope.kinds.audio.layers.log_mel import mel_bands
from convscope.kinds.contract.representation import TimelineDescription
from convscope.lenses.sheet.theme import Numbers
from convscope.lenses.views.timeline.spectrogram import Spectrogram
from convscope.lenses.views.timeline.view import TimelineView
from convscope.lenses.views.view import View

if TYPE_CHECKING:
    from convscope.kinds.audio.readers.recordings import Waveform

_WINDOW, _HOP = 0.025, 0.010  # seconds
_FAINTEST = 1e-8


class _AudioViews:
    """Makes the views of recordings."""

    def of_input(self, values: Numbers, description: object = None) -> View:
        """A recording as a model takes it; its axis of time is in seconds."""
        axis = description.axis if isinstance(description, TimelineDescription) else None
        places = None if axis is None else axis.places
        if axis is None or places is None or len(places) < 2:
            return TimelineView(values, axis)
        rate = round((len(places) - 1) / float(places[-1] - places[0]))
        if len(places) < len(values):  # padded to the length of a longer one
            behind = len(values) - len(places)
            axis = replace(axis, places=float(places[0]) + np.arange(len(values)) / rate, filled=(0, behind))
        return TimelineView(values, axis, sketch=partial(mel_spectrogram, values, rate))

    def of_sample(self, sample: Waveform) -> View:
        """A recording as it was decoded."""
        return TimelineView(sample.waveform, sketch=partial(mel_spectrogram, sample.waveform, sample.rate))


def mel_spectrogram(waveform: Numbers, rate: int, *, frames: int = 192, bands: int = 48) -> Spectrogram:
    """A spectrogram of a waveform without any model, for thumbnails: bands of the mel scale, in nepers.

    Args:
        waveform: (samples,) or (samples, channels), which become their mean.
        rate: Samples per second.
        frames: How many, at most; between those of a long recording time is left out.
        bands: How many.

    Returns:
        Logarithms of energies, no more than 80 dB below the loudest.
    """
    mono = (
        np.asarray(waveform, np.float64).reshape(len(waveform), -1).mean(axis=1) if len(waveform) else [0.0]
    )
    size = max(4, round(_WINDOW * rate))
    hop = max(round(_HOP * rate), -(-len(mono) // frames), 1)
    starts = np.arange(0, len(mono), hop)
    padded = np.pad(np.nan_to_num(np.asarray(mono)), (size // 2, size))
    windows = padded[starts[:, None] + np.arange(size)] * np.hanning(size)
    power = np.square(np.abs(np.fft.rfft(windows, axis=1)))
    energies = power @ mel_bands(power.shape[1], rate / size, bands, 0.0, rate / 2)
    loudest = float(energies.max(initial=0.0)) or 1.0
    return Spectrogram(np.log(np.maximum(energies, loudest * _FAINTEST)), starts)


VIEW = _AudioViews()
