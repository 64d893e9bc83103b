"""LAS and LAZ by laspy, arrays of NumPy, sweeps of KITTI, and meshes as points on their surface."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.parse_errors import damage_as_data_error
from convscope.data.stored_arrays import StoredArray, stored_in_archive, stored_npy
from convscope.errors import DataError
from convscope.kinds.points.cloud import AXES, MOST_POINTS, Cloud, mesh_points

LAS = (".las", ".laz")
NUMPY = (".npy", ".npz")
KITTI = (".bin",)
POSITIONS = (
    "points",
    "xyz",
    "pos",
    "positions",
    "coords",
    "coord",
    "coordinates",
    "cloud",
    "pc",
    "data",
    "vertices",
)
"""What an array of positions is called in an archive of one cloud, the surest first."""
_LAS_UNUSED = frozenset(
    [
        *("X", "Y", "Z", "gps_time", "user_data", "point_source_id", "synthetic", "key_point", "withheld"),
        *(
            "overlap",
            "scanner_channel",
            "scan_direction_flag",
            "edge_of_flight_line",
            "bit_fields",
            "raw_classification",
        ),
        *("classification_flags", "flag_byte", "scan_angle_rank", "scan_angle"),
    ]
)
_LAZ_SHARE = 1000
"""Points that a byte of a LAZ file stands for, at most."""
_KITTI_ROW = 4
_GROUPS = {"normals": ("nx", "ny", "nz"), "normal": ("nx", "ny", "nz"), "colors": ("red", "green", "blue")}
_GROUPS |= {"color": _GROUPS["colors"], "rgb": _GROUPS["colors"]}


def read_las(path: Path, name: str, label: str | None = None) -> Cloud:
    """Reads LAS and LAZ with scale and offset, in float64; the classification becomes the labels.

    Raises:
        DataError: The file is damaged, or holds no points.
    """
    import laspy

    size = path.stat().st_size
    with damage_as_data_error(name, "LAS file"), laspy.open(path) as reader:
        head = reader.header
        count, width = int(head.point_count), int(head.point_format.size)
        packed = bool(head.are_points_compressed)
        most = size * _LAZ_SHARE if packed else (size - int(head.offset_to_point_data)) // max(width, 1)
        if not 0 < count <= min(most, MOST_POINTS):
            raise DataError(f"{name}: expected 1 to {min(most, MOST_POINTS):,} points, received {count:,}")
        points = reader.read()
        columns: dict[str, npt.NDArray[Any]] = {
            axis: np.asarray(getattr(points, axis), np.float64) for axis in AXES
        }
        for each in points.point_format.dimension_names:
            values = np.asarray(points[each])
            if each not in _LAS_UNUSED and values.ndim == 1 and values.dtype.kind in "iuf":
                columns[each] = values
    if not np.any(columns.get("classification", 0)):
        columns.pop("classification", None)  # 0 is what was never classified
    return Cloud.of(columns, name, "LAS", label=label)


def read_numpy(path: Path, name: str, label: str | None = None) -> Cloud:
    """Reads an array of (points, 3 or more columns), or an archive of one cloud.

    Raises:
        DataError: The file is damaged, or holds something else.
    """
    if path.suffix.lower() == ".npy":
        return Cloud.of(_of_rows(stored_npy(path)), name, "NumPy array", label=label)
    with damage_as_data_error(name, "NumPy archive"), zipfile.ZipFile(path) as archive:
        keys = [info.filename.removesuffix(".npy") for info in archive.infolist()]
        lower = {key.lower(): key for key in reversed(keys)}
        key = next((lower[each] for each in POSITIONS if each in lower), None)
        if key is None:
            raise DataError(
                f"{name}: expected an array of positions, received {', '.join(keys[:20]) or 'none'}",
                hint="Call it points.",
            )
        columns = dict(_of_rows(stored_in_archive(path, archive, key)))
        count = len(columns["x"])
        for other in keys:
            stored = stored_in_archive(path, archive, other)
            if (
                other != key
                and stored.shape[:1] == (count,)
                and len(stored.shape) < 3
                and stored.dtype.kind in "biuf"
            ):
                columns |= _named(other.lower(), stored.read())
    return Cloud.of(columns, name, "NumPy archive", label=label)


def _of_rows(stored: StoredArray) -> Mapping[str, npt.NDArray[Any]]:
    """The columns of an array of points, checked before it is read."""
    shape = stored.shape
    if len(shape) != 2 or not 3 <= shape[1] <= 4096 or not shape[0] or stored.dtype.kind not in "biuf":
        raise DataError(
            f"{stored.where}: expected an array of (points, 3 or more columns) of numbers, received {shape}"
            " of"
            f" {stored.dtype}"
        )
    if shape[0] > MOST_POINTS:
        raise DataError(f"{stored.where}: expected at most {MOST_POINTS:,} points, received {shape[0]:,}")
    values = stored.read()
    names = [*AXES, *(f"column{at}" for at in range(3, shape[1]))]
    return {each: values[:, at] for at, each in enumerate(names)}


def _named(name: str, values: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """An array beside the positions as columns of its own."""
    if values.ndim == 1:
        return {name: values}
    usual = _GROUPS.get(name)
    if usual is not None and values.shape[1] == len(usual):
        return {each: values[:, at] for at, each in enumerate(usual)}
    return {f"{name}{at}": values[:, at] for at in range(values.shape[1])}


def read_kitti(path: Path, name: str, label: str | None = None) -> Cloud:
    """Reads float32 rows of x, y, z and intensity, as KITTI and SemanticKITTI have them, without a header.

    Raises:
        DataError: The size is not one of whole rows.
    """
    size = path.stat().st_size
    if not size or size % (4 * _KITTI_ROW) or size > 4 * _KITTI_ROW * MOST_POINTS:
        raise DataError(
            f"{name}: expected rows of 4 float32 (x, y, z, intensity), received {size:,} bytes",
            hint="nuScenes has 5 values a row: write its sweeps as .npy.",
        )
    values = np.fromfile(path, "<f4").reshape(-1, _KITTI_ROW)
    return Cloud.of(
        {each: values[:, at] for at, each in enumerate((*AXES, "intensity"))},
        name,
        "KITTI sweep",
        label=label,
    )


MESHES = (".off", ".obj", ".stl")
SAMPLED = 4096
"""Points that are put on the surface of a mesh."""
MOST_BYTES = 2**29


def read_mesh(path: Path, name: str, label: str | None = None) -> Cloud:
    """Reads OFF, OBJ and STL, whose points have no labels.

    Raises:
        DataError: The file is damaged, or has no vertices.
    """
    return surface(path, name, path.suffix[1:].upper())


def surface(path: Path, name: str, form: str) -> Cloud:
    """Points on the surface of a mesh, drawn by area from a fixed seed; its corners where it has no faces.

    Args:
        path: The file.
        name: What the cloud is called.
        form: What the file is.

    Raises:
        DataError: The file is damaged, too large, or has no vertices.
    """
    import trimesh

    size = path.stat().st_size
    if size > MOST_BYTES:
        raise DataError(f"{name}: too large: {size:,} bytes, expected at most {MOST_BYTES:,}")
    with damage_as_data_error(name, f"{form} file"):
        content = io.BytesIO(path.read_bytes())
        loaded = trimesh.load(content, file_type=form.lower(), process=False, skip_materials=True)
        parts = loaded.dump() if isinstance(loaded, trimesh.Scene) else [loaded]
        vertices = np.concatenate([np.asarray(each.vertices, np.float64).reshape(-1, 3) for each in parts])
        starts = np.cumsum([0, *(len(each.vertices) for each in parts)])
        faces = np.concatenate(
            [
                np.asarray(getattr(each, "faces", None) if hasattr(each, "faces") else [], np.int64).reshape(
                    -1, 3
                )
                + start
                for each, start in zip(parts, starts, strict=False)
            ]
        )
        if len(faces) and not 0 <= faces.min() <= faces.max() < len(vertices):
            raise DataError(f"{name}: expected faces of corners that are there, received others")
    if not len(vertices):
        raise DataError(f"{name}: expected a mesh, received no vertices")
    finite = np.isfinite(vertices[faces]).all(axis=(1, 2)) if len(faces) else np.zeros(0, bool)
    points = mesh_points(vertices, faces[finite], SAMPLED)
    return Cloud.of({axis: points[:, at] for at, axis in enumerate(AXES)}, name, form)
