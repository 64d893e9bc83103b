"""Anomalies of series: alarms where rows are not like those before, learned from data without labels.

From top to bottom: tables are read and divided by time, rows are scaled by what is usual, a model learns
what to expect of each row, and what it did not learn from tells how far off it usually is. Scores depend on
nothing but the past, so that a stream gets the same ones as a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convscope.data.snapshot import DataSnapshot
from convscope.data.splits import Split, Splits
from convscope.kinds.contract.recipe import Recipe
from convscope.kinds.series.anomaly.alarms import HOLD
from convscope.kinds.series.anomaly.representation import WINDOW, StreamRepresentation
from convscope.kinds.series.anomaly.stream_inputs import read_stream_inputs
from convscope.kinds.series.anomaly.streams import Wanted, read_streams
from convscope.kinds.series.anomaly.task import ANOMALIES, FALSE_ALARMS, checked_hold, checked_rate
from convscope.kinds.series.detect import detect
from convscope.kinds.series.readers.segments import SegmentInputs
from convscope.types import Progress, no_progress

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "causal_forecaster": {
        "epochs": 10,
        "batch_size": 32,
        "learning_rate": 2e-3,
        "precision": "float32",
    },
    "conv_autoencoder": {
        "epochs": 10,
        "batch_size": 32,
        "learning_rate": 2e-3,
        "precision": "float32",
        "window": 64,
    },
}


def recognizes(snapshot: DataSnapshot) -> str | None:
    """The benchmark for it, or a table of times and numbers without anything to predict."""
    found = detect(snapshot)
    return found.reason if found is not None and found.recipe == "series-anomaly" else None


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
    **_: Any,
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
    """
    checked_rate(false_alarms)
    checked_hold(hold)
    wanted = Wanted(time_column, label_column, train_share, window)
    return read_streams(path, wanted=wanted, progress=progress)


def read_inputs(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    time_column: str | None = None,
    label_column: str | None = None,
    **_: Any,
) -> SegmentInputs:
    """Series that scores are asked for."""
    return read_stream_inputs(paths, wanted=Wanted(time_column, label_column), progress=progress)


def fit_representation(
    train: Split, window: int = WINDOW, **_: Any
) -> tuple[StreamRepresentation, Sequence[str]]:
    """Learns from the train split what is usual."""
    return StreamRepresentation.fit(train, window)


SERIES_ANOMALY = Recipe(
    name="series-anomaly",
    kind="series",
    task=ANOMALIES,
    reads=(
        "a CSV, TSV or Parquet table with a row for each time: the beginning is learned from",
        "a folder of such tables, or train/ and test/ of them",
        "a file or folder of the Numenta Anomaly Benchmark, with its label windows",
    ),
    architectures=("causal_forecaster", "conv_autoencoder"),
    settings=SETTINGS,
    options=(
        "time_column",
        "label_column",
        "train_share",
        "window",
        "false_alarms",
        "hold",
        "every",
    ),
    recognizes=recognizes,
    read=read,
    read_inputs=read_inputs,
    fit_representation=fit_representation,
    load_representation=StreamRepresentation.from_json,
)
