"""Tables as CSV, in which a spreadsheet finds no formulas and a terminal no commands."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence

_BEGINNINGS = tuple("=+-@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH COMMERCIAL AT}")


def safe_cell(value: object) -> object:
    """A value that a spreadsheet takes for what it is, not for a formula.

    A string that begins with `=`, `+`, `-`, `@`, a tab or the like gets an apostrophe in front, unless it is
    a number; control characters other than line ends and tabs become U+FFFD.

    Example:
        >>> safe_cell("=1+1"), safe_cell("-1.5e3"), safe_cell("- no")
        ("'=1+1", '-1.5e3', "'- no")
    """
    if not isinstance(value, str):
        return value
    shown = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) == "Cc" and c not in "\t\n\r" else c
        for c in value
    )
    return f"'{shown}" if shown.lstrip(" ").startswith(_BEGINNINGS) and not _is_number(shown) else shown


def csv_text(rows: Iterable[Sequence[object]], *, safe: bool = True, newline: str = "\n") -> str:
    """Rows as CSV.

    Args:
        rows: The values of each row, that of the names first; None is an empty field.
        safe: Whether cells are made safe for spreadsheets by `safe_cell`; else they stay as they are.
        newline: Between lines.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=newline)
    for row in rows:
        writer.writerow([safe_cell(value) for value in row] if safe else row)
    return text.getvalue()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isascii() and "_" not in text and text.strip() == text
