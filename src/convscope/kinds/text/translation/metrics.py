"""How good translations are: BLEU and chrF by sacreBLEU, and the sentences that are furthest off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from convscope.engine.metrics import EVALUATE_AGAIN
from convscope.errors import BackendError, DataError, UsageError, install_command
from convscope.json_values import Plain

WORST = 10
"""Sentences that are kept for the report."""


@dataclass(frozen=True)
class SentenceScore:
    """One sentence of the report.

    Args:
        index: Its position in the split.
        source: What was translated.
        reference: The translation of the data.
        translation: The translation of the model.
        chrf: Sentence chrF, from 0 to 100.
    """

    index: int
    source: str
    reference: str
    translation: str
    chrf: float


@dataclass(frozen=True)
class TranslationMetrics(Plain):
    """How good translations of one split are.

    Args:
        samples: Number of sentences.
        bleu: Corpus BLEU (Papineni et al. 2002), from 0 to 100.
        bleu_signature: How it was computed, as sacreBLEU (Post 2018) writes it.
        chrf: Corpus chrF2 (Popovic 2015), from 0 to 100.
        chrf_signature: How it was computed.
        precisions: BLEU's share of right n-grams for n = 1 to 4, in percent.
        brevity_penalty: The factor by which BLEU falls for translations that are too short, in (0, 1].
        length_ratio: Tokens of the translations for each token of the references, as sacreBLEU counts them.
        worst: Sentences with the lowest chrF, the lowest first.
    """

    _WHAT = "translation metrics"
    _HINT = EVALUATE_AGAIN

    samples: int
    bleu: float
    bleu_signature: str
    chrf: float
    chrf_signature: str
    precisions: tuple[float, ...]
    brevity_penalty: float
    length_ratio: float
    worst: tuple[SentenceScore, ...] = ()

    def to_table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """There are no classes to list."""
        return (), []

    def to_line(self) -> str:
        """The metrics of the whole split, with what reproduces them."""
        return (
            f"BLEU {self.bleu:.1f} ({self.bleu_signature}), chrF {self.chrf:.1f}, length ratio "
            f"{self.length_ratio:.2f}, on {self.samples} test sentences"
        )

    def to_scores(self) -> list[tuple[str, float | str] | tuple[str, float | str, str]]:
        """What stands at the top of a report."""
        return [
            ("BLEU", f"{self.bleu:.1f}", self.bleu_signature),
            ("chrF", f"{self.chrf:.1f}", self.chrf_signature),
            ("Length ratio", f"{self.length_ratio:.2f}"),
            ("Test sentences", self.samples),
        ]


def translation_metrics(
    references: Sequence[str], translations: Sequence[str], sources: Sequence[str], worst: int = WORST
) -> TranslationMetrics:
    """Compares translations with those of the data.

    Source: Post (2018), "A call for clarity in reporting BLEU scores"; Popovic (2015), "chrF: character
    n-gram F-score for automatic MT evaluation".

    Args:
        references: The translations of the data, one per sentence; raw text, not tokenized.
        translations: The translations of the model.
        sources: What was translated.
        worst: How many of the worst sentences are kept.

    Returns:
        All metrics. An empty translation counts as wrong, not as missing.

    Raises:
        UsageError: If the numbers of sentences differ.
        DataError: If there are no sentences.
        BackendError: If sacreBLEU is not installed.

    Example:
        >>> right = ["A man sleeps on a couch."]
        >>> metrics = translation_metrics(right, right, [""])
        >>> round(metrics.bleu), round(metrics.chrf), metrics.length_ratio
        (100, 100, 1.0)
    """
    _check(references, translations, sources)
    library = _library()
    bleu, chrf = library.BLEU(), library.CHRF()
    bleu_found = bleu.corpus_score(list(translations), [list(references)])
    chrf_found = chrf.corpus_score(list(translations), [list(references)])
    pairs = zip(translations, references, strict=True)
    of_each = np.array([chrf.sentence_score(one, [other]).score for one, other in pairs])
    return TranslationMetrics(
        samples=len(references),
        bleu=float(bleu_found.score),
        bleu_signature=str(bleu.get_signature()),
        chrf=float(chrf_found.score),
        chrf_signature=str(chrf.get_signature()),
        precisions=tuple(float(share) for share in bleu_found.precisions),
        brevity_penalty=float(bleu_found.bp),
        length_ratio=float(bleu_found.sys_len / bleu_found.ref_len) if bleu_found.ref_len else 0.0,
        worst=tuple(
            SentenceScore(int(i), sources[i], references[i], translations[i], float(of_each[i]))
            for i in np.argsort(of_each, kind="stable")[:worst].tolist()
        ),
    )


def _check(*texts: Sequence[str]) -> None:
    counts = [len(each) for each in texts]
    if len(set(counts)) > 1:
        raise UsageError(
            "translation_metrics expects as many references, translations and sources."
            f" Received: {counts[0]}, {counts[1]} and {counts[2]}."
        )
    if not counts[0]:
        raise DataError("There are no samples to evaluate.", "Give a split that holds at least one sample.")


def _library() -> ModuleType:
    try:
        from sacrebleu import metrics
    except ImportError as error:
        raise BackendError(
            f"Evaluating translations needs sacrebleu: {error}.", f"Install it: {install_command('text')}"
        ) from error
    return metrics
