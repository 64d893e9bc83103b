"""Whether a path holds point clouds with labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from convscope.data.snapshot import DataSnapshot
from convscope.errors import DataError
from convscope.kinds.contract.kind import Detection
from convscope.kinds.points.cloud import AXES, usual_name
from convscope.kinds.points.detection.box_tables import box_table
from convscope.kinds.points.kind import POINTS_CLASSIFICATION, POINTS_DETECTION, POINTS_SEGMENTATION
from convscope.kinds.points.readers.forms import BESIDE, ONLY_POINTS, READERS, read_cloud

CLASSES, SCENES, OBJECTS = POINTS_CLASSIFICATION.name, POINTS_SEGMENTATION.name, POINTS_DETECTION.name
_SURE = 0.97
_OPENED = 3
_MOST_BYTES = 2**25
"""Size of a file that is read to see what it holds, at most."""
_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
_TRIED = 4
"""Tables that are opened to see whether they have boxes."""
_SWEEPS = ("velodyne", "velodyne_reduced", "sequences")
_BESIDE_XYZ = frozenset(["intensity", "red", "nx", "classification"])


def detect(snapshot: DataSnapshot) -> Detection | None:
    """The surest sign of point clouds; None where there is none.

    Files that only clouds have are one. Text and tables of numbers may be anything: only columns x, y and z
    with a color, a normal or an intensity are taken for points, and numbers without names of which the
    fourth to sixth are normals or colors.
    """
    found = [*_files(snapshot), *_sweeps(snapshot), *_columns(snapshot), *_boxes(snapshot)]
    return max(found, key=lambda each: each.confidence, default=None)


def _files(snapshot: DataSnapshot) -> Iterator[Detection]:
    clouds = snapshot.ending_in(ONLY_POINTS)
    if clouds:
        confidence = _SURE if snapshot.prevails(ONLY_POINTS) else 0.8
        yield Detection(CLASSES, confidence, f"{snapshot.named(clouds[0])} is a point cloud")
        if _has_labels(clouds[0]):
            yield Detection(
                SCENES, confidence + 0.01, f"{snapshot.named(clouds[0])} has a label for each point"
            )


def _has_labels(file: Path) -> bool:
    """Whether the points of a cloud have labels of two kinds at least; no for a large file."""
    try:
        if file.stat().st_size > _MOST_BYTES:
            return False
        labels = read_cloud(file, file.name).labels
    except (DataError, ImportError, OSError, MemoryError):
        return False
    return labels is not None and bool((labels != labels[0]).any())


def _boxes(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Labels of KITTI beside sweeps, and tables beside clouds with a row for each box in space."""
    labels = [
        file
        for file in snapshot.ending_in(frozenset([".txt"]))
        if PurePosixPath(file.as_posix()).parent.name == "label_2"
    ]
    if labels and snapshot.ending_in(frozenset([".bin"])):
        yield Detection(OBJECTS, 0.99, f"{snapshot.named(labels[0])} has boxes as KITTI has them")
    tables = snapshot.ending_in(frozenset(_TABLES))
    alone = len(snapshot.data_files) == 1
    if not (alone or len(tables) > 1 or snapshot.ending_in(frozenset(READERS) - frozenset(_TABLES))):
        return
    likely = sorted(tables, key=lambda file: "box" not in file.stem.lower())
    for file in likely[:_TRIED]:
        if file.stat().st_size <= _MOST_BYTES and box_table(file) is not None:
            reason = f"{snapshot.named(file)} has a row for each box: class, middle, sides"
            yield Detection(OBJECTS, 0.985, reason)


def _sweeps(snapshot: DataSnapshot) -> Iterator[Detection]:
    for file in snapshot.ending_in(frozenset([".bin"]))[:1]:
        if set(_SWEEPS) & set(PurePosixPath(file.as_posix()).parts):
            if snapshot.ending_in(frozenset(BESIDE)):
                yield Detection(SCENES, 0.95, f"{snapshot.named(file)} has a label for each point")
            yield Detection(CLASSES, 0.9, f"{snapshot.named(file)} is a sweep of a laser scanner")


def _columns(snapshot: DataSnapshot) -> Iterator[Detection]:
    """Several tables of points, by names of columns, or by normals or colors behind three of them."""
    tables = snapshot.ending_in(frozenset([".csv", ".txt", ".tsv", ".asc"]))
    inside = [file for file in tables if file.parent != snapshot.path] or tables  # lists lie beside folders
    some = inside[:_OPENED]
    if len(some) < _OPENED:
        return
    heads = [snapshot.table(file) for file in some]
    names = [{usual_name(name) for name in head.first} for head in heads if head is not None and head.named]
    named = len(names) == _OPENED and all(set(AXES) < each and each & _BESIDE_XYZ for each in names)
    if not named and not all(map(_has_normals_or_colors, some)):
        return
    what = "has points in columns x, y and z" if named else "has points with normals or colors"
    yield Detection(CLASSES, 0.95, f"{snapshot.named(some[0])} {what}")
    if any(map(_has_labels, some)):
        yield Detection(SCENES, 0.96, f"{snapshot.named(some[0])} has a label for each point")


def _has_normals_or_colors(file: Path) -> bool:
    """Whether a text without names has normals of length 1, or colors behind numbers that are not whole."""
    try:
        if file.stat().st_size > _MOST_BYTES:
            return False
        cloud = read_cloud(file, file.name)
    except (DataError, ImportError, OSError, MemoryError):
        return False
    whole = bool((cloud.positions == np.rint(cloud.positions)).all())
    return "nx" in cloud.names or ("red" in cloud.names and not whole)
