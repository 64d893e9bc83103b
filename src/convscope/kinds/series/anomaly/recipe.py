"""Anomalies of series: alarms where rows are not like those before, learned from data without labels.

From top to bottom: tables are read and divided by time, rows are scaled by what is usual, a model learns
what to expect of each row, and what it did not learn from tells how far off it usually is. Scores depend on
nothing but the past, so that a stream gets the same ones as a file.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from convscope.data.named_files import STANDARD_INPUT, files_of, nothing_in
from convscope.data.splits import Splits
from convscope.errors import DataError
from convscope.kinds.contract.recipe import Recipe, RepresentationSteps
from convscope.kinds.series.anomaly import task
from convscope.kinds.series.anomaly.alarms import HOLD
from convscope.kinds.series.anomaly.metrics import AnomalyMetrics
from convscope.kinds.series.anomaly.reader import read_streams
from convscope.kinds.series.anomaly.representation import WINDOW, StreamRepresentation
from convscope.kinds.series.anomaly.stream import stream
from convscope.kinds.series.anomaly.tables import Notes, Wanted, measured
from convscope.kinds.series.anomaly.task import FALSE_ALARMS, checked_hold, checked_rate
from convscope.kinds.series.kind import SERIES_ANOMALY
from convscope.kinds.series.readers.frames import is_table, read_frame_of
from convscope.kinds.series.readers.segments import SegmentInputs, stretch
from convscope.kinds.series.readers.sources import Series, changes_of
from convscope.kinds.series.readers.tables import measuring_of
from convscope.types import Progress, Skipped, no_progress


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
        files += [one] if one == STANDARD_INPUT else files_of(one, skipped, is_table, "no table")
    if not files:
        raise nothing_in(inputs, "series", skipped)
    series = []
    for done, file in enumerate(files, 1):
        if file == STANDARD_INPUT:
            frame, where = read_frame_of(sys.stdin.buffer, "standard input"), "standard input"
        else:
            frame, where = asked.measuring.frame_of(Path(file), strict=False), file
        made = measured(frame, asked, where)
        series.append(made.series)
        notes.add([line for line in made.notes if not line.startswith("time: column")])
        progress(done, len(files), "reading series")
    keys = ["standard input" if file == STANDARD_INPUT else file for file in files]
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


def read(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    time_column: str | None = None,
    label_column: str | None = None,
    train_share: float | None = None,
    window: int = WINDOW,
    false_alarms: float = FALSE_ALARMS,
    hold: int = HOLD,
    time_format: str | None = None,
    missing_value: Sequence[str] = (),
    drop_column: Sequence[str] = (),
    encoding: str | None = None,
    train_rows: int | None = None,
    per_series: bool | None = None,
    levels: bool | None = None,
) -> Splits:
    """Series of any layout, divided by time.

    Args:
        path: A table or a folder of tables.
        seed: Nothing is drawn.
        progress: Is told how many files were read.
        time_column: The column that says when a row was measured.
        label_column: The column that marks anomalies, which judges alone.
        train_share: Share of the rows that is learned from, at the beginning of each series.
        window: Rows that the model sees.
        false_alarms: Rows in a thousand normal ones that may reach the threshold.
        hold: Rows that an alarm gathers from its first on.
        time_format: How times are written.
        missing_value: Numbers that stand for a missing value.
        drop_column: Columns that are left out.
        encoding: Name of a Python codec for tables; found out by default.
        train_rows: Rows at the beginning of each series that are normal and learned from.
        per_series: Whether each series is compared with its own beginning; None: where series are unlike.
        levels: Whether rows are compared with the levels of the beginning; None: where `train_rows` says that
            it is normal.
    """
    checked_rate(false_alarms)
    checked_hold(hold)
    measuring = measuring_of(time_column, time_format, missing_value, drop_column, encoding)
    wanted = Wanted(label_column, train_share, window, measuring, train_rows, per_series)
    return _with_levels(read_streams(path, wanted=wanted, progress=progress), levels, train_rows)


def _with_levels(found: Splits, levels: bool | None, train_rows: int | None) -> Splits:
    """What was read, with whether levels are compared: as given, or where the first rows are normal."""
    chosen = train_rows is not None if levels is None else levels
    line = "levels: rows are compared with the level of the first rows, which are taken for normal"
    other = (
        "levels: what is usual moves with the rows, so that long anomalies become usual; where the first rows"
        " are normal, --train-rows finds them"
    )
    said = () if levels is not None else (line if chosen else other,)
    reading = {**found.reading, "levels": chosen}
    return replace(found, reading=reading, decisions=(*found.decisions, *said))


def read_inputs(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    time_column: str | None = None,
    label_column: str | None = None,
    time_format: str | None = None,
    missing_value: Sequence[str] = (),
    drop_column: Sequence[str] = (),
    encoding: str | None = None,
    train_share: float | None = None,
    train_rows: int | None = None,
    per_series: bool | None = None,
) -> SegmentInputs:
    """Series that scores are asked for."""
    measuring = measuring_of(time_column, time_format, missing_value, drop_column, encoding)
    wanted = Wanted(label_column, train_share, 0, measuring, train_rows, bool(per_series))
    return read_stream_inputs(paths, wanted=wanted, progress=progress)


RECIPE = Recipe(
    spec=SERIES_ANOMALY,
    objective=task.OBJECTIVE,
    read=read,
    read_inputs=read_inputs,
    representation=RepresentationSteps(StreamRepresentation.fit, StreamRepresentation.from_json),
    build=task.build_expecting,
    examples=task.window_examples,
    predict=task.predict,
    to_predictions=task.to_predictions,
    evaluate=task.evaluate,
    load_metrics=AnomalyMetrics.from_json,
    output_names=task.output_names,
    encode_inputs=task.encode_inputs,
    report=task.REPORT,
    stream=stream,
    calibrate=task.calibrate,
)
