"""What a segmentation learns from: windows of samples with the class of each position, changed at random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from convscope.data.masks import VOID, Classes, Mask, counts_of, object_classes
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
    stored,
    window_starts,
)
from convscope.types import Array

ON_A_CLASS = 1 / 3
"""Share of the windows of a training that are put on a class drawn among those of the sample, of which the
background is none (Isensee et al. 2021, "nnU-Net")."""
PLACES = 500
"""Positions of each class of a sample at most that such windows are put on."""
BATCHES = (2, 16)
"""Fewest and most windows of a step that is suggested."""
EPOCHS = (30, 300)
MOST_WINDOWS = 16
"""Windows of one sample in an epoch at most."""

Places = list[npt.NDArray[np.int64]]
"""Positions in a flattened mask, of each class by itself."""


@dataclass(frozen=True, eq=False)
class SegmentationExamples:
    """Windows of samples with their masks.

    Args:
        grids: The samples.
        masks: On the same grid; None where each is read when it is asked for.
        labels: The masks as they were read.
        weights: Of each class, shape (classes,), float32.
        windows: The sample of each window, and where it begins in an evaluation.
        places: Of each sample that is larger than a window, some positions of each class but the background.
        augment: Random changes to windows and their masks.
    """

    grids: Grids
    labels: Sequence[Mask]
    weights: npt.NDArray[np.float32]
    windows: Sequence[tuple[int, Shape]]
    masks: Sequence[Classes] | None = field(default=None, repr=False)
    places: Sequence[Places] = field(default=(), repr=False)
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
        grid, classes = self.grids.grid(index), self._mask(index)
        if rng is not None and grid.shape[:-1] != window:
            start = _drawn(grid.shape[:-1], self.places[index], window, rng)
        inside = tuple(
            slice(at, at + min(side, wide)) for at, side, wide in zip(start, grid.shape, window, strict=False)
        )
        return padded(grid[inside], window), padded(classes[inside], window, VOID)

    def _mask(self, index: int) -> Classes:
        if self.masks is not None:
            return self.masks[index]
        represent = self.grids.representation
        return represent.mask_on_grid(self.grids.samples.load(index), self.labels[index].load())


def _drawn(sides: Shape, places: Places, window: Shape, rng: np.random.Generator) -> Shape:
    """Where a window begins: anywhere, or around a position of one of the classes that are there."""
    room = np.maximum(np.array(sides) - np.array(window), 0)
    if len(places) and rng.random() < ON_A_CLASS:
        middle = np.array(np.unravel_index(int(rng.choice(places[rng.integers(len(places))])), sides))
        return tuple(np.clip(middle - rng.integers(0, np.array(window)), 0, room).tolist())
    return tuple(rng.integers(0, room + 1).tolist())


def _places(classes: Classes, wanted: npt.NDArray[np.int64], rng: np.random.Generator) -> Places:
    """Some positions of each class that is wanted and there, as places in the flattened mask."""
    found = []
    for k in wanted.tolist():
        there = np.flatnonzero(classes == k)
        if len(there):
            found.append(rng.choice(there, min(PLACES, len(there)), replace=False))
    return found


def windows_of(sides: Shape, window: Shape) -> list[Shape]:
    """Where windows begin that cover a sample once, also of one that is smaller."""
    larger = tuple(max(side, wide) for side, wide in zip(sides, window, strict=True))
    return window_starts(larger, window, overlap=0.0)


def segmentation_examples(context: ExampleContext[GridRepresentation]) -> SegmentationExamples:
    """Windows of the samples of a split: in a training as many as cover each, anywhere; else those."""
    represent, split = context.representation, context.split
    grids = grids_of(represent, split.samples, context.progress, MEMORY_LIMIT)
    labels: list[Mask] = split.labels.tolist()

    def mask(index: int) -> Classes:
        return represent.mask_on_grid(split.samples.load(index), labels[index].load())

    masks: Sequence[Classes] | None
    if grids.held is None:
        grids, masks = stored(grids, mask, context.progress)
    else:
        masks = [mask(index) for index in range(len(grids))]
    window = positions_of_window(represent)
    windows: list[tuple[int, Shape]] = []
    places: list[Places] = []
    rng, wanted = np.random.default_rng(context.settings.seed), object_classes(context.class_names)
    for index in range(len(grids)):
        sides = grids.grid(index).shape[:-1]
        starts = windows_of(sides, window)
        windows += [(index, start) for start in starts[: MOST_WINDOWS if context.training else None]]
        if context.training:
            classes = mask(index) if masks is None else masks[index]
            places.append(_places(classes, wanted, rng) if len(starts) > 1 else [])
    weights = np.ones(len(context.class_names), np.float32)
    if context.settings.class_weights and context.training:
        weights = balanced(labels, len(weights))
    augment = context.augment if context.training else None
    return SegmentationExamples(grids, labels, weights, windows, masks, places, augment)


def balanced(masks: Sequence[Mask], classes: int) -> npt.NDArray[np.float32]:
    """Weights of classes that fall with the logarithm of their share of the positions, with mean 1.

    They are those of ENet (Paszke et al. 2016), 1 / ln(1.02 + share): rare classes count more, without the
    factor of thousands that the inverse share gives.
    """
    totals = counts_of(masks, classes).sum(axis=0).astype(np.float64)
    shares = totals / max(totals.sum(), 1)
    weights = 1 / np.log(1.02 + shares)
    return np.asarray(weights / weights.mean(), np.float32)


def suited(sides: Sequence[Shape], window: Shape, learned: float, step: int) -> dict[str, tuple[int, str]]:
    """Epochs and batches by which as many positions are learned from, however much data there is.

    Args:
        sides: Positions of each train sample along each axis.
        window: Of what a model takes.
        learned: Positions to learn from, counted as often as they are seen.
        step: Positions of a batch.

    Returns:
        Each with its reason.
    """
    positions = math.prod(window)
    windows = sum(min(len(windows_of(each, window)), MOST_WINDOWS) for each in sides)
    batch = int(np.clip(round(step / positions), *BATCHES))
    epochs = int(np.clip(math.ceil(learned / max(windows * positions, 1)), *EPOCHS))
    size = "x".join(map(str, window))
    return {
        "batch_size": (
            batch,
            f"so that a step sees about {batch * positions:,} positions in windows of {size}",
        ),
        "epochs": (epochs, f"because one has {windows:,} windows of {len(sides)} train samples"),
    }
