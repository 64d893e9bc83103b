"""Convolution whose weights of neighbors are learned."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from convscope.errors import UsageError
from convscope.kinds.graph.layers.convolutions import GraphLayer, opened
from convscope.layers.sparse_products import product
from convscope.types import Tensor


@keras.saving.register_keras_serializable(package="convscope")
class GATv2Conv(GraphLayer):
    r"""Graph attention: how much each neighbor counts depends on its values and those of the node.

    $y_v = f(\sum_u \alpha_{uv} W_s x_u + b)$ over the neighbors and the node itself, with weights
    $\alpha_{uv} = \operatorname{softmax}_u(a^\top \operatorname{leaky}(W_s x_u + W_t x_v))$ for each head.
    The weight of an edge plays no part, except that one of 0 is no edge.

    Source: Brody, Alon and Yahav (2022), "How attentive are graph attention networks?".

    Args:
        units: Channels of each head.
        heads: How many heads there are.
        concat: Whether heads stand side by side; else their mean is taken.
        dropout: Share of the weights that is dropped in training.
        slope: Of the leaky ReLU below 0.
        activation: As of `keras.layers.Dense`.
        use_bias: Whether a bias is added.
        kernel_regularizer: As of `keras.layers.Dense`.

    Shapes:
        - input: as of `GraphConv`.
        - output: (batch, nodes, heads * units), or (batch, nodes, units) for the mean.
    """

    held = "the attention"

    def __init__(
        self,
        units: int,
        heads: int = 1,
        concat: bool = True,
        dropout: float = 0.0,
        slope: float = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(units, **options)
        if heads < 1:
            raise UsageError(f"GATv2Conv needs at least one head. Received: heads={heads}.")
        self.heads = heads
        self.concat = concat
        self.slope = slope
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, input_shape: Tensor) -> None:
        """Makes kernels of both ends of an edge, those of the scores, and the bias."""
        channels, wide = input_shape[0][-1], self.heads * self.units
        self.kernel = self.add_kernel(channels, wide)
        self.target_kernel = self.add_kernel(channels, wide, "target_kernel")
        self.score_kernel = self.add_kernel(self.units, self.heads, "score_kernel")
        self.bias = self.add_bias(wide if self.concat else self.units)

    def only_multiplies(self, channels: int) -> bool:
        """Always."""
        return True

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Convolves."""
        values, near = opened(inputs)
        source, target = product(values, self.kernel), product(values, self.target_kernel)
        seen = near.near(source)
        own_weights = self._scores(source + target)
        scores = self._scores(seen + near.own(target)[:, None])
        weights, own_weights = near.softmax(scores, own_weights)
        if self.holding:
            weights, own_weights = ops.stop_gradient(weights), ops.stop_gradient(own_weights)
        if self.dropout.rate:
            weights = self.dropout(weights, training=training)
            own_weights = self.dropout(own_weights, training=training)
        found = near.total(self._weighted(seen, weights)) + self._weighted(source, own_weights)
        if not self.concat:
            found = ops.mean(self._by_head(found), axis=-2)
        return self.finished(found, self.bias, inputs[0])

    def _by_head(self, values: Tensor) -> Tensor:
        """Shape (..., heads, units)."""
        return ops.reshape(values, (*ops.shape(values)[:-1], self.heads, self.units))

    def _scores(self, values: Tensor) -> Tensor:
        """Shape (..., heads)."""
        raised = ops.leaky_relu(self._by_head(values), self.slope)
        return ops.sum(raised * ops.transpose(self.score_kernel), axis=-1)

    def _weighted(self, values: Tensor, weights: Tensor) -> Tensor:
        return ops.reshape(self._by_head(values) * weights[..., None], ops.shape(values))

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """Heads side by side or one."""
        return (*input_shape[0][:-1], self.units * (self.heads if self.concat else 1))

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        return {
            **super().get_config(),
            "heads": self.heads,
            "concat": self.concat,
            "dropout": self.dropout.rate,
            "slope": self.slope,
        }
