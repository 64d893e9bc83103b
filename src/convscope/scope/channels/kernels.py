"""The kernels of a layer: their weights, how much they weigh each input channel, and what excites them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.scope.attribution.layer import embedding_of
from convscope.scope.channels.excitation import Excitations, excitations
from convscope.scope.geometry.geometry import geometries, is_table
from convscope.scope.geometry.kernel_layout import Floats, layout_of, spatial_rank, weights_of, with_kernel
from convscope.scope.graph.graph import Call, LayerGraph, trace
from convscope.types import Progress, no_progress


@dataclass(frozen=True, eq=False)
class Kernels:
    """The kernels of one layer.

    Args:
        path: The layer.
        type: Its class name.
        weights: (positions of the kernel..., channels in, kernels), as the layer computes with them. A
            depthwise kernel reads 1 channel, one of a layer with groups those of its group; of a separable
            convolution both steps are in one.
        norms: How much each kernel weighs each channel that it reads, (channels in, kernels): the root of the
            sum of squares over the kernel's positions.
        excitations: What excites the chosen kernels most, (chosen kernels, positions..., channels) in the
            range of the input; None if not asked for.
        chosen: Numbers of the kernels that `excitations` shows.
        window: Which part of the model's input `excitations` shows, half-open, per spatial axis: what the
            center of the maps can depend on.
        reached: The value in front of the activation that each of them brings about there, (chosen kernels,).
        limits: The range of the input.
        dilation: Positions between neighboring weights, of a kernel over a length.
        step: Positions of the model's input between neighbors of what such a kernel slides over; None where
            that is not known, or is no sequence of numbers.
    """

    path: str
    type: str
    weights: Floats
    norms: Floats
    excitations: Floats | None = None
    chosen: tuple[int, ...] = ()
    window: tuple[tuple[int, int], ...] = ()
    reached: Floats | None = None
    limits: tuple[float, float] = (0.0, 1.0)
    dilation: int = 1
    step: float | None = None


def kernels(
    model: keras.Model,
    layer: str,
    *,
    excite: int | Sequence[int] = 0,
    steps: int = 128,
    seed: int = 0,
    low: float = 0.0,
    high: float = 1.0,
    progress: Progress = no_progress,
) -> Kernels:
    """Takes out the kernels of a layer, and finds the inputs that excite some of them most.

    Args:
        model: Any Keras model.
        layer: Path or unique name of a convolution (of any kind) or dense layer.
        excite: For how many kernels such an input is found, the largest first; or numbers of kernels.
        steps: How often these inputs are improved.
        seed: Of their random starts and moves.
        low: The smallest value of the model's input.
        high: The largest.
        progress: Receives each step of the improvement.

    Raises:
        UsageError: The layer has no kernel, or not the one asked for; the input's range has no extent.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="edges")])
        >>> found = kernels(model, "edges", excite=2, steps=8)
        >>> found.weights.shape, found.norms.shape, found.excitations.shape
        ((3, 3, 1, 4), (1, 4), (2, 3, 3, 1))
    """
    graph = trace(model)
    call = with_kernel(graph, layer)
    plain = _of_layer(graph, call)
    chosen = _chosen(call.path, plain.norms, excite)
    if not chosen:
        return plain
    _check_excitable(graph, call)
    found = excitations(
        model, call.path, chosen, steps=steps, seed=seed, low=low, high=high, progress=progress
    )
    return _with_excitations(plain, chosen, found, (low, high))


def _with_excitations(
    plain: Kernels, chosen: tuple[int, ...], found: Excitations, limits: tuple[float, float]
) -> Kernels:
    return replace(
        plain,
        excitations=found.images,
        chosen=chosen,
        window=found.window,
        reached=found.reached,
        limits=limits,
    )


def _check_excitable(graph: LayerGraph, call: Call) -> None:
    """An input is sought among arrays of one size; nobody could tell the edges of a graph."""
    if any(is_table(graph, number) for number in range(len(graph.inputs))):
        raise UsageError(
            f"Inputs that excite a kernel cannot be computed for '{call.path}': nobody tells the edges.",
            "The method 'patches' finds the neighborhoods of a data set that activate it most.",
        )


def _spacing(graph: LayerGraph, call: Call) -> tuple[int, float | None]:
    """The dilation of a kernel over a length, and the step between the positions that it slides over."""
    layer = call.layer
    if spatial_rank(layer) != 1 or layout_of(layer) == "transposed" or len(graph.inputs) != 1:
        return 1, None
    dilation = int(np.ravel(layer.dilation_rate)[0])
    found = geometries(graph)[call.path]
    if embedding_of(graph, graph.inputs[0]) is not None or not found.stride or len(found.stride) != 1:
        return dilation, None
    stride = found.stride[0]
    return dilation, None if stride is None else stride / int(np.ravel(layer.strides)[0])


def _of_layer(graph: LayerGraph, call: Call) -> Kernels:
    """The kernels of a layer, with the norm of each and how far apart their weights lie in the input."""
    weights = weights_of(call.layer)
    norms = np.sqrt(np.square(weights, dtype=np.float32).sum(tuple(range(weights.ndim - 2))))
    dilation, step = _spacing(graph, call)
    return Kernels(call.path, call.type, weights, norms, dilation=dilation, step=step)


def _chosen(path: str, norms: Floats, excite: int | Sequence[int]) -> tuple[int, ...]:
    count = norms.shape[-1]
    if isinstance(excite, Sequence | np.ndarray):
        chosen = tuple(operator.index(kernel) for kernel in excite)
        missing = [kernel for kernel in chosen if not 0 <= kernel < count]
        if missing:
            raise UsageError(f"'{path}' has kernels 0 to {count - 1}. Received: kernel {missing[0]}.")
        return chosen
    if excite < 0:
        raise UsageError(f"excite must be at least 0. Received: excite={excite}.")
    heaviest = np.argsort(-np.square(norms).sum(0), kind="stable")
    return tuple(int(kernel) for kernel in heaviest[:excite])


def frequency_response(
    weights: npt.NDArray[np.floating], *, dilation: int = 1, points: int = 129
) -> npt.NDArray[np.float64]:
    """The magnitude of the response of kernels to oscillations of every frequency.

    For the weights w[k, c, o] of tap k, input channel c and kernel o, at f cycles per step,

        H[f, c, o] = sum over k of w[k, c, o] exp(2 pi i f dilation k)
        magnitude[f, o] = square root of the sum over c of |H[f, c, o]|^2

    which is the usual frequency response of a filter (Oppenheim and Schafer 2010, "Discrete-Time Signal
    Processing"), and over several input channels what comes out, as a root mean square, where oscillations
    of unit size arrive in all of them, each with a phase of its own.

    Args:
        weights: (taps, input channels, kernels).
        dilation: Steps between neighboring taps.
        points: How many frequencies, evenly from 0 to 0.5 cycles per step, both included.

    Returns:
        (points, kernels).

    Raises:
        UsageError: The weights are not those of kernels over a length.

    Example:
        >>> smoothing, difference = np.array([[[0.5]], [[0.5]]]), np.array([[[0.5]], [[-0.5]]])
        >>> frequency_response(smoothing, points=3).round(3).tolist()
        [[1.0], [0.707], [0.0]]
        >>> frequency_response(difference, points=3).round(3).tolist()
        [[0.0], [0.707], [1.0]]
    """
    if np.ndim(weights) != 3:
        raise UsageError(
            f"weights must have the shape (taps, input channels, kernels). Received: {np.shape(weights)}."
        )
    frequencies = np.linspace(0, 0.5, points)
    phases = np.exp(2j * np.pi * np.outer(frequencies, np.arange(len(weights)) * dilation))
    spectrum = np.tensordot(phases, np.asarray(weights, np.float64), axes=1)
    return np.asarray(np.sqrt(np.square(np.abs(spectrum)).sum(axis=1)), np.float64)
