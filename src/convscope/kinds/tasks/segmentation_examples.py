"""What a segmentation learns from: windows of samples with the class of each position, changed at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from convscope.data.masks import VOID, Classes, Mask, counts_of
from convscope.engine.training.batches import Batch
from convscope.kinds.contract.recipe import ExampleContext
from convscope.kinds.tasks.segmentation_grids import (
    MEMORY_LIMIT,
    ChangePair,
    GridRepresentation,
    Grids,
    Shape,
    grids_of,
    padded,
    positions_of_window,
    window_at,
    window_starts,
)
from convscope.types import Array

ON_A_CLASS = 1 / 3
"""Share of the windows of a training that are put on a class drawn among those of the sample."""
MOST_WINDOWS = 16
"""Windows of one sample in an epoch at most."""


@dataclass(frozen=True, eq=False)
class SegmentationExamples:
    """Windows of samples with their masks.

    Args:
        grids: The samples.
        masks: On the same grid; None where each is read when it is asked for.
        labels: The masks as they were read.
        weights: Of each class, shape (classes,), float32.
        windows: The sample of each window, and where it begins in an evaluation.
        augment: Random changes to windows and their masks.
    """

    grids: Grids
    labels: Sequence[Mask]
    weights: npt.NDArray[np.float32]
    windows: Sequence[tuple[int, Shape]]
    masks: Sequence[Classes] | None = field(default=None, repr=False)
    augment: ChangePair | None = None

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def lengths(self) -> None:
        """All windows are alike."""

    def batch(self, indices: npt.NDArray[np.int64], rng: np.random.Generator | None) -> Batch:
        """(inputs, weights of classes at their positions, zero where another class or none is)."""
        chosen = [self.windows[index] for index in indices.tolist()]
        parts = [self._part(index, start, rng) for index, start in chosen]
        pair = np.stack([values for values, _ in parts]), np.stack([classes for _, classes in parts])
        if self.augment is not None and rng is not None:
            pair = self.augment(pair, rng)
        table = np.zeros((256, len(self.weights)), np.float32)
        table[np.arange(len(self.weights)), np.arange(len(self.weights))] = self.weights
        return self.grids.representation.to_inputs(pair[0]), table[pair[1]]

    def _part(self, index: int, start: Shape, rng: np.random.Generator | None) -> tuple[Array, Classes]:
        """One window with its mask; in a training anywhere in the sample."""
        window = positions_of_window(self.grids.representation)
        grid = padded(self.grids.grid(index), window)
        classes = padded(self._mask(index), window, VOID)
        if rng is not None and grid.shape[:-1] != window:
            start = _drawn(classes, window, rng)
        place = window_at(start, window)
        return grid[place], classes[place]

    def _mask(self, index: int) -> Classes:
        if self.masks is not None:
            return self.masks[index]
        represent = self.grids.representation
        return represent.mask_on_grid(self.grids.samples.load(index), self.labels[index].load())


def _drawn(classes: Classes, window: Shape, rng: np.random.Generator) -> Shape:
    """Where a window begins: anywhere, or around a position of one of the classes that are there."""
    room = np.array(classes.shape, np.int64) - np.array(window, np.int64)
    if rng.random() < ON_A_CLASS:
        there = np.unique(classes)
        there = there[there != VOID]
        if len(there):
            places = np.flatnonzero(classes.ravel() == rng.choice(there))
            middle = np.array(np.unravel_index(int(rng.choice(places)), classes.shape))
            shifts = rng.integers(0, np.array(window, np.int64))
            return tuple(np.clip(middle - shifts, 0, room).tolist())
    return tuple(rng.integers(0, room + 1).tolist())


def segmentation_examples(context: ExampleContext[GridRepresentation]) -> SegmentationExamples:
    """Windows of the samples of a split: in a training as many as cover each, anywhere; else those."""
    represent, split = context.representation, context.split
    grids = grids_of(represent, split.samples, context.progress, MEMORY_LIMIT)
    labels: list[Mask] = split.labels.tolist()
    masks = None
    if grids.held is not None:
        masks = [represent.mask_on_grid(split.samples.load(i), mask.load()) for i, mask in enumerate(labels)]
    window = positions_of_window(represent)
    windows: list[tuple[int, Shape]] = []
    for index in range(len(grids)):
        sides = grids.grid(index).shape[:-1]
        larger = tuple(max(side, wide) for side, wide in zip(sides, window, strict=True))
        starts = window_starts(larger, window, overlap=0.0)
        windows += [(index, start) for start in starts[: MOST_WINDOWS if context.training else None]]
    classes = len(context.class_names)
    weights = np.ones(classes, np.float32)
    if context.settings.class_weights and context.training:
        weights = balanced(labels, classes)
    augment = context.augment if context.training else None
    return SegmentationExamples(grids, labels, weights, windows, masks, augment)


def balanced(masks: Sequence[Mask], classes: int) -> npt.NDArray[np.float32]:
    """Weights of classes that fall with the logarithm of their share of the positions, with mean 1.

    They are those of ENet (Paszke et al. 2016), 1 / ln(1.02 + share): rare classes count more, without the
    factor of thousands that the inverse share gives.
    """
    totals = counts_of(masks, classes).sum(axis=0).astype(np.float64)
    shares = totals / max(totals.sum(), 1)
    weights = 1 / np.log(1.02 + shares)
    return np.asarray(weights / weights.mean(), np.float32)
