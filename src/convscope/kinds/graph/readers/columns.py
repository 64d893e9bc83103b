"""Columns of tables as Arrow has them: as ids, texts or numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from convscope.data.columns import MISSING_WORDS
from convscope.data.number_forms import is_any_number

Column = Any
"""A `pyarrow.ChunkedArray`."""
Numbers = npt.NDArray[np.float64]

LOOKED_AT = 1000
"""Rows of a table that are looked at before it is read."""


@dataclass(frozen=True)
class TableSource:
    """A table whose columns can be read.

    Args:
        path: The file.
        columns: Their names; numbers from 1 where the file has no header.
        named: Whether the names come from the file.
        first: The first rows as texts.
        decisions: How the file was read where it is not plain.
        remarks: What the remarks at the beginning of the file say.
        unused: Columns that are no input unless they are named.
        load: `(ids, texts, numbers)` to a column each: ids as `dictionary<int32, string>`, texts as `string`,
            and numbers as float64 with nulls where they are missing, or as texts where they are none.
        line: From a row, counted from 0, to where it stands, for messages.
    """

    path: Path
    columns: tuple[str, ...]
    named: bool
    first: tuple[tuple[str, ...], ...]
    load: Callable[[Sequence[str], Sequence[str], Sequence[str]], Mapping[str, Column]] = field(repr=False)
    line: Callable[[int], str] = field(repr=False)
    decisions: tuple[str, ...] = ()
    remarks: str = ""
    unused: tuple[str, ...] = ()

    def seen(self, name: str) -> list[str]:
        """What stands in a column, as far as it was looked at."""
        at = self._places[name]
        return [row[at] for row in self.first if at < len(row)]

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {name: at for at, name in enumerate(self.columns)}

    def is_numeric(self, name: str) -> bool:
        """Whether numbers and what stands for missing ones are all that was seen of a column."""
        there = [cell for cell in self.seen(name) if cell not in MISSING_WORDS]
        return bool(there) and all(map(is_any_number, there))


def numbers_of(column: Column) -> Numbers | None:
    """A column as numbers, NaN where one is missing; None where it holds texts.

    Args:
        column: As `TableSource.load` gives it.
    """
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        column = pc.cast(column, pa.timestamp("us")).cast(pa.int64()).cast(pa.float64())
        column = pc.divide(column, 1e6)
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return None
    values = column.cast(pa.float64(), safe=False)
    return np.asarray(values.fill_null(np.nan).to_numpy(), np.float64)


def texts_of(column: Column) -> npt.NDArray[np.object_]:
    """A column as texts, None where one is empty; numbers are written as short as they can be."""
    kind = column.type
    if pa.types.is_floating(kind):
        whole = pc.all(pc.equal(pc.floor(column), column)).as_py() is not False
        column = column.cast(pa.int64(), safe=False) if whole else column
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    column = column.cast(pa.string())
    column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    return np.asarray(column.to_numpy(zero_copy_only=False), object)


def memory_source(path: Path, what: str, columns: Mapping[str, Sequence[str]]) -> TableSource:
    """A table of texts that are in memory already.

    Args:
        path: The file that they are from.
        what: A row of it, for messages.
        columns: The texts of each column.
    """

    def load(ids: Sequence[str], texts: Sequence[str], numbers: Sequence[str]) -> Mapping[str, Column]:
        made = {name: pa.chunked_array([columns[name]], pa.string()) for name in (*ids, *texts, *numbers)}
        return {name: as_role(column, name in ids, name in numbers) for name, column in made.items()}

    first = tuple(zip(*(values[:LOOKED_AT] for values in columns.values()), strict=True))
    return TableSource(path, tuple(columns), True, first, load, lambda row: f"{path}, {what} {row + 1}")


def as_role(column: Column, is_id: bool, is_number: bool) -> Column:
    """A column of texts as ids, as numbers where all are some, or as it is."""
    return column.dictionary_encode() if is_id else _numeric(column) if is_number else column


def _numeric(column: Column) -> Column:
    missing = pc.is_in(column, value_set=pa.array(sorted(MISSING_WORDS)))
    try:
        return pc.cast(pc.if_else(missing, pa.scalar(None, pa.string()), column), pa.float64())
    except pa.ArrowInvalid:
        return column
