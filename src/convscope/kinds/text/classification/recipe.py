"""Texts into classes: topic, sentiment, spam, kind of question.

From top to bottom: tables, folders or lines of texts are read into splits, texts become rows of token ids, an
architecture learns from them while some words are hidden, and answers with one probability per class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from convscope.data.splits import Split
from convscope.data.token_rows import UNKNOWN
from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.tasks.classification import classification_recipe
from convscope.kinds.text.classification.reader import read_texts
from convscope.kinds.text.classification.representation import TextRepresentation
from convscope.kinds.text.classification.spelled_representation import SpelledRepresentation
from convscope.kinds.text.classification.word_vectors import start_from_vectors
from convscope.kinds.text.kind import TEXT_CLASSIFICATION
from convscope.kinds.text.readers.inputs import read_text_inputs

HIDDEN = 0.1
"""Share of the words that are hidden in training, at an augmentation of 1."""


def fit_representation(
    train: Split, unit: str = "words", vocabulary: int = 20_000, max_length: int = 512
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


def augmentation(strength: float) -> Callable[[Any, np.random.Generator], Any]:
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


def start(model: keras.Model, representation: Any, vectors: str | None = None) -> None:
    """From pre-trained word vectors, where a file of them is given."""
    start_from_vectors(model, representation.words, vectors)


RECIPE = classification_recipe(
    TEXT_CLASSIFICATION,
    read=read_texts,
    read_inputs=read_text_inputs,
    representation=RepresentationSteps(fit_representation, load_representation),
    text_of=lambda samples, index: str(samples.load(index)),
    augmentation=augmentation,
    start=start,
)
