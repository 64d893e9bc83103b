"""Random changes to recordings in training: other voices, other rooms, other microphones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from convscope.kinds.audio.readers.clips import FULL_SCALE, Int16

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class AudioAugmentation:
    """Speed, place, tone, loudness and noise of each clip are changed at random.

    Args:
        speed: A clip runs up to this share faster or slower, which moves all pitches as another voice does
            (Ko et al. 2015, "Audio augmentation for speech recognition").
        shift: It begins up to this share of its length sooner or later.
        tilt: High tones become louder or quieter: y[n] = x[n] + a x[n - 1], a from -tilt to tilt.
        gain: It becomes up to so many decibels louder or quieter.
        noise: White noise is added, whose energy is this part of the clip's at most; below a thousandth of
            that it makes no difference, and all energies between are equally likely on a scale of decibels.
    """

    speed: float = 0.15
    shift: float = 0.1
    tilt: float = 0.5
    gain: float = 6.0
    noise: float = 0.05

    def scaled(self, strength: float) -> AudioAugmentation | None:
        """`strength` times as far; None where nothing is changed."""
        if strength == 0:
            return None
        return replace(
            self,
            speed=min(self.speed * strength, 0.5),
            shift=min(self.shift * strength, 0.5),
            tilt=min(self.tilt * strength, 0.95),
            gain=self.gain * strength,
            noise=self.noise * strength,
        )

    def __call__(self, clips: Int16, rng: np.random.Generator) -> Int16:
        """Changes a batch.

        Args:
            clips: Shape (n, samples).
            rng: Draws the changes.

        Returns:
            New clips of the same shape.
        """
        count = len(clips)
        waves = clips.astype(np.float32)
        speeds = (1 + self.speed) ** rng.uniform(-1, 1, count)
        shifts = rng.uniform(-self.shift, self.shift, count) * clips.shape[1]
        tilts = rng.uniform(-self.tilt, self.tilt, count).astype(np.float32)
        gains = 10 ** (rng.uniform(-self.gain, self.gain, count).astype(np.float32) / 20)
        moved = np.stack([_resampled(*each) for each in zip(waves, speeds, shifts, strict=True)])
        moved[:, 1:] += tilts[:, None] * moved[:, :-1]
        loudness = np.sqrt(np.mean(np.square(moved), axis=1))
        levels = np.sqrt(self.noise * 10 ** rng.uniform(-3, 0, count)).astype(np.float32) * loudness
        moved += levels[:, None] * rng.standard_normal(moved.shape, np.float32)
        loudest = np.abs(moved).max(axis=1, initial=1)
        gains = np.minimum(gains, FULL_SCALE / loudest)
        changed: Int16 = np.rint(moved * gains[:, None]).astype(np.int16)
        return changed


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
        gain = min(gain, FULL_SCALE / max(1.0, float(np.abs(moved).max())))
        return np.asarray(np.rint(moved * gain), np.int16)


def _resampled(wave: Floats, speed: float, shift: float) -> Floats:
    """The waveform about its middle at another speed, begun sooner or later; silence where there is none."""
    middle = (len(wave) - 1) / 2
    places = (np.arange(len(wave)) - middle - shift) * speed + middle
    moved: Floats = np.interp(places, np.arange(len(wave)), wave, left=0.0, right=0.0).astype(np.float32)
    return moved
