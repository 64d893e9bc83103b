"""What the channels of a layer do over a data set: how they vary, which never fire, what excites them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import keras
import numpy as np
import numpy.typing as npt

from convscope.errors import UsageError
from convscope.scope.channels.places import Filled, Flags, PlacedBatch, Whole, placed_batches
from convscope.scope.geometry.kernel_layout import layout_of
from convscope.scope.graph.graph import Call, LayerGraph, trace
from convscope.scope.layer_spec import role_of
from convscope.types import Array, ArrayTree, Tensor

Doubles = npt.NDArray[np.float64]

_BATCH = 32
_ALIKE = 0.99
_FEWEST_MOVES = 8
_PER_SAMPLE = 16
_VALUES_KEPT = 2**22


@dataclass(frozen=True, eq=False)
class ChannelStatistics:
    """One layer's channels over a data set, at all positions that are no padding of their sample.

    NaN and infinite values are counted and otherwise left out.

    Args:
        path: The layer.
        samples: How many samples were seen.
        mean: Over all samples and positions, (channels,).
        spread: Standard deviation over the same, (channels,).
        zeros: Share of values that are exactly 0, (channels,).
        largest: The largest value, (channels,).
        dead: (channels,), True where the value is the same everywhere, such as a ReLU's that never fires.
        duplicates: (channel, other, correlation) for each channel whose map repeats that of a channel before
            it (Pearson correlation above 0.99), with the first such.
        top_samples: Numbers of the samples with the largest values, (channels, k), the largest first; of
            equal ones the earlier first. A sample's value is the largest in its map.
        top_values: These values, (channels, k); NaN for a sample without a finite value.
        class_means: Mean over all positions of the samples of each class, (classes, channels), NaN for a
            class without samples; None without labels.
        nonfinite: How many values are NaN or infinite.
    """

    path: str
    samples: int
    mean: Doubles
    spread: Doubles
    zeros: Doubles
    largest: Doubles
    dead: npt.NDArray[np.bool_]
    duplicates: tuple[tuple[int, int, float], ...]
    top_samples: Whole
    top_values: Doubles
    class_means: Doubles | None
    nonfinite: int


def statistics(
    model: keras.Model,
    batches: ArrayTree | Iterable[ArrayTree],
    layers: Sequence[str] | str | None = None,
    *,
    labels: Sequence[int] | Array | None = None,
    classes: int | None = None,
    top: int = 9,
    filled: Filled | None = None,
) -> dict[str, ChannelStatistics]:
    """Gathers what each channel does over a data set, in one pass and bounded memory.

    Mean and spread are merged batch by batch in float64 with the pairwise update of Chan, Golub and LeVeque
    (1979), "Updating formulae and a pairwise algorithm for computing sample variances". Duplicates are sought
    in a part of the values that is spread evenly over the data set: up to 16 positions of a map, from every
    sample at first, from every second once 4 million values are kept, and so on; channels that leave their
    most common value at fewer than 8 of them are not judged. Nothing depends on the size of the batches.

    Args:
        model: Any Keras model.
        batches: An array of samples (for several inputs a dict by name), or an iterable of batches, each as
            the model takes it.
        layers: Paths, unique names or patterns; by default all layers with a kernel and all activations.
        labels: Class index of each sample, (samples,); -1 where it is not known.
        classes: How many classes there are; by default as many as the labels need.
        top: How many samples to name for each channel.
        filled: As in `patches`. Positions of padding are left out, as those behind the last token id are.

    Returns:
        The statistics by path, in the model's order.

    Raises:
        UsageError: No samples, not as many labels as samples, a label that is no class, an unknown layer.
    """
    if top < 0:
        raise UsageError(f"top must be at least 0. Received: top={top}.")
    known = None if labels is None else _Labels(labels, classes)
    stream = iter(_cut(batches))
    first = next(stream, None)
    if first is None:
        raise UsageError("There are no samples.")
    classes = known.classes if known else None
    paths = [call.path for call in _calls(trace(model, first), layers)]
    gathered = {path: _Gathered(path, top, classes) for path in paths}
    _gather(placed_batches(model, chain([first], stream), paths, filled), gathered, known)
    return {path: each.result() for path, each in gathered.items()}


def _gather(stream: Iterable[PlacedBatch], gathered: Mapping[str, _Gathered], known: _Labels | None) -> None:
    """Takes in what the layers put out, batch by batch, beside the labels."""
    seen = 0
    for batch in stream:
        now = known.next(seen, len(batch)) if known else None
        for path, array in batch.arrays.items():
            axis = batch.places.geometries[path].channel_axis
            maps = array[:, None] if array.ndim == 1 else np.moveaxis(array, axis, -1)
            values = maps.reshape(len(maps), -1, maps.shape[-1])
            gathered[path].add(values, batch.present(path, maps.shape[1:-1]), now)
        seen += len(batch)
    if not seen:
        raise UsageError("There are no samples.")
    if known:
        known.finish(seen)


def _cut(batches: ArrayTree | Iterable[ArrayTree]) -> Iterable[ArrayTree]:
    """Batches as they come, or an array (or a dict of them) cut into some."""
    if isinstance(batches, Mapping) or hasattr(batches, "shape"):
        samples = len(keras.tree.flatten(batches)[0])
        return (
            keras.tree.map_structure(lambda array: array[start : start + _BATCH], batches)  # noqa: B023
            for start in range(0, samples, _BATCH)
        )
    if not isinstance(batches, Iterable):
        raise UsageError(f"batches must be an array or an iterable of arrays. Received: {type(batches)}.")
    return batches


def _calls(graph: LayerGraph, layers: Sequence[str] | str | None) -> list[Call]:
    if layers is not None:
        return graph.select([layers] if isinstance(layers, str) else layers)
    calls = [call for call in graph.calls if call.kind == "layer" and _by_default(call)]
    if not calls:
        raise UsageError("The model has no kernels and no activation layers.", "Give the layers.")
    return calls


def _by_default(call: Call) -> bool:
    return layout_of(call.layer) is not None or role_of(call.layer) == "activation"


class _Labels:
    """The class index of each sample, handed out in step with the batches."""

    def __init__(self, labels: Sequence[int] | Array, classes: int | None) -> None:
        array = np.asarray(labels)
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise UsageError(
                "labels must be integers of shape (samples,). "
                f"Received: {array.dtype} of shape {array.shape}."
            )
        largest = int(array.max(initial=-1))
        self.classes = largest + 1 if classes is None else classes
        if largest >= self.classes or array.min(initial=0) < -1:
            raise UsageError(
                f"With {self.classes} classes, labels must be 0 to {self.classes - 1}, or -1 where unknown. "
                f"Received: {int(array.min())} to {largest}."
            )
        self._array = array.astype(np.int64)

    def next(self, start: int, size: int) -> Whole:
        if start + size > len(self._array):
            raise UsageError(f"There are more samples than labels ({len(self._array)}).")
        return self._array[start : start + size]

    def finish(self, samples: int) -> None:
        if samples != len(self._array):
            raise UsageError(f"There are {len(self._array)} labels for {samples} samples.")


class _Gathered:
    """The running numbers of one layer."""

    def __init__(self, path: str, top: int, classes: int | None) -> None:
        self._path = path
        self._top = top
        self._classes = classes
        self._samples = 0

    def _begin(self, channels: int) -> None:
        self._count = np.zeros(channels)
        self._mean = np.zeros(channels)
        self._squares = np.zeros(channels)
        self._zeros = np.zeros(channels)
        self._largest = np.full(channels, -np.inf)
        self._smallest = np.full(channels, np.inf)
        self._nonfinite = 0
        self._top_samples = np.zeros((0, channels), np.int64)
        self._top_values = np.zeros((0, channels))
        shape = (self._classes or 0, channels)
        self._class_sums, self._class_counts = np.zeros(shape), np.zeros(shape)
        self._kept: list[tuple[int, npt.NDArray[np.float32]]] = []
        self._every = 1

    def add(self, values: Array, present: Flags, labels: Whole | None) -> None:
        """Takes in one batch.

        Args:
            values: (samples, positions, channels).
            present: (samples or 1, positions), False for padding, which counts nowhere.
            labels: (samples,).
        """
        if not self._samples:
            self._begin(values.shape[-1])
        there = values.shape[-1] * np.broadcast_to(present, values.shape[:2]).sum()
        if not present.all():
            values = np.where(present[..., None], values, np.nan)
        finite: Tensor = np.isfinite(values)
        low = high = clean = values
        if finite.all():
            finite = True
            counts = np.full((len(values), values.shape[-1]), values.shape[1], np.float64)
        else:
            clean = np.where(finite, values, 0)
            low, high = np.where(finite, values, np.inf), np.where(finite, values, -np.inf)
            counts = finite.sum(1, dtype=np.float64)
        sums = clean.sum(1, dtype=np.float64)
        self._merge(clean, finite, counts.sum(0), sums.sum(0))
        self._zeros += (values == 0).sum((0, 1))
        self._nonfinite += int(there - counts.sum())
        peaks = high.max(1, initial=-np.inf)
        self._largest = np.maximum(self._largest, peaks.max(0))
        self._smallest = np.minimum(self._smallest, low.min((0, 1), initial=np.inf))
        self._rank(peaks)
        if labels is not None:
            known = labels >= 0
            np.add.at(self._class_sums, labels[known], sums[known])
            np.add.at(self._class_counts, labels[known], counts[known])
        self._keep(values)
        self._samples += len(values)

    def _merge(self, clean: Array, finite: Tensor, count: Doubles, total: Doubles) -> None:
        """Mean and squared deviations of old and new values together."""
        mean = total / np.maximum(count, 1)
        squares = np.zeros_like(mean)
        for number, sample in enumerate(clean):  # one at a time stays in the processor's cache
            apart = sample - mean
            if finite is not True:
                apart *= finite[number]
            squares += np.einsum("pc,pc->c", apart, apart)
        both = np.maximum(self._count + count, 1)
        step = mean - self._mean
        self._squares += squares + step**2 * self._count * count / both
        self._mean += step * count / both
        self._count += count

    def _rank(self, peaks: Array) -> None:
        """Puts the new samples among the best so far, behind earlier ones of the same value."""
        numbers = np.broadcast_to(np.arange(len(peaks))[:, None] + self._samples, peaks.shape)
        samples = np.concatenate([self._top_samples, numbers])
        values = np.concatenate([self._top_values, peaks])
        order = np.argsort(-values, 0, kind="stable")[: self._top]
        self._top_samples = np.take_along_axis(samples, order, 0)
        self._top_values = np.take_along_axis(values, order, 0)

    def _keep(self, values: Array) -> None:
        """Keeps some positions of every sample whose number is a multiple of `_every`."""
        positions, channels = values.shape[1:]
        each = min(positions, _PER_SAMPLE)
        most = max(_VALUES_KEPT // channels, 2048) // max(each, 1)
        for row, sample in enumerate(values):
            number = self._samples + row
            if number % self._every:
                continue
            spots = (np.arange(each) * positions // max(each, 1) + number * 7919) % max(positions, 1)
            self._kept.append((number, sample[spots].astype(np.float32)))
            if len(self._kept) > most:
                self._every *= 2
                self._kept = [kept for kept in self._kept if kept[0] % self._every == 0]

    def result(self) -> ChannelStatistics:
        """The statistics of all batches so far."""
        none = self._count == 0

        def known(values: Doubles) -> Doubles:
            return np.where(none, np.nan, values)

        count = np.maximum(self._count, 1)
        constant = (self._largest == self._smallest) & ((self._count > 1) | (self._largest == 0))
        means = None
        if self._classes is not None:
            seen = self._class_counts > 0
            means = np.where(seen, self._class_sums / np.where(seen, self._class_counts, 1), np.nan)
        finite_tops = np.isfinite(self._top_values)
        return ChannelStatistics(
            path=self._path,
            samples=self._samples,
            mean=known(self._mean),
            spread=known(np.sqrt(self._squares / count)),
            zeros=known(self._zeros / count),
            largest=known(self._largest),
            dead=constant,
            duplicates=_duplicates(np.concatenate([rows for _, rows in self._kept])),
            top_samples=self._top_samples.T.copy(),
            top_values=np.where(finite_tops, self._top_values, np.nan).T.copy(),
            class_means=means,
            nonfinite=self._nonfinite,
        )


def _duplicates(rows: npt.NDArray[np.float32]) -> tuple[tuple[int, int, float], ...]:
    """Each channel with the first before it that it correlates with; rows are (observations, channels)."""
    usable = np.isfinite(rows)
    rows = rows[usable.mean(1) > 0.5]
    moving = np.isfinite(rows).all(0)
    rows = np.where(moving, rows, 0)
    if len(rows) < _FEWEST_MOVES:
        return ()
    moving &= (rows != np.median(rows, 0)).sum(0) >= _FEWEST_MOVES
    centered = rows - rows.mean(0, dtype=np.float64)
    lengths = np.sqrt((centered**2).sum(0))
    moving &= lengths > 0
    unit = centered / np.where(moving, lengths, np.inf)
    alike = np.triu(unit.T @ unit, 1)
    repeats = np.flatnonzero((alike > _ALIKE).any(0))
    firsts = (alike[:, repeats] > _ALIKE).argmax(0)
    return tuple(
        (int(first), int(repeat), min(float(alike[first, repeat]), 1.0))
        for first, repeat in zip(firsts, repeats, strict=True)
    )
