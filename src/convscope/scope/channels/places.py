"""Where the positions of maps lie in the input, and which of them are padding of their sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from convscope.scope.attribution.layer import embedding_of, first_to_explain
from convscope.scope.geometry.geometry import geometries
from convscope.scope.geometry.receptive_field import Geometry
from convscope.scope.graph.graph import Call, LayerGraph, trace
from convscope.scope.record import as_inputs, choose, recorded_batches
from convscope.types import Array, ArrayTree, Tensor

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

Filled = Callable[[int, int], tuple[int, int]]
"""From the number of a sample and the length of the input to how many positions are padding at the beginning
and at the end."""


class MapPlaces:
    """Where the positions of maps lie in the input, for inputs of one size.

    Args:
        graph: Of the model on such inputs.
        layers: Which calls; None for all that can be recorded.
    """

    def __init__(self, graph: LayerGraph, layers: Sequence[str] | str | None) -> None:
        self.calls: dict[str, Call] = {call.path: call for call in choose(graph, layers)}
        ranks = [len(value.shape) for value in graph.inputs]
        self.source = first_to_explain(graph, ranks)
        self.ids = embedding_of(graph, graph.inputs[self.source]) is not None
        where = geometries(graph, self.source)
        self.geometries: dict[str, Geometry] = {path: where[path] for path in self.calls}

    def windows(self, path: str, positions: Whole) -> Whole:
        """The input under positions (n, axes of the maps): (n, axes of the input, 2)."""
        geometry = self.geometries[path]
        found = np.zeros((len(positions), len(geometry.dependencies), 2), np.int64)
        for number, dependency in enumerate(geometry.dependencies):
            axis = _axis(geometry, number)
            if axis is None or dependency.spans is None:
                last = dependency.bounds[1]
                found[:, number] = dependency.bounds[0], 0 if last is None else last + 1
                continue
            low, high = dependency.spans[:, positions[:, axis]]
            found[:, number] = np.where(low <= high, (low, high + 1), 0).T
        empty = (found[..., 0] == found[..., 1]).any(axis=1)
        found[empty] = 0
        return found

    def middles(self, path: str, positions: Whole) -> npt.NDArray[np.float64] | None:
        """The middle of what positions depend on along the input's only axis, as if it had no ends.

        Args:
            path: The layer.
            positions: (n, axes of the maps).

        Returns:
            (n,), or None where positions have no place along a single axis of the input.
        """
        geometry = self.geometries[path]
        if not geometry.known or len(geometry.dependencies) != 1:
            return None
        axis = _axis(geometry, 0)
        if axis is None or not len(positions):
            return None
        reach = geometry.dependencies[0]
        turns, place = np.divmod(positions[:, axis], reach.period)
        ends = np.array([reach.lows, reach.highs], np.float64)[:, place]
        return np.asarray(ends.mean(axis=0) + turns * reach.advance)


def _axis(geometry: Geometry, number: int) -> int | None:
    """The axis of the maps, channels left out, that runs along an axis of the input; None for none."""
    dependency = geometry.dependencies[number]
    if dependency.axis is None or dependency.whole:
        return None
    return dependency.axis - 1 if dependency.axis < geometry.channel_axis else dependency.axis - 2


@dataclass(frozen=True, eq=False)
class PlacedBatch:
    """What layers put out for one batch, with where its positions lie.

    Args:
        arrays: Outputs by path.
        places: For inputs of the size of this batch.
        start: The number of the first sample.
        source: What the positions lie in: the input that is explained.
        filled: How many positions of each sample are padding at both ends, (samples, 2); None where nothing
            tells it.
    """

    arrays: dict[str, Array]
    places: MapPlaces
    start: int
    source: Array
    filled: Whole | None

    def __len__(self) -> int:
        return len(self.source)

    @property
    def ends(self) -> Whole | None:
        """The first position of each sample and the one behind its last, (samples, 2); None if not known."""
        if self.filled is not None:
            return np.stack([self.filled[:, 0], self.source.shape[1] - self.filled[:, 1]], axis=1)
        if not self.places.ids or self.source.ndim != 2:
            return None
        present = self.source != 0
        length = present.shape[1]
        last = np.where(present.any(axis=1), length - present[:, ::-1].argmax(axis=1), 0)
        return np.stack([np.zeros_like(last), last], axis=1)

    def present(self, path: str, sizes: tuple[int, ...]) -> Flags:
        """(samples or 1, positions): True where a position of maps of these sizes is no padding.

        Of a sample that is shorter than a step of the maps, the position nearest to it is present.
        """
        grid = _grid(sizes)
        everywhere = np.ones((1, len(grid)), bool)
        if self.filled is None:
            return self._present_tokens(path, sizes, grid) if self.places.ids else everywhere
        middles, ends = self.places.middles(path, grid), self.ends
        if middles is None or ends is None:
            return everywhere
        apart = np.maximum(ends[:, :1] - middles, middles - (ends[:, 1:] - 1))
        nearest = np.maximum(apart.min(axis=1, keepdims=True), 0)
        return np.asarray((apart <= nearest) & (ends[:, :1] < ends[:, 1:]))

    def _present_tokens(self, path: str, sizes: tuple[int, ...], grid: Whole) -> Flags:
        everywhere = np.ones((1, len(grid)), bool)
        if self.source.ndim != 2 or len(sizes) != 1:
            return everywhere
        present: Flags = self.source.astype(bool)
        if sizes[0] == present.shape[1]:
            return present
        geometry = self.places.geometries[path]
        if not geometry.known or not geometry.dependencies or geometry.dependencies[0].axis is None:
            return everywhere
        windows = self.places.windows(path, grid)
        middles = (windows[:, 0, 0] + windows[:, 0, 1] - 1) // 2
        return np.asarray(present[:, np.maximum(middles, 0)])

    def in_input(self, path: str, sizes: tuple[int, ...]) -> Flags:
        """(1, positions): True where what a position depends on lies in the input, at least in part."""
        windows = self.places.windows(path, _grid(sizes))
        return np.asarray((windows[..., 0] < windows[..., 1]).all(axis=1)).reshape(1, -1)


def _grid(sizes: tuple[int, ...]) -> Whole:
    """All positions of maps of these sizes, (positions, axes)."""
    if not sizes:
        return np.zeros((1, 0), np.int64)
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), -1).astype(np.int64)


def placed_batches(
    model: keras.Model,
    batches: Iterable[ArrayTree],
    layers: Sequence[str] | str | None,
    filled: Filled | None = None,
) -> Iterator[PlacedBatch]:
    """Runs a model over a data set of any length, and gives one batch with its places at a time.

    Args:
        model: Any Keras model.
        batches: Batches as the model takes them; sequences may have another length in each.
        layers: Paths, unique names or patterns; None for all that can be recorded.
        filled: How much of each sample is padding; None where nothing but token ids tells it.

    Raises:
        UsageError: A layer that the model does not have, or inputs that it cannot take.
    """
    known: dict[tuple[Tensor, ...], MapPlaces] = {}
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
            known[key] = MapPlaces(trace(model, last[0]), layers)
        source = inputs[known[key].source]
        padding = None
        if filled is not None and source.ndim > 1:
            samples = range(seen, seen + len(source))
            padding = np.array([filled(i, source.shape[1]) for i in samples], np.int64)
        yield PlacedBatch(arrays, known[key], seen, source, padding)
        seen += len(source)
