"""Which columns of a table hold texts, labels and splits; the user is asked where two could be the labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from convscope.data.columns import (
    LABEL_COLUMNS,
    SPLIT_COLUMNS,
    column_of,
    columns_line,
    find_column,
    is_label_name,
)
from convscope.data.groups import group_column
from convscope.data.labels import same_labels, several_labels
from convscope.data.tables import Table
from convscope.errors import DataError
from convscope.kinds.text.signs import is_sentence

SURE_TEXT_COLUMNS = (
    *("text", "sentence", "review", "tweet", "sms", "utterance", "review_text", "review text", "texts"),
    *("reviews", "sentences", "tweets", "tweet_text", "text_content", "full_text", "news"),
)
"""Names that nothing else than texts is called by."""

TEXT_COLUMNS = (
    *("text", "sentence", "review", "message", "content", "question", "body", "comment", "tweet", "document"),
    *("description", "utterance", "query", "sms", "headline", "title", "abstract", "review_text", "texts"),
)
TEXT_LABEL_COLUMNS = (
    *LABEL_COLUMNS,
    *("sentiment", "topic", "intent", "label_text", "class index", "coarse_label", "fine_label", "polarity"),
    *("emotion", "rating", "stars", "spam", "is_spam", "score", "type", "y"),
)
TEXT_ROLES = (TEXT_COLUMNS, TEXT_LABEL_COLUMNS, SPLIT_COLUMNS)
"""What the columns of a table of texts are usually called, by what they hold."""

_PAIRS = (("1", "2"), ("a", "b"), ("premise", "hypothesis"))
"""How the columns of two texts that are judged together end, or are called."""
_NUMBERED = re.compile(r"(.*[^\W\d_]{3}[_ .-]?)([12ab])", re.IGNORECASE)
_MOST_LABELS = 50
"""Different values of a column that may be taken for labels although its name does not say so."""
_MOST_NUMBERS = 20
"""Different numbers with decimals from which on they are no classes."""
_LOOKED_AT = 1000
"""Texts of a column that are searched for sentences."""
_KEPT_VALUES = 20_000
"""Different values of a column that are counted."""


@dataclass(frozen=True)
class TextColumns:
    """The columns of a table by what they hold.

    Args:
        texts: Hold the texts; those of several are joined.
        label: Holds the labels; None where none are wanted, or there are none.
        split: Holds the splits, if there is such a column.
        group: Says which texts belong together, if there is such a column.
        unused: The other columns.
        decisions: How they were found where it was not by the usual names, one line each.
    """

    texts: tuple[str, ...]
    label: str | None = None
    split: str | None = None
    group: str | None = None
    unused: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """What each column was taken for."""
        named = [*(("text", name) for name in self.texts), ("label", self.label)]
        named += [("split", self.split), ("group", self.group)]
        return columns_line([(role, name) for role, name in named if name is not None], self.unused)


@dataclass(frozen=True)
class ColumnsGiven:
    """Options that the user gave for the columns.

    Args:
        text: The column of texts, or several with commas between.
        label: The column of labels.
        dropped: Columns that are left out.
        group: The column of what belongs together, or a pattern.
    """

    text: str | None = None
    label: str | None = None
    dropped: tuple[str, ...] = ()
    group: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All that were named."""
        texts = () if self.text is None else (self.text, *self.text.split(","))
        return (*texts, *(() if self.label is None else (self.label,)))


@dataclass(frozen=True)
class _Column:
    """What stands in a column, over the whole table.

    Args:
        filled: How many rows have a value.
        strings: How many of them are text.
        sentences: How many are sentences.
        length: Characters of the texts, on average.
        values: How often each of its values occurs, up to so many.
    """

    filled: int
    strings: int
    sentences: int
    length: float
    values: Counter[object]

    @property
    def holds_texts(self) -> bool:
        return self.strings > 0 and self.strings * 2 >= self.filled

    @property
    def holds_sentences(self) -> bool:
        """Whether most of its first texts are sentences."""
        return self.sentences * 2 > min(self.strings, _LOOKED_AT)

    @property
    def differs(self) -> bool:
        """Whether it holds sentences, or most of its texts come once, as short ones of a pair do."""
        return self.holds_sentences or (self.holds_texts and 2 * len(self.values) > self.filled)

    @property
    def holds_trees(self) -> bool:
        """Whether it holds parses of sentences in brackets, as beside those of SNLI."""
        return all(str(value)[:1] + str(value)[-1:] == "()" for value in islice(self.values, _MOST_NUMBERS))

    def may_be_label(self, most: int) -> bool:
        """Whether few values come again and again."""
        return 1 < len(self.values) <= min(most, self.filled / 2) and not self.is_measure

    @property
    def is_measure(self) -> bool:
        """Whether it holds many numbers with decimals, or whole ones that are far apart."""
        numbers = [number for value in self.values if (number := _number(value)) is not None]
        if len(numbers) < len(self.values) or len(numbers) <= _MOST_NUMBERS:
            return False
        return any(number % 1 for number in numbers) or max(numbers) - min(numbers) > 10 * len(numbers)


