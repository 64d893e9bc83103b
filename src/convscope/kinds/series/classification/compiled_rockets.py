"""The compiled form of models of fixed kernels: maps and pooling by compiled loops, all behind them by Keras.

What it needs is read off the model's layers, so that it serves a model of any origin whose layers are those
of `minirocket` or `hydra_multirocket`; what it does not know it leaves to Keras.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import keras
import numpy as np
import numpy.typing as npt

from convscope.engine.device import cores
from convscope.engine.inference.compiled_form import Answer
from convscope.kinds.series.classification.hydra_multirocket import GROUP_SIZE
from convscope.kinds.series.classification.minirocket import KERNELS, kernel_weights
from convscope.kinds.series.layers.hydra import CompetitionCounts
from convscope.kinds.series.layers.minirocket import ProportionsAbove
from convscope.kinds.series.layers.multirocket import STATISTICS, StatisticsAbove
from convscope.types import Array, ArrayTree

AT_ONCE = 16
"""Samples that a thread takes at a time."""

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Pooling = ProportionsAbove | CompetitionCounts
"""A layer whose numbers compiled loops give; its input is a convolution."""


@dataclass(frozen=True, eq=False)
class FixedKernels:
    """The 84 kernels at several dilations, with their thresholds.

    Args:
        dilations: Of each stage, shape (stages,).
        counts: Thresholds of each kernel of a stage.
        firsts: 0 where the first kernel of a stage looks at all positions, 1 where it is the second.
        offsets: Where the variables of each kernel begin, shape (stages * 84 + 1,).
        variables: Those that each kernel looks at.
        thresholds: Of all kernels, shape (thresholds,).
        four: Whether four statistics are taken at each threshold, or the proportion above it alone.
    """

    dilations: Ints
    counts: Ints
    firsts: Ints
    offsets: Ints
    variables: Ints
    thresholds: Floats
    four: bool

    @property
    def features(self) -> int:
        """How many there are."""
        return len(self.thresholds) * (STATISTICS if self.four else 1)

    def pool(self, series: Floats, start: int, out: Floats) -> None:
        """Fills the features of series (samples, variables, positions) in, from a column of `out` on."""
        from convscope.kinds.series.classification.rocket_kernels import pooled_kernels

        stages = (self.dilations, self.counts, self.firsts, self.offsets, self.variables)
        pooled_kernels(series, *stages, self.thresholds, self.four, start, out)


@dataclass(frozen=True, eq=False)
class Competitors:
    """The competing kernels of one dilation.

    Args:
        kernels: Shape (9, variables, groups * 8).
        dilation: Positions between two weights.
        alike: By so much a value may miss the largest and count as it.
    """

    kernels: Floats
    dilation: int
    alike: float

    @property
    def features(self) -> int:
        """Two counts for each kernel."""
        return 2 * int(self.kernels.shape[2])

    def pool(self, series: Floats, start: int, out: Floats) -> None:
        """Fills the counts of series (samples, variables, positions) in, from a column of `out` on."""
        from convscope.kinds.series.classification.rocket_kernels import competition_counts

        competition_counts(series, self.kernels, self.dilation, self.alike, start, out)


@dataclass(frozen=True, eq=False)
class PooledPart:
    """Pooling layers that lie side by side in one tensor.

    Args:
        pooling: In the order of their features.
        output: The tensor.
    """

    pooling: tuple[Pooling, ...]
    output: keras.KerasTensor

    @property
    def name(self) -> str:
        """Of the layer that the tensor comes from."""
        return str(self.output._keras_history.operation.name)


@dataclass(frozen=True, eq=False)
class _Layout:
    """How a model is divided; what its weights are is not part of it.

    Args:
        parts: Its pooling.
        head: The model behind it, from one tensor for each part.
    """

    parts: tuple[PooledPart, ...]
    head: keras.Model


_layouts: WeakKeyDictionary[keras.Model, _Layout | None] = WeakKeyDictionary()


def compiled_rocket(model: keras.Model) -> Answer | None:
    """What answers for a model of fixed kernels, with the weights that it has now.

    Args:
        model: One input, (batch, positions, variables).

    Returns:
        From a batch of series to one array for each output; None where the model has other layers.
    """
    if model not in _layouts:
        _layouts[model] = _layout(model)
    layout = _layouts[model]
    features = None if layout is None else pooled_features(layout.parts)
    if layout is None or features is None:
        return None
    head = layout.head

    def answer(batch: ArrayTree) -> list[Array]:
        found = head.predict_on_batch(features(np.asarray(batch, np.float32)))
        return [np.asarray(each) for each in keras.tree.flatten(found)]

    return answer


def pooled_features(parts: Sequence[PooledPart]) -> Callable[[Floats], list[Floats]] | None:
    """A function from series, (samples, positions, variables), to the features of each part.

    Args:
        parts: Of one model; their weights are read now.

    Returns:
        None where a layer computes something else than the compiled loops do.
    """
    steps: list[tuple[int, bool, FixedKernels | Competitors]] = []
    for number, part in enumerate(parts):
        for run in _runs(part.pooling):
            kernels = _kernels_of(run)
            if kernels is None:
                return None
            steps.append((number, _of_differences(run[0]), kernels))

    def pooled(part: Floats, outs: Sequence[Floats]) -> None:
        series = np.array(part.transpose(0, 2, 1), order="C")
        differences = np.diff(series, axis=2)
        starts = [0] * len(outs)
        for number, of_differences, kernels in steps:
            kernels.pool(differences if of_differences else series, starts[number], outs[number])
            starts[number] += kernels.features

    def features(batch: Floats) -> list[Floats]:
        sizes = [sum(kernels.features for at, _, kernels in steps if at == n) for n in range(len(parts))]
        outs = [np.empty((len(batch), size), np.float32) for size in sizes]
        slices = [slice(start, start + AT_ONCE) for start in range(0, len(batch), AT_ONCE)]
        with ThreadPoolExecutor(cores()) as threads:
            list(threads.map(lambda at: pooled(batch[at], [out[at] for out in outs]), slices))
        return outs

    return features


def parts_of(model: keras.Model) -> tuple[PooledPart, ...]:
    """The pooling of a model that compiled loops can give: joined where the model joins it.

    Args:
        model: Any functional model of one input.

    Returns:
        Empty where there is none.
    """
    pooling = {id(layer.output): layer for layer in model.layers if isinstance(layer, Pooling)}
    if not all(_readable(layer, model) for layer in pooling.values()):
        return ()
    parts, joined = [], set()
    for layer in model.layers:
        inputs = layer.input if isinstance(layer, keras.layers.Concatenate) else []
        if inputs and all(id(each) in pooling for each in inputs):
            parts.append(PooledPart(tuple(pooling[id(each)] for each in inputs), layer.output))
            joined |= {id(each) for each in inputs}
    alone = [PooledPart((layer,), layer.output) for place, layer in pooling.items() if place not in joined]
    return (*parts, *alone)


def fixed_kernels(pooling: Sequence[ProportionsAbove]) -> FixedKernels | None:
    """What layers with thresholds and the convolutions before them hold; None for other kernels than the 84.

    Args:
        pooling: The stages of one series.
    """
    convolutions = [_producer(layer) for layer in pooling]
    looked_at = [_looked_at(np.asarray(layer.kernel)) for layer in convolutions]
    if any(each is None for each in looked_at):
        return None
    chosen = [np.flatnonzero(row) for each in looked_at if each is not None for row in each]
    bounds = [keras.ops.convert_to_numpy(layer.bounds) for layer in pooling]
    return FixedKernels(
        np.array([layer.dilation_rate[0] for layer in convolutions], np.int64),
        np.array([layer.thresholds for layer in pooling], np.int64),
        np.array([layer.first for layer in pooling], np.int64),
        np.cumsum([0, *(len(each) for each in chosen)]).astype(np.int64),
        np.concatenate(chosen).astype(np.int64),
        np.concatenate([each.ravel() for each in bounds]).astype(np.float32),
        isinstance(pooling[0], StatisticsAbove),
    )


def _layout(model: keras.Model) -> _Layout | None:
    parts = parts_of(model)
    ends = {id(output) for output in model.outputs}
    if not parts or any(id(part.output) in ends for part in parts):
        return None
    try:
        head = keras.Model([part.output for part in parts], model.outputs)
    except ValueError:  # what is behind the pooling takes more than that
        return None
    head.make_predict_function()  # once, not by each thread
    return _Layout(parts, head)


def _runs(pooling: Sequence[Pooling]) -> list[list[Pooling]]:
    """Neighbors whose features one call of a compiled loop gives."""
    runs: list[list[Pooling]] = []
    for layer in pooling:
        if runs and _go_together(runs[-1][-1], layer):
            runs[-1].append(layer)
        else:
            runs.append([layer])
    return runs


def _kernels_of(run: Sequence[Pooling]) -> FixedKernels | Competitors | None:
    """What layers that go together hold."""
    first = run[0]
    if isinstance(first, CompetitionCounts):
        convolution = _producer(first)
        kernel = np.array(keras.ops.convert_to_numpy(convolution.kernel), np.float32)
        return Competitors(kernel, int(convolution.dilation_rate[0]), float(np.asarray(first.alike)))
    return fixed_kernels([layer for layer in run if isinstance(layer, ProportionsAbove)])


def _go_together(one: Pooling, other: Pooling) -> bool:
    """Whether both are stages of the 84 kernels over the same series."""
    alike = type(one) is type(other) and not isinstance(one, CompetitionCounts)
    return alike and _of_differences(one) == _of_differences(other)


def _readable(layer: Pooling, model: keras.Model) -> bool:
    """Whether a layer pools the maps of a convolution of nine weights over the series or its differences."""
    convolution = _producer(layer)
    if type(layer) not in (ProportionsAbove, StatisticsAbove, CompetitionCounts) or (
        type(convolution) is not keras.layers.Conv1D
        or convolution.kernel_size != (9,)
        or convolution.strides != (1,)
        or convolution.padding != "same"
        or convolution.groups != 1
        or convolution.use_bias
        or convolution.activation is not keras.activations.linear
    ):
        return False
    if isinstance(layer, CompetitionCounts):
        known = layer.group_size == GROUP_SIZE
    else:
        known = convolution.filters == KERNELS and layer.margin == 4 * convolution.dilation_rate[0]
    source = convolution.input
    if source is not model.inputs[0]:
        known = known and _takes_differences(source._keras_history.operation, model)
    return known and len(model.inputs) == 1


def _takes_differences(layer: keras.Operation, model: keras.Model) -> bool:
    """Whether a layer gives the first differences of the model's input."""
    return (
        type(layer) is keras.layers.DepthwiseConv1D
        and layer.input is model.inputs[0]
        and (layer.kernel_size, layer.strides, layer.dilation_rate) == ((2,), (1,), (1,))
        and (layer.padding, layer.use_bias, layer.depth_multiplier) == ("valid", False, 1)
        and layer.activation is keras.activations.linear
        and bool((np.asarray(layer.kernel)[..., 0] == [[-1], [1]]).all())
    )


def _producer(layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer whose output another one takes."""
    return layer.input._keras_history.operation


def _of_differences(layer: Pooling) -> bool:
    return isinstance(_producer(_producer(layer)), keras.layers.DepthwiseConv1D)


def _looked_at(kernel: Floats) -> npt.NDArray[np.bool_] | None:
    """Which variables each of the 84 kernels looks at, shape (84, variables); None for other weights."""
    chosen = kernel[0] != 0
    wanted = kernel_weights()[:, None] * chosen
    found: npt.NDArray[np.bool_] = chosen.T
    return found if np.array_equal(kernel, wanted) and found.any(axis=1).all() else None
