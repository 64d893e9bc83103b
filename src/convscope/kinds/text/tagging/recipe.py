"""Words with tags: people, places and organizations, parts of speech, anything that a word can be.

From top to bottom: columns of words and tags are read into sentences, words become ids beside their
characters, dilated convolutions look around each word, and the best sequence of tags that is allowed is the
answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split, Splits
from convscope.data.token_rows import TokenRows
from convscope.engine.inference.infer import in_order_of_length, predict_batches
from convscope.engine.training.batches import Batch
from convscope.engine.training.objective import Objective
from convscope.kinds.contract.recipe import (
    ExampleContext,
    Fitted,
    ModelFactory,
    Recipe,
    ReportSteps,
    RepresentationSteps,
    SampleInputs,
)
from convscope.kinds.text.classification.word_vectors import start_from_vectors
from convscope.kinds.text.kind import TEXT_TAGGING
from convscope.kinds.text.readers.sentences import Sentence
from convscope.kinds.text.tagging.metrics import TaggingMetrics, tagging_metrics
from convscope.kinds.text.tagging.models import TaggingModel
from convscope.kinds.text.tagging.reader import read_sentences, read_tagged
from convscope.kinds.text.tagging.representation import TaggingRepresentation, TaggingRows
from convscope.kinds.text.tagging.tag_schemes import Span, parse, spans
from convscope.lenses.pages.report import Marked, Mistake
from convscope.types import SPLITS, Progress, SplitName, no_progress

BATCH = 64
UNKNOWN_SHARE = 0.5
"""Share of the words that occur once in train which are unknown in a batch, at an augmentation of 1."""
SHOWN_MISTAKES = 24
SHOWN_PER_TYPE = 4


@dataclass(frozen=True)
class TaggedRow:
    """The prediction for one sentence.

    Args:
        tags: A tag for each word.
        sure: Probability of each of these tags, given the whole sentence.
    """

    tags: tuple[str, ...]
    sure: tuple[float, ...]


class EncodedSentences(Protocol):
    """Encoded sentences."""

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Words of each sentence."""

    def __len__(self) -> int:
        """The number of sentences."""

    def take(self, indices: npt.NDArray[np.int64]) -> Any:
        """Padded inputs by name."""


def tag_rows(
    model: TaggingModel, rows: EncodedSentences, names: Sequence[str], progress: Progress = no_progress
) -> list[TaggedRow]:
    """Tags sentences of any lengths.

    Args:
        model: A tagging model.
        rows: Encoded sentences.
        names: The tag of each id.
        progress: Called after each batch.

    Returns:
        One prediction per sentence, in their order; an empty one for a sentence without words.
    """
    order, lengths, count = in_order_of_length(rows), rows.lengths, len(rows)
    size = min(BATCH, count)
    found: list[TaggedRow] = [TaggedRow((), ())] * count
    cuts = [order[np.arange(start, start + size) % count] for start in range(0, count, max(size, 1))]
    with closing(predict_batches(model.decoder, map(rows.take, cuts))) as decoded:
        for done, (chosen, (best, sure)) in enumerate(zip(cuts, decoded, strict=True), 1):
            for place, index in enumerate(chosen.tolist()):
                length = int(lengths[index])
                tags = tuple(names[number] for number in best[place, :length].tolist())
                found[index] = TaggedRow(tags, tuple(sure[place, :length].tolist()))
            progress(min(done * size, count), count, "tagging")
    return found


@dataclass(frozen=True)
class Entity:
    """A run of words with a type.

    Args:
        type: Such as `PER`.
        text: As it is spelled.
        start: Its first character in the text.
        end: Behind its last character.
        probability: The least that the model gives a tag of its words.
    """

    type: str
    text: str
    start: int
    end: int
    probability: float


@dataclass(frozen=True)
class TaggedText:
    """The answer for one text.

    Args:
        name: The file and the line in it.
        text: The text.
        entities: What was found in it, in order; for plain tags every word.
    """

    name: str
    text: str
    entities: tuple[Entity, ...]

    def to_json(self) -> dict[str, Any]:
        """Name, text and entities with the characters that they stand at."""
        return {"sample": self.name, "text": self.text, "entities": [vars(each) for each in self.entities]}

    def to_row(self) -> dict[str, str]:
        """Name, text, and entities as `start-end type`."""
        found = "; ".join(f"{each.start}-{each.end} {each.type}" for each in self.entities)
        return {"sample": self.name, "text": self.text, "entities": found}

    def to_cells(self) -> dict[str, str]:
        """The text with every entity in brackets, its type behind."""
        parts, at = [], 0
        for each in self.entities:
            parts += [self.text[at : each.start], f"[{each.text}]{each.type}"]
            at = each.end
        return {"sample": self.name, "answer": "".join([*parts, self.text[at:]])}


@dataclass(frozen=True)
class TagExamples:
    """Sentences with the tag of each word.

    Args:
        rows: Encoded sentences.
        tags: Ids of their tags.
        representation: Draws which rare words are unknown.
        unknown: Share of the rare words that are, in a training.
    """

    rows: TaggingRows
    tags: TokenRows
    representation: TaggingRepresentation
    unknown: float

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Words of each sentence."""
        return self.rows.lengths

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(inputs by name, ids of tags)."""
        inputs = self.rows.take(indices)
        if rng is not None and self.unknown:
            inputs = self.representation.with_unknown(inputs, rng, self.unknown)
        return inputs, self.tags.take(indices, inputs["words"].shape[1])


