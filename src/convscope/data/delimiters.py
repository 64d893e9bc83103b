"""How the rows of a text table are divided into fields, found by how its first rows divide."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from convscope.data.columns import find_column
from convscope.data.number_forms import is_any_number
from convscope.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
"""What may part fields, the most usual first."""
WHITE_SPACE = " "
"""Stands for any amount of white space between fields."""
SNIFFED_LINES = 1000
"""Lines by which the form of a table is found."""
_MOSTLY = 0.9
_LONGEST_FIELD = 20
_ALIKE = 0.98
_LONGEST_NAME = 40
_RULE = re.compile(r"[|+]?[-:=+| ]*[-=]{2,}[-:=+| ]*")
"""What stands between the names and the rows of a table in Markdown, or around one that a program drew."""
"""Lines that a quoted field may have."""

csv.field_size_limit(max(csv.field_size_limit(), 2**26))  # lines are bounded where they are read


@dataclass(frozen=True)
class Dialect:
    r"""How a line becomes fields.

    Args:
        delimiter: Between fields; `WHITE_SPACE` for any amount of it.
        quote: Stands around fields with a delimiter, a line end or a quote, which is doubled; empty where
            quotes are letters, unless they stand around a whole field.
        escape: Stands before a quote within a field, such as `\`; empty where there is none.
        ending: Stands at the end of each line and parts nothing, as in `1,2,3;`; empty where nothing does.
        dress: What stands around each row and parts nothing: `bars`, with rules between rows, as Markdown and
            the clients of data bases draw tables, or `quotes`; empty where nothing does.
    """

    delimiter: str
    quote: str = '"'
    escape: str = ""
    ending: str = ""
    dress: Literal["", "bars", "quotes"] = ""

    def plain(self, line: str) -> str:
        """A line without what parts nothing; nothing of one that is no row.

        Example:
            >>> Dialect("|", dress="bars").plain("| a | b |"), Dialect(",", dress="quotes").plain('"a,b"')
            (' a | b ', 'a,b')
        """
        if self.dress == "bars":
            line = line.strip()
            return "" if _RULE.fullmatch(line) else line.removeprefix("|").removesuffix("|")
        if self.dress == "quotes":
            inner = _within_quotes(line)
            return line if inner is None else inner
        return line.rstrip().removesuffix(self.ending) if self.ending else line

    def rows(self, lines: Iterable[str], where: str, before: int = 0) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not blank, without white space around fields, with the line at which each ends.

        Args:
            lines: Without their ends.
            where: The file, for messages.
            before: Lines of the file before these.

        Raises:
            DataError: A quote does not end; the message has the line.
        """
        plain = map(self.plain, lines)
        return self._quoted(plain, where, before) if self.quote else self._split(plain, before)

    def _split(self, lines: Iterable[str], before: int) -> Iterator[tuple[int, list[str]]]:
        mark = None if self.delimiter == WHITE_SPACE else self.delimiter
        for number, line in enumerate(lines, before + 1):
            if line.strip():
                yield number, [_unquoted(field) for field in line.split(mark)]

    def _quoted(self, lines: Iterable[str], where: str, before: int) -> Iterator[tuple[int, list[str]]]:
        rows = csv.reader(
            (line + "\n" for line in lines),
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape or None,
            strict=True,
            skipinitialspace=True,
        )
        try:
            for row in rows:
                if any(row):
                    yield before + rows.line_num, [field.strip() for field in row]
        except csv.Error as error:
            raise DataError(
                f"{where}, line {before + rows.line_num}: not valid CSV ({error})",
                hint="Look for an unbalanced double quote in this line or before it.",
            ) from error


@dataclass(frozen=True)
class Parted:
    """The first rows of a table, as one dialect parts them.

    Args:
        dialect: The dialect.
        rows: The rows with the numbers of the lines at which they end.
        width: Fields of most rows.
        alike: Share of the rows that have as many, 0 to 1.
        damaged: Whether a quote was at a place where the dialect has none.
        open: Whether the last quote does not end.
    """

    dialect: Dialect
    rows: Sequence[tuple[int, list[str]]]
    width: int
    alike: float
    damaged: bool
    open: bool = False


def parted_by(lines: Sequence[str], dialect: Dialect, before: int = 0) -> Parted:
    """The rows of the first lines of a table; nothing fails.

    Args:
        lines: Without their ends.
        dialect: How their fields are separated.
        before: Lines of the file before these.
    """
    rows: list[tuple[int, list[str]]] = []
    damaged, unended, seen = False, False, 0

    def counted() -> Iterator[str]:
        nonlocal seen
        for line in lines:
            seen += 1
            yield line

    try:
        rows.extend(dialect.rows(counted(), "", before))
    except DataError:  # the last of the first lines may end within a quoted field
        read = rows[-1][0] - before if rows else 0
        unended = seen == len(lines)
        damaged = not unended or seen - read > max(_LONGEST_FIELD, seen // 4)
    widths = Counter(len(row) for _, row in rows)
    width, count = max(widths.items(), key=lambda each: (each[1], each[0]), default=(0, 0))
    return Parted(dialect, rows, width, count / max(1, len(rows)), damaged, unended)


def find_dialect(
    lines: Sequence[str], names: Sequence[str] = (), marks: Sequence[str] = DELIMITERS, before: int = 0
) -> Parted:
    """The dialect that finds a known column, parts the rows, and parts them all alike.

    Args:
        lines: The first lines, without their ends.
        names: Usual names of columns, in lower case.
        marks: The delimiters that are tried, the preferred first.
        before: Lines of the file before these.

    Returns:
        The rows by the best one; the first delimiter where no other fits better.
    """
    worn = _worn(lines, marks)
    if worn is not None:
        marks = ["|"] if worn.dress == "bars" else marks
        best = find_dialect(list(map(worn.plain, lines)), names, marks, before)
        return replace(best, dialect=replace(best.dialect, ending=worn.ending, dress=worn.dress))
    there = [mark for mark in marks if any(mark in line for line in lines)] or marks[:1]
    tried = [_best_quotes(lines, mark, before) for mark in there]

    def signs(parted: Parted) -> tuple[bool, bool, float, float]:
        known = any(
            len(row) > 1 and find_column(row, names) is not None and len(row) in (parted.width, 2)
            for _, row in parted.rows[:5]
        )
        several = parted.width > 1
        return known, several, round(parted.alike, 2) if several else 0.0, _plain(parted, marks)

    best = max(tried, key=signs)
    if _is_decimal_comma(best):
        return parted_by(lines, Dialect(";"), before)
    if best.width < 2:
        spaced = parted_by(lines, Dialect(WHITE_SPACE, ""), before)
        if spaced.width > 1 and spaced.alike > 0.9 and _mostly_numbers(spaced):
            return spaced
    return best


def _worn(lines: Sequence[str], marks: Sequence[str]) -> Dialect | None:
    """What stands around the rows and parts nothing; None where nothing does."""
    ending = _ending(lines)
    if ending:
        return Dialect(",", ending=ending)
    if _has_bars(lines):
        return Dialect("|", dress="bars")
    return Dialect(",", dress="quotes") if _are_quoted_whole(lines, marks) else None


def _has_bars(lines: Sequence[str]) -> bool:
    """Whether nearly all lines have bars between fields, but for rules that part the names from the rows."""
    some = [line.strip() for line in lines if line.strip()]
    rules = [line for line in some if _RULE.fullmatch(line) and ("|" in line or "+" in line)]
    barred = sum("|" in line for line in some if line not in rules)
    return bool(rules) and barred > 1 and barred + len(rules) >= _MOSTLY * len(some)


def _are_quoted_whole(lines: Sequence[str], marks: Sequence[str]) -> bool:
    """Whether all rows, the names maybe not, are one quoted field each, which is a row of as many fields."""
    some = [line for line in lines if line.strip()]
    inner = list(map(_within_quotes, some[1:]))
    if len(some) < 3 or None in inner:
        return False
    rows = list(map(Dialect(",", dress="quotes").plain, some))
    for parted in (parted_by(rows, Dialect(mark)) for mark in marks):
        first = parted.rows[0][1] if parted.rows else []
        names = len(first) == parted.width and all(len(name) <= _LONGEST_NAME for name in first)
        if parted.width > 1 and parted.alike >= _ALIKE and names and not parted.damaged:
            return True
    return False


def _within_quotes(line: str) -> str | None:
    """What stands in a line that is one quoted field; None where it is something else."""
    text = line.strip()
    inner = text[1:-1]
    whole = len(text) > 1 and text[0] == text[-1] == '"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if whole else None


def _ending(lines: Sequence[str]) -> str:
    """A semicolon that ends nearly all lines and stands nowhere else, where commas part them."""
    some = [line.strip() for line in lines if line.strip()]
    ended = sum(line.endswith(";") and line.count(";") == 1 and "," in line for line in some)
    return ";" if len(some) > 2 and ended >= _MOSTLY * len(some) else ""


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
    found = find_dialect(lines, names).dialect.delimiter
    return "," if found == WHITE_SPACE else found


def _best_quotes(lines: Sequence[str], mark: str, before: int = 0) -> Parted:
    """The rows by this delimiter: quoted as CSV has it, escaped, in single quotes, or with quotes as letters.

    Between tabs quotes are letters wherever all lines have as many tabs.
    """
    if mark != "\t" and not any('"' in line or "'" in line for line in lines):
        return parted_by(lines, Dialect(mark), before)
    plain = parted_by(lines, Dialect(mark, ""), before)
    quoted = parted_by(lines, Dialect(mark), before)
    if mark == "\t":
        better = plain.alike >= quoted.alike if quoted.open else plain.alike > quoted.alike
        return plain if quoted.damaged or better else quoted
    if quoted.damaged:
        escaped = parted_by(lines, Dialect(mark, '"', "\\"), before)
        if not escaped.damaged:
            return escaped
        return plain if plain.width > 1 and plain.alike == 1 else quoted
    doubled = any('"' in line for line in lines)
    if plain.width > 1 and not doubled and all(_singly_quoted(row) for _, row in plain.rows[1:]):
        return parted_by(lines, Dialect(mark, "'"), before)
    return quoted


def _is_decimal_comma(parted: Parted) -> bool:
    """Whether commas part the numbers of a single column, whose name has none, into two."""
    if parted.dialect.delimiter != "," or parted.width != 2 or len(parted.rows) < 3:
        return False
    (_, first), *rows = parted.rows
    digits = all(len(row) < 3 and row[-1].isdecimal() and row[0].lstrip("+-").isdecimal() for _, row in rows)
    return digits and len(first) == 1 and not is_any_number(first[0])


def _singly_quoted(row: Sequence[str]) -> bool:
    """Whether a field of a row is in single quotes, or begins or ends so."""
    return any(field[:1] == "'" for field in row) and any(field[-1:] == "'" for field in row)


def _plain(parted: Parted, marks: Sequence[str]) -> float:
    """Share of fields that are numbers, or without another delimiter in them."""
    others = [mark for mark in marks if mark != parted.dialect.delimiter]
    fields = [field for _, row in parted.rows[:200] for field in row]
    plain = (is_any_number(field) or not any(mark in field for mark in others) for field in fields)
    return sum(plain) / max(1, len(fields))


def _mostly_numbers(parted: Parted) -> bool:
    """Whether all but one of the fields of each row but the first are numbers or times."""
    rows = [row for _, row in parted.rows[1:] if len(row) == parted.width] or [parted.rows[0][1]]
    return all(sum(not _digits(field) for field in row) <= (len(row) > 2) for row in rows)


def _digits(field: str) -> bool:
    """A number or a time by its signs alone, or nothing."""
    return not field.strip("0123456789+-.,:/eETZ") or field.lower() in {"nan", "na", "inf", "-inf"}


def _unquoted(field: str) -> str:
    """A field between tabs, where quotes are letters unless they stand around a field as CSV writes it."""
    inner = _within_quotes(field)
    return field.strip() if inner is None else inner
