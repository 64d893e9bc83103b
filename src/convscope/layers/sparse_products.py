"""Products of inputs that are mostly zeros: a layer says where it multiplies them, a training how."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from keras import ops

from convscope.types import Tensor

WIDTH = 8
"""Values in a line of a table."""
Product = Callable[[Tensor], Tensor]
"""From a kernel (channels, units) to the product of all rows of the inputs with it, (rows, units)."""
_faster: ContextVar[Product | None] = ContextVar("product of the inputs", default=None)


@runtime_checkable
class MultipliesInputs(Protocol):
    """A layer that calls `product` for its inputs."""

    def only_multiplies(self, channels: int) -> bool:
        """Whether nothing else is done with inputs of so many channels."""


@contextmanager
def multiplied_by(function: Product) -> Iterator[None]:
    """Within it, products of the inputs of a layer are computed by a function.

    Args:
        function: Gives the same products.
    """
    token = _faster.set(function)
    try:
        yield
    finally:
        _faster.reset(token)


def product(values: Tensor, kernel: Tensor) -> Tensor:
    """Of the inputs of a layer and one of its kernels.

    Args:
        values: The inputs as they came, shape (rows, channels).
        kernel: Shape (channels, units).

    Returns:
        Shape (rows, units).
    """
    faster = _faster.get()
    return ops.matmul(values, kernel) if faster is None else faster(ops.convert_to_tensor(kernel))


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Where the values of a matrix stand that are not zero, by rows and by columns.

    Args:
        shape: Rows and columns.
        values: By rows, shape (values,), float32.
        starts: Of the values of each row, and the end, shape (rows + 1,), int32.
        columns: Of each value, shape (values,), int32.
        turned_starts: Of the values of each column, and the end, shape (columns + 1,), int32.
        turned_rows: Of each value, by columns, shape (values,), int32.
        turned: Place of each value by columns among those by rows, shape (values,), int32.
    """

    shape: tuple[int, int]
    values: npt.NDArray[np.float32]
    starts: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    turned_starts: npt.NDArray[np.int32]
    turned_rows: npt.NDArray[np.int32]
    turned: npt.NDArray[np.int32]

    @staticmethod
    def of(matrix: npt.NDArray[np.float32]) -> SparseRows:
        """Those of a dense matrix, shape (rows, columns)."""
        rows, columns = np.nonzero(matrix)
        turned = np.argsort(columns, kind="stable")
        starts, turned_starts = (
            np.concatenate([[0], np.cumsum(np.bincount(each, minlength=size))])
            for each, size in zip((rows, columns), matrix.shape, strict=True)
        )
        arrays = (starts, columns, turned_starts, rows[turned], turned)
        shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        return SparseRows(shape, matrix[rows, columns], *(np.asarray(each, np.int32) for each in arrays))

    @property
    def rows(self) -> npt.NDArray[np.int32]:
        """Row of each value, shape (values,)."""
        return np.repeat(np.arange(self.shape[0], dtype=np.int32), np.diff(self.starts))

    def table(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """The values of each row in lines of one width: as many lines as it takes.

        Returns:
            Columns, shape (lines, `WIDTH`), 0 where a line has none; places among the values, of the same
            shape, where the number of values stands for none; and row of each line, shape (lines,).
        """
        return _table(self.starts, self.columns, np.arange(len(self.values), dtype=np.int32))

    def turned_table(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """The same of each column: rows, places among the values, and column of each line."""
        return _table(self.turned_starts, self.turned_rows, self.turned)


def _table(
    starts: npt.NDArray[np.int32], others: npt.NDArray[np.int32], places: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    counts = np.diff(starts)
    lines = -(-counts // WIDTH)
    first = np.cumsum(lines) - lines
    within = np.arange(len(others)) - np.repeat(starts[:-1], counts)
    flat = np.repeat(first * WIDTH, counts) + within
    found = np.zeros((2, int(lines.sum()) * WIDTH), np.int32)
    found[1] = len(others)
    found[0, flat], found[1, flat] = others, places
    owners = np.repeat(np.arange(len(counts), dtype=np.int32), lines)
    return found[0].reshape(-1, WIDTH), found[1].reshape(-1, WIDTH), owners
