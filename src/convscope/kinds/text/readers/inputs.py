"""Texts without labels, to predict: standard input, files, folders, patterns, or the text itself."""

from __future__ import annotations

import glob
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from convscope.data.encoding import check_encoding
from convscope.data.found_encoding import found_encoding
from convscope.data.lines import ControlCharacters, clean_text, lines_of, read_lines, read_text
from convscope.data.listing import Listing
from convscope.data.named_files import STANDARD_INPUT, nothing_in
from convscope.data.splits import LeftOut
from convscope.data.tables import TableKind, open_table, table_kind
from convscope.errors import DataError
from convscope.kinds.text.readers.columns import TEXT_ROLES, ColumnsGiven, find_text_columns
from convscope.kinds.text.readers.headers import without_headers
from convscope.kinds.text.readers.label_lines import MARK, are_labels
from convscope.kinds.text.readers.rows import MOST_CHARACTERS, joined_text
from convscope.kinds.text.readers.sources import Texts
from convscope.types import Progress, Skipped, no_progress

_REPORTED = 8192
_ABOUT = re.compile(r"(readme|licen[cs]e|copying|changelog|authors|contributing)([._-].*)?")


@dataclass(frozen=True)
class TextInputs(LeftOut, Texts):
    """Texts without labels, and what was left out."""


def read_text_inputs(
    inputs: Sequence[str],
    *,
    progress: Progress = no_progress,
    encoding: str | None = None,
    text_column: str | None = None,
    headers: str | None = None,
) -> TextInputs:
    """Reads the texts that are asked about.

    | what is given | what it is |
    |---|---|
    | `-` | standard input, a text in each line |
    | `.csv`, `.tsv`, `.jsonl`, `.parquet` | the texts of the text column |
    | a file with `__label__` or a label and a tab before each text | the texts, without their labels |
    | any other file | a text in each line |
    | a folder | each `.txt` file, and each without an ending, is a text; tables as above; at any depth |
    | a pattern such as `mails/*.txt` | the files and folders that match, sorted |
    | what is none of these and holds white space | a text itself |

    Empty lines and empty fields are empty texts, so that there is an answer for each line, in its order.

    Args:
        inputs: Any of these.
        progress: Receives the number of texts read.
        encoding: Name of a Python codec for text files and standard input; UTF-8 by default.
        text_column: The column of texts in a table, or several with commas between; a number from 1 where
            there is no header.
        headers: Of messages: left out of texts of whole files where it is `strip`.

    Returns:
        The texts, in the order given.

    Raises:
        DataError: One word is no path, a pattern matches nothing, a file is malformed, or there is no text.
        UsageError: No encoding has this name.
    """
    check_encoding(encoding)
    given = _Given(progress, encoding, ColumnsGiven(text_column), headers == "strip")
    for number, one in enumerate(inputs, 1):
        given.add_input(str(one), number)
    if not given.texts:
        raise nothing_in(inputs, "texts", given.skipped)
    progress(len(given.texts), len(given.texts), "reading texts")
    warnings = (*given.controls.warnings, *given.warnings)
    return TextInputs("", given.keys, given.texts, tuple(given.skipped), warnings)


