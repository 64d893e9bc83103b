"""From tables of ratings and lists of items to interactions of users with items."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.columns import column_of, find_column
from convscope.data.splits import LeftOut, Splits
from convscope.errors import DataError, UsageError
from convscope.kinds.graph.readers.columns import TableSource, numbers_of
from convscope.kinds.graph.readers.edges import GraphNotes
from convscope.kinds.graph.readers.roles import ITEMS, RATINGS, TIMES, USERS, rating_columns
from convscope.kinds.graph.readers.table_rows import times_of
from convscope.kinds.graph.readers.tables import may_be_table, open_source
from convscope.kinds.graph.recommendation.ratings import (
    Hide,
    Interactions,
    Ints,
    split_interactions,
    titles_beside,
)
from convscope.kinds.graph.recommendation.rows import FoundRows, is_list, rows_of_lists
from convscope.option import taking_fields
from convscope.phrasing import plural
from convscope.types import Progress, Skipped, no_progress

GIVEN = re.compile(r"(?P<before>.*?)(?P<part>train|data1|base)(?P<after>.*)", re.IGNORECASE)
"""Names of files whose test split is beside them."""
TESTS = {"train": "test", "data1": "test1", "base": "test"}
USUAL = ("u.data", "ratings.csv", "ratings.dat", "ratings.parquet", "ratings.tsv")


@dataclass(frozen=True)
class AskedRatings:
    """What a user says of a table of ratings.

    Args:
        user_column: Column of users.
        item_column: Column of items.
        rating_column: Column of ratings.
        time_column: Column of times.
        least_rating: Lower ratings are left out.
        encoding: Of text files.
    """

    user_column: str | None = None
    item_column: str | None = None
    rating_column: str | None = None
    time_column: str | None = None
    least_rating: float | None = None
    encoding: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that were named."""
        given = (self.user_column, self.item_column, self.rating_column, self.time_column)
        return tuple(name for name in given if name is not None)


@dataclass(frozen=True, eq=False)
class AskedUsers(LeftOut):
    """Users that something is to be recommended to: known ones by name, and others by what they chose.

    Args:
        names: What each is called.
        chosen: Names of the items that each is said to have chosen; none for a known user.
        most: How many items are recommended.
    """

    names: tuple[str, ...] = ()
    chosen: tuple[tuple[str, ...], ...] = ()
    most: int = 10

    def __len__(self) -> int:
        return len(self.names)

    def load(self, index: int) -> str:
        """The name of a user."""
        return self.names[index]

    def name(self, index: int) -> str:
        """The same."""
        return self.names[index]

    def take(self, indices: Ints) -> AskedUsers:
        """Some of the users."""
        names = tuple(self.names[row] for row in indices.tolist())
        return replace(self, names=names, chosen=tuple(self.chosen[row] for row in indices.tolist()))


@taking_fields(AskedRatings)
def read_ratings(
    path: Path | str,
    asked: AskedRatings,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    validation_share: float = 0.1,
    test_share: float = 0.25,
    hide: Hide = "random",
) -> Splits:
    """Reads interactions of users with items, and hides some of each user.

    Args:
        path: A table of ratings, a file with the items of a user in each line, or a folder with one of them,
            with or without a test split beside it.
        asked: What the user says of it; callers name the fields.
        seed: Draws what is hidden.
        progress: Receives how much is read.
        validation_share: As of `split_interactions`.
        test_share: As of `split_interactions`.
        hide: As of `split_interactions`.

    Raises:
        DataError: There are no interactions, too few to hide some, or no times to hide the last by.
        UsageError: No column has a name that the user gave.
    """
    train, test = find_files(Path(path))
    progress(0, 1, "reading ratings")
    found = interactions(train, test, asked)
    progress(1, 1, "reading ratings")
    return split_interactions(str(path), found, seed, validation_share, test_share, hide)


