"""Whether a path holds text: with tags for each word, in two languages, or with labels.

Text is what people wrote: a table of names, numbers or files, a program, a log and a page of HTML are none,
and what is text but has nothing to learn is not taken either. So whatever is not understood stays without a
recipe.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from convscope.data.columns import find_column, is_label_name
from convscope.data.heads import JSON, TableHead, suffix_of
from convscope.data.snapshot import DataSnapshot
from convscope.kinds.contract.kind import Detection
from convscope.kinds.text.readers.columns import SURE_TEXT_COLUMNS, TEXT_COLUMNS, TEXT_LABEL_COLUMNS
from convscope.kinds.text.readers.label_lines import LEVELS, MARK, are_labels
from convscope.kinds.text.readers.languages import language_columns, language_of_text, names_language
from convscope.kinds.text.signs import are_sentences, are_words, is_log, is_prose, words_of_line
from convscope.kinds.text.tagging.reader import tagged_file

CLASSIFICATION, TAGGING, TRANSLATION = "text-classification", "text-tagging", "translation"

_SIDES = frozenset(("source", "target", "src", "tgt"))
_LANGUAGE = re.compile(r"(.+?)\.([a-z]{2,3})(\.gz)?$")
_NO_LANGUAGES = frozenset({"txt", "csv", "tsv", "tab", "pq", "npz", "npy", "vec", "gz"})
_PLAIN = frozenset({"", ".txt"})
_MEMORIES = frozenset({".tmx"})
_CODE = re.compile(r"[a-z]{2,3}")
_SPLIT = re.compile(r"train|val|test|dev|corpus")
_LINES = 400
_LONGEST_LABEL = 50
_FEW = 4
_MARKS = frozenset({"0", "1", "0.0", "1.0"})
_UNLIKE = 4
"""Columns of numbers from which on a text beside them, whose name says nothing, is one column of many."""


def detect(snapshot: DataSnapshot) -> Detection | None:
    """The recipe for the texts of a path; None where there are none, or nothing can be learned from them."""
    found = [*_tagged(snapshot), *_parallel(snapshot), *_tables(snapshot), *_folders(snapshot)]
    found += _lines(snapshot)
    return max(found, key=lambda each: each.confidence, default=None)


def _tagged(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Words with tags: in lines, in the rows of a table, in lists, or by their characters."""
    for file in chain(snapshot.texts, snapshot.tables):
        found = tagged_file(snapshot, file)
        if found is not None:
            yield Detection(TAGGING, 0.95 if found.is_sure else 0.9, f"{file.name} {found.why}")
            return


def _parallel(snapshot: DataSnapshot) -> Iterator[Detection]:
    """The same text in two languages: in two files, or in the columns of a table."""
    beside = snapshot.beside if _language(snapshot.path) else ()
    languages: dict[str, dict[str, Path]] = {}
    for file in (*snapshot.data_files, *beside):
        found = _language(file)
        if found is not None and (_SPLIT.search(found[0]) or names_language(found[1])):
            languages.setdefault(found[0], {})[found[1]] = file
    for stem, files in sorted(languages.items()):
        texts = sorted(language for language, file in files.items() if snapshot.head(file))
        known = any(map(names_language, texts)) and language_of_text(files[texts[0]].name) == ("", "")
        if len(texts) > 1 and (known or _are_apart(*(snapshot.head(files[each]) for each in texts[:2]))):
            there = " and ".join(f".{each}" for each in texts)
            yield Detection(TRANSLATION, 0.95, f"{stem} is there as {there}")
            return
    for file in snapshot.ending_in(_MEMORIES)[:1]:
        yield Detection(TRANSLATION, 0.95, f"{file.name} is a translation memory")
    for file in (*snapshot.tables, *snapshot.ending_in(_PLAIN)[:_FEW]):
        head = snapshot.table(file)
        if head is not None and (suffix_of(file) not in _PLAIN or head.delimiter == "\t"):
            yield from _translations(file, head)


def _translations(file: Path, head: TableHead) -> Iterator[Detection]:
    """A table with a column for each of two languages, or lines of a sentence, a tab and another."""
    if suffix_of(file) in JSON and "translation" in head.first:
        if _is_nested(head):
            yield Detection(TRANSLATION, 0.95, f"{file.name} has texts by language")
        return
    named = language_columns(head.first)
    if len(named) == len(head.first) or (
        named and suffix_of(file) in JSON and all(map(_CODE.fullmatch, head.first))
    ):
        named = list(head.first)
    elif find_column(head.first, TEXT_LABEL_COLUMNS) is not None:
        named = []
    if len(named) > 1:
        if all(_is_text(head, head.first.index(name)) for name in named) and not _are_nodes(head, named):
            yield Detection(TRANSLATION, 0.95, f"{file.name} has a column for each language")
    elif head.delimiter == "\t" and len(head.first) in (2, 3) and len(head.rows) > 1:
        sides = [(head.first[at], *head.column(at)) for at in (0, 1)]
        apart = _are_apart(*("\n".join(side) for side in sides))
        if len(head.first) == 3 and apart and all("CC-BY" in cell for cell in head.column(2)):
            yield Detection(TRANSLATION, 0.95, f"{file.name} has pairs of sentences and who wrote them")
        elif len(head.first) == 2 and apart and all(map(are_sentences, sides)):
            yield Detection(TRANSLATION, 0.7, f"{file.name} has two columns of sentences of different words")


