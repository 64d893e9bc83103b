"""Random changes of clouds together with their boxes, and clouds seen mirrored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from convscope.kinds.contract.recipe import Augmentation
from convscope.kinds.points.detection.boxes import SpaceBoxes
from convscope.kinds.points.detection.targets import CHANNELS
from convscope.types import Array, Tensor

Values = npt.NDArray[np.float32]
Pair = tuple[Values, Sequence[SpaceBoxes]]
LITTLE = 20.0
"""Degrees that clouds of a scanner that looks one way are turned at most."""
_MIRRORED = np.array([1, -1, 1, 1, 1, 1, 1, -1, 1, -1], np.float32)
"""What becomes of the channels of `CHANNELS` where y becomes -y."""


@dataclass(frozen=True)
class BoxedCloudAugmentation:
    """How far a cloud and its boxes may be changed; every change is uniform within its range.

    Args:
        turn: Degrees about z at most, in both directions.
        flip: Whether half of the clouds are mirrored: y becomes -y.
        scale: Largest change of all lengths, as a share.
        shift: How far a cloud is moved along x and y, in cells of a grid.
        lift: How far it is moved along z, likewise.
        drop: Share of the points that are left out, at most.
        cell: Side of a cell.
    """

    turn: float = LITTLE
    flip: bool = True
    scale: float = 0.05
    shift: float = 2.0
    lift: float = 0.5
    drop: float = 0.1
    cell: float = 1.0

    def scaled(self, strength: float) -> BoxedCloudAugmentation:
        """The same changes, `strength` times as far; a turn by any angle stays one."""
        turn = self.turn if self.turn >= 180 else strength * self.turn
        more = {name: strength * getattr(self, name) for name in ("shift", "lift")}
        return replace(
            self,
            turn=turn,
            scale=min(strength * self.scale, 0.5),
            drop=min(strength * self.drop, 0.9),
            **more,
        )

    def __call__(self, pair: Pair, rng: np.random.Generator) -> tuple[Values, list[SpaceBoxes]]:
        """Changes a batch of clouds, each in its own way, and their boxes likewise.

        Args:
            pair: float32 (batch, points, 3 + features) about the middle of a grid, and the boxes of each.
            rng: The same state gives the same clouds.
        """
        values, boxes = pair
        count = len(values)
        angles = np.radians(rng.uniform(-self.turn, self.turn, count))
        signs = np.where(rng.random(count) < 0.5 * self.flip, -1.0, 1.0)
        sizes = 1 + rng.uniform(-self.scale, self.scale, count)
        shifts = rng.uniform(-1, 1, (count, 3)) * self.cell * np.array([self.shift, self.shift, self.lift])
        changed, kept = values.copy(), []
        for i in range(count):
            cosine, sine = np.cos(angles[i]), np.sin(angles[i])
            turn = (
                np.array([[cosine, sine, 0], [-sine * signs[i], cosine * signs[i], 0], [0, 0, 1]]) * sizes[i]
            )
            changed[i, :, :3] = values[i, :, :3] @ turn.astype(np.float32) + shifts[i].astype(np.float32)
            moved = boxes[i].values.copy()
            moved[:, :3] = moved[:, :3] @ turn + shifts[i]
            moved[:, 3:6] *= sizes[i]
            moved[:, 6] = signs[i] * moved[:, 6] + angles[i]
            kept.append(boxes[i].moved(moved))
        return self._dropped(changed, rng), kept

    def _dropped(self, values: Values, rng: np.random.Generator) -> Values:
        """Some points of each cloud moved out of the grid."""
        gone = rng.random(values.shape[:2]) < rng.uniform(0, self.drop, (len(values), 1))
        values[..., 0] = np.where(gone, np.float32(1e6) * np.float32(self.cell), values[..., 0])
        return values


def augmentation(strength: float, turn: str | None = None, flip: bool = True) -> Augmentation | None:
    """Turns, mirroring, sizes, shifts and lost points, `strength` times as far as by default.

    Args:
        strength: 1 is the default; at 0 clouds stay as they are.
        turn: `any`: about z by any angle; `little`, and by default: by a few degrees alone.
        flip: Whether a mirrored cloud keeps its objects.
    """
    if not strength:
        return None
    angle = 180.0 if turn == "any" else LITTLE
    return BoxedCloudAugmentation(turn=angle, flip=flip).scaled(strength)


@dataclass(frozen=True)
class MirroredClouds:
    """A batch of clouds seen mirrored, and maps of such a batch mirrored back."""

    def __call__(self, values: Tensor) -> Tensor:
        """The batch with -y in place of y."""
        signs = np.ones(values.shape[-1], np.float32)
        signs[1] = -1
        return values * signs

    def undone(self, scores: Array, sides: Array) -> tuple[Array, Array]:
        """Maps of the mirrored batch as those of the batch itself."""
        assert sides.shape[-1] == len(CHANNELS)
        return np.flip(scores, 1), np.flip(sides, 1) * _MIRRORED


def test_time_views(mirror: bool = True, flip: bool = True) -> Sequence[MirroredClouds]:
    """What maps are averaged over besides those of the cloud itself.

    Args:
        mirror: Whether there is anything.
        flip: Whether a mirrored cloud keeps its objects.
    """
    return [MirroredClouds()] if mirror and flip else []
