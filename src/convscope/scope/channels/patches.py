"""What excites kernels most: the parts of a data set at which each kernel of a layer answers strongest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.scope.channels.places import Filled, PlacedBatch, Whole, placed_batches
from convscope.scope.graph.graph import Call
from convscope.types import Array, ArrayTree

Doubles = npt.NDArray[np.float64]


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
        hops: How many edges away from there lie nodes of a graph that it depends on too.
    """

    path: str
    type: str
    values: Doubles
    samples: Whole
    positions: Whole
    windows: Whole
    hops: int = 0


def patches(
    model: keras.Model,
    batches: Iterable[ArrayTree],
    layers: Sequence[str] | str,
    *,
    top: int = 9,
    filled: Filled | None = None,
) -> dict[str, Patches]:
    """Finds what excites the kernels of layers most, exactly, in one pass and in bounded memory.

    Nothing depends on the size of the batches. What lies in padding is left out: of token ids (0 is padding)
    the positions after the end, of others those that `filled` tells, and windows that touch nothing of the
    input.

    Args:
        model: Any Keras model.
        batches: Batches as the model takes them; sequences of tokens may have another length in each.
        layers: Paths, unique names or patterns.
        top: How many parts for each kernel.
        filled: From the number of a sample and the input's length to how many positions are padding at the
            beginning and at the end; None where there is none.

    Returns:
        By path, in the model's order.

    Raises:
        UsageError: No samples, an unknown layer, or one whose receptive field is not known.
    """
    if top < 1:
        raise UsageError(f"top must be at least 1. Received: top={top}.")
    gathered: dict[str, _Best] = {}
    seen = 0
    for batch in placed_batches(model, batches, layers, filled):
        _check_known(batch)
        for path, array in batch.arrays.items():
            kernels = array.shape[batch.places.geometries[path].channel_axis]
            best = gathered.setdefault(path, _Best(batch.places.calls[path], kernels, top))
            best.add(array, batch)
        seen += len(batch)
    if not seen:
        raise UsageError("There are no samples.")
    return {path: best.result() for path, best in gathered.items()}


def _check_known(batch: PlacedBatch) -> None:
    """Patches can be cut out where it is known where positions lie."""
    for path, geometry in batch.places.geometries.items():
        if not geometry.known:
            raise UsageError(
                f"The receptive field of '{path}' is unknown, so patches cannot be cut out.",
                "Give an earlier convolution.",
            )


class _Best:
    """The strongest places so far of one layer."""

    def __init__(self, call: Call, kernels: int, top: int) -> None:
        self._call, self._top, self._hops = call, top, 0
        self._values = np.zeros((0, kernels))
        self._samples = self._positions = self._windows = np.zeros((0,), np.int64)

    def add(self, array: np.ndarray, batch: PlacedBatch) -> None:
        """Takes in one batch, (samples, positions..., channels)."""
        path, places = self._call.path, batch.places
        self._hops = places.geometries[path].hops
        maps = np.moveaxis(array, places.geometries[path].channel_axis, -1)
        count, sizes, kernels = len(maps), maps.shape[1:-1], maps.shape[-1]
        flat = maps.reshape(count, -1, kernels)
        counted = (batch.in_input(path, sizes) & batch.present(path, sizes))[..., None]
        spots = np.where(counted & ~np.isnan(flat), flat, -np.inf).argmax(axis=1)
        peaks = np.take_along_axis(np.where(counted, flat, -np.inf), spots[:, None], 1)[:, 0]
        positions = np.stack(np.unravel_index(spots, sizes), -1) if sizes else np.zeros((*spots.shape, 0))
        windows = places.windows(path, positions.reshape(count * kernels, len(sizes)).astype(np.int64))
        windows = _within(windows.reshape(count, kernels, windows.shape[1], 2), batch.ends)
        numbers = np.broadcast_to(np.arange(batch.start, batch.start + count)[:, None], peaks.shape)
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
            self._hops,
        )


def _ranked(before: Whole, fresh: Array, order: Whole) -> Whole:
    """Old and new rows of all kernels in a new order, (k, kernels, ...)."""
    joined = np.concatenate([before.reshape(len(before), *fresh.shape[1:]), fresh.astype(np.int64)])
    return np.take_along_axis(joined, order.reshape(*order.shape, *[1] * (fresh.ndim - 2)), 0)


def _within(windows: Whole, ends: Whole | None) -> Whole:
    """Windows (samples, kernels, axes, 2) without what is padding, where they hold anything else."""
    if ends is None or windows.shape[2] != 1:
        return windows
    cut = np.stack(
        [np.maximum(windows[..., 0], ends[:, None, :1]), np.minimum(windows[..., 1], ends[:, None, 1:])], -1
    )
    return np.where(cut[..., :1] < cut[..., 1:], cut, windows)
