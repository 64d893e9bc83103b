"""Series into classes or to a number each: which gesture or fault, how much or how fast does a series show?

From top to bottom: archives, tables or folders of series are read into splits, series are brought to one
grid, scale and length, an architecture learns from them, and answers with one probability per class, or with
a number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from convscope.data.number_labels import assemble_numbers
from convscope.data.splits import Splits
from convscope.engine.training.closed_form import Solver
from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.series.classification.hydra_multirocket_solver import HYDRA_MULTIROCKET
from convscope.kinds.series.classification.minirocket import LENGTH
from convscope.kinds.series.classification.minirocket_solver import MINIROCKET
from convscope.kinds.series.classification.representation import SeriesRepresentation
from convscope.kinds.series.kind import SERIES_CLASSIFICATION, SERIES_REGRESSION
from convscope.kinds.series.readers.reader import found_series, read_series, read_series_inputs
from convscope.kinds.series.readers.table_roles import Asked
from convscope.kinds.series.readers.tables import measuring_of
from convscope.kinds.tasks.classification import classification_recipe
from convscope.kinds.tasks.regression import regression_recipe
from convscope.types import Progress, no_progress

CLOSED_FORM: Mapping[str, Solver] = {"minirocket": MINIROCKET, "hydra_multirocket": HYDRA_MULTIROCKET}
SEEN = 5_000
"""Series that a training on few is shown in all, each many times."""
FEW = 50
"""Series up to which that is enough; for more of them it grows with the square root of their number."""
FEWEST_EPOCHS = 10
MOST_SOLVED = 1_000
"""Train series up to which fixed kernels are the default."""
BATCHES = (4, 16, 64)
"""Series in a batch: at least, usually, and at most."""


def suggest_settings(architecture: str, splits: Splits) -> Mapping[str, Any]:
    """Epochs and batches for so many train series: the fewer there are, the more often each is seen.

    Example:
        >>> from types import SimpleNamespace
        >>> [suggest_settings("fcn", SimpleNamespace(train=range(count))) for count in (20, 600)]
        [{'epochs': 250, 'batch_size': 5}, {'epochs': 29, 'batch_size': 16}]
    """
    if architecture in CLOSED_FORM:
        return {}
    count = len(splits.train)
    least, usual, most = BATCHES
    seen = SEEN * max(1.0, math.sqrt(count / FEW))
    return {
        "epochs": max(FEWEST_EPOCHS, math.ceil(seen / count)),
        "batch_size": min(most, max(least, min(usual, count // least), count // 100)),
    }


def suggest_architecture(representation: SeriesRepresentation, splits: Splits) -> tuple[str, str] | None:
    """Fixed kernels, whose classifier is solved, where series are few and long enough for them."""
    count = len(splits.train)
    if count > MOST_SOLVED or representation.length < LENGTH:
        return None
    return "minirocket", (
        f"{count} train series are few, from which fixed kernels tell as much as learned ones or more, within"
        " seconds; --architecture inception_time learns kernels"
    )


CLASSIFICATION = classification_recipe(
    SERIES_CLASSIFICATION,
    read=read_series,
    read_inputs=read_series_inputs,
    representation=RepresentationSteps(SeriesRepresentation.fit, SeriesRepresentation.from_json),
    closed_form=CLOSED_FORM,
    suggest_settings=suggest_settings,
    suggest_architecture=suggest_architecture,
)


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
    label_pattern: str | None = None,
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
        label_pattern: As `read_series`.

    Raises:
        DataError: As `read_series`; or a label is no number.
    """
    measuring = measuring_of(time_column, time_format, missing_value, drop_column, encoding)
    asked = Asked(id_column, label_column, rows, group, measuring, True, label_pattern)
    # A validation split of its own, however small: the width of intervals is measured on it.
    found = replace(found_series(Path(path), asked, progress), fewest=0)
    return assemble_numbers(found, seed, group)


REGRESSION = regression_recipe(
    SERIES_REGRESSION,
    read=read_numbered_series,
    read_inputs=read_series_inputs,
    representation=RepresentationSteps(SeriesRepresentation.fit, SeriesRepresentation.from_json),
    suggest_settings=suggest_settings,
)
