"""Streams: each line gets a prediction when it comes, with the score that it would have in a file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from convscope.data.columns import find_column
from convscope.data.delimiters import find_delimiter
from convscope.errors import UsageError
from convscope.kinds.contract.recipe import Fitted
from convscope.kinds.series.anomaly.predictions import RowPrediction
from convscope.kinds.series.anomaly.representation import StreamRepresentation
from convscope.kinds.series.anomaly.task import detector_of
from convscope.kinds.series.readers.frames import MISSING
from convscope.kinds.series.readers.times import find_time_column
from convscope.types import Say, silent

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
        self._time_column = time_column
        self._separator: str | None = None
        self._places: list[int] | None = None
        self._time_place: int | None = None
        self._width = 0
        self.ignored: tuple[str, ...] = ()
        """Columns of the header that are neither variables nor times."""

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
        given = self._time_column
        self._time_place = find_time_column(fields) if given is None else find_column(fields, [given.lower()])
        self._width = len(fields)
        used = {self._time_place, *self._places}
        self.ignored = tuple(name for place, name in enumerate(fields) if place not in used)
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


class AnomalyStream:
    """A detector that follows one stream; its memory does not grow with it.

    Args:
        fitted: The model of a run of series-anomaly.

    Raises:
        RunError: The calibration is damaged.
    """

    def __init__(self, fitted: Fitted[StreamRepresentation], say: Say = silent) -> None:
        self._say = say
        self.variables: tuple[str, ...] = fitted.representation.variables
        if fitted.representation.own:
            raise UsageError(
                "The run compares each series with its own beginning, which a stream has not.",
                "Train with --no-per-series to follow streams.",
            )
        self.malformed = 0
        """Lines so far that were no rows."""
        self._stream = detector_of(fitted, fitted.calibration).stream()
        self._reader = LineReader(self.variables, fitted.options.get("time_column"))
        self._lines = 0

    def push(self, values: Sequence[float], time: str | None = None) -> RowPrediction:
        """The score of the next row.

        Args:
            values: One for each variable, in the order of `variables`; NaN where missing.
            time: When it was measured, which is passed on.

        Raises:
            UsageError: There are not as many values as variables.
        """
        row = np.asarray(values, np.float32)
        if row.shape != (len(self.variables),):
            raise UsageError(
                f"A row has {len(self.variables)} values ({', '.join(self.variables)}). "
                f"Received: {row.size} values."
            )
        self._lines += 1
        return self._answer(Row(np.where(np.isfinite(row), row, np.float32(np.nan)), time))

    def read(self, line: str) -> RowPrediction | None:
        """The answer to the next line; None to an empty one, and to the header.

        A line that is no row gets an answer without a score that says what is wrong with it, and changes
        nothing of what follows.
        """
        self._lines += 1
        row = self._reader.read(line)
        if row is None:
            self._tell_ignored()
            return None
        if isinstance(row, Malformed):
            self.malformed += 1
            unknown: dict[str, float | None] = dict.fromkeys(self.variables)
            return RowPrediction("line", self._lines, None, None, scores=unknown, error=row.reason)
        return self._answer(row)

    def _tell_ignored(self) -> None:
        """Says once which columns of the header are not used."""
        if self._reader.ignored:
            shown = ", ".join(map(repr, self._reader.ignored[:20]))
            self._say(f"Columns that the run does not take are ignored: {shown}")
            self._reader.ignored = ()

    def follow(self, lines: Iterable[str]) -> Iterator[RowPrediction]:
        """An answer for each line that is not empty, as soon as it is there."""
        for line in lines:
            answer = self.read(line)
            if answer is not None:
                yield answer

    def _answer(self, row: Row) -> RowPrediction:
        found = self._stream.push(row.values)
        most = max(range(len(self.variables)), key=found.parts.__getitem__)
        return RowPrediction(
            "line",
            self._lines,
            row.time,
            found.score,
            found.over,
            found.begins,
            self.variables[most],
            dict(zip(self.variables, found.parts, strict=True)),
        )


def stream(
    fitted: Fitted[StreamRepresentation], lines: BinaryIO | Iterable[Any], *, say: Say = silent
) -> Iterator[RowPrediction]:
    """Predictions for rows while they come.

    Args:
        fitted: The model of a run of series-anomaly.
        lines: Rows, a line each, as bytes or text.
        say: Receives the columns that are ignored.

    Yields:
        The prediction for a line at once.
    """
    return AnomalyStream(fitted, say).follow(_decoded(lines))


def _decoded(lines: BinaryIO | Iterable[Any]) -> Iterator[str]:
    """Lines as text; bytes that are not UTF-8 become characters that no number has."""
    for line in lines:
        yield line.decode("utf-8", "replace") if isinstance(line, bytes) else line
