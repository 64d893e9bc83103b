"""Layers over the neighborhoods of points: who is near, convolution over them, and values in between."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from convscope.errors import UsageError
from convscope.types import Tensor


def in_float32(options: dict[str, Any]) -> dict[str, Any]:
    """Options of a layer that computes in float32 whatever the precision of the others.

    In a shorter type points near each other would be at one place.
    """
    return {**options, "dtype": "float32"}


def squared_distances(some: Tensor, others: Tensor) -> Tensor:
    """Squared distances of some points to others, shape (batch, some, others), float32.

    Args:
        some: Shape (batch, some, channels).
        others: Shape (batch, others, channels).
    """
    some, others = ops.cast(some, "float32"), ops.cast(others, "float32")
    lengths = ops.sum(ops.square(some), axis=-1)[:, :, None] + ops.sum(ops.square(others), axis=-1)[:, None]
    return ops.maximum(lengths - 2 * ops.matmul(some, ops.transpose(others, (0, 2, 1))), 0)


def take_points(values: Tensor, table: Tensor) -> Tensor:
    """The values of the points that a table names.

    Args:
        values: Shape (batch, points, channels).
        table: Points, shape (batch, ...), int32.

    Returns:
        Shape (batch, ..., channels).
    """
    shape = ops.shape(values)
    batch, points, channels = shape[0], shape[1], values.shape[-1]
    start = ops.reshape(ops.arange(batch, dtype="int32") * points, (-1, *(1,) * (len(table.shape) - 1)))
    flat = ops.reshape(values, (-1, channels))
    return ops.take(flat, table + start, axis=0)


@keras.saving.register_keras_serializable("convscope")
class NearestPoints(keras.layers.Layer):  # type: ignore[misc]
    """Finds the nearest points of each of the first points of a cloud, itself among them.

    Points that lie at one place, as the repeated ones of a small cloud do, count one by one. A radius makes
    balls of the neighborhoods: a neighbor outside of it is replaced by the point itself. Nothing is learned,
    and no gradient passes.

    Args:
        neighbors: How many; all where there are fewer points.
        queries: How many of the first points are asked for; None for all.
        radius: Of a ball around each point, in the unit of the positions; None for none.

    Shapes:
        Positions (batch, points, channels), or those of the queries and of the points among which neighbors
        are looked for; output (batch, queries, neighbors), int32, the nearest first.

    Example:
        >>> positions = keras.ops.array([[[0.0, 0, 0], [3.0, 0, 0], [1.0, 0, 0]]])
        >>> keras.ops.convert_to_numpy(NearestPoints(2)(positions)).tolist()
        [[[0, 2], [1, 2], [2, 0]]]
    """

    def __init__(
        self, neighbors: int, queries: int | None = None, radius: float | None = None, **options: Any
    ) -> None:
        super().__init__(**in_float32(options))
        if neighbors < 1 or (queries is not None and queries < 1):
            raise UsageError(
                "NearestPoints needs at least one neighbor and one query. Received:"
                f" neighbors={neighbors}, queries={queries}."
            )
        self.neighbors, self.queries, self.radius = neighbors, queries, radius

    def call(self, inputs: Tensor) -> Tensor:
        """Finds them."""
        some, others = inputs if isinstance(inputs, list | tuple) else (inputs, inputs)
        some = some if self.queries is None else some[:, : self.queries]
        far = ops.stop_gradient(squared_distances(some, others))
        count = min(self.neighbors, others.shape[1])
        near, rows = ops.top_k(-far, count)
        rows = ops.cast(rows, "int32")
        if self.radius is not None:
            rows = ops.where(-near <= self.radius**2, rows, rows[..., :1])
        return rows

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        """(batch, queries, neighbors), int32."""
        some, others = inputs if isinstance(inputs, list | tuple) else (inputs, inputs)
        queries = some.shape[1] if self.queries is None else min(self.queries, some.shape[1])
        return keras.KerasTensor((some.shape[0], queries, min(self.neighbors, others.shape[1])), "int32")

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        mine = {"neighbors": self.neighbors, "queries": self.queries, "radius": self.radius}
        return {**super().get_config(), **mine}


@keras.saving.register_keras_serializable("convscope")
class FirstPoints(keras.layers.Layer):  # type: ignore[misc]
    """Keeps the first points of a cloud: where those farthest apart come first, they cover all of it.

    Args:
        count: How many.

    Shapes:
        Input (batch, points, channels); output (batch, count, channels).
    """

    def __init__(self, count: int, **options: Any) -> None:
        super().__init__(**in_float32(options))
        if count < 1:
            raise UsageError(f"FirstPoints keeps at least one point. Received: count={count}.")
        self.count = count

    def call(self, inputs: Tensor) -> Tensor:
        """Cuts the others off."""
        return inputs[:, : self.count]

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """(batch, count, channels)."""
        points = input_shape[1]
        return (input_shape[0], self.count if points is None else min(self.count, points), input_shape[2])

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        return {**super().get_config(), "count": self.count}


@keras.saving.register_keras_serializable("convscope")
class FirstChannels(keras.layers.Layer):  # type: ignore[misc]
    """Keeps the first channels, such as the positions of points in front of their features.

    Args:
        count: How many.

    Shapes:
        Input (batch, points, channels); output (batch, points, count).
    """

    def __init__(self, count: int, **options: Any) -> None:
        super().__init__(**in_float32(options))
        self.count = count

    def call(self, inputs: Tensor) -> Tensor:
        """Cuts the others off."""
        return inputs[..., : self.count]

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """(batch, points, count)."""
        return (*input_shape[:-1], self.count)

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        return {**super().get_config(), "count": self.count}


@keras.saving.register_keras_serializable("convscope")
class PointConv(keras.layers.Layer):  # type: ignore[misc]
    r"""Convolution over the neighborhood of a point: one kernel for what is near, where the largest counts.

    $y_p = f(\max_{q \in N(p)} (W\,(x_q - x_p^{\Delta})) + V x_p + b)$, where $x_p^{\Delta}$ has the values of
    the point in the channels that are told relative to it, and 0 in the others. With the first three channels
    relative, which are positions, it is the set abstraction of PointNet++ and PointNeXt with one layer (Qi et
    al. 2017; Qian et al. 2022); with all of them and a kernel $V$ for the point itself the EdgeConv of DGCNN
    (Wang et al. 2019). The product with $W$ is linear: it is computed once for each point instead of once for
    each neighbor, and the largest is taken of these, the same numbers with a fraction of the work.

    Args:
        filters: Channels of the output.
        relative: How many of the first channels are told relative to the point.
        own: Whether there is a kernel for the values of the point itself.
        use_bias: Whether a bias is added.
        activation: As of `keras.layers.Dense`.

    Shapes:
        Values (batch, points, channels) and a table of neighbors (batch, queries, neighbors), int32, as
        `NearestPoints` gives it; output (batch, queries, filters).
    """

    hops = 1
    """How many neighborhoods lie between a point and what its output depends on."""
    held = "which neighbor is the largest"
    """What depends on the values besides, without which the output is a weighted sum of them."""

    def __init__(
        self,
        filters: int,
        relative: int = 3,
        own: bool = False,
        use_bias: bool = True,
        activation: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**in_float32(options))
        if filters < 1 or relative < 0:
            raise UsageError(
                "PointConv needs at least one filter and no fewer than 0 relative channels. Received:"
                f" filters={filters}, relative={relative}."
            )
        self.filters, self.relative, self.own, self.use_bias = filters, relative, own, use_bias
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: Tensor) -> None:
        """Makes kernels and bias."""
        channels = input_shape[0][-1]
        self.kernel = self.add_weight((channels, self.filters), initializer="he_normal", name="kernel")
        self.own_kernel = (
            self.add_weight((channels, self.filters), initializer="he_normal", name="own_kernel")
            if self.own
            else None
        )
        self.bias = (
            self.add_weight((self.filters,), initializer="zeros", name="bias") if self.use_bias else None
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Convolves."""
        values, table = inputs
        found = largest_near(ops.matmul(values, self.kernel), table)
        queries = values[:, : table.shape[1]]
        if self.relative:
            part = self.relative
            found = found - ops.matmul(queries[..., :part], ops.convert_to_tensor(self.kernel)[:part])
        if self.own_kernel is not None:
            found = found + ops.matmul(queries, self.own_kernel)
        found = found if self.bias is None else found + self.bias
        return self.activation(found)

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """(batch, queries, filters)."""
        return (*input_shape[1][:2], self.filters)

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "relative": self.relative,
            "own": self.own,
            "use_bias": self.use_bias,
            "activation": keras.activations.serialize(self.activation),
        }


