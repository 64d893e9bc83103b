"""Columns that could hold the labels: which say the same in other words, and which leave a choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convscope.data.tables import Table
from convscope.errors import DataError

MOST_CLASSES = 2000
"""Classes of two columns that are compared, and those that are counted for a message."""


def same_labels(table: Table, label: str, others: Sequence[str]) -> tuple[str, ...]:
    """The columns that say the same as the labels in other words, such as numbers beside names.

    Such a column is no input, since the label follows from it.

    Args:
        table: The table, of which all rows are looked at.
        label: The column of labels.
        others: Columns that are compared.

    Returns:
        Those of which each value stands beside one label, and each label beside one value.
    """
    if not others:
        return ()
    there: dict[str, dict[object, object]] = {name: {} for name in others}
    back: dict[str, dict[object, object]] = {name: {} for name in others}
    for _, (raw, *cells) in table.rows([label, *others]):
        value = _plain(raw)
        for name, cell in zip(others, cells, strict=True):
            if name not in there:
                continue
            other = _plain(cell)
            fits = (
                there[name].setdefault(value, other) == other and back[name].setdefault(other, value) == value
            )
            if not fits or len(there[name]) > MOST_CLASSES:
                del there[name]
        if not there:
            return ()
    return tuple(name for name, pairs in there.items() if len(pairs) > 1)


def several_labels(table: Table, names: Sequence[str]) -> DataError:
    """The error where several columns could hold the labels: it lists them with their classes.

    Args:
        table: The table, of which all rows are looked at.
        names: The columns that could.
    """
    classes: dict[str, dict[str, None]] = {name: {} for name in names}
    for _, cells in table.rows(names):
        for found, cell in zip(classes.values(), cells, strict=True):
            if len(found) <= MOST_CLASSES and cell is not None and cell != "":
                found[str(cell)] = None
    return label_choice(str(table.path), {name: list(found) for name, found in classes.items()})


def label_choice(where: str, classes: Mapping[str, Sequence[str]]) -> DataError:
    """The error of `several_labels` for columns whose classes are known.

    Args:
        where: The file, for messages.
        classes: The columns that could hold the labels, with the classes in each.
    """
    listed = "; ".join(_described(name, found) for name, found in list(classes.items())[:8])
    listed += f"; and {len(classes) - 8} more" if len(classes) > 8 else ""
    return DataError(
        f"{where}: expected one column of labels, received {len(classes)} that could be it: {listed}",
        hint=f"Choose one, such as --label-column {next(iter(classes))}.",
    )


def _described(name: str, classes: Sequence[str]) -> str:
    shown = ", ".join(each[:20] for each in classes[:3])
    count = f"more than {MOST_CLASSES:,}" if len(classes) > MOST_CLASSES else f"{len(classes)}"
    return f"'{name}' ({count} classes: {shown}{', ...' if len(classes) > 3 else ''})"


def _plain(value: object) -> object:
    """What can be compared; lists and objects by their text."""
    return value if isinstance(value, str | int | float) or value is None else str(value)
