"""Text in one language to text in another.

From top to bottom: aligned sentences are read into pairs, both sides become sub-word ids, gated convolutions
read the source while causal ones write the translation and attend to it, and a beam search finds the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.splits import Samples, Split, Splits
from convscope.data.token_rows import TokenRows
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
from convscope.kinds.contract.representation import TextDescription
from convscope.kinds.text.kind import TRANSLATION
from convscope.kinds.text.readers.inputs import read_text_inputs
from convscope.kinds.text.readers.sources import Texts
from convscope.kinds.text.translation.beam import BeamSettings, Translation, Translator
from convscope.kinds.text.translation.loss import TokenAccuracy, TokenLoss
from convscope.kinds.text.translation.metrics import TranslationMetrics, translation_metrics
from convscope.kinds.text.translation.parallel import read_parallel
from convscope.kinds.text.translation.representation import TranslationRepresentation, start_shifted
from convscope.lenses.pages.report import Mistake
from convscope.types import Progress, SplitName


@dataclass(frozen=True)
class TranslatedText:
    """The answer for one text.

    Args:
        name: The file and the line in it.
        source: The text.
        translation: What it is in the other language.
        score: Mean log-probability of a token, in nats.
    """

    name: str
    source: str
    translation: str
    score: float

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        names = ("sample", "source", "translation", "score")
        return dict(zip(names, (self.name, self.source, self.translation, self.score), strict=True))

    def to_row(self) -> dict[str, str]:
        """All of it."""
        return {name: f"{value}" for name, value in self.to_json().items()}

    def to_cells(self) -> dict[str, str]:
        """The text and its translation."""
        return {"text": self.source, "translation": self.translation}


@dataclass(frozen=True)
class Answered:
    """A translation beside the search that found it.

    Args:
        text: The translation.
        found: Ids and attention, of a long text those of its first part.
        score: Mean log-probability of a token, in nats; of a long text that of its worst part.
    """

    text: str
    found: Translation
    score: float


@dataclass(frozen=True)
class PairExamples:
    """Sentences with their translations.

    Args:
        sources: Ids of the sentences.
        targets: Ids of their translations, the end last.
    """

    sources: TokenRows
    targets: TokenRows

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of both sides."""
        return self.sources.lengths + self.targets.lengths

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(source and the translation so far by name, the tokens that follow)."""
        answers = self.targets.take(indices)
        return {"source": self.sources.take(indices), "target": start_shifted(answers)}, answers


def build_translator(
    make: ModelFactory,
    representation: TranslationRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model with one output for each token of the target vocabulary."""
    sizes = {**representation.sizes, **options}
    return make(representation.shape, representation.classes, **sizes)


def pair_examples(context: ExampleContext[TranslationRepresentation]) -> PairExamples:
    """Sentences and translations as ids."""
    representation = context.representation
    sources = representation.encode(context.split.samples, progress=context.progress)
    return PairExamples(sources, representation.targets(context.split.labels, context.progress))


def predict(
    fitted: Fitted[TranslationRepresentation], samples: Samples, progress: Progress
) -> list[Answered]:
    """The best translation of each sentence that a beam search finds.

    A text that is longer than the model reads at once is translated sentence by sentence, or where there is
    no end of a sentence, in parts.
    """
    representation = fitted.representation
    chosen = {name: fitted.options[name] for name in ("beam", "length_penalty") if name in fitted.options}
    parts = [representation.pieces(samples.load(i)) or ("",) for i in range(len(samples))]
    flat = tuple(part for some in parts for part in some)
    texts = Texts("", tuple(map(str, range(len(flat)))), flat)
    found = Translator(fitted.model, BeamSettings(**chosen))(representation.encode(texts), progress)
    answers, at = [], 0
    for some in parts:
        mine = found[at : at + len(some)]
        said = [
            representation.decode(each.ids, each.attention, part)
            for each, part in zip(mine, some, strict=True)
        ]
        answers.append(Answered(" ".join(said), mine[0], min(each.score for each in mine)))
        at += len(some)
    return answers


def evaluate(answers: Sequence[Answered], split: Split, class_names: Sequence[str]) -> TranslationMetrics:
    """BLEU and chrF."""
    sources = [split.samples.load(i) for i in range(len(split))]
    return translation_metrics([str(text) for text in split.labels], [each.text for each in answers], sources)


def to_predictions(
    answers: Sequence[Answered], samples: Samples, class_names: Sequence[str]
) -> list[TranslatedText]:
    """Each text with its translation."""
    return [
        TranslatedText(samples.name(i), samples.load(i), each.text, each.score)
        for i, each in enumerate(answers)
    ]


def output_names(representation: TranslationRepresentation, class_names: tuple[str, ...]) -> None:
    """Thousands of tokens, which nobody wants listed."""


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """Sentence pairs."""
    return {name: {"pairs": len(splits[name])} for name in ("train", "validation", "test")}


def mistakes(answers: Sequence[Answered], split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """The sentences that are least like their reference, by chrF."""
    worst = evaluate(answers, split, class_names).worst
    return [
        Mistake(
            each.source,
            split.samples.name(each.index),
            details=(
                ("reference", each.reference),
                ("answer", each.translation),
                ("chrF", f"{each.chrf:.0f}"),
            ),
        )
        for each in worst
    ]


def example_samples(splits: Splits) -> list[tuple[str, list[str]]]:
    """A few train sentences."""
    train = splits.train
    few = range(min(4, len(train)))
    return [("pairs", [f"{train.samples.load(i)} \u2192 {train.labels[i]}" for i in few])]


def encode_inputs(
    fitted: Fitted[TranslationRepresentation], samples: Samples, progress: Progress
) -> SampleInputs:
    """Sentences with the translations that the model gives them, as it takes both."""
    representation = fitted.representation
    answers = predict(fitted, samples, progress)
    pairs = PairExamples(representation.encode(samples), TokenRows.of([each.found.ids for each in answers]))

    def describe(i: int) -> TextDescription:
        target = representation.target_tokens(answers[i].found.ids)
        return TextDescription(representation.tokens(samples.load(i)), target)

    return SampleInputs(lambda indices: pairs.batch(indices, None)[0], describe)


OBJECTIVE = Objective(
    loss=lambda settings: TokenLoss(settings.label_smoothing),
    metrics=lambda: [TokenAccuracy()],
    label="accuracy of tokens",
)
REPORT: ReportSteps[TranslationRepresentation, Sequence[Answered]] = ReportSteps(
    "pairs", counts, mistakes, example_samples
)


def fit_representation(
    train: Split, vocabulary: int | None = None, max_length: int | None = None
) -> tuple[TranslationRepresentation, Sequence[str]]:
    """Learns the sub-words of both languages from the train split."""
    chosen: dict[str, int] = {}
    if vocabulary is not None:
        chosen |= {"vocabulary": vocabulary, "target_vocabulary": vocabulary}
    if max_length is not None:
        chosen["longest"] = max_length
    return TranslationRepresentation.fit(train, **chosen)


RECIPE = Recipe(
    spec=TRANSLATION,
    objective=OBJECTIVE,
    read=read_parallel,
    read_inputs=read_text_inputs,
    representation=RepresentationSteps(fit_representation, TranslationRepresentation.from_json),
    build=build_translator,
    examples=pair_examples,
    predict=predict,
    to_predictions=to_predictions,
    evaluate=evaluate,
    load_metrics=TranslationMetrics.from_json,
    output_names=output_names,
    encode_inputs=encode_inputs,
    report=REPORT,
    reads_whole=True,
)