@taking_fields(AskedRatings)
def read_users(
    paths: Sequence[str],
    asked: AskedRatings,
    *,
    progress: Progress = no_progress,
    user: tuple[str, ...] = (),
    most: int = 10,
) -> AskedUsers:
    """Reads which users are asked about: known ones by name, and those of files with what they chose.

    Args:
        paths: Files or folders as of `read_ratings`; none where known users are asked about.
        asked: What the user says of it; callers name the fields.
        progress: Receives how much is read.
        user: Names of known users.
        most: How many items are recommended to each.

    Raises:
        DataError: A file holds no interactions.
    """
    chosen: dict[str, dict[str, None]] = {name: {} for name in user}
    skipped: list[Skipped] = []
    files = [file for path in paths for file in find_files(Path(path)) if file is not None]
    for number, file in enumerate(files):
        progress(number, len(files), "reading ratings")
        rows, _ = _kept(read_rows(file, asked), asked, str(file))
        skipped += rows.skipped
        for name, item in zip(rows.users.tolist(), rows.items.tolist(), strict=True):
            chosen.setdefault(name, {})[item] = None
    lists = tuple(tuple(items) for items in chosen.values())
    return AskedUsers(tuple(skipped), (), tuple(chosen), lists, most)


def find_files(path: Path) -> tuple[Path, Path | None]:
    """The file of the interactions to learn from, and that of the test split where there is one.

    Args:
        path: A file or a folder.

    Raises:
        DataError: A folder holds no ratings.
    """
    if not path.is_dir():
        return path, test_of(path)
    files = sorted(each for each in path.iterdir() if each.is_file() and may_be_table(each))
    by_name = {each.name.lower(): each for each in files}
    for name in USUAL:
        if name in by_name:
            return by_name[name], None
    pairs = [(each, test) for each in files if (test := test_of(each)) is not None]
    if pairs:
        return pairs[0]
    rated = [each for each in files if _is_rated(each)]
    if not rated:
        raise DataError(
            f"{path}: expected a table of ratings, received {len(files)} other tables",
            hint="Give the file itself, and --user-column and --item-column where they have other names.",
        )
    return rated[0], None


def test_of(path: Path) -> Path | None:
    """The file with the test split of another, by its name; None where there is none."""
    match = GIVEN.fullmatch(path.name)
    if match is None:
        return None
    name = f"{match['before']}{TESTS[match['part'].lower()]}{match['after']}"
    return path.with_name(name) if path.with_name(name).is_file() else None


def _is_rated(path: Path) -> bool:
    return is_list(path) or rating_columns(open_source(path, None, (), (*USERS, *ITEMS))) is not None


def read_rows(path: Path, asked: AskedRatings) -> FoundRows:
    """The interactions of one file.

    Raises:
        DataError: It has no column of users or of items.
    """
    if not asked.named and is_list(path, asked.encoding):
        return rows_of_lists(path, asked.encoding)
    source = open_source(path, asked.encoding, asked.named, (*USERS, *ITEMS, *RATINGS, *TIMES))
    user, item, rating, time = columns_of(source, asked)
    texts = [time] if time is not None and not source.is_numeric(time) else []
    numbers = [name for name in (rating, time) if name is not None and name not in texts]
    loaded = source.load([user, item], texts, numbers)
    ids = [loaded[name].to_pylist() for name in (user, item)]
    users, items = (np.array([each or "" for each in column], object) for column in ids)
    ratings = None if rating is None else numbers_of(loaded[rating])
    if rating is not None and ratings is None:
        raise DataError(f"{path}: expected numbers in column '{rating}', received texts")
    notes = GraphNotes()
    times = None if time is None else times_of(source, loaded[time], time, notes)
    there = (users != "") & (items != "")
    skipped = tuple(Skipped(source.line(int(row)), "no user or no item") for row in np.flatnonzero(~there))
    roles = {"user": user, "item": item, "rating": rating, "time": time}
    said = ", ".join(f"{role} '{name}'" for role, name in roles.items() if name is not None)
    unused = [name for name in source.columns if name not in roles.values()]
    if unused:
        said += f"; not used: {', '.join(unused[:12])}"
    if ratings is not None and np.isnan(ratings[there]).any():
        count = int(np.isnan(ratings[there]).sum())
        notes.warnings.append(
            f"ratings: {count} of {int(there.sum())} rows of {path.name} have none, and count as others do"
        )
    if not there.all():
        users, items = users[there], items[there]
        ratings, times = (None if each is None else each[there] for each in (ratings, times))
    lines = (f"columns of {path.name}: {said}", *notes.decisions)
    return FoundRows(users, items, ratings, times, lines, tuple(notes.warnings), skipped)


