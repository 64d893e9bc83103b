"""Tables with a sentence and its translation in each row: TSV, CSV, JSON Lines, Parquet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from convscope.data.columns import SPLIT_COLUMNS, find_column, split_name
from convscope.data.lines import ControlCharacters, clean_text
from convscope.data.tables import Table, TableKind, open_table
from convscope.errors import DataError
from convscope.kinds.text.readers.columns import TEXT_ROLES
from convscope.kinds.text.translation.parallel_files import Languages, choose_languages
from convscope.kinds.text.translation.parallel_pairs import Pairs
from convscope.types import SplitName

NESTED = "translation"
"""The column of Hugging Face's parallel data: an object with a text for each language."""

_PEEKED = 100
_LANGUAGE_NAME = re.compile(
    r"[a-z]{2,3}([-_][A-Za-z]{2,4})?|src|tgt|source|target|english|[a-z]{4,9}ish", re.I
)


@dataclass(frozen=True)
class ParallelTable:
    """A table whose languages are known.

    Args:
        table: Its rows.
        nested: Whether the texts stand in the column `translation`.
        languages: Columns or keys of the two sides.
        split: The column that names splits, or None.
    """

    table: Table
    nested: bool
    languages: Languages
    split: str | None


def open_parallel(
    path: Path, kind: TableKind, source: str | None, target: str | None, encoding: str | None
) -> ParallelTable:
    """Finds the two sides of a table.

    Args:
        path: The file.
        kind: What it is.
        source: Column or key, as the user said, or None.
        target: The same.
        encoding: As `read_lines`.

    Raises:
        DataError: The table is damaged, or its columns are not two.
    """
    wanted = [name for name in (source, target) if name is not None]
    table = open_table(path, kind, encoding=encoding, wanted=wanted, roles=TEXT_ROLES)
    if not table.named:
        first = next(table.rows(table.columns), (0, ()))[1]
        names = [str(name) for name in first]
        if len(names) > 1 and all(_LANGUAGE_NAME.fullmatch(name) for name in names):
            table = open_table(path, kind, encoding=encoding, wanted=names, roles=TEXT_ROLES)
    if NESTED in table.columns and NESTED not in wanted:
        found = _keys(table)
        return ParallelTable(
            table, True, choose_languages(str(path), found, source, target, "keys"), _split_column(table)
        )
    split = _split_column(table)
    found = [name for name in table.columns if name != split or name in wanted]
    return ParallelTable(table, False, choose_languages(str(path), found, source, target, "columns"), split)


def read_table(pairs: Pairs, opened: ParallelTable, split: SplitName | None, encoding: str | None) -> None:
    """Reads the pairs of a table.

    Args:
        pairs: Takes what is read.
        opened: As `open_parallel` found it.
        split: Where all pairs belong, by the name of the file; None where the table says so or nothing does.
        encoding: As `read_lines`.

    Raises:
        DataError: A row is malformed; the message names the line.
    """
    table = _counting(opened.table, encoding, pairs.controls, opened.languages)
    for row, source, target, raw in _rows(opened, table):
        where = table.where(row)
        own = split_name(where, raw) if split is None else split
        sentence, translation = (_text(where, value, pairs.controls) for value in (source, target))
        pairs.add(f"{table.path.name}#{row}", sentence, translation, own)


def _counting(table: Table, encoding: str | None, controls: ControlCharacters, languages: Languages) -> Table:
    wanted = table.columns if table.named else (languages.source, languages.target)
    return open_table(
        table.path, table.kind, encoding=encoding, controls=controls, wanted=wanted, roles=TEXT_ROLES
    )


def _rows(opened: ParallelTable, table: Table) -> Iterator[tuple[int, object, object, str | None]]:
    languages = opened.languages
    sides = [NESTED] if opened.nested else [languages.source, languages.target]
    more = [opened.split] if opened.split else []
    for row, cells in table.rows([*sides, *more]):
        raw = ("" if cells[-1] is None else str(cells[-1])) if more else None
        if not opened.nested:
            yield row, cells[0], cells[1], raw
        elif isinstance(cells[0], Mapping):
            yield row, cells[0].get(languages.source), cells[0].get(languages.target), raw
        else:
            received = type(cells[0]).__name__
            raise DataError(f"{table.where(row)}: expected an object as '{NESTED}', received {received}")


def _split_column(table: Table) -> str | None:
    at = find_column(table.columns, SPLIT_COLUMNS) if table.named else None
    return None if at is None else table.columns[at]


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
