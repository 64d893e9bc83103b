"""Texts into classes: topic, sentiment, spam, kind of question.

From top to bottom: tables, folders or lines of texts are read into splits, texts become rows of token ids, an
architecture learns from them while some words are hidden, and answers with one probability per class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from convscope.data.snapshot import DataSnapshot
from convscope.data.splits import Split, Splits
from convscope.data.token_rows import UNKNOWN
from convscope.kinds.contract.recipe import Recipe
from convscope.kinds.tasks.classification import CLASSIFICATION
from convscope.kinds.text.classification.pretrained import start_from_vectors
from convscope.kinds.text.classification.reader import read_texts
from convscope.kinds.text.classification.representation import TextRepresentation
from convscope.kinds.text.classification.text_reading import read_given
from convscope.kinds.text.detect import detect
from convscope.kinds.text.tagging.spelled_representation import SpelledRepresentation
from convscope.types import Progress, no_progress

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "text_cnn": {
        "epochs": 8,
        "batch_size": 50,
        "learning_rate": 1e-3,
        "embedding": 100,
        "averaging": 0.3,
    },
    "residual_text_cnn": {"epochs": 8, "batch_size": 50, "learning_rate": 1e-3},
}
HIDDEN = 0.1
"""Share of the words that are hidden in training, at an augmentation of 1."""


def recognizes(snapshot: DataSnapshot) -> str | None:
    """Texts with one label each."""
    found = detect(snapshot)
    return found.reason if found is not None and found.recipe == "text-classification" else None


def read(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    encoding: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    **_: Any,
) -> Splits:
    """Labelled texts of any layout."""
    return read_texts(
        path,
        seed=seed,
        progress=progress,
        encoding=encoding,
        text_column=text_column,
        label_column=label_column,
    )


def fit_representation(
    train: Split, unit: str = "words", vocabulary: int = 20_000, max_length: int = 512, **_: Any
) -> tuple[TextRepresentation | SpelledRepresentation, Sequence[str]]:
    """Learns from the train split what texts are made of.

    Args:
        train: Texts.
        unit: `words` with the pieces that they are spelled with, `subwords`, or `hashed` words.
        vocabulary: Words or sub-words at most.
        max_length: Words or sub-words of a text that are read at most.
    """
    if unit == "words":
        return SpelledRepresentation.fit(train, vocabulary=vocabulary, max_length=max_length)
    return TextRepresentation.fit(train, unit=unit, vocabulary=vocabulary, max_length=max_length)


def load_representation(saved: Mapping[str, Any]) -> TextRepresentation | SpelledRepresentation:
    """What `fit_representation` made, from its plain values."""
    spelled = isinstance(saved, Mapping) and saved.get("kind") == "spelled text"
    return SpelledRepresentation.from_json(saved) if spelled else TextRepresentation.from_json(saved)


def augmentation(strength: float, **_: Any) -> Callable[[Any, np.random.Generator], Any]:
    """Hides words, which become unknown ones, and some of the pieces of each: a tenth at a strength of 1."""
    share = min(HIDDEN * strength, 0.9)

    def hide(ids: Any, rng: np.random.Generator) -> Any:
        hidden = (rng.random(ids.shape) < share) & (ids != 0)
        if ids.ndim == 2:
            return np.where(hidden, np.int32(UNKNOWN), ids)
        changed = np.where(hidden, np.int32(0), ids)
        changed[..., 0] = np.where(hidden[..., 0], np.int32(UNKNOWN), ids[..., 0])
        return changed

    return hide


def start(model: keras.Model, representation: Any, vectors: str | None = None, **_: Any) -> None:
    """From pre-trained word vectors, where a file of them is given."""
    start_from_vectors(model, representation.words, vectors)


TEXT_CLASSIFICATION = Recipe(
    name="text-classification",
    kind="text",
    task=CLASSIFICATION,
    reads=(
        "a CSV, TSV, JSON Lines or Parquet table of text, label and split",
        "a folder of .txt files per class",
        "train/, validation/ and test/ of such folders, or such tables",
        "lines of label and text",
    ),
    architectures=("text_cnn", "residual_text_cnn"),
    settings=SETTINGS,
    options=("encoding", "text_column", "label_column", "unit", "vocabulary", "max_length", "vectors"),
    recognizes=recognizes,
    read=read,
    read_inputs=read_given,
    fit_representation=fit_representation,
    load_representation=load_representation,
    augmentation=augmentation,
    start=start,
)
