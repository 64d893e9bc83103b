"""Transcripts of recordings of any length, and of live sound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.inference.infer import in_order_of_length
from convscope.errors import UsageError
from convscope.kinds.audio.readers.sound_rows import PADDING, as_inputs
from convscope.kinds.audio.readers.transcripts import read_words
from convscope.kinds.audio.speech.ctc import BEAM, BLANK, FrameWord, Search, search_for
from convscope.kinds.audio.speech.representation import SpeechRepresentation
from convscope.kinds.audio.speech.sound_stream import Int16
from convscope.kinds.contract.recipe import Fitted
from convscope.scope.geometry.geometry import geometries
from convscope.scope.graph.graph import trace
from convscope.types import Progress, no_progress

BATCH = 32
LONGEST = 30.0
"""Seconds of a recording that is computed as a whole; a longer one is computed in windows."""
STEP = 20.0
"""Seconds by which the windows of a long recording move on."""
LIVE_STEP = 0.24
"""Seconds by which the windows of sound that is still coming move on."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TimedWord:
    """A word with its time.

    Args:
        text: Its characters.
        start: Seconds from the beginning of the recording to that of the word.
        end: And to its end.
        probability: The least of its characters.
    """

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class Transcript:
    """The transcript of one recording.

    Args:
        words: In order.
        confidence: The least probability of a word; where there is none, of silence.
    """

    words: tuple[TimedWord, ...]
    confidence: float

    @property
    def text(self) -> str:
        """The words, apart by spaces."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True)
class Window:
    """What a frame of a model's output depends on: the samples from frame * unit - before on.

    Args:
        unit: Samples from frame to frame.
        before: Samples in front of the first one of the frame's own time.
        behind: Samples from that one on to the last one that it depends on.
    """

    unit: int
    before: int
    behind: int

    @classmethod
    def of(cls, model: keras.Model) -> Window:
        """That of a model, as far as its layers reach.

        Raises:
            UsageError: How far it reaches is not known or not limited.
        """
        graph = trace(model)
        found = geometries(graph)[graph.calls[-1].path]
        reach = found.dependencies[0] if found.known and found.dependencies else None
        if reach is None or reach.whole or reach.period != 1 or reach.axis is None:
            raise UsageError(
                f"The model '{model.name}' cannot transcribe a recording in parts: its receptive field is "
                "unknown or unlimited."
            )
        return cls(reach.advance, -reach.lows[0], reach.highs[0])


class EncodedRecordings(Protocol):
    """Waveforms of unequal lengths."""

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Samples of each."""

    def __len__(self) -> int:
        """The number of recordings."""

    def take(self, indices: npt.NDArray[np.int64]) -> Int16:
        """Some of them, padded to one length."""

    def pieces(self, index: int) -> Iterator[Int16]:
        """One of them, a piece at a time."""


