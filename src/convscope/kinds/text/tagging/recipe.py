"""Words with tags: people, places and organizations, parts of speech, anything that a word can be.

From top to bottom: columns of words and tags are read into sentences, words become ids beside their
characters, dilated convolutions look around each word, and the best sequence of tags that is allowed is the
answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras

from convscope.data.splits import Split
from convscope.kinds.contract.recipe import Recipe, RepresentationSteps
from convscope.kinds.text.classification.pretrained import start_from_vectors
from convscope.kinds.text.kind import TEXT_TAGGING
from convscope.kinds.text.readers.inputs import read_text_inputs
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


def read_sentences(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    encoding: str | None = None,
    text_column: str | None = None,
) -> SentenceInputs:
    """Texts, which are divided into words."""
    found = read_text_inputs(paths, progress=progress, encoding=encoding, text_column=text_column)
    return SentenceInputs(
        found.root, found.keys, [Sentence.read(text) for text in found.texts], found.skipped
    )


def fit_representation(
    train: Split, vocabulary: int = 100_000
) -> tuple[TaggingRepresentation, Sequence[str]]:
    """Learns words, characters and tags from the train split."""
    return TaggingRepresentation.fit(train, vocabulary)


def start(model: keras.Model, representation: TaggingRepresentation, vectors: str | None = None) -> None:
    """From pre-trained word vectors, where a file of them is given."""
    words = ("", "", *representation.words)
    start_from_vectors(model, words, vectors, layer="word_embedding")


RECIPE = Recipe(
    spec=TEXT_TAGGING,
    objective=task.OBJECTIVE,
    read=read_conll,
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
