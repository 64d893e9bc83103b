"""The effective receptive field: how much each part of the input really moves one value of a layer.

By its geometry a value depends on all of its receptive field alike. Its derivative tells what of that has
weight: after Luo, Li, Urtasun and Zemel (2016), "Understanding the effective receptive field in deep
convolutional neural networks", mostly the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from convscope.errors import UsageError
from convscope.scope.attribution.head import ends_in_activation, instead
from convscope.scope.attribution.layer import embedding_of
from convscope.scope.differentiate import gradient_program
from convscope.scope.geometry.geometry import geometries
from convscope.scope.graph.graph import Call, trace
from convscope.scope.graph.layer_io import input_channel_axis, input_of
from convscope.scope.record import as_inputs, tapped
from convscope.types import Array, ArrayTree, Tensor

HELD = 0.95
"""Share of the derivative that the field is told for."""


@dataclass(frozen=True, eq=False)
class EffectiveField:
    """How much each position of the input moves one value of a layer.

    Args:
        path: The layer.
        channel: Of the value; None for the sum over all channels.
        at: Its position, without the channel.
        values: Size of the derivative by each position of the input, summed over the input's channels (for
            token ids: over those of their embedding), (positions...), float32. It is that of the value before
            the activation in which the layer ends, which may be flat there.
        spans: Per axis the shortest stretch, half-open, whose positions hold 95 % of it; (0, 0) where the
            derivative is 0 everywhere, as where nothing comes through the layers before.
        before: Whether the layer ends in an activation, which was left out.
    """

    path: str
    channel: int | None
    at: tuple[int, ...]
    values: npt.NDArray[np.float32]
    spans: tuple[tuple[int, int], ...]
    before: bool


class FieldFinder:
    """Derivatives of the values of one layer, by a program that is made once.

    Args:
        model: Any Keras model; it is left as it was.
        layer: Path or unique name.
        x: A sample as the later ones are, with a batch axis of 1.

    Raises:
        UsageError: There is no such layer, it puts out whole numbers, or depends on whole numbers that no
            embedding looks up.

    Example:
        >>> model = keras.Sequential([keras.Input((9, 9, 1)), keras.layers.Conv2D(4, 3, name="edges")])
        >>> found = FieldFinder(model, "edges", np.ones((1, 9, 9, 1)))(np.ones((1, 9, 9, 1)), 0, (2, 3))
        >>> found.values.shape, [int(place) for place in np.argwhere(found.values)[0]]
        ((9, 9), [2, 3])
    """

    def __init__(self, model: keras.Model, layer: str, x: ArrayTree) -> None:
        x = as_inputs(model, x)
        graph = trace(model, x)
        call = graph.find(layer)
        if not call.recordable or not call.outputs:
            raise UsageError(f"'{call.path}' puts out nothing that is seen.", "Choose a layer around it.")
        self._model, self.path = model, call.path
        # A layer that is called twice would be without its activation below itself, too.
        once = sum(other.layer is call.layer for other in graph.calls) == 1
        self._linear = [call.layer] if once and ends_in_activation(call.layer) else []
        self._geometry = geometries(graph)[call.path]
        self._number = input_of(graph, call.path)
        source = graph.inputs[self._number]
        embedding = None if "float" in source.dtype else embedding_of(graph, source)
        if embedding is None and "float" not in source.dtype:
            name = graph.input_names[self._number]
            raise UsageError(
                f"The input '{name}' is of type {source.dtype}, which cannot change a little.",
                "Choose a layer that depends on another input.",
            )
        self._embedding = None if embedding is None else embedding.path
        self._channels = -1 if embedding is not None else input_channel_axis(graph, self._number)
        self._structure = x
        self._shape = _shape_of(call)
        if "float" not in call.outputs[0].dtype:
            raise UsageError(f"'{call.path}' puts out whole numbers, which have no derivative.")
        self._shift = None if embedding is None else np.zeros(_shape_of(embedding), np.float32)
        moved = self._number if embedding is None else len(keras.tree.flatten(x)) + 1
        self._program = gradient_program(model, self._score, [moved])

    def __call__(self, x: ArrayTree, channel: int | None, at: Sequence[int]) -> EffectiveField:
        """The field of one value.

        Args:
            x: The sample, with a batch axis of 1.
            channel: None adds up all channels, as Luo et al. do.
            at: The position, without the channel.

        Raises:
            UsageError: The layer has no such position or channel.
        """
        picked = np.zeros(self._shape, np.float32)
        axis = self._geometry.channel_axis
        maps = np.moveaxis(picked[0], axis - 1, 0) if picked.ndim > 1 else picked
        inside = len(at) == maps.ndim - 1 and all(0 <= p < n for p, n in zip(at, maps.shape[1:], strict=True))
        if not inside or not (channel is None or 0 <= channel < len(maps)):
            where = f"channel {channel} at {tuple(at)}"
            raise UsageError(f"'{self.path}' has maps of shape {maps.shape}. Received: {where}.")
        maps[(slice(None) if channel is None else channel, *at)] = 1
        arrays = keras.tree.flatten(as_inputs(self._model, x))
        given = [*arrays, picked] if self._shift is None else [*arrays, picked, self._shift]
        (slope,), _ = self._program(*given)
        sizes = np.abs(slope[0])
        values = sizes.sum(self._channels) if sizes.ndim > 1 else sizes
        values = values.astype(np.float32)
        return EffectiveField(self.path, channel, tuple(at), values, spans_of(values), bool(self._linear))

    def _score(self, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        count = len(keras.tree.flatten(self._structure))
        inputs = keras.tree.pack_sequence_as(self._structure, list(tensors[:count]))
        add = {} if self._embedding is None else {self._embedding: tensors[count + 1]}
        with ExitStack() as stack:
            for layer in self._linear:
                stack.enter_context(instead(layer, "activation", lambda values: values))
            taps = stack.enter_context(tapped(self._model, [self.path], add))
            self._model(inputs, training=False)
        return ops.sum(ops.cast(taps[self.path], "float32") * tensors[count]), {}


def effective_field(
    model: keras.Model, x: ArrayTree, layer: str, channel: int | None, at: Sequence[int]
) -> EffectiveField:
    """Which part of the input really moves one value of a layer.

    Args:
        model: Any Keras model; it is left as it was.
        x: One sample, with a batch axis.
        layer: Path or unique name.
        channel: None adds up all channels.
        at: The position, without the channel.

    Raises:
        UsageError: As of `FieldFinder`, or the layer has no such position.
    """
    return FieldFinder(model, layer, x)(x, channel, at)


def _shape_of(call: Call) -> tuple[int, ...]:
    """Of what a layer puts out for one sample, whose lengths are known."""
    return tuple(length or 1 for length in call.output_shapes[0])


def spans_of(values: Array, share: float = HELD) -> tuple[tuple[int, int], ...]:
    """Per axis the shortest stretch whose positions hold a share of the sum; the first of equal ones.

    Args:
        values: Not below 0.
        share: Of their sum.

    Example:
        >>> spans_of(np.array([0.0, 1, 8, 1, 0]), 0.8), spans_of(np.array([0.0, 1, 8, 1, 0]), 0.9)
        (((2, 3),), ((1, 3),))
    """
    found = []
    for axis in range(values.ndim):
        others = tuple(other for other in range(values.ndim) if other != axis)
        sums = np.concatenate([[0], np.cumsum(values.sum(axis=others, dtype=np.float64))])
        if not sums[-1] > 0:
            found.append((0, 0))
            continue
        # From each start the first end that is far enough; one beyond the last where there is none.
        wanted = sums[:-1] + share * sums[-1] * (1 - 1e-12)
        ends = np.searchsorted(sums, wanted, side="left")
        lengths = np.where(ends < len(sums), ends - np.arange(len(ends)), len(sums) + 1)
        start = int(lengths.argmin())
        found.append((start, int(ends[start])))
    return tuple(found)
