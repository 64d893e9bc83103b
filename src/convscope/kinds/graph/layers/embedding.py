"""Nodes that are known by name alone: a vector of its own for each, and sums along edges without a kernel."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from convscope.errors import UsageError
from convscope.kinds.graph.layers.convolutions import opened, spread
from convscope.types import Tensor


@keras.saving.register_keras_serializable(package="convscope")
class NodeEmbedding(keras.layers.Layer):  # type: ignore[misc]
    """A learned vector for each node of one graph.

    Args:
        nodes: How many nodes the graph has.
        units: Numbers of a vector.
        l2: Penalty of the vectors that a step looks at, which the loss of the model adds.

    Shapes:
        - input: (batch, nodes, 1), the number of each node from 1; 0 for padding.
        - output: (batch, nodes, units); 0 for padding.
    """

    hops = 0

    def __init__(self, nodes: int, units: int, l2: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        if nodes < 1 or units < 1 or l2 < 0:
            raise UsageError(
                "NodeEmbedding needs at least one node and one unit, and no negative penalty."
                f" Received: nodes={nodes}, units={units}, l2={l2}."
            )
        self.nodes, self.units, self.l2 = nodes, units, l2

    def build(self, input_shape: Tensor) -> None:
        """Makes the table."""
        self.table = self.add_weight(
            (self.nodes, self.units), initializer=keras.initializers.RandomNormal(stddev=0.1), name="table"
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Looks them up."""
        rows = ops.cast(inputs[..., 0], "int32")
        found = ops.take(self.table, ops.maximum(rows - 1, 0), axis=0)
        return found * ops.cast(rows > 0, found.dtype)[..., None]

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """(batch, nodes, units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        config: dict[str, Any] = super().get_config()
        return {**config, "nodes": self.nodes, "units": self.units, "l2": self.l2}


@keras.saving.register_keras_serializable(package="convscope")
class LightConv(keras.layers.Layer):  # type: ignore[misc]
    r"""The sum over the neighbors of each node, weighted by the roots of both degrees; has no weights.

    $y = D^{-1/2} A D^{-1/2} x$, without the node itself, which is 0 for one without neighbors.

    Source: He et al. (2020), "LightGCN: simplifying and powering graph convolution network for
    recommendation".

    Shapes:
        - input: as of `GraphConv`.
        - output: that of the values.
    """

    hops = 1

    def call(self, inputs: Tensor) -> Tensor:
        """Sums up."""
        values, near = opened(inputs)
        return ops.reshape(spread(values, near), ops.shape(inputs[0]))

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """That of the values."""
        return tuple(input_shape[0])
