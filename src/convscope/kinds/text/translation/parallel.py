"""Parallel text from whatever is there: the layout is detected and reported.

| what is there | layout |
|---|---|
| a folder with `train.de` and `train.en`, plain or `.gz`, and `val.*`, `test.*` | line-aligned files |
| two files such as `corpus.en` or `en-corpus.txt`: their folder, or how their names begin | the same |
| one of such files | its folder, from the language of that file |
| a `.tsv`, `.csv`, `.jsonl` or Parquet file with two columns or keys, or two named after languages | table |
| any other file with a tab in each line: a sentence, its translation, and maybe who wrote them | table |
| the same with a column `translation`: an object with a text per language | table |
| a folder with `train.tsv` and the like | tables, one per split |

Languages are the endings of files, columns, or keys; `source` and `target` choose of more than two. A first
row with names of two languages (`de`, `English words`, ...) is a header; so is one that has a name given as
`source` or `target`.

What happens to bad input:

| what is wrong | what happens |
|---|---|
| files of a pair with different numbers of lines | `DataError` with both counts |
| a line or field without a character, on one side or both | the pair is skipped, counted, listed |
| neither UTF-8 nor Western, and no encoding given | `DataError` with file and line, offers `--encoding` |
| a NUL character; a line of more than a million characters; a truncated `.gz` | `DataError` with file |
| other control characters | replaced by spaces, warning with the count |
| mixed line ends | the same as any; carriage returns within lines are white space where counts then agree |
| more than two languages and none chosen; one that is missing; the same twice | `DataError` lists them |
| several test sets | the first in alphabetical order, or the one given as `test`; the others are reported |
| several train or validation sets | the first in alphabetical order; the others are reported |
| a test set of a name that is not there | `UsageError` that offers the nearest |
| a row with another number of fields, damaged JSON, a value that is no text | `DataError` with the line |
| a split for some pairs only, an unknown split, no train split | `DataError` |
| a source in train and in validation or test | warning with the count |
| no pair at all; fewer than three different sources to draw splits from | `DataError` |
| a link that leaves the folder, a broken link | skipped, listed |
| a translation memory (`.tmx`) | `DataError` that says how to convert it |
| no read permission, no such path, an empty folder, an unknown kind of file | `DataError` |

Where the data has no validation or test split, a tenth of train is drawn with the seed; pairs of one source
stay on one side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from convscope.data.columns import SPLIT_COLUMNS, columns_line, find_column, split_name
from convscope.data.encoding import check_encoding
from convscope.data.found_encoding import found_encoding
from convscope.data.groups import group_column
from convscope.data.lines import ControlCharacters, clean_text, read_lines
from convscope.data.listing import Listing
from convscope.data.named_files import is_folder
from convscope.data.snapshot import DataSnapshot
from convscope.data.split_names import split_of_path
from convscope.data.splits import Splits
from convscope.data.tables import Table, TableKind, open_table, table_kind
from convscope.errors import DataError, UsageError
from convscope.kinds.text.readers.columns import TEXT_ROLES
from convscope.kinds.text.readers.languages import language_columns
from convscope.kinds.text.translation.aligned_lines import read_aligned
from convscope.kinds.text.translation.parallel_files import (
    AlignedFiles,
    Languages,
    Pairs,
    aligned_files,
    choose_languages,
    choose_stems,
    parted,
    refuse_memory,
    split_pairs,
)
from convscope.types import Progress, SplitName, no_progress

NESTED = "translation"
"""The column of Hugging Face's parallel data: an object with a text for each language."""

_PEEKED = 100
_CREDIT = re.compile(r"CC[- ]BY|attribution|tatoeba|licen[cs]e|\(c\)|\u00a9", re.I)
"""What stands in a column that says who wrote a pair."""


@dataclass(frozen=True)
class _Asked:
    """Options that the user gave."""

    source: str | None
    target: str | None
    test: str | None
    encoding: str | None
    seed: int | None
    group: str | None