def largest_near(values: Tensor, table: Tensor) -> Tensor:
    """The largest value among the neighbors of each point, by channel.

    The gradient goes to the first neighbor that has it, by one sum over as many numbers as there are outputs,
    not as there are neighbors.

    Args:
        values: Shape (batch, points, channels).
        table: Shape (batch, queries, neighbors), int32.

    Returns:
        Shape (batch, queries, channels).
    """
    channels, points = values.shape[-1], ops.shape(values)[1]

    @ops.custom_gradient  # type: ignore[untyped-decorator]
    def largest(values: Tensor, table: Tensor) -> Tensor:
        near = take_points(values, table)

        def gradient(*saved: Tensor, upstream: Tensor = None) -> Tensor:
            upstream = saved[0] if upstream is None else upstream
            best = ops.cast(ops.argmax(near, axis=2), "int32")
            rows = ops.take_along_axis(table, best, axis=2)
            batch = ops.shape(table)[0]
            start = ops.reshape(ops.arange(batch, dtype="int32") * points, (-1, 1, 1))
            places = (rows + start) * channels + ops.arange(channels, dtype="int32")
            sums = ops.segment_sum(
                ops.reshape(upstream, (-1,)), ops.reshape(places, (-1,)), batch * points * channels
            )
            return ops.reshape(sums, ops.shape(values)), None

        return ops.max(near, axis=2), gradient

    made: Tensor = largest(values, table)
    return made


