"""Metrics of recommendation: all items that a user does not have yet are ranked, none is sampled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from convscope.engine.metrics import EVALUATE_AGAIN, Table
from convscope.json_values import Plain
from convscope.kinds.graph.recommendation.ratings import Ints
from convscope.phrasing import plural

CUTS = (10, 20)
"""Ranks up to which an item counts as found."""
MOST_SCORES = 2**23
"""Scores that are held at a time."""

Scores = npt.NDArray[np.floating]
ScoresOf = Callable[[Ints], Scores]
"""From rows of users to scores of all items, shape (users, items)."""


@dataclass(frozen=True)
class Recommendation:
    """One item for one user.

    Args:
        user: The name of the user.
        rank: 1 is the best.
        item: What the file calls the item.
        title: What people call it; empty where the data does not say, None where it has no titles at all.
        score: Product of both vectors.
        folded: Whether the user is new, and the mean of the items that the user chose.
    """

    user: str
    rank: int
    item: str
    title: str | None
    score: float
    folded: bool = False

    @property
    def name(self) -> str:
        """The user."""
        return self.user

    def to_json(self) -> dict[str, Any]:
        """All of it by name."""
        return {
            "user": self.user,
            "rank": self.rank,
            "item": self.item,
            "title": self.title,
            "score": self.score,
            "new_user": self.folded,
        }

    def to_row(self) -> dict[str, str]:
        """All of it but whether the user is new."""
        row = {"user": self.user, "rank": str(self.rank), "item": self.item, "title": self.title or ""}
        return {**row, "score": f"{self.score:.6f}"}

    def to_cells(self) -> dict[str, str]:
        """As a row, without titles where there are none; a user who is new is said to be."""
        cells = {**self.to_row(), "user": f"{self.user} (new)" if self.folded else self.user}
        return {
            heading: text for heading, text in cells.items() if heading != "title" or self.title is not None
        }


@dataclass(frozen=True)
class RankingScores(Plain):
    """How well one way of ranking items finds those that users chose, means over users.

    Args:
        name: What ranks them.
        setting: What was chosen for it on validation data; empty where there is nothing to choose.
        recall: Share of a user's items that are among the first, for each of `CUTS`.
        ndcg: Normalized discounted cumulative gain of the first, likewise.
        hits: Share of users with at least one of their items among the first, likewise.
        mrr: Mean of 1 by the rank of the first item that a user chose.
    """

    _WHAT = "ranking scores"
    _HINT = EVALUATE_AGAIN

    name: str
    setting: str
    recall: tuple[float, ...]
    ndcg: tuple[float, ...]
    hits: tuple[float, ...]
    mrr: float


@dataclass(frozen=True)
class RecommendationMetrics(Plain):
    """How good recommendations are on one split.

    Args:
        users: That are judged.
        interactions: That are to be found.
        items: Among which they are sought.
        model: What the model scores.
        beside: What is scored without it, each with what validation chose for it.
        left_out: Baselines that are too large for this data, and why.
    """

    _WHAT = "recommendation metrics"
    _HINT = EVALUATE_AGAIN

    users: int
    interactions: int
    items: int
    model: RankingScores
    beside: tuple[RankingScores, ...]
    left_out: tuple[str, ...] = ()

    def to_table(self) -> Table:
        """Headings, a row for the model and one for each baseline."""
        headings = (
            "ranked by",
            f"nDCG@{CUTS[0]}",
            *(f"recall@{cut}" for cut in CUTS),
            f"hits@{CUTS[0]}",
            "MRR",
        )
        return headings, [
            (
                f"{each.name} ({each.setting})" if each.setting else each.name,
                *(f"{value:.4f}" for value in (each.ndcg[0], *each.recall, each.hits[0], each.mrr)),
            )
            for each in (self.model, *self.beside)
        ]

    @property
    def best_beside(self) -> RankingScores:
        """The baseline with the highest nDCG."""
        return max(self.beside, key=lambda each: each.ndcg[0])

    def to_line(self) -> str:
        """The metrics of the whole split."""
        mine, other = self.model, self.best_beside
        ahead = "which is ahead of the model" if other.ndcg[0] > mine.ndcg[0] else "the best baseline"
        left = f"; left out: {'; '.join(self.left_out)}" if self.left_out else ""
        return (
            f"nDCG@{CUTS[0]} {mine.ndcg[0]:.4f} ({other.name}: {other.ndcg[0]:.4f}, {ahead}),"
            f" recall@{CUTS[1]} {mine.recall[1]:.4f} ({other.name}: {other.recall[1]:.4f}), MRR"
            f" {mine.mrr:.3f}; {plural(self.interactions, 'interaction')} of {plural(self.users, 'user')}"
            f" among"
            f" {plural(self.items, 'item')}{left}"
        )

    def to_scores(self) -> list[tuple[str, float | str]]:
        """What stands at the top of a report."""
        other = self.best_beside
        return [
            (f"nDCG@{CUTS[0]}", f"{self.model.ndcg[0]:.4f}"),
            (f"nDCG@{CUTS[0]} of {other.name}", f"{other.ndcg[0]:.4f}"),
            (f"Recall@{CUTS[1]}", f"{self.model.recall[1]:.4f}"),
            ("MRR", f"{self.model.mrr:.3f}"),
            ("Users", self.users),
        ]


@dataclass(frozen=True, eq=False)
class Ranks:
    """How the items of each user are ranked.

    Args:
        ndcg: Shape (users, cuts), float64.
        recall: Likewise.
        hits: Likewise.
        first: 1 by the rank of the first item, shape (users,), float64.
    """

    ndcg: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    hits: npt.NDArray[np.float64]
    first: npt.NDArray[np.float64]

    def mean(self, name: str, setting: str = "") -> RankingScores:
        """The means over users."""
        parts = (self.recall, self.ndcg, self.hits)
        recall, ndcg, hits = (tuple(map(float, part.mean(axis=0))) for part in parts)
        return RankingScores(name, setting, recall, ndcg, hits, float(self.first.mean()))


def ranks(scores_of: ScoresOf, known: sp.csr_array, hidden: sp.csr_array, rows: Ints) -> Ranks:
    """Ranks all items but those that are known of each user.

    Args:
        scores_of: What they are ranked by; among equals the first item comes first.
        known: Interactions that are left out, shape (users, items).
        hidden: Those to be found, likewise; those that are known do not count.
        rows: Users, each with something to be found.
    """
    parts = []
    step = max(1, MOST_SCORES // hidden.shape[1])
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        scores = np.array(scores_of(part), np.float64)
        scores[known[part].toarray() > 0] = -np.inf
        parts.append(_ranks(scores, hidden[part].toarray() > 0))
    joined = [np.concatenate([getattr(each, name) for each in parts]) for name in _PARTS]
    return Ranks(*joined)


_PARTS = ("ndcg", "recall", "hits", "first")


def first_items(scores: npt.NDArray[np.float64], count: int) -> Ints:
    """The best items of each user, best first, shape (users, count); among equals the first item."""
    count = min(count, scores.shape[1])
    best = np.sort(np.argpartition(-scores, count - 1, axis=1)[:, :count], axis=1)
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    found: Ints = np.take_along_axis(best, order, axis=1).astype(np.int64)
    return found


def _ranks(scores: npt.NDArray[np.float64], wanted: npt.NDArray[np.bool_]) -> Ranks:
    best = first_items(scores, CUTS[-1])
    found = np.take_along_axis(wanted, best, axis=1) & np.isfinite(np.take_along_axis(scores, best, axis=1))
    many = wanted.sum(axis=1)
    gains = 1 / np.log2(np.arange(2, best.shape[1] + 2))
    ideal = np.cumsum(gains)
    ndcg, recall, hits = [], [], []
    for cut in CUTS:
        there = found[:, :cut]
        most = np.clip(np.minimum(many, there.shape[1]), 1, None)
        ndcg.append((there * gains[:cut]).sum(axis=1) / ideal[most - 1])
        recall.append(there.sum(axis=1) / np.maximum(many, 1))
        hits.append(there.any(axis=1).astype(np.float64))
    top = np.where(wanted, scores, -np.inf).max(axis=1, keepdims=True)
    above = (scores > top).sum(axis=1)
    equal = ((scores == top) & ~wanted).sum(axis=1)
    first = np.where(np.isfinite(top[:, 0]), 1 / (1 + above + equal / 2), 0.0)
    return Ranks(np.stack(ndcg, axis=1), np.stack(recall, axis=1), np.stack(hits, axis=1), first)


def recommendation_metrics(
    model: Ranks, beside: Sequence[RankingScores], left_out: Sequence[str], hidden: sp.csr_array, rows: Ints
) -> RecommendationMetrics:
    """What is said of a split.

    Args:
        model: Ranks by the model.
        beside: Scores of the baselines.
        left_out: Baselines that are too large for this data.
        hidden: Interactions to be found, shape (users, items).
        rows: Users that are judged.
    """
    return RecommendationMetrics(
        users=len(rows),
        interactions=int(np.diff(hidden.indptr)[rows].sum()),
        items=int(hidden.shape[1]),
        model=model.mean("this model"),
        beside=tuple(beside),
        left_out=tuple(left_out),
    )
