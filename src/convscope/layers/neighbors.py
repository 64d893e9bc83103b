"""Sums over the neighbors of each node, by `take` and `sum` in both directions, on every backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
from keras import ops

from convscope.layers.neighbor_tables import MERGES
from convscope.types import Tensor

TABLES = ("degrees", "neighbors", "weights", "reverse", "owners", "merges", "sums")
"""What a layer on graphs takes besides the values of the nodes, in this order."""
LOWEST = -1e30
"""Stands where no neighbor is when the largest is looked for."""

NeighborSum = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""From values (nodes, channels), neighbors and weights (rows, width) and owners (rows,), ascending, to the
weighted sum over the neighbors of each node, (nodes, channels)."""
_faster: ContextVar[NeighborSum | None] = ContextVar("faster neighbor sum", default=None)


@contextmanager
def summed_by(function: NeighborSum) -> Iterator[None]:
    """Within it, `Neighborhood.sum` and its gradient are computed by a function of the backend.

    Tables serve every backend and every export, but on a CPU each backend has a faster sum, which a training
    takes: a product of a CSR matrix on TensorFlow and PyTorch, a sorted segment sum on JAX.
    `benchmarks/graph_aggregation.py` measures them all.

    Args:
        function: Gives the same sums.
    """
    token = _faster.set(function)
    try:
        yield
    finally:
        _faster.reset(token)


