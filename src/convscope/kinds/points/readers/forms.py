"""The forms of files that hold point clouds, by the endings of their names, and what reads each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import DataError
from convscope.kinds.points.cloud import Cloud
from convscope.kinds.points.readers import others, ply_pcd, text

READERS: dict[str, Callable[[Path, str], Cloud]] = {
    **dict.fromkeys(ply_pcd.PLY, ply_pcd.read_ply),
    **dict.fromkeys(ply_pcd.PCD, ply_pcd.read_pcd),
    **dict.fromkeys(text.SUFFIXES, text.read_text),
    **dict.fromkeys(others.LAS, others.read_las),
    **dict.fromkeys(others.MESHES, others.read_mesh),
    **dict.fromkeys(others.NUMPY, others.read_numpy),
    **dict.fromkeys(others.KITTI, others.read_kitti),
}
"""By the ending in lower case."""
ONLY_POINTS = frozenset([*ply_pcd.PLY, *ply_pcd.PCD, *others.LAS, *others.MESHES, ".xyz", ".pts"])
"""Endings that nothing else has."""
BESIDE = (".labels", ".label")
"""Endings of files with the labels of the points of a cloud beside it: text, or uint32 as SemanticKITTI."""
_INSTANCES = 16
"""Bits of a label of SemanticKITTI that are its class."""


def suffix_of(key: str) -> str:
    """The ending of a name in lower case; empty where it is none of a cloud.

    Example:
        >>> suffix_of("a/1.PLY"), suffix_of("b.node_features"), suffix_of("c.png")
        ('.ply', '.node_features', '')
    """
    ending = Path(key).suffix.lower()
    return ending if ending in READERS else ""


def read_cloud(path: Path, name: str, label: str | None = None) -> Cloud:
    """Reads one file, and the labels of its points in a file beside it.

    Args:
        path: The file.
        name: What the cloud is called.
        label: The column of labels of points; by default one that is called so.

    Raises:
        DataError: It is damaged, or holds something else.
    """
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise DataError(f"{name}: expected a point cloud, received '{path.suffix or path.name}'")
    with damage_as_data_error(name, "point cloud"):
        cloud = text.read_text(path, name, label) if read is text.read_text else read(path, name)
        beside = labels_beside(path)
        return cloud if beside is None else with_labels(cloud, beside)


def labels_beside(path: Path) -> Path | None:
    """The file with the labels of the points of a cloud; None where there is none.

    It lies beside the cloud, or as SemanticKITTI has it in `labels/` beside `velodyne/`.
    """
    for ending in BESIDE:
        for place in (path.parent, path.parent.parent / "labels"):
            found = place / f"{path.stem}{ending}"
            if found != path and found.is_file():
                return found
    return None


def with_labels(cloud: Cloud, path: Path) -> Cloud:
    """A cloud with the labels of its points from another file.

    Raises:
        DataError: They are not as many as the points, or no whole numbers.
    """
    found = read_labels(path)
    if len(found) != len(cloud):
        more = " (points without a finite position are left out before)" if cloud.notes else ""
        raise DataError(
            f"{path}: expected a label for each of {len(cloud):,} points{more}, received {len(found):,}"
        )
    return replace(cloud, labels=found)


def read_labels(path: Path) -> npt.NDArray[np.int64]:
    """The labels of the points of one cloud: whole numbers as text, or uint32 whose lower half is the class.

    Raises:
        DataError: They are something else.
    """
    content = path.read_bytes()
    if not content:
        raise DataError(f"{path}: expected labels of points, received an empty file")
    words = content.split()
    if all(word.lstrip(b"-").isdigit() and len(word) < 12 for word in words[:1000]):
        try:
            return np.array(words, np.int64)
        except (ValueError, OverflowError):
            raise DataError(f"{path}: expected whole numbers, received others") from None
    if len(content) % 4:
        raise DataError(f"{path}: expected whole numbers, or uint32, received {len(content):,} bytes")
    raw = np.frombuffer(content, "<u4")
    return np.asarray(raw & np.uint32((1 << _INSTANCES) - 1), np.int64)
