"""Tables of tagged sentences: a row for each word, lists of words and tags, or texts with spans."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

from convscope.data.columns import SPLIT_COLUMNS, columns_line, find_column, split_name
from convscope.data.groups import group_column
from convscope.data.tables import PEEKED, Table, TableKind, open_table
from convscope.errors import DataError
from convscope.kinds.text.readers.sentences import Sentence
from convscope.kinds.text.tagging.conll import LONGEST_SENTENCE, ColumnsAsked, column_place, one_tag_column
from convscope.kinds.text.tagging.layouts import (
    SENTENCE_COLUMNS,
    TAG_COLUMNS,
    WORD_COLUMNS,
    TagTable,
    as_list,
    table_layout,
    tag_columns,
    tags_in,
)
from convscope.kinds.text.tagging.span_texts import SpanTexts
from convscope.kinds.text.tagging.tagged_splits import TaggedFound
from convscope.types import Skipped, SplitName

_ROLES = (WORD_COLUMNS, TAG_COLUMNS, SENTENCE_COLUMNS)
_NAMES = ("labels.txt", "tags.txt", "label_names.txt", "tag_names.txt", "label_list.txt", "ner_tags.txt")
_MAPPINGS = ("id2label.json", "label2id.json", "label.json", "labels.json", "tags.json", "ner_tags.json")


def read_tag_table(
    path: Path,
    kind: TableKind,
    split: SplitName | None,
    asked: ColumnsAsked,
    encoding: str | None,
    found: TaggedFound,
) -> str:
    """Adds the sentences of a table.

    Args:
        path: The file.
        kind: What it is.
        split: Where its sentences belong; None where a column says so or nothing does.
        asked: The columns that the user gave.
        encoding: As `open_table`.
        found: Takes the sentences.

    Returns:
        What each column was taken for.

    Raises:
        DataError: It holds no words with tags, or several columns could be the tags, or a row is malformed.
        UsageError: There is no such column.
    """
    named = [name for name in (asked.word, asked.tag) if isinstance(name, str)]
    table = open_table(path, kind, encoding=encoding, controls=found.controls, wanted=named, roles=_ROLES)
    with found.controls.paused():
        rows = [cells for _, cells in islice(table.rows(table.columns), PEEKED)]
    found.decisions += table.decisions
    layout = table_layout(table.columns, rows)
    if layout is None:
        raise DataError(
            f"{path}: expected words with tags, received columns {', '.join(table.columns[:20])}",
            hint="Name the columns 'sentence_id', 'word' and 'tag', or write a word and its tag in each line"
            " and a blank line behind each sentence.",
        )
    at = None if split is not None else find_column(table.columns, SPLIT_COLUMNS)
    own = None if at is None else table.columns[at]
    text = layout.text if asked.word is None else _named(table, "word", asked.word)
    tag = _tag_column(table, layout) if asked.tag is None else _named(table, "tag", asked.tag)
    group = _group(table, (text, tag, own, layout.sentence), asked, found)
    reading = _Reading(table, layout, (text, tag), (own, split), group, found)
    if layout.layout == "spans":
        reading.spans()
    elif layout.layout == "tokens":
        reading.tokens()
    else:
        reading.words()
    return reading.line


def _group(table: Table, used: Sequence[str | None], asked: ColumnsAsked, found: TaggedFound) -> str | None:
    """The column of what stays together, of those that are not used otherwise."""
    group = group_column([name for name in table.columns if name not in used], asked.group)
    if group is not None:
        found.grouped_by = f"column '{group}'"
    return group


def _named(table: Table, role: str, asked: int | str) -> str:
    return table.columns[column_place(table.path, table.columns, len(table.columns), role, asked)]


def _tag_column(table: Table, layout: TagTable) -> str:
    """The column of the tags, by all of the table where its first rows do not settle it."""
    if len(layout.tags) == 1:
        return layout.tags[0]
    rows = [
        [str(tag) for cell in cells for tag in tags_in(cell)] for cells in _columns_of(table, layout.tags)
    ]
    return one_tag_column(table.path, tag_columns(layout.tags, dict(zip(layout.tags, rows, strict=True))))


def _columns_of(table: Table, names: Sequence[str]) -> list[list[object]]:
    rows = [cells for _, cells in table.rows(names)]
    return [[row[at] for row in rows if row[at] not in (None, "")] for at in range(len(names))]


@dataclass(frozen=True)
class _Row:
    """A row: its number, the cells that were asked for, its split and its group."""

    number: int
    cells: tuple[object, ...]
    split: SplitName | None
    group: str | None


class _Reading:
    """One table as it is read."""

    def __init__(
        self,
        table: Table,
        layout: TagTable,
        words: tuple[str, str],
        splits: tuple[str | None, SplitName | None],
        group: str | None,
        found: TaggedFound,
    ) -> None:
        self.table, self.layout, self.found = table, layout, found
        self.text, self.tag = words
        self.own, self.split = splits
        self.group = group

    @property
    def line(self) -> str:
        """What each column was taken for."""
        used = {"words": self.text, "tags": self.tag, "sentences": self.layout.sentence, "split": self.own}
        used["group"] = self.group
        roles = [(role, name) for role, name in used.items() if name is not None]
        columns = dict.fromkeys((*self.table.columns, *self.table.unused))
        return columns_line(roles, [name for name in columns if name not in used.values()])

    def _rows(self, *columns: str) -> Iterator[_Row]:
        more = [name for name in (self.own, self.group) if name is not None]
        for number, cells in self.table.rows([*columns, *more]):
            said = dict(zip(more, cells[len(columns) :], strict=True))
            where, split = self.table.where(number), self.split
            if self.own is not None:
                split = split_name(where, str(said[self.own] or ""))
            group = said.get(self.group or "")
            yield _Row(number, cells, split, None if group in (None, "") else str(group))

    def words(self) -> None:
        """Rows of words; the column that counts sentences may be filled at their first words alone."""
        if self.layout.sentence is None:
            raise DataError(
                f"{self.table.path}: expected a column that tells the sentences apart, received"
                f" {', '.join(self.table.columns)}",
                hint="Add a column 'sentence_id', or write a blank line behind each sentence.",
            )
        current: object = None

        def sentence_of(row: _Row) -> object:
            nonlocal current
            value = row.cells[2]
            current = current if value in (None, "") else value
            return current

        for _, group in groupby(self._rows(self.text, self.tag, self.layout.sentence), sentence_of):
            rows = [row for row in group if str(row.cells[0] if row.cells[0] is not None else "").strip()]
            if not rows:
                continue
            if len(rows) > LONGEST_SENTENCE:
                raise DataError(
                    f"{self.table.where(rows[-1].number)}: over {LONGEST_SENTENCE:,} words of one sentence",
                    hint=f"Check the column {self.layout.sentence!r}, which counts the sentences.",
                )
            words = [str(row.cells[0]).strip() for row in rows]
            tags = ["" if row.cells[1] is None else str(row.cells[1]).strip() for row in rows]
            numbers = [row.number for row in rows]
            self.found.add(self.table.path, Sentence.of(words), tags, numbers, rows[0].split)
            self.found.of_group(rows[0].group)

    def tokens(self) -> None:
        """Rows of lists."""
        names = self.table.class_names(self.tag) or tag_names_beside(self.table.path, self.tag)
        for row in self._rows(self.text, self.tag):
            text, listed = row.cells[:2]
            where = self.table.where(row.number)
            words = [str(each).strip() for each in (as_list(text) or str(text or "").split())]
            tags = [_tag_name(where, tag, names) for tag in tags_in(listed)] if listed is not None else []
            if len(words) != len(tags):
                raise DataError(
                    f"{where}: expected a tag for each of {len(words)} words in '{self.text}', received"
                    f" {len(tags)} in '{self.tag}'"
                )
            kept = [(word, tag) for word, tag in zip(words, tags, strict=True) if word]
            if not kept:
                self.found.skipped.append(Skipped(where, "no words"))
                continue
            sentence = Sentence.of(word for word, _ in kept)
            numbers = [row.number] * len(kept)
            self.found.add(self.table.path, sentence, [tag for _, tag in kept], numbers, row.split)
            self.found.of_group(row.group)

    def spans(self) -> None:
        """Rows of texts with entities."""
        texts = SpanTexts(self.found)
        for row in self._rows(self.text, self.tag):
            text, spans = row.cells[:2]
            texts.add(self.table.path, self.table.where(row.number), row.number, text, spans, row.split)
            self.found.of_group(row.group)
        texts.finish()


def _tag_name(where: str, tag: object, names: Sequence[str] | None) -> str:
    """What a tag is called; a number stands for a name that must be known."""
    if isinstance(tag, str) and not (names and tag.isdigit()):
        return tag.strip()
    number = int(tag) if isinstance(tag, str) else tag
    if not isinstance(number, int) or isinstance(number, bool):
        raise DataError(f"{where}: expected a tag as text or number, received {type(tag).__name__}")
    if names is None:
        raise DataError(
            f"{where}: expected names of tags, received numbers such as {number}",
            hint="Put a file labels.txt beside the data: one tag in each line, that of 0 first.",
        )
    if not 0 <= number < len(names):
        raise DataError(f"{where}: expected a tag from 0 to {len(names) - 1}, received {number}")
    return names[number]


def tag_names_beside(path: Path, column: str) -> list[str] | None:
    """The names that numbers of tags stand for, from a file beside a table.

    Args:
        path: The table.
        column: Its column of tags, after which a file may be called.

    Returns:
        In the order of the numbers; None where there is no such file, or it holds something else.
    """
    for name in (f"{column}.txt", *_NAMES):
        lines = _read(path.parent / name).split()
        if lines:
            return lines
    for name in (f"{column}.json", *_MAPPINGS):
        try:
            found = json.loads(_read(path.parent / name))
        except (ValueError, RecursionError):
            continue
        if isinstance(found, list) and all(isinstance(each, str) for each in found):
            return found
        if isinstance(found, dict) and found:
            pairs = {str(key): str(value) for key, value in found.items()}
            numbered = pairs if all(key.isdigit() for key in pairs) else {v: k for k, v in pairs.items()}
            order = [str(number) for number in range(len(numbered))]
            if set(order) == set(numbered):
                return [numbered[each] for each in order]
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8") if path.is_file() and path.stat().st_size < 2**20 else ""
    except (OSError, UnicodeDecodeError):
        return ""
