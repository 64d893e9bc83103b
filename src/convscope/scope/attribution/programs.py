"""The two computations that attributions are made of: scores of changed inputs, and gradients at a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from keras import ops

from convscope.errors import UsageError
from convscope.scope.attribution.query import AttributionQuery
from convscope.scope.differentiate import forward_program, gradient_program
from convscope.scope.graph.graph import Call
from convscope.scope.record import tapped
from convscope.types import Tensor

_WORTH_COMPILING = 4  # calls of a program


class Scores:
    """Explained scores of changed inputs; one program, of one shape, for all of them.

    Args:
        query: What is asked.
        count: How many changed inputs there will be.

    Attributes:
        size: How many are computed at once.
    """

    def __init__(self, query: AttributionQuery, count: int) -> None:
        self._question, self._count, self._done = query, count, 0
        self.size = min(query.batch_size, count)
        self._program = forward_program(
            query.model,
            lambda *tensors: query.scores(tensors[:-2], tensors[-2], tensors[-1]),
            compiled=count > _WORTH_COMPILING * self.size,
        )

    def __call__(self, changed: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Scores, (n,).

        Args:
            changed: Takes the place of the explained input, (n, ...), n at most `batch_size`.
            rows: Which sample each of them comes from, (n,).
        """
        query, n = self._question, len(rows)
        rows, changed = _filled(rows, self.size), _filled(changed, self.size)
        inputs = [array[rows] for array in query.inputs]
        if query.joined is not None:  # a token that is covered is covered in all that is known of it
            covered = changed != inputs[query.source]
            for at in query.joined[1]:
                inputs[at] = _without(inputs[at], covered)
        inputs[query.source] = changed.astype(query.x.dtype, copy=False)
        scores: np.ndarray = self._program(*inputs, query.selector[rows], query.offset[rows])
        self._done = _counted(query, self._done + n, self._count)
        return scores[:n]


def _without(array: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Values that lie beside tokens, (n, length, ...), with zeros where these are covered, (n, length)."""
    return np.where(covered.reshape(*covered.shape, *[1] * (array.ndim - 2)), array.dtype.type(0), array)


class Values:
    """What a layer puts out for the samples as they are.

    Args:
        query: What is asked.
        call: The layer.
        count: How many samples there will be.
    """

    def __init__(self, query: AttributionQuery, call: Call, count: int) -> None:
        self._question = query
        self._size = min(query.batch_size, count)

        def value(*tensors: Tensor) -> Tensor:
            with tapped(query.model, [call.path]) as taps:
                query.scores(tensors[:-2], tensors[-2], tensors[-1])
            if call.path not in taps:
                raise UsageError(
                    f"The layer '{call.path}' is not called when the model runs.", "Give another layer."
                )
            return taps[call.path]

        self._program = forward_program(query.model, value, compiled=count > _WORTH_COMPILING * self._size)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """The layer's output, (n, ...), for n samples, at most `batch_size`."""
        query, n = self._question, len(rows)
        rows = _filled(rows, self._size)
        inputs = [array[rows] for array in query.inputs]
        values: np.ndarray = self._program(*inputs, query.selector[rows], query.offset[rows])
        return values[:n]


class Gradients:
    """Gradients of the explained score at the input or behind a layer; one program for all batches.

    Args:
        query: What is asked.
        call: The layer; None for the input.
        count: How many samples, or changed copies of samples, there will be.
        around: Context that each computation of the model runs in.
    """

    def __init__(
        self,
        query: AttributionQuery,
        call: Call | None,
        count: int,
        around: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._question, self._count, self._done = query, count, 0
        self._call = call
        self._size = min(query.batch_size, count)
        first = query.x if call is None else Values(query, call, 1)(np.zeros(1, int))
        self.shape = first.shape[1:]

        def shifted(*tensors: Tensor) -> Tensor:
            *inputs, selector, offset, shift = tensors
            with around():
                scores, value = self._scores(inputs, selector, offset, shift)
            return ops.sum(scores), (scores, value)

        self._program = gradient_program(
            query.model,
            shifted,
            [len(query.inputs) + 2],
            compiled=count > _WORTH_COMPILING * self._size,
        )

    def _scores(
        self, inputs: list[Tensor], selector: Tensor, offset: Tensor, shift: Tensor
    ) -> tuple[Tensor, Tensor]:
        query = self._question
        if self._call is None:
            inputs[query.source] = inputs[query.source] + shift
            return query.scores(inputs, selector, offset), inputs[query.source]
        path = self._call.path
        with tapped(query.model, [path], add={path: shift}) as taps:
            scores = query.scores(inputs, selector, offset)
        return scores, taps[path]

    def __call__(
        self, rows: np.ndarray, shift: np.ndarray | None = None, changed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradients and values at the place, both (n, *shape), and scores (n,).

        Args:
            rows: Which samples, n at most `batch_size`.
            shift: What is added at the place, (n, *shape).
            changed: Takes the place of the explained input, (n, ...).
        """
        query, n = self._question, len(rows)
        rows = _filled(rows, self._size)
        inputs = [array[rows] for array in query.inputs]
        if changed is not None:
            inputs[query.source] = _filled(changed, self._size).astype(query.x.dtype, copy=False)
        if shift is None:
            shift = np.zeros((n, *self.shape), "float32")
        gradients, (scores, values) = self._program(
            *inputs, query.selector[rows], query.offset[rows], _filled(shift, self._size)
        )
        self._done = _counted(query, self._done + n, self._count)
        return gradients[0][:n], values[:n], scores[:n]


def _counted(query: AttributionQuery, done: int, count: int) -> int:
    """Tells how many copies are done; a few more than were reckoned with do not count."""
    query.progress(min(done, count), count, "attribution")
    return done


def batches(count: int, size: int) -> Iterator[np.ndarray]:
    """Consecutive numbers below `count`, at most `size` at a time."""
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))


def add_to_rows(total: np.ndarray, rows: np.ndarray, values: np.ndarray) -> None:
    """Adds each value, (n, ...), to its row of the total; rows may repeat."""
    for row in np.unique(rows):
        total[row] += values[rows == row].sum(0)


def _filled(array: np.ndarray, size: int) -> np.ndarray:
    """Filled up with copies of the last one, so that one compiled shape serves every batch."""
    missing = size - len(array)
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing > 0 else array