def find_text_columns(table: Table, given: ColumnsGiven, labelled: bool = True) -> TextColumns:
    """Finds the columns: as given, or by their usual names, or by their content.

    By content, texts are in the column with the longest strings, and labels in the only one with few
    different values.

    Args:
        table: The table.
        given: Options that the user gave.
        labelled: Whether labels are wanted.

    Raises:
        DataError: There is no such column, or several may hold the labels; the message lists them.
        UsageError: A column that the user named is not there.
    """
    columns = tuple(name for name in table.columns if name not in table.unused or name in given.names)
    decisions: list[str] = []
    split = _by_name(table, columns, SPLIT_COLUMNS, given.names) if labelled else None
    label = None if given.label is None else _given_label(table, columns, given.label)
    texts = _given_texts(table, columns, given.text)
    seen = _Seen(table, columns)
    if not texts:
        found = _by_name(table, columns, TEXT_COLUMNS, (label, split))
        if found is None or (seen[found].filled and not seen[found].holds_texts):
            found = _longest(table, seen, (label, split))
            decisions.append(f"text: column {found!r}, which holds the longest strings")
        texts = _pair(seen, found)
        if len(texts) > 1:
            decisions.append(f"text: {' and '.join(map(repr, texts))} joined, because a label is of both")
    if labelled and label is None:
        label, noted = _label(table, seen, (*texts, split), given.group)
        decisions += noted
    if label is not None and label in texts:
        raise DataError(
            f"{table.path}: expected a column for texts and one for labels, received {label!r} as both"
        )
    free = [name for name in columns if name not in (*texts, label, split)]
    group = group_column(free, given.group) if labelled and table.named else None
    used = (*texts, label, split, group)
    unused = tuple(name for name in dict.fromkeys((*table.columns, *table.unused)) if name not in used)
    if labelled and label is not None:
        _check_label(table, label, seen[label])
        decisions += _steps(label, seen[label])
        decisions += _truths(table, seen, label, unused)
        decisions += _other_texts(seen, texts, unused, given)
    return TextColumns(texts, label, split, group, unused, tuple(decisions))


def _given_texts(table: Table, columns: Sequence[str], given: str | None) -> tuple[str, ...]:
    if given is None:
        return ()
    names = [given] if given in columns else [name.strip() for name in given.split(",")]
    for name in names:
        if name not in columns:
            raise _missing(table, "text", f"'{name}'")
    return tuple(names)


def _given_label(table: Table, columns: Sequence[str], given: str) -> str:
    if given not in columns and not given.lstrip("-").isdecimal():
        raise _missing(table, "label", f"'{given}'")
    return column_of(str(table.path), columns, given)


def _by_name(
    table: Table, columns: Iterable[str], aliases: Sequence[str], taken: Sequence[str | None]
) -> str | None:
    """The first usual name that is a column and is not taken by another role."""
    if not table.named:
        return None
    free = [name for name in columns if name not in taken]
    at = find_column(free, aliases)
    return None if at is None else free[at]