@dataclass(frozen=True)
class ParallelTable:
    """A table whose languages are known.

    Args:
        table: Its rows.
        nested: Whether the texts stand in the column `translation`.
        languages: Columns or keys of the two sides.
        split: The column that names splits, or None.
        group: The column of what stays together, or None.
    """

    table: Table
    nested: bool
    languages: Languages
    split: str | None
    group: str | None = None

    @property
    def line(self) -> str:
        """What each column was taken for."""
        sides = [("source", self.languages.source), ("target", self.languages.target)]
        roles = [("translations", NESTED)] if self.nested else sides
        more = (("split", self.split), ("group", self.group))
        roles += [(role, name) for role, name in more if name is not None]
        used = {name for _, name in roles}
        columns = dict.fromkeys((*self.table.columns, *self.table.unused))
        return columns_line(roles, [name for name in columns if name not in used])


def open_parallel(
    path: Path,
    kind: TableKind,
    source: str | None,
    target: str | None,
    encoding: str | None,
    group: str | None = None,
    controls: ControlCharacters | None = None,
) -> ParallelTable:
    """Finds the two sides of a table.

    Args:
        path: The file.
        kind: What it is.
        source: Column or key, as the user gave it, or None.
        target: The same.
        encoding: As `read_lines`.
        group: The column of what stays together, as the user gave it, or a pattern, or None.
        controls: Where control characters are counted when the pairs are read.

    Raises:
        DataError: The table is damaged, or its columns are not two.
    """
    controls = controls if controls is not None else ControlCharacters()
    wanted = [name for name in (source, target) if name is not None]

    def opened(wanted: Sequence[str], header: bool | None = None) -> Table:
        return open_table(
            path, kind, encoding=encoding, controls=controls, wanted=wanted, roles=TEXT_ROLES, header=header
        )

    with controls.paused():
        return _find_sides(opened, wanted, source, target, group)


def _find_sides(
    opened: Callable[..., Table],
    wanted: Sequence[str],
    source: str | None,
    target: str | None,
    group: str | None,
) -> ParallelTable:
    """What the columns of a table hold; it is read later as it was opened last."""
    table = opened(wanted)
    if not table.named:
        first = next(table.rows(table.columns), (0, ()))[1]
        names = [str(name) for name in first]
        if len(language_columns(names)) > 1:
            table = opened(names, header=True)
    if NESTED in table.columns and NESTED not in wanted:
        languages = choose_languages(str(table.path), _keys(table), source, target, "keys")
        return ParallelTable(table, True, languages, _split_column(table), _group_column(table, (), group))
    split, belongs = _split_column(table), _group_column(table, wanted, group)
    names = [name for name in table.columns if name not in (split, belongs, *table.unused) or name in wanted]
    sides = _sides(table, names, wanted)
    languages = choose_languages(str(table.path), sides, source, target, "columns")
    return ParallelTable(table, False, languages, split, belongs)


