"""How large a structure is in one axial slice: the product of its longest diameter and the one across it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects, label
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist, squareform

TOUCHING = np.ones((3, 3), int)
"""Pixels that touch at a corner belong together."""


def bidimensional(structure: npt.NDArray[np.bool_], spacing: Sequence[float]) -> float:
    """The product of perpendicular diameters of a structure, the largest of all axial slices (RANO 2010).

    The longest diameter of a part that hangs together is the largest distance of two points of its outline,
    the one across it the room that the part takes up at right angles to that.

    Args:
        structure: Which voxels belong to it, shape (x, y, z).
        spacing: Size of a voxel in mm.

    Returns:
        In square millimeters; 0 for an empty structure.

    Example:
        >>> box = np.zeros((20, 20, 3), bool)
        >>> box[5:9, 4:7, 1] = True
        >>> round(bidimensional(box, (1.0, 1.0, 1.0)), 6)  # diagonal 5, and 4.8 across it
        24.0
    """
    found = 0.0
    for slab in np.moveaxis(structure, 2, 0)[structure.any(axis=(0, 1))]:
        parts, _ = label(slab, TOUCHING)
        for number, place in enumerate(find_objects(parts), 1):
            found = max(found, _product(parts[place] == number, spacing[:2]))
    return found


def _product(part: npt.NDArray[np.bool_], spacing: Sequence[float]) -> float:
    """Longest diameter times the extent across it, of one part of a slice, by the corners of its pixels."""
    ends = np.argwhere(part)[:, None] + np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
    corners = np.unique(ends.reshape(-1, 2), axis=0) * np.asarray(spacing, np.float64)
    hull = corners[ConvexHull(corners).vertices]
    apart = squareform(pdist(hull))
    first, second = np.unravel_index(int(apart.argmax()), apart.shape)
    along = (hull[second] - hull[first]) / apart[first, second]
    across = hull @ np.array([-along[1], along[0]])
    return float(apart[first, second] * np.ptp(across))
