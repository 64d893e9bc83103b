"""Words with tags: people, places and organizations, parts of speech, anything that a word can be.

From top to bottom: columns of words and tags are read into sentences, words become ids beside their
characters, dilated convolutions look around each word, and the best sequence of tags that is allowed is the
answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from convscope.data.splits import Split, Splits
from convscope.kinds.contract.recipe import Recipe, RepresentationSteps
from convscope.kinds.text.classification.pretrained import start_from_vectors
from convscope.kinds.text.classification.text_reading import read_given
from convscope.kinds.text.kind import TEXT_TAGGING
from convscope.kinds.text.readers.sentences import Sentence, TaggedSentences
from convscope.kinds.text.tagging import task
from convscope.kinds.text.tagging.conll import read_conll
from convscope.kinds.text.tagging.metrics import TaggingMetrics
from convscope.kinds.text.tagging.representation import TaggingRepresentation
from convscope.types import Progress, Skipped, no_progress


@dataclass(frozen=True)
class SentenceInputs(TaggedSentences):
    """Texts without tags, divided into words.

    Args:
        skipped: What was found and is no text.
    """

    skipped: tuple[Skipped, ...] = ()


def read(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    encoding: str | None = None,
    word_column: int = 1,
    tag_column: int = -1,
    **_: Any,
) -> Splits:
    """Sentences of words with a tag each."""
    return read_conll(
        path,
        seed=seed,
        progress=progress,
        encoding=encoding,
        word_column=word_column,
        tag_column=tag_column,
    )


def read_sentences(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    encoding: str | None = None,
    text_column: str | None = None,
    **_: Any,
) -> SentenceInputs:
    """Texts, which are divided into words."""
    found = read_given(paths, progress=progress, encoding=encoding, text_column=text_column)
    return SentenceInputs(
        found.root, found.keys, [Sentence.read(text) for text in found.texts], found.skipped
    )


def fit_representation(
    train: Split, vocabulary: int = 100_000, **_: Any
) -> tuple[TaggingRepresentation, Sequence[str]]:
    """Learns words, characters and tags from the train split."""
    return TaggingRepresentation.fit(train, vocabulary)


def start(
    model: keras.Model, representation: TaggingRepresentation, vectors: str | None = None, **_: Any
) -> None:
    """From pre-trained word vectors, where a file of them is given."""
    words = ("", "", *representation.words)
    start_from_vectors(model, words, vectors, layer="word_embedding")


RECIPE = Recipe(
    spec=TEXT_TAGGING,
    objective=task.OBJECTIVE,
    read=read,
    read_inputs=read_sentences,
    representation=RepresentationSteps(fit_representation, TaggingRepresentation.from_json),
    build=task.build_tagger,
    examples=task.tag_examples,
    predict=task.predict,
    to_predictions=task.to_predictions,
    evaluate=task.evaluate,
    load_metrics=TaggingMetrics.from_json,
    output_names=task.output_names,
    encode_inputs=task.encode_inputs,
    report=task.REPORT,
    start=start,
)
