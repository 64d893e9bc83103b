"""Labelled texts from whatever is there: the layout is detected and reported.

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
strings are, labels in the only column with few different values. CSV and TSV need no header. Headers of
messages are left out where all texts have them, unless they are to be kept.

What happens to bad input:

| what is wrong | what happens |
|---|---|
| bytes that are not UTF-8, or not the encoding given | `DataError` with line and byte, offers `--encoding` |
| an unknown encoding | `UsageError` |
| a binary file, a NUL character, half of a surrogate pair | `DataError` with the line |
| control characters other than tab and line end | replaced by spaces; warning with count and first line |
| line ends of several kinds; a byte order mark | read as if they were of one kind; left out |
| a line or a text of more than a million characters | `DataError` with the line |
| a text that is empty or white space alone | skipped, counted, listed |
| blank lines | ignored |
| a text without a label, a test table without labels, a folder `unsup` | left out and counted |
| two columns that could be the labels; numbers to be predicted as labels | `DataError` that lists them |
| a label that is nested, or of more than 200 characters | `DataError` with the line |
| labels that are numbers or booleans | named by their digits, `true`, `false`; `1.0` is `1` |
| a text that is nested or a number | `DataError` with the line |
| columns that are missing | `DataError` that lists those that are there |
| a row with more or fewer fields than the first, a quote that does not end | `DataError` with the line |
| damaged JSON, a line that is no object | `DataError` with the line |
| an unknown split, or for some texts only | `DataError` |
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
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path

from convscope.data.assembly import assemble
from convscope.data.class_folders import class_files
from convscope.data.columns import find_column, label_name, split_name
from convscope.data.encoding import check_encoding
from convscope.data.file_sets import FileSet, set_at
from convscope.data.found_encoding import found_encoding
from convscope.data.lines import read_text
from convscope.data.listing import Listing
from convscope.data.splits import Splits
from convscope.data.tables import Table, TableKind, open_table, table_kind
from convscope.errors import DataError
from convscope.kinds.text.readers.columns import (
    TEXT_COLUMNS,
    TEXT_LABEL_COLUMNS,
    TEXT_ROLES,
    ColumnsGiven,
    TextColumns,
    find_text_columns,
)
from convscope.kinds.text.readers.inputs import is_text_file
from convscope.kinds.text.readers.label_lines import check_few_labels, label_lines, line_form
from convscope.kinds.text.readers.rows import TextRows, joined_text
from convscope.types import Progress, SplitName, no_progress

_UNLABELLED = frozenset({"unsup", "unlabeled", "unlabelled", "unsupervised", "nolabel", "no_label"})
"""Names of folders whose texts have no labels, in lower case."""


@dataclass(frozen=True)
class _Asked:
    encoding: str | None
    columns: ColumnsGiven


def read_texts(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    encoding: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    drop_column: tuple[str, ...] = (),
    headers: str | None = None,
    group: str | None = None,
) -> Splits:
    """Reads labelled texts from any of the layouts in the table above.

    Args:
        path: A folder, a file, or what the names of the files of one data set begin with.
        seed: Draws the splits that the data does not have; not negative.
        progress: Receives how much is done.
        encoding: Name of a Python codec for text files; UTF-8 by default.
        text_column: The column of texts in a table, or several with commas between; a number from 1 where
            there is no header.
        label_column: The column of labels; its name, or its position.
        drop_column: Columns that are left out.
        headers: `keep` or `strip` those of messages; stripped by default where nearly all texts have them.
        group: As `assemble`.

    Returns:
        Train, validation and test, with the layout, every decision, every warning and all that was skipped.

    Raises:
        DataError: As the table above says; the message names the file and the line.
        UsageError: No encoding or no column has this name.
    """
    check_encoding(encoding)
    place = Path(path)
    asked = _Asked(encoding, ColumnsGiven(text_column, label_column, drop_column, group))
    files = set_at(place, "texts")
    rows = TextRows(place if files is None else files.root, progress, headers=headers)
    layout = _read_folders(rows, asked) if files is None else _read_files(files, rows, asked)
    return assemble(rows.found(str(place), layout), seed, group)


def _read_files(files: FileSet, rows: TextRows, asked: _Asked) -> str:
    rows.skipped += files.skipped
    forms: dict[str, None] = {}
    known: TextColumns | None = None
    for key, split in zip(files.keys, files.splits, strict=True):
        path = files.root / key
        kind = table_kind(path)
        form = None if kind else line_form(path, asked.encoding)
        if form is None or form == "TSV":
            layout, known = _read_table(path, kind or "TSV", key, split, rows, asked, known)
            forms[layout] = None
            continue
        if asked.columns.names:
            raise DataError(
                f"{path}: expected a table with a column '{asked.columns.names[0]}', received lines of"
                f" `{form}`"
            )
        rows.decisions |= dict.fromkeys(filter(None, [found_encoding(path, asked.encoding).decision]))
        labels = Counter[str]()
        for number, text, label in label_lines(path, form, asked.encoding, rows.controls):
            if not labels and _names_columns(label, text):
                rows.decisions[f"header: line {number} of {path.name} names label and text"] = None
                continue
            name = label_name(f"{path}, line {number}", label)
            labels[name] += 1
            rows.add(f"{path}, line {number}", f"{key}#{number}", text, name, split)
        check_few_labels(str(path), labels)
        forms[f"lines of `{form}`"] = None
    rows.decisions |= dict.fromkeys(files.decisions())
    return files.layout(forms)


def _names_columns(label: str, text: str) -> bool:
    """Whether the first line of labels and texts says which is which."""
    names = find_column([label], TEXT_LABEL_COLUMNS), find_column([text], TEXT_COLUMNS)
    return None not in names


def _read_table(
    path: Path,
    kind: TableKind,
    key: str,
    split: SplitName | None,
    rows: TextRows,
    asked: _Asked,
    known: TextColumns | None,
) -> tuple[str, TextColumns]:
    """Adds the rows of a table; returns its form in a few words, and what its columns hold.

    Where the columns of a table before it are known, those are read; one that has no labels is read without.
    """
    table = open_table(
        path,
        kind,
        encoding=asked.encoding,
        controls=rows.controls,
        wanted=asked.columns.names,
        roles=TEXT_ROLES,
        drop=asked.columns.dropped,
    )
    with rows.controls.paused():
        columns = _columns_of(table, split, asked, known)
    told = columns.line if known is None or columns.line in rows.decisions else f"{key}, {columns.line}"
    rows.decisions.update(dict.fromkeys((*table.decisions, *columns.decisions, told)))
    rows.reading["text_column"] = ",".join(columns.texts)
    if columns.group is not None:
        rows.grouped_by = f"column '{columns.group}'"
    extra = [name for name in (columns.label, columns.split, columns.group) if name is not None]
    class_names = None if columns.label is None else table.class_names(columns.label)
    for number, cells in table.rows([*columns.texts, *extra]):
        where = table.where(number)
        value = dict(zip((*columns.texts, *extra), cells, strict=True))
        name = _label_of(where, value[columns.label], class_names) if columns.label else None
        belongs = split_name(where, str(value[columns.split] or "")) if columns.split else split
        group = str(value[columns.group] or "") or None if columns.group else None
        text = joined_text(where, [value[each] for each in columns.texts], kind, rows.controls)
        rows.add(where, f"{key}#{number}", text, name, belongs, group)
    by = f", split in column {columns.split}" if columns.split else ""
    header = "" if table.named else " without header"
    label = f"label in column {columns.label}" if columns.label else "no labels"
    form = f"{kind}{header} with text in column {' and '.join(columns.texts)}, {label}{by}"
    return form, columns if known is None else known


def _columns_of(
    table: Table, split: SplitName | None, asked: _Asked, known: TextColumns | None
) -> TextColumns:
    """The columns of a table; those of the train table where it has the same ones, but maybe no labels."""
    if known is None or not set(known.texts) <= set(table.columns):
        return find_text_columns(table, asked.columns)
    label = known.label if known.label in table.columns else None
    if label is None and split == "train":
        return find_text_columns(table, asked.columns)
    own = known.split if known.split in table.columns else None
    group = known.group if known.group in table.columns else None
    used = (*known.texts, label, own, group)
    unused = tuple(name for name in dict.fromkeys((*table.columns, *table.unused)) if name not in used)
    return TextColumns(known.texts, label, own, group, unused)


def _label_of(where: str, value: object, class_names: Sequence[str] | None) -> str | None:
    """What a label is called; None where there is none."""
    missing = value is None or (isinstance(value, str) and not value.strip())
    if missing or (isinstance(value, float) and isnan(value)) or (class_names is not None and value == -1):
        return None
    return label_name(where, value, class_names)


def _read_folders(rows: TextRows, asked: _Asked) -> str:
    listing = Listing(str(rows.root))
    files = class_files(listing, "texts")
    named = {label for label in files.labels if label.lower() not in _UNLABELLED}
    unlabelled, encodings = Counter[str](), Counter[str]()
    groups: Sequence[str | None] = files.groups or [None] * len(files.keys)
    for key, label, split, group in zip(files.keys, files.labels, files.splits, groups, strict=True):
        path = rows.root / key
        if not is_text_file(path):
            listing.skip(key, "not a .txt file")
            continue
        if label not in named and len(named) > 1:
            unlabelled[key.rpartition("/")[0]] += 1
            continue
        found = found_encoding(path, asked.encoding)
        encodings.update([found.name] if found.decision else [])
        text = read_text(path, found.name, controls=rows.controls)
        rows.add(str(path), key, text, label, split, group)
    rows.decisions |= dict.fromkeys(files.decisions)
    rows.grouped_by = "the names of folders"
    for name, count in encodings.items():
        rows.decisions[f"encoding: {name} in {count:,} files, which are not UTF-8"] = None
    for folder, count in unlabelled.items():
        listing.skip(folder, "a folder of texts without labels")
        rows.warnings.append(f"the {count:,} texts in {folder} have no label and are left out")
    rows.skipped += listing.skipped
    return f"{files.layout} of texts"
