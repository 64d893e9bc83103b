"""Which items will a user choose, of all that are there?

From top to bottom: interactions of users with items become a graph with two kinds of nodes, each node has a
vector that is learned, vectors are summed along the edges and averaged, and the products of a user with all
items rank them. The ranking is judged on items that were hidden, beside methods without a network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from convscope.data.splits import Samples, Split, Splits
from convscope.engine.inference.infer import predict_batches
from convscope.engine.training.batches import Batch
from convscope.engine.training.objective import Objective
from convscope.errors import DataError
from convscope.kinds.contract.recipe import (
    ExampleContext,
    Fitted,
    ModelFactory,
    Recipe,
    ReportSteps,
    RepresentationSteps,
)
from convscope.kinds.graph.graph import GraphNode
from convscope.kinds.graph.kind import RECOMMENDATION
from convscope.kinds.graph.recommendation.baselines import judged
from convscope.kinds.graph.recommendation.metrics import (
    CUTS,
    MOST_SCORES,
    Recommendation,
    RecommendationMetrics,
    first_items,
    ranks,
    recommendation_metrics,
)
from convscope.kinds.graph.recommendation.ratings import Ints, UserSamples
from convscope.kinds.graph.recommendation.reader import AskedUsers, read_ratings, read_users
from convscope.kinds.graph.recommendation.representation import RatingRepresentation
from convscope.kinds.tasks.classification import encoded
from convscope.lenses.pages.report import Mistake
from convscope.types import SPLITS, Progress, SplitName

STEPS = 4
"""Steps of an epoch, unless interactions are few or many."""
FEWEST_PAIRS, MOST_PAIRS = 512, 16_384
"""Interactions of a step."""
SHOWN = 12
_LISTED = 5
_TRIES = 8
"""How often an item is drawn again that the user has chosen."""

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Recommended:
    """What is answered for several users.

    Args:
        users: Vectors, shape (users, units), float32.
        items: Vectors, shape (items, units), float32.
        known: Items that are not recommended, shape (users, items).
        names: What the file calls the items.
        titles: What people call them.
        folded: Which users are the mean of what they chose, shape (users,).
    """

    users: Vectors
    items: Vectors
    known: sp.csr_array
    names: tuple[str, ...]
    titles: tuple[str, ...]
    folded: npt.NDArray[np.bool_]

    def scores(self, rows: Ints) -> npt.NDArray[np.float32]:
        """Products with all items, shape (users, items)."""
        found: npt.NDArray[np.float32] = self.users[rows] @ self.items.T
        return found

    def best(self, rows: Ints, count: int) -> tuple[Ints, npt.NDArray[np.float64]]:
        """The best items and their scores, both of shape (users, count); those that are known score -inf."""
        scores = self.scores(rows).astype(np.float64)
        scores[self.known[rows].toarray() > 0] = -np.inf
        best = first_items(scores, count)
        return best, np.take_along_axis(scores, best, axis=1)


@dataclass(frozen=True, eq=False)
class TrainExamples:
    """Interactions, each with an item that the user did not choose, drawn anew in every epoch.

    Args:
        representation: Makes model inputs.
        pairs: User and item of each interaction, shape (interactions, 2), int64.
        items: How many there are.
    """

    representation: RatingRepresentation
    pairs: Ints
    items: int
    lengths: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """The number of interactions."""
        return len(self.pairs)

    @cached_property
    def keys(self) -> Ints:
        """One number for each interaction, ascending."""
        return np.unique(self.pairs[:, 0] * self.items + self.pairs[:, 1])

    def batch(self, indices: Ints, rng: np.random.Generator | None) -> Batch:
        """(inputs by name, targets without a meaning): a batch of the whole graph."""
        rng = rng or np.random.default_rng(0)
        targets = triples(self.pairs[indices], self.keys, self.items, self.representation, rng)
        inputs = {**self.representation.whole, "targets": targets[None].astype(np.int32)}
        return inputs, np.ones((1, len(indices), 1), np.float32)


def triples(
    pairs: Ints, keys: Ints, items: int, represent: RatingRepresentation, rng: np.random.Generator
) -> Ints:
    """Rows of nodes: users, the items that they chose, and as many that they did not.

    Args:
        pairs: User and item of each, shape (n, 2).
        keys: `user * items + item` of all interactions that are known, ascending.
        items: How many there are.
        represent: Numbers the nodes.
        rng: Draws the others.

    Returns:
        Shape (3 n,). A user of nearly all items may be given one of them.
    """
    users = pairs[:, 0]
    others = rng.integers(0, items, len(users))
    for _ in range(_TRIES):
        drawn = users * items + others
        taken = keys[np.minimum(np.searchsorted(keys, drawn), len(keys) - 1)] == drawn
        if not taken.any():
            break
        others[taken] = rng.integers(0, items, int(taken.sum()))
    first = len(represent.users)
    return np.concatenate([users, first + pairs[:, 1], first + others])


@dataclass(frozen=True, eq=False)
class ValidationExamples:
    """Users whose hidden items are sought among all items.

    Args:
        representation: Makes model inputs.
        samples: The users.
        lengths: None; all are alike.
    """

    representation: RatingRepresentation
    samples: UserSamples
    lengths: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """The number of users."""
        return len(self.samples)

    def batch(self, indices: Ints, rng: np.random.Generator | None) -> Batch:
        """(inputs by name, marks of shape (1, users, items)) as `RecommendationModel` validates by."""
        ratings, rows = self.samples.ratings, self.samples.rows[indices]
        part = ratings.part(self.samples.split)
        items, first = len(ratings.items), len(ratings.users)
        marks = part[rows].toarray() - ratings.seen_before(self.samples.split)[rows].toarray()
        draw = np.random.default_rng(0)  # so that each epoch is judged by the same items
        chosen = [int(draw.choice(part.indices[part.indptr[row] : part.indptr[row + 1]])) for row in rows]
        entries = (ratings.known + part).tocoo()
        keys = np.unique(entries.row.astype(np.int64) * items + entries.col)
        asked = triples(np.stack([rows, np.array(chosen)], axis=1), keys, items, self.representation, draw)
        targets = np.concatenate([rows, first + np.arange(items), asked])
        inputs = {**self.representation.whole, "targets": targets[None].astype(np.int32)}
        return inputs, marks[None].astype(np.float32)


def rating_examples(context: ExampleContext[RatingRepresentation]) -> TrainExamples | ValidationExamples:
    """Interactions of train; of validation so many users as can be ranked in one step, drawn once."""
    samples = context.representation.check(context.split.samples)
    if context.training:
        entries = samples.ratings.train.tocoo()
        pairs = np.stack([entries.row, entries.col], axis=1).astype(np.int64)
        return TrainExamples(context.representation, pairs, len(samples.ratings.items))
    most = max(1, min(context.settings.batch_size, MOST_SCORES // len(samples.ratings.items)))
    if len(samples) > most:
        drawn = np.random.default_rng(context.settings.seed).permutation(len(samples))[:most]
        samples = samples.take(np.sort(drawn).astype(np.int64))
    return ValidationExamples(context.representation, samples)


def build(
    make: ModelFactory,
    representation: RatingRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model of vectors."""
    return make(representation.shape, **{**representation.sizes, **options})