@dataclass
class _Given:
    progress: Progress
    encoding: str | None
    columns: ColumnsGiven
    strips: bool
    keys: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    controls: ControlCharacters = field(default_factory=ControlCharacters)
    warnings: list[str] = field(default_factory=list)
    characters: int = 0

    def add_input(self, one: str, number: int) -> None:
        if one == STANDARD_INPUT:
            for line, text in lines_of(
                sys.stdin.buffer, "standard input", self.encoding, controls=self.controls
            ):
                self._add(f"standard input#{line}", text)
            return
        places = [one] if _exists(one) else _matches(one)
        for place in places:
            self._add_path(Path(place))
        if places:
            return
        if one.strip() and any(map(str.isspace, one)):
            self._add(f"text {number}", clean_text(one.strip(), f"text {number}", self.controls))
        elif glob.has_magic(one):
            raise DataError(f"{one}: the pattern matches no file", hint="Check the folder of the pattern.")
        else:
            raise DataError(
                f"{one or 'an empty input'}: there is no such file or folder, and one word is not taken for a"
                " text",
                hint="Check the spelling of the path; quote a text of one word with a space behind it, or"
                " give - and write it to standard input.",
            )

    def _add_path(self, path: Path) -> None:
        if not path.is_dir():
            self._add_file(path)
            return
        listing = Listing(str(path))
        for key in listing.files_below(""):
            file = path / key
            if table_kind(file):
                self._add_file(file)
            elif is_text_file(file):
                text = read_text(file, found_encoding(file, self.encoding).name, controls=self.controls)
                self._add(str(file), without_headers(text) if self.strips else text)
            else:
                listing.skip(key, "neither a .txt file nor a table")
        self.skipped += listing.skipped

    def _add_file(self, path: Path) -> None:
        kind = table_kind(path) or self._add_lines(path)
        if kind is None:
            return
        table = open_table(
            path,
            kind,
            encoding=self.encoding,
            controls=self.controls,
            wanted=self.columns.names,
            roles=TEXT_ROLES,
        )
        given = ColumnsGiven() if len(table.columns) == 1 else self.columns
        with self.controls.paused():
            columns = find_text_columns(table, given, labelled=False).texts
        for number, values in table.rows(columns):
            text = joined_text(table.where(number), values, kind, self.controls)
            if not isinstance(text, str):
                raise DataError(
                    f"{table.where(number)}: expected text, received {type(text).__name__}",
                    hint="Check which column holds the texts: --text-column.",
                )
            self._add(f"{path}#{number}", clean_text(text, table.where(number), self.controls))

    def _add_lines(self, path: Path) -> TableKind | None:
        """Takes the lines of a file, or recognizes that it is a table: labels and texts between tabs."""
        lines = list(read_lines(path, found_encoding(path, self.encoding).name, controls=self.controls))
        parted = [re.split(r"\t| ", line, maxsplit=1) for _, line in lines if line.strip()]
        behind = [each[1] for each in parted if len(each) > 1]
        labels = Counter(each[0] for each in parted)
        whole = bool(parted) and len(behind) == len(parted)
        marked = whole and all(label.startswith(MARK) for label in labels)
        tabs = whole and all("\t" in line for _, line in lines if line.strip())
        if tabs and not marked and are_labels(labels, behind, tabs=True):
            return "TSV"
        for number, line in lines:
            self._add(f"{path}#{number}", re.split(r"\t| ", line, maxsplit=1)[-1] if marked else line)
        if whole and not marked and are_labels(labels, behind, tabs=False):
            self.warnings.append(
                f"{path}: lines seem to begin with a label, such as {next(iter(labels))!r};"
                " it is read as a word"
            )
        return None

    def _add(self, key: str, text: str) -> None:
        self.characters += len(text)
        if self.characters > MOST_CHARACTERS:
            raise DataError(
                f"{key}: the texts have more than {MOST_CHARACTERS:,} characters", hint="Give fewer at once."
            )
        self.keys.append(key)
        self.texts.append("" if text.isspace() else text)
        if not len(self.texts) % _REPORTED:
            self.progress(len(self.texts), None, "reading texts")


def is_text_file(path: Path) -> bool:
    """True of `.txt`, packed or not, and of names without an ending, but for those of a README."""
    name = path.name.lower().removesuffix(".gz")
    ending = name.rpartition(".")[2] if "." in name else ""
    return (ending in ("txt", "text") or not ending or ending.isdigit()) and not _ABOUT.fullmatch(name)


def _exists(path: str) -> bool:
    try:
        return bool(path) and (Path(path).exists() or Path(path).is_symlink())
    except (OSError, ValueError):  # too long for a path, or holds a NUL character
        return False


def _matches(pattern: str) -> list[str]:
    if not glob.has_magic(pattern) or "\0" in pattern:
        return []
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - knows absolute patterns
    return [match for match in found if "**" not in pattern or not Path(match).is_dir()]
