"""The windows that cover samples on the grid, each as a sample of its own: features of parts of samples."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from convscope.data.masks import VOID, Classes, Mask, object_classes
from convscope.data.splits import Samples
from convscope.kinds.contract.representation import Encoded, SampleDescription
from convscope.kinds.tasks.segmentation_examples import windows_of
from convscope.kinds.tasks.segmentation_grids import (
    GridRepresentation,
    Grids,
    Sample,
    Shape,
    grids_of,
    padded,
    positions_of_window,
    window_at,
)
from convscope.types import Array, Progress, Skipped, no_progress

KEPT = 2
"""Samples on the grid that are kept while their windows are taken."""


@dataclass(frozen=True, eq=False)
class GridWindows:
    """Windows of samples, in the order of the samples.

    Args:
        representation: Brings samples to the grid.
        samples: The samples.
        places: The sample of each window, and where it begins on the grid.
        apart: Whether windows have names of their own, with their positions; else that of their sample.
    """

    representation: GridRepresentation
    samples: Samples
    places: Sequence[tuple[int, Shape]]
    apart: bool

    @classmethod
    def of(cls, representation: GridRepresentation, samples: Samples, apart: bool) -> GridWindows:
        """The fewest windows that cover each sample, evenly along each axis."""
        window = positions_of_window(representation)
        places = [
            (index, start)
            for index in range(len(samples))
            for start in windows_of(representation.sides(samples, index), window)
        ]
        return cls(representation, samples, places, apart)

    @property
    def belongs(self) -> npt.NDArray[np.int64]:
        """The number of the sample of each window, rising, shape (windows,)."""
        return np.array([index for index, _ in self.places], np.int64)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was found and left out."""
        return tuple(getattr(self.samples, "skipped", ()))

    def __len__(self) -> int:
        return len(self.places)

    def load(self, index: int) -> Sample:
        """The whole sample that a window is of."""
        return self.samples.load(self.places[index][0])

    def name(self, index: int) -> str:
        """The sample, and the positions of the window on the grid: first and last but one along each axis."""
        sample, start = self.places[index]
        if not self.apart:
            return self.samples.name(sample)
        wide = positions_of_window(self.representation)
        ends = ",".join(f"{at}:{at + side}" for at, side in zip(start, wide, strict=True))
        return f"{self.samples.name(sample)}[{ends}]"

    def take(self, indices: npt.NDArray[np.int64]) -> GridWindows:
        """Some of the windows, in that order."""
        chosen = [self.places[index] for index in indices.tolist()]
        return GridWindows(self.representation, self.samples, chosen, self.apart)


@dataclass(frozen=True, eq=False)
class EncodedWindows:
    """Windows on the grid, cut out when they are asked for."""

    windows: GridWindows
    _kept: OrderedDict[int, Array] = field(default_factory=OrderedDict, repr=False)
    _lock: Any = field(default_factory=Lock, repr=False)

    def __len__(self) -> int:
        return len(self.windows)

    def take(self, indices: npt.NDArray[np.int64]) -> Array:
        """Some windows, shape (windows, positions..., channels), of one type for all samples."""
        represent = self.windows.representation
        window, taken = positions_of_window(represent), []
        for at in indices.tolist():
            index, start = self.windows.places[at]
            taken.append(padded(self._grid(index), window)[window_at(start, window)])
        return np.stack(taken).astype(represent.compact, copy=False)

    def _grid(self, index: int) -> Array:
        with self._lock:
            grid = self._kept.get(index)
        if grid is None:
            windows = self.windows
            grid = windows.representation.on_grid(windows.samples.load(index))
            with self._lock:
                self._kept[index] = grid
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return grid


SHOWN_SIDES = 8
"""Samples whose sizes tell whether a window is all of them."""


