"""From nodes to what is asked: whole graphs, some of the nodes, pairs of them, soft clusters."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import ops

from convscope.errors import UsageError
from convscope.layers.neighbors import Neighborhood
from convscope.types import Tensor

Reduction = Literal["mean", "max", "sum", "attention"]
Combination = Literal["hadamard", "dot"]


@keras.saving.register_keras_serializable(package="convscope")
class GraphPooling(keras.layers.Layer):  # type: ignore[misc]
    r"""One vector for each graph, from the nodes that are there.

    By attention it is $\sum_v \operatorname{softmax}_v(a^\top x_v) x_v$, where the score kernel $a$ is
    learned (Li, Tarlow, Brockschmidt and Zemel 2016, "Gated graph sequence neural networks").

    Args:
        reduction: `mean`, `max`, `sum` or `attention`.

    Shapes:
        - input: values (batch, nodes, channels) and members (batch, nodes), 1 for real nodes and 0 for those
          of padding.
        - output: (batch, channels); 0 for a graph without nodes.
    """

    hops = 0

    def __init__(self, reduction: Reduction = "mean", **options: Any) -> None:
        super().__init__(**options)
        if reduction not in ("mean", "max", "sum", "attention"):
            raise UsageError(
                "GraphPooling reduces by 'mean', 'max', 'sum' or 'attention'."
                f" Received: reduction={reduction!r}."
            )
        self.reduction = reduction

    def build(self, input_shape: Tensor) -> None:
        """Makes the kernel of the scores."""
        if self.reduction == "attention":
            self.score_kernel = self.add_weight(
                (input_shape[0][-1], 1), initializer="glorot_uniform", name="score_kernel"
            )

    def call(self, inputs: Tensor) -> Tensor:
        """Reduces."""
        values, members = inputs
        there = ops.cast(members, values.dtype)[..., None]
        if self.reduction == "max":
            lowest = -3e4  # below what a layer puts out, and still a number in half precision
            return ops.max(ops.where(there > 0, values, lowest), axis=1) * ops.max(there, axis=1)
        if self.reduction == "attention":
            scores = ops.where(there > 0, ops.matmul(values, self.score_kernel), -3e4)
            raised = ops.exp(scores - ops.stop_gradient(ops.max(scores, axis=1, keepdims=True))) * there
            there = raised / ops.maximum(ops.sum(raised, axis=1, keepdims=True), 1e-12)
        total = ops.squeeze(ops.matmul(ops.swapaxes(there, 1, 2), values), 1)
        return total / ops.maximum(ops.sum(there, axis=1), 1) if self.reduction == "mean" else total

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """Without the nodes."""
        return (input_shape[0][0], input_shape[0][-1])

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        config: dict[str, Any] = super().get_config()
        return {**config, "reduction": self.reduction}


@keras.saving.register_keras_serializable(package="convscope")
class TakeNodes(keras.layers.Layer):  # type: ignore[misc]
    """The values of the nodes that are asked.

    Shapes:
        - input: values (batch, nodes, channels) and targets (batch, asked), integers: positions of nodes.
        - output: (batch, asked, channels).
    """

    hops = 0

    def call(self, inputs: Tensor) -> Tensor:
        """Takes them."""
        values, targets = inputs
        batch, nodes, channels = ops.shape(values)
        rows = targets + (ops.arange(batch, dtype=targets.dtype) * nodes)[:, None]
        return ops.take(ops.reshape(values, (-1, channels)), rows, axis=0)

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """(batch, asked, channels)."""
        return (*input_shape[1], input_shape[0][-1])


@keras.saving.register_keras_serializable(package="convscope")
class PairValues(keras.layers.Layer):  # type: ignore[misc]
    r"""What two nodes have in common: $x_u \cdot x_v$ by channel, or the sum of that.

    Args:
        combine: `hadamard` for the product of each channel, `dot` for their sum.

    Shapes:
        - input: values (batch, nodes, channels) and pairs (batch, asked, 2), integers: positions of both
          nodes.
        - output: (batch, asked, channels), or (batch, asked, 1).
    """

    hops = 0

    def __init__(self, combine: Combination = "hadamard", **options: Any) -> None:
        super().__init__(**options)
        if combine not in ("hadamard", "dot"):
            raise UsageError(f"PairValues combines by 'hadamard' or 'dot'. Received: combine={combine!r}.")
        self.combine = combine
        self.take = TakeNodes(name="take")

    def build(self, input_shape: Any) -> None:
        """Has no weights."""
        self.take.build([input_shape[0], input_shape[1][:2]])

    def call(self, inputs: Tensor) -> Tensor:
        """Multiplies both ends."""
        values, pairs = inputs
        products = self.take([values, pairs[..., 0]]) * self.take([values, pairs[..., 1]])
        return ops.sum(products, axis=-1, keepdims=True) if self.combine == "dot" else products

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """(batch, asked, channels or 1)."""
        return (*input_shape[1][:2], input_shape[0][-1] if self.combine == "hadamard" else 1)

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        config: dict[str, Any] = super().get_config()
        return {**config, "combine": self.combine}


@keras.saving.register_keras_serializable(package="convscope")
class DMoNPooling(keras.layers.Layer):  # type: ignore[misc]
    r"""Soft clusters of nodes: $C = \operatorname{softmax}(\operatorname{dropout}(X) W + b)$.

    Adds two losses: minus the modularity of the clusters, $-\operatorname{Tr}(C^\top B C) / 2m$ with
    $B = A - d d^\top / 2m$, and, against one cluster for all, $\frac{\sqrt k}{n} \lVert \sum_v C_v \rVert
    - 1$. The values of clusters, for a coarser graph, are $C^\top X$.

    Source: Tsitsulin, Palowitch, Perozzi and Mueller (2023), "Graph clustering with graph neural networks".

    Args:
        clusters: How many there may be, k.
        dropout: Of the values in training.
        collapse: Weight of the loss against one cluster for all.

    Shapes:
        - input: values (batch, nodes, channels), the tables in the order of `TABLES`, and, where there are
          nodes of padding, (batch, nodes) with 1 for real nodes.
        - output: (batch, nodes, clusters), probabilities.
    """

    hops = 0

    def __init__(self, clusters: int, dropout: float = 0.5, collapse: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        if clusters < 2:
            raise UsageError(f"DMoNPooling needs at least two clusters. Received: clusters={clusters}.")
        self.clusters = clusters
        self.collapse = collapse
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    def build(self, input_shape: Tensor) -> None:
        """Makes kernel and bias."""
        self.kernel = self.add_weight(
            (input_shape[0][-1], self.clusters), initializer="orthogonal", name="kernel"
        )
        self.bias = self.add_weight((self.clusters,), initializer="zeros", name="bias")

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Assigns each node to clusters, and adds the losses."""
        values, *tables = inputs[:8]
        members = inputs[8] if len(inputs) > 8 else ops.ones_like(tables[0])
        x = self.dropout(values, training=training)
        shares = ops.softmax(ops.matmul(x, self.kernel) + self.bias, axis=-1)
        kept = shares * members[..., None]
        modularity, collapsed = self._judged(kept, members, tables)
        self.add_loss(ops.mean(self.collapse * collapsed - modularity))
        return shares

    def _judged(self, shares: Tensor, members: Tensor, tables: Tensor) -> tuple[Tensor, Tensor]:
        """Modularity and collapse of each graph, shape (batch,)."""
        degrees = tables[0]
        near = Neighborhood(ops.shape(shares)[1], tables)
        seen = ops.reshape(near.sum(ops.reshape(shares, (-1, self.clusters))), ops.shape(shares))
        edges = ops.maximum(ops.sum(degrees, axis=1), 1e-12)  # each counted from both ends
        inside = ops.sum(shares * seen, axis=(1, 2))
        volumes = ops.sum(shares * degrees[..., None], axis=1)
        modularity = (inside - ops.sum(volumes**2, axis=1) / edges) / edges
        sizes = ops.sum(shares, axis=1)
        nodes = ops.maximum(ops.sum(members, axis=1), 1.0)
        collapsed = ops.sqrt(ops.sum(sizes**2, axis=1) * self.clusters) / nodes - 1
        return modularity, collapsed

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """(batch, nodes, clusters)."""
        return (*input_shape[0][:-1], self.clusters)

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        config: dict[str, Any] = super().get_config()
        return {
            **config,
            "clusters": self.clusters,
            "dropout": self.dropout.rate,
            "collapse": self.collapse,
        }
