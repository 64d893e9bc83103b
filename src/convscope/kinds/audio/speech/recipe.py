"""Speech to text: which words are said, and when?

From top to bottom: recordings with transcripts are read into splits, recordings become waveforms of one rate
and transcripts ids of characters, separable convolutions over log-mel energies learn to say a character or
nothing in each fiftieth of a second, and a search over all the ways to spread a text in time finds the words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convscope.data.splits import Split, Splits
from convscope.kinds.audio.augmentation import SpeechAugmentation
from convscope.kinds.audio.kind import SPEECH_RECOGNITION
from convscope.kinds.audio.readers.inputs import read_audio_inputs
from convscope.kinds.audio.readers.reader import read_recordings
from convscope.kinds.audio.speech import task
from convscope.kinds.audio.speech.metrics import SpeechMetrics
from convscope.kinds.audio.speech.representation import SpeechRepresentation
from convscope.kinds.audio.speech.stream import stream
from convscope.kinds.contract.recipe import Recipe, RepresentationSteps
from convscope.types import Progress, no_progress


def read(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    text_column: str | None = None,
    encoding: str | None = None,
) -> Splits:
    """Recordings with transcripts: a table or LibriSpeech's layout."""
    return read_recordings(
        path, "transcript", seed=seed, progress=progress, column=text_column, encoding=encoding
    )


def fit_representation(train: Split, rate: int | None = None) -> tuple[SpeechRepresentation, Sequence[str]]:
    """Chooses the rate, unless it is given, and learns the characters of the transcripts."""
    return SpeechRepresentation.fit(train, rate=rate)


def augmentation(strength: float) -> Callable[[Any, np.random.Generator], Any] | None:
    """Speed, loudness and noise, `strength` times as far as by default."""
    return SpeechAugmentation().scaled(strength)


RECIPE = Recipe(
    spec=SPEECH_RECOGNITION,
    objective=task.OBJECTIVE,
    read=read,
    read_inputs=read_audio_inputs,
    representation=RepresentationSteps(fit_representation, SpeechRepresentation.from_json),
    build=task.build_recognizer,
    examples=task.speech_examples,
    predict=task.predict,
    to_predictions=task.to_predictions,
    evaluate=task.evaluate,
    load_metrics=SpeechMetrics.from_json,
    output_names=task.output_names,
    encode_inputs=task.encode_inputs,
    report=task.REPORT,
    augmentation=augmentation,
    stream=stream,
)
