"""The kernels of a layer: their weights, how much they weigh each input channel, and what excites them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from convscope.errors import UsageError
from convscope.scope.attribution.layer import embedding_of
from convscope.scope.channels.excitation import excitations
from convscope.scope.geometry.geometry import geometries
from convscope.scope.geometry.kernel_layout import Floats, layout_of, weights_of, without_kernel
from convscope.scope.graph.graph import Call, Graph, trace

_OVER_A_LENGTH = (keras.layers.Conv1D, keras.layers.DepthwiseConv1D, keras.layers.SeparableConv1D)


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
            centre of the maps can depend on.
        reached: The value in front of the activation that each of them brings about there, (chosen kernels,).
        limits: The range of the input.
        dilation: Positions between neighbouring weights, of a kernel over a length.
        step: Positions of the model's input between neighbours of what such a kernel slides over; None where
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
) -> Kernels:
    """Takes out the kernels of a layer, and finds the inputs that excite some of them most.

    Args:
        model: Any Keras model.
        layer: Path or unique name of a convolution (of any kind) or dense layer.
        excite: For how many kernels to find such an input, those with the largest weights first; or the
            numbers of the kernels.
        steps: How often these inputs are improved.
        seed: Of their random starts and moves.
        low: The smallest value of the model's input.
        high: The largest.

    Returns:
        The kernels.

    Raises:
        UsageError: The layer has no kernel, or not the one asked for; the input's range has no extent.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="edges")])
        >>> found = kernels(model, "edges", excite=2, steps=8)
        >>> found.weights.shape, found.norms.shape, found.excitations.shape
        ((3, 3, 1, 4), (1, 4), (2, 3, 3, 1))
    """
    graph = trace(model)
    call = graph.find(layer)
    if layout_of(call.layer) is None:
        raise without_kernel(graph, call.path)
    weights = weights_of(call.layer)
    norms = np.sqrt(np.square(weights, dtype=np.float32).sum(tuple(range(weights.ndim - 2))))
    chosen = _chosen(call.path, norms, excite)
    dilation, step = _spacing(graph, call)
    if not chosen:
        return Kernels(call.path, call.type, weights, norms, dilation=dilation, step=step)
    found = excitations(model, call.path, chosen, steps=steps, seed=seed, low=low, high=high)
    return Kernels(
        call.path,
        call.type,
        weights,
        norms,
        found.images,
        chosen,
        found.window,
        found.reached,
        (low, high),
        dilation,
        step,
    )


def _spacing(graph: Graph, call: Call) -> tuple[int, float | None]:
    """The dilation of a kernel over a length, and the step between the positions that it slides over."""
    layer: keras.layers.Layer = call.layer
    if not isinstance(layer, _OVER_A_LENGTH) or len(graph.inputs) != 1:
        return 1, None
    dilation = int(np.ravel(layer.dilation_rate)[0])
    found = geometries(graph)[call.path]
    if embedding_of(graph, graph.inputs[0]) is not None or not found.stride or len(found.stride) != 1:
        return dilation, None
    stride = found.stride[0]
    return dilation, None if stride is None else stride / int(np.ravel(layer.strides)[0])


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
