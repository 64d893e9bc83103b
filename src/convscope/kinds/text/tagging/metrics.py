"""Metrics of tagging by seqeval: entities that are found whole, per type."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from operator import eq
from types import ModuleType

from convscope.engine.metrics import EVALUATE_AGAIN, ClassScores, Table, table_of
from convscope.errors import BackendError, UsageError, install_command
from convscope.json_values import Plain
from convscope.kinds.text.tagging.tag_schemes import spans, write

_Rates = tuple[float, float, float, int]
"""Precision, recall, F1 and support."""


@dataclass(frozen=True)
class TaggingMetrics(Plain):
    """How good predicted tags are on one split.

    Args:
        samples: Sentences.
        words: Words.
        accuracy: Share of words with the right tag.
        whole_sentences: Share of sentences in which every tag is right.
        precision: Over the entities of all types (micro average).
        recall: Over the entities of all types.
        f1: Harmonic mean of the two.
        macro_f1: Unweighted mean of F1 over the types that occur in either.
        support: True entities.
        types: Scores per type, in the order given.
    """

    _WHAT = "tagging metrics"
    _HINT = EVALUATE_AGAIN

    samples: int
    words: int
    accuracy: float
    whole_sentences: float
    precision: float
    recall: float
    f1: float
    macro_f1: float
    support: int
    types: tuple[ClassScores, ...]

    def to_table(self) -> Table:
        """Headings and a row for each type."""
        return table_of(self.types, "type", "entities")

    def to_line(self) -> str:
        """The metrics of the whole split."""
        return (
            f"entity F1 {self.f1:.2%} (precision {self.precision:.2%}, recall {self.recall:.2%}), accuracy "
            f"of words {self.accuracy:.2%}, on {self.samples} test sentences"
        )

    def to_scores(self) -> list[tuple[str, float | str]]:
        """What stands at the top of a report."""
        return [
            ("Entity F1", self.f1),
            ("Precision", self.precision),
            ("Recall", self.recall),
            ("Accuracy of words", self.accuracy),
            ("Sentences all right", self.whole_sentences),
            ("Test sentences", self.samples),
        ]


def tagging_metrics(
    true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], types: Sequence[str]
) -> TaggingMetrics:
    """Compares tags by seqeval (Nakayama 2018), in its strict mode.

    An entity is right where first word, last word and type are. Both sides are first read by conlleval's
    rules (Tjong Kim Sang and Buchholz 2000, "Introduction to the CoNLL-2000 shared task: chunking"), in
    whichever scheme each is written, and rewritten as IOBES. Plain tags count as entities of one word each,
    and are compared by scikit-learn.

    Args:
        true: Tags of each sentence.
        predicted: Tags of each sentence, as many.
        types: Types of entities, or the tags where they are plain: where each true tag is one of these.

    Returns:
        The scores.

    Raises:
        UsageError: The two differ in the number of sentences or words, or a type occurs that is not given.
        BackendError: seqeval is not installed.

    Example:
        >>> true, predicted = [["B-PER", "E-PER", "O"]], [["B-PER", "E-PER", "S-LOC"]]
        >>> tagging_metrics(true, predicted, ["LOC", "PER"]).precision
        0.5
    """
    _check(true, predicted)
    every = list(chain.from_iterable(true))
    plain = bool(every) and set(types).issuperset(every)
    (precision, recall, f1, support), scores = (_word_scores if plain else _entity_scores)(
        true, predicted, types
    )
    occurring = [each for each in scores if each is not None]
    agreeing = [sum(map(eq, *pair)) for pair in zip(true, predicted, strict=True)]
    words = [len(tags) for tags in true]
    return TaggingMetrics(
        samples=len(true),
        words=sum(words),
        accuracy=_share(sum(agreeing), sum(words)),
        whole_sentences=_share(sum(map(eq, agreeing, words)), len(true)),
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        macro_f1=_share(sum(each.f1 for each in occurring), len(occurring)),
        support=int(support),
        types=tuple(
            each or ClassScores(name, 0.0, 0.0, 0.0, 0) for name, each in zip(types, scores, strict=True)
        ),
    )


def _entity_scores(
    true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], types: Sequence[str]
) -> tuple[_Rates, list[ClassScores | None]]:
    """Precision, recall, F1 and support of all entities, and the scores of each type that occurs."""
    numbers = {name: f"{number:06}" for number, name in enumerate(types)}
    tags = [[_iobes(sentence, numbers) for sentence in side] or [[]] for side in (true, predicted)]
    seqeval, iobes = _library()
    entities = [seqeval.Entities(side, iobes) for side in tags]
    score = partial(
        seqeval.precision_recall_fscore_support,
        *tags,
        entities_true=entities[0],
        entities_pred=entities[1],
        zero_division=0,
    )
    occurring = sorted(entities[0].unique_tags | entities[1].unique_tags)
    rates = dict(zip(occurring, zip(*score(average=None), strict=True), strict=True))
    scores = [
        ClassScores.of(name, *rates[number]) if number in rates else None for name, number in numbers.items()
    ]
    return score(average="micro"), scores


def _word_scores(
    true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], types: Sequence[str]
) -> tuple[_Rates, list[ClassScores | None]]:
    """The same of plain tags, where every word is an entity, by scikit-learn."""
    from sklearn.metrics import precision_recall_fscore_support

    words = [list(chain.from_iterable(side)) for side in (true, predicted)]
    occurring = sorted({*words[0], *words[1]})
    _check_types(occurring, types)
    score = partial(precision_recall_fscore_support, *words, labels=occurring, zero_division=0.0)
    rates = dict(zip(occurring, zip(*score(), strict=True), strict=True))
    precision, recall, f1, _ = score(average="micro")
    scores = [ClassScores.of(name, *rates[name]) if name in rates else None for name in types]
    return (precision, recall, f1, len(words[0])), scores


def _iobes(tags: Sequence[str], numbers: Mapping[str, str]) -> list[str]:
    """The same entities in IOBES, with a number for each type, since seqeval changes names with dashes."""
    found = spans(tags)
    _check_types([span.type for span in found], numbers)
    return list(write([replace(span, type=numbers[span.type]) for span in found], len(tags)))


def _check_types(found: Iterable[str], known: Collection[str]) -> None:
    for name in found:
        if name not in known:
            raise UsageError(f"Tags of the type '{name}' occur, which is not one of {', '.join(known)}.")


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _library() -> tuple[ModuleType, type]:
    try:
        from seqeval.metrics import v1
        from seqeval.scheme import IOBES
    except ImportError as error:
        raise BackendError(
            f"Evaluating tags needs seqeval: {error}.", f"Install it: {install_command('text')}"
        ) from error
    return v1, IOBES


def _check(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> None:
    if len(true) != len(predicted):
        raise UsageError(
            f"Expected predicted tags of {len(true)} sentences. Received: of {len(predicted)} sentences."
        )
    for number, (expected, given) in enumerate(zip(true, predicted, strict=True)):
        if len(expected) != len(given):
            raise UsageError(
                f"Expected {len(expected)} predicted tags of sentence {number}. Received: {len(given)}."
            )
