"""How a table or a file of lines gives words their tags, recognized by its content.

| layout | how it is recognized |
|---|---|
| lines | a word and its tag in each line, sentences apart by blank lines; CoNLL-U has ten columns |
| words | a table with a row for each word, and a column that counts the sentences |
| tokens | a table with a row for each sentence: a list of words, and a list of as many tags |
| spans | a table with a row for each text, and a list of where entities begin and end |
"""

from __future__ import annotations

import ast
import csv
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from convscope.data.columns import find_column
from convscope.kinds.text.readers.columns import TEXT_COLUMNS
from convscope.kinds.text.tagging.tag_schemes import OUTSIDE, parse

Layout = Literal["words", "tokens", "spans"]

SENTENCE_COLUMNS = (
    *("sentence #", "sentence_id", "sentence id", "sentence_idx", "sentence_number", "sentence number"),
    *("sent_id", "sent_idx", "sentenceid", "sentence no", "sentence_no", "sentence", "sent", "sent_no"),
)
WORD_COLUMNS = ("word", "words", "token", "tokens", "form", "text_tokens")
TAG_COLUMNS = (
    *("tag", "ner", "ner_tag", "ner_tags", "tags", "label", "labels", "ner_label", "iob", "bio", "entity"),
    *("entities", "pos", "pos_tag", "pos_tags", "upos", "xpos", "chunk", "chunk_tags", "word_labels"),
)
SPAN_COLUMNS = ("label", "labels", "entities", "spans", "annotations", "annotation", "ner")

_LONGEST_CELL = 1_000_000
_SPACES = re.compile(r"[ \t]+")
_NUMBERED = re.compile(r"\d+(-\d+|\.\d+)?")
_WORDS = re.compile(r"(large_|fixed_size_)?list<[^:]*: (large_)?string")
_TAGS = re.compile(r"(large_|fixed_size_)?list<[^:]*: ((large_)?string|u?int)")
_CONLLU = 10
_MOST_TAGS = 80
_LONGEST_TAG = 30


@dataclass(frozen=True)
class TagTable:
    """What the columns of a table hold.

    Args:
        layout: How words and tags stand in it.
        text: The column of words, of lists of words, or of texts.
        tags: Columns that may hold the tags, the likeliest first.
        sentence: The column that counts the sentences; None where rows are sentences or nothing counts them.
    """

    layout: Layout
    text: str
    tags: tuple[str, ...]
    sentence: str | None = None


def table_layout(
    columns: Sequence[str], rows: Sequence[Sequence[object]], types: Sequence[str] = ()
) -> TagTable | None:
    """What the columns of a table hold, by their names and their first rows; None where they hold no tags.

    Args:
        columns: Their names.
        rows: Values of the first rows; lists may be written as text.
        types: Arrow types of the columns, where the file says them.
    """
    values = {
        name: [row[at] for row in rows if at < len(row) and row[at] not in (None, "")]
        for at, name in enumerate(columns)
    }
    return _typed(columns, types) or _tokens(values) or _spans(columns, values) or _words(columns, values)


