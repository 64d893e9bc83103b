"""Streams: each line gets a prediction when it comes, with the score that it would have in a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np

from convscope.errors import UsageError
from convscope.kinds.contract.recipe import Fitted
from convscope.kinds.series.anomaly.predictions import RowPrediction
from convscope.kinds.series.anomaly.representation import StreamRepresentation
from convscope.kinds.series.anomaly.stream_lines import LineReader, Malformed, Row
from convscope.kinds.series.anomaly.task import detector_of


class AnomalyStream:
    """A detector that follows one stream; its memory does not grow with it.

    Args:
        fitted: The model of a run of series-anomaly.

    Raises:
        RunError: The calibration is damaged.
    """

    def __init__(self, fitted: Fitted[StreamRepresentation]) -> None:
        self.variables: tuple[str, ...] = fitted.representation.variables
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
            return None
        if isinstance(row, Malformed):
            self.malformed += 1
            unknown: dict[str, float | None] = dict.fromkeys(self.variables)
            return RowPrediction("line", self._lines, None, None, scores=unknown, error=row.reason)
        return self._answer(row)

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


def stream(fitted: Fitted[StreamRepresentation], lines: BinaryIO | Iterable[Any]) -> Iterator[RowPrediction]:
    """Predictions for rows while they come.

    Args:
        fitted: The model of a run of series-anomaly.
        lines: Rows, a line each, as bytes or text.

    Yields:
        The prediction for a line at once.
    """
    return AnomalyStream(fitted).follow(_decoded(lines))


def _decoded(lines: BinaryIO | Iterable[Any]) -> Iterator[str]:
    """Lines as text; bytes that are not UTF-8 become characters that no number has."""
    for line in lines:
        yield line.decode("utf-8", "replace") if isinstance(line, bytes) else line
