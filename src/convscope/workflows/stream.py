"""Streams that are answered while they come: rows of a series, and speech."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from convscope.kinds.audio.speech.stream import SpeechStream
from convscope.kinds.audio.speech.task import TRANSCRIBING
from convscope.kinds.audio.speech.transcription import HeardWord
from convscope.kinds.contract.task import Answer
from convscope.kinds.series.anomaly.stream import AnomalyStream
from convscope.workflows.predict import Predictor


@dataclass(frozen=True)
class LiveWord:
    """A word of speech that no further sound changes.

    Args:
        word: With its seconds from the beginning of the stream.
        name: What it was heard in.
    """

    word: HeardWord
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


def follow(trained: Predictor, stream: BinaryIO | Iterable[Any]) -> Iterator[Answer]:
    """Answers while a stream comes.

    Args:
        trained: A run that can follow: of series-anomaly, or of speech-recognition.
        stream: Rows of a series, a line each, as bytes or texts; or sound: 16-bit samples at the rate of
            the run, a WAV file, or pieces of a waveform.

    Yields:
        The answer for a line at once; a word as soon as it is certain.

    Raises:
        UsageError: The run is of another recipe.
        DataError: The stream is no sound.
    """
    if trained.recipe.task is TRANSCRIBING:
        words = SpeechStream(trained).listen(stream)
        return (LiveWord(word) for word in words)
    return iter(AnomalyStream(trained).follow(_lines(stream)))


def _lines(stream: BinaryIO | Iterable[Any]) -> Iterable[str]:
    """Lines as text; bytes that are no UTF-8 become signs that no number has."""
    for line in stream:
        yield line.decode("utf-8", "replace") if isinstance(line, bytes) else line