def as_list(value: object) -> list[object] | None:
    """A list that stands in a cell, as such or written as JSON or as Python has it; None for anything else.

    Example:
        >>> as_list('["a", "b"]'), as_list("['a']"), as_list("a b")
        (['a', 'b'], ['a'], None)
    """
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, str) or not value.lstrip().startswith("[") or len(value) > _LONGEST_CELL:
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(value.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return list(found) if isinstance(found, list | tuple) else None
    return None


def is_scheme(tags: Sequence[str]) -> bool:
    """Whether tags are of a scheme of spans (`B-PER`, `O`), one or two odd ones aside."""
    odd = sum(parse(tag) is None for tag in tags)
    return any(parse(tag) and tag != OUTSIDE for tag in tags) and odd * 50 <= len(tags)


def tag_columns(columns: Sequence[str], tags: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Columns that may hold the tags: those of a scheme of spans, if any, else those that are called so.

    Args:
        columns: Names of the columns that are left, in their order.
        tags: What stands in each.

    Returns:
        One where it is clear, several where it is not.
    """
    of_scheme = [name for name in columns if is_scheme([tag for tag in tags[name] if tag])]
    called = [name for name in columns if name.strip().lower() in TAG_COLUMNS]
    both = [name for name in of_scheme if name in called]
    found = both or of_scheme or called or [name for name in columns if _are_tags(tags[name])]
    return tuple(found)


def _typed(columns: Sequence[str], types: Sequence[str]) -> TagTable | None:
    """A column of lists of words, and others of lists of tags, by their Arrow types."""
    lists = dict(zip(columns, types, strict=True)) if types else {}
    words = find_column([name for name, kind in lists.items() if _WORDS.match(kind)], WORD_COLUMNS)
    if words is None:
        return None
    text = [name for name, kind in lists.items() if _WORDS.match(kind)][words]
    tags = [name for name, kind in lists.items() if name != text and _TAGS.match(kind)]
    named = tuple(name for name in tags if name.strip().lower() in TAG_COLUMNS)
    return TagTable("tokens", text, named) if named else None


def _tokens(values: Mapping[str, Sequence[object]]) -> TagTable | None:
    """A list of words and a list of as many tags in each row; either may be one text with spaces."""
    lists = {name: [as_list(each) for each in cells] for name, cells in values.items() if cells}
    words = [
        name
        for name, cells in lists.items()
        if all(each and all(isinstance(word, str) for word in each) for each in cells)
    ]
    at = find_column(words, WORD_COLUMNS)
    if at is not None:
        text, counts = words[at], [len(each or ()) for each in lists[words[at]]]
    else:
        named = find_column(list(values), (*TEXT_COLUMNS, *WORD_COLUMNS))
        if named is None:
            return None
        text = list(values)[named]
        counts = [len(str(each).split()) for each in values[text]]
    if not counts or (at is None and sum(counts) < 2 * len(counts)):
        return None
    tags = [
        name
        for name, cells in values.items()
        if name != text and len(cells) == len(counts) and _as_many(cells, counts, spaced=at is None)
    ]
    chosen = tag_columns(
        tags, {name: [str(tag) for cell in values[name] for tag in tags_in(cell)] for name in tags}
    )
    return TagTable("tokens", text, chosen) if chosen else None


def _as_many(cells: Sequence[object], counts: Sequence[int], spaced: bool) -> bool:
    """Whether each cell lists as many tags as there are words; with spaces only as a scheme of spans."""
    found = [tags_in(cell) for cell in cells]
    if [len(tags) for tags in found] != list(counts) or not all(
        isinstance(tag, str | int) and not isinstance(tag, bool) for tags in found for tag in tags
    ):
        return False
    if all(as_list(cell) is not None for cell in cells):
        return True
    return spaced and is_scheme([str(tag) for tags in found for tag in tags])


def tags_in(cell: object) -> list[object]:
    """The tags of a cell: those of its list, or what white space parts."""
    listed = as_list(cell)
    return list(str(cell).split()) if listed is None else listed


def _spans(columns: Sequence[str], values: Mapping[str, Sequence[object]]) -> TagTable | None:
    """A text and a list of entities in each row, or an object that holds both."""
    text = find_column(columns, (*TEXT_COLUMNS, "data"))
    if text is None:
        return None
    for name in columns:
        if name.strip().lower() in SPAN_COLUMNS and any(_has_span(each) for each in values[name]):
            return TagTable("spans", columns[text], (name,))
    return None


def _has_span(value: object) -> bool:
    """Whether a list, or one within an object, begins with an entity: its start, end and type."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return False
    if isinstance(value, Mapping):
        keys = {str(key).lower() for key in value}
        marks = ({"start", "end"}, {"start_offset", "end_offset"}, {"begin", "end"})
        inner = [each for each in value.values() if isinstance(each, Mapping | list)]
        return any(mark <= keys for mark in marks) or any(map(_has_span, inner))
    listed = as_list(value)
    if not listed or not isinstance(listed[0], Mapping | list | tuple):
        return False
    first = listed[0]
    if isinstance(first, Mapping) or len(first) != 3:
        return _has_span(first)
    numbers = [each for each in first if isinstance(each, int) and not isinstance(each, bool)]
    return len(numbers) == 2 and any(isinstance(each, str) for each in first)


def _words(columns: Sequence[str], values: Mapping[str, Sequence[object]]) -> TagTable | None:
    """A row for each word."""
    at = find_column(columns, WORD_COLUMNS)
    if at is None or not values[columns[at]]:
        return None
    word = columns[at]
    cells = [str(each).split() for each in values[word]]
    if sum(len(each) == 1 for each in cells) * 10 < len(cells) * 9:
        return None
    number = find_column(columns, SENTENCE_COLUMNS)
    sentence = None if number is None or number == at else columns[number]
    rest = [name for name in columns if name not in (word, sentence)]
    tags = tag_columns(rest, {name: [str(each) for each in values[name]] for name in rest})
    scheme = any(is_scheme([str(each) for each in values[name]]) for name in tags)
    if not tags or (sentence is None and not scheme):
        return None
    return TagTable("words", word, tags, sentence)


def _are_tags(cells: Sequence[str]) -> bool:
    """Whether they are few short words that come again and again."""
    known = {cell for cell in cells if cell}
    return (
        1 < len(known) <= min(_MOST_TAGS, len(cells) / 2)
        and all(len(cell) <= _LONGEST_TAG and len(cell.split()) == 1 for cell in known)
        and any(character.isalpha() for cell in known for character in cell)
    )


@dataclass(frozen=True)
class LineColumns:
    """How the lines of a file are divided.

    Args:
        delimiter: Between two columns; a space stands for any run of spaces and tabs.
        count: Columns of most lines.
        names: Names of the columns where the first line or the format gives them; else empty.
        has_header: Whether the first line holds the names.
    """

    delimiter: str
    count: int
    names: tuple[str, ...] = ()
    has_header: bool = False

    def divide(self, line: str) -> list[str]:
        """The columns of a line; white space at its ends does not count where spaces divide."""
        if self.delimiter == " ":
            return _SPACES.split(line.strip(" \t"))
        if self.delimiter == "\t" or '"' not in line:
            return line.split(self.delimiter)
        try:
            return next(csv.reader([line], delimiter=self.delimiter))
        except csv.Error:
            return line.split(self.delimiter)


_CONLLU_NAMES = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")


def line_columns(lines: Sequence[str]) -> LineColumns | None:
    """How lines of words and tags are divided; None where there is no line.

    Args:
        lines: Without blank lines and without those that begin a document.
    """
    data = [line for line in lines if not line.startswith("#")] or list(lines)
    if not data:
        return None
    delimiter = _divider(data)
    columns = LineColumns(delimiter, 0)
    widths = Counter(len(columns.divide(line)) for line in data)
    count = max(widths, key=lambda width: widths[width])
    if (
        delimiter == "\t"
        and count == _CONLLU
        and all(_NUMBERED.fullmatch(line.split("\t")[0]) for line in data[:50])
    ):
        return LineColumns(delimiter, count, _CONLLU_NAMES)
    first = [field.strip() for field in columns.divide(data[0])]
    word = find_column(first, WORD_COLUMNS)
    tag = find_column(first, TAG_COLUMNS)
    if len(first) == count and word is not None and tag is not None and word != tag:
        return LineColumns(delimiter, count, tuple(first), True)
    return LineColumns(delimiter, count)


def _divider(lines: Sequence[str]) -> str:
    """Tabs where most lines have one, else spaces, else commas or semicolons."""
    if 2 * sum("\t" in line.strip("\t") for line in lines) > len(lines):
        return "\t"
    if 2 * sum(len(line.split()) > 1 for line in lines) > len(lines):
        return " "
    return next((mark for mark in ",;" if 2 * sum(mark in line for line in lines) > len(lines)), " ")


def tags_lines(lines: Sequence[str]) -> str:
    """Why lines are words with tags, in a few words that go on after the name of a file; empty where not.

    Args:
        lines: The first lines of a file, blank ones as well.
    """
    data = [line for line in lines if line.strip() and not line.startswith("-DOCSTART-")]
    columns = line_columns(data)
    if columns is None or columns.count < 2 or len(data) < 3 or all(line.strip() for line in lines):
        return ""
    if columns.names and not columns.has_header:
        return "is CoNLL-U"
    rows = [columns.divide(line) for line in data if not line.startswith("# ")][columns.has_header :]
    whole = [row for row in rows if len(row) == columns.count and row[0].strip()]
    if len(whole) * 20 < len(rows) * 19 or len(whole) < 2:
        return ""
    tags = [row[-1].strip() for row in whole]
    if is_scheme([tag for tag in tags if tag]):
        return "has a word and a tag on each line"
    words = [row[0] for row in whole]
    plain = _are_tags(tags) and len(whole) >= 10 and all(len(word.split()) == 1 for word in words)
    blank = sum(not line.strip() for line in lines)
    return "has a word and a tag on each line" if plain and 1 < blank * 2 <= len(whole) else ""
