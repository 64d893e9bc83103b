"""A volume in one canonical frame, and the exact way back to the grid of its file.

The axes of every volume are brought to the order and direction that come closest to right, anterior and
superior (RAS+) by exchanging and reversing axes alone. Nothing is interpolated, so that values written on the
grid of the file are those that were computed, voxel by voxel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError

Affine = npt.NDArray[np.float64]
"""Shape (4, 4): from the indices of a voxel to mm, towards right, anterior and superior."""

SIDES = ("LR", "PA", "IS")
"""Where each axis of a canonical volume begins and ends."""
SAME_AFFINE = 1e-3
"""Largest difference of two affines that are the same, in mm."""
MOST_BYTES = 16 * 2**30
"""What is read at once is at most this large in memory."""
UNKNOWN_SPACING = "spacing: 1 for each axis, because {form} holds none"


@dataclass(frozen=True, eq=False)
class Grid:
    """The grid that a volume was stored on.

    Args:
        shape: Voxels along each axis, as the file has them.
        affine: From these indices to mm.
        form: What the file is, such as `NIfTI`.
        spaced: Whether the file says how large a voxel is and how it lies; else the affine has nothing but
            the size of a voxel, which is 1 where that is not known either.
    """

    shape: tuple[int, int, int]
    affine: Affine
    form: str
    spaced: bool = True

    @cached_property
    def axes(self) -> tuple[int, int, int]:
        """Which axis of the file becomes each axis of the canonical volume."""
        if not self.spaced:
            return 0, 1, 2
        cosines = _nearest_rotation(self.affine[:3, :3])
        first, second, third = max(
            permutations(range(3)),
            key=lambda order: sum(abs(cosines[world, axis]) for world, axis in enumerate(order)),
        )
        return first, second, third

    @cached_property
    def reversed(self) -> tuple[bool, bool, bool]:
        """Whether each canonical axis runs against that of the file."""
        if not self.spaced:
            return False, False, False
        cosines = _nearest_rotation(self.affine[:3, :3])
        first, second, third = (bool(cosines[world, axis] < 0) for world, axis in enumerate(self.axes))
        return first, second, third

    @cached_property
    def orientation(self) -> str:
        """Where each axis of the file points, such as `LPS`; empty where that is not known.

        Example:
            >>> Grid((4, 4, 4), np.diag([-1.0, -1.0, 1.0, 1.0]), "NIfTI").orientation
            'LPS'
        """
        if not self.spaced:
            return ""
        letters = [""] * 3
        for world, (axis, turned) in enumerate(zip(self.axes, self.reversed, strict=True)):
            letters[axis] = SIDES[world][0 if turned else 1]
        return "".join(letters)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Size of a voxel along each axis of the file, in mm."""
        return spacing_of(self.affine)

    def to_canonical(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values on this grid, (i, j, k, ...), in the canonical order and direction."""
        turned = values.transpose(*self.axes, *range(3, values.ndim))
        return turned[self._steps]

    def from_canonical(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values in the canonical order and direction, (x, y, z, ...), on this grid: the exact way back."""
        turned = values[self._steps]
        back = np.argsort(self.axes).tolist()
        return turned.transpose(*back, *range(3, values.ndim))

    def canonical_affine(self) -> Affine:
        """The affine of the canonical volume."""
        change = np.zeros((4, 4))
        change[3, 3] = 1
        for to, (axis, turned) in enumerate(zip(self.axes, self.reversed, strict=True)):
            change[axis, to] = -1 if turned else 1
            change[axis, 3] = self.shape[axis] - 1 if turned else 0
        return self.affine @ change

    @property
    def _steps(self) -> tuple[slice, ...]:
        return tuple(slice(None, None, -1 if turned else 1) for turned in self.reversed)


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume in the canonical frame.

    Args:
        values: Shape (x, y, z, channels), towards right, anterior and superior; of any number type.
        affine: From the indices of a voxel to mm.
        name: What it is called.
        source: The grid of its file.
        notes: What its file says that should be known, one line each.
    """

    values: npt.NDArray[Any]
    affine: Affine
    name: str
    source: Grid
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def of(
        cls,
        values: npt.NDArray[Any],
        affine: Affine | None,
        name: str,
        form: str,
        notes: Sequence[str] = (),
        spacing: Sequence[float] = (1.0, 1.0, 1.0),
    ) -> Volume:
        """Brings values to the canonical frame.

        Args:
            values: Shape (i, j, k) or (i, j, k, channels).
            affine: From their indices to mm, towards right, anterior and superior; None where that is not
                known, so that axes stay as they are.
            name: What the volume is called.
            form: What its file is, such as `NIfTI`.
            notes: As above.
            spacing: Size of a voxel along each axis, in mm, where there is no affine.

        Raises:
            DataError: Values have other axes or no voxel, are no numbers, or the affine is none.
        """
        if values.ndim not in (3, 4) or not values.size:
            raise DataError(
                f"{name}: expected a volume of three axes and channels, received shape {values.shape}"
            )
        if values.dtype.kind not in "biuf":
            raise DataError(f"{name}: expected a volume of numbers, received {values.dtype}")
        with_channels = values if values.ndim == 4 else values[..., None]
        grid = Grid(
            (values.shape[0], values.shape[1], values.shape[2]),
            np.diag([*map(float, spacing), 1.0]) if affine is None else np.asarray(affine, np.float64),
            form,
            affine is not None,
        )
        _check_affine(name, grid.affine)
        return cls(grid.to_canonical(with_channels), grid.canonical_affine(), name, grid, tuple(notes))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along x, y and z."""
        return self.values.shape[0], self.values.shape[1], self.values.shape[2]

    @property
    def channels(self) -> int:
        """Values of each voxel."""
        return int(self.values.shape[3])

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Size of a voxel along x, y and z, in mm; 1 where it is not known."""
        return spacing_of(self.affine)

    @property
    def origin(self) -> tuple[float, float, float] | None:
        """Where the middle of the first voxel lies along x, y and z, in mm; None where that is not known."""
        return origin_of(self.affine) if self.source.spaced else None

    def on_source(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values of this volume's voxels, (x, y, z, ...), on the grid of its file, which has its affine."""
        if values.shape[:3] != self.shape:
            raise ValueError(f"values of shape {values.shape} are not on the grid of {self.shape}")
        return self.source.from_canonical(values)

    def with_values(self, values: npt.NDArray[Any]) -> Volume:
        """The same grid with other values, (x, y, z, channels)."""
        if values.shape[:3] != self.shape:
            raise ValueError(f"values of shape {values.shape} are not on the grid of {self.shape}")
        return replace(self, values=values)


def spacing_of(affine: Affine) -> tuple[float, float, float]:
    """Size of a voxel along each axis, in mm.

    Example:
        >>> spacing_of(np.diag([-2.0, 1.0, 3.0, 1.0]))
        (2.0, 1.0, 3.0)
    """
    first, second, third = np.sqrt(np.square(affine[:3, :3]).sum(axis=0)).tolist()
    return first, second, third


def origin_of(affine: Affine) -> tuple[float, float, float]:
    """Where the middle of the first voxel lies along the axes of a grid, in mm from the origin of its frame.

    Of axes that are turned, it is the place along each of them.

    Example:
        >>> affine = np.diag([2.0, 1.0, 3.0, 1.0])
        >>> affine[:3, 3] = -10, 5, 0
        >>> origin_of(affine)
        (-10.0, 5.0, 0.0)
    """
    directions = affine[:3, :3] / np.array(spacing_of(affine))
    first, second, third = (directions.T @ affine[:3, 3]).tolist()
    return first, second, third


def same_grid(one: Volume, other: Volume) -> str:
    """How the grids of two volumes differ, in words; empty where voxels lie at the same places.

    Args:
        one: A volume.
        other: Another, such as the mask of its labels.
    """
    if one.source.shape != other.source.shape:
        return f"{_sizes(one)} voxels against {_sizes(other)}"
    if not (one.source.spaced and other.source.spaced):
        return ""
    if not np.allclose(one.source.spacing, other.source.spacing, rtol=0, atol=SAME_AFFINE):
        mine, others = (" x ".join(f"{each:.4g}" for each in v.source.spacing) for v in (one, other))
        return f"voxels of {mine} mm against {others} mm"
    if one.source.orientation != other.source.orientation:
        return f"axes to {one.source.orientation} against {other.source.orientation}"
    corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)], float)
    corners[:, :3] *= np.array(one.source.shape) - 1
    apart = np.abs(corners @ (one.source.affine - other.source.affine).T).max()
    return f"places up to {apart:.3g} mm apart" if apart > SAME_AFFINE else ""


def _sizes(volume: Volume) -> str:
    return " x ".join(map(str, volume.source.shape))


def _nearest_rotation(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The orthogonal matrix nearest to the directions of the axes, by which a shear is shared out evenly."""
    left, _, right = np.linalg.svd(matrix / np.sqrt(np.square(matrix).sum(axis=0)))
    return np.asarray(left @ right)


def _check_affine(name: str, affine: Affine) -> None:
    """Refuses an affine that gives voxels no size.

    Raises:
        DataError: It is not finite, or a spacing is 0, or two axes have one direction.
    """
    if affine.shape != (4, 4) or not np.isfinite(affine).all():
        raise DataError(f"{name}: expected an affine of 4 x 4 finite numbers, received {affine.tolist()}")
    spacing = spacing_of(affine)
    if min(spacing) <= 0:
        shown = " x ".join(f"{each:g}" for each in spacing)
        raise DataError(
            f"{name}: expected voxels of a size above 0 mm, received {shown}",
            hint="Mend the header, such as nibabel's header.set_zooms.",
        )
    if abs(np.linalg.det(affine[:3, :3] / np.array(spacing))) < 1e-6:
        raise DataError(f"{name}: expected three directions of axes, received {affine[:3, :3].tolist()}")