@dataclass(frozen=True, eq=False)
class ShownWindows:
    """The windows of samples that are looked at, as `SampleParts` has it.

    Args:
        grids: The samples on the grid.
    """

    grids: Grids

    @property
    def window(self) -> Shape:
        """Positions of a window along each axis."""
        return positions_of_window(self.grids.representation)

    @property
    def notes(self) -> tuple[str, ...]:
        """Says that a window alone is shown of samples that are larger."""
        count = min(len(self.grids), SHOWN_SIDES)
        if all(len(self.starts(index)) == 1 for index in range(count)):
            return ()
        size = " x ".join(map(str, self.window))
        return (f"shown of each sample: the window of {size} in its middle, which positions count within",)

    def starts(self, index: int) -> list[Shape]:
        """Where the windows begin that cover a sample once."""
        return windows_of(self._sides(index), self.window)

    def middle(self, index: int) -> Shape:
        """Where the window in the middle begins."""
        sides = zip(self._sides(index), self.window, strict=True)
        return tuple(max(side - wide, 0) // 2 for side, wide in sides)

    def around(self, index: int, position: Sequence[int]) -> Shape:
        """Where the window begins that has a position in its middle, as far as the sample reaches."""
        each = zip(position, self._sides(index), self.window, strict=True)
        return tuple(min(max(at - wide // 2, 0), max(side - wide, 0)) for at, side, wide in each)

    def inputs(self, index: int, starts: Sequence[Shape]) -> Iterator[Array]:
        """Windows of a sample in turn, each as the model takes it."""
        represent = self.grids.representation
        grid = padded(self.grids.grid(index), self.window)
        for start in starts:
            part = grid[window_at(start, self.window)].astype(represent.compact, copy=False)
            yield represent.to_inputs(part)

    def describe(self, index: int, start: Shape) -> SampleDescription:
        """What is needed to draw a window; of a smaller sample it begins before it."""
        sides = zip(start, self._sides(index), self.window, strict=True)
        first = tuple(at - max(wide - side, 0) // 2 for at, side, wide in sides)
        return self.grids.representation.describe(self.grids.samples.load(index), first)

    def _sides(self, index: int) -> Shape:
        return self.grids.representation.sides(self.grids.samples, index)


def middle_of_mask(representation: GridRepresentation, sample: Sample, mask: Mask) -> Classes:
    """The classes of the window in the middle of a sample, `VOID` around one that is smaller.

    Args:
        representation: Brings samples to the grid.
        sample: The sample.
        mask: On its own positions.
    """
    window = positions_of_window(representation)
    grid = padded(representation.mask_on_grid(sample, mask.load()), window, VOID)
    starts = [(side - wide) // 2 for side, wide in zip(grid.shape, window, strict=True)]
    return np.asarray(grid[window_at(starts, window)])


def encoded(
    representation: GridRepresentation, samples: Samples, progress: Progress = no_progress
) -> Encoded:
    """Samples on the grid, of which inputs are the windows in their middle; or windows as they are."""
    if isinstance(samples, GridWindows):
        return EncodedWindows(samples)
    return grids_of(representation, samples, progress)


def cut_windows(representation: Any, samples: Samples, apart: bool) -> GridWindows:
    """The windows of samples, as `WindowSteps` has it."""
    return GridWindows.of(cast(GridRepresentation, representation), samples, apart)


def label_windows(
    windows: GridWindows, masks: Sequence[Mask], class_names: Sequence[str]
) -> npt.NDArray[np.int64]:
    """What is in each window: of the classes that are no background the one with the most positions.

    Args:
        windows: Of samples.
        masks: Of each sample.
        class_names: What the classes are called.

    Returns:
        Shape (windows,); the background, or else the most frequent class, where nothing else is there, and
        -1 where no class is known.
    """
    window, objects = positions_of_window(windows.representation), object_classes(class_names)
    labels = np.full(len(windows), -1, np.int64)
    at, classes = -1, np.zeros(0, np.uint8)
    for number, (index, start) in enumerate(windows.places):
        if index != at:
            at, sample = index, windows.samples.load(index)
            classes = windows.representation.mask_on_grid(sample, masks[index].load())
        ends = zip(start, classes.shape, window, strict=True)
        part = classes[tuple(slice(first, min(first + wide, side)) for first, side, wide in ends)]
        counts = np.bincount(part.ravel(), minlength=256)[: len(class_names)]
        wanted = objects if counts[objects].any() else np.arange(len(class_names))
        if counts.any():
            labels[number] = wanted[counts[wanted].argmax()]
    return labels
