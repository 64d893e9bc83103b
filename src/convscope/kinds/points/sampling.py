"""Which points of a cloud a model gets, how they lie, and how they change at random in a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_CANDIDATES = 4096
"""Points of a cloud among which those farthest apart are looked for; of more some are drawn at random."""

_ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
"""By which the bits of coordinates become one number of 64 bits for each place."""

Rows = npt.NDArray[np.int64]


def distinct_rows(positions: npt.NDArray[np.float64]) -> Rows:
    """The first point at each place, in the order of the points.

    Args:
        positions: Shape (points, 3).
    """
    bits = (np.asarray(positions, np.float64) + 0.0).view(np.uint64)  # 0 for -0
    with np.errstate(over="ignore"):
        mixed = (bits * _ODD).sum(axis=1, dtype=np.uint64)
        mixed ^= mixed >> np.uint64(29)
    _, first = np.unique(mixed, return_index=True)
    return np.sort(first).astype(np.int64)


def farthest_points(positions: npt.NDArray[np.floating], count: int) -> Rows:
    """Points of which each is the one farthest from all before it, so that any first part covers the cloud.

    The first one is the point farthest from the mean. Source: Eldar, Lindenbaum, Porat and Zeevi (1997), "The
    farthest point strategy for progressive image sampling", as PointNet++ uses it.

    Args:
        positions: Shape (points, 3).
        count: How many, at most as many as there are.

    Returns:
        Their rows, shape (count,).
    """
    places = np.ascontiguousarray(np.asarray(positions, np.float32).T)
    x, y, z = places
    chosen = np.empty(min(count, len(x)), np.int64)
    nearest = np.full(len(x), np.inf, np.float32)
    middle = places.mean(axis=1)
    at = int(((x - middle[0]) ** 2 + (y - middle[1]) ** 2 + (z - middle[2]) ** 2).argmax())
    for step in range(len(chosen)):
        chosen[step] = at
        dx, dy, dz = x - x[at], y - y[at], z - z[at]
        dx *= dx
        dy *= dy
        dz *= dz
        dx += dy
        dx += dz
        np.minimum(nearest, dx, out=nearest)
        at = int(nearest.argmax())
    return chosen


def sampled_rows(positions: npt.NDArray[np.float64], count: int, seed: int = 0) -> tuple[Rows, int]:
    """So many points of a cloud, each farthest from those before it; a small cloud repeats its points.

    Args:
        positions: Shape (points, 3).
        count: How many.
        seed: Draws the candidates of a large cloud.

    Returns:
        Their rows, shape (count,), and how many of them are different ones.
    """
    rows = distinct_rows(positions)
    if len(rows) > max(MOST_CANDIDATES, count):
        drawn = np.random.default_rng(seed).choice(len(rows), max(MOST_CANDIDATES, count), replace=False)
        rows = rows[np.sort(drawn)]
    centered = positions[rows] - positions[rows].mean(axis=0)
    order = rows[farthest_points(centered, count)]
    return np.resize(order, count), min(len(order), count)


def centered(positions: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], float]:
    """Positions about their mean, and the distance of the farthest one from it; 0 where all are at one place.

    Args:
        positions: Shape (points, 3), float64.
    """
    about = positions - positions.mean(axis=0)
    return about, float(np.sqrt(np.square(about).sum(axis=1).max()))


def horizontal_axis(positions: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Where the longest horizontal axis of a cloud points, and how much longer it is than the other one.

    Args:
        positions: Shape (points, 3).

    Returns:
        Cosine and sine of twice its angle to x, times 1 minus the ratio of both axes' variances: near (0, 0)
        where the cloud is round from above.
    """
    about = positions[:, :2] - positions[:, :2].mean(axis=0)
    xx, yy = np.square(about).mean(axis=0).tolist()
    xy = float((about[:, 0] * about[:, 1]).mean())
    larger = xx + yy + np.hypot(xx - yy, 2 * xy)
    if not larger > 0:
        return 0.0, 0.0
    return float(2 * (xx - yy) / larger), float(4 * xy / larger)


