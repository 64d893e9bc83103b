"""Series into classes: which gesture, which fault, which heartbeat does a stretch of measurements show?

From top to bottom: archives, tables or folders of series are read into splits, series are brought to one
grid, scale and length, an architecture learns from them, and answers with one probability per class.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from convscope.data.splits import Splits
from convscope.engine.training.closed_form import Solver
from convscope.kinds.contract.recipe import RepresentationSteps
from convscope.kinds.series.classification.minirocket_solver import MINIROCKET
from convscope.kinds.series.classification.representation import SeriesRepresentation
from convscope.kinds.series.kind import SERIES_CLASSIFICATION
from convscope.kinds.series.readers.reader import read_series, read_series_inputs
from convscope.kinds.tasks.classification import classification_recipe

CLOSED_FORM: Mapping[str, Solver] = {"minirocket": MINIROCKET}
SEEN = 5_000
"""Series that a training on few is shown in all, each many times."""
FEW = 50
"""Series up to which that is enough; for more of them it grows with the square root of their number."""
FEWEST_EPOCHS = 10
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


RECIPE = classification_recipe(
    SERIES_CLASSIFICATION,
    read=read_series,
    read_inputs=read_series_inputs,
    representation=RepresentationSteps(SeriesRepresentation.fit, SeriesRepresentation.from_json),
    closed_form=CLOSED_FORM,
    suggest_settings=suggest_settings,
)
