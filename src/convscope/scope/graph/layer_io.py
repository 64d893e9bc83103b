"""What goes into one layer and what comes out of it, while a model computes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from convscope.errors import UsageError
from convscope.scope.geometry import sliding as geometry_sliding
from convscope.scope.geometry.geometry import geometries, main_input
from convscope.scope.geometry.kernel_layout import channel_axis
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.graph.call_hooks import unfolded, watched
from convscope.scope.graph.graph import Call, LayerGraph, trace
from convscope.scope.record import Recording, as_inputs
from convscope.types import Array, ArrayTree, Tensor

_UNKNOWN_LENGTH = 64


class _ReachedError(BaseException):
    """Ends the computation behind a layer. Not an Exception, as Keras rewrites those on their way out."""


def layer_io(model: keras.Model, path: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """Computes a model in inference mode up to one layer and gives that layer's first input and output.

    To be called inside of a program of `differentiate`, which makes it differentiable and fast.

    Args:
        model: Any Keras model.
        path: Of a call that the model makes.
        x: Tensors in the structure that the model takes.

    Returns:
        Input and output, (samples, ...); inside of TimeDistributed (samples, frames, ...).

    Raises:
        UsageError: The model did not come to this call.
    """
    inputs, output = all_layer_io(model, path, x)
    return inputs[0], output


def all_layer_io(model: keras.Model, path: str, x: Tensor) -> tuple[list[Tensor], Tensor]:
    """The same with all tensors that go into the layer, in the order in which it takes them."""
    seen: list[list[Tensor]] = []

    wanted = path

    def watcher(
        path: str, operation: Tensor, inputs: Tensor, outputs: Tensor, frames: tuple[int, ...]
    ) -> Tensor:
        if path != wanted:
            return outputs
        for each in (inputs, outputs):
            tensors = [value for value in keras.tree.flatten(each) if keras.ops.is_tensor(value)]
            seen.append([unfolded(tensor, frames) for tensor in tensors])
        raise _ReachedError

    with contextlib.suppress(_ReachedError), watched(model, watcher):
        model(x, training=False)
    if not seen:
        raise UsageError(f"'{path}' was not called when the model ran.")
    return seen[0], seen[1][0]


def input_of(graph: LayerGraph, path: str) -> int:
    """The first of the model's inputs that a layer depends on, tables last; 0 where that is not known."""
    first = main_input(graph)
    for number in (first, *(other for other in range(len(graph.inputs)) if other != first)):
        geometry = geometries(graph, number)[path]
        if geometry.dependencies or not geometry.known:
            return number if geometry.known else 0
    return 0


def geometry_of(graph: LayerGraph, path: str) -> Geometry:
    """Where the positions of a layer lie in the input that `input_of` gives."""
    found = geometries(graph, number := main_input(graph))[path]
    if found.known and found.dependencies:
        return found
    asked = input_of(graph, path)
    return found if asked == number else geometries(graph, asked)[path]


def window_of(graph: LayerGraph, call: Call, at: Sequence[int]) -> tuple[tuple[int, int], ...] | None:
    """The part of the model's input that a position of a map depends on; None where it is not known.

    Args:
        graph: Of the model.
        call: The layer; of several inputs of the model, the first that it depends on is meant.
        at: The position, frames of TimeDistributed layers around it in front, without the channel.
    """
    return window_in(geometry_of(graph, call.path), call, at)


def window_in(geometry: Geometry, call: Call, at: Sequence[int]) -> tuple[tuple[int, int], ...] | None:
    """The same from the geometry of the layer."""
    if not geometry.known:
        return None
    place = list(at)
    place.insert(len(at) + 1 + channel_axis(call.layer), 0)
    return geometry.window(place)


def input_channel_axis(graph: LayerGraph, number: int) -> int:
    """Which axis of one of the model's inputs, without the batch axis, holds its channels."""
    source = graph.inputs[number]
    rank = len(source.shape)
    user = next((call.layer for call in graph.calls if source in call.inputs and call.kind == "layer"), None)
    return rank - 2 if user is None else geometry_sliding.channel_axis(user, rank) - 1


def of_definite_size(model: keras.Model) -> tuple[LayerGraph, Tensor]:
    """The graph of a model on inputs of definite size, and such inputs (zeros, one sample).

    An axis of any length gets 64 positions.
    """
    graph = trace(model)
    arrays = [
        np.zeros((1, *(length or _UNKNOWN_LENGTH for length in value.shape[1:])), value.dtype)
        for value in graph.inputs
    ]
    example: Tensor = arrays[0] if len(arrays) == 1 else arrays
    return trace(model, example), example


def one_sample(model: keras.Model, x: ArrayTree) -> tuple[Tensor, LayerGraph]:
    """The sample with a batch axis, in the structure it came in, and the model's calls on such a sample."""
    try:
        graph = trace(model)
    except UsageError:  # the model does not know its input shape: then the sample has to have its batch axis
        sample = as_inputs(model, x)
        graph = trace(model, sample)
    else:
        by_name = x if isinstance(x, Mapping) and set(x) == set(graph.input_names) else {}
        named = bool(by_name)
        arrays = [by_name[name] for name in graph.input_names] if named else keras.tree.flatten(x)
        ranks = [len(value.shape) for value in graph.inputs]
        batched = [
            array[None] if array.ndim == rank - 1 else array
            for array, rank in zip(map(np.asarray, arrays), ranks, strict=False)
        ]
        whole = dict(zip(graph.input_names, batched, strict=True)) if named else batched
        sample = as_inputs(model, whole if named else keras.tree.pack_sequence_as(x, batched))
        if any(None in value.shape[1:] for value in graph.inputs):
            graph = trace(model, sample)
    sizes = {len(array) for array in keras.tree.flatten(sample)}
    if sizes != {1}:
        raise UsageError(f"x must be a single sample. Received: {max(sizes)}.", "Give one, such as x[:1].")
    return sample, graph


def recorded_io(recording: Recording, call: Call, sample: ArrayTree) -> tuple[Array, Array] | None:
    """What went into the layer and what came out of it, as it was recorded; None where that was not."""
    value, graph = call.inputs[0], recording.graph
    if call.path not in recording:
        return None
    output = recording[call.path].array
    if value in graph.inputs:
        return np.asarray(keras.tree.flatten(sample)[graph.inputs.index(value)]), output
    for maker in graph.calls:
        if maker.outputs and maker.outputs[0] is value and maker.path in recording:
            return recording[maker.path].array, output
    return None
