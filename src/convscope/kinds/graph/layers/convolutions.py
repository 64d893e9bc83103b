"""Convolutions over the neighbors of each node: by their sum, their mean or the largest of them."""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import ops

from convscope.errors import UsageError
from convscope.layers.neighbors import Neighborhood
from convscope.layers.sparse_products import product
from convscope.types import Tensor

Aggregate = Literal["mean", "max"]


class GraphLayer(keras.layers.Layer):  # type: ignore[misc]
    """What convolutions on graphs share: units, an activation, a bias, and how far they see.

    Args:
        units: Channels of the output.
        activation: As of `keras.layers.Dense`.
        use_bias: Whether a bias is added.
        kernel_regularizer: As of `keras.layers.Dense`, of every kernel.
    """

    hops = 1
    """How many edges lie at most between a node and what its output depends on."""
    held = ""
    """What depends on the values besides, without which the output before the activation is a weighted sum of
    them and a constant; empty where it is one in any case."""
    holding = False
    """Whether that does not count for gradients, which are then the weights of the sum."""

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_regularizer: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if units < 1:
            raise UsageError(f"{type(self).__name__} needs at least one unit. Received: units={units}.")
        self.units = units
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def only_multiplies(self, channels: int) -> bool:
        """Whether inputs of so many channels come in as products with a kernel alone."""
        return False

    def add_kernel(self, channels: int, units: int, name: str = "kernel") -> Tensor:
        """A kernel of shape (channels, units)."""
        return self.add_weight(
            (channels, units),
            initializer="glorot_uniform",
            regularizer=self.kernel_regularizer,
            name=name,
        )

    def add_bias(self, units: int | None = None) -> Tensor:
        """A bias for each unit; None where none is wanted."""
        return (
            self.add_weight((units or self.units,), initializer="zeros", name="bias")
            if self.use_bias
            else None
        )

    def finished(self, rows: Tensor, bias: Tensor, like: Tensor) -> Tensor:
        """From rows of all graphs to (batch, nodes, units), with bias and activation."""
        rows = rows if bias is None else rows + ops.convert_to_tensor(bias)
        batch, nodes = ops.shape(like)[:2]
        return self.activation(ops.reshape(rows, (batch, nodes, rows.shape[-1])))

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """(batch, nodes, units)."""
        return (*input_shape[0][:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        config: dict[str, Any] = super().get_config()
        return {
            **config,
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }


def opened(inputs: Tensor) -> tuple[Tensor, Neighborhood]:
    """Values as rows of all graphs, and the neighborhoods that they lie in.

    Args:
        inputs: Values, shape (batch, nodes, channels), and the tables in the order of `TABLES`.
    """
    values, *tables = inputs
    return ops.reshape(values, (-1, values.shape[-1])), Neighborhood(ops.shape(values)[1], tables)


@keras.saving.register_keras_serializable(package="convscope")
class GraphConv(GraphLayer):
    r"""Graph convolution: each node and its neighbors, normalized by their degrees, through one kernel.

    $y = f(D^{-1/2} (A + I) D^{-1/2} X W + b)$ with the degrees $D$ of $A + I$.

    Source: Kipf and Welling (2017), "Semi-supervised classification with graph convolutional networks".

    Args:
        units: Channels of the output.
        activation: As of `keras.layers.Dense`.
        use_bias: Whether a bias is added.
        kernel_regularizer: As of `keras.layers.Dense`.

    Shapes:
        - input: values (batch, nodes, channels), and the tables in the order of
          `convscope.layers.neighbors.TABLES`.
        - output: (batch, nodes, units).
    """

    def build(self, input_shape: Tensor) -> None:
        """Makes kernel and bias."""
        self.kernel = self.add_kernel(input_shape[0][-1], self.units)
        self.bias = self.add_bias()

    def only_multiplies(self, channels: int) -> bool:
        """Always."""
        return True

    def call(self, inputs: Tensor) -> Tensor:
        """Convolves."""
        values, near = opened(inputs)
        return self.finished(smoothed(product(values, self.kernel), near), self.bias, inputs[0])


def smoothed(values: Tensor, near: Neighborhood) -> Tensor:
    """The mean over each node and its neighbors, weighted by the roots of their degrees with self loops."""
    scale = ops.rsqrt(near.degrees + 1)[:, None]
    scaled = values * scale
    return (near.sum(scaled) + scaled) * scale


@keras.saving.register_keras_serializable(package="convscope")
class SAGEConv(GraphLayer):
    r"""GraphSAGE: one kernel for the node itself, another for what its neighbors have in common.

    $y_v = f(W_1 x_v + W_2 \operatorname{aggregate}_{u \to v}(x_u) + b)$. The mean is weighted by the
    edges; the maximum is taken of $\operatorname{relu}(W_3 x_u + b_3)$, by channel. A node without
    neighbors has 0 there.

    Source: Hamilton, Ying and Leskovec (2017), "Inductive representation learning on large graphs".

    Args:
        units: Channels of the output.
        aggregate: `mean` or `max`.
        activation: As of `keras.layers.Dense`.
        use_bias: Whether a bias is added.
        kernel_regularizer: As of `keras.layers.Dense`.

    Shapes: as of `GraphConv`.
    """

    def __init__(self, units: int, aggregate: Aggregate = "mean", **options: Any) -> None:
        super().__init__(units, **options)
        if aggregate not in ("mean", "max"):
            raise UsageError(f"SAGEConv aggregates by 'mean' or 'max'. Received: aggregate={aggregate!r}.")
        self.aggregate = aggregate
        self.held = "which neighbors are the largest" if aggregate == "max" else ""

    def build(self, input_shape: Tensor) -> None:
        """Makes kernels and biases."""
        channels = input_shape[0][-1]
        self.kernel = self.add_kernel(channels, self.units)
        self.neighbor_kernel = self.add_kernel(channels, self.units, "neighbor_kernel")
        if self.aggregate == "max":
            self.pooling_kernel = self.add_kernel(channels, channels, "pooling_kernel")
            self.pooling_bias = self.add_weight((channels,), initializer="zeros", name="pooling_bias")
        self.bias = self.add_bias()

    def only_multiplies(self, channels: int) -> bool:
        """Unless the mean is one of the inputs, because these have no more channels."""
        return self.aggregate == "max" or self.units < channels

    def call(self, inputs: Tensor) -> Tensor:
        """Convolves."""
        values, near = opened(inputs)
        if self.aggregate == "max":
            pooled = ops.relu(product(values, self.pooling_kernel) + self.pooling_bias)
            seen = ops.matmul(near.max(pooled), self.neighbor_kernel)
        elif self.units < values.shape[-1]:  # a mean of fewer channels
            seen = mean(product(values, self.neighbor_kernel), near)
        else:
            seen = ops.matmul(mean(values, near), self.neighbor_kernel)
        return self.finished(product(values, self.kernel) + seen, self.bias, inputs[0])

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        return {**super().get_config(), "aggregate": self.aggregate}


def mean(values: Tensor, near: Neighborhood) -> Tensor:
    """The mean over the neighbors of each node, weighted by the edges; 0 for one without neighbors."""
    lonely = ops.equal(near.degrees, 0)
    return near.sum(values) / ops.where(lonely, 1.0, near.degrees)[:, None]


@keras.saving.register_keras_serializable(package="convscope")
class GINConv(GraphLayer):
    r"""Graph isomorphism convolution: the node and the sum of its neighbors through two dense layers.

    $y_v = f(W_2 \operatorname{relu}(\operatorname{norm}(W_1 ((1 + \epsilon) x_v + \sum_{u \to v} x_u))) + b)$
    with a learned $\epsilon$ that starts at 0. The batch normalization counts real nodes alone.

    Source: Xu, Hu, Leskovec and Jegelka (2019), "How powerful are graph neural networks?".

    Args:
        units: Channels of the output and between both dense layers.
        activation: As of `keras.layers.Dense`.
        use_bias: Whether a bias is added.
        kernel_regularizer: As of `keras.layers.Dense`.

    Shapes:
        - input: as of `GraphConv`; behind the tables there may be (batch, nodes), 1 for real nodes and 0 for
          those of padding.
        - output: (batch, nodes, units).
    """

    held = "which ReLUs between both dense layers are open"

    def build(self, input_shape: Tensor) -> None:
        """Makes epsilon, kernels, bias and normalization."""
        self.epsilon = self.add_weight((), initializer="zeros", name="epsilon")
        self.kernel = self.add_kernel(input_shape[0][-1], self.units)
        self.norm = keras.layers.BatchNormalization(momentum=0.9, dtype=self.dtype_policy, name="norm")
        self.norm.build((None, None, self.units))
        self.second_kernel = self.add_kernel(self.units, self.units, "second_kernel")
        self.bias = self.add_bias()

    def only_multiplies(self, channels: int) -> bool:
        """If the kernel comes before the sum."""
        return self.units < channels

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Convolves."""
        members = inputs[8] if len(inputs) > 8 else None
        values, near = opened(inputs[:8])
        batch, nodes = ops.shape(inputs[0])[:2]
        # A kernel is linear: it may come before the sum, which then has fewer channels.
        first = self.units < values.shape[-1]
        x = product(values, self.kernel) if first else values
        x = (1 + self.epsilon) * x + near.sum(x)
        x = ops.reshape(x if first else ops.matmul(x, self.kernel), (batch, nodes, self.units))
        x = self.norm(x, training=training, mask=None if members is None else members > 0)
        x = ops.reshape(ops.relu(x), (-1, self.units))
        return self.finished(ops.matmul(x, self.second_kernel), self.bias, inputs[0])


class _HopsConv(GraphLayer):
    """A kernel for each number of hops.

    Args:
        units: Channels of the output.
        hops: How far the kernels reach.
    """

    def __init__(self, units: int, hops: int = 3, **options: Any) -> None:
        super().__init__(units, **options)
        if hops < 1:
            raise UsageError(f"{type(self).__name__} needs at least one hop. Received: hops={hops}.")
        self.hops = hops

    def build(self, input_shape: Tensor) -> None:
        """Makes a kernel for 0 to `hops` hops, side by side, and the bias."""
        self.kernel = self.add_weight(
            (input_shape[0][-1], self.hops + 1, self.units),
            initializer=keras.initializers.VarianceScaling(1.0, "fan_avg", "uniform"),
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.bias = self.add_bias()

    def only_multiplies(self, channels: int) -> bool:
        """Always."""
        return True

    def parts(self, values: Tensor) -> list[Tensor]:
        """X W_k for each number of hops k."""
        flat = ops.reshape(self.kernel, (values.shape[-1], -1))
        made: list[Tensor] = ops.split(product(values, flat), self.hops + 1, axis=-1)
        return made

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        return {**super().get_config(), "hops": self.hops}


@keras.saving.register_keras_serializable(package="convscope")
class TAGConv(_HopsConv):
    r"""Topology adaptive convolution: a kernel that reaches several hops, as one of size 5 reaches 2 pixels.

    $y = f(\sum_{k=0}^{K} S^k X W_k + b)$ with $S = D^{-1/2} A D^{-1/2}$, without self loops. All $X W_k$
    are computed first and summed up by Horner's rule, so that what travels along the edges has the
    channels of the output.

    Source: Du, Zhang, Wu, Moura and Kar (2017), "Topology adaptive graph convolutional networks".

    Args:
        units: Channels of the output.
        hops: How many edges the kernel reaches, K.
        activation: As of `keras.layers.Dense`.
        use_bias: Whether a bias is added.
        kernel_regularizer: As of `keras.layers.Dense`.

    Shapes: as of `GraphConv`.
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Convolves."""
        values, near = opened(inputs)
        *parts, total = self.parts(values)
        for part in reversed(parts):
            total = part + spread(total, near)
        return self.finished(total, self.bias, inputs[0])


def spread(values: Tensor, near: Neighborhood) -> Tensor:
    """The sum over neighbors, weighted by the roots of degrees; 0 for a node without neighbors."""
    lonely = ops.equal(near.degrees, 0)
    scale = ops.where(lonely, 0.0, ops.rsqrt(ops.where(lonely, 1.0, near.degrees)))[:, None]
    return near.sum(values * scale) * scale


@keras.saving.register_keras_serializable(package="convscope")
class ChebConv(_HopsConv):
    r"""Chebyshev convolution: polynomials of the Laplacian, each with a kernel of its own.

    $y = f(\sum_{k=0}^{K} T_k(L - I) X W_k + b)$, where $L - I = -D^{-1/2} A D^{-1/2}$ is the Laplacian
    scaled for a largest eigenvalue of 2, and $T_k$ the Chebyshev polynomial of order k, summed up by
    Clenshaw's rule.

    Source: Defferrard, Bresson and Vandergheynst (2016), "Convolutional neural networks on graphs with fast
    localized spectral filtering".

    Args:
        units: Channels of the output.
        hops: The largest order, K.
        activation: As of `keras.layers.Dense`.
        use_bias: Whether a bias is added.
        kernel_regularizer: As of `keras.layers.Dense`.

    Shapes: as of `GraphConv`.
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Convolves."""
        values, near = opened(inputs)
        first, *parts = self.parts(values)
        one, two = parts[-1], ops.zeros_like(parts[-1])
        for part in reversed(parts[:-1]):
            one, two = part - 2 * spread(one, near) - two, one
        return self.finished(first - spread(one, near) - two, self.bias, inputs[0])
