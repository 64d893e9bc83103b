"""A point cloud: positions in float64, and the features that its file gives each point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from convscope.errors import DataError

AXES = ("x", "y", "z")
MOST_POINTS = 2**27
"""Points of one cloud at most."""
LABEL_NAMES = (
    *("label", "labels", "classification", "class", "class_id", "semantic", "semantic_label", "node_label"),
    *("category", "segment", "part", "target", "y_label"),
)
"""What a column of labels of points is called, in lower case."""
UNUSED_NAMES = frozenset(
    [
        *("id", "node_id", "point_id", "index", "idx", "row", "instance", "instance_id", "object_id"),
        *("time", "timestamp", "t", "gps_time", "gpstime"),
    ]
)
"""Columns that number points or tell when they were measured, which no model learns from."""
SAME_NAMES = {
    **{"r": "red", "g": "green", "b": "blue", "diffuse_red": "red", "diffuse_green": "green"},
    **{"diffuse_blue": "blue", "normal_x": "nx", "normal_y": "ny", "normal_z": "nz"},
    **{
        "reflectance": "intensity",
        "remission": "intensity",
        "i": "intensity",
    },
}
"""Names of one thing, by which files of several tools agree."""

Columns = Mapping[str, npt.NDArray[np.generic]]
"""What a file holds of each point by name, each of shape (points,)."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points and what is known of each.

    Args:
        positions: Shape (points, 3), float64, as the file has them: in a unit that few files say.
        features: Shape (points, features), float32, finite.
        names: Of the features.
        name: What the cloud is called.
        form: What its file is, such as `PLY`.
        labels: What the file says that each point is, shape (points,), int64; None where it does not.
        notes: What should be known of it, one line each.
        kept: Where its points stand in the file, shape (points,); None where all of them are taken.
        whole: Points of the file.
    """

    positions: npt.NDArray[np.float64]
    features: npt.NDArray[np.float32]
    names: tuple[str, ...]
    name: str
    form: str
    labels: npt.NDArray[np.int64] | None = None
    notes: tuple[str, ...] = field(default=())
    kept: npt.NDArray[np.int64] | None = None
    whole: int = 0

    def __len__(self) -> int:
        return len(self.positions)

    @classmethod
    def of(
        cls, columns: Columns, name: str, form: str, notes: Sequence[str] = (), label: str | None = None
    ) -> Cloud:
        """From the columns of a file.

        Points whose position is not finite are left out, and features that are not finite become the median
        of the others, with a note.

        Args:
            columns: Among them `x`, `y` and `z`, in letters of either case.
            name: What the cloud is called.
            form: What its file is.
            notes: What its reader has to say.
            label: The column of labels; by default one that is called so.

        Raises:
            DataError: A coordinate is missing, there is no point, or none has a finite position.
        """
        named = {usual_name(key): values for key, values in columns.items()}
        missing = [axis for axis in AXES if axis not in named]
        if missing:
            raise DataError(
                f"{name}: expected columns x, y and z, received {', '.join(map(repr, list(columns)[:20]))}",
                hint="Name the coordinates x, y and z, or leave the names out and put them first.",
            )
        positions = np.stack([np.asarray(named[axis], np.float64) for axis in AXES], axis=1)
        finite: npt.NDArray[np.bool_] = np.asarray(np.isfinite(positions).all(axis=1))
        said = list(notes)
        if not finite.any():
            raise DataError(
                f"{name}: expected points, received {len(finite) or 'none'}"
                + (" without a finite position" if len(finite) else "")
            )
        if not finite.all():
            said.append(f"{name}: {int((~finite).sum()):,} points without a finite position are left out")
        of_label = _label_column(named, label, name)
        labels = None if of_label is None else whole_labels(named[of_label][finite], name, of_label)
        kept = [key for key in named if key not in (*AXES, of_label) and key not in UNUSED_NAMES]
        features = np.zeros((int(finite.sum()), len(kept)), np.float32)
        for at, key in enumerate(kept):
            features[:, at], wrong = _mended(np.asarray(named[key][finite], np.float64))
            if wrong:
                said.append(f"{name}: {wrong:,} values of {key!r} are not finite, and become its median")
        rows = None if finite.all() else np.flatnonzero(finite).astype(np.int64)
        return cls(
            positions[finite], features, tuple(kept), name, form, labels, tuple(said), rows, len(finite)
        )

    def only(self, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """Some features, in this order, shape (points, names).

        Raises:
            DataError: The cloud lacks one.
        """
        missing = [each for each in names if each not in self.names]
        if missing:
            raise DataError(
                f"{self.name}: expected the features {', '.join(names)}, received"
                f" {', '.join(self.names) or 'none'}",
                hint="Give clouds with the features that the model was trained with, or train with"
                " --attributes none.",
            )
        return self.features[:, [self.names.index(each) for each in names]]

    def take(self, rows: npt.NDArray[np.int64]) -> Cloud:
        """The same cloud with some of its points."""
        labels = None if self.labels is None else self.labels[rows]
        kept = rows if self.kept is None else self.kept[rows]
        return replace(
            self, positions=self.positions[rows], features=self.features[rows], labels=labels, kept=kept
        )


def usual_name(name: str) -> str:
    """What a column is called in all files, of whatever tool they are."""
    plain = name.strip().strip('"').lower().removeprefix("//").strip()
    plain = plain.removeprefix("scalar_field_").removeprefix("scalar_")  # of CloudCompare
    return SAME_NAMES.get(plain, plain)


def _label_column(named: Columns, given: str | None, name: str) -> str | None:
    """The column of labels: the one that is asked for, or one that is called so."""
    if given is None:
        return next((each for each in LABEL_NAMES if each in named), None)
    asked = usual_name(given)
    names = list(named)
    if asked in named:
        return asked
    if asked.lstrip("-").isdigit() and -len(names) <= int(asked) < len(names):
        return names[int(asked)]
    raise DataError(
        f"{name}: expected a column {given!r} of labels, received {', '.join(map(repr, names[:20]))}",
        hint="Name the column of labels as the file does, or give its position from 0.",
    )


def whole_labels(values: npt.NDArray[np.generic], name: str, column: str) -> npt.NDArray[np.int64]:
    """Labels as whole numbers."""
    numbers = np.asarray(values, np.float64)
    wrong = ~np.isfinite(numbers) | (numbers != np.rint(numbers)) | (np.abs(numbers) > 2**31)
    if wrong.any():
        raise DataError(
            f"{name}: expected whole numbers as labels of points in {column!r}, received"
            f" {numbers[wrong][0]:g} at point {int(np.flatnonzero(wrong)[0])}",
            hint="Give another column: --label-column.",
        )
    return numbers.astype(np.int64)


def _mended(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float32], int]:
    """Values with those that float32 cannot hold replaced by the median of the others, and how many."""
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    finite = np.isfinite(numbers)
    if finite.all():
        return numbers, 0
    middle = np.median(numbers[finite]) if finite.any() else np.float32(0)
    return np.where(finite, numbers, middle).astype(np.float32), int((~finite).sum())


def mesh_points(
    vertices: npt.NDArray[np.float64], faces: npt.NDArray[np.int64], count: int, seed: int = 0
) -> npt.NDArray[np.float64]:
    """Points on the surface of triangles, as dense everywhere; the corners where it has no area.

    Args:
        vertices: Shape (vertices, 3).
        faces: Corners of each triangle, shape (triangles, 3).
        count: How many points.
        seed: The same one gives the same points.

    Returns:
        Shape (count, 3), or the vertices.
    """
    corners = vertices[faces]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = np.linalg.norm(np.cross(first, second), axis=1)
    areas[~np.isfinite(areas)] = 0
    if not areas.sum() > 0:
        return vertices
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(faces), count, p=areas / areas.sum())
    along = rng.random((count, 2))
    outside = along.sum(axis=1) > 1
    along[outside] = 1 - along[outside]
    return np.asarray(
        corners[chosen, 0] + along[:, :1] * first[chosen] + along[:, 1:] * second[chosen], np.float64
    )
