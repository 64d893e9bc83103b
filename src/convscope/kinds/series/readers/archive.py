"""Files of the UCR and UEA archives, `.ts` and `.arff`, by the loaders of aeon."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from convscope.data.lines import read_lines
from convscope.data.parse_errors import damage_as_data_error
from convscope.errors import BackendError, DataError, install_command
from convscope.kinds.series.readers.sources import Series
from convscope.kinds.series.readers.unlike import why_unlike

ARCHIVE_SUFFIXES = (".ts", ".arff")

_LONGEST_LINE = 2**26
_LONGEST_HEADER = 10_000


def is_archive_file(path: str | Path) -> bool:
    """True of a name that ends as files of the archives do."""
    return str(path).lower().endswith(ARCHIVE_SUFFIXES)


def read_archive_file(
    path: Path, labelled: bool = True, numbers: bool = False, rows: str = "auto"
) -> tuple[list[Series], list[str]]:
    """Reads the series of a `.ts` or `.arff` file.

    Missing values (`?`, `NaN`) are NaN; those at the end of a series are how the archive fills up shorter
    ones, and are cut off. Series may differ in length in `.ts`.

    Args:
        path: The file.
        labelled: Whether each series needs a label.
        numbers: Whether labels are numbers to predict.
        rows: `series` where the user says that each row of an `.arff` file is one, whatever its attributes.

    Returns:
        The series, and the label of each; no labels where the file has none.

    Raises:
        DataError: The file is damaged, empty, holds time stamps or numbers in place of classes, or rows of
            attributes that are no times.
        BackendError: aeon is not installed.
    """
    header = _header(path)
    _check_header(header, path, labelled, numbers)
    at = _place_of_class(header) if path.suffix.lower() == ".arff" else None
    if at is not None:
        series, names = _flat_arff(path, at)
        if labelled and rows != "series":
            _check_attributes(path, header, at, series)
        return series, names
    loaders = _loaders()
    with damage_as_data_error(str(path), f"{path.suffix} file"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load = loaders.load_from_arff_file if path.suffix.lower() == ".arff" else loaders.load_from_ts_file
        cases, labels = load(str(path))
        series = [_series(np.asarray(case, np.float64)) for case in cases]
        names = [str(label).strip() for label in labels] if len(labels) == len(series) else []
    if not series:
        raise DataError(f"{path}: expected series behind @data, received none")
    if labelled and not names:
        raise DataError(f"{path}: expected a class for each series, received none")
    return series, names


def without_padding(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Rows up to the last one in which any value stands; one row where none does."""
    there = np.flatnonzero(~np.isnan(values).all(axis=1))
    return values[: there[-1] + 1 if len(there) else 1]


def named_variables(count: int) -> tuple[str, ...]:
    """Names for variables that have none.

    Example:
        >>> named_variables(1), named_variables(2)
        (('value',), ('value 1', 'value 2'))
    """
    return ("value",) if count == 1 else tuple(f"value {number}" for number in range(1, count + 1))


def _series(case: npt.NDArray[np.float64]) -> Series:
    """From (variables, time) of aeon."""
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(case.T, np.float32)
    values[~np.isfinite(values)] = np.nan
    return Series(without_padding(values), named_variables(values.shape[1]))


def _header(path: Path) -> Sequence[str]:
    """The lines before `@data`, in lower case."""
    found: list[str] = []
    lines = read_lines(path, limit=_LONGEST_LINE)
    try:
        for _, line in lines:
            words = " ".join(line.lower().split())
            if words.startswith("@data"):
                return found
            found.append(words)
            if len(found) > _LONGEST_HEADER:
                break
    finally:
        lines.close()
    raise DataError(f"{path}: expected a line `@data` and series below it, received none")


def _place_of_class(header: Sequence[str]) -> int | None:
    """The position of the only attribute of classes among numbers; None of nested series."""
    attributes = [line for line in header if line.startswith("@attribute")]
    classes = [
        place for place, line in enumerate(attributes) if line.endswith("}") or line.endswith(" string")
    ]
    numbers = sum(line.endswith((" numeric", " real", " integer")) for line in attributes)
    return classes[0] if len(classes) == 1 and numbers == len(attributes) - 1 > 0 else None


def _check_attributes(path: Path, header: Sequence[str], at: int, series: Sequence[Series]) -> None:
    """Refuses rows of attributes that are no times, as most files of Weka and OpenML have them.

    Raises:
        DataError: With the lines that write a table of them.
    """
    attributes = [line.split(maxsplit=1)[1] for line in header if line.startswith("@attribute")]
    names = [name.rpartition(" ")[0].strip("'\" ") for name in attributes]
    width = len(names) - 1
    values = np.array([each.values[:, 0] for each in series if len(each) == width], np.float32)
    why = why_unlike([*names[:at], *names[at + 1 :]], values.reshape(-1, width), named=True)
    if why is not None:
        shown = ", ".join(map(repr, names[:6])) + (", ..." if width > 5 else "")
        raise DataError(
            f"{path}: expected a series in each row, received {width} attributes ({shown}) that are no times:"
            f" {why}",
            hint="Where each row is a time, write the table as CSV: from scipy.io import arff; table ="
            f" pandas.DataFrame(arff.loadarff('{path.name}')[0]); table.to_csv('{path.stem}.csv',"
            " index=False). Where rows are records of unlike things, use gradient boosting, such as"
            " HistGradientBoostingClassifier of scikit-learn. --rows series takes each row for a series.",
        )


def _flat_arff(path: Path, at: int) -> tuple[list[Series], list[str]]:
    """Series of numbers with a class at some place of each row."""
    series, labels, inside = [], [], False
    for number, line in read_lines(path, limit=_LONGEST_LINE):
        text = line.strip()
        if not inside or not text or text.startswith("%"):
            inside = inside or text.lower().startswith("@data")
            continue
        fields = [field.strip() for field in text.split(",")]
        try:
            labels.append(fields.pop(at).strip("'\""))
            numbers = [float("nan") if field == "?" else float(field) for field in fields]
        except (IndexError, ValueError):
            raise DataError(
                f"{path}, line {number}: expected numbers and a class at place {at + 1},"
                f" received {text[:40]!r}"
            ) from None
        series.append(_series(np.asarray([numbers], np.float64)))
    if not series:
        raise DataError(f"{path}: expected series behind @data, received none")
    return series, labels


def _check_header(header: Sequence[str], path: Path, labelled: bool, numbers: bool) -> None:
    if "@timestamps true" in header:
        raise DataError(
            f"{path}: expected series without time stamps, received `@timestamps true`",
            hint="Write it as a table with a column of times.",
        )
    if labelled and not numbers and "@targetlabel true" in header:
        raise DataError(
            f"{path}: expected classes, received numbers to predict (`@targetlabel true`)",
            hint="Use --recipe series-regression.",
        )
    if labelled and not numbers and "@classlabel false" in header:
        raise DataError(f"{path}: expected classes, received `@classlabel false`")


def _loaders() -> Any:
    try:
        from aeon import datasets
    except ImportError as error:
        raise BackendError(
            f"Files of the UCR and UEA archives need the library aeon: {error}.",
            f"Install it: {install_command('series')}",
        ) from error
    return datasets
