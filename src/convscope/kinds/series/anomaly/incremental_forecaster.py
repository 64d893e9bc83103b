"""What a model expects each row of a series to be, from nothing but the rows before and the row itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import keras
import numpy as np

from convscope.kinds.series.anomaly.row_program import RowProgram, Rows

WINDOWS = 1_024
"""Windows that are computed at once."""


class IncrementalForecaster:
    """A model from windows of rows to expected rows, asked about every row of a series or a stream.

    Before the first row there is nothing but zeros, which is what is usual, as the rows are scaled. A model
    that looks ahead within its window, such as an auto-encoder, is asked about the window that ends with the
    row.

    Args:
        model: As `models.anomaly` makes them.

    Raises:
        RunError: The model has a layer that there is no arithmetic for.
    """

    def __init__(self, model: keras.Model) -> None:
        self._program = RowProgram(model)
        self.window = self._program.window
        self.variables = self._program.variables
        self._causal = self._program.causal
        self.reach = self._program.reach if self._causal else self.window
        """Rows that an expectation depends on, the row itself included."""

    def whole(self, rows: Rows) -> Rows:
        """The expected rows of a series.

        Args:
            rows: Scaled, none missing, shape (rows, variables), float64.

        Returns:
            Of the same shape; the first `reach` rows are expected from less than a whole past.
        """
        before = np.concatenate([np.zeros((self.reach, self.variables)), rows])
        if self._causal:
            return self._program.whole(before)[self.reach :]
        windows = np.lib.stride_tricks.sliding_window_view(before[1:], self.window, axis=0)
        found = np.empty_like(rows, dtype=np.float64)
        for start in range(0, len(rows), WINDOWS):
            some = windows[start : start + WINDOWS].swapaxes(1, 2)
            found[start : start + WINDOWS] = self._program.whole(some)[:, -1]
        return found

    def stepper(self) -> Callable[[Rows], Rows]:
        """A function from the next row of a stream, (variables,), to what was expected."""
        if not self._causal:
            return self._windowed()
        step = self._program.stepper()
        for _ in range(self.reach):
            step(np.zeros(self.variables))
        return step

    def _windowed(self) -> Callable[[Rows], Rows]:
        past: deque[Rows] = deque([np.zeros(self.variables)] * self.window, self.window)

        def step(row: Rows) -> Rows:
            past.append(row)
            expected: Rows = self._program.whole(np.stack(past))[-1]
            return expected

        return step
