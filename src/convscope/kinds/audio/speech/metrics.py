"""How good transcripts are: the share of wrong words and characters by jiwer, and the worst recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from convscope.engine.metrics import EVALUATE_AGAIN
from convscope.errors import BackendError, DataError, UsageError, install_command
from convscope.json_values import from_json, to_json

WORST = 10
"""Recordings that are kept for the report."""
_COUNTS = ("hits", "substitutions", "deletions", "insertions")


@dataclass(frozen=True)
class Errors:
    """How a transcript differs from the reference, counted in words or characters.

    Args:
        hits: Those that are right.
        substitutions: Those that are another one.
        deletions: Those that are missing.
        insertions: Those that are not in the reference.
    """

    hits: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def references(self) -> int:
        """Words or characters of the references."""
        return self.hits + self.substitutions + self.deletions

    @property
    def wrong(self) -> int:
        """All errors."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors for each one in the reference; may exceed 1. Without a reference: 0 or 1."""
        return self.wrong / self.references if self.references else float(self.wrong > 0)


@dataclass(frozen=True)
class RecordingScore:
    """One recording of the report.

    Args:
        index: Its position in the split.
        reference: The words of the data.
        transcript: The words of the model.
        wer: Word errors for each word of the reference.
    """

    index: int
    reference: str
    transcript: str
    wer: float


@dataclass(frozen=True)
class SpeechMetrics:
    """How good transcripts of one split are.

    Args:
        samples: Number of recordings.
        words: Errors of words.
        characters: Errors of characters, spaces included.
        right: Share of the recordings without an error.
        worst: Recordings with the most errors for each word, the worst first.
    """

    samples: int
    words: Errors
    characters: Errors
    right: float
    worst: tuple[RecordingScore, ...] = ()

    @property
    def wer(self) -> float:
        """The word error rate."""
        return self.words.rate

    @property
    def cer(self) -> float:
        """The character error rate."""
        return self.characters.rate

    def to_json(self) -> dict[str, object]:
        """Named numbers, lists and dicts that `json` can write."""
        return {**to_json(self), "wer": self.wer, "cer": self.cer}

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Kinds of errors of words and of characters."""
        headings = ("", "reference", "correct", "substituted", "deleted", "inserted", "error rate")
        rows = [
            (
                name,
                *map(str, (each.references, *(getattr(each, count) for count in _COUNTS))),
                f"{each.rate:.2%}",
            )
            for name, each in (("words", self.words), ("characters", self.characters))
        ]
        return headings, rows

    def to_line(self) -> str:
        """The metrics of the whole split."""
        return (
            f"WER {self.wer:.2%} ({self.words.substitutions} substituted, {self.words.deletions} deleted, "
            f"{self.words.insertions} inserted of {self.words.references} words), CER {self.cer:.2%}, "
            f"{self.right:.1%} of {self.samples} test recordings without an error"
        )

    def to_scores(self) -> list[tuple[str, float | str] | tuple[str, float | str, str]]:
        """What stands at the top of a report."""
        return [
            ("WER", f"{self.wer:.2%}", f"{self.words.wrong} of {self.words.references} words"),
            ("CER", f"{self.cer:.2%}", f"{self.characters.wrong} of {self.characters.references} characters"),
            ("Without an error", self.right),
            ("Test recordings", str(self.samples)),
        ]

    @classmethod
    def from_json(cls, plain: Mapping[str, object]) -> SpeechMetrics:
        """Reads what `to_json` wrote.

        Raises:
            RunError: A key is missing or unknown, or a value has another type.
        """
        rates = ("wer", "cer")  # which follow from the counts
        known = {key: plain[key] for key in plain if key not in rates}
        return from_json(cls, known, "speech metrics", EVALUATE_AGAIN)


def speech_metrics(
    references: Sequence[str], transcripts: Sequence[str], worst: int = WORST
) -> SpeechMetrics:
    """Compares transcripts with references, in the spelling that both have.

    Args:
        references: The words of the data; an empty reference counts by the words inserted.
        transcripts: The words of the model.
        worst: How many of the worst recordings are kept.

    Returns:
        Errors by the shortest way from one text to the other (Levenshtein), summed over all recordings.

    Raises:
        UsageError: If the numbers of texts differ.
        DataError: If there are no recordings.
        BackendError: If jiwer is not installed.

    Example:
        >>> metrics = speech_metrics(["one two three"], ["one too three four"])
        >>> metrics.words
        Errors(hits=2, substitutions=1, deletions=0, insertions=1)
        >>> round(metrics.wer, 3)
        0.667
    """
    if len(references) != len(transcripts):
        raise UsageError(
            "speech_metrics expects as many references as transcripts."
            f" Received: {len(references)} and {len(transcripts)}."
        )
    if not references:
        raise DataError("There are no samples to evaluate.", "Give a split that holds at least one sample.")
    jiwer = _library()
    pairs = list(zip(references, transcripts, strict=True))
    of_words = [_errors(jiwer.process_words, one, other, len(other.split())) for one, other in pairs]
    of_characters = [_errors(jiwer.process_characters, one, other, len(other)) for one, other in pairs]
    by_rate = sorted(range(len(pairs)), key=lambda i: (-of_words[i].rate, -of_characters[i].rate, i))
    return SpeechMetrics(
        samples=len(pairs),
        words=_summed(of_words),
        characters=_summed(of_characters),
        right=sum(one == other for one, other in pairs) / len(pairs),
        worst=tuple(
            RecordingScore(i, *pairs[i], of_words[i].rate) for i in by_rate[:worst] if of_words[i].wrong
        ),
    )


def _errors(process: Callable[[str, str], object], reference: str, transcript: str, count: int) -> Errors:
    if not reference:  # which jiwer does not take
        return Errors(0, 0, 0, count)
    found = process(reference, transcript)
    return Errors(*(int(getattr(found, name)) for name in _COUNTS))


def _summed(errors: Sequence[Errors]) -> Errors:
    return Errors(*(sum(getattr(each, name) for each in errors) for name in _COUNTS))


def _library() -> ModuleType:
    try:
        import jiwer
    except ImportError as error:
        raise BackendError(
            f"Evaluating transcripts needs jiwer: {error}.", f"Install it: {install_command('audio')}"
        ) from error
    library: ModuleType = jiwer
    return library
