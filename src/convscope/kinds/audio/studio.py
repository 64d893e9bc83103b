"""How the studio shows recordings, and plays them."""

from __future__ import annotations

import io
import wave

import numpy as np

from convscope.kinds.audio.readers.recordings import Waveform
from convscope.kinds.contract.representation import SampleDescription, TimelineDescription
from convscope.kinds.contract.studio import Facts, Media, StudioElement
from convscope.types import Array

FULL_SCALE = 2**15 - 1
MOST_SECONDS = 600
"""Of a recording that is played."""
EXAMPLE_RATE = 16_000


def facts(values: Array, description: SampleDescription | None) -> Facts:
    """The rate, and where in the recording the clip begins that the model takes, in seconds."""
    found: Facts = {"media": "sound"}
    places = description.axis.places if isinstance(description, TimelineDescription) else None
    if places is not None and len(places) > 1:
        first, last = float(places[0]), float(places[-1])
        found |= {"rate": round((len(places) - 1) / (last - first)), "begins": first}
    return found


def original(sample: Waveform) -> Media | None:
    """The recording as WAV of 16 bits, at its own rate."""
    if not isinstance(sample, Waveform):
        return None
    return _wav(np.nan_to_num(sample.waveform[: MOST_SECONDS * sample.rate]), sample.rate)


def _wav(waveform: Array, rate: int) -> Media:
    values = np.rint(np.clip(waveform, -1, 1) * FULL_SCALE).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(values.shape[1] if values.ndim > 1 else 1)
        written.setsampwidth(2)
        written.setframerate(rate)
        written.writeframes(values.tobytes())
    return Media("audio/wav", file.getvalue())


def example() -> Media:
    """A second of silence."""
    return _wav(np.zeros(EXAMPLE_RATE, np.float32), EXAMPLE_RATE)


STUDIO = StudioElement(
    "cs-input-audio",
    "convscope.kinds.audio:studio.js",
    facts=facts,
    original=original,
    accepts={
        "audio/wav": ".wav",
        "audio/x-wav": ".wav",
        "audio/flac": ".flac",
        "audio/ogg": ".ogg",
        "audio/mpeg": ".mp3",
        "audio/x-aiff": ".aiff",
        "audio/opus": ".opus",
    },
    example=example,
)
