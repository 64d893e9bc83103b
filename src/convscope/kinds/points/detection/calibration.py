"""How coordinates of a scanner become those of a camera beside it and back, as KITTI gives them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError
from convscope.kinds.points.detection.boxes import Floats, Marks, outlines

USUAL_PICTURE = (1242, 375)
"""Width and height of the pictures of KITTI, in pixels, where no picture is there to tell."""
MOST_BYTES = 2**16
_SHAPES = {"P2": (3, 4), "R0_rect": (3, 3), "Tr_velo_to_cam": (3, 4)}
_OTHER_NAMES = {"R_rect": "R0_rect", "Tr_velo_cam": "Tr_velo_to_cam", "Tr": "Tr_velo_to_cam"}
_NEAREST = 0.1
"""Distance in front of the camera from which on points are seen."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Where the camera is, and what it sees.

    The scanner's x points forwards, y to the left and z upwards; the camera's x to the right, y downwards and
    z forwards.

    Args:
        to_camera: From the scanner to the camera, shape (4, 4).
        projection: From the camera to pixels, shape (3, 4).
        picture: Width and height of the picture.
    """

    to_camera: Floats
    projection: Floats
    picture: tuple[int, int] = USUAL_PICTURE

    def in_camera(self, points: Floats) -> Floats:
        """Points of the scanner as the camera has them, shape (points, 3)."""
        return np.asarray(points @ self.to_camera[:3, :3].T + self.to_camera[:3, 3])

    def in_scanner(self, points: Floats) -> Floats:
        """Points of the camera as the scanner has them, shape (points, 3)."""
        back = np.linalg.inv(self.to_camera)
        return np.asarray(points @ back[:3, :3].T + back[:3, 3])

    def pixels(self, seen: Floats) -> tuple[Floats, Floats]:
        """Where points of the camera lie in the picture, shape (points, 2), and how far in front."""
        moved = seen @ self.projection[:, :3].T + self.projection[:, 3]
        depth = np.where(np.abs(moved[:, 2]) > 1e-9, moved[:, 2], 1e-9)
        return moved[:, :2] / depth[:, None], seen[:, 2]

    def visible(self, points: Floats) -> Marks:
        """Which points of the scanner lie in the picture, shape (points,)."""
        places, depth = self.pixels(self.in_camera(points))
        wide, high = self.picture
        within = (places >= 0).all(axis=1) & (places[:, 0] < wide) & (places[:, 1] < high)
        return np.asarray(within & (depth > _NEAREST))

    def frames(self, values: Floats) -> tuple[Floats, Floats]:
        """The boxes of the scanner in the picture, and how much of each lies outside of it.

        Args:
            values: Shape (boxes, 7).

        Returns:
            Left, top, right and bottom within the picture, shape (boxes, 4), and the share of the whole
            rectangle that lies outside, 1 behind the camera, shape (boxes,).
        """
        if not len(values):
            return np.zeros((0, 4)), np.zeros(0)
        corners = np.repeat(outlines(values), 2, axis=1)
        up = np.tile([-0.5, 0.5], 4)[None] * values[:, None, 5] + values[:, None, 2]
        whole = np.concatenate([corners, up[..., None]], axis=2).reshape(-1, 3)
        seen = self.in_camera(whole)
        behind = (seen[:, 2] < _NEAREST).reshape(-1, 8)
        seen[:, 2] = np.maximum(seen[:, 2], _NEAREST)
        places = self.pixels(seen)[0].reshape(-1, 8, 2)
        low, high = places.min(axis=1), places.max(axis=1)
        limits = np.array(self.picture, np.float64) - 1
        inner = np.concatenate([np.clip(low, 0, limits), np.clip(high, 0, limits)], axis=1)
        left = np.prod(inner[:, 2:] - inner[:, :2], axis=1)
        outside = 1 - left / np.maximum(np.prod(high - low, axis=1), 1e-9)
        inner[behind.all(axis=1)] = 0
        return inner, np.where(behind.all(axis=1), 1, outside.clip(0, 1))

    def heights(self, values: Floats) -> Floats:
        """How high boxes of the scanner are in the picture, in pixels, shape (boxes,)."""
        inner, _ = self.frames(values)
        return np.asarray(inner[:, 3] - inner[:, 1])

    def from_label(self, sizes: Floats, bottoms: Floats, turns: Floats) -> Floats:
        """Boxes as labels of KITTI have them, in coordinates of the scanner, shape (boxes, 7).

        Args:
            sizes: Height, width and length, shape (boxes, 3).
            bottoms: The middle of their undersides in the camera, shape (boxes, 3).
            turns: Angle about the camera's y, shape (boxes,).
        """
        middles = bottoms - np.array([0, 0.5, 0]) * sizes[:, :1]
        way = np.stack([np.cos(turns), np.zeros_like(turns), -np.sin(turns)], axis=1)
        way = way @ np.linalg.inv(self.to_camera)[:3, :3].T
        heading = np.arctan2(way[:, 1], way[:, 0])
        return np.column_stack([self.in_scanner(middles), sizes[:, ::-1], heading])

    def to_label(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        """What `from_label` takes, of boxes of the scanner."""
        sizes = values[:, [5, 4, 3]]
        bottoms = self.in_camera(values[:, :3]) + np.array([0, 0.5, 0]) * sizes[:, :1]
        way = np.stack([np.cos(values[:, 6]), np.sin(values[:, 6]), np.zeros(len(values))], axis=1)
        way = way @ self.to_camera[:3, :3].T
        return sizes, bottoms, np.arctan2(-way[:, 2], way[:, 0])


def read_calibration(path: Path, picture: tuple[int, int] = USUAL_PICTURE) -> Calibration:
    """Reads a file of KITTI's `calib`.

    Args:
        path: The file.
        picture: Width and height of the pictures.

    Raises:
        DataError: A matrix is missing or has other numbers.
    """
    if path.stat().st_size > MOST_BYTES:
        raise DataError(f"{path}: too large for a calibration: expected at most {MOST_BYTES:,} bytes")
    found: dict[str, npt.NDArray[np.float64]] = {}
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
        words = line.replace(":", " ").split()
        name = _OTHER_NAMES.get(words[0], words[0]) if words else ""
        if name in _SHAPES:
            found[name] = _matrix(path, number, words[1:], _SHAPES[name])
    missing = [name for name in _SHAPES if name not in found]
    if missing:
        raise DataError(f"{path}: expected the matrices {', '.join(_SHAPES)}, received no {missing[0]}")
    turn, move = np.eye(4), np.eye(4)
    turn[:3, :3], move[:3] = found["R0_rect"], found["Tr_velo_to_cam"]
    whole = turn @ move
    if not abs(abs(np.linalg.det(whole[:3, :3])) - 1) < 0.05:
        raise DataError(f"{path}: expected turns without a change of scale in R0_rect and Tr_velo_to_cam")
    return Calibration(whole, found["P2"], picture)


def _matrix(path: Path, number: int, words: list[str], shape: tuple[int, int]) -> Floats:
    try:
        values = np.array(words, np.float64)
    except ValueError:
        raise DataError(f"{path}:{number}: expected numbers, received {' '.join(words)[:60]!r}") from None
    if len(values) != shape[0] * shape[1] or not np.isfinite(values).all():
        raise DataError(
            f"{path}:{number}: expected {shape[0] * shape[1]} finite numbers, received {len(values)}"
        )
    return values.reshape(shape)
