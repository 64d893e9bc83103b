"""How far the surfaces of two masks lie apart, in the unit of their spacing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

PERCENTILE = 95

Inside = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances between two surfaces.

    Args:
        hd95: The larger of the two 95th percentiles: of the distances from one surface to the other.
        nsd: Share of both surfaces, by area, that lies within the tolerance of the other one.
    """

    hd95: float
    nsd: float


def surface_distances(
    one: Inside, other: Inside, spacing: Sequence[float], tolerance: float
) -> SurfaceDistances | None:
    """Compares the surfaces of two masks.

    As in the package `surface-distance` (Nikolov et al. 2021, "Clinically applicable segmentation of head and
    neck anatomy for radiotherapy"), a surface lies at the corners between positions, where some of the
    positions that meet are inside and some are not, and each corner counts by the area of surface around it.
    That area is the size of the gradient of the mask there, times the volume of a position.

    Args:
        one: Shape (positions...), of two or three axes.
        other: Of the same shape.
        spacing: Of positions along each axis.
        tolerance: In the same unit.

    Returns:
        None where one of the masks is empty, so that there is no distance.
    """
    if not one.any() or not other.any():
        return None
    from scipy.ndimage import distance_transform_edt

    around = _around(one | other)
    surfaces = [_surface(mask[around], spacing) for mask in (one, other)]
    distances = [distance_transform_edt(areas == 0, sampling=spacing) for areas in surfaces]
    pairs = [(distances[1 - number][areas > 0], areas[areas > 0]) for number, areas in enumerate(surfaces)]
    near = sum(float(areas[far <= tolerance].sum()) for far, areas in pairs)
    return SurfaceDistances(
        max(_percentile(far, areas) for far, areas in pairs),
        near / sum(float(areas.sum()) for _, areas in pairs),
    )


def _around(inside: Inside) -> tuple[slice, ...]:
    """The smallest part of a grid that holds all that is inside."""
    part = []
    for axis in range(inside.ndim):
        along = np.flatnonzero(inside.any(axis=tuple(each for each in range(inside.ndim) if each != axis)))
        part.append(slice(int(along[0]), int(along[-1]) + 1))
    return tuple(part)


def _surface(inside: Inside, spacing: Sequence[float]) -> Numbers:
    """The area of surface at each corner between positions, zero where there is none."""
    values = np.pad(inside, 1).astype(np.int8)
    rank = inside.ndim
    corners = {}
    for place in product((0, 1), repeat=rank):
        corners[place] = values[
            tuple(slice(at, at + side - 1) for at, side in zip(place, values.shape, strict=True))
        ]
    squares = np.zeros(corners[(0,) * rank].shape, np.float64)
    for axis, step in enumerate(spacing):
        difference = sum(each * np.int8(1 if place[axis] else -1) for place, each in corners.items())
        squares += (np.asarray(difference, np.float64) / (2 ** (rank - 1) * step)) ** 2
    areas = np.sqrt(squares) * float(np.prod(spacing))
    total = sum(each.astype(np.int8) for each in corners.values())
    edge = (total > 0) & (total < 2**rank)
    # Where opposite corners alone are inside, differences cancel: there is some surface all the same.
    return np.where(edge, np.maximum(areas, 1e-3 * float(np.prod(spacing)) / min(spacing)), 0.0)


def _percentile(values: Numbers, weights: Numbers) -> float:
    """The value below which 95 % of the weight lies."""
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(weights[order]) / weights.sum()
    place = min(int(np.searchsorted(shares, PERCENTILE / 100)), len(values) - 1)
    return float(values[order][place])
