"""Clouds with a calibration beside them or without: of the former only what the camera sees is taken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from convscope.data.splits import LeftOut
from convscope.errors import DataError
from convscope.kinds.points.cloud import Cloud
from convscope.kinds.points.detection.boxes import Floats
from convscope.kinds.points.detection.calibration import USUAL_PICTURE, Calibration, read_calibration
from convscope.kinds.points.readers.sources import FileClouds

SWEEPS = ("velodyne", "velodyne_reduced")
"""Folders of KITTI with the clouds; of the latter, points outside of the picture were left out before."""
_PICTURES = ("image_2", "image_02")


@dataclass(frozen=True)
class BoxedClouds(FileClouds):
    """Clouds whose objects are to be found.

    In folders of KITTI, boxes are known only where the camera sees: points elsewhere are left out.
    """

    def load(self, index: int) -> Cloud:
        """Reads one cloud.

        Raises:
            DataError: It or its calibration is damaged, or no point is left.
        """
        cloud = super().load(index)
        calibration = self.calibration(index)
        if calibration is None:
            return cloud
        seen = np.flatnonzero(calibration.visible(cloud.positions))
        if not len(seen):
            raise DataError(f"{cloud.name}: expected points that the camera sees, received none")
        return cloud if len(seen) == len(cloud) else cloud.take(seen)

    def calibration(self, index: int) -> Calibration | None:
        """Where the camera of a cloud is; None where no file says so.

        Raises:
            DataError: The file is damaged.
        """
        return calibration_beside(Path(self.root, self.files[index]))

    def take(self, indices: npt.NDArray[np.int64]) -> BoxedClouds:
        """The same source with only these clouds."""
        rows = indices.tolist()
        facts = [self.facts[row] for row in rows] if self.facts else ()
        return replace(self, files=[self.files[row] for row in rows], facts=facts)

    def heights(self, index: int, values: Floats) -> Floats:
        """How high boxes are in the picture, infinite where there is none, shape (boxes,)."""
        calibration = self.calibration(index)
        return np.full(len(values), np.inf) if calibration is None else calibration.heights(values)


@dataclass(frozen=True)
class BoxedCloudInputs(LeftOut, BoxedClouds):
    """Clouds in files without boxes, and what was left out."""

    def take(self, indices: npt.NDArray[np.int64]) -> BoxedClouds:
        """The same clouds, only these, without what was left out."""
        return BoxedClouds(self.root, self.files, self.facts).take(indices)


def calibration_beside(cloud: Path) -> Calibration | None:
    """The calibration of a cloud that lies as those of KITTI do; None where there is none.

    Raises:
        DataError: It is damaged.
    """
    if cloud.parent.name not in SWEEPS:
        return None
    frame = cloud.parent.parent
    path = frame / "calib" / f"{cloud.stem}.txt"
    return read_calibration(path, _picture(frame, cloud.stem)) if path.is_file() else None


def _picture(frame: Path, stem: str) -> tuple[int, int]:
    """Width and height of the picture of a frame, those of KITTI where it is not there."""
    for folder in _PICTURES:
        path = frame / folder / f"{stem}.png"
        if path.is_file():
            try:
                with Image.open(path) as picture:
                    wide, high = picture.size
            except (OSError, ValueError, Image.DecompressionBombError):
                return USUAL_PICTURE
            return (wide, high) if min(wide, high) > 1 else USUAL_PICTURE
    return USUAL_PICTURE
