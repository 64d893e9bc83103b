"""Users and items with the interactions between them, as matrices and as a bipartite graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from convscope.data.lines import read_lines
from convscope.data.splits import Split, Splits, as_labels
from convscope.errors import DataError
from convscope.kinds.graph.graph import Graph, GraphNode
from convscope.kinds.graph.readers.tables import open_source
from convscope.phrasing import plural
from convscope.types import SPLITS, Skipped, SplitName

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Hide = Literal["random", "last"]
"""Which interactions of a user are hidden: any, or those of the latest times."""
FEWEST = 4
"""Interactions of a user of which one is hidden to judge by."""
TITLES = ("u.item", "movies.csv")
"""Tables of films that MovieLens has beside its ratings."""


def untitled(item: str) -> str:
    """What an item is called in pictures, beside users that may have its name, where it has no title."""
    return f"item {item}"


@dataclass(frozen=True, eq=False)
class Ratings:
    """Which users chose which items, divided into splits.

    Args:
        users: What the file calls each user.
        items: What the file calls each item.
        titles: What people call each item; `untitled` where the data does not say.
        train: 1 for each interaction to learn from, shape (users, items), float32.
        validation: Those to choose by.
        test: Those to judge by.
    """

    users: tuple[str, ...]
    items: tuple[str, ...]
    titles: tuple[str, ...]
    train: sp.csr_array
    validation: sp.csr_array
    test: sp.csr_array

    @cached_property
    def graph(self) -> Graph:
        """The users, then the items, joined by the interactions of train."""
        return self._joined(self.train)

    @cached_property
    def known_graph(self) -> Graph:
        """The same nodes, joined by the interactions of train and validation."""
        return self._joined(self.known)

    def _joined(self, chosen: sp.csr_array) -> Graph:
        entries = chosen.tocoo()
        edges = np.stack([entries.row, entries.col + len(self.users)], axis=1).astype(np.int64)
        return Graph([*(f"user {name}" for name in self.users), *self.titles], edges, name="ratings")

    @cached_property
    def known(self) -> sp.csr_array:
        """Interactions of train and validation, whose items are not recommended again."""
        return sp.csr_array(self.train + self.validation)

    def part(self, name: SplitName) -> sp.csr_array:
        """The interactions of a split."""
        found: sp.csr_array = getattr(self, name)
        return found

    def seen_before(self, name: SplitName) -> sp.csr_array:
        """The interactions that are known when those of a split are to be guessed."""
        return self.known if name == "test" else self.train

    def digest(self) -> str:
        """SHA-256 (hex) of names and interactions, however they are divided."""
        total = sha256(repr((self.users, self.items, self.titles)).encode("utf-8", "surrogatepass"))
        every = sp.csr_array(self.known + self.test)
        every.sort_indices()
        total.update(every.indptr.astype(np.int64).tobytes() + every.indices.astype(np.int64).tobytes())
        return total.hexdigest()


@dataclass(frozen=True, eq=False)
class UserSamples:
    """Users that items are recommended to.

    Args:
        ratings: All interactions.
        rows: Which of the users, shape (samples,), int64.
        split: Whose interactions are to be guessed.
        skipped: What was left out.
    """

    names_files: ClassVar[bool] = False
    ratings: Ratings
    rows: Ints
    split: SplitName = "test"
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def graph(self) -> Graph:
        """Users and items, joined by the interactions that are known when those of the split are not."""
        return self.ratings.known_graph if self.split == "test" else self.ratings.graph

    def load(self, index: int) -> GraphNode:
        """One user among all users and items."""
        return GraphNode(self.graph, int(self.rows[index]))

    def name(self, index: int) -> str:
        """The user, as the graph calls its node."""
        return self.graph.names[int(self.rows[index])]

    def take(self, indices: Ints) -> UserSamples:
        """Some of the users."""
        return replace(self, rows=self.rows[indices], skipped=())


@dataclass(frozen=True, eq=False)
class Interactions:
    """Interactions as a reader found them, each pair of a user and an item once.

    Args:
        users: Names of all users, by their number.
        items: Names of all items, by their number.
        pairs: Numbers of user and item of each interaction, shape (interactions, 2), int64.
        tested: Which are of the test split that the data has, shape (interactions,); None where it has none.
        times: Of each interaction, in seconds, shape (interactions,); None where it has none.
        titles: Of items by name.
        layout: What was recognized.
        decisions: One line each.
        warnings: One line each.
        skipped: What was left out.
    """

    users: tuple[str, ...]
    items: tuple[str, ...]
    pairs: Ints
    tested: npt.NDArray[np.bool_] | None
    times: Numbers | None
    titles: dict[str, str]
    layout: str
    decisions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def matrix(pairs: Ints, shape: tuple[int, int]) -> sp.csr_array:
    """1 at each pair of rows, 0 elsewhere, float32."""
    made = sp.csr_array((np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), shape=shape)
    made.sum_duplicates()
    made.data[:] = 1
    made.sort_indices()
    return made


def drawn(
    users: Ints, share: float, rng: np.random.Generator, times: Numbers | None = None
) -> npt.NDArray[np.bool_]:
    """A share of the interactions of each user, none of a user of fewer than `FEWEST`.

    Args:
        users: User of each interaction, shape (interactions,).
        share: Of each user, rounded, at least one.
        rng: Draws them, and which of those of one time are taken.
        times: Of each interaction, shape (interactions,); the last ones are taken. None draws any.
    """
    chance = rng.random(len(users))
    order = np.lexsort((chance, users) if times is None else (chance, -times, users))
    counts = np.bincount(users, minlength=1)
    first = np.cumsum(counts) - counts
    place = np.arange(len(users)) - first[users[order]]
    wanted = np.where(counts >= FEWEST, np.maximum(np.rint(share * counts), 1), 0)
    chosen = np.zeros(len(users), bool)
    chosen[order] = place < wanted[users[order]]
    return chosen


def split_interactions(
    where: str, found: Interactions, seed: int, validation_share: float, test_share: float, hide: Hide
) -> Splits:
    """Hides some items of each user, to choose and to judge by.

    Args:
        where: The path that was read, for messages.
        found: The interactions.
        seed: Draws what is hidden.
        validation_share: Of the interactions of train of each user.
        test_share: Of the interactions of each user, where the data has no test split.
        hide: Which of them.

    Returns:
        Samples are `UserSamples`; no labels, as the interactions say what is hidden.

    Raises:
        DataError: No user has enough interactions, or the last ones are asked for where times are missing.
    """
    times = _times_to_hide_by(where, found.times) if hide == "last" else None
    rng = np.random.default_rng([seed, len(found.pairs)])
    users = found.pairs[:, 0]
    tested = drawn(users, test_share, rng, times) if found.tested is None else found.tested
    held = np.zeros(len(users), bool)
    rest = np.flatnonzero(~tested)
    held[rest] = drawn(users[rest], validation_share, rng, None if times is None else times[rest])
    parts = {"train": ~tested & ~held, "validation": held, "test": tested}
    shape = (len(found.users), len(found.items))
    made = {name: matrix(found.pairs[mask], shape) for name, mask in parts.items()}
    titles = tuple(found.titles.get(name, untitled(name)) for name in found.items)
    ratings = Ratings(found.users, found.items, titles, made["train"], made["validation"], made["test"])
    rows = {name: _asked(ratings, name) for name in SPLITS}
    for name in SPLITS:
        if not len(rows[name]):
            hint = f"Give users with at least {FEWEST} interactions each, or a test split of known users."
            raise DataError(f"{where}: no user has interactions for the {name} split", hint=hint)
    how = f"drawn with seed {seed}" if hide == "random" else "the last by time"
    decisions = _told(found, (int(tested.sum()), int(held.sum())), validation_share, test_share, how)
    train, validation, test = (_split(ratings, name, rows[name]) for name in SPLITS)
    return Splits(
        train,
        validation,
        test,
        class_names=(),
        layout=found.layout,
        fingerprint=ratings.digest(),
        decisions=(*found.decisions, *decisions),
        warnings=(*found.warnings, *_unknown(ratings)),
        skipped=found.skipped,
    )


def _times_to_hide_by(where: str, times: Numbers | None) -> Numbers:
    """The times of all interactions, where each has one."""
    if times is None or np.isnan(times).any():
        received = (
            "no times"
            if times is None
            else f"{plural(int(np.isnan(times).sum()), 'interaction')} without one"
        )
        raise DataError(
            f"{where}: --hide last needs the time of each interaction, received {received}",
            "Name the column with --time-column, or leave --hide out: interactions are then drawn.",
        )
    return times


def _told(
    found: Interactions, hidden: tuple[int, int], validation_share: float, test_share: float, how: str
) -> tuple[str, ...]:
    """How interactions were divided, one line each."""
    said = f"{test_share:.0%} of each user, {how}" if found.tested is None else "those of the data"
    unused = "; --hide last hides the last ones instead" if found.times is not None and "seed" in how else ""
    return (
        f"test: {hidden[0]:,} of {plural(len(found.pairs), 'interaction')}, {said}{unused}",
        f"validation: {plural(hidden[1], 'interaction')}, {validation_share:.0%} of the others of each user,"
        f" {how};"
        f" users of fewer than {FEWEST} give none",
        "items that are recommended: all but those that a user is known to have chosen",
    )


def _asked(ratings: Ratings, name: SplitName) -> Ints:
    """Users with interactions in a split, and in train, shape (users,)."""
    there = np.diff(ratings.part(name).indptr) > 0
    return np.flatnonzero(there & (np.diff(ratings.train.indptr) > 0)).astype(np.int64)


def _unknown(ratings: Ratings) -> Sequence[str]:
    """What is in the test split and was never seen before."""
    tested, train = ratings.test, ratings.train
    users = (np.diff(tested.indptr) > 0) & (np.diff(train.indptr) == 0)
    items = (tested.sum(axis=0) > 0) & (train.sum(axis=0) == 0)
    lines = []
    if users.any():
        lines.append(f"{plural(int(users.sum()), 'user')} in the test split alone, not judged")
    if items.any():
        missed = int(tested[:, np.flatnonzero(items)].sum())
        lines.append(
            f"{plural(int(items.sum()), 'item')} of the test split not in train:"
            f" {plural(missed, 'interaction')}"
            " missed"
        )
    return lines


def _split(ratings: Ratings, name: SplitName, rows: Ints) -> Split:
    return Split(UserSamples(ratings, rows, name), as_labels([None] * len(rows)))


def titles_beside(path: Path) -> dict[str, str]:
    """Titles of items by name, from a table of films that MovieLens has beside its ratings."""
    for name in TITLES:
        beside = path.with_name(name)
        if not beside.is_file():
            continue
        if name.endswith(".csv"):
            source = open_source(beside)
            if len(source.columns) < 2:
                continue
            columns = source.columns[:2]
            loaded = source.load((), columns, ())
            return dict(zip(*(loaded[each].to_pylist() for each in columns), strict=True))
        rows = (line.split("|") for _, line in read_lines(beside, "latin-1"))
        return {row[0]: row[1] for row in rows if len(row) > 1}
    return {}
