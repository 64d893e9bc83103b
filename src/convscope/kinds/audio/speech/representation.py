"""Recordings of any length as waveforms, and transcripts as ids of characters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt

from convscope.data.splits import Split
from convscope.data.token_rows import TokenRows
from convscope.errors import UsageError
from convscope.json_values import Plain, Within
from convscope.kinds.audio.classification.representation import LOWEST_RATE, common_rate
from convscope.kinds.audio.readers.recordings import Recordings, Waveform
from convscope.kinds.audio.readers.sound_rows import SoundRows, as_inputs, decoded_all
from convscope.kinds.audio.readers.transcripts import SPELLING, spelled
from convscope.kinds.audio.speech.sound_stream import resampled_length
from convscope.kinds.contract.representation import TimelineDescription
from convscope.types import Axis, Progress, no_progress

MEMORY_LIMIT = 1024 * 2**20
"""Waveforms that take less than this are kept in memory, in bytes."""
FRAMES = 50
"""Answers of the model per second."""
VERSION = 1


@dataclass(frozen=True)
class SpeechRepresentation(Plain):
    """The rate of waveforms and the characters of transcripts; fitted on the train split alone.

    Args:
        rate: Samples per second.
        characters: Sorted; their ids count from 1, and 0 is the blank.

    Raises:
        UsageError: A rate that is too low, no character, or one twice.
    """

    _WHAT = "speech representation"
    _KEPT: ClassVar = {"kind": "speech", "version": VERSION}

    rate: Annotated[int, Within(1, 10**6)]
    characters: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.rate < LOWEST_RATE:
            raise UsageError(
                f"speech takes at least {LOWEST_RATE:,} samples per second, received {self.rate}"
            )
        single = all(len(each) == 1 for each in self.characters)
        if not self.characters or not single or len(set(self.characters)) < len(self.characters):
            raise UsageError(
                f"transcripts need different single characters, received {list(self.characters)}"
            )

    @classmethod
    def fit(cls, split: Split, rate: int | None = None) -> tuple[SpeechRepresentation, tuple[str, ...]]:
        """Learns rate and characters.

        Args:
            split: Train recordings with their transcripts.
            rate: Samples per second, where the user chose them.

        Returns:
            The representation and what was decided, one line each.

        Raises:
            UsageError: There are no recordings, or no transcript has a character.
        """
        source = split.samples
        if not isinstance(source, Recordings) or not source.seconds:
            raise UsageError("speech recognition needs at least one decoded recording")
        chosen, why = common_rate(source.rates) if rate is None else (rate, f"rate: {rate:,}, as given")
        texts = [spelled(str(text)) for text in split.labels]
        made = cls(chosen, tuple(sorted(set("".join(texts)))))
        shown = "".join(each if each != " " else "\N{OPEN BOX}" for each in made.characters)
        lines = [
            why,
            f"transcripts: {SPELLING}",
            f"characters: {len(made.characters)} of train, {shown}",
        ]
        short = sum(
            seconds * FRAMES < _frames_needed(text)
            for seconds, text in zip(source.seconds, texts, strict=True)
        )
        if short:
            lines.append(
                f"left out of the loss: {short} train recordings, too short for their transcripts at "
                f"{FRAMES} characters per second"
            )
        return made, tuple(lines)

    @property
    def shape(self) -> tuple[None]:
        """(None,): any number of samples."""
        return (None,)

    @property
    def sizes(self) -> dict[str, int]:
        """The rate."""
        return {"rate": self.rate}

    @property
    def classes(self) -> int:
        """Characters and the blank."""
        return 1 + len(self.characters)

    def encode(
        self, samples: Recordings, limit_bytes: int = MEMORY_LIMIT, progress: Progress = no_progress
    ) -> SoundRows:
        """The waveforms of recordings, in memory where they fit.

        Args:
            samples: The recordings.
            limit_bytes: How much memory they may take.
            progress: Receives the number of recordings decoded.

        Raises:
            DataError: A file has changed or gone since it was found.
            UsageError: The durations of the recordings are not known.
        """
        if len(samples) and not samples.seconds:
            raise UsageError("speech recognition needs recordings of known duration")
        given = zip(samples.seconds, samples.rates, strict=True)
        counts = [resampled_length(round(seconds * rate), rate, self.rate) for seconds, rate in given]
        lengths = np.array(counts, np.int64)
        rows = SoundRows(samples, self.rate, lengths)
        if not len(samples) or 2 * int(lengths.sum()) > limit_bytes:
            return rows
        waves = decoded_all(rows, lambda done: progress(done, len(samples), "decoding recordings"))
        return SoundRows(samples, self.rate, np.array([len(wave) for wave in waves], np.int64), waves)

    def targets(self, transcripts: Iterable[Any]) -> TokenRows:
        """Ids of the characters of transcripts; those that train does not have are left out."""
        return TokenRows.of([self.ids(str(text)) for text in transcripts])

    def ids(self, text: str) -> list[int]:
        """Ids of the characters of one transcript."""
        return [self._ids[each] for each in spelled(text) if each in self._ids]

    @staticmethod
    def to_inputs(rows: Any) -> npt.NDArray[np.float32]:
        """From 16-bit waveforms to what the model takes."""
        return as_inputs(rows)

    def describe(self, sample: Waveform) -> TimelineDescription:
        """When the samples of a waveform are in the recording, in seconds."""
        length = resampled_length(len(sample.waveform), sample.rate, self.rate)
        return TimelineDescription(Axis(np.arange(length) / self.rate, "s"))

    def example(self, count: int) -> npt.NDArray[np.float32]:
        """So many waveforms of a second of noise."""
        return np.random.default_rng(0).uniform(-1, 1, (count, self.rate)).astype(np.float32)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: number for number, character in enumerate(self.characters, 1)}


def _frames_needed(text: str) -> int:
    """One for each character, and one between two that are the same."""
    return len(text) + sum(one == other for one, other in pairwise(text))
