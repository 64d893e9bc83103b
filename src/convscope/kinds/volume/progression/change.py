"""What changed between two registered scans: a map of the intensities, and how much structures grew.

The volume of a structure is measured by the deformation that brings one scan to the other, integrated over
the structure: a fine change moves the whole boundary by less than a voxel, which no mask tells. Deformations
are found in both directions, in the space half of the way between the scans, and averaged, so that neither
scan is favored.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK
from scipy.ndimage import gaussian_filter, map_coordinates

from convscope.kinds.volume.progression.registration import (
    Alignment,
    Values,
    moved_to,
    part_of,
    to_itk,
    to_transform,
    to_values,
)
from convscope.kinds.volume.volume import Affine, Volume

BIAS = 6.0
"""Standard deviation, in mm, over which the quotient of two scans is smooth where receivers differ."""
ROUNDS = 40
"""Updates of a deformation."""
SMOOTH = 1.5
"""Standard deviation of the smoothing of a deformation after each, in voxels."""
AROUND = 8.0
"""What is looked at around a structure, in mm."""
RANGE = (0.01, 0.99)
"""Quantiles of the first scan that a change is told in shares of the distance of."""

Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Halfway:
    """Two scans half of the way between them, on one grid along right, anterior and superior.

    Args:
        first: Shape (x, y, z).
        later: Likewise.
        inside: Where both are.
        affine: Of the grid.
        back: From mm of this space to mm of the first scan.
    """

    first: Values
    later: Values
    inside: npt.NDArray[np.bool_]
    affine: Affine
    back: Affine

    @property
    def spacing(self) -> npt.NDArray[np.float64]:
        """Size of a voxel, in mm."""
        return np.diag(self.affine)[:3].copy()

    def part(self, window: tuple[slice, ...]) -> Halfway:
        """A box of it."""
        affine = self.affine.copy()
        affine[:3, 3] += self.spacing * [each.start for each in window]
        return replace(
            self,
            first=self.first[window],
            later=self.later[window],
            inside=self.inside[window],
            affine=affine,
        )


def halfway(first: Volume, later: Volume, alignment: Alignment) -> Halfway:
    """Moves two scans half of the way to each other; the first channel counts.

    The grid has the finer spacing of the two along each axis, so that both are interpolated alike.
    """
    half, back = part_of(alignment.matrix, 0.5), part_of(alignment.matrix, -0.5)
    spacing = np.minimum(first.spacing, later.spacing)
    corners = np.concatenate([_corners(half @ first.affine, first), _corners(back @ later.affine, later)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    shape = tuple(int(each) for each in np.ceil((high - low) / spacing) + 1)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (low + high) / 2 - (np.array(shape) - 1) / 2 * spacing
    one, there = moved_to(first.values[..., 0], first.affine, affine, shape, back)
    other, too = moved_to(later.values[..., 0], later.affine, affine, shape, half)
    return Halfway(one, other, there & too, affine, back)


def _corners(affine: Affine, volume: Volume) -> npt.NDArray[np.float64]:
    ends = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, -1)
    places = ends * (np.array(volume.shape)[:, None] - 1)
    return np.asarray((affine[:3, :3] @ places + affine[:3, 3:]).T, np.float64)


def on_one_scale(half: Halfway) -> Halfway:
    """Both scans on the intensities of the first, without what receivers add that is smooth in space.

    The later scan gets the median and the median absolute deviation of the first; then both are divided by
    the root of the quotient of their means over some mm, or multiplied by it. Where one of the scans is not,
    both have their mean, so that nothing is told there.
    """
    inside = half.inside
    one, other = half.first[inside], half.later[inside]
    middle, spread = float(np.median(one)), _deviation(one)
    later = (half.later - np.median(other)) * (spread / max(_deviation(other), 1e-12)) + middle
    sigma = BIAS / half.spacing
    weights = gaussian_filter(inside.astype(np.float32), sigma) + 1e-6
    base = float(min(one.min(), later[inside].min()))
    means = [
        gaussian_filter(np.where(inside, each - base, 0.0).astype(np.float32), sigma) / weights
        for each in (half.first, later)
    ]
    small = 1e-3 * max(float(np.ptp(one)), 1e-12)
    root = np.sqrt(np.clip((means[0] + small) / (means[1] + small), 0.5, 2.0))
    first, later = (half.first - base) / root + base, (later - base) * root + base
    mean = (np.where(inside, first, middle) + np.where(inside, later, middle)) / 2
    return replace(
        half,
        first=np.where(inside, first, mean).astype(np.float32),
        later=np.where(inside, later, mean).astype(np.float32),
    )


def _deviation(values: Values) -> float:
    return float(np.median(np.abs(values - np.median(values)))) or float(values.std())


def change_map(first: Volume, half: Halfway) -> Values:
    """Later minus earlier intensities on the grid of the first scan, shape (x, y, z).

    Args:
        first: The first scan.
        half: Both scans on one scale.

    Returns:
        Shares of the distance between the quantiles of 1 and 99 % of the first scan; 0 where one of the two
        scans is not.
    """
    low, high = np.quantile(half.first[half.inside], RANGE) if half.inside.any() else (0.0, 1.0)
    shares = np.where(half.inside, (half.later - half.first) / max(float(high - low), 1e-12), 0.0)
    target = to_itk(np.zeros(first.shape, np.float32), first.affine)
    way = to_transform(np.asarray(np.linalg.inv(half.back), np.float64))
    image = to_itk(shares, half.affine)
    return to_values(SimpleITK.Resample(image, target, way, SimpleITK.sitkLinear, 0.0, SimpleITK.sitkFloat32))


def growth(half: Halfway, first: Volume, mask: Mask, labels: list[int], alignment: Alignment) -> list[float]:
    """By which factor structures grew.

    Args:
        half: Both scans on one scale.
        first: The first scan.
        mask: Labels of its voxels, shape (x, y, z).
        labels: Those of the structures.
        alignment: Of the two scans.

    Returns:
        For each structure its later volume as a multiple of the first; 1 where it has no voxel.
    """
    soft = [_carried(mask == label, first, half) for label in labels]
    some = np.max(soft, axis=0) > 0.1
    if not some.any():
        return [1.0] * len(labels)
    window = _window(some, half.spacing)
    part = half.part(window)
    there, back = deformation(part.first, part.later), deformation(part.later, part.first)
    scale = float(np.linalg.det(alignment.matrix[:3, :3]))
    grown, shrunk = _density(there), _density(back)
    places = np.indices(part.first.shape) + back
    factors = []
    for weights in (each[window] for each in soft):
        total = float(weights.sum())
        if total <= 0:
            factors.append(1.0)
            continue
        carried = map_coordinates(weights, places, order=1)
        forth = float((weights * grown).sum()) / total
        again = float((carried * shrunk).sum()) / max(float(carried.sum()), 1e-12)
        factors.append(scale * float(np.sqrt(forth / again)))
    return factors


def _carried(structure: npt.NDArray[np.bool_], first: Volume, half: Halfway) -> Values:
    """A structure of the first scan half of the way, as the share of each voxel that is of it."""
    image = to_itk(structure.astype(np.float32), first.affine)
    target = to_itk(np.zeros(half.first.shape, np.float32), half.affine)
    way = to_transform(half.back)
    return to_values(SimpleITK.Resample(image, target, way, SimpleITK.sitkLinear, 0.0, SimpleITK.sitkFloat32))


def _window(some: npt.NDArray[np.bool_], spacing: npt.NDArray[np.float64]) -> tuple[slice, ...]:
    """The box around what is there, with some mm on each side."""
    window = []
    for axis, size in enumerate(spacing.tolist()):
        along = np.flatnonzero(some.any(axis=tuple(each for each in range(3) if each != axis)))
        more = round(AROUND / size)
        window.append(slice(max(int(along[0]) - more, 0), min(int(along[-1]) + more + 1, some.shape[axis])))
    return tuple(window)


def deformation(fixed: Values, moving: Values) -> npt.NDArray[np.float64]:
    """Where each voxel of one image is found in another: symmetric demons.

    Args:
        fixed: Shape (x, y, z).
        moving: Of the same shape.

    Returns:
        Shape (3, x, y, z), in voxels; the same bits for the same images.
    """
    method = SimpleITK.SymmetricForcesDemonsRegistrationFilter()
    method.SetNumberOfThreads(1)
    method.SetNumberOfIterations(ROUNDS)
    method.SetSmoothDisplacementField(True)
    method.SetStandardDeviations(SMOOTH)
    images = [SimpleITK.GetImageFromArray(np.ascontiguousarray(each.T)) for each in (fixed, moving)]
    field = SimpleITK.GetArrayFromImage(method.Execute(*images))  # a view would outlive the image it shows
    return np.ascontiguousarray(np.transpose(field, (3, 2, 1, 0)), np.float64)


def _density(field: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How much larger what is around each voxel becomes: the determinant of the Jacobian, shape (x, y, z)."""
    jacobian: npt.NDArray[Any] = np.stack([np.stack(np.gradient(each)) for each in field])
    jacobian = np.moveaxis(jacobian, (0, 1), (-2, -1)) + np.eye(3)
    return np.asarray(np.linalg.det(jacobian), np.float64)
