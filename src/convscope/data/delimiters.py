"""What parts the fields of a text table, found by how its first rows divide."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from convscope.data.columns import find_column

DELIMITERS = (",", ";", "\t", "|")
"""What may part fields, the most usual first."""
SNIFFED_LINES = 20
"""Lines by which a delimiter is found."""


def find_delimiter(lines: Sequence[str], names: Sequence[str] = ()) -> str:
    """The delimiter that finds a known column, parts the first row, and parts all rows alike.

    Args:
        lines: The first lines that are not blank, without their ends.
        names: Usual names of a column, in lower case.

    Returns:
        One of `DELIMITERS`; the comma where nothing speaks for another.

    Example:
        >>> find_delimiter(["label;text", "good;short, but fine"])
        ';'
    """
    parted = {mark: fields_of(lines, mark) for mark in DELIMITERS}

    def signs(mark: str) -> tuple[bool, bool, bool]:
        rows = parted[mark]
        first = rows[0] if rows else ()
        return (
            len(first) > 1 and find_column(first, names) is not None,
            len(first) > 1,
            len({len(row) for row in rows}) == 1,
        )

    return max(DELIMITERS, key=signs)


def fields_of(lines: Sequence[str], delimiter: str) -> list[tuple[str, ...]]:
    """The fields of each row without white space around them; quotes as CSV has them, damaged or not.

    Example:
        >>> fields_of(['"a, b",c', "1, 2"], ",")
        [('a, b', 'c'), ('1', '2')]
    """
    try:
        rows = csv.reader((line + "\n" for line in lines), delimiter=delimiter)
        return [tuple(field.strip() for field in row) for row in rows if row]
    except csv.Error:
        return [tuple(field.strip() for field in line.split(delimiter)) for line in lines]
