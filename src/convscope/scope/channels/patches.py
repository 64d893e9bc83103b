"""What excites kernels most: the parts of a data set at which each kernel of a layer answers strongest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.scope.attribution.layer import embedding_of, first_to_explain
from convscope.scope.geometry.geometry import geometries
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.graph.graph import Call, Graph, trace
from convscope.scope.record import as_inputs, choose, recorded_batches
from convscope.types import Array, ArrayTree, Tensor

Doubles = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Patches:
    """For each kernel of a layer, the parts of the inputs that excite it most, at most one of each sample.

    Where there are fewer than k, `values` is NaN and `samples` is -1.

    Args:
        path: The layer.
        type: Its class name.
        values: What the layer puts out there, (kernels, k), the largest first; of equal ones the earlier
            sample first.
        samples: Numbers of the samples in the data set, (kernels, k).
        positions: Where in the layer's maps, (kernels, k, axes of the maps).
        windows: Which part of the input it depends on: first position and the one behind the last for each
            axis of the input, cut at its ends, (kernels, k, axes of the input, 2).
    """

    path: str
    type: str
    values: Doubles
    samples: Whole
    positions: Whole
    windows: Whole


def patches(
    model: keras.Model, batches: Iterable[ArrayTree], layers: Sequence[str] | str, *, top: int = 9
) -> dict[str, Patches]:
    """Finds what excites the kernels of layers most, exactly, in one pass and in bounded memory.

    Nothing depends on the size of the batches. What lies in padding is left out: of token ids (0 is padding)
    the positions after the end, of everything else the windows that touch nothing of the input.

    Args:
        model: Any Keras model.
        batches: Batches as the model takes them; sequences of tokens may have another length in each.
        layers: Paths, unique names or patterns.
        top: How many parts for each kernel.

    Returns:
        By path, in the model's order.

    Raises:
        UsageError: No samples, an unknown layer, or one whose receptive field is not known.
    """
    if top < 1:
        raise UsageError(f"top must be at least 1. Received: top={top}.")
    gathered: dict[str, _Best] = {}
    known: dict[tuple[Tensor, ...], _Places] = {}
    last: list[Tensor] = []

    def remembered() -> Iterator[ArrayTree]:
        for batch in batches:
            last[:] = [as_inputs(model, batch)]
            yield last[0]

    seen = 0
    for arrays in recorded_batches(model, remembered(), layers):
        inputs = [np.asarray(array) for array in keras.tree.flatten(last[0])]
        key = tuple(array.shape[1:] for array in inputs)
        if key not in known:
            known[key] = _Places(trace(model, last[0]), layers)
        places = known[key]
        for path, array in arrays.items():
            kernels = array.shape[places.geometries[path].channel_axis]
            best = gathered.setdefault(path, _Best(places.calls[path], kernels, top))
            best.add(array, seen, places, inputs)
        seen += len(inputs[0])
    if not seen:
        raise UsageError("There are no samples.")
    return {path: best.result() for path, best in gathered.items()}


class _Places:
    """Where the positions of maps lie in the input, for inputs of one size.

    Args:
        graph: Of the model on such inputs.
        layers: Which calls.
    """

    def __init__(self, graph: Graph, layers: Sequence[str] | str) -> None:
        self.calls: dict[str, Call] = {call.path: call for call in choose(graph, layers)}
        ranks = [len(value.shape) for value in graph.inputs]
        self.source = first_to_explain(graph, ranks)
        self.ids = embedding_of(graph, graph.inputs[self.source]) is not None
        where = geometries(graph, self.source)
        self.geometries: dict[str, Geometry] = {path: where[path] for path in self.calls}
        for path, geometry in self.geometries.items():
            if not geometry.known:
                raise UsageError(
                    f"The receptive field of '{path}' is unknown, so patches cannot be cut out.",
                    "Give an earlier convolution.",
                )

    def windows(self, path: str, positions: Whole) -> Whole:
        """The input under positions (n, axes of the maps): (n, axes of the input, 2)."""
        geometry = self.geometries[path]
        found = np.zeros((len(positions), len(geometry.dependencies), 2), np.int64)
        for number, dependency in enumerate(geometry.dependencies):
            if dependency.axis is None or dependency.whole or dependency.spans is None:
                last = dependency.bounds[1]
                found[:, number] = dependency.bounds[0], 0 if last is None else last + 1
                continue
            axis = dependency.axis - 1 if dependency.axis < geometry.channel_axis else dependency.axis - 2
            low, high = dependency.spans[:, positions[:, axis]]
            found[:, number] = np.where(low <= high, (low, high + 1), 0).T
        empty = (found[..., 0] == found[..., 1]).any(axis=1)
        found[empty] = 0
        return found

    def counted(self, path: str, sizes: tuple[int, ...], inputs: np.ndarray) -> npt.NDArray[np.bool_]:
        """(samples or 1, positions): True where a position lies in the input and not in its padding."""
        grid = np.zeros((1, 0), np.int64)
        if sizes:
            grid = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), -1).astype(np.int64)
        windows = self.windows(path, grid)
        there = np.asarray((windows[..., 0] < windows[..., 1]).all(axis=1)).reshape(1, -1)
        if not self.ids or inputs.ndim != 2 or len(sizes) != 1:
            return np.asarray(there)
        present: np.ndarray = inputs.astype(bool)
        if sizes[0] == inputs.shape[1]:
            return np.asarray(there & present)
        dependencies = self.geometries[path].dependencies
        if not dependencies or dependencies[0].axis is None:
            return np.asarray(there)
        middles = (windows[:, 0, 0] + windows[:, 0, 1] - 1) // 2
        return np.asarray(there & present[:, np.maximum(middles, 0)])


class _Best:
    """The strongest places so far of one layer."""

    def __init__(self, call: Call, kernels: int, top: int) -> None:
        self._call, self._top = call, top
        self._values = np.zeros((0, kernels))
        self._samples = self._positions = self._windows = np.zeros((0,), np.int64)

    def add(self, array: np.ndarray, start: int, places: _Places, inputs: Sequence[np.ndarray]) -> None:
        """Takes in one batch, (samples, positions..., channels)."""
        path = self._call.path
        maps = np.moveaxis(array, places.geometries[path].channel_axis, -1)
        count, sizes, kernels = len(maps), maps.shape[1:-1], maps.shape[-1]
        flat = maps.reshape(count, -1, kernels)
        source = inputs[places.source]
        counted = places.counted(path, sizes, source)[..., None]
        spots = np.where(counted & ~np.isnan(flat), flat, -np.inf).argmax(axis=1)
        peaks = np.take_along_axis(np.where(counted, flat, -np.inf), spots[:, None], 1)[:, 0]
        positions = np.stack(np.unravel_index(spots, sizes), -1) if sizes else np.zeros((*spots.shape, 0))
        windows = places.windows(path, positions.reshape(count * kernels, len(sizes)).astype(np.int64))
        windows = windows.reshape(count, kernels, windows.shape[1], 2)
        if places.ids and source.ndim == 2:
            windows[..., 1] = np.minimum(windows[..., 1], _ends(source)[:, None, None])
        numbers = np.broadcast_to(np.arange(start, start + count)[:, None], peaks.shape)
        order_by = np.concatenate([self._values, peaks.astype(np.float64)])
        order = np.argsort(-np.nan_to_num(order_by, nan=-np.inf), axis=0, kind="stable")[: self._top]
        self._values = np.take_along_axis(order_by, order, 0)
        self._samples = _ranked(self._samples, numbers, order)
        self._positions = _ranked(self._positions, positions, order)
        self._windows = _ranked(self._windows, windows, order)

    def result(self) -> Patches:
        """The strongest places of all batches so far."""
        found = np.isfinite(self._values).T
        return Patches(
            self._call.path,
            self._call.type,
            np.where(found, self._values.T, np.nan),
            np.where(found, self._samples.T, -1),
            np.moveaxis(self._positions, 0, 1).copy(),
            np.moveaxis(self._windows, 0, 1).copy(),
        )


def _ranked(before: Whole, fresh: Array, order: Whole) -> Whole:
    """Old and new rows of all kernels in a new order, (k, kernels, ...)."""
    joined = np.concatenate([before.reshape(len(before), *fresh.shape[1:]), fresh.astype(np.int64)])
    return np.take_along_axis(joined, order.reshape(*order.shape, *[1] * (fresh.ndim - 2)), 0)


def _ends(ids: Array) -> Whole:
    """Where the tokens of each row end, (samples,)."""
    present = ids != 0
    return np.where(present.any(axis=1), ids.shape[1] - present[:, ::-1].argmax(axis=1), 0)
