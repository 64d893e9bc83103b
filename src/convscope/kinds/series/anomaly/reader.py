"""Series in which anomalies are looked for: a table for each, divided by time.

| what is given | what happens |
|---|---|
| a table | one series; the beginning is for training, the rest for evaluation |
| a folder of tables | a series each, all with the same variables; each is divided by time |
| `train/`, `test/`, perhaps `validation/` | as named; a missing `validation/` is the end of each of train |
| a file or folder of the Numenta Anomaly Benchmark | its windows for evaluation, the probation for training |
| a column of 0 and 1 that is named `anomaly`, or by the user | for evaluation; not a variable |
| times | put in order; steps may differ, as rows are scored and not moments |
| a missing value | scored 0, and forgotten |
| a series of fewer rows than learning needs | `DataError` |
| tables with different variables | `DataError` |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convscope.data.columns import find_column
from convscope.data.listing import Listing
from convscope.data.named_files import is_folder
from convscope.data.split_names import split_of_path
from convscope.data.splits import Splits
from convscope.errors import DataError, UsageError
from convscope.kinds.series.anomaly.windows import BenchmarkLabels, probation, windows_of_marks
from convscope.kinds.series.readers.frames import is_table, read_frame
from convscope.kinds.series.readers.segments import Stream, fingerprint, split_of
from convscope.kinds.series.readers.sources import Series
from convscope.kinds.series.readers.tables import series_of_frame
from convscope.types import Progress, Skipped, SplitName, no_progress

if TYPE_CHECKING:
    import pandas

TRAIN_SHARE = 0.5
"""Share of the rows that is learned from, at the beginning of each series."""
VALIDATION_SHARE = 0.3
"""Share of what is learned from that chooses weights and fills memories, at its end."""
FEWEST = 32
"""Rows that learning needs."""
ANOMALY_COLUMNS = (
    "anomaly",
    "is_anomaly",
    "anomalous",
    "is_anomalous",
    "outlier",
    "is_outlier",
    "anomaly_label",
)

Part = tuple[Stream, int, int]


@dataclass(frozen=True)
class Wanted:
    """What the user said about tables.

    Args:
        time_column: The column of times.
        label_column: The column that marks anomalies.
        train_share: Share of the rows to learn from; None takes the usual one.
        lead: Rows before a stretch that are given as its past.
    """

    time_column: str | None = None
    label_column: str | None = None
    train_share: float | None = None
    lead: int = 128

    def __post_init__(self) -> None:
        if self.train_share is not None and not 0 < self.train_share < 1:
            raise UsageError(
                f"train_share must be between 0 and 1. Received: train_share={self.train_share}."
            )


@dataclass
class Notes:
    """What was done to tables, each line with how many it was done to."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, lines: Sequence[str]) -> None:
        """Counts each line."""
        for line in lines:
            self.counts[line] = self.counts.get(line, 0) + 1

    def lines(self) -> tuple[str, ...]:
        """Each line once."""
        return tuple(line if n == 1 else f"{line} ({n} series)" for line, n in self.counts.items())


def read_streams(
    path: str | Path, *, wanted: Wanted | None = None, progress: Progress = no_progress
) -> Splits:
    """Reads the series below a path and divides each by time.

    Args:
        path: A table, or a folder of tables.
        wanted: Columns and shares that the user chose.
        progress: Is told how many files were read.

    Raises:
        DataError: As the table above says.
        UsageError: A column that is not there.
        BackendError: pandas is not installed.
    """
    place, asked = Path(path), wanted or Wanted()
    keys, skipped = _tables(place)
    benchmark, notes = BenchmarkLabels.around(place), Notes()
    root = str(place if place.is_dir() else place.parent)
    streams = []
    for done, key in enumerate(keys, 1):
        streams.append(read_stream(Path(root, key), key, asked, benchmark, notes))
        progress(done, len(keys), "reading series")
    _check_variables(root, streams)
    parts, decisions = _divided(root, streams, asked, benchmark)
    known = sum(stream.windows is not None for stream in streams)
    labels = (
        f", {known} with known anomalies, used for evaluation only" if known else ", without known anomalies"
    )
    variables = len(streams[0].series.variables)
    rows = sum(map(len, streams))
    return Splits(
        split_of(root, parts["train"]),
        split_of(root, parts["validation"], asked.lead),
        split_of(root, parts["test"], asked.lead),
        class_names=(),
        layout=f"{len(streams)} series of {variables} variables, {rows} rows{labels}",
        fingerprint=fingerprint(streams),
        decisions=(*decisions, *notes.lines()),
        warnings=_warnings(streams),
        skipped=skipped,
    )


def read_stream(
    path: Path, key: str, asked: Wanted, benchmark: BenchmarkLabels | None, notes: Notes
) -> Stream:
    """One table as a series, with the anomalies that are known.

    Raises:
        DataError: The table is malformed.
        UsageError: There is no such column.
        BackendError: pandas is not installed.
    """
    series, label, lines = measured(read_frame(path), asked, str(path))
    notes.add([line for line in lines if not line.startswith("time: column")])
    if label is not None:
        return Stream(key, series, windows_of_marks(label))
    if asked.label_column is not None:
        raise UsageError(
            f"{path} has no column '{asked.label_column}'.", f"It has {', '.join(series.variables)}."
        )
    found = None if benchmark is None else benchmark.windows(path, series.times)
    return Stream(key, series, found)