def vectors(fitted: Fitted[RatingRepresentation]) -> tuple[Vectors, Vectors]:
    """Those of all users and all items, shape (users, units) and (items, units)."""
    represent = fitted.representation
    nodes = len(represent.users) + len(represent.items)
    batch = {**represent.whole, "targets": np.arange(nodes, dtype=np.int32)[None]}
    (found,) = next(predict_batches(fitted.model, [batch]))
    values = np.asarray(found[0], np.float32)
    return values[: len(represent.users)], values[len(represent.users) :]


def predict(fitted: Fitted[RatingRepresentation], samples: Samples, progress: Progress) -> Recommended:
    """Vectors of users and of all items; that of a new user is the mean of the items that the user chose.

    Raises:
        DataError: A user is not known and chose no item that is.
    """
    represent = fitted.representation
    names = (represent.items, represent.titles)
    if not isinstance(samples, AskedUsers):
        judged_users = represent.check(samples)
        users, items = vectors(fitted)
        known = judged_users.ratings.seen_before(judged_users.split)[judged_users.rows]
        folded = np.zeros(len(judged_users), bool)
        return Recommended(users[judged_users.rows], items, sp.csr_array(known), *names, folded)
    users, items = vectors(fitted)
    progress(0, len(samples), "recommending")
    place = {name: row for row, name in enumerate(represent.users)}
    column = {name: at for at, name in enumerate(represent.items)}
    known_of = represent.ratings.known
    seen = sp.lil_array((len(samples), len(items)), dtype=np.float32)
    found: list[Vectors] = []
    new: list[bool] = []
    for number, (name, chosen) in enumerate(zip(samples.names, samples.chosen, strict=True)):
        columns = sorted({column[item] for item in chosen if item in column})
        seen[number, columns] = 1
        new.append(name not in place and bool(chosen))
        if new[-1] and not columns:
            raise DataError(
                f"User '{name}' is new, and none of the items that the user chose was in the training.",
                "Recommendations for a new user need at least one item that the training had.",
            )
        if new[-1]:
            found.append(items[columns].mean(axis=0))
            continue
        row = int(represent.rows_of([name])[0])
        found.append(users[row])
        seen[number, known_of.indices[known_of.indptr[row] : known_of.indptr[row + 1]]] = 1
    return Recommended(np.stack(found), items, sp.csr_array(seen), *names, np.array(new))


