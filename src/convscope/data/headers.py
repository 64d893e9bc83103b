"""Rows of a table that are no values: names of columns, what describes these, and totals at the end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from convscope.data.columns import LABEL_COLUMNS, MISSING_WORDS, PATH_COLUMNS, SPLIT_COLUMNS
from convscope.data.number_forms import is_any_number

USUAL_NAMES = frozenset(
    [
        *LABEL_COLUMNS,
        *PATH_COLUMNS,
        *SPLIT_COLUMNS,
        *("id", "text", "sentence", "review", "message", "comment", "title", "tweet", "content", "name"),
        *("sentiment", "time", "date", "datetime", "timestamp", "value", "index", "source", "tags", "tokens"),
    ]
)
"""Names of columns that hardly ever are values."""

_MOST_COLUMNS = 300
_MANY = 8
_YEAR = re.compile(r"(1[5-9]|20)\d\d")
_NAMELESS = re.compile(r"(Unnamed: \d+)?")  # as pandas calls what has no name
_TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?|\d{1,2}:\d{2}(:\d{2}.*|\.\d{1,9})?")
_FILE = re.compile(r"\S+\.[A-Za-z]\w{1,4}")
_NAME = re.compile(r"[^\W\d][\w .()/%°#:\[\]-]{0,40}")
_BRACKETS = re.compile(r"\[.*\]|\(.*\)", re.DOTALL)
_OF_ROWS = frozenset({"id", "index", "row", "no", "nr", "time", "date", "datetime", "timestamp", "t"})
_IMPORTED = re.compile(r"\{\s*['\"]ImportId['\"]")
_ANSWERS = re.compile(r"(open-ended )?response", re.IGNORECASE)
_FEWEST_ROWS = 10
"""Rows above totals: a table of fewer may be one of totals alone."""
_TOTALS = re.compile(
    r"((grand |sub ?)?totals?|sum|summe|gesamt|gesamtsumme|insgesamt|total g[eé]n[eé]ral|somme|totale|suma"
    r"|average|avg|mean|mittelwert|durchschnitt|moyenne|media|median|min|max|minimum|maximum|std|stdev)\s*:?",
    re.IGNORECASE,
)
_UNIT = re.compile(r"\[.*\]|\(.*\)|[^\d\s]\S{0,11}|-|\d*/?[^\W\d]\S{0,8}", re.DOTALL)


def names_columns(first: Sequence[str], body: Sequence[Sequence[str]], usual: Iterable[str] = ()) -> bool:
    """Whether the first row of a table names its columns, by what stands below it.

    A name is no number above numbers, no time above times, no file above files, and no label that other
    rows have too. Numbers that count up, such as 0, 1, 2, may be names.

    Args:
        first: The fields of the row.
        body: Those of the rows below, a few hundred or thousand.
        usual: Names of columns that hardly ever are values, in lower case, besides `USUAL_NAMES`.

    Example:
        >>> names_columns(["day", "temp"], [["Mon", "3.5"], ["Tue", "4"]])
        True
        >>> names_columns(["good", "I like it"], [["bad", "I hate it"], ["good", "Fine."]])
        False
    """
    if _counts_from_zero(first, body):
        return True
    if units_below(first, body):
        body = body[1:]
    known = {name.lower() for name in usual} | USUAL_NAMES
    usual_names = sum(field.lower() in known for field in first)
    counting = _evenly_rising([field for field in first if is_any_number(field)])
    votes = [
        _vote(field, [row[at] for row in body if at < len(row)], counting)
        for at, field in enumerate(first[:_MOST_COLUMNS])
    ]
    against, favor = sum(vote < 0 for vote in votes), sum(vote > 0 for vote in votes)
    if not against:
        years = [field for field in first if _YEAR.fullmatch(field)]
        return favor + usual_names > 0 or (counting and 1 < len(years) < len(first))
    return favor + 2 * usual_names > against and _all_differ(first)


def units_below(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the row below the header holds units: no number where all rows below it have numbers.

    Args:
        first: The names.
        body: The rows below them.

    Example:
        >>> units_below(["t", "p"], [["[s]", "[bar]"], ["0", "1.2"], ["1", "1.3"]])
        True
    """
    if len(body) < 3 or len(body[0]) != len(first):
        return False
    units, below = body[0], body[1:]
    numeric = 0
    for at, unit in enumerate(units[:_MOST_COLUMNS]):
        values = [row[at] for row in below if at < len(row) and row[at] not in MISSING_WORDS]
        if not values or unit in MISSING_WORDS:
            continue
        numbers = all(map(is_any_number, values))
        pattern = _UNIT if numbers or all(map(is_time, values)) else _BRACKETS
        if is_any_number(unit) or is_time(unit) or not pattern.fullmatch(unit):
            return False
        numeric += numbers
    return numeric > 0


