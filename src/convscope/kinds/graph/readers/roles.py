"""What the columns of tables of edges and nodes are for, by their names and by what stands in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from convscope.data.columns import LABEL_COLUMNS, SPLIT_COLUMNS, column_of, find_column, is_label_name
from convscope.data.number_forms import is_any_number
from convscope.kinds.graph.readers.columns import TableSource

ENDS = (
    *(("source", "target"), ("source", "destination"), ("source", "dest"), ("src", "dst"), ("src", "dest")),
    *(("src", "tgt"), ("from", "to"), ("sender", "receiver"), ("sender", "recipient"), ("citing", "cited")),
    *(("follower", "followee"), ("follower", "followed"), ("parent", "child"), ("caller", "callee")),
    *(("payer", "payee"), ("buyer", "seller"), ("rater", "ratee"), ("origin", "destination")),
    *(("origin", "dest"), ("orig", "dest"), ("user", "friend"), ("start", "end"), ("head", "tail")),
    *(("subject", "object"), ("left", "right"), ("row", "col"), ("row", "column"), ("1", "2"), ("0", "1")),
    *(("a", "b"), ("u", "v"), ("i", "j")),
)
"""Words by which the names of two columns differ that hold the ends of an edge, the surest first."""
SURE_ENDS = 20
"""How many of these say so by themselves."""
_ONE_WAY = frozenset(
    ("sender", "citing", "follower", "parent", "caller", "payer", "buyer", "rater", "origin", "orig")
)
WEIGHTS = (
    *("weight", "weights", "edge_weight", "edgeweight", "w", "strength", "count", "frequency", "freq"),
    "value",
)
"""Names of a column of weights, the surest first."""
TIMES = ("time", "timestamp", "datetime", "date", "when", "ts", "unixts", "unix_time", "created_at", "year")
"""Names of a column of times, the surest first."""
USERS = ("user", "user_id", "userid", "uid", "reviewerid", "customer_id", "customerid")
"""Names of a column of users."""
ITEMS = (
    *("item", "item_id", "itemid", "movieid", "movie_id", "product_id", "productid", "artistid", "artist_id"),
    *("book_id", "isbn", "asin", "business_id", "song_id", "track_id", "anime_id", "movie", "iid"),
)
"""Names of a column of items."""
RATINGS = ("rating", "ratings", "score", "stars", "overall", "book-rating", "plays", "count", "weight")
"""Names of a column of ratings."""
KINDS = ("type", "directed")
"""Names of a column that says whether each edge is directed, as Gephi writes it."""
IDS = ("id", "node", "node_id", "nodeid", "id:id", ":id", "vertex", "vertex_id", "name", "index", "key")
"""Names of a column of ids, the surest first."""
USUAL = (
    *("source", "target", "src", "dst", "from", "to", "fromnodeid", "tonodeid"),
    *("node1", "node2", "id_1", "id_2"),
    *(*WEIGHTS, *TIMES, *IDS),
)
_WORD = re.compile(r"[a-z]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GROUPS = frozenset(
    (
        *("type", "kind", "club", "community", "department", "party", "field", "area", "group", "cluster"),
        "faction",
    )
)
_WHEN = frozenset(("on", "at", "since", "when", "date", "time", "datetime", "timestamp"))
_DATE = re.compile(r"\d{4}[-/]\d\d[-/]\d\d.*|\d\d\.\d\d\.\d{4}.*")
_UNIX_SECONDS = re.compile(r"1?\d{9}(\.\d+)?")
_COUNTED = re.compile(r"(.*?)[ _.-]?\d+")
MOST_CLASSES = 500
COUNTED = 8
"""Columns whose names count from which on they are a matrix of features."""
MASKS = {"train_mask": "train", "val_mask": "validation", "test_mask": "test"}


@dataclass(frozen=True)
class AskedColumns:
    """Columns that the user names, and whether one holds labels of nodes where none is named."""

    source: str | None = None
    target: str | None = None
    weight: str | None = None
    time: str | None = None
    id: str | None = None
    label: str | None = None
    drop: tuple[str, ...] = ()
    labeled: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """All that are named."""
        named = (self.source, self.target, self.weight, self.time, self.id, self.label)
        return tuple(name for name in named if name is not None)


@dataclass(frozen=True)
class EdgeColumns:
    """The columns of a table of edges.

    Args:
        source: Of the ids where edges begin.
        target: Of the ids where they end.
        weight: None where edges have none.
        time: None where edges have none.
        kind: Says whether each edge is directed.
        one_way: Whether the names say that edges lead one way.
        by_name: Whether the names of the columns say which they are.
    """

    source: str
    target: str
    weight: str | None = None
    time: str | None = None
    kind: str | None = None
    one_way: bool = False
    by_name: bool = False


@dataclass(frozen=True)
class NodeColumns:
    """The columns of a table of nodes.

    Args:
        id: None where the number of the row is the id.
        label: None where nodes have none.
        split: None where there is none.
        masks: Columns that are true for the nodes of a split.
        matrix: Those that together are a matrix of features.
        numbers: Other columns of numbers.
        texts: Other columns of texts.
        candidates: Columns that could hold the labels, where none surely does.
    """

    id: str | None
    label: str | None
    split: str | None
    masks: tuple[str, ...]
    matrix: tuple[str, ...]
    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    candidates: tuple[str, ...] = ()


def ends_by_name(columns: Sequence[str]) -> tuple[int, int, int] | None:
    """Positions of source and target by the names of columns, and the place of their words in `ENDS`.

    Example:
        >>> ends_by_name(["Weight", "FromNodeId", "ToNodeId"])[:2], ends_by_name(["id_1", "id_2"])[:2]
        ((1, 2), (0, 1))
        >>> ends_by_name(["name", "age"]) is None
        True
    """
    words = [tuple(_WORD.findall(_CAMEL.sub(" ", name).lower())) for name in columns[:50]]
    words = [() if all(word.isdigit() for word in each) else each for each in words]
    places = {pair: place for place, pair in enumerate(ENDS)}
    found = []
    for one, other in permutations(range(len(words)), 2):
        if len(words[one]) == len(words[other]):
            unlike = [
                at for at, pair in enumerate(zip(words[one], words[other], strict=True)) if len(set(pair)) > 1
            ]
            pair = (words[one][unlike[0]], words[other][unlike[0]]) if len(unlike) == 1 else ("", "")
            if pair in places and not (len(pair[0]) == 1 and _counts(words, words[one], unlike[0])):
                found.append((places[pair], one, other))
    if not found:
        return None
    place, one, other = min(found)
    return one, other, place


def _counts(words: Sequence[tuple[str, ...]], name: tuple[str, ...], at: int) -> bool:
    """Whether more than two names are the same but for a word, such as t0, t1, t2."""
    rest = (*name[:at], *name[at + 1 :])
    return sum(len(each) == len(name) and (*each[:at], *each[at + 1 :]) == rest for each in words) > 2


def header_names(fields: Sequence[str]) -> tuple[str, ...]:
    """Two names among fields that surely are those of the ends of edges; none where nothing is sure.

    Example:
        >>> header_names(["node1", "node2", "w"]), header_names(["a", "b"])
        (('node1', 'node2'), ())
    """
    found = ends_by_name(fields)
    if found is None:
        return ()
    names = fields[found[0]], fields[found[1]]
    return names if found[2] < SURE_ENDS or min(map(len, names)) > 1 else ()


def edge_columns(table: TableSource, asked: AskedColumns) -> EdgeColumns:
    """The columns of a table that is one of edges.

    Raises:
        UsageError: No column has a name that the user gave.
    """
    where, columns = str(table.path), [name for name in table.columns if name not in asked.drop]
    named = ends_by_name(columns) if table.named else None
    free = [name for name in columns if name not in table.unused] or columns
    source, target = (columns[named[0]], columns[named[1]]) if named else (*free, *columns, "", "")[:2]
    if asked.source is not None:
        source = column_of(where, columns, asked.source, "--source-column")
    if asked.target is not None:
        target = column_of(where, columns, asked.target, "--target-column")
    rest = [name for name in columns if name not in (source, target)]
    weight = None if asked.weight is None else column_of(where, columns, asked.weight, "--weight-column")
    time = None if asked.time is None else column_of(where, columns, asked.time, "--time-column")
    if table.named:
        weight = weight or _named(table, rest, WEIGHTS, numeric=True)
        time = time or _named(table, rest, TIMES) or _dated(table, rest)
    elif len(columns) <= 4:
        for name in rest:
            if table.is_numeric(name) and all(map(_UNIX_SECONDS.fullmatch, table.seen(name))):
                time = time or name
            elif table.is_numeric(name):
                weight = weight or name
    kind = _named(table, rest, KINDS)
    if kind is not None and not all(map(says_direction, filter(None, table.seen(kind)))):
        kind = None
    one_way = named is not None and ENDS[named[2]][0] in _ONE_WAY
    return EdgeColumns(source, target, weight, time, kind, one_way, named is not None)


def says_direction(text: str) -> bool:
    """Whether a text says directed or undirected, as Gephi does."""
    return text.strip().lower() in ("directed", "undirected", "mutual")


def looks_like_edges(table: TableSource) -> bool:
    """Whether rows are pairs of ids, of which the first ones come again, or share ids with the others.

    Example:
        A table of users with a number each is none: each user is there once.
    """
    if table.named:
        found = ends_by_name(table.columns)
        return found is not None and all(is_id_like(table.seen(table.columns[at])) for at in found[:2])
    if not 2 <= len(table.columns) <= 4:
        return False
    one, other = (table.seen(name) for name in table.columns[:2])
    repeated = len(set(one)) < len(one) or len(set(other)) == len(other) < 4
    return is_id_like(one) and is_id_like(other) and (repeated or bool(set(one) & set(other)))


def is_group_name(name: str) -> bool:
    """Whether a column is called as labels or groups of nodes are."""
    return is_label_name(name) or _last_word(name) in _GROUPS


def rating_columns(table: TableSource) -> tuple[str, str, str | None, str | None] | None:
    """Columns of user, item, rating and time of a table of ratings; None where it is none.

    Without a header a table of ratings has whole numbers as users and items, at most ten ratings, and times.
    """
    columns = table.columns
    if table.named:
        user, item = (find_column(columns, names) for names in (USERS, ITEMS))
        rating, time = (find_column(columns, names) for names in (RATINGS, TIMES))
        if user is None or item is None or (rating is None and len(columns) > 3):
            return None
        named = [None if at is None else columns[at] for at in (rating, time)]
        return columns[user], columns[item], named[0], named[1]
    if len(columns) != 4 or len(table.first) < 4:
        return None
    users, items, ratings, times = (table.seen(name) for name in columns)
    whole = all(cell.isdecimal() for cell in (*users, *items))
    few = len(set(ratings)) <= 11 and table.is_numeric(columns[2]) and "-" not in "".join(ratings)
    is_one = whole and few and all(map(_UNIX_SECONDS.fullmatch, times))
    return (columns[0], columns[1], columns[2], columns[3]) if is_one else None


def is_adjacency(table: TableSource) -> bool:
    """Whether a table is a square matrix of numbers with the names of nodes above it and at its left."""
    if not table.named or len(table.columns) < 3:
        return False
    left, above = table.seen(table.columns[0]), list(table.columns[1:])
    shown = min(len(left), len(above))
    full = len(left) == len(above) or (len(left) >= 900 and len(above) > len(left))
    return full and left[:shown] == above[:shown] and all(map(table.is_numeric, above[:20]))


def is_id_like(cells: Sequence[str]) -> bool:
    """Whether what stands in a column may be ids: neither decimals nor long texts."""
    there = [cell for cell in cells if cell]
    decimals = sum("." in cell and is_any_number(cell) and not cell.endswith(".0") for cell in there)
    return bool(there) and decimals == 0 and max(map(len, there)) <= 200


def node_columns(table: TableSource, asked: AskedColumns, known: frozenset[str]) -> NodeColumns:
    """The columns of a table that is one of nodes.

    Args:
        table: The table.
        asked: What the user named; a column that this table does not have is one of another table.
        known: Some ids that edges have.
    """
    columns = [name for name in table.columns if name not in asked.drop]
    ids = _id_column(table, columns, asked, known)
    rest = [name for name in columns if name != ids and (name not in table.unused or name in asked.names)]
    masks = tuple(name for name in rest if name.lower() in MASKS)
    split = (
        next((rest[at] for at in [find_column(rest, SPLIT_COLUMNS)] if at is not None), None)
        if table.named
        else None
    )
    rest = [name for name in rest if name not in masks and name != split]
    label, candidates = _label_column(table, rest, asked, alone=ids is not None or len(columns) == 1)
    rest = [name for name in rest if name != label]
    rest = [name for name in rest if not _is_other_id(table, name)]
    numeric = [name for name in rest if table.is_numeric(name)]
    stems = Counter(match[1] for match in map(_COUNTED.fullmatch, numeric) if match)
    counted = [name for name in numeric if (match := _COUNTED.fullmatch(name)) and stems[match[1]] >= COUNTED]
    matrix = counted if table.named else numeric
    texts = tuple(name for name in rest if name not in numeric and any(table.seen(name)))
    numbers = tuple(name for name in numeric if name not in set(matrix))
    return NodeColumns(ids, label, split, masks, tuple(matrix), numbers, texts, candidates)


def _id_column(
    table: TableSource, columns: Sequence[str], asked: AskedColumns, known: frozenset[str]
) -> str | None:
    if asked.id is not None and asked.id in table.columns:
        return asked.id
    named = find_column(columns, IDS) if table.named else None
    usual = None if named is None else columns[named]
    called = [name for name in columns if _last_word(name) == "id"]
    ordered = dict.fromkeys([*([usual] if usual else []), *called, *columns])
    best, most = usual, 0.0
    for name in list(ordered)[:50]:
        cells = [cell.removesuffix(".0") for cell in table.seen(name) if cell]
        if not cells or len(set(cells)) < 0.95 * len(cells) or not is_id_like(cells):
            continue
        share = sum(cell in known for cell in cells) / len(cells)
        if share > most:
            best, most = name, share
    return best


def _is_other_id(table: TableSource, name: str) -> bool:
    """Whether a column is called an id and has another whole number in each row."""
    cells = table.seen(name)
    unlike = table.named and len(cells) > 2 and len(set(cells)) == len(cells)
    return unlike and _last_word(name) == "id" and all(cell.isdecimal() for cell in cells)


def _label_column(
    table: TableSource, rest: Sequence[str], asked: AskedColumns, alone: bool
) -> tuple[str | None, tuple[str, ...]]:
    """The column of labels, or those that could be it."""
    if asked.label is not None:
        position = re.fullmatch(r"-?\d+", asked.label) is not None
        if asked.label in table.columns or (position and len(table.columns) > 2):
            return column_of(str(table.path), table.columns, asked.label), ()
        return None, ()
    if not asked.labeled:
        return None, ()
    few = [name for name in rest if _few_classes(table.seen(name))]
    again = [name for name in rest if len(set(table.seen(name))) < len(table.seen(name))]
    at = find_column(again, LABEL_COLUMNS)
    named = again[at] if at is not None else next(filter(is_label_name, again), None)
    if table.named and named is not None:
        return named, ()
    groups = [name for name in few if table.named and _last_word(name) in _GROUPS]
    possible = [
        name for name in few if not table.is_numeric(name) or (not table.named and alone and len(rest) == 1)
    ]
    chosen = groups if len(groups) == 1 else possible
    return (chosen[0], ()) if len(chosen) == 1 else (None, tuple(possible))


def _last_word(name: str) -> str:
    words = _WORD.findall(_CAMEL.sub(" ", name).lower())
    return str(words[-1]) if words else ""


def _few_classes(cells: Sequence[str]) -> bool:
    """Whether a few values come again and again."""
    counts = Counter(cell for cell in cells if cell)
    return 2 <= len(counts) <= MOST_CLASSES and 2 * len(counts) <= max(counts.total(), 4)


def _dated(table: TableSource, columns: Sequence[str]) -> str | None:
    """A column of dates that is called as `met_on` or `start_date` are."""
    for name in columns:
        cells = [cell for cell in table.seen(name) if cell]
        if cells and _last_word(name) in _WHEN and all(map(_DATE.fullmatch, cells)):
            return name
    return None


def _named(
    table: TableSource, columns: Sequence[str], names: Sequence[str], numeric: bool = False
) -> str | None:
    at = find_column(columns, names)
    if at is None or (numeric and not table.is_numeric(columns[at])):
        return None
    return columns[at]
