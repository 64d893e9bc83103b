"""Speech to text: which words are said, and when?

From top to bottom: recordings with transcripts are read into splits, recordings become waveforms of one rate
and transcripts ids of characters, separable convolutions over log-mel energies learn to say a character or
nothing in each fiftieth of a second, and a search over all the ways to spread a text in time finds the words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convscope.data.snapshot import DataSnapshot
from convscope.data.splits import Split, Splits
from convscope.kinds.audio.detect import detect
from convscope.kinds.audio.readers.inputs import RecordingInputs, read_audio_inputs
from convscope.kinds.audio.readers.reader import read_recordings
from convscope.kinds.audio.speech.augmentation import SpeechAugmentation
from convscope.kinds.audio.speech.representation import SpeechRepresentation
from convscope.kinds.audio.speech.task import TRANSCRIBING
from convscope.kinds.contract.recipe import Recipe
from convscope.types import Progress, no_progress

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "separable_ctc": {
        "epochs": 20,
        "batch_size": 32,
        "learning_rate": 3e-3,
        "weight_decay": 0.01,
        "clip_norm": 1.0,
    },
}


def recognizes(snapshot: DataSnapshot) -> str | None:
    """Recordings with the words that are said in them."""
    found = detect(snapshot)
    return found.reason if found is not None and found.recipe == "speech-recognition" else None


def read(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    text_column: str | None = None,
    encoding: str | None = None,
    **_: Any,
) -> Splits:
    """Recordings with transcripts: a table or LibriSpeech's layout."""
    return read_recordings(
        path, "transcript", seed=seed, progress=progress, column=text_column, encoding=encoding
    )


def read_given(paths: Sequence[str], *, progress: Progress = no_progress, **_: Any) -> RecordingInputs:
    """Recordings without transcripts."""
    return read_audio_inputs(paths, progress=progress)


def fit_representation(
    train: Split, rate: int | None = None, **_: Any
) -> tuple[SpeechRepresentation, Sequence[str]]:
    """Chooses the rate, unless it is given, and learns the characters of the transcripts."""
    return SpeechRepresentation.fit(train, rate=rate)


def augmentation(strength: float, **_: Any) -> Callable[[Any, np.random.Generator], Any] | None:
    """Speed, loudness and noise, `strength` times as far as by default."""
    return SpeechAugmentation().scaled(strength)


SPEECH_RECOGNITION = Recipe(
    name="speech-recognition",
    kind="audio",
    task=TRANSCRIBING,
    reads=(
        "a JSON Lines, CSV or Parquet table of path and transcript, with offset, duration and split",
        "a folder with one such table, or with one for each split",
        "folders with *.trans.txt beside recordings, as LibriSpeech has them",
    ),
    architectures=("separable_ctc",),
    settings=SETTINGS,
    options=("text_column", "encoding", "rate", "beam", "words"),
    recognizes=recognizes,
    read=read,
    read_inputs=read_given,
    fit_representation=fit_representation,
    load_representation=SpeechRepresentation.from_json,
    augmentation=augmentation,
)
