"""Where clouds come from: files below one folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.kinds.points.cloud import Cloud
from convscope.kinds.points.readers.forms import read_cloud
from convscope.kinds.points.sampling import distinct_rows, horizontal_axis


@dataclass(frozen=True)
class CloudFacts:
    """What is known of a cloud that was read once.

    Args:
        points: How many there are.
        distinct: How many lie at places of their own.
        center: The middle of its box, in the unit of the file.
        size: The length of its box along x, y and z.
        axis: Where its longest horizontal axis points, as `horizontal_axis` tells.
        names: Of its features.
        labels: The labels that its points have, ascending; empty where they have none.
    """

    points: int
    distinct: int
    center: tuple[float, float, float]
    size: tuple[float, float, float]
    axis: tuple[float, float]
    names: tuple[str, ...]
    labels: tuple[int, ...] = ()

    @classmethod
    def of(cls, cloud: Cloud) -> CloudFacts:
        """Those of a cloud in memory."""
        low, high = cloud.positions.min(axis=0), cloud.positions.max(axis=0)
        center, size = ((low + high) / 2).tolist(), (high - low).tolist()
        distinct = len(distinct_rows(cloud.positions))
        labels = () if cloud.labels is None else tuple(np.unique(cloud.labels).tolist())
        return cls(
            len(cloud),
            distinct,
            (center[0], center[1], center[2]),
            (size[0], size[1], size[2]),
            horizontal_axis(cloud.positions),
            cloud.names,
            labels,
        )


@dataclass(frozen=True)
class FileClouds:
    """Clouds in files below one folder.

    Args:
        root: The folder, or an empty string where the names are whole paths.
        files: The file of each, relative to the folder.
        facts: Of each; empty as long as they were not read.
        label: The column of labels of points; None takes one that is called so.
    """

    root: str
    files: Sequence[str]
    facts: Sequence[CloudFacts] = ()
    label: str | None = None

    def __len__(self) -> int:
        return len(self.files)

    def load(self, index: int) -> Cloud:
        """Reads one file.

        Raises:
            DataError: It is damaged or holds something else.
        """
        return read_cloud(Path(self.root, self.files[index]), self.name(index), self.label)

    def name(self, index: int) -> str:
        """The file."""
        return os.path.join(self.root, self.files[index])  # noqa: PTH118 - many of them

    def key(self, index: int) -> str:
        """The file relative to the root."""
        return self.files[index]

    def take(self, indices: npt.NDArray[np.int64]) -> FileClouds:
        """The same source with only these clouds."""
        rows = indices.tolist()
        facts = [self.facts[row] for row in rows] if self.facts else ()
        return FileClouds(self.root, [self.files[row] for row in rows], facts, self.label)
