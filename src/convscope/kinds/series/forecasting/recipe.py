"""Forecasting: the next rows of each variable of a series, with intervals.

From top to bottom: tables are read as those in which anomalies are looked for and divided by time, windows
are scaled by the train rows, a network gives all rows ahead at once, and its errors on the validation rows
tell how wide intervals have to be. Beside it stand forecasts that need no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from convscope.data.splits import Splits
from convscope.errors import DataError, UsageError
from convscope.kinds.contract.recipe import Recipe, RepresentationSteps
from convscope.kinds.series.anomaly.reader import read_stream_inputs, read_streams
from convscope.kinds.series.anomaly.representation import WINDOW, ignored_variables
from convscope.kinds.series.anomaly.tables import Wanted
from convscope.kinds.series.forecasting import task
from convscope.kinds.series.forecasting.intervals import check_coverage
from convscope.kinds.series.forecasting.metrics import ForecastMetrics
from convscope.kinds.series.forecasting.representation import HORIZON, ForecastRepresentation
from convscope.kinds.series.forecasting.rolling import COVERAGE, too_short
from convscope.kinds.series.kind import SERIES_FORECASTING
from convscope.kinds.series.readers.segments import SegmentInputs, Segments
from convscope.kinds.series.readers.tables import measuring_of
from convscope.types import Progress, SplitName, no_progress

TRAIN_SHARE = 0.8
"""Share of each series that is learned from, the last part of which is validation."""
WHOLE_PAST = 2**31
"""More rows than a series has: all that is before a row is its past."""


def read(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    time_column: str | None = None,
    time_format: str | None = None,
    missing_value: Sequence[str] = (),
    drop_column: Sequence[str] = (),
    encoding: str | None = None,
    train_share: float | None = None,
    window: int = WINDOW,
    horizon: int = HORIZON,
    coverage: float = COVERAGE,
    id_column: str | None = None,
) -> Splits:
    """Series of any layout, divided by time.

    Args:
        path: A table or a folder of tables.
        seed: Nothing is drawn.
        progress: Is told how many files were read.
        time_column: The column that says when a row was measured.
        time_format: How times are written.
        missing_value: Numbers that stand for a missing value.
        drop_column: Columns that are left out.
        encoding: Name of a Python codec for tables; found out by default.
        train_share: Share of each series, from its beginning, that is learned from.
        window: Rows that the model sees.
        horizon: Rows that are forecast.
        coverage: Share of true values that intervals hold.
        id_column: The column that says to which series a row belongs; found out by default.

    Raises:
        DataError: As `read_streams`; or no series is long enough.
        UsageError: A window of less than 8 rows, no horizon, or a coverage that cannot be.
    """
    if window < 8 or horizon < 1:
        raise UsageError(
            "A forecast needs a window of at least 8 rows and a horizon of at least 1."
            f" Received: window={window}, horizon={horizon}."
        )
    check_coverage(coverage)
    measuring = measuring_of(time_column, time_format, missing_value, drop_column, encoding)
    share = TRAIN_SHARE if train_share is None else train_share
    wanted = Wanted(None, share, WHOLE_PAST, measuring, own=False, forecast=True, id_column=id_column)
    found = read_streams(path, wanted=wanted, progress=progress)
    for name in ("train", "validation", "test"):
        _check_room(found, name, window, horizon)
    return found


def _check_room(splits: Splits, name: SplitName, window: int, horizon: int) -> None:
    """Refuses a split in which nothing can be forecast.

    Raises:
        DataError: In no series of it are there a window and as many rows behind it as are forecast.
    """
    samples = splits[name].samples
    if not isinstance(samples, Segments):
        return
    longest = 0
    for i in range(len(samples)):
        longest = max(longest, len(samples.load(i)) - max(samples.lead(i), window))
    if longest < horizon:
        error = too_short(samples, window, horizon)
        raise DataError(f"{name}: {error.message}", hint=error.hint)


def read_inputs(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    time_column: str | None = None,
    time_format: str | None = None,
    missing_value: Sequence[str] = (),
    drop_column: Sequence[str] = (),
    encoding: str | None = None,
    id_column: str | None = None,
) -> SegmentInputs:
    """Series that are to be continued."""
    measuring = measuring_of(time_column, time_format, missing_value, drop_column, encoding)
    wanted = Wanted(None, None, 0, measuring, forecast=True, id_column=id_column)
    return read_stream_inputs(paths, wanted=wanted, progress=progress)


RECIPE = Recipe(
    spec=SERIES_FORECASTING,
    objective=task.OBJECTIVE,
    read=read,
    read_inputs=read_inputs,
    representation=RepresentationSteps(ForecastRepresentation.fit, ForecastRepresentation.from_json),
    build=task.build_forecaster,
    examples=task.forecast_examples,
    predict=task.predict,
    to_predictions=task.to_predictions,
    evaluate=task.evaluate,
    load_metrics=ForecastMetrics.from_json,
    output_names=task.output_names,
    encode_inputs=task.encode_inputs,
    report=task.REPORT,
    calibrate=task.calibrate,
    ignored=ignored_variables,
)
