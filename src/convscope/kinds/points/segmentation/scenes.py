"""Scenes as samples: whole files, or square tiles of ground of one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.kinds.points.cloud import Cloud
from convscope.kinds.points.readers.forms import read_cloud
from convscope.kinds.points.readers.sources import CloudFacts

_KEPT = 2
"""Files that stay in memory between tiles of them."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tile:
    """A part of a file.

    Args:
        file: Relative to the folder that was read.
        place: Its number along x and y; None for the whole file.
        rows: The points of it, in the order of the file without those that are not finite; None for all.
    """

    file: str
    place: tuple[int, int] | None = None
    rows: Rows | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """The file, and the tile in it."""
        return self.file if self.place is None else f"{self.file}#{self.place[0]},{self.place[1]}"


@dataclass(frozen=True)
class SceneTiles:
    """Scenes, or tiles of them.

    Args:
        root: The folder that files are relative to, or an empty string where they are whole paths.
        tiles: The samples.
        facts: Of each; empty as long as they were not read.
        label: The column of labels of points; None takes one that is called so.
    """

    root: str
    tiles: Sequence[Tile]
    facts: Sequence[CloudFacts] = ()
    label: str | None = None

    def __len__(self) -> int:
        return len(self.tiles)

    def load(self, index: int) -> Cloud:
        """Reads the points of one tile.

        Raises:
            DataError: The file is damaged or holds something else.
        """
        tile = self.tiles[index]
        path = Path(self.root, tile.file)
        if tile.rows is None:
            return read_cloud(path, self.name(index), self.label)
        whole = _kept(path, path.stat().st_mtime_ns, self.label)
        return replace(whole.take(tile.rows), name=self.name(index), notes=())

    def name(self, index: int) -> str:
        """The file, and the tile in it."""
        return os.path.join(self.root, self.tiles[index].key)  # noqa: PTH118 - many of them

    def key(self, index: int) -> str:
        """The same relative to the root."""
        return self.tiles[index].key

    def take(self, indices: npt.NDArray[np.int64]) -> SceneTiles:
        """The same source with only these samples."""
        rows = indices.tolist()
        facts = [self.facts[row] for row in rows] if self.facts else ()
        return SceneTiles(self.root, [self.tiles[row] for row in rows], facts, self.label)


@lru_cache(_KEPT)
def _kept(path: Path, _changed: int, label: str | None) -> Cloud:
    return read_cloud(path, str(path), label)


def tiles_of(file: str, cloud: Cloud, side: float) -> list[Tile]:
    """The square tiles of ground that a cloud has points in, in order.

    Args:
        file: Of the cloud.
        cloud: With its labels.
        side: Of a tile, in the unit of the file.
    """
    ground = cloud.positions[:, :2]
    places = np.floor((ground - ground.min(axis=0)) / side).astype(np.int64)
    unique, which = np.unique(places, axis=0, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(which.ravel()))[:-1])
    return [Tile(file, (int(x), int(y)), np.sort(rows)) for (x, y), rows in zip(unique, parts, strict=True)]


def tile_side(sizes: Sequence[Sequence[float]], wanted: int) -> float:
    """The side of tiles of which there are about so many, in the unit of the files.

    Args:
        sizes: Of the ground of each cloud, along x and y.
        wanted: How many tiles there should be, where clouds fill their ground.
    """
    raw = float(np.sqrt(sum(max(x, 1e-9) * max(y, 1e-9) for x, y in sizes) / wanted))
    step = 10.0 ** np.floor(np.log10(raw))
    return float(max(step, np.floor(raw / step) * step))
