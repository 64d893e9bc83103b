"""Finds the input that excites a kernel most, by activation maximization.

After Olah, Mordvintsev and Schubert (2017), "Feature visualization": the image is written in Fourier space,
where each frequency is weighted by 1/frequency as in natural images, and is turned, scaled and shifted a
little at random in each step, so that what is found does not hang on single pixels. What is maximized is the
kernel's value in front of its activation at the center of its map; the image is only as large as the
receptive field there. All images have the same contrast, so that the first layer's are its own kernels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from convscope.errors import UsageError
from convscope.scope.channels.fourier_image import FourierImage
from convscope.scope.differentiate import forward_program, gradient_program
from convscope.scope.geometry import kernel_layout as layout
from convscope.scope.geometry.kernel_layout import Floats
from convscope.scope.graph.graph import Call, Graph
from convscope.scope.graph.layer_io import input_channel_axis, input_of, layer_io, of_definite_size, window_of
from convscope.scope.layer_spec import spec_of
from convscope.types import ArrayTree, Tensor

_AT_ONCE = 16
_RATE, _MEAN_DECAY, _SQUARE_DECAY = 0.05, 0.9, 0.999


@dataclass(frozen=True, eq=False)
class Excitations:
    """Inputs that excite kernels most.

    Args:
        images: (kernels, positions..., channels) in the range of the input.
        window: Which part of the model's input they are, half-open, per spatial axis; the rest is mid-range.
        at: The position of the map that they excite.
        reached: The value in front of the activation there, (kernels,).
    """

    images: Floats
    window: tuple[tuple[int, int], ...]
    at: tuple[int, ...]
    reached: Floats


def excitations(
    model: keras.Model,
    layer: str,
    kernels: Sequence[int],
    *,
    steps: int = 128,
    seed: int = 0,
    low: float = 0.0,
    high: float = 1.0,
) -> Excitations:
    """Finds for each of some kernels the input that excites it most.

    Adam (Kingma and Ba 2015, "Adam: A method for stochastic optimization") climbs the value of each kernel at
    the center of its map; up to 16 kernels at once. Of several inputs the first that the
    layer depends on is made, and the others are 0.

    Args:
        model: Any Keras model.
        layer: Path or unique name of a layer with a kernel.
        kernels: Their numbers.
        steps: How often the images are improved.
        seed: Of the first images and the random moves.
        low: The smallest value of the model's input.
        high: The largest.

    Returns:
        The images.

    Raises:
        UsageError: A layer without kernel, an input of whole numbers, or a range without extent.
    """
    if not low < high:
        raise UsageError(f"low must be below high. Received: low={low}, high={high}.")
    if steps < 1:
        raise UsageError(f"steps must be at least 1. Received: steps={steps}.")
    graph, example = of_definite_size(model)
    call = layout.with_kernel(graph, layer)
    _check_input(graph, input_of(graph, call.path))
    climb = _Climb(model, graph, call, example, low, high)
    rng = np.random.default_rng(seed)
    chosen = np.asarray(kernels, np.int64)
    size = min(len(chosen), _AT_ONCE)
    filled = np.resize(chosen, math.ceil(len(chosen) / size) * size).reshape(-1, size)
    parts = [climb.run(part, steps, rng) for part in filled]
    images, reached = (np.concatenate(each)[: len(chosen)] for each in zip(*parts, strict=True))
    return Excitations(images, climb.fourier_image.window, climb.at, reached)


def _check_input(graph: Graph, number: int) -> None:
    if not graph.inputs[number].dtype.startswith(("float", "bfloat")):
        raise UsageError(
            f"The model's input '{graph.input_names[number]}' is of type {graph.inputs[number].dtype}; "
            "activation maximization needs a continuous input."
        )


class _Climb:
    """A model, prepared for climbing the values of one layer's kernels."""

    def __init__(
        self, model: keras.Model, graph: Graph, call: Call, example: ArrayTree, low: float, high: float
    ) -> None:
        self._model, self._path, self._layer, self._example = model, call.path, call.layer, example
        self._weights = layout.weights_of(call.layer)
        self._bias = layout.bias_of(call.layer, self._weights.shape[-1])
        arrays = keras.tree.flatten(example)
        seen = forward_program(model, self._seen, compiled=False)(*arrays)
        axis, rank = layout.channel_axis(call.layer), layout.spatial_rank(call.layer)
        before, after = (np.moveaxis(array, axis, -1).shape[1:-1] for array in seen)
        self.at = tuple(size // 2 for size in after)
        frames = len(after) - rank
        self._frame = self.at[:frames]
        self._places = layout.places_read(call.layer, self.at[frames:], before[frames:], after[frames:])
        self._channels_in = seen[0].shape[axis]
        self._number = input_of(graph, call.path)
        shape, channels = arrays[self._number].shape[1:], input_channel_axis(graph, self._number)
        sides = [length for number, length in enumerate(shape) if number != channels]
        window = window_of(graph, call, self.at) if sides else ()
        window = tuple((0, side) for side in sides) if window is None else window
        self.fourier_image = FourierImage(shape, channels, window, low, high)
        self._program = gradient_program(model, self._score, [0])

    def run(
        self, kernels: npt.NDArray[np.int64], steps: int, rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        """The images and what they reach."""
        picks = self._picks(kernels)
        point = rng.normal(0, 0.1, (len(kernels), *self.fourier_image.size)).astype(np.float32)
        mean, square = np.zeros_like(point), np.zeros_like(point)
        every = tuple(range(1, point.ndim))
        for step in range(1, steps + 1):
            (slope,), _ = self._program(point, *self.fourier_image.moves(rng), picks)
            slope = slope / (np.sqrt(np.square(slope).mean(every, keepdims=True)) + 1e-30)
            mean = _MEAN_DECAY * mean + (1 - _MEAN_DECAY) * slope
            square = _SQUARE_DECAY * square + (1 - _SQUARE_DECAY) * np.square(slope)
            pace = _RATE * math.sqrt(1 - _SQUARE_DECAY**step) / (1 - _MEAN_DECAY**step)
            point = (point + pace * mean / (np.sqrt(square) + 1e-8)).astype(np.float32)
        _, (values, inputs) = self._program(point, *self.fourier_image.moves(None), picks)
        return self.fourier_image.cut(inputs), values + self._bias[kernels]

    def _picks(self, kernels: npt.NDArray[np.int64]) -> Floats:
        """What picks out the value of each kernel: its weights, with 0 for the channels it does not read."""
        count = self._weights.shape[-1]
        if spec_of(self._layer) is None:
            return np.eye(count, dtype=np.float32)[kernels]
        picks = np.zeros((len(kernels), *self._weights.shape[:-2], self._channels_in), np.float32)
        for row, kernel in enumerate(kernels):
            read = layout.channels_read(self._layer, int(kernel), count, self._channels_in)
            picks[row, ..., read.start : read.stop] = self._weights[..., kernel]
        return picks

    def _seen(self, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        return layer_io(self._model, self._path, keras.tree.pack_sequence_as(self._example, list(tensors)))

    def _score(
        self, coefficients: Tensor, places: Tensor, shares: Tensor, picks: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The sum of the kernels' values at the center; each value, and the whole inputs."""
        inputs = self.fourier_image.paint(coefficients, places, shares)
        count = coefficients.shape[0]
        arrays = keras.tree.flatten(self._example)
        given = [ops.convert_to_tensor(np.repeat(array, count, 0)) for array in arrays]
        given[self._number] = inputs
        before, after = self._seen(*given)
        axis = layout.channel_axis(self._layer)
        if spec_of(self._layer) is None:
            patch = ops.moveaxis(after, axis, -1)[(slice(None), *self.at)]
        else:
            patch = self._patch(ops.moveaxis(before, axis, -1))
        patch = ops.cast(patch, "float32")
        values = ops.sum(patch * picks, tuple(range(1, len(picks.shape))))
        return ops.sum(values), (values, inputs)

    def _patch(self, before: Tensor) -> Tensor:
        """What lies under the kernel at the center, (images, positions of the kernel..., channels in)."""
        patch = before[(slice(None), *self._frame)]
        for axis, places in enumerate(self._places, start=1):
            inside = (places >= 0).reshape(-1, *(1,) * (len(patch.shape) - axis - 1))
            patch = ops.take(patch, np.maximum(places, 0).astype(np.int32), axis)
            patch = patch * ops.cast(inside, patch.dtype)
        return patch
