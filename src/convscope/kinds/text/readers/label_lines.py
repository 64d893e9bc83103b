"""Files with a label and a text in each line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from convscope.data.found_encoding import found_encoding
from convscope.data.lines import ControlCharacters, read_lines
from convscope.errors import DataError
from convscope.kinds.text.signs import is_sentence, words_of_line

LineForm = Literal["label text", "__label__ text", "TSV"]

MARK = "__label__"
"""Stands before a label in files for fastText."""

_PEEKED = 200
_MANY = 20
_FEW = 4
_MOST_FIRST_WORDS = 20
_SMALL_NUMBER = re.compile(r"[-+]?\d{1,2}")
LEVELS = frozenset({"INFO", "WARN", "WARNING", "ERROR", "DEBUG", "TRACE", "FATAL", "CRITICAL", "NOTICE"})
"""What lines of a log begin with."""


def line_form(path: Path, encoding: str | None = None) -> LineForm:
    """How the lines of a file that is no table by its name are built.

    Raises:
        DataError: As `read_lines`, or the file is empty.
    """
    lines = [line for _, line in islice(_filled(path, encoding), _PEEKED)]
    if not lines:
        raise DataError(f"{path}: expected lines of texts with labels, received an empty file")
    if any(line.startswith(MARK) for line in lines):
        return "__label__ text"
    return "TSV" if all("\t" in line.strip() for line in lines) else "label text"


def label_lines(
    path: Path, form: LineForm, encoding: str | None = None, controls: ControlCharacters | None = None
) -> Iterator[tuple[int, str, str]]:
    """The texts and labels of a file; lines of white space alone are left out.

    Args:
        path: The file.
        form: As `line_form` found it, not TSV.
        encoding: As `read_lines`.
        controls: Where control characters are counted.

    Yields:
        The number of the line, the text (empty where there is none) and the label.

    Raises:
        DataError: As `read_lines`; a line has no label, or several.
    """
    for number, line in _filled(path, encoding, controls):
        label, _, text = line.strip().partition(" ") if form != "label text" else line.partition(" ")
        where = f"{path}, line {number}"
        if form == "__label__ text":
            if not label.startswith(MARK):
                raise DataError(
                    f"{where}: expected a line that begins with {MARK}, received {label[:40]!r}",
                    hint=f"Write {MARK} and the label before each text.",
                )
            label = label.removeprefix(MARK)
            if text.startswith(MARK):
                raise DataError(
                    f"{where}: expected one label, received several", hint="Leave one label in each line."
                )
        if not label.strip():
            raise DataError(
                f"{where}: expected a label before the text, received none",
                hint="Begin each line with a label and a space.",
            )
        yield number, text.strip(), label.strip()


def check_few_labels(where: str, labels: Mapping[str, int]) -> None:
    """Stops where the first words of lines are so many that they cannot be labels.

    Args:
        where: The file, for messages.
        labels: How often each occurs.

    Raises:
        DataError: There are more of them than half of the lines, or most of many occur once.
    """
    lines = sum(labels.values())
    once = sum(count == 1 for count in labels.values())
    if len(labels) > max(2, lines / 2) or (len(labels) > _MANY and once > len(labels) / 2):
        raise DataError(
            f"{where}: expected lines of a label and a text, received {len(labels)} different first words in"
            f" {lines} lines",
            hint="Write a label and a space before each text, or a table with a header: text,label.",
        )


def _filled(
    path: Path, encoding: str | None, controls: ControlCharacters | None = None
) -> Iterator[tuple[int, str]]:
    for number, line in read_lines(path, found_encoding(path, encoding).name, controls=controls):
        if line and not line.isspace():
            yield number, line


def are_labels(labels: Counter[str], texts: Sequence[str], tabs: bool) -> bool:
    """Whether the first words of lines are few, come again, and are no words of the texts behind them.

    Args:
        labels: How often each first word occurs.
        texts: What stands behind it in each line.
        tabs: Whether a tab stands between.
    """
    sentences = sum(is_sentence(text) or (tabs and len(words_of_line(text)) > 1) for text in texts)
    if len(labels) < 2 or labels.keys() <= LEVELS or sentences * 2 < len(texts):
        return False
    if len(texts) > _FEW and len(labels) > min(len(texts) // 2, max(_MOST_FIRST_WORDS, len(texts) // 8)):
        return False
    if tabs or all(map(_SMALL_NUMBER.fullmatch, labels)):
        return True
    known = {label.lower() for label in labels}
    also = sum(not known.isdisjoint(text.lower().split()) for text in texts)
    return len(texts) > _FEW and also * 20 < len(texts) < 2 * len(set(texts))
