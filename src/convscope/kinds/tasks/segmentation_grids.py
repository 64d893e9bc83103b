"""Samples on the grid that a model works on, and the windows of it that the model takes at a time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice, product
from shutil import disk_usage
from tempfile import TemporaryFile
from typing import Any, Protocol, TypeAlias

import keras
import numpy as np
import numpy.typing as npt

from convscope.data.kept import large_files
from convscope.data.masks import Classes
from convscope.data.splits import Samples
from convscope.data.threads import loading_pool
from convscope.engine.inference.infer import predict_batches
from convscope.kinds.contract.representation import AnyRepresentation, SampleDescription
from convscope.types import Array, Progress, no_progress

MEMORY_LIMIT = 768 * 2**20
"""Samples that take less than this are kept in memory, in bytes."""
OVERLAP = 0.5
"""Share of a window that the next one sees again."""
SIGMA = 1 / 8
"""Standard deviation of the weights of a window's positions, as a share of its side."""
BATCH_POSITIONS = 2**19
"""Positions that are predicted at a time."""

Sample: TypeAlias = Any
"""A raw sample of any kind."""
Slab = npt.NDArray[np.float32]
"""Probabilities of some positions along the first axis, shape (some, positions..., classes)."""
Shape = tuple[int, ...]
Window = tuple[slice, ...]
MaskedPair = tuple[Array, Classes]
ChangePair = Callable[[MaskedPair, np.random.Generator], MaskedPair]
"""Random changes of inputs and their masks together, both with the samples along the first axis."""


class GridRepresentation(AnyRepresentation, Protocol):
    """Brings samples to a grid, of which a model takes windows of its own shape, and answers back."""

    @property
    def compact(self) -> type[np.generic]:
        """The type of numbers that all samples on the grid can have."""

    def sides(self, samples: Samples, index: int) -> Shape:
        """Positions of a sample on the grid along each axis, as far as known without reading it."""

    def on_grid(self, sample: Sample) -> Array:
        """A sample on the grid, compact, shape (positions..., channels)."""

    def mask_on_grid(self, sample: Sample, classes: Classes) -> Classes:
        """The mask of a sample on the same grid, shape (positions...)."""

    def describe(self, sample: Sample, start: Shape | None = None) -> SampleDescription:
        """What is needed to draw a window of a sample: that which begins there, or the one in the middle."""

    def from_grid(self, sample: Sample, slabs: Iterator[Slab]) -> Iterator[Slab]:
        """Probabilities on the grid brought to the sample's own positions.

        Args:
            sample: The sample.
            slabs: Parts along the first axis in turn, shape (some, positions..., classes).

        Yields:
            Parts of the same kind.
        """


