"""Tables and JSON with a row for each box of a cloud."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from convscope.data.columns import PATH_COLUMNS, SPLIT_COLUMNS, columns_line, find_column, split_name
from convscope.data.file_index import FileIndex
from convscope.data.split_names import split_of_path
from convscope.data.tables import Table, open_table, table_kind
from convscope.errors import DataError
from convscope.kinds.points.detection.boxes import COLUMNS
from convscope.kinds.points.detection.labels import Label, label_of_row
from convscope.kinds.points.detection.sources import BoxedClouds
from convscope.types import Skipped, SplitName

_ROLES: dict[str, tuple[str, ...]] = {
    "cloud": ("cloud", "sample", "scan", "points", "frame", *PATH_COLUMNS, "id"),
    "class": ("class", "class_name", "label", "label_name", "category", "type", "name"),
    "x": ("x", "center_x", "x_center", "cx", "tx"),
    "y": ("y", "center_y", "y_center", "cy", "ty"),
    "z": ("z", "center_z", "z_center", "cz", "tz"),
    "length": ("length", "l", "dx", "size_x"),
    "width": ("width", "w", "dy", "size_y"),
    "height": ("height", "h", "dz", "size_z"),
    "heading": ("heading", "yaw", "rotation", "rotation_z", "rz", "angle", "theta"),
    "ignored": ("ignored", "ignore", "difficult"),
    "split": SPLIT_COLUMNS,
}
"""Names of the columns of each role, the surest first."""
_NEEDED = ("cloud", "class", "x", "y", "z", "length", "width", "height")
_BOX = ("class", *COLUMNS[:6])


@dataclass
class ReadBoxes:
    """What is known of clouds before they are read.

    Args:
        labels: Of each cloud by its key: boxes, or what reads them.
        splits: Of each cloud.
        decisions: One line each.
        skipped: What was left out.
        kitti: Whether it is KITTI's form.
    """

    labels: dict[str, list[Label] | Callable[[BoxedClouds, int], list[Label]]] = field(default_factory=dict)
    splits: dict[str, SplitName | None] = field(default_factory=dict)
    decisions: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    kitti: bool = False


@dataclass(frozen=True, eq=False)
class SpaceBoxTable:
    """A table of boxes, and the column of each role."""

    table: Table
    columns: dict[str, str]


def box_table(path: Path) -> SpaceBoxTable | None:
    """A table that has a row for each box; None where a file is none."""
    kind = table_kind(path)
    if kind is None:
        return None
    try:
        table = open_table(path, kind, roles=list(_ROLES.values()))
    except DataError:
        return None
    columns: dict[str, str] = {}
    for role, aliases in _ROLES.items():
        free = [name if name not in columns.values() else "" for name in table.columns]
        at = find_column(free, aliases)
        if at is not None:
            columns[role] = table.columns[at]
    return SpaceBoxTable(table, columns) if all(role in columns for role in _NEEDED) else None


def add_table(found: SpaceBoxTable, clouds: Sequence[str], made: ReadBoxes) -> None:
    """Adds the clouds that a table names, with their boxes; a row without numbers is a cloud without any.

    Raises:
        DataError: A cell is no number or cannot be, or a split is unknown.
    """
    index, table, roles = FileIndex(clouds), found.table, list(found.columns)
    unused = [name for name in table.columns if name not in found.columns.values()]
    made.decisions += [*table.decisions, columns_line(list(found.columns.items()), unused)]
    for number, cells in table.rows(list(found.columns.values())):
        row = dict(zip(roles, cells, strict=True))
        place, named = table.where(number), str(row["cloud"] or "").strip()
        key = (index.find(named) or index.find(Path(named).name)) if named else None
        if key is None:
            reason = f"named by {table.path.name}, but not there"
            made.skipped.append(Skipped(named or place, reason))
            continue
        labels = made.labels.setdefault(key, [])
        said = str(row.get("split") or "").strip()
        made.splits[key] = split_name(place, said) if said else made.splits.get(key) or split_of_path(key)
        if isinstance(labels, list) and any(str(row[role] or "").strip() for role in _BOX):
            labels.append(label_of_row(place, row))
    unnamed = sum(key not in made.labels for key in clouds)
    if unnamed:
        made.decisions.append(f"clouds: {unnamed} that no row names are left out")
