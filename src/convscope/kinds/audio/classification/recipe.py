"""Sounds into classes: which word, which machine, which bird?

From top to bottom: folders or tables of recordings are read into splits, recordings become clips of one rate
and length, an architecture that begins with log-mel energies learns from them while their speed, tone and
loudness change, and answers with one probability per class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convscope.data.splits import Split, Splits
from convscope.kinds.audio.classification.augmentation import AudioAugmentation
from convscope.kinds.audio.classification.representation import AudioRepresentation
from convscope.kinds.audio.kind import AUDIO_CLASSIFICATION
from convscope.kinds.audio.readers.inputs import RecordingInputs, read_audio_inputs
from convscope.kinds.audio.readers.reader import read_recordings
from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.tasks.classification import classification_recipe
from convscope.types import Progress, no_progress


def read(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    label_column: str | None = None,
    label_pattern: str | None = None,
    encoding: str | None = None,
    **_: Any,
) -> Splits:
    """Labelled recordings of any layout."""
    return read_recordings(
        path,
        "label",
        seed=seed,
        progress=progress,
        column=label_column,
        label_pattern=label_pattern,
        encoding=encoding,
    )


def read_given(paths: Sequence[str], *, progress: Progress = no_progress, **_: Any) -> RecordingInputs:
    """Recordings without labels."""
    return read_audio_inputs(paths, progress=progress)


def fit_representation(
    train: Split,
    rate: int | None = None,
    seconds: float | None = None,
    same_level: bool = True,
    **_: Any,
) -> tuple[AudioRepresentation, Sequence[str]]:
    """Chooses rate and length of clips from the train split, unless they are given.

    Args:
        train: Recordings.
        rate: Samples per second.
        seconds: Of a clip.
        same_level: Whether every clip is made equally loud; not where loudness tells the class.
    """
    return AudioRepresentation.fit(train, rate=rate, seconds=seconds, same_level=same_level)


def augmentation(strength: float, **_: Any) -> Callable[[Any, np.random.Generator], Any] | None:
    """Speed, place, tone, loudness and noise, `strength` times as far as by default."""
    return AudioAugmentation().scaled(strength)


RECIPE = classification_recipe(
    AUDIO_CLASSIFICATION,
    read=read,
    read_inputs=read_given,
    representation=RepresentationSteps(fit_representation, AudioRepresentation.from_json),
    augmentation=augmentation,
)