@keras.saving.register_keras_serializable("convscope")
class PointPooling(keras.layers.GlobalMaxPooling1D):  # type: ignore[misc]
    """The largest value of each channel over all points of a cloud, whatever their order.

    Shapes:
        Input (batch, points, channels); output (batch, channels).
    """


@keras.saving.register_keras_serializable("convscope")
class InterpolatePoints(keras.layers.Layer):  # type: ignore[misc]
    """Brings the values of few points to many: the mean of the nearest ones, by inverse distance.

    Source: Qi et al. (2017), "PointNet++: deep hierarchical feature learning on point sets".

    Args:
        neighbors: Of how many points.

    Shapes:
        Values (batch, few, channels), the positions of these, (batch, few, 3), and those of the many, (batch,
        many, 3); output (batch, many, channels).
    """

    hops = 1
    held = "how near the points are"

    def __init__(self, neighbors: int = 3, **options: Any) -> None:
        super().__init__(**in_float32(options))
        self.neighbors = neighbors

    def call(self, inputs: Tensor) -> Tensor:
        """Takes the means."""
        values, few, many = inputs
        far = ops.stop_gradient(squared_distances(many, few))
        near, rows = ops.top_k(-far, min(self.neighbors, few.shape[1]))
        weights = 1 / (ops.sqrt(ops.maximum(-near, 0)) + 1e-6)
        weights = ops.cast(weights / ops.sum(weights, axis=-1, keepdims=True), values.dtype)
        return ops.sum(take_points(values, ops.cast(rows, "int32")) * weights[..., None], axis=2)

    def compute_output_shape(self, input_shape: Tensor) -> tuple[int | None, ...]:
        """(batch, many, channels)."""
        return (*input_shape[2][:2], input_shape[0][-1])

    def get_config(self) -> dict[str, Any]:
        """Arguments by name."""
        return {**super().get_config(), "neighbors": self.neighbors}
