"""Series to a number each: how much, how fast, how many does a stretch of measurements show?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from convscope.data.number_labels import assemble_numbers
from convscope.data.splits import Splits
from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.series.classification.recipe import suggest_settings
from convscope.kinds.series.classification.representation import SeriesRepresentation
from convscope.kinds.series.kind import SERIES_REGRESSION
from convscope.kinds.series.readers.reader import found_series, read_series_inputs
from convscope.kinds.series.readers.table_roles import Asked
from convscope.kinds.series.readers.tables import measuring_of
from convscope.kinds.tasks.regression import regression_recipe
from convscope.types import Progress, no_progress


def read_numbered_series(
    path: str | Path,
    *,
    seed: int | None = 0,
    progress: Progress = no_progress,
    time_column: str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    rows: str = "auto",
    group: str | None = None,
    time_format: str | None = None,
    missing_value: Sequence[str] = (),
    drop_column: Sequence[str] = (),
    encoding: str | None = None,
) -> Splits:
    """Reads series with a number each, from any layout that `read_series` reads.

    Args:
        path: As `read_series`.
        seed: As `read_series`.
        progress: As `read_series`.
        time_column: As `read_series`.
        id_column: As `read_series`.
        label_column: The column of numbers.
        rows: As `read_series`.
        group: As `read_series`.
        time_format: As `read_series`.
        missing_value: As `read_series`.
        drop_column: As `read_series`.
        encoding: As `read_series`.

    Raises:
        DataError: As `read_series`; or a label is no number.
    """
    measuring = measuring_of(time_column, time_format, missing_value, drop_column, encoding)
    asked = Asked(id_column, label_column, rows, group, measuring, numbers=True)
    # A validation split of its own, however small: the width of intervals is measured on it.
    found = replace(found_series(Path(path), asked, progress), fewest=0)
    return assemble_numbers(found, seed, group)


RECIPE = regression_recipe(
    SERIES_REGRESSION,
    read=read_numbered_series,
    read_inputs=read_series_inputs,
    representation=RepresentationSteps(SeriesRepresentation.fit, SeriesRepresentation.from_json),
    suggest_settings=suggest_settings,
)
