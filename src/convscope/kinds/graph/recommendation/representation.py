"""Users and items as model inputs, and what becomes of their names."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from convscope.data.splits import Split
from convscope.errors import DataError, RunError
from convscope.json_values import Plain, Within
from convscope.kinds.contract.representation import GraphDescription, InputsAsEncoded
from convscope.kinds.graph.batching import (
    Batch,
    Subgraph,
    graph_arrays,
    neighborhood,
    stacked,
    table_width,
    wiring_of,
)
from convscope.kinds.graph.graph import Graph, GraphNode
from convscope.kinds.graph.recommendation.ratings import Ints, Ratings, UserSamples, matrix
from convscope.kinds.graph.recommendation.reader import AskedUsers
from convscope.kinds.graph.representation import MOST_HOPS, described
from convscope.layers.neighbor_tables import WIDTHS
from convscope.phrasing import plural
from convscope.types import Progress, no_progress

MOST_NODES = 2**24
"""Nodes that float32 numbers exactly."""


@dataclass(frozen=True, eq=False)
class RatingRepresentation(InputsAsEncoded, Plain):
    """How users and items become model inputs: by their number in the graph of the training.

    Args:
        users: What the file calls each user.
        items: What the file calls each item.
        titles: What people call each item.
        train: User and item of each interaction of train, int32, little-endian, in base64.
        validation: Those of validation, likewise.
        table_width: Neighbors in a row of the tables.
        hops: How far the model sees.
    """

    _WHAT: ClassVar[str] = "rating representation"
    _KEPT: ClassVar[dict[str, object]] = {"kind": "graph", "version": 1, "task": "ratings"}

    users: Annotated[tuple[str, ...], Within(1, MOST_NODES)]
    items: Annotated[tuple[str, ...], Within(1, MOST_NODES)]
    titles: Annotated[tuple[str, ...], Within(1, MOST_NODES)]
    train: str
    validation: str
    table_width: Annotated[int, Within(WIDTHS[0], WIDTHS[-1])]
    hops: Annotated[int, Within(1, MOST_HOPS)] = 3

    @staticmethod
    def fit(train: Split, hops: int) -> tuple[RatingRepresentation, list[str]]:
        """Keeps the names of users and items, and who chose what.

        Returns:
            The representation, and what was decided, one line each.
        """
        samples = train.samples
        assert isinstance(samples, UserSamples)
        ratings = samples.ratings
        packed = [_packed(part) for part in (ratings.train, ratings.validation)]
        width = table_width([ratings.graph])
        made = RatingRepresentation(
            ratings.users, ratings.items, ratings.titles, packed[0], packed[1], width, hops
        )
        said = (
            f"graph: {plural(len(ratings.users), 'user')} and {plural(len(ratings.items), 'item')}, joined"
            f" by the"
            f" {plural(ratings.train.nnz, 'interaction')} of train to learn from, and those of validation"
            f" too to answer"
        )
        return made, [said]

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(None, 1): nodes of the graph, and the number of each."""
        return (None, 1)

    @property
    def sizes(self) -> dict[str, Any]:
        """The number of nodes, the width of the tables, and how far the model sees."""
        nodes = len(self.users) + len(self.items)
        return {"nodes": nodes, "table_width": self.table_width, "hops": self.hops}

    @cached_property
    def ratings(self) -> Ratings:
        """What was known in the training; nothing is to be guessed.

        Raises:
            RunError: It does not fit the names.
        """
        shape = (len(self.users), len(self.items))
        if len(self.titles) != len(self.items):
            raise RunError("A saved rating representation is damaged: not every item has a title.")
        parts = [matrix(_unpacked(each, shape), shape) for each in (self.train, self.validation)]
        return Ratings(self.users, self.items, self.titles, parts[0], parts[1], sp.csr_array(shape))

    def numbers(self, rows: Ints | None = None) -> npt.NDArray[np.float32]:
        """The number of each node from 1, shape (nodes, 1), float32."""
        count = len(self.users) + len(self.items)
        found = np.arange(1, count + 1, dtype=np.float32)[:, None]
        return found if rows is None else found[rows]

    @cached_property
    def whole(self) -> Batch:
        """A batch of the graph of train, without padding."""
        return self.batch_of(self.ratings.graph)

    def batch_of(self, graph: Graph) -> Batch:
        """A batch of a graph of all users and items, without padding."""
        return stacked([graph_arrays(wiring_of(graph), self.numbers(), self.table_width)], exact=True)

    def rows_of(self, names: list[str]) -> Ints:
        """Rows of users by name.

        Raises:
            DataError: One is not known.
        """
        place = {name: row for row, name in enumerate(self.users)}
        for name in names:
            if name not in place:
                near = get_close_matches(name, self.users, 3, 0.0)
                raise DataError(
                    f"No user of the training is called '{name}'; the nearest are {', '.join(near)}.",
                    "For a new user, give a file with the items that the user chose.",
                )
        return np.array([place[name] for name in names], np.int64)

    def encode(
        self, samples: UserSamples | AskedUsers, limit_bytes: int = 0, progress: Progress = no_progress
    ) -> UserNeighborhoods:
        """What the model sees around users, cut out when it is asked for.

        Raises:
            DataError: The users are others than those of the training.
        """
        return UserNeighborhoods(self, self.check(samples))

    def check(self, samples: object) -> UserSamples:
        """Users of the training, by name too; users of other data have no vectors.

        Raises:
            DataError: Users or items are others than those of the training.
        """
        if isinstance(samples, AskedUsers) and set(samples.names) <= set(self.users):
            return UserSamples(self.ratings, self.rows_of(list(samples.names)), "test")
        if not isinstance(samples, UserSamples):
            raise DataError(
                "Users that are not of the training have no vectors of their own.",
                "predict recommends by what they chose; look and extract take the data of the training.",
            )
        if (samples.ratings.users, samples.ratings.items) != (self.users, self.items):
            raise DataError(
                "Expected the users and items of the training, received others, which have no vectors.",
                "Train a model on these ratings.",
            )
        return samples

    def around(self, sample: GraphNode) -> Subgraph:
        """What the model sees of the graph when it is asked for one user."""
        return neighborhood(sample.graph, np.array([sample.row]), self.hops)

    def describe(self, sample: GraphNode) -> GraphDescription:
        """Names and edges of the nodes that the model sees, in the order of its inputs."""
        return described(sample.graph, self.around(sample), (0,), self.hops, ())

    def example(self, count: int) -> Batch:
        """So many paths of the first nodes."""
        nodes = min(6, len(self.users) + len(self.items))
        path = np.stack([np.arange(nodes - 1), np.arange(1, nodes)], axis=1)
        wiring = wiring_of(Graph([str(node) for node in range(nodes)], path))
        arrays = graph_arrays(wiring, self.numbers(np.arange(nodes)), self.table_width)
        return {**stacked([arrays] * count), "targets": np.zeros((count, 1), np.int32)}


