"""Lines of a stream to rows: as a table whose end has not come yet.

| a line | what it is |
|---|---|
| the first one, if it names each variable | a header: later fields are found by it, others are left out |
| a field for each variable | their values, in the order of train |
| one field more | the first is the time; it is passed on as it is written |
| an empty field, `nan`, `null`, an infinite number | a missing value |
| another number of fields, no number | malformed: answered as such, counted; the stream goes on |
| an empty line | nothing |

Fields are separated by the mark that the first line holds: tab, `;` or `,`.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from convscope.data.columns import find_column
from convscope.data.delimiters import find_delimiter
from convscope.kinds.series.readers.frames import MISSING
from convscope.kinds.series.readers.times import TIME_COLUMNS

LONGEST_LINE = 2**20
"""Characters of a line at most."""
_SHOWN = 40
_MISSING = frozenset(MISSING)


@dataclass(frozen=True, eq=False)
class Row:
    """A row of a stream.

    Args:
        values: Shape (variables,), float32; NaN where missing.
        time: When it was measured, as the line says it; None where it does not.
    """

    values: npt.NDArray[np.float32]
    time: str | None


@dataclass(frozen=True)
class Malformed:
    """A line that is no row.

    Args:
        reason: What was expected, and what was received.
    """

    reason: str


class LineReader:
    """Reads the lines of one stream, one after the other.

    Args:
        variables: Their names, in the order of train.
        time_column: The name of the column of times, where the user chose it.
    """

    def __init__(self, variables: Sequence[str], time_column: str | None = None) -> None:
        self._variables = tuple(variables)
        self._time_names = TIME_COLUMNS if time_column is None else (time_column.lower(),)
        self._separator: str | None = None
        self._places: list[int] | None = None
        self._time_place: int | None = None
        self._width = 0

    def read(self, line: str) -> Row | Malformed | None:
        """The row of the next line; None where it holds none, as a header does."""
        text = line.strip("\r\n").strip("\ufeff")
        if not text.strip():
            return None
        if len(text) > LONGEST_LINE:
            return Malformed(f"expected at most {LONGEST_LINE} characters, received {len(text)}")
        first = self._separator is None
        if first:
            self._separator = find_delimiter([text])
        fields = self._fields(text)
        if isinstance(fields, Malformed):
            return fields
        if first and self._is_header(fields):
            return None
        return self._row(fields)

    def _fields(self, text: str) -> list[str] | Malformed:
        if '"' not in text:
            return [field.strip() for field in text.split(self._separator)]
        try:
            (fields,) = csv.reader([text], delimiter=self._separator or ",", skipinitialspace=True)
        except (csv.Error, ValueError) as error:
            return Malformed(f"expected fields, received something else ({error})")
        return [field.strip() for field in fields]

    def _is_header(self, fields: list[str]) -> bool:
        if not set(self._variables) <= set(fields) or all(_number(field) is not None for field in fields):
            return False
        self._places = [fields.index(name) for name in self._variables]
        self._time_place = find_column(fields, self._time_names)
        self._width = len(fields)
        return True

    def _row(self, fields: list[str]) -> Row | Malformed:
        count = len(self._variables)
        if self._places is not None:
            if len(fields) != self._width:
                return Malformed(f"expected {self._width} fields, received {len(fields)}")
            time = None if self._time_place is None else fields[self._time_place]
            fields = [fields[place] for place in self._places]
        elif len(fields) == count + 1:
            time, *fields = fields
        elif len(fields) == count:
            time = None
        else:
            return Malformed(
                f"expected {count} values, with a time before them or not, received {len(fields)}"
            )
        return self._values(fields, time)

    def _values(self, fields: Sequence[str], time: str | None) -> Row | Malformed:
        numbers = []
        for name, field in zip(self._variables, fields, strict=True):
            number = _number(field)
            if number is None:
                return Malformed(f"expected a number for '{name}', received {field[:_SHOWN]!r}")
            numbers.append(number)
        with np.errstate(over="ignore"):
            values = np.array(numbers, np.float64).astype(np.float32)
        values[~np.isfinite(values)] = np.nan
        return Row(values, time)


def _number(field: str) -> float | None:
    if field in _MISSING:
        return float("nan")
    try:
        return float(field)
    except ValueError:
        return None