class Neighborhood:
    """The tables of a batch of graphs, seen as one large graph; made within the call of a layer.

    Args:
        nodes: The number of nodes in each graph, those of padding included.
        tables: Tensors in the order of `TABLES`: degrees (batch, nodes), and the arrays of
            `NeighborTables` with a batch axis in front.
    """

    def __init__(self, nodes: Tensor, tables: Tensor) -> None:
        degrees, neighbors, weights, reverse, owners, merges, sums = tables
        batch, rows, self.width = _shape(neighbors)
        merged = _shape(merges)[1]
        graph = ops.arange(batch, dtype="int32")
        self.degrees = ops.reshape(degrees, (-1,))
        self.weights = ops.reshape(weights, (-1, self.width))
        self.neighbors = self._moved(neighbors, graph * nodes, (-1, self.width))
        self.reverse = self._moved(reverse, graph * (rows * self.width), (-1,))
        self.owners = self._moved(owners, graph * nodes, (-1,))
        sizes = (batch, rows, merged)
        self.merges = ops.reshape(_numbered(merges, graph[:, None, None], *sizes), (-1, self.width))
        self.sums = ops.reshape(_numbered(sums, graph[:, None], *sizes), (-1,))

    @staticmethod
    def _moved(table: Tensor, start: Tensor, shape: tuple[int, ...]) -> Tensor:
        start = ops.reshape(start, (-1, *(1,) * (len(table.shape) - 1)))
        return ops.reshape(table + start, shape)

    @property
    def there(self) -> Tensor:
        """Which places of the table hold an edge: shape (rows, width), boolean; one of weight 0 is none."""
        return ops.not_equal(ops.stop_gradient(self.weights), 0)

    def sum(self, values: Tensor, weights: Tensor = None) -> Tensor:
        """Weighted sums over the neighbors of each node.

        The gradient with respect to values and weights runs over the same tables: no scatter in either
        direction.

        Args:
            values: Shape (batch * nodes, channels).
            weights: Shape (rows, width), or (rows, width, heads), where `heads` divides the channels; None
                takes the weights of the edges.

        Returns:
            Shape (batch * nodes, channels).
        """
        weights = self.weights if weights is None else weights

        @ops.custom_gradient  # type: ignore[untyped-decorator]
        def summed(values: Tensor, weights: Tensor) -> Tensor:
            def gradient(*saved: Tensor, upstream: Tensor = None) -> Tensor:
                upstream = saved[0] if upstream is None else upstream
                turned = ops.take(ops.reshape(weights, (-1, *weights.shape[2:])), self.reverse, axis=0)
                turned = ops.reshape(turned, ops.shape(weights))
                of_weights = self._products(values, upstream, weights) if _learns(weights) else None
                return self._sum(upstream, turned), of_weights

            return self._sum(values, weights), gradient

        return summed(values, weights)

    def _sum(self, values: Tensor, weights: Tensor) -> Tensor:
        faster = _faster.get()
        if faster is not None and len(weights.shape) == 2:
            return faster(values, self.neighbors, weights, self.owners)
        near = _by_head(ops.take(values, self.neighbors, axis=0), weights)
        rows = ops.sum(near * _expanded(weights), axis=1)
        return self.merged(ops.reshape(rows, (-1, values.shape[-1])))

    def merged(self, rows: Tensor, reduce: Callable[..., Tensor] = ops.sum, nothing: float = 0.0) -> Tensor:
        """From one sum for each row of the table to one for each node.

        Args:
            rows: Shape (rows, channels).
            reduce: `ops.sum` or `ops.max`.
            nothing: For a node without a neighbor.

        Returns:
            Shape (batch * nodes, channels).
        """
        none = ops.full_like(rows[:1], nothing)
        if self.merges.shape[0] == 0:
            return ops.take(ops.concatenate([rows, none]), self.sums, axis=0)
        merged = ops.full((ops.shape(self.merges)[0], rows.shape[-1]), nothing, rows.dtype)
        for _ in range(MERGES):
            found = ops.take(ops.concatenate([rows, merged, none]), self.merges, axis=0)
            merged = reduce(found, axis=1)
        return ops.take(ops.concatenate([rows, merged, none]), self.sums, axis=0)

    def near(self, values: Tensor) -> Tensor:
        """The values of each neighbor.

        Args:
            values: Shape (batch * nodes, channels).

        Returns:
            Shape (rows, width, channels); 0 where there is no neighbor.
        """
        there = ops.cast(self.there, values.dtype)[..., None]

        def forward(values: Tensor) -> Tensor:
            return ops.take(values, self.neighbors, axis=0) * there

        def backward(_: Tensor, upstream: Tensor) -> Tensor:
            flat = ops.reshape(upstream * there, (-1, upstream.shape[-1]))
            back = ops.reshape(ops.take(flat, self.reverse, axis=0), ops.shape(upstream))
            return self.merged(ops.sum(back, axis=1))

        return _with_gradient(forward, backward)(values)

    def own(self, values: Tensor) -> Tensor:
        """The values of the node whose neighbors a row holds.

        Args:
            values: Shape (batch * nodes, channels).

        Returns:
            Shape (rows, channels).
        """

        def forward(values: Tensor) -> Tensor:
            return ops.take(values, self.owners, axis=0)

        return _with_gradient(forward, lambda _, upstream: self.merged(upstream))(values)

    def total(self, places: Tensor) -> Tensor:
        """Sums of what stands in the places of each node.

        Args:
            places: Shape (rows, width, channels); 0 where there is no neighbor.

        Returns:
            Shape (batch * nodes, channels).
        """

        def backward(places: Tensor, upstream: Tensor) -> Tensor:
            return ops.broadcast_to(ops.take(upstream, self.owners, axis=0)[:, None], ops.shape(places))

        return _with_gradient(lambda places: self.merged(ops.sum(places, axis=1)), backward)(places)

    def max(self, values: Tensor) -> Tensor:
        """The largest value among the neighbors of each node, by channel; ties share the gradient.

        Args:
            values: Shape (batch * nodes, channels).

        Returns:
            Shape (batch * nodes, channels); 0 for a node without a neighbor.
        """
        there = self.there[..., None]

        def largest(values: Tensor) -> Tensor:
            return self.largest(ops.take(values, self.neighbors, axis=0))

        def backward(values: Tensor, upstream: Tensor) -> Tensor:
            best = largest(values)
            found = ops.take(values, self.neighbors, axis=0)
            near = ops.equal(found, ops.take(best, self.owners, axis=0)[:, None])
            as_large = self.merged(ops.sum(ops.cast(near & there, values.dtype), axis=1))
            share = ops.take(upstream / ops.maximum(as_large, 1), self.neighbors, axis=0)
            own = ops.take(values, self.owners, axis=0)[:, None]
            own = ops.equal(own, ops.take(best, self.neighbors, axis=0))
            seen = ops.take(ops.reshape(there, (-1,)), self.reverse, axis=0)
            seen = ops.reshape(seen, ops.shape(there))
            return self.merged(ops.sum(ops.where(own & seen, share, 0), axis=1))

        def forward(values: Tensor) -> Tensor:
            found = largest(values)
            return ops.where(found > LOWEST, found, 0)

        return _with_gradient(forward, backward)(values)

    def largest(self, places: Tensor) -> Tensor:
        """The largest of what stands in the places of each node; has no gradient of its own.

        Args:
            places: Shape (rows, width, channels).

        Returns:
            Shape (batch * nodes, channels); `LOWEST` for a node without a neighbor.
        """
        rows = ops.max(ops.where(self.there[..., None], places, LOWEST), axis=1)
        return self.merged(rows, ops.max, LOWEST)

    def softmax(self, scores: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """Weights that are positive and add up to 1 over each node and its neighbors.

        Args:
            scores: Of the neighbors, shape (rows, width, heads).
            own: Of the nodes themselves, shape (batch * nodes, heads).

        Returns:
            The weights in the same two shapes.
        """
        there = self.there[..., None]
        scores = ops.where(there, scores, LOWEST)
        top = ops.stop_gradient(ops.maximum(self.largest(ops.stop_gradient(scores)), own))
        raised = ops.where(there, ops.exp(scores - ops.take(top, self.owners, axis=0)[:, None]), 0)
        own = ops.exp(own - top)
        whole = self.total(raised) + own
        return raised / self.own(whole)[:, None], own / whole

    def _products(self, values: Tensor, upstream: Tensor, weights: Tensor) -> Tensor:
        """Of the values of a neighbor and the gradient of the sum that it is in; the shape of weights."""
        near = _by_head(ops.take(values, self.neighbors, axis=0), weights)
        own = _by_head(ops.take(upstream, self.owners, axis=0)[:, None], weights)
        products = ops.sum(near * own, axis=-1)
        return ops.reshape(products, ops.shape(weights))


def _with_gradient(
    forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor, Tensor], Tensor]
) -> Callable[[Tensor], Tensor]:
    """A function of one tensor; another computes the gradient from the tensor and that of the result."""

    @ops.custom_gradient  # type: ignore[untyped-decorator]
    def made(value: Tensor) -> Tensor:
        def gradient(*saved: Tensor, upstream: Tensor = None) -> Tensor:
            return backward(value, saved[0] if upstream is None else upstream)

        return forward(value), gradient

    made_of_one: Callable[[Tensor], Tensor] = made
    return made_of_one


