"""Random changes to recordings of speech in training: another speed, loudness and noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from convscope.kinds.audio.speech.sound_stream import LOUDEST, Int16


@dataclass(frozen=True)
class SpeechAugmentation:
    """Speed, loudness and noise of each recording are drawn at random.

    Args:
        speed: It runs up to this share faster or slower, which moves all pitches as another voice does (Ko et
            al. 2015, "Audio augmentation for speech recognition").
        gain: It becomes up to so many decibels louder or quieter.
        noise: White noise is added of at most this part of the recording's energy, all levels down to a
            thousandth of that equally likely on a scale of decibels.
    """

    speed: float = 0.1
    gain: float = 6.0
    noise: float = 0.03

    def scaled(self, strength: float) -> SpeechAugmentation | None:
        """`strength` times as far; None where nothing is changed."""
        if strength == 0:
            return None
        return replace(
            self,
            speed=min(self.speed * strength, 0.5),
            gain=self.gain * strength,
            noise=self.noise * strength,
        )

    def __call__(self, waves: Sequence[Int16], rng: np.random.Generator) -> list[Int16]:
        """Changes waveforms, each of its own length, shape (samples,)."""
        return [self._changed(wave, rng) for wave in waves]

    def _changed(self, wave: Int16, rng: np.random.Generator) -> Int16:
        speed = (1 + self.speed) ** rng.uniform(-1, 1)
        level = self.noise * 10 ** rng.uniform(-3, 0)
        gain = 10 ** (rng.uniform(-self.gain, self.gain) / 20)
        if not len(wave):
            return wave
        places = np.arange(max(1, int(len(wave) / speed))) * speed
        moved = np.interp(places, np.arange(len(wave)), wave.astype(np.float32)).astype(np.float32)
        loudness = np.sqrt(np.mean(np.square(moved)) * level)
        moved += loudness * rng.standard_normal(len(moved), np.float32)
        gain = min(gain, LOUDEST / max(1.0, float(np.abs(moved).max())))
        return np.asarray(np.rint(moved * gain), np.int16)
