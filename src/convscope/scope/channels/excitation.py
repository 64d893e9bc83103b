"""Finds the input that excites a kernel most, by activation maximization.

After Olah, Mordvintsev and Schubert (2017), "Feature visualization": the image is written in Fourier space,
where each frequency is weighted by 1/frequency as in natural images, and is turned, scaled and shifted a
little at random in each step, so that what is found does not hang on single pixels. What is maximized is the
kernel's value in front of its activation at the center of its map; the image is only as large as the
receptive field there. All images have the same contrast, so that the first layer's are its own kernels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from convscope.errors import UsageError
from convscope.scope.differentiate import forward_program, gradient_program
from convscope.scope.geometry import kernel_layout as layout
from convscope.scope.geometry.kernel_layout import Floats
from convscope.scope.graph.graph import Call, LayerGraph
from convscope.scope.graph.layer_io import input_channel_axis, input_of, layer_io, of_definite_size, window_of
from convscope.scope.layer_spec import spec_of
from convscope.types import ArrayTree, Progress, Tensor, no_progress

Doubles = npt.NDArray[np.float64]

_CONTRAST = 0.75
"""Root mean square of z: strong enough to see, and so weak that the sigmoid hardly bends what is found."""

_TURN, _SCALE, _SHIFT = math.radians(5), 0.05, 1 / 16

_COLORS: Floats = np.array(
    [[1, 1, 1], [1, 0, -1], [-1, 2, -1]] / np.sqrt([[3], [2], [6]]) * [[1.0], [0.3], [0.15]], np.float32
)
"""Brightness, red against blue, green against both: the axes along which the colors of natural images vary
independently of each other (Ohta, Kanade and Sakai 1980, "Color information for region segmentation"), each
weighted by about how far they vary along it."""
_AT_ONCE = 16
_RATE, _MEAN_DECAY, _SQUARE_DECAY = 0.05, 0.9, 0.999


@dataclass(frozen=True, eq=False)
class FourierImage:
    """Images of one contrast, made from Fourier coefficients, in a window of a model's input.

    Without positions (an input of plain features) each feature is a coefficient itself.

    Args:
        shape: Of the input, without the batch axis.
        channel_axis: Which axis of `shape` holds the channels.
        window: The part that is painted, half-open, per axis of positions; the rest is mid-range.
        low: The smallest value of the input.
        high: The largest.
    """

    shape: tuple[int, ...]
    channel_axis: int
    window: tuple[tuple[int, int], ...]
    low: float
    high: float

    @cached_property
    def sides(self) -> tuple[int, ...]:
        """Lengths of the painted part, per axis of positions."""
        return tuple(last - first for first, last in self.window)

    @cached_property
    def size(self) -> tuple[int, ...]:
        """Shape of one image and of its coefficients: positions and channels."""
        return (*self.sides, self.shape[self.channel_axis])

    def paint(self, coefficients: Tensor, places: Tensor, shares: Tensor) -> Tensor:
        """The whole inputs, from coefficients.

        z = sum over frequencies f of a_f / |f| basis_f, brought to one contrast and moved;
        x = low + (high - low) sigmoid(z).

        Args:
            coefficients: (images, *size).
            places: As `moves` gives them.
            shares: As `moves` gives them.

        Returns:
            Inputs of the model, (images, *shape).
        """
        count, channels = coefficients.shape[0], self.size[-1]
        z = coefficients * ops.convert_to_tensor(self._weights)
        for axis, side in enumerate(self.sides, start=1):
            z = ops.moveaxis(ops.matmul(ops.moveaxis(z, axis, -1), fourier_basis(side)), -1, axis)
        if self.sides and channels == 3:
            z = ops.matmul(z, _COLORS)
        every = tuple(range(1, len(self.size) + 1))
        z = z * _CONTRAST / ops.sqrt(ops.mean(ops.square(z), every, keepdims=True) + 1e-12)
        if self.sides:
            z = ops.take(ops.reshape(z, (count, -1, channels)), ops.reshape(places, (-1,)), axis=1)
            z = ops.reshape(z, (count, *shares.shape, channels))
            z = ops.reshape(ops.sum(z * shares[None, :, :, None], 2), (count, *self.size))
            z = ops.pad(z, [(0, 0), *self._around, (0, 0)])
            z = ops.moveaxis(z, -1, self.channel_axis + 1)
        return self.low + (self.high - self.low) * ops.sigmoid(z)

    def cut(self, inputs: Floats) -> Floats:
        """The painted part of whole inputs, channels last: (images, *size)."""
        if not self.sides:
            return inputs
        last = np.moveaxis(inputs, self.channel_axis + 1, -1)
        return last[(slice(None), *(slice(*each) for each in self.window))]

    def moves(self, rng: np.random.Generator | None) -> tuple[npt.NDArray[np.int32], Floats]:
        """How a random turn, scale and shift takes each position from its neighbors.

        Args:
            rng: Draws up to 5 degrees, 5 % and a 16th of each side; None leaves all in place.

        Returns:
            `places`, (positions, neighbors), and `shares`, of the same shape, in which position p of the
            moved image is the sum of shares[p, j] times position places[p, j]; what comes from outside is
            mid-range.
        """
        if not self.sides:
            return np.zeros((1, 1), np.int32), np.ones((1, 1), np.float32)
        sides = np.array(self.sides, np.int64)
        axes = [np.arange(side, dtype=np.float64) for side in sides]
        source = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(sides))
        if rng is not None:
            source = _moved(source, sides, rng)
        base = np.floor(source).astype(np.int64)
        places, shares = [], []
        for step in itertools.product((0, 1), repeat=len(sides)):
            corner = base + np.array(step, np.int64)
            share = np.prod(1 - np.abs(source - corner), -1)
            inside = ((corner >= 0) & (corner < sides)).all(-1)
            places.append(np.ravel_multi_index(tuple(np.clip(corner, 0, sides - 1).T), self.sides))
            shares.append(np.where(inside, share, 0))
        return np.stack(places, -1).astype(np.int32), np.stack(shares, -1).astype(np.float32)

    @cached_property
    def _weights(self) -> Floats:
        """1 / |f| for each coefficient; a constant image counts as the lowest frequency."""
        squared = np.zeros(self.sides)
        for axis, side in enumerate(self.sides):
            frequency = (np.arange(side) + 1) // 2 / side
            squared = squared + np.square(frequency).reshape(-1, *(1,) * (len(self.sides) - axis - 1))
        lowest = 1 / max(self.sides, default=1)
        weights: Floats = (1 / np.maximum(np.sqrt(squared), lowest)).astype(np.float32)[..., None]
        return weights

    @cached_property
    def _around(self) -> list[tuple[int, int]]:
        lengths = [length for axis, length in enumerate(self.shape) if axis != self.channel_axis]
        return [(first, length - last) for (first, last), length in zip(self.window, lengths, strict=True)]


def _moved(grid: Doubles, sides: npt.NDArray[np.int64], rng: np.random.Generator) -> Doubles:
    """Where each position comes from, turned (in the last two axes), scaled and shifted around the middle."""
    middle = (sides - 1) / 2
    source = (grid - middle) / rng.uniform(1 - _SCALE, 1 + _SCALE)
    if len(sides) > 1:
        angle = rng.uniform(-_TURN, _TURN)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        source[:, -2:] = source[:, -2:] @ turn
    moved: Doubles = source + middle + rng.uniform(-_SHIFT, _SHIFT, len(sides)) * sides
    return moved


def fourier_basis(side: int) -> Floats:
    """The real Fourier basis of a line of points: constant, then cosine and sine of each frequency.

    Returns:
        (basis functions, positions), orthonormal rows.
    """
    frequency = (np.arange(side) + 1) // 2
    phase = 2 * np.pi * frequency[:, None] * np.arange(side) / side
    rows = np.where(np.arange(side)[:, None] % 2 == 1, np.cos(phase), np.sin(phase))
    rows[0] = 1
    basis: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return basis


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
    progress: Progress = no_progress,
) -> Excitations:
    """Finds for each of some kernels the input that excites it most.

    Adam (Kingma and Ba 2015, "Adam: A method for stochastic optimization") climbs the value of each kernel at
    the center of its map. Of several inputs the first that the layer depends on is made; others are 0.

    Args:
        model: Any Keras model.
        layer: Path or unique name of a layer with a kernel.
        kernels: Their numbers.
        steps: How often the images are improved.
        seed: Of the first images and the random moves.
        low: The smallest value of the model's input.
        high: The largest.
        progress: Receives each step of each 16 kernels.

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
    told = [partial(_tell, progress, call.path, at * steps, len(filled) * steps) for at in range(len(filled))]
    parts = [climb.run(part, steps, rng, each) for part, each in zip(filled, told, strict=True)]
    images, reached = (np.concatenate(each)[: len(chosen)] for each in zip(*parts, strict=True))
    return Excitations(images, climb.fourier_image.window, climb.at, reached)


def _tell(progress: Progress, path: str, before: int, total: int, step: int) -> None:
    progress(before + step, total, f"what excites {path}")


def _check_input(graph: LayerGraph, number: int) -> None:
    if not graph.inputs[number].dtype.startswith(("float", "bfloat")):
        raise UsageError(
            f"The model's input '{graph.input_names[number]}' is of type {graph.inputs[number].dtype}; "
            "activation maximization needs a continuous input."
        )


class _Climb:
    """A model, prepared for climbing the values of one layer's kernels."""

    def __init__(
        self, model: keras.Model, graph: LayerGraph, call: Call, example: ArrayTree, low: float, high: float
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
        self,
        kernels: npt.NDArray[np.int64],
        steps: int,
        rng: np.random.Generator,
        told: Callable[[int], None],
    ) -> tuple[Floats, Floats]:
        """The images and what they reach; each step is told."""
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
            told(step)
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
