"""Words of sound that is still coming, from a finished run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import numpy as np

from convscope.errors import UsageError
from convscope.kinds.audio.readers.recordings import Waveform
from convscope.kinds.audio.speech.live_sound import live_pieces
from convscope.kinds.audio.speech.representation import SpeechRepresentation
from convscope.kinds.audio.speech.sound_stream import as_stream
from convscope.kinds.audio.speech.task import transcriber
from convscope.kinds.audio.speech.transcription import LIVE_STEP, TimedWord
from convscope.kinds.contract.recipe import Fitted


@dataclass(frozen=True)
class StreamedWord:
    """A word of speech that no further sound changes.

    Args:
        word: With its seconds from the beginning of the stream.
        name: What it was heard in.
    """

    word: TimedWord
    name: str = "stream"

    def to_json(self) -> dict[str, Any]:
        """Word, times in seconds and probability."""
        return {
            "sample": self.name,
            "word": self.word.text,
            "start": round(self.word.start, 3),
            "end": round(self.word.end, 3),
            "probability": round(self.word.probability, 6),
        }

    def to_row(self) -> dict[str, str]:
        """The same as text."""
        return {name: str(value) for name, value in self.to_json().items()}

    def to_cells(self) -> dict[str, str]:
        """Seconds and word."""
        return {
            "from": f"{self.word.start:8.2f}",
            "to": f"{self.word.end:8.2f}",
            "word": self.word.text,
        }


class SpeechStream:
    """A run of speech recognition made ready to hear.

    Args:
        fitted: The model of the run, with options such as `beam` and `words`.
    """

    def __init__(self, fitted: Fitted[SpeechRepresentation]) -> None:
        self._transcriber = transcriber(fitted)
        self.rate: int = fitted.representation.rate

    def listen(self, sound: BinaryIO | Iterable[Any], rate: int | None = None) -> Iterator[TimedWord]:
        """Gives each word as soon as no further sound changes it.

        Args:
            sound: A binary stream, such as standard input, of 16-bit samples or of a WAV file; or pieces
                of a waveform, each of shape (samples,) or (samples, channels), from -1 to 1.
            rate: Samples per second of bare samples or pieces; by default that of the run.

        Yields:
            The words that would be found in the whole, with their seconds from its beginning.

        Raises:
            DataError: The stream is no sound.
        """
        given = rate or self.rate
        if hasattr(sound, "read"):
            pieces = live_pieces(cast(BinaryIO, sound), given)
        else:
            pieces = (_piece(each, given) for each in cast(Iterable[Any], sound))
        return self._transcriber.stream(as_stream(pieces, self.rate), LIVE_STEP)


def _piece(values: Any, rate: int) -> Waveform:
    waveform = np.asarray(values, np.float32)
    if waveform.ndim not in (1, 2):
        raise UsageError(
            f"A piece of sound has shape (samples,) or (samples, channels). Received: {waveform.shape}."
        )
    return Waveform(
        waveform.reshape(len(waveform), -1) if waveform.size else np.zeros((0, 1), np.float32), rate
    )


def stream(fitted: Fitted[SpeechRepresentation], sound: BinaryIO | Iterable[Any]) -> Iterator[StreamedWord]:
    """Words while sound comes.

    Args:
        fitted: The model of a run of speech-recognition.
        sound: 16-bit samples at the rate of the run, a WAV file, or pieces of a waveform.

    Yields:
        A word as soon as no further sound changes it.

    Raises:
        DataError: The stream is no sound.
    """
    return (StreamedWord(word) for word in SpeechStream(fitted).listen(sound))