def spread_ranks(positions: npt.NDArray[np.float64], levels: int = 12) -> Rows:
    """The rank of each point in an order of which any first part covers all points about evenly.

    From coarse to fine grids, the first point of each cell comes next. It is a cheap stand-in for
    `farthest_points` where there are very many points.

    Args:
        positions: Shape (points, 3).
        levels: Grids, each of half the cells' side.

    Returns:
        Shape (points,), each rank once.
    """
    low = positions.min(axis=0)
    side = float((positions.max(axis=0) - low).max()) or 1.0
    level = np.full(len(positions), levels + 1)
    for number in range(levels + 1):
        left = np.flatnonzero(level > levels)
        if not len(left):
            break
        cells = np.floor((positions - low) / (side / 2**number * (1 + 1e-9))).astype(np.uint64)
        keys = (cells * np.array([1, 2**20, 2**40], np.uint64)).sum(axis=1, dtype=np.uint64)
        taken = keys[level <= levels]
        keys_left, first = np.unique(keys[left], return_index=True)
        free = ~np.isin(keys_left, taken)
        level[left[first[free]]] = number
    ranks = np.empty(len(positions), np.int64)
    mixed = np.random.default_rng(0).permutation(len(positions))  # the order of a file goes along the scan
    ranks[np.lexsort((mixed, level))] = np.arange(len(positions))
    return ranks


Values = npt.NDArray[np.float32]
_SAME_WAY = 0.3
"""Mean length of the directions of clouds, 0 (anywhere) to 1 (alike), from which they have a usual one."""
_LONG = 0.3
"""How much longer than wide a cloud must be so that its direction counts."""
_FEWEST = 20


LITTLE = 15.0
"""Degrees about z that clouds with a usual direction are turned by, at most."""


@dataclass(frozen=True)
class CloudAugmentation:
    """Random changes of a batch of clouds.

    Args:
        turn: Degrees about z, at most.
        tilt: Degrees about x and y, at most.
        stretch: Share by which each axis becomes longer or shorter, at most.
        shift: How far the cloud moves along each axis, at most, when its radius is 1.
        jitter: Deviation of what is added to each position.
        drop: Share of the points that others take the place of, at most.
    """

    turn: float = LITTLE
    tilt: float = 5.0
    stretch: float = 0.2
    shift: float = 0.1
    jitter: float = 0.01
    drop: float = 0.3

    def scaled(self, strength: float) -> CloudAugmentation:
        """The same changes, so many times as far; a turn by any angle stays one."""
        names = ("tilt", "stretch", "shift", "jitter")
        changed = {name: strength * getattr(self, name) for name in names}
        turn = self.turn if self.turn >= 180 else strength * self.turn
        return replace(self, **changed, turn=turn, drop=min(strength * self.drop, 0.9))

    def __call__(self, batch: Values, rng: np.random.Generator) -> Values:
        """Changes each cloud of a batch by itself.

        Args:
            batch: Shape (batch, points, 3 or more channels), float32. Channels 3 to 5 are turned with the
                cloud where they have length 1, as normals do.
            rng: Where the random numbers come from; the same state gives the same clouds.

        Returns:
            The same shape and type.
        """
        changed = batch.copy()
        count = len(batch)
        turns = _turns(np.radians(rng.uniform(-1, 1, (count, 3)) * (self.tilt, self.tilt, self.turn)))
        scales = 1 + rng.uniform(-self.stretch, self.stretch, (count, 1, 3))
        shifts = rng.uniform(-self.shift, self.shift, (count, 1, 3))
        noise = rng.standard_normal(batch[..., :3].shape, np.float32)
        changed[..., :3] = batch[..., :3] @ turns * scales + shifts + np.float32(self.jitter) * noise
        if batch.shape[2] >= 6 and _are_normals(batch[..., 3:6]):
            changed[..., 3:6] = batch[..., 3:6] @ turns
        return self._dropped(changed, rng)

    def _dropped(self, batch: Values, rng: np.random.Generator) -> Values:
        """Some points replaced by others of the same cloud, the order of the rest kept."""
        count, points = batch.shape[:2]
        gone = rng.random((count, points)) < rng.uniform(0, self.drop, (count, 1))
        order = np.argsort(gone, axis=1, kind="stable")
        left = points - gone.sum(axis=1, keepdims=True)
        rows = np.take_along_axis(order, np.arange(points)[None] % np.maximum(left, 1), axis=1)
        return np.take_along_axis(batch, rows[..., None], axis=1)


