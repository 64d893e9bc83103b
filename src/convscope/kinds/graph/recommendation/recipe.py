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
    SampleInputs,
)
from convscope.kinds.graph.graph import Graph, GraphNode
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
from convscope.kinds.graph.recommendation.ratings import Ints, UserSamples, untitled
from convscope.kinds.graph.recommendation.reader import AskedUsers, read_ratings, read_users
from convscope.kinds.graph.recommendation.representation import RatingRepresentation
from convscope.kinds.tasks import classification
from convscope.lenses.pages.report import Mistake
from convscope.phrasing import plural
from convscope.types import SPLITS, Progress, SplitName

STEPS = 5
"""Steps of an epoch, unless users or items are many."""
MOST_COMPARED = 2**14
"""Items that those of a user are told from; of more, some are drawn in each step."""
SHOWN = 12
_LISTED = 5

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

    @cached_property
    def said_titles(self) -> tuple[str | None, ...]:
        """Those of the data: empty for an item without one, None for all where there are none."""
        said = [
            "" if title == untitled(name) else title
            for name, title in zip(self.names, self.titles, strict=True)
        ]
        return tuple(said) if any(said) else (None,) * len(said)

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
class UserExamples:
    """Users, with marks of the items that are to be told from others.

    Args:
        representation: Makes model inputs.
        samples: The users.
        training: Whether items are drawn where there are too many to be compared with.
    """

    representation: RatingRepresentation
    samples: UserSamples
    training: bool

    def __len__(self) -> int:
        """The number of users."""
        return len(self.samples)

    @property
    def lengths(self) -> Ints | None:
        """Of validation all are alike, and batches differ: the last one may have fewer users."""
        return None if self.training else np.zeros(len(self), np.int64)

    def batch(self, indices: Ints, rng: np.random.Generator | None) -> Batch:
        """(inputs by name, marks of shape (1, users, items)) as `RecommendationModel` compares by.

        Where items are drawn, weights follow: how many items each stands for, shape (1, items).
        """
        samples, ratings = self.samples, self.samples.ratings
        rows, first = samples.rows[indices], len(ratings.users)
        part = ratings.part(samples.split)[rows]
        hidden = None if samples.split == "train" else ratings.seen_before(samples.split)[rows]
        columns, stand = np.arange(len(ratings.items)), None
        if self.training and len(columns) > MOST_COMPARED:
            columns, stand = compared(part, rng or np.random.default_rng(0))
        marks = part[:, columns].toarray()
        marks = marks if hidden is None else marks - hidden[:, columns].toarray()
        targets = np.concatenate([rows, first + columns]).astype(np.int32)
        inputs = {**self.representation.whole, "targets": targets[None]}
        made = (inputs, marks[None].astype(np.float32))
        return made if stand is None else (*made, stand[None])


def compared(part: sp.csr_array, rng: np.random.Generator) -> tuple[Ints, npt.NDArray[np.float32]]:
    """Items to compare with: all that some users chose, and others that are drawn.

    Args:
        part: What they chose, shape (users, items).
        rng: Draws the others.

    Returns:
        `MOST_COMPARED` columns, and how many items each stands for.
    """
    chosen = np.unique(part.indices)
    if len(chosen) >= MOST_COMPARED:  # these are many enough, and those of no user in it are not compared
        chosen = np.sort(rng.choice(chosen, MOST_COMPARED, replace=False))
    others = np.setdiff1d(np.arange(part.shape[1]), chosen)
    drawn = rng.choice(others, MOST_COMPARED - len(chosen), replace=False)
    stand = np.ones(MOST_COMPARED, np.float32)
    stand[len(chosen) :] = len(others) / max(1, len(drawn))
    return np.concatenate([chosen, drawn]).astype(np.int64), stand


def rating_examples(context: ExampleContext[RatingRepresentation]) -> UserExamples:
    """Users of train; of validation so many as can be ranked in an instant, drawn once."""
    samples = context.representation.check(context.split.samples)
    most = max(1, MOST_SCORES // len(samples.ratings.items))
    if not context.training and len(samples) > most:
        drawn = np.random.default_rng(context.settings.seed).permutation(len(samples))[:most]
        samples = samples.take(np.sort(drawn).astype(np.int64))
    return UserExamples(context.representation, samples, context.training)


def build(
    make: ModelFactory,
    representation: RatingRepresentation,
    class_names: Sequence[str],
    options: Mapping[str, Any],
) -> keras.Model:
    """A fresh model of vectors."""
    return make(representation.shape, **{**representation.sizes, **options})


def vectors(fitted: Fitted[RatingRepresentation], graph: Graph) -> tuple[Vectors, Vectors]:
    """Those of all users and all items of a graph, shape (users, units) and (items, units)."""
    represent = fitted.representation
    nodes = len(represent.users) + len(represent.items)
    batch = {**represent.batch_of(graph), "targets": np.arange(nodes, dtype=np.int32)[None]}
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
        users, items = vectors(fitted, judged_users.graph)
        known = judged_users.ratings.seen_before(judged_users.split)[judged_users.rows]
        folded = np.zeros(len(judged_users), bool)
        return Recommended(users[judged_users.rows], items, sp.csr_array(known), *names, folded)
    users, items = vectors(fitted, represent.ratings.known_graph)
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
        lines.append(f"new users: {new:,}, each taken as the mean of the items that the user chose")
    if unknown:
        lines.append(f"{plural(unknown, 'item')} not in the training, left out")
    return lines


def encoded(fitted: Fitted[RatingRepresentation], samples: Samples, progress: Progress) -> SampleInputs:
    """Users of the training as the model takes them, and what is needed to draw them."""
    return classification.encoded(fitted, fitted.representation.check(samples), progress)


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
                title = outputs.said_titles[item]
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
            samples.load(row),
            samples.name(row),
            _titles(hidden.indices[hidden.indptr[at] : hidden.indptr[at + 1]], titles),
            _titles(best[row], titles),
        )
        for row, at in zip(order.tolist(), samples.rows[order].tolist(), strict=True)
    ]


def _titles(items: npt.NDArray[np.integer], titles: Sequence[str]) -> str:
    """The first few."""
    return ", ".join(titles[item] for item in items[:_LISTED].tolist())


def example_samples(splits: Splits) -> list[tuple[str, list[GraphNode]]]:
    """The first few users."""
    train = splits.train
    return [("users", [train.samples.load(row) for row in range(min(SHOWN, len(train)))])]


def suggest_settings(architecture: str, splits: Splits) -> Mapping[str, Any]:
    """Several steps over the whole graph in an epoch, none with more scores than can be held."""
    samples = splits.train.samples
    assert isinstance(samples, UserSamples)
    most = MOST_SCORES // min(len(samples.ratings.items), MOST_COMPARED)
    return {"batch_size": int(max(1, min(most, -(-len(samples) // STEPS))))}


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
