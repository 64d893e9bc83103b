"""Whether a path holds text: with tags for each word, in two languages, or with labels."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from convscope.data.columns import find_column
from convscope.data.heads import TableHead, suffix_of
from convscope.data.snapshot import DataSnapshot
from convscope.kinds.contract.kind import Detection
from convscope.kinds.text.classification.reader import MARK
from convscope.kinds.text.readers.columns import TEXT_COLUMNS, TEXT_LABEL_COLUMNS

CLASSIFICATION, TAGGING, TRANSLATION = "text-classification", "text-tagging", "translation"

_TAG = re.compile(r"O|[BIESLUM]-\S+|\S+-[BIES]")
_LANGUAGE = re.compile(r"(.+?)\.([a-z]{2,3})(\.gz)?$")
_NO_LANGUAGES = frozenset({"txt", "csv", "tsv", "tab", "pq", "npz", "npy", "vec", "gz"})
_PLAIN = frozenset({"", ".txt"})
_CODE = re.compile(r"[a-z]{2,3}")
_SPLIT = re.compile(r"train|val|test|dev|corpus")
_LETTER = re.compile(r"[^\W\d_]")
_FILE = re.compile(r".*\.\w{1,5}|.*[/\\].*")
_LINES = 400


def detect(snapshot: DataSnapshot) -> Detection | None:
    """The recipe for the texts of a path; None where there are none.

    A table or a file of lines without any sign of labels is weak evidence: any kind may have one beside it.
    """
    found = [*_tagged(snapshot), *_parallel(snapshot), *_tables(snapshot), *_folders(snapshot)]
    found += _lines(snapshot)
    return max(found, key=lambda each: each.confidence, default=None)


def _tagged(snapshot: DataSnapshot) -> Iterator[Detection]:
    """A word and its tag on each line."""
    for file, head in snapshot.texts.items():
        lines = [line.split() for line in head.splitlines()[:_LINES]]
        words = [line for line in lines if line and line[0] != "-DOCSTART-" and line[0] != "#"]
        widths = {len(line) for line in words}
        if len(words) < 3 or len(widths) != 1 or widths == {1} or [] not in lines:
            continue
        if all(_TAG.fullmatch(line[-1]) for line in words):
            yield Detection(TAGGING, 0.95, f"{file.name} has a word and a tag on each line")
            return


def _parallel(snapshot: DataSnapshot) -> Iterator[Detection]:
    """The same text in two languages: in two files, or in the columns of a table."""
    beside = snapshot.beside if _language(snapshot.path) else ()
    languages: dict[str, dict[str, Path]] = {}
    for file in (*snapshot.data_files, *beside):
        found = _language(file)
        if found is not None and _SPLIT.search(found[0]):
            languages.setdefault(found[0], {})[found[1]] = file
    for stem, files in sorted(languages.items()):
        texts = sorted(language for language, file in files.items() if snapshot.head(file))
        if len(texts) > 1:
            there = " and ".join(f".{each}" for each in texts)
            yield Detection(TRANSLATION, 0.95, f"{stem} is there as {there}")
            return
    for file, head in snapshot.tables.items():
        if suffix_of(file) in {".jsonl", ".ndjson"} and _translates(head):
            yield Detection(TRANSLATION, 0.95, f"{file.name} has texts by language")
        elif suffix_of(file) == ".tsv" and _are_languages(head.first) and _has_letters(head):
            yield Detection(TRANSLATION, 0.95, f"{file.name} has a column for each language")


def _tables(snapshot: DataSnapshot) -> Iterator[Detection]:
    """A table with a column of texts, by its name or by what stands in it."""
    for file, head in snapshot.tables.items():
        confidence = _sureness(head)
        if confidence:
            yield Detection(CLASSIFICATION, confidence, f"{file.name} is a table of texts")


def _sureness(head: TableHead) -> float:
    labelled = find_column(head.first, TEXT_LABEL_COLUMNS) is not None
    at = find_column(head.first, TEXT_COLUMNS)
    if at is not None and _holds_texts(head, at):
        return 0.8 if labelled else 0.5
    places = [place for place in range(len(head.first)) if _holds_texts(head, place)]
    if any(_are_sentences(_cells(head, place)) for place in places):
        return 0.5 if labelled else 0.4
    few = len(head.first) <= 3
    return 0.3 if few and labelled and any(_are_names(head.column(place)) for place in places) else 0.0


def _cells(head: TableHead, at: int) -> Sequence[str]:
    """A column with its first row, which may be a text as well."""
    return (head.first[at], *head.column(at)) if head.delimiter else head.column(at)


def _holds_texts(head: TableHead, at: int) -> bool:
    """Whether letters stand in a column, as far as anything is seen of it."""
    cells = [cell for cell in head.column(at) if cell]
    typed = not head.types or "string" in head.types[at]
    if not cells:
        return typed and not head.rows
    return typed and sum(bool(_LETTER.search(cell)) for cell in cells) * 2 >= len(cells)


def _are_sentences(cells: Sequence[str]) -> bool:
    """Whether most are of three words or more, and differ."""
    words = [len(_words(cell)) for cell in cells if cell]
    return (
        bool(words)
        and sum(count > 2 for count in words) * 2 >= len(words)
        and len(set(cells)) * 2 > len(cells)
    )


def _are_names(cells: Sequence[str]) -> bool:
    """Whether they differ and are no names of files."""
    return len(set(cells)) * 2 > len(cells) and not any(_FILE.fullmatch(cell) for cell in cells)


def _folders(snapshot: DataSnapshot) -> Iterator[Detection]:
    """A folder for each class with a file for each text."""
    if not snapshot.path.is_dir():
        return
    inside = [
        file for file, head in snapshot.texts.items() if file.parent != snapshot.path and _is_prose(head)
    ]
    if len({file.parent for file in inside}) > 1:
        suffixes = frozenset(map(suffix_of, inside))
        confidence = 0.75 if snapshot.prevails(suffixes) else 0.3
        yield Detection(CLASSIFICATION, confidence, f"{inside[0].name} is text in a folder for its class")


def _lines(snapshot: DataSnapshot) -> Iterator[Detection]:
    """A file of labels and texts, one on each line."""
    for file, head in snapshot.texts.items():
        lines = [line for line in head.splitlines() if _words(line)][:_LINES]
        if not _is_prose(head) or (len(lines) == 1 and suffix_of(file) not in _PLAIN):
            continue
        labels = Counter(line.split(maxsplit=1)[0] for line in lines if len(line.split(maxsplit=1)) > 1)
        if not labels:
            if lines:
                yield Detection(CLASSIFICATION, 0.3, f"{file.name} is text")
        elif all(label.startswith(MARK) for label in labels):
            yield Detection(CLASSIFICATION, 0.9, f"{file.name} has {MARK} on each line")
        else:
            repeated = len(lines) > 3 and len(labels) * 2 <= len(lines)
            said = "has a label and a text on each line" if repeated else "is text"
            yield Detection(CLASSIFICATION, 0.6 if repeated else 0.4, f"{file.name} {said}")


def _is_prose(head: str) -> bool:
    """Whether half of what white space parts has a letter: a name beside numbers is no text."""
    words = head.split()
    return bool(words) and len(_words(head)) * 2 >= len(words)


def _words(text: str) -> list[str]:
    """Its words that have a letter."""
    return [word for word in text.split() if _LETTER.search(word)]


def _language(file: Path) -> tuple[str, str] | None:
    """What comes before a language at the end of a name, and that; None where there is none."""
    matched = _LANGUAGE.fullmatch(file.name)
    return None if matched is None or matched[2] in _NO_LANGUAGES else (matched[1], matched[2])


def _translates(head: TableHead) -> bool:
    if "translation" not in head.first:
        return _are_languages(head.first) and _has_letters(head)
    try:
        texts = json.loads(head.column(head.first.index("translation"))[0])
    except (ValueError, IndexError, RecursionError):
        return False
    return isinstance(texts, dict) and _are_languages([str(name) for name in texts])


def _are_languages(names: Sequence[str]) -> bool:
    return len(names) > 1 and all(_CODE.fullmatch(name) for name in names)


def _has_letters(head: TableHead) -> bool:
    return all(any(_LETTER.search(cell) for cell in head.column(at)) for at in range(len(head.first)))
