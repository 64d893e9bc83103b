"""Sounds into classes: which word, which machine, which bird?

From top to bottom: folders or tables of recordings are read into splits, recordings become clips of one rate
and length, an architecture that begins with log-mel energies learns from them while their speed, tone and
loudness change, and answers with one probability per class.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convscope.data.splits import Splits
from convscope.kinds.audio.augmentation import AudioAugmentation
from convscope.kinds.audio.classification.representation import AudioRepresentation
from convscope.kinds.audio.kind import AUDIO_CLASSIFICATION
from convscope.kinds.audio.readers.inputs import read_audio_inputs
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
    group: str | None = None,
    drop_column: Sequence[str] = (),
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
        group=group,
        drop_column=drop_column,
    )


def augmentation(strength: float) -> Callable[[Any, np.random.Generator], Any] | None:
    """Speed, place, tone, loudness and noise, `strength` times as far as by default."""
    return AudioAugmentation().scaled(strength)


ENOUGH = 3_000
"""Recordings for which `EPOCHS` are right."""
EPOCHS = (15, 50, 120)
"""At least, for so many recordings, and at most."""
BATCHES = (8, 32)
"""Recordings in a batch, at least and at most."""


def suggest_settings(architecture: str, splits: Splits) -> Mapping[str, Any]:
    """Epochs and batches for so many train recordings: the fewer there are, the more often each is heard.

    Example:
        >>> from types import SimpleNamespace
        >>> [suggest_settings("audio_cnn", SimpleNamespace(train=range(count))) for count in (300, 30_000)]
        [{'epochs': 120, 'batch_size': 15}, {'epochs': 16, 'batch_size': 32}]
    """
    count = max(len(splits.train), 1)
    least, usual, most = EPOCHS
    smallest, largest = BATCHES
    return {
        "epochs": min(most, max(least, math.ceil(usual * math.sqrt(ENOUGH / count)))),
        "batch_size": min(largest, max(smallest, count // 20)),
    }


RECIPE = classification_recipe(
    AUDIO_CLASSIFICATION,
    read=read,
    read_inputs=read_audio_inputs,
    representation=RepresentationSteps(AudioRepresentation.fit, AudioRepresentation.from_json),
    augmentation=augmentation,
    suggest_settings=suggest_settings,
)
