"""Which columns of a table hold texts, labels and splits, and what a label is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import fmean

from convscope.data.columns import LABEL_COLUMNS, SPLIT_COLUMNS, find_column
from convscope.data.tables import PEEKED, Table
from convscope.errors import DataError

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


@dataclass(frozen=True)
class TextColumns:
    """The columns of a table by what they hold.

    Args:
        text: Holds the texts.
        label: Holds the labels; empty where none are wanted.
        split: Holds the splits, if there is such a column.
        decisions: How they were found where it was not by the usual names, one line each.
    """

    text: str
    label: str
    split: str | None
    decisions: tuple[str, ...] = ()


def find_text_columns(
    table: Table, text_column: str | None = None, label_column: str | None = None, labelled: bool = True
) -> TextColumns:
    """Finds the columns: as given, or by their usual names, or by what stands in them.

    By content, texts are in the column with the longest strings, and labels in that with the fewest different
    values, at least two and at most one for two rows.

    Args:
        table: The table.
        text_column: The column of texts, where the user chose it.
        label_column: The column of labels, where the user chose it.
        labelled: Whether labels are wanted.

    Raises:
        DataError: There is no such column; the message lists those that there are.
    """
    decisions: list[str] = []
    text = _given(table, "text", text_column) or _by_name(table, TEXT_COLUMNS, (label_column,))
    label = _given(table, "label", label_column)
    if labelled and label is None:
        label = _by_name(table, TEXT_LABEL_COLUMNS, (text,))
    if text is None:
        text = _longest(table, label)
        decisions.append(f"text: column {text!r}, which holds the longest strings")
    if labelled and label is None:
        label = _fewest(table, text)
        decisions.append(f"label: column {label!r}, which holds the fewest different values")
    if labelled and text == label:
        raise DataError(
            f"{table.path}: expected a column for texts and one for labels, received {text!r} as both"
        )
    at_split = find_column(table.columns, SPLIT_COLUMNS) if table.named and labelled else None
    split = None if at_split is None else table.columns[at_split]
    return TextColumns(text, label or "", None if split in (text, label) else split, tuple(decisions))


def _given(table: Table, role: str, name: str | None) -> str | None:
    if name is not None and name not in table.columns:
        raise _missing(table, role, f"'{name}'")
    return name


def _by_name(table: Table, aliases: Sequence[str], taken: Sequence[str | None]) -> str | None:
    """The first usual name that is a column and is not taken by another role."""
    if not table.named:
        return None
    free = [name for name in table.columns if name not in taken]
    at = find_column(free, aliases)
    return None if at is None else free[at]


def _peek(table: Table) -> dict[str, list[object]]:
    rows = [cells for _, cells in islice(table.rows(table.columns), PEEKED)]
    return {name: [row[at] for row in rows] for at, name in enumerate(table.columns)}


def _longest(table: Table, label: str | None) -> str:
    lengths = {}
    for name, values in _peek(table).items():
        strings = [len(value) for value in values if isinstance(value, str)]
        if strings and name != label and len(strings) * 2 >= len(values):
            lengths[name] = fmean(strings)
    if not lengths:
        raise _missing(table, "text", "text")
    return max(lengths, key=lambda name: lengths[name])


def _fewest(table: Table, text: str) -> str:
    different = {}
    for name, values in _peek(table).items():
        simple = [value for value in values if isinstance(value, str | int | float)]
        count = len(set(simple))
        if name != text and len(simple) == len(values) and 1 < count <= len(values) / 2:
            different[name] = count
    if not different:
        raise _missing(table, "label", "label")
    return min(different, key=lambda name: different[name])


def _missing(table: Table, role: str, expected: str) -> DataError:
    columns = ", ".join(name[:40] for name in table.columns[:20]) or "no columns"
    named = "" if table.named or not table.columns else " (numbered, because there is no header)"
    return DataError(
        f"{table.path}: expected a column {expected}, received {columns}{named}",
        hint=f"Name the column that holds the {role}s: --{role}-column NAME.",
    )
