"""Metrics of link prediction: against random pairs, and among pairs that are hard to tell from links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.engine.metrics import EVALUATE_AGAIN, Table
from convscope.json_values import Plain

MODEL = "this model"
HITS = (1, 3, 10, 50)
"""Ranks up to which a link counts as found."""

Scores = npt.NDArray[np.floating]


@dataclass(frozen=True)
class LinkScores(Plain):
    """How well one way of ranking pairs tells links from other pairs.

    Args:
        name: What ranks them.
        auc: Area under the ROC curve, against random negatives.
        average_precision: Against random negatives, as many as there are links.
        mrr: Mean of 1 by the rank of a link among its hard negatives; 0.0 where none was ranked.
        hits: Share of the links whose rank there is at most that of `HITS`.
    """

    _WHAT = "link scores"
    _HINT = EVALUATE_AGAIN

    name: str
    auc: float
    average_precision: float
    mrr: float
    hits: tuple[float, ...]


@dataclass(frozen=True)
class LinkMetrics(Plain):
    """How good a model of links is on one split.

    Args:
        links: Links of the split.
        negatives: Random pairs without an edge beside them.
        ranked: Links that are ranked among hard negatives.
        hard: Hard negatives of each of them.
        loss: Mean binary cross-entropy of links and random negatives, in nats.
        model: What the model scores.
        beside: What is scored without a model.
    """

    _WHAT = "link metrics"
    _HINT = EVALUATE_AGAIN

    links: int
    negatives: int
    ranked: int
    hard: int
    loss: float
    model: LinkScores
    beside: tuple[LinkScores, ...]

    def to_table(self) -> Table:
        """Headings, a row for the model and one for each score without a model."""
        headings = ("ranked by", "MRR", *(f"Hits@{rank}" for rank in HITS), "AUC", "AP")
        return headings, [
            (
                each.name,
                f"{each.mrr:.3f}",
                *(f"{share:.3f}" for share in each.hits),
                f"{each.auc:.3f}",
                f"{each.average_precision:.3f}",
            )
            for each in (self.model, *self.beside)
        ]

    @property
    def best_beside(self) -> LinkScores:
        """The highest reciprocal rank without a model."""
        return max(self.beside, key=lambda each: each.mrr)

    def to_line(self) -> str:
        """The metrics of the whole split."""
        mine, other = self.model, self.best_beside
        ahead = "which is ahead of the model" if other.mrr > mine.mrr else "the best without a model"
        return (
            f"MRR {mine.mrr:.3f}, Hits@10 {mine.hits[HITS.index(10)]:.1%} among {self.hard} hard negatives of"
            f" each link ({other.name}: {other.mrr:.3f}, {ahead}); AUC {mine.auc:.2%}, average precision"
            f" {mine.average_precision:.2%} against random pairs, on {self.links} test links"
        )

    def to_scores(self) -> list[tuple[str, float | str]]:
        """What stands at the top of a report."""
        other = self.best_beside
        return [
            ("MRR among hard negatives", f"{self.model.mrr:.3f}"),
            (f"MRR of {other.name}", f"{other.mrr:.3f}"),
            ("Hits@10", self.model.hits[HITS.index(10)]),
            ("AUC, random pairs", self.model.auc),
            ("Average precision", self.model.average_precision),
            ("Test links", self.links),
        ]


def ranks_of(links: Scores, negatives: Scores) -> npt.NDArray[np.float64]:
    """Rank of each link among its own negatives, 1 the best; among equals the mean of their ranks.

    Args:
        links: Score of each link, shape (links,).
        negatives: Scores of its negatives, shape (links, negatives).

    Returns:
        Shape (links,).

    Example:
        >>> ranks_of(np.array([0.5]), np.array([[0.9, 0.5, 0.1]])).tolist()
        [2.5]
    """
    above = np.sum(negatives > links[:, None], axis=1)
    not_below = np.sum(negatives >= links[:, None], axis=1)
    ranks: npt.NDArray[np.float64] = (above + not_below) / 2 + 1
    return ranks


def link_scores(name: str, links: npt.NDArray[np.bool_], scores: Scores, hard: Scores) -> LinkScores:
    """What one way of ranking is worth.

    Args:
        name: What it is called.
        links: Whether each pair is a link, shape (pairs,).
        scores: Of each pair, shape (pairs,).
        hard: Of the hard negatives of the first links, shape (ranked, negatives).
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    ranks = ranks_of(scores[links][: len(hard)], hard)
    both = bool(links.any() and not links.all())
    return LinkScores(
        name,
        float(roc_auc_score(links, scores)) if both else 0.0,
        float(average_precision_score(links, scores)) if both else 0.0,
        float(np.mean(1 / ranks)) if len(ranks) else 0.0,
        tuple(float(np.mean(ranks <= rank)) if len(ranks) else 0.0 for rank in HITS),
    )


def link_metrics(
    links: npt.NDArray[np.bool_],
    probabilities: Scores,
    hard: Scores,
    beside: Mapping[str, tuple[Scores, Scores]],
) -> LinkMetrics:
    """Compares probabilities with links, beside scores without a model for the same pairs.

    Args:
        links: Whether each pair is a link, shape (pairs,).
        probabilities: Of each pair to be a link, shape (pairs,).
        hard: Probabilities of the hard negatives of the first links, shape (ranked, negatives).
        beside: The same two arrays of scores by their names.
    """
    sure = np.clip(np.where(links, probabilities, 1 - probabilities).astype(np.float64), 1e-7, 1)
    return LinkMetrics(
        links=int(links.sum()),
        negatives=int((~links).sum()),
        ranked=len(hard),
        hard=hard.shape[1],
        loss=float(-np.mean(np.log(sure))),
        model=link_scores(MODEL, links, probabilities, hard),
        beside=tuple(link_scores(name, links, *scores) for name, scores in beside.items()),
    )
