"""Scans and their masks on voxels of one spacing, of which a model takes windows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from convscope.data.masks import Classes
from convscope.data.splits import Samples, Split
from convscope.errors import UsageError
from convscope.json_values import Plain
from convscope.kinds.contract.representation import Encoded
from convscope.kinds.tasks.segmentation_grids import Shape, Slab
from convscope.kinds.tasks.segmentation_windows import encoded
from convscope.kinds.volume.representation import (
    VolumeDescription,
    VolumeRepresentation,
    as_volumes,
    fit_representation,
    in_voxels,
)
from convscope.kinds.volume.resampling import resampled, resampled_shape, resampled_slabs
from convscope.kinds.volume.volume import Volume
from convscope.types import Progress, no_progress

MOST_VOXELS = 56**3
"""Voxels of a window that has to be chosen, at most."""
STEP = 8
"""Windows have a multiple of so many voxels along each axis."""


@dataclass(frozen=True)
class MaskedVolumeRepresentation(Plain):
    """The spacing and the intensities that every scan is brought to, and the windows that a model takes.

    Args:
        grid: Spacing and intensities; its size is that of the windows.

    Raises:
        UsageError: A window is smaller than 4 voxels along an axis.
    """

    _WHAT = "representation of volumes with masks"
    _KEPT: ClassVar = {"kind": "volume masks", "version": 1}

    grid: VolumeRepresentation

    def __post_init__(self) -> None:
        if min(self.grid.size) < 4:
            raise UsageError(f"windows need at least 4 voxels along each axis. Received: {self.grid.size}.")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(x, y, z, channels) of a window, the input shape of a model."""
        return self.grid.shape

    @property
    def sizes(self) -> dict[str, int]:
        """Nothing but the shape."""
        return {}

    @property
    def compact(self) -> type[np.generic]:
        """Scans that are resampled have fractions."""
        return np.float32

    def sides(self, samples: Samples, index: int) -> Shape:
        """Voxels of a scan of the spacing along x, y and z."""
        facts = getattr(samples, "facts", None)
        fact = facts[index] if facts else samples.load(index)
        return resampled_shape(fact.shape, fact.spacing, self.grid.spacing)

    def on_grid(self, sample: Volume) -> npt.NDArray[Any]:
        """A scan on voxels of the spacing, of a size of its own."""
        return self.grid.on_grid(sample)

    def mask_on_grid(self, sample: Volume, classes: Classes) -> Classes:
        """Its mask on the same voxels; each has the class of the nearest one."""
        return np.asarray(resampled(classes, sample.spacing, self.grid.spacing, nearest=True))

    def from_grid(self, sample: Volume, slabs: Iterator[Slab]) -> Iterator[Slab]:
        """Probabilities at the voxels of the scan itself, interpolated."""
        lengths = resampled_shape(sample.shape, sample.spacing, self.grid.spacing)
        return resampled_slabs(slabs, lengths, sample.shape)

    def encode(self, samples: Any, limit_bytes: int = 0, progress: Progress = no_progress) -> Encoded:
        """Scans on the grid; taken as inputs, the windows in their middle."""
        return encoded(self, samples, progress)

    def to_inputs(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Windows as float32."""
        return self.grid.to_inputs(values)

    def describe(self, sample: Volume, start: Shape | None = None) -> VolumeDescription:
        """The spacing, whether left and right are known, and where the window lies in the scan."""
        return self.grid.describe(sample, start)

    def example(self, count: int) -> npt.NDArray[np.float32]:
        """So many windows of noise."""
        return self.grid.example(count)


def fit_windows(
    train: Split, block: Sequence[int] | None = None, spacing: Sequence[float] | None = None
) -> tuple[MaskedVolumeRepresentation, Sequence[str]]:
    """Chooses spacing, intensities and windows from the train split.

    Args:
        train: The train split.
        block: Voxels of a window along x, y and z, where the user gives them.
        spacing: Size of a voxel in mm, where the user gives it.

    Raises:
        UsageError, DataError: As `fit_representation`.
    """
    facts = as_volumes(train).facts
    given = None if block is None else tuple(block)
    target = spacing
    if target is None and facts:
        target = np.median([fact.spacing for fact in facts], axis=0).tolist()
    chosen = given
    why = "as given"
    if chosen is None and facts and target is not None:
        shapes = np.array([resampled_shape(fact.shape, fact.spacing, target) for fact in facts])
        chosen, why = _window(np.median(shapes, axis=0), shapes.max(axis=0))
    grid, lines = fit_representation(train, voxels=chosen, spacing=spacing)
    kept = [line for line in lines if not line.startswith("size: ")]
    said = f"window: the model takes {in_voxels(grid.size)} voxels at a time, {why}"
    return MaskedVolumeRepresentation(grid), (*kept, said)


def _window(median: npt.NDArray[np.float64], largest: npt.NDArray[np.int64]) -> tuple[tuple[int, ...], str]:
    """The median size in whole steps, made smaller along its longest axis while it is too large."""
    sides = [max(STEP, STEP * math.ceil(float(side) / STEP)) for side in median]
    shrunk = False
    while math.prod(sides) > MOST_VOXELS and max(sides) > STEP:
        sides[int(np.argmax(sides))] -= STEP
        shrunk = True
    size = f"{in_voxels([int(side) for side in median])} is the median of the train volumes"
    why = f"because {size}" + (f" and more than {MOST_VOXELS:,} voxels" if shrunk else "")
    if any(large > side for large, side in zip(largest.tolist(), sides, strict=True)):
        why += "; larger volumes are seen in overlapping windows"
    return tuple(sides), why
