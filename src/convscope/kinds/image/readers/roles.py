"""What the columns of a table of images hold, by their names and their content."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from convscope.data.columns import (
    LABEL_COLUMNS,
    PATH_COLUMNS,
    SPLIT_COLUMNS,
    column_of,
    columns_line,
    find_column,
    is_label_name,
)
from convscope.data.groups import group_column
from convscope.data.labels import several_labels
from convscope.data.number_labels import is_number
from convscope.data.tables import PEEKED, Table
from convscope.errors import DataError
from convscope.kinds.image.readers.names import is_image_name

_ONE_OR_NONE = frozenset({"0", "1", "0.0", "1.0", "false", "true"})
_STEP = 100
_UNDECIDED = frozenset({"unknown", "nf", "none", "not face", "no face", "unsure"})
"""Names of columns of votes that are no class: FER+ counts faces that nobody could name, and no faces."""
_FEWEST_VOTED = 3
"""Columns of votes, at least."""
_ONE = frozenset({"1", "1.0", "true"})


@dataclass(frozen=True)
class ImageRoles:
    """The columns of a table that names images.

    Args:
        path: Names the images.
        label: Their class; None where there is none.
        one_hot: One column for each class, with a 1 in the one of each image; empty where there are none.
        votes: Whether these columns count the votes for each class, of which the most decide.
        split: The split of each image; None where there is none.
        group: What belongs together; None where there is none.
        unused: All others.
    """

    path: str
    label: str | None
    one_hot: tuple[str, ...]
    split: str | None
    group: str | None
    unused: tuple[str, ...]
    votes: bool = False

    @property
    def labeled(self) -> bool:
        """Whether there are labels."""
        return self.label is not None or bool(self.one_hot)

    def line(self) -> str:
        """What each column was taken for."""
        roles = [("image", self.path)]
        of_class = "votes" if self.votes else "class"
        roles += [("label", self.label)] if self.label else [(of_class, name) for name in self.one_hot]
        roles += [("split", self.split)] if self.split else []
        roles += [("group", self.group)] if self.group else []
        return columns_line(roles, self.unused)


def find_roles(
    table: Table, exists: Callable[[str], bool], label: str | None = None, group: str | None = None
) -> ImageRoles:
    """Finds the columns of a table that names images.

    Args:
        table: At least one row of it is read.
        exists: Whether a cell names an image that is there.
        label: The column of labels that the user gave.
        group: As the user gave it as `--group`.

    Raises:
        DataError: No column names images, or several columns may be the label.
        UsageError: There is no column that the user named.
    """
    numbered = enumerate(table.rows(table.columns))  # a sorted table begins with many rows of one class
    rows = [tuple(map(_text, cells)) for at, (_, cells) in numbered if at < PEEKED or at % _STEP == 0]
    cells = {name: [row[at] for row in rows] for at, name in enumerate(table.columns)}
    path = _path_column(table, cells, exists)
    at = find_column(table.columns, SPLIT_COLUMNS)
    split = None if at is None else table.columns[at]
    grouping = group_column(table.columns, group)
    others = [name for name in table.columns if name not in (path, split, grouping)]
    chosen = column_of(str(table.path), table.columns, label) if label is not None else None
    one_hot = () if label is not None else _vote_columns(others, cells)
    votes = bool(one_hot)
    if chosen is None and not votes:
        chosen, one_hot = _label_columns(table, others, cells)
    free = dict.fromkeys((*others, *table.unused))
    unused = tuple(name for name in free if name != chosen and name not in one_hot)
    return ImageRoles(path, chosen, one_hot, split, grouping, unused, votes)


def class_of(where: str, roles: ImageRoles, cells: Sequence[object]) -> str | None:
    """The class of one row of one-hot columns, or of votes; None where votes decide for none.

    Raises:
        DataError: Not exactly one of them is 1.
    """
    if roles.votes:
        numbers = [int(_text(cell) or 0) for cell in cells]
        most = [name for name, number in zip(roles.one_hot, numbers, strict=True) if number == max(numbers)]
        return most[0] if len(most) == 1 and most[0].lower() not in _UNDECIDED else None
    held = [name for name, cell in zip(roles.one_hot, cells, strict=True) if _text(cell).lower() in _ONE]
    if len(held) == 1:
        return held[0]
    listed = ", ".join(roles.one_hot[:8])
    raise DataError(
        f"{where}: expected a 1 in exactly one of the columns {listed}, received {len(held)}: several classes"
        " per image (multi-label) are not supported",
        hint=f"Learn them one by one: --label-column {roles.one_hot[0]}.",
    )


def check_single(where: str, label: str) -> None:
    """Refuses a label that lists several classes.

    Raises:
        DataError: Classes stand between `|` in it.
    """
    if "|" in label.strip("|"):
        raise DataError(
            f"{where}: expected one class, received {label!r}: several classes per image (multi-label) are"
            " not supported",
            hint="Keep the rows of one class each, or write a column of one class and give --label-column.",
        )


def _path_column(table: Table, cells: Mapping[str, Sequence[str]], exists: Callable[[str], bool]) -> str:
    """The column of which most cells name images, by their endings or because they are there."""
    usual = find_column(table.columns, PATH_COLUMNS)
    scores = {}
    for name, column in cells.items():
        filled = [cell for cell in column[:50] if cell]
        named = sum(2 * exists(cell) + is_image_name(cell) for cell in filled)
        scores[name] = named / (3 * len(filled)) if filled else 0.0
    best = max(scores, key=lambda name: scores[name], default="")
    if best and scores[best] > 0.25:
        return best
    if usual is not None:
        return table.columns[usual]
    received = ", ".join(table.columns[:20]) or "no columns"
    raise DataError(
        f"{table.path}: expected a column path, received {received}",
        hint=f"Name the column one of {', '.join(PATH_COLUMNS)}; paths are relative to the table's folder.",
    )


def _label_columns(
    table: Table, others: Sequence[str], cells: Mapping[str, Sequence[str]]
) -> tuple[str | None, tuple[str, ...]]:
    """The column of labels, or one column for each class."""
    named = [name for name in others if is_label_name(name)]
    at = find_column(others, LABEL_COLUMNS)
    if at is not None and others[at] not in named:
        named.append(others[at])
    one_hot = tuple(name for name in others if _is_one_hot(cells[name]))
    if not named and len(one_hot) > 1:
        return None, one_hot
    if not named:
        named = [name for name in others if 1 < len(set(cells[name])) <= len(cells[name]) / 2]
    if not named and len(others) == 1 and all(map(is_number, cells[others[0]])):
        named = list(others)
    if len(named) > 1:
        named = _distinct(named, cells)
    if len(named) > 1:
        raise several_labels(table, named)
    return (named[0] if named else None), ()


def _distinct(named: Sequence[str], cells: Mapping[str, Sequence[str]]) -> list[str]:
    """Columns that say different things: of those that say the same, such as number and name, the names."""
    kept: dict[tuple[int, ...], str] = {}
    for name in named:
        numbers: dict[str, int] = {}
        pattern = tuple(numbers.setdefault(cell, len(numbers)) for cell in cells[name])
        if pattern not in kept or (
            kept[pattern] != name and all(c.isdigit() for c in cells[kept[pattern]] if c)
        ):
            kept[pattern] = name
    return list(kept.values())


def _vote_columns(others: Sequence[str], cells: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """All columns of whole numbers, where each row has the same sum of more than 1: so many people voted."""
    numbered = tuple(name for name in others if cells[name] and all(map(str.isdigit, cells[name])))
    if len(numbered) < _FEWEST_VOTED:
        return ()
    sums = {sum(map(int, row)) for row in zip(*(cells[name] for name in numbered), strict=True)}
    voted = len(sums) == 1 and max(sums) > 1 and len(numbered) == len([n for n in others if cells[n]])
    voted = voted and not all(_is_one_hot(cells[name]) for name in numbered)
    return numbered if voted else ()


def _is_one_hot(column: Sequence[str]) -> bool:
    return bool(column) and {cell.lower() for cell in column} <= _ONE_OR_NONE


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()