@dataclass(frozen=True, eq=False)
class Grids:
    """The samples of a split on the grid, in memory where they fit.

    Args:
        representation: Brings samples to the grid.
        samples: The samples.
        held: All on the grid; None where each is made when it is asked for.
    """

    representation: GridRepresentation
    samples: Samples
    held: Sequence[Array] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.samples)

    def grid(self, index: int) -> Array:
        """One sample on the grid, shape (positions..., channels)."""
        if self.held is not None:
            return self.held[index]
        return self.representation.on_grid(self.samples.load(index))

    def take(self, indices: npt.NDArray[np.int64]) -> Array:
        """The window in the middle of each sample, stacked."""
        window = positions_of_window(self.representation)
        middle = []
        for index in indices.tolist():
            grid = padded(self.grid(index), window)
            starts = [(side - wide) // 2 for side, wide in zip(grid.shape, window, strict=False)]
            middle.append(grid[window_at(starts, window)])
        return np.stack(middle).astype(self.representation.compact, copy=False)


def grids_of(
    representation: GridRepresentation,
    samples: Samples,
    progress: Progress = no_progress,
    limit_bytes: int = MEMORY_LIMIT,
) -> Grids:
    """Samples on the grid, made once where all of them take no more memory than a limit."""
    made: list[Array] = []
    used, count = 0, len(samples)
    with loading_pool() as pool:
        waiting: deque[Future[Array]] = deque()
        following = iter(range(count))
        for index in following:
            waiting.append(pool.submit(lambda i: representation.on_grid(samples.load(i)), index))
            if len(waiting) < 16 and index + 1 < count:
                continue
            while waiting and (index + 1 == count or len(waiting) >= 16):
                made.append(waiting.popleft().result())
                used += made[-1].nbytes
            progress(len(made), count, "reading samples")
            if used > limit_bytes or used / len(made) * count > limit_bytes:
                for each in waiting:
                    each.cancel()
                return Grids(representation, samples)
    return Grids(representation, samples, made)


def stored(
    grids: Grids, masks: Callable[[int], Classes], progress: Progress = no_progress
) -> tuple[Grids, Sequence[Classes] | None]:
    """Samples on the grid and their masks in a temporary file, of which windows are read at a time.

    A scan that had to be decoded and resampled for each of its windows would take seconds a window. The file
    lies in `large_files()` and is gone when the process ends.

    Args:
        grids: Of which none are in memory.
        masks: From the number of a sample to its mask on the grid.
        progress: Receives the number of samples that are stored.

    Returns:
        The same without masks where there is not so much room on the disk.
    """
    places: list[tuple[np.dtype[Any], tuple[int, ...], int]] = []
    with TemporaryFile(dir=large_files()) as file:
        for index in range(len(grids)):
            for values in (grids.grid(index), masks(index)):
                room = disk_usage(large_files()).free - values.nbytes * 2 * (len(grids) - index)
                if room < 0:
                    return grids, None
                file.write(bytes(-file.tell() % 64))
                places.append((values.dtype, values.shape, file.tell()))
                file.write(np.ascontiguousarray(values).data)
            progress(index + 1, len(grids), "storing samples")
        file.flush()
        whole = np.memmap(file, np.uint8, "r")
    arrays = [np.ndarray(shape, kind, whole, start) for kind, shape, start in places]
    return Grids(grids.representation, grids.samples, arrays[::2]), arrays[1::2]


def window_at(starts: Sequence[int], window: Shape) -> Window:
    """The part of a grid that begins there."""
    return tuple(slice(start, start + wide) for start, wide in zip(starts, window, strict=True))


def padded(grid: Array, window: Shape, value: int | None = None) -> Array:
    """A grid that is at least as large as a window, with its border repeated, or with a value around it."""
    lacking = [max(0, wide - side) for side, wide in zip(grid.shape, window, strict=False)]
    if not any(lacking):
        return grid
    around = [(more // 2, more - more // 2) for more in lacking]
    around += [(0, 0)] * (grid.ndim - len(around))
    if value is None:
        return np.pad(grid, around, mode="edge")
    return np.pad(grid, around, constant_values=value)


def window_starts(sides: Shape, window: Shape, overlap: float = OVERLAP) -> list[Shape]:
    """Where windows begin that cover a grid of at least the window's size, evenly along each axis.

    Example:
        >>> window_starts((10, 4), (4, 4))
        [(0, 0), (2, 0), (4, 0), (6, 0)]
    """
    along = []
    for side, wide in zip(sides, window, strict=True):
        count = 1 + math.ceil((side - wide) / max(1, round(wide * (1 - overlap))))
        along.append(np.linspace(0, side - wide, count).round().astype(int).tolist())
    return list(product(*along))


def gaussian(window: Shape) -> npt.NDArray[np.float32]:
    """Weights of the positions of a window, largest in its middle, shape of the window."""
    weights = np.ones((), np.float64)
    for side in window:
        places = np.arange(side) - (side - 1) / 2
        weights = weights[..., None] * np.exp(-0.5 * (places / max(side * SIGMA, 0.5)) ** 2)
    return np.asarray(np.maximum(weights / weights.max(), 1e-3), np.float32)


@dataclass(frozen=True)
class MirrorView:
    """A batch mirrored along an axis of its positions; answers for it are mirrored back.

    Args:
        axis: Of the batch, from 1.
    """

    axis: int

    def __call__(self, values: Array) -> Array:
        """The batch, mirrored."""
        return np.flip(values, self.axis)


def predict_grids(
    model: keras.Model, grids: Grids, views: Sequence[MirrorView] = (), progress: Progress = no_progress
) -> Iterator[Iterator[Slab]]:
    """Probabilities of each sample at each position of the grid, one sample after another, in slabs.

    Overlapping windows are averaged with weights that fall towards their borders; each window is the mean of
    itself and its mirrored views. A slab is given as soon as no window to come reaches it, so that no more
    of a sample is in memory than a window is long.

    Args:
        model: Takes windows.
        grids: The samples.
        views: How windows are seen besides.
        progress: Receives the number of samples that are done; of a single one, that of its windows.

    Yields:
        The slabs of a sample along the first axis, to be taken before those of the next one.
    """
    represent, window = grids.representation, positions_of_window(grids.representation)
    weights, size = gaussian(window), max(1, BATCH_POSITIONS // math.prod(window))
    waiting: deque[tuple[Shape, list[Shape], Shape]] = deque()

    def windows() -> Iterator[Array]:
        for index in range(len(grids)):
            own = grids.grid(index)
            grid = padded(own, window)
            starts = window_starts(grid.shape[:-1], window)
            waiting.append((grid.shape[:-1], starts, own.shape[:-1]))
            for start in starts:
                yield grid[window_at(start, window)]

    answers = answered_windows(model, represent, windows(), size, views)
    with closing(answers):
        for done in range(1, len(grids) + 1):
            first = next(answers)  # the windows of a sample are queued before their answers come
            sides, starts, own = waiting.popleft()
            parts = [answers] if len(grids) > 1 else [_counted(answers, len(starts), progress)]
            slabs = iter([first]) if len(starts) == 1 else _blended(first, parts[0], starts, sides, weights)
            yield _cut(slabs, sides, own)
            progress(done, len(grids), "predicting")


def _counted(answers: Iterator[Array], count: int, progress: Progress) -> Iterator[Array]:
    for done, answer in enumerate(answers, 2):
        progress(done, count, "predicting windows")
        yield answer


def _cut(slabs: Iterator[Slab], sides: Shape, own: Shape) -> Iterator[Slab]:
    """What lies within a sample that was padded."""
    before = [(side - kept) // 2 for side, kept in zip(sides, own, strict=True)]
    inside = tuple(slice(skip, skip + kept) for skip, kept in zip(before, own, strict=True))[1:]
    at = 0
    for slab in slabs:
        first, behind = max(before[0] - at, 0), min(before[0] + own[0] - at, len(slab))
        at += len(slab)
        if behind > first:
            yield slab[(slice(first, behind), *inside)]


def _blended(
    first: Array, answers: Iterator[Array], starts: Sequence[Shape], sides: Shape, weights: Array
) -> Iterator[Slab]:
    """The weighted mean of overlapping windows, which begin in the order of the first axis."""
    window = weights.shape
    total = np.zeros((window[0], *sides[1:], first.shape[-1]), np.float32)
    seen = np.zeros((window[0], *sides[1:], 1), np.float32)
    at = 0
    for number, start in enumerate(starts):
        done = start[0] - at
        if done:
            yield np.asarray(total[:done] / seen[:done], np.float32)
            for array in (total, seen):
                array[:-done] = array[done:]
                array[-done:] = 0
            at = start[0]
        answer = first if number == 0 else next(answers)
        place = (slice(None), *window_at(start[1:], window[1:]))
        total[place] += answer * weights[..., None]
        seen[place] += weights[..., None]
    yield np.asarray(total / seen, np.float32)


def answered_windows(
    model: keras.Model,
    represent: AnyRepresentation,
    windows: Iterator[Array],
    size: int,
    views: Sequence[MirrorView],
) -> Generator[npt.NDArray[np.float32], None, None]:
    """The probabilities of each window, in batches of one size."""
    counts: deque[int] = deque()

    def batches() -> Iterator[Array]:
        wide = 0
        while chunk := list(islice(windows, size)):
            wide = wide or len(chunk)
            counts.append(len(chunk))
            filled = np.stack([*chunk, *[chunk[-1]] * (wide - len(chunk))])
            for view in (None, *views):
                yield np.ascontiguousarray(represent.to_inputs(filled if view is None else view(filled)))

    with closing(predict_batches(model, batches())) as predicted:
        while (found := next(predicted, None)) is not None:
            mean = np.asarray(found[0], np.float32)
            for view in views:
                mean = mean + np.asarray(view(next(predicted)[0]), np.float32)
            if views:
                mean = mean / np.float32(1 + len(views))
            yield from mean[: counts.popleft()]


def positions_of_window(representation: AnyRepresentation) -> Shape:
    """Positions of a window along each axis."""
    return tuple(int(side or 1) for side in representation.shape[:-1])