def described_below(body: Sequence[Sequence[str]]) -> int:
    """How many rows below the header describe the columns, as those of tools for surveys do.

    Qualtrics writes the questions and ids of its own, SurveyMonkey which sort of answer a column holds.

    Args:
        body: The rows below the names.

    Example:
        >>> described_below([["Where?", "When?"], ['{"ImportId":"QID1"}', '{"ImportId":"QID2"}'], ["a", "b"]])
        2
    """
    for at, row in enumerate(body[:2]):
        filled = list(filter(None, row))
        if filled and all(map(_IMPORTED.match, filled)):
            return at + 1
    return int(bool(body) and any(map(_ANSWERS.fullmatch, body[0])) and not body[0][0])


def totals_at_end(rows: Sequence[Sequence[str]], values: Sequence[Sequence[str]]) -> int:
    """How many of the last rows hold totals of a table or its mean, and are no values.

    Such a row begins with a word for it and has numbers alone besides, one of which stands in no row above.

    Args:
        rows: The last rows, without blank ones.
        values: The first rows of values, these maybe among them.

    Example:
        >>> totals_at_end([["4", "5"], ["Sum", "65"]], [[str(row), "5"] for row in range(12)])
        1
    """
    words = [next(filter(None, row), "") for row in rows]
    others = next((at for at, word in enumerate(reversed(words)) if not _TOTALS.fullmatch(word)), len(rows))
    last = [list(row) for row in rows[len(rows) - others :]]
    above = [row for row in values if list(row) not in last]
    if len(above) < _FEWEST_ROWS:
        return 0
    return next((at for at, row in enumerate(reversed(last)) if not _is_total(row, above)), len(last))


def _is_total(row: Sequence[str], above: Sequence[Sequence[str]]) -> bool:
    """Whether a row that begins with a word for totals holds numbers alone that no row above has."""
    filled = [at for at, field in enumerate(row) if field]
    known = {at: {each[at] for each in above if at < len(each)} for at in filled}
    numbers = [at for at in filled[1:] if is_any_number(row[at])]
    if row[filled[0]] in known[filled[0]] or len(numbers) < max(1, len(filled) - 1):
        return False
    alien = all(is_any_number(value) or is_time(value) for value in known[filled[0]])
    return alien or any(row[at] not in known[at] for at in numbers)


class ColumnNames:
    """Names of columns that differ.

    Args:
        header: As it is written; None where there is none.
        width: Fields of a row.
        values: The first rows of values.
        table: What the table is called in decisions.
    """

    def __init__(
        self, header: tuple[str, ...] | None, width: int, values: Sequence[Sequence[str]], table: str
    ) -> None:
        self.columns: list[str] = []
        self.index: str | None = None
        self.unnamed: list[str] = []
        self.decisions: list[str] = []
        names = [str(number + 1) for number in range(width)] if header is None else list(header)
        if len(names) < width:
            names = [*names, ""] if not any(row[-1] for row in values) else ["", *names]
        self._taken = set(names)
        for at, name in enumerate(names):
            nameless = _NAMELESS.fullmatch(name) is not None
            if nameless and at == 0 and is_index([row[0] for row in values]):
                self.index = name or self._free("index")
                self.decisions.append(f"index: the first column of {table} has no name and numbers the rows")
                self.columns.append(self.index)
            elif not name:
                self.unnamed.append(self._free(f"column {at + 1}"))
                self.columns.append(self.unnamed[-1])
            elif name in self.columns:
                self.columns.append(self._free(f"{name}.{self.columns.count(name)}"))
                self.decisions.append(
                    f"names: a further column {name!r} of {table} is called {self.columns[-1]!r}"
                )
            else:
                self.columns.append(name)
        if self.unnamed:
            self.decisions.append(
                f"names: columns of {table} without one are called {', '.join(self.unnamed[:5])}"
            )

    def _free(self, name: str) -> str:
        number, free = 1, name
        while free in self._taken:
            number, free = number + 1, f"{name}.{number}"
        self._taken.add(free)
        return free


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number, free = number + 1, f"{name}.{number}"
    return free