def columns_of(source: TableSource, asked: AskedRatings) -> tuple[str, str, str | None, str | None]:
    """Columns of user, item, rating and time.

    Raises:
        DataError: Those of user and item are not known.
        UsageError: There is no such column.
    """
    found = rating_columns(source)
    if found is None and not source.named and 2 <= len(source.columns) <= 4:
        more = [*source.columns[2:], None, None]
        found = (source.columns[0], source.columns[1], more[0], more[1])
    if found is None:
        places = (find_column(source.columns, names) for names in (RATINGS, TIMES))
        known = [None if at is None else source.columns[at] for at in places]
    given = (asked.user_column, asked.item_column, asked.rating_column, asked.time_column)
    options = ("--user-column", "--item-column", "--rating-column", "--time-column")
    chosen = [
        other if name is None else column_of(str(source.path), source.columns, name, option)
        for name, option, other in zip(given, options, found or (None, None, *known), strict=True)
    ]
    user, item, rating, time = chosen
    if user is None or item is None:
        shown = ", ".join(source.columns[:12])
        raise DataError(
            f"{source.path}: expected columns of users and items, received {shown}",
            hint="Name them: --user-column NAME --item-column NAME.",
        )
    if user == item:
        raise UsageError(f"user_column and item_column must differ. Received: '{user}' for both.")
    return user, item, rating, time


def _kept(rows: FoundRows, asked: AskedRatings, where: str) -> tuple[FoundRows, list[str]]:
    """Interactions whose rating is high enough, and what was decided."""
    least = asked.least_rating
    if rows.ratings is None or least is None:
        if least is not None:
            raise UsageError(f"least_rating needs a column of ratings, which {where} does not have.")
        said = "" if rows.ratings is None else "; --least-rating keeps high ratings alone"
        return rows, [f"ratings: each interaction counts as one, whatever its rating{said}"]
    if not (kept := rows.ratings >= least).any():
        raise DataError(f"{where}: no rating is at least {least:g}", hint="Lower --least-rating.")
    line = f"ratings: {int(kept.sum()):,} of {plural(len(kept), 'interaction')} kept, of at least {least:g}"
    times = None if rows.times is None else rows.times[kept]
    left = replace(
        rows, users=rows.users[kept], items=rows.items[kept], ratings=rows.ratings[kept], times=times
    )
    return left, [line]


def interactions(train: Path, test: Path | None, asked: AskedRatings) -> Interactions:
    """The interactions of one or two files, each pair of a user and an item once.

    Args:
        train: All interactions, or those to learn from.
        test: Those to judge by; None where the file does not say.
        asked: What the user says of them.

    Raises:
        DataError: There is none.
    """
    parts: list[FoundRows] = []
    decisions: list[str] = []
    skipped: list[Skipped] = []
    for path in (train, *(() if test is None else (test,))):
        rows = read_rows(path, asked)
        skipped += rows.skipped
        rows, said = _kept(rows, asked, str(path))
        decisions += [*rows.said, *said]
        parts.append(rows)
    users, user_names = _numbered([part.users for part in parts])
    items, item_names = _numbered([part.items for part in parts])
    if not len(users):
        raise DataError(f"{train}: expected interactions of users with items, received none")
    keys, first = np.unique(users * len(item_names) + items, return_index=True)
    first = np.sort(first)
    pairs = np.stack([users[first], items[first]], axis=1)
    timed = [part.times for part in parts if part.times is not None]
    warnings = [line for part in parts for line in part.warnings]
    if len(keys) < len(users):
        warnings.append(f"{plural(len(users) - len(keys), 'interaction')} that came before, left out")
    layout = f"{train.name} holds interactions of users with items"
    if test is not None:
        layout += f", {test.name} those of its test split"
    return Interactions(
        user_names,
        item_names,
        pairs,
        None if test is None else first >= len(parts[0]),
        np.concatenate(timed)[first] if len(timed) == len(parts) else None,
        titles_beside(train),
        layout,
        tuple(dict.fromkeys(decisions)),
        tuple(warnings),
        tuple(skipped),
    )


def _numbered(parts: Sequence[npt.NDArray[np.object_]]) -> tuple[Ints, tuple[str, ...]]:
    """A number for each name, in the order of numbers where all names are some."""
    values = np.concatenate([part.astype(str) for part in parts]) if parts else np.zeros(0, str)
    names, numbers = np.unique(values, return_inverse=True)
    if len(names) and all(name.isdecimal() and len(name) <= 18 for name in names.tolist()):
        order = np.lexsort((names, names.astype(np.int64)))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        names, numbers = names[order], place[numbers]
    return numbers.astype(np.int64), tuple(names.tolist())
