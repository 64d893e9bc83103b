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
    from scipy.spatial import cKDTree

    around = _around(one | other)
    surfaces = [_surface(mask[around], spacing) for mask in (one, other)]
    trees = [cKDTree(points) for points, _ in surfaces]
    pairs = [(trees[1 - number].query(points)[0], areas) for number, (points, areas) in enumerate(surfaces)]
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


def _surface(inside: Inside, spacing: Sequence[float]) -> tuple[Numbers, Numbers]:
    """Where surface lies at corners between positions, shape (corners, axes), and how much, shape (corners,).

    Planes are looked at in turn, so that memory does not follow from how large a scan is.
    """
    rank, step = inside.ndim, np.array(spacing, float)
    places: list[Numbers] = []
    areas: list[Numbers] = []
    flat = np.zeros(tuple(side + 2 for side in inside.shape[1:]), np.int8)
    within = tuple(slice(1, -1) for _ in flat.shape)
    below, above = flat, flat.copy()
    for at in range(len(inside) + 1):
        below, above = above, np.zeros_like(flat)
        if at < len(inside):
            above[within] = inside[at]
        corners = {}
        for place in product((0, 1), repeat=rank):
            part = tuple(slice(k, k + side - 1) for k, side in zip(place[1:], flat.shape, strict=True))
            corners[place] = (above if place[0] else below)[part]
        total = sum(each for each in corners.values())
        edge = (np.asarray(total) > 0) & (np.asarray(total) < 2**rank)
        if not edge.any():
            continue
        squares = np.zeros(int(edge.sum()))
        for axis in range(rank):
            signed = sum(each[edge] * np.int8(1 if place[axis] else -1) for place, each in corners.items())
            squares += (np.asarray(signed, np.float64) / (2 ** (rank - 1) * step[axis])) ** 2
        found = np.stack(np.nonzero(edge), axis=1)
        places.append(np.column_stack([np.full(len(found), at), found]) * step)
        # Where opposite corners alone are inside, differences cancel: there is some surface all the same.
        areas.append(np.maximum(np.sqrt(squares) * step.prod(), 1e-3 * step.prod() / step.min()))
    return np.concatenate(places), np.concatenate(areas)


def _percentile(values: Numbers, weights: Numbers) -> float:
    """The value below which 95 % of the weight lies."""
    order = np.argsort(values, kind="stable")
    shares = np.cumsum(weights[order]) / weights.sum()
    place = min(int(np.searchsorted(shares, PERCENTILE / 100)), len(values) - 1)
    return float(values[order][place])
