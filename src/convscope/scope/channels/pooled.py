"""From one input to what chosen layers put out, pooled or whole: a function of tensors that can be compiled.

Mean and maximum are taken over every axis but the batch and the channels; an output of shape (batch, units)
stays as it is. Of padded ids only the tokens count, and of padded waveforms only frames of
their own. What is given is one array, which may be taken apart into several inputs of the model; or it is a
mapping of inputs whose positions are named, and then a row has the values at the positions asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from convscope.errors import UsageError
from convscope.scope.geometry.geometry import geometries
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.graph.graph import Call, LayerGraph, trace
from convscope.scope.record import as_inputs, choose, tapped
from convscope.types import POOLS, Array, ArrayTree, Pool, Positions, Tensor


def as_given(x: ArrayTree) -> Tensor:
    """The array is the model's only input."""
    return x


@dataclass(frozen=True, eq=False)
class PooledOutputs:
    """A function from a batch of inputs to (features of each layer..., predictions).

    Args:
        model: The model.
        paths: The layers' calls, in the model's order.
        channel_axes: Which axis of each output holds the channels, counted with the batch axis.
        pool: What is kept of each output.
        predictions: Whether the model's first output comes last.
        peak_bytes: Largest output of any layer for one sample, as float32.
        padded: Whether positions whose ids are all 0 are padding and left out of means and maxima.
        middles: For an output whose positions are not those of the input, where in the input the first of
            them has its middle, and how far apart they are; None where that is not known.
        unpack: From the array to the model's inputs.
        positions: Which positions a sample is about; None for all.
        along: Of each path, whether its positions are those of `positions`, not what was asked for of them.
    """

    model: keras.Model
    paths: tuple[str, ...]
    channel_axes: tuple[int, ...]
    pool: Pool
    predictions: bool
    peak_bytes: int
    padded: bool = False
    middles: tuple[tuple[int, int] | None, ...] = ()
    unpack: Callable[[Tensor], Tensor] = as_given
    positions: Positions | None = None
    along: tuple[bool, ...] = ()

    def __call__(self, x: Tensor, scaling: tuple[float, float] | None = None) -> list[Tensor]:
        """Computes the features of a batch.

        Args:
            x: A tensor as the model takes it, or before scaling; or a mapping of tensors by name.
            scaling: Factor and offset that bring it to what the model takes; None leaves it as it is.

        Returns:
            float32 tensors, one per path, and the predictions where they are wanted.
        """
        if scaling is not None:
            factor, offset = scaling
            x = keras.ops.cast(x, "float32") * factor
            x = x + offset if offset else x
        with tapped(self.model, self.paths) as taps:
            outputs = self.model(self.unpack(x), training=False)
        missing = [path for path in self.paths if path not in taps]
        if missing:
            raise UsageError(f"'{missing[0]}' was not called when the model ran.")
        if self.positions is not None:
            return self._rows(x, self.positions, taps, outputs)
        present = _present(x) if self.padded else None
        middles = self.middles or (None,) * len(self.paths)
        features = [
            _pooled(taps[path], axis, self.pool, _present_at(present, taps[path], middle))
            for path, axis, middle in zip(self.paths, self.channel_axes, middles, strict=True)
        ]
        last = [keras.tree.flatten(outputs)[0]] if self.predictions else []
        return [keras.ops.cast(each, "float32") for each in (*features, *last)]

    def _rows(
        self, x: Mapping[str, Tensor], positions: Positions, taps: Mapping[str, Tensor], outputs: Tensor
    ) -> list[Tensor]:
        """One row for each sample that a batch asks for."""
        found = [
            _at(keras.ops.cast(taps[path], "float32"), x, positions, self.pool, along)
            for path, along in zip(self.paths, self.along, strict=True)
        ]
        if self.predictions:
            answers = keras.ops.cast(keras.tree.flatten(outputs)[0], "float32")
            found.append(_at(answers, x, positions, self.pool, along=False))
        return found


