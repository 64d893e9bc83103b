"""Sentences with a tag per word from CoNLL column files: one file, or a folder of train, dev and test.

A line holds a word and what is known of it, in columns between tabs (where the first line has one) or
spaces; a blank line ends a sentence. The word is the first column and the tag the last, unless others are
given. Files of a folder are told apart by their names: `train`, `training`; `dev`, `valid`, `validation`,
`val`, `testa`; `test`, `testb`; between points, dashes and underscores, `.gz` at the end or not.

Tags of IOB1, IOB2 and IOBES (BILOU and BMEWO too) are converted to IOBES; other tags stay as they are.

| what is there | what happens |
|---|---|
| `-DOCSTART-` lines | left out; they end a sentence |
| lines that begin with `#` and have not the columns of the file | comments, left out |
| any line ends, a byte order mark, blank lines with spaces | as `lines.read_lines` has it |
| control characters | replaced by spaces, warning with the count |
| NUL, bytes that are not of the encoding, a line of a million characters | `DataError` with the line |
| a line with more or fewer columns than the first; an empty word or tag | `DataError` with the line |
| one column only | `DataError` |
| a tag that is not of the scheme of most, such as `X-PER` or `I-` | `DataError` with the line |
| tags that break the scheme's rules, such as `E-PER` behind `O` | read as conlleval does, warning: count |
| a type (or plain tag) that is not in train | warning with the count: it cannot be found |
| fewer than two different tags | `DataError` |
| over 10,000 words without a blank line | `DataError` with the line |
| an empty file, one without a sentence, a folder without a readable file | `DataError` |
| a folder without train, or with two files for one split | `DataError` that lists them |
| files whose names tell no split, folders in the folder | skipped, listed; a single file stands for all |
| hidden files | ignored |
| identical sentences in train and in validation or test | warning with the count |
| no validation or test | a tenth of the sentences each, drawn with the seed; identical ones on one side |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convscope.data.lines import ControlCharacters, read_lines
from convscope.data.splits import Splits
from convscope.errors import DataError, UsageError
from convscope.kinds.text.readers.sentences import Sentence
from convscope.kinds.text.tagging.tagged_splits import TaggedFound, tagged_splits
from convscope.types import SPLITS, Progress, Skipped, SplitName, no_progress

LONGEST_SENTENCE = 10_000
"""Words without a blank line between them."""

_SPLIT_NAMES: dict[str, SplitName] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "devel", "valid", "validation", "val", "testa"), "validation"),
    **dict.fromkeys(("test", "testing", "testb"), "test"),
}
_DOCUMENT = "-DOCSTART-"
_SPACES = re.compile(r"[ \t]+")
_TRAIN = SPLITS.index("train")


@dataclass(frozen=True)
class _Columns:
    """How the lines of a file are divided, and where word and tag stand."""

    tabs: bool
    count: int
    word: int
    tag: int

    def divide(self, line: str) -> list[str]:
        return line.split("\t") if self.tabs else _SPACES.split(line.strip(" \t"))


def read_conll(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    encoding: str | None = None,
    word_column: int = 1,
    tag_column: int = -1,
) -> Splits:
    """Reads sentences with a tag per word.

    Args:
        path: A file, or a folder of files.
        seed: Draws the splits that the data does not have.
        progress: Told how many lines were read.
        encoding: Name of a Python codec; UTF-8 by default.
        word_column: Where the word stands, from 1, or from the end as -1.
        tag_column: Where the tag stands, from 1, or from the end as -1.

    Returns:
        Splits of `Sentence`; labels are tuples of tags, the class names the types of entities, or all
        tags where they are plain.

    Raises:
        DataError: As the table of this file says.
        UsageError: A column that is not there, or an encoding that nobody knows.
    """
    place = Path(path)
    files, skipped = _files(place)
    found, controls = TaggedFound(), ControlCharacters()
    width: tuple[Path, int] | None = None
    decisions: list[str] = []
    for file, split in files:
        lines = list(read_lines(file, encoding, controls=controls))
        columns = _columns(file, lines, word_column, tag_column)
        if width is None:
            width = (file, columns.count)
            decisions.append(_said(columns))
        elif width[1] != columns.count:
            raise DataError(
                f"{file}: expected {width[1]} columns as in {width[0].name}, received {columns.count}"
            )
        _read_file(file, split, lines, columns, found, progress)
    root = place.parent if place.is_file() else place
    return tagged_splits(root, place, found, seed, decisions, list(controls.warnings), skipped)


def _files(place: Path) -> tuple[list[tuple[Path, SplitName | None]], list[Skipped]]:
    """What to read, train first, and what to leave."""
    if not place.is_dir():
        return [(place, None)], []
    try:
        entries = sorted(entry for entry in place.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(
            f"{place}: cannot be read ({error.strerror or error})",
            hint="Check the permissions of the folder.",
        ) from None
    files = [entry for entry in entries if entry.is_file()]
    skipped = [Skipped(str(entry), "not a file") for entry in entries if not entry.is_file()]
    if not files:
        raise DataError(f"{place}: expected files with a word and its tag in each line, found no file")
    named: dict[SplitName, list[Path]] = {}
    for file in files:
        split = _split_of(file)
        if split:
            named.setdefault(split, []).append(file)
        elif len(files) > 1:
            skipped.append(Skipped(str(file), "its name contains no split"))
    if not named and len(files) == 1:
        return [(files[0], None)], skipped
    if "train" not in named:
        names = ", ".join(file.name for file in files[:10])
        raise DataError(
            f"{place}: expected a file with 'train' in its name, found {names}",
            hint="Name the files train.txt, dev.txt and test.txt, or point to one file.",
        )
    for split, several in named.items():
        if len(several) > 1:
            raise DataError(
                f"{place}: expected one {split} file, found {', '.join(file.name for file in several)}",
                hint="Give a folder with one data set, or one file.",
            )
    return [(named[split][0], split) for split in SPLITS if split in named], skipped


def _split_of(file: Path) -> SplitName | None:
    parts = re.split(r"[._\-\s]+", file.name.lower())
    return next((_SPLIT_NAMES[part] for part in parts if part in _SPLIT_NAMES), None)


def _columns(file: Path, lines: Sequence[tuple[int, str]], word: int, tag: int) -> _Columns:
    """How the first line that is no comment is divided."""
    data = [(number, line) for number, line in lines if line.strip() and not line.startswith(_DOCUMENT)]
    number, first = next((each for each in data if not each[1].startswith("#")), data[0] if data else (0, ""))
    if not data:
        raise DataError(
            f"{file}: expected sentences, a word and its tag in each line, received none",
            hint="Check the path.",
        )
    columns = _Columns("\t" in first.rstrip("\t"), 0, 0, 0)
    count = len(columns.divide(first))
    if count < 2:
        raise DataError(
            f"{file}, line {number}: expected a word and its tag in columns, received one column",
            hint="Separate columns by tabs or spaces, and sentences by a blank line.",
        )
    places = []
    for name, column in (("word", word), ("tag", tag)):
        if not column or not -count <= column <= count:
            raise UsageError(
                f"{file} has {count} columns. Received: {name}_column={column}.",
                "Columns count from 1, or from the end as -1.",
            )
        places.append(column - 1 if column > 0 else count + column)
    return _Columns(columns.tabs, count, *places)


def _said(columns: _Columns) -> str:
    return (
        f"columns: the word is column {columns.word + 1} and the tag column {columns.tag + 1}"
        f" of {columns.count}, divided by {'tabs' if columns.tabs else 'spaces'}"
    )


def _read_file(
    file: Path,
    split: SplitName | None,
    lines: Sequence[tuple[int, str]],
    columns: _Columns,
    found: TaggedFound,
    progress: Progress,
) -> None:
    words: list[str] = []
    tags: list[str] = []
    numbers: list[int] = []
    before = len(found.sentences)

    def finish() -> None:
        if words:
            found.keys.append(f"{file.name}#{numbers[0]}")
            found.sentences.append(Sentence.of(words))
            found.tags.append(tuple(tags))
            found.lines.append((str(file), numbers.copy()))
            found.codes.append(_TRAIN if split is None else SPLITS.index(split))
        for each in (words, tags, numbers):
            each.clear()

    for count, (number, line) in enumerate(lines):
        if count % 10_000 == 0:
            progress(count, len(lines), f"reading {file.name}")
        if not line.strip() or line.startswith(_DOCUMENT):
            finish()
            continue
        fields = columns.divide(line)
        if len(fields) != columns.count:
            if line.startswith("#"):
                continue
            raise DataError(
                f"{file}, line {number}: expected {columns.count} columns as in the first line, received"
                f" {len(fields)}"
            )
        word, tag = fields[columns.word].strip(), fields[columns.tag].strip()
        if not word or not tag:
            raise DataError(f"{file}, line {number}: expected a word and a tag, received an empty column")
        words.append(word)
        tags.append(tag)
        numbers.append(number)
        if len(words) > LONGEST_SENTENCE:
            raise DataError(
                f"{file}, line {number}: over {LONGEST_SENTENCE:,} words without a blank line",
                hint="Separate sentences by a blank line.",
            )
    finish()
    if len(found.sentences) == before:
        raise DataError(f"{file}: expected sentences, received none")
