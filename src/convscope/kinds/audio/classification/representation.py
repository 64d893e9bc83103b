"""Recordings of any rate and duration to clips of one length, and what must be remembered to do it again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt

from convscope.data.encoded import HeldArrays, LazyArrays
from convscope.data.splits import Split
from convscope.errors import UsageError
from convscope.json_values import Plain, Within
from convscope.kinds.audio.readers.clips import (
    FULL_SCALE,
    Int16,
    loudest_stretch,
    mono,
)
from convscope.kinds.audio.readers.recordings import Recordings, Waveform
from convscope.kinds.contract.representation import TimelineDescription
from convscope.types import Axis, Progress, no_progress

MEMORY_LIMIT = 512 * 2**20
"""Clips that take less than this are kept in memory, in bytes."""
HIGHEST_RATE = 16_000
"""Samples per second at most, unless the user asks for more: nearly all of speech lies below 8 kHz."""
LOWEST_RATE = 1_000
LONGEST = 10.0
"""Seconds of a clip at most, unless the user asks for more."""
COVERED = 0.95
"""Share of the train recordings that are no longer than a clip."""
VERSION = 1


@dataclass(frozen=True)
class AudioRepresentation(Plain):
    """The rate and the length that every recording is brought to.

    Channels become one, their mean. A shorter recording stands in the middle of silence; of a longer one the
    stretch with the most energy is heard.

    Args:
        rate: Samples per second.
        samples: Of a clip.
        same_level: Whether every clip is made as loud as full scale allows, so that how near the microphone
            was and how it was set play no part; else loudness is kept.

    Raises:
        UsageError: One of them cannot be.
    """

    _WHAT = "audio representation"
    _KEPT: ClassVar = {"kind": "audio", "version": VERSION}

    rate: Annotated[int, Within(1, 10**6)]
    samples: int
    same_level: bool = True

    def __post_init__(self) -> None:
        if self.rate < LOWEST_RATE or self.samples < 1:
            raise UsageError(
                f"a representation of sound takes at least {LOWEST_RATE:,} samples per second and one sample,"
                f" received {self.rate} and {self.samples}"
            )

    @property
    def shape(self) -> tuple[int]:
        """(samples,), the input shape of a model."""
        return (self.samples,)

    @property
    def sizes(self) -> dict[str, int]:
        """The rate."""
        return {"rate": self.rate}

    @classmethod
    def fit(
        cls, split: Split, rate: int | None = None, seconds: float | None = None, same_level: bool = True
    ) -> tuple[AudioRepresentation, tuple[str, ...]]:
        """Chooses rate and length from the train split.

        Args:
            split: The train split; its recordings know their durations and rates.
            rate: Samples per second, where the user chose them.
            seconds: Of a clip, likewise.
            same_level: As in the representation.

        Returns:
            The representation, and one line for each choice with its reason.

        Raises:
            UsageError: The split is empty, or the user's choice cannot work.
        """
        source = split.samples
        if not isinstance(source, Recordings) or not source.seconds:
            raise UsageError("an audio representation is fitted to at least one decoded recording")
        chosen, rate_line = common_rate(source.rates) if rate is None else (rate, f"rate: {rate:,}, as given")
        length, length_line = _length(source.seconds) if seconds is None else (seconds, "as given")
        if not 0 < length < 3_600:
            raise UsageError(f"a clip takes more than 0 seconds and less than an hour, received {length:g}")
        kept = "every clip is made as loud as full scale allows" if same_level else "kept, as given"
        return cls(chosen, max(1, round(length * chosen)), same_level), (
            rate_line,
            f"length: {length:g} seconds of sound, {length_line}",
            f"loudness: {kept}",
        )

    def to_clip(self, recording: Waveform) -> Int16:
        """Brings a recording to a clip, shape (samples,)."""
        clip, _ = loudest_stretch(mono(recording, self.rate), self.samples)
        loudest = float(np.abs(clip).max(initial=0))
        scale = FULL_SCALE / loudest if self.same_level and loudest > 0 else FULL_SCALE
        encoded: Int16 = np.rint(clip * scale).astype(np.int16)
        return encoded

    def describe(self, sample: Waveform) -> TimelineDescription:
        """When the samples of a clip are in the recording that it is of, in seconds."""
        waveform = mono(sample, self.rate)
        _, start = loudest_stretch(waveform, self.samples)
        places = (start + np.arange(self.samples)) / self.rate
        behind = max(0, start + self.samples - len(waveform))
        return TimelineDescription(Axis(places, unit="s", filled=(max(0, -start), behind)))

    def encode(
        self, samples: Recordings, limit_bytes: int = MEMORY_LIMIT, progress: Progress = no_progress
    ) -> HeldArrays[np.int16] | LazyArrays[np.int16]:
        """The clips of a split, in memory where they fit.

        Args:
            samples: The recordings.
            limit_bytes: How much memory they may take.
            progress: Receives the number of recordings decoded.

        Returns:
            `HeldArrays` decoded once, or `LazyArrays` where they would take more than the limit.

        Raises:
            DataError: A file has changed or gone since it was heard.
        """
        lazy = LazyArrays(samples, self.to_clip, (self.samples,), np.int16)
        return lazy.held(limit_bytes, progress, "decoding recordings")

    @staticmethod
    def to_inputs(clips: Int16) -> npt.NDArray[np.float32]:
        """Values of -32767 to 32767 as float32 of -1 to 1, any shape."""
        return np.multiply(clips, np.float32(1 / FULL_SCALE), dtype=np.float32)

    def example(self, count: int) -> npt.NDArray[np.float32]:
        """So many clips of noise, shape (count, samples), from -1 to 1."""
        return np.random.default_rng(0).uniform(-1, 1, (count, self.samples)).astype(np.float32)


def common_rate(rates: Sequence[int]) -> tuple[int, str]:
    """The rate that half of the recordings reach, bounded to `HIGHEST_RATE`; and why, in one line.

    Example:
        >>> common_rate([8000, 8000])
        (8000, 'rate: 8,000 samples per second, which all train recordings have')
    """
    median = int(np.median(np.asarray(rates)))
    chosen = min(median, HIGHEST_RATE)
    same = bool(np.all(np.asarray(rates) == median))
    if chosen < median:
        of = "all" if same else "half of the"
        return (
            chosen,
            f"rate: {chosen:,} samples per second, enough for speech; {of} train recordings have more",
        )
    which = "which all train recordings have" if same else "the median of the train recordings"
    return chosen, f"rate: {chosen:,} samples per second, {which}"


def _length(seconds: Sequence[float]) -> tuple[float, str]:
    """So long that most recordings are heard as a whole, bounded to `LONGEST`; and why."""
    covering = float(np.quantile(np.asarray(seconds, np.float64), COVERED, method="inverted_cdf"))
    chosen = min(math.ceil(100 * covering) / 100, LONGEST)
    if chosen < covering:
        return chosen, "the maximum unless `seconds` is given"
    return chosen, f"no shorter than {COVERED:.0%} of the train recordings"