def measured(
    frame: pandas.DataFrame, asked: Wanted, where: str
) -> tuple[Series, npt.NDArray[np.bool_] | None, tuple[str, ...]]:
    """What was measured, apart from a column that marks anomalies.

    Args:
        frame: A `pandas.DataFrame`.
        asked: Columns that the user chose.
        where: The file, for messages.

    Returns:
        The series, whether each row is marked (None where no column says so), and what was done, a line each.

    Raises:
        DataError: The table is malformed, or the column that marks anomalies holds words.
    """
    names = list(frame.columns)
    at = find_column(names, ANOMALY_COLUMNS if asked.label_column is None else (asked.label_column.lower(),))
    series, lines = series_of_frame(frame, where, time_column=asked.time_column)
    if at is None:
        return series, None, lines
    label = str(names[at])
    if label not in series.variables:
        raise DataError(
            f"{where}, column {label!r}: expected 0 for normal rows and 1 for anomalies, received words"
        )
    others = tuple(name for name in series.variables if name != label)
    if not others:
        raise DataError(f"{where}: expected a column of numbers beside {label!r}, received none")
    marks = np.nan_to_num(series.values[:, series.variables.index(label)]) != 0
    places = [series.variables.index(name) for name in others]
    rest = Series(series.values[:, places], others, series.times)
    return rest, marks, (*lines, f"the column '{label}' marks anomalies and is used for evaluation only")


def _tables(place: Path) -> tuple[list[str], tuple[Skipped, ...]]:
    if not is_folder(place):
        return [place.name], ()
    listing = Listing(str(place))
    keys = listing.files_that(is_table, "no table")
    if not keys:
        raise DataError(f"{place}: expected tables (.csv, .tsv, .parquet), received none")
    return keys, tuple(listing.skipped)


def _check_variables(root: str, streams: Sequence[Stream]) -> None:
    first = streams[0]
    for stream in streams[1:]:
        if set(stream.series.variables) != set(first.series.variables):
            raise DataError(
                f"{Path(root, stream.key)}: expected the variables of {first.key}"
                f" ({', '.join(first.series.variables)}), received {', '.join(stream.series.variables)}",
                hint="Train a run for each kind of series.",
            )


def _divided(
    root: str, streams: Sequence[Stream], asked: Wanted, benchmark: BenchmarkLabels | None
) -> tuple[dict[SplitName, list[Part]], list[str]]:
    named = [split_of_path(stream.key.partition("/")[0]) for stream in streams]
    if "train" in named and "test" in named:
        return _as_named(root, streams, named)
    parts: dict[SplitName, list[Part]] = {"train": [], "validation": [], "test": []}
    for stream in streams:
        rows = len(stream)
        if asked.train_share is not None:
            learned = int(rows * asked.train_share)
        else:
            learned = probation(rows) if benchmark is not None else int(rows * TRAIN_SHARE)
        _learned(root, stream, learned, parts)
        parts["test"].append((stream, learned, rows))
    if asked.train_share is None and benchmark is not None:
        why = "the probationary period of the benchmark (15 %, 750 rows at most)"
    else:
        why = f"the first {asked.train_share or TRAIN_SHARE:.0%} of each series"
    said = f"train: {why}, of which the last {VALIDATION_SHARE:.0%} are validation; test is the rest"
    return parts, [said]


def _as_named(
    root: str, streams: Sequence[Stream], named: Sequence[SplitName | None]
) -> tuple[dict[SplitName, list[Part]], list[str]]:
    parts: dict[SplitName, list[Part]] = {"train": [], "validation": [], "test": []}
    whole = "validation" in named
    for stream, name in zip(streams, named, strict=True):
        if name == "train" and not whole:
            _learned(root, stream, len(stream), parts)
        elif name is not None:
            parts[name].append((stream, 0, len(stream)))
    held = "validation/" if whole else f"the last {VALIDATION_SHARE:.0%} of each series of train/"
    return parts, [f"splits: as the folders are named; validation is {held}"]


def _learned(root: str, stream: Stream, learned: int, parts: dict[SplitName, list[Part]]) -> None:
    """Divides the rows that are learned from."""
    if learned < FEWEST:
        raise DataError(
            f"{Path(root, stream.key)}: expected at least {FEWEST} rows to learn from, received {learned}"
            f" of {len(stream)}",
            hint="Give a larger train_share, or a longer series.",
        )
    cut = learned - int(learned * VALIDATION_SHARE)
    parts["train"].append((stream, 0, cut))
    parts["validation"].append((stream, cut, learned))


def _warnings(streams: Sequence[Stream]) -> tuple[str, ...]:
    """What makes one model for all of them a bad idea."""
    found = []
    for name in streams[0].series.variables:
        spreads = [_spread(stream.series, name) for stream in streams]
        spreads = [spread for spread in spreads if spread > 0]
        if spreads and max(spreads) > 100 * min(spreads):
            found.append(
                f"the series differ more than a hundredfold in how far '{name}' varies, and one model learns"
                " them all; train a run for each"
            )
    return tuple(found)


def _spread(series: Series, name: str) -> float:
    values = series.values[:, series.variables.index(name)]
    known = values[~np.isnan(values)]
    return float(known.std()) if len(known) else 0.0
