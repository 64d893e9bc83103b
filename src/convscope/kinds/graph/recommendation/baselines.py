"""What recommends without a network: popularity, similar items, EASE and iALS, each tuned on validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from convscope.kinds.graph.recommendation.metrics import RankingScores, Scores, ScoresOf, ranks
from convscope.kinds.graph.recommendation.ratings import Ints, Ratings

MOST_ITEMS = 12_000
"""Items whose similarities with each other are held as a whole, 1.2 GB in float64."""
FACTORS = 64
SWEEPS = 8
"""How often iALS solves for users and for items."""
UNOBSERVED = 0.1
"""Weight of the items that a user did not choose, of iALS, beside 1 for those that the user chose."""
MOST_FACTORS = 2**24
"""Numbers of factors that are gathered at a time."""

Matrix = npt.NDArray[np.float64]
Factors = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Baseline:
    """One way of ranking with a parameter that is chosen on validation data.

    Args:
        name: What it is called.
        parameter: What is chosen.
        values: Among which; empty where there is nothing to choose.
        fit: From interactions of train and a value to scores.
    """

    name: str
    parameter: str
    values: tuple[float, ...]
    fit: Callable[[Learned, float], ScoresOf]


@dataclass(frozen=True, eq=False)
class Learned:
    """What several baselines compute of the interactions of train.

    Args:
        train: Shape (users, items), 1 for each interaction.
        seed: Draws the first factors.
    """

    train: sp.csr_array
    seed: int = 0

    @cached_property
    def counts(self) -> Matrix:
        """Users of each item, shape (items,)."""
        return np.asarray(self.train.sum(axis=0), np.float64).ravel()

    @cached_property
    def together(self) -> Matrix:
        """Users who chose both items, shape (items, items)."""
        found: Matrix = (self.train.T @ self.train).toarray().astype(np.float64)
        return found

    @cached_property
    def cosines(self) -> Matrix:
        """Of the users of two items, 0 of an item with itself, shape (items, items)."""
        lengths = np.sqrt(np.maximum(self.counts, 1))
        found: Matrix = self.together / lengths[:, None] / lengths
        np.fill_diagonal(found, 0)
        return found

    def weighted(self, weights: Matrix | sp.csr_array) -> ScoresOf:
        """Scores that add up weights between the items of a user and all items."""

        def scores_of(rows: Ints) -> Scores:
            found = self.train[rows] @ weights
            return np.asarray(found.toarray() if sp.issparse(found) else found, np.float64)

        return scores_of


def popularity(learned: Learned, _: float) -> ScoresOf:
    """The number of users of each item, whoever asks."""
    return lambda rows: np.broadcast_to(learned.counts, (len(rows), len(learned.counts)))


def item_neighbors(learned: Learned, neighbors: float) -> ScoresOf:
    """Cosines with the items of a user, those of the most similar items alone.

    Source: Sarwar et al. (2001), "Item-based collaborative filtering recommendation algorithms".
    """
    cosines = learned.cosines
    most = min(int(neighbors), len(cosines) - 1)
    if most < 1:
        return learned.weighted(sp.csr_array(cosines))
    near = np.argpartition(-cosines, most - 1, axis=0)[:most]
    columns = np.broadcast_to(np.arange(len(cosines)), near.shape)
    values = np.take_along_axis(cosines, near, axis=0)
    return learned.weighted(sp.csr_array((values.ravel(), (near.ravel(), columns.ravel())), cosines.shape))


def ease(learned: Learned, strength: float) -> ScoresOf:
    """A linear model from items to items whose diagonal is 0, in closed form.

    Source: Steck (2019), "Embarrassingly shallow autoencoders for sparse data".
    """
    inverse = np.linalg.inv(learned.together + strength * np.eye(len(learned.together)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return learned.weighted(weights)


def ials(learned: Learned, strength: float) -> ScoresOf:
    """Factors of users and items by alternating least squares, every item that was not chosen counting a bit.

    Source: Hu, Koren and Volinsky (2008), "Collaborative filtering for implicit feedback datasets", with the
    penalty of Rendle et al. (2022), "Revisiting the performance of iALS on item recommendation benchmarks",
    which grows with the number of interactions.
    """
    rng = np.random.default_rng(learned.seed)
    train = learned.train
    turned = sp.csr_array(train.T)
    items = rng.normal(0, 0.1 / np.sqrt(FACTORS), (train.shape[1], FACTORS)).astype(np.float32)
    users = np.zeros((train.shape[0], FACTORS), np.float32)
    for _ in range(SWEEPS):
        users = _solved(train, items, strength)
        items = _solved(turned, users, strength)
    return lambda rows: users[rows] @ items.T


def _solved(chosen: sp.csr_array, factors: Factors, strength: float) -> Factors:
    """Least squares of each row, given the factors of the columns."""
    found = np.zeros((chosen.shape[0], factors.shape[1]), factors.dtype)
    gram = UNOBSERVED * factors.T @ factors
    padded = np.concatenate([factors, np.zeros((1, factors.shape[1]), factors.dtype)])
    counts = np.diff(chosen.indptr)
    penalty = (strength * (counts + UNOBSERVED * chosen.shape[1])).astype(factors.dtype)
    for rows in _alike(counts):
        width = int(counts[rows].max(initial=0))
        if not width:
            continue  # the factors of a row without interactions are 0
        place = chosen.indptr[rows][:, None] + np.arange(width)
        there = np.arange(width) < counts[rows][:, None]
        near = padded[np.where(there, chosen.indices[np.where(there, place, 0)], len(factors))]
        left = gram + near.transpose(0, 2, 1) @ near
        left += penalty[rows][:, None, None] * np.eye(factors.shape[1], dtype=factors.dtype)
        found[rows] = np.linalg.solve(left, (1 + UNOBSERVED) * near.sum(axis=1)[..., None])[..., 0]
    return found


def _alike(counts: npt.NDArray[np.integer]) -> Iterator[Ints]:
    """Rows of about as many interactions, so many that their factors can be held."""
    order = np.argsort(-counts, kind="stable").astype(np.int64)
    start = 0
    while start < len(order):
        most = int(counts[order[start]])
        alike = int(np.searchsorted(-counts[order], -0.7 * most, side="right")) - start
        step = max(1, min(alike, MOST_FACTORS // (FACTORS * max(FACTORS, most))))
        yield order[start : start + step]
        start += step


BASELINES = (
    Baseline("popularity", "", (), popularity),
    Baseline("item k-NN", "k", (20, 50, 100, 200, 500), item_neighbors),
    Baseline("EASE", "lambda", (100, 200, 400, 800, 1600), ease),
    Baseline("iALS", "lambda", (0.003, 0.01, 0.03, 0.1), ials),
)


def judged(ratings: Ratings, rows: Ints, seed: int = 0) -> tuple[list[RankingScores], list[str]]:
    """The scores of all baselines on the test split, and those that are left out.

    Each learns from the interactions of train alone, and takes the value of its parameter that has the
    highest nDCG on those of validation.

    Args:
        ratings: All interactions.
        rows: Users that are judged.
        seed: Draws the first factors of iALS.
    """
    learned, found, left = Learned(ratings.train, seed), [], []
    asked = np.flatnonzero(np.diff(ratings.validation.indptr) > 0).astype(np.int64)
    for baseline in BASELINES:
        if baseline.fit in (item_neighbors, ease) and len(ratings.items) > MOST_ITEMS:
            left.append(f"{baseline.name}, which takes at most {MOST_ITEMS:,} items")
            continue
        value = _chosen(baseline, learned, ratings, asked)
        scored = ranks(baseline.fit(learned, value), ratings.known, ratings.test, rows)
        setting = f"{baseline.parameter}={value:g}" if baseline.values else ""
        found.append(scored.mean(baseline.name, setting))
    return found, left


def _chosen(baseline: Baseline, learned: Learned, ratings: Ratings, asked: Ints) -> float:
    """The value with the highest nDCG on validation data."""
    if not baseline.values:
        return 0.0
    tried: Sequence[float] = [
        float(ranks(baseline.fit(learned, value), ratings.train, ratings.validation, asked).ndcg[:, 0].mean())
        for value in baseline.values
    ]
    return baseline.values[int(np.argmax(tried))]
