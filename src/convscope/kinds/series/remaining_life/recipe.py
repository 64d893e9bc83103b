"""Predictive maintenance: from what the sensors of a unit showed to the cycles that it has left.

From top to bottom: run-to-failure histories are read into splits of whole units, the last rows of many
sensors become a window, a small convolutional network answers with one number, and the errors on units that
it did not learn from tell how wide an interval around it has to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from convscope.data.encoding import check_encoding
from convscope.data.splits import Splits
from convscope.kinds.contract.recipe import Recipe, RepresentationSteps
from convscope.kinds.series.kind import SERIES_REMAINING_LIFE
from convscope.kinds.series.readers.sources import SeriesInputs
from convscope.kinds.series.remaining_life import task
from convscope.kinds.series.remaining_life.intervals import check_coverage, units_needed
from convscope.kinds.series.remaining_life.metrics import LifeMetrics
from convscope.kinds.series.remaining_life.reader import read_life_inputs, read_lives
from convscope.kinds.series.remaining_life.representation import LifeRepresentation
from convscope.kinds.series.remaining_life.tables import LifeColumns
from convscope.kinds.series.remaining_life.task import COVERAGE
from convscope.types import Progress, no_progress


def read(
    path: str | Path,
    *,
    seed: int = 0,
    progress: Progress = no_progress,
    subset: str | None = None,
    unit_column: str | None = None,
    time_column: str | None = None,
    life_column: str | None = None,
    conditions: str | Sequence[str] | None = None,
    encoding: str | None = None,
    coverage: float = COVERAGE,
) -> Splits:
    """Run-to-failure histories of any layout.

    Args:
        path: A folder or a file.
        seed: Draws the splits that the data does not have.
        progress: Receives how much is done.
        subset: Which set of C-MAPSS, such as `FD001`.
        unit_column: The column of a table that says which unit a row is of.
        time_column: The column that says when it was measured, in cycles, hours or as a time.
        life_column: The column of remaining lives.
        conditions: The columns that say how units were operated, a list or with commas between them.
        encoding: Name of a Python codec for tables; detected by default.
        coverage: Share of true lives that intervals hold.
    """
    check_coverage(coverage)
    columns = _columns(unit_column, time_column, life_column, conditions, encoding)
    splits = read_lives(path, seed=seed, progress=progress, subset=subset, columns=columns)
    held, needed = len(splits.validation), units_needed(coverage)
    if held >= needed:
        return splits
    warning = (
        f"validation has {held} units, and an interval that holds {coverage:.0%} of lives needs {needed} that"
        " were not learned from: intervals will have no ends"
    )
    return replace(splits, warnings=(*splits.warnings, warning))


def read_inputs(
    paths: Sequence[str],
    *,
    progress: Progress = no_progress,
    unit_column: str | None = None,
    time_column: str | None = None,
    life_column: str | None = None,
    conditions: str | Sequence[str] | None = None,
    encoding: str | None = None,
    every: bool = False,
) -> SeriesInputs:
    """Histories whose remaining lives are asked for: after their last row, or after every one."""
    columns = _columns(unit_column, time_column, life_column, conditions, encoding)
    return read_life_inputs(paths, progress=progress, columns=columns, every=every)


def _columns(
    unit: str | None,
    cycle: str | None,
    life: str | None,
    conditions: str | Sequence[str] | None,
    encoding: str | None,
) -> LifeColumns:
    check_encoding(encoding)
    if isinstance(conditions, str):
        conditions = [name.strip() for name in conditions.split(",") if name.strip()]
    return LifeColumns(unit, cycle, life, conditions, encoding)


RECIPE = Recipe(
    spec=SERIES_REMAINING_LIFE,
    objective=task.OBJECTIVE,
    read=read,
    read_inputs=read_inputs,
    representation=RepresentationSteps(LifeRepresentation.fit, LifeRepresentation.from_json),
    build=task.build_estimator,
    examples=task.life_examples,
    predict=task.predict,
    to_predictions=task.to_predictions,
    evaluate=task.evaluate,
    load_metrics=LifeMetrics.from_json,
    output_names=task.output_names,
    encode_inputs=task.encode_inputs,
    report=task.REPORT,
    calibrate=task.calibrate,
)
