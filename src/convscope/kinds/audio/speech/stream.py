"""Words of sound that is still coming, from a finished run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

import numpy as np

from convscope.errors import UsageError
from convscope.kinds.audio.readers.recordings import Waveform
from convscope.kinds.audio.speech.live_sound import live_pieces
from convscope.kinds.audio.speech.sound_stream import as_stream
from convscope.kinds.audio.speech.task import TRANSCRIBING, transcriber
from convscope.kinds.audio.speech.transcription import LIVE_STEP, HeardWord
from convscope.workflows.predict import Predictor


class SpeechStream:
    """A run of speech recognition made ready to hear.

    Args:
        trained: The run, with options such as `beam` and `words`.

    Raises:
        UsageError: The run is of another recipe.
    """

    def __init__(self, trained: Predictor) -> None:
        if trained.recipe.task is not TRANSCRIBING:
            raise UsageError(
                f"A run of {trained.recipe.name} cannot listen.", "Give a run of speech-recognition."
            )
        self._transcriber = transcriber(trained.fitted)
        representation: Any = trained.fitted.representation
        self.rate: int = representation.rate

    def listen(self, sound: BinaryIO | Iterable[Any], rate: int | None = None) -> Iterator[HeardWord]:
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
        return self._transcriber.listen(as_stream(pieces, self.rate), LIVE_STEP)


def _piece(values: Any, rate: int) -> Waveform:
    waveform = np.asarray(values, np.float32)
    if waveform.ndim not in (1, 2):
        raise UsageError(
            f"A piece of sound has shape (samples,) or (samples, channels). Received: {waveform.shape}."
        )
    return Waveform(
        waveform.reshape(len(waveform), -1) if waveform.size else np.zeros((0, 1), np.float32), rate
    )
