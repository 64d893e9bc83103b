"""Series and labels as stored arrays: `.npz`, or `X_train.npy` beside `y_train.npy`.

| what is there | what it is |
|---|---|
| numbers of shape (series, times), (series, times, variables) or (series, variables, times) | series |
| shape (series,) or (series, 1) beside it | a label each |
| shape (series, classes) with a single 1 in each row | the place of the 1 is the label, said |
| several 1 in a row, objects, other shapes | `DataError` |
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.columns import label_name
from convscope.data.heads import ArrayHead, array_heads
from convscope.data.labels import several_classes
from convscope.data.parse_errors import damage_as_data_error
from convscope.data.split_names import split_of, words_beside
from convscope.errors import DataError
from convscope.kinds.series.readers.archive import named_variables, without_padding
from convscope.kinds.series.readers.frames import MOST_VALUES
from convscope.kinds.series.readers.sources import Doubt, Series, SeriesRows
from convscope.kinds.series.readers.unlike import check_columns, why_doubtful
from convscope.types import SplitName

ARRAY_SUFFIXES = (".npz", ".npy")
_VALUES = frozenset({"x", "data", "series", "signal", "signals", "values", "samples"})
_LABELS = frozenset({"y", "label", "labels", "target", "targets", "classes"})
_OF_GRAPHS = frozenset({"edge", "edges", "adj", "adjacency", "indptr"})
_FEWEST_TIMES = 8
_LONGER = 2
"""How many times as many times as variables there are at least, so that an array is surely one of series."""


@dataclass(frozen=True)
class StoredSeries:
    """Arrays of series and of labels, by the split that their names say; None where they say none.

    Args:
        root: The file, or the folder of the files.
        values: File and array of the series.
        labels: File and array of the labels.
    """

    root: Path
    values: Mapping[SplitName | None, tuple[Path, str]] = field(default_factory=dict)
    labels: Mapping[SplitName | None, tuple[Path, str]] = field(default_factory=dict)


def is_array_file(path: str | Path) -> bool:
    """True of a name that ends as stored arrays do."""
    return str(path).lower().endswith(ARRAY_SUFFIXES)


def find_stored(place: Path, labelled: bool = True) -> StoredSeries | None:
    """The arrays of series at a path; None where there are none.

    Args:
        place: A file, or a folder with files of one array each.
        labelled: Whether labels must be there; else any single array will do.
    """
    heads = dict(_heads(place))
    series = [key for key, head in heads.items() if _is_series(head)]
    values = {split_of(key[1]): key for key in series if _is(key[1], _VALUES)}
    labels = {split_of(key[1]): key for key, head in heads.items() if _is(key[1], _LABELS) and head.shape}
    if not labelled and not values and len(heads) == len(series) == 1:
        values[None] = series[0]
    paired = any(split in labels or not labelled for split in values)
    graph = any(_is(name, _OF_GRAPHS) for _, name in heads)
    return StoredSeries(place, values, labels) if paired and not graph else None


def are_surely_series(place: Path) -> bool:
    """Whether the arrays at a path are no images: of decimals, and of far more times than variables."""
    stored = find_stored(place)
    heads = dict(_heads(place))
    found = [heads[key] for key in stored.values.values()] if stored is not None else []
    return bool(found) and all(
        np.dtype(head.dtype).kind == "f"
        and (len(head.shape) == 2 or max(head.shape[1:]) >= _LONGER * min(head.shape[1:]))
        for head in found
    )


def read_stored(stored: StoredSeries, found: SeriesRows, rows: str, labelled: bool = True) -> str:
    """Adds the series of all splits; returns the layout.

    Args:
        stored: What was found.
        found: Where series are collected.
        rows: What the user said a row is, as `Asked` has it.
        labelled: Whether each series needs a label.

    Raises:
        DataError: Shapes do not fit, arrays are too large, damaged, of objects, or of unlike columns.
    """
    for split, (path, name) in stored.values.items():
        where = str(path) if path.suffix.lower() == ".npy" else f"{path}[{name}]"
        key = name if path == stored.root else path.name
        values = _with_variables_last(_loaded(path, name), where, found)
        if labelled and rows == "auto" and values.shape[2] == 1:
            found.note(where, _checked(values[:, :, 0], where))
        beside = stored.labels.get(split)
        labels = _labels(*beside, len(values), where, found) if beside is not None and labelled else None
        variables = named_variables(values.shape[2])
        for row, array in enumerate(values):
            series = Series(without_padding(np.ascontiguousarray(array, np.float32)), variables)
            label = None if labels is None else labels[row]
            found.add(f"{where}#{row}", f"{key}#{row}", series, label, split)
    shown = ", ".join(name for _, name in stored.values.values())
    return f"arrays of series: {shown}"


def _heads(place: Path) -> Iterator[tuple[tuple[Path, str], ArrayHead]]:
    files = [place] if place.is_file() and is_array_file(place) else []
    if place.is_dir():
        inside = sorted(each for each in place.iterdir() if each.is_file() and is_array_file(each))
        files = inside if all(each.suffix.lower() == ".npy" for each in inside) else inside[:1]
    for file in files:
        for name, head in array_heads(file).items():
            yield (file, name), head


def _is(name: str, words: frozenset[str]) -> bool:
    return bool(words_beside(name) & words)


def _is_series(head: ArrayHead) -> bool:
    numbers = np.dtype(head.dtype).kind in "fiub"
    return numbers and len(head.shape) in (2, 3) and all(head.shape) and max(head.shape[1:]) >= _FEWEST_TIMES


def _loaded(path: Path, name: str) -> npt.NDArray[Any]:
    head = array_heads(path)[name]
    if math.prod(head.shape) > MOST_VALUES:
        raise DataError(f"{path}: the array {name} has more than {MOST_VALUES:,} values", "Use fewer series.")
    with damage_as_data_error(str(path), "array"):
        read = np.load(path, allow_pickle=False)
        values: npt.NDArray[Any] = read if isinstance(read, np.ndarray) else read[name]
    return values


def _with_variables_last(values: npt.NDArray[Any], where: str, found: SeriesRows) -> npt.NDArray[Any]:
    """Shape (series, times, variables); times are the longer axis."""
    if values.ndim == 2:
        return values[:, :, None]
    first = values.shape[2] > values.shape[1]
    shown = "(series, variables, times)" if first else "(series, times, variables)"
    found.note(where, [f"axes: {values.shape} is {shown}, because there are more times than variables"])
    return values.transpose(0, 2, 1) if first else values


def _checked(values: npt.NDArray[Any], where: str) -> list[Doubt]:
    """What is to be worried about in a table of numbers; refuses one of unlike columns."""
    numbers = values.astype(np.float32)
    check_columns(where, [str(number + 1) for number in range(numbers.shape[1])], numbers, False, None)
    doubt = why_doubtful(numbers)
    return [] if doubt is None else [Doubt(doubt)]


def _labels(path: Path, name: str, count: int, beside: str, found: SeriesRows) -> list[str]:
    values, where = _loaded(path, name), f"{path}[{name}]"
    if len(values) != count:
        raise DataError(f"{where}: expected {count} labels, as {beside} has series, received {len(values)}")
    if values.ndim == 2 and values.shape[1] > 1:
        if not np.isin(values, (0, 1)).all():
            raise DataError(
                f"{where}: expected one label for each series, received shape {values.shape}",
                hint="Save one array of labels: of probabilities, numpy.argmax(y, axis=1).",
            )
        if not np.all(values.sum(axis=1) == 1):
            raise several_classes(where, [f"column {at}" for at in range(values.shape[1])])
        found.note(where, ["labels: the place of the 1 in each row, counted from 0"])
        values = values.argmax(axis=1)
    flat = values.reshape(count, -1)
    if flat.shape[1] != 1:
        raise DataError(f"{where}: expected one label for each series, received shape {values.shape}")
    return [label_name(f"{where}#{row}", value) for row, value in enumerate(flat[:, 0].tolist())]