def _are_nodes(head: TableHead, named: Sequence[str]) -> bool:
    """Whether names stand in columns called source and target, as in a table of the edges of a graph."""
    if any(name.strip().lower() not in _SIDES for name in named):
        return False
    sides = [head.column(head.first.index(name)) for name in named]
    cells = [cell for side in sides for cell in side]
    shared = set(sides[0]).intersection(*sides[1:])
    return bool(cells) and (bool(shared) or all(len(cell.split()) < 2 for cell in cells))


def _are_apart(left: str, right: str) -> bool:
    """Whether two texts have few words in common, as those of two languages."""
    words, others = (Counter(word.lower() for word in words_of_line(text)) for text in (left, right))
    return sum((words & others).values()) * 3 < min(words.total(), others.total())


def _is_nested(head: TableHead) -> bool:
    try:
        texts = json.loads(head.column(head.first.index("translation"))[0])
    except (ValueError, IndexError, RecursionError):
        return False
    return isinstance(texts, dict) and len(texts) > 1 and all(_CODE.fullmatch(str(name)) for name in texts)


def _is_text(head: TableHead, at: int) -> bool:
    """Whether letters stand in a column, as far as anything is seen of it."""
    typed = not head.types or "string" in head.types[at]
    cells = head.column(at)
    return typed and (are_words(cells) if any(cells) else not head.rows)


def _tables(snapshot: DataSnapshot) -> Iterator[Detection]:
    """A table with a column of texts, and one that may be their label."""
    for file, head in snapshot.tables.items():
        confidence = _sureness(head)
        if confidence:
            yield Detection(CLASSIFICATION, confidence, f"{file.name} is a table of texts")


def _sureness(head: TableHead) -> float:
    label = find_column(head.first, TEXT_LABEL_COLUMNS)
    if label is None:
        label = next((at for at, name in enumerate(head.first) if is_label_name(name)), None)
    sure, named = (find_column(head.first, names) for names in (SURE_TEXT_COLUMNS, TEXT_COLUMNS))
    sentences = [at for at in range(len(head.first)) if are_sentences(_cells(head, at))]
    if sure is not None and sure != label and label is not None and _is_text(head, sure):
        return 0.8
    if named is not None and named != label and label is not None and named in sentences:
        return 0.8
    if not sentences or (named not in sentences and _numeric(head) >= _UNLIKE):
        return 0.0
    if label is not None and label not in sentences:
        return 0.6
    others = [at for at in range(len(head.first)) if at not in sentences]
    return 0.5 if any(_may_be_label(_cells(head, at)) for at in others) else 0.0


def _cells(head: TableHead, at: int) -> Sequence[str]:
    """A column with its first row, which may be a text as well."""
    return head.column(at) if head.named else (head.first[at], *head.column(at))


def _numeric(head: TableHead) -> int:
    """How many columns hold numbers, those of marks that are 0 or 1 aside."""
    columns = [[cell for cell in head.column(at) if cell] for at in range(len(head.first))]
    return sum(not set(cells) <= _MARKS and not any(map(words_of_line, cells)) for cells in columns)


def _may_be_label(cells: Sequence[str]) -> bool:
    """Whether short values come again, as far as is seen."""
    filled = [cell for cell in cells if cell]
    short = len(filled) > 1 and all(len(cell) <= _LONGEST_LABEL for cell in filled)
    if {cell.upper() for cell in filled[1:]} <= LEVELS:
        return False  # how grave the messages of a log are
    return short and (len(filled) <= _FEW or len(set(filled[1:])) * 2 <= len(filled))


def _folders(snapshot: DataSnapshot) -> Iterator[Detection]:
    """A folder for each class with a file for each text."""
    if not snapshot.path.is_dir():
        return
    files = {file: head for file, head in snapshot.texts.items() if file.parent != snapshot.path}
    inside = [file for file, head in files.items() if is_prose(head)]
    if len({file.parent for file in inside}) > 1 and len(inside) * 2 >= len(files):
        suffixes = frozenset(map(suffix_of, inside))
        confidence = 0.75 if snapshot.prevails(suffixes) else 0.3
        yield Detection(CLASSIFICATION, confidence, f"{inside[0].name} is text in a folder for its class")


def _lines(snapshot: DataSnapshot) -> Iterator[Detection]:
    """A file of labels and texts, one on each line."""
    for file, head in snapshot.texts.items():
        lines = [line for line in head.splitlines() if words_of_line(line)][:_LINES]
        parted = [re.split(r"\t| ", line, maxsplit=1) for line in lines]
        if len(lines) < 2 or any(len(each) < 2 for each in parted) or is_log(lines) or not is_prose(head):
            continue
        labels = Counter(each[0] for each in parted)
        if all(label.startswith(MARK) for label in labels):
            yield Detection(CLASSIFICATION, 0.9, f"{file.name} has {MARK} on each line")
        elif are_labels(labels, [each[1] for each in parted], all("\t" in line for line in lines)):
            yield Detection(CLASSIFICATION, 0.6, f"{file.name} has a label and a text on each line")


def _language(file: Path) -> tuple[str, str] | None:
    """What comes before a language at the end of a name, and that; None where there is none."""
    matched = _LANGUAGE.fullmatch(file.name)
    if matched is not None and matched[2] not in _NO_LANGUAGES:
        return matched[1], matched[2]
    stem, language = language_of_text(file.name)
    return (stem, language) if stem else None
