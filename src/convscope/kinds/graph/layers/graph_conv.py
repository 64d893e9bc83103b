"""Convolution over the direct neighbors of each node."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from convscope.layers.neighbors import Neighborhood


@keras.saving.register_keras_serializable("convscope")
class GraphConv(keras.layers.Layer):
    """Graph convolution: each node and its neighbors, normalized by their degrees, through one kernel.

    `activation(D^-1/2 (A + I) D^-1/2 X W + b)` with the degrees of A + I.

    Source: Kipf and Welling (2017), Semi-Supervised Classification with Graph Convolutional Networks.

    Args:
        units: Channels of the output.
        activation: As of `keras.layers.Dense`.
        use_bias: Whether a bias is added.

    Call arguments: a list of values, shape (batch, nodes, channels), and the tables in the order of
    `convscope.layers.neighbors.TABLES`.

    Output shape: (batch, nodes, units).
    """

    def __init__(self, units: int, activation: Any = None, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias

    def build(self, input_shape: Any) -> None:
        """Makes kernel and bias."""
        self.kernel = self.add_weight(
            (input_shape[0][-1], self.units), initializer="glorot_uniform", name="kernel"
        )
        self.bias = (
            self.add_weight((self.units,), initializer="zeros", name="bias") if self.use_bias else None
        )

    def call(self, inputs: Any) -> Any:
        """Shape (batch, nodes, units)."""
        values, *tables = inputs
        batch, nodes = ops.shape(values)[:2]
        near = Neighborhood(nodes, tables)
        own = ops.matmul(ops.reshape(values, (-1, values.shape[-1])), self.kernel)
        scale = ops.rsqrt(near.degrees + 1)[:, None]
        scaled = own * scale
        out = (near.sum(scaled) + scaled) * scale
        if self.bias is not None:
            out = out + self.bias
        return self.activation(ops.reshape(out, (batch, nodes, self.units)))

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """(batch, nodes, units)."""
        return (*input_shape[0][:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        activation = keras.activations.serialize(self.activation)
        config: dict[str, Any] = super().get_config()
        return {**config, "units": self.units, "activation": activation, "use_bias": self.use_bias}