def _sides(table: Table, names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The columns that may be a side: those named after languages, or the two before who wrote them."""
    called = language_columns(names) if table.named else []
    if len(names) > 2 and len(called) == 2 and set(wanted) <= set(called):
        return called
    if len(names) == 3 and not table.named:
        cells = [str(row[0] or "") for _, row in islice(table.rows(names[2:]), _PEEKED)]
        if cells and sum(bool(_CREDIT.search(cell)) for cell in cells) * 2 > len(cells):
            return list(names[:2])
    return list(names)


def read_table(pairs: Pairs, opened: ParallelTable, split: SplitName | None) -> None:
    """Reads the pairs of a table.

    Args:
        pairs: Takes what is read.
        opened: As `open_parallel` found it.
        split: Where all pairs belong, by the name of the file; None where the table says so or nothing does.

    Raises:
        DataError: A row is malformed; the message names the line.
    """
    table = opened.table
    if opened.group is not None:
        pairs.grouped_by = f"column '{opened.group}'"
    for row, source, target, raw, group in _rows(opened):
        where = table.where(row)
        own = split_name(where, raw) if split is None else split
        sentence, translation = (_text(where, value, pairs.controls) for value in (source, target))
        pairs.add(f"{table.path.name}#{row}", sentence, translation, own, group)


def _rows(opened: ParallelTable) -> Iterator[tuple[int, object, object, str | None, str | None]]:
    languages, table = opened.languages, opened.table
    sides = [NESTED] if opened.nested else [languages.source, languages.target]
    more = [name for name in (opened.split, opened.group) if name is not None]
    for row, cells in table.rows([*sides, *more]):
        said = dict(zip(more, cells[len(sides) :], strict=True))
        raw = str(said[opened.split] or "") if opened.split is not None else None
        group = str(said.get(opened.group or "") or "") or None
        if not opened.nested:
            yield row, cells[0], cells[1], raw, group
        elif isinstance(cells[0], Mapping):
            yield row, cells[0].get(languages.source), cells[0].get(languages.target), raw, group
        else:
            received = type(cells[0]).__name__
            raise DataError(f"{table.where(row)}: expected an object as '{NESTED}', received {received}")


def _split_column(table: Table) -> str | None:
    at = find_column(table.columns, SPLIT_COLUMNS) if table.named else None
    return None if at is None else table.columns[at]


def _group_column(table: Table, wanted: Sequence[str], asked: str | None) -> str | None:
    """The column of what stays together; none of those that are, or may be, one of the sides."""
    if not table.named:
        return None
    sides = {*wanted, *language_columns(table.columns)}
    return group_column([name for name in table.columns if name not in sides], asked)


def _keys(table: Table) -> list[str]:
    found: dict[str, None] = {}
    for row, (cell,) in islice(table.rows([NESTED]), _PEEKED):
        if not isinstance(cell, Mapping):
            raise DataError(
                f"{table.where(row)}: expected an object as '{NESTED}', received {type(cell).__name__}",
                hint='Write {"translation": {"de": "...", "en": "..."}}.',
            )
        found.update(dict.fromkeys(map(str, cell)))
    return sorted(found)


def _text(where: str, value: object, controls: ControlCharacters) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{where}: expected text, received {type(value).__name__}")
    return clean_text(value, where, controls).replace("\n", " ")


def read_parallel(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    encoding: str | None = None,
    source: str | None = None,
    target: str | None = None,
    test: str | None = None,
    group: str | None = None,
) -> Splits:
    """Reads sentences with their translations from any of the layouts in the table above.

    Args:
        path: A folder or a file.
        seed: As `assemble`.
        progress: Receives the number of pairs read.
        encoding: Of text files; UTF-8 by default.
        source: The language that is translated: ending of a file, column, or key.
        target: The language that it is translated to.
        test: The test set, where a folder has several: a file's name without the language.
        group: The column of what stays together, or a regular expression of where pairs stand.

    Returns:
        Train, validation and test; samples are sources (`str`), labels an object array of translations.

    Raises:
        DataError: As the table above says; the message names the file and the line.
        UsageError: No encoding or no test set has this name.
    """
    check_encoding(encoding)
    place, asked = Path(path), _Asked(source, target, test, encoding, seed, group)
    stems = {} if place.exists() else aligned_files([each.name for each in DataSnapshot(place).files])
    if stems:
        return _from_files(Pairs(str(place.parent), progress), stems, asked)
    if is_folder(place):
        listing = Listing(str(place))
        keys = listing.children("")[1]
        pairs = Pairs(str(place), progress, skipped=list(listing.skipped))
        stems = aligned_files(keys)
        if stems:
            return _from_files(pairs, stems, asked)
        return _from_tables(pairs, _tables(place, keys), asked)
    refuse_memory(place)
    if table_kind(place) is not None or _has_tabs(place, encoding):
        pairs = Pairs(str(place.parent), progress)
        return _from_tables(pairs, {place.name: None}, asked)
    return _beside(place, asked, progress)


def _has_tabs(path: Path, encoding: str | None) -> bool:
    """Whether each of the first lines of a file has a tab, and no file beside it is its translation."""
    stem, _ = parted(path.name)
    if stem and stem in aligned_files(Listing(str(path.parent)).children("")[1]):
        return False
    found = read_lines(path, found_encoding(path, encoding).name)
    lines = [line for _, line in islice(found, _PEEKED) if line.strip()]
    return bool(lines) and all("\t" in line.strip() for line in lines)


def _beside(path: Path, asked: _Asked, progress: Progress) -> Splits:
    """From one file of a pair: its folder, translated from the language of that file."""
    stem, language = parted(path.name)
    keys = Listing(str(path.parent)).children("")[1]
    stems = aligned_files(keys)
    if stem not in stems:
        raise DataError(
            f"{path}: expected a table (.tsv, .csv, .jsonl, .parquet) or a file with its translation beside"
            f" it, received '{path.suffix or path.name}'",
            hint="Name two files with the same lines train.de and train.en.",
        )
    pairs = Pairs(str(path.parent), progress)
    given = asked.source or (language if asked.target != language else None)
    return _from_files(pairs, stems, replace(asked, source=given))


def _from_files(pairs: Pairs, stems: AlignedFiles, asked: _Asked) -> Splits:
    found = sorted({language for files in stems.values() for language in files})
    languages = choose_languages(pairs.root, found, asked.source, asked.target, "endings of files")
    chosen, decisions = choose_stems(pairs.root, stems, languages, asked.test)
    for stem, split in chosen.items():
        decisions += read_aligned(pairs, stems[stem], languages, split, asked.encoding)
    layout = f"line-aligned files: {', '.join(chosen)} in {languages.source} and {languages.target}"
    first = [languages.decision] if languages.decision else []
    return split_pairs(pairs, pairs.root, layout, [*first, *decisions], asked.seed, asked.group)


def _tables(folder: Path, keys: list[str]) -> dict[str, SplitName | None]:
    """The tables of a folder with the splits that their names say: a single one, or one per split."""
    tables = [key for key in keys if table_kind(folder / key) is not None]
    tables = tables or [key for key in keys if key.lower().endswith(".txt") and _has_tabs(folder / key, None)]
    if len(tables) == 1:
        return {tables[0]: None}
    named = {key: split for key in tables if (split := split_of_path(key)) is not None}
    splits = list(named.values())
    if "train" not in splits:
        raise DataError(
            f"{folder}: expected files such as train.de and train.en, or one table, received"
            f" {', '.join(keys[:8]) or 'no files'}",
            hint="Put the two languages into files with the same lines, named after split and language.",
        )
    for name in splits:
        same = [key for key, split in named.items() if split == name]
        if len(same) > 1:
            raise DataError(f"{folder}: expected one table for {name}, received {' and '.join(same)}")
    return dict(named)


def _from_tables(pairs: Pairs, tables: dict[str, SplitName | None], asked: _Asked) -> Splits:
    if asked.test is not None:
        raise UsageError(f"{pairs.root} has no test sets to choose from. Received: test={asked.test!r}.")
    source, target, encoding = asked.source, asked.target, asked.encoding
    decisions: list[str] = []
    layouts = []
    for key, split in sorted(tables.items(), key=lambda item: item[1] != "train"):
        path = Path(pairs.root) / key
        kind = table_kind(path) or "TSV"
        opened = open_parallel(path, kind, source, target, encoding, asked.group, pairs.controls)
        source, target = opened.languages.source, opened.languages.target  # the same in every table
        told = f"{key}, {opened.line}" if decisions and opened.line not in decisions else opened.line
        found = [*opened.table.decisions, told, opened.languages.decision]
        decisions += [line for line in found if line and line not in decisions]
        layouts.append(f"{key} ({opened.table.kind})")
        read_table(pairs, opened, split)
    layout = f"table: {', '.join(layouts)}, {source} and {target}"
    where = str(Path(pairs.root) / next(iter(tables))) if len(tables) == 1 else pairs.root
    return split_pairs(pairs, where, layout, decisions, asked.seed, asked.group)
