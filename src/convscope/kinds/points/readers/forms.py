"""The forms of files that hold point clouds, by the endings of their names, and what reads each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.parse_errors import damage_as_data_error
from convscope.data.stored_arrays import stored_npy
from convscope.errors import DataError
from convscope.kinds.points.cloud import MOST_POINTS, Cloud, whole_labels
from convscope.kinds.points.readers import others, ply_pcd, text

READERS: dict[str, Callable[[Path, str, str | None], Cloud]] = {
    **dict.fromkeys(ply_pcd.PLY, ply_pcd.read_ply),
    **dict.fromkeys(ply_pcd.PCD, ply_pcd.read_pcd),
    **dict.fromkeys(text.SUFFIXES, text.read_text),
    **dict.fromkeys(others.LAS, others.read_las),
    **dict.fromkeys(others.MESHES, others.read_mesh),
    **dict.fromkeys(others.NUMPY, others.read_numpy),
    **dict.fromkeys(others.KITTI, others.read_kitti),
}
"""By the ending in lower case."""
ONLY_POINTS = frozenset(
    [*ply_pcd.PLY, *ply_pcd.PCD, *others.LAS, *others.MESHES, ".xyz", ".pts", ".node_features"]
)
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
        cloud = read(path, name, label)
        beside = labels_beside(path)
        return cloud if beside is None else with_labels(cloud, beside)


def labels_beside(path: Path) -> Path | None:
    """The file with the labels of the points of a cloud; None where there is none.

    It lies beside the cloud, or in `labels/` beside it or beside its folder, as SemanticKITTI has it, and is
    called as the cloud, in its own folder also with `_labels` behind the name. A text or an array of the same
    name is one where it has a single column.
    """
    for ending in BESIDE:
        for place in (path.parent, path.parent / "labels", path.parent.parent / "labels"):
            found = place / f"{path.stem}{ending}"
            if found != path and found.is_file():
                return found
    if path.parent.name == "labels":
        return None
    near = [path.parent / f"{path.stem}{word}" for word in ("_labels", "_label", "")]
    near += [place / "labels" / path.stem for place in (path.parent, path.parent.parent)]
    for stem in near:
        for ending in (".txt", ".npy"):
            found = stem.with_name(f"{stem.name}{ending}")
            if found != path and found.is_file() and _is_single_column(found):
                return found
    return None


def _is_single_column(path: Path) -> bool:
    """Whether a text begins with a single number, or an array has a single axis."""
    try:
        if path.suffix == ".npy":
            return len(stored_npy(path).shape) == 1
        with path.open("rb") as file:
            return len(file.readline(200).split()) == 1 and len(file.readline(200).split()) <= 1
    except (DataError, OSError):
        return False


def with_labels(cloud: Cloud, path: Path) -> Cloud:
    """A cloud with the labels of its points from another file.

    Raises:
        DataError: They are not as many as the points, or no whole numbers.
    """
    found = read_labels(path)
    if len(found) != cloud.whole:
        raise DataError(
            f"{path}: expected a label for each of {cloud.whole:,} points, received {len(found):,}"
        )
    return replace(cloud, labels=found if cloud.kept is None else found[cloud.kept])


def read_labels(path: Path) -> npt.NDArray[np.int64]:
    """The labels of the points of one cloud: whole numbers as text or an array, or uint32 of SemanticKITTI.

    The lower half of these is the class.

    Raises:
        DataError: They are something else.
    """
    if path.suffix == ".npy":
        return _stored_labels(path)
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


def _stored_labels(path: Path) -> npt.NDArray[np.int64]:
    """Labels in an array of one axis."""
    stored = stored_npy(path)
    if len(stored.shape) != 1 or stored.dtype.kind not in "biuf" or not 0 < stored.shape[0] <= MOST_POINTS:
        raise DataError(
            f"{path}: expected an array of (points,) of whole numbers, received {stored.shape} of"
            f" {stored.dtype}"
        )
    return whole_labels(stored.read(), str(path), path.name)
