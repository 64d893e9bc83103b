"""Kernels without weights: how many neighbors a node has, how often walks come by, what they spread."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from convscope.errors import UsageError
from convscope.kinds.graph.layers.convolutions import opened, smoothed
from convscope.types import Tensor


@keras.saving.register_keras_serializable(package="convscope")
class NeighborSums(keras.layers.Layer):  # type: ignore[misc]
    r"""The number of neighbors of each node, and the sum of the weights of the edges to it; has no weights.

    Both are convolutions of a constant: $\sum_{u \to v} 1$ and $\sum_{u \to v} w_{uv}$.

    Shapes:
        - input: values (batch, nodes, channels), which do not matter, and the tables in the order of
          `convscope.layers.neighbors.TABLES`.
        - output: (batch, nodes, 2): number, sum of weights.
    """

    hops = 1

    def call(self, inputs: Tensor) -> Tensor:
        """Counts and sums up."""
        values, near = opened(inputs)
        one = ops.ones_like(values[:, :1])
        there = ops.cast(near.there, values.dtype)
        found = ops.concatenate([near.sum(one, there), near.sum(one)], axis=-1)
        batch, nodes = ops.shape(inputs[0])[:2]
        return ops.reshape(found, (batch, nodes, 2))

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """(batch, nodes, 2)."""
        return (*input_shape[0][:-1], 2)


@keras.saving.register_keras_serializable(package="convscope")
class Walks(keras.layers.Layer):  # type: ignore[misc]
    r"""How often walks of some steps come by each node, one starting at every node; has no weights.

    $x_0 = 1$, $x_{k+1}(v) = 1 + d \sum_{u \to v} \frac{w_{uv}}{s_u} x_k(u)$, where $s_u$ is the sum of the
    weights of the edges that lead away from u: a walk follows an edge by its weight, and goes on with
    probability d. Divided by its sum over all nodes, it tends to PageRank with the number of steps, also
    where some nodes have no edge that leads away.

    Source: Brin and Page (1998), "The anatomy of a large-scale hypertextual web search engine".

    Args:
        hops: Steps of each walk.
        damping: The probability to go on, d.

    Shapes:
        - input: the sum of the weights that lead away from each node (batch, nodes, 1), and the tables in the
          order of `convscope.layers.neighbors.TABLES`.
        - output: (batch, nodes, 1).
    """

    def __init__(self, hops: int = 2, damping: float = 0.85, **options: Any) -> None:
        super().__init__(**options)
        if hops < 1 or not 0 < damping < 1:
            raise UsageError(
                "Walks needs at least one hop and a damping between 0 and 1."
                f" Received: hops={hops}, damping={damping}."
            )
        self.hops = hops
        self.damping = damping

    def call(self, inputs: Tensor) -> Tensor:
        """Walks."""
        strength, near = opened(inputs)
        ends = ops.equal(strength, 0)
        share = ops.where(ends, 0.0, self.damping / ops.where(ends, 1.0, strength))
        visits = ops.ones_like(strength)
        for _ in range(self.hops):
            visits = 1 + near.sum(visits * share)
        return ops.reshape(visits, ops.shape(inputs[0]))

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """That of the values."""
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        config: dict[str, Any] = super().get_config()
        return {**config, "hops": self.hops, "damping": self.damping}


@keras.saving.register_keras_serializable(package="convscope")
class Propagation(keras.layers.Layer):  # type: ignore[misc]
    r"""Spreads what is known of each node along the edges, as personalized PageRank does; has no weights.

    $Z_0 = H$, $Z_{k+1} = (1 - \alpha) \hat A Z_k + \alpha H$ with $\hat A = D^{-1/2} (A + I) D^{-1/2}$.

    Source: Gasteiger, Bojchevski and Guennemann (2019), "Predict then propagate: graph neural networks meet
    personalized PageRank" (APPNP).

    Args:
        hops: How many steps are taken.
        teleport: The share of the node's own values in each step, alpha.

    Shapes:
        - input: as of `GraphConv`.
        - output: that of the values.
    """

    def __init__(self, hops: int = 10, teleport: float = 0.1, **options: Any) -> None:
        super().__init__(**options)
        if hops < 1 or not 0 < teleport < 1:
            raise UsageError(
                "Propagation needs at least one hop and a teleport share between 0 and 1."
                f" Received: hops={hops}, teleport={teleport}."
            )
        self.hops = hops
        self.teleport = teleport

    def call(self, inputs: Tensor) -> Tensor:
        """Propagates."""
        values, near = opened(inputs)
        spreading = values
        for _ in range(self.hops):
            spreading = (1 - self.teleport) * smoothed(spreading, near) + self.teleport * values
        return ops.reshape(spreading, ops.shape(inputs[0]))

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """That of the values."""
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        config: dict[str, Any] = super().get_config()
        return {**config, "hops": self.hops, "teleport": self.teleport}
