"""How good predicted tags are: entities that are found whole, per type, by the rules of conlleval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from convscope.engine.per_class import ClassScores, Table, table_of
from convscope.errors import RunError, UsageError
from convscope.kinds.text.tagging.tag_schemes import Span, spans


@dataclass(frozen=True)
class TaggingMetrics:
    """What `judge_tags` found about one split.

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

    def to_json(self) -> dict[str, Any]:
        """Named numbers, lists and dicts that `json` can write."""
        return {**asdict(self), "types": [asdict(scores) for scores in self.types]}

    def to_table(self) -> Table:
        """Headings and a row for each type."""
        return table_of(self.types, "type", "entities")

    def to_line(self) -> str:
        """The figures of the whole split."""
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

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> TaggingMetrics:
        """Reads what `to_json` wrote.

        Raises:
            RunError: A key is missing, unknown, or holds something else than expected.
        """
        try:
            counts = {name: int(plain[name]) for name in ("samples", "words", "support")}
            shares = {
                name: float(plain[name])
                for name in ("accuracy", "whole_sentences", "precision", "recall", "f1", "macro_f1")
            }
            types = tuple(ClassScores(**scores) for scores in plain["types"])
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"These metrics are not a judgement of tags that convscope wrote: {error!r}.",
                "Judge the run again.",
            ) from error
        return cls(**counts, **shares, types=types)  # type: ignore[arg-type]


def judge_tags(
    true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], types: Sequence[str]
) -> TaggingMetrics:
    """Compares tags, as conlleval and seqeval do by default.

    An entity is right where first word, last word and type are. Both sides are read by conlleval's rules
    (Tjong Kim Sang and Buchholz 2000, "Introduction to the CoNLL-2000 shared task: chunking"), in whichever
    scheme each is written. Plain tags count as entities of one word each.

    Args:
        true: Tags of each sentence.
        predicted: Tags of each sentence, as many.
        types: Types of entities, or the tags where they are plain: where each true tag is one of these.

    Returns:
        The scores.

    Raises:
        UsageError: The two differ in the number of sentences or words, or a type occurs that is not given.

    Example:
        >>> judge_tags([["B-PER", "E-PER", "O"]], [["B-PER", "E-PER", "S-LOC"]], ["LOC", "PER"]).precision
        0.5
    """
    _check(true, predicted)
    known = set(types)
    plain = known.issuperset(chain.from_iterable(true))
    read = _words_as_spans if plain else spans
    found, wanted, right = Counter[str](), Counter[str](), Counter[str]()
    words = same_words = whole = 0
    for expected, given in zip(true, predicted, strict=True):
        mine, theirs = set(read(given)), set(read(expected))
        found.update(span.type for span in mine)
        wanted.update(span.type for span in theirs)
        right.update(span.type for span in mine & theirs)
        agreeing = sum(one == other for one, other in zip(expected, given, strict=True))
        words += len(expected)
        same_words += agreeing
        whole += agreeing == len(expected)
    strange = sorted((set(found) | set(wanted)) - known)
    if strange:
        raise UsageError(f"Tags of the type '{strange[0]}' occur, which is not one of {', '.join(types)}.")
    scores = tuple(
        ClassScores(name, *_rates(right[name], found[name], wanted[name]), support=wanted[name])
        for name in types
    )
    occurring = [each.f1 for each in scores if found[each.name] or wanted[each.name]]
    precision, recall, f1 = _rates(right.total(), found.total(), wanted.total())
    return TaggingMetrics(
        samples=len(true),
        words=words,
        accuracy=_share(same_words, words),
        whole_sentences=_share(whole, len(true)),
        precision=precision,
        recall=recall,
        f1=f1,
        macro_f1=_share(sum(occurring), len(occurring)),
        support=wanted.total(),
        types=scores,
    )


def _words_as_spans(tags: Sequence[str]) -> tuple[Span, ...]:
    return tuple(Span(place, place + 1, tag) for place, tag in enumerate(tags))


def _rates(right: int, found: int, wanted: int) -> tuple[float, float, float]:
    """Precision, recall and F1."""
    return _share(right, found), _share(right, wanted), _share(2 * right, found + wanted)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


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