def _turns(angles: npt.NDArray[np.float64]) -> Values:
    """Turns about x, y and z by so many radians, shape (batch, 3, 3), to multiply rows with."""
    made = np.broadcast_to(np.eye(3), (len(angles), 3, 3))
    for axis in range(3):
        first, second = [each for each in range(3) if each != axis]
        one = np.broadcast_to(np.eye(3), (len(angles), 3, 3)).copy()
        cosine, sine = np.cos(angles[:, axis]), np.sin(angles[:, axis])
        one[:, first, first] = one[:, second, second] = cosine
        one[:, first, second], one[:, second, first] = -sine, sine
        made = made @ one
    return made.astype(np.float32)


def turned(batch: Values, angle: float) -> Values:
    """Clouds turned about z, and their normals with them.

    Args:
        batch: Shape (batch, points, 3 or more channels).
        angle: In radians.
    """
    about = _turns(np.array([[0.0, 0.0, angle]]))[0]
    changed = batch.copy()
    changed[..., :3] = batch[..., :3] @ about
    if batch.shape[2] >= 6 and _are_normals(batch[..., 3:6]):
        changed[..., 3:6] = batch[..., 3:6] @ about
    return changed


def _are_normals(values: Values) -> bool:
    return bool((np.abs(np.square(values).sum(axis=-1) - 1) < 0.05).all())


def augmentation(
    strength: float, turn: str | None = None
) -> Callable[[Any, np.random.Generator], Any] | None:
    """Turns, stretches, shifts, noise and lost points, `strength` times as far as by default.

    Args:
        strength: 1 is the default; at 0 clouds stay as they are.
        turn: `any`: about z by any angle; `little`: by a few degrees alone.
    """
    if not strength:
        return None
    return CloudAugmentation(turn=180.0 if turn == "any" else LITTLE).scaled(strength)


def found_turn(axes: Sequence[tuple[float, float]]) -> tuple[str, str]:
    """Whether clouds may be turned about z by any angle, and why.

    Args:
        axes: Of the train clouds, as `horizontal_axis` tells.

    Returns:
        `any` or `little`, and a line for the decisions.
    """
    ways = np.array(axes).reshape(-1, 2)
    lengths = np.hypot(ways[:, 0], ways[:, 1])
    long = ways[lengths > _LONG] / lengths[lengths > _LONG, None]
    if len(long) < _FEWEST:
        return "little", (
            f"turn: a few degrees about z, because {len(long)} train clouds are longer than wide, too few"
            " to tell"
            " whether they have a usual direction; --turn any changes that"
        )
    # Twice the angle tells a direction from its opposite no more; four times it, one axis from the other.
    fourfold = np.stack([long[:, 0] ** 2 - long[:, 1] ** 2, 2 * long[:, 0] * long[:, 1]], axis=1)
    strength = max(float(np.hypot(*each.mean(axis=0))) for each in (long, fourfold))
    if strength < _SAME_WAY:
        return "any", (
            f"turn: any angle about z, because the longest horizontal axes of {len(long)} train clouds point"
            f" anywhere (their mean has length {strength:.2f} of 1)"
        )
    return "little", (
        f"turn: a few degrees about z, because the longest horizontal axes of {len(long)} train clouds lie"
        " along"
        f" common directions (their mean has length {strength:.2f} of 1)"
    )
