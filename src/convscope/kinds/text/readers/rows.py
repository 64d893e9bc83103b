"""Labelled texts as they are collected: checked, cleaned, counted; then what the splits are made of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from convscope.data.assembly import Found
from convscope.data.digests import digests_of
from convscope.data.lines import LONGEST_LINE, ControlCharacters, clean_text
from convscope.data.named_files import nothing_in
from convscope.data.tables import TableKind
from convscope.errors import DataError
from convscope.kinds.text.readers.headers import markup_warning, settle_headers
from convscope.kinds.text.readers.sources import Texts
from convscope.types import SPLITS, Progress, Skipped, SplitName

MOST_CHARACTERS = 2**30
"""Characters of all texts together that are held in memory at most."""

_NOT_LETTERS = re.compile(r"[\W\d_]+")
_REPORTED = 8192


@dataclass
class TextRows:
    """Texts with labels and splits.

    Args:
        root: The folder that the keys are relative to.
        progress: Receives the number of texts read.
        controls: Counts control characters.
        headers: Whether headers of messages are kept or stripped; None where the texts decide.
        grouped_by: What names the groups of the texts.
    """

    root: Path
    progress: Progress
    controls: ControlCharacters = field(default_factory=ControlCharacters)
    headers: str | None = None
    grouped_by: str = ""
    keys: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    splits: list[SplitName | None] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    decisions: dict[str, None] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    reading: dict[str, str] = field(default_factory=dict)
    characters: int = 0

    def add(
        self,
        where: str,
        key: str,
        text: object,
        label: str | None,
        split: SplitName | None,
        group: str | None = None,
    ) -> None:
        """Keeps a text, or lists it as skipped where it is empty.

        Args:
            where: The file and line, for messages.
            key: The same below the root.
            text: A string that is clean, or whatever else stands there.
            label: The name of the class; None where it has none.
            split: Where it belongs, if that is known.
            group: The name of the group that it belongs to.

        Raises:
            DataError: The text is no text, too long, or one too many for the memory.
        """
        if text is None:
            text = ""
        if not isinstance(text, str):
            raise DataError(
                f"{where}: expected text, received {type(text).__name__}",
                hint="Check which column holds the texts: --text-column.",
            )
        if not text or text.isspace():
            self.skipped.append(Skipped(where, "an empty text"))
            return
        self.characters += len(text)
        if len(text) > LONGEST_LINE:
            raise DataError(f"{where}: the text is longer than {LONGEST_LINE:,} characters")
        if self.characters > MOST_CHARACTERS:
            raise DataError(
                f"{where}: the texts have more than {MOST_CHARACTERS:,} characters",
                hint="Use fewer texts.",
            )
        self.keys.append(key)
        self.texts.append(text)
        self.labels.append(label)
        self.splits.append(split)
        self.groups.append(group)
        if not len(self.texts) % _REPORTED:
            self.progress(len(self.texts), None, "reading texts")

    def found(self, where: str, layout: str) -> Found:
        """What the splits are made of.

        Args:
            where: The path that was read, for messages.
            layout: One line that says which layout was recognized and by what.

        Raises:
            DataError: There is no text.
        """
        if not self.texts:
            raise nothing_in([where], "texts with labels", self.skipped)
        self.progress(len(self.texts), len(self.texts), "reading texts")
        self.texts, headers, said = settle_headers(self.texts, self.headers)
        if said:
            self.decisions[said] = None
        if headers is not None:
            self.reading["headers"] = headers
        complete = set(SPLITS) <= set(self.splits)
        return Found(
            where=where,
            layout=layout,
            source=Texts(str(self.root), self.keys, self.texts),
            labels=self.labels,
            splits=self.splits,
            digests=digests_of(" ".join(text.split()).encode() for text in self.texts),
            near=None if complete else digests_of(plain(text).encode() for text in self.texts),
            nouns=("text", "texts"),
            alike="texts that differ only in case, digits and punctuation",
            decisions=tuple(self.decisions),
            groups=self.groups if any(each is not None for each in self.groups) else None,
            grouped_by=self.grouped_by,
            warnings=(*self.controls.warnings, *self.warnings, *markup_warning(self.texts)),
            skipped=tuple(self.skipped),
            reading=self.reading,
        )


def joined_text(where: str, values: Sequence[object], kind: TableKind, controls: ControlCharacters) -> object:
    """The text of one column, or of several, one below the other.

    Args:
        where: The file and line, for messages.
        values: What stands in the columns.
        kind: What the table is; what JSON and Parquet hold is not clean yet.
        controls: Where control characters are counted.

    Returns:
        Clean text; the first value that is none, where there is one.
    """
    odd = next((value for value in values if value is not None and not isinstance(value, str)), None)
    if odd is not None:
        return odd
    whole = "\n".join(value for value in values if isinstance(value, str) and value)
    return whole if kind in ("CSV", "TSV") else clean_text(whole, where, controls)


def plain(text: str) -> str:
    """A text by which near duplicates are found: letters alone, or all of it where it has none.

    Example:
        >>> plain("WIN 1000 pounds!! Call 0800-123"), plain("12:30")
        ('win pounds call', '12:30')
    """
    return _NOT_LETTERS.sub(" ", text.casefold()).strip() or " ".join(text.split())