class _Seen:
    """What stands in the columns of a table; read once, when it is asked for."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self.table, self.columns = table, columns
        self._seen: dict[str, _Column] = {}

    def __getitem__(self, name: str) -> _Column:
        if not self._seen:
            self._seen = self._read()
        return self._seen[name]

    def _read(self) -> dict[str, _Column]:
        count = len(self.columns)
        filled, strings, sentences, lengths = ([0] * count for _ in range(4))
        values: list[Counter[object]] = [Counter() for _ in range(count)]
        for _, cells in self.table.rows(self.columns):
            for at, cell in enumerate(cells):
                if cell is None or (isinstance(cell, str) and not cell.strip()):
                    continue
                filled[at] += 1
                if isinstance(cell, str):
                    strings[at] += 1
                    lengths[at] += len(cell)
                    sentences[at] += len(cell) > 8 and strings[at] <= _LOOKED_AT and is_sentence(cell[:500])
                if isinstance(cell, str | int | float) and len(values[at]) < _KEPT_VALUES:
                    values[at][self.table.numbers.plain(cell) if isinstance(cell, str) else cell] += 1
        return {
            name: _Column(
                filled[at], strings[at], sentences[at], lengths[at] / max(strings[at], 1), values[at]
            )
            for at, name in enumerate(self.columns)
        }


def _longest(table: Table, seen: _Seen, taken: Sequence[str | None]) -> str:
    lengths = {
        name: seen[name].length for name in seen.columns if name not in taken and seen[name].holds_texts
    }
    lengths = {name: each for name, each in lengths.items() if not seen[name].holds_trees} or lengths
    if not lengths:
        raise _missing(table, "text", "text")
    return max(lengths, key=lambda name: lengths[name])


def _pair(seen: _Seen, found: str) -> tuple[str, ...]:
    """A column of texts with the one that belongs to it, such as `sentence1` and `sentence2`; or it alone."""
    matched = _NUMBERED.fullmatch(found)
    for one, other in _PAIRS:
        if matched is not None and matched[2].lower() in (one, other):
            names = tuple(f"{matched[1]}{end}" for end in (one, other))
        elif found.lower() in (one, other):
            names = tuple(name for each in (one, other) for name in seen.columns if name.lower() == each)
        else:
            continue
        if len(names) == 2 and all(name in seen.columns and seen[name].differs for name in names):
            return names
    return (found,)


def _label(
    table: Table, seen: _Seen, taken: Sequence[str | None], asked: str | None
) -> tuple[str, list[str]]:
    """The column of labels and how it was found; by its name if possible, else the only one it can be.

    A column of groups, such as speakers, is one only where no other can be.
    """
    free = [name for name in seen.columns if name not in taken]
    if table.named:
        usual = [name for name in free if name.strip().lower() in LABEL_COLUMNS]
        other = [name for name in free if name.strip().lower() in TEXT_LABEL_COLUMNS or is_label_name(name)]
        for called in (usual, other):
            names = [name for name in called if len(seen[name].values) > 1] or called
            if len(names) == 1:
                return names[0], []
            if names:
                names.sort(key=lambda name: _are_numbers(seen[name].values))  # words name classes better
                return _same(table, names), []
    grouping = group_column(free, asked) if table.named else None
    found = [name for name in free if seen[name].may_be_label(_MOST_LABELS)]
    found = [name for name in found if name != grouping] or found
    if not found:
        raise _missing(table, "label", "label")
    if len(found) > 1:
        raise several_labels(table, found)
    return found[0], [f"label: column {found[0]!r}, the only one whose values come again and again"]


def _same(table: Table, names: Sequence[str]) -> str:
    """The first of several columns of labels that say the same, such as `label` and `label_text`."""
    same = same_labels(table, names[0], names[1:])
    differ = [name for name in names[1:] if name not in same]
    if differ:
        raise several_labels(table, (names[0], *differ))
    return names[0]


def _truths(table: Table, seen: _Seen, label: str, others: Sequence[str]) -> Iterable[str]:
    """Which columns say the same as the label, and are no inputs."""
    count = len(seen[label].values)
    alike = [name for name in others if name in seen.columns and len(seen[name].values) == count]
    for name in same_labels(table, label, alike if count * 2 <= seen[label].filled else ()):
        yield f"label: column {name!r} says the same as {label!r} in other words, and is not used"


def _are_numbers(values: Iterable[object]) -> bool:
    return all(_number(value) is not None for value in values)


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        return None


def _check_label(table: Table, label: str, column: _Column) -> None:
    """Stops where labels are numbers to be predicted, and no classes."""
    if column.is_measure and _are_numbers(column.values):
        raise DataError(
            f"{table.path}: expected classes in '{label}', received {len(column.values):,} different numbers",
            hint="A number cannot be predicted from a text: write a class for each range of numbers into a"
            " column, such as low and high.",
        )


def _steps(label: str, column: _Column) -> Iterable[str]:
    """That few numbers with decimals, such as ratings, are taken for classes."""
    numbers = [_number(value) for value in column.values]
    if any(number is not None and number % 1 for number in numbers) and None not in numbers:
        yield f"label: the {len(numbers)} different numbers of {label!r} are classes, whose order is not used"


def _other_texts(
    seen: _Seen, texts: Sequence[str], unused: Sequence[str], given: ColumnsGiven
) -> Iterable[str]:
    """That other columns hold texts as well, which may be joined to those that are read."""
    if given.text is not None:
        return
    others = [name for name in unused if name in seen.columns and seen[name].holds_sentences]
    others = [name for name in others if not seen[name].holds_trees]
    if others:
        listed = ", ".join(f"'{name}'" for name in others)
        joined = ",".join(name for name in seen.columns if name in (*others, *texts))
        read = " and ".join(f"'{name}'" for name in texts)
        yield f"text: {read} alone, and not {listed}, too; --text-column {joined} joins them"


def _missing(table: Table, role: str, expected: str) -> DataError:
    columns = ", ".join(name[:40] for name in table.columns[:20]) or "no columns"
    named = "" if table.named or not table.columns else " (numbered, because there is no header)"
    return DataError(
        f"{table.path}: expected a column {expected}, received {columns}{named}",
        hint=f"Name the column that holds the {role}s: --{role}-column NAME.{_of_nested(table)}",
    )


def _of_nested(table: Table) -> str:
    """What to do about columns of objects, in which the one that is looked for may stand."""
    if table.kind not in ("JSON", "JSON Lines"):
        return ""
    first = next((cells for _, cells in table.rows(table.columns)), ())
    nested = [name for name, cell in zip(table.columns, first, strict=False) if isinstance(cell, dict)]
    if not nested:
        return ""
    if {"annotations", "data"} <= set(table.columns):
        return " An export of Label Studio is read as CSV or JSON-MIN, which have a column for each choice."
    shown = ", ".join(map(repr, nested[:5]))
    return f" {shown} hold objects: flatten them with pandas.json_normalize(rows), which names columns a.b."