def _learns(weights: Tensor) -> bool:
    """Whether a gradient may be asked for; only PyTorch knows beforehand."""
    return bool(getattr(weights, "requires_grad", True))


def _expanded(weights: Tensor) -> Tensor:
    """Shape (rows, width, heads, 1)."""
    return weights[..., None, None] if len(weights.shape) == 2 else weights[..., None]


def _by_head(values: Tensor, weights: Tensor) -> Tensor:
    """Shape (rows, width, heads, channels of a head)."""
    heads = 1 if len(weights.shape) == 2 else weights.shape[2]
    shape = ops.shape(values)
    return ops.reshape(values, (*shape[:2], heads, values.shape[-1] // heads))


def _numbered(numbers: Tensor, graph: Tensor, batch: Tensor, rows: Tensor, merges: Tensor) -> Tensor:
    """Sums of several graphs, numbered as if all rows came first, then all merges, then nothing."""
    row = numbers + graph * rows
    merge = numbers - rows + batch * rows + graph * merges
    inside = ops.where(numbers < rows, row, merge)
    return ops.where(numbers < rows + merges, inside, batch * (rows + merges))


def _shape(tensor: Tensor) -> tuple[Tensor, ...]:
    """Sizes, as numbers where they are known."""
    return tuple(ops.shape(tensor))


def graph_inputs(features: int, width: int) -> dict[str, Any]:
    """Inputs of a model on graphs by name, any number of nodes and rows.

    Args:
        features: Values of each node.
        width: Of the tables.
    """
    shapes: dict[str, tuple[tuple[int | None, ...], str]] = {
        "nodes": ((None, features), "float32"),
        "degrees": ((None,), "float32"),
        "neighbors": ((None, width), "int32"),
        "weights": ((None, width), "float32"),
        "reverse": ((None, width), "int32"),
        "owners": ((None,), "int32"),
        "merges": ((None, width), "int32"),
        "sums": ((None,), "int32"),
    }
    return {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in shapes.items()}


def tables_of(inputs: dict[str, Any]) -> list[Any]:
    """What a layer takes besides the values of the nodes, in the order of `TABLES`."""
    return [inputs[name] for name in TABLES]