def ignored(representation: RatingRepresentation, samples: Samples) -> Sequence[str]:
    """How new users are answered, and how many of their items are not known."""
    if not isinstance(samples, AskedUsers):
        return ()
    users, items = set(representation.users), set(representation.items)
    new = sum(
        name not in users and bool(chosen) for name, chosen in zip(samples.names, samples.chosen, strict=True)
    )
    unknown = len({item for chosen in samples.chosen for item in chosen} - items)
    lines = []
    if new:
        lines.append(f"{new} users are new: each is taken as the mean of the items that the user chose")
    if unknown:
        lines.append(f"{unknown} items were not in the training, and are left out")
    return lines


def to_predictions(
    outputs: Recommended, samples: Samples, class_names: Sequence[str]
) -> list[Recommendation]:
    """The best items of each user, best first."""
    most = samples.most if isinstance(samples, AskedUsers) else CUTS[0]
    made = []
    for number in range(len(samples)):
        best, scores = outputs.best(np.array([number]), most)
        name = samples.name(number)
        for rank, (item, score) in enumerate(zip(best[0].tolist(), scores[0].tolist(), strict=True), 1):
            if np.isfinite(score):
                title = outputs.titles[item]
                folded = bool(outputs.folded[number])
                made.append(Recommendation(name, rank, outputs.names[item], title, score, folded))
    return made


def evaluate(outputs: Recommended, split: Split, class_names: Sequence[str]) -> RecommendationMetrics:
    """Ranks all items that a user does not have, by the model and by what needs no network."""
    samples = split.samples
    assert isinstance(samples, UserSamples)
    ratings, rows = samples.ratings, samples.rows
    place = np.full(len(ratings.users), -1, np.int64)
    place[rows] = np.arange(len(rows))
    mine = ranks(
        lambda part: outputs.scores(place[part]), ratings.seen_before(samples.split), ratings.test, rows
    )
    beside, left = judged(ratings, rows)
    return recommendation_metrics(mine, beside, left, ratings.test, rows)


def counts(splits: Splits) -> dict[SplitName, dict[str, int]]:
    """Interactions of each split."""
    samples = splits.train.samples
    assert isinstance(samples, UserSamples)
    return {name: {"interactions": int(samples.ratings.part(name).nnz)} for name in SPLITS}


def mistakes(outputs: Recommended, split: Split, class_names: Sequence[str]) -> list[Mistake]:
    """Users of whose items the fewest are found among the first."""
    samples = split.samples
    assert isinstance(samples, UserSamples)
    hidden = samples.ratings.part(samples.split)
    best, _ = outputs.best(np.arange(len(samples)), CUTS[0])
    found = np.take_along_axis(hidden[samples.rows].toarray() > 0, best, axis=1).sum(axis=1)
    many = np.diff(hidden.indptr)[samples.rows]
    order = np.lexsort((-many, found / np.minimum(many, CUTS[0])))[:SHOWN]
    titles = outputs.titles
    return [
        Mistake(
            samples.load(int(row)),
            samples.name(int(row)),
            ", ".join(titles[item] for item in split.labels[row][:_LISTED].tolist()),
            ", ".join(titles[item] for item in best[row][:_LISTED].tolist()),
        )
        for row in order
    ]


def example_samples(splits: Splits) -> list[tuple[str, list[GraphNode]]]:
    """The first few users."""
    train = splits.train
    return [("users", [train.samples.load(row) for row in range(min(SHOWN, len(train)))])]


def suggest_settings(architecture: str, splits: Splits) -> Mapping[str, Any]:
    """Several steps over the whole graph in an epoch, and not too many."""
    samples = splits.train.samples
    assert isinstance(samples, UserSamples)
    quarter = samples.ratings.train.nnz // STEPS
    return {"batch_size": int(min(MOST_PAIRS, max(FEWEST_PAIRS, quarter)))}


def output_names(representation: RatingRepresentation, class_names: tuple[str, ...]) -> None:
    """None: the numbers of a vector have no names."""


OBJECTIVE = Objective(loss=lambda settings: None, monitor="ndcg", smoothed=1, label="nDCG@10")
REPORT: ReportSteps[RatingRepresentation, Recommended] = ReportSteps(
    "interactions", counts, mistakes, example_samples
)
RECIPE = Recipe(
    spec=RECOMMENDATION,
    objective=OBJECTIVE,
    read=read_ratings,
    read_inputs=read_users,
    representation=RepresentationSteps(RatingRepresentation.fit, RatingRepresentation.from_json),
    build=build,
    examples=rating_examples,
    predict=predict,
    to_predictions=to_predictions,
    evaluate=evaluate,
    load_metrics=RecommendationMetrics.from_json,
    output_names=output_names,
    encode_inputs=encoded,
    report=REPORT,
    ignored=ignored,
    suggest_settings=suggest_settings,
)