def pooled_outputs(
    model: keras.Model,
    layers: Sequence[str],
    pool: Pool,
    example: Any,
    *,
    predictions: bool = True,
    padded: bool = False,
    unpack: Callable[[Tensor], Tensor] = as_given,
    positions: Positions | None = None,
) -> PooledOutputs:
    """Finds the layers in a model.

    Args:
        model: Any Keras model with one input, or with several into which `unpack` takes an array apart.
        layers: Paths, unique names or patterns such as `block*/conv*`. Of a layer with several outputs the
            first is kept.
        pool: `mean`, `max`, `flatten` or `none`.
        example: Inputs as they will be given, shape (n, ...).
        predictions: Whether the model's first output is wanted too, where it has shape (batch, classes).
        padded: Whether the inputs are ids of which 0 is padding, which no mean or maximum is to count.
        unpack: From an array to the model's inputs.
        positions: Which positions of layers a sample is about, where the example is a mapping of inputs, of
            one sample.

    Raises:
        UsageError: A layer that the model does not have or that puts out no tensor, or none for each sample;
            an unknown pool, or one that gives samples of differing sizes rows of differing lengths; or a
            model that takes several inputs.
    """
    if pool not in POOLS:
        raise UsageError(f"Unknown pool '{pool}'.", f"Use one of {', '.join(POOLS)}.")
    graph = _graph_of(model, example, unpack)
    calls = _with_outputs(graph, layers)
    along = () if positions is None else tuple(_along(call, example, positions, pool) for call in calls)
    where = geometries(graph)
    sizes = [value.shape for call in graph.calls for value in call.outputs]
    return PooledOutputs(
        model,
        tuple(call.path for call in calls),
        tuple(where[call.path].channel_axis for call in calls),
        pool,
        predictions and _answers_classes(graph, positions),
        max(4 * int(np.prod([length or 1 for length in shape[1:]])) for shape in sizes),
        padded,
        tuple(_middle(where[call.path]) for call in calls) if padded else (),
        unpack,
        positions,
        along,
    )


def _with_outputs(graph: LayerGraph, layers: Sequence[str]) -> Sequence[Call]:
    """The layers of these names, all of which put out a tensor."""
    if not layers:
        raise UsageError("Features need at least one layer. Received: none.")
    calls = choose(graph, layers)
    for call in calls:
        if not call.outputs:
            raise UsageError(f"The layer '{call.path}' has no tensor output.", "Give another layer.")
    return calls


def _answers_classes(graph: LayerGraph, positions: Positions | None) -> bool:
    """Whether an output is a row of values for each sample."""
    shape = graph.outputs[0].shape if graph.outputs else ()
    asks = positions is not None and positions.asked is not None
    return len(shape) == 2 + asks and shape[-1] is not None


def _along(call: Call, example: Mapping[str, Array], positions: Positions, pool: Pool) -> bool:
    """Whether the positions of a layer's output are those that samples are about.

    Raises:
        UsageError: It has no values for each sample, or rows of differing lengths.
    """
    shape = call.output_shapes[0]
    nodes = example[positions.along].shape[1]
    along = len(shape) == 3 and shape[1] == nodes
    if positions.asked is None:
        if along and pool not in ("mean", "max"):
            raise UsageError(
                f"Samples differ in their number of {positions.along}: the layer '{call.path}' has no rows of"
                f" one length with pool={pool}.",
                "Use --pool mean or --pool max.",
            )
        return along
    if not along and (len(shape) != 3 or shape[1] != example[positions.asked].shape[1]):
        raise UsageError(
            f"The layer '{call.path}' puts out {shape}, which has no values for each of '{positions.asked}'.",
            f"Give a layer that has values for each of '{positions.along}'.",
        )
    return along


