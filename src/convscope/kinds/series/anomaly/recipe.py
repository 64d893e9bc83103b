"""Anomalies of series: alarms where rows are not like those before, learned from data without labels.

From top to bottom: tables are read and divided by time, rows are scaled by what is usual, a model learns
what to expect of each row, and what it did not learn from tells how far off it usually is. Scores depend on
nothing but the past, so that a stream gets the same ones as a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from convscope.data.splits import Splits
from convscope.kinds.contract.recipe import Recipe, RepresentationSteps
from convscope.kinds.series.anomaly import task
from convscope.kinds.series.anomaly.metrics import AnomalyMetrics
from convscope.kinds.series.anomaly.reader import read_stream_inputs, read_streams
from convscope.kinds.series.anomaly.representation import WINDOW, StreamRepresentation, ignored_variables
from convscope.kinds.series.anomaly.stream import stream
from convscope.kinds.series.anomaly.tables import Wanted
from convscope.kinds.series.kind import SERIES_ANOMALY
from convscope.kinds.series.readers.segments import SegmentInputs
from convscope.kinds.series.readers.tables import measuring_of
from convscope.kinds.tasks.alarms import FALSE_ALARMS, HOLD, checked_hold, checked_rate
from convscope.types import Progress, no_progress


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
    id_column: str | None = None,
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
        id_column: The column that says to which series a row belongs; found out by default.
    """
    checked_rate(false_alarms)
    checked_hold(hold)
    measuring = measuring_of(time_column, time_format, missing_value, drop_column, encoding)
    wanted = Wanted(label_column, train_share, window, measuring, train_rows, per_series, id_column=id_column)
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
    id_column: str | None = None,
) -> SegmentInputs:
    """Series that scores are asked for."""
    measuring = measuring_of(time_column, time_format, missing_value, drop_column, encoding)
    wanted = Wanted(
        label_column, train_share, 0, measuring, train_rows, bool(per_series), id_column=id_column
    )
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
    ignored=ignored_variables,
)
