"""Labelled texts from whatever is there: the layout is chosen by looking, and said.

| what is there | layout |
|---|---|
| `.csv`, `.tsv`, `.jsonl`, `.parquet` | a table with columns text, label[, split] |
| another file whose lines all have a tab | the same as TSV |
| a file with lines that begin with `__label__` | fastText's lines |
| any other file | lines of `label text` |
| files with a word for the split in their name (`sst.train`, `sst.test`) | one data set |
| a folder with one such set, or with one file | that set or file |
| a folder of Parquet files, as Hugging Face writes them | one table, splits by the files' names |
| a folder of folders with `.txt` files | folder per class; `train/ validation/ test/` if named so |

Of a set, one of its files may be given, or what the names have in common (`sst`). All but Parquet may be
packed as `.gz`. Columns are found as given, by their usual names, or by content: texts are where the longest
strings are, labels where the fewest different values are. CSV and TSV need no header.

What happens to bad input:

| what is wrong | what happens |
|---|---|
| bytes that are not UTF-8, or not the encoding given | `DataError` with line and byte, offers `--encoding` |
| an encoding that nobody knows | `UsageError` |
| a binary file, a NUL character, half of a surrogate pair | `DataError` with the line |
| control characters other than tab and line end | replaced by spaces; warning with count and first line |
| line ends of several kinds; a byte order mark | read as if they were of one kind; left out |
| a line or a text of more than a million characters | `DataError` with the line |
| a text that is empty or white space alone | skipped, counted, listed |
| blank lines | ignored |
| a label that is missing, nested, or of more than 200 characters | `DataError` with the line |
| labels that are numbers or booleans | named by their digits, `true`, `false`; `1.0` is `1` |
| a text that is nested or a number | `DataError` with the line |
| columns that are missing | `DataError` that lists those that are there |
| a row with more or fewer fields than the first, a quote that does not end | `DataError` with the line |
| damaged JSON, a line that is no object | `DataError` with the line |
| a split that nobody knows, or for some texts only | `DataError` |
| first words so many that they cannot be labels | `DataError` |
| fewer than two classes, a class with one text, a class that is not in train | `DataError` |
| files or rows of validation and test, but none of train | `DataError` |
| identical texts (white space aside) in train and in validation or test | warning with the count |
| identical texts with different labels | warning with the count |
| several data sets in one folder | `DataError` that lists them |
| an empty file, a folder without texts, a path that does not exist or cannot be read | `DataError` |
| a damaged `.gz` or Parquet file | `DataError` |
| a link that leaves the folder, a broken link, a file beside those that are read | skipped, listed |
| more than 2**30 characters in all | `DataError` |

Where the data has no validation or test split, a tenth of each class is drawn from train with the seed; texts
that differ only in case, digits and punctuation stay on one side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from convscope.data.assembly import assemble
from convscope.data.class_folders import class_files
from convscope.data.columns import label_name, split_name
from convscope.data.encoding import check_encoding
from convscope.data.file_sets import FileSet, set_at
from convscope.data.lines import ControlCharacters, clean_text, read_lines, read_text
from convscope.data.listing import Listing
from convscope.data.splits import Splits
from convscope.data.tables import TableKind, open_table, table_kind
from convscope.errors import DataError
from convscope.kinds.text.readers.columns import TEXT_ROLES, find_text_columns
from convscope.kinds.text.readers.rows import TextRows
from convscope.types import Progress, SplitName, no_progress

LineForm = Literal["label text", "__label__ text", "TSV"]

MARK = "__label__"
"""Stands before a label in files for fastText."""

_PEEKED = 200
_MANY = 20


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
    for number, line in read_lines(path, encoding, controls=controls):
        if line and not line.isspace():
            yield number, line


@dataclass(frozen=True)
class _Asked:
    encoding: str | None
    text_column: str | None
    label_column: str | None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name in (self.text_column, self.label_column) if name is not None)


def read_texts(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    encoding: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    group: str | None = None,
) -> Splits:
    """Reads labelled texts from any of the layouts in the table above.

    Args:
        path: A folder, a file, or what the names of the files of one data set begin with.
        seed: Draws the splits that the data does not have; not negative.
        progress: Told how far reading has come.
        encoding: Name of a Python codec for text files; UTF-8 by default.
        text_column: The column of texts in a table; a number from 1 where there is no header.
        label_column: The column of labels, likewise.
        group: As `assemble`.

    Returns:
        Train, validation and test, with the layout, every decision, every warning and all that was skipped.

    Raises:
        DataError: As the table above says; the message names the file and the line.
        UsageError: No encoding has this name.
    """
    check_encoding(encoding)
    place = Path(path)
    asked = _Asked(encoding, text_column, label_column)
    files = set_at(place, "texts")
    rows = TextRows(place if files is None else files.root, progress)
    layout = _read_folders(rows, asked) if files is None else _read_files(files, rows, asked)
    return assemble(rows.found(str(place), layout), seed, group)


def _read_files(files: FileSet, rows: TextRows, asked: _Asked) -> str:
    rows.skipped += files.skipped
    forms: dict[str, None] = {}
    for key, split in zip(files.keys, files.splits, strict=True):
        path = files.root / key
        kind = table_kind(path)
        form = None if kind else line_form(path, asked.encoding)
        if form is None or form == "TSV":
            forms[_read_table(path, kind or "TSV", key, split, rows, asked)] = None
            continue
        if asked.columns:
            raise DataError(
                f"{path}: expected a table with a column '{asked.columns[0]}', received lines of `{form}`"
            )
        labels = Counter[str]()
        for number, text, label in label_lines(path, form, asked.encoding, rows.controls):
            name = label_name(f"{path}, line {number}", label)
            labels[name] += 1
            rows.add(f"{path}, line {number}", f"{key}#{number}", text, name, split)
        check_few_labels(str(path), labels)
        forms[f"lines of `{form}`"] = None
    rows.decisions |= dict.fromkeys(files.decisions())
    return files.layout(forms)


def _read_table(
    path: Path, kind: TableKind, key: str, split: SplitName | None, rows: TextRows, asked: _Asked
) -> str:
    """Adds the rows of a table; returns its form in a few words."""
    table = open_table(
        path,
        kind,
        encoding=asked.encoding,
        controls=rows.controls,
        wanted=asked.columns,
        roles=TEXT_ROLES,
    )
    columns = find_text_columns(table, asked.text_column, asked.label_column)
    rows.decisions.update(dict.fromkeys(columns.decisions))
    class_names = table.class_names(columns.label)
    wanted = [columns.text, columns.label] + ([columns.split] if columns.split else [])
    for number, (raw, label, *own_split) in table.rows(wanted):
        where = table.where(number)
        name = label_name(where, label, class_names)
        belongs = split_name(where, str(own_split[0] or "")) if own_split else split
        # A line of a text file is clean already; what JSON and Parquet hold may not be.
        dirty = isinstance(raw, str) and kind not in ("CSV", "TSV")
        text = clean_text(str(raw), where, rows.controls) if dirty else raw
        rows.add(where, f"{key}#{number}", text, name, belongs)
    by = f", split in column {columns.split}" if columns.split else ""
    header = "" if table.named else " without header"
    return f"{kind}{header} with text in column {columns.text}, label in column {columns.label}{by}"


def _read_folders(rows: TextRows, asked: _Asked) -> str:
    listing = Listing(str(rows.root))
    files = class_files(listing, "texts")
    for key, label, split in zip(files.keys, files.labels, files.splits, strict=True):
        path = rows.root / key
        if not _is_text_file(path):
            listing.skip(key, "not a .txt file")
            continue
        text = read_text(path, asked.encoding, controls=rows.controls)
        rows.add(str(path), key, text, label, split)
    rows.skipped += listing.skipped
    return f"{files.layout} of texts"


def _is_text_file(path: Path) -> bool:
    """True of `.txt`, packed or not, and of names without an ending, as newsgroups have them."""
    name = path.name.lower().removesuffix(".gz")
    ending = name.rpartition(".")[2] if "." in name else ""
    return ending in ("txt", "text") or not ending or ending.isdigit()