def _at(tensor: Tensor, x: Mapping[str, Tensor], positions: Positions, pool: Pool, along: bool) -> Tensor:
    """The values of each sample, shape (samples, values)."""
    ops = keras.ops
    if positions.asked is None:
        there = x[positions.present][..., None] if along and positions.present is not None else None
        return _pooled(tensor, len(tensor.shape) - 1, pool, there)
    channels = tensor.shape[-1]
    if not along:
        return ops.reshape(tensor, (-1, channels))
    asked = x[positions.asked]
    batch, count = ops.shape(tensor)[:2]
    starts = ops.reshape(ops.arange(batch, dtype=asked.dtype) * count, (-1, *(1,) * (len(asked.shape) - 1)))
    taken = ops.take(ops.reshape(tensor, (-1, channels)), asked + starts, axis=0)
    return ops.reshape(taken, (-1, math.prod(asked.shape[2:]) * channels))


def _graph_of(model: keras.Model, example: Array, unpack: Callable[[Tensor], Tensor]) -> LayerGraph:
    """The calls of a model of one input, or of one that is taken apart."""
    taken_apart = unpack is not as_given or isinstance(example, Mapping)
    several = _inputs_of(model) > 1
    graph = trace(model) if several and not taken_apart else trace(model, as_inputs(model, unpack(example)))
    if len(graph.inputs) != 1 and not taken_apart:
        raise UsageError(
            f"Features are computed from one input; the model '{model.name}' takes {len(graph.inputs)}: "
            f"{', '.join(graph.input_names)}.",
            "Give a model with a single input.",
        )
    return graph


def _present(ids: Tensor) -> Tensor:
    """1.0 where there is a token, 0.0 where there is padding: (batch, length, 1)."""
    present = keras.ops.not_equal(ids, 0)
    if len(ids.shape) > 2:
        present = keras.ops.any(present, axis=tuple(range(2, len(ids.shape))))
    return keras.ops.cast(present[..., None], "float32")


def _middle(geometry: Geometry) -> tuple[int, int] | None:
    """Where in the input the first position of an output has its middle, and from one to the next."""
    dependency = geometry.dependencies[0] if geometry.known and geometry.dependencies else None
    if dependency is None or dependency.axis != 1 or dependency.whole or dependency.period != 1:
        return None
    return (dependency.lows[0] + dependency.highs[0]) // 2, dependency.advance


def _present_at(present: Tensor, tensor: Tensor, middle: tuple[int, int] | None) -> Tensor:
    """Which positions of an output are there: those whose middle lies on a position that is."""
    if present is None or middle is None or len(tensor.shape) != 3 or tensor.shape[1] == present.shape[1]:
        return present
    first, step = middle
    places = first + step * keras.ops.arange(tensor.shape[1])
    return keras.ops.take(present, keras.ops.clip(places, 0, present.shape[1] - 1), axis=1)


def _pooled(tensor: Tensor, channel_axis: int, pool: Pool, present: Tensor = None) -> Tensor:
    rank = len(tensor.shape)
    tensor = keras.ops.cast(tensor, "float32")
    if pool == "none" or rank < 2:
        return tensor if rank > 1 or pool == "none" else keras.ops.reshape(tensor, (-1, 1))
    if pool == "flatten":
        return keras.ops.reshape(tensor, (-1, math.prod(int(length) for length in tensor.shape[1:])))
    axes = tuple(axis for axis in range(1, rank) if axis != channel_axis)
    if not axes:
        return tensor
    if present is not None and rank == 3 and channel_axis == 2 and tensor.shape[1] == present.shape[1]:
        if pool == "mean":
            count = keras.ops.maximum(keras.ops.sum(present, axis=1), 1.0)
            return keras.ops.sum(tensor * present, axis=1) / count
        lowest = np.float32(np.finfo(np.float32).min / 4)
        return keras.ops.max(tensor * present + lowest * (1.0 - present), axis=1)
    return (keras.ops.mean if pool == "mean" else keras.ops.max)(tensor, axis=axes)


def _inputs_of(model: keras.Model) -> int:
    """The number of inputs that a model declares; 1 where it declares none."""
    return len(getattr(model, "inputs", None) or [None])