@dataclass(frozen=True, eq=False)
class UserNeighborhoods:
    """Users with what a model sees around them.

    Args:
        representation: How they become inputs.
        samples: The users.
    """

    representation: RatingRepresentation
    samples: UserSamples

    def __len__(self) -> int:
        """The number of users."""
        return len(self.samples)

    @property
    def at_once(self) -> int:
        """How many users are best asked for together: all, as an answer takes the whole graph anyway."""
        return len(self)

    def together(self, indices: Ints) -> Batch:
        """Inputs by name, of batch size 1: the whole graph, asked for these users."""
        targets = self.samples.rows[indices].astype(np.int32)
        return {**self.representation.batch_of(self.samples.graph), "targets": targets[None]}

    def take(self, indices: Ints) -> Batch:
        """Inputs by name, one neighborhood in each element of the batch, its user first."""
        represent, graph = self.representation, self.samples.graph
        numbers, elements = represent.numbers(), []
        for row in self.samples.rows[indices].tolist():
            part = neighborhood(graph, np.array([row]), represent.hops)
            elements.append(graph_arrays(part.wiring, numbers, represent.table_width, part.rows))
        return {**stacked(elements), "targets": np.zeros((len(indices), 1), np.int32)}


def _packed(part: sp.csr_array) -> str:
    entries = part.tocoo()
    pairs = np.stack([entries.row, entries.col], axis=1).astype("<i4")
    return base64.b64encode(pairs.tobytes()).decode("ascii")


def _unpacked(packed: str, shape: tuple[int, int]) -> Ints:
    try:
        pairs = np.frombuffer(base64.b64decode(packed, validate=True), "<i4").reshape(-1, 2).astype(np.int64)
    except (ValueError, binascii.Error) as error:
        raise RunError(f"A saved rating representation is damaged: {error}.") from error
    if len(pairs) and (pairs.min() < 0 or (pairs.max(axis=0) >= shape).any()):
        raise RunError("A saved rating representation is damaged: an interaction is of no user or no item.")
    return pairs
