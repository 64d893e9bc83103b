"""Words of sound that is still coming, from a finished run."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError, UsageError
from convscope.kinds.audio.readers.recordings import Waveform
from convscope.kinds.audio.speech.representation import SpeechRepresentation
from convscope.kinds.audio.speech.sound_stream import as_stream
from convscope.kinds.audio.speech.transcription import LIVE_STEP, TimedWord, transcriber
from convscope.kinds.contract.recipe import Fitted

PIECE = 0.08
"""Seconds of sound that are read at a time."""
_RIFF = b"RIFF"
_ENDLESS = 0x7FFF0000
"""Bytes that a header tells of a file whose length is not known, or more."""
_WIDTHS = {1: "u1", 2: "<i2", 4: "<i4"}


def live_pieces(file: BinaryIO, rate: int) -> Iterator[Waveform]:
    """Reads sound as it comes.

    A stream that begins as a WAV file does is read as one, of whole numbers of 8, 16 or 32 bits, any rate
    and any number of channels. Where its header says that it is empty or endless, because the length was not
    known yet, it is read to its end. Everything else is taken for bare samples: 16-bit numbers, the low
    byte first, one channel. A sample that is cut off at the end is left out.

    Args:
        file: Such as `sys.stdin.buffer`; need not be seekable.
        rate: Samples per second, where there is no header.

    Yields:
        Pieces of about 80 ms, in order, as soon as they are there.

    Raises:
        DataError: The header of a WAV file is damaged, or its samples are of another kind.
    """
    opened = file if hasattr(file, "peek") else io.BufferedReader(cast(io.RawIOBase, file))
    if not opened.peek(len(_RIFF)).startswith(_RIFF):
        yield from _samples(opened, rate, 1, 2)
        return
    try:
        header = wave.open(opened, "rb")  # noqa: SIM115 - what is read belongs to the caller
        width, channels, given = header.getsampwidth(), header.getnchannels(), header.getframerate()
    except (wave.Error, EOFError) as error:
        raise DataError(
            f"standard input begins as a WAV file that cannot be read: {error}",
            hint="Send bare samples, such as: ffmpeg -i FILE -f s16le -ac 1 -",
        ) from error
    if width not in _WIDTHS or not channels or not given:
        raise DataError(
            f"standard input: expected samples of 8, 16 or 32 bits, received {8 * width} bits in {channels}"
            " channels",
            hint="Send bare samples, such as: ffmpeg -i FILE -f s16le -ac 1 -",
        )
    told = header.getnframes() * channels * width
    # Not by `readframes`, which would take an empty file at its word.
    yield from _samples(opened, given, channels, width, told if 0 < told < _ENDLESS else None)


def _samples(
    file: BinaryIO, rate: int, channels: int, width: int, length: int | None = None
) -> Iterator[Waveform]:
    """Whole samples of all channels, until the stream ends or so many bytes have come."""
    frame = channels * width
    size = max(1, round(PIECE * rate)) * frame
    rest = b""
    while data := file.read(size - len(rest) if length is None else min(size - len(rest), length)):
        length = None if length is None else length - len(data)
        data = rest + data
        whole = len(data) - len(data) % frame
        rest = data[whole:]
        if whole:
            yield Waveform(_as_floats(data[:whole], width).reshape(-1, channels), rate)


def _as_floats(data: bytes, width: int) -> npt.NDArray[np.float32]:
    values = np.frombuffer(data, _WIDTHS[width]).astype(np.float64)
    if width == 1:
        values -= 128
    return np.asarray(values / 2.0 ** (8 * width - 1), np.float32)


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
