"""Series and labels in files of their own: `X_train.txt` beside `y_train.txt`, a row for each series.

| what is there | what it is |
|---|---|
| `X_train`, `y_train`, also with other splits, in one folder or in `train/` and `test/` | series and labels |
| `Inertial Signals/` with a file for each channel, such as `acc_x_train.txt` | the series, in place of X |
| `subject_train` | the group of each series |
| `activity_labels` or `labels` with a number and a name in each row | names of classes |
| `features` with a number and a name for each column of X, which do not count | `DataError`: X is no series |
| `X_train` with ids that repeat and `y_train` with one row for each id | a long table with labels |
| files of other numbers of rows | `DataError` |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from convscope.data.columns import column_of, find_column
from convscope.data.found_encoding import found_encoding
from convscope.data.lines import read_lines
from convscope.data.split_names import split_of
from convscope.errors import DataError
from convscope.kinds.series.readers.archive import named_variables, without_padding
from convscope.kinds.series.readers.frames import MOST_VALUES, is_table, pandas_library, read_frame
from convscope.kinds.series.readers.sources import Doubt, Series, SeriesRows
from convscope.kinds.series.readers.table_layouts import read_table_series
from convscope.kinds.series.readers.table_roles import ID_COLUMNS, Asked
from convscope.kinds.series.readers.table_series import labels_of
from convscope.kinds.series.readers.unlike import check_columns, names_count, unlike_error, why_doubtful
from convscope.types import SplitName

CHANNELS = "inertial signals"
"""The folder with a file for each channel, in lower case."""

_NAME = re.compile(r"(?P<what>x|y|subject|subjects|group|groups)[-_]?(?P<split>[a-z]+)", re.IGNORECASE)
_CLASS_NAMES = ("activity_labels", "labels", "class_names", "classes")
_FEATURE_NAMES = ("features", "feature_names")
_DEEPEST = 3


@dataclass
class _Part:
    """The files of a split."""

    split: SplitName
    values: Path | None = None
    labels: Path | None = None
    groups: Path | None = None
    channels: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Matrices:
    """Series and labels in files of their own.

    Args:
        root: The folder.
        parts: Of each split.
        class_names: What labels that are numbers stand for; empty where nothing says so.
        features: What the columns of a table of features are called; empty where nothing says so.
    """

    root: Path
    parts: tuple[_Part, ...]
    class_names: Mapping[str, str]
    features: tuple[str, ...] = ()


def find_matrices(place: Path, labelled: bool = True, encoding: str | None = None) -> Matrices | None:
    """The matrices of a folder or of folders in it; None where there are none.

    Args:
        place: A folder.
        labelled: Whether some must have labels.
        encoding: Of text; detected by default.
    """
    if not place.is_dir():
        return None
    parts: dict[SplitName, _Part] = {}
    class_names: dict[str, str] = {}
    features: tuple[str, ...] = ()
    for path in _tables(place):
        stem = path.name.partition(".")[0]
        named = _NAME.fullmatch(stem)
        split = split_of(named["split"]) if named is not None else None
        if path.parent.name.lower() == CHANNELS:
            channel, _, ending = stem.rpartition("_")
            of_channel = split_of(ending)
            if of_channel is not None:
                parts.setdefault(of_channel, _Part(of_channel)).channels[channel] = path
        elif named is not None and split is not None:
            part = parts.setdefault(split, _Part(split))
            what = {"x": "values", "y": "labels"}.get(named["what"].lower(), "groups")
            setattr(part, what, path)
        elif stem.lower() in _CLASS_NAMES and not class_names:
            class_names = _numbered_names(path, encoding)
        elif stem.lower() in _FEATURE_NAMES and not features:
            features = tuple(_numbered_names(path, encoding).values())
    whole = [part for part in parts.values() if part.values or part.channels]
    found = [part for part in whole if part.labels is not None or part.split != "train" or not labelled]
    able = any(part.labels is not None for part in found) or not labelled
    return Matrices(place, tuple(found), class_names, features) if found and able else None


def read_matrices(matrices: Matrices, found: SeriesRows, asked: Asked) -> str:
    """Adds the series of all splits; returns the layout.

    Args:
        matrices: What was found.
        found: Where series are collected.
        asked: Options that the user gave.

    Raises:
        DataError: Files have different numbers of rows, or hold no numbers.
    """
    encoding = asked.measuring.encoding
    for part in matrices.parts:
        if part.channels or part.values is None:
            _add_rows(part, _of_channels(part, encoding), matrices, found, encoding)
        else:
            _add_values(part, part.values, matrices, found, asked)
    if any(part.groups for part in matrices.parts):
        found.grouped_by = "files of subjects"
    some = matrices.parts[0]
    shown = ", ".join(some.channels) if some.channels else some.values.name if some.values else ""
    return f"series of {shown} with labels of {some.labels.name if some.labels else 'no file'}"


def _tables(place: Path) -> Iterator[Path]:
    found = (path for path in sorted(place.rglob("*")) if len(path.relative_to(place).parts) <= _DEEPEST + 1)
    for path in found:
        if path.is_file() and (is_table(path) or path.suffix.lower() == ".txt") and path.name[0] != ".":
            yield path


def _numbered_names(path: Path, encoding: str | None) -> dict[str, str]:
    lines = read_lines(path, found_encoding(path, encoding).name)
    rows = [line.split(None, 1) for _, line in lines if line.strip()]
    fits = rows and all(len(row) == 2 and row[0].isdigit() for row in rows)
    return {number: name.strip() for number, name in rows} if fits else {}


def _of_channels(part: _Part, encoding: str | None) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    """Values of shape (series, time, channels), and the names of the channels."""
    values = {name: _matrix(path, encoding) for name, path in part.channels.items()}
    shapes = {array.shape for array in values.values()}
    if len(shapes) > 1:
        raise DataError(
            f"{next(iter(part.channels.values())).parent}: expected as many rows and columns in each channel,"
            f" received {', '.join(f'{name} {array.shape}' for name, array in values.items())}"
        )
    return np.stack(list(values.values()), axis=2), tuple(values)


def _matrix(path: Path, encoding: str | None) -> npt.NDArray[np.float32]:
    frame = read_frame(path, encoding)
    if frame.size > MOST_VALUES:
        raise DataError(f"{path}: the table has more than {MOST_VALUES:,} values")
    numbers = frame.apply(pandas_library().to_numeric, errors="coerce")
    values: npt.NDArray[np.float32] = numbers.to_numpy(dtype=np.float32, na_value=np.nan)
    return values


def _add_values(part: _Part, path: Path, matrices: Matrices, found: SeriesRows, asked: Asked) -> None:
    """Adds the series of one table: its rows, or rows of one id each."""
    encoding = asked.measuring.encoding
    frame = read_frame(path, encoding)
    labels = None if part.labels is None else read_frame(part.labels, encoding)
    names = [str(name) for name in frame.columns]
    at = find_column(names, ID_COLUMNS) if asked.id_column is None else None
    ids = (
        column_of(str(path), names, asked.id_column) if asked.id_column else None if at is None else names[at]
    )
    if labels is not None and ids is not None and ids in labels.columns and len(labels) != len(frame):
        others = [str(name) for name in labels.columns if name != ids]
        label = asked.label_column if asked.label_column in others else others[-1]
        merged = frame.merge(labels[[ids, label]].rename(columns={label: "label"}), on=ids, how="left")
        said = Asked(ids, "label", "auto", asked.group, asked.measuring, asked.numbers)
        table = read_table_series(merged, str(path), said, labelled=True)
        found.note(path.name, table.notes)
        for key, one, name in zip(table.keys, table.series, table.labels, strict=True):
            found.add(f"{path}#{key}", f"{_key(path, matrices)}#{key}", one, name, part.split)
        return
    if asked.rows == "auto":
        values = _matrix(path, encoding)
        named = names != [str(number + 1) for number in range(len(names))]
        if len(matrices.features) == len(names) and not names_count(matrices.features):
            raise unlike_error(str(path), matrices.features, "a file beside names them as features", None)
        check_columns(str(path), names, values, named, None)
        doubt = why_doubtful(values)
        found.note(path.name, [] if doubt is None else [Doubt(doubt)])
    _add_rows(part, (_matrix(path, encoding)[:, :, None], named_variables(1)), matrices, found, encoding)


def _add_rows(
    part: _Part,
    taken: tuple[npt.NDArray[np.float32], tuple[str, ...]],
    matrices: Matrices,
    found: SeriesRows,
    encoding: str | None,
) -> None:
    values, variables = taken
    path = part.values or next(iter(part.channels.values()))
    labels = _column(part.labels, len(values), path, encoding) or [None] * len(values)
    groups = _column(part.groups, len(values), path, encoding) or [None] * len(values)
    key = _key(path, matrices)
    for row, (array, label, group) in enumerate(zip(values, labels, groups, strict=True), 1):
        series = Series(without_padding(array), variables)
        name = None if label is None else matrices.class_names.get(label, label)
        found.add(f"{path}#{row}", f"{key}#{row}", series, name, part.split, group)


def _column(path: Path | None, count: int, beside: Path, encoding: str | None) -> Sequence[str | None] | None:
    """The last column of a table that has a row for each series."""
    if path is None:
        return None
    frame = read_frame(path, encoding)
    if len(frame) != count:
        raise DataError(f"{path}: expected {count} rows, as {beside.name} has, received {len(frame)}")
    return labels_of(frame[frame.columns[-1]], str(path))


def _key(path: Path, matrices: Matrices) -> str:
    return path.relative_to(matrices.root).as_posix()
