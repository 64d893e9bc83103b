"""Files with a word and its tag in each line (CoNLL): blank lines end sentences, odd lines are reported.

Columns stand between tabs where most lines have one, else between spaces, else between commas or semicolons.
The word is the first column and the tag the last, or the other way round where only the first one has tags of
spans, unless others are given, by number or by a name of the first
line; CoNLL-U has its word in FORM and its tag in UPOS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from convscope.data.found_encoding import found_encoding
from convscope.data.groups import group_column
from convscope.data.lines import read_lines
from convscope.errors import DataError, UsageError
from convscope.kinds.text.readers.sentences import Sentence
from convscope.kinds.text.tagging.layouts import LineColumns, is_scheme, line_columns, tag_columns
from convscope.kinds.text.tagging.tagged_splits import TaggedFound
from convscope.types import Progress, Skipped, SplitName

LONGEST_SENTENCE = 10_000
"""Words without a blank line between them."""

_DOCUMENT = "-DOCSTART-"
_ODD = 100
"""One line in so many may have another number of columns; its sentence is left out."""


@dataclass(frozen=True)
class _Places:
    """Where word and tag stand, and the group where there is one."""

    columns: LineColumns
    word: int
    tag: int
    group: int | None = None

    @property
    def line(self) -> str:
        """One line for the decisions of a run."""
        columns = self.columns
        marks = {" ": "spaces", "\t": "tabs", ",": "commas", ";": "semicolons"}
        named = f" ({columns.names[self.word]} and {columns.names[self.tag]})" if columns.names else ""
        grouped = "" if self.group is None else f", the group column {self.group + 1}"
        return (
            f"columns: the word is column {self.word + 1} and the tag column {self.tag + 1}{grouped} of"
            f" {columns.count}{named}, divided by {marks[columns.delimiter]}"
        )


@dataclass(frozen=True)
class ColumnsAsked:
    """The columns of words and of tags as the user gave them: a number from 1, or from the end, or a name.

    `group` is the name of the column of what stays together, or a pattern of where sentences stand.
    """

    word: int | str | None = None
    tag: int | str | None = None
    group: str | None = None


def read_column_file(
    file: Path,
    split: SplitName | None,
    asked: ColumnsAsked,
    encoding: str | None,
    found: TaggedFound,
    progress: Progress,
) -> str:
    """Adds the sentences of a file with a word and its tag in each line.

    Args:
        file: The file.
        split: Where its sentences belong.
        asked: The columns that the user gave.
        encoding: As `read_lines`.
        found: Takes the sentences.
        progress: Receives the number of lines read.

    Returns:
        How the columns were recognized.

    Raises:
        DataError: There is one column, or no sentence; too many lines are odd; a sentence does not end.
        UsageError: There is no such column.
    """
    named = found_encoding(file, encoding)
    found.decisions += [named.decision] if named.decision else []
    lines = list(read_lines(file, named.name, controls=found.controls))
    data = [line for _, line in lines if line.strip() and not line.startswith(_DOCUMENT)]
    columns = line_columns(data)
    if columns is None:
        raise DataError(
            f"{file}: expected sentences, a word and its tag in each line, received none",
            hint="Check the path.",
        )
    if columns.count < 2:
        first = next(number for number, line in lines if line == data[0])
        raise DataError(
            f"{file}, line {first}: expected a word and its tag in columns, received one column",
            hint="Separate columns by tabs or spaces, and sentences by a blank line.",
        )
    before = len(found.sentences)
    places = _with_group(_places(file, columns, asked, data), asked)
    if places.group is not None:
        found.grouped_by = f"column '{columns.names[places.group]}'"
    _Lines(file, split, places, found).read(lines, progress)
    if len(found.sentences) == before:
        raise DataError(f"{file}: expected sentences, received none")
    return places.line


def _places(file: Path, columns: LineColumns, asked: ColumnsAsked, lines: Sequence[str]) -> _Places:
    """Where word and tag stand: as given, by the format, by names and content, else first and last."""
    form_is_given = columns.names and not columns.has_header
    word: int | str = ("FORM" if form_is_given else 1) if asked.word is None else asked.word
    tag: int | str | None = "UPOS" if form_is_given and asked.tag is None else asked.tag
    rows = [row for line in lines[columns.has_header :] if len(row := columns.divide(line)) == columns.count]
    if asked == ColumnsAsked(group=asked.group) and not columns.names and _tags_first(rows):
        return _Places(columns, columns.count - 1, 0)
    at = column_place(file, columns.names, columns.count, "word", word)
    if tag is not None:
        return _Places(columns, at, column_place(file, columns.names, columns.count, "tag", tag))
    names = columns.names or [str(place + 1) for place in range(columns.count)]
    tags = {name: [row[place].strip() for row in rows] for place, name in enumerate(names) if place != at}
    if not columns.names and not any(is_scheme([tag for tag in each if tag]) for each in tags.values()):
        return _Places(columns, at, columns.count - 1)
    found = tag_columns(list(tags), tags)
    if not columns.names and str(columns.count) in found:
        found = (str(columns.count),)
    return _Places(columns, at, list(names).index(one_tag_column(file, found)))


def _tags_first(rows: Sequence[Sequence[str]]) -> bool:
    """Whether tags of spans stand in the first column alone, as in the spoken queries of MIT."""
    stripped = [[field.strip() for field in column] for column in zip(*rows, strict=True)]
    columns = [list(filter(None, column)) for column in stripped]
    return bool(columns) and [at for at, tags in enumerate(columns) if is_scheme(tags)] == [0]


def _with_group(places: _Places, asked: ColumnsAsked) -> _Places:
    """The places with the column of what stays together, where names of columns tell one."""
    used = (places.word, places.tag)
    names = [name for place, name in enumerate(places.columns.names) if place not in used]
    found = group_column(names, asked.group)
    return places if found is None else replace(places, group=list(places.columns.names).index(found))


def one_tag_column(file: Path, found: Sequence[str]) -> str:
    """The column of the tags, of those that could be it.

    Raises:
        DataError: There are several, or none.
    """
    if len(found) == 1:
        return found[0]
    listed = " and ".join(f"'{name}'" for name in found) or "none"
    raise DataError(
        f"{file}: expected one column of tags, received {len(found)} that could be it: {listed}",
        hint=f"Choose it with --tag-column, such as --tag-column {found[0] if found else -1}.",
    )


def column_place(file: Path, names: Sequence[str], count: int, role: str, asked: int | str) -> int:
    """The position of a column that the user named or counted.

    Args:
        file: For messages.
        names: Of the columns; empty where they have none.
        count: How many columns there are.
        role: What stands in it, for messages.
        asked: Its name, or its number from 1, or from the end as -1.

    Raises:
        UsageError: There is no such column.
    """
    lower = [name.strip().lower() for name in names]
    if isinstance(asked, str) and asked.strip().lower() in lower:
        return lower.index(asked.strip().lower())
    if isinstance(asked, str) or not asked or not -count <= asked <= count:
        listed = f": {', '.join(names)}" if names else ""
        raise UsageError(
            f"{file} has {count} columns{listed}. Received: {role}_column={asked}.",
            "Give a name where there are names; columns count from 1, or from the end as -1.",
        )
    return asked - 1 if asked > 0 else count + asked


class _Lines:
    """Lines of one file as they become sentences."""

    def __init__(self, file: Path, split: SplitName | None, places: _Places, found: TaggedFound) -> None:
        self.file, self.split, self.places, self.found = file, split, places, found
        self.words: list[str] = []
        self.tags: list[str] = []
        self.numbers: list[int] = []
        self.group: str | None = None
        self.odd: list[tuple[int, int]] = []
        self.is_odd = False
        self.total = 0

    def read(self, lines: Sequence[tuple[int, str]], progress: Progress) -> None:
        """Reads all of them."""
        header = self.places.columns.has_header
        for count, (number, line) in enumerate(lines):
            if count % 10_000 == 0:
                progress(count, len(lines), f"reading {self.file.name}")
            if not line.strip() or line.startswith(_DOCUMENT):
                self._finish()
            elif header:
                header = False
            else:
                self._add(number, line)
        self._finish()
        self._check_odd()

    def _add(self, number: int, line: str) -> None:
        columns = self.places.columns
        fields = [field.strip() for field in columns.divide(line)]
        if len(fields) != columns.count and line.startswith("#"):
            return
        if columns.names and not columns.has_header and not fields[0].isdigit():
            return  # what CoNLL-U counts as 1-2 or 1.1 stands for words that have lines of their own, or none
        self.total += 1
        if len(fields) == 1 and columns.count > 1 and self.places.word == 0:
            fields += [""] * (columns.count - 1)  # a word alone: its tag is missing
        if len(fields) != columns.count or not fields[self.places.word]:
            self.odd.append((number, len(fields)))
            self.is_odd = True
            return
        if not self.words and self.places.group is not None:
            self.group = fields[self.places.group] or None
        self.words.append(fields[self.places.word])
        self.tags.append(fields[self.places.tag])
        self.numbers.append(number)
        if len(self.words) > LONGEST_SENTENCE:
            raise DataError(
                f"{self.file}, line {number}: over {LONGEST_SENTENCE:,} words without a blank line",
                hint="Separate sentences by a blank line.",
            )

    def _finish(self) -> None:
        if self.words and not self.is_odd:
            self.found.add(self.file, Sentence.of(self.words), self.tags, self.numbers, self.split)
            self.found.of_group(self.group)
        self.words, self.tags, self.numbers, self.is_odd = [], [], [], False

    def _check_odd(self) -> None:
        count = self.places.columns.count
        for number, width in self.odd:
            received = "a column without a word" if width == count else f"received {width}"
            where = f"{self.file}, line {number}"
            expected = f"expected {count} columns as in most lines, {received}"
            if len(self.odd) * _ODD > self.total:
                raise DataError(
                    f"{where}: {expected}" if width != count else f"{where}: expected a word, received none",
                    hint="Write a word and its tag in each line, and a blank line behind each sentence.",
                )
            self.found.skipped.append(Skipped(where, f"{expected}; its sentence is left out"))
