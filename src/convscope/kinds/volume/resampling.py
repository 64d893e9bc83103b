"""Volumes on another spacing, axis by axis, and cut or filled to a size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.kinds.volume.volume import Affine, Volume

SAME = 0.01
"""Share by which two spacings may differ and are taken for one."""


def resampled_shape(
    shape: Sequence[int], spacing: Sequence[float], wanted: Sequence[float]
) -> tuple[int, ...]:
    """Voxels along each axis after resampling; an axis whose spacing agrees keeps its own.

    Example:
        >>> resampled_shape((10, 10, 10), (1, 1, 3), (1.0, 2.0, 1.0))
        (10, 5, 30)
    """
    return tuple(
        length if _agree(own, other) else max(1, round(length * own / other))
        for length, own, other in zip(shape, spacing, wanted, strict=True)
    )


def resampled(
    values: npt.NDArray[Any],
    spacing: Sequence[float],
    wanted: Sequence[float],
    shape: Sequence[int] | None = None,
    *,
    nearest: bool = False,
) -> npt.NDArray[Any]:
    """Values on voxels of another size, which cover the same extent.

    Interpolation is linear along one axis after the other, and over all voxels that a larger one covers, so
    that nothing is passed over. Axes whose spacing agrees stay as they are.

    Args:
        values: Shape (x, y, z, ...).
        spacing: Of these voxels, in mm.
        wanted: Of the new ones, in mm.
        shape: Of the result, where it is known, as for the way back; by default as `resampled_shape` says.
        nearest: Whether each voxel takes the value of the nearest one, as labels need it.

    Returns:
        float32, or the type of the values where `nearest` or nothing changes.
    """
    lengths = resampled_shape(values.shape[:3], spacing, wanted) if shape is None else tuple(shape)
    for axis, (own, other, length) in enumerate(zip(spacing, wanted, lengths, strict=True)):
        if _agree(own, other) and length == values.shape[axis]:
            continue
        if nearest:
            places = (np.arange(length) + 0.5) * values.shape[axis] / length - 0.5
            values = np.take(values, np.clip(np.rint(places), 0, values.shape[axis] - 1).astype(int), axis)
        else:
            weights = _weights(values.shape[axis], length)
            moved = np.tensordot(weights, values.astype(np.float32, copy=False), (1, axis))
            values = np.moveaxis(moved, 0, axis)
    return values


def resampled_slabs(
    slabs: Iterator[npt.NDArray[np.float32]], lengths: Sequence[int], wanted: Sequence[int]
) -> Iterator[npt.NDArray[np.float32]]:
    """As `resampled`, of values that come in parts along x and are given so, with few of them in memory.

    Args:
        slabs: Parts along x in turn, shape (some, y, z, channels).
        lengths: Voxels along x, y and z of all parts together.
        wanted: Voxels along x, y and z of the result.

    Yields:
        Parts of the result in turn.
    """
    along = None if lengths[0] == wanted[0] else _weights(lengths[0], wanted[0])
    planes = [
        (axis, _weights(lengths[axis], wanted[axis])) for axis in (1, 2) if lengths[axis] != wanted[axis]
    ]
    last = None if along is None else lengths[0] - 1 - np.argmax(along[:, ::-1] > 0, axis=1)
    kept: npt.NDArray[np.float32] | None = None
    begin = done = 0  # where what is kept begins, and how much of the result was given
    for slab in slabs:
        for axis, weights in planes:
            slab = np.moveaxis(np.tensordot(weights, slab, (1, axis)), 0, axis)  # noqa: PLW2901
        if along is None or last is None:
            yield slab
            continue
        kept = slab if kept is None else np.concatenate([kept, slab])
        ready = int(np.searchsorted(last, begin + len(kept)))
        if ready > done:
            yield np.tensordot(along[done:ready, begin : begin + len(kept)], kept, (1, 0))
            done = ready
            if done < len(along):
                first = int(np.argmax(along[done] > 0))
                kept, begin = kept[first - begin :], first


def resampled_affine(affine: Affine, shape: Sequence[int], lengths: Sequence[int]) -> Affine:
    """The affine of a grid of other lengths that covers the same extent.

    Args:
        affine: Of the grid with `shape`.
        shape: Its voxels along each axis.
        lengths: Those of the other grid.
    """
    factors = np.array(shape[:3], float) / np.array(lengths[:3], float)
    change = np.diag([*factors, 1.0])
    change[:3, 3] = (factors - 1) / 2
    return np.asarray(affine @ change)


def resampled_to(volume: Volume, other: Volume) -> Volume:
    """A volume of labels on the grid of another, wherever the two lie: each voxel takes the nearest label.

    Args:
        volume: Of labels.
        other: Whose grid is taken; what lies outside of the first is 0, which is noted.
    """
    to_index = np.linalg.inv(volume.affine) @ other.affine
    plane = np.indices(other.shape[1:]).reshape(2, -1)
    start = to_index[:3, 1:3] @ plane + to_index[:3, 3:]
    values = np.zeros((*other.shape, volume.channels), volume.values.dtype)
    covered = 0
    for x, part in enumerate(
        values
    ):  # indices of all voxels at once would take many times the memory of labels
        index = np.rint(start + x * to_index[:3, :1]).astype(np.int64)
        inside = ((index >= 0) & (index < np.array(volume.shape)[:, None])).all(axis=0)
        part.reshape(-1, volume.channels)[inside] = volume.values[tuple(index[:, inside])]
        covered += int(inside.sum())
    outside = 1 - covered / math.prod(other.shape)
    said = (
        f"{volume.name}: {outside:.1%} of the voxels of {other.name} lie outside of this mask, and count as 0"
    )
    notes = (*volume.notes, said) if outside else volume.notes
    return replace(other, values=values, name=volume.name, notes=notes)


def fitted(values: npt.NDArray[Any], size: Sequence[int], fill: float) -> npt.NDArray[Any]:
    """Values cut or filled evenly at both ends of each axis.

    Args:
        values: Shape (x, y, z, ...).
        size: Voxels along x, y and z of the result.
        fill: What new voxels have.
    """
    if values.shape[:3] == tuple(size):
        return values
    result = np.full((*size, *values.shape[3:]), fill, values.dtype)
    into, part = [], []
    for length, wanted in zip(values.shape[:3], size, strict=True):
        kept = min(length, wanted)
        into.append(slice((wanted - kept) // 2, (wanted - kept) // 2 + kept))
        part.append(slice((length - kept) // 2, (length - kept) // 2 + kept))
    result[tuple(into)] = values[tuple(part)]
    return result


def _agree(one: float, other: float) -> bool:
    return abs(one - other) <= SAME * other


def _weights(length: int, wanted: int) -> npt.NDArray[np.float32]:
    """What each old position adds to each new one, shape (wanted, length), rows that sum to 1."""
    ratio = length / wanted
    places = (np.arange(wanted) + 0.5) * ratio - 0.5
    reach = max(1.0, ratio)
    apart = np.abs(np.clip(places, 0, length - 1)[:, None] - np.arange(length))
    weights = np.maximum(0, 1 - apart / reach)
    shares: npt.NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