def is_index(column: Sequence[str]) -> bool:
    """Whether whole numbers stand in a column, each once."""
    return len(set(column)) == len(column) > 0 and all(value.isdecimal() for value in column)


def _vote(field: str, column: Sequence[str], counting: bool) -> int:
    """1 for a name, -1 for a value, 0 for a field that may be both."""
    values = [value for value in column if value not in MISSING_WORDS]
    if not values or not field:
        return 0
    for is_one in (is_any_number, is_time, _is_file):
        if sum(map(is_one, values)) >= 0.9 * len(values):
            if is_one(field):
                return 0 if counting and is_one is is_any_number else -1
            return 0 if field in MISSING_WORDS else 1
    counts = Counter(column)
    if field in counts:
        return -1
    few = 1 < len(counts) <= len(column) / 2 and min(counts.values()) > 1
    return 1 if few else _vote_of_texts(field, values)


def _vote_of_texts(field: str, values: Sequence[str]) -> int:
    """The same above texts that differ: a few words that begin with a letter are a name above sentences."""
    words = sum(len(value.split()) for value in values) / len(values)
    if words < 3 or len(values) < 2:
        return 0
    if len(field.split()) > 3:
        return -1
    return int(_NAME.fullmatch(field) is not None and len(field.split()) < 3)


def _counts_from_zero(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether all names are numbers from 0 on, as pandas writes them, and no other row goes on so."""
    counted = len(first) > 2 and list(first) == [str(number) for number in range(len(first))]
    return counted and not any(list(row) == list(first) for row in body) and len(body) > 0


def _evenly_rising(fields: Sequence[str]) -> bool:
    """Whether numbers may be names: whole ones in even steps, as 1990, 2000, 2010, or many that rise."""
    if not all(re.fullmatch(r"-?\d{1,9}", field) for field in fields):
        numbers = [float(field) for field in fields if _is_plain(field)]
        rising = all(before < after for before, after in pairwise(numbers))
        return rising and len(numbers) == len(fields) >= _MANY
    numbers = [int(field) for field in fields]
    if len(numbers) < 3 and not all(map(_YEAR.fullmatch, fields)):
        return not numbers
    steps = {after - before for before, after in pairwise(numbers)}
    return len(steps) < 2 and min(steps, default=1) > 0


def _all_differ(fields: Sequence[str]) -> bool:
    filled = [field for field in fields if field]
    return len(set(filled)) == len(filled)


def _is_plain(field: str) -> bool:
    return re.fullmatch(r"-?\d{1,9}\.?\d*", field) is not None


def is_time(field: str) -> bool:
    """Whether a field is a date or a time of day.

    Example:
        >>> is_time("2015-02-04 17:51:00"), is_time("12")
        (True, False)
    """
    return _TIME.fullmatch(field) is not None


def _is_file(field: str) -> bool:
    return _FILE.fullmatch(field) is not None


def is_wider(first: Sequence[str], values: Sequence[Sequence[str]], width: int) -> bool:
    """Whether all rows have a field more than the header: row names that R writes, or nothing at the end."""
    if width != len(first) + 1 or any(len(row) != width for row in values):
        return False
    if not any(row[-1] for row in values):
        return bool(values)
    if first[0].lower() in _OF_ROWS and not all(is_time(row[1]) > is_time(row[0]) for row in values):
        return False  # a name for what stands there already
    return is_index([row[0] for row in values]) or _has_row_names(values)


def _has_row_names(values: Sequence[Sequence[str]]) -> bool:
    """Whether nothing but numbers stands behind a first column of words that differ."""
    first = {row[0] for row in values}
    words = len(first) == len(values) > 1 and all(any(map(str.isalpha, name)) for name in first)
    fields = (field for row in values for field in row[1:])
    return words and all(is_any_number(field) or field in MISSING_WORDS for field in fields)