def build_tagger(
    make: ModelFactory,
    representation: TaggingRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model with one output for each tag."""
    sizes = {**representation.sizes, **options}
    return make(representation.shape, len(representation.tags), **sizes)


def tag_examples(context: ExampleContext[TaggingRepresentation]) -> TagExamples:
    """Sentences and tags; some rare words are unknown in a training."""
    representation = context.representation
    rows = representation.encode(context.split.samples, progress=context.progress)
    unknown = min(1.0, UNKNOWN_SHARE * context.settings.augmentation) if context.training else 0.0
    return TagExamples(rows, representation.tag_rows(context.split.labels), representation, unknown)


def predict(fitted: Fitted[TaggingRepresentation], samples: Samples, progress: Progress) -> list[TaggedRow]:
    """The most probable tags of each sentence that write entities without a break of the rules."""
    representation = fitted.representation
    return tag_rows(fitted.model, representation.encode(samples), representation.tags, progress)


def evaluate(answers: Sequence[TaggedRow], split: Split, class_names: Sequence[str]) -> TaggingMetrics:
    """Entities that are right, by type."""
    return tagging_metrics(
        [tuple(tags) for tags in split.labels], [each.tags for each in answers], class_names
    )


def to_predictions(
    answers: Sequence[TaggedRow], samples: Samples, class_names: Sequence[str]
) -> list[TaggedText]:
    """The entities of each text, with the characters that they stand at."""
    told = []
    for i, each in enumerate(answers):
        sentence: Sentence = samples.load(i)
        entities = tuple(_entity(sentence, span, each) for span in _runs(each.tags))
        told.append(TaggedText(samples.name(i), sentence.text, entities))
    return told


def output_names(representation: TaggingRepresentation, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """One output for each tag."""
    tags: tuple[str, ...] = representation.tags
    return tags


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """Entities of each type; of plain tags, words."""
    made: dict[SplitName, dict[str, int]] = {}
    for name in SPLITS:
        of_type = dict.fromkeys(splits.class_names, 0)
        for tags in splits[name].labels:
            for span in _runs(tags):
                of_type[span.type] = of_type.get(span.type, 0) + 1
        made[name] = of_type
    return made


def mistakes(answers: Sequence[TaggedRow], split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """Sentences in which an entity is wrong, those of which the model was surest first."""
    wrong = []
    for i, each in enumerate(answers):
        true, predicted = set(_runs(split.labels[i])), set(_runs(each.tags))
        if true != predicted:
            found = predicted - true
            sure = min((_least(each, span) for span in found), default=float(min(each.sure)))
            wrong.append((sure, i))
    made = []
    for sure, i in sorted(wrong, key=lambda each: -each[0])[:SHOWN_MISTAKES]:
        sentence: Sentence = split.samples.load(i)
        told = [
            (heading, Marked(sentence.text, [_marked(sentence, span) for span in _runs(tags)]))
            for heading, tags in (("is", split.labels[i]), ("found", answers[i].tags))
        ]
        made.append(Mistake("", split.samples.name(i), probability=sure, details=told))
    return made


def _marked(sentence: Sentence, span: Span) -> tuple[int, int, str]:
    return sentence.offsets[span.start][0], sentence.offsets[span.end - 1][1], span.type


def example_samples(splits: Splits) -> list[tuple[str, list[str]]]:
    """Some train sentences with an entity of each type."""
    shown: dict[str, list[str]] = {name: [] for name in splits.class_names}
    for i, tags in enumerate(splits.train.labels):
        for name in {span.type for span in _runs(tags)}:
            if len(shown.get(name, ())) < SHOWN_PER_TYPE and name in shown:
                shown[name].append(splits.train.samples.load(i).text)
        if all(len(some) == SHOWN_PER_TYPE for some in shown.values()):
            break
    return list(shown.items())


def encode_inputs(
    fitted: Fitted[TaggingRepresentation], samples: Samples, progress: Progress
) -> SampleInputs:
    """Sentences as the model takes them."""
    rows: Any = fitted.representation.encode(samples, progress=progress)
    return SampleInputs(rows.take, lambda i: TaggingRepresentation.describe(samples.load(i)))


def _runs(tags: Sequence[str]) -> tuple[Span, ...]:
    """Entities, or of plain tags every word."""
    if all(parse(tag) is not None for tag in tags):
        return spans(tags)
    return tuple(Span(place, place + 1, tag) for place, tag in enumerate(tags))


def _entity(sentence: Sentence, span: Span, answer: TaggedRow) -> Entity:
    start, end = sentence.offsets[span.start][0], sentence.offsets[span.end - 1][1]
    return Entity(span.type, sentence.text[start:end], start, end, _least(answer, span))


def _least(answer: TaggedRow, span: Span) -> float:
    return float(min(answer.sure[span.start : span.end]))


OBJECTIVE = Objective(loss=lambda settings: None, label="accuracy of words")
REPORT: ReportSteps[TaggingRepresentation, Sequence[TaggedRow]] = ReportSteps(
    "entities", counts, mistakes, example_samples
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
    objective=OBJECTIVE,
    read=read_tagged,
    read_inputs=read_sentences,
    representation=RepresentationSteps(fit_representation, TaggingRepresentation.from_json),
    build=build_tagger,
    examples=tag_examples,
    predict=predict,
    to_predictions=to_predictions,
    evaluate=evaluate,
    load_metrics=TaggingMetrics.from_json,
    output_names=output_names,
    encode_inputs=encode_inputs,
    report=REPORT,
    start=start,
    reads_whole=True,
)
