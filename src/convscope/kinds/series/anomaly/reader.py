"""Series in which anomalies are looked for: a table for each, divided by time.

| what is given | what happens |
|---|---|
| a table | one series; the beginning is for training, the rest for evaluation |
| a column of ids, beside which each time stands once | a series for each id, said |
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

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from convscope.data.file_labels import words_of
from convscope.data.listing import Listing
from convscope.data.named_files import STANDARD_INPUT, files_of, is_folder, nothing_in
from convscope.data.split_names import split_of_path
from convscope.data.splits import Splits
from convscope.errors import DataError, UsageError
from convscope.kinds.series.anomaly.surprisal import HELD
from convscope.kinds.series.anomaly.tables import TRAIN_SHARE, Notes, Wanted, measured_each
from convscope.kinds.series.anomaly.windows import BenchmarkLabels, windows_of_marks
from convscope.kinds.series.readers.frames import is_series_table
from convscope.kinds.series.readers.segments import SegmentInputs, Stream, fingerprint, split_of, stretch
from convscope.kinds.series.readers.sources import Doubt, Series, changes_of
from convscope.types import Progress, Skipped, SplitName, no_progress

CLASSIFIED = "series-classification"
FEWEST = 32
"""Rows that learning needs."""
UNLIKE = 1.0
"""Times that a variable varies within series: where series are further apart than that, they are unlike."""
UNLIKE_SPREAD = 5.0
"""How many times as far as in another series a variable may vary in one that is like it."""
Part = tuple[Stream, int, int]


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
    streams = _read_all(root, keys, asked, benchmark, notes, progress)
    settled = notes.forms.settled(str(place))
    if settled is not None:
        asked, notes = replace(asked, measuring=replace(asked.measuring, time_format=settled)), Notes()
        streams = _read_all(root, keys, asked, benchmark, notes, progress)
    streams, short = _long_enough(streams, asked)
    _check_variables(root, streams)
    parts, decisions = _divided(root, streams, asked, benchmark)
    own, why = _own(streams, asked, apart=not any(stream.normal for stream, _, _ in parts["train"]))
    variables = len(streams[0].series.variables)
    rows = sum(map(len, streams))
    return Splits(
        split_of(root, parts["train"], own=own),
        split_of(root, parts["validation"], asked.lead, own=own),
        split_of(root, parts["test"], asked.lead, own=own),
        class_names=(),
        layout=f"{len(streams)} series of {variables} variables, {rows} rows{_truth(streams, asked)}",
        fingerprint=fingerprint(streams),
        decisions=(*decisions, *_context(parts, asked.lead), *why, *notes.lines()),
        warnings=(*notes.lines(doubts=True), *short, *_warnings(streams, own, asked, benchmark)),
        skipped=skipped,
        reading={
            **({} if asked.forecast else {"per_series": own}),
            **({} if notes.ids is None else {"id_column": notes.ids}),
            **({} if notes.forms.form is None else {"time_format": notes.forms.form}),
        },
    )


def _context(parts: Mapping[SplitName, Sequence[Part]], lead: int) -> list[str]:
    """What is said of rows that validation and test samples have before those that they are named by."""
    starts = [start for name in ("validation", "test") for _, start, _ in parts[name]]
    before = min(lead, max(starts, default=0))
    counted = f"context: validation and test samples begin up to {before} rows before those of their names"
    return [f"{counted}, as the past that the model reads; these rows are not judged"] if before else []


def _long_enough(streams: list[Stream], asked: Wanted) -> tuple[list[Stream], tuple[str, ...]]:
    """The series without those of a few rows beside longer ones in one table, and the warning of these."""
    short = [stream for stream in streams if "#" in stream.key and asked.learned(len(stream)) < FEWEST]
    if not short or len(short) == len(streams):
        return streams, ()
    names = ", ".join(stream.key.partition("#")[2] for stream in short[:4])
    more = ", ..." if len(short) > 4 else ""
    kept = [stream for stream in streams if stream not in short]
    return kept, (f"series: {len(short)} with too few rows to learn from are left out ({names}{more})",)


def _truth(streams: Sequence[Stream], asked: Wanted) -> str:
    """What is known of anomalies, in words; nothing where none are looked for."""
    if asked.forecast:
        return ""
    known = sum(stream.windows is not None for stream in streams)
    return (
        f", {known} with known anomalies, used for evaluation only" if known else ", without known anomalies"
    )


def _read_all(
    root: str,
    keys: Sequence[str],
    asked: Wanted,
    benchmark: BenchmarkLabels | None,
    notes: Notes,
    progress: Progress,
) -> list[Stream]:
    streams = []
    for done, key in enumerate(keys, 1):
        streams += read_stream(Path(root, key), key, asked, benchmark, notes)
        progress(done, len(keys), "reading series")
    return streams


def read_stream(
    path: Path, key: str, asked: Wanted, benchmark: BenchmarkLabels | None, notes: Notes
) -> list[Stream]:
    """The series of one table, with the anomalies that are known.

    Raises:
        DataError: The table is malformed.
        UsageError: There is no such column.
        BackendError: pandas is not installed.
    """
    frame = asked.measuring.frame_of(path)
    streams = []
    for found in measured_each(frame, asked, str(path), alone=True):
        notes.add([_of_any(line, path.name) for line in found.notes if _is_new(line)])
        if found.time_format is not None:
            notes.forms.add(found.time_format, found.notes)
        if found.ids is not None:
            notes.ids = found.ids
        name = f"{key}#{found.name}" if found.name else key
        if found.marks is not None:
            streams.append(Stream(name, found.series, windows_of_marks(found.marks), by_row=True))
        else:
            windows = None if benchmark is None else benchmark.windows(path, found.series.times)
            streams.append(Stream(name, found.series, windows))
    return streams


def _is_new(line: str) -> bool:
    """Whether a note says more than which column holds the times, which the line of columns says too."""
    return isinstance(line, Doubt) or not line.startswith("time: column")


def _of_any(line: str, name: str) -> str:
    """A note in which a table is not named, so that it is the same of all tables."""
    return line if name not in line else type(line)(line.replace(name, "the table"))


def _own(streams: Sequence[Stream], asked: Wanted, *, apart: bool) -> tuple[bool, list[str]]:
    """Whether each series is compared with its own beginning, and why."""
    if apart:
        if asked.own:
            raise UsageError(
                "per_series needs series whose beginnings are normal. Received: folders train/ and test/.",
                "Leave --per-series out.",
            )
        return False, []
    if asked.own is not None:
        return asked.own, []
    if len(streams) < 2:
        return False, []
    why = _unlike(streams)
    if why:
        said = f"detectors: one for each series, with its own usual values, because {why}"
        return True, [f"{said}; --no-per-series takes one for all"]
    said = "detectors: one for all series, because their beginnings are alike"
    return False, [f"{said}; --per-series takes one for each"]


def _unlike(streams: Sequence[Stream]) -> str:
    """In what the beginnings of series differ, or nothing."""
    for name in streams[0].series.variables:
        columns = [stream.series.values[: stream.normal] for stream in streams]
        places = [stream.series.variables.index(name) for stream in streams]
        known = [column[:, at][~np.isnan(column[:, at])] for column, at in zip(columns, places, strict=True)]
        known = [each.astype(np.float64) for each in known if len(each)]
        if len(known) < 2:
            continue
        spreads = np.array([each.std() for each in known])
        apart, within = float(np.std([np.median(each) for each in known])), float(np.median(spreads))
        if apart > UNLIKE * within:
            return f"'{name}' is further apart between series than it varies within them"
        if spreads.max() > UNLIKE_SPREAD * max(spreads.min(), 1e-12) and spreads.max() > within:
            return f"'{name}' varies more than {UNLIKE_SPREAD:g} times as far in one as in another"
    return ""


def _tables(place: Path) -> tuple[list[str], tuple[Skipped, ...]]:
    if not is_folder(place):
        return [place.name], ()
    listing = Listing(str(place))
    keys = listing.files_that(is_series_table, "no table")
    if not keys:
        listing = Listing(str(place))
        keys = listing.files_that(lambda name: name.lower().endswith((".txt", ".dat", ".json")), "no table")
    if not keys:
        raise DataError(f"{place}: expected tables (.csv, .tsv, .parquet, .xlsx, .jsonl), received none")
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
    root: str, streams: list[Stream], asked: Wanted, benchmark: BenchmarkLabels | None
) -> tuple[dict[SplitName, list[Part]], list[str]]:
    named = [split_of_path(stream.key.partition("/")[0]) for stream in streams]
    if "train" in named and "test" in named:
        return _as_named(root, streams, named)
    parts: dict[SplitName, list[Part]] = {"train": [], "validation": [], "test": []}
    for place, stream in enumerate(streams):
        rows = len(stream)
        learned = asked.learned(rows, benchmark is not None)
        if learned >= rows:
            raise DataError(
                f"{Path(root, stream.key)}: expected more than {learned} rows, received {rows}",
                hint="Give a smaller --train-rows, or leave this file out.",
            )
        streams[place] = replace(stream, normal=learned)
        _learned(root, streams[place], learned, parts)
        parts["test"].append((streams[place], learned, rows))
    if asked.train_rows is not None:
        why = f"the first {asked.train_rows} rows of each series, as given"
    elif asked.train_share is None and benchmark is not None:
        why = "the probationary period of the benchmark (15 %, 750 rows at most)"
    else:
        why = f"the first {asked.train_share or TRAIN_SHARE:.0%} of each series"
    said = f"train: {why}, of which the last {HELD:.0%} are validation; test is the rest"
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
    held = "validation/" if whole else f"the last {HELD:.0%} of each series of train/"
    return parts, [f"splits: as the folders are named; validation is {held}"]


def _learned(root: str, stream: Stream, learned: int, parts: dict[SplitName, list[Part]]) -> None:
    """Divides the rows that are learned from."""
    if learned < FEWEST:
        raise DataError(
            f"{Path(root, stream.key)}: expected at least {FEWEST} rows to learn from, received {learned}"
            f" of {len(stream)}",
            hint="Give a larger train_share, or a longer series.",
        )
    cut = learned - int(learned * HELD)
    parts["train"].append((stream, 0, cut))
    parts["validation"].append((stream, cut, learned))


def _warnings(
    streams: Sequence[Stream], own: bool, asked: Wanted, benchmark: BenchmarkLabels | None
) -> tuple[str, ...]:
    """What makes one model for all of them, or watching them at all, a bad idea."""
    named = () if asked.forecast or benchmark is not None else _named_apart(streams)
    return named if own else (*_one_for_all(streams), *named)


def _one_for_all(streams: Sequence[Stream]) -> tuple[str, ...]:
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


def _named_apart(streams: Sequence[Stream]) -> tuple[str, ...]:
    """The warning where the names of files could be classes, and nothing says what is watched for."""
    words = [words_of(stream.key.rpartition("/")[2].partition(".")[0]) for stream in streams]
    alone = any("#" in stream.key or stream.windows is not None for stream in streams)
    different = list(dict.fromkeys(word for word in words if word))
    if alone or not all(words) or len(different) < 2:
        return ()
    first, second = different[:2]
    return (
        f"the names of the files ({', '.join(different[:4])}{', ...' if len(different) > 4 else ''}) are not"
        " learned: each file is watched for rows unlike its beginning; to have series classified, give at"
        f" least three recordings of each class, in folders {first}/ and {second}/ or called {first}_1.csv,"
        f" {first}_2.csv, {second}_1.csv, or name the labels with --recipe {CLASSIFIED} --label-pattern",
    )


def _spread(series: Series, name: str) -> float:
    values = series.values[:, series.variables.index(name)]
    known = values[~np.isnan(values)]
    return float(known.std()) if len(known) else 0.0


def read_stream_inputs(
    inputs: Sequence[str], *, wanted: Wanted | None = None, progress: Progress = no_progress
) -> SegmentInputs:
    """Reads the series that are asked about.

    Args:
        inputs: Tables, folders of them (read at any depth), patterns, or `-` for a table on standard input.
        wanted: Columns that the user named.
        progress: Is told how many files were read.

    Raises:
        DataError: A path is not there, a table is malformed, or there is no series.
        UsageError: A column that is not there.
        BackendError: pandas is not installed.
    """
    asked, notes, skipped = wanted or Wanted(), Notes(), list[Skipped]()
    files: list[str] = []
    for one in map(str, inputs):
        files += [one] if one == STANDARD_INPUT else files_of(one, skipped, is_series_table, "no table")
    if not files:
        raise nothing_in(inputs, "series", skipped)
    series, keys = list[Series](), list[str]()
    for done, file in enumerate(files, 1):
        if file == STANDARD_INPUT:
            where = "standard input"
            frame = asked.measuring.frame_of_open(sys.stdin.buffer, where)
        else:
            frame, where = asked.measuring.frame_of(Path(file), strict=False), file
        for made in measured_each(frame, asked, where):
            series.append(made.series)
            keys.append(f"{where}#{made.name}" if made.name else where)
            notes.add([line for line in made.notes if _is_new(line)])
        progress(done, len(files), "reading series")
    references = [_beginning(each, asked, file) for each, file in zip(series, keys, strict=True)]
    return SegmentInputs(
        root="",
        keys=keys,
        series=series,
        references=references if asked.own else (),
        own=bool(asked.own),
        skipped=tuple(skipped),
        warnings=changes_of((*notes.lines(doubts=True), *notes.lines())),
    )


def _beginning(series: Series, asked: Wanted, where: str) -> Series:
    """The rows of a series that are normal.

    Raises:
        DataError: There are no more rows than that.
    """
    learned = asked.learned(len(series))
    if asked.own and learned >= len(series):
        raise DataError(
            f"{where}: expected more than {learned} rows, the first {learned} of which are normal, received"
            f" {len(series)}",
            hint="Train with --no-per-series to compare files with those of the training.",
        )
    return stretch(series, 0, learned)