class Transcriber:
    """A model ready to transcribe.

    Args:
        model: From waveforms to probabilities of the blank and characters in each frame.
        rate: Samples per second of the waveforms.
        characters: The character of each id from 1.
        beam: Texts that are followed at once; 1 takes the best character of each frame.
        words: The only words that are recognized, with their weights; None allows everything.

    Raises:
        UsageError: A beam or words that cannot be searched with.
    """

    def __init__(
        self,
        model: keras.Model,
        rate: int,
        characters: Sequence[str],
        beam: int = BEAM,
        words: Mapping[str, float] | None = None,
    ) -> None:
        self._model, self._rate = model, rate
        self._window = Window.of(model)
        self._begin: Callable[[], Search] = lambda: search_for(characters, beam, words)
        self._begin()

    def __call__(
        self,
        rows: EncodedRecordings,
        progress: Progress = no_progress,
        longest: float = LONGEST,
        step: float = STEP,
    ) -> list[Transcript]:
        """Transcribes recordings of any lengths.

        Args:
            rows: Their waveforms.
            progress: Called with the number of transcripts.
            longest: Seconds of a recording that is computed as a whole.
            step: Seconds by which the windows of a longer one move on.

        Returns:
            One transcript per recording, in their order, whatever else is in the batch.
        """
        found = [Transcript((), 1.0)] * len(rows)
        lengths = rows.lengths
        order = in_order_of_length(rows)
        short = order[lengths[order] <= longest * self._rate]
        done = 0
        for start in range(0, len(short), BATCH):
            chosen = short[start : start + BATCH]
            outputs = self._frames_of(rows.take(chosen))
            for index, output in zip(chosen.tolist(), outputs, strict=True):
                frames = -(-int(lengths[index]) // self._window.unit)
                found[index] = self._transcript([output[:frames]])
            done += len(chosen)
            progress(done, len(rows), "transcribing")
        for index in order[len(short) :].tolist():
            found[index] = self._transcript(self.frames(rows.pieces(index), step))
            done += 1
            progress(done, len(rows), "transcribing")
        return found

    def frames(self, pieces: Iterable[Int16], step: float = STEP) -> Iterator[Floats]:
        """Probabilities of a waveform that comes in pieces, as if it had been computed as a whole.

        Windows overlap by what a frame depends on, so that a frame is taken from a window that holds all
        of it.

        Args:
            pieces: In order, each of any size.
            step: Seconds by which windows move on.

        Yields:
            Shape (frames, ids), float32.
        """
        window = self._window
        moved = max(1, round(step * self._rate / window.unit)) * window.unit
        reach = -(-(window.before + window.behind) // window.unit) * window.unit
        size = reach + window.unit + moved
        waiting, begin, following = np.zeros(0, np.int16), 0, 0
        for piece in pieces:
            waiting = np.concatenate([waiting, piece])
            while len(waiting) >= size:
                end = (begin + size - 1 - window.behind) // window.unit + 1
                yield self._part(waiting[:size], size, following - begin // window.unit, end - following)
                following = end
                first = max(0, (following * window.unit - window.before) // window.unit * window.unit)
                waiting, begin = waiting[first - begin :], first
        count = -(-(begin + len(waiting)) // window.unit) - following
        if count > 0:
            yield self._part(waiting, size, following - begin // window.unit, count)

    def stream(self, pieces: Iterable[Int16], step: float = LIVE_STEP) -> Iterator[TimedWord]:
        """Words of sound that is still coming, each as soon as it is certain.

        Args:
            pieces: The waveform, in order, each piece of any size.
            step: Seconds of sound after which the search goes on.

        Yields:
            The words that `__call__` would find in the whole.
        """
        search = self._begin()
        for frames in self.frames(pieces, step):
            yield from map(self._timed, search.push(frames))
        yield from map(self._timed, search.finish())

    def _part(self, samples: Int16, size: int, first: int, count: int) -> Floats:
        """Some frames of one window, filled up to the size that all windows have."""
        padded = np.pad(samples, (0, size - len(samples)), constant_values=PADDING)
        frames: Floats = self._frames_of(padded[None])[0, first : first + count]
        return frames

    def _frames_of(self, rows: Int16) -> Floats:
        return np.asarray(self._model.predict_on_batch(as_inputs(rows)), np.float32)

    def _transcript(self, parts: Iterable[Floats]) -> Transcript:
        search, words, silence = self._begin(), list[FrameWord](), 1.0
        for frames in parts:
            words += search.push(frames)
            silence = min(silence, float(frames[:, BLANK].min(initial=1.0)))
        words += search.finish()
        timed = tuple(map(self._timed, words))
        return Transcript(timed, min((word.probability for word in timed), default=silence))

    def _timed(self, word: FrameWord) -> TimedWord:
        second = self._rate / self._window.unit
        return TimedWord(word.text, word.start / second, word.end / second, word.probability)


def transcriber(fitted: Fitted[SpeechRepresentation]) -> Transcriber:
    """The model made ready to hear, as its options say.

    Raises:
        DataError: The list of words cannot be read.
        UsageError: A beam or words that cannot be searched with.
    """
    representation = fitted.representation
    listed = fitted.options.get("words")
    return Transcriber(
        fitted.model,
        representation.rate,
        representation.characters,
        int(fitted.options.get("beam", BEAM)),
        None if listed is None else read_words(listed),
    )
